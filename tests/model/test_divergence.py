"""Distances between distributions against quadrature, closed forms and ArviZ."""

import warnings

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from evidence.model.divergence import (
    ALPHAS,
    attached_draws,
    cjs_distance,
    overlap_of_draws,
    power_sensitivity,
    spanning_grid,
    weighted_cdfs,
)


def cjs_by_quadrature(p, q, lo, hi):
    """Cumulative Jensen-Shannon distance of two CDFs (functions) over lo..hi, as priorsense defines it."""

    def gain(a, b):
        return (a * np.log2(2 * a / (a + b)) if a > 0 else 0.0) + (b - a) / (2 * np.log(2))

    def one_sided(f, g, ends):
        both = [integrate.quad(lambda x, a=a, b=b: gain(a(x), b(x)), *ends, limit=200)[0] for a, b in ((f, g), (g, f))]
        return np.sqrt(sum(max(0.0, x) for x in both) / integrate.quad(lambda x: f(x) + g(x), *ends)[0])

    mirrored = one_sided(lambda x: 1 - p(-x), lambda x: 1 - q(-x), (-hi, -lo))
    return max(one_sided(p, q, (lo, hi)), mirrored)


@pytest.mark.parametrize(("shift", "scale"), [(0.3, 1.0), (0.0, 0.7), (-1.0, 1.5), (0.0, 1.0)])
def test_the_distance_equals_its_integral(shift, scale):
    p, q = stats.norm(0, 1), stats.norm(shift, scale)
    grid = np.linspace(-4, 4, 97)
    found = cjs_distance(p.cdf(grid), q.cdf(grid), grid)
    assert found == pytest.approx(cjs_by_quadrature(p.cdf, q.cdf, -4, 4), abs=1e-4)
    assert found == pytest.approx(float(cjs_distance(q.sf(grid), p.sf(grid), grid)), rel=1e-12)  # symmetric, sign-free


def test_the_cdf_of_attached_draws_is_the_mixtures():
    rng = np.random.default_rng(0)
    means, sds = rng.normal(size=1000), rng.uniform(0.5, 1, 1000)
    weights = np.stack([np.full(1000, 1e-3), rng.dirichlet(np.ones(1000))])
    draws = attached_draws(means, sds)
    grid = spanning_grid(draws)
    expected = [stats.norm.cdf((grid[:, None] - means) / sds) @ row for row in weights]
    # 2,000 draws: a binomial standard error of at most .011 (equal weights; less, being stratified)
    np.testing.assert_allclose(weighted_cdfs(draws, weights, grid), expected, atol=0.04)
    np.testing.assert_allclose(weighted_cdfs(draws, weights, grid)[:, -1], 1, rtol=1e-12)


def test_distances_of_many_reweightings_are_taken_at_once():
    rng = np.random.default_rng(0)
    draws = attached_draws(rng.normal(size=50), rng.uniform(0.5, 1, 50))
    cdfs = weighted_cdfs(draws, rng.dirichlet(np.ones(50), size=3), spanning_grid(draws))
    together = cjs_distance(cdfs[0], cdfs, spanning_grid(draws))
    assert together[0] == 0
    assert together[2] == pytest.approx(float(cjs_distance(cdfs[0], cdfs[2], spanning_grid(draws))), rel=1e-12)


def test_a_merit_without_spread_is_at_distance_0():
    draws = attached_draws(np.zeros(10), np.zeros(10))
    cdfs = weighted_cdfs(draws, np.full((2, 10), 0.1), spanning_grid(draws))
    assert cjs_distance(cdfs[0], cdfs[1], spanning_grid(draws)) == 0


def test_a_shift_by_a_quarter_of_a_standard_deviation_a_doubling_is_about_the_threshold():
    # quadrature over what 2,000 draws of a standard normal span
    grid = spanning_grid(attached_draws(np.zeros(1000), np.ones(1000)))
    base = stats.norm.cdf
    found, expected = [], []
    for alpha in ALPHAS:
        moved = stats.norm(0.23 * np.log2(alpha)).cdf
        found.append(cjs_distance(base(grid), moved(grid), grid))
        expected.append(cjs_by_quadrature(base, moved, grid[0], grid[-1]) / abs(np.log2(alpha)))
    assert power_sensitivity(*found) == pytest.approx(np.mean(expected), rel=0.01)
    assert power_sensitivity(*found) == pytest.approx(0.05, abs=0.002)


def test_power_sensitivity_agrees_with_arviz_on_the_same_draws():
    # ArviZ smooths the largest weights; a quarter's power leaves little to smooth.
    from arviz import from_dict, psense

    rng = np.random.default_rng(1)
    theta = rng.normal(0.4, 0.6, (4, 1000))
    log_prior = stats.norm(0, 0.7).logpdf(theta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = from_dict({"posterior": {"theta": theta}, "log_prior": {"theta": log_prior}})
        expected = float(psense(tree, group="prior", alphas=ALPHAS)["theta"])
    x = theta.ravel()
    weights = np.exp([(alpha - 1) * log_prior.ravel() for alpha in (*ALPHAS, 1.0)])
    weights /= weights.sum(axis=1, keepdims=True)
    grid = spanning_grid(x)
    lower, upper, base = weighted_cdfs(x[:, None], weights, grid)
    found = power_sensitivity(cjs_distance(base, lower, grid), cjs_distance(base, upper, grid))
    assert found == pytest.approx(expected, rel=0.02)


def test_the_overlap_of_draws_is_near_the_true_one():
    rng = np.random.default_rng(2)
    prior = stats.norm.ppf((rng.permutation(4096) + 0.5) / 4096)
    draws = np.stack([rng.normal(size=4000), rng.normal(1.0, 1.0, 4000), rng.normal(0, 0.3, 4000)], axis=1)
    found = overlap_of_draws(draws, np.full(4000, 1 / 4000), np.stack([prior] * 3, axis=1))
    cross = optimize.brentq(lambda x: stats.norm.pdf(x) - stats.norm(0, 0.3).pdf(x), 0.1, 3)
    narrow = 2 * stats.norm.sf(cross / 0.3) + 2 * (stats.norm.cdf(cross) - 0.5)
    np.testing.assert_allclose(found, [1.0, 2 * stats.norm.cdf(-0.5), narrow], atol=0.04)


def test_draws_from_the_prior_itself_overlap_it_almost_fully_even_when_few_count():
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.full(2000, 0.2))
    prior = stats.norm.ppf((rng.permutation(2048) + 0.5) / 2048)
    found = overlap_of_draws(rng.normal(size=(2000, 1)), weights, prior[:, None])
    assert 1 / np.sum(weights**2) < 400
    assert found[0] > 0.93
