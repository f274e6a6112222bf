"""The exact engine against slow, obvious computations."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import integrate, special, stats

import cases
import dense
from evidence.domain.records import Parametrisation, RegisteredMerit, RegisteredOrder, Target
from evidence.inference import exact
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine, spoken_of
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.identity import merge_alike_settings

SETTINGS = (
    cases.setting("s1", "F1", {"cap": "some", "adv": "none"}),
    cases.setting("s2", "F1", {"cap": "major", "adv": "unknown"}),
    cases.setting("s3", "F2", {"cap": "some", "adv": "some"}),
)
# Every structure at once: shared and unshared comparators, arms with the baseline among them, allegiance on either
# side, a technique met twice in one cell (repeated implementation noise), two families, an unknown gap.
FINDINGS = (
    cases.effect("f1", "A", "none", 0.5, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f2", "B", "none", 0.3, 0.3, study="j1", at="s1"),
    cases.effect("f3", "A", "B", 0.1, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f4", "C", "A", -0.4, 0.2, study="j1", at="s2", own_comparator=True),
    cases.effect("f5", "A", None, 1.5, 0.1, study="j2", at="s2"),
    cases.effect("f6", "B", None, 1.1, 0.15, study="j2", at="s2", higher_is_better=True),
    cases.effect("f7", "none", None, 0.8, 0.15, study="j2", at="s2"),
    cases.effect("f8", "A", "none", 0.9, 0.25, study="j3", at="s3", own_comparator=True),
    cases.effect("f9", "C", "none", 0.2, 0.25, study="j3", at="s3", shared_comparator=False),
    cases.effect("f10", "C", "B", 0.6, 0.3, study="j3", at="s1"),
)
BASE = cases.base_of(*FINDINGS, settings=SETTINGS, novelty=0.7, dimensions=("cap", "adv"))


def everything(base):
    return Evidence(mask=np.ones(len(base.findings)))


def eta_of(hyper, values):
    """The oracle's dictionary of one draw."""
    value = dict(zip(hyper.names, values, strict=True))
    gap = {("s1", "cap"): 0.5, ("s1", "adv"): 0.0, ("s2", "cap"): 1.0, ("s2", "adv"): value["unknown[adv]"]}
    gap |= {("s3", "cap"): 0.5, ("s3", "adv"): 0.5}
    scalars = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")
    return {
        **{k: value[k] for k in scalars}, "novelty": 0.7, "x": gap,
        "w_d": {"cap": value["w_d[cap]"], "adv": value["w_d[adv]"]},
        "l": {"F1": value["l[F1]"], "F2": value["l[F2]"]},
        "v": dict.fromkeys(("s1", "s2", "s3"), value["v[s1]"]),
    }  # fmt: skip


def assert_dense(posterior, base, hyper):
    """Merits and likelihood of every draw are those of one dense joint normal over the findings of `base`."""
    offsets = []
    for i in range(len(posterior.hyper)):
        log_likelihood, mean, cov = dense.log_likelihood_and_posterior(base, eta_of(hyper, posterior.hyper[i]))
        np.testing.assert_allclose(posterior.mean[i, 1:], mean, atol=1e-10)
        np.testing.assert_allclose(posterior.cov[i, 1:, 1:], cov, atol=1e-10)
        offsets.append(posterior.log_likelihood[i] - log_likelihood)
    # A flat level adds a constant that no hyperparameter moves.
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-9)


def test_merits_and_likelihood_equal_the_dense_joint_normal():
    design = build_design(BASE)
    hyper = build_hyper(BASE, cases.spread_model(), design)
    xi = np.random.default_rng(0).standard_normal((40, len(hyper.names)))
    posterior = ExactEngine().evaluate(design, hyper, everything(BASE), xi)
    assert_dense(posterior, BASE, hyper)


@pytest.mark.parametrize("off", [("f1",), ("f5", "f6", "f7"), ("f3", "f10"), tuple(f.id for f in FINDINGS[:9])])
def test_a_masked_finding_is_as_good_as_absent(off):
    design = build_design(BASE)
    hyper = build_hyper(BASE, cases.spread_model(), design)
    xi = np.random.default_rng(1).standard_normal((10, len(hyper.names)))
    mask = np.array([float(f not in off) for f in design.findings])
    posterior = ExactEngine().evaluate(design, hyper, Evidence(mask=mask), xi)
    rest = BASE.model_copy(update={"findings": tuple(f for f in FINDINGS if f.id not in off)})
    assert_dense(posterior, rest, hyper)


