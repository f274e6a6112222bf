"""The likelihood at a part of the draws at hand: a pilot first, then where it says that the weights will lie.

Draws of another posterior are importance draws, and most of them weigh nothing once findings or gaps have changed.
The log ratio of the likelihoods is a smooth function of the coordinates, so a regression on a few hundred draws tells
which of the others are worth their price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from evidence.inference.engine import Posterior, mixture_of

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

ROUNDS = (512, 1024, 2048)
"""Draws taken in each round, repeats included."""
FLAT, NEARLY = 0.5, 0.8
"""Powers of the weights by which draws are chosen, before a pilot and after it: flatter than the weights is safer."""
FLATTER = 0.25
"""Power of the weights in the regression, which must hold where the weights will lie, and needs many draws."""
PENALTY = 3.0
"""Draws' worth of prior that each slope of the regression is 0."""
FURTHEST = 4.0
"""Standard deviations at which a coordinate stops counting: squares of outliers would lead the regression."""


def features_of(posterior: Posterior) -> Floats:
    """(M, 1 + 2 n) one, the n coordinates that vary, standardised, and their squares."""
    x = posterior.coordinates[:, np.ptp(posterior.coordinates, axis=0) > 0]
    mean = posterior.weights @ x
    sd = np.sqrt(posterior.weights @ (x - mean) ** 2)
    z = np.clip((x - mean) / np.where(sd > 0, sd, 1.0), -FURTHEST, FURTHEST)
    return np.concatenate([np.ones((len(z), 1)), z, z**2], axis=1)


def ask_again(
    start: Posterior, features: Floats, evaluate: Callable[[Floats], Posterior]
) -> Iterator[tuple[Posterior, Floats]]:
    """After each round the draws asked so far, each once, with their log weights (M,) under the new likelihood.

    `start` holds all draws, weighted by the new prior, with the old likelihood; `evaluate` gives the new one. All
    rounds count against the mixture of how they were chosen, so that none is wasted. A draw chosen twice is one that
    weighs double: squared weights then measure the error of `start` and that of taking a part of it.
    """
    with np.errstate(divide="ignore"):
        log_start = np.log(start.weights)
    chosen = _tempered(log_start, FLAT)
    expected, counts = np.zeros(len(chosen)), np.zeros(len(chosen))
    index: Ints = np.empty(0, dtype=np.int64)
    parts: list[Posterior] = []
    for n in ROUNDS:
        expected += n * chosen
        counts += np.bincount(_systematic(chosen, n), minlength=len(chosen))
        new = np.setdiff1d(np.flatnonzero(counts), index)
        index = np.concatenate([index, new])
        if len(new):
            parts.append(evaluate(start.coordinates[new]))
            parts = [mixture_of(parts, [len(part.weights) for part in parts])]
        found = parts[0]
        ratio = found.log_likelihood - start.log_likelihood[index]
        ratio = np.where(np.isnan(ratio), -np.inf, ratio)
        log_chosen = np.log(counts[index]) - np.log(expected[index]) + log_start[index]
        log_weights = log_chosen + ratio
        yield found, log_weights
        usable = np.isfinite(log_weights)
        predicted = _predicted(features, index[usable], ratio[usable], _tempered(log_weights[usable], FLATTER))
        chosen = _tempered(log_start + predicted, NEARLY)


def _predicted(features: Floats, index: Ints, values: Floats, weights: Floats) -> Floats:
    """Values (M,) at all draws by a weighted ridge regression on those at `index`; 0 where there are none."""
    if len(index) == 0:
        return np.zeros(len(features))
    x, n = features[index], len(index)
    penalty = PENALTY / n * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    weighted = x * weights[:, None]
    # The constant of a likelihood means nothing, and its size would cost digits.
    slopes = np.linalg.solve(x.T @ weighted + penalty, weighted.T @ (values - values.max()))
    return features @ slopes


def _systematic(weights: Floats, n: int) -> Ints:
    """Indices of `n` draws, each as often as its weight says."""
    positions = (np.arange(n) + 0.5) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), positions), np.flatnonzero(weights)[-1])


def _tempered(log_weights: Floats, power: float) -> Floats:
    """Weights that sum to 1, to a power."""
    if len(log_weights) == 0:
        return log_weights
    weights = np.exp(power * (log_weights - log_weights.max()))
    return weights / weights.sum()
