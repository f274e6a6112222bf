"""Pools, learned weights and Shapley values against closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evidence.model import pools
from evidence.model.contrasts import Contrasts
from evidence.model.pools import learned_weights, linear_pool, log_pool, log_pool_probability, shapley_values


def normal(mean, sd):
    return Contrasts.normal(np.array([mean]), np.array([sd]))


def test_the_linear_pool_is_a_mixture():
    found = linear_pool([normal(0.0, 1.0), normal(2.0, 0.5)], [3, 1])
    assert (found.weights.tolist(), found.mean.tolist(), found.sd.tolist()) == (
        [[0.75, 0.25]],
        [[0.0, 2.0]],
        [[1.0, 0.5]],
    )


def test_the_logarithmic_pool_of_normals_is_the_normal_of_weighted_precision():
    w, (m, s), (n, r) = (0.3, 0.7), (0.4, 1.0), (-0.2, 0.5)
    precision = w[0] / s**2 + w[1] / r**2
    mean = (w[0] * m / s**2 + w[1] * n / r**2) / precision
    above, q = log_pool([normal(m, s), normal(n, r)], w, [0.1, 0.5, 0.9])
    expected = stats.norm(mean, precision**-0.5)
    assert above[0] == pytest.approx(expected.sf(0), abs=1e-5)
    assert np.allclose(q[0], expected.ppf([0.1, 0.5, 0.9]), atol=1e-4)


def test_the_logarithmic_pool_of_probabilities_is_the_mean_of_log_odds():
    assert log_pool_probability([0.5, 0.9], [1, 1]) == pytest.approx(0.75, abs=1e-12)  # odds 1 and 9: 3
    assert log_pool_probability([0.2, 0.8], [1, 1]) == pytest.approx(0.5, abs=1e-12)


def test_pools_of_equal_beliefs_are_that_belief():
    above, q = log_pool([normal(0.4, 0.7)] * 3, [1, 2, 3], [0.05, 0.95])
    assert above[0] == pytest.approx(stats.norm.sf(0, 0.4, 0.7), abs=1e-5)
    assert np.allclose(q[0], stats.norm.ppf([0.05, 0.95], 0.4, 0.7), atol=1e-4)


def test_learned_weights_are_equal_without_past_and_go_to_who_foretold_better():
    assert learned_weights(np.zeros((0, 3))).tolist() == [1 / 3] * 3
    assert np.allclose(learned_weights(np.zeros((5, 2))), 0.5, atol=1e-9)
    one, many = (learned_weights(np.tile([-1.0, -2.0], (n, 1)))[0] for n in (1, 50))
    assert 0.5 < one < 0.7 < many < 1


def test_learned_weights_are_at_the_top_of_what_they_maximise():
    scores = np.random.default_rng(1).normal(-1, 0.7, (12, 3))

    def objective(w):
        return np.log(np.exp(scores) @ w).sum() + pools.PRIOR_STRENGTH * np.log(w).sum()

    best = learned_weights(scores)
    for move in itertools.permutations([0.01, -0.01, 0.0]):
        assert objective(best) > objective(best + np.array(move))


def game(weights, pairs):
    """Additive worths and worths of pairs: each pair's is split evenly by the Shapley value."""

    def worth(coalition):
        return sum(weights[i] for i in coalition) + sum(x for (i, j), x in pairs.items() if {i, j} <= coalition)

    return worth


PAIRS = {(0, 1): 3.0, (1, 2): -1.0}


def test_shapley_values_split_pairs_evenly_and_add_up():
    found, error = shapley_values(4, game([1.0, 2.0, 0.5, 0.0], PAIRS))
    assert np.allclose(found, [2.5, 3.0, 0.0, 0.0], atol=1e-12)
    assert error.tolist() == [0.0] * 4


def test_drawn_orders_give_the_same_values_to_their_error():
    n = pools.EXACT_PLAYERS + 2
    weights = np.linspace(0, 1, n)

    def worth(coalition):
        return game(weights, PAIRS)(coalition) + math.sqrt(len(coalition))  # each player's share of the root is alike

    found, error = shapley_values(n, worth, orders=200)
    expected = weights + math.sqrt(n) / n + np.array([1.5, 1.0, -0.5, *[0.0] * (n - 3)])
    assert found.sum() == pytest.approx(worth(frozenset(range(n))), abs=1e-9)
    assert (np.abs(found - expected) <= 4 * error + 1e-9).all()
    assert (error < 0.1).all() and error.max() > 0
