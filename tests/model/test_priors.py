"""Quantile tables against SciPy."""

import numpy as np
import pytest
from scipy import interpolate, stats

import cases
from evidence.domain.records import ValidityClass
from evidence.model.priors import (
    GRID,
    Mixture,
    beta_density,
    beta_tails,
    grid_quantiles,
    irrelevant_share,
    law_quantiles,
    log_density,
    look_up,
    prior_from_interval,
    quantiles_at,
    scaled_law,
    tabulate,
)

PRIORS = {
    "HalfNormal": (cases.prior("HalfNormal", scale=1.5), stats.halfnorm(scale=1.5)),
    "HalfCauchy": (cases.prior("HalfCauchy", scale=25), stats.halfcauchy(scale=25)),
    "HalfStudentT": (cases.prior("HalfStudentT", df=4, scale=0.5), None),
    "Normal": (cases.prior("Normal", mean=-0.3, sd=2.0), stats.norm(-0.3, 2.0)),
    "LogNormal": (cases.prior("LogNormal", median=0.4, sigma=0.7), stats.lognorm(0.7, scale=0.4)),
    "Beta": (cases.prior("Beta", a=18, b=2), stats.beta(18, 2)),
    "Uniform": (cases.prior("Uniform", lo=-1, hi=3), stats.uniform(-1, 4)),
    "LogUniform": (cases.prior("LogUniform", lo=0.1, hi=20), stats.loguniform(0.1, 20)),
}
XI = np.random.default_rng(0).uniform(-4, 4, 400)


@pytest.mark.parametrize("name", PRIORS)
def test_interpolated_quantiles_equal_scipys(name):
    prior, oracle = PRIORS[name]
    table = tabulate(grid_quantiles(prior))
    found = np.array([look_up(np, table[None], np.array([x]))[0] for x in XI])
    if oracle is None:  # |t_4|: the quantile of the absolute value
        expected = 0.5 * stats.t(4).isf(stats.norm.sf(XI) / 2)
    else:
        expected = np.where(XI > 0, oracle.isf(stats.norm.sf(XI)), oracle.ppf(stats.norm.cdf(XI)))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("pi", [0.05, 0.2, 0.7])
def test_the_class_mixture_is_inverted_exactly(pi):
    mixture = Mixture(pi, cases.prior("Beta", a=1, b=30), cases.prior("Beta", a=6, b=3))
    inside = np.abs(GRID) < 5
    x = law_quantiles(mixture)[inside]
    cdf = pi * stats.beta(1, 30).cdf(x) + (1 - pi) * stats.beta(6, 3).cdf(x)
    np.testing.assert_allclose(stats.norm.ppf(cdf)[GRID[inside] < 2], GRID[inside][GRID[inside] < 2], atol=1e-7)
    sf = pi * stats.beta(1, 30).sf(x) + (1 - pi) * stats.beta(6, 3).sf(x)
    np.testing.assert_allclose(stats.norm.isf(sf)[GRID[inside] > -2], GRID[inside][GRID[inside] > -2], atol=1e-7)


def test_slopes_are_pchips_inside_the_grid():
    values = grid_quantiles(cases.prior("HalfNormal", scale=1.0))
    expected = interpolate.PchipInterpolator(GRID, values)(GRID, 1)
    np.testing.assert_allclose(tabulate(values)[1:-1, 1], expected[1:-1], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("lo", "hi"), [(0.05, 0.4), (0.2, 0.6), (0.9, 0.99)])
def test_a_stated_interval_is_the_80_percent_interval_of_its_prior(lo, hi):
    prior = prior_from_interval(lo, hi, support="unit", claim="test")
    np.testing.assert_allclose(stats.beta(prior.a, prior.b).ppf([0.1, 0.9]), [lo, hi], rtol=1e-7)
    positive = prior_from_interval(lo, hi, support="positive", claim="test")
    np.testing.assert_allclose(
        stats.lognorm(positive.sigma, scale=positive.median).ppf([0.1, 0.9]), [lo, hi], rtol=1e-9
    )


