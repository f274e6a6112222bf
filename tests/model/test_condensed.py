"""Condensed beliefs, and the scores of registrations against independent implementations."""

import itertools
import math

import numpy as np
import pytest
import scoringrules
from scipy import stats

from evidence.model.condensed import (
    condensed,
    equally_weighted,
    expected_hours_lost,
    log_density,
    order_scores,
    quantiles_of,
    random_hours_lost,
    rounded,
)
from evidence.model.contrasts import Contrasts, crps, log_odds_parts, probability_transform
from prereg_scores import contests

RNG = np.random.default_rng(3)


def mixtures(n=40, m=7):
    return Contrasts(RNG.dirichlet(np.ones(m), n), RNG.normal(0, 1.5, (n, m)), RNG.gamma(2, 0.4, (n, m)) + 0.02)


BELIEFS = mixtures()
OBSERVED, SE = RNG.normal(0, 2, 40), RNG.gamma(2, 0.2, 40)
SD = np.hypot(BELIEFS.sd, SE[:, None])


def test_log_density_is_that_of_scipy():  # scipy 1.18
    pdf = (BELIEFS.weights * stats.norm.pdf(OBSERVED[:, None], BELIEFS.mean, SD)).sum(axis=1)
    assert np.allclose(log_density(BELIEFS, OBSERVED, SE), np.log(pdf), rtol=0, atol=1e-10)


def test_log_density_and_crps_are_those_of_scoringrules():  # scoringrules 0.11: logs_mixnorm, crps_mixnorm
    args = OBSERVED, BELIEFS.mean, SD, BELIEFS.weights
    assert np.allclose(-log_density(BELIEFS, OBSERVED, SE), scoringrules.logs_mixnorm(*args), rtol=0, atol=1e-10)
    with np.errstate(all="ignore"):
        expected = [crps_mixture(*row) for row in zip(OBSERVED, BELIEFS.mean, SD, BELIEFS.weights, strict=True)]
    assert np.allclose(crps(BELIEFS, OBSERVED, SE), expected, rtol=0, atol=1e-10)
    one = Contrasts.normal(BELIEFS.mean[:, 0], BELIEFS.sd[:, 0])
    assert np.allclose(
        crps(one, OBSERVED, SE), scoringrules.crps_normal(OBSERVED, BELIEFS.mean[:, 0], SD[:, 0]), atol=1e-10, rtol=0
    )


def crps_mixture(y, mean, sd, weights):
    """Grimit et al. (2006), equation 5, term by term."""

    def a(m, v):
        s = math.sqrt(v)
        return 2 * s * stats.norm.pdf(m / s) + m * (2 * stats.norm.cdf(m / s) - 1)

    first = sum(w * a(y - m, s**2) for w, m, s in zip(weights, mean, sd, strict=True))
    parts = list(zip(weights, mean, sd, strict=True))
    second = sum(w * v * a(m - k, s**2 + r**2) for (w, m, s), (v, k, r) in itertools.product(parts, parts))
    return first - second / 2


def test_order_scores_are_those_of_scipy_and_scoringrules():
    above, below = log_odds_parts(BELIEFS, SE)
    p = (BELIEFS.weights * stats.norm.sf(0, BELIEFS.mean, SD)).sum(axis=1)
    came = OBSERVED > 0
    log_score, brier = order_scores(above, below, OBSERVED, clip=0)
    assert np.allclose(log_score, np.log(np.where(came, p, 1 - p)), rtol=0, atol=1e-10)
    assert np.allclose(brier, scoringrules.brier_score(came.astype(float), p), rtol=0, atol=1e-10)
    clipped, _ = order_scores(above, below, OBSERVED, clip=0.2)
    assert np.allclose(clipped, np.log(np.clip(np.where(came, p, 1 - p), 0.2, 0.8)), rtol=0, atol=1e-10)
    tie, square = order_scores(above[:1], below[:1], np.zeros(1), clip=0)
    assert tie[0] == pytest.approx((np.log(p[0]) + np.log1p(-p[0])) / 2, abs=1e-10)
    assert square[0] == pytest.approx((p[0] ** 2 + (1 - p[0]) ** 2) / 2, abs=1e-10)


def test_the_probability_transform_is_that_of_scipy():
    cdf = (BELIEFS.weights * stats.norm.cdf(OBSERVED[:, None], BELIEFS.mean, SD)).sum(axis=1)
    assert np.allclose(probability_transform(BELIEFS, OBSERVED, SE), cdf, rtol=0, atol=1e-12)


def test_log_density_is_finite_however_far_out():
    far = log_density(Contrasts.normal(np.zeros(2), np.array([1.0, 1e-9])), np.array([1e6, 40.0]), np.zeros(2))
    assert np.isfinite(far).all()
    assert far[0] == pytest.approx(-0.5e12, rel=1e-9)


@pytest.mark.parametrize("p_above", [None, 0.03, 0.61])
def test_a_condensed_mixture_keeps_its_probability_and_second_moment(p_above):
    w, m, s = RNG.dirichlet(np.ones(500)), RNG.normal(0.3, 1, 500), RNG.gamma(2, 0.5, 500)
    mean, sd = condensed(w, m, s, p_above=p_above)
    wanted = (w * stats.norm.sf(0, m, s)).sum() if p_above is None else p_above
    assert stats.norm.sf(0, mean, sd).mean() == pytest.approx(wanted, abs=3e-6)  # six digits
    if p_above is None:
        assert (mean**2 + sd**2).mean() == pytest.approx((w * (m**2 + s**2)).sum(), rel=1e-5)


def test_a_condensed_heavy_mixture_keeps_its_quantiles():
    scale = np.abs(RNG.normal(0, 1.2, 4000)) + 1e-3
    m, s = 0.3 * scale * RNG.normal(0, 1, 4000), scale
    mean, sd = condensed(np.ones(4000), m, s)
    probs = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    q = quantiles_of(equally_weighted([mean.tolist()], [sd.tolist()]), probs)[0]
    back = [stats.norm.cdf(x, m, s).mean() for x in q]
    assert np.abs(np.array(back) - probs).max() < 0.01


def test_rounding_keeps_six_digits_and_never_minus_zero():
    found = rounded(np.array([[1.23456789, -0.0], [-1e-9 / 3, 123456789.0]]))
    assert found.tolist() == [[1.23457, 0.0], [-3.33333e-10, 123457000.0]]
    assert math.copysign(1, found[0, 1]) == 1


@pytest.mark.parametrize("works", [[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1]])
def test_hours_lost_by_chance_are_the_mean_over_all_orders(works):
    right, hours = np.array(works, dtype=bool), np.array([3.0, 8.0, 5.0, 2.0])
    each = [expected_hours_lost(order, right, hours) for order in itertools.permutations(range(4))]
    assert random_hours_lost(right, hours) == pytest.approx(np.mean(each), abs=1e-12)
    assert min(each) == 0


def test_where_nothing_works_no_order_loses_more_than_another():
    nothing = np.zeros(3, dtype=bool)
    assert expected_hours_lost((0, 1, 2), nothing, np.ones(3)) is None
    assert random_hours_lost(nothing, np.ones(3)) is None


def test_an_order_that_never_comes_to_what_works_loses_all_its_hours():
    works, hours = np.array([False, True, False]), np.array([3.0, 8.0, 5.0])
    assert expected_hours_lost((0, 2), works, hours) == 3 + 5 - 8
    assert expected_hours_lost((0, 2, 1), works, hours) == 3 + 5


def test_the_truth_wins_contests_by_every_score():
    assert contests(20, 10_000, 5).all(axis=0).all()  # 1,000 of them: validation/prereg_scores.py
