"""Draws of merits from a posterior: weighted draws of the hyperparameters, then one normal each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evidence.inference.engine import Posterior

type Floats = NDArray[np.float64]


def draw_merits(posterior: Posterior, n: int, *, seed: int) -> Floats:
    """`n` equally weighted draws of all merits (n, T), baseline first at 0: systematic resampling, then one normal each."""
    rng = np.random.default_rng([seed, 1])
    positions = (np.arange(n) + rng.random()) / n
    index = np.minimum(np.searchsorted(np.cumsum(posterior.weights), positions), len(posterior.weights) - 1)
    z = rng.standard_normal((n, posterior.mean.shape[1] - 1))
    merits = np.zeros((n, posterior.mean.shape[1]))
    met, first, counts = np.unique(index, return_index=True, return_counts=True)
    for k, start, count in zip(met, first, counts, strict=True):  # resampling leaves repeats side by side
        rows = slice(start, start + count)
        merits[rows, 1:] = posterior.mean[k, 1:] + z[rows] @ root_of(posterior.cov[k, 1:, 1:]).T
    return merits


def root_of(cov: Floats) -> Floats:
    """A matrix whose product with its transpose is `cov`; singular ones by their eigenvalues."""
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(np.maximum(values, 0.0))
