"""An evidence base as the texts of its files, which `tables` reads back as the same records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import (
    EvidenceBase,
    Family,
    Finding,
    Model,
    Outcome,
    Question,
    Record,
    Setting,
    Study,
    Technique,
)
from evidence.io.csv_files import column_types
from evidence.io.csv_out import row_of, table_text
from evidence.io.models import check_classes
from evidence.io.tables import QUESTION_FILE, load_base
from evidence.io.toml_out import toml_table, toml_value

KINDS: Mapping[str, type[Record]] = {
    "techniques": Technique,
    "families": Family,
    "settings": Setting,
    "studies": Study,
    "findings": Finding,
    "outcomes": Outcome,
}


def question_toml(question: Question, head: str = "") -> str:
    """base.toml: the question as it was stated, in the order of the record, under the comment `head`."""
    values = question.model_dump(exclude_unset=True, exclude_none=True)
    tables = {name: values.pop(name) for name in ("targets", "dimensions")}
    lines = [head] if head else []
    lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    for name, items in tables.items():
        for item in items:
            lines += toml_table(f"[[{name}]]", item)
    return "\n".join(lines) + "\n"


def rows_of(base: EvidenceBase) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table by its name, in the order of the base. Findings that were left out are not there."""
    return {name: [row_of(record) for record in getattr(base, name)] for name in KINDS}


def columns_of(table: str, question: Question) -> tuple[str, ...]:
    """The columns that a table may have."""
    dimensions = [dimension.id for dimension in question.dimensions] if table == "settings" else ()
    return tuple(column_types(KINDS[table], dimensions))


def base_texts(
    question: Question, tables: Mapping[str, Sequence[Mapping[str, Any]]], *, head: str = ""
) -> dict[str, str]:
    """The text of every file by its name; a column stands there if some row fills it or the records need it."""
    texts = {QUESTION_FILE: question_toml(question, head)}
    for name, rows in tables.items():
        texts[f"{name}.csv"] = table_text(_used(name, columns_of(name, question), rows), rows)
    return texts


def load_written(temporary: Path, folder: Path, model: Model) -> EvidenceBase:
    """The written folder as the loader reads it; its problems speak of the folder it was to become."""
    try:
        base = load_base(temporary)
        check_classes(base, model)
    except BadInput as error:
        raise BadInput(
            Problem(p.file.replace(str(temporary), str(folder)), p.row, p.field, p.found, p.wanted)
            for p in error.problems
        ) from None
    return base


def _used(table: str, columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns in use, the required ones, and any the table does not know, so that its reader can refuse them."""
    needed = {name for name, field in KINDS[table].model_fields.items() if field.is_required()}
    filled = dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, ""))
    known = tuple(columns)
    return (*(c for c in known if c in needed or c in filled), *(c for c in filled if c not in known))
