"""Ranks of techniques and the order to try them in, from draws of their merits (docs/model.md, sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Booleans = NDArray[np.bool_]

DRAWS_AT_ONCE = 1024


def rank_distribution(merits: Floats, weights: Floats | None = None) -> Floats:
    """P(technique has rank r) as (technique, rank), column 0 the highest merit; rows and columns sum to 1.

    `merits` is (draw, technique). Techniques equal in a draw share their ranks: each holds each of them with the
    same probability. Without `weights` (one per draw, any positive sum) all draws count the same.
    """
    n_draws, n_techniques = merits.shape
    share = _normalised(weights, n_draws)
    ranks = np.zeros(n_techniques * n_techniques)
    for start in range(0, n_draws, DRAWS_AT_ONCE):
        part = slice(start, start + DRAWS_AT_ONCE)
        order = np.argsort(-merits[part], axis=1)
        place: NDArray[np.int64] = np.broadcast_to(np.arange(n_techniques, dtype=np.int64), order.shape)
        sorted_merits = np.take_along_axis(merits[part], order, axis=1)
        is_tied = (np.diff(sorted_merits, axis=1) == 0).any(axis=1)
        shares = np.broadcast_to(share[part, None], order.shape)
        flat = (order * n_techniques + place)[~is_tied]
        ranks += np.bincount(flat.ravel(), shares[~is_tied].ravel(), minlength=len(ranks))
        for row in np.flatnonzero(is_tied):
            _add_tied(ranks.reshape(n_techniques, n_techniques), order[row], sorted_merits[row], shares[row, 0])
    return ranks.reshape(n_techniques, n_techniques)


def _add_tied(ranks: Floats, order: NDArray[np.int64], sorted_merits: Floats, share: float) -> None:
    """Add one draw with ties: each of a group of equals holds each of the group's ranks."""
    bounds = np.flatnonzero(np.append(np.diff(sorted_merits) != 0, True)) + 1
    for first, last in zip(np.append(0, bounds[:-1]), bounds, strict=True):
        ranks[order[first:last], first:last] += share / (last - first)


def expected_rank_of(ranks: Floats) -> Floats:
    """Expected rank per technique, 1 = highest, from `rank_distribution`'s (technique, rank)."""
    return ranks @ np.arange(1.0, ranks.shape[1] + 1)


def sucra_of(ranks: Floats) -> Floats:
    """SUCRA = (T - E[rank]) / (T - 1) per technique: 1 is surely highest, 0 surely lowest, 1/2 the mean.

    Raises ValueError for fewer than two techniques.
    """
    n_techniques = ranks.shape[1]
    if n_techniques < 2:
        raise ValueError(f"ranks: found {n_techniques} technique, wanted at least 2: SUCRA compares techniques")
    return (n_techniques - expected_rank_of(ranks)) / (n_techniques - 1)


def greedy_try_order(works: Booleans, hours: Floats, *, weights: Floats | None = None) -> tuple[int, ...]:
    """Techniques in the order to try them: next is the highest P(it works, all before failed) / hours.

    `works` is (draw, technique): whether it would succeed in that draw; `hours` what a try of each costs. Expected
    hours stay within a factor 4 of the best order's (min-sum set cover). Once no technique left can succeed where
    all before failed, the rest keeps its order.
    """
    share = _normalised(weights, len(works))
    left = list(range(works.shape[1]))
    order: list[int] = []
    while left:
        gain = share @ works[:, left] / hours[left]
        chosen = left.pop(int(np.argmax(gain)))
        order.append(chosen)
        share = np.where(works[:, chosen], 0.0, share)
    return tuple(order)


def expected_hours_of(
    order: Sequence[int], works: Booleans, hours: Floats, loss: float, *, weights: Floats | None = None
) -> float:
    """Expected hours until the first success: sum of hours x P(all before failed), plus loss x P(all fail)."""
    share = _normalised(weights, len(works))
    total = 0.0
    for t in order:
        total += float(hours[t] * share.sum())
        share = np.where(works[:, t], 0.0, share)
    return total + loss * float(share.sum())


def _normalised(weights: Floats | None, n_draws: int) -> Floats:
    if n_draws == 0:
        raise ValueError("merits: found no draws, wanted at least one")
    if weights is None:
        return np.full(n_draws, 1 / n_draws)
    total = float(weights.sum())
    if not (np.isfinite(total) and total > 0 and bool((weights >= 0).all())):
        raise ValueError(f"weights: found a sum of {total}, wanted finite weights >= 0 with a positive sum")
    return weights / total
