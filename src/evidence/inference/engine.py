"""The contract between analyses and engines, and what an engine returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

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

    @property
    def ok(self) -> bool:
        """True if every check passed."""
        return all(check.ok for check in self.checks.values())


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
    ) -> Posterior:
        """Posterior of the merits at the target given the findings that `evidence` switches on.

        `mcse_limit` is the largest Monte Carlo standard error of any P(A > B) that passes the checks.
        """
        ...

    def evaluate(self, design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats) -> Posterior:
        """Likelihood and merits at given coordinates (M, K + O), equally weighted and unchecked."""
        ...

    def reweight(self, posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence) -> Posterior:
        """The same draws under other evidence or other priors, with the k-hat of the new weights as a check."""
        ...
