"""A whole evidence base as one spreadsheet-safe CSV, a record a row, and back: nothing is lost on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model, Question
from evidence.io.base_out import KINDS, base_texts, columns_of, load_written, question_toml
from evidence.io.csv_files import CsvPlace, Table, rows_of_table
from evidence.io.csv_out import row_of, table_text
from evidence.io.links import Draft
from evidence.io.rows import Row, build_row, did_you_mean, show
from evidence.io.source_tables import read_source_table
from evidence.io.store import replacing_files, write_text
from evidence.io.tables import assemble
from evidence.io.toml_files import read_toml

RECORD, QUESTION = "record", "question"
"""The first column, which names the table of a row; and the column and the row that hold `base.toml`."""


def tidy_text(draft: Draft) -> str:
    """Every record of a sound draft, findings left out by price included; text is safe to open in a spreadsheet."""
    question = draft.question.record if draft.question else None
    if question is None:
        raise ValueError("draft: found no question, wanted one that `assemble` has accepted")
    rows: list[dict[str, Any]] = [{RECORD: QUESTION, QUESTION: question_toml(question)}]
    for name in KINDS:
        rows += [{RECORD: name, **row_of(row.record)} for row in getattr(draft, name) or () if row.record]
    filled = {name for row in rows for name, value in row.items() if value not in (None, "")}
    known = dict.fromkeys(name for table in KINDS for name in columns_of(table, question))
    columns = (RECORD, QUESTION, *(name for name in known if name in filled))
    return table_text(columns, rows)


def import_tidy(source: Path, folder: Path, *, model: Model, force: bool = False) -> EvidenceBase:
    """Write the tables of `folder` from what `tidy_text` wrote. Raises BadInput with every problem, at its line of `source`."""
    question, tables = _drafted(read_source_table(source))
    files = ("base.toml", *(f"{name}.csv" for name in tables))
    with replacing_files(folder, files, force=force) as temporary:
        for name, text in base_texts(question, tables).items():
            write_text(temporary / name, text, force=True)
        return load_written(temporary, folder, model)


def _drafted(source: Table) -> tuple[Question, dict[str, list[dict[str, Any]]]]:
    """The question and the rows of every table, once they are known to make a base."""
    rest, found = _by_record(source)
    question = _question(source.file, found.pop(QUESTION, []), rest)
    dimensions = [dimension.id for dimension in question.record.dimensions] if question.record else []
    problems: list[Problem] = []
    rows: dict[str, tuple[Row[Any], ...] | None] = {}
    for name, kind in KINDS.items():
        own = dimensions if name == "settings" else ()
        columns = columns_of(name, question.record) if question.record else ()
        table, strange = _narrowed(source.file, rest, found.get(name, []), columns)
        problems += strange
        if name == "outcomes" and not table.rows:
            rows[name] = ()
            continue
        rows[name], more = rows_of_table(table, kind, dimensions=own)
        problems += more
    assemble(Draft(question=question, **rows), problems)
    if question.record is None:
        raise AssertionError("assemble accepts no draft without a question")
    kept = {name: [row_of(row.record) for row in table or () if row.record] for name, table in rows.items()}
    return question.record, {name: table for name, table in kept.items() if table or name != "outcomes"}


def _by_record(source: Table) -> tuple[tuple[str, ...], dict[str, list[tuple[int, tuple[str, ...]]]]]:
    """The columns but the first, and the rows by the table they belong to, apostrophes taken off."""
    if source.columns[:1] != (RECORD,):
        wanted = f"{RECORD}: a file written by `evidence export BASE --to tidy`"
        raise BadInput([Problem(source.file, 1, RECORD, show(source.columns[0]), wanted)])
    known = (QUESTION, *KINDS)
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    problems: list[Problem] = []
    for line, cells in source.rows:
        if cells[0] not in known:
            wanted = f"one of {', '.join(known)}{did_you_mean(cells[0], known)}"
            problems.append(Problem(source.file, line, RECORD, show(cells[0]), wanted))
        found.setdefault(cells[0], []).append((line, cells[1:]))
    if problems:
        raise BadInput(problems)
    return source.columns[1:], found


def _question(file: str, rows: list[tuple[int, tuple[str, ...]]], columns: tuple[str, ...]) -> Row[Question]:
    """The question, from the text of `base.toml` in its cell."""
    if len(rows) != 1 or QUESTION not in columns:
        raise BadInput([Problem(file, None, RECORD, f"{len(rows)} rows {QUESTION!r}", "one, with its column filled")])
    line, cells = rows[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.toml"
        write_text(path, cells[columns.index(QUESTION)])
        try:
            values, place = read_toml(path)
        except BadInput as error:
            raise BadInput(Problem(file, line, QUESTION, p.found, p.wanted) for p in error.problems) from None
    row, problems = build_row(Question, values, replace(place, file=f"{file} line {line}, {QUESTION}"))
    if problems:
        raise BadInput(problems)
    return row


def _narrowed(
    file: str, columns: tuple[str, ...], rows: list[tuple[int, tuple[str, ...]]], own: Iterable[str]
) -> tuple[Table, list[Problem]]:
    """The rows with the columns of their own table; a filled cell of another one is a problem."""
    wanted = set(own)
    kept = [i for i, name in enumerate(columns) if name in wanted]
    problems = [
        CsvPlace(file, line).problem((columns[i],), show(text), "nothing: no column of this record")
        for line, cells in rows
        for i, text in enumerate(cells)
        if text.strip() and i not in kept
    ]
    table = Table(file, tuple(columns[i] for i in kept), tuple((line, tuple(c[i] for i in kept)) for line, c in rows))
    return table, problems
