"""Coordinates of a large literature's proposal: straight ridges between spread and noise, relevances as log odds.

One row per technique and study tells its own noise sigma^2 + tau_P^2 (1 - r) (1 - v^2) and, across studies, the common
part tau_P^2 (1 - r) v^2. Thousands of rows fix these two to a percent and leave open what they are made of: a curved
surface that no normal or t follows. With their logarithms in the places of v and tau_P it is flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.model.hyper import Hyper
from evidence.model.priors import invert, log_density, look_up

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

STEP = 1e-5
FARTHEST = 30.0
"""The search for the mode asks for no coordinate and no log odds beyond this."""
LIMIT = 7.5
"""A coordinate beyond this counts as out of range: the tables end at 8."""
SMALLEST = 1e-14
"""The least relevance, and the least distance from 1, whose log odds are told apart."""


@dataclass(frozen=True)
class Ridge:
    """Which coordinates of the proposal (k of them) carry v, what its noise is made of, and which carry a relevance."""

    tables: Floats
    """(k, grid, 2)"""
    noisy: Ints
    """Positions of v, whose place the logarithm of its noise takes; none where nothing is to be straightened."""
    spread: int
    """Position of tau_P, whose place the logarithm of the common part at the first v takes."""
    sigma: int
    r: int
    relevances: Ints
    """Positions of l, whose place its log odds take."""
    irrelevance: Floats
    """Prior probability of irrelevance of each of them."""

    def kept(self, relevances: NDArray[np.bool_]) -> Ridge:
        """The same with some of its relevances only."""
        return replace(self, relevances=self.relevances[relevances], irrelevance=self.irrelevance[relevances])

    def odds_only(self) -> Ridge:
        """The same without straightening v and tau_P: every coordinate is then a function of its own straight one."""
        return replace(self, noisy=np.zeros(0, dtype=np.int64))

    def straighten(self, x: Floats) -> tuple[Floats, Floats]:
        """Straight coordinates (n, k) of `x` (n, k), and the logarithm of what a volume is multiplied by (n,)."""
        y = x.copy()
        y[:, self.relevances], log_stretch = self._odds(x)
        log_volume = log_stretch.sum(axis=1)
        if len(self.noisy) == 0:
            return y, log_volume
        tau, sigma, r = self._values(x, [self.spread, self.sigma, self.r]).T
        v = self._values(x, self.noisy)
        own = (tau**2 * (1 - r))[:, None]
        noise = sigma[:, None] ** 2 + own * (1 - v**2)
        y[:, self.noisy] = np.log(noise)
        y[:, self.spread] = np.log(own * v**2)[:, 0]
        # d (log common, log noise) / d (log own, v_1) has determinant 2 own / (noise v); the other v follow one by one.
        log_volume += np.log(2 * own / noise).sum(axis=1) + np.log(v[:, 1:]).sum(axis=1) - np.log(v[:, 0])
        log_volume += np.log(2 / tau) + np.log(self._slopes(x, [*self.noisy, self.spread])).sum(axis=1)
        return y, log_volume

    def bend(self, y: Floats) -> Floats:
        """The coordinates (n, k) of straight ones; infinite, where every prior vanishes, for what is out of range."""
        x = y.copy()
        if len(self.relevances) > 0:
            relevance = 1 / (1 + np.exp(-y[:, self.relevances]))
            x[:, self.relevances] = _in_range(invert(self.tables[self.relevances], relevance))
        if len(self.noisy) == 0:
            return x
        sigma, r = self._values(y, [self.sigma, self.r]).T
        lost = np.exp(y[:, self.noisy]) - sigma[:, None] ** 2
        own = np.exp(y[:, self.spread]) + lost[:, 0]
        share = lost / np.where(own > 0, own, 1.0)[:, None]
        possible = (own > 0) & (r < 1) & ((share > 0) & (share < 1)).all(axis=1)
        tau = np.sqrt(np.where(possible, own / np.where(r < 1, 1 - r, 1.0), 1.0))
        at = [*self.noisy, self.spread]
        values = np.column_stack([np.sqrt(np.clip(1 - share, 0.0, 1.0)), tau])
        xi = invert(self.tables[at], values)
        x[:, at] = np.where(possible[:, None], _in_range(xi), np.inf)
        return x

    def chain_rule(self, y: Floats) -> tuple[Floats, float, Floats, Floats]:
        """What calculus needs at one straight point (k,) of `odds_only`.

        Coordinates (k,), log volume, change of each straight coordinate per change of its own (k,), and the slope of
        the log volume per straight coordinate (k,).
        """
        here, left, right = (self.bend(np.clip(y + step, -FARTHEST, FARTHEST)[None, :]) for step in (0, -STEP, STEP))
        log_stretch = self._odds(here)[1][0]
        stretch, slope = np.ones(len(y)), np.zeros(len(y))
        stretch[self.relevances] = np.exp(log_stretch)
        slope[self.relevances] = (self._odds(right)[1] - self._odds(left)[1])[0] / (2 * STEP)
        return here[0], float(log_stretch.sum()), stretch, slope

    def slope(self, x: Floats) -> Floats:
        """(k, k) change of straight coordinates per change of coordinates, at `x` (k,)."""
        steps = STEP * np.eye(len(x))
        return ((self.straighten(x + steps)[0] - self.straighten(x - steps)[0]) / (2 * STEP)).T

    def _odds(self, x: Floats) -> tuple[Floats, Floats]:
        """Log odds of every relevance and the logarithm of their change per change of their coordinates, each (n, .)."""
        relevance = np.clip(self._values(x, self.relevances), SMALLEST, 1 - SMALLEST)
        stretch = self._slopes(x, self.relevances) / (relevance * (1 - relevance))
        return np.log(relevance) - np.log1p(-relevance), np.log(stretch)

    def _values(self, x: Floats, at: Sequence[int] | Ints) -> Floats:
        """(n, len(at)) hyperparameters at these positions."""
        return look_up(np, self.tables[at], np.clip(x[:, at], -LIMIT, LIMIT))

    def _slopes(self, x: Floats, at: Sequence[int] | Ints) -> Floats:
        """(n, len(at)) change of hyperparameters per change of their coordinates."""
        xi = np.clip(x[:, at], -LIMIT, LIMIT)
        return np.exp(-0.5 * xi**2 - 0.5 * np.log(2 * np.pi) - log_density(self.tables[at], xi))


def _in_range(xi: Floats) -> Floats:
    """`xi` (n, k) with infinity in the place of what is out of range."""
    return np.where(np.abs(xi) < LIMIT, xi, np.inf)


def ridge_of(hyper: Hyper, known: NDArray[np.bool_]) -> Ridge:
    """The ridge among the `known` coordinates of a prior; one without v to straighten where it has none."""
    place = {int(k): i for i, k in enumerate(np.flatnonzero(known))}
    slots = hyper.slots
    # Only a mixture of two Betas lies within (0, 1) and has a valley.
    mixed = [(place[k], pi) for k, pi in enumerate(hyper.irrelevance, start=slots["l"]) if k in place and 0 < pi < 1]
    relevances, irrelevance = np.array([k for k, _ in mixed], dtype=np.int64), np.array([pi for _, pi in mixed])
    tables = hyper.tables[known]
    spread = slots["tau"] if hyper.scale_link else slots["tau_P"]
    needed = [spread, slots["sigma"], slots["r"]]
    flat = Ridge(tables, np.zeros(0, dtype=np.int64), 0, 0, 0, relevances, irrelevance)
    if hyper.random_effects or not all(k in place for k in needed):
        return flat
    v = slots["v"] + np.unique(hyper.v_index)
    # A v that may be negative is no function of its square.
    noisy = [place[int(k)] for k in v if int(k) in place and hyper.tables[k, 0, 0] >= 0]
    spread, sigma, r = (place[k] for k in needed)
    return replace(flat, noisy=np.array(noisy, dtype=np.int64), spread=spread, sigma=sigma, r=r)
