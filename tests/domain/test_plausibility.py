"""Slips of reading are found, and rows that are right are left alone.

Rates of the last tests come from the simulator of tests/simulated_papers.py, which was written before the checks.
"""

import itertools
import math
import re
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evidence.domain.oddities import note_of_kept, reason_kept
from evidence.domain.plausibility import find_oddities
from evidence.domain.records import Finding, Setting
from evidence.domain.signs import z_of
from evidence.domain.spreads import SLACK, se_range
from evidence.io.csv_files import read_rows
from evidence.io.tables import find_warnings, load_base, read_draft
from simulated_papers import FAULTS, seeded

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.parent for path in (ROOT / "data").glob("**/base.toml"))


def row(kind="effect", *, id="f1", **values):
    """A finding with what every kind needs; `values` are its numbers and what else differs."""
    fixed = {
        "study": "s1", "setting": "arena", "technique": "a", "comparator": "b", "higher_is_better": True,
        "where": "Table 1", "source_kind": "full text",
    }  # fmt: skip
    return Finding(**{"id": id, "kind": kind, **fixed, **values})


def arena(outcome="task score", id="arena"):
    return Setting(id=id, name="A", family="f", environment="e", model_family="m", outcome=outcome, gaps={}, reasons={})


def odd_fields(*findings, outcome="task score", settings=None):
    return [(oddity.finding, oddity.field) for oddity in find_oddities(findings, settings or [arena(outcome)])]


def wanted(*findings, outcome="task score"):
    """What the only oddity wants."""
    (oddity,) = find_oddities(findings, [arena(outcome)])
    return oddity.wanted


# Intervals


@pytest.mark.parametrize(
    ("estimate", "lo", "hi", "says"),
    [
        # half-widths .4 and .6: the middle is .1 off the estimate, which is .1 of the width 1: just allowed
        (0.5, 0.1, 1.1, None),
        # half-widths .35 and .65: off by .15 of the width
        (0.5, 0.15, 1.15, "an interval around the estimate, such as -0.15..1.15"),
        (0.5, 0.5, 1.0, "two-sided"),
        # an odds ratio of 2.04, twice 1.02 and half of 4.08: log 2.04 = .713 in the middle of .0198 and 1.41
        (2.04, 1.02, 4.08, "the logarithms, 0.713 with 0.0198..1.41"),
    ],
)
def test_an_interval_lies_around_its_estimate(estimate, lo, hi, says):
    finding = row(scale="raw", unit_sd=8.0, estimate=estimate, ci_lo=lo, ci_hi=hi)
    assert odd_fields(finding) == ([] if says is None else [("f1", "estimate" if "logar" in says else "ci_lo")])
    if says:
        assert says in wanted(finding)


def test_the_last_printed_digit_is_no_reason_to_complain():
    # halves of .3 and .2, off by .1 of .5, but each number may be .05 off: 4 x .05 covers it
    assert odd_fields(row(scale="smd", estimate=0.5, ci_lo=0.2, ci_hi=0.7)) == []
    assert odd_fields(row(scale="smd", estimate=0.500, ci_lo=0.201, ci_hi=0.701)) == [("f1", "ci_lo")]


# Standard errors of effects against n


@pytest.mark.parametrize("n", [10, 40])
def test_the_least_se_of_a_log_odds_ratio_or_d_prime_is_the_least_over_all_counts(n):
    # Brute force over every pair of counts, with scipy's normal: an independent implementation of both variances.
    p = np.arange(1, n) / n
    logit = 1 / (n * p * (1 - p))
    probit = p * (1 - p) / (n * stats.norm.pdf(stats.norm.ppf(p)) ** 2)
    for scale, variance in (("logit", logit), ("probit", probit)):
        pairs = [math.sqrt(a + b) for a, b in itertools.product(variance, repeat=2)]
        lo, hi = se_range(row(scale=scale, estimate=0.0, se=1.0, n=n, n0=n))
        assert lo == pytest.approx(min(pairs) / SLACK, rel=1e-12)
        assert hi == pytest.approx(max(*pairs, min(pairs) * SLACK), rel=1e-12)


