"""What `evidence prereg verify` comes to: the bytes, the chain, the prior recomputed, and what an analysis did otherwise."""

from __future__ import annotations

from typing import Literal

from evidence.domain.prereg import Sha256
from evidence.domain.records import Record
from evidence.domain.registry import Siblings, Status

SAME_NUMBER = 1e-8
"""On the same code, libraries and platform, frozen numbers come back to this (times their size, above 1)."""
ALLOWED_ERRORS = 4.0
"""Elsewhere, to this many of their standard errors."""


class Deviation(Record):
    """One field in which an analysis is not as registered."""

    field: str
    registered: str
    found: str
    """`not stated` where the analysis does not say: silence is no agreement."""


class PrintMatch(Record):
    """Two fingerprints side by side."""

    numbers: int
    """How many were compared."""
    max_diff: float
    """Largest difference, in units of the quantity."""
    max_errors: float
    """Largest difference in standard errors."""
    worst: str
    """Where that is."""
    missing: tuple[str, ...] = ()
    """Registered quantities that the other one lacks."""
    exact: bool
    """Within SAME_NUMBER."""
    ok: bool
    """Within what is allowed."""


class Verification(Record):
    """A registration held against its own bytes, its registry, this machine's engine and, where given, an analysis."""

    status: Literal["intact", "deviates", "no verdict"]
    """`tampered` never gets this far: the command says what was changed and exits with 3."""
    hash: Sha256
    registration: Status
    """Where it stands: an amended or withdrawn one is still what was believed then."""
    entry: int
    """Its line in the registry."""
    entry_sha256: Sha256
    entries: int
    siblings: Siblings
    same_machine: bool
    """Same source, libraries and platform as where it was frozen."""
    recomputed: PrintMatch | None
    """The frozen prior and predictions against this machine's engine; None where it was not asked."""
    fingerprint_max_diff: float | None
    """The largest difference found in any fingerprint that was compared; None where none was."""
    analysis: str | None = None
    """SHA-256 of the result that was compared."""
    analysis_print: PrintMatch | None = None
    """The registered prior against the one in the result."""
    compared: tuple[str, ...] = ()
    """Every field that was looked at: a field that is not here was not compared."""
    deviations: tuple[Deviation, ...] | None = None
    """None: no analysis was given. Empty: every field compared is as registered."""
    failed: tuple[str, ...] = ()
    """Checks that failed in the analysis or in the recomputation."""
    notes: tuple[str, ...] = ()
