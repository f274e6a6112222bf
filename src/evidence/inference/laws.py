"""Priors of the model files as PyMC distributions, and the coordinates in which they are sampled.

A hyperparameter is sampled in (nearly) the standard normal coordinate of its own prior. The tables of this module
only say where the sampler walks: the density is that of the distribution, and the derivative that of the
interpolating cubic, so that what a table gets wrong cancels.
"""

# pyright: basic
# PyMC and PyTensor tensors have no static types worth the name.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.logprob.transforms import Transform
from scipy import special

from evidence.domain.records import EvidenceBase, Prior
from evidence.model.hyper import Hyper
from evidence.model.priors import Law, Mixture, quantiles_at

type Floats = NDArray[np.float64]

LIMIT = 6.5
"""Where the tables end, 1e-10 of the prior beyond; there a value stays and its coordinate goes on as a normal one."""
CELLS = 4096
STEP = 2 * LIMIT / CELLS
GRID: Floats = np.linspace(-LIMIT, LIMIT, CELLS + 1)
SMALLEST_SHARE = 1e-13
"""Least share of the variance that random-effects settings have in common: no spread is infinitely larger."""


@dataclass(frozen=True)
class Eta:
    """The hyperparameters as tensors, by the names of the mathematics."""

    tau: Any
    tau_P: Any  # noqa: N815 (the name of the mathematics)
    sigma: Any
    sigma_b: Any
    mu_b: Any
    sigma_d: Any
    mu_d: Any
    r: Any
    w_0: Any
    w_d: Any
    """(D,)"""
    v: Any
    """(S,)"""
    unknown: Any
    """(D,) position of the settings unknown on a dimension."""
    stretch: Any
    """(S,) lambda."""
    log_n: dict[str, Any]
    """Where each assumed n lies in its range, log-uniformly: 0 at its lower end, 1 at its upper."""


def draw_hyperparameters(base: EvidenceBase, hyper: Hyper, assumed: Sequence[str]) -> Eta:
    """Every hyperparameter by its own prior; one that is not used is left at its median. Relevance comes later."""

    def one(name: str) -> Any:
        return draw_one(name, hyper)

    def each(name: str, ids: Sequence[str], dims: str) -> Any:
        return pm.Deterministic(name, pt.stack([one(f"{name}[{key}]") for key in ids]), dims=dims)

    dimensions, settings = [d.id for d in base.question.dimensions], [s.id for s in base.settings]
    first, second = one("tau"), one("tau_P")
    own_v = {i: one(f"v[{settings[i]}]") for i in sorted(set(hyper.v_index.tolist()))}
    v, w_0 = pt.stack([own_v[i] for i in hyper.v_index.tolist()]), one("w_0")
    if hyper.random_effects:
        # The one tie of the grammar: tau_mu is what all settings and the target share, tau_het what each adds.
        tau = tau_P = pt.sqrt(first**2 + second**2)
        shared = pt.clip(first**2 / tau**2, SMALLEST_SHARE, 1.0)
        v, w_0 = pt.sqrt(shared) * pt.ones(len(settings)), -pt.log(shared) / 2
    else:
        tau, tau_P = first, first if hyper.scale_link else second
    return Eta(
        tau=tau, tau_P=tau_P, w_0=w_0, v=pm.Deterministic("v", v, dims="setting"),
        w_d=each("w_d", dimensions, "dimension"),
        unknown=each("unknown", dimensions, "dimension"),
        stretch=each("lambda", settings, "setting"),
        log_n={name: one(f"n[{name}]") for name in assumed},
        **{name: one(name) for name in ("sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r")},
    )  # fmt: skip


def draw_one(name: str, hyper: Hyper) -> Any:
    """One hyperparameter by its own prior; its median where it is not used."""
    k = hyper.names.index(name)
    return draw(name, hyper.laws[k]) if hyper.active[k] else pt.constant(median_of(hyper, k))


