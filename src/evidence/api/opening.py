"""Bases and models for the Python API: by name, by path, or as they are."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model
from evidence.io.models import check_classes
from evidence.io.models import load_model as read_model
from evidence.io.paper import load_paper
from evidence.io.shipped import Shipped, find_base, find_model, is_folder, list_shipped
from evidence.io.tables import load_base as read_base

type BaseLike = EvidenceBase | str | PathLike[str]
type ModelLike = Model | str | PathLike[str]


def load_base(name: str | PathLike[str]) -> EvidenceBase:
    """The evidence base or bridge with this name or folder, or the base of a paper's TOML file.

    Raises BadInput with every problem of every table.
    """
    text = str(name)
    return _paper(Path(text)) if text.endswith(".toml") else read_base(find_base(text))


def load_model(name: str | PathLike[str] = "default") -> Model:
    """The model with this name or in this file. Raises BadInput with every problem of the file."""
    return read_model(find_model(str(name)))


def shipped() -> Shipped:
    """What comes with the package, by name: `bases`, `bridges` and `models`, each with its path."""
    return list_shipped()


def base_of(base: BaseLike) -> EvidenceBase:
    """The base itself, or the one of this name."""
    return base if isinstance(base, EvidenceBase) else load_base(base)


def model_of(model: ModelLike) -> Model:
    """The model itself, or the one of this name."""
    return model if isinstance(model, Model) else load_model(model)


def pair_of(base: BaseLike, model: ModelLike) -> tuple[EvidenceBase, Model]:
    """Both, once the model is known to have every validity class of the base. Raises BadInput otherwise."""
    found, read = base_of(base), model_of(model)
    check_classes(found, read)
    return found, read


def bridge_of(bridge: BaseLike) -> EvidenceBase:
    """A base whose targets are known. Raises BadInput for any other."""
    found = base_of(bridge)
    if not found.outcomes:
        wanted = "a bridge: a base whose targets are known"
        raise BadInput((Problem(found.question.id, None, "outcomes.csv", "no outcomes", wanted),))
    return found


def _paper(path: Path) -> EvidenceBase:
    def named(name: str) -> EvidenceBase:
        beside = path.parent / name
        return read_base(beside if is_folder(beside) else find_base(name))

    return load_paper(path, named)
