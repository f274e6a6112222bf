"""TOML in, with the line of every key: strict about numbers, depth, size and double keys."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.io.rows import Path_
from evidence.io.text_files import read_text

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
"""The largest integer canonical JSON can hold."""

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", re.ASCII)
_KEY_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""", re.ASCII)
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class TomlPlace:
    """A table of a TOML file: its path there and the line of each key."""

    file: str
    lines: dict[Path_, int]
    path: Path_ = ()

    def at(self, *path: str | int) -> TomlPlace:
        """The place of a table inside this one."""
        return TomlPlace(self.file, self.lines, (*self.path, *path))

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        """The problem of the value at `path`, at the line of the nearest key that has one."""
        whole = (*self.path, *path)
        line = next((self.lines[whole[:i]] for i in range(len(whole), 0, -1) if whole[:i] in self.lines), None)
        return Problem(self.file, line, dotted(whole), found, wanted)


def dotted(path: Path_) -> str:
    """`targets[1].novelty` for ("targets", 1, "novelty")."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def read_toml(path: Path) -> tuple[dict[str, Any], TomlPlace]:
    """The file's values and the place of its top level. Raises BadInput, with the line where one is known."""
    text = read_text(path, max_bytes=MAX_BYTES)
    name = str(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        what = _AT_LINE.sub("", str(error)).removesuffix(" (at end of document)")
        raise BadInput([Problem(name, line, "", f"a TOML error: {what}", "valid TOML with every key once")]) from None
    except RecursionError:
        raise BadInput([Problem(name, None, "", "tables too deep", f"at most {MAX_DEPTH} levels")]) from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise BadInput([Problem(name, None, "", f"a number: {error}", f"at most {MAX_INTEGER}")]) from None
    place = TomlPlace(name, _lines_of_keys(text))
    if problems := list(_value_problems(values, (), place)):
        raise BadInput(problems)
    return values, place


def _value_problems(value: object, path: Path_, place: TomlPlace) -> Iterator[Problem]:
    """Values that TOML allows and no record can hold."""
    if len(path) > MAX_DEPTH:
        yield place.problem(path, "tables too deep", f"at most {MAX_DEPTH} levels")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _value_problems(inner, (*path, key), place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _value_problems(inner, (*path, index), place)
    elif isinstance(value, float) and not math.isfinite(value):
        yield place.problem(path, str(value), "a finite number")
    elif isinstance(value, float) and value == 0.0 and math.copysign(1, value) < 0:
        yield place.problem(path, "-0.0", "0")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        yield place.problem(path, "an integer too large", f"at most {MAX_INTEGER}")
    elif isinstance(value, (datetime.date, datetime.time)):
        yield place.problem(path, f"the date or time {value}", "text or a number")


def _lines_of_keys(text: str) -> dict[Path_, int]:
    """The line of every table header and of every key at a line's start (keys of inline tables have none)."""
    lines: dict[Path_, int] = {}
    counts: dict[Path_, int] = {}
    table: Path_ = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TABLE.match(line):
            table = _resolved(_parts(header[2]), counts)
            if header[1] == "[[":
                lines.setdefault(table, number)
                table = _next_element(table, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def _parts(key: str) -> Path_:
    return tuple(part.strip("\"'") for part in _KEY_PART.findall(key))


def _resolved(parts: Path_, counts: dict[Path_, int]) -> Path_:
    """`a.b` with the index of the current element after every array of tables but the last part."""
    path: Path_ = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if index < len(parts) - 1 and path in counts:
            path = (*path, counts[path])
    return path


def _next_element(array: Path_, counts: dict[Path_, int]) -> Path_:
    counts[array] = counts.get(array, -1) + 1
    return (*array, counts[array])
