"""Several people's beliefs as one: linear and logarithmic pools, weights from past scores, and Shapley values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evidence.model.condensed import log_density
from evidence.model.contrasts import Contrasts

type Floats = NDArray[np.float64]
type Coalition = frozenset[int]

GRID = 4001
EXACT_PLAYERS = 10
"""Up to so many groups Shapley values are computed over all of their subsets."""
PRIOR_STRENGTH = 1.0
"""Learned weights are held back as if every reviewer had won this many questions more."""


def linear_pool(beliefs: Sequence[Contrasts], weights: Sequence[float]) -> Contrasts:
    """Each contrast as the mixture of what the reviewers believe of it: who is right is uncertain."""
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    joined = [np.concatenate([getattr(b, name) for b in beliefs], axis=1) for name in ("mean", "sd")]
    return Contrasts(np.concatenate([w * b.weights for w, b in zip(share, beliefs, strict=True)], axis=1), *joined)


def log_pool_probability(p: Sequence[float], weights: Sequence[float]) -> float:
    """The normalised weighted geometric mean of probabilities of one event, each inside (0, 1)."""
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    q = np.asarray(p, dtype=np.float64)
    odds = float(share @ (np.log(q) - np.log1p(-q)))
    return 1 / (1 + math.exp(-odds))


def log_pool(beliefs: Sequence[Contrasts], weights: Sequence[float], probs: Sequence[float]) -> tuple[Floats, Floats]:
    """P(contrast > 0) (n,) and quantiles (n, len(probs)) of the logarithmic pool: densities multiplied, to a grid's error.

    Trapezoidal on GRID points over all components' +-10 standard deviations.
    """
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    n = len(beliefs[0].mean)
    above, quantiles = np.empty(n), np.empty((n, len(probs)))
    for i in range(n):
        alone = [b.taken(np.array([i])) for b in beliefs]
        lo = max(float((b.mean - 10 * b.sd).min()) for b in alone)
        hi = min(float((b.mean + 10 * b.sd).max()) for b in alone)
        x = np.linspace(min(lo, hi - 1e-6), max(hi, lo + 1e-6), GRID)
        # One belief at every point of the grid: its log density without an error of observation.
        log_p = np.sum([w * _log_density_on(b, x) for w, b in zip(share, alone, strict=True)], axis=0)
        p = np.exp(log_p - log_p.max())
        cdf = np.concatenate([[0.0], np.cumsum((p[1:] + p[:-1]) / 2)])
        cdf /= cdf[-1]
        above[i] = 1 - np.interp(0.0, x, cdf)
        rising = np.concatenate([[True], np.diff(cdf) > 0])
        quantiles[i] = np.interp(probs, cdf[rising], x[rising])
    return above, quantiles


def _log_density_on(belief: Contrasts, x: Floats) -> Floats:
    wide = Contrasts(*(np.broadcast_to(a, (len(x), a.shape[1])) for a in (belief.weights, belief.mean, belief.sd)))
    return log_density(wide, x, np.zeros(len(x)))


def learned_weights(log_scores: Floats) -> Floats:
    """Weights (R,) of R reviewers from their log scores (questions, R) of past questions, in nats.

    Those that would have made the linear pool's past densities highest, held back towards equal weights by
    PRIOR_STRENGTH questions each: with nothing resolved they are equal. One question counts as one draw.
    """
    n_reviewers = log_scores.shape[1]
    weights = np.full(n_reviewers, 1 / n_reviewers)
    if not len(log_scores):
        return weights
    relative = np.exp(log_scores - log_scores.max(axis=1, keepdims=True))
    for _ in range(10_000):
        shares = weights * relative
        shares /= shares.sum(axis=1, keepdims=True)
        new = shares.sum(axis=0) + PRIOR_STRENGTH
        new /= new.sum()
        if np.abs(new - weights).max() < 1e-12:
            return new
        weights = new
    return weights


def shapley_values(
    n: int, worth: Callable[[Coalition], float], *, seed: int = 1, orders: int = 100
) -> tuple[Floats, Floats]:
    """Shapley values (n,) of a game and their standard errors: 0 up to EXACT_PLAYERS players, else from drawn orders.

    Each order is drawn with its reverse, which cancels much of the error; `worth` is asked once for each coalition.
    """
    known: dict[Coalition, float] = {}

    def value(coalition: Coalition) -> float:
        if coalition not in known:
            known[coalition] = worth(coalition)
        return known[coalition]

    if n <= EXACT_PLAYERS:
        found = np.zeros(n)
        for size in range(n):
            factor = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for i in range(n):
                for rest in itertools.combinations([j for j in range(n) if j != i], size):
                    found[i] += factor * (value(frozenset((*rest, i))) - value(frozenset(rest)))
        return found, np.zeros(n)
    rng = np.random.default_rng(seed)
    draws: list[Floats] = []
    for _ in range(orders):
        order = rng.permutation(n)
        draws.append((_marginal(order, value) + _marginal(order[::-1], value)) / 2)
    return np.mean(draws, axis=0), np.std(draws, axis=0, ddof=1) / math.sqrt(orders)


def _marginal(order: NDArray[np.int64], value: Callable[[Coalition], float]) -> Floats:
    found, before = np.zeros(len(order)), frozenset[int]()
    for i in order.tolist():
        after = before | {i}
        found[i] = value(after) - value(before)
        before = after
    return found
