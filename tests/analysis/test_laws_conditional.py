"""Metamorphic laws given the hyperparameters, where everything is Gaussian: equalities hold to 1e-10."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

import cases
import dense
import laws
from evidence.domain.records import Finding
from evidence.inference import program
from evidence.inference.engine import Evidence
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.model.hyper import build_hyper
from evidence.model.scores import SMALLEST_SHIFT, break_even, expected_log_score_gain, logit

EXACT = {"rtol": 1e-10, "atol": 1e-10}
ROUNDING = 1e-9
"""Relative slack of an inequality between two z: what double precision leaves of their digits."""
QUALITIES = st.floats(0.5, 0.99, exclude_min=True)
COUNTS = st.tuples(st.integers(6, 94), st.integers(6, 94))
N = 8
"""Studies of one kind that a law of duplicates may switch on."""


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """The compiled program takes 8 draws at a time instead of 512: a law asks for one, and padding costs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "BLOCK", len(laws.GRID))
        yield


def assert_same(found, wanted, what=("mean", "cov", "log_likelihood", "above")):
    for name in what:
        np.testing.assert_allclose(found[name], wanted[name], **EXACT, err_msg=name)


# --- swap, direction, permutation, unit -----------------------------------------------------------------------


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, counts=COUNTS)
def test_techniques_that_change_names_change_places(effects, u, q, counts):
    """A's findings given to B and B's to A: P(A > B) becomes 1 - P(A > B), for any hyperparameters."""
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u)
    plain = laws.summary(laws.given(laws.busy(y, se, q, counts=counts), eta))
    swapped = laws.given(laws.busy(y, se, q, counts=counts, names=("B", "A", "C")), eta)
    assert_same(laws.summary(swapped, ("none", "B", "A", "C")), plain)
    a, b = (swapped.techniques.index(t) for t in "AB")
    assert laws.summary(swapped)["above"][a, b] == pytest.approx(1 - plain["above"][a, b], abs=1e-10)


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, 3), u=laws.ETAS)
def test_a_contrast_may_be_written_from_either_side(effects, u):
    """y of A against B is -y of B against A, authors' flags swapped, wherever the contrast shares no comparator."""
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u)
    written = [("A", "B", "s", True, False), ("C", "B", "u", False, True), ("A", "C", "t", True, True)]

    def base(turn):
        rows = []
        for i, (a, b, place, own_a, own_b) in enumerate(written):
            (t, c), (o, p), sign = ((b, a), (own_b, own_a), -1.0) if turn else ((a, b), (own_a, own_b), 1.0)
            flags = {"own_technique": o, "own_comparator": p}
            rows.append(cases.effect(f"f{i}", t, c, sign * y[i], se[i], study=f"j{i % 2}", at=place, **flags))
        return cases.base_of(*rows, settings=laws.BUSY_SETTINGS, techniques=["A", "B", "C"])

    assert_same(laws.summary(laws.given(base(True), eta)), laws.summary(laws.given(base(False), eta)))


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, counts=COUNTS)
def test_a_failure_rate_says_what_the_success_rate_says(effects, u, q, counts):
    """Lower-is-better numbers turned round are the same findings, for any hyperparameters."""
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u)
    turned = tuple(100 - k for k in counts)
    good = laws.busy(y, se, q, counts=counts)
    bad = laws.busy(y, se, q, counts=turned, up=False, direction=-1.0)
    assert_same(laws.summary(laws.given(bad, eta)), laws.summary(laws.given(good, eta)))


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, counts=COUNTS)
def test_flipping_every_direction_negates(effects, u, q, counts):
    """The same numbers with the direction flipped: means change sign, P becomes 1 - P.

    Needs mu_b = mu_d = 0: optimism and allegiance prefer a side. A statement in words is directed by itself, so it is
    turned by naming the other technique.
    """
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u, mu_b=0.0, mu_d=0.0)
    up = laws.busy(y, se, q, counts=counts)
    down = laws.busy(y, se, q, counts=counts, up=False)
    stated = {f.id: f for f in down.findings}["f6"]
    turned = stated.model_copy(update={"technique": stated.comparator, "comparator": stated.technique})
    down = down.model_copy(update={"findings": tuple(turned if f.id == "f6" else f for f in down.findings)})
    plain, flipped = (laws.summary(laws.given(base, eta)) for base in (up, down))
    wanted = {**plain, "mean": -plain["mean"], "above": 1 - plain["above"]}
    assert_same(flipped, wanted)


