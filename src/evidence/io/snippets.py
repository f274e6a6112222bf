"""Pieces of files as text to paste, in the words that the loaders read back as the same records."""

from __future__ import annotations

from collections.abc import Sequence

import tomli_w

from evidence.domain.records import Family, Record, RegisteredMerit, RegisteredOrder
from evidence.io.csv_out import table_text


def beliefs_toml(merits: Sequence[RegisteredMerit], orders: Sequence[RegisteredOrder]) -> str:
    """`[[merits]]` and `[[orders]]` of a model file."""
    return "\n".join(
        [*(_element("merits", merit) for merit in merits), *(_element("orders", order) for order in orders)]
    )


def family_csv(family: Family) -> str:
    """The header of `families.csv` and the family's row."""
    cells = family.model_dump()
    return table_text(tuple(cells), [cells])


def _element(array: str, record: Record) -> str:
    """One `[[array]]`: under a header of its own it means the same wherever in a file it is pasted."""
    return f"[[{array}]]\n{tomli_w.dumps(record.model_dump(exclude_none=True))}"
