"""Meta-analysis of one contrast against reference numbers, quadrature over both parameters, and least squares."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from evidence.model.meta import fixed_effect, random_effects

REFERENCE = json.loads((Path(__file__).parents[1] / "reference_numbers.json").read_text())
BCG_Y, BCG_SE = np.array(REFERENCE["bcg"]["yi"]), np.sqrt(REFERENCE["bcg"]["vi"])
SCHOOLS_Y, SCHOOLS_SE = (np.array(REFERENCE["eight_schools"][k]) for k in ("y", "s"))
CASES = {
    "bcg": (BCG_Y, BCG_SE, 0.5),
    "eight schools": (SCHOOLS_Y, SCHOOLS_SE, 10.0),
    "two": (np.array([1.0, -0.5]), np.array([0.1, 0.4]), 0.5),
    "one": (np.array([1.0]), np.array([0.3]), 0.5),
}


def moments(weights, mean, variance):
    centre = weights @ mean
    return centre, math.sqrt(weights @ (variance + (mean - centre) ** 2))


def by_grid(y, se, scale):
    """(mean, sd) of mu and of a new setting from a grid over mu and tau: nothing integrated by hand.

    Simpson's rule with 4,001 points of mu and 601 of tau, on the half-normal prior's whole weight.
    """
    tau = np.linspace(0, 8 * scale, 601)
    spread = math.hypot(float(np.max(se)), 8 * scale)
    mu = np.linspace(y.min() - 8 * spread, y.max() + 8 * spread, 4001)
    log_p = np.zeros((len(tau), len(mu)))
    for one, error in zip(y, se, strict=True):
        log_p += stats.norm.logpdf(one, mu[None, :], np.hypot(error, tau)[:, None])
    p = np.exp(log_p - log_p.max()) * stats.halfnorm.pdf(tau, scale=scale)[:, None]

    def mean_of(f):
        def total(g):
            return integrate.simpson(integrate.simpson(p * g, x=mu, axis=1), x=tau)

        return total(f) / total(np.ones_like(p))

    first = mean_of(np.broadcast_to(mu, p.shape))
    of_mu = mean_of((mu[None, :] - first) ** 2)
    return first, math.sqrt(of_mu), math.sqrt(of_mu + mean_of(np.broadcast_to(tau[:, None] ** 2, p.shape)))


@pytest.mark.parametrize("name", CASES)
def test_random_effects_are_those_of_quadrature_over_both_parameters(name):
    y, se, scale = CASES[name]
    weights, mean, of_mu, of_new = random_effects(y, se, scale=scale)
    centre, sd, sd_new = by_grid(y, se, scale)
    found, found_sd = moments(weights, mean, of_mu)
    # The midpoint rule in tau ends at 6 scales, beyond which the prior has 2e-9.
    assert found == pytest.approx(centre, abs=2e-4 * sd)
    assert found_sd == pytest.approx(sd, rel=3e-4)
    assert moments(weights, mean, of_new)[1] == pytest.approx(sd_new, rel=3e-4)


def test_bcg_agrees_with_the_published_analysis_as_far_as_its_prior_does():
    """reference_numbers.json has mu ~ N(0, 4^2), here mu is flat: with sd(mu) = .187 that shrinks mu by .187^2 / 16.

    Its predictive carries a grid error of 1.5e-3 (docs/model.md, section 5).
    """
    published = REFERENCE["bcg"]["bayes_mu_N0_4_tau_HN0.5"]
    weights, mean, of_mu, of_new = random_effects(BCG_Y, BCG_SE, scale=0.5)
    (centre, sd), (_, sd_new) = moments(weights, mean, of_mu), moments(weights, mean, of_new)
    assert centre * (1 - sd**2 / 16) == pytest.approx(published["mu_mean"], abs=2e-3 * sd)
    assert sd * (1 - sd**2 / 32) == pytest.approx(published["mu_sd"], rel=2e-3)
    assert sd_new == pytest.approx(published["pred_sd"], rel=4e-3)
    tau = (np.arange(len(weights)) + 0.5) / len(weights) * 6 * 0.5
    assert weights @ tau == pytest.approx(published["tau_mean"], rel=1e-3)
    assert math.sqrt(weights @ tau**2 - (weights @ tau) ** 2) == pytest.approx(published["tau_sd"], rel=2e-3)


def test_without_heterogeneity_it_is_the_fixed_effect():
    # Limit: a prior that leaves tau no room. The scale is a thousandth of the smallest error.
    weights, mean, of_mu, of_new = random_effects(BCG_Y, BCG_SE, scale=1e-3 * float(BCG_SE.min()))
    pooled, se = fixed_effect(BCG_Y, BCG_SE)
    assert moments(weights, mean, of_mu) == (pytest.approx(pooled, rel=1e-5), pytest.approx(se, rel=1e-5))
    assert moments(weights, mean, of_new)[1] == pytest.approx(se, rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_a_new_setting_is_known_less_well_than_the_average_of_all(name):
    y, se, scale = CASES[name]
    weights, _, of_mu, of_new = random_effects(y, se, scale=scale)
    assert (of_new > of_mu).all()
    assert weights.sum() == pytest.approx(1)


def test_the_fixed_effect_is_weighted_least_squares():
    # numpy.polyfit of degree 0 with weights 1/se; its unscaled covariance is the variance.
    (wanted,), cov = np.polyfit(np.zeros(len(BCG_Y)), BCG_Y, 0, w=1 / BCG_SE, cov="unscaled")
    assert fixed_effect(BCG_Y, BCG_SE) == (pytest.approx(wanted, rel=1e-10), pytest.approx(cov[0, 0] ** 0.5, rel=1e-10))


@pytest.mark.parametrize("pool", [fixed_effect, lambda y, se: random_effects(y, se, scale=0.5)])
def test_nothing_cannot_be_pooled(pool):
    with pytest.raises(ValueError, match="wanted at least one"):
        pool(np.array([]), np.array([]))