@pytest.mark.slow
@laws.CONDITIONAL
@given(
    effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, counts=COUNTS, order=st.permutations(range(10)),
    rest=st.tuples(*(st.permutations(range(n)) for n in (3, 3, 3, 2))),
)  # fmt: skip
def test_order_of_rows_is_no_information(*, effects, u, q, counts, order, rest):
    """Findings, studies, techniques, settings and families in any order: the same posterior, by name."""
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u)
    base = laws.busy(y, se, q, counts=counts)
    techniques, studies, settings, families = rest
    mixed = base.model_copy(
        update={
            "findings": tuple(base.findings[i] for i in order),
            "techniques": (base.techniques[0], *(base.techniques[1 + i] for i in techniques)),
            "studies": tuple(base.studies[i] for i in studies),
            "settings": tuple(base.settings[i] for i in settings),
            "families": tuple(base.families[i] for i in families),
        }
    )
    names = tuple(t.id for t in base.techniques)
    assert_same(laws.summary(laws.given(mixed, eta), names), laws.summary(laws.given(base, eta), names))


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, log_c=st.floats(-5, 5))
def test_the_unit_of_a_raw_outcome_is_no_information(effects, u, q, log_c):
    """Estimates, errors and the unit's standard deviation in metres or in feet."""
    y, se = laws.effects_of(effects)
    eta, c = laws.eta_of(u), 10**log_c

    def raw(f: Finding, scale: float) -> Finding:
        if f.kind != "effect":
            return f
        changes = {"scale": "raw", "estimate": f.estimate * scale, "se": f.se * scale, "unit_sd": scale}
        return Finding(**{**f.model_dump(exclude_defaults=True), **changes})

    base = laws.busy(y, se, q)
    other = base.model_copy(update={"findings": tuple(raw(f, c) for f in base.findings)})
    assert_same(laws.summary(laws.given(other, eta)), laws.summary(laws.given(base, eta)))


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, log_c=st.floats(-1, 1))
def test_everything_in_other_units_moves_no_probability(effects, u, q, log_c):
    """All of SMD times c, findings and spreads alike: means times c, P as before.

    Without arms and counts, whose level N(0, 10^2) and logistic unit are fixed in SMD, and without statements, whose
    latents are given 1e-11 SMD^2 more variance than they have, so that one that follows from others does no harm.
    """
    y, se = laws.effects_of(effects)
    eta, c = laws.eta_of(u), 10**log_c
    scaled = {k: c * eta[k] for k in ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d")}
    plain, other = (laws.busy(k * y, k * se, q, arms=False) for k in (1.0, c))
    sized = Evidence(mask=np.array([float(f.kind == "effect") for f in plain.findings]))
    plain = laws.summary(laws.given(plain, eta, sized))
    other = laws.summary(laws.given(other, eta | scaled, sized))
    np.testing.assert_allclose(other["mean"] / c, plain["mean"], **EXACT)
    np.testing.assert_allclose(other["cov"] / c**2, plain["cov"], **EXACT)
    np.testing.assert_allclose(other["above"], plain["above"], **EXACT)


# --- no validity, full validity -------------------------------------------------------------------------------


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, laws.N_EFFECTS), u=laws.ETAS, q=QUALITIES, counts=COUNTS, through=st.sampled_from("lv"))
def test_without_validity_the_posterior_is_the_prior(effects, u, q, counts, through):
    """Whatever was found, and whichever of relevance and construct noise takes validity away."""
    y, se = laws.effects_of(effects)
    eta = laws.eta_of(u, **({"F": 0.0, "G": 0.0} if through == "l" else {"v": 0.0}))
    found = laws.summary(laws.given(laws.busy(y, se, q, counts=counts), eta))
    prior = np.zeros((4, 4))
    prior[1:, 1:] = eta["tau"] ** 2 * ((1 - eta["r"]) * np.eye(3) + eta["r"])
    np.testing.assert_allclose(found["mean"], np.zeros(4), atol=1e-10)
    np.testing.assert_allclose(found["cov"], prior, atol=1e-10)
    np.testing.assert_allclose(found["above"], np.full((4, 4), 0.5), atol=1e-10)


