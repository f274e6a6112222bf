"""A model from its TOML file, and whether it knows every validity class of a base."""

from __future__ import annotations

from pathlib import Path

import tomli_w

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model
from evidence.io.rows import build_row, did_you_mean, show
from evidence.io.store import write_text
from evidence.io.toml_files import read_toml


def load_model(path: Path) -> Model:
    """The model in `path`. Raises BadInput with every problem, each with its line and key."""
    values, place = read_toml(path)
    row, problems = build_row(Model, values, place)
    if row.record is None:
        raise BadInput(problems)
    return row.record


def write_model(path: Path, model: Model, *, force: bool = False) -> None:
    """Write the model as a file that `load_model` reads back as the same record. Raises BadInput as `write_text` does."""
    write_text(
        path, tomli_w.dumps(model.model_dump(mode="json", exclude_defaults=True, exclude_none=True)), force=force
    )


def check_classes(base: EvidenceBase, model: Model) -> None:
    """Raises BadInput naming every family whose validity class the model lacks.

    Models without classes (perfect proxies, random effects) need none.
    """
    ties = model.parametrisation
    if ties.perfect_proxies or ties.kind == "random-effects":
        return
    known = sorted(model.classes)
    problems = [
        Problem(
            "families.csv",
            family.id,
            "validity_class",
            show(family.validity_class),
            f"a class of the model {model.id!r}: {', '.join(known)}{did_you_mean(family.validity_class, known)}",
        )
        for family in base.families
        if family.validity_class not in model.classes
    ]
    if problems:
        raise BadInput(problems)
