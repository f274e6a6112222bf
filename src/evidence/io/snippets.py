"""Pieces of files as text to paste, in the words that the loaders read back as the same records."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import tomli_w

from evidence.domain.records import Family, RegisteredMerit, RegisteredOrder


def beliefs_toml(merits: Sequence[RegisteredMerit], orders: Sequence[RegisteredOrder]) -> str:
    """`[[merits]]` and `[[orders]]` of a model file."""
    tables = {"merits": merits, "orders": orders}
    return tomli_w.dumps({name: [b.model_dump() for b in beliefs] for name, beliefs in tables.items() if beliefs})


def family_csv(family: Family) -> str:
    """The header of `families.csv` and the family's row."""
    cells = family.model_dump()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows((cells.keys(), ["" if value is None else value for value in cells.values()]))
    return out.getvalue()


def family_toml(family: Family) -> str:
    """`[[families]]` of a paper file."""
    return tomli_w.dumps({"families": [family.model_dump(exclude_none=True)]})