PERFECT = {"F": 1.0, "G": 1.0, "v": 1.0, "w_0": 0.0, "w_d": 0.0, "sigma": 0.0, "sigma_b": 0.0, "mu_b": 0.0}
PERFECT |= {"sigma_d": 0.0, "mu_d": 0.0}


def studies_of_one_contrast(y, se, comparator):
    settings = [s.id for s in laws.BUSY_SETTINGS]
    findings = [
        cases.effect(f"f{i}", "A", comparator, y[i], se[i], study=f"j{i}", at=settings[i % 3]) for i in range(len(y))
    ]
    return cases.base_of(*findings, settings=laws.BUSY_SETTINGS, techniques=["A", "B"])


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, N), u=laws.ETAS, on=st.integers(1, 2**N - 1), comparator=st.sampled_from(("none", "B")))
def test_perfect_proxies_are_fixed_effect_meta_analysis(effects, u, on, comparator):
    """rho = 1 and one spread: the normal-normal posterior at any tau, the inverse-variance mean as tau grows.

    At tau = 1000, the face-value reader's, a covariance of condition number 1e9 leaves six digits.
    """
    y, se = laws.effects_of(effects)
    mask = np.array([float(on >> i & 1) for i in range(N)])
    eta = laws.eta_of(u, **PERFECT)
    design, hyper = laws.prepare(studies_of_one_contrast(y, se, comparator), scale_link=True)
    share = 1.0 if comparator == "none" else 2 * (1 - eta["r"])
    weights = mask / se**2
    pooled = weights @ y / weights.sum()
    for tau in (5 * eta["tau"], 1000.0):
        found = laws.at(design, hyper, eta | {"tau": tau}, Evidence(mask=mask))
        mean, variance = found.contrast(found.techniques.index("A"), found.techniques.index(comparator))
        flat = 1 / (tau**2 * share * weights.sum())
        slack = 1e-10 if tau < 1000 else 2e-6
        assert mean[0] == pytest.approx(pooled / (1 + flat), abs=slack)
        assert variance[0] == pytest.approx(1 / weights.sum() / (1 + flat), abs=slack)
    assert abs(mean[0] - pooled) <= abs(pooled) * flat + slack
    assert flat < 2e-5


# --- one contrast alone: prior, warranted, face value, ceiling ------------------------------------------------


def one_contrast(comparator):
    """A against B, or against the baseline, once, nobody's own method."""
    base = cases.base_of(cases.effect("f", "A", comparator, 1.0, 1.0), techniques=["A", "B"])
    design, hyper = laws.prepare(base)
    return base, design, hyper, build_hyper(base, load_model(find_model("face-value")), design)


ALONE = {name: one_contrast(name) for name in ("B", "none")}


def told(design, y, se):
    """The same arrays with another estimate and error of the only finding (its rows share the variance equally)."""
    told_y, log_var = design.row_y.copy(), design.row_log_var_lo.copy()
    rows = len(log_var) - 1
    told_y[0] = y
    log_var[:rows] = 2 * math.log(se) - math.log(rows)
    return replace(design, row_y=told_y, row_log_var_lo=log_var, row_log_var_hi=log_var)


@pytest.mark.parametrize("comparator", ["B", "none"])
def test_arrays_told_another_number_are_those_of_another_finding(comparator):
    _, design, _, _ = ALONE[comparator]
    from evidence.model.design import build_design

    other = build_design(cases.base_of(cases.effect("f", "A", comparator, -0.7, 0.3), techniques=["A", "B"]))
    found = told(design, -0.7, 0.3)
    np.testing.assert_allclose(found.row_y, other.row_y)
    np.testing.assert_allclose(found.row_log_var_lo[:-1], other.row_log_var_lo[:-1])


