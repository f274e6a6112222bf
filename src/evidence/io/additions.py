"""What a reader has told, into files: rows at the end of a base's tables, or the file of one paper.

Nothing is replaced before all of it together is known to be a sound base, and no byte of an existing row changes.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Family, Finding, Record, Setting, Study, Technique
from evidence.io.csv_out import row_of, rows_text
from evidence.io.paper import load_paper
from evidence.io.store import replacing, replacing_files
from evidence.io.tables import load_base
from evidence.io.text_files import BYTE_ORDER_MARK
from evidence.io.toml_out import toml_table, toml_value

_FIRST_LINE = re.compile(r"[^\r\n]*")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Addition:
    """Records that a base lacks, in the order in which they were told."""

    techniques: tuple[Technique, ...] = ()
    families: tuple[Family, ...] = ()
    settings: tuple[Setting, ...] = ()
    studies: tuple[Study, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __add__(self, later: Addition) -> Addition:
        """Both, the later records after the earlier ones."""
        return Addition(**{name: (*rows, *getattr(later, name)) for name, rows in vars(self).items()})

    def tables(self) -> dict[str, tuple[Record, ...]]:
        """The records by table, tables without any left out."""
        return {name: rows for name, rows in vars(self).items() if rows}


def append_to(folder: Path, addition: Addition) -> tuple[Path, ...]:
    """Append the records to the tables of `folder`; the files changed.

    Raises BadInput, with the files as they were, where the tables would not be a sound base.
    """
    tables = addition.tables()
    names = [f"{name}.csv" for name in tables]
    with replacing_files(folder, names, force=True) as temporary:
        for path in sorted(folder.iterdir()):
            if path.suffix in {".csv", ".toml"} and path.is_file():
                shutil.copy(path, temporary / path.name)
        for name, rows in tables.items():
            path = temporary / f"{name}.csv"
            if not path.is_file():
                raise BadInput([Problem(str(folder / path.name), None, "", "no such file", "a readable file")])
            path.write_bytes(_appended(path.read_bytes().decode("utf-8"), rows).encode("utf-8"))
        _judged(lambda: load_base(temporary), temporary, folder)
    return tuple(folder / name for name in names)


def write_paper(
    path: Path, base_name: str, addition: Addition, base_loader: Callable[[str], EvidenceBase], *, force: bool = False
) -> tuple[Path, ...]:
    """Write the file of one paper that adds to the base `base_name`. Raises BadInput as `replacing` and `load_paper` do."""
    with replacing(path, force=force) as temporary:
        temporary.write_text(_paper_text(base_name, addition), encoding="utf-8", newline="\n")
        _judged(lambda: load_paper(temporary, base_loader), temporary, path)
    return (path,)


def _judged(load: Callable[[], EvidenceBase], written: Path, final: Path) -> None:
    """Load what was written; its problems speak of the place it was to have."""
    try:
        load()
    except BadInput as error:
        raise BadInput(
            Problem(p.file.replace(str(written), str(final)), p.row, p.field, p.found, p.wanted) for p in error.problems
        ) from None


def _appended(text: str, rows: Sequence[Record]) -> str:
    """The table with rows added as its own lines are written: its line ends, and a last one only where it has one.

    Columns that the rows need and the table lacks are added to its header: the rows before stay as they are, since an
    absent cell at the end of a line is an empty one.
    """
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    body = text.removeprefix(mark)
    header = _first(_FIRST_LINE.match(body))
    end = _first(_LINE_END.search(body)) or "\n"
    columns = _without_empty_end(next(csv.reader([header]), []))
    if missing := tuple(dict.fromkeys(name for row in rows for name in _told(row) if name not in columns)):
        body = ",".join((header.rstrip(","), *missing)) + body[len(header) :]
        columns = [*columns, *missing]
    lines = rows_text(columns, [_whole(row, columns) for row in rows], line_end=end)
    closed = body.endswith(("\n", "\r"))
    return mark + (body + lines if closed else body + end + lines.removesuffix(end))


def _told(record: Record) -> Iterator[str]:
    """The columns whose cell differs from what an absent column means."""
    defaults = {name: field.default for name, field in type(record).model_fields.items() if not field.is_required()}
    return (name for name, value in row_of(record).items() if name not in defaults or value != defaults[name])


def _whole(record: Record, columns: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row_of(record).items() if name in columns}


def _without_empty_end(columns: list[str]) -> list[str]:
    while columns and not columns[-1]:
        columns = columns[:-1]
    return columns


def _first(match: re.Match[str] | None) -> str:
    return match[0] if match else ""


def _paper_text(base_name: str, addition: Addition) -> str:
    lines = [
        "# Written by `evidence add`. `evidence review` of this file shows the page again.",
        f"base = {toml_value(base_name)}",
    ]
    for name, rows in addition.tables().items():
        for row in rows:
            heading = "[study]" if name == "studies" else f"[[{name}]]"
            lines += toml_table(heading, _toml_values(row))
    return "\n".join(lines) + "\n"


def _toml_values(record: Record) -> Mapping[str, Any]:
    values = record.model_dump(exclude_defaults=True, exclude_none=True)
    if isinstance(record, Finding):
        del values["study"]  # the paper's own
    return values
