"""Scores of readers against outcomes, per pair of techniques, and their averages over targets and bridges."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.readers import READERS, Summaries, pairs_of
from evidence.domain.backtest import (
    LARGE,
    BacktestTable,
    BridgeScores,
    Difference,
    ReaderScore,
    ReliabilityBin,
    Score,
    SingleProxyBin,
    TargetScores,
)
from evidence.domain.results import Check
from evidence.model.contrasts import (
    CLIP,
    SURE,
    Contrasts,
    calibration_slope,
    crps,
    log_odds_parts,
    probability_transform,
)

type Floats = NDArray[np.float64]

RESAMPLES = 2000
BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
Z_BINS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, np.inf)


@dataclass(frozen=True)
class Truth:
    """What came out at a target. T techniques, the baseline first; n pairs a < b."""

    techniques: tuple[str, ...]
    y: Floats
    """(T,) outcomes against the baseline, SMD."""
    difference: Floats
    """(n,) outcome of a minus that of b."""
    se: Floats
    """(n,) standard error of the difference."""


@dataclass(frozen=True)
class PairScores:
    """One reader on one target, by pair (n,)."""

    p: Floats
    """Probability given to the order that came out; the mean of both orders' scores is taken where outcomes tie."""
    log_p: Floats
    log_not_p: Floats
    tied: NDArray[np.bool_]
    crps: Floats
    transform: Floats
    order: Floats
    """(T,) how high the reader ranks each technique: mean P of being above the others."""

    @property
    def log_loss(self) -> Floats:
        """-ln P, clipped."""
        right, wrong = (-np.log(np.clip(np.exp(x), CLIP, 1 - CLIP)) for x in (self.log_p, self.log_not_p))
        return np.where(self.tied, (right + wrong) / 2, right)

    @property
    def log_loss_unclipped(self) -> Floats:
        """-ln P as it is, finite however sure the reader was."""
        return np.where(self.tied, -(self.log_p + self.log_not_p) / 2, -self.log_p)

    @property
    def brier(self) -> Floats:
        """(1 - P)^2."""
        return np.where(self.tied, ((1 - self.p) ** 2 + self.p**2) / 2, (1 - self.p) ** 2)

    @property
    def sure_and_wrong(self) -> Floats:
        """1 where the other order was called above 95 in 100."""
        return ((self.log_not_p > np.log(SURE)) & ~self.tied).astype(float)


@dataclass(frozen=True)
class Scored:
    """One target of one bridge with every reader's scores, and what single settings said at face value."""

    bridge: str
    target: str
    truth: Truth
    readers: Mapping[str, PairScores]
    summaries: Summaries
    notes: tuple[str, ...] = ()


def score_reader(beliefs: Contrasts, truth: Truth, *, is_coin: bool = False) -> PairScores:
    """Scores of every pair. A coin says one half of every order, whatever the spread of its beliefs."""
    above, below = log_odds_parts(beliefs, truth.se)
    if is_coin:
        above, below = np.full((2, len(above)), np.log(0.5))
    a_won = truth.difference > 0
    log_p, log_not_p = np.where(a_won, above, below), np.where(a_won, below, above)
    n = len(truth.techniques)
    wins = np.zeros((n, n))
    a, b = pairs_of(n)
    wins[a, b], wins[b, a] = np.exp(above), np.exp(below)
    return PairScores(
        p=np.exp(log_p), log_p=log_p, log_not_p=log_not_p, tied=truth.difference == 0,
        crps=crps(beliefs, truth.difference, truth.se),
        transform=probability_transform(beliefs, truth.difference, truth.se), order=wins.sum(axis=1) / max(n - 1, 1),
    )  # fmt: skip


