"""Random-effects meta-analysis of one contrast by quadrature, as bayesmeta does it (Roever 2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

NODES = 200
"""Points of the grid over the heterogeneity."""
WIDEST = 6.0
"""Where the grid ends, in scales of the half-normal prior."""
MAP_WEIGHT, MAP_VAGUE_SD = 0.8, 1.0
"""Robust MAP: weight of the predictive, and sd (SMD) of the vague component around 0 that takes the rest."""


def random_effects(y: Floats, se: Floats, *, scale: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Mixture over tau given estimates `y` and errors `se` (K,): weights, mean, var of mu, var of a new setting; (NODES,).

    mu is flat, tau half-normal with `scale`. Midpoint rule in tau. Raises ValueError without any estimate.
    """
    if len(y) == 0:
        raise ValueError("estimates: found none, wanted at least one")
    tau = (np.arange(NODES) + 0.5) / NODES * WIDEST * scale
    variance = se[None, :] ** 2 + tau[:, None] ** 2
    precision = 1 / variance
    total = precision.sum(axis=1)
    mean = (precision * y).sum(axis=1) / total
    # log p(y | tau) with mu integrated out, and the half-normal prior
    log_p = -0.5 * (np.log(variance).sum(axis=1) + np.log(total) + (precision * (y - mean[:, None]) ** 2).sum(axis=1))
    log_p -= 0.5 * (tau / scale) ** 2
    weights = np.exp(log_p - log_p.max())
    return weights / weights.sum(), mean, 1 / total, 1 / total + tau**2


def fixed_effect(y: Floats, se: Floats) -> tuple[float, float]:
    """Inverse-variance mean and its standard error. Raises ValueError without any estimate."""
    if len(y) == 0:
        raise ValueError("estimates: found none, wanted at least one")
    precision = 1 / se**2
    return float(precision @ y / precision.sum()), float(precision.sum() ** -0.5)
