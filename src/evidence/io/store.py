"""Writing a file so that it is either whole or absent, and never over another one unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.domain.errors import BadInput, Problem


def require_writable(path: Path, *, force: bool = False) -> None:
    """Raises BadInput where `path` exists and `force` is not set, is no regular file, or its folder is missing."""
    if not path.parent.is_dir():
        raise BadInput([Problem(str(path), None, "", f"no folder {path.parent}", "an existing folder")])
    if path.exists() and not path.is_file():
        raise BadInput([Problem(str(path), None, "", "something that is no regular file", "a file name")])
    if path.exists() and not force:
        raise BadInput([Problem(str(path), None, "", "an existing file", "another name, or --force to overwrite")])


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """An empty temporary file beside `path` that takes its place when the block ends well, and goes when it does not.

    Raises BadInput as `require_writable` does.
    """
    require_writable(path, force=force)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would hide a report from the people it is written for
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, force: bool = False) -> None:
    """Write `text` as UTF-8 through a temporary file beside `path`. Raises BadInput as `require_writable` does."""
    with replacing(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
