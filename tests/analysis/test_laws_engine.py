"""Metamorphic laws through the whole engine, hyperparameters integrated: within 4 Monte Carlo standard errors.

The two sides of an equality are fitted with different seeds, so that a common error of their draws cannot hide.
"""

import functools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

import cases
import laws
from evidence.analysis.fitting import p_above
from evidence.analysis.options import Options
from evidence.analysis.review import review_quick
from evidence.domain.quick import QuickClaim
from evidence.inference.engine import Evidence
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.scores import expected_log_score_gain

FACE_VALUE = load_model(find_model("face-value"))
MODEL = cases.spread_model()
SYMMETRIC = cases.spread_model(mu_b=cases.prior("Point", value=0.0), mu_d=cases.prior("Point", value=0.0))
PAIRS = (("A", "B"), ("A", "none"), ("C", "B"))
QUALITIES = st.floats(0.55, 0.95)
EFFECTS = laws.unit(2, laws.N_EFFECTS)
N = 6
SIZES = st.floats(0.01, 3)
ERRORS = st.floats(0.05, 2)
VALIDITIES = st.just(0.0) | st.floats(1e-9, 1)  # a number that is stated is 0 or at least 1e-12


def effects_of(u):
    """Estimates in -1..1 and errors in .1..1: literatures that a prior of this spread would not call impossible."""
    return 2 * u[0] - 1, 0.1 * 10 ** u[1]


def fit(base, *, seed, model=MODEL, evidence=None):
    """The engine's posterior; an example whose checks fail has no answer to compare and is left out."""
    design = build_design(base)
    evidence = evidence or Evidence(mask=np.ones(len(base.findings)))
    posterior = laws.ENGINE.fit(design, build_hyper(base, model, design), evidence, seed=seed)
    assume(posterior.ok)
    return posterior


def assert_alike(first, second, pairs=PAIRS, turned=None):
    """P of `pairs` in `first` is that of `turned` (default: the same pairs) in `second`, within 4 standard errors."""
    for pair, other in zip(pairs, turned or pairs, strict=True):
        (p, error), (q, other_error) = p_above(first, *pair), p_above(second, *other)
        assert abs(p - q) <= 4 * math.hypot(error, other_error) + 1e-10, (pair, p, q)


# --- swap, direction, permutation, unit -----------------------------------------------------------------------


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES)
def test_techniques_that_change_names_change_places(effects, q):
    y, se = effects_of(effects)
    plain, swapped = fit(laws.busy(y, se, q), seed=1), fit(laws.busy(y, se, q, names=("B", "A", "C")), seed=2)
    assert_alike(plain, swapped, turned=(("B", "A"), ("B", "none"), ("C", "A")))
    p, q = p_above(swapped, "A", "B")[0], p_above(swapped, "B", "A")[0]
    assert p == pytest.approx(1 - q, abs=1e-10)


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES, counts=st.tuples(st.integers(10, 90), st.integers(10, 90)))
def test_a_failure_rate_says_what_the_success_rate_says(effects, q, counts):
    y, se = effects_of(effects)
    turned = tuple(100 - k for k in counts)
    good = fit(laws.busy(y, se, q, counts=counts), seed=1)
    assert_alike(good, fit(laws.busy(y, se, q, counts=turned, up=False, direction=-1.0), seed=2))


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES)
def test_flipping_every_direction_negates(effects, q):
    """Needs mu_b = mu_d = 0, and the statement turned by naming the other technique."""
    y, se = effects_of(effects)
    up, down = laws.busy(y, se, q), laws.busy(y, se, q, up=False)
    changes = {"technique": "A", "comparator": "C"}
    turned = tuple(f.model_copy(update=changes) if f.id == "f6" else f for f in down.findings)
    down = down.model_copy(update={"findings": turned})
    first, second = fit(up, seed=1, model=SYMMETRIC), fit(down, seed=2, model=SYMMETRIC)
    assert_alike(first, second, turned=tuple(pair[::-1] for pair in PAIRS))


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES, order=st.permutations(range(9)), rest=st.permutations(range(3)))
def test_order_of_rows_is_no_information(effects, q, order, rest):
    y, se = effects_of(effects)
    base = laws.busy(y, se, q)
    mixed = base.model_copy(
        update={
            "findings": tuple(base.findings[i] for i in order),
            "techniques": (base.techniques[0], *(base.techniques[1 + i] for i in rest)),
            "studies": tuple(base.studies[i] for i in rest),
            "settings": tuple(base.settings[i] for i in rest),
            "families": base.families[::-1],
        }
    )
    assert_alike(fit(base, seed=1), fit(mixed, seed=2))


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES, log_c=st.floats(-3, 3))
def test_the_unit_of_a_raw_outcome_is_no_information(effects, q, log_c):
    y, se = effects_of(effects)
    base, c = laws.busy(y, se, q), 10**log_c

    def raw(f):
        changes = {"scale": "raw", "estimate": (f.estimate or 0) * c, "se": (f.se or 1) * c, "unit_sd": c}
        return f.model_copy(update=changes) if f.kind == "effect" else f

    other = base.model_copy(update={"findings": tuple(raw(f) for f in base.findings)})
    assert_alike(fit(base, seed=1), fit(other, seed=2))