def test_the_se_of_an_smd_is_that_of_large_samples():
    # sqrt(1/50 + 1/200 + .8^2/500) = sqrt(.02628); an arm of 50: sqrt(1/50 + .8^2/100)
    lo, hi = se_range(row(scale="smd", estimate=0.8, se=1.0, n=50, n0=200))
    assert (lo * SLACK, hi / SLACK) == pytest.approx((math.sqrt(0.02628),) * 2)
    lo, hi = se_range(row(scale="smd", estimate=0.8, se=1.0, n=50, comparator=None))
    assert (lo * SLACK, hi / SLACK) == pytest.approx((math.sqrt(0.0264),) * 2)
    # raw: 10 sqrt(1/50 + 1/200)
    lo, hi = se_range(row(scale="raw", unit_sd=10.0, estimate=8.0, se=1.0, n=50, n0=200))
    assert (lo * SLACK, hi / SLACK) == pytest.approx((math.sqrt(2.5),) * 2)


@pytest.mark.parametrize(
    ("numbers", "odd"),
    [
        # 100 an arm: sqrt(.02) = .141. Ten times that is an SD; a tenth was divided by the root of n once too often.
        ({"scale": "smd", "se": 0.14}, []),
        ({"scale": "smd", "se": 1.4}, ["se"]),
        ({"scale": "smd", "se": 0.014}, ["se"]),
        # correlation .8 between pairs: .141 sqrt(.2) = .063; clusters with a design effect of 4: .28
        ({"scale": "smd", "se": 0.063}, []),
        ({"scale": "smd", "se": 0.28}, []),
        ({"scale": "raw", "unit_sd": 10.0, "se": 1.4}, []),
        ({"scale": "raw", "unit_sd": 10.0, "se": 10.0}, ["se"]),
        ({"scale": "raw", "unit_sd": 1.0, "se": 1.4}, ["se"]),
        # log odds: at least 2 sqrt(.02) = .28
        ({"scale": "logit", "se": 0.3}, []),
        ({"scale": "logit", "se": 2.8}, ["se"]),
        ({"scale": "logit", "ci_lo": -5.0, "ci_hi": 6.0}, ["ci_lo"]),
    ],
)
def test_an_se_fits_the_observations(numbers, odd):
    assert odd_fields(row(estimate=0.5, n=100, n0=100, **numbers)) == [("f1", field) for field in odd]


@pytest.mark.parametrize(
    ("se", "odd"),
    [(0.05, []), (0.9, []), (1.1, ["se"]), (0.001, ["se"])],
)
def test_without_n_an_se_lies_between_two_and_a_hundred_thousand_observations_an_arm(se, odd):
    # closed form: sqrt(2/2) = 1 and sqrt(2/100,000) = .0045 SMD
    assert odd_fields(row(scale="smd", estimate=0.5, se=se)) == [("f1", field) for field in odd]


# Means


def means(mean, sd, mean0, sd0, n=100, **more):
    return row("means", mean=mean, sd=sd, mean0=mean0, sd0=sd0, n=n, n0=n, **more)


@pytest.mark.parametrize("zeros", [1, 3, 5])
def test_no_scores_have_a_larger_sd_than_those_all_at_the_ends(zeros):
    # Scores 0 and 1 only: their own SD, by the standard library, is the largest there is; a quarter
    # more is odd (a mean printed as .9 may be .85, with 19 % more room).
    scores = [0.0] * zeros + [1.0] * (10 - zeros)
    mean, sd = statistics.mean(scores), statistics.stdev(scores)
    bounds = {"score_lo": 0.0, "score_hi": 1.0, "n": 10}
    assert odd_fields(means(mean, sd, mean, sd, **bounds)) == []
    assert odd_fields(means(mean, sd * 1.25, mean, sd, **bounds)) == [("f1", "sd")]
    # the same scores on a scale of 0 to 100, known as a percentage by the outcome's words only
    percent = means(100 * mean, 125 * sd, 100 * mean, 100 * sd, n=10)
    assert odd_fields(percent, outcome="accuracy, %") == [("f1", "sd")]
    assert odd_fields(percent, outcome="episode reward") == []


