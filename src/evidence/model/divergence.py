"""How far distributions differ: cumulative Jensen-Shannon distance, power scaling, overlap (docs/model.md, section 6).

A distribution here is a mixture of normals, one for each draw of the hyperparameters (a sampled merit is a normal
without spread). It enters as a few stratified draws attached to each: distances between reweightings of the same
draws are then free of most of the noise, and cost a hundredth of what the mixture's exact CDF does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

ALPHAS = (0.8, 1.25)
"""Powers a prior or the likelihood is raised to: a quarter less and a quarter more of it."""
GRID_POINTS = 97
ATTACHED_SEED = 20240106
"""Of its own: shuffled as the draws of the prior are, normals would go with hyperparameters."""
REPLICATES = 2
"""Draws attached to each normal; even."""
BINS = 321
"""Bins of width 0.05 over -8..8 of a standard normal coordinate."""


def attached_draws(means: Floats, sds: Floats) -> Floats:
    """REPLICATES draws (M, REPLICATES) of each of M normals, mirrored about its mean and stratified over all of them.

    The same for the same M: distributions under other weights, or with other components, share their random numbers.
    """
    from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]  (lazily: not all commands need it)

    n = len(means)
    rng = np.random.default_rng(ATTACHED_SEED)
    half = [np.asarray(ndtri((rng.permutation(n) + 0.5) / n), dtype=np.float64) for _ in range(REPLICATES // 2)]
    z = np.stack([*half, *(-x for x in half)], axis=1)
    return means[:, None] + sds[:, None] * z


def spanning_grid(draws: Floats) -> Floats:
    """Up to GRID_POINTS ascending points over the range of the draws, denser in the tails."""
    places = 0.5 - 0.5 * np.cos(np.linspace(0, math.pi, GRID_POINTS))
    return np.unique(np.quantile(draws, places))


def weighted_cdfs(draws: Floats, weights: Floats, grid: Floats) -> Floats:
    """CDFs (W, G) at `grid` of draws (M, R) of which row m shares weight `weights[w, m]`, rows of weights summing to 1."""
    place = np.searchsorted(grid, draws.ravel())
    size, replicates = len(grid) + 1, draws.shape[1]
    rows = [np.bincount(place, np.repeat(row, replicates), minlength=size)[:-1] for row in weights]
    return np.minimum(np.cumsum(rows, axis=1) / replicates, 1.0)


def cjs_distance(p: Floats, q: Floats, grid: Floats) -> Floats:
    """Cumulative Jensen-Shannon distance between CDFs at `grid` (..., G), 0..1, the same for x and -x.

    sqrt((CJS(P || Q) + CJS(Q || P)) / (int P + int Q)), CJS(P || Q) = int P log2(2 P / (P + Q)) + int (Q - P) / ln 4
    (Nguyen and Vreeken 2015), the larger of that of x and of -x: `cjs_dist` of priorsense and ArviZ, with integrals
    by the trapezoid rule.
    """
    return np.maximum(_one_sided(p, q, grid), _one_sided(1 - p, 1 - q, grid))


def _one_sided(p: Floats, q: Floats, grid: Floats) -> Floats:
    middle = np.maximum(0.5 * (p + q), 1e-300)
    mass_p, mass_q = np.trapezoid(p, grid), np.trapezoid(q, grid)
    total = np.zeros(np.broadcast(mass_p, mass_q).shape)
    for f, mass, other in ((p, mass_p, mass_q), (q, mass_q, mass_p)):
        gain = np.trapezoid(f * np.log2(np.maximum(f, 1e-300) / middle), grid)
        total += np.maximum(gain + (other - mass) / math.log(4), 0.0)
    return np.sqrt(total / np.maximum(mass_p + mass_q, 1e-300))


def power_sensitivity(lower: Floats, upper: Floats) -> Floats:
    """Distance per doubling of the power, from the distances at both ALPHAS: the statistic of Kallioinen et al. (2024).

    ArviZ's `psense` is the same with powers nearer to 1. Above .05 counts as sensitive: what moving a normal's mean
    by .23 of its standard deviations a doubling gives.
    """
    return 0.5 * (lower / -math.log2(ALPHAS[0]) + upper / math.log2(ALPHAS[1]))


def overlap_of_draws(first: Floats, weights: Floats, second: Floats) -> Floats:
    """Overlap 0..1 of the densities of weighted draws (M, K) and equally weighted ones (N, K), per column.

    Columns in units in which the second set is about standard normal: the coordinates of hyperparameters, merits over
    their prior spread. Both densities are smoothed by one normal kernel, of Silverman's width for the weighted draws,
    which can only raise the overlap.
    """
    ess = 1 / np.sum(weights**2)
    mean = weights @ first
    sd = np.sqrt(np.maximum(weights @ (first - mean) ** 2, 0.0))
    widths = 0.9 * np.clip(sd, 0.05, 1.0) * ess**-0.2
    equal = np.full(len(second), 1 / len(second))
    pairs = zip(first.T, second.T, widths, strict=True)
    return np.array([np.minimum(_smooth(a, weights, h), _smooth(b, equal, h)).sum() for a, b, h in pairs])


def _smooth(x: Floats, weights: Floats, width: float) -> Floats:
    """Mass per bin of weighted draws spread by a normal kernel."""
    step = 16 / (BINS - 1)
    place = np.clip(np.rint((x + 8) / step), 0, BINS - 1).astype(int)
    mass = np.bincount(place, weights, minlength=BINS)
    reach = int(np.ceil(4 * width / step))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2)
    return np.asarray(np.convolve(mass, kernel / kernel.sum(), mode="full"), dtype=np.float64)