def with_targets(findings, *, merits=()):
    """The same base with a second target and findings at both of them."""
    second = Target(id="sibling", novelty=0.4, coordinates={"cap": 0.3})
    targets = (*BASE.question.targets, second)
    base = cases.base_of(*findings, settings=SETTINGS, novelty=0.7, dimensions=("cap", "adv"), techniques="ABC")
    return base.model_copy(update={"question": base.question.model_copy(update={"targets": targets}), "merits": merits})


AT_TARGETS = (
    cases.effect("t1", "A", "none", 0.4, 0.3, study="j4", at="sibling"),
    cases.effect("t2", "B", "A", -0.1, 0.3, study="j4", at="sibling"),
    cases.effect("t3", "C", None, 0.2, 0.2, study="j5", at="target", own_technique=True),
    cases.effect("t4", "A", None, 0.1, 0.2, study="j5", at="target"),
)
MERITS = (
    RegisteredMerit(technique="A", mean=0.3, sd=0.4, claim="test"),
    RegisteredMerit(technique="C", mean=-0.2, sd=0.9, claim="test"),
)


@pytest.mark.parametrize(
    ("findings", "merits"),
    [(FINDINGS, MERITS), ((*FINDINGS, *AT_TARGETS), ()), ((*FINDINGS, *AT_TARGETS), MERITS), (AT_TARGETS[:1], MERITS)],
)
def test_target_findings_registered_merits_and_stretched_settings_equal_the_dense_joint_normal(findings, merits):
    base = with_targets(findings, merits=merits)
    design = build_design(base)
    model = cases.spread_model(**{"lambda": cases.prior("LogNormal", median=1.0, sigma=0.4)})
    hyper = build_hyper(base, model.model_copy(update={"merits": merits}), design)
    xi = np.random.default_rng(0).standard_normal((40, len(hyper.names)))
    posterior = ExactEngine().evaluate(design, hyper, everything(base), xi)
    stretch = [posterior.names.index(f"lambda[{s}]") for s in ("s1", "s2", "s3")]
    offsets = []
    for i in range(len(xi)):
        eta = eta_of(hyper, posterior.hyper[i])
        eta["lambda"] = dict(zip(("s1", "s2", "s3"), posterior.hyper[i, stretch], strict=True))
        log_likelihood, mean, cov = dense.log_likelihood_and_posterior(base, eta)
        np.testing.assert_allclose(posterior.mean[i, 1:], mean, atol=1e-10)
        np.testing.assert_allclose(posterior.cov[i, 1:, 1:], cov, atol=1e-10)
        offsets.append(posterior.log_likelihood[i] - log_likelihood)
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-9)


def test_a_registered_merit_is_the_prior_and_does_not_move_the_hyperparameters():
    merit = RegisteredMerit(technique="A", mean=0.5, sd=0.3, claim="test")
    base = cases.base_of(techniques=("A", "B")).model_copy(update={"merits": (merit,)})
    model = cases.spread_model().model_copy(update={"merits": (merit,)})
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    xi = np.random.default_rng(0).standard_normal((200, len(hyper.names)))
    posterior = ExactEngine().evaluate(design, hyper, Evidence(mask=np.ones(0)), xi)
    tau = posterior.hyper[:, 0]
    # Closed form: N(0, tau^2) times the pseudo-finding is N(m, s^2) where tau > s; the prior elsewhere.
    np.testing.assert_allclose(posterior.mean[:, 1], np.where(tau > 0.3, 0.5, 0.0), atol=1e-10)
    np.testing.assert_allclose(posterior.cov[:, 1, 1], np.where(tau > 0.3, 0.09, tau**2), atol=1e-10)
    np.testing.assert_allclose(posterior.log_likelihood, 0, atol=1e-10)


def test_a_registered_order_is_held_with_its_probability():
    belief = RegisteredOrder(technique="A", comparator="B", q=0.8, claim="test")
    base = cases.base_of(techniques=("A", "B")).model_copy(update={"orders": (belief,)})
    model = cases.spread_model().model_copy(update={"orders": (belief,)})
    design = build_design(base)
    posterior = ExactEngine().fit(design, build_hyper(base, model, design), Evidence(mask=np.ones(0)), seed=1)
    values = posterior.above(1, 2)
    average, error = estimate(posterior.weights, values)
    assert abs(average - 0.8) < 4 * error  # P(statement) by definition


