"""Adaptive multiple importance sampling over standard normal coordinates: proposals and deterministic-mixture weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.inference.checks import effective_sample_size
from evidence.inference.ridge import Ridge

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

FREEDOM = 7.0
PRIOR_SHARE = 0.2
STRAIGHT_FREEDOM, STRAIGHT_SHARE = 15.0, 0.1
"""The same where the ridge is straight: what is left to defend against is less, and in thirty dimensions tails cost."""
SHRINK = 4.0


@dataclass(frozen=True)
class Proposal:
    """A defensive mixture: `share` of N(0, I), the rest t(mean, factor factor'). `share` 1 is the prior alone."""

    mean: Floats
    factor: Floats
    share: float
    ridge: Ridge | None = None
    """Where it is given, mean and factor are those of its straight coordinates."""
    freedom: float = FREEDOM

    @staticmethod
    def prior(n: int) -> Proposal:
        """N(0, I) on `n` coordinates."""
        return Proposal(np.zeros(n), np.eye(n), 1.0)

    def straightened(self, ridge: Ridge) -> Proposal:
        """The proposal with the same mean in the straight coordinates, and to first order the same covariance."""
        own = self.mean if self.ridge is None else self.ridge.bend(self.mean[None, :])[0]
        slope = ridge.slope(own) if self.ridge is None else ridge.slope(own) @ np.linalg.inv(self.ridge.slope(own))
        mean = ridge.straighten(own[None, :])[0][0]
        _, root = np.linalg.qr((slope @ self.factor).T)
        return Proposal(mean, root.T, STRAIGHT_SHARE, ridge, STRAIGHT_FREEDOM)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """(n, k) draws."""
        k = len(self.mean)
        z = rng.standard_normal((n, k))
        scale = np.sqrt(self.freedom / rng.chisquare(self.freedom, n))
        adapted = self.mean + (z * scale[:, None]) @ self.factor.T
        adapted = adapted if self.ridge is None else self.ridge.bend(adapted)
        return np.where(rng.random(n)[:, None] < self.share, z, adapted)

    def log_density(self, x: Floats) -> Floats:
        """(n,) log density at `x` (n, k)."""
        from scipy.special import gammaln

        k = len(self.mean)
        log_normal = log_prior(x)
        if self.share >= 1 or k == 0:
            return log_normal
        straight, log_volume = (x, 0.0) if self.ridge is None else self.ridge.straighten(x)
        white = np.linalg.solve(self.factor, (straight - self.mean).T)
        nu = self.freedom
        log_t = (
            gammaln((nu + k) / 2) - gammaln(nu / 2) - 0.5 * k * np.log(nu * np.pi)
            - np.log(np.abs(np.diag(self.factor))).sum() - 0.5 * (nu + k) * np.log1p((white**2).sum(axis=0) / nu)
            + log_volume
        )  # fmt: skip
        return np.logaddexp(np.log(self.share) + log_normal, np.log1p(-self.share) + log_t)


def log_prior(x: Floats) -> Floats:
    """(n,) log N(x; 0, I)."""
    return -0.5 * (x**2).sum(axis=1) - 0.5 * x.shape[1] * np.log(2 * np.pi)


@dataclass(frozen=True)
class Sample:
    """All draws so far of the coordinates that the likelihood knows, under all proposals so far."""

    x: Floats
    log_target: Floats
    """log likelihood + log prior."""
    log_proposals: tuple[Floats, ...]

    @staticmethod
    def first(x: Floats, log_likelihood: Floats, proposal: Proposal) -> Sample:
        """The draws of the first round."""
        return Sample(x, _target(x, log_likelihood), (proposal.log_density(x),))

    def extended(self, x: Floats, log_likelihood: Floats, proposals: list[Proposal]) -> Sample:
        """With one more round, drawn from the last of `proposals`."""
        old = (*self.log_proposals, proposals[-1].log_density(self.x))
        new = [p.log_density(x) for p in proposals]
        return Sample(
            np.concatenate([self.x, x]),
            np.concatenate([self.log_target, _target(x, log_likelihood)]),
            tuple(np.concatenate(pair) for pair in zip(old, new, strict=True)),
        )

    def log_weights(self) -> Floats:
        """Against the mixture of all proposals: no early round is wasted, and none can spoil the estimate."""
        mixture = functools.reduce(np.logaddexp, self.log_proposals) - np.log(len(self.log_proposals))
        return self.log_target - mixture


def _target(x: Floats, log_likelihood: Floats) -> Floats:
    return np.nan_to_num(log_likelihood, nan=-np.inf) + log_prior(x)


def normalise(log_weights: Floats) -> Floats:
    """Weights that sum to 1. Raises ValueError when every one is 0."""
    top = log_weights.max()
    if not np.isfinite(top):
        raise ValueError("no draw has positive weight: the assumptions rule each other out")
    weights = np.exp(log_weights - top)
    return weights / weights.sum()


def adapt_near(first: Proposal, x: Floats, log_weights: Floats) -> Proposal:
    """A proposal matched to weighted draws as far as they tell, else `first`, which knows the directions already.

    In coordinates where `first` is standard normal its law counts as SHRINK k draws; k^2 / 2 covariances would need
    many more draws than a large literature can afford.
    """
    held = log_weights > -np.inf
    x, weights = x[held], normalise(log_weights[held])
    straight = x if first.ridge is None else first.ridge.straighten(x)[0]
    white = np.linalg.solve(first.factor, (straight - first.mean).T).T
    n, k = effective_sample_size(weights), x.shape[1]
    mean = n / (n + 0.5 * SHRINK * k) * (weights @ white)
    centred = white - mean
    cov = (n * (centred * weights[:, None]).T @ centred + SHRINK * k * np.eye(k)) / (n + SHRINK * k)
    factor = first.factor @ np.linalg.cholesky(cov)
    return replace(first, mean=first.mean + first.factor @ mean, factor=factor)


def adapt(x: Floats, log_weights: Floats) -> Proposal:
    """A proposal matched to weighted draws; weights are tempered until enough draws share them."""
    k = x.shape[1]
    wanted = min(max(8.0 * k, 100.0), 0.5 * len(x))
    exponent = 1.0
    weights = normalise(log_weights)
    while effective_sample_size(weights) < wanted and exponent > 1e-3:
        exponent *= 0.8
        weights = normalise(exponent * log_weights)
    mean = weights @ x
    centred = x - mean
    cov = (centred * weights[:, None]).T @ centred
    shrink = min(0.5, k / effective_sample_size(weights)) if k else 0.0
    cov = (1 - shrink) * cov + shrink * np.diag(np.diag(cov)) + 1e-6 * np.eye(k)
    return Proposal(mean, np.linalg.cholesky(cov), PRIOR_SHARE)
