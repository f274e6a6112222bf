"""CSV in: every cell as text, then numbers by a strict grammar. Lines are those a text editor shows."""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.domain.cells import restored
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Record
from evidence.io.rows import Path_, Row, build_row, did_you_mean, show
from evidence.io.text_files import read_text

MAX_BYTES = 64 * 2**20
MAX_ROWS = 200_000
MAX_COLUMNS = 2_000
MAX_CELLS = 20_000_000

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_BOOLEANS = {"yes": True, "no": False}
_LEVELS = frozenset({"none", "some", "major", "unknown"})


@dataclass(frozen=True)
class CsvPlace:
    """One row of a CSV file."""

    file: str
    line: int

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        """The problem of the cell a value was read from."""
        prefix = {"gaps": "gap_", "reasons": "why_"}.get(str(path[0]), "") if len(path) == 2 else ""
        column = f"{prefix}{path[1]}" if prefix else str(path[0])
        return Problem(self.file, self.line, column, found, wanted)


@dataclass(frozen=True)
class Table:
    """Cells as text: `columns` of the header, and per row its line and its cells, formula guards taken off."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_rows[R: Record](
    path: Path, kind: type[R], *, dimensions: Iterable[str] = ()
) -> tuple[tuple[Row[R], ...] | None, list[Problem]]:
    """The rows of a table and everything wrong with them.

    `dimensions` adds the columns `gap_D` and `why_D` of a settings table. None for the rows: the file cannot be read
    as this table at all.
    """
    try:
        table = read_table(path)
    except BadInput as error:
        return None, list(error.problems)
    return rows_of_table(table, kind, dimensions=dimensions)


def rows_of_table[R: Record](
    table: Table, kind: type[R], *, dimensions: Iterable[str] = ()
) -> tuple[tuple[Row[R], ...] | None, list[Problem]]:
    """As `read_rows`, of cells that are read already."""
    types = column_types(kind, dimensions)
    if problems := _header_problems(table, types, kind):
        return None, problems
    rows: list[Row[R]] = []
    problems: list[Problem] = []
    for line, cells in table.rows:
        place = CsvPlace(table.file, line)
        values, unreadable, row_problems = _values(table.columns, cells, types, place)
        row, more = build_row(kind, values, place, unreadable=unreadable)
        rows.append(row)
        problems += [*row_problems, *more]
    return tuple(rows), problems


def read_table(path: Path) -> Table:
    """A CSV file as text. Raises BadInput: not readable, too large, no rows, a row longer than the header."""
    text = read_text(path, max_bytes=MAX_BYTES, allow_byte_order_mark=True)  # spreadsheets write the mark
    name = str(path)
    if not text.strip():
        raise BadInput([Problem(name, None, "", "an empty file", "a header and at least one row")])
    if text.count("\n") > MAX_ROWS + 1:
        raise BadInput([Problem(name, None, "", f"{text.count(chr(10)):,} lines", f"at most {MAX_ROWS:,} rows")])
    records = _records(text, name, width=text.partition("\n")[0].count(",") + 1)
    columns = tuple(records[0])
    while columns and not columns[-1]:
        columns = columns[:-1]
    rows: list[tuple[int, tuple[str, ...]]] = []
    problems: list[Problem] = []
    line = 1
    for cells in records:
        if line > 1 and any(cells):
            rows.append((line, tuple(map(restored, cells[: len(columns)]))))
        if extra := [cell for cell in cells[len(columns) :] if cell]:
            problems.append(Problem(name, line, "", f"{extra[0]!r} beyond the last column", f"{len(columns)} cells"))
        line += 1 + sum(cell.count("\n") for cell in cells)
    if not rows:
        problems.append(Problem(name, None, "", "no rows", "at least one row below the header"))
    if problems:
        raise BadInput(problems)
    return Table(name, columns, tuple(rows))


def _records(text: str, name: str, *, width: int) -> list[list[str]]:
    """Every record as `width` cells or, where a record has more, as many as the longest one."""
    import pandas as pd

    if width > MAX_COLUMNS or width * text.count("\n") > MAX_CELLS:
        wanted = f"at most {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells"
        raise BadInput([Problem(name, 1, "", f"{width:,} columns", wanted)])
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            header=None,
            names=range(width),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except pd.errors.ParserError as error:
        if longer := re.search(r"Expected \d+ fields in line \d+, saw (\d+)", str(error)):
            return _records(text, name, width=int(longer[1]))
        start = re.search(r"starting at row (\d+)", str(error))
        line = _line_of_record(text, int(start[1])) if start else None
        raise BadInput([Problem(name, line, "", "a quote that is never closed", "a closing quote")]) from None
    return frame.to_numpy().tolist()


def _line_of_record(text: str, index: int) -> int:
    """Line of the record with this index, counting the line ends inside the quoted cells before it."""
    line, quotes, records = 1, 0, 0
    for row in text.split("\n"):
        if records == index:
            break
        quotes += row.count('"')
        records += quotes % 2 == 0
        line += 1
    return line


def column_types(kind: type[Record], dimensions: Iterable[str]) -> dict[str, str]:
    """Column name to what its cells hold: text, number, integer, boolean, gap."""
    types = dict(_own_columns(kind))
    for dimension in dimensions:
        types[f"gap_{dimension}"] = "gap"
        types[f"why_{dimension}"] = "text"
    return types


@functools.lru_cache(maxsize=64)
def _own_columns(kind: type[Record]) -> tuple[tuple[str, str], ...]:
    """Columns that a record has of itself; pydantic takes longer over the schema than over the rows of a table."""
    schema = kind.model_json_schema()
    types: dict[str, str] = {}
    for name, entry in schema["properties"].items():
        options = _options(entry, schema.get("$defs", {}))
        if "object" not in options:
            types[name] = next((t for t in ("boolean", "integer", "number") if t in options), "text")
    return tuple(types.items())


def _options(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[str]:
    """The JSON types a schema entry allows."""
    if "$ref" in entry:
        return _options(definitions[entry["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in entry:
        return {option for branch in entry["anyOf"] for option in _options(branch, definitions)}
    return {str(entry.get("type", "string"))}


def _header_problems(table: Table, types: Mapping[str, str], kind: type[Record]) -> list[Problem]:
    problems: list[Problem] = []
    for index, name in enumerate(table.columns):
        if name not in types:
            wanted = f"one of {', '.join(types)}{did_you_mean(name, types)}"
            problems.append(Problem(table.file, 1, name, f"an unknown column {show(name)}", wanted))
        elif name in table.columns[:index]:
            problems.append(Problem(table.file, 1, name, "the column twice", "every column once"))
    needed = [name for name, field in kind.model_fields.items() if field.is_required() and name in types]
    needed += [name for name in types if name not in kind.model_fields]
    problems += [
        Problem(table.file, 1, name, "no such column", f"the column {name}")
        for name in needed
        if name not in table.columns
    ]
    return problems


def _values(
    columns: tuple[str, ...], cells: tuple[str, ...], types: Mapping[str, str], place: CsvPlace
) -> tuple[dict[str, Any], set[str], list[Problem]]:
    """Values by field (an empty cell has none), the fields that cannot be read, and why."""
    values: dict[str, Any] = {}
    unreadable: set[str] = set()
    problems: list[Problem] = []
    for column in types:
        if types[column] == "gap":
            values.setdefault("gaps", {})
            values.setdefault("reasons", {})
    for column, cell in zip(columns, cells, strict=True):
        kind = types[column]
        if kind == "gap" or column.startswith("why_"):
            problems += _read_gap_cell(values, column, cell, place)
        elif cell.strip():
            value, wanted = read_cell(cell, kind)
            if wanted:
                unreadable.add(column)
                problems.append(place.problem((column,), show(cell), wanted))
            else:
                values[column] = value
    return values, unreadable, problems


def _read_gap_cell(values: dict[str, Any], column: str, cell: str, place: CsvPlace) -> list[Problem]:
    """Put a `gap_D` or `why_D` cell in its place among the values; what is wrong with it."""
    word, dimension = column[:3], column[4:]
    if not cell.strip():
        wanted = "none, some, major, unknown or a number in 0..1" if word == "gap" else "the reason for the gap"
        return [place.problem((column,), "nothing", wanted)]
    if word == "why":
        values["reasons"][dimension] = cell
        return []
    number, refused = read_cell(cell, "number")
    if refused and cell not in _LEVELS:
        return [place.problem((column,), show(cell), "none, some, major, unknown or a number in 0..1")]
    values["gaps"][dimension] = cell if refused else number
    return []


def read_cell(cell: str, kind: str) -> tuple[Any, str]:
    """The value, or what was wanted instead ("" where the value is fine)."""
    match kind:
        case "boolean":
            return _BOOLEANS.get(cell), "" if cell in _BOOLEANS else "yes or no"
        case "integer":
            if _INTEGER.fullmatch(cell):
                return int(cell), ""
            return None, "a whole number in plain digits"
        case "number":
            if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
                return float(cell), ""
            return None, "a finite number such as 0.25 or 1e-3"
        case _:
            return cell.strip(), ""
