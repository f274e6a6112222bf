"""How far findings move every technique at the target, and for how many they count (docs/model.md, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.estimate import Estimate
from evidence.analysis.fitting import Case
from evidence.analysis.ranking import RANK_DRAWS
from evidence.analysis.solo import Solo, conditional_moments
from evidence.domain.shifts import EffectiveFindings, Moved, TechniqueShift
from evidence.inference.engine import Posterior
from evidence.model.ranks import rank_distribution

type Floats = NDArray[np.float64]

DRAWS = 2048
"""Draws that tell how far techniques move: enough for a difference, and P of every pair is dear."""
BATCHES = 10
"""Batches of draws whose scatter tells the Monte Carlo error of P(ranks first)."""


def shifts_of(case: Case, before: Posterior, after: Posterior) -> tuple[TechniqueShift, ...]:
    """Every technique's standing in `before` and `after`, the one that ends highest first.

    Where `after` is `before` with other weights, the same draws err the same way in both, and the errors say so.
    """
    paired = before.coordinates is after.coordinates
    before, after = _thinned(before, after) if paired else (before.resampled(DRAWS), after.resampled(DRAWS))
    first, second = (_by_draw(p) for p in (before, after))
    tops = [_p_best(p, case.provenance.seed) for p in (before, after)]
    n, names = len(before.techniques), {t.id: t.name for t in case.base.techniques}
    rows: list[TechniqueShift] = []
    for i, technique in enumerate(before.techniques):
        ranks = [values.rank[:, i] for values in (first, second)]
        rank = _moved(before, after, ranks, paired=paired)
        mean = _moved(before, after, [before.mean[:, i], after.mean[:, i]], paired=paired)
        squares = [
            v - 2 * m * p.mean[:, i]
            for v, m, p in zip(
                (first.square[:, i], second.square[:, i]), (mean.before, mean.after), (before, after), strict=True
            )
        ]
        rows.append(
            TechniqueShift(
                id=technique, name=names[technique], merit_mean=mean, merit_sd=_sd(before, after, squares, mean, paired=paired),
                expected_rank=rank, sucra=_sucra(rank, n), p_best=_top(tops, i),
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: row.expected_rank.after))


def _thinned(before: Posterior, after: Posterior) -> tuple[Posterior, Posterior]:
    """DRAWS of the draws that both share, taken by their average weight, and weighted for what that favours."""
    average = (before.weights + after.weights) / 2
    index = replace(before, weights=average).systematic(DRAWS)

    def taken(posterior: Posterior) -> Posterior:
        weights = posterior.weights[index] / average[index]
        return replace(posterior.taken(index), weights=weights / weights.sum())

    return taken(before), taken(after)


@dataclass(frozen=True)
class _ByDraw:
    """Of every draw and technique, (M, T) each."""

    rank: Floats
    """Expected rank given the draw: 1 + sum over others of P(other above)."""
    square: Floats
    """E[merit^2] given the draw, SMD^2."""


def _by_draw(posterior: Posterior) -> _ByDraw:
    n = len(posterior.techniques)
    above = [posterior.above(np.delete(np.arange(n), t), np.full(n - 1, t)).sum(axis=1) for t in range(n)]
    variance = np.diagonal(posterior.cov, axis1=1, axis2=2)
    return _ByDraw(1 + np.stack(above, axis=1), variance + posterior.mean**2)


def _moved(before: Posterior, after: Posterior, values: Sequence[Floats], *, paired: bool) -> Moved:
    """Weighted means of `values` ((M,) per draw, before and after), and the error of their difference."""
    means = [float(p.weights @ v) for p, v in zip((before, after), values, strict=True)]
    first, second = (p.weights * (v - m) for p, v, m in zip((before, after), values, means, strict=True))
    parts = [second - first] if paired else [first, second]
    return Moved(before=means[0], after=means[1], mcse=float(np.sqrt(sum(np.sum(part**2) for part in parts))))


def _sd(before: Posterior, after: Posterior, squares: Sequence[Floats], mean: Moved, *, paired: bool) -> Moved:
    """Standard deviations from `squares` = E[merit^2] - 2 m merit per draw, whose mean is the variance less m^2."""
    moved = _moved(before, after, squares, paired=paired)
    first, second = (
        float(np.sqrt(max(x + m**2, 0.0))) for x, m in ((moved.before, mean.before), (moved.after, mean.after))
    )
    scale = first + second
    return Moved(before=first, after=second, mcse=moved.mcse / scale if scale > 0 else 0.0)


def _sucra(rank: Moved, n: int) -> Moved:
    return Moved(before=(n - rank.before) / (n - 1), after=(n - rank.after) / (n - 1), mcse=rank.mcse / (n - 1))


def _p_best(posterior: Posterior, seed: int) -> Floats:
    """P(ranks first) by batches of draws, (BATCHES, T): every BATCHES-th draw, so each has its share of every round."""
    tops: list[Floats] = []
    for k in range(BATCHES):
        part = posterior.taken(slice(k, None, BATCHES))
        total = float(part.weights.sum())
        weights = part.weights / total if total > 0 else np.full(len(part.weights), 1 / len(part.weights))
        merits = draw_merits(replace(part, weights=weights), RANK_DRAWS // BATCHES, seed=seed + k)
        tops.append(rank_distribution(merits)[:, 0])
    return np.stack(tops)


def _top(tops: Sequence[Floats], i: int) -> Moved:
    first, second = (batches[:, i] for batches in tops)
    mcse = float(np.std(second - first, ddof=1)) / BATCHES**0.5
    return Moved(before=float(first.mean()), after=float(second.mean()), mcse=mcse)


def effective_findings(solo: Solo) -> EffectiveFindings:
    """For how many independent findings those of the case count, about the contrast at the target.

    Findings whose errors, settings and families had nothing in common would add up their gains of precision
    g_i = 1 / V(i alone) - 1 / V(prior). So all of them count as gain(all) over the gain-weighted mean of the g_i,
    sum g_i^2 / sum g_i: one finding counts as 1, and those that add nothing do not count.
    """
    case = solo.case
    ids = case.design.findings
    if len(ids) == 1:
        return EffectiveFindings(value=1.0, mcse=0.0, of=1)

    def variance(findings: Iterable[str]) -> Floats:
        return conditional_moments(solo, case.hyper, case.only(set(findings))).variance

    def count(nothing: float, everything: float, *each: float) -> float:
        gains = np.maximum(1 / np.array(each) - 1 / nothing, 0.0)
        return 0.0 if gains.sum() <= 0 else (1 / everything - 1 / nothing) * gains.sum() / float(gains @ gains)

    found = Estimate.of(count, variance(()), variance(ids), *(variance([f]) for f in ids))
    return EffectiveFindings(value=found.value, mcse=found.mcse, of=len(ids))
