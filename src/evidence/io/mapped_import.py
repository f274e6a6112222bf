"""Somebody else's table and a mapping to a base with its findings, judged by the loader before anything is put in place."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Finding, Model, Question, Study
from evidence.io.base_out import KINDS, base_texts, load_written
from evidence.io.csv_out import row_of
from evidence.io.links import Draft
from evidence.io.mapped_rows import Mapped, mapped_rows, unknown_name
from evidence.io.mapping_spec import Mapping, load_mapping, study_values
from evidence.io.rows import build_row
from evidence.io.shipped import find_base, is_folder
from evidence.io.source_tables import read_source_table
from evidence.io.store import replacing_files, write_text
from evidence.io.tables import QUESTION_FILE, assemble, read_draft

type Rows = dict[str, list[dict[str, Any]]]

_FINDINGS = "findings.csv"


def import_mapped(
    source: Path, mapping_file: Path, folder: Path, *, model: Model, kind: str | None = None, force: bool = False
) -> EvidenceBase:
    """Write `folder`: the base that the mapping names, with the findings of the table. The base itself stays as it is.

    Raises BadInput with every problem, at its line of the table or the mapping; `folder` is then as it was.
    """
    mapping, layout, place = load_mapping(mapping_file, kind)
    question, rows = _frame(mapping, mapping_file)
    found = mapped_rows(read_source_table(source), mapping, layout, place)
    problems: list[Problem] = []
    rows["studies"] += _new_studies(found, mapping, [row["id"] for row in rows["studies"]], problems)
    problems += _strangers(found, mapping, question, rows)
    findings: list[dict[str, Any]] = []
    taken = {row["id"] for row in rows["findings"]}
    for item in found:
        built, more = build_row(Finding, item.values, item.row.place(mapping.columns))
        problems += more
        if built.record and built.record.id in taken:
            problems.append(item.row.problem(mapping.columns.get("id", ""), f"a new id: {built.record.id!r} is taken"))
        if built.record:
            taken.add(built.record.id)
            findings.append(row_of(built.record))
    if problems:
        raise BadInput(dict.fromkeys(problems))
    rows["findings"] += findings
    kept = {name: table for name, table in rows.items() if table or name != "outcomes"}
    with replacing_files(folder, (QUESTION_FILE, *(f"{name}.csv" for name in kept)), force=force) as temporary:
        texts = base_texts(question, kept)
        for name, text in texts.items():
            write_text(temporary / name, text, force=True)
        try:
            return load_written(temporary, folder, model)
        except BadInput as error:
            written = str(folder / _FINDINGS)
            lines = dict(zip(_lines_of(texts[_FINDINGS])[-len(found) :], found, strict=True))
            raise BadInput(_at_source(p, written, lines, mapping) for p in error.problems) from None


def _lines_of(text: str) -> list[int]:
    """The line on which each record of a CSV starts; cells may hold line ends."""
    reader = csv.reader(io.StringIO(text))
    starts, end = [], 0
    for _ in reader:
        starts.append(end + 1)
        end = reader.line_num
    return starts


def _at_source(problem: Problem, written: str, lines: dict[int, Mapped], mapping: Mapping) -> Problem:
    """A problem of an imported finding, at the row of the table it came from."""
    item = lines.get(problem.row) if isinstance(problem.row, int) else None
    if problem.file != written or item is None:
        return problem
    column = mapping.columns.get(problem.field, problem.field)
    return Problem(item.row.file, item.row.line, column, problem.found, problem.wanted)


def _frame(mapping: Mapping, mapping_file: Path) -> tuple[Question, Rows]:
    """The question and the rows of the base that the mapping names, findings left out by price included."""
    beside = mapping_file.parent / mapping.base
    draft, problems = read_draft(beside if is_folder(beside) else find_base(mapping.base))
    assemble(draft, problems)
    return _question_of(draft), {
        name: []
        if mapping.only and name in {"studies", "findings", "outcomes"}
        else [row_of(row.record) for row in getattr(draft, name) or () if row.record]
        for name in KINDS
    }


def _question_of(draft: Draft) -> Question:
    if draft.question is None or draft.question.record is None:
        raise AssertionError("assemble accepts no draft without a question")
    return draft.question.record


def _new_studies(
    found: Sequence[Mapped], mapping: Mapping, known: Sequence[str], problems: list[Problem]
) -> list[dict[str, Any]]:
    """The studies that the base lacks, in the order of the table, each from its first row."""
    if mapping.studies is None:
        return []
    made: dict[str, dict[str, Any]] = {}
    for item in found:
        key = item.values.get("study")
        if not isinstance(key, str) or key in known or key in made:
            continue
        values = {"id": key, **study_values(mapping.studies, item.row.fill)}
        built, more = build_row(Study, values, item.row.place({"id": mapping.columns.get("study", "study")}))
        problems += more
        made[key] = row_of(built.record) if built.record else values
    return [*made.values()]


def _strangers(found: Sequence[Mapped], mapping: Mapping, question: Question, rows: Rows) -> list[Problem]:
    """Names in the table that the base does not know."""
    ids = {name: [str(row["id"]) for row in rows[name]] for name in ("techniques", "settings", "studies")}
    places = [*ids["settings"], *(target.id for target in question.targets)]
    tables = (("study", ids["studies"]), ("setting", places), ("technique", ids["techniques"]))
    return [
        unknown_name(item, field, mapping.columns.get(field, field), known)
        for item in found
        for field, known in (*tables, ("comparator", ids["techniques"]))
        if item.values.get(field) is not None and item.values[field] not in known
    ]
