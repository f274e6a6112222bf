"""Laws from statements, against SciPy's distributions, adaptive quadrature and dense linear algebra."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

import cases
from evidence.model.elicit import (
    law_nodes,
    mean_order_kept,
    mean_square,
    merit_law,
    normal_between,
    normal_helping,
    order_kept,
    share_up_to,
    validity_keeping,
)

TAU = cases.prior("HalfNormal", scale=1.04)
R = cases.prior("Beta", a=2, b=4)


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.35, 0.5, 0.7, 0.9])
def test_the_order_of_two_is_kept_as_often_as_two_correlated_normals_agree_in_sign(rho):
    # SciPy's bivariate normal CDF: both differences are negative, or both positive
    agree = 2 * stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([0, 0])
    assert order_kept(np.array(rho)) == pytest.approx(agree, abs=1e-6)
    assert validity_keeping(float(order_kept(np.array(rho)))) == pytest.approx(rho, abs=1e-12)


def test_a_perfect_proxy_keeps_every_order_and_a_misleading_one_turns_them():
    assert order_kept(np.array([1.0, -1.0])).tolist() == [1.0, 0.0]
    assert validity_keeping(1.0) == pytest.approx(1)
    assert validity_keeping(0.25) == pytest.approx(-math.sqrt(0.5))  # sin(-pi/4)


def test_the_average_order_kept_is_not_that_of_the_middle():
    # Closed form: E[asin(u)] = pi/2 - 1 for uniform u
    assert mean_order_kept(cases.prior("Beta", a=1, b=1)) == pytest.approx(1 - 1 / math.pi, abs=1e-9)
    # SciPy's adaptive quadrature
    law = stats.beta(2.06, 8.18)
    expected = integrate.quad(lambda x: law.pdf(x) * (0.5 + math.asin(x) / math.pi), 0, 1)[0]
    assert mean_order_kept(cases.prior("Beta", a=2.06, b=8.18)) == pytest.approx(expected, abs=1e-8)
    assert mean_order_kept(cases.prior("Point", value=0.5)) == pytest.approx(2 / 3)  # asin(1/2) = pi/6


def test_a_normal_law_has_the_stated_interval():
    mean, sd = normal_between(-0.3, 1.1)
    np.testing.assert_allclose(stats.norm(mean, sd).ppf([0.1, 0.9]), [-0.3, 1.1], atol=1e-12)


@pytest.mark.parametrize(("p", "gain"), [(0.5, 0.4), (0.8, 0.5), (0.05, 1.5), (0.99, 0.1)])
def test_a_normal_law_helps_as_often_as_stated_and_then_by_the_stated_median(p, gain):
    mean, sd = normal_helping(p, gain)
    assert stats.norm(mean, sd).sf(0) == pytest.approx(p, abs=1e-12)
    # SciPy's normal law cut off below 0
    assert stats.truncnorm(-mean / sd, np.inf, mean, sd).median() == pytest.approx(gain, rel=1e-9)


def test_averages_over_a_law_are_its_moments():
    # Closed forms of the second moments
    assert mean_square(TAU) == pytest.approx(1.04**2, rel=1e-9)
    assert mean_square(R) == pytest.approx(2 * 3 / (6 * 7), rel=1e-8)
    assert mean_square(cases.prior("LogNormal", median=0.4, sigma=0.5)) == pytest.approx(0.16 * math.exp(0.5), rel=1e-9)
    assert mean_square(cases.prior("Point", value=3)) == 9


def test_a_break_is_an_end_of_a_panel():
    # A step is averaged to the CDF of SciPy's half-normal only if no panel holds it
    values, weights = law_nodes(TAU, [0.37])
    expected = stats.halfnorm(scale=1.04).cdf(0.37)
    assert weights[values <= 0.37].sum() == pytest.approx(expected, abs=1e-6)
    assert share_up_to(TAU, 0.37) == pytest.approx(expected, abs=1e-6)
    assert [share_up_to(cases.prior("Point", value=1), x) for x in (0.5, 1, 2)] == [0, 1, 1]


def mixture(function_held, function_left_out, sd):
    """What the model holds of one registered merit, by adaptive quadrature over tau: N(m, s^2), or its prior."""
    law = stats.halfnorm(scale=1.04)
    left_out = integrate.quad(lambda tau: law.pdf(tau) * function_left_out(tau), 0, sd)[0]
    return law.sf(sd) * function_held + left_out


@pytest.mark.parametrize(("mean", "sd"), [(0.6, 0.5), (-0.2, 0.1), (1.5, 1.2)])
def test_one_registered_merit_is_held_where_tau_is_above_its_sd(mean, sd):
    law = merit_law(TAU, R, [mean], [sd])
    for threshold in (-2.0, 0.0, 0.2):
        held = stats.norm(mean, sd).sf(threshold)
        expected = mixture(held, lambda tau, at=threshold: stats.norm(0, tau).sf(at), sd)
        assert law.share_beyond(0, threshold) == pytest.approx(expected, abs=1e-6)
    assert law.moments(0)[0] == pytest.approx(mixture(mean, lambda _: 0.0, sd), abs=1e-6)
    second = mixture(mean**2 + sd**2, lambda tau: tau**2, sd)
    assert law.moments(0)[1] == pytest.approx(math.sqrt(second - law.moments(0)[0] ** 2), abs=1e-6)
    low = law.quantiles(0, [0.1])[0]
    below = mixture(stats.norm(mean, sd).cdf(low), lambda tau: stats.norm(0, tau).cdf(low), sd)
    assert below == pytest.approx(0.1, abs=1e-6)


def test_nothing_registered_is_the_prior():
    law = merit_law(TAU, R, [], [])
    expected = integrate.quad(lambda tau: stats.halfnorm(scale=1.04).pdf(tau) * stats.norm(0, tau).sf(0.2), 0, 12)[0]
    assert law.share_beyond(0, 0.2) == pytest.approx(expected, abs=1e-8)


def test_merits_registered_together_are_one_conjugate_update():
    tau, r, means, sds = 1.3, 0.4, np.array([0.5, -0.1, 0.9]), np.array([0.4, 0.8, 1.6])
    law = merit_law(cases.prior("Point", value=tau), cases.prior("Point", value=r), means.tolist(), sds.tolist())
    # Dense algebra with explicit inverses: docs/model.md, y = m tau^2 / (tau^2 - s^2), variance s^2 tau^2 / (tau^2 - s^2);
    # the third sd is above tau, so it is left out; the fourth technique is one nobody spoke of.
    room = tau**2 - sds[:2] ** 2
    y, variance = means[:2] * tau**2 / room, sds[:2] ** 2 * tau**2 / room
    design = np.eye(4)[:2]
    prior = tau**2 * ((1 - r) * np.eye(4) + r)
    cov = np.linalg.inv(np.linalg.inv(prior) + design.T @ np.diag(1 / variance) @ design)
    mean = cov @ design.T @ (y / variance)
    np.testing.assert_allclose(law.mean[0], mean, atol=1e-12)
    np.testing.assert_allclose(law.cov[0], cov, atol=1e-12)
    sd = math.sqrt(cov[0, 0] + cov[3, 3] - 2 * cov[0, 3])
    assert law.share_above(0, 3) == pytest.approx(stats.norm.cdf((mean[0] - mean[3]) / sd), abs=1e-12)


def test_a_technique_nobody_spoke_of_follows_by_the_shared_part():
    # Closed form: E[other | merit] = r merit, where one merit is registered
    law = merit_law(cases.prior("Point", value=1), cases.prior("Point", value=0.3), [0.8], [0.5])
    assert law.moments(1)[0] == pytest.approx(0.3 * 0.8, abs=1e-12)