SIZES = st.floats(1e-3, 5)
ERRORS = st.floats(0.02, 3)
AGAINST = st.sampled_from(("B", "none"))


@pytest.mark.slow
@laws.CONDITIONAL
@given(y=SIZES, se=ERRORS, u=laws.ETAS, comparator=AGAINST)
def test_warranted_lies_between_the_prior_and_both_face_value_and_ceiling(y, se, u, comparator):
    """prior <= warranted <= min(face value, ceiling) for y > 0; reversed for y < 0, by the law of flipped directions.

    Needs a symmetric prior: nobody's own method, and mu_b = 0 where the baseline is the comparator.
    """
    _, design, hyper, face_value = ALONE[comparator]
    eta = laws.eta_of(u, **({"mu_b": 0.0} if comparator == "none" else {}))
    design, everything = told(design, y, se), Evidence(mask=np.ones(1))
    prior = laws.contrast_z(laws.at(design, hyper, eta, Evidence(mask=np.zeros(1))), "A", comparator)
    warranted = laws.contrast_z(laws.at(design, hyper, eta), "A", comparator)
    ceiling = laws.contrast_z(laws.at(design, hyper, eta, everything.perfect()), "A", comparator)
    read = laws.ENGINE.evaluate(design, face_value, everything, np.zeros((1, len(face_value.names))))
    face = laws.contrast_z(read, "A", comparator)
    assert face == pytest.approx(y / se, rel=1e-5)  # tau = 1000 is nearly flat
    assert prior == 0
    assert 0 <= warranted <= ceiling * (1 + ROUNDING)
    assert warranted <= y / se * (1 + ROUNDING)


@pytest.mark.slow
@laws.CONDITIONAL
@given(y=SIZES, se=ERRORS, more=st.floats(1, 10), u=laws.ETAS, lower=st.floats(0, 1), comparator=AGAINST)
def test_more_validity_or_a_smaller_error_never_moves_a_reader_less(*, y, se, more, u, lower, comparator):
    """P is monotone in rho and in the standard error, and the ceiling does not depend on the error. Prior as above."""
    _, design, hyper, _ = ALONE[comparator]
    eta = laws.eta_of(u, **({"mu_b": 0.0} if comparator == "none" else {}))
    less = eta | {"l[F]": lower * eta["l[F]"]}
    here, coarse = told(design, y, se), told(design, y, more * se)
    z = laws.contrast_z(laws.at(here, hyper, eta), "A", comparator)
    assert laws.contrast_z(laws.at(here, hyper, less), "A", comparator) <= z * (1 + ROUNDING)
    assert laws.contrast_z(laws.at(coarse, hyper, eta), "A", comparator) <= z * (1 + ROUNDING)


@laws.CONDITIONAL
@given(y=SIZES, se=ERRORS, u=laws.ETAS, comparator=AGAINST)
def test_one_finding_is_the_closed_form_with_noise_and_a_shared_part(y, se, u, comparator):
    """docs/model.md, section 5, with r, sigma and sigma_b let in: an oracle for what the laws above compare."""
    _, design, hyper, _ = ALONE[comparator]
    eta = laws.eta_of(u)
    found = laws.at(told(design, y, se), hyper, eta)
    share = 1.0 if comparator == "none" else 2 * (1 - eta["r"])
    arms = 2  # both arms carry implementation noise
    rho = eta["l[F]"] * eta["v"] * math.exp(-0.5 * eta["w_d[distance]"] - eta["w_0"])
    total = eta["tau_P"] ** 2 * share + arms * eta["sigma"] ** 2 + se**2
    total += eta["sigma_b"] ** 2 if comparator == "none" else 0.0
    residual = y - (eta["mu_b"] if comparator == "none" else 0.0)
    mean, variance = found.contrast(found.techniques.index("A"), found.techniques.index(comparator))
    cov = rho * eta["tau"] * eta["tau_P"] * share
    assert mean[0] == pytest.approx(cov * residual / total, abs=1e-10)
    assert variance[0] == pytest.approx(eta["tau"] ** 2 * share - cov**2 / total, abs=1e-10)


