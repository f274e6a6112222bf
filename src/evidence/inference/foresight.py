"""What has not been measured yet: true effects in proxies, jointly with the merits, given the findings (JAX).

The base is enlarged by an order finding, switched off, for each effect asked about: the design then knows where it
stands, and nothing of what was found changes. Given the hyperparameters and the latents, merits and these effects are
jointly normal.
"""

# pyright: reportPrivateUsage=false
# The parts of the collapsed likelihood are used as they stand, so that there is one definition of it.

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr

from evidence.inference.collapsed import (
    FIXED,
    Array,
    Data,
    Kinds,
    _border,
    _cells,
    _cells_at,
    _draw_count,
    _draw_sign,
    _Given,
    _Latents,
    _latents,
    _merits,
    _own_parts,
    _rows,
    hyper_values,
)
from evidence.inference.engine import Evidence
from evidence.inference.program import chunk_of, kinds_of, to_data
from evidence.model.design import Design
from evidence.model.foreseen import Foreseen
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

BLOCK = 256


class _Joint(NamedTuple):
    """Merits of techniques 1.. and then the effects asked about, of one draw."""

    mean: Array
    cov: Array
    hyper: Array
    rho: Array


def foresee(design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats, latents: Ints) -> Foreseen:
    """Merits and the effects that `latents` (A,) stand for, jointly, at each of the draws `coordinates` (M, K + O).

    `latents` are numbers of sign latents of the design, each of a technique against the baseline.
    """
    data, kinds, chunk = to_data(design, hyper, evidence), kinds_of(design), chunk_of(design)
    size = min(BLOCK, 4 * chunk)
    parts: list[_Joint] = []
    for start in range(0, len(coordinates), size):
        block = coordinates[start : start + size]
        padded = np.concatenate([block, np.zeros((size - len(block), coordinates.shape[1]))])
        parts.append(jax.device_get(_foresee_all(data, latents, padded, kinds, chunk)))
    joint: Any = jax.tree.map(lambda *a: np.concatenate(a)[: len(coordinates)], *parts)
    return Foreseen(
        techniques=design.techniques, names=hyper.names, mean=joint.mean, cov=joint.cov, hyper=joint.hyper,
        rho=joint.rho,
    )  # fmt: skip


@functools.partial(jax.jit, static_argnames=("kinds", "chunk"))
def _foresee_all(data: Data, asked: Ints, xi: Floats, kinds: Kinds, chunk: int) -> _Joint:
    return jax.lax.map(functools.partial(_foresee_one, data, kinds, asked), xi, batch_size=chunk)


def _foresee_one(data: Data, kinds: Kinds, asked: Any, xi: Array) -> _Joint:
    n_hyper = data["tables"].shape[0]
    eta = hyper_values(data, xi[:n_hyper])
    cells = _cells(data, eta, _rows(data, kinds, eta))
    own = _own_parts(data, kinds, eta, cells)
    border = _border(data, eta, own)
    merits = _merits(eta, own, border)
    latents = _latents(data, merits, _Given(eta, own, border))
    zeta, root = _drawn(data, kinds, latents, xi[n_hyper:])
    mean = jnp.concatenate([merits.mean, latents.mean[asked]])
    with_asked = latents.with_merits[asked]
    cov = jnp.block([[merits.cov, with_asked.T], [with_asked, latents.cov[asked][:, asked]]])
    active = data["latent_active"].astype(float)
    with_drawn = jnp.concatenate([latents.with_merits, latents.cov[:, asked]], axis=1) * active[:, None]
    slope = jax.scipy.linalg.solve_triangular(root, with_drawn, lower=True)
    return _Joint(mean + slope.T @ zeta, cov - slope.T @ slope, eta.values, eta.rho)


def _drawn(data: Data, kinds: Kinds, found: _Latents, xi: Array) -> tuple[Array, Array]:
    """Standardised draws of the latents that speak, and the Cholesky factor that they are standardised by."""
    n_latents = data["latent_node_a"].shape[0]
    active = data["latent_active"].astype(float)
    S = found.cov * active[:, None] * active[None, :]
    S = S + jnp.diag(jnp.where(active > 0, FIXED * (1 + jnp.diag(S).max()), 1.0))
    L = jnp.linalg.cholesky(S)
    per_latent = (
        L, jnp.eye(n_latents), found.mean, active, data["latent_is_sign"], data["latent_threshold"],
        data["latent_log_odds"], _cells_at(data["latent_cells"], data["se_scale"]), jnp.clip(ndtr(xi), 1e-12, 1 - 1e-12),
    )  # fmt: skip

    def step(zeta: Array, latent: tuple[Array, ...]) -> tuple[Array, None]:
        row, here, mean, on, is_sign, threshold, odds, cells, u = latent
        sd, mean = row @ here, mean + row @ zeta
        values = [_draw_sign(mean, sd, threshold, odds, u)[0]] if kinds.signs else []
        values += [_draw_count(mean, sd, cells, u)[0]] if kinds.counts else []
        value = jnp.where(is_sign, values[0], values[-1])
        return zeta + on * here * (value - mean) / sd, None

    zeta, _ = jax.lax.scan(step, jnp.zeros(n_latents), per_latent)
    return zeta, L
