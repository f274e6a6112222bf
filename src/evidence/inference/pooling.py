"""Laws of the hyperparameters learned over many bridges: from weighted draws of each bridge to one hierarchical fit.

Each bridge was fitted alone, under reference laws. Under other laws p(. | phi) of its hyperparameters the
evidence of its findings and outcomes is the mean of p(eta | phi) / p(eta | reference) over those draws, so that the
laws phi of all bridges at once cost no new likelihood (docs/model.md, section 8). Families of one validity class share
a law of relevance, and the classes are partially pooled: a common shift, and one of their own, in units of
what the hand does not know of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax
import jax.numpy as jnp
from jax.scipy.special import betaln, logsumexp

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

SCALES = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "w_0", "w_d")
"""Hyperparameters with a half-normal law, whose scale is learned; `w_d` is one law for every dimension."""
COMMON = ("v", "l", "pi")
"""Common shifts of the logits of construct noise, relevance and irrelevance, in units of their doubt."""
MODE_SLOPE = 2e-2
"""Largest slope of the log posterior, per prior sd of any coordinate, at what counts as its mode."""
INSIDE = 1e-9
"""Relevance and construct noise are kept this far inside (0, 1), where every density is finite."""


@dataclass(frozen=True)
class Shape:
    """What of the laws is not learned. C validity classes."""

    classes: tuple[str, ...]
    relevance_centre: Floats
    """(C,) logit of the mean of relevance before any shift."""
    relevance_doubt: Floats
    """(C,) what a shift of 1 moves that logit by."""
    relevance_size: Floats
    """(C,) a + b of the Beta law of a family's relevance, given its class's mean."""
    irrelevance_centre: Floats
    """(C,)"""
    irrelevance_doubt: float
    irrelevant: tuple[float, float]
    """a and b of the Beta law of an irrelevant family."""
    construct_centre: float
    construct_doubt: float
    construct_size: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates of phi, in order."""
        own = [f"{kind}[{name}]" for kind in ("l", "pi") for name in self.classes]
        return (*SCALES, *COMMON, *own)


@dataclass(frozen=True)
class BridgeDraws:
    """Equally weighted draws of one bridge's hyperparameters given its findings and outcomes. M draws."""

    scaled: Floats
    """(M, S) values of the half-normal hyperparameters, in the order of `law`."""
    law: Ints
    """(S,) which of SCALES each follows."""
    relevance: Floats
    """(M, F)"""
    class_of_family: Ints
    """(F,)"""
    construct: Floats
    """(M, V)"""


@dataclass(frozen=True)
class LearnedLaws:
    """phi given bridges: mode and covariance of its normal approximation (Laplace), by `shape.names`."""

    phi: Floats
    cov: Floats
    log_weights: tuple[Floats, ...]
    """Of each bridge's draws under phi, unnormalised."""

    def draws(self, n: int, seed: int) -> Floats:
        """(n, len(phi)) draws of phi."""
        z = np.random.default_rng(seed).standard_normal((n, len(self.phi)))
        values, vectors = np.linalg.eigh(self.cov)
        return self.phi + z @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


def learn_laws(
    bridges: Sequence[BridgeDraws], reference: Floats, shape: Shape, mean: Floats, sd: Floats,
    *, include: Sequence[bool] | None = None, near: Floats | None = None,
) -> LearnedLaws:  # fmt: skip
    """The laws phi ~ N(mean, diag sd^2) given the bridges of `include` (default: all), searched from `near`.

    `reference` is the phi under which the draws were made.
    Every call with draws of the same sizes runs the same compiled program. Raises ValueError where no mode is found.
    """
    from scipy import optimize

    arrays = tuple(_arrays(b) for b in bridges)
    fixed = _shape_arrays(shape)
    before = tuple(_log_density(reference, b, fixed) for b in arrays)
    data = (arrays, before, np.ones(len(bridges)) if include is None else np.array(include, float), fixed, mean, sd)

    def value_and_slope(x: Floats) -> tuple[float, Floats]:
        value, slope = jax.device_get(_value_and_slope(mean + sd * x, data))
        return float(value), np.asarray(slope, dtype=np.float64) * sd

    # In units of the prior's sd: a law that is held has a very small one.
    start = np.zeros(len(mean)) if near is None else (near - mean) / sd
    found = optimize.minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    if not np.isfinite(found.fun) or np.abs(found.jac).max() > MODE_SLOPE:
        raise ValueError(f"laws of the bridges: no mode found ({found.message})")
    phi = mean + sd * found.x
    return laws_at(phi, bridges, reference, shape, _inverse(np.asarray(_curvature(phi, data)), sd))


