"""Stated pairs as merits: Thurstone's case V with the model's own prior as what holds it back (docs/model.md, section 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import Prior
from evidence.model.elicit import COARSE, law_nodes, mean_square

type Floats = NDArray[np.float64]

MISFIT_SD = 0.01
"""A misfit of 1 in 100 in one pair weighs as much as half a nat of claims about sizes."""
LEAST_SD, MOST_SD = 0.02, 0.98
"""Where the common sd is looked for, in units of the spread."""


def fit_merits(
    n: int, pairs: Sequence[tuple[int, int]], stated: Sequence[float], tau: Prior, r: Prior
) -> tuple[Floats, float]:
    """Means (n,) and the common sd (SMD) of registered merits under which the model holds pair (i, j) as stated.

    Of all that do so the least informative ones: what is minimised is the sum of squared misfits over 2 MISFIT_SD^2
    and of the divergences KL(N(m, s^2) || N(0, spread^2)), spread^2 = E[tau^2]. Without the second part s -> 0 would
    hold any pairs that are in some order.
    """
    from scipy import optimize

    spread, means = math.sqrt(mean_square(tau)), np.zeros(n)

    def cost_of(share: float) -> float:
        nonlocal means
        cost = _Cost(pairs, np.asarray(stated, dtype=np.float64), spread, *_steepness(share * spread, tau, r))
        found = optimize.minimize(cost, means, jac=True, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-8})
        means = found.x  # a good start for the next sd
        return float(found.fun) + n * (share**2 - 1 - 2 * math.log(share)) / 2

    found: Any = optimize.minimize_scalar(
        cost_of, bounds=(LEAST_SD, MOST_SD), method="bounded", options={"xatol": 1e-4}
    )
    cost_of(found.x)
    return means, float(found.x * spread)


def _steepness(sd: float, tau: Prior, r: Prior) -> tuple[Floats, Floats]:
    """Worlds with tau > sd: z of a pair per SMD between the means, and the weight of the world; elsewhere z is 0.

    There a difference of merits has mean (m_i - m_j) / (s^2 k) and variance 2 / k, 1 / k being the variance of what
    is a technique's own: k = 1 / (tau^2 (1 - r)) + 1 / s^2 - 1 / tau^2.
    """
    tau_nodes, tau_weights = law_nodes(tau, [sd])
    r_nodes, r_weights = law_nodes(r, nodes=COARSE)
    holds = tau_nodes > sd
    k = 1 / sd**2 + (r_nodes / (1 - r_nodes)) / tau_nodes[holds, None] ** 2
    return (1 / (sd**2 * np.sqrt(2 * k))).ravel(), np.outer(tau_weights[holds], r_weights).ravel()


@dataclass(frozen=True)
class _Cost:
    """What the means cost at a given sd, and its slope."""

    pairs: Sequence[tuple[int, int]]
    stated: Floats
    spread: float
    steepness: Floats
    weights: Floats

    def __call__(self, means: Floats) -> tuple[float, Floats]:
        from scipy import special

        i, j = np.array(self.pairs).T
        z = (means[i] - means[j])[:, None] * self.steepness
        misfit = (special.ndtr(z) - 0.5) @ self.weights + 0.5 - self.stated
        density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        pull = misfit / MISFIT_SD**2 * (density @ (self.weights * self.steepness))
        slope = means / self.spread**2
        np.add.at(slope, i, pull)
        np.subtract.at(slope, j, pull)
        return float(misfit @ misfit / MISFIT_SD**2 + means @ means / self.spread**2) / 2, slope
