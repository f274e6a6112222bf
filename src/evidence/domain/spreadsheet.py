"""Text in cells of a spreadsheet: an apostrophe before what would run as a formula, and off again."""

from __future__ import annotations

import re

_STARTS = r"[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]"
# Apostrophes before such a start count as well: else text that has one of its own would lose it on the way back.
_ACTIVE = re.compile(f"'*{_STARTS}")
_GUARDED = re.compile(f"'+{_STARTS}")


def guarded_text(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would run it as a formula."""
    return "'" + text if _ACTIVE.match(text) else text


def unguarded_text(text: str) -> str:
    """What `guarded_text` was given."""
    return text[1:] if _GUARDED.match(text) else text
