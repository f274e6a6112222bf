"""Frozen files: canonical JSON, named by its SHA-256, written once. Whatever is not exactly that is refused, never mended."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path

from pydantic import ValidationError

from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Problem, Tampered
from evidence.domain.records import Record
from evidence.io.store import naming

MAX_BYTES = 4_000_000
"""Sixteen techniques in eight scenarios, with a base of three hundred findings, take two million."""


def read_frozen[R: Record](path: Path, kind: type[R], *, named: bool = True) -> tuple[R, str]:
    """The record of a frozen file and its SHA-256.

    Raises BadInput where there is no such file or it is too large, and Tampered where its bytes are not the canonical
    JSON of such a record or, with `named`, its name does not start with their SHA-256.
    """
    data = read_bytes(path)
    digest = sha256_hex(data)
    if named and path.name.partition(".")[0] != digest:
        raise Tampered([Problem(str(path), None, "", f"the SHA-256 {digest}", "the one in the file's name")])
    return parse_frozen(data, kind, str(path)), digest


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises BadInput where there is none or it has more than MAX_BYTES."""
    if not path.is_file():
        raise BadInput([Problem(str(path), None, "", "no such file", "a frozen file")])
    if (size := path.stat().st_size) > MAX_BYTES:
        raise BadInput([Problem(str(path), None, "", f"{size:,} bytes", f"at most {MAX_BYTES:,} bytes")])
    return path.read_bytes()


def parse_frozen[R: Record](data: bytes, kind: type[R], name: str) -> R:
    """The record whose canonical JSON `data` is: parsed, written again, and compared byte by byte.

    So keys twice, other spellings of a number, -0, spaces, unknown or missing keys cannot pass. Raises Tampered for
    any other bytes, and BadInput for a format that this version does not read.
    """
    what = f"a {kind.__name__.lower()}"
    try:
        record = kind.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        if where == "format" and isinstance(first["input"], str):
            wanted = f"{what} of a format that this version reads"
            raise BadInput([Problem(name, None, where, repr(first["input"][:60]), wanted)]) from None
        raise _tampered(name, f"{where or 'bytes'}: {first['msg'][:200]}", f"{what} as it was frozen") from None
    try:
        same = frozen_bytes(record) == data
    except ValueError:  # a number beyond canonical JSON
        same = False
    if not same:
        raise _tampered(name, "bytes that are not those of the record", "canonical JSON (RFC 8785)")
    if not unicodedata.is_normalized("NFC", data.decode("utf-8")):
        raise _tampered(name, "decomposed letters", "text in Unicode's composed form (NFC)")
    return record


def _tampered(name: str, found: str, wanted: str) -> Tampered:
    return Tampered([Problem(name, None, "", found, wanted)])


def write_once(folder: Path, name: str, data: bytes) -> Path:
    """Write `data` to a new file of `folder` so that it is there whole or not at all, also after a loss of power.

    Temporary file, fsync, rename, fsync of the folder. A file of the same name and bytes is left as it is. Raises
    Tampered where it has other bytes.
    """
    path = folder / name
    if path.exists():
        if path.read_bytes() != data:
            raise Tampered([Problem(str(path), None, "", "other bytes under this name", "those of this SHA-256")])
        return path
    replace_durably(path, data)
    return path


def replace_durably(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`: the old file or the new one is there at any time. Raises Unwritable."""
    with naming(path):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)  # mkstemp's 0600 would hide a registration from the people it is written for
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
