"""Asking a likelihood at a part of the draws: closed forms for normal draws and normal likelihoods."""

import numpy as np
import pytest
from scipy import stats

from evidence.analysis.pilot import ROUNDS, ask_again, features_of
from evidence.inference.engine import Posterior

M, N = 20_000, 6


def posterior_of(xi, weights, log_likelihood):
    n = len(xi)
    return Posterior(
        techniques=("none", "A"), names=tuple("abcdef"), coordinates=xi, hyper=xi, weights=weights,
        log_likelihood=log_likelihood, mean=np.zeros((n, 2)), cov=np.zeros((n, 2, 2)), rho=np.zeros((n, 1)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def draws():
    """Wide draws weighted to be N(0, I), so that the likelihood at hand is constant."""
    xi = 1.5 * np.random.default_rng(3).standard_normal((M, N))
    log_weights = stats.norm.logpdf(xi).sum(axis=1) - stats.norm.logpdf(xi, scale=1.5).sum(axis=1)
    weights = np.exp(log_weights)
    return posterior_of(xi, weights / weights.sum(), np.zeros(M))


def rounds_of(draws, log_likelihood):
    asked = []

    def evaluate(xi):
        asked.append(xi)
        return posterior_of(xi, np.full(len(xi), 1 / len(xi)), log_likelihood(xi))

    return list(ask_again(draws, features_of(draws), evaluate)), np.concatenate(asked)


def moved(xi):
    """One observation 2 of the first coordinate with standard error 1/2: the posterior is N(1.6, 0.2)."""
    return -0.5 * ((xi[:, 0] - 2) / 0.5) ** 2 + 700.0


def test_every_round_has_the_mean_of_the_new_posterior(draws):
    rounds, _ = rounds_of(draws, moved)
    assert len(rounds) == len(ROUNDS)
    for found, log_weights in rounds:
        w = np.exp(log_weights - log_weights.max())
        w /= w.sum()
        for values, expected in ((found.coordinates[:, 0], 1.6), (found.coordinates[:, 0] ** 2, 1.6**2 + 0.2)):
            mean = w @ values
            assert abs(mean - expected) < 4 * np.sqrt(np.sum(w**2 * (values - mean) ** 2))


def test_no_draw_is_asked_twice(draws):
    rounds, asked = rounds_of(draws, moved)
    assert len(np.unique(asked, axis=0)) == len(asked) <= sum(ROUNDS)
    assert np.array_equal(rounds[-1][0].coordinates, asked)


def test_after_the_pilot_draws_are_those_that_weigh(draws):
    rounds, _ = rounds_of(draws, moved)
    ess = [np.exp(w).sum() ** 2 / (np.exp(w) ** 2).sum() for w in (lw - lw.max() for _, lw in rounds)]
    assert ess[1] / (ROUNDS[0] + ROUNDS[1]) > 2 * ess[0] / ROUNDS[0]


def test_draws_that_have_become_impossible_weigh_nothing(draws):
    rounds, _ = rounds_of(draws, lambda xi: np.where(xi[:, 0] > 0, 0.0, -np.inf))
    for found, log_weights in rounds:
        assert np.all(np.isneginf(log_weights) == (found.coordinates[:, 0] <= 0))
