"""Statements about validity and merit as laws, and what the model makes of them (docs/model.md, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import Prior
from evidence.model.priors import Z80, grid_quantiles, invert, quantiles_at, tabulate
from evidence.model.scores import mixture_quantiles

type Floats = NDArray[np.float64]

EDGES = np.linspace(-8.0, 8.0, 9)
"""Panels of the rules over a standard normal coordinate."""
FINE, COARSE = 16, 6
"""Gauss-Legendre nodes a panel: for tau, whose breaks are known, and for what the answer depends on smoothly."""


def order_kept(rho: Floats) -> Floats:
    """P(the better of two techniques at the proxy is the better one at the target), effects jointly normal."""
    return 0.5 + np.arcsin(np.clip(rho, -1.0, 1.0)) / np.pi


def validity_keeping(p: float) -> float:
    """The validity rho at which the order of two techniques is kept with probability p: the inverse of `order_kept`."""
    return float(np.sin(np.pi * (p - 0.5)))


def mean_order_kept(law: Prior) -> float:
    """The average of `order_kept` over a law of rho."""
    rho, weights = law_nodes(law)
    return float(weights @ order_kept(rho))


def mean_square(law: Prior) -> float:
    """E[x^2] under a law."""
    x, weights = law_nodes(law)
    return float(weights @ x**2)


def normal_between(lo: float, hi: float) -> tuple[float, float]:
    """Mean and standard deviation of the normal law with 10 % and 90 % quantiles `lo` < `hi`."""
    return (lo + hi) / 2, (hi - lo) / (2 * Z80)


def normal_helping(p: float, gain: float) -> tuple[float, float]:
    """Mean and sd of the normal law that is positive with probability p and then has the median `gain` > 0.

    Its quantiles at 1 - p and 1 - p / 2 are 0 and `gain`: two linear equations in mean and sd.
    """
    from scipy import special

    z_zero, z_gain = special.ndtri(1 - p), special.ndtri(1 - p / 2)
    sd = gain / (z_gain - z_zero)
    return float(-z_zero * sd), float(sd)


def law_nodes(law: Prior, breaks: Iterable[float] = (), *, nodes: int = FINE) -> tuple[Floats, Floats]:
    """Values of a law and their weights (n,) each: Gauss-Legendre panels in its standard normal coordinate.

    `breaks` are values at which what is averaged may jump; they become ends of panels. A point is one node.
    """
    if law.value is not None:
        return np.array([law.value]), np.ones(1)
    edges = np.unique(np.concatenate([EDGES, coordinates_of(law, breaks)]))
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    xi = (edges[:-1, None] + half + half * x).ravel()
    weights = (half * w).ravel() * np.exp(-0.5 * xi**2)
    return quantiles_at(law, xi), weights / weights.sum()


def coordinates_of(law: Prior, values: Iterable[float]) -> Floats:
    """Standard normal coordinates at which a law takes the values; the ends of the grid where it never does."""
    wanted = np.array(list(values), dtype=np.float64)
    # Frozen records are hashable, which pyright does not see.
    return invert(tabulate(grid_quantiles(law))[None], wanted[:, None])[:, 0] if len(wanted) else wanted  # pyright: ignore[reportArgumentType]


def share_up_to(law: Prior, value: float) -> float:
    """P(x <= value) under a law."""
    from scipy import special

    if law.value is not None:
        return float(law.value <= value)
    return float(special.ndtr(coordinates_of(law, [value])[0]))


@dataclass(frozen=True)
class MeritLaw:
    """Merits before any finding as a mixture of M joint normals, SMD: n techniques, then one nobody spoke of."""

    weights: Floats
    """(M,)"""
    mean: Floats
    """(M, n + 1)"""
    cov: Floats
    """(M, n + 1, n + 1)"""

    def share_beyond(self, technique: int, threshold: float) -> float:
        """P(merit > threshold)."""
        from scipy import special

        sd = np.sqrt(self.cov[:, technique, technique])
        return float(self.weights @ special.ndtr((self.mean[:, technique] - threshold) / sd))

    def share_above(self, technique: int, comparator: int) -> float:
        """P(merit of the technique > merit of the comparator)."""
        from scipy import special

        a, c = technique, comparator
        variance = self.cov[:, a, a] + self.cov[:, c, c] - 2 * self.cov[:, a, c]
        return float(self.weights @ special.ndtr((self.mean[:, a] - self.mean[:, c]) / np.sqrt(variance)))

    def quantiles(self, technique: int, probs: Iterable[float]) -> Floats:
        """Quantiles of a technique's merit, SMD."""
        sd = np.sqrt(self.cov[:, technique, technique])
        return mixture_quantiles(self.mean[:, technique], sd, self.weights, probs)

    def moments(self, technique: int) -> tuple[float, float]:
        """Mean and standard deviation of a technique's merit, SMD."""
        mean = float(self.weights @ self.mean[:, technique])
        second = float(self.weights @ (self.mean[:, technique] ** 2 + self.cov[:, technique, technique]))
        return mean, float(np.sqrt(second - mean**2))


def merit_law(tau: Prior, r: Prior, means: Sequence[float], sds: Sequence[float]) -> MeritLaw:
    """What the model holds of merits N(m_t, s_t^2) registered for n techniques, before any finding.

    Given tau and r merits are N(0, tau^2 ((1 - r) I + r 11')). A registered merit multiplies that by a finding with
    precision 1 / s^2 - 1 / tau^2 and weighted mean m / s^2, which makes N(m, s^2) of it where it is the only one and
    tau > s; where tau <= s it is left out. tau and r keep their laws.
    """
    m, s = np.asarray(means, dtype=np.float64), np.asarray(sds, dtype=np.float64)
    tau_nodes, tau_weights = law_nodes(tau, s)
    r_nodes, r_weights = law_nodes(r, nodes=COARSE)
    spread, shared = (x.ravel() for x in np.meshgrid(tau_nodes, r_nodes, indexing="ij"))
    holds = spread[:, None] > s
    precision = np.where(holds, 1 / s**2 - 1 / spread[:, None] ** 2, 0.0)
    score = np.where(holds, m / s**2, 0.0)
    eye = np.eye(len(m) + 1)
    prior = spread[:, None, None] ** 2 * (eye + shared[:, None, None] * (1 - eye))
    D = np.pad(precision, ((0, 0), (0, 1)))
    # (C^-1 + D)^-1 = C - C d (I + d C d)^-1 d C with d = D^1/2: no inverse of C, which r near 1 makes singular.
    root = np.sqrt(np.maximum(D, 0.0))
    scaled = root[:, :, None] * prior
    inner = eye + scaled * root[:, None, :]
    cov = prior - np.swapaxes(scaled, 1, 2) @ np.linalg.solve(inner, scaled)
    mean = (cov @ np.pad(score, ((0, 0), (0, 1)))[:, :, None])[:, :, 0]
    return MeritLaw(np.outer(tau_weights, r_weights).ravel(), mean, cov)
