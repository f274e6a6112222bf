"""Particles moved to where an outcome says that they are, for laws that weights cannot follow (docs/model.md, section 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.model.foreseen import Law, Outcomes, Particles, normal_quantile, sobol, sound

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Update:
    """How one law moves particles to where an outcome says that they are: what does not depend on the outcome.

    Given each draw of the hyperparameters a moved particle is an exact draw of the posterior, so that only
    hyperparameters and statements have to be weighed.
    """

    law: Law
    particles: Particles
    factor: float
    gain: Floats
    """(S, d, g)"""
    seen: Floats
    """(S, g) a result drawn at each particle."""
    expected: Floats
    """(S, g) the result expected at each draw of the hyperparameters."""
    precision: Floats
    """(S, g, g) of the result, merits integrated out."""
    log_det: Floats
    """(S,)"""

    def after(self, outcomes: Outcomes, columns: Ints) -> tuple[Floats, Floats]:
        """The drawn numbers `columns` (J, S, n) after each outcome, and weights (J, S) whose rows sum to 1."""
        S = len(self.particles.draw)
        if self.factor == 0:
            there = self.particles.drawn[:, columns]
            return np.broadcast_to(there, (len(outcomes.sizes), *there.shape)), np.full((len(outcomes.sizes), S), 1 / S)
        surprise = outcomes.sizes[:, None, :] - self.seen
        residual = outcomes.sizes[:, None, :] - self.expected
        log_weights = np.broadcast_to(-0.5 * self.log_det, residual.shape[:2]).copy()
        for a in range(residual.shape[2]):
            for b in range(residual.shape[2]):
                log_weights -= 0.5 * residual[:, :, a] * residual[:, :, b] * self.precision[:, a, b]
        if len(self.law.q):
            every = np.arange(self.particles.drawn.shape[1])
            yes = self.law.yes_at(self._moved(surprise, every), self.particles.draw)
            made = outcomes.yes[:, None, :]
            log_weights += self.factor * (made * np.log(yes) + (1 - made) * np.log1p(-yes)).sum(axis=2)
        weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
        return self._moved(surprise, columns), weights / weights.sum(axis=1, keepdims=True)

    def p_below(self, outcomes: Outcomes, columns: Ints, threshold: float, weights: Floats) -> Floats:
        """(J, n) P(each of the drawn numbers is at most `threshold`) after each outcome, exact given the hyperparameters.

        `weights` (J, S) as of `after`; only for laws without statements.
        """
        from scipy.special import ndtr

        k, gain = self.particles.draw, self.gain[:, columns]
        slope = self.law.slope[k]
        told = np.einsum("sng,sgd,sdn->sn", gain, slope, self.particles.cov[k][:, :, columns])
        variance = np.diagonal(self.particles.cov, axis1=1, axis2=2)[k][:, columns] - told
        mean = self.particles.mean[k][:, columns]
        surprise = outcomes.sizes[:, None, :] - self.expected
        centre = mean + np.einsum("jsg,sng->jsn", surprise, gain)
        below = ndtr((threshold - centre) / np.sqrt(np.maximum(variance, 1e-18)))
        return np.einsum("js,jsn->jn", weights, below)

    def _moved(self, surprise: Floats, columns: Ints) -> Floats:
        out = np.broadcast_to(self.particles.drawn[:, columns], (*surprise.shape[:2], len(columns))).copy()
        gain = self.gain[:, columns]
        for a in range(surprise.shape[2]):
            out += surprise[:, :, a, None] * gain[:, :, a]
        return out


def fewer(particles: Particles, n: int) -> Particles:
    """The first `n` particles: the start of a Sobol sequence is one, every second point of it is not."""
    return replace(particles, drawn=particles.drawn[:n], draw=particles.draw[:n])


def update_by(law: Law, particles: Particles, *, factor: float = 1.0, seed: int) -> Update:
    """How `law` moves the particles; the outcome counts `factor` times."""
    k, e = particles.draw, particles.drawn
    n, g = len(k), law.intercept.shape[1]
    if factor == 0:
        nothing = np.zeros((n, g))
        return Update(
            law, particles, 0.0, np.zeros((n, e.shape[1], g)), nothing, nothing, np.zeros((n, g, g)), np.zeros(n)
        )
    P, B, R = particles.cov, law.slope, law.cov / factor
    V = sound(B @ P @ B.transpose(0, 2, 1) + R)
    precision = np.linalg.inv(V)
    gain = P @ B.transpose(0, 2, 1) @ precision
    z = normal_quantile(sobol(n, max(g, 1), seed + 2))[:, :g]
    seen = law.sizes_at(e, k) + np.einsum("kab,kb->ka", np.linalg.cholesky(R)[k], z)
    expected = law.intercept + np.einsum("kgd,kd->kg", B, particles.mean)
    return Update(law, particles, factor, gain[k], seen, expected[k], precision[k], np.linalg.slogdet(V)[1][k])