@pytest.mark.parametrize(
    ("finding", "odd"),
    [
        # scores of 0 to 100 around 50, SD 40; over 100 items the se is 4
        (means(55.0, 40.0, 50.0, 40.0, score_lo=0.0, score_hi=100.0), []),
        (means(55.0, 4.0, 50.0, 4.0, score_lo=0.0, score_hi=100.0), ["sd", "sd0"]),
        (means(55.0, 4.0, 50.0, 40.0, score_lo=0.0, score_hi=100.0), ["sd"]),
        # over five seeds so little spread is usual
        (means(55.0, 4.0, 50.0, 4.0, n=5, score_lo=0.0, score_hi=100.0), []),
        # 4 x sqrt(2,000) = 179 is no SD of such scores, so 4 is no se either
        (means(55.0, 4.0, 50.0, 4.0, n=2000, score_lo=0.0, score_hi=100.0), []),
        # scores from 0 on: waiting times have an SD of their mean
        (means(12.0, 12.0, 10.0, 10.0, score_lo=0.0), []),
        (means(12.0, 0.6, 10.0, 0.5, score_lo=0.0), ["sd", "sd0"]),
        (means(12.0, 120.0, 10.0, 100.0, score_lo=0.0), ["sd", "sd0"]),
        # without bounds: a difference of .5 SDs, of 5, and SDs a factor of 10 apart
        (means(1.0, 2.0, 0.0, 2.0), []),
        (means(10.0, 2.0, 0.0, 2.0), ["sd"]),
        (means(1.0, 2.0, 0.0, 0.2), ["sd"]),
        # three observations: F(2, 2) is beyond 10^2 in one of fifty pairs
        (means(1.0, 2.0, 0.0, 0.2, n=3), []),
        # near its end a score has less room: sqrt(.01 .99) against sqrt(.5 .5) is a factor of 5
        (means(0.01, 0.099, 0.5, 0.5, score_lo=0.0, score_hi=1.0), []),
    ],
)
def test_an_sd_is_one_of_scores_and_not_of_their_mean(finding, odd):
    assert odd_fields(finding) == [("f1", field) for field in odd]


def test_an_effect_beyond_three_sds_is_looked_at_again_and_an_arms_level_is_not():
    assert odd_fields(row(scale="smd", estimate=3.2, se=0.3)) == [("f1", "estimate")]
    assert odd_fields(row(scale="smd", estimate=3.2, se=0.3, comparator=None)) == []
    # a log odds ratio of 5 is 5 sqrt(3)/pi = 2.8 SMD; 6 is 3.3
    assert odd_fields(row(scale="logit", estimate=5.0, se=0.9)) == []
    assert odd_fields(row(scale="logit", estimate=6.0, se=0.9)) == [("f1", "estimate")]


# Counts, rates and curves


@pytest.mark.parametrize(("rate", "n", "odd"), [(0.62, 50, []), (0.63, 50, ["rate"]), (0.333, 3, []), (0.63, 400, [])])
def test_a_rate_of_few_is_some_count_of_them(rate, n, odd):
    # 31/50 = .62, and no count of 50 is within .005 of .63 x 50 = 31.5; 1/3 rounds to .333
    finding = row("proportion", comparator=None, rate=rate, n=n)
    assert odd_fields(finding) == [("f1", field) for field in odd]


def test_counts_of_a_hundred_beside_other_sizes_are_percentages():
    whole = [row("counts", id=f"w{k}", technique=f"t{k}", k=k, n=400, k0=90, n0=400) for k in (10, 20)]
    percent = row("counts", id="p", k=62, n=100, k0=45, n0=100)
    assert odd_fields(*whole, percent) == [("p", "n")]
    assert odd_fields(percent) == []
    elsewhere = row("counts", id="q", setting="other", k=62, n=100, k0=45, n0=100)
    assert odd_fields(*whole, elsewhere) == []


def test_one_observation_and_a_handful_of_cases_are_odd():
    assert odd_fields(row("counts", k=1, n=1, k0=40, n0=100)) == [("f1", "n")]
    assert odd_fields(row("auroc", auc=0.8, n_pos=4, n_neg=500)) == [("f1", "n_pos")]
    assert odd_fields(row("auroc", auc=0.8, n_pos=5, n_neg=500)) == []


# Signs and directions

BETTER = [
    row("counts", k=60, n=100, k0=40, n0=100),
    row("counts", k=40, n=100, k0=60, n0=100, higher_is_better=False),
    row("counts", k=3, n=10, k0=29, n0=100),
    means(1.9, 1.0, 1.5, 1.0),
    row(scale="smd", estimate=0.5, se=0.2),
    row(scale="smd", estimate=-0.5, se=0.2, higher_is_better=False),
    row("auroc", auc=0.65, n_pos=50, n_neg=50),
]
"""The technique's numbers are the better ones in each."""


def with_(finding, **changes):
    return Finding(**{**finding.model_dump(exclude_none=True), **changes})


@pytest.mark.parametrize("finding", BETTER, ids=lambda f: f"{f.kind} {f.higher_is_better}")
def test_numbers_and_words_name_the_same_side(finding):
    assert odd_fields(with_(finding, ahead="technique")) == []
    assert odd_fields(with_(finding, ahead="comparator")) == [("f1", "ahead")]
    assert odd_fields(with_(finding, ahead="technique", higher_is_better=not finding.higher_is_better)) == [
        ("f1", "ahead")
    ]
    assert odd_fields(with_(finding, ahead="neither", nominal="technique")) == []
    assert odd_fields(with_(finding, ahead="neither", nominal="comparator")) == [("f1", "nominal")]