def weighted(base, model, n, *, seed=0):
    """Posterior at fixed hyperparameters with `n` draws of the latents, weights normalised."""
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    rng = np.random.default_rng(seed)
    xi = np.zeros((n, len(hyper.names) + design.n_latents))
    xi[:, len(hyper.names) :] = rng.standard_normal((n, design.n_latents))
    posterior = ExactEngine().evaluate(design, hyper, everything(base), xi)
    weights = np.exp(posterior.log_likelihood - posterior.log_likelihood.max())
    return posterior, weights / weights.sum()


def estimate(weights, values):
    average = weights @ values
    return average, np.sqrt(np.sum(weights**2 * (values - average) ** 2))


def test_a_chain_of_orders_equals_brute_force_simulation():
    orders = (("A", "B", 0.9), ("B", "C", 0.7), ("A", "C", 0.8), ("C", "D", 0.95), ("A", "none", 0.85))
    findings = [cases.order(f"f{i}", *o, at=s) for i, (o, s) in enumerate(itertools.product(orders, ("s1", "s2")))]
    base = cases.base_of(*findings, settings=("s1", "s2"))
    rho, tau_P, sigma_b, mu_b = 0.7, 0.8, 0.3, 0.2
    model = cases.point_model(rho=rho, tau_P=tau_P, sigma_b=sigma_b, mu_b=mu_b)
    posterior, weights = weighted(base, model, 20_000)
    a, b = posterior.techniques.index("A"), posterior.techniques.index("D")
    difference = posterior.mean[:, a] - posterior.mean[:, b]
    variance = posterior.cov[:, a, a] + posterior.cov[:, b, b] - 2 * posterior.cov[:, a, b]
    found, error = estimate(weights, stats.norm.cdf(difference / np.sqrt(variance)))
    # Oracle: draw merits and the family's effect (v = T = 1, so both settings share it), weigh by the statements.
    rng = np.random.default_rng(5)
    n = 2_000_000
    merit = rng.standard_normal((n, 4))
    shared = rho * merit + np.sqrt(1 - rho**2) * rng.standard_normal((n, 4))
    weight = np.ones(n)
    for _ in range(2):
        level = rng.normal(mu_b, sigma_b, n)
        effects = {t: tau_P * shared[:, i] + level for i, t in enumerate("ABCD")} | {"none": np.zeros(n)}
        for high, low, q in orders:
            weight *= np.where(effects[high] > effects[low], q, 1 - q)
    expected, oracle_error = estimate(weight / weight.sum(), (merit[:, 0] > merit[:, 3]).astype(float))
    assert abs(found - expected) < 4 * np.hypot(error, oracle_error)


def test_order_latents_lose_few_draws():
    findings = [cases.order(f"f{i}", a, b, 0.85) for i, (a, b) in enumerate(itertools.pairwise("ABCDEFGH"))]
    _, weights = weighted(cases.base_of(*findings), cases.point_model(rho=0.6), 4000)
    assert 1 / np.sum(weights**2) > 0.3 * len(weights)


@pytest.mark.parametrize(("k", "n", "k0", "n0"), [(0, 20, 4, 20), (2, 50, 9, 40), (4, 10, 0, 12)])
def test_small_counts_keep_their_binomial_likelihood(k, n, k0, n0):
    """Oracle: two-dimensional quadrature over the effect and the cell's level, exact binomial probabilities."""
    base = cases.base_of(cases.finding("f", "A", "none", "counts", k=k, n=n, k0=k0, n0=n0))
    rho, tau_P = 0.8, 0.7
    posterior, weights = weighted(base, cases.point_model(rho=rho, tau_P=tau_P), 20_000)
    found, error = estimate(weights, stats.norm.cdf(posterior.mean[:, 1] / np.sqrt(posterior.cov[:, 1, 1])))
    per_smd = np.pi / np.sqrt(3)

    def joint(level, effect):
        log_binomial = k * special.log_expit(per_smd * (effect + level)) + (n - k) * special.log_expit(
            -per_smd * (effect + level)
        )
        log_binomial += k0 * special.log_expit(per_smd * level) + (n0 - k0) * special.log_expit(-per_smd * level)
        return np.exp(log_binomial - 0.5 * (level / 10) ** 2 - 0.5 * (effect / tau_P) ** 2)

    levels, effects = np.linspace(-45, 45, 6001), np.linspace(-6 * tau_P, 6 * tau_P, 401)
    mass = integrate.simpson(joint(levels[None, :], effects[:, None]), x=levels, axis=1)
    mass /= mass.sum()
    expected = mass @ stats.norm.cdf(rho / tau_P * effects / np.sqrt(1 - rho**2))
    assert abs(found - expected) < 4 * error + 2e-4
    assert 1 / np.sum(weights**2) > 0.1 * len(weights)


