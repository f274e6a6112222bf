"""Gates of a sampler, on chains whose flaws are known (TESTS R7)."""

import numpy as np
import pytest

from evidence.inference.checks import chain_checks

SHAPE = (4, 1000, 3)


def good():
    return np.random.default_rng(0).standard_normal(SHAPE)


def failed(draws, **stats):
    return {name for name, check in chain_checks(draws, stats).items() if not check.ok}


def test_independent_draws_pass_every_gate():
    rng = np.random.default_rng(1)
    stats = {"energy": rng.standard_normal(SHAPE[:2]), "diverging": np.zeros(SHAPE[:2])}
    found = chain_checks(good(), stats)
    assert found.keys() == {"r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"}
    assert all(check.ok for check in found.values())


def test_the_values_are_arvizs_worst():
    import arviz

    draws = good()
    draws[:, :, 1] += np.arange(4)[:, None]
    found = chain_checks(draws, {})
    worst = arviz.rhat(draws[:, :, 1], chain_axis=0, draw_axis=1)
    assert found["r_hat"].value == pytest.approx(float(worst), rel=1e-12)
    assert found["r_hat"].value > 1.5


def test_one_chain_elsewhere_fails():
    draws = good()
    draws[2, :, 0] += 0.5
    assert "r_hat" in failed(draws)


def test_a_chain_that_sticks_fails():
    draws = np.repeat(good()[:, ::20], 20, axis=1)
    assert {"ess_bulk", "ess_tail"} <= failed(draws)


def test_one_divergence_fails():
    diverging = np.zeros(SHAPE[:2])
    diverging[3, 7] = 1
    assert failed(good(), diverging=diverging) == {"divergences"}


def test_energy_that_hardly_moves_fails():
    # a slow random walk: E-BFMI is the variance of its steps over its own
    energy = np.cumsum(np.random.default_rng(2).standard_normal(SHAPE[:2]), axis=1)
    assert failed(good(), energy=energy) == {"e_bfmi"}


def test_what_cannot_be_judged_counts_as_failed():
    draws = good()
    draws[:, :, 2] = np.nan
    assert {"r_hat", "ess_bulk", "ess_tail"} <= failed(draws)
