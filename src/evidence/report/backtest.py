"""A backtest as terminal tables and as Markdown, from one list of tables. Formatting only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from evidence.domain.backtest import LARGE, BacktestTable, ReaderScore, Score
from evidence.report.words import show_name

COIN = 0.6931471805599453
COLUMNS = 4
"""Beside the first one, in a terminal of 80 columns."""
_KEYS = {"best-single": "best_single_proxy", "nearest": "nearest_proxy"}
"""Names of the JSON, where they differ from a reader's with underscores."""


@dataclass(frozen=True)
class Grid:
    """One table in words: title, what to know of it, header and cells."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grids_of(found: BacktestTable) -> tuple[Grid, ...]:
    """Everything a backtest says, as tables in reading order."""
    return (
        *_overall(found), _bridges(found), *_targets(found), _differences(found), _reliability(found), _singles(found),
    )  # fmt: skip


def backtest_view(found: BacktestTable) -> RenderableType:
    """The tables for a terminal."""
    return Group(
        *(part for grid in grids_of(found) for part in _as_rich(grid)), *(show_name(note) for note in notes_of(found))
    )


def backtest_markdown(found: BacktestTable, heading: str = "##") -> str:
    """The tables as Markdown sections."""
    parts: list[str] = []
    for grid in grids_of(found):
        rows = [grid.head, tuple("---" for _ in grid.head), *grid.rows]
        table = "\n".join("| " + " | ".join(_cell(c) for c in row) + " |" for row in rows)
        parts.append("\n\n".join(x for x in (f"{heading} {show_name(grid.title)}", grid.note, table) if x))
    if notes_of(found):
        parts.append(f"{heading} Notes\n\n" + "\n".join(f"* {_cell(note)}" for note in notes_of(found)))
    return "\n\n".join(parts) + "\n"


def backtest_document(found: BacktestTable) -> dict[str, Any]:
    """The JSON of `evidence backtest` (docs/cli.md): readers by name, scores by name."""

    def named(scores: Sequence[ReaderScore]) -> dict[str, Any]:
        return {_key(r.reader): _scores_of(r.score) for r in scores}

    document = found.model_dump(mode="json", exclude={"overall", "overall_large", "bridges", "readers", "slopes"})
    document["readers"] = [_key(reader) for reader in found.readers]
    document["slopes"] = {_key(reader): slope for reader, slope in found.slopes.items()}
    for row in (*document["differences"], *document["reliability"]):
        row["reader"] = _key(row["reader"])
    document |= {"overall": named(found.overall), "overall_large": named(found.overall_large)}
    document["bridges"] = [
        {
            "id": b.bridge, "model": b.model, "model_sha256": b.model_sha256, "base_sha256": b.base_sha256,
            "ok": b.ok, "checks": {name: check.model_dump(mode="json") for name, check in b.checks.items()},
            "notes": list(b.notes), "n_pairs": b.scores[0].score.pairs, "readers": named(b.scores),
            "targets": [
                {"id": t.target, "n_pairs": t.scores[0].score.pairs, "readers": named(t.scores)} for t in b.targets
            ],
        }
        for b in found.bridges
    ]  # fmt: skip
    return document


def _key(reader: str) -> str:
    return _KEYS.get(reader, reader.replace("-", "_"))


def _scores_of(score: Score) -> dict[str, Any]:
    renamed = {
        "coverage_50": "coverage50", "coverage_80": "coverage80", "coverage_95": "coverage95",
        "crps_smd": "crps", "top1_regret_smd": "top1_regret",
    }  # fmt: skip
    return {renamed.get(name, name): value for name, value in score.model_dump(exclude={"pairs"}).items()}


def notes_of(found: BacktestTable) -> list[str]:
    """What was left out or assumed, by bridge."""
    return [f"{b.bridge}: {note}" for b in found.bridges for note in b.notes]


def _cell(text: str) -> str:
    return show_name(text).replace("|", "\\|")


def _as_rich(grid: Grid) -> Iterator[Table]:
    """One table, or several below each other with the same first column, where a terminal is too narrow for all."""
    widest = max(len(show_name(row[0])) for row in (grid.head, *grid.rows))
    for start in range(1, len(grid.head), COLUMNS):
        part = slice(start, start + COLUMNS)
        is_last = start + COLUMNS >= len(grid.head)
        table = Table(
            title=grid.title if start == 1 else None, caption=grid.note if is_last and grid.note else None,
            title_justify="left", caption_justify="left", box=None,
        )  # fmt: skip
        # Two readers whose names begin alike must not be cut to the same letters.
        table.add_column(grid.head[0], min_width=widest)
        for name in grid.head[part]:
            table.add_column(name, justify="right", overflow="fold")
        for row in grid.rows:
            table.add_row(*(show_name(cell) for cell in (row[0], *row[part])))
        yield table


def _overall(found: BacktestTable) -> Iterator[Grid]:
    head = (
        "reader", "log loss", "unclipped", "Brier", "sure and wrong", "CRPS, SMD", "in 50/80/95 %",
        "regret, SMD", "Kendall tau", "slope",
    )  # fmt: skip
    n = len(found.bridges)
    seen = "outcomes of a bridge's other targets were seen" if found.mode != "hidden" else "no outcome was seen"
    rows = [(r.reader, *_score(r.score), _slope(found, r.reader)) for r in found.overall]
    note = f"Means over {n} {'bridge' if n == 1 else 'bridges'}; {seen}. Log loss of a coin: {COIN:.3f}. Slope 1: calibrated."
    yield Grid("All bridges", note, head, tuple(rows))
    large = sum(b.scores[0].score.pairs >= LARGE for b in found.bridges)
    if 0 < large < n:
        rows = [(r.reader, *_score(r.score)) for r in found.overall_large]
        yield Grid(f"Bridges of {LARGE} pairs or more", f"Means over {large} of them.", head[:-1], tuple(rows))


def _score(s: Score) -> tuple[str, ...]:
    covered = f"{100 * s.coverage_50:.0f} / {100 * s.coverage_80:.0f} / {100 * s.coverage_95:.0f}"
    tau = "" if s.kendall_tau is None else _two(s.kendall_tau)
    return (
        _three(s.log_loss), _three(s.log_loss_unclipped), _three(s.brier), f"{100 * s.sure_and_wrong:.1f} %",
        _three(s.crps_smd), covered, _two(s.top1_regret_smd), tau,
    )  # fmt: skip


def _bridges(found: BacktestTable) -> Grid:
    head = ("bridge", "pairs", "model", *found.readers)
    rows = [
        (b.bridge, str(b.scores[0].score.pairs), b.model, *(_three(r.score.log_loss) for r in b.scores))
        for b in found.bridges
    ]
    return Grid("Log loss by bridge", "Each pair of a bridge counts once.", head, tuple(rows))


def _targets(found: BacktestTable) -> Iterator[Grid]:
    head = ("target", "pairs", "warranted", "face value", "predictive", "sure and wrong", "inside 80 %", "Kendall tau")
    for b in found.bridges:
        if len(b.targets) < 2:
            continue
        rows: list[tuple[str, ...]] = []
        for t in b.targets:
            by = {r.reader: r.score for r in t.scores}
            own = by["warranted"]
            losses = (own.log_loss, by["face-value"].log_loss, by["random-effects-predictive"].log_loss)
            tau = "" if own.kendall_tau is None else _two(own.kendall_tau)
            sure, covered = f"{100 * own.sure_and_wrong:.1f} %", f"{100 * own.coverage_80:.0f} %"
            rows.append((t.target, str(own.pairs), *(_three(x) for x in losses), sure, covered, tau))
        yield Grid(f"{b.bridge} by target", "Log loss of three readers; the rest is of warranted.", head, tuple(rows))


def _differences(found: BacktestTable) -> Grid:
    head = ("warranted minus", "log loss", "80 % interval", "95 % interval")
    rows = [
        (d.reader, f"{d.mean:+.3f}", f"{d.q10:+.3f} to {d.q90:+.3f}", f"{d.q025:+.3f} to {d.q975:+.3f}")
        for d in found.differences
    ]
    note = "Below 0: warranted is better. Equal-tailed, bootstrap over targets and techniques; bridges are fixed."
    return Grid("Differences in log loss", note, head, tuple(rows))


def _reliability(found: BacktestTable) -> Grid:
    head = ("reader", "called at", "pairs", "claimed, in 100", "right, in 100")
    rows = [
        (r.reader, f"{100 * r.lo:.0f} to {100 * r.hi:.0f}", f"{r.pairs:.0f}", f"{100 * r.claimed:.1f}", f"{100 * r.observed:.0f}")
        for r in found.reliability
    ]  # fmt: skip
    return Grid("Claimed against observed", "", head, tuple(rows))


def _singles(found: BacktestTable) -> Grid:
    head = ("z of one proxy result", "pairs", "claimed at face value, in 100", "same order at the target, in 100")
    rows = [
        (
            f"{s.z_lo:.0f} to {s.z_hi:.0f}" if s.z_hi is not None else f"above {s.z_lo:.0f}",
            str(s.pairs), f"{100 * s.claimed:.2f}", f"{100 * s.observed:.0f}",
        )
        for s in found.single_proxies
    ]  # fmt: skip
    note = "Every pair of techniques, one proxy setting, one target."
    return Grid("One result at face value", note, head, tuple(rows))


def _slope(found: BacktestTable, reader: str) -> str:
    return _two(found.slopes[reader]) if reader in found.slopes else ""


def _two(x: float) -> str:
    return f"{x:.2f}"


def _three(x: float) -> str:
    return f"{x:.3f}"