@pytest.mark.slow
@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES, log_c=st.floats(-0.7, 0.7))
def test_everything_in_other_units_moves_no_probability(effects, q, log_c):
    """Findings and the scales of every prior of a spread times c. Without arms: their level is N(0, 10^2) SMD."""
    y, se = effects_of(effects)
    c = 10**log_c
    scales = {"tau": 1.0, "tau_P": 1.0, "sigma": 0.2, "sigma_b": 0.3, "mu_b": 0.2, "sigma_d": 0.2, "mu_d": 0.2}
    model = cases.spread_model(**{k: cases.prior("HalfNormal", scale=c * v) for k, v in scales.items()})
    first = fit(laws.busy(y, se, q, arms=False), seed=1)
    assert_alike(first, fit(laws.busy(c * y, c * se, q, arms=False), seed=2, model=model))


# --- no validity, full validity -------------------------------------------------------------------------------


@laws.WHOLE
@given(effects=EFFECTS, q=QUALITIES)
def test_without_validity_no_merit_moves(effects, q):
    """rho = 0: P stays 1/2 and the spread of a merit that of its prior, E tau^2 = 1.

    The spread of a difference of two is left out: r, the share of what all techniques have in common, is the same for
    proxies and target, and findings speak about it whatever rho is.
    """
    y, se = effects_of(effects)
    nothing = cases.point_model(rho=0.0).classes
    posterior = fit(laws.busy(y, se, q), seed=1, model=MODEL.model_copy(update={"classes": nothing}))
    assert [p_above(posterior, *pair)[0] for pair in PAIRS] == pytest.approx([0.5] * 3, abs=1e-10)
    np.testing.assert_allclose(posterior.mean, 0, atol=1e-10)
    w, variance = posterior.weights, posterior.cov[:, 1, 1]
    found = w @ variance
    assert abs(found - 1) <= 4 * math.sqrt(np.sum(w**2 * (variance - found) ** 2))


@laws.WHOLE
@given(effects=laws.unit(2, N), comparator=st.sampled_from(("B", "none")))
def test_the_face_value_reader_is_fixed_effect_meta_analysis(effects, comparator):
    """rho = 1, one spread, tau = 1000. Six digits are left of a covariance of condition number 1e8."""
    y, se = effects_of(effects)
    places = [s.id for s in laws.BUSY_SETTINGS]
    findings = [cases.effect(f"f{i}", "A", comparator, y[i], se[i], study=f"j{i}", at=places[i % 3]) for i in range(N)]
    base = cases.base_of(*findings, settings=laws.BUSY_SETTINGS, techniques=["A", "B"])
    posterior = fit(base, seed=1, model=FACE_VALUE)
    weights = se**-2
    z = weights @ y / math.sqrt(weights.sum())
    assert p_above(posterior, "A", comparator)[0] == pytest.approx(stats.norm.cdf(z), abs=1e-5)


# --- one contrast alone ---------------------------------------------------------------------------------------


def at_most(first, second, pair):
    """P of the first is not above that of the second by more than 4 standard errors of both."""
    (p, error), (q, other) = p_above(first, *pair), p_above(second, *pair)
    assert p <= q + 4 * math.hypot(error, other) + 1e-10, (p, q)


@laws.WHOLE
@given(y=SIZES, se=ERRORS, sign=st.sampled_from((1, -1)), rho=st.tuples(VALIDITIES, VALIDITIES))
def test_warranted_is_monotone_in_validity(y, se, sign, rho):
    """With the validity of the setting at a point, all else integrated: more validity, no less movement."""
    base = cases.base_of(cases.effect("f", "A", "B", sign * y, se), techniques=["A", "B"])
    design = build_design(base)
    hyper = build_hyper(base, MODEL, design)
    # A stated validity is rho itself; draws of gaps and novelty that rule it out are lost, so that it stays below .5.
    low, high = sorted(0.5 * x for x in rho)
    evidence = Evidence(mask=np.ones(1))
    fits = [
        laws.ENGINE.fit(design, hyper.pinned("w_0", 0.2).with_validity("F", 0, x), evidence, seed=seed)
        for seed, x in ((1, low), (2, high))
    ]
    assume(all(f.ok for f in fits))
    at_most(*fits, ("A", "B") if sign > 0 else ("B", "A"))


