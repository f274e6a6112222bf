"""Mixtures of normals and their scores against SciPy, quadrature and simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from evidence.model import contrasts
from evidence.model.contrasts import (
    MAX_COMPONENTS,
    Contrasts,
    calibration_slope,
    crps,
    log_odds_parts,
    probability_transform,
)

MIXED = Contrasts(
    weights=np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]]),
    mean=np.array([[0.2, -1.0, 3.0], [0.7, 9.0, 9.0], [0.0, 0.5, -0.4]]),
    sd=np.array([[0.5, 1.0, 0.1], [0.3, 1.0, 1.0], [2.0, 0.05, 0.4]]),
)
SE = np.array([0.2, 0.1, 0.0])
SEEN = np.array([0.4, 0.9, -1.5])


def spelled_out(beliefs, se, i):
    """(weight, mean, sd of what would be observed) of pair i, component by component."""
    rows = zip(beliefs.weights[i], beliefs.mean[i], beliefs.sd[i], strict=True)
    return [(w, m, math.sqrt(s**2 + se[i] ** 2)) for w, m, s in rows]


def cdf(mixture, x):
    return sum(w * stats.norm.cdf(x, m, s) for w, m, s in mixture)


def crps_by_quadrature(mixture, observed):
    """Integral of (F(x) - 1{x >= observed})^2: the definition."""
    reach = max(abs(m) + 12 * s for _, m, s in mixture) + abs(observed)
    steps = [m + k * s for w, m, s in mixture if w > 0 for k in (-6, -3, -1, 0, 1, 3, 6)]
    edges = sorted({-reach, *steps, observed, reach})
    edges = [e for e in edges if -reach <= e <= reach]

    def integrand(x):
        return (cdf(mixture, x) - (x >= observed)) ** 2

    return sum(integrate.quad(integrand, a, b, epsabs=1e-12)[0] for a, b in itertools.pairwise(edges))


def test_the_chances_of_both_signs_are_those_of_scipy():
    above, below = log_odds_parts(MIXED, SE)
    for i in range(3):
        mixture = spelled_out(MIXED, SE, i)
        assert math.exp(below[i]) == pytest.approx(cdf(mixture, 0.0), rel=1e-12)
        assert math.exp(above[i]) == pytest.approx(sum(w * stats.norm.sf(0, m, s) for w, m, s in mixture), rel=1e-12)


def test_the_chances_of_both_signs_keep_their_digits_where_one_is_all_but_impossible():
    # z = 40: SciPy's norm.logcdf, an independent series; exp of it is 0 in floating point.
    above, below = log_odds_parts(Contrasts.normal(np.array([4.0]), np.array([0.1])), np.array([0.0]))
    assert below[0] == pytest.approx(stats.norm.logcdf(-40.0), rel=1e-12)
    assert below[0] < -800
    assert above[0] == 0.0
    # A component of weight 0 says nothing, even where it is the only one on that side.
    sure = Contrasts(np.array([[1.0, 0.0]]), np.array([[4.0, -9.0]]), np.array([[0.1, 0.1]]))
    assert log_odds_parts(sure, np.array([0.0]))[1][0] == pytest.approx(stats.norm.logcdf(-40.0), rel=1e-12)


def test_the_error_of_the_outcome_widens_what_is_believed_of_it():
    # Closed form: X ~ N(1, .6^2) observed with se .8 is N(1, 1).
    above, _ = log_odds_parts(Contrasts.normal(np.array([1.0]), np.array([0.6])), np.array([0.8]))
    assert above[0] == pytest.approx(stats.norm.logcdf(1.0), rel=1e-12)


def test_the_probability_transform_is_the_cdf_and_uniform_for_who_is_right():
    found = probability_transform(MIXED, SEEN, SE)
    np.testing.assert_allclose(found, [cdf(spelled_out(MIXED, SE, i), SEEN[i]) for i in range(3)], rtol=1e-12)
    # Identity: the CDF of a draw from its own law is uniform (4,000 draws; Kolmogorov's test at .001).
    rng = np.random.default_rng(3)
    n = 4000
    weights, mean, sd = (np.repeat(x[:1], n, axis=0) for x in (MIXED.weights, MIXED.mean, MIXED.sd))
    which = rng.choice(3, size=n, p=MIXED.weights[0])
    seen = rng.normal(mean[0, which], np.hypot(sd[0, which], 0.2))
    uniform = probability_transform(Contrasts(weights, mean, sd), seen, np.full(n, 0.2))
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    # A reader twice as sure is found out by the same test.
    assert (
        stats.kstest(probability_transform(Contrasts(weights, mean, sd / 2), seen, 0 * seen), "uniform").pvalue < 1e-3
    )


def test_the_crps_is_the_integral_that_defines_it():
    wanted = [crps_by_quadrature(spelled_out(MIXED, SE, i), SEEN[i]) for i in range(3)]
    np.testing.assert_allclose(crps(MIXED, SEEN, SE), wanted, rtol=1e-7)


def test_the_crps_of_one_normal_is_the_closed_form():
    # Gneiting and Raftery (2007): sd (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)).
    mean, sd, se, seen = np.array([0.3, -2.0]), np.array([0.4, 1.0]), np.array([0.3, 0.0]), np.array([1.0, -2.0])
    s = np.hypot(sd, se)
    z = (seen - mean) / s
    wanted = s * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    np.testing.assert_allclose(crps(Contrasts.normal(mean, sd), seen, se), wanted, rtol=1e-12)


def test_thinning_a_wide_mixture_costs_little_crps(monkeypatch):
    rng = np.random.default_rng(4)
    m = 1500
    weights = rng.dirichlet(np.ones(m), size=4)
    wide = Contrasts(weights, rng.normal(0, 0.5, (4, m)), rng.uniform(0.05, 0.6, (4, m)))
    seen, se = np.array([0.0, 0.8, -1.5, 3.0]), np.full(4, 0.1)
    thin = crps(wide, seen, se)
    monkeypatch.setattr(contrasts, "MAX_COMPONENTS", m)
    full = crps(wide, seen, se)
    assert (thin != full).any()
    # 256 of 1,500 components: their mean is known within .5 / sqrt(256) = .03 if they were drawn at random, and
    # |d CRPS / d mean| <= 1; systematic resampling does not do worse.
    np.testing.assert_allclose(thin, full, atol=3 * 0.5 / math.sqrt(MAX_COMPONENTS))


def test_thinning_takes_equal_shares_of_weight():
    # Two blocks of equal components with 3/4 and 1/4 of the weight: thinning keeps 192 and 64 of 256.
    weights = np.r_[np.full(300, 0.75 / 300), np.full(300, 0.25 / 300)][None, :]
    wide = Contrasts(weights, np.r_[np.zeros(300), np.ones(300)][None, :], np.ones((1, 600)))
    thin = contrasts._thinned(wide)
    assert thin.mean.sum() == pytest.approx(64)
    np.testing.assert_allclose(thin.weights, 1 / 256)


def test_rows_are_taken_and_replaced_as_they_stand():
    index = np.array([2, 0])
    taken = MIXED.taken(index)
    np.testing.assert_array_equal(taken.mean, MIXED.mean[[2, 0]])
    np.testing.assert_array_equal(taken.weights, MIXED.weights[[2, 0]])
    np.testing.assert_array_equal(taken.sd, MIXED.sd[[2, 0]])
    narrow = Contrasts.normal(np.array([5.0, 6.0, 7.0]), np.array([0.1, 0.2, 0.3]))
    where = np.array([True, False, True])
    scores = {
        "narrow in wide": (MIXED.replaced(where, narrow), [narrow, MIXED, narrow]),
        "wide in narrow": (narrow.replaced(where, MIXED), [MIXED, narrow, MIXED]),
    }
    for found, wanted in scores.values():
        np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)
        for i, source in enumerate(wanted):
            # What is believed of pair i is what its source believes, whatever the padding.
            expected = log_odds_parts(source, SE)[0][i]
            assert log_odds_parts(found, SE)[0][i] == pytest.approx(expected, rel=1e-12)
            assert crps(found, SEEN, SE)[i] == pytest.approx(crps(source, SEEN, SE)[i], rel=1e-12)


@pytest.mark.parametrize("slope", [0.4, 1.0, 1.7])
def test_the_slope_of_calibration_is_that_of_the_simulation(slope):
    # Outcomes drawn with P = expit(slope x) by a reader who says expit(x); the standard error from Fisher information.
    rng = np.random.default_rng(5)
    n = 20_000
    x = rng.normal(0, 1.2, n)
    right = 1 / (1 + np.exp(-slope * x))
    a_won = rng.random(n) < right
    said = 1 / (1 + np.exp(-x))
    p = np.where(a_won, said, 1 - said)
    se = 1 / math.sqrt(np.sum(x**2 * right * (1 - right)))
    assert calibration_slope(p) == pytest.approx(slope, abs=3 * se)
    assert 3 * se < 0.1


def test_the_slope_of_calibration_of_those_who_know_nothing_and_of_those_who_are_always_right():
    # Right as often as wrong at the same confidence: closed form 0. At .8 right 4 times in 5: closed form 1.
    assert calibration_slope(np.array([0.9, 0.1])) == pytest.approx(0.0, abs=1e-4)
    assert calibration_slope(np.array([0.8] * 4 + [0.2])) == pytest.approx(1.0, abs=1e-4)
    # Nobody was surer than a coin, or nobody ever wrong: no slope is best.
    assert calibration_slope(np.full(5, 0.5)) is None
    assert calibration_slope(np.full(5, 0.9)) is None
