"""What a finding says on its own proxy, in closed form; and its sentences."""

import math

import pytest
from scipy import stats

from evidence.analysis.read_back import read_back
from evidence.domain.read_back import ReadBack
from evidence.domain.records import Finding, Setting
from evidence.report.read_back import read_back_lines
from evidence.report.words import find_forbidden

ARENA = Setting(
    id="arena", name="Arena", family="f", environment="e", model_family="m", outcome="attacks", gaps={}, reasons={}
)  # fmt: skip


def heard(kind, *, better=True, **numbers):
    finding = Finding(
        id="f", study="s", setting="arena", technique="a", comparator="b", kind=kind, higher_is_better=better,
        where="Table 1", source_kind="full text", **numbers,
    )  # fmt: skip
    return read_back(finding, ARENA, technique="Editing", comparator="Nothing")


def test_counts_are_heard_in_smd_and_per_hundred():
    # Chinn 2000: log odds ratio x sqrt(3)/pi; lower is better, so the fewer attacks lead. scipy's normal for the pairs.
    factor = math.sqrt(3) / math.pi
    y = math.log((280 / 120) / (220 / 180)) * factor
    half = stats.norm.ppf(0.975) * math.sqrt(1 / 120 + 1 / 280 + 1 / 180 + 1 / 220) * factor
    found = heard("counts", better=False, k=120, n=400, k0=180, n0=400)
    assert (found.effect_smd, found.lo_smd, found.hi_smd) == pytest.approx((y, y - half, y + half))
    assert (found.rate, found.rate0) == (0.3, 0.45)
    assert found.better_in_pairs == pytest.approx(stats.norm.cdf(y / math.sqrt(2)))
    first, second = read_back_lines(found)
    assert (
        first
        == f"On Arena: Editing is ahead of Nothing by {y:.2f} SMD (95 % interval {y - half:.2f} to {y + half:.2f})."
    )
    assert second == "In 100 cases: 30 with Editing, 45 with Nothing (attacks; lower is better)."


def test_the_comparators_lead_is_told_from_its_side():
    first, second = read_back_lines(heard("effect", scale="smd", estimate=-0.5, se=0.1))
    # .5 -+ 1.96 x .1
    assert first == "On Arena: Nothing is ahead of Editing by 0.50 SMD (95 % interval 0.30 to 0.70)."
    # Phi(-.5 / sqrt 2) = .362
    assert (
        second == "Of 100 pairs, one observation of each: Editing is the better one in 36 (attacks; higher is better)."
    )


def test_an_interval_around_zero_says_that_the_order_is_open():
    assert read_back_lines(heard("effect", scale="smd", estimate=0.1, se=0.1))[0].endswith("the order itself is open.")


def test_a_level_result_names_nobody_ahead():
    assert "are level, 0.00 SMD" in read_back_lines(heard("counts", k=5, n=10, k0=50, n0=100))[0]


def test_an_assumed_n_is_taken_at_the_geometric_middle():
    # closed form: one SD apart, n = sqrt(50 x 200) = 100 an arm; the variance is linear in log n between the ends
    found = heard("means", mean=1.0, sd=1.0, mean0=0.0, sd0=1.0, assumed_n_lo=50, assumed_n_hi=200)
    exact = heard("means", mean=1.0, sd=1.0, mean0=0.0, sd0=1.0, n=100, n0=100)
    assert (found.lo_smd, found.hi_smd) == pytest.approx((exact.lo_smd, exact.hi_smd), abs=2e-3)


def test_a_statement_has_its_reliability_and_no_size():
    found = heard("order", q=0.8)
    assert found == ReadBack(
        technique="Editing", comparator="Nothing", setting="Arena", outcome="attacks", higher_is_better=True, q=0.8
    )  # fmt: skip
    assert read_back_lines(found) == (
        "On Arena: Editing is ahead of Nothing; by how much is not said.",
        "You expect such a statement to be right 80 times in 100.",
    )


@pytest.mark.parametrize("estimate", [-3.0, -0.5, 0.0, 0.2, 3.0])
def test_no_sentence_holds_a_forbidden_word_or_a_certainty(estimate):
    lines = read_back_lines(heard("effect", scale="smd", estimate=estimate, se=0.1))
    assert [find_forbidden(line) for line in lines] == [(), ()]


def test_names_cannot_drive_the_terminal():
    found = heard("order", q=0.8).model_copy(update={"technique": "\x1b[2J"})
    assert "\x1b" not in "".join(read_back_lines(found))


def test_numbers_without_an_effect_are_refused():
    with pytest.raises(ValueError, match="at least 4 in all"):
        heard("means", mean=1.0, sd=1.0, mean0=0.0, sd0=1.0, n=1, n0=1)
