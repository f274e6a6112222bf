"""The effect scale. Values marked metafor were computed live with R 4.2.2, metafor 3.8-1:

escalc("OR2DL", to="only0", add=1/2), escalc("PLO", to="only0", add=1/2) times sqrt(3)/pi (variance times 3/pi^2)
and escalc("SMD") with its default variance (vtype "LS").
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.domain.records import Finding
from evidence.model.effects import effect_of

FACTOR = math.sqrt(3) / math.pi


def finding(kind, *, comparator="B", higher_is_better=True, **numbers):
    return Finding(
        id="f", study="s", setting="p", technique="A", comparator=comparator, kind=kind,
        higher_is_better=higher_is_better, where="table 1", source_kind="full text", **numbers,
    )  # fmt: skip


def unchecked(kind, **numbers):
    """A finding as no file can have it: its record is told the numbers without being asked."""
    return finding("order", q=0.8).model_copy(update={"kind": kind, "q": None, **numbers})


def arm(**numbers):
    return finding("proportion", comparator=None, **numbers)


def check(effect, y, variance, rel=1e-12):
    assert effect.y == pytest.approx(y, rel=rel, abs=1e-14)
    assert math.exp(effect.log_var_lo) == pytest.approx(variance, rel=rel)
    assert effect.log_var_hi == effect.log_var_lo


@pytest.mark.parametrize(
    ("table", "y", "variance"),
    [  # metafor OR2DL
        ((12, 100, 31, 100), -0.657355431967242, 0.04299497186148864),
        ((120, 400, 180, 400), -0.3565042405878541, 0.006688952599764724),
        ((0, 20, 5, 20), -1.476172165353007, 0.6976312439844076),
        ((0, 10, 0, 12), 0.09612606034757828, 1.269120197394311),
        ((15, 15, 9, 15), 1.684032778382765, 0.7062974400017527),
        ((3, 8, 1, 7), 0.7062158421269884, 0.5167380365759227),
        ((20, 20, 20, 20), 0, 1.245509184286299),
        ((1, 2, 1, 1), -0.6056966996081959, 1.215854203708053),
    ],
)
def test_counts_are_the_or2dl_of_metafor(table, y, variance):
    k, n, k0, n0 = table
    check(effect_of(finding("counts", k=k, n=n, k0=k0, n0=n0)), y, variance)


@pytest.mark.parametrize(
    ("k", "n", "y", "variance"),
    [  # metafor PLO
        (17, 50, -0.3656932682244628, 0.02709122557281759),
        (0, 30, -2.266443546752986, 0.6178931199172075),
        (30, 30, 2.266443546752986, 0.6178931199172075),
        (1, 3, -0.3821520694228442, 0.45594532639052),
        (97, 100, 1.916473651044019, 0.1044548284972554),
        (24, 100, -0.6355055209896626, 0.01666466836222661),
    ],
)
def test_a_proportion_is_the_plo_of_metafor_times_the_factor(k, n, y, variance):
    check(effect_of(arm(k=k, n=n)), y, variance)
    check(effect_of(arm(rate=k / n, n=n)), y, variance)


@pytest.mark.parametrize(
    ("first", "second", "y", "variance"),
    [  # metafor SMD
        ((5.1, 1.2, 24), (4.3, 1.5, 30), 0.5732116140049494, 0.07804232920768665),
        ((0.7, 0.2, 2), (0.5, 0.3, 2), 0.4425867224424301, 1.024485375860292),
        ((0.7, 0.2, 3), (0.5, 0.3, 2), 0.6079466553213745, 0.8702932469049779),
        ((10, 3, 400), (12, 4, 500), -0.5566018898050606, 0.004672114257630314),
        ((1, 1, 10), (1, 2, 10), 0, 0.2),
    ],
)
def test_means_are_the_smd_of_metafor(first, second, y, variance):
    numbers = dict(zip(("mean", "sd", "n", "mean0", "sd0", "n0"), (*first, *second), strict=True))
    effect = effect_of(finding("means", **numbers))
    check(effect, y, variance)
    # Closed form: the technique's 1/n against the comparator's 1/n0.
    assert effect.comparator_share == pytest.approx((1 / second[2]) / (1 / first[2] + 1 / second[2]))


def test_means_with_an_assumed_n_take_the_variance_at_both_ends_and_the_effect_in_the_middle():
    numbers = {"mean": 5.1, "sd": 1.2, "mean0": 4.3, "sd0": 1.5, "assumed_n_lo": 16, "assumed_n_hi": 256}
    effect = effect_of(finding("means", **numbers))
    # metafor SMD at n = 16, 256 and 64 = sqrt(16 * 256) per arm.
    assert math.exp(effect.log_var_lo) == pytest.approx(0.1301498433487704, rel=1e-12)
    assert math.exp(effect.log_var_hi) == pytest.approx(0.008150257217320586, rel=1e-12)
    assert effect.y == pytest.approx(0.585454240508159, rel=1e-12)
    assert effect.comparator_share == 0.5


@pytest.mark.parametrize(
    ("auc", "n_pos", "n_neg", "y", "variance"),
    [  # R 4.2.2: sqrt(2) qnorm(A); textbook Hanley-McNeil times a five-point numerical derivative, squared
        (0.8, 50, 80, 1.1902321629, 0.0451936976131),
        (0.35, 12, 400, -0.544925429454, 0.0751572222091),
        (0.99, 30, 30, 3.28995271427, 0.486690078624),
    ],
)
def test_an_auroc_is_a_probit_distance_with_the_delta_method(auc, n_pos, n_neg, y, variance):
    effect = effect_of(finding("auroc", auc=auc, n_pos=n_pos, n_neg=n_neg))
    check(effect, y, variance, rel=1e-9)
    assert effect.comparator_share == 0.5


def test_the_auroc_variance_agrees_with_simulated_exponential_classes():
    # Hanley and McNeil's Q1 and Q2 are exact for exponential scores: AUC = rate ratio / (1 + rate ratio).
    rng = np.random.default_rng(1)
    auc, n_pos, n_neg, repeats = 0.8, 60, 90, 4000
    positive = np.sort(rng.exponential(auc / (1 - auc), (repeats, n_pos)), axis=1)
    negative = rng.exponential(1.0, (repeats, n_neg))
    estimates = np.array([np.searchsorted(p, x).sum() for p, x in zip(positive, negative, strict=True)])
    observed = np.var(1 - estimates / (n_pos * n_neg))
    effect = effect_of(finding("auroc", auc=auc, n_pos=n_pos, n_neg=n_neg))
    slope_squared = 4 * math.pi * math.exp((effect.y / math.sqrt(2)) ** 2)
    # Standard error of a simulated variance: sqrt(2/repeats); gated at 4 of them.
    assert math.exp(effect.log_var_lo) / slope_squared == pytest.approx(observed, rel=4 * math.sqrt(2 / repeats))


def test_an_auroc_with_an_assumed_n_has_that_many_of_each_class():
    effect = effect_of(finding("auroc", auc=0.8, assumed_n_lo=10, assumed_n_hi=300))
    for n, log_var in ((10, effect.log_var_lo), (300, effect.log_var_hi)):
        assert log_var == effect_of(finding("auroc", auc=0.8, n_pos=n, n_neg=n)).log_var_lo


@pytest.mark.parametrize(
    ("scale", "unit", "factor"), [("smd", None, 1), ("probit", None, 1), ("logit", None, FACTOR), ("raw", 4.0, 0.25)]
)
def test_an_estimate_and_its_se_are_scaled_alike(scale, unit, factor):
    effect = effect_of(finding("effect", scale=scale, unit_sd=unit, estimate=0.6, se=0.2))
    check(effect, 0.6 * factor, (0.2 * factor) ** 2)
    assert effect.comparator_share == 0.5


def test_a_95_percent_interval_stands_in_for_the_se():
    # Closed form: the half-width over the normal 97.5 % point.
    effect = effect_of(finding("effect", scale="logit", estimate=1.0, ci_lo=0.5, ci_hi=1.5))
    check(effect, FACTOR, (0.5 / 1.959963984540054 * FACTOR) ** 2)


def test_a_stated_se_wins_over_its_interval():
    effect = effect_of(finding("effect", scale="smd", estimate=1.0, se=0.25, ci_lo=0.5, ci_hi=1.5))
    check(effect, 1.0, 0.0625)


EXAMPLES = [
    finding("effect", scale="smd", estimate=0.6, se=0.2),
    finding("counts", k=0, n=20, k0=5, n0=30),
    finding("counts", k=12, n=100, k0=31, n0=90),
    arm(k=17, n=50),
    arm(rate=0.97, assumed_n_lo=20, assumed_n_hi=400),
    finding("means", mean=5.1, sd=1.2, n=24, mean0=4.3, sd0=1.5, n0=30),
    finding("auroc", auc=0.8, n_pos=50, n_neg=80),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda f: f.kind)
def test_lower_is_better_flips_the_effect_and_keeps_its_variance(example):
    up, down = effect_of(example), effect_of(example.model_copy(update={"higher_is_better": False}))
    assert down.y == -up.y
    assert (down.log_var_lo, down.log_var_hi) == pytest.approx((up.log_var_lo, up.log_var_hi), rel=1e-14)
    assert down.comparator_share == pytest.approx(up.comparator_share, rel=1e-14)
    assert down.small_cell == up.small_cell
    assert down.cells == tuple((bad, good) for good, bad in up.cells)


def test_cells_are_good_and_bad_outcomes_of_technique_then_comparator():
    assert effect_of(finding("counts", k=3, n=8, k0=1, n0=7)).cells == ((3, 5), (1, 6))
    assert effect_of(finding("counts", k=3, n=8, k0=1, n0=7, higher_is_better=False)).cells == ((5, 3), (6, 1))
    assert effect_of(arm(k=3, n=8, higher_is_better=False)).cells == ((5, 3),)
    assert effect_of(arm(rate=0.25, n=8)).cells == ((2, 6),)


def test_the_comparators_share_of_counts_is_its_part_of_the_variance():
    effect = effect_of(finding("counts", k=12, n=100, k0=31, n0=90))
    own, comparator = 1 / 12 + 1 / 88, 1 / 31 + 1 / 59  # closed form
    assert effect.comparator_share == pytest.approx(comparator / (own + comparator), rel=1e-14)


def test_an_arm_has_no_comparator_share():
    assert effect_of(arm(k=17, n=50)).comparator_share == 0
    assert effect_of(finding("effect", comparator=None, scale="smd", estimate=1, se=1)).comparator_share == 0


@pytest.mark.parametrize(
    ("example", "small"),
    [
        (finding("counts", k=5, n=10, k0=5, n0=10), False),
        (finding("counts", k=4, n=10, k0=5, n0=10), True),
        (finding("counts", k=5, n=10, k0=6, n0=10), True),
        (arm(k=95, n=100), False),
        (arm(k=96, n=100), True),
        (arm(rate=0.99, n=100), True),
        (arm(rate=0.99, assumed_n_lo=20, assumed_n_hi=30), False),
    ],
)
def test_a_cell_below_five_is_small_where_n_is_known(example, small):
    assert effect_of(example).small_cell is small


def test_an_assumed_n_scales_the_variance_of_a_proportion_exactly():
    effect = effect_of(arm(rate=0.9, assumed_n_lo=50, assumed_n_hi=800))
    assert effect.cells == ()
    # Closed form: 1/(n p (1-p)) x 3/pi^2.
    for n, log_var in ((50, effect.log_var_lo), (800, effect.log_var_hi)):
        assert math.exp(log_var) == pytest.approx(FACTOR**2 / (n * 0.9 * 0.1), rel=1e-12)


@pytest.mark.parametrize("kind", ["order", "existence", "argument"])
def test_a_sign_has_no_size(kind):
    with pytest.raises(ValueError, match="states a sign only"):
        effect_of(finding(kind, q=0.8))


@pytest.mark.parametrize(
    "example",
    [
        # Numbers that no record lets through: this is the second line.
        unchecked("effect", scale="raw", unit_sd=1e-10, estimate=1e308, se=1.0),
        unchecked("means", mean=1e308, sd=1e-300, n=5, mean0=-1e308, sd0=1e-300, n0=5),
        unchecked("means", mean=1, sd=1, n=1, mean0=0, sd0=1, n0=2),
    ],
)
def test_numbers_without_a_finite_effect_are_refused(example):
    with pytest.raises(ValueError, match="wanted"):
        effect_of(example)


def test_extreme_inputs_keep_a_finite_log_variance():
    tiny = effect_of(unchecked("effect", scale="smd", estimate=1e308, se=5e-324))
    assert tiny.log_var_lo == pytest.approx(2 * math.log(5e-324))
    near_one = effect_of(finding("auroc", auc=1 - 1e-16, n_pos=5, n_neg=5))
    assert math.isfinite(near_one.y)
    assert math.isfinite(near_one.log_var_hi)


@given(k=st.integers(0, 40), n=st.integers(1, 40), k0=st.integers(0, 40), n0=st.integers(1, 40))
def test_swapping_the_arms_flips_the_sign(k, n, k0, n0):
    k, k0 = min(k, n), min(k0, n0)
    one = effect_of(finding("counts", k=k, n=n, k0=k0, n0=n0))
    other = effect_of(finding("counts", k=k0, n=n0, k0=k, n0=n))
    assert other.y == pytest.approx(-one.y, abs=1e-14)
    assert other.log_var_lo == pytest.approx(one.log_var_lo, rel=1e-12, abs=1e-14)
    assert other.comparator_share == pytest.approx(1 - one.comparator_share, abs=1e-14)
