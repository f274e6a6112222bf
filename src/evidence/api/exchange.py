"""Records in other people's forms: pandas both ways, JSON, HTML and Markdown."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.domain import results
from evidence.domain.backtest import BacktestTable
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Question
from evidence.io.base_out import KINDS, base_texts, columns_of, rows_of
from evidence.io.store import write_text
from evidence.io.tables import load_base

if TYPE_CHECKING:
    from pandas import DataFrame

    from evidence.api.shown import Review

type Answer = results.Ranking | results.Review | results.Sweep | BacktestTable
type Dumped = dict[str, Any]

_REVIEW_COLUMNS = (
    "study", "study_title", "finding", "target", "p_prior", "p_post", "p_post_mcse", "p_face_value", "p_ceiling",
    "p_break_even", "belief", "shift_ratio", "face_value_ratio", "discount", "target_equivalent_n", "word", "ok",
)  # fmt: skip
_ALWAYS_KNOWN = frozenset({"study", "study_title", "finding", "target", "belief", "technique", "comparator", "ok"})
_NO_TABLE = frozenset({"rank_probabilities", "merit_mcse"})


def to_pandas(answer: Answer | Mapping[str, Review]) -> DataFrame:
    """An answer as a table: techniques in order, points of a sweep, readers' scores, or one row per review.

    Reviews and points whose checks failed have no numbers. Raises ValueError for a ranking or a backtest without a
    verdict: a table would hide that.
    """
    import pandas as pd

    if isinstance(answer, results.Ranking):
        _require_ok(answer.ok, answer.checks)
        return pd.DataFrame([t.model_dump(exclude=set(_NO_TABLE)) for t in answer.techniques]).set_index("id")
    if isinstance(answer, results.Sweep):
        return pd.DataFrame([_point(point) for point in answer.points])
    if isinstance(answer, BacktestTable):
        _require_ok(answer.ok, {name: check for bridge in answer.bridges for name, check in bridge.checks.items()})
        return pd.DataFrame([{"reader": r.reader, **r.score.model_dump()} for r in answer.overall]).set_index("reader")
    reviews = [answer] if isinstance(answer, results.Review) else list(answer.values())
    return pd.DataFrame([_review(review) for review in reviews])


def to_tables(base: EvidenceBase) -> dict[str, DataFrame]:
    """Every table of a base as a frame with all its columns. Findings left out by price are not among them."""
    import pandas as pd

    return {
        name: pd.DataFrame(rows, columns=list(columns_of(name, base.question)), dtype=object)
        for name, rows in rows_of(base).items()
    }


def from_tables(tables: Mapping[str, DataFrame], question: Question) -> EvidenceBase:
    """The base these frames make, checked as its files would be; `question` is that of a base, or a record of its own.

    Empty cells are None or NaN. Raises BadInput with every problem, rows counted as in a CSV file: the header is line 1.
    """
    if unknown := sorted(set(tables) - set(KINDS)):
        wanted = f"frames by the names {', '.join(KINDS)}"
        raise BadInput(Problem(name, None, "", "a table no base has", wanted) for name in unknown)
    rows = {name: [_row(row) for row in frame.to_dict(orient="records")] for name, frame in tables.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in base_texts(question, {k: r for k, r in rows.items() if r or k != "outcomes"}).items():
            write_text(folder / file, text)
        try:
            return load_base(folder)
        except BadInput as error:
            raise BadInput(
                Problem(Path(p.file).name, p.row, p.field, p.found, p.wanted) for p in error.problems
            ) from None


def to_json(answer: Answer) -> str:
    """The JSON that the command of the same question prints (docs/cli.md): no number where a check failed."""
    if isinstance(answer, BacktestTable):
        from evidence.report.backtest import backtest_document
        from evidence.report.documents import json_text

        return json_text(backtest_document(answer))
    from evidence.report.documents import json_of

    return json_of(answer)


def to_html(review: results.Review) -> str:
    """The one-page review as one HTML file, with its style and pictures in it."""
    from evidence.report.documents import html_of

    return html_of(review)


def to_markdown(answer: results.Review | BacktestTable) -> str:
    """The one-page review, or the tables of a backtest, as Markdown."""
    if isinstance(answer, BacktestTable):
        from evidence.report.backtest import backtest_markdown

        return backtest_markdown(answer)
    from evidence.report.documents import markdown_of

    return markdown_of(answer)


def _require_ok(ok: bool, checks: Mapping[str, results.Check]) -> None:
    if not ok:
        failed = ", ".join(name for name, check in checks.items() if not check.ok)
        raise ValueError(f"no verdict: {failed} failed; look at .checks")


def _point(point: results.SweepPoint) -> Dumped:
    return {
        "value": point.value,
        "p": point.p if point.ok else None,
        "p_mcse": point.p_mcse if point.ok else None,
        "ok": point.ok,
    }


def _review(review: results.Review) -> Dumped:
    values = {name: getattr(review, name) for name in _REVIEW_COLUMNS}
    values = {"technique": review.pair.technique, "comparator": review.pair.comparator} | values
    return values if review.ok else {k: v if k in _ALWAYS_KNOWN else None for k, v in values.items()}


def _row(row: Mapping[Any, Any]) -> Dumped:
    """Cells as Python values: NaN and NaT are nothing, NumPy's numbers are Python's."""
    import pandas as pd

    plain = {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}
    return {name: None if pd.isna(value) else value for name, value in plain.items()}
