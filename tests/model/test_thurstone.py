"""Pairs as merits: Thurstone's closed form, the joint law of merits by another path, and a search by another optimiser."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

import cases
from evidence.model.elicit import merit_law
from evidence.model.thurstone import MISFIT_SD, fit_merits

TAU = cases.prior("HalfNormal", scale=1.04)
R = cases.prior("Beta", a=2, b=4)


def test_with_a_known_spread_the_pair_is_thurstones():
    # Closed form: independent merits, so P(A > B) = Phi((m_A - m_B) / (s sqrt 2))
    means, sd = fit_merits(2, [(0, 1)], [0.7], cases.prior("Point", value=1), cases.prior("Point", value=0))
    assert stats.norm.cdf((means[0] - means[1]) / (sd * math.sqrt(2))) == pytest.approx(0.7, abs=0.003)
    assert means.sum() == pytest.approx(0, abs=1e-6)
    assert 0 < sd < 1


CHAIN, STATED = [(0, 1), (1, 2), (3, 1)], [0.8, 0.7, 0.6]


def cost_of(means, sd, pairs, stated):
    """What is to be minimised, from the joint law of all merits instead of the closed form of one pair."""
    law = merit_law(TAU, R, list(means), [sd] * len(means))
    misfits = [law.share_above(i, j) - p for (i, j), p in zip(pairs, stated, strict=True)]
    relative = [(m / 1.04, sd / 1.04) for m in means]  # E[tau^2] of a half-normal is its scale squared
    claims = sum(m**2 + s**2 - 1 - math.log(s**2) for m, s in relative) / 2
    return sum(x**2 for x in misfits) / (2 * MISFIT_SD**2) + claims


def test_no_other_merits_say_less_and_hold_the_pair_as_well():
    means, sd = fit_merits(2, [(0, 1)], [0.8], TAU, R)
    # Nelder-Mead, which knows no slopes, over the means (which are opposite) and log sd
    found = optimize.minimize(
        lambda x: cost_of([x[0], -x[0]], math.exp(x[1]), [(0, 1)], [0.8]), [0.3, -1.0], method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-9},
    )  # fmt: skip
    assert means[0] == pytest.approx(found.x[0], abs=2e-3)
    assert sd == pytest.approx(math.exp(found.x[1]), abs=2e-3)


def test_a_chain_is_held_by_the_joint_law():
    means, sd = fit_merits(4, CHAIN, STATED, TAU, R)
    law = merit_law(TAU, R, means.tolist(), [sd] * 4)
    held = [law.share_above(i, j) for i, j in CHAIN]
    np.testing.assert_allclose(held, STATED, atol=0.005)  # as the page says: to half in 100
    least = cost_of(means, sd, CHAIN, STATED)
    rng = np.random.default_rng(0)
    for _ in range(6):
        assert cost_of(means + 0.02 * rng.standard_normal(4), sd, CHAIN, STATED) > least
    assert min(cost_of(means * k, sd * k, CHAIN, STATED) for k in (0.97, 1.03)) > least


def test_normals_hold_no_circle():
    # By symmetry the means are equal, and every pair is at one half
    means, _ = fit_merits(3, [(0, 1), (1, 2), (2, 0)], [0.6] * 3, TAU, R)
    np.testing.assert_allclose(means, 0, atol=1e-6)
