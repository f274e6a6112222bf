"""An oddity: something allowed that looks like a slip of reading, and the reasons for which one was kept as typed."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Oddity:
    """One thing about a finding that looks wrong, and what to do about it."""

    finding: str
    """Id of the finding."""
    fields: tuple[str, ...]
    """The fields that may hold the slip, the most suspect first."""
    found: str
    wanted: str

    @property
    def field(self) -> str:
        """The most suspect field."""
        return self.fields[0]


def note_of_kept(note: str, field: str, reason: str) -> str:
    """The note of a finding with the reason why a field that looks odd is right as it stands."""
    return "; ".join(part for part in (note.strip(), f"kept {field}: {reason.strip()}") if part)


def reason_kept(note: str, field: str) -> str | None:
    """The reason that `note_of_kept` wrote for this field, if it did."""
    match = re.search(rf"(?:^|; )kept {re.escape(field)}: (.*?)(?=; kept |$)", note)
    return match[1] if match else None
