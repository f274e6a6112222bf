"""Writing a file so that it is either whole or absent, and never over another one unasked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
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
def replacing(path: Path, *, force: bool = False) -> Generator[Path]:
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


@contextmanager
def replacing_files(folder: Path, names: Iterable[str], *, force: bool = False) -> Generator[Path]:
    """An empty temporary folder beside `folder` whose files `names` go into it when the block ends well.

    A new folder appears whole, by one rename; in an existing one every file is replaced whole, one after the other,
    and other files stay. Raises BadInput where `folder` is no folder, one of the files exists and `force` is not set,
    or the folder around it is missing.
    """
    wanted = tuple(names)
    if folder.exists() and not folder.is_dir():
        raise BadInput([Problem(str(folder), None, "", "something that is no folder", "a folder")])
    if folder.is_dir():
        for name in wanted:
            require_writable(folder / name, force=force)
    elif not folder.parent.is_dir():
        raise BadInput([Problem(str(folder), None, "", f"no folder {folder.parent}", "an existing folder")])
    # Beside the files themselves where the folder is there: it may be a file system of its own.
    place = folder.resolve() if folder.is_dir() else folder.resolve().parent
    temporary = Path(tempfile.mkdtemp(dir=place, prefix=f".{folder.resolve().name}.", suffix=".tmp"))
    try:
        yield temporary
        if folder.is_dir():
            for name in wanted:
                (temporary / name).replace(folder / name)
        else:
            temporary.chmod(0o755)
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
