"""What was typed on the command line as numbers, and the errors that say what was wanted."""

from __future__ import annotations

from evidence.domain.errors import BadInput, Problem
from evidence.model.changes import read_interval

DIGITS = 4
"""Decimals of what is elicited: everything is read back from the rounded numbers, which are those in the snippet."""


def typed_interval(option: str, text: str) -> tuple[float, float]:
    """Both ends of `LO..HI`, alike for a single number. Raises BadInput."""
    try:
        return read_interval(text.strip())
    except ValueError as error:
        raise bad_option(option, text, str(error)) from error


def bad_option(option: str, found: str, wanted: str) -> BadInput:
    """The error for what was typed for an option."""
    return BadInput((Problem(option, None, "", found, wanted),))
