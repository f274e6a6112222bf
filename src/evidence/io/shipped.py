"""The bases, bridges and models that come with the package, by name; a path that exists wins over a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from evidence.domain.errors import BadInput, Problem
from evidence.io.rows import did_you_mean
from evidence.io.tables import QUESTION_FILE

_PACKAGE = Path(__file__).resolve().parents[1]
LONGEST_SHOWN = 200
_BRIDGES = "bridges"
_PROPOSALS = "proposals"


class Shipped(NamedTuple):
    """What is shipped, by name, in alphabetical order."""

    bases: dict[str, Path]
    bridges: dict[str, Path]
    models: dict[str, Path]


def list_shipped() -> Shipped:
    """Folders of the bases and bridges and files of the models."""
    root = _root()
    return Shipped(
        bases=_folders(root / "data"),
        bridges=_folders(root / "data" / _BRIDGES),
        models={path.stem: path for path in sorted((root / "models").glob("*.toml"))},
    )


def list_proposals() -> dict[str, Path]:
    """The files of the shipped proposals, by name."""
    return {path.stem: path for path in sorted((_root() / "data" / _PROPOSALS).glob("*.toml"))}


def is_folder(path: Path | str) -> bool:
    """Whether there is such a folder. A name that no file system takes, being too long, is none: `Path` would raise."""
    return os.path.isdir(path)


def is_file(path: Path | str) -> bool:
    """Whether there is such a file; as `is_folder`."""
    return os.path.isfile(path)


def find_base(name_or_path: str) -> Path:
    """The folder of a base or bridge. Raises BadInput, naming the shipped ones, where there is none."""
    path = Path(name_or_path)
    if is_folder(path):
        return path
    shipped = list_shipped()
    return _named(name_or_path, {**shipped.bridges, **shipped.bases}, "a folder of tables")


def name_from(folder: Path, name: str) -> str:
    """How a file in `folder` names the base `name`: a path from there, or the name of a shipped base as it stands."""
    if is_folder(folder / name) or not is_folder(name):
        return name
    return Path(os.path.relpath(name, folder)).as_posix()


def find_model(name_or_path: str) -> Path:
    """The file of a model. Raises BadInput, naming the shipped ones, where there is none."""
    path = Path(name_or_path)
    return path if is_file(path) else _named(name_or_path, list_shipped().models, "a model file")


def find_model_without(bridge: str) -> Path | None:
    """The file of the model that has not seen a bridge it would be scored on; None where no such file is shipped."""
    path = _root() / "models" / "without" / f"{bridge}.toml"
    return path if path.is_file() else None


def cut(name: str) -> str:
    """A name as a message shows it: a very long one only in part."""
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."


def _root() -> Path:
    """The checkout where the package runs from one, else the folder that travels inside the wheel."""
    packed = _PACKAGE / "_shipped"
    return packed if packed.is_dir() else _PACKAGE.parents[1]


def _folders(parent: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(parent.glob(f"*/{QUESTION_FILE}"))}


def _named(name: str, known: Mapping[str, Path], what: str) -> Path:
    if name in known:
        return known[name]
    wanted = f"{what}, or one of {', '.join(sorted(known))}{did_you_mean(name, known)}"
    raise BadInput([Problem(cut(name), None, "", "no such path and nothing shipped under this name", wanted)])
