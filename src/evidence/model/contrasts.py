"""Beliefs about differences of merit as mixtures of normals, and their scores (docs/model.md, section 8).

n pairs of techniques, M components. Everything is in SMD and in closed form, so that no score has an error of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

CLIP = 0.001
"""Probabilities are scored inside [CLIP, 1 - CLIP]."""
SURE = 0.95
SLOPES = (-5.0, 20.0)
"""Where a calibration slope is looked for."""
MAX_COMPONENTS = 256
"""Components a CRPS is computed with: its cost is their square."""
PAIRS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Contrasts:
    """What somebody believes of merit a - merit b for each pair: a mixture of normals."""

    weights: Floats
    """(n, M), each row sums to 1."""
    mean: Floats
    """(n, M)"""
    sd: Floats
    """(n, M)"""

    @staticmethod
    def normal(mean: Floats, sd: Floats) -> Contrasts:
        """One normal for each pair, from (n,) means and standard deviations."""
        return Contrasts(np.ones((len(mean), 1)), np.asarray(mean)[:, None], np.asarray(sd)[:, None])

    def taken(self, index: Ints) -> Contrasts:
        """The pairs at `index`."""
        return Contrasts(self.weights[index], self.mean[index], self.sd[index])

    def replaced(self, where: NDArray[np.bool_], other: Contrasts) -> Contrasts:
        """These contrasts, but those of `other` at the pairs `where` (n,) is True."""
        width = max(self.mean.shape[1], other.mean.shape[1])

        def wide(c: Contrasts) -> tuple[Floats, Floats, Floats]:
            extra = ((0, 0), (0, width - c.mean.shape[1]))
            return np.pad(c.weights, extra), np.pad(c.mean, extra), np.pad(c.sd, extra, constant_values=1.0)

        return Contrasts(*(np.where(where[:, None], b, a) for a, b in zip(wide(self), wide(other), strict=True)))


def log_odds_parts(beliefs: Contrasts, se: Floats) -> tuple[Floats, Floats]:
    """Log P(observed difference > 0) and log P(< 0), (n,) each, for differences observed with error `se` (n,).

    Finite however sure: mixtures are added up in logarithms.
    """
    from scipy.special import log_ndtr, logsumexp

    z = beliefs.mean / np.hypot(beliefs.sd, se[:, None])
    with np.errstate(divide="ignore"):  # a component of weight 0 says nothing
        log_weights = np.log(beliefs.weights)
    above, below = (np.asarray(logsumexp(log_weights + log_ndtr(s * z), axis=1)) for s in (1.0, -1.0))
    return above, below


def probability_transform(beliefs: Contrasts, observed: Floats, se: Floats) -> Floats:
    """P(a new observation < `observed`) under the beliefs, (n,): uniform for a calibrated reader."""
    from scipy.special import ndtr

    z = (observed[:, None] - beliefs.mean) / np.hypot(beliefs.sd, se[:, None])
    return np.asarray((beliefs.weights * ndtr(z)).sum(axis=1))


def crps(beliefs: Contrasts, observed: Floats, se: Floats) -> Floats:
    """Continuous ranked probability score (n,), SMD, lower is better: Grimit et al. (2006) for normal mixtures.

    Wider mixtures are thinned to MAX_COMPONENTS equally weighted components first (systematic resampling).
    """
    thin = _thinned(beliefs)
    sd = np.hypot(thin.sd, se[:, None])
    to_data = (thin.weights * _mean_absolute(observed[:, None] - thin.mean, sd)).sum(axis=1)
    between = np.empty(len(observed))
    block = max(1, PAIRS_AT_ONCE // thin.mean.shape[1] ** 2)
    for start in range(0, len(observed), block):
        m, s, w = (x[start : start + block] for x in (thin.mean, sd, thin.weights))
        apart = _mean_absolute(m[:, :, None] - m[:, None, :], np.hypot(s[:, :, None], s[:, None, :]))
        between[start : start + block] = np.einsum("ni,nij,nj->n", w, apart, w)
    return to_data - 0.5 * between


def _mean_absolute(mean: Floats, sd: Floats) -> Floats:
    """E |x| for x ~ N(mean, sd^2)."""
    from scipy.special import ndtr

    z = mean / np.maximum(sd, 1e-300)
    return mean * (2 * ndtr(z) - 1) + 2 * sd * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


def _thinned(beliefs: Contrasts) -> Contrasts:
    if beliefs.mean.shape[1] <= MAX_COMPONENTS:
        return beliefs
    positions = (np.arange(MAX_COMPONENTS) + 0.5) / MAX_COMPONENTS
    last = beliefs.mean.shape[1] - 1
    index = np.stack([np.minimum(np.searchsorted(np.cumsum(w), positions), last) for w in beliefs.weights])
    rows = np.arange(len(index))[:, None]
    equal = np.full(index.shape, 1 / MAX_COMPONENTS)
    return Contrasts(equal, beliefs.mean[rows, index], beliefs.sd[rows, index])


def calibration_slope(p: Floats) -> float | None:
    """Slope of the logistic regression of "it happened" on logit P, both orientations of a pair, no intercept.

    `p` (n,) are the probabilities given to what happened. 1: calibrated; below: too sure. None where no slope is best:
    nobody was surer than a coin, or every call was right.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_expit, logit

    x = logit(np.clip(p, CLIP, 1 - CLIP))
    if not (x < 0).any() or not (x > 0).any():
        return None
    found = minimize_scalar(lambda slope: -float(log_expit(slope * x).sum()), bounds=SLOPES, method="bounded")
    slope = float(found.x)  # pyright: ignore[reportAttributeAccessIssue]
    return slope if SLOPES[0] + 0.01 < slope < SLOPES[1] - 0.01 else None
