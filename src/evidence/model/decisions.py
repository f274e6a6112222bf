"""The two decisions of the crunch: in which order to try techniques, and whether to check one (docs/model.md, section 7)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.model.ranks import greedy_try_order

type Floats = NDArray[np.float64]
type Booleans = NDArray[np.bool_]
type Ints = NDArray[np.int64]

MOST_EXACT = 16
"""Techniques up to which the cheapest of all orders is found; beyond, a greedy order within a factor of 4."""
GREEDY_FACTOR = 4.0
"""Expected hours of the greedy order are at most this many times the cheapest order's (min-sum set cover)."""


@dataclass(frozen=True)
class TryPlan:
    """An order to try techniques in, and how many times the cheapest order's hours it may cost at most."""

    order: tuple[int, ...]
    factor: float
    """1 where the order is the cheapest of all."""


def plan_tries(works: Booleans, hours: Floats, loss: float, *, weights: Floats | None = None) -> TryPlan:
    """The cheapest order up to MOST_EXACT techniques, the greedy one beyond.

    `works` (draw, technique): whether it would succeed in that draw; `hours` (technique,) of one try; `loss`: hours
    lost if all fail, which no order changes.
    """
    if works.shape[1] > MOST_EXACT:
        return TryPlan(greedy_try_order(works, hours, weights=weights), GREEDY_FACTOR)
    return TryPlan(cheapest_order(fail_probabilities(works, weights), hours)[0], 1.0)


def failing_sets(works: Booleans) -> Ints:
    """The set of failing techniques in each draw (draw,): bit t is set where technique t fails."""
    return (~works).astype(np.int64) @ (1 << np.arange(works.shape[1], dtype=np.int64))


def fail_probabilities(works: Booleans, weights: Floats | None = None) -> Floats:
    """P(every technique of a set fails) for each set of T techniques, (2^T,); bit t of the index is technique t."""
    n, n_techniques = works.shape
    share = np.full(n, 1 / n) if weights is None else weights / weights.sum()
    fails = np.bincount(failing_sets(works), weights=share, minlength=1 << n_techniques)
    return sums_over_supersets(fails)


def sums_over_supersets(values: Floats) -> Floats:
    """For each set the sum of `values` (2^T,) over the sets that hold it."""
    total = np.array(values, dtype=np.float64)
    bit = 1
    while bit < len(total):
        pairs = total.reshape(-1, 2, bit)
        pairs[:, 0] += pairs[:, 1]
        bit *= 2
    return total


def cheapest_order(fails: Floats, hours: Floats) -> tuple[tuple[int, ...], float]:
    """The order with the fewest expected hours, and these hours without what is lost if all fail.

    `fails` as of `fail_probabilities`. From a set that has failed the next try t costs hours[t] P(the set fails); the
    cheapest way on from each set follows from those of the sets with one technique more.
    """
    n = len(hours)
    on = np.zeros(1 << n)
    chosen = np.zeros(1 << n, dtype=np.int64)
    for sets, nexts in _layers(n):
        bits = np.left_shift(np.int64(1), nexts)
        costs = fails[sets][:, None] * hours[nexts] + on[sets[:, None] | bits]
        first = costs.argmin(axis=1)
        rows = np.arange(len(sets))
        on[sets], chosen[sets] = costs[rows, first], nexts[rows, first]
    order: list[int] = []
    done = 0
    while len(order) < n:
        order.append(int(chosen[done]))
        done |= 1 << order[-1]
    return tuple(order), float(on[0])


@functools.lru_cache(maxsize=2)
def _layers(n: int) -> tuple[tuple[Ints, Ints], ...]:
    """Sets with n - 1, n - 2, .. 0 techniques, each with the (set, n - size) techniques that it lacks."""
    every = np.arange(1 << n, dtype=np.int64)
    held = (every[:, None] >> np.arange(n)) & 1
    sizes = held.sum(axis=1)
    layers: list[tuple[Ints, Ints]] = []
    for size in range(n - 1, -1, -1):
        sets = every[sizes == size]
        layers.append((sets, np.nonzero(held[sets] == 0)[1].reshape(len(sets), n - size)))
    return tuple(layers)


def hours_of_orders(orders: Sequence[Sequence[int]], works: Booleans, hours: Floats, loss: float) -> Floats:
    """Hours until the first success in each draw under each order, (draw, order); `loss` is added where all fail."""
    out = np.empty((len(works), len(orders)))
    any_works = works.any(axis=1)
    for k, order in enumerate(orders):
        index = np.asarray(order)
        # Tried up to and with the first that works; all of them where none does.
        tried = np.where(any_works, works[:, index].argmax(axis=1) + 1, len(index))
        out[:, k] = np.concatenate([[0.0], np.cumsum(hours[index])])[tried]
    return out + np.where(any_works, 0.0, loss)[:, None]


def least_hours(works: Booleans, hours: Floats, loss: float) -> Floats:
    """Hours in each draw if one knew what works, (draw,): the quickest success, or all tries and the loss."""
    quickest = np.where(works, hours, np.inf).min(axis=1)
    return np.where(works.any(axis=1), quickest, hours.sum() + loss)


@dataclass(frozen=True)
class Reliance:
    """Check first, or ship a technique unchecked."""

    technique: int | None
    """None: check."""
    hours: float
    """Expected hours of that choice."""


def verify_or_ship(p_fail: Floats, check_hours: float, failure_hours: float) -> Reliance:
    """The cheaper of a check and of shipping the technique (T,) that is least expected to fail.

    A check costs `check_hours` and finds a failure out; a technique shipped unchecked that fails costs `failure_hours`.
    """
    surest = int(np.argmin(p_fail))
    shipped = float(p_fail[surest]) * failure_hours
    return Reliance(surest, shipped) if shipped < check_hours else Reliance(None, check_hours)


def hours_of_reliance(works: Booleans, check_hours: float, failure_hours: float) -> Floats:
    """Hours in each draw of shipping each technique, then of checking: (draw, T + 1)."""
    return np.column_stack([np.where(works, 0.0, failure_hours), np.full(len(works), check_hours)])


def greedy_orders(works: Booleans, hours: Floats, weights: Floats) -> Ints:
    """The greedy order under each of J beliefs, (J, T): `weights` (J, draw) over the draws of `works` (draw, technique)."""
    share = np.array(weights, dtype=np.float64)
    success = works.astype(np.float64)
    left = np.ones((len(share), works.shape[1]), dtype=bool)
    orders = np.empty(left.shape, dtype=np.int64)
    rows = np.arange(len(share))
    for step in range(works.shape[1]):
        gain = np.where(left, share @ success / hours, -1.0)
        orders[:, step] = gain.argmax(axis=1)
        left[rows, orders[:, step]] = False
        share *= ~works[:, orders[:, step]].T
    return orders
