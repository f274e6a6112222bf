"""Readers of a bridge: what each believes of every contrast at a target whose outcomes it has not seen.

`warranted` and `coin` are the model with and without the findings. The others read every proxy setting at face value
first (`models/face-value.toml`, one setting at a time) and differ in what they make of these summaries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, read_as
from evidence.domain.records import Gap, Model
from evidence.inference.engine import Engine, Evidence, Posterior
from evidence.model.contrasts import Contrasts
from evidence.model.meta import MAP_VAGUE_SD, MAP_WEIGHT, fixed_effect, random_effects

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

READERS = (
    "warranted", "coin", "face-value", "random-effects-mean", "random-effects-predictive", "best-single", "nearest",
    "fixed-discount", "robust-map",
)  # fmt: skip
DISCOUNT = 0.5
"""`fixed-discount` keeps this much of every z."""
DRAWS = 2000
PRIOR_DRAWS = 1000
LATENT_DRAWS = 512
MEASURED_SD = 5.0
"""A contrast known less well than this (SMD) was not measured there: what is left is the free level of its arms."""
UNKNOWN_GAP = 2 / 3
"""Mean of an unknown gap, Beta(2, 1)."""


@dataclass(frozen=True)
class Summaries:
    """What each setting says of each pair at face value; NaN where it does not. S settings, n pairs."""

    places: tuple[str, ...]
    y: Floats
    """(S, n) SMD"""
    se: Floats
    """(S, n)"""


def pairs_of(n: int) -> tuple[Ints, Ints]:
    """Indices a < b of all pairs of `n` things."""
    a, b = np.triu_indices(n, k=1)
    return a.astype(np.int64), b.astype(np.int64)


def warranted(posterior: Posterior, asked: Sequence[str]) -> Contrasts:
    """The model's belief about every pair of the techniques `asked`, from weighted draws with a normal each."""
    index = np.array([posterior.techniques.index(t) for t in asked])
    a, b = pairs_of(len(asked))
    mean, variance = posterior.contrast(index[a], index[b])
    weights = np.broadcast_to(posterior.weights, (len(a), len(posterior.weights)))
    return Contrasts(weights, mean.T, np.sqrt(np.maximum(variance.T, 1e-24)))


def prior_belief(case: Case, engine: Engine, asked: Sequence[str], seed: int) -> Contrasts:
    """The model without findings: the coin, and what every reader falls back to on a pair that was measured nowhere."""
    rng = np.random.default_rng([seed, 11])
    width = len(case.hyper.names) + case.design.n_latents
    xi = np.clip(rng.standard_normal((PRIOR_DRAWS, width)), -6.0, 6.0)
    found = warranted(engine.evaluate(case.design, case.hyper, case.nothing, xi), asked)
    return Contrasts(found.weights, np.zeros_like(found.mean), found.sd)


def summarise(case: Case, engine: Engine, face_value: Model, asked: Sequence[str], seed: int) -> Summaries:
    """Every setting's findings alone, at face value."""
    hyper = read_as(case, face_value)
    a, b = pairs_of(len(asked))
    places = tuple(dict.fromkeys(f.setting for f in case.base.findings))
    y, se = np.full((2, len(places), len(a)), np.nan)
    n = LATENT_DRAWS if case.design.n_latents else 1
    xi = np.zeros((n, len(hyper.names) + case.design.n_latents))
    xi[:, len(hyper.names) :] = np.random.default_rng([seed, 12]).standard_normal((n, case.design.n_latents))
    for i, place in enumerate(places):
        mask = np.array([float(f.setting == place) for f in case.base.findings])
        found = engine.evaluate(case.design, hyper, Evidence(mask=mask), xi)
        log_likelihood = np.nan_to_num(found.log_likelihood, nan=-np.inf)
        w = np.exp(log_likelihood - log_likelihood.max())
        w /= w.sum()
        index = np.array([found.techniques.index(t) for t in asked])
        mean, variance = found.contrast(index[a], index[b])
        centre = w @ mean
        sd = np.sqrt(np.maximum(w @ (variance + (mean - centre) ** 2), 1e-24))
        measured = sd < MEASURED_SD
        y[i, measured], se[i, measured] = centre[measured], sd[measured]
    return Summaries(places, y, se)