def test_without_findings_the_prior_comes_back_and_few_draws_are_lost():
    """25 settings and the full set of hyperparameters: the case in which logit coordinates fail."""
    findings = [cases.effect(f"f{i}", "A", "none", 0.1, 0.5, at=f"s{i}") for i in range(25)]
    base = cases.base_of(*findings, settings=[cases.setting(f"s{i}", f"F{i % 5}") for i in range(25)])
    model = cases.spread_model().model_copy(update={"parametrisation": Parametrisation(construct_per="setting")})
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    posterior = ExactEngine().fit(design, hyper, Evidence(mask=np.zeros(25)), seed=0)
    assert posterior.ok
    assert posterior.checks["ess"].value >= 0.5 * len(posterior.weights)
    tau = posterior.hyper[:, posterior.names.index("tau")]
    order = np.argsort(tau)
    quantiles = np.interp([0.1, 0.5, 0.9], np.cumsum(posterior.weights[order]), tau[order])
    expected = stats.halfnorm.ppf([0.1, 0.5, 0.9])  # closed form
    np.testing.assert_allclose(quantiles, expected, atol=0.04)
    assert posterior.weights @ (posterior.mean[:, 1]) == pytest.approx(0, abs=1e-12)


def test_an_irrelevant_proxy_leaves_the_prior_of_merit():
    base = cases.base_of(cases.effect("f", "A", "none", 2.0, 0.1), cases.order("g", "A", "B", 0.9))
    model = cases.point_model(rho=0.0, tau_P=1.5)
    posterior, weights = weighted(base, model, 200)
    np.testing.assert_allclose(posterior.mean[:, 1:], 0, atol=1e-12)
    np.testing.assert_allclose(posterior.cov[:, 1:, 1:], np.broadcast_to(np.eye(2), (200, 2, 2)), atol=1e-12)
    assert weights.sum() == pytest.approx(1)


def fitted_p(base, model, *, seed=1):
    design = build_design(base)
    posterior = ExactEngine().fit(design, build_hyper(base, model, design), everything(base), seed=seed)
    assert posterior.ok
    variance = posterior.cov[:, 1, 1] + posterior.cov[:, 2, 2] - 2 * posterior.cov[:, 1, 2]
    return float(posterior.weights @ stats.norm.cdf((posterior.mean[:, 1] - posterior.mean[:, 2]) / np.sqrt(variance)))


def test_ten_names_for_one_setting_hardly_move_the_answer():
    """Ten studies either way: what is multiplied is the name of the setting, not the evidence."""
    studies = range(10)
    one = cases.base_of(*(cases.effect(f"f{i}", "A", "B", 0.8, 0.25, study=f"j{i}") for i in studies))
    ten = cases.base_of(*(cases.effect(f"f{i}", "A", "B", 0.8, 0.25, study=f"j{i}", at=f"s{i}") for i in studies))
    assert abs(fitted_p(one, cases.spread_model()) - fitted_p(merge_alike_settings(ten), cases.spread_model())) < 0.02