def laws_at(phi: Floats, bridges: Sequence[BridgeDraws], reference: Floats, shape: Shape, cov: Floats) -> LearnedLaws:
    """Laws phi with the log weights that the bridges' draws have under it."""
    fixed, arrays = _shape_arrays(shape), [_arrays(b) for b in bridges]
    pairs = [(_log_density(phi, b, fixed), _log_density(reference, b, fixed)) for b in arrays]
    return LearnedLaws(phi, cov, tuple(np.asarray(after - before) for after, before in pairs))


def _negative_log_posterior(phi: Any, data: Any) -> Any:
    arrays, before, include, shape, mean, sd = data
    terms = [logsumexp(_density(phi, b, shape) - old) for b, old in zip(arrays, before, strict=True)]
    return 0.5 * (((phi - mean) / sd) ** 2).sum() - (include * jnp.stack(terms)).sum()


_value_and_slope = jax.jit(jax.value_and_grad(_negative_log_posterior))
_curvature = jax.jit(jax.hessian(_negative_log_posterior))


def _inverse(curvature: Floats, sd: Floats) -> Floats:
    """Covariance from a curvature, no direction wider than the prior allows."""
    white = curvature * np.outer(sd, sd)
    values, vectors = np.linalg.eigh((white + white.T) / 2)
    cov = (vectors / np.maximum(values, 1.0)) @ vectors.T
    return cov * np.outer(sd, sd)


def _arrays(draws: BridgeDraws) -> dict[str, Any]:
    return {
        "scaled": draws.scaled, "law": draws.law, "relevance": draws.relevance,
        "class_of_family": draws.class_of_family, "construct": draws.construct,
    }  # fmt: skip


def _shape_arrays(shape: Shape) -> dict[str, Any]:
    return {
        "relevance": np.stack([shape.relevance_centre, shape.relevance_doubt, shape.relevance_size]),
        "irrelevance": np.stack([shape.irrelevance_centre, np.full(len(shape.classes), shape.irrelevance_doubt)]),
        "irrelevant": np.array(shape.irrelevant),
        "construct": np.array([shape.construct_centre, shape.construct_doubt, shape.construct_size]),
    }


def _density(phi: Any, draws: Any, shape: Any) -> Any:
    """Log p(hyperparameters of each draw | phi), (M,)."""
    scale = jnp.exp(phi[draws["law"]])
    half_normal = 0.5 * np.log(2 / np.pi) - jnp.log(scale) - 0.5 * (draws["scaled"] / scale) ** 2
    v_mean, l_mean, pi = _means(phi, shape)
    v_size, c = shape["construct"][2], draws["class_of_family"]
    of_v = _beta(draws["construct"], v_mean * v_size, (1 - v_mean) * v_size)
    size = shape["relevance"][2, c]
    relevant = jnp.log1p(-pi[c]) + _beta(draws["relevance"], l_mean[c] * size, (1 - l_mean[c]) * size)
    irrelevant = jnp.log(pi[c]) + _beta(draws["relevance"], shape["irrelevant"][0], shape["irrelevant"][1])
    return half_normal.sum(axis=1) + of_v.sum(axis=1) + jnp.logaddexp(relevant, irrelevant).sum(axis=1)


_log_density = jax.jit(_density)


def class_means(phi: Any, shape: Shape) -> tuple[Floats, Floats, Floats]:
    """Mean of v (...), and of relevance l and irrelevance pi of each class (..., C), for phi (..., P)."""
    v, l, pi = _means(phi, _shape_arrays(shape))  # noqa: E741 (the names of the mathematics)
    return np.asarray(v), np.asarray(l), np.asarray(pi)


def _means(phi: Any, shape: Any) -> tuple[Any, Any, Any]:
    n, c = len(SCALES), shape["irrelevance"].shape[1]
    own_l, own_pi = phi[..., n + 3 : n + 3 + c], phi[..., n + 3 + c :]
    v_centre, v_doubt, _ = shape["construct"]
    l_centre, l_doubt, _ = shape["relevance"]
    pi_centre, pi_doubt = shape["irrelevance"]
    return (
        _expit(v_centre + v_doubt * phi[..., n]),
        _expit(l_centre + l_doubt * (phi[..., n + 1, None] + own_l)),
        _expit(pi_centre + pi_doubt * (phi[..., n + 2, None] + own_pi)),
    )


def _expit(x: Any) -> Any:
    return 1 / (1 + jnp.exp(-x))


def _beta(x: Any, a: Any, b: Any) -> Any:
    x = jnp.clip(x, INSIDE, 1 - INSIDE)
    return (a - 1) * jnp.log(x) + (b - 1) * jnp.log1p(-x) - betaln(a, b)
