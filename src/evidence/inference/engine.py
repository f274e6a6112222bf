"""The contract between analyses and engines, and what an engine returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evidence.domain.results import Check
from evidence.model.design import Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]
MCSE_LIMIT = 0.0025
"""Largest Monte Carlo standard error of a reported P(A > B)."""
READER_MCSE_LIMIT = 0.005
"""The same for readers we only compare with: half a unit of what is printed."""

PAIR_BLOCK = 2**20
"""Probabilities that one thread computes at once."""

type Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evidence:
    """Which findings speak, and how loudly: numbers, never shapes.

    `mask` (findings,) switches findings on (1) and off (0); `se_scale` multiplies every standard error, `noise_scale`
    the implementation noise sigma, `sign_scale` the log-odds of every statement's reliability.
    """

    mask: Floats
    se_scale: float = 1.0
    noise_scale: float = 1.0
    sign_scale: float = 1.0

    def perfect(self) -> Evidence:
        """The same findings from an endless, flawless sample: se -> 0, sigma -> 0, q -> 1."""
        return replace(self, se_scale=1e-4, noise_scale=0.0, sign_scale=1e6)


@dataclass(frozen=True)
class Posterior:
    """Weighted draws of the hyperparameters with a Gaussian over merits each. M draws, T techniques (baseline first).

    Merits are in SMD against the baseline, whose own merit is 0.
    """

    techniques: tuple[str, ...]
    names: tuple[str, ...]
    """Hyperparameters, in the order of the columns of `hyper`."""
    coordinates: Floats
    """(M, K + O) standard normal coordinates: hyperparameters, then latents."""
    hyper: Floats
    """(M, K)"""
    weights: Floats
    """(M,), sum 1."""
    log_likelihood: Floats
    """(M,) log p(findings | hyperparameters), up to a constant."""
    mean: Floats
    """(M, T)"""
    cov: Floats
    """(M, T, T)"""
    rho: Floats
    """(M, S) validity of each proxy setting for the target."""
    checks: dict[str, Check] = field(default_factory=dict[str, Check])
    factors: Floats | None = None
    """(M, n) by how much each node of a quadrature over w_0 multiplies every correlation with the target; None where
    the findings speak about w_0. They cannot, unless something was measured or stated at the target: then P(A > B)
    is averaged over w_0 exactly, not by chance."""
    factor_weights: Floats | None = None
    """(n,)"""
    chains: int = 1
    """Draws stand chain by chain; 1 for weighted draws."""
    stats: dict[str, Floats] = field(default_factory=dict[str, Floats])
    """(M,) what a sampler says of each draw, e.g. `diverging`, `energy`; empty for weighted draws."""
    pairs: list[tuple[Floats, Floats]] = field(
        default_factory=list["tuple[Floats, Floats]"], init=False, repr=False, compare=False
    )
    """What `pair_moments` found: half a million pairs are dear, and two readers ask. A changed copy starts without."""

    def checked(self, checks: dict[str, Check]) -> Posterior:
        """The same draws with their checks."""
        found = replace(self, checks=checks)
        found.pairs.extend(self.pairs)
        return found

    def contrast(self, a: Any, b: Any) -> tuple[Floats, Floats]:
        """Mean and variance of merit a - merit b per draw, SMD: (M,) for indices, (M, n) for arrays of n of them."""
        mean, cov = self.mean, self.cov
        return mean[:, a] - mean[:, b], cov[:, a, a] + cov[:, b, b] - 2 * cov[:, a, b]

    def above(self, a: Any, b: Any) -> Floats:
        """P(merit a > merit b | draw): (M,) for indices, (M, n) for arrays of n of them."""
        mean, variance = self.contrast(a, b)
        if self.factors is None or self.factor_weights is None:
            return share_above(mean, variance)
        tau, r = (self.hyper[:, self.names.index(name)] for name in ("tau", "r"))
        with_baseline = (np.asarray(a) == 0) | (np.asarray(b) == 0)
        prior = np.multiply.outer(tau**2, np.where(with_baseline, 1.0, 2.0)) - np.multiply.outer(
            2 * tau**2 * r, np.where(with_baseline, 0.0, 1.0)
        )
        total = np.zeros_like(mean)
        for weight, factor in zip(self.factor_weights, self.factors.T, strict=True):
            f = factor.reshape((-1,) + (1,) * (mean.ndim - 1))
            total += weight * share_above(f * mean, prior - f**2 * (prior - variance))
        return total

    @property
    def ok(self) -> bool:
        """True if every check passed."""
        return all(check.ok for check in self.checks.values())

    def systematic(self, n: int) -> NDArray[np.int64]:
        """Indices of `n` draws that, weighted equally, stand for all: systematic resampling, no randomness."""
        positions = (np.arange(n) + 0.5) / n
        return np.minimum(np.searchsorted(np.cumsum(self.weights), positions), len(self.weights) - 1)

    def resampled(self, n: int) -> Posterior:
        """The same posterior as `n` equally weighted draws."""
        return replace(self.taken(self.systematic(n)), weights=np.full(n, 1 / n))

    def taken(self, index: Any) -> Posterior:
        """The draws at `index`, weights as they are."""
        return replace(
            self, coordinates=self.coordinates[index], hyper=self.hyper[index], weights=self.weights[index],
            log_likelihood=self.log_likelihood[index], mean=self.mean[index], cov=self.cov[index], rho=self.rho[index],
            factors=None if self.factors is None else self.factors[index],
            stats={name: values[index] for name, values in self.stats.items()},
        )  # fmt: skip


def mixture_of(posteriors: Sequence[Posterior], weights: Sequence[float]) -> Posterior:
    """One posterior of merits at a target that is the k-th with probability `weights[k]` (any positive numbers).

    Every check appears once for each, so that one failure withholds the whole.
    """
    if len(posteriors) == 1:
        return posteriors[0]
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    factors = [p.factors for p in posteriors if p.factors is not None]

    def joined(name: str) -> Floats:
        return np.concatenate([getattr(p, name) for p in posteriors])

    return replace(
        posteriors[0], coordinates=joined("coordinates"), hyper=joined("hyper"),
        weights=np.concatenate([w * p.weights for w, p in zip(share, posteriors, strict=True)]),
        log_likelihood=joined("log_likelihood"), mean=joined("mean"), cov=joined("cov"), rho=joined("rho"),
        checks={f"{name} {k + 1}": check for k, p in enumerate(posteriors) for name, check in p.checks.items()},
        factors=np.concatenate(factors) if len(factors) == len(posteriors) else None,
    )  # fmt: skip


def pair_moments(posterior: Posterior) -> tuple[Floats, Floats]:
    """P(merit a > merit b) and its Monte Carlo standard error for every pair a < b, (T (T - 1) / 2,) each.

    Draws are taken a few at a time: a thousand techniques have half a million pairs.
    """
    if posterior.pairs:
        return posterior.pairs[0]
    a, b = np.triu_indices(len(posterior.techniques), k=1)
    step = max(1, PAIR_BLOCK // max(len(a), 1))

    def sums_of(start: int) -> Floats:
        part = posterior.taken(slice(start, start + step))
        p, w = part.above(a, b), part.weights
        return np.stack([w @ p, w**2 @ p, w**2 @ p**2])

    total = np.zeros((3, len(a)))
    # NumPy and SciPy let go of the interpreter while they compute: a thread for each core.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for sums in threads.map(sums_of, range(0, len(posterior.weights), step)):
            total += sums
    first, cross, squared = total
    variance = squared - 2 * first * cross + first**2 * np.sum(posterior.weights**2)
    posterior.pairs.append((first, np.sqrt(np.maximum(variance, 0.0) * _draws_per_effective(posterior))))
    return posterior.pairs[0]


def _draws_per_effective(posterior: Posterior) -> float:
    """Draws of chains hang together: how many count as one, by the least effective size their checks found."""
    found = posterior.checks.get("ess_bulk")
    return 1.0 if found is None else len(posterior.weights) / max(found.value, 1.0)


def share_above(mean: Floats, variance: Floats) -> Floats:
    """P(x > 0) for x ~ N(mean, variance), elementwise."""
    from scipy.special import ndtr

    return ndtr(mean / np.sqrt(np.maximum(variance, 1e-300)))


class Engine(Protocol):
    """An engine: the same question gets the same answer from each, up to its own Monte Carlo error."""

    name: str

    def fit(
        self,
        design: Design,
        hyper: Hyper,
        evidence: Evidence,
        *,
        seed: int,
        mcse_limit: float = MCSE_LIMIT,
        progress: Progress | None = None,
        start: Posterior | None = None,
    ) -> Posterior:
        """Posterior of the merits at the target given the findings that `evidence` switches on.

        `mcse_limit` is the largest Monte Carlo standard error of any P(A > B) that passes the checks; `start` a
        posterior under similar assumptions to begin from, which costs nothing but time if it is a bad one.
        """
        ...

    def evaluate(self, design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats) -> Posterior:
        """Likelihood and merits at given coordinates (M, K + O), equally weighted and unchecked."""
        ...

    def reweight(self, posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence) -> Posterior:
        """The same draws under other evidence or other priors, with the k-hat of the new weights as a check."""
        ...
