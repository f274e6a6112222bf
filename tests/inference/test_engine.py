"""What is read off a posterior, against sums written out."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evidence.domain.results import Check
from evidence.inference.engine import Posterior, mixture_of, pair_moments


def posterior_of(seed, *, n=300, sound=True):
    """Three techniques, weights that differ by a factor of a hundred, merits that are correlated."""
    rng = np.random.default_rng(seed)
    weights = np.exp(rng.uniform(0, 4.6, n))
    roots = rng.normal(0, 0.7, (n, 2, 2))
    mean, cov = np.zeros((n, 3)), np.zeros((n, 3, 3))
    mean[:, 1:] = rng.normal(0.3, 0.8, (n, 2))
    cov[:, 1:, 1:] = roots @ roots.transpose(0, 2, 1) + 0.05 * np.eye(2)
    return Posterior(
        techniques=("none", "A", "B"), names=("tau",), coordinates=rng.normal(size=(n, 1)),
        hyper=rng.normal(size=(n, 1)), weights=weights / weights.sum(), log_likelihood=rng.normal(size=n),
        mean=mean, cov=cov, rho=rng.uniform(size=(n, 1)),
        checks={"k_hat": Check(value=0.1, ok=sound, wanted="< 0.7")},
    )  # fmt: skip


def p_and_error(posterior, a, b):
    """P(merit a > merit b) and its Monte Carlo standard error, draw by draw."""
    ps = []
    for mean, cov in zip(posterior.mean, posterior.cov, strict=True):
        direction = np.eye(3)[a] - np.eye(3)[b]
        ps.append(stats.norm.sf(0, direction @ mean, math.sqrt(direction @ cov @ direction)))
    average = sum(w * p for w, p in zip(posterior.weights, ps, strict=True))
    return average, math.sqrt(sum((w * (p - average)) ** 2 for w, p in zip(posterior.weights, ps, strict=True)))


def test_every_pair_has_its_p_and_its_standard_error():
    posterior = posterior_of(0)
    found = pair_moments(posterior)
    expected = [p_and_error(posterior, a, b) for a, b in itertools.combinations(range(3), 2)]
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-9)


def test_a_mixture_of_targets_counts_each_by_its_weight():
    first, second = posterior_of(1), posterior_of(2, n=200)
    mixed = mixture_of([first, second], [3.0, 1.0])
    assert mixed.weights.sum() == pytest.approx(1)
    expected = 0.75 * p_and_error(first, 1, 2)[0] + 0.25 * p_and_error(second, 1, 2)[0]
    assert mixed.weights @ mixed.above(1, 2) == pytest.approx(expected, rel=1e-12)


def test_one_failed_target_withholds_the_mixture():
    assert mixture_of([posterior_of(1), posterior_of(2)], [1.0, 1.0]).ok
    assert not mixture_of([posterior_of(1), posterior_of(2, sound=False)], [1.0, 1.0]).ok


def test_resampled_draws_stand_for_the_weighted_ones():
    posterior = posterior_of(3)
    found = posterior.resampled(50_000)
    assert np.ptp(found.weights) == 0
    assert found.above(1, 2).mean() == pytest.approx(p_and_error(posterior, 1, 2)[0], abs=1e-3)


def test_draws_of_chains_count_as_many_as_their_effective_size():
    alone = posterior_of(3)
    together = replace(alone, checks={"ess_bulk": Check(value=75.0, ok=False, wanted=">= 400")})
    assert pair_moments(together)[1] == pytest.approx(2 * pair_moments(alone)[1])