def build_table(
    scored: Sequence[Scored], reads: Mapping[str, tuple[str, str, str]], checks: Mapping[str, Mapping[str, Check]], *,
    mode: str, seed: int, version: str,
) -> BacktestTable:  # fmt: skip
    """All averages. `reads`: model, its hash and the base's hash of each bridge."""
    bridges = tuple(_bridge(name, [s for s in scored if s.bridge == name], reads[name], checks[name]) for name in reads)
    overall = tuple(ReaderScore(reader=r, score=_mean([_of(b.scores, r) for b in bridges])) for r in READERS)
    large = [b for b in bridges if b.scores[0].score.pairs >= LARGE]
    overall_large = tuple(
        ReaderScore(reader=r, score=_mean([_of(b.scores, r) for b in large])) for r in (READERS if large else ())
    )
    return BacktestTable(
        mode=mode, readers=READERS, overall=overall, overall_large=overall_large, bridges=bridges, differences=tuple(_differences(scored, seed)),
        slopes=_slopes(scored),
        reliability=tuple(_reliability(scored)), single_proxies=tuple(_single_proxies(scored)),
        seed=seed, version=version, ok=all(b.ok for b in bridges),
    )  # fmt: skip


def _slopes(scored: Sequence[Scored]) -> dict[str, float]:
    """Calibration slope of every reader that has one, ties left out."""
    found = {
        r: calibration_slope(np.concatenate([s.readers[r].p[~s.readers[r].tied] for s in scored])) for r in READERS
    }
    return {reader: slope for reader, slope in found.items() if slope is not None}


def _bridge(
    name: str, scored: Sequence[Scored], read: tuple[str, str, str], checks: Mapping[str, Check]
) -> BridgeScores:
    targets = tuple(
        TargetScores(target=s.target, scores=tuple(ReaderScore(reader=r, score=_score(s, r)) for r in READERS))
        for s in scored
    )
    totals = tuple(
        ReaderScore(reader=r, score=_mean([_of(t.scores, r) for t in targets], by_pairs=True)) for r in READERS
    )
    return BridgeScores(
        bridge=name, model=read[0], model_sha256=read[1], base_sha256=read[2], scores=totals, targets=targets,
        checks=dict(checks), notes=tuple(note for s in scored for note in s.notes),
    )  # fmt: skip


def _of(scores: Sequence[ReaderScore], reader: str) -> Score:
    return next(s.score for s in scores if s.reader == reader)


def _score(s: Scored, reader: str) -> Score:
    found, y = s.readers[reader], s.truth.y
    inside = {m: float(np.mean(np.abs(found.transform - 0.5) <= m / 2)) for m in (0.5, 0.8, 0.95)}
    return Score(
        pairs=len(found.p), log_loss=float(found.log_loss.mean()),
        log_loss_unclipped=float(found.log_loss_unclipped.mean()), brier=float(found.brier.mean()),
        sure_and_wrong=float(found.sure_and_wrong.mean()), crps_smd=float(found.crps.mean()),
        coverage_50=inside[0.5], coverage_80=inside[0.8], coverage_95=inside[0.95],
        top1_regret_smd=_regret(found.order, y), kendall_tau=_kendall_tau(found.order, y),
    )  # fmt: skip


def _regret(order: Floats, y: Floats) -> float:
    """Best outcome minus the mean outcome of the techniques the reader puts first (a coin puts all of them first)."""
    return float(y.max() - y[order >= order.max() - 1e-12].mean())


def _kendall_tau(order: Floats, y: Floats) -> float | None:
    from scipy.stats import kendalltau

    if np.ptp(order) < 1e-12 or np.ptp(y) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tau = float(kendalltau(order, y).statistic)  # pyright: ignore[reportAttributeAccessIssue]
    return tau if np.isfinite(tau) else None


def _mean(scores: Sequence[Score], *, by_pairs: bool = False) -> Score:
    """Averages over targets, each pair counting once, or over bridges, each bridge counting once."""
    weights = np.array([s.pairs if by_pairs else 1 for s in scores], dtype=np.float64)

    def mean(name: str) -> float | None:
        known = [(w, getattr(s, name)) for w, s in zip(weights, scores, strict=True) if getattr(s, name) is not None]
        return float(np.average([x for _, x in known], weights=[w for w, _ in known])) if known else None

    names = [name for name in Score.model_fields if name != "pairs"]
    return Score.model_validate({"pairs": sum(s.pairs for s in scores), **{name: mean(name) for name in names}})


