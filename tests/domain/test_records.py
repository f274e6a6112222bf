"""What a finding refuses by itself. Every wanted message follows from the row's own numbers, as its comment says."""

import pytest
from pydantic import ValidationError

from evidence.domain.canonical import canonical_bytes
from evidence.domain.records import Finding

ROW = {
    "id": "f1", "study": "s", "setting": "arena", "technique": "a", "comparator": "b", "higher_is_better": True,
    "where": "Table 1", "source_kind": "full text",
}  # fmt: skip
MEANS = {**ROW, "kind": "means", "mean": 6.0, "sd": 2.0, "mean0": 5.0, "sd0": 2.0, "n": 40, "n0": 40}
EFFECT = {**ROW, "kind": "effect", "scale": "smd", "estimate": 0.5, "se": 0.2}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({**MEANS, "score_lo": 10.0, "score_hi": 1.0}, "score_lo: found 10.0, wanted a number below score_hi 1.0"),
        ({**MEANS, "score_lo": 5.5}, r"mean0: found 5.0, wanted a mean inside the score's bounds 5.5\.\."),
        ({**MEANS, "score_hi": 5.5}, r"mean: found 6.0, wanted a mean inside the score's bounds \.\.5.5"),
        ({**EFFECT, "score_hi": 5.5}, "score_hi: found 5.5, wanted nothing for kind 'effect'"),
        ({**EFFECT, "comparator": None, "n0": 4}, "n0: found 4, wanted nothing: an arm has no comparator"),
        ({**EFFECT, "comparator": None, "ahead": "neither"}, "ahead: found 'neither', wanted nothing"),
        ({**EFFECT, "ahead": "both"}, "'technique', 'comparator' or 'neither'"),
    ],
)
def test_a_finding_refuses_what_its_kind_cannot_hold(values, says):
    with pytest.raises(ValidationError, match=says):
        Finding(**values)


def test_an_effect_may_state_its_sample_and_a_contrast_who_came_out_ahead():
    found = Finding(**EFFECT, n=50, n0=60, ahead="technique")
    assert (found.n, found.n0, found.ahead) == (50, 60, "technique")


def test_fields_that_came_later_leave_the_bytes_of_a_row_without_them_alone():
    # Provenance: the stored calibration and backtest name the shipped bases by the hash of these bytes.
    without = canonical_bytes(Finding(**MEANS))
    assert not any(name in without for name in (b"ahead", b"score_lo", b"score_hi"))
    assert b'"score_lo":1' in canonical_bytes(Finding(**MEANS, score_lo=1.0))


PROPORTION = {**ROW, "kind": "proportion", "comparator": None, "rate": 0.4, "n": 50}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({**EFFECT, "comparator": "a"}, "comparator: found 'a', wanted another technique"),
        ({**MEANS, "comparator": None}, "comparator: found nothing, wanted a technique for kind 'means'"),
        ({**PROPORTION, "comparator": "b"}, "comparator: found 'b', wanted nothing: a proportion is one arm"),
        ({**PROPORTION, "k": 20}, "rate: wanted either rate or k"),
        ({**PROPORTION, "rate": None}, "rate: wanted either rate or k"),
        ({**PROPORTION, "rate": None, "k": 51}, r"k: found 51, wanted 0\.\.50"),
        ({**MEANS, "n": 1, "n0": 2}, "n: found 1 and 2, wanted at least 4 in all"),
        ({**EFFECT, "nominal": "technique"}, "wanted nothing: it is asked where ahead is neither"),
        ({**EFFECT, "scale": "raw"}, "unit_sd: found None, wanted the unit's SD exactly when scale is 'raw'"),
        ({**EFFECT, "unit_sd": 2.0}, "unit_sd: found 2.0, wanted the unit's SD exactly when scale is 'raw'"),
        ({**EFFECT, "ci_lo": 0.1}, "ci_lo: wanted both ends of the 95 % interval or neither"),
        ({**EFFECT, "se": None}, "se: found nothing, wanted se or the 95 % interval"),
        ({**EFFECT, "estimate": 1e13}, "estimate: found 1e.13, wanted at most 1e.12 in size"),
        ({**EFFECT, "se": 1e-13}, "se: found 1e-13, wanted at least 1e-12"),
    ],
)  # fmt: skip
def test_a_finding_refuses_numbers_that_contradict_each_other(values, says):
    with pytest.raises(ValidationError, match=says):
        Finding(**values)
