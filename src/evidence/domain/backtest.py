"""What `evidence backtest` comes to: readers scored on targets whose outcomes were hidden from them."""

from __future__ import annotations

from evidence.domain.records import Record
from evidence.domain.results import Check

LARGE = 15
"""Pairs a bridge needs for a log loss that is more than an anecdote."""


class Score(Record):
    """How one reader did on some pairs of techniques. Lower is better where not said otherwise."""

    pairs: int
    log_loss: float
    """Mean -ln P(observed order), P clipped to [.001, .999], the outcome's own error folded in. The coin: .693."""
    log_loss_unclipped: float
    brier: float
    sure_and_wrong: float
    """Share of pairs called above 95 in 100 that came out the other way."""
    crps_smd: float
    coverage_50: float
    coverage_80: float
    coverage_95: float
    """Share of contrasts inside the central (equal-tailed) interval of that mass; best when equal to it."""
    top1_regret_smd: float
    """Outcome of the best technique minus that of the one the reader puts first."""
    kendall_tau: float | None
    """Rank correlation of the reader's order with the outcomes; None where a reader ranks nothing. Higher is better."""


class ReaderScore(Record):
    """One reader's scores."""

    reader: str
    score: Score


class TargetScores(Record):
    """All readers on one target."""

    target: str
    scores: tuple[ReaderScore, ...]


class BridgeScores(Record):
    """All readers on one bridge. `warranted` read it with `model`."""

    bridge: str
    model: str
    model_sha256: str
    base_sha256: str
    scores: tuple[ReaderScore, ...]
    targets: tuple[TargetScores, ...]
    checks: dict[str, Check]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if the engine's checks passed."""
        return all(check.ok for check in self.checks.values())


class Difference(Record):
    """Mean log loss of `warranted` minus that of another reader, over bridges: below 0 where `warranted` is better."""

    reader: str
    mean: float
    q025: float
    q10: float
    q90: float
    q975: float
    """Equal-tailed 95 % and 80 % intervals of a bootstrap over targets and techniques, never over pairs."""


class ReliabilityBin(Record):
    """Pairs by how sure a reader was of the order it called."""

    reader: str
    lo: float
    hi: float
    pairs: float
    claimed: float
    observed: float
    """Share called right; a tied outcome is half right."""


class SingleProxyBin(Record):
    """Single proxy results by their z at face value, and how often the target shows the same order."""

    z_lo: float
    z_hi: float | None
    """None: no upper end."""
    pairs: int
    claimed: float
    observed: float


class BacktestTable(Record):
    """Readers on bridges. Overall figures are means over bridges; slopes pool all pairs, ties left out."""

    mode: str
    """`hidden`: no target's outcomes were seen; `siblings-visible`: those of the other targets were."""
    readers: tuple[str, ...]
    overall: tuple[ReaderScore, ...]
    overall_large: tuple[ReaderScore, ...] = ()
    """Means over bridges of LARGE pairs or more; empty where there is none."""
    bridges: tuple[BridgeScores, ...]
    differences: tuple[Difference, ...]
    slopes: dict[str, float]
    """Calibration slope of each reader's P(A > B): 1 calibrated, below 1 too sure. None for a reader
    that no slope fits best: a coin, or one that was always right."""
    reliability: tuple[ReliabilityBin, ...]
    single_proxies: tuple[SingleProxyBin, ...]
    seed: int
    version: str
    ok: bool
