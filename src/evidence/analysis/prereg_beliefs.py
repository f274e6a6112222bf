"""What a registration freezes: beliefs about every pair in every scenario, the prior they come from, and the baselines.

Everything is computed by the engine and then condensed (docs/prereg.md), so that scoring needs no engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fingerprint import PROBS, fingerprint_of, named_draws, prior_of
from evidence.analysis.fitting import SCENARIOS, Case, case_scenarios, fit_scenarios, prepare_case
from evidence.analysis.options import Progress
from evidence.analysis.ranking import RANK_DRAWS
from evidence.analysis.readers import pairs_of, prior_belief, proxy_readers, summarise
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.registration import (
    QUANTILES,
    Normals,
    PriorPrint,
    ReaderBelief,
    RegisteredContrast,
    ScenarioBelief,
)
from evidence.inference.checks import effective_sample_size
from evidence.inference.engine import Engine, Posterior, pair_moments, share_above
from evidence.model.condensed import condensed, quantiles_of, rounded
from evidence.model.contrasts import Contrasts
from evidence.model.ranks import expected_hours_of, expected_rank_of, greedy_try_order, rank_distribution

type Floats = NDArray[np.float64]

DRAWS = 2048
READER_SHAPE = (8, 2)
"""Strata and cells of a baseline's condensed belief."""
PRINTED = 10
"""Significant digits of frozen numbers other than components: far finer than any engine's error."""
SPACING = 0.02


@dataclass(frozen=True)
class Asked:
    """What is to be frozen: the base whose targets are the scenarios, its priors, and the techniques."""

    base: EvidenceBase
    model: Model
    techniques: tuple[str, ...]
    settings: tuple[str, ...] = ()
    seed: int = 1


@dataclass(frozen=True)
class Frozen:
    """What the engine found."""

    beliefs: tuple[ScenarioBelief, ...]
    prior: tuple[PriorPrint, ...]
    readers: tuple[ReaderBelief, ...]


def freeze_beliefs(
    asked: Asked, *, engine: Engine, face_value: Model, random_effects: Model, progress: Progress | None = None
) -> Frozen:
    """Beliefs, prior and baselines of a registration. Raises BadInput for what the model cannot hold."""
    beliefs, prior = fit_beliefs(asked, engine, progress)
    return Frozen(beliefs, prior, _readers(asked, engine, face_value, random_effects))


def fit_beliefs(
    asked: Asked, engine: Engine, progress: Progress | None = None
) -> tuple[tuple[ScenarioBelief, ...], tuple[PriorPrint, ...]]:
    """What is believed of each scenario, and the prior behind it: what `verify` computes again."""
    case = prepare_case(
        asked.base, asked.model, target=SCENARIOS, settings=asked.settings, seed=asked.seed, engine=engine.name
    )
    fitted = fit_scenarios(case, engine, seed=asked.seed, progress=progress)
    beliefs = tuple(
        _belief(case, target.id, posterior, asked)
        for target, posterior in zip(case.base.question.targets, fitted, strict=True)
    )
    return beliefs, prior_prints(case, engine)


# Beliefs


def _belief(case: Case, target: str, posterior: Posterior, asked: Asked) -> ScenarioBelief:
    index = np.array([posterior.techniques.index(t) for t in asked.techniques])
    merits = draw_merits(posterior, RANK_DRAWS, seed=asked.seed)[:, index]
    ranks = rank_distribution(merits)
    expected = expected_rank_of(ranks)
    order, hours = try_order(case.base, asked.techniques, merits)
    return ScenarioBelief(
        target=target,
        ranking=tuple(asked.techniques[i] for i in np.argsort(expected, kind="stable")),
        p_first={t: _number(ranks[i, 0]) for i, t in enumerate(asked.techniques)},
        contrasts=tuple(_contrasts(case, posterior, asked.techniques)),
        try_order=order, try_order_hours=_number(hours), checks=posterior.checks,
    )  # fmt: skip


def try_order(base: EvidenceBase, techniques: Sequence[str], merits: Floats) -> tuple[tuple[str, ...], float]:
    """The greedy try order of the techniques but the baseline, and its expected hours; an hour each where none is given."""
    tried = [i for i, t in enumerate(techniques) if t != base.techniques[0].id]
    hours = np.array([base.technique(techniques[i]).trial_hours or 1.0 for i in tried])
    works = merits[:, tried] > base.question.smallest_difference
    order = greedy_try_order(works, hours)
    spent = expected_hours_of(order, works, hours, base.question.failure_cost_hours)
    return tuple(techniques[tried[i]] for i in order), float(spent)