def test_nobody_calls_four_standard_errors_even():
    assert odd_fields(row(scale="smd", estimate=0.8, se=0.2, ahead="neither")) == [("f1", "ahead")]
    assert odd_fields(row(scale="smd", estimate=0.58, se=0.2, ahead="neither")) == []


def test_an_order_says_that_its_technique_is_ahead():
    assert odd_fields(row("order", q=0.8, ahead="technique")) == []
    assert odd_fields(row("order", q=0.8, ahead="comparator")) == [("f1", "ahead")]


@pytest.mark.parametrize(
    ("finding", "z"),
    [
        # 2 x 2 table with 1/2 in each cell, by hand: log(60.5 60.5 / (40.5 40.5)) / sqrt(2/60.5 + 2/40.5)
        (BETTER[0], 2 * math.log(60.5 / 40.5) / math.sqrt(2 / 60.5 + 2 / 40.5)),
        # Welch: .4 / sqrt(1/100 + 1/100)
        (BETTER[3], 0.4 / math.sqrt(0.02)),
        (BETTER[4], 2.5),
        (row("order", q=0.8), 0.0),
    ],
)
def test_z_is_the_difference_in_standard_errors(finding, z):
    assert z_of(finding) == pytest.approx(z)


def test_the_error_of_a_curve_at_one_half_is_that_of_mann_and_whitney():
    # Var(AUC) at .5 without ties is (n_pos + n_neg + 1) / (12 n_pos n_neg): scipy's normal for the probit slope
    n = 400
    z = z_of(row("auroc", auc=0.51, n_pos=n, n_neg=n))
    assert z == pytest.approx(0.01 / math.sqrt((2 * n + 1) / (12 * n * n)), rel=2e-3)


def scored(i, **values):
    """Counts that differ from finding to finding, so that no two look like one."""
    return row("counts", id=f"f{i}", technique=f"t{i}", k=40 + i, n=100, k0=60 + 2 * i, n0=100, **values)


@pytest.mark.parametrize(
    ("outcome", "lower", "higher"),
    [
        ("attack success rate", 0, 1),
        ("accuracy on held-out tasks", 1, 0),
        ("probability that no harmful answer is given", 0, 0),
        ("refusals of harmful requests", 0, 0),
        ("share of over-refusals", 0, 0),
        ("steering score", 0, 0),
    ],
)
def test_an_outcomes_words_speak_where_they_are_clear(outcome, lower, higher):
    for better, odd in ((False, lower), (True, higher)):
        finding = scored(0, higher_is_better=better)
        assert len(odd_fields(finding, outcome=outcome)) == odd


def test_a_base_whose_techniques_are_attacks_has_its_own_direction():
    attacks = [scored(i) for i in range(3)]
    assert odd_fields(*attacks, outcome="attack success rate") == []
    # the fourth, typed the usual way round, is the one that differs
    turned = scored(9, higher_is_better=False)
    assert odd_fields(*attacks, turned, outcome="attack success rate") == [("f9", "higher_is_better")]


def test_one_outcome_in_two_settings_has_one_direction():
    settings = [arena("points"), arena("points", "field")]
    rows = [scored(i) for i in range(2)]
    turned = scored(7, setting="field", higher_is_better=False)
    assert odd_fields(*rows, turned, settings=settings) == [("f7", "higher_is_better")]


def test_an_order_names_who_is_ahead_whatever_the_direction_of_its_outcome():
    for better in (False, True):
        assert odd_fields(row("order", q=0.8, higher_is_better=better), outcome="attack success rate") == []
        # nor does it speak for the direction of other rows
        assert odd_fields(*(row("order", id=f"o{i}", technique=f"u{i}", q=0.8, higher_is_better=better) for i in range(4)),
                          scored(1), outcome="points") == []  # fmt: skip


# One result entered twice

