"""Errors a user can mend: each problem says where it is, what was found and what was wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input."""

    file: str
    row: int | str | None
    """Line in the file as a text editor shows it (an id where no line is known); None: the whole file."""
    field: str
    """Column or key; "" where no single one is at fault."""
    found: str
    wanted: str

    def __str__(self) -> str:
        """`file:row:field: found …, wanted …`, without the parts that are not known."""
        place = ":".join(str(part) for part in (self.file, self.row, self.field) if part not in {None, ""})
        return f"{place}: found {self.found}, wanted {self.wanted}"


class _Problems(Exception):  # noqa: N818 (the names of its kinds say more)
    """An error that is a list of problems, and stays one on its way between processes."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[_Problems], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class BadInput(_Problems):
    """The user's input cannot be used; `problems` holds everything that was found wrong with it."""


class Unwritable(BadInput):
    """A file could not be written: the disk is full, or nothing may be written there. What was there is as it was."""


class Tampered(_Problems):
    """Something frozen is not what was frozen; `problems` says what and where."""