def _contrasts(case: Case, posterior: Posterior, techniques: Sequence[str]) -> list[RegisteredContrast]:
    n = len(posterior.techniques)
    p_all, se_all = np.full((2, n, n), 0.5)
    upper = np.triu_indices(n, k=1)
    p_all[upper], se_all[upper] = pair_moments(posterior)
    p_all.T[upper], se_all.T[upper] = 1 - p_all[upper], se_all[upper]
    draws = posterior.resampled(min(DRAWS, len(posterior.weights)))
    # Quantiles come from these draws, whose error no larger sample behind them makes smaller.
    error = float(np.sqrt(len(draws.weights) / min(len(draws.weights), effective_sample_size(posterior.weights))))
    probs, names = list(QUANTILES.values()), list(QUANTILES)
    found: list[RegisteredContrast] = []
    for technique, comparator in itertools.combinations(techniques, 2):
        one, other = posterior.techniques.index(technique), posterior.techniques.index(comparator)
        weights, mean, sd = contrast_mixture(draws, one, other)
        p = float(np.clip(p_all[one, other], 1e-9, 1 - 1e-9))
        few = condensed(weights.ravel(), mean.ravel(), sd.ravel(), p_above=p)
        belief = Contrasts(np.full((1, few.shape[1]), 1 / few.shape[1]), few[:1], few[1:])
        q = quantiles_of(belief, probs)[0]
        seen = quantiles_of(belief, probs, case.base.question.target_run_se)[0]
        se = _quantile_se(weights, mean, sd, q) * error
        found.append(
            RegisteredContrast(
                technique=technique, comparator=comparator, mean=tuple(few[0].tolist()),
                sd=tuple(few[1].tolist()), p_above=_number(p), p_above_se=_number(se_all[one, other]),
                quantiles=_named(names, q), quantiles_se=_named(names, se), observable=_named(names, seen),
            )
        )  # fmt: skip
    return found


def contrast_mixture(posterior: Posterior, a: int, b: int) -> tuple[Floats, Floats, Floats]:
    """Weights, means and sds (M, n) of merit a - merit b: draws, times the nodes over w_0 where no finding knows it.

    The same average over w_0 as in P(A > B) of the engine (`Posterior.above`).
    """
    mean, variance = posterior.contrast(a, b)
    if posterior.factors is None or posterior.factor_weights is None:
        return posterior.weights[:, None], mean[:, None], np.sqrt(np.maximum(variance, 0.0))[:, None]
    tau, r = (posterior.hyper[:, posterior.names.index(name)] for name in ("tau", "r"))
    prior = tau**2 if 0 in {a, b} else 2 * tau**2 * (1 - r)
    f = posterior.factors
    spread = prior[:, None] - f**2 * (prior - variance)[:, None]
    weights = posterior.weights[:, None] * posterior.factor_weights
    return weights, f * mean[:, None], np.sqrt(np.maximum(spread, 0.0))


def _quantile_se(weights: Floats, mean: Floats, sd: Floats, q: Floats) -> Floats:
    """Monte Carlo standard errors (n,) of quantiles `q`: the error of the CDF there over its density."""
    draws, safe = weights.sum(axis=1), np.maximum(sd, 1e-9)
    found = np.empty(len(q))
    for k, x in enumerate(q):
        z = (x - mean) / safe
        below = (weights * share_above(z, np.ones(1))).sum(axis=1) / draws
        centre = draws @ below
        density = float((weights * np.exp(-0.5 * z**2) / safe).sum() / np.sqrt(2 * np.pi))
        found[k] = np.sqrt(draws**2 @ (below - centre) ** 2) / max(density, 1e-9)
    return found


# The prior


def prior_prints(case: Case, engine: Engine) -> tuple[PriorPrint, ...]:
    """The prior at each scenario, and at all of them together where there are several."""
    alone = [
        replace(case, target=target.id, hyper=hyper, scenarios=())
        for target, (_, hyper) in zip(case.base.question.targets, case_scenarios(case), strict=True)
    ]
    cases = alone if len(alone) == 1 else [*alone, case]
    return tuple(_print_of(c, engine) for c in cases)


