"""Draws of merits from a posterior: weighted draws of the hyperparameters, then one normal each."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evidence.inference.engine import Posterior

type Floats = NDArray[np.float64]

ROOT_BLOCK = 2_000_000
"""Entries of the matrices that are factorised at once."""
FEW = 100
"""Below this many rows in a block, blocks are whole draws."""


def draw_merits(posterior: Posterior, n: int, *, seed: int) -> Floats:
    """`n` equally weighted draws of all merits (n, T), baseline first at 0: systematic resampling, then one normal each."""
    rng = np.random.default_rng([seed, 1])
    positions = (np.arange(n) + rng.random()) / n
    index = np.minimum(np.searchsorted(np.cumsum(posterior.weights), positions), len(posterior.weights) - 1)
    z = rng.standard_normal((n, posterior.mean.shape[1] - 1))
    merits = np.zeros((n, posterior.mean.shape[1]))
    step = max(1, ROOT_BLOCK // merits.shape[1] ** 2)
    for rows in _blocks(index, step):  # resampling leaves repeats side by side: one root for each draw that was met
        met, which = np.unique(index[rows], return_inverse=True)
        roots = roots_of(posterior.cov[met, 1:, 1:])
        spread = z[rows] @ roots[0].T if len(met) == 1 else np.einsum("nij,nj->ni", roots[which], z[rows])
        merits[rows, 1:] = posterior.mean[index[rows], 1:] + spread
    return merits


def _blocks(index: NDArray[np.int64], step: int) -> Iterator[slice]:
    """Slices that cover the sorted `index` (n,): `step` rows each, or where that splits repeats, all of one draw."""
    if step < FEW:
        edges = np.append(np.unique(index, return_index=True)[1], len(index))
    else:
        edges = np.append(np.arange(0, len(index), step), len(index))
    yield from (slice(int(a), int(b)) for a, b in itertools.pairwise(edges))


def roots_of(cov: Floats) -> Floats:
    """Matrices (n, T, T) whose products with their transposes are `cov`; by eigenvalues where one is singular.

    What rounding alone makes singular gets a ten-billionth of its mean variance first: the eigenvalues of a thousand
    techniques take a hundred times as long.
    """
    tiny = 1e-10 * np.trace(cov, axis1=-2, axis2=-1) / cov.shape[-1]
    for variance in (np.zeros(len(cov)), tiny):
        with contextlib.suppress(np.linalg.LinAlgError):
            return np.linalg.cholesky(cov + variance[:, None, None] * np.eye(cov.shape[-1]))
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
