"""CSV out: cells and rows as `csv_files` reads them back, and none that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from evidence.domain.cells import guarded
from evidence.domain.records import Record


def cell(value: Any) -> str:
    """A value as the text of a cell: nothing for None, yes or no, numbers exactly and in plain digits, no formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{Decimal(repr(value)).normalize():f}" if isinstance(value, float) else guarded(str(value))


def rows_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, line_end: str = "\n") -> str:
    """The rows, one a line, without a header; a value that a row lacks is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and the rows, Unix line ends."""
    return rows_text(columns, [{name: name for name in columns}, *rows])


def row_of(record: Record) -> dict[str, Any]:
    """The record's values by column: those of its table, so `gap_D` and `why_D` for the gaps of a setting."""
    values = record.model_dump()
    for prefix, field in (("gap_", "gaps"), ("why_", "reasons")):
        values |= {f"{prefix}{name}": value for name, value in values.pop(field, {}).items()}
    return values