# --- duplicates -----------------------------------------------------------------------------------------------


def many(comparator, *, one_setting):
    """N studies of one contrast: all in one setting, or each in a setting of its own, of one family."""
    gaps = [("none", "some", "major")[i % 3] for i in range(N)]
    places = ["s"] * N if one_setting else [f"s{i}" for i in range(N)]
    alike = [cases.setting(p) for p in dict.fromkeys(places)]
    spread = [cases.setting(p, gaps={"distance": g}) for p, g in zip(places, gaps, strict=True)]
    findings = [cases.effect(f"f{i}", "A", comparator, 1.0, 1.0, study=f"j{i}", at=p) for i, p in enumerate(places)]
    return [cases.base_of(*findings, settings=s, techniques=["A", "B"]) for s in (alike, spread)]


def first(n):
    return Evidence(mask=(np.arange(N) < n).astype(float))


@pytest.mark.slow
@laws.CONDITIONAL
@given(y=SIZES, se=ERRORS, n=st.integers(2, N), u=laws.ETAS, comparator=AGAINST)
def test_duplicates_in_one_setting_never_pass_its_ceiling(y, se, n, u, comparator):
    """n studies of one setting that all find y: at least one study's shift, never more than one perfect study's."""
    design, hyper = SAME_SETTING[comparator]
    eta = laws.eta_of(u, **({"mu_b": 0.0} if comparator == "none" else {}))
    design = told_all(design, y, se)
    one, several, ceiling = (
        laws.contrast_z(laws.at(design, hyper, eta, evidence), "A", comparator)
        for evidence in (first(1), first(n), first(1).perfect())
    )
    assert one <= several * (1 + ROUNDING)
    assert several <= ceiling * (1 + ROUNDING)


@pytest.mark.slow
@laws.CONDITIONAL
@given(y=SIZES, se=ERRORS, n=st.integers(1, N), u=laws.ETAS, comparator=AGAINST)
def test_duplicates_in_one_family_never_pass_its_ceiling(y, se, n, u, comparator):
    """n settings of one family with the same gaps that all find y: never past endless perfect ones.

    The ceiling of the family: what its settings share explains l^2 T^2 of merit, however many agree. Endless settings
    that find y have a shared part y / (v tau_P), so z is l T / sqrt(1 - l^2 T^2) times that.
    """
    design, hyper = SAME_FAMILY[comparator]
    eta = laws.eta_of(u, **({"mu_b": 0.0} if comparator == "none" else {}))
    found = laws.at(told_all(design, y, se), hyper, eta, first(n))
    share = 1.0 if comparator == "none" else 2 * (1 - eta["r"])
    family = eta["l[F]"] * math.exp(-0.5 * eta["w_d[distance]"] - eta["w_0"])
    assume(family < 1)
    ceiling = family * y / (eta["v"] * eta["tau_P"] * math.sqrt(share)) / math.sqrt(1 - family**2)
    assert laws.contrast_z(found, "A", comparator) <= ceiling * (1 + ROUNDING)
    _, variance = found.contrast(found.techniques.index("A"), found.techniques.index(comparator))
    assert 1 - variance[0] / (eta["tau"] ** 2 * share) <= family**2 + 1e-12


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, N), u=laws.ETAS, comparator=AGAINST)
def test_no_family_explains_more_than_its_relevance_and_the_targets_novelty_allow(effects, u, comparator):
    """Settings of one family with any gaps and any results: at most l^2 exp(-2 w_0 n_g) of the variance is explained."""
    design, hyper = SPREAD_FAMILY[comparator]
    eta = laws.eta_of(u)
    y, se = laws.effects_of(effects)
    found = laws.at(told_all(design, y, se), hyper, eta)
    share = 1.0 if comparator == "none" else 2 * (1 - eta["r"])
    _, variance = found.contrast(found.techniques.index("A"), found.techniques.index(comparator))
    assert 1 - variance[0] / (eta["tau"] ** 2 * share) <= (eta["l[F]"] * math.exp(-eta["w_0"])) ** 2 + 1e-12


