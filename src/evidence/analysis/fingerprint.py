"""The prior fingerprint: quantiles of the prior that is used, from the engine's own draws (docs/model.md, section 4).

What a model file says and what an engine computes with can differ, by a slip in either. So the prior is shown as the
engine sees it: draws of the coordinates go through the engine itself, and what stated validities rule out is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, case_scenarios, contrast_moments, p_above, with_base
from evidence.domain.errors import BadInput, Problem
from evidence.domain.results import Pair
from evidence.inference.engine import Engine, Posterior, mixture_of, share_above
from evidence.model.hyper import build_hyper
from evidence.model.scores import mixture_quantiles

type Floats = NDArray[np.float64]
type Fingerprint = Mapping[str, Mapping[str, float]]

PRIOR_DRAWS = 2048
MAX_TECHNIQUES = 41
"""Techniques, the baseline among them, whose merits are looked at under the prior."""
PROBS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


def prior_of(case: Case, engine: Engine) -> Posterior:
    """The prior that is used, as at most PRIOR_DRAWS equally weighted draws; the same for every seed.

    A Latin hypercube: each hyperparameter alone meets its quantiles to one part in PRIOR_DRAWS. Draws that a stated
    validity rules out are left out. Of a large base only the first MAX_TECHNIQUES techniques are there, with the
    hyperparameters of all. Raises ValueError where no draw is possible.
    """
    from scipy.special import ndtri

    case = _small(case)
    rng = np.random.default_rng(0)
    n_coordinates = len(case.hyper.names) + case.design.n_latents
    levels = rng.permuted(np.tile(np.arange(PRIOR_DRAWS), (n_coordinates, 1)), axis=1)
    coordinates = np.asarray(ndtri((levels.T + 0.5) / PRIOR_DRAWS), dtype=np.float64)
    scenarios = case_scenarios(case)
    found = [_possible(engine.evaluate(case.design, hyper, case.nothing, coordinates)) for _, hyper in scenarios]
    prior = mixture_of(found, [weight for weight, _ in scenarios])
    return prior if np.ptp(prior.weights) < 1e-12 else prior.resampled(PRIOR_DRAWS)


def _small(case: Case) -> Case:
    """The case itself, or one of its first techniques and their findings where covariances of all would be too many."""
    base = case.base
    if len(base.techniques) <= MAX_TECHNIQUES:
        return case
    kept = base.techniques[:MAX_TECHNIQUES]
    ids = {t.id for t in kept} | {None}
    findings = tuple(f for f in base.findings if {f.technique, f.comparator} <= ids)
    small = with_base(
        case,
        base.model_copy(
            update={
                "techniques": kept, "findings": findings,
                "merits": tuple(b for b in base.merits if b.technique in ids),
                "orders": tuple(b for b in base.orders if {b.technique, b.comparator} <= ids),
            }
        ),
    )  # fmt: skip
    hypers = [
        (weight, build_hyper(small.base, case.model, small.design, target=hyper.target, relevance=case.relevance))
        for weight, hyper in case.scenarios
    ]
    return replace(small, scenarios=tuple(hypers))


def _possible(found: Posterior) -> Posterior:
    """The draws that have prior weight, with it."""
    top = found.log_likelihood.max()
    if not np.isfinite(top):
        wanted = "assumptions that some draw can meet together, e.g. correlations r below 1"
        raise BadInput([Problem("the priors", None, "", "assumptions that rule each other out", wanted)])
    # What is left of a likelihood without findings is the same for all draws, up to rounding.
    weights = np.exp(np.round(found.log_likelihood - top, 9))
    return replace(found, weights=weights / weights.sum()).taken(weights > 0)


def fingerprint_of(case: Case, prior: Posterior, pair: Pair | None = None) -> dict[str, dict[str, float]]:
    """Quantiles (PROBS) of every hyperparameter in use, of rho of every setting and of the merits, under the prior.

    With a `pair` the merits are its contrast (SMD) and `p_above` its P; without, `merit[TECHNIQUE]` of each technique
    and the lowest and highest P(A > B) of all pairs.
    """
    found = {name: quantiles_of(values) for name, values in named_draws(case, prior).items()}
    if pair is not None:
        mean, variance = contrast_moments(prior, pair.technique, pair.comparator)
        found["contrast"] = _mixture(mean, variance, prior.weights)
        return {**found, "p_above": {"p": p_above(prior, pair.technique, pair.comparator)[0]}}
    merits: dict[bytes, dict[str, float]] = {}
    for t, technique in enumerate(prior.techniques[1:], start=1):
        mean, variance = prior.mean[:, t], prior.cov[:, t, t]
        # Techniques are alike under most priors, and quantiles of mixtures cost more than a look.
        key = np.round(np.concatenate([mean, variance]), 9).tobytes()
        if key not in merits:
            merits[key] = _mixture(mean, variance, prior.weights)
        found[f"merit[{technique}]"] = merits[key]
    mean, variance = prior.contrast(*np.triu_indices(len(prior.techniques), k=1))
    pairs = prior.weights @ share_above(mean, variance)
    return {**found, "p_above": {"lowest": float(pairs.min()), "highest": float(pairs.max())}}


def named_draws(case: Case, prior: Posterior) -> dict[str, Floats]:
    """Draws of each hyperparameter in use, and of rho of each setting, by name."""
    used = dict(zip(case.hyper.names, case.hyper.active, strict=True))
    hyper = {name: prior.hyper[:, k] for k, name in enumerate(prior.names) if used.get(name)}
    return hyper | {f"rho[{setting}]": prior.rho[:, s] for s, setting in enumerate(case.design.settings)}


@dataclass(frozen=True)
class FingerprintDifference:
    """How far two fingerprints are apart: the largest difference of any quantile, and where there is one."""

    largest: float
    """In units of the quantity; infinite where one fingerprint lacks a name."""
    names: tuple[str, ...]
    """What differs at all, most first."""


def compare_fingerprints(a: Fingerprint, b: Fingerprint) -> FingerprintDifference:
    """The difference of two fingerprints, name by name."""
    differences = {name: _difference(a.get(name), b.get(name)) for name in sorted({*a, *b})}
    differing = {name: d for name, d in differences.items() if d > 0}
    names = sorted(differing, key=lambda name: -differing[name])
    return FingerprintDifference(max(differences.values(), default=0.0), tuple(names))


def _difference(a: Mapping[str, float] | None, b: Mapping[str, float] | None) -> float:
    if a is None or b is None or a.keys() != b.keys():
        return float("inf")
    return max((abs(a[key] - b[key]) for key in a), default=0.0)


def quantiles_of(values: Floats) -> dict[str, float]:
    """Quantiles (PROBS) of equally weighted draws (M,)."""
    found = np.quantile(values, list(PROBS.values()), method="hazen")
    return dict(zip(PROBS, found.tolist(), strict=True))


def _mixture(mean: Floats, variance: Floats, weights: Floats) -> dict[str, float]:
    found = mixture_quantiles(mean, np.sqrt(np.maximum(variance, 0.0)), weights, PROBS.values())
    return dict(zip(PROBS, found.tolist(), strict=True))
