"""Draws of merits from a posterior: weighted draws of the hyperparameters, then one normal each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evidence.inference.engine import Posterior

type Floats = NDArray[np.float64]

ROOT_BLOCK = 2_000_000
"""Entries of the matrices that are factorised at once."""


def draw_merits(posterior: Posterior, n: int, *, seed: int) -> Floats:
    """`n` equally weighted draws of all merits (n, T), baseline first at 0: systematic resampling, then one normal each."""
    rng = np.random.default_rng([seed, 1])
    positions = (np.arange(n) + rng.random()) / n
    index = np.minimum(np.searchsorted(np.cumsum(posterior.weights), positions), len(posterior.weights) - 1)
    z = rng.standard_normal((n, posterior.mean.shape[1] - 1))
    merits = np.zeros((n, posterior.mean.shape[1]))
    step = max(1, ROOT_BLOCK // merits.shape[1] ** 2)
    for start in range(0, n, step):  # resampling leaves repeats side by side: one root for each draw that was met
        rows = slice(start, start + step)
        met, which = np.unique(index[rows], return_inverse=True)
        roots = roots_of(posterior.cov[met, 1:, 1:])[which]
        merits[rows, 1:] = posterior.mean[index[rows], 1:] + np.einsum("nij,nj->ni", roots, z[rows])
    return merits


def roots_of(cov: Floats) -> Floats:
    """Matrices (n, T, T) whose products with their transposes are `cov`; by eigenvalues where one is singular."""
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
