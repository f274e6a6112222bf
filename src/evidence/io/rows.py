"""From values as read to records, each pydantic error turned into a problem with its place."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from evidence.domain.errors import Problem
from evidence.domain.records import Record

type Path_ = tuple[str | int, ...]
"""Where a value sits inside its row: ("gaps", "capability")."""

_ID = "an id: at most 80 letters, digits, spaces or _.+()-, the first a letter or digit"
_GAP = "none, some, major, unknown or a number in 0..1"
_WANTED = {
    "missing": "a value",
    "greater_than": "a number above {gt:g}",
    "less_than": "a number below {lt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than_equal": "a number of at most {le:g}",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "string_pattern_mismatch": _ID,
    "string_too_long": _ID,
}
"""What pydantic asked for, by its error type, in words."""

_GAP_FIELDS = frozenset({"gaps", "coordinates"})
_OWN_WORDS = re.compile(r"(?P<field>\w+): (?:found (?P<found>.*?), )?wanted (?P<wanted>.*)", re.DOTALL)
"""How the validators of `domain.records` phrase a problem; several are joined by "; "."""


class Place(Protocol):
    """Knows the file and line of a row, and what its fields are called there."""

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        """The problem of the value at `path`."""
        ...


@dataclass(frozen=True)
class Row[R: Record]:
    """One row as read: its place, its values, and its record where the values make one."""

    place: Place
    values: Mapping[str, Any]
    record: R | None

    def problem(self, field: str, wanted: str) -> Problem:
        """The problem of one field's value as read."""
        return self.place.problem((field,), show(self.values.get(field)), wanted)


def build_row[R: Record](
    kind: type[R], values: Mapping[str, Any], place: Place, *, unreadable: Iterable[str] = ()
) -> tuple[Row[R], list[Problem]]:
    """The row and what is wrong with it.

    `unreadable` fields were refused while reading (a number that is none): they are not reported twice.
    """
    skip = frozenset(unreadable)
    try:
        # Through JSON, because only there pydantic's strict mode takes a list for a tuple.
        record = kind.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return Row(place, values, None), _problems(kind, error, place, skip)
    return Row(place, values, None if skip else record), []


def show(value: object) -> str:
    """What was found, in at most 60 characters; control characters escaped."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(found, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _problems(kind: type[Record], error: ValidationError, place: Place, skip: frozenset[str]) -> list[Problem]:
    problems: dict[Path_, list[Problem]] = {}
    for item in error.errors(include_url=False):
        path = _path(item["loc"]) or ("",)
        if path[0] in skip:
            continue
        if (
            item["type"] == "json_invalid"
        ):  # of a shell's argument alone: a file with such bytes is refused as it is read
            return [place.problem(path, "bytes that are no text", "UTF-8 text")]
        if item["type"] == "value_error":
            if not skip:
                problems.setdefault(("", *path), []).extend(_own_problems(item, _path(item["loc"]), place))
        elif path not in problems:  # the branches of a union fail one by one: one problem is enough
            found = "nothing" if item["type"] == "missing" else show(item["input"])
            problems[path] = [place.problem(path, found, _wanted(item, kind))]
    return [problem for group in problems.values() for problem in group]


def _path(loc: Path_) -> Path_:
    """`loc` without the names pydantic gives to the branches of a union."""
    for index, part in enumerate(loc):
        if part in _GAP_FIELDS:
            return loc[: index + 2]
    return loc


def _own_problems(item: Any, path: Path_, place: Place) -> list[Problem]:
    found_problems: list[Problem] = []
    for text in re.split(r"; (?=\w+: )", str(item["ctx"]["error"])):
        if (match := _OWN_WORDS.fullmatch(text)) is None:
            raise AssertionError(f"a validator of domain.records does not say found and wanted: {text}")
        field = match["field"]
        found = match["found"] or show(item["input"].get(field))
        found_problems.append(place.problem((*path, field), found, match["wanted"]))
    return found_problems


def _wanted(item: Any, kind: type[Record]) -> str:
    """What pydantic asked for, in words."""
    context: dict[str, Any] = item.get("ctx", {})
    path = _path(item["loc"])
    if len(path) > 1 and path[-2] in _GAP_FIELDS:
        return _GAP
    if item["type"] == "extra_forbidden":
        return "a known name" + did_you_mean(str(item["loc"][-1]), _all_names(kind))
    message = str(item["msg"])
    return _WANTED[item["type"]].format(**context) if item["type"] in _WANTED else message[0].lower() + message[1:]


@functools.lru_cache(maxsize=64)
def _all_names(kind: type[Record]) -> tuple[str, ...]:
    """The names of the fields of a record and of the records inside it."""
    schema = kind.model_json_schema()
    parts = (schema, *schema.get("$defs", {}).values())
    return tuple(name for part in parts for name in part.get("properties", ()))