@pytest.mark.parametrize("name", PRIORS)
def test_the_log_density_of_a_table_is_scipys(name):
    prior, oracle = PRIORS[name]
    tables = tabulate(grid_quantiles(prior))[None]
    eta = look_up(np, tables, XI[:, None])[:, 0]
    expected = np.log(2 / 0.5) + stats.t(4).logpdf(eta / 0.5) if oracle is None else oracle.logpdf(eta)
    np.testing.assert_allclose(log_density(tables, XI[:, None])[:, 0], expected, atol=2e-3)


@pytest.mark.parametrize("pi", [0.05, 0.2, 0.7])
def test_the_log_density_of_the_class_mixture_is_scipys(pi):
    tables = tabulate(law_quantiles(Mixture(pi, cases.prior("Beta", a=1, b=30), cases.prior("Beta", a=6, b=3))))[None]
    x = look_up(np, tables, XI[:, None])[:, 0]
    expected = np.log(pi * stats.beta(1, 30).pdf(x) + (1 - pi) * stats.beta(6, 3).pdf(x))
    error = np.abs(log_density(tables, XI[:, None])[:, 0] - expected)
    # In the valley between the two components next to nothing lies, and the table is coarser than the law.
    assert error.max() < 0.5
    assert np.quantile(error, 0.95) < 2e-3


def test_the_log_density_of_a_point_is_finite():
    assert np.isfinite(log_density(tabulate(grid_quantiles(cases.prior("Point", value=1)))[None], XI[:, None])).all()


@pytest.mark.parametrize("name", [name for name in PRIORS if name != "Beta"])
def test_a_scaled_law_is_the_law_of_the_multiple(name):
    prior = PRIORS[name][0]
    xi = np.array([-2.0, -0.4, 0.0, 1.3])
    np.testing.assert_allclose(
        quantiles_at(scaled_law(prior, 2.5), xi), 2.5 * quantiles_at(prior, xi), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("law", [PRIORS["Beta"][0], Mixture(0.2, PRIORS["Beta"][0], PRIORS["Beta"][0])])
def test_a_law_without_a_scale_cannot_be_scaled(law):
    with pytest.raises(ValueError, match="wanted a law with a scale"):
        scaled_law(law, 2.0)


def test_an_interval_without_width_is_a_point():
    prior = prior_from_interval(0.4, 0.4, support="unit", claim="test")
    assert (prior.dist, prior.value) == ("Point", 0.4)


@pytest.mark.parametrize(
    ("lo", "hi", "support", "says"),
    [
        (0.6, 0.4, "unit", "the lower end first"), (0.0, 0.4, "unit", r"inside \(0, 1\)"),
        (0.5, 1.0, "unit", r"inside \(0, 1\)"), (0.0, 2.0, "positive", "positive numbers"),
    ],
)  # fmt: skip
def test_an_interval_that_no_law_has_is_refused(lo, hi, support, says):
    with pytest.raises(ValueError, match=says):
        prior_from_interval(lo, hi, support=support, claim="test")


def test_where_a_family_can_be_irrelevant_only_beta_laws_will_do():
    normal = PRIORS["Normal"][0]
    with pytest.raises(ValueError, match="wanted Beta"):
        beta_density(normal, XI)
    with pytest.raises(ValueError, match="wanted Beta"):
        beta_tails(normal, XI)


@pytest.mark.parametrize("pi", [0.0, 0.3, 1.0])
def test_the_share_of_the_irrelevant_follows_bayes(pi):
    relevance, irrelevant = stats.beta(6, 3), stats.beta(1, 30)
    klass = ValidityClass(claim="test", irrelevance=pi, relevance=cases.prior("Beta", a=6, b=3))
    x = np.array([0.01, 0.2, 0.9])
    wanted = pi * irrelevant.pdf(x) / (pi * irrelevant.pdf(x) + (1 - pi) * relevance.pdf(x))
    np.testing.assert_allclose(irrelevant_share(klass, pi, x), wanted, rtol=1e-9)
