"""Priors as quantile tables: a changed prior is changed data, never a new shape or a new compilation.

A hyperparameter eta_k is a function of a standard normal coordinate: eta_k = F_k^-1(Phi(xi_k)). The function is
tabulated on a fixed grid of xi and interpolated by a monotone cubic, so any distribution of the grammar, mixtures
included, costs the engine the same.
"""

# pyright: basic, reportArgumentType=false
# SciPy ships no types, and pyright takes frozen pydantic records for unhashable.

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import Prior, ValidityClass

type Array = NDArray[np.float64]

GRID_LIMIT = 8.0
GRID_SIZE = 1025
DENSITY_LIMIT = 6.5
"""Coordinates further out have the density of this one."""
GRID: Array = np.linspace(-GRID_LIMIT, GRID_LIMIT, GRID_SIZE)
Z80 = 1.2815515655446004
"""Standard normal quantile at 90 %: the half width of an 80 % equal-tailed interval."""


@dataclass(frozen=True)
class Mixture:
    """The law of a family's relevance l: `irrelevant` with probability `irrelevance`, else `relevant`."""

    irrelevance: float
    irrelevant: Prior
    relevant: Prior


type Law = Prior | Mixture
"""What a hyperparameter follows."""


def scaled_law(law: Law, factor: float) -> Law:
    """The law of `factor` times the hyperparameter. Raises ValueError for one that has no such form here."""
    if isinstance(law, Mixture):
        raise ValueError("found a mixture, wanted a law with a scale")
    scales = {
        "Point": ("value",), "HalfNormal": ("scale",), "HalfCauchy": ("scale",), "HalfStudentT": ("scale",),
        "Normal": ("mean", "sd"), "LogNormal": ("median",), "Uniform": ("lo", "hi"), "LogUniform": ("lo", "hi"),
    }  # fmt: skip
    if law.dist not in scales:
        raise ValueError(f"found {law.dist}, wanted a law with a scale")
    return law.model_copy(update={name: factor * getattr(law, name) for name in scales[law.dist]})


