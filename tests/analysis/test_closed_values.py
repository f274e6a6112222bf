"""Closed forms of values of information: published numbers, quadrature, and the limits they must have."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from closed_values import (
    calibrated_gain,
    gain_of_two,
    hours_of_verify_or_ship,
    p_both,
    sd_of_expectation,
    value_of_gain,
    value_of_verify_or_ship,
)

REFERENCE = json.loads((Path(__file__).parents[1] / "reference_numbers.json").read_text())["voi"]
"""R package voi, its vignette, exact by integration: NB = [0, p1 - p2], p1 ~ N(1, 1), p2 ~ N(0, 2)."""


def test_values_of_information_are_the_published_ones():
    assert gain_of_two(1.0, math.sqrt(5)) == pytest.approx(REFERENCE["EVPI"], abs=1e-8)
    assert gain_of_two(1.0, 1.0) == pytest.approx(REFERENCE["EVPPI_p1"], abs=1e-8)
    assert gain_of_two(1.0, 2.0) == pytest.approx(REFERENCE["EVPPI_p2"], abs=1e-8)
    for n, value in REFERENCE["EVSI_p1_sigma1"].items():
        assert gain_of_two(1.0, sd_of_expectation(1.0, 1 / math.sqrt(int(n)))) == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("a", [-1.3, 0.0, 0.4])
@pytest.mark.parametrize("b", [-0.7, 0.0, 2.0])
@pytest.mark.parametrize("r", [-0.95, -0.3, 0.0, 0.6, 0.99])
def test_two_normals_both_stay_below(a, b, r):
    def density(x):
        return stats.norm.pdf(x) * stats.norm.cdf((b - r * x) / math.sqrt(1 - r**2))

    wanted = integrate.quad(density, -12, a, epsabs=1e-13, limit=400)[0]
    assert p_both(a, b, r) == pytest.approx(wanted, abs=1e-8)


CASE = {"threshold": 0.2, "cov": 0.5, "variance": 0.8, "check": 2.0, "failure": 9.0}
MEAN, SD = 0.7, 0.9


def by_quadrature(*, kappa, reader_sd, mean=MEAN, sd=SD, threshold, cov, variance, check, failure):
    """Hours of the reader's decision, outcome by outcome: the obvious version."""

    def hours(s):
        believed = stats.norm.cdf(threshold, mean + kappa * s, reader_sd)
        warranted = stats.norm.cdf(threshold, mean + cov / variance * s, math.sqrt(sd**2 - cov**2 / variance))
        return stats.norm.pdf(s, 0, math.sqrt(variance)) * (
            failure * warranted if believed * failure < check else check
        )

    # The decision changes at one surprise: integrate up to it and from it.
    turn = (threshold - reader_sd * stats.norm.ppf(check / failure) - mean) / kappa
    parts = [(-9.0, np.clip(turn, -9, 9)), (np.clip(turn, -9, 9), 9.0)]
    return sum(integrate.quad(hours, lo, hi, epsabs=1e-12, limit=500)[0] for lo, hi in parts)


def test_verify_or_ship_after_a_result_is_its_integral():
    kappa, spread = calibrated_gain(cov=0.5, variance=0.8), math.sqrt(SD**2 - 0.25 / 0.8)
    wanted = by_quadrature(kappa=kappa, reader_sd=spread, **CASE)
    assert hours_of_verify_or_ship(MEAN, SD, **CASE) == pytest.approx(wanted, abs=1e-8)
    before = min(2.0, 9.0 * stats.norm.cdf(0.2, MEAN, SD))
    assert value_of_verify_or_ship(MEAN, SD, **CASE) == pytest.approx(before - wanted, abs=1e-8)


@pytest.mark.parametrize(("kappa", "reader_sd"), [(1.5, 0.3), (0.2, 0.8), (3.0, 0.05)])
def test_a_reader_who_updates_otherwise_is_judged_by_the_warranted_belief(kappa, reader_sd):
    wanted = by_quadrature(kappa=kappa, reader_sd=reader_sd, **CASE)
    found = hours_of_verify_or_ship(MEAN, SD, kappa=kappa, reader_sd=reader_sd, **CASE)
    assert found == pytest.approx(wanted, abs=1e-8)
    assert found >= hours_of_verify_or_ship(MEAN, SD, **CASE) - 1e-12


def test_a_gain_is_worth_most_where_it_is_calibrated_and_can_do_harm():
    cov, variance, mean = 0.3, 1.2, 0.4
    star = calibrated_gain(cov=cov, variance=variance)
    values = {
        k: value_of_gain(mean, kappa=k * star, cov=cov, variance=variance) for k in (0.2, 0.5, 1.0, 2.0, 5.0, 50.0)
    }
    assert max(values, key=values.get) == 1.0
    # Calibrated, the value is that of choosing between the technique and nothing.
    assert values[1.0] == pytest.approx(gain_of_two(mean, star * math.sqrt(variance)), abs=1e-12)
    assert values[50.0] < 0
    # d11: the limit of endless over-updating adopts by the sign of the surprise alone.
    limit = mean / 2 + cov / math.sqrt(variance) * stats.norm.pdf(0) - mean
    assert value_of_gain(mean, kappa=1e9, cov=cov, variance=variance) == pytest.approx(limit, abs=1e-6)


def test_the_value_of_a_gain_is_its_integral():
    mean, kappa, cov, variance = 0.4, 0.9, 0.3, 1.2

    def adopted(s):
        return stats.norm.pdf(s, 0, math.sqrt(variance)) * (mean + cov / variance * s)

    wanted = integrate.quad(adopted, -mean / kappa, 12, epsabs=1e-13)[0] - mean
    assert value_of_gain(mean, kappa=kappa, cov=cov, variance=variance) == pytest.approx(wanted, abs=1e-8)


def test_nothing_learned_is_worth_nothing():
    assert gain_of_two(0.3, 0.0) == 0.0
    assert value_of_gain(0.3, kappa=0.0, cov=0.1, variance=1.0) == 0.0


@pytest.mark.parametrize("r", [-1.0, 1.0])
@pytest.mark.parametrize(("a", "b"), [(0.4, -0.7), (-0.2, 1.5), (-1.0, -0.5)])
def test_two_normals_that_are_one_stay_below_together(a, b, r):
    # X, and Y = X or -X: P(X <= min(a, b)), or P(-b <= X <= a).
    wanted = stats.norm.cdf(min(a, b)) if r > 0 else max(0.0, stats.norm.cdf(a) - stats.norm.cdf(-b))
    assert p_both(a, b, r) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("mean", [-1.0, 0.8])
def test_who_learns_nothing_decides_at_once(mean):
    numbers = {
        "threshold": 0.0,
        "cov": 0.2,
        "variance": 1.0,
        "check": 8.0,
        "failure": 40.0,
        "kappa": 0.0,
        "reader_sd": 0.5,
    }
    p_fails = stats.norm.cdf((0.0 - mean) / 0.9)
    ships = stats.norm.cdf(-mean / 0.5) < 8.0 / 40.0
    assert hours_of_verify_or_ship(mean, 0.9, **numbers) == pytest.approx(40.0 * p_fails if ships else 8.0)


def test_a_check_dearer_than_a_failure_is_never_made():
    numbers = {"threshold": 0.3, "cov": 0.4, "variance": 1.0, "check": 50.0, "failure": 40.0}
    wanted = 40.0 * stats.norm.cdf((0.3 - 0.1) / 0.9)
    assert hours_of_verify_or_ship(0.1, 0.9, **numbers) == pytest.approx(wanted, rel=1e-12)
