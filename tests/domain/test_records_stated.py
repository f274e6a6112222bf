"""A stated validity of a family: an interval needs room on both sides, a point does not."""

import pytest
from pydantic import ValidationError

from evidence.domain.records import Family


def family(lo, hi):
    return Family(
        id="f", name="f", validity_class="theory", reason="r", stated_at="s", stated_rho_lo=lo, stated_rho_hi=hi
    )


@pytest.mark.parametrize(("lo", "hi"), [(0, 0), (1, 1), (0.1, 0.4), (0.3, 0.3)])
def test_points_and_intervals_inside_are_taken(lo, hi):
    assert (family(lo, hi).stated_rho_lo, family(lo, hi).stated_rho_hi) == (lo, hi)


@pytest.mark.parametrize(
    ("lo", "hi", "field"), [(0, 0.5, "stated_rho_lo"), (0.2, 1, "stated_rho_hi"), (0.5, 0.4, "stated_rho_lo")]
)
def test_an_interval_no_law_has_is_refused(lo, hi, field):
    with pytest.raises(ValidationError, match=f"{field}: found"):
        family(lo, hi)


@pytest.mark.parametrize("lacking", ["stated_at", "stated_rho_lo", "stated_rho_hi"])
def test_a_validity_is_stated_whole_or_not_at_all(lacking):
    stated = {"stated_at": "s", "stated_rho_lo": 0.1, "stated_rho_hi": 0.4, lacking: None}
    with pytest.raises(ValidationError, match=f"{lacking}: found nothing, wanted all or none"):
        Family(id="f", name="f", validity_class="theory", reason="r", **stated)


def test_a_stated_validity_leaves_no_room_for_an_irrelevance():
    with pytest.raises(ValidationError, match=r"irrelevance: found 0\.2, wanted nothing"):
        Family(
            id="f", name="f", validity_class="theory", reason="r", irrelevance=0.2,
            stated_at="s", stated_rho_lo=0.1, stated_rho_hi=0.4,
        )  # fmt: skip