def test_reweighted_draws_are_the_posterior_of_the_other_findings():
    # Only mu_b ~ N(m, s^2) is free, so everything is jointly normal: the dense oracle with s^2 as the level's variance.
    findings = [cases.effect(f"f{i}", "A", "none", y, 0.6, study=f"j{i}") for i, y in enumerate((2.6, -0.4))]
    base = cases.base_of(*findings)
    rho, tau_P, m, s = 0.9, 0.6, 0.3, 0.8
    model = cases.point_model(rho=rho, tau_P=tau_P)
    model = model.model_copy(update={"priors": {**model.priors, "mu_b": cases.prior("Normal", mean=m, sd=s)}})
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    # Few enough draws to keep their own weights: from MAX_REWEIGHTED on they are resampled first.
    fitted = ExactEngine(max_rounds=3).fit(design, hyper, everything(base), seed=1)
    found = ExactEngine().reweight(fitted, design, hyper, Evidence(mask=np.array([1.0, 0.0])))
    assert found.checks["k_hat"].ok
    variance = tau_P**2 + s**2 + 0.6**2
    slope = rho * tau_P / variance
    for values, expected in (
        (found.hyper[:, hyper.names.index("mu_b")], m + s**2 / variance * (2.6 - m)),
        (found.above(1, 0), stats.norm.cdf(slope * (2.6 - m) / np.sqrt(1 - slope**2 * variance))),
    ):
        average, error = estimate(found.weights, values)
        assert abs(average - expected) < 4 * error


def test_the_same_seed_gives_the_same_posterior():
    design = build_design(BASE)
    hyper = build_hyper(BASE, cases.spread_model(), design)
    first, second = (ExactEngine(max_rounds=3).fit(design, hyper, everything(BASE), seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.mean, second.mean)


def test_one_compilation_serves_every_mask_prior_target_and_reader():
    from evidence.inference.program import collapse_all

    design = build_design(BASE)
    engine = ExactEngine(max_rounds=1)
    hyper = build_hyper(BASE, cases.spread_model(), design)
    engine.fit(design, hyper, everything(BASE), seed=0)
    before = collapse_all._cache_size()
    for i in range(5):
        mask = np.ones(len(FINDINGS))
        mask[i] = 0
        moved = hyper.pinned("tau", 0.5 + i).with_validity("F1", 0, 0.1 * i)
        engine.fit(design, moved, Evidence(mask=mask, se_scale=1.5), seed=0)
    reader = cases.point_model(scale_link=True, tau=1000.0)
    engine.fit(design, build_hyper(BASE, reader, design), everything(BASE), seed=0)
    assert collapse_all._cache_size() == before


@pytest.mark.parametrize(
    ("findings", "merits", "used", "is_known"),
    [
        (FINDINGS, (), True, False),
        (FINDINGS, MERITS, True, True),
        (FINDINGS, MERITS, False, False),  # the reader who leaves registered beliefs out
        ((*FINDINGS, *AT_TARGETS), (), True, True),
    ],
    ids=["proxies alone", "registered merits", "merits left out", "findings at targets"],
)
def test_only_what_speaks_of_the_target_can_move_its_spread_and_novelty(findings, merits, used, is_known):
    base = with_targets(findings, merits=merits)
    design = build_design(base)
    hyper = build_hyper(base, cases.spread_model().model_copy(update={"merits": merits}), design)
    known = spoken_of(design, dataclasses.replace(hyper, use_beliefs=used and hyper.use_beliefs))
    assert [known[hyper.slots[name]] for name in ("tau", "w_0")] == [is_known] * 2
    assert known[hyper.slots["tau_P"]]


def test_checks_are_made_often_at_first_and_then_at_every_fourth_round():
    assert sorted(ExactEngine().checked_rounds) == [2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 28, 32]
    assert sorted(ExactEngine(max_rounds=10, min_rounds=5).checked_rounds) == [5, 6, 7, 8, 10]


def test_a_large_literature_is_checked_again_when_its_error_may_have_fallen_enough():
    """An error e times its limit needs e^2 times the draws, and a tenth more; a fifth more where it is near already."""
    design = build_design(BASE)
    hyper = build_hyper(BASE, cases.spread_model(), design)
    rounds = exact._Rounds(design, hyper, everything(BASE), spoken_of(design, hyper))
    wanted = []
    for excess in (3.0, 1.01, 0.5):
        rounds._plan(100.0, excess)
        wanted.append(rounds.wanted_ess)
    assert wanted == pytest.approx([990.0, 120.0, 120.0])
    assert not rounds.is_full
    rounds._plan(2.0 * rounds.room, 1.5)
    assert rounds.is_full
    rounds._plan(2.0 * rounds.room, 0.5)
    assert not rounds.is_full
