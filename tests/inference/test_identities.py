"""Closed forms of docs/model.md section 5, through the engine at fixed hyperparameters."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

import cases
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper


def evaluate(base, model, *, evidence=None, xi=None, **changes):
    """Posterior at one draw of the hyperparameters (all points unless `xi` says otherwise)."""
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    evidence = evidence or Evidence(mask=np.ones(len(base.findings)), **changes)
    if xi is None:
        xi = np.zeros((1, len(hyper.names) + design.n_latents))
    return ExactEngine().evaluate(design, hyper, evidence, xi)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("tau", "tau_P"), [(1.0, 1.0), (0.5, 2.0)])
@pytest.mark.parametrize(("y", "se"), [(0.8, 0.25), (-2.0, 1.5), (3.0, 0.01)])
def test_one_finding_gives_the_closed_form(rho, tau, tau_P, y, se):
    posterior = evaluate(
        cases.base_of(cases.effect("f", "A", "none", y, se)), cases.point_model(rho=rho, tau=tau, tau_P=tau_P)
    )
    # MODEL section 5: E = rho tau tau_P y / (tau_P^2 + se^2), Var = tau^2 (1 - rho^2 tau_P^2 / (tau_P^2 + se^2)).
    assert posterior.mean[0, 1] == pytest.approx(rho * tau * tau_P * y / (tau_P**2 + se**2), abs=1e-10)
    assert posterior.cov[0, 1, 1] == pytest.approx(tau**2 * (1 - rho**2 * tau_P**2 / (tau_P**2 + se**2)), abs=1e-10)


@pytest.mark.parametrize("n", [1, 2, 10, 50])
def test_identical_studies_of_one_setting_reach_the_same_ceiling(n):
    rho, tau, tau_P, y = 0.6, 0.8, 1.2, 0.7
    findings = [cases.effect(f"f{i}", "A", "none", y, 1e-5, study=f"j{i}") for i in range(n)]
    posterior = evaluate(cases.base_of(*findings), cases.point_model(rho=rho, tau=tau, tau_P=tau_P))
    assert posterior.mean[0, 1] == pytest.approx(rho * tau / tau_P * y, abs=1e-9)
    assert posterior.cov[0, 1, 1] == pytest.approx(tau**2 * (1 - rho**2), abs=1e-9)


def test_a_perfect_sample_is_the_limit_of_a_small_standard_error():
    base = cases.base_of(cases.effect("f", "A", "none", 0.7, 0.9))
    model = cases.point_model(rho=0.6, tau=0.8, tau_P=1.2)
    posterior = evaluate(base, model, evidence=Evidence(mask=np.ones(1)).perfect())
    assert posterior.mean[0, 1] == pytest.approx(0.6 * 0.8 / 1.2 * 0.7, abs=1e-7)


@pytest.mark.parametrize("n", range(1, 51, 7))
def test_a_valid_linked_proxy_is_fixed_effect_meta_analysis(n):
    rng = np.random.default_rng(n)
    y, se, tau = rng.normal(0.3, 0.5, n), rng.uniform(0.1, 1.0, n), 1e3
    findings = [cases.effect(f"f{i}", "A", "none", y[i], se[i], study=f"j{i}") for i in range(n)]
    base = cases.base_of(*findings)
    posterior = evaluate(base, cases.point_model(scale_link=True, tau=tau))
    # Conjugate normal-normal posterior; as tau grows it is the inverse-variance mean. At the face-value reader's
    # tau of 1000 the covariance has condition number 1e8, which leaves about eight digits.
    precision = tau**-2 + np.sum(se**-2)
    assert posterior.mean[0, 1] == pytest.approx(np.sum(y / se**2) / np.sum(se**-2), abs=1e-6)
    assert posterior.cov[0, 1, 1] == pytest.approx(1 / precision, rel=1e-6)
    near = evaluate(base, cases.point_model(scale_link=True, tau=5.0))
    precision = 5.0**-2 + np.sum(se**-2)
    assert near.mean[0, 1] == pytest.approx(np.sum(y / se**2) / precision, abs=1e-10)
    assert near.cov[0, 1, 1] == pytest.approx(1 / precision, abs=1e-10)


@pytest.mark.parametrize("q", [0.6, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("rho", [0.0, 0.4, 0.95])
@pytest.mark.parametrize("tau_P", [0.3, 1.0])
def test_one_order_gives_the_arcsine_law(q, rho, tau_P):
    base = cases.base_of(cases.order("f", "A", "B", q))
    model = cases.point_model(rho=rho, tau_P=tau_P)
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    n = 4096
    xi = np.zeros((n, len(hyper.names) + 1))
    xi[:, -1] = stats.norm.ppf((np.arange(n) + 0.5) / n)
    posterior = ExactEngine().evaluate(design, hyper, Evidence(mask=np.ones(1)), xi)
    weights = np.exp(posterior.log_likelihood - posterior.log_likelihood.max())
    mean = posterior.mean[:, 1] - posterior.mean[:, 2]
    variance = posterior.cov[:, 1, 1] + posterior.cov[:, 2, 2] - 2 * posterior.cov[:, 1, 2]
    p = np.average(stats.norm.cdf(mean / np.sqrt(variance)), weights=weights)
    # MODEL section 5; the midpoint rule over the latent's quantiles is accurate to about 1e-4 here.
    expected = q * (0.5 + math.asin(rho) / math.pi) + (1 - q) * (0.5 - math.asin(rho) / math.pi)
    assert p == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize("mu_b", [-0.7, 0.9])
def test_one_order_of_a_flattered_technique_equals_quadrature(mu_b):
    """Against the baseline optimism shifts the statement: the effect is drawn from both sides of 0 unequally."""
    q, rho, tau_P, sigma_b, n = 0.85, 0.9, 0.6, 0.3, 4096
    base = cases.base_of(cases.order("f", "A", "none", q))
    model = cases.point_model(rho=rho, tau_P=tau_P, mu_b=mu_b, sigma_b=sigma_b)
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    xi = np.zeros((n, len(hyper.names) + 1))
    xi[:, -1] = stats.norm.ppf((np.arange(n) + 0.5) / n)
    posterior = ExactEngine().evaluate(design, hyper, Evidence(mask=np.ones(1)), xi)
    # One number is stated about one effect f ~ N(mu_b, tau_P^2 + sigma_b^2): the constant is the same for all draws.
    law = stats.norm(mu_b, math.hypot(tau_P, sigma_b))
    constant = q * law.sf(0) + (1 - q) * law.cdf(0)
    np.testing.assert_allclose(posterior.log_likelihood, math.log(constant), atol=1e-10)
    slope = rho * tau_P / law.var()
    spread = math.sqrt(1 - slope**2 * law.var())

    def density(f):
        return (q if f > 0 else 1 - q) * law.pdf(f) * stats.norm.cdf(slope * (f - mu_b) / spread) / constant

    expected = sum(integrate.quad(density, *ends)[0] for ends in ((-8, 0), (0, 8)))
    assert posterior.above(1, 0).mean() == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize(("pair", "r"), [(("A", "none"), 0.0), (("A", "B"), 0.0), (("A", "B"), 0.6)])
def test_p_is_averaged_over_what_no_finding_speaks_about(pair, r):
    """Only w_0 is free: P is a one-dimensional integral over its prior."""
    findings = (cases.effect("f1", "A", "none", 1.6, 0.2), cases.effect("f2", "B", "none", 0.1, 0.2, study="k"))
    base = cases.base_of(*findings, novelty=0.8)
    model = cases.point_model(tau=0.7, tau_P=1.1, r=r)
    w_0 = stats.halfnorm(scale=1.5)
    model = model.model_copy(update={"priors": {**model.priors, "w_0": cases.prior("HalfNormal", scale=1.5)}})
    posterior = evaluate(base, model)
    found = posterior.above(*(posterior.techniques.index(t) for t in pair))[0]
    # Given w_0 a merit is tau z, an effect tau_P z', corr(z, z') = exp(-.8 w_0), corr across techniques times r.
    across = np.array([[1, r], [r, 1]])
    weights = 1.1 * 0.7 * across @ np.linalg.inv(1.1**2 * across + 0.2**2 * np.eye(2))
    sign = np.array([1.0, -1.0 if pair[1] == "B" else 0.0])
    mean = sign @ weights @ [1.6, 0.1]
    explained = sign @ weights @ (1.1 * 0.7 * across) @ sign

    def p_given(w):
        rho = math.exp(-0.8 * w)
        return stats.norm.cdf(rho * mean / math.sqrt(0.7**2 * sign @ across @ sign - rho**2 * explained))

    expected = integrate.quad(lambda w: p_given(w) * w_0.pdf(w), 0, 12)[0]
    assert found == pytest.approx(expected, abs=1e-3)  # an eight-point rule


def random_effects_model(tau_mu, tau_het):
    from evidence.domain.records import Model

    priors = {k: cases.prior("Point", value=0.0) for k in ("sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r")}
    return Model(
        id="re", title="re", claim="test", priors={**priors, "tau_mu": tau_mu, "tau_het": tau_het},
        parametrisation={"kind": "random-effects"},
    )  # fmt: skip


def one_study_per_setting(y, se):
    findings = [
        cases.effect(f"f{i}", "A", "none", a, b, study=f"j{i}", at=f"s{i}")
        for i, (a, b) in enumerate(zip(y, se, strict=True))
    ]
    return cases.base_of(*findings)


def test_random_effects_predictive_given_the_spreads():
    y, se, tau_mu, tau_het = [0.3, -0.2, 0.9], [0.2, 0.4, 0.3], 1.5, 0.4
    model = random_effects_model(cases.prior("Point", value=tau_mu), cases.prior("Point", value=tau_het))
    posterior = evaluate(one_study_per_setting(y, se), model)
    # Textbook: mu | y normal with precision 1/tau_mu^2 + sum 1/(se^2 + tau_het^2); a new study adds tau_het^2.
    weights = 1 / (np.square(se) + tau_het**2)
    precision = tau_mu**-2 + weights.sum()
    assert posterior.mean[0, 1] == pytest.approx(weights @ np.array(y) / precision, abs=1e-10)
    assert posterior.cov[0, 1, 1] == pytest.approx(1 / precision + tau_het**2, abs=1e-10)


REFERENCE = json.loads((Path(__file__).parents[1] / "reference_numbers.json").read_text())


def integrated_predictive(y, se, tau_mu, tau_het):
    """tau_het's mean, predictive mean, sd and P(> 0): one-dimensional quadrature of the engine's collapsed likelihood.

    The trapezoid rule over the engine's own standard normal coordinate: tau_het = F^-1(Phi(xi)), weight phi(xi).
    """
    model = random_effects_model(cases.prior("Point", value=tau_mu), tau_het)
    base = one_study_per_setting(y, se)
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    xi = np.zeros((4097, len(hyper.names)))
    xi[:, 1] = np.linspace(-8, 8, 4097)
    posterior = ExactEngine().evaluate(design, hyper, Evidence(mask=np.ones(len(y))), xi)
    weights = np.exp(posterior.log_likelihood - posterior.log_likelihood.max()) * stats.norm.pdf(xi[:, 1])
    weights /= weights.sum()
    mean, variance = posterior.mean[:, 1], posterior.cov[:, 1, 1]
    average = weights @ mean
    sd = math.sqrt(weights @ (variance + mean**2) - average**2)
    return weights @ posterior.hyper[:, 1], average, sd, float(weights @ stats.norm.cdf(mean / np.sqrt(variance)))


def integrated_oracle(y, se, tau_mu, tau_het, splits):
    """The same four numbers by adaptive quadrature of the textbook marginal likelihood (nothing from the engine)."""
    y, se = np.asarray(y), np.asarray(se)

    def at(t):
        w = 1 / (se**2 + t**2)
        precision = tau_mu**-2 + w.sum()
        m = w @ y / precision
        log_l = 0.5 * np.log(w).sum() - 0.5 * math.log(precision) - 0.5 * (w @ y**2 - precision * m**2)
        return math.exp(log_l - scale) * tau_het.pdf(t), m, 1 / precision + t**2

    scale = 0.0
    scale = math.log(at(splits[len(splits) // 2])[0])

    def integral(f):
        def weighed(t):
            density, mean, variance = at(t)
            return density * f(t, mean, variance)

        pieces = [
            integrate.quad(weighed, a, b, epsabs=1e-14, epsrel=1e-12, limit=400) for a, b in itertools.pairwise(splits)
        ]
        return sum(value for value, _ in pieces)

    total = integral(lambda t, m, v: 1.0)
    tau = integral(lambda t, m, v: t) / total
    mean = integral(lambda t, m, v: m) / total
    sd = math.sqrt(integral(lambda t, m, v: v + m**2) / total - mean**2)
    return tau, mean, sd, integral(lambda t, m, v: stats.norm.cdf(m / math.sqrt(v))) / total


INTEGRATED = {
    "bcg": (
        REFERENCE["bcg"]["yi"], np.sqrt(REFERENCE["bcg"]["vi"]), 4.0,
        cases.prior("HalfNormal", scale=0.5), stats.halfnorm(scale=0.5), [0, 0.1, 0.3, 0.6, 1, 2, 4],
    ),
    "eight_schools": (
        REFERENCE["eight_schools"]["y"], np.array(REFERENCE["eight_schools"]["s"]), 50.0,
        cases.prior("HalfCauchy", scale=25), stats.halfcauchy(scale=25), [0, 1, 3, 5, 10, 30, 100, 1000, 1e5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGRATED)
def test_random_effects_integrated_over_heterogeneity_equals_adaptive_quadrature(name):
    y, se, tau_mu, tau_het, distribution, splits = INTEGRATED[name]
    found = integrated_predictive(y, se, tau_mu, tau_het)
    expected = integrated_oracle(y, se, tau_mu, distribution, splits)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_the_published_tau_agrees_to_every_digit_and_the_published_predictive_nearly():
    """reference_numbers.json: tau is exact; mu and the predictive carry the grid error of the tool that made them.

    bayesmeta's DIRECT grid leaves up to 1.5e-3: its own mu_sd^2 + tau_sd^2 + tau_mean^2 does not give its pred_sd^2.
    """
    bcg, schools = REFERENCE["bcg"]["bayes_mu_N0_4_tau_HN0.5"], REFERENCE["eight_schools"]["mu_N0_50_tau_HC25"]
    tau, _, sd, p = integrated_predictive(*INTEGRATED["bcg"][:4])
    assert (tau, sd, p) == (
        pytest.approx(bcg["tau_mean"], abs=5e-9),
        pytest.approx(bcg["pred_sd"], rel=1.6e-3),
        pytest.approx(bcg["p_pred_gt0"], rel=1.0e-3),
    )
    tau, _, sd, _ = integrated_predictive(*INTEGRATED["eight_schools"][:4])
    assert (tau, sd) == (pytest.approx(schools["tau_mean"], abs=5e-8), pytest.approx(schools["pred_sd"], rel=1e-5))


@pytest.mark.parametrize("name", INTEGRATED)
def test_the_whole_engine_agrees_with_quadrature_within_four_standard_errors(name):
    y, se, tau_mu, tau_het, *_ = INTEGRATED[name]
    model = random_effects_model(cases.prior("Point", value=tau_mu), tau_het)
    base = one_study_per_setting(y, se)
    design = build_design(base)
    posterior = ExactEngine().fit(design, build_hyper(base, model, design), Evidence(mask=np.ones(len(y))), seed=3)
    assert posterior.ok
    _, mean, sd, p = integrated_predictive(y, se, tau_mu, tau_het)
    w, m, v = posterior.weights, posterior.mean[:, 1], posterior.cov[:, 1, 1]
    for draws, expected in ((m, mean), (stats.norm.cdf(m / np.sqrt(v)), p), (v + (m - mean) ** 2, sd**2)):
        mcse = math.sqrt(np.sum(w**2 * (draws - w @ draws) ** 2))
        assert abs(w @ draws - expected) < 4 * mcse
