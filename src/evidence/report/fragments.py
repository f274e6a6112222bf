"""Records as pieces of HTML for notebooks: a page's body or a table, every name escaped, no script, no remote resource."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from evidence.domain.backtest import BacktestTable
from evidence.domain.results import Check, Ranking, Review, Sweep
from evidence.report.backtest import grids_of, notes_of
from evidence.report.documents import html_of
from evidence.report.page import WHAT_TO_TRY, no_verdict_lines
from evidence.report.words import amount, in_100, show_name, size


def review_html(review: Review) -> str:
    """What stands on the one-page review, without its style sheet: a notebook has its own."""
    page = html_of(review)
    return f'<div class="evidence-review">{page[page.index("<body>") + 6 : page.index("</body>")]}</div>'


def ranking_html(ranking: Ranking) -> str:
    """The techniques as a table; no numbers where a gate failed."""
    caption = f"{ranking.question} At {ranking.target}: {ranking.criterion}."
    if not ranking.ok:
        return _withheld(caption, ranking.checks)
    head = (
        "#",
        "technique",
        "merit, SMD (median)",
        "90 %, equal-tailed",
        "works in 100",
        "first in 100",
        "expected rank",
    )
    rows = [
        (
            str(place), t.name, size(t.merit_q50, t.merit_mcse.get("q50")),
            " to ".join(size(getattr(t, f"merit_{q}"), t.merit_mcse.get(q)) for q in ("q05", "q95")),
            in_100(t.p_works), in_100(t.p_best), f"{t.expected_rank:.1f}",
        )
        for place, t in enumerate(ranking.techniques, start=1)
    ]  # fmt: skip
    return _table(caption, head, rows)


def sweep_html(sweep: Sweep) -> str:
    """P along the assumption as a table; a point whose check failed has no number."""
    caption = f"{sweep.pair.technique_name} above {sweep.pair.comparator_name} at {sweep.target}, moving {sweep.key}"
    if not all(check.ok for check in sweep.checks.values()):
        return _withheld(caption, sweep.checks)
    rows = [(f"{p.value:g}", in_100(p.p) if p.ok else "no number: a check failed") for p in sweep.points]
    notes = [
        f"crosses {in_100(flip.p)} in 100 at {amount(flip.value)}"
        if flip.value is not None
        else f"never crosses {in_100(flip.p)} in 100 here"
        for flip in sweep.flips_at
    ]
    return _table(caption, (sweep.key, "in 100"), rows) + _paragraphs(notes)


def backtest_html(found: BacktestTable) -> str:
    """The tables of a backtest, its scores first; none where a check failed."""
    if not found.ok:
        checks = {f"{b.bridge}: {name}": check for b in found.bridges for name, check in b.checks.items()}
        return _withheld("Backtest", checks)
    tables = "".join(_table(" ".join((g.title, g.note)).strip(), g.head, g.rows) for g in grids_of(found))
    return tables + _paragraphs(notes_of(found))


def _withheld(caption: str, checks: dict[str, Check]) -> str:
    return _paragraphs([caption, "NO VERDICT", *no_verdict_lines(checks), WHAT_TO_TRY])


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    header = "".join(f"<th>{_text(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{_text(caption)}</caption><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{_text(line)}</p>" for line in lines)


def _text(text: str) -> str:
    return escape(show_name(text))
