"""The registry: one line for whatever was frozen, amended, withdrawn, resolved or scored, each holding the hash of the line before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.prereg import Sha256, Utc, require_utc
from evidence.domain.records import Id, Record

type EntryKind = Literal["freeze", "amend", "withdraw", "resolve", "score"]
GENESIS = "0" * 64
"""`prev` of the first line."""


class RegistryEntry(Record):
    """One line of `registry.jsonl`."""

    seq: Annotated[int, Field(ge=0)]
    prev: Sha256
    """SHA-256 of the line before, without its line end; GENESIS for the first."""
    kind: EntryKind
    registration: Sha256
    """The registration it is about: of an amendment, the new one."""
    document: Sha256 | None = None
    """The file that the line adds: a registration, a resolution or a score card."""
    amends: Sha256 | None = None
    question: Id
    question_sha256: Sha256
    siblings: Annotated[int, Field(ge=0)] = 0
    """Other registrations of the question, by whomever, when this line was written."""
    author: str
    """As stated."""
    utc: Utc
    """As the clock of the machine said."""
    reason: str = ""

    @model_validator(mode="after")
    def _has_a_time(self) -> RegistryEntry:
        require_utc("utc", self.utc)
        return self


class RegistryHead(Record):
    """`registry.head`: how far the chain had come. It may lag behind by an interrupted write, never run ahead."""

    seq: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Siblings(Record):
    """Registrations of one question: the reason why one good forecast among many says little."""

    total: int
    """Others of the same question, amended and withdrawn ones included."""
    open: int
    """Those of them that are neither amended nor withdrawn nor scored."""


type Status = Literal["frozen", "amended", "withdrawn", "resolved", "scored"]


class Listed(Record):
    """One registration as the registry knows it."""

    hash: Sha256
    id: str
    title: str
    question: str
    authors: tuple[str, ...]
    utc: str
    """When the line was written, by the clock of the machine."""
    revision: int
    status: Status
    siblings: Siblings
    reminders: tuple[str, ...] = ()
    """Deadlines that have passed or are near, for predictions without a result."""


class Registered(Record):
    """What the commands that write to the registry answer."""

    kind: EntryKind
    hash: Sha256
    """The registration's."""
    document: Sha256 | None
    file: str | None
    seq: int
    entry_sha256: Sha256
    """Hash of the registry's line: quote it where the registry cannot be changed."""
    siblings: Siblings
    new: bool = True
    """False: it was there already, and nothing was written."""


def freezing(entries: Sequence[RegistryEntry]) -> tuple[RegistryEntry, ...]:
    """The lines that froze a registration, first or amended."""
    return tuple(e for e in entries if e.kind in {"freeze", "amend"})


def entry_of(entries: Sequence[RegistryEntry], registration: str) -> RegistryEntry | None:
    """The line that froze a registration; None where there is none."""
    return next((e for e in freezing(entries) if e.registration == registration), None)


def siblings_of(
    entries: Sequence[RegistryEntry], question: str, question_sha256: str, *, but: str | None = None
) -> Siblings:
    """Registrations under the same name or of the same question, but one."""
    others = [
        e.registration
        for e in freezing(entries)
        if e.registration != but and (e.question == question or e.question_sha256 == question_sha256)
    ]
    statuses = statuses_of(entries)
    return Siblings(total=len(others), open=sum(statuses[r] in {"frozen", "resolved"} for r in others))


def status_of(entries: Sequence[RegistryEntry], registration: str) -> Status:
    """Where one registration stands."""
    return statuses_of(entries).get(registration, "frozen")


def statuses_of(entries: Sequence[RegistryEntry]) -> dict[str, Status]:
    """Where every registration stands: the weightiest of what happened to it, in the order of _WEIGHT."""
    found: dict[str, Status] = {}

    def happened(registration: str, status: Status) -> None:
        if _WEIGHT.index(status) > _WEIGHT.index(found.get(registration, "frozen")):
            found[registration] = status

    for e in entries:
        found.setdefault(e.registration, "frozen")
        if e.amends is not None:
            happened(e.amends, "amended")
        if e.kind in _STATUS:
            happened(e.registration, _STATUS[e.kind])
    return found


_WEIGHT: tuple[Status, ...] = ("frozen", "resolved", "scored", "withdrawn", "amended")
_STATUS: dict[str, Status] = {"withdraw": "withdrawn", "score": "scored", "resolve": "resolved"}
