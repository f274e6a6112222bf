"""What it would be worth to know how good a proxy is: expected value of partial perfect information (docs/model.md, section 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

DEGREE = 3
"""Of the polynomial in normal scores that expected hours are regressed on (Strong, Oakley and Brennan 2014)."""
NULLS = 8
"""Shuffles that tell what chance alone would give."""


@dataclass(frozen=True)
class Known:
    """Hours saved by deciding on one quantity, chance taken off, and their error."""

    hours: float
    mcse: float


def value_of_knowing(
    quantity: Floats, decisions: list[tuple[Floats, int]], *, draw: NDArray[np.int64], seed: int
) -> Known:
    """Hours saved by knowing `quantity` (M,), one value per draw, before each decision.

    A decision is hours (S, options) per particle and the option chosen without knowing; `draw` (S,) says which draw a
    particle belongs to. The largest of fitted means is too large by what noise gives: the same after shuffling is taken off.
    """
    if np.ptp(quantity) <= 1e-12 * max(1.0, float(np.abs(quantity).max())):
        return Known(0.0, 0.0)
    rng = np.random.default_rng([seed, 11])
    n_draws = len(quantity)
    per_draw = np.bincount(draw, minlength=n_draws)
    met = per_draw > 0
    averaged = [(_averages(hours, draw, n_draws)[met], now) for hours, now in decisions]
    share = per_draw[met] / per_draw.sum()
    scores = _normal_scores(quantity[met])
    found = _saved(scores, averaged, share)
    nulls = [_saved(rng.permutation(scores), averaged, share) for _ in range(NULLS)]
    chance = float(np.mean(nulls))
    return Known(max(found - chance, 0.0), float(np.std(nulls)) * math.sqrt(1 + 1 / NULLS))


def _averages(hours: Floats, draw: NDArray[np.int64], n_draws: int) -> Floats:
    """(M, options) mean hours of each draw's particles."""
    sums = np.zeros((n_draws, hours.shape[1]))
    np.add.at(sums, draw, hours)
    return sums / np.maximum(np.bincount(draw, minlength=n_draws), 1)[:, None]


def _normal_scores(x: Floats) -> Floats:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(x) - 0.5) / len(x))


def _saved(scores: Floats, decisions: list[tuple[Floats, int]], share: Floats) -> float:
    basis = np.polynomial.hermite_e.hermevander(scores, DEGREE)
    weighted = basis * share[:, None]
    total = 0.0
    for hours, now in decisions:
        # Against the option chosen without knowing: what all options share is noise here.
        relative = hours - hours[:, [now]]
        fitted = basis @ np.linalg.solve(weighted.T @ basis, weighted.T @ relative)
        total -= float(share @ fitted.min(axis=1))
    return total
