"""The rows of a tidy table as a spec wants them: taken, skipped, with its columns made, and templates filled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evidence.domain.errors import BadInput, Problem
from evidence.io.csv_files import Table
from evidence.io.rows import Path_, did_you_mean, show
from evidence.io.source_tables import read_source_table
from evidence.io.table_spec import Column, Spec
from evidence.io.toml_files import TomlPlace

_BRACES = re.compile(r"\{([^{}]*)\}")
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_.+()\-]+")


@dataclass(frozen=True)
class SourceRow:
    """One row of the source: its line and its cells by column, made columns included."""

    file: str
    line: int
    cells: Mapping[str, str]

    def fill(self, template: str) -> str:
        """The template with cells in place of its braces."""
        return _BRACES.sub(lambda match: self.cells[match[1]], template).strip()

    def problem(self, column: str, wanted: str) -> Problem:
        """The problem of one cell."""
        return Problem(self.file, self.line, column, show(self.cells.get(column)), wanted)

    def place(self, columns: Mapping[str, str]) -> SourcePlace:
        """Where the values of a record made from this row come from: field to column."""
        return SourcePlace(self, columns)


@dataclass(frozen=True)
class SourcePlace:
    """A record made from a row of the source."""

    row: SourceRow
    columns: Mapping[str, str]

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        """The problem of a field, at the column it was read from."""
        field = str(path[0])
        column = self.columns.get(field, field)
        return Problem(self.row.file, self.row.line, column, found, wanted)


def source_column(template: str, spec: Spec) -> str:
    """The column of the source that a template's first braces come from, through made columns; "" without braces."""
    found = _BRACES.search(template)
    name = found[1] if found else ""
    for _ in spec.columns:  # a column may be made from another made one, never from a later one
        if name in spec.columns:
            name = spec.columns[name].of
    return name


def read_source(path: Path, spec: Spec, place: TomlPlace) -> tuple[SourceRow, ...]:
    """The rows the spec wants, in file order.

    Raises BadInput: a column that is not there, a cell that a made column does not know, a `take` or `skip` without a
    row, nothing left.
    """
    table = read_source_table(path)
    if problems := list(_unknown_columns(table, spec, place)):
        raise BadInput(problems)
    rows = [
        SourceRow(table.file, line, {name: cell.strip() for name, cell in zip(table.columns, cells, strict=True)})
        for line, cells in table.rows
    ]
    rows = [row for row in _taken(rows, spec, place) if not _skipped(row, spec)]
    if not rows:
        raise BadInput([Problem(table.file, None, "", "no row that is taken and not skipped", "at least one")])
    problems: list[Problem] = []
    made = tuple(_with_columns(row, spec, problems) for row in rows)
    if problems:
        raise BadInput(problems)
    return made


def _unknown_columns(table: Table, spec: Spec, place: TomlPlace) -> Iterator[Problem]:
    """Names in the spec that are neither columns of the source nor made before they are used."""
    known = set(table.columns)
    for name in sorted(name for name in known if table.columns.count(name) > 1):
        yield Problem(table.file, 1, name, "the column twice", "every column once")
    uses: list[tuple[Path_, str]] = [(("take", name), name) for name in spec.take]
    uses += [(("skip", i, "match", name), name) for i, skip in enumerate(spec.skip) for name in skip.match]
    yield from _not_in(known, uses, place)
    for name, column in spec.columns.items():
        yield from _not_in(known, [(("columns", name, "of"), column.of)], place)
        known.add(name)
    uses = [(("gaps", name, "of"), rule.of) for name, rule in spec.gaps.items() if rule.of is not None]
    uses += list(_columns_of_numbers(spec))
    for path, text in _templates(spec):
        uses += [(path, name) for name in _BRACES.findall(text)]
    yield from _not_in(known, uses, place)


def _not_in(known: Iterable[str], uses: Iterable[tuple[Path_, str]], place: TomlPlace) -> Iterator[Problem]:
    names = sorted(known)
    for path, name in uses:
        if name not in names:
            wanted = f"a column: one of {', '.join(names)}{did_you_mean(name, names)}"
            yield place.problem(path, repr(name), wanted)


def _columns_of_numbers(spec: Spec) -> Iterator[tuple[Path_, str]]:
    for field in ("estimate", "count", "n", "se", "higher_is_better", "price"):
        name = getattr(spec.findings, field)
        if isinstance(name, str):
            yield ("findings", field), name


def _templates(spec: Spec) -> Iterator[tuple[Path_, str]]:
    for table in ("cells", "settings"):
        for field, text in getattr(spec, table):
            yield (table, field), text or ""
    for field in ("variant", "where", "source_kind", "note"):
        yield ("findings", field), getattr(spec.findings, field)


def _taken(rows: list[SourceRow], spec: Spec, place: TomlPlace) -> list[SourceRow]:
    """The rows with the wanted cells; every value of `take` and every `skip` must meet one."""
    problems: list[Problem] = []
    for name, wanted in spec.take.items():
        values = (wanted,) if isinstance(wanted, str) else wanted
        found = {row.cells[name] for row in rows}
        missing = [value for value in values if value not in found]
        problems += [
            place.problem(("take", name), repr(v), f"a cell of {name}{did_you_mean(v, found)}") for v in missing
        ]
        rows = [row for row in rows if row.cells[name] in values]
    for index, skip in enumerate(spec.skip):
        if not problems and not any(_matches(row, skip.match) for row in rows):
            problems.append(place.problem(("skip", index), f"no row with {skip.match}", "a row that is left out"))
    if problems:
        raise BadInput(problems)
    return rows


def _skipped(row: SourceRow, spec: Spec) -> bool:
    return any(_matches(row, skip.match) for skip in spec.skip)


def _matches(row: SourceRow, match: Mapping[str, str]) -> bool:
    return all(row.cells[name] == wanted for name, wanted in match.items())


def _with_columns(row: SourceRow, spec: Spec, problems: list[Problem]) -> SourceRow:
    """The row with the columns the spec makes; a cell no rule covers is a problem."""
    cells = dict(row.cells)
    for name, column in spec.columns.items():
        cell = cells[column.of]
        if cell in column.values:
            cell = column.values[cell]
        elif column.values and not column.keep:
            wanted = f"one of {', '.join(column.values)} (columns.{name} keeps no other)"
            problems.append(SourceRow(row.file, row.line, cells).problem(column.of, wanted))
        cells[name] = _as_id(cell, column)
    return SourceRow(row.file, row.line, cells)


def _as_id(cell: str, column: Column) -> str:
    if column.id_length is None:
        return cell
    return _NOT_OF_AN_ID.sub(" ", cell).strip()[: column.id_length].strip()
