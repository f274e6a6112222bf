"""How a reader sees imagined outcomes: expected hours of every decision after each of them (docs/model.md, section 7).

Particles are weighed by the outcome. Where a reader's law is so narrow that weights leave too few, some are moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.model.decisions import (
    MOST_EXACT,
    cheapest_order,
    fail_probabilities,
    failing_sets,
    greedy_orders,
    hours_of_orders,
    hours_of_reliance,
    least_hours,
)
from evidence.model.foreseen import Law, Outcomes, Particles
from evidence.model.moved import Update, fewer, update_by
from evidence.model.ranks import greedy_try_order

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Order = tuple[int, ...]

GROUPS = 8
"""Of particles, for errors."""
WEIGHED_AT_ONCE = 2**22
MOVED_AT_ONCE = 2**17
ALL_SETS = 12
"""Techniques up to which hours are found once for every set that may fail."""
ENOUGH = 200
"""Effective particles from which on weights are trusted, and"""
PLENTY = 1000
"""to tell how rarely a technique fails, which is then counted; below, that probability is computed draw by draw."""
MOVED = 2048
"""Particles that are moved where they are not."""
ESS_OUTCOMES = 32


@dataclass(frozen=True)
class Stakes:
    """What the crunch asks: techniques (columns of the merits), hours, and when one works."""

    columns: Ints
    hours: Floats
    """(T,) of a trial."""
    threshold: float
    """SMD that a merit must exceed."""
    all_fail: float
    check: float
    failure: float

    def works(self, merits: Floats) -> NDArray[np.bool_]:
        """(.., T) what works, of merits (.., T - 1) of all techniques but the baseline."""
        return merits[..., self.columns] > self.threshold


@dataclass(frozen=True)
class Table:
    """Hours of every decision as columns: orders, then reliance (each technique shipped, then a check), then the least of either.

    The hours of what is chosen before any outcome are taken off, so that what is averaged is small.
    """

    orders: tuple[Order, ...]
    stakes: Stakes
    before: tuple[int, int]
    """Columns of the order and the reliance chosen before."""

    @property
    def tries(self) -> slice:
        """Columns of the orders."""
        return slice(0, len(self.orders))

    @property
    def reliance(self) -> slice:
        """Columns of each technique shipped, then of a check."""
        return slice(len(self.orders), len(self.orders) + len(self.stakes.hours) + 1)

    @property
    def least(self) -> tuple[int, int]:
        """Columns of the hours of whoever knows what works."""
        return self.reliance.stop, self.reliance.stop + 1

    def hours(self, works: NDArray[np.bool_]) -> Floats:
        """(n, C) hours where `works` (n, T) says what works, more than with what is chosen before."""
        s = self.stakes
        tries = np.column_stack(
            [hours_of_orders(self.orders, works, s.hours, s.all_fail), least_hours(works, s.hours, s.all_fail)]
        )
        relied = np.where(works.any(axis=1), 0.0, min(s.check, s.failure))
        reliance = np.column_stack([hours_of_reliance(works, s.check, s.failure), relied])
        tries, reliance = (
            tries - tries[:, [self.before[0]]],
            reliance - reliance[:, [self.before[1] - self.reliance.start]],
        )
        return np.concatenate([tries[:, :-1], reliance[:, :-1], tries[:, -1:], reliance[:, -1:]], axis=1)

    def of_every_set(self) -> Floats | None:
        """(2^T, C) hours for each set of failing techniques; None for too many."""
        n = len(self.stakes.hours)
        return None if n > ALL_SETS else self.hours((np.arange(1 << n)[:, None] >> np.arange(n)) & 1 == 0)

    def at_particles(self, works: NDArray[np.bool_]) -> Floats:
        """(S, C) hours at each particle: far fewer sets of failing techniques than particles."""
        _, met, back = np.unique(failing_sets(works), return_index=True, return_inverse=True)
        return self.hours(works[met])[back]


@dataclass(frozen=True)
class Means:
    """Expected hours (J, C) after each of J outcomes, and effective particles (J,)."""

    mean: Floats
    ess: Floats
    by_group: Floats | None = None
    """(G, J, C) the same by each group of particles alone, and"""
    group_weights: Floats | None = None
    """(G, J) the weight of each group, which add up to 1."""


@dataclass(frozen=True)
class Sight:
    """Outcomes as one reader sees them."""

    outcomes: Outcomes
    particles: Particles
    stakes: Stakes
    features: Floats
    """(S, F) of the reader's law."""
    factor: float
    update: Update | None
    """How particles are moved; None where they are weighed."""
    rare: Update | None = None
    """What tells rare failures where particles are weighed but few; None where they are counted."""

    def weights(self, index: slice) -> NDArray[np.float32]:
        """(J, S) weights of all particles after some outcomes; not yet divided by their sums."""
        logits = self.outcomes.taken(index).features() @ self.features.T
        logits -= logits.max(axis=1, keepdims=True)
        # Single precision tells weights apart far better than particles tell hours apart, and takes half the time.
        return np.exp((self.factor * logits).astype(np.float32))

    def planned(self, n: int, *, exact: bool) -> list[Order]:
        """Orders that this reader would plan after `n` of the outcomes."""
        some = slice(n)
        hours, found = self.stakes.hours, list[Order]()
        exact = exact and len(hours) <= MOST_EXACT
        if self.update is None:
            weights = self.weights(some).astype(np.float64)
            works = self.stakes.works(self.particles.merits)
            found += [tuple(order) for order in greedy_orders(works, hours, weights).tolist()]
            return found + [cheapest_order(fail_probabilities(works, w), hours)[0] for w in weights if exact]
        for then, weights in _moved(self.update, self.outcomes.taken(some), self.stakes):
            found += [greedy_try_order(w, hours, weights=weight) for w, weight in zip(then, weights, strict=True)]
            if exact:
                found += [
                    cheapest_order(fail_probabilities(w, x), hours)[0] for w, x in zip(then, weights, strict=True)
                ]
        return found

    def means(self, table: Table, *, grouped: bool = False) -> Means:
        """Expected hours after each outcome; `grouped` tells them by groups of particles too."""
        found = self._weighed(table, grouped=grouped) if self.update is None else self._of_moved(table, grouped=grouped)
        rare = self.update or self.rare
        if rare is not None and not grouped and len(rare.law.q) == 0 and rare.factor > 0:
            found.mean[:, table.reliance] = self._reliance(rare, table)
        return found

    def _weighed(self, table: Table, *, grouped: bool) -> Means:
        groups, S = GROUPS if grouped else 1, len(self.particles.draw)
        values = table.at_particles(self.stakes.works(self.particles.merits)).astype(np.float32)
        by_group = values.reshape(groups, S // groups, -1)
        parts: list[tuple[Floats, Floats, Floats]] = []
        step = max(1, WEIGHED_AT_ONCE // S)
        for start in range(0, len(self.outcomes.sizes), step):
            w = self.weights(slice(start, start + step))
            split = w.reshape(len(w), groups, -1).transpose(1, 0, 2)
            sums = split.sum(axis=2, dtype=np.float64)
            ess = sums.sum(axis=0) ** 2 / np.einsum("js,js->j", w, w)
            parts.append(((split @ by_group).astype(np.float64), sums, ess))
        sums, weights = (np.concatenate([p[i] for p in parts], axis=1) for i in (0, 1))
        return _combined(sums, weights, np.concatenate([p[2] for p in parts]))

    def _of_moved(self, table: Table, *, grouped: bool) -> Means:
        if self.update is None:
            raise ValueError("update: found nothing, wanted how particles are moved")
        groups, every = GROUPS if grouped else 1, table.of_every_set()
        parts: list[tuple[Floats, Floats, Floats]] = []
        for works, weights in _moved(self.update, self.outcomes, self.stakes):
            split = weights.reshape(len(weights), groups, -1)
            alike = works.reshape(len(works), groups, -1, works.shape[2])
            sums = np.stack([_hours_of_sets(table, alike[:, g], split[:, g], every) for g in range(groups)])
            parts.append((sums, split.sum(axis=2).T, 1 / (weights**2).sum(axis=1)))
        sums, weights = (np.concatenate([p[i] for p in parts], axis=1) for i in (0, 1))
        return _combined(sums, weights, np.concatenate([p[2] for p in parts]))

    def _reliance(self, update: Update, table: Table) -> Floats:
        """(J, T + 1) hours of reliance without counting: a failure that no moved particle shows is not ruled out."""
        stakes, parts, step = self.stakes, list[Floats](), max(1, MOVED_AT_ONCE // len(update.particles.draw))
        for start in range(0, len(self.outcomes.sizes), step):
            some = self.outcomes.taken(slice(start, start + step))
            weights = update.after(some, stakes.columns)[1]
            fails = update.p_below(some, stakes.columns, stakes.threshold, weights)
            hours = np.column_stack([stakes.failure * fails, np.full(len(fails), stakes.check)])
            parts.append(hours - hours[:, [table.before[1] - table.reliance.start]])
        return np.concatenate(parts)


def _combined(sums: Floats, weights: Floats, ess: Floats) -> Means:
    total = weights.sum(axis=0)
    mean = sums.sum(axis=0) / total[:, None]
    if len(sums) == 1:
        return Means(mean, ess)
    return Means(mean, ess, sums / np.maximum(weights, 1e-300)[:, :, None], weights / total)


def _hours_of_sets(table: Table, works: NDArray[np.bool_], weights: Floats, every: Floats | None) -> Floats:
    """(J, C) sums of hours over particles of which `works` (J, S, T) work."""
    n_outcomes, n, t = works.shape
    sets = failing_sets(works.reshape(-1, t))
    if every is None:
        _, met, sets = np.unique(sets, return_index=True, return_inverse=True)
        every = table.hours(works.reshape(-1, t)[met])
    at = np.repeat(np.arange(n_outcomes), n) * len(every) + sets
    return np.bincount(at, weights.ravel(), minlength=n_outcomes * len(every)).reshape(n_outcomes, -1) @ every


def _moved(update: Update, outcomes: Outcomes, stakes: Stakes) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """What works (J, S, T) after some of the outcomes, with weights (J, S)."""
    step = max(1, MOVED_AT_ONCE // len(update.particles.draw))
    for start in range(0, len(outcomes.sizes), step):
        merits, weights = update.after(outcomes.taken(slice(start, start + step)), stakes.columns)
        yield merits > stakes.threshold, weights


def sight_of(
    law: Law, particles: Particles, outcomes: Outcomes, stakes: Stakes, *, factor: float = 1.0, seed: int
) -> Sight:
    """How a reader with this law sees the outcomes, each counted `factor` times."""
    weighed = Sight(outcomes, particles, stakes, law.features(particles), factor, None)
    w = weighed.weights(slice(ESS_OUTCOMES)).astype(np.float64)
    ess = np.median(w.sum(axis=1) ** 2 / (w**2).sum(axis=1))
    if ess >= min(PLENTY, len(particles.draw) / 4):
        return weighed
    update = update_by(law, fewer(particles, MOVED), factor=factor, seed=seed)
    if ess >= min(ENOUGH, len(particles.draw) / 8):
        return replace(weighed, rare=update)
    return replace(weighed, update=update)
