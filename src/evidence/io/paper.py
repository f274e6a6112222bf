"""A single paper in one TOML file: a question of its own, or additions to an evidence base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import (
    EvidenceBase,
    Family,
    Finding,
    Question,
    Record,
    Setting,
    Study,
    Technique,
)
from evidence.io.links import Draft
from evidence.io.rows import Path_, Row, build_row, did_you_mean, show
from evidence.io.tables import assemble
from evidence.io.toml_files import TomlPlace, read_toml

_TABLES: dict[str, type[Record]] = {
    "techniques": Technique,
    "families": Family,
    "settings": Setting,
    "findings": Finding,
}


class Paper(Record):
    """The file of a single paper; a finding may leave out `study`, which is the paper's own."""

    base: str | None = None
    """Name or path of the evidence base the paper adds to."""
    question: Question | None = None
    """Its own question, where there is no base."""
    techniques: tuple[Technique, ...] = ()
    families: tuple[Family, ...] = ()
    settings: tuple[Setting, ...] = ()
    study: Study
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _BasePlace:
    """A row that comes from the base a paper builds on."""

    file: str

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        return Problem(self.file, None, str(path[0]), found, wanted)


def load_paper(path: Path, base_loader: Callable[[str], EvidenceBase]) -> EvidenceBase:
    """The base the paper adds to with the paper in it: its study is the last one.

    `base_loader` turns the file's `base` (a name or a path) into an evidence base. Raises BadInput with every problem.
    """
    read = read_paper(path, base_loader)
    return assemble(read.draft, read.problems, left_out=read.left_out)


@dataclass(frozen=True)
class ReadPaper:
    """A paper and its base as read: the tables together, what is wrong inside the paper, what the base left out."""

    draft: Draft
    problems: list[Problem]
    left_out: tuple[str, ...]


def read_paper(path: Path, base_loader: Callable[[str], EvidenceBase]) -> ReadPaper:
    """The paper with its base, not yet known to be sound. Raises BadInput where there is nothing to hold it against."""
    values, place = read_toml(path)
    problems = _top_level_problems(values, place)
    base = None
    if isinstance(values.get("base"), str) and "question" not in values:
        base = base_loader(values["base"])
    own = _own_rows(values, place, problems)
    question = _question(values, place, base, problems)
    if question is None:
        raise BadInput(problems)  # without a base or a question the references have nothing to refer to
    if question.record:
        problems += _gap_problems(own["settings"], question.record)
    kept = _rows_of(base) if base else {}
    tables = {name: (*kept.get(name, ()), *own[name]) for name in (*_TABLES, "studies")}
    draft = Draft(question=question, outcomes=kept.get("outcomes", ()), **tables)
    return ReadPaper(draft, problems, base.left_out if base else ())


def _top_level_problems(values: Mapping[str, Any], place: TomlPlace) -> list[Problem]:
    known = Paper.model_fields
    problems = [
        place.problem((key,), f"an unknown key {key!r}", f"one of {', '.join(known)}{did_you_mean(key, known)}")
        for key in values
        if key not in known
    ]
    if ("base" in values) == ("question" in values):
        found = "both" if "base" in values else "neither"
        problems.append(place.problem(("base",), found, "either base or a [question] of the paper's own"))
    if not isinstance(values.get("base", ""), str):
        problems.append(place.problem(("base",), show(values["base"]), "the name or path of an evidence base"))
    if not isinstance(values.get("study"), dict):
        problems.append(place.problem(("study",), show(values.get("study")), "one [study]"))
    for name in _TABLES:
        tables = values.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            problems.append(place.problem((name,), show(tables), f"tables [[{name}]]"))
    if not values.get("findings"):
        problems.append(place.problem(("findings",), "nothing", "at least one [[findings]]"))
    return problems


def _own_rows(values: Mapping[str, Any], place: TomlPlace, problems: list[Problem]) -> dict[str, tuple[Row[Any], ...]]:
    """The paper's rows per table; what is wrong with them is added to `problems`."""
    study = values.get("study")
    own: dict[str, tuple[Row[Any], ...]] = {"studies": ()}
    if isinstance(study, dict):
        row, more = build_row(Study, study, place.at("study"))
        own["studies"] = (row,)
        problems += more
    for name, kind in _TABLES.items():
        rows: list[Row[Any]] = []
        tables = values.get(name, [])
        entries: list[Any] = tables if isinstance(tables, list) else []
        for index, table in enumerate(entries):
            if not isinstance(table, dict):
                continue
            filled = _of_study(table, study) if kind is Finding else table
            unreadable = () if isinstance(study, dict) else ("study",)  # told once, as the missing [study]
            row, more = build_row(kind, filled, place.at(name, index), unreadable=unreadable)
            rows.append(row)
            problems += more
        own[name] = tuple(rows)
    problems += [
        row.problem("study", "the paper's own study, or no such key")
        for row in own["findings"]
        if isinstance(study, dict) and row.values.get("study") != study.get("id")
    ]
    return own


def _of_study(finding: Mapping[str, Any], study: object) -> dict[str, Any]:
    """The finding with the paper's study filled in where it names none."""
    return {"study": study["id"], **finding} if isinstance(study, dict) and "id" in study else dict(finding)


def _question(
    values: Mapping[str, Any], place: TomlPlace, base: EvidenceBase | None, problems: list[Problem]
) -> Row[Question] | None:
    if base:
        return Row(_BasePlace(base.question.id), {}, base.question)
    if not isinstance(values.get("question"), dict):
        return None
    row, more = build_row(Question, values["question"], place.at("question"))
    problems += more
    return row


def _gap_problems(settings: Iterable[Row[Setting]], question: Question) -> list[Problem]:
    """A setting of the paper rates every dimension, with a reason each, and no other."""
    problems: list[Problem] = []
    names = [dimension.id for dimension in question.dimensions]
    for row in settings:
        for field, what in (("gaps", "a gap"), ("reasons", "the reason for the gap")):
            given = row.values.get(field)
            if not isinstance(given, dict):
                continue
            problems += [
                row.place.problem((field, name), "nothing", f"{what} for this dimension")
                for name in names
                if not given.get(name) and given.get(name) != 0
            ]
            problems += [
                row.place.problem((field, name), repr(name), f"a dimension{did_you_mean(name, names)}")
                for name in given
                if name not in names
            ]
    return problems


def _rows_of(base: EvidenceBase) -> dict[str, tuple[Row[Any], ...]]:
    """The rows of a base that is known to be sound."""
    place = _BasePlace(base.question.id)
    names = (*_TABLES, "studies", "outcomes")
    return {name: tuple(Row(place, record.model_dump(), record) for record in getattr(base, name)) for name in names}
