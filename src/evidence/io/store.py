"""Writing a file so that it is either whole or absent, and never over another one unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from evidence.domain.errors import BadInput, Problem, Unwritable

SETTLING = ".evidence-unfinished"
"""A folder of finished files that are on their way into the folder around it."""
_SPACE = "free space, then the same command again"
_PLACE = "a place where files may be written, or permission to write there"
_REASONS = {
    errno.ENOSPC: ("a full disk", _SPACE),
    errno.EDQUOT: ("a quota that is used up", _SPACE),
    errno.EFBIG: ("a limit on the size of files", "a higher limit (`ulimit -f`), then the same command again"),
    errno.EROFS: ("a file system that is read-only", _PLACE),
    errno.EACCES: ("no permission to write", _PLACE),
    errno.EPERM: ("no permission to write", _PLACE),
    errno.EIO: ("a disk that fails", "another disk"),
}


def unwritable(path: Path, error: OSError) -> Unwritable:
    """The error of the system as one that names the file and says what to do."""
    found, wanted = _REASONS.get(error.errno or 0, ((error.strerror or str(error)).lower(), _PLACE))
    return Unwritable([Problem(str(path), None, "", found, wanted)])


def is_about_writing(error: OSError) -> bool:
    """True for what only writing meets, such as a full disk; a file that is missing can be one that was read."""
    return error.errno in _REASONS and error.errno not in {errno.EACCES, errno.EPERM}


@contextmanager
def naming(path: Path) -> Generator[None]:
    """Turns whatever the system refuses in the block into `Unwritable` for `path`."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from None


@contextmanager
def _naming_writes(path: Path, temporary: Path) -> Generator[None]:
    """The same for a block that also reads: only for what writing meets, or what is said of `temporary`."""
    try:
        yield
    except OSError as error:
        if not (is_about_writing(error) or Path(str(error.filename)).is_relative_to(temporary)):
            raise
        raise unwritable(path, error) from None


def require_writable(path: Path, *, force: bool = False) -> None:
    """Raises BadInput where `path` exists and `force` is not set, is no regular file, or its folder is missing."""
    if not path.parent.is_dir():
        raise BadInput([Problem(str(path), None, "", f"no folder {path.parent}", "an existing folder")])
    if path.exists() and not path.is_file():
        raise BadInput([Problem(str(path), None, "", "something that is no regular file", "a file name")])
    if path.exists() and not force:
        raise BadInput([Problem(str(path), None, "", "an existing file", "another name, or --force to overwrite")])
    _require_room(path, path.parent)


def _require_room(path: Path, folder: Path) -> None:
    """Raises Unwritable where `folder` takes no file: before the work, not after it."""
    with naming(path), tempfile.TemporaryFile(dir=folder, prefix=f".{path.name}.", suffix=".tmp"):
        pass


def make_folder(folder: Path) -> None:
    """Make a folder and those around it; one that is there is left as it is. Raises Unwritable."""
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Generator[Path]:
    """An empty temporary file beside `path` that takes its place when the block ends well, and goes when it does not.

    Raises BadInput as `require_writable` does, and Unwritable where the disk is full.
    """
    require_writable(path, force=force)
    with naming(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(descriptor)
    temporary = Path(name)
    try:
        with _naming_writes(path, temporary):
            yield temporary
        with naming(path):
            _sync(temporary)  # some disks say only now that they are full
            temporary.chmod(0o644)  # mkstemp's 0600 would hide a report from the people it is written for
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, force: bool = False) -> None:
    """Write `text` as UTF-8 through a temporary file beside `path`. Raises BadInput as `replacing` does."""
    with replacing(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


@contextmanager
def replacing_files(folder: Path, names: Iterable[str], *, force: bool = False) -> Generator[Path]:
    """An empty temporary folder beside `folder` whose files `names` go into it when the block ends well.

    A new folder appears whole, by one rename. In an existing one the files change together: an interruption leaves all
    old ones, or new ones that `settle` puts in their places; other files stay. Raises BadInput where `folder` is no
    folder, one of the files exists and `force` is not set, or the folder around it is missing, and Unwritable where the
    disk is full.
    """
    wanted = tuple(names)
    if folder.exists() and not folder.is_dir():
        raise BadInput([Problem(str(folder), None, "", "something that is no folder", "a folder")])
    if folder.is_dir():
        settle(folder)
        for name in wanted:
            require_writable(folder / name, force=force)
    elif not folder.parent.is_dir():
        raise BadInput([Problem(str(folder), None, "", f"no folder {folder.parent}", "an existing folder")])
    # Beside the files themselves where the folder is there: it may be a file system of its own.
    place = folder.resolve() if folder.is_dir() else folder.resolve().parent
    with naming(folder):
        temporary = Path(tempfile.mkdtemp(dir=place, prefix=f".{folder.resolve().name}.", suffix=".tmp"))
    try:
        with _naming_writes(folder, temporary), _renaming(temporary, folder):
            yield temporary
        with naming(folder):
            for path in temporary.iterdir():
                _sync(path)
            if folder.is_dir():
                _put_together(temporary, folder, wanted)
            else:
                temporary.chmod(0o755)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _renaming(temporary: Path, folder: Path) -> Generator[None]:
    """Has errors about files of `temporary` speak of the place that they were to have."""
    try:
        yield
    except Unwritable as error:
        raise Unwritable(replace(p, file=p.file.replace(str(temporary), str(folder))) for p in error.problems) from None


def _put_together(temporary: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Move files into a folder so that an interruption leaves none of them there, or `settle` moves the others."""
    for path in temporary.iterdir():
        if path.name not in names:
            path.unlink()
    settle(folder)
    temporary.rename(folder / SETTLING)
    settle(folder)


def settle(folder: Path) -> None:
    """Finish what an interrupted `replacing_files` left in an existing folder; nothing where it left nothing.

    Two processes may do this at once. Raises Unwritable where the folder may not be written to.
    """
    moving = folder / SETTLING
    if not moving.is_dir():
        return
    with naming(folder):
        for path in sorted(moving.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # another process has moved it
                path.replace(folder / path.name)
        with contextlib.suppress(FileNotFoundError):
            moving.rmdir()


def _sync(path: Path) -> None:
    """Have the disk take the file before it takes another one's place."""
    if not path.is_file():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