COUNTS = row("counts", id="c1", k=12, n=100, k0=31, n0=90)
MIRRORED = row("counts", id="c2", technique="b", comparator="a", k=31, n=90, k0=12, n0=100)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (COUNTS, with_(COUNTS, id="c2"), "every result once"),
        (COUNTS, with_(COUNTS, id="c2", k=13), "every result once"),
        (COUNTS, with_(COUNTS, id="c2", variant="late"), "the same numbers"),
        (COUNTS, with_(COUNTS, id="c2", study="s2"), "the same numbers"),
        (COUNTS, MIRRORED, "from one side"),
        (COUNTS, with_(MIRRORED, study="s2"), "the same numbers"),
        (row(scale="smd", estimate=0.5, se=0.2), row(id="f2", study="s2", technique="b", comparator="a", scale="smd", estimate=-0.5, se=0.2), "the same numbers"),
        (row("auroc", auc=0.8, n_pos=9, n_neg=7), row("auroc", id="f2", study="s2", technique="b", comparator="a", auc=0.2, n_pos=7, n_neg=9), "the same numbers"),
        (row("order", q=0.8), row("order", id="f2", q=0.7, variant="late"), "every result once"),
        (row("order", q=0.8), row("order", id="f2", q=0.7, technique="b", comparator="a"), "from one side"),
    ],
)  # fmt: skip
def test_a_result_stands_once(first, second, says):
    assert says in wanted(first, second)


@pytest.mark.parametrize(
    "second",
    [
        with_(COUNTS, id="c2", variant="late", k=13),
        with_(COUNTS, id="c2", setting="other"),
        with_(COUNTS, id="c2", technique="c"),
    ],
)
def test_another_result_is_another_result(second):
    assert odd_fields(COUNTS, second) == []


def test_only_the_rows_asked_about_are_judged_and_against_all():
    again = with_(COUNTS, id="c2")
    assert [o.finding for o in find_oddities((COUNTS, again), [arena()], only={"c2"})] == ["c2"]
    assert find_oddities((COUNTS, again), [arena()], only={"c1"}) == ()


# What was kept

NOTES = ["", "read off the figure", "from the figure; corrected; kept n: as printed"]


@pytest.mark.parametrize("note", NOTES)
def test_a_reason_for_keeping_a_field_is_read_back_from_the_note(note):
    kept = note_of_kept(note_of_kept(note, "sd", " over seeds; see p. 3 "), "ahead", "the abstract says so")
    assert kept.startswith(note)
    assert reason_kept(kept, "sd") == "over seeds; see p. 3"
    assert reason_kept(kept, "ahead") == "the abstract says so"
    assert reason_kept(kept, "se") is None


# Rates


def test_shipped_rows_raise_almost_no_false_alarm():
    # Counted: 625 rows of the shipped bases and bridges, those at another price included; the goal is 2 %, none is odd.
    rows = sum(len(read_rows(folder / "findings.csv", Finding)[0]) for folder in SHIPPED)
    odd = sum(len(find_warnings(read_draft(folder)[0])) for folder in SHIPPED)
    assert rows == 625
    assert odd / rows <= 0.02


def test_directions_of_the_shipped_attacks_and_unlearning_are_their_own():
    # Without the rest of its base every row of HarmBench would be odd: attack success, larger better.
    base = load_base(ROOT / "data" / "bridges" / "harmbench")
    assert len(find_oddities(base.findings[:1], base.settings)) == 1


PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
MEASURED = 14_000
"""Rows of the run that docs/cli.md quotes."""


def caught(entry):
    """Whether the row is refused or odd."""
    try:
        finding = entry.finding()
    except ValueError:
        return True
    return bool(find_oddities((*entry.others, finding), [entry.setting], only={finding.id}))


@pytest.mark.parametrize(
    ("rows", "seed", "least"),
    [
        (200, 1, 0.95),
        # 14,000 rows: the standard error of the share is .15 %
        pytest.param(14_000, 2, 0.955, marks=pytest.mark.slow),
    ],
)
def test_of_rows_with_one_seeded_fault_19_in_20_are_caught_and_of_the_same_rows_without_1_in_50_is_flagged(
    rows, seed, least, record_property
):
    rng = np.random.default_rng(seed)
    found, seen, false = Counter(), Counter(), 0
    for number in range(rows):
        name, clean, faulty = seeded(rng, number)
        seen[name] += 1
        found[name] += caught(faulty)
        false += caught(clean)
    shares = {name: found[name] / seen[name] for name in FAULTS}
    record_property("caught", {**shares, "all": found.total() / rows, "false alarms": false / rows})
    report = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    assert found.total() / rows >= least, report
    assert false / rows <= 0.02, false
    # An se for an SD over five seeds, or of a score without bounds, leaves no trace: these two kinds are the weakest.
    assert min(shares.values()) >= 0.85, report
    if rows == MEASURED:
        said = re.search(rf"of {rows:,} simulated rows.*?% are flagged", PAGE)
        assert said, "docs/cli.md"
        numbers = [float(x) for x in re.findall(r"([\d.]+) %", said[0])]
        assert numbers == pytest.approx([100 * x for x in (found.total() / rows, *shares.values(), false / rows)], abs=0.051)  # fmt: skip