@pytest.mark.slow
@laws.WHOLE
@given(y=SIZES, se=ERRORS, n=st.integers(2, N))
def test_duplicates_in_one_setting_never_pass_its_ceiling(y, se, n):
    """n studies of one setting that all find y, against one perfect study that finds y."""
    findings = [cases.effect(f"f{i}", "A", "B", y, se, study=f"j{i}") for i in range(N)]
    base = cases.base_of(*findings, techniques=["A", "B"])
    several, one = (Evidence(mask=(np.arange(N) < k).astype(float)) for k in (n, 1))
    found, ceiling = fit(base, seed=1, evidence=several), fit(base, seed=2, evidence=one.perfect())
    at_most(found, ceiling, ("A", "B"))


@laws.WHOLE
@given(y=SIZES, se=ERRORS, n=st.integers(1, N))
def test_duplicates_in_one_family_never_pass_its_ceiling(y, se, n):
    """n settings of one family that all find y, at every draw of the hyperparameters that the engine returns.

    The ceiling given the hyperparameters is that of endless perfect settings (tests/analysis/test_laws_conditional.py).
    """
    findings = [cases.effect(f"f{i}", "A", "B", y, se, study=f"j{i}", at=f"s{i}") for i in range(N)]
    base = cases.base_of(*findings, techniques=["A", "B"])
    found = fit(base, seed=1, evidence=Evidence(mask=(np.arange(N) < n).astype(float)))
    eta = dict(zip(found.names, found.hyper.T, strict=True))
    v, share = eta["v[s0]"], 2 * (1 - eta["r"])
    family = found.rho[:, 0] / v
    ceiling = family * y / (v * eta["tau_P"] * np.sqrt(share)) / np.sqrt(1 - family**2)
    mean, variance = found.contrast(1, 2)
    assert (mean / np.sqrt(variance) <= ceiling * (1 + 1e-9)).all()
    assert (1 - variance / (eta["tau"] ** 2 * share) <= family**2 + 1e-9).all()
    # Averaged over what no finding speaks about, as P is.
    assert p_above(found, "A", "B")[0] <= found.weights @ stats.norm.cdf(ceiling) + 4 * p_above(found, "A", "B")[1]


@functools.cache
def model_alone():
    """Default priors without optimism and allegiance: what a claim against the baseline needs to be symmetric."""
    default = load_model(find_model("default"))
    point = cases.prior("Point", value=0.0)
    priors = {**default.priors, "mu_b": point, "mu_d": point}
    return default.model_copy(update={"priors": priors})


@pytest.mark.slow
@laws.WHOLE
@given(
    y=SIZES, se=ERRORS, sign=st.sampled_from((1, -1)), q=st.floats(0.55, 0.99), comparator=st.sampled_from(("B", "baseline")),
    klass=st.sampled_from(sorted(model_alone().classes)), kind=st.sampled_from(("effect", "effect", "order")),
)  # fmt: skip
def test_a_review_keeps_its_order_and_reading_is_worth_nothing_at_break_even(
    *, y, se, sign, q, comparator, klass, kind
):
    """The record of `evidence quick`: prior <= warranted <= min(face value, ceiling) or all reversed, and break-even.

    Default priors with mu_b = mu_d = 0: only a symmetric prior has this order.
    """
    if kind == "order":
        pair = ("A", comparator) if sign > 0 else (comparator, "A")
        finding = cases.order("claim", *pair, q, study="claim", at="proxy")
    else:
        finding = cases.effect("claim", "A", comparator, sign * y, se, study="claim", at="proxy")
    claim = QuickClaim(text="x", validity_class=klass, finding=finding)
    options = Options(readers={"face_value": FACE_VALUE})
    review = review_quick(claim, model_alone(), engine=laws.ENGINE, options=options)
    assume(review.ok)
    up = kind == "order" or sign > 0
    prior, warranted, face, ceiling = (
        p if up else 1 - p for p in (review.p_prior, review.p_post, review.p_face_value, review.p_ceiling)
    )
    error = review.p_post_mcse + review.checks["ceiling_mcse_p"].value
    assert prior == pytest.approx(0.5, abs=1e-9)
    assert prior - 4 * review.p_post_mcse <= warranted
    assert warranted <= ceiling + 4 * error
    assert warranted <= face + 4 * review.p_post_mcse
    if review.p_break_even is not None:
        gain = expected_log_score_gain(review.p_break_even, review.p_post, review.p_prior)
        assert gain == pytest.approx(0, abs=1e-9)
        shift = review.p_post - review.p_prior
        assert (review.p_break_even - review.p_post) * shift > 0
        assert review.value_of_reading_nats["warranted"] > 0
