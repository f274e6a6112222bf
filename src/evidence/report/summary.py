"""The summary of findings as Markdown and CSV, and metafor's table as CSV. Formatting only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from evidence.domain.results import Review
from evidence.domain.summary import Comparison, MetaRow, MetaTable, Summary
from evidence.domain.verdict import band_of
from evidence.report.documents import markdown_text
from evidence.report.sheets import safe_cell
from evidence.report.words import band_in_100, in_100, known_amount

COLUMNS = (
    "comparison", "studies", "findings", "effect at the target, SMD (80 % interval, equal-tailed)",
    "certainty: technique above comparator, in 100", "before, in 100", "ceiling, in 100", "verdict",
    "reasons for downgrade",
)  # fmt: skip


def summary_markdown(summary: Summary) -> str:
    """The table under a heading. The summary must have passed its checks."""
    lines = [
        f"# Summary of findings: {markdown_text(summary.base)}",
        "",
        f"Target: {markdown_text(summary.target)}. Model: {markdown_text(summary.model)}. "
        "Certainty is P(technique above comparator at the target), in 100, given these studies alone.",
        "",
        _pipes(COLUMNS),
        _pipes(["---"] * len(COLUMNS)),
    ]
    lines += [_pipes(markdown_text(text) for text in _cells(row)) for row in summary.comparisons]
    return "\n".join(lines) + "\n"


def summary_csv(summary: Summary) -> str:
    """The same table as CSV that is safe to open in a spreadsheet."""
    return _csv(COLUMNS, (_cells(row) for row in summary.comparisons))


def meta_csv(table: MetaTable) -> str:
    """Metafor's columns, numbers in full."""
    columns = tuple(MetaRow.model_fields)
    return _csv(columns, ([getattr(row, name) for name in columns] for row in table.rows))


def _cells(comparison: Comparison) -> tuple[str, ...]:
    review = comparison.review
    c, errors = review.contrast, review.mcse
    q10, q50, q90 = (known_amount(c[q], errors.get(f"contrast.{q}")) for q in ("q10", "q50", "q90"))
    return (
        f"{review.pair.technique_name} against {review.pair.comparator_name}",
        "; ".join(comparison.studies),
        str(comparison.findings),
        f"{q50} ({q10} to {q90})",
        in_100(review.p_post),
        in_100(review.p_prior),
        in_100(review.p_ceiling),
        f"{review.word} ({in_100(review.p_post)} in 100; band {band_in_100(band_of(review.p_post))})",
        "; ".join(_reasons(review)) or "none rated",
    )


def _reasons(review: Review) -> Iterable[str]:
    """Gaps of the headline's setting, what limits the answer most, optimism, and disagreement."""
    for line in review.why_so_little:
        if not line.partition(": ")[2].startswith(("none", "0.0.")):
            yield f"gap {line.partition('. ')[0]}"
    named = {"sample": "the sample", "proxy": "validity of the proxy"}
    known = {name: review.limits[name] for name in named if name in review.limits}
    if known:
        yield f"limited most by {named[max(known, key=lambda name: known[name])]}"
    if review.optimism_line:
        yield "optimism alone could explain it"
    for conflict in review.conflicts:
        if conflict.found:
            yield f"{conflict.between} disagree in direction"


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue()