def median_of(hyper: Hyper, k: int) -> float:
    """Prior median of hyperparameter `k`, which is its value where it is a point."""
    return float(hyper.tables[k, hyper.tables.shape[1] // 2, 0])


def draw(name: str, law: Law) -> Any:
    """A hyperparameter by its law, in the PyMC model in context; a point is a constant, not a draw."""
    if isinstance(law, Mixture):
        # Which side is a normal coordinate: a density over both sides at once has a valley between them that chains
        # do not cross (R-hat 1.10 under the prior alone in the logit), across a step they walk.
        side = pm.Normal(f"side of {name}")
        sides = draw(f"irrelevant {name}", law.irrelevant), draw(f"relevant {name}", law.relevant)
        return pm.Deterministic(name, pt.where(side < special.ndtri(law.irrelevance), *sides))
    if law.dist == "Point":
        return pt.constant(float(law.value or 0.0))
    if law.dist == "LogUniform":
        lo, hi = np.log([law.lo, law.hi])
        return pm.Deterministic(name, pt.exp(draw(f"log {name}", Prior(dist="Uniform", lo=lo, hi=hi))))
    make, parameters = distribution_of(law)
    return make(name, **parameters, default_transform=NormalCoordinate(law))


def log_density(law: Prior, value: Any) -> Any:
    """Log density of a law at `value`; a point has none."""
    make, parameters = distribution_of(law)
    return pm.logp(make.dist(**parameters), value)


def distribution_of(law: Prior) -> tuple[Any, dict[str, Any]]:
    """The PyMC class of a law and its parameters. Raises ValueError for a law that PyMC does not draw as such."""
    match law:
        case Prior(dist="HalfNormal", scale=scale):
            return pm.HalfNormal, {"sigma": scale}
        case Prior(dist="HalfCauchy", scale=scale):
            return pm.HalfCauchy, {"beta": scale}
        case Prior(dist="HalfStudentT", df=df, scale=scale):
            return pm.HalfStudentT, {"nu": df, "sigma": scale}
        case Prior(dist="Normal", mean=mean, sd=sd):
            return pm.Normal, {"mu": mean, "sigma": sd}
        case Prior(dist="LogNormal", median=float(median), sigma=sigma):
            return pm.LogNormal, {"mu": np.log(median), "sigma": sigma}
        case Prior(dist="Beta", a=a, b=b):
            return pm.Beta, {"alpha": a, "beta": b}
        case Prior(dist="Uniform", lo=lo, hi=hi):
            return pm.Uniform, {"lower": lo, "upper": hi}
    raise ValueError(f"dist: found {law.dist}, wanted a distribution that PyMC draws as such")


class NormalCoordinate(Transform):
    """Between a hyperparameter and (nearly) the standard normal coordinate of its prior."""

    name = "normal"

    def __init__(self, law: Prior) -> None:
        self._values, self._slopes = _table(law)

    def _cell(self, xi: Any) -> tuple[Any, Any]:
        """Cell of the grid and position in it (0..1), outside the grid as at its end."""
        position = pt.clip((xi + LIMIT) / STEP, 0.0, CELLS - 1e-6)
        cell = pt.cast(pt.floor(position), "int64")
        return cell, position - cell

    def backward(self, value: Any, *inputs: Any) -> Any:
        """The hyperparameter at coordinate `value`: cubic Hermite interpolation."""
        i, t = self._cell(value)
        x, slope = pt.constant(self._values), pt.constant(self._slopes * STEP)
        return (
            (1 + 2 * t) * (1 - t) ** 2 * x[i] + t**2 * (3 - 2 * t) * x[i + 1]
            + t * (1 - t) ** 2 * slope[i] + t**2 * (t - 1) * slope[i + 1]
        )  # fmt: skip

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Coordinate of the hyperparameter, linearly interpolated: PyMC asks for it at starting points only."""
        x, grid = pt.constant(self._values), pt.constant(GRID)
        i = pt.clip(pt.searchsorted(x, value), 1, CELLS)
        share = (value - x[i - 1]) / pt.maximum(x[i] - x[i - 1], 1e-300)
        return grid[i - 1] + STEP * pt.clip(share, 0.0, 1.0)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Log derivative of `backward`."""
        i, t = self._cell(value)
        x, slope = pt.constant(self._values), pt.constant(self._slopes)
        rise = 6 * t * (1 - t) * (x[i + 1] - x[i]) / STEP
        inside = pt.log(rise + (1 - t) * (1 - 3 * t) * slope[i] + t * (3 * t - 2) * slope[i + 1])
        return inside - (pt.maximum(abs(value), LIMIT) ** 2 - LIMIT**2) / 2


def _table(law: Prior) -> tuple[Floats, Floats]:
    """Values on GRID, and slopes so flat that the cubic through them stays monotone (Fritsch and Butland 1984)."""
    values = quantiles_at(law, GRID)
    secant = np.diff(values) / STEP
    left, right = np.insert(secant, 0, secant[0]), np.append(secant, secant[-1])
    return values, 2 * left * right / np.maximum(left + right, 1e-300)
