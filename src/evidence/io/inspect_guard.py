"""Evaluation logs before anything reads them: found, of bounded size, and saying the truth about it."""

from __future__ import annotations

import re
import struct
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = (".eval", ".json")
MAX_FILES = 20_000
MAX_BYTES = 2**31
"""Bytes of one log, and of what its members unfold to."""
MAX_JSON_BYTES = 2**28
"""Bytes of what is read in one piece: a log in JSON, or a member."""
MAX_DEPTH = 200
"""Deepest nesting of JSON: far more than a log has, and what parsers can take without running out of stack."""
MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 2**24
"""Bytes of the list of members: it is bounded before it is parsed."""
MAX_RATIO, RATIO_FROM = 200, 2**20
"""Most bytes unfolded per byte of the file, for logs that unfold to RATIO_FROM or more."""
SECONDS = 60
"""Longest time one log may take to unfold."""
SAMPLES = "samples/"
"""Where whole samples lie, which are never read."""
_END, _END_SIZE = b"PK\x05\x06", 22
_LOCATOR_SIZE, _END64_SIZE = 20, 56
_CHUNK = 4096
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))


class RefusedLog(Exception):  # noqa: N818 (the name says what happened)
    """A log that is not read, and why: words of this package alone, never of the log."""


def find_logs(paths: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """Every log file in the order given, folders in order of name, each with None or the reason why it is refused."""
    found = 0
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            yield path, f"no file in it ends in {' or '.join(SUFFIXES)}"
        for file in inside:
            found += 1
            if found > MAX_FILES:
                yield file, f"more than {MAX_FILES} logs: import them in parts"
                return
            yield file, _kind_problem(file, is_named=file == path)


def _kind_problem(file: Path, *, is_named: bool) -> str | None:
    if not file.exists():
        return "no such file"
    if file.is_symlink() and not is_named:
        return "a symbolic link"
    if not file.is_file():
        return "no regular file"
    return None if file.suffix in SUFFIXES else f"its name does not end in {' or '.join(SUFFIXES)}"


def require_bounded(file: Path) -> None:
    """Raises RefusedLog for a log that is too large, or whose list of members says that it would become so."""
    size = file.stat().st_size
    most = MAX_JSON_BYTES if file.suffix == ".json" else MAX_BYTES
    if size > most:
        raise RefusedLog(f"{size} bytes, more than {most}")
    if file.suffix == ".json":
        return
    directory = _directory_bytes(file, size)
    if directory > MAX_DIRECTORY_BYTES:
        raise RefusedLog(f"a list of members of {directory} bytes, more than {MAX_DIRECTORY_BYTES}")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError):
        raise RefusedLog("a damaged archive") from None
    total = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS:
        raise RefusedLog(f"{len(members)} members, more than {MAX_MEMBERS}")
    if total > MAX_BYTES:
        raise RefusedLog(f"unfolds to {total} bytes, more than {MAX_BYTES}")
    if total >= RATIO_FROM and total > MAX_RATIO * size:
        raise RefusedLog(f"unfolds to {total / size:.0f} times its size, more than {MAX_RATIO}")
    if any(member.filename.startswith(("/", "\\")) or ".." in Path(member.filename).parts for member in members):
        raise RefusedLog("a member whose name leads out of the archive")


def require_truthful(file: Path) -> None:
    """Raises RefusedLog where what is to be read is nested too deeply, damaged, or larger than it says.

    Whoever calls this has loaded what reads Zstandard members; they are unfolded in small pieces.
    """
    if file.suffix == ".json":
        _require_shallow(file.read_bytes())
        return
    until = time.monotonic() + SECONDS
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.filename.startswith(SAMPLES):
                    _require_shallow(_unfolded(archive, member, until))
    except RefusedLog:
        raise
    except Exception as error:  # whatever the unfolding raises: its library is Inspect's, not ours
        raise RefusedLog("a damaged archive") from error


def _unfolded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, until: float) -> bytes:
    """A member as it really is, whatever it says of its size; `until` is the end of its time on the monotonic clock."""
    stated, unfolded = member.file_size, bytearray()
    if stated > MAX_JSON_BYTES:
        raise RefusedLog(f"a member of {stated} bytes, more than {MAX_JSON_BYTES}")
    member.file_size = MAX_BYTES  # the reader stops at the stated size, and so would never see a lie
    try:
        with archive.open(member) as opened:
            while len(unfolded) <= stated and (piece := opened.read(_CHUNK)):
                unfolded += piece
                if time.monotonic() > until:
                    raise RefusedLog(f"over {SECONDS} seconds to unfold")
    finally:
        member.file_size = stated
    if len(unfolded) != stated:
        raise RefusedLog("a member that is not as large as it says")
    return bytes(unfolded)


def _require_shallow(text: bytes) -> None:
    """Raises RefusedLog for JSON nested deeper than MAX_DEPTH: some parsers end the process there."""
    depth = 0
    for bracket in _STRING.sub(b"", text).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise RefusedLog(f"nested deeper than {MAX_DEPTH}")


def _directory_bytes(file: Path, size: int) -> int:
    """What the end of the archive says about the length of its list of members."""
    with file.open("rb") as opened:
        start = max(0, size - _END_SIZE - 2**16 - _LOCATOR_SIZE)
        opened.seek(start)
        tail = opened.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < _END_SIZE:
            raise RefusedLog("no archive")
        stated = struct.unpack_from("<I", tail, at + 12)[0]
        if stated != 0xFFFFFFFF or at < _LOCATOR_SIZE:
            return stated
        opened.seek(struct.unpack_from("<Q", tail, at - _LOCATOR_SIZE + 8)[0])
        record = opened.read(_END64_SIZE)
    return struct.unpack_from("<Q", record, 40)[0] if len(record) == _END64_SIZE else stated
