"""Resolutions: what came, and when."""

import pytest
from pydantic import ValidationError

from evidence.domain.scorecard import Annulment, Resolution, Tried, TryLog

SAID = {
    "format": "evidence-prereg-resolution/1", "registration": "a" * 64, "by": "Bo", "source": "a report",
    "utc": "2031-01-01T00:00:00Z",
}  # fmt: skip


def test_a_resolution_that_says_nothing_is_refused():
    with pytest.raises(ValidationError, match="found nothing, wanted outcomes, a log or an annulment"):
        Resolution.model_validate(SAID)


@pytest.mark.parametrize(
    "said",
    [
        {"annulled": (Annulment(prediction="p1", reason="it did not come"),)},
        {"log": TryLog(scenario="s", tried=(Tried(technique="audit", worked=True, hours=1.0),))},
    ],
)
def test_an_annulment_or_a_log_alone_is_one(said):
    found = Resolution.model_validate(SAID | said)
    assert found.outcomes == ()
    assert (found.annulled or found.log) == next(iter(said.values()))


@pytest.mark.parametrize("utc", ["2031-01-01T00:00:00", "2031-02-30T00:00:00Z", "yesterday"])
def test_a_resolution_needs_its_moment(utc):
    gone = (Annulment(prediction="p1", reason="it did not come"),)
    with pytest.raises(ValidationError, match="utc"):
        Resolution.model_validate(SAID | {"utc": utc, "annulled": gone})