def _differences(scored: Sequence[Scored], seed: int) -> Iterator[Difference]:
    """Bootstrap of the mean log loss over bridges: targets and techniques drawn again, a pair as often as both its ends."""
    rng = np.random.default_rng([seed, 13])
    bridges = list(dict.fromkeys(s.bridge for s in scored))
    draws = {name: _draws([s for s in scored if s.bridge == name], rng) for name in bridges}
    for reader in READERS[1:]:
        point, resampled = [], []
        for name in bridges:
            mine = [s for s in scored if s.bridge == name]
            gaps = [s.readers["warranted"].log_loss - s.readers[reader].log_loss for s in mine]
            point.append(np.concatenate(gaps).mean())
            total, weight = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
            for times, pair_times, gap in zip(*draws[name], gaps, strict=True):
                total += times * (pair_times @ gap)
                weight += times * pair_times.sum(axis=1)
            # A resample of one technique alone has no pair: others stand in for it, so that every bridge counts alike.
            known = np.flatnonzero(weight > 0)
            resampled.append((total[known] / weight[known])[np.arange(RESAMPLES) % len(known)])
        mean = np.mean(resampled, axis=0)
        q = np.quantile(mean, [0.025, 0.1, 0.9, 0.975]).tolist()
        yield Difference(reader=reader, mean=float(np.mean(point)), q025=q[0], q10=q[1], q90=q[2], q975=q[3])


def _draws(scored: Sequence[Scored], rng: np.random.Generator) -> tuple[list[Floats], list[Floats]]:
    """How often each target (RESAMPLES,) and each of its pairs (RESAMPLES, n) comes up."""
    names = sorted({t for s in scored for t in s.truth.techniques})
    times = rng.multinomial(len(scored), np.full(len(scored), 1 / len(scored)), size=RESAMPLES).astype(float)
    techniques = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES).astype(float)
    pair_times: list[Floats] = []
    for s in scored:
        own = techniques[:, [names.index(t) for t in s.truth.techniques]]
        a, b = pairs_of(len(s.truth.techniques))
        pair_times.append(own[:, a] * own[:, b])
    return list(times.T), pair_times


def _reliability(scored: Sequence[Scored]) -> Iterator[ReliabilityBin]:
    for reader in READERS:
        p = np.concatenate([s.readers[reader].p for s in scored])
        tied = np.concatenate([s.readers[reader].tied for s in scored])
        claimed = np.maximum(p, 1 - p)
        right = np.where(tied | (p == 0.5), 0.5, (p > 0.5).astype(float))
        for lo, hi in itertools.pairwise(BINS):
            inside = (claimed >= lo) & ((claimed < hi) | (hi >= 1.0))
            if inside.any():
                yield ReliabilityBin(
                    reader=reader, lo=lo, hi=hi, pairs=float(inside.sum()), claimed=float(claimed[inside].mean()),
                    observed=float(right[inside].mean()),
                )  # fmt: skip


def _single_proxies(scored: Sequence[Scored]) -> Iterator[SingleProxyBin]:
    """The table of docs/model.md, section 1: one proxy setting, two techniques, one target."""
    from scipy.special import ndtr

    z_all: list[Floats] = []
    same_all: list[Floats] = []
    for s in scored:
        z = s.summaries.y / s.summaries.se
        known = ~np.isnan(z)
        same = np.sign(z) * np.sign(s.truth.difference)
        z_all.append(np.abs(z[known]))
        same_all.append((0.5 + 0.5 * same)[known])
    z, same = np.concatenate(z_all), np.concatenate(same_all)
    for lo, hi in itertools.pairwise(Z_BINS):
        inside = (z >= lo) & (z < hi)
        if inside.any():
            yield SingleProxyBin(
                z_lo=lo, z_hi=hi if np.isfinite(hi) else None, pairs=int(inside.sum()),
                claimed=float(ndtr(z[inside]).mean()), observed=float(same[inside].mean()),
            )  # fmt: skip