def told_all(design, y, se):
    """The arrays with other estimates and errors (one for all, or one each)."""
    rows = (len(design.row_y) - 1) // N
    told_y, log_var = design.row_y.copy(), design.row_log_var_lo.copy()
    told_y[:-1:rows] = y
    for k in range(rows):
        log_var[k:-1:rows] = 2 * np.log(se) - math.log(rows)
    return replace(design, row_y=told_y, row_log_var_lo=log_var, row_log_var_hi=log_var)


SAME_SETTING = {c: laws.prepare(many(c, one_setting=True)[0]) for c in ("B", "none")}
SAME_FAMILY = {c: laws.prepare(many(c, one_setting=False)[0]) for c in ("B", "none")}
SPREAD_FAMILY = {c: laws.prepare(many(c, one_setting=False)[1]) for c in ("B", "none")}


# --- break-even -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@laws.CONDITIONAL
@given(effects=laws.unit(2, 2), u=laws.ETAS)
def test_reading_is_worth_nothing_at_the_break_even_belief(effects, u):
    """From P after one finding to P after two: the break-even belief scores as the belief before, and lies beyond P.

    Asked of the statement that lost (A > B or B > A): its break-even belief falls, and keeps its digits however small.
    Needs a P and a belief that double precision tells from 0 and 1: where P is all but certain, only a belief of
    fewer than 1 in 10^300 is as bad as none.
    """
    y, se = laws.effects_of(effects)
    base = cases.base_of(
        cases.effect("f1", "A", "B", y[0], se[0], study="j"), cases.effect("f2", "A", "B", y[1], se[1], study="k")
    )
    design, hyper = laws.prepare(base)
    eta = laws.eta_of(u)
    before, after = (laws.at(design, hyper, eta, Evidence(mask=np.array(mask))) for mask in ((1.0, 0.0), (1.0, 1.0)))
    pair = (1, 2) if laws.contrast_z(after) < laws.contrast_z(before) else (2, 1)
    p0, p = (float(x.above(*pair)[0]) for x in (before, after))
    assume(p > 0 and p0 < 1)
    belief, shift = break_even(p, p0), logit(p) - logit(p0)
    assert (belief is None) == (abs(shift) < SMALLEST_SHIFT)
    if belief is not None:
        assert belief <= p <= p0
        if belief > 1e-300:
            assert expected_log_score_gain(belief, p, p0) == pytest.approx(0, abs=1e-9)


# --- the slow oracle ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_laws_speak_about_the_model_of_the_slow_oracle(seed):
    """What the laws compare is the posterior of the dense joint normal of docs/model.md (tests/dense.py)."""
    rng = np.random.default_rng(seed)
    y, se = laws.effects_of(rng.random((2, laws.N_EFFECTS)))
    eta = laws.eta_of(rng.random(len(laws.RANGES)))
    base = laws.busy(y, se, 0.8)
    base = base.model_copy(update={"findings": tuple(f for f in base.findings if f.kind == "effect")})
    found = laws.given(base, eta)
    gaps = {"s": 0.5, "t": eta["unknown[distance]"], "u": 1.0}
    slow = {**eta, "l": {"F": eta["l[F]"], "G": eta["l[G]"]}, "v": dict.fromkeys(gaps, eta["v"])}
    slow |= {"w_d": {"distance": eta["w_d[distance]"]}, "novelty": 1.0}
    slow["x"] = {(s, "distance"): x for s, x in gaps.items()}
    log_likelihood, mean, cov = dense.log_likelihood_and_posterior(base, slow)
    np.testing.assert_allclose(found.mean[0, 1:], mean, atol=1e-9)
    np.testing.assert_allclose(found.cov[0, 1:, 1:], cov, atol=1e-9)
    assert stats.norm.cdf(laws.contrast_z(found)) == pytest.approx(found.above(1, 2)[0], abs=1e-12)
    assert math.isfinite(log_likelihood)