def proxy_readers(
    case: Case, summaries: Summaries, target: str, fallback: Contrasts, *, heterogeneity: float
) -> Mapping[str, Contrasts]:
    """Every reader that knows no validity, by name. `heterogeneity` is the scale of tau's half-normal prior (SMD)."""
    y, se = summaries.y, summaries.se
    measured = ~np.isnan(y)
    nowhere = ~measured.any(axis=0)
    best, near = _best_single(summaries), _nearest(case, summaries, target)
    at = [None if lost else (y[m, i], se[m, i]) for i, (lost, m) in enumerate(zip(nowhere, measured.T, strict=True))]
    pooled = np.array([(0.0, 1.0) if x is None else fixed_effect(*x) for x in at])
    mixtures = [None if x is None else random_effects(*x, scale=heterogeneity) for x in at]
    width = max((len(m[0]) for m in mixtures if m is not None), default=1)
    blank = np.full(width, 1 / width), np.zeros(width), np.ones(width), np.ones(width)
    weights, mean, var_mu, var_new = (np.array(x) for x in zip(*(m or blank for m in mixtures), strict=True))
    found = {
        "face-value": Contrasts.normal(pooled[:, 0], pooled[:, 1]),
        "random-effects-mean": Contrasts(weights, mean, np.sqrt(var_mu)),
        "random-effects-predictive": Contrasts(weights, mean, np.sqrt(var_new)),
        "fixed-discount": Contrasts.normal(DISCOUNT * pooled[:, 0], pooled[:, 1]),
        "robust-map": _robust(weights, mean, np.sqrt(var_new)),
    }
    single = {"best-single": best, "nearest": near}
    out = {name: belief.replaced(nowhere, fallback) for name, belief in found.items()}
    for name, i in single.items():
        lost = np.isnan(y[i])
        belief = Contrasts.normal(np.nan_to_num(y[i]), np.nan_to_num(se[i], nan=1.0))
        out[name] = belief.replaced(lost, fallback)
    return out


def _robust(weights: Floats, mean: Floats, sd: Floats) -> Contrasts:
    """The predictive, and a share of a vague law around 0 (RBesT's robustified MAP prior)."""
    vague = np.ones((len(weights), 1))
    return Contrasts(
        np.hstack([MAP_WEIGHT * weights, (1 - MAP_WEIGHT) * vague]), np.hstack([mean, 0 * vague]),
        np.hstack([sd, MAP_VAGUE_SD * vague]),
    )  # fmt: skip


def _best_single(summaries: Summaries) -> int:
    """The setting that measures most pairs, and of these the one with the least variance: chosen before any outcome."""
    counts = (~np.isnan(summaries.y)).sum(axis=1)
    spread = [np.nanmean(row**2) if n else np.inf for row, n in zip(summaries.se, counts, strict=True)]
    return int(np.lexsort((np.array(spread), -counts))[0])


def _nearest(case: Case, summaries: Summaries, target: str) -> int:
    """The setting with the smallest sum of gaps to the target, then the largest model, then the first in the table."""
    base, levels = case.base, case.base.question.gap_levels
    settings = {s.id: s for s in base.settings}
    targets = {t.id: t for t in base.question.targets}

    def position(place: str) -> list[float]:
        gaps: Mapping[str, Gap] = settings[place].gaps if place in settings else targets[place].coordinates
        values = [gaps.get(d.id, 0.0) for d in base.question.dimensions]
        return [(UNKNOWN_GAP if v == "unknown" else levels[v]) if isinstance(v, str) else float(v) for v in values]

    def key(i: int) -> tuple[float, float, int]:
        place = summaries.places[i]
        apart = sum(abs(x - x0) for x, x0 in zip(position(place), position(target), strict=True))
        return apart, -_size(settings[place].size if place in settings else ""), i

    return min(range(len(summaries.places)), key=key)


def _size(size: str) -> float:
    """Billions of parameters in a size such as "8x7B"; 0 where there is none."""
    found = re.fullmatch(r"\s*(?:([0-9]+)x)?([0-9]+(?:\.[0-9]+)?)\s*B\s*", size)
    return float(found[1] or 1) * float(found[2]) if found else 0.0
