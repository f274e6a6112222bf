"""TOML out: values and tables as `toml_files` reads them back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def toml_value(value: Any) -> str:
    """A TOML value: text, a number, yes or no, a list, or an inline table of these."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(inner) for inner in value) + "]"
    return repr(value) if isinstance(value, float) else str(value)


def toml_key(key: str) -> str:
    """A key of an inline table, always in quotes: ids hold spaces and points."""
    return json.dumps(key, ensure_ascii=False)


def toml_table(heading: str, values: Mapping[str, Any]) -> Iterable[str]:
    """The lines of one table, a blank one before it."""
    return ("", heading, *(f"{key} = {toml_value(value)}" for key, value in values.items()))
