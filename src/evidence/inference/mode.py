"""A first proposal for literatures too large to be found from the prior: the mode and the curvature there.

Thousands of findings leave the posterior of what they speak about so narrow that no draw of the prior comes near it.
The gradient of the collapsed likelihood leads there in a few dozen steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax
import jax.numpy as jnp

from evidence.inference.collapsed import Kinds, collapse
from evidence.inference.engine import Evidence, Progress
from evidence.inference.program import kinds_of, to_data
from evidence.inference.proposals import PRIOR_SHARE, Proposal
from evidence.model.design import Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]

MAX_STEPS = 80
STEP = 1e-3
"""Step of the finite differences that give the curvature, in standard normal coordinates."""


@functools.partial(jax.jit, static_argnames="kinds")
def _value_and_slope(data: dict[str, Any], xi: Floats, kinds: Kinds) -> tuple[jax.Array, jax.Array]:
    def negative_log_target(x: jax.Array) -> jax.Array:
        out = collapse(data, kinds, x)
        return -(out.log_likelihood + out.log_prior) + 0.5 * (x**2).sum()

    return jax.value_and_grad(negative_log_target)(jnp.asarray(xi))


def proposal_at_mode(
    design: Design, hyper: Hyper, evidence: Evidence, known: NDArray[np.bool_], *, progress: Progress | None = None
) -> Proposal:
    """The Laplace approximation over the `known` coordinates, latents at their medians and the rest at theirs."""
    from scipy.optimize import minimize

    data = to_data(design, hyper, evidence)
    kinds = kinds_of(design, moments=False)
    active = np.flatnonzero(known)
    n_coordinates = len(hyper.names) + design.n_latents
    steps = 0

    def value_and_slope(x: Floats) -> tuple[float, Floats]:
        nonlocal steps
        steps += 1
        if progress is not None:
            progress("finding the mode", min(steps, MAX_STEPS), MAX_STEPS)
        xi = np.zeros(n_coordinates)
        xi[active] = x
        value, slope = jax.device_get(_value_and_slope(data, xi, kinds))
        return float(value), np.asarray(slope)[active]

    found = minimize(value_and_slope, np.zeros(len(active)), jac=True, method="L-BFGS-B", options={"maxfun": MAX_STEPS})
    curvature = _curvature(lambda x: value_and_slope(x)[1], found.x)
    values, vectors = np.linalg.eigh(curvature)
    # The prior alone has curvature 1: a flatter direction is a ridge that the rounds will find, not a wider law.
    cov = (vectors / np.maximum(values, 1.0)) @ vectors.T
    return Proposal(found.x, np.linalg.cholesky(cov), PRIOR_SHARE)


def _curvature(slope: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Hessian (k, k) by central differences of the slope."""
    columns = [(slope(x + step) - slope(x - step)) / (2 * STEP) for step in STEP * np.eye(len(x))]
    hessian = np.array(columns)
    return (hessian + hessian.T) / 2
