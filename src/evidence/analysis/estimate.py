"""Numbers with their Monte Carlo standard errors, so that nothing is printed finer than it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number and its Monte Carlo standard error."""

    value: float
    mcse: float

    @staticmethod
    def of(function: Callable[..., float], *draws: Floats) -> Estimate:
        """`function` of the means of `draws` ((M,) each, the same M draws), by the delta method.

        Slopes are differences over one standard error to either side of each mean; draws hang together, so errors do.
        """
        means = [float(d.mean()) for d in draws]
        slopes = [_slope(function, means, k, _error(d)) for k, d in enumerate(draws)]
        influence = np.sum([s * (d - m) for s, d, m in zip(slopes, draws, means, strict=True)], axis=0)
        return Estimate(float(function(*means)), _error(np.asarray(influence)))

    @staticmethod
    def from_independent(function: Callable[..., float | None], *inputs: Estimate) -> Estimate | None:
        """`function` of numbers with independent errors; None where it is None."""
        values = [i.value for i in inputs]
        found = function(*values)
        if found is None:
            return None
        moves = [_slope(function, values, k, i.mcse) * i.mcse for k, i in enumerate(inputs)]
        return Estimate(found, float(np.hypot.reduce([0.0, *moves])))


def _error(draws: Floats) -> float:
    return float(draws.std() / np.sqrt(len(draws)))


def _slope(function: Callable[..., float | None], values: list[float], k: int, step: float) -> float:
    """Difference quotient over `step` to either side; one side alone where the other has no value."""
    if step == 0:
        return 0.0
    ends: list[tuple[float, float]] = []
    for move in (-step, 0.0, step):
        found = function(*values[:k], values[k] + move, *values[k + 1 :])
        if found is not None:
            ends.append((move, found))
    (low, first), (high, last) = ends[0], ends[-1]
    return 0.0 if high == low else (last - first) / (high - low)
