"""The registry on disk: a folder of frozen files and `registry.jsonl`, a chain of lines that is only ever added to.

Order of every write: the document (temporary file, fsync, rename), then its line (one write, fsync), then
`registry.head`. An interruption leaves the state before, or the state after; a line that was half written has no
line end, and the next writer moves it to `registry.torn-…` (docs/prereg.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Problem, Tampered
from evidence.domain.records import Record
from evidence.domain.registration import Registration
from evidence.domain.registry import GENESIS, EntryKind, RegistryEntry, RegistryHead
from evidence.io.frozen_files import parse_frozen, read_frozen, replace_durably, sync_folder, write_once
from evidence.io.store import naming

CHAIN_FILE, HEAD_FILE, LOCK_FILE = "registry.jsonl", "registry.head", "registry.lock"
SUFFIXES = {"registration": ".prereg.json", "resolution": ".resolution.json", "score": ".score.json"}
LOCK_SECONDS = 120
MAX_CHAIN_BYTES = 256 * 2**20
SHORTEST_PREFIX = 6


@dataclass(frozen=True)
class Chain:
    """The registry as read: every line in order, each with its hash."""

    folder: Path
    entries: tuple[RegistryEntry, ...] = ()
    hashes: tuple[str, ...] = ()
    whole: int = 0
    """Bytes of the file that are whole lines."""
    torn: bytes = b""
    """What follows them: a line whose writing was interrupted, and which therefore never happened."""
    unended: bool = False
    """The last line is whole but for its line end."""
    head: int = -1
    """The line that `registry.head` names; -1 where there is none."""

    @property
    def last(self) -> str:
        """What the next line holds as `prev`."""
        return self.hashes[-1] if self.hashes else GENESIS


@dataclass(frozen=True)
class Change:
    """What is to be added: a line, and the document it names (`suffix` and its record), if any."""

    kind: EntryKind
    registration: str
    question: str
    question_sha256: str
    author: str
    suffix: str = ""
    document: Record | None = None
    amends: str | None = None
    siblings: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Written:
    """A line of the registry, and whether it is new."""

    entry: RegistryEntry
    sha256: str
    new: bool


def read_chain(folder: Path) -> Chain:
    """Every line of the registry in `folder`; an empty chain where there is none yet.

    Raises Tampered for a line that is not what was written, does not follow the one before, or is missing.
    """
    path = folder / CHAIN_FILE
    if not path.exists():
        if (folder / HEAD_FILE).exists():
            raise _tampered(path, 0, "no such file", f"the lines that {HEAD_FILE} speaks of")
        return Chain(folder)
    if path.stat().st_size > MAX_CHAIN_BYTES:
        raise BadInput([Problem(str(path), None, "", "a file too large", f"at most {MAX_CHAIN_BYTES:,} bytes")])
    data = path.read_bytes()
    *lines, tail = data.split(b"\n")
    entries: list[RegistryEntry] = []
    hashes: list[str] = []
    for number, line in enumerate(lines):
        entries.append(_entry(path, number, line, hashes[-1] if hashes else GENESIS))
        hashes.append(sha256_hex(line))
    whole, unended = len(data) - len(tail), False
    if tail:
        try:
            entries.append(_entry(path, len(entries), tail, hashes[-1] if hashes else GENESIS))
            hashes.append(sha256_hex(tail))
            tail, whole, unended = b"", len(data), True
        except Tampered:
            pass  # a line that was never finished
    chain = Chain(folder, tuple(entries), tuple(hashes), whole, tail, unended, _head(folder, hashes))
    _require_files(chain)
    return chain


def _entry(path: Path, number: int, line: bytes, prev: str) -> RegistryEntry:
    try:
        entry = RegistryEntry.model_validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _tampered(path, number, f"{where}: {first['msg'][:200]}", "a line of the registry") from None
    if not _is_written_as(entry, line):
        raise _tampered(path, number, "other bytes", "canonical JSON (RFC 8785)")
    if entry.seq != number:
        raise _tampered(path, number, f"the line {entry.seq}", f"the line {number}: one is missing or out of order")
    if entry.prev != prev:
        raise _tampered(path, number, f"prev {entry.prev[:12]}…", f"{prev[:12]}…, the hash of the line before")
    return entry


def _is_written_as(record: Record, data: bytes) -> bool:
    try:
        return frozen_bytes(record) == data
    except ValueError:  # a number beyond canonical JSON
        return False


def _head(folder: Path, hashes: list[str]) -> int:
    """The line that the head names. It may be one behind, after an interrupted write, and never ahead."""
    path = folder / HEAD_FILE
    if not path.exists():
        if len(hashes) > 1:
            raise _tampered(path, None, "no such file", "the number and hash of the last line")
        return -1
    head = parse_frozen(path.read_bytes(), RegistryHead, str(path))
    if head.seq >= len(hashes):
        raise _tampered(path, None, f"{len(hashes)} lines", f"at least {head.seq + 1}: lines at the end are missing")
    if head.sha256 != hashes[head.seq] or head.seq < len(hashes) - 2:
        raise _tampered(path, None, "another last line", "the one that was written last, or the one before")
    return head.seq


def _require_files(chain: Chain) -> None:
    """Raises Tampered where a document that a line names is not there. Their bytes are looked at by those who read them."""
    names = {entry.name for entry in os.scandir(chain.folder)}
    for number, entry in enumerate(chain.entries):
        if entry.document and not any(f"{entry.document}{suffix}" in names for suffix in SUFFIXES.values()):
            raise _tampered(
                chain.folder / CHAIN_FILE, number, f"no file {entry.document[:12]}…", "the file that the line names"
            )


def require_documents(chain: Chain, registration: str) -> int:
    """How many files the lines about one registration name. Raises Tampered where one has other bytes than its name says."""
    names = [e.document for e in chain.entries if e.registration == registration and e.document]
    for name in names:
        path = next(p for s in SUFFIXES.values() if (p := chain.folder / f"{name}{s}").exists())
        if (digest := sha256_hex(path.read_bytes())) != name:
            raise _tampered(path, None, f"the SHA-256 {digest}", "the one in the file's name")
    return len(names)


def unlisted_files(chain: Chain) -> tuple[str, ...]:
    """Frozen files no line names: left by an interrupted write, or of a line that somebody cut off."""
    known = {e.document for e in chain.entries}
    return tuple(
        sorted(
            path.name
            for path in chain.folder.iterdir()
            if path.name.endswith(tuple(SUFFIXES.values())) and path.name.partition(".")[0] not in known
        )
    )


def commit(folder: Path, build: Callable[[Chain], Change | Written], *, utc: str) -> Written:
    """Add what `build` says to the registry, under its lock; `build` sees the chain as it then is.

    A line already there may be returned instead, and nothing is written. Raises BadInput where the registry stays
    locked for LOCK_SECONDS, and Tampered as `read_chain` does.
    """
    with _locked(folder):
        chain = read_chain(folder)
        change = build(chain)
        if isinstance(change, Written):
            return change
        _mend(chain)
        document = None
        if change.document is not None:
            data = frozen_bytes(change.document)
            document = sha256_hex(data)
            write_once(folder, f"{document}{change.suffix}", data)
        entry = RegistryEntry(
            seq=len(chain.entries), prev=chain.last, kind=change.kind,
            registration=document if change.kind in {"freeze", "amend"} and document else change.registration,
            document=document, amends=change.amends, question=change.question, question_sha256=change.question_sha256,
            siblings=change.siblings, author=change.author, utc=utc, reason=change.reason,
        )  # fmt: skip
        line = frozen_bytes(entry)
        _append(folder / CHAIN_FILE, line + b"\n")
        _write_head(folder, entry.seq, sha256_hex(line))
        return Written(entry, sha256_hex(line), new=True)


def already(chain: Chain, entry: RegistryEntry) -> Written:
    """A line that is there, as the answer of a commit that has nothing to add."""
    return Written(entry, chain.hashes[entry.seq], new=False)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    from filelock import FileLock, Timeout

    if not folder.is_dir():
        if not folder.parent.is_dir():
            raise BadInput([Problem(str(folder), None, "", f"no folder {folder.parent}", "an existing folder")])
        with naming(folder):
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)
    # The lock needs a file of its own: where none can be made nothing else can be written either.
    with naming(folder):
        (folder / LOCK_FILE).touch()
    try:
        with FileLock(folder / LOCK_FILE, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        wanted = f"no other process writing to it for {LOCK_SECONDS} s"
        raise BadInput([Problem(str(folder), None, "", "a registry that is locked", wanted)]) from None


def _mend(chain: Chain) -> None:
    """What an interrupted write has left: the half-written line is moved aside, a line end or the head is added."""
    path = chain.folder / CHAIN_FILE
    if chain.torn:
        replace_durably(chain.folder / f"registry.torn-{sha256_hex(chain.torn)[:12]}", chain.torn)
        with naming(path), path.open("r+b") as file:
            file.truncate(chain.whole)
            os.fsync(file.fileno())
    if chain.unended:
        _append(path, b"\n")
    if chain.hashes and chain.head < len(chain.hashes) - 1:
        _write_head(chain.folder, len(chain.hashes) - 1, chain.last)


def _append(path: Path, data: bytes) -> None:
    """Add `data` to the file, all of it or, where the disk is full, nothing. Raises Unwritable."""
    with naming(path):
        is_new = not path.exists()
        with path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(data)
                while rest:  # a disk about to be full takes a part, and says so only at the next try
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        if is_new:
            sync_folder(path.parent)


def _write_head(folder: Path, seq: int, sha256: str) -> None:
    replace_durably(folder / HEAD_FILE, frozen_bytes(RegistryHead(seq=seq, sha256=sha256)))


def find_registration(folder: Path, name: str) -> tuple[Path, Chain]:
    """The file of a registration, by its path, its hash, or the first SHORTEST_PREFIX or more digits of it.

    A path brings its own folder as the registry. Raises BadInput where none or several fit.
    """
    suffix = SUFFIXES["registration"]
    path = Path(name)
    if path.name.endswith(suffix) or path.is_file():
        return path, read_chain(path.parent)
    chain = read_chain(folder)
    known = [e.registration for e in chain.entries if e.kind in {"freeze", "amend"}]
    fitting = [h for h in known if len(name) >= SHORTEST_PREFIX and h.startswith(name)]
    if len(fitting) != 1:
        found = f"{name!r}, which fits {len(fitting)} of {len(known)} registrations"
        wanted = f"a frozen file, its hash, or the first {SHORTEST_PREFIX} digits of it or more"
        raise BadInput([Problem(str(folder / CHAIN_FILE), None, "", found, wanted)])
    return folder / f"{fitting[0]}{suffix}", chain


def read_registration(path: Path) -> tuple[Registration, str]:
    """A frozen registration and its hash. Raises Tampered where its bytes are not those of its name."""
    return read_frozen(path, Registration)


def _tampered(path: Path, number: int | None, found: str, wanted: str) -> Tampered:
    return Tampered([Problem(str(path), None if number is None else number + 1, "", found, wanted)])
