"""One study or finding alone: how far it moves the prior under changed assumptions (docs/model.md, section 6).

All questions about one study use one set of prior draws, weighted by the likelihood under the
assumptions asked about. Common draws make the answers comparable: a slider's curve is smooth, and a flip point is a
crossing, not noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, contrast_moments, p_above
from evidence.domain.results import Pair
from evidence.inference.checks import effective_sample_size
from evidence.inference.engine import READER_MCSE_LIMIT, Engine, Evidence, Posterior
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]

PRIOR_DRAWS = 2048
MIN_ESS = 200
REPLICATES = 16
MOMENT_DRAWS = 1024


@dataclass(frozen=True)
class Solo:
    """A narrowed case, its posterior, and prior draws for changed assumptions; `pair` is the contrast asked about."""

    case: Case
    engine: Engine
    posterior: Posterior
    coordinates: Floats
    pair: Pair

    def p_under(self, hyper: Hyper | None = None, evidence: Evidence | None = None) -> float | None:
        """P(technique above comparator) under other assumptions; None where prior draws cannot answer."""
        found = self.engine.evaluate(
            self.case.design, hyper or self.case.hyper, evidence or self.case.everything, self.coordinates
        )
        top = found.log_likelihood.max()
        if not np.isfinite(top):
            return None
        weights = np.exp(found.log_likelihood - top)
        weights /= weights.sum()
        if effective_sample_size(weights) < MIN_ESS:
            return self._fitted_p(hyper or self.case.hyper, evidence or self.case.everything)
        return p_above(replace(found, weights=weights), self.pair.technique, self.pair.comparator)[0]

    def fit(self, hyper: Hyper, evidence: Evidence, *, mcse_limit: float = READER_MCSE_LIMIT) -> Posterior:
        """A full fit under other assumptions: for readers, whose posteriors may be narrow."""
        seed = self.case.provenance.seed
        return self.engine.fit(self.case.design, hyper, evidence, seed=seed, mcse_limit=mcse_limit)

    def _fitted_p(self, hyper: Hyper, evidence: Evidence) -> float | None:
        fitted = self.fit(hyper, evidence)
        return p_above(fitted, self.pair.technique, self.pair.comparator)[0] if fitted.ok else None


def prepare_solo(case: Case, engine: Engine, pair: Pair) -> Solo:
    """Fit the narrowed case and lay out its prior draws."""
    seed = case.provenance.seed
    posterior = engine.fit(case.design, case.hyper, case.everything, seed=seed)
    rng = np.random.default_rng([seed, 3])
    coordinates = rng.standard_normal((PRIOR_DRAWS // 2, len(case.hyper.names) + case.design.n_latents))
    # Antithetic pairs: what is symmetric under the prior is exactly so in the draws.
    return Solo(case, engine, posterior, np.concatenate([coordinates, -coordinates]), pair)


@dataclass(frozen=True)
class Moments:
    """Mean and variance of the contrast per draw of the hyperparameters, equally weighted, latents integrated out."""

    mean: Floats
    variance: Floats


def conditional_moments(solo: Solo, hyper: Hyper, evidence: Evidence) -> Moments:
    """E and Var[contrast | hyperparameters, findings] at draws of the hyperparameters from the posterior, SMD.

    `hyper` and `evidence` say under which assumptions; the draws stay those given the findings as stated. Latents
    are integrated out by REPLICATES fresh draws each.
    """
    posterior, design, n = solo.posterior, solo.case.design, MOMENT_DRAWS
    positions = (np.arange(n) + 0.5) / n
    index = np.minimum(np.searchsorted(np.cumsum(posterior.weights), positions), len(posterior.weights) - 1)
    eta = posterior.coordinates[index, : len(posterior.names)]
    replicates = REPLICATES if design.n_latents else 1
    rng = np.random.default_rng([solo.case.provenance.seed, 2])
    latents = rng.standard_normal((n * replicates, design.n_latents))
    coordinates = np.concatenate([np.repeat(eta, replicates, axis=0), latents], axis=1)
    found = solo.engine.evaluate(design, hyper, evidence, coordinates)
    mean, variance = contrast_moments(found, solo.pair.technique, solo.pair.comparator)
    log_weights = found.log_likelihood.reshape(n, replicates)
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean, variance = mean.reshape(n, replicates), variance.reshape(n, replicates)
    average = (weights * mean).sum(axis=1)
    return Moments(average, (weights * (variance + mean**2)).sum(axis=1) - average**2)
