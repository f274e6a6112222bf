"""A first proposal for literatures too large to be found from the prior: the mode and the curvature there.

Thousands of findings leave the posterior of what they speak about so narrow that no draw of the prior comes near it.
The gradient of the collapsed likelihood leads there in a few dozen steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from statistics import NormalDist
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
from evidence.inference.ridge import Ridge, ridge_of
from evidence.model.design import Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

MAX_STEPS = 400
"""Evaluations that the progress bar reckons with."""
MAX_TURNS, TURN_STEPS = 4, 60
NEAR = 0.1
"""Slope in posterior sd at which the mode counts as found."""
STEP = 1e-2
"""Step of the finite differences that give the curvature, in standard normal coordinates or log odds."""
CLEAR = 2.0
"""Drop of the log likelihood from the mode to the middle of a kind of relevance from which on the kinds are told apart."""
NONE = np.zeros(0, dtype=np.int64)


@functools.partial(jax.jit, static_argnames="kinds")
def _value_and_slope(data: dict[str, Any], xi: Floats, kinds: Kinds) -> tuple[jax.Array, jax.Array]:
    def negative_log_target(x: jax.Array) -> jax.Array:
        out = collapse(data, kinds, x)
        return -(out.log_likelihood + out.log_prior) + 0.5 * (x**2).sum()

    return jax.value_and_grad(negative_log_target)(jnp.asarray(xi))


def proposal_at_mode(
    design: Design, hyper: Hyper, evidence: Evidence, known: NDArray[np.bool_], *, progress: Progress | None = None
) -> Proposal:
    """The Laplace approximation over the `known` coordinates, latents at their medians and the rest at theirs.

    Relevances are log odds: in their own coordinates a step too long ends where nothing leads back. Those of families
    whose two kinds of relevance the findings do not tell apart stay as the prior has them, in their own coordinates.
    """
    target = _Target(design, hyper, evidence, known, progress)
    ridge = ridge_of(hyper, known).odds_only()
    found = target.laplace(ridge, np.zeros(len(target.active)))
    start = ridge.bend(found.mean[None, :])[0]
    told = target.told_apart(ridge, start)
    if told.all():
        return found
    held = ridge.relevances[~told]
    start[held] = 0.0
    return target.laplace(ridge.kept(told), start, held)


class _Target:
    """Minus the log posterior density of the `known` coordinates, up to a constant."""

    def __init__(
        self, design: Design, hyper: Hyper, evidence: Evidence, known: NDArray[np.bool_], progress: Progress | None
    ) -> None:
        self.active = np.flatnonzero(known)
        self._progress, self._steps = progress, 0
        self._n_coordinates = len(hyper.names) + design.n_latents
        self._data, self._kinds = to_data(design, hyper, evidence), kinds_of(design, moments=False)

    def at(self, x: Floats) -> tuple[float, Floats]:
        """Value and slope (k,) at coordinates `x` (k,)."""
        self._steps += 1
        if self._progress is not None:
            self._progress("finding the mode", min(self._steps, MAX_STEPS), MAX_STEPS)
        xi = np.zeros(self._n_coordinates)
        xi[self.active] = x
        value, slope = jax.device_get(_value_and_slope(self._data, xi, self._kinds))
        return float(value), np.asarray(slope)[self.active]

    def value_and_slope(self, ridge: Ridge, y: Floats) -> tuple[float, Floats]:
        """Value and slope (k,) of the density in the straight coordinates `y` (k,)."""
        x, log_volume, stretch, log_volume_slope = ridge.chain_rule(y)
        value, slope = self.at(x)
        return value + log_volume, slope / stretch + log_volume_slope

    def laplace(self, ridge: Ridge, start: Floats, held: Ints = NONE) -> Proposal:
        """Mode and curvature in straight coordinates, sought from the coordinates `start` (k,); `held` stay there.

        Some directions are a hundred times as narrow as others: each turn searches in the scales of the curvature
        that the last one found.
        """
        from scipy.optimize import minimize

        mean, factor = ridge.straighten(start[None, :])[0][0], np.eye(len(start))

        def at(y: Floats) -> tuple[float, Floats]:
            value, slope = self.value_and_slope(ridge, y)
            slope[held] = 0.0
            return value, slope

        for _ in range(MAX_TURNS):

            def scaled(z: Floats, mean: Floats = mean, factor: Floats = factor) -> tuple[float, Floats]:
                value, slope = at(mean + factor @ z)
                return value, factor.T @ slope

            zero = np.zeros(len(start))
            found = minimize(scaled, zero, jac=True, method="L-BFGS-B", options={"maxfun": TURN_STEPS})
            mean = mean + factor @ np.asarray(found.x)
            curvature = _curvature(lambda y: at(y)[1], mean)
            curvature[held] = 0.0
            values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
            # The prior alone has curvature 1: a flatter direction is a ridge that the rounds will find, not a wider law.
            factor = np.linalg.cholesky((vectors / np.maximum(values, 1.0)) @ vectors.T)
            if np.abs(factor.T @ at(mean)[1]).max(initial=0.0) < NEAR:
                break
        return Proposal(mean, factor, PRIOR_SHARE, ridge)

    def told_apart(self, ridge: Ridge, x: Floats) -> NDArray[np.bool_]:
        """(n,) of each relevance whether the middle of one of its two kinds is out of the question beside `x` (k,)."""
        at_mode = self.at(x)[0] - 0.5 * x @ x
        told = np.zeros(len(ridge.relevances), dtype=bool)
        for i, (k, pi) in enumerate(zip(ridge.relevances, ridge.irrelevance, strict=True)):
            for middle in (pi / 2, (1 + pi) / 2):
                moved = x.copy()
                moved[k] = NormalDist().inv_cdf(float(middle))
                told[i] |= self.at(moved)[0] - 0.5 * moved @ moved - at_mode > CLEAR
        return told


def _curvature(slope: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Hessian (k, k) by central differences of the slope, one row a step: symmetric up to their error."""
    columns = [(slope(x + step) - slope(x - step)) / (2 * STEP) for step in STEP * np.eye(len(x))]
    return np.array(columns)