def _print_of(case: Case, engine: Engine) -> PriorPrint:
    prior = prior_of(case, engine)
    quantiles = fingerprint_of(case, prior)
    named = {name: values for name, values in named_draws(case, prior).items() if name in quantiles}
    n = len(prior.weights)
    se: dict[str, dict[str, float]] = {}
    for name, found in quantiles.items():
        if name in named:
            se[name] = dict(zip(PROBS, _draw_quantile_se(named[name], n).tolist(), strict=True))
        elif name.startswith("merit["):
            t = prior.techniques.index(name.removeprefix("merit[").removesuffix("]"))
            sd = np.sqrt(np.maximum(prior.cov[:, t, t], 0.0))[:, None]
            errors = _quantile_se(prior.weights[:, None], prior.mean[:, [t]], sd, np.array([found[p] for p in PROBS]))
            se[name] = dict(zip(PROBS, errors.tolist(), strict=True))
        else:
            se[name] = dict.fromkeys(found, float(0.5 / np.sqrt(n)))
    return PriorPrint(target=case.target, quantiles=_rounded(quantiles), se=_rounded(se))


def _draw_quantile_se(values: Floats, n: int) -> Floats:
    """Standard errors of the quantiles PROBS of `n` equally weighted draws, densities by quantiles nearby."""
    p = np.array(list(PROBS.values()))
    lo, hi = (np.quantile(values, np.clip(p + s * SPACING, 0, 1), method="hazen") for s in (-1, 1))
    return np.sqrt(p * (1 - p) / n) * (hi - lo) / (2 * SPACING)


# Baselines


def _readers(asked: Asked, engine: Engine, face_value: Model, random_effects: Model) -> tuple[ReaderBelief, ...]:
    """The model without findings and registered beliefs, face value, and the random-effects predictive."""
    plain = asked.model.model_copy(update={"merits": (), "orders": ()})
    case = prepare_case(asked.base, plain, target=None, settings=asked.settings, seed=asked.seed, engine=engine.name)
    scale = random_effects.priors["tau_het"].scale
    if scale is None:
        raise ValueError(f"tau_het of {random_effects.id}: found no scale, wanted a half-normal law")
    coin = prior_belief(case, engine, asked.techniques, asked.seed)
    summaries = summarise(case, engine, face_value, asked.techniques, asked.seed)
    proxies = proxy_readers(case, summaries, case.target, coin, heterogeneity=scale)
    found = {
        "reference_prior": coin, "face_value": proxies["face-value"],
        "random_effects": proxies["random-effects-predictive"],
    }  # fmt: skip
    return tuple(_reader(name, belief, asked) for name, belief in found.items())


def _reader(name: str, belief: Contrasts, asked: Asked) -> ReaderBelief:
    a, b = pairs_of(len(asked.techniques))
    rows: list[Normals] = []
    wins = np.full((len(asked.techniques),) * 2, 0.5)
    for k, (i, j) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        w, m, s = (getattr(belief, part)[k] for part in ("weights", "mean", "sd"))
        used = w > 0
        if used.sum() == 1:
            few = rounded(np.stack([m[used], s[used]]))
        else:
            few = condensed(w[used], m[used], s[used], strata=READER_SHAPE[0], cells=READER_SHAPE[1])
        rows.append(
            Normals(technique=asked.techniques[i], comparator=asked.techniques[j], mean=tuple(few[0].tolist()),
                    sd=tuple(few[1].tolist()))
        )  # fmt: skip
        wins[i, j] = float(share_above(few[0], few[1] ** 2).mean())
        wins[j, i] = 1 - wins[i, j]
    baseline = asked.base.techniques[0].id
    # As often above the others as possible first; the reader knows no hours.
    order = sorted(range(len(wins)), key=lambda t: -float(wins[t].mean()))
    return ReaderBelief.model_validate({
        "reader": name, "contrasts": tuple(rows),
        "try_order": tuple(asked.techniques[t] for t in order if asked.techniques[t] != baseline),
    })  # fmt: skip


def _number(x: float) -> float:
    return float(rounded(np.array([x]), PRINTED)[0])


def _named(names: Sequence[str], values: Floats) -> dict[str, float]:
    return dict(zip(names, rounded(values, PRINTED).tolist(), strict=True))


def _rounded(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {key: _number(x) for key, x in row.items()} for name, row in table.items()}


def pair_mixtures(
    posterior: Posterior, techniques: Sequence[str]
) -> dict[tuple[str, str], tuple[Floats, Floats, Floats]]:
    """Condensed weights, means and sds of merit a - merit b for every pair, both ways round, of techniques it knows."""
    known = [t for t in techniques if t in posterior.techniques]
    found: dict[tuple[str, str], tuple[Floats, Floats, Floats]] = {}
    for a, b in itertools.combinations(known, 2):
        parts = contrast_mixture(posterior, posterior.techniques.index(a), posterior.techniques.index(b))
        mean, sd = condensed(*(x.ravel() for x in parts))
        even = np.full(len(mean), 1 / len(mean))
        found[a, b] = (even, mean, sd)
        found[b, a] = (even, -mean, sd)
    return found
