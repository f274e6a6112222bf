"""An evidence base from its folder of tables: read, checked as a whole, filtered by price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from evidence.domain.errors import BadInput, Problem
from evidence.domain.oddities import reason_kept
from evidence.domain.plausibility import find_oddities
from evidence.domain.records import (
    EvidenceBase,
    Family,
    Finding,
    Outcome,
    Question,
    Record,
    Setting,
    Study,
    Technique,
)
from evidence.io.csv_files import read_rows
from evidence.io.links import Draft, link_problems
from evidence.io.prices import left_out_headlines, price_reason
from evidence.io.rows import Row, build_row
from evidence.io.store import settle
from evidence.io.toml_files import read_toml

QUESTION_FILE = "base.toml"


def load_base(folder: Path) -> EvidenceBase:
    """The base in `folder`. Raises BadInput with every problem of every table.

    Findings at a price too far from the comparison's are in `left_out`, not among the findings.
    """
    return assemble(*read_draft(folder))


def read_draft(folder: Path) -> tuple[Draft, list[Problem]]:
    """The tables of `folder` as read, and what is wrong inside them. Raises BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput([Problem(str(folder), None, "", "no such folder", "a folder with base.toml and its tables")])
    settle(folder)
    problems: list[Problem] = []
    question = _read_question(folder / QUESTION_FILE, problems)
    dimensions = _dimension_ids(question)

    def rows[R: Record](name: str, kind: type[R]) -> tuple[Row[R], ...] | None:
        if kind is Setting and dimensions is None:
            return None  # its columns depend on the dimensions
        found, more = read_rows(folder / f"{name}.csv", kind, dimensions=(dimensions or ()) if kind is Setting else ())
        problems.extend(more)
        return found

    draft = Draft(
        question=question,
        techniques=rows("techniques", Technique),
        families=rows("families", Family),
        settings=rows("settings", Setting),
        studies=rows("studies", Study),
        findings=rows("findings", Finding),
        outcomes=rows("outcomes", Outcome) if (folder / "outcomes.csv").exists() else (),
    )
    return draft, problems


def assemble(draft: Draft, problems: list[Problem], *, left_out: tuple[str, ...] = ()) -> EvidenceBase:
    """The base a draft makes; `left_out` are the findings already left out of what it builds on.

    Raises BadInput with `problems` and those between the tables, once each.
    """
    problems = [*problems, *link_problems(draft)]
    question = draft.question.record if draft.question else None
    reasons: dict[str, str] = {}
    if question is not None:
        for row in draft.findings or ():
            if row.record and (reason := price_reason(row.record, question)):
                reasons[row.record.id] = reason
        problems += left_out_headlines(draft.studies or (), reasons)
    if not problems and draft.findings and len(reasons) == len(draft.findings):
        wanted = "at least one finding at a comparable price"
        problems.append(draft.findings[0].place.problem(("price_technique",), "every finding left out", wanted))
    if not problems and draft.question and len(draft.techniques or ()) < 2:
        found = f"{len(draft.techniques or ())} in all"
        problems.append(draft.question.place.problem(("techniques",), found, "the baseline and at least one technique"))
    if problems or question is None:
        raise BadInput(dict.fromkeys(problems))
    return EvidenceBase(
        question=question,
        techniques=_records(draft.techniques),
        families=_records(draft.families),
        settings=_records(draft.settings),
        studies=_records(draft.studies),
        findings=tuple(finding for finding in _records(draft.findings) if finding.id not in reasons),
        outcomes=_records(draft.outcomes),
        left_out=(*left_out, *reasons.values()),
    )


def find_warnings(draft: Draft, *, study: str | None = None) -> tuple[str, ...]:
    """What is allowed but looks wrong: settings that are one but for the family, and odd findings, each with its place.

    With `study` only its findings are judged, against all others: those of the base under a paper are not its own.
    """
    return (*_alike_but_for_family(_records(draft.settings)), *_odd_findings(draft, study))


def _odd_findings(draft: Draft, study: str | None) -> Iterator[str]:
    """Oddities as `file:row:field: found, wanted`, with the reason where the row's note says why it stands."""
    rows = {row.record.id: row for row in draft.findings or () if row.record}
    findings = _records(draft.findings)
    own = [finding.id for finding in findings if study in {None, finding.study}]
    for oddity in find_oddities(findings, _records(draft.settings), only=frozenset(own)):
        row = rows[oddity.finding]
        problem = row.place.problem((oddity.field,), oddity.found, oddity.wanted)
        reason = reason_kept(row.record.note if row.record else "", oddity.field)
        yield f"{problem} (kept: {reason})" if reason else str(problem)


def _alike_but_for_family(settings: Iterable[Setting]) -> Iterator[str]:
    """Settings alike in everything but the family would count as independent evidence."""
    first: dict[str, Setting] = {}
    for setting in settings:
        same = setting.model_dump_json(exclude={"id", "name", "family", "reasons"})
        before = first.setdefault(same, setting)
        if before.family != setting.family:
            yield (
                f"settings {before.id!r} and {setting.id!r} are alike in everything but the family "
                f"({before.family!r}, {setting.family!r}): if they share their reasons to be wrong, put them in one"
            )


def _read_question(path: Path, problems: list[Problem]) -> Row[Question] | None:
    try:
        values, place = read_toml(path)
    except BadInput as error:
        problems += error.problems
        return None
    row, more = build_row(Question, values, place)
    problems += more
    return row


def _dimension_ids(question: Row[Question] | None) -> tuple[str, ...] | None:
    """The ids of the dimensions, also of a question with problems elsewhere, so that its settings are still read."""
    if question is None:
        return None
    if question.record:
        return tuple(dimension.id for dimension in question.record.dimensions)
    return tuple(_ids_in(question.values.get("dimensions"))) or None


def _ids_in(tables: object) -> Iterator[str]:
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("id"), str):
            yield table["id"]


def _records[R: Record](rows: tuple[Row[R], ...] | None) -> tuple[R, ...]:
    return tuple(row.record for row in rows or () if row.record)
