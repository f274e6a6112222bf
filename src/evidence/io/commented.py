"""TOML and Markdown that explain their own keys, in the words of the records: the two cannot drift apart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from evidence.domain.records import FIELDS_OF_KIND, Record
from evidence.io.toml_out import toml_value

WIDTH = 110
_NOTHING = (None, "", {})
"""Defaults that show nothing of what may stand there."""


def commented_table(
    heading: str, kind: type[Record], values: Mapping[str, Any], *, without: Iterable[str] = (), intro: str = ""
) -> list[str]:
    """The lines of one TOML table of `kind`: a comment above every key; keys without a value commented out, with their default.

    Keys in `without` are tables of their own or not asked for here. No heading: the top level of the file.
    """
    lines = ["", *_comment(intro), heading] if heading else [*_comment(intro)]
    for name, field in kind.model_fields.items():
        if name in without:
            continue
        lines += _comment(_described(field))
        if name in values:
            lines.append(f"{name} = {toml_value(values[name])}")
        else:
            default = field.get_default(call_default_factory=True)
            lines.append(f"# {name} = {toml_value(default) if default not in _NOTHING else _shape(field.annotation)}")
    return lines


def columns_table(kind: type[Record], *, without: Iterable[str] = (), more: Iterable[tuple[str, str]] = ()) -> str:
    """A Markdown table of the columns of `kind`: name, whether a row must fill it, what it holds."""
    rows = [
        (f"`{name}`", "yes" if field.is_required() else "", _described(field))
        for name, field in kind.model_fields.items()
        if name not in without
    ]
    rows += [(name, "yes", text) for name, text in more]
    return "\n".join(["| column | needed | holds |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)])


def kinds_table() -> str:
    """A Markdown table of the numbers that each kind of finding takes."""
    lines = ["| kind | needs | may have |", "|---|---|---|"]
    for kind, (required, optional) in FIELDS_OF_KIND.items():
        lines.append(f"| `{kind}` | {', '.join(sorted(required))} | {', '.join(sorted(optional))} |")
    return "\n".join(lines)


def _described(field: FieldInfo) -> str:
    """The docstring of the field, on one line."""
    return " ".join((field.description or "").split())


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(text, WIDTH))


def _shape(annotation: Any) -> str:
    """What a value looks like, for a key that has none."""
    if get_origin(annotation) is dict:
        return "{ name = value }"
    if get_origin(annotation) is Literal:
        return " or ".join(toml_value(option) for option in get_args(annotation))
    if (value := getattr(annotation, "__value__", None)) is not None:  # a named type
        return _shape(value)
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if parts:
        return _shape(parts[0])
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(annotation, '"words"')