def quantiles_at(prior: Prior, xi: Array) -> Array:
    """F^-1(Phi(xi)) of one prior at standard normal coordinates `xi` (same shape, units of the prior)."""
    from scipy import special

    p, tail = special.ndtr(xi), special.ndtr(-xi)
    v = {
        name: getattr(prior, name)
        for name in ("value", "scale", "df", "mean", "sd", "median", "sigma", "a", "b", "lo", "hi")
    }
    match prior.dist:
        case "Point":
            q = np.full_like(xi, v["value"])
        case "HalfNormal":
            q = -v["scale"] * special.ndtri(tail / 2)
        case "HalfCauchy":
            q = v["scale"] / np.tan(math.pi / 2 * tail)
        case "HalfStudentT":
            q = -v["scale"] * special.stdtrit(v["df"], tail / 2)
        case "Normal":
            q = v["mean"] + v["sd"] * xi
        case "LogNormal":
            q = v["median"] * np.exp(v["sigma"] * xi)
        case "Beta":
            q = special.betaincinv(v["a"], v["b"], p)
            q = np.where(p > 0.5, 1 - special.betaincinv(v["b"], v["a"], tail), q)
        case "Uniform":
            q = v["lo"] + (v["hi"] - v["lo"]) * p
        case "LogUniform":
            q = v["lo"] * (v["hi"] / v["lo"]) ** p
    return np.asarray(q, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def grid_quantiles(prior: Prior) -> Array:
    """Quantiles of one prior on GRID."""
    return quantiles_at(prior, GRID)


@functools.lru_cache(maxsize=256)
def mixture_quantiles_on_grid(mixture: Mixture) -> Array:
    """Quantiles of a mixture of two Beta laws on GRID.

    Its CDF is tabulated where either component has its quantiles, inverted by interpolation, and polished by Newton
    steps kept inside the bracket.
    """
    ends = [grid_quantiles(part) for part in (mixture.irrelevant, mixture.relevant)]
    lo, hi = np.minimum(*ends), np.maximum(*ends)
    known = np.unique(np.concatenate(ends))
    x = np.interp(GRID, _mixture_xi(mixture, known), known)
    for _ in range(6):
        error = _mixture_xi(mixture, x) - GRID
        density = _mixture_density(mixture, x)
        slope = np.exp(-0.5 * GRID**2) / math.sqrt(2 * math.pi) / np.maximum(density, 1e-300)
        x = np.clip(x - np.where(np.isfinite(error), error, 0.0) * slope, lo, hi)
    return np.maximum.accumulate(x)


def law_quantiles(law: Law) -> Array:
    """Quantiles of any law on GRID."""
    return mixture_quantiles_on_grid(law) if isinstance(law, Mixture) else grid_quantiles(law)


def _mixture_xi(mixture: Mixture, x: Array) -> Array:
    """Standard normal coordinate of `x` under the mixture, from whichever tail is smaller."""
    from scipy import special

    tails = [beta_tails(p, x) for p in (mixture.irrelevant, mixture.relevant)]
    pi = mixture.irrelevance
    below, above = (pi * tails[0][side] + (1 - pi) * tails[1][side] for side in (0, 1))
    return np.where(below < above, special.ndtri(below), -special.ndtri(above))


def _mixture_density(mixture: Mixture, x: Array) -> Array:
    first = mixture.irrelevance * beta_density(mixture.irrelevant, x)
    return first + (1 - mixture.irrelevance) * beta_density(mixture.relevant, x)


def beta_density(prior: Prior, x: Array) -> Array:
    """Density of a Beta prior."""
    from scipy import special

    if prior.a is None or prior.b is None:
        raise ValueError(f"relevance: found {prior.dist}, wanted Beta, where a family can be irrelevant")
    inside = np.clip(x, 1e-300, 1 - 1e-16)
    log_density = (prior.a - 1) * np.log(inside) + (prior.b - 1) * np.log1p(-inside) - special.betaln(prior.a, prior.b)
    return np.exp(log_density)


def beta_tails(prior: Prior, x: Array) -> tuple[Array, Array]:
    """P(X <= x) and P(X > x) of a Beta prior."""
    from scipy import special

    if prior.dist != "Beta":
        raise ValueError(f"relevance: found {prior.dist}, wanted Beta, where a family can be irrelevant")
    return special.betainc(prior.a, prior.b, x), special.betainc(prior.b, prior.a, 1 - x)


def irrelevant_share(validity_class: ValidityClass, irrelevance: float, relevance: Array) -> Array:
    """P(the family is irrelevant | its relevance l), elementwise: the responsibility of the irrelevant component."""
    if validity_class.relevance.dist != "Beta" or not 0 < irrelevance < 1:
        return np.full_like(relevance, irrelevance)
    x = np.clip(relevance, 1e-12, 1 - 1e-12)
    part = irrelevance * beta_density(validity_class.irrelevant, x)
    return part / (part + (1 - irrelevance) * beta_density(validity_class.relevance, x))


def prior_from_interval(lo: float, hi: float, *, support: str, claim: str) -> Prior:
    """The prior with 10 % and 90 % quantiles `lo`, `hi`: Beta on `unit`, log-normal on `positive` support.

    Raises ValueError where no such prior exists.
    """
    if lo == hi:
        return Prior(dist="Point", value=lo, claim=claim)
    if not lo < hi:
        raise ValueError(f"found {lo}..{hi}, wanted the lower end first")
    if support == "unit":
        if not (lo > 0 and hi < 1):
            raise ValueError(f"found {lo}..{hi}, wanted an interval inside (0, 1)")
        a, b = _beta_from_interval(lo, hi)
        return Prior(dist="Beta", a=a, b=b, claim=claim)
    if lo <= 0:
        raise ValueError(f"found {lo}..{hi}, wanted positive numbers")
    return Prior(dist="LogNormal", median=math.sqrt(lo * hi), sigma=math.log(hi / lo) / (2 * Z80), claim=claim)


def _beta_from_interval(lo: float, hi: float) -> tuple[float, float]:
    from scipy import optimize, special

    def misfit(log_ab: Array) -> Array:
        a, b = np.exp(log_ab)
        return special.betainc(a, b, np.array([lo, hi])) - np.array([0.1, 0.9])

    centre, sd = (lo + hi) / 2, (hi - lo) / (2 * Z80)
    size = max(centre * (1 - centre) / sd**2 - 1, 0.5)
    start = np.log([centre * size, (1 - centre) * size])
    found: Any = optimize.root(misfit, start, tol=1e-12)
    if not found.success and np.abs(found.fun).max() > 1e-9:
        raise ValueError(f"found {lo}..{hi}, for which no Beta law has these 10 % and 90 % quantiles")
    a, b = np.exp(found.x)
    return float(a), float(b)


def tabulate(values: Array) -> Array:
    """Value and slope at each grid point, shape (GRID_SIZE, 2): a monotone cubic through `values` on GRID.

    Slopes are the harmonic means of Fritsch and Butland (1984), as in SciPy's PCHIP, whose import costs half a
    second that `evidence quick` does not have; a test holds the two together.
    """
    step = 2 * GRID_LIMIT / (GRID_SIZE - 1)
    secant = np.diff(values) / step
    left, right = secant[:-1], secant[1:]
    total = left + right
    inner = np.where(left * right > 0, 2 * left * right / np.where(total == 0, 1.0, total), 0.0)
    return np.stack([values, np.concatenate([secant[:1], inner, secant[-1:]])], axis=-1)


def look_up(xp: Any, tables: Any, xi: Any) -> Any:
    """Hyperparameters at coordinates `xi` (..., K) from `tables` (K, GRID_SIZE, 2), by cubic Hermite interpolation."""
    step = 2 * GRID_LIMIT / (GRID_SIZE - 1)
    position = xp.clip((xi + GRID_LIMIT) / step, 0.0, GRID_SIZE - 1.000001)
    cell = xp.floor(position).astype(int)
    t = position - cell
    rows = xp.arange(tables.shape[0])
    left, right = tables[rows, cell], tables[rows, cell + 1]
    h00, h01 = (1 + 2 * t) * (1 - t) ** 2, t**2 * (3 - 2 * t)
    h10, h11 = t * (1 - t) ** 2 * step, t**2 * (t - 1) * step
    return h00 * left[..., 0] + h10 * left[..., 1] + h01 * right[..., 0] + h11 * right[..., 1]


def log_density(tables: Any, xi: Any) -> Any:
    """Log prior density of each hyperparameter eta_k = table_k(xi_k), in units of eta; shape (..., K) as `xi`.

    xi is standard normal under the prior, so p(eta) = phi(xi) / (d table / d xi). The density is that of the law
    the engines use: that of the tabulated law to about .002 of its logarithm for |xi| < 5, coarser in the valley of a
    mixture, where next to nothing lies. A point (a flat table) gives a large finite number without meaning.
    """
    step = 2 * GRID_LIMIT / (GRID_SIZE - 1)
    # Beyond, where 1 in 10^10 draws of the prior lie, neighbouring quantiles differ by less than their rounding.
    xi = np.clip(xi, -DENSITY_LIMIT, DENSITY_LIMIT)
    position = (xi + GRID_LIMIT) / step
    cell = np.floor(position).astype(int)
    t = position - cell
    rows = np.arange(tables.shape[0])
    left, right = tables[rows, cell], tables[rows, cell + 1]
    rise = 6 * t * (1 - t) * (right[..., 0] - left[..., 0]) / step
    slope = rise + (1 - t) * (1 - 3 * t) * left[..., 1] + t * (3 * t - 2) * right[..., 1]
    return -0.5 * xi**2 - 0.5 * math.log(2 * math.pi) - np.log(np.maximum(slope, 1e-300))


def invert(tables: Array, values: Array) -> Array:
    """Coordinates xi at which `tables` (K, GRID_SIZE, 2) take `values` (..., K); the ends of the grid beyond them.

    The inverse of `look_up` to about 1e-9 for strictly increasing tables; a point has no inverse.
    """
    columns = [np.interp(values[..., k], tables[k, :, 0], GRID) for k in range(len(tables))]
    xi = np.stack(columns, axis=-1)
    step = 2 * GRID_LIMIT / (GRID_SIZE - 1)
    lo = np.clip(np.floor((xi + GRID_LIMIT) / step), 0, GRID_SIZE - 2) * step - GRID_LIMIT
    for _ in range(4):  # Newton on the cubic, kept inside its cell
        slope = np.exp(-0.5 * xi**2 - 0.5 * math.log(2 * math.pi) - log_density(tables, xi))
        move = (look_up(np, tables, xi) - values) / np.maximum(slope, 1e-300)
        xi = np.clip(xi - np.where(np.isfinite(move), move, 0.0), lo, lo + step)
    return xi
