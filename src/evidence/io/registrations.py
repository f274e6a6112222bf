"""Drafts of registrations: TOML in, checked against the base and the model they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evidence.domain.canonical import sha256_hex
from evidence.domain.errors import BadInput, Problem
from evidence.domain.prereg import Draft
from evidence.domain.records import EvidenceBase, Model, Target
from evidence.domain.registration import DataFile
from evidence.io.models import check_classes, load_model
from evidence.io.rows import build_row, did_you_mean
from evidence.io.shipped import find_base, find_model, is_file, is_folder
from evidence.io.tables import load_base
from evidence.io.toml_files import TomlPlace, read_toml

SUFFIX = ".prereg.toml"


@dataclass(frozen=True)
class Drafted:
    """A draft with what it names: the base with the scenarios as its targets, the model, and their files."""

    draft: Draft
    base: EvidenceBase
    model: Model
    data: tuple[DataFile, ...]


def load_draft(path: Path) -> Drafted:
    """The draft in `path`. Raises BadInput with every problem, each with its line and key; nothing is mended."""
    values, place = read_toml(path)
    row, problems = build_row(Draft, values, place)
    if row.record is None:
        raise BadInput(problems)
    draft = row.record
    folder, model_file = _beside(path.parent, draft.base, draft.model)
    base, model = load_base(folder), load_model(model_file)
    if problems := [*_scenario_problems(draft, base, place), *_technique_problems(draft, base, place)]:
        raise BadInput(problems)
    targets = tuple(
        Target(id=s.target, title=s.title, novelty=s.novelty, coordinates=s.coordinates, weight=s.weight,
               reason=s.reason)
        for s in draft.scenarios
    )  # fmt: skip
    check_classes(base, model)
    return Drafted(draft, with_targets(base, targets), model, tuple(_data_files(folder, model_file)))


def with_targets(base: EvidenceBase, targets: tuple[Target, ...]) -> EvidenceBase:
    """The base asked about other targets, of which nothing is known."""
    question = base.question.model_copy(update={"targets": targets})
    return base.model_copy(update={"question": question, "outcomes": ()})


def _beside(folder: Path, base: str, model: str) -> tuple[Path, Path]:
    """The base's folder and the model's file: relative to the draft where they are there, else by name."""
    here, file = folder / base, folder / model
    return here if is_folder(here) else find_base(base), file if is_file(file) else find_model(model)


def _scenario_problems(draft: Draft, base: EvidenceBase, place: TomlPlace) -> Iterator[Problem]:
    """A scenario is a target: the primary one first and at 0, known dimensions, no setting's name."""
    primary, dimensions = base.question.targets[0].id, [d.id for d in base.question.dimensions]
    settings = {s.id for s in base.settings}
    if draft.scenarios[0].target != primary:
        wanted = f"{primary!r}, the base's primary target, against which its gaps are rated"
        yield place.problem(("scenarios", 0, "target"), repr(draft.scenarios[0].target), wanted)
    for i, scenario in enumerate(draft.scenarios):
        if scenario.target in settings:
            yield place.problem(("scenarios", i, "target"), repr(scenario.target), "an id that no setting has")
        for name, gap in scenario.coordinates.items():
            path = ("scenarios", i, "coordinates", name)
            if name not in dimensions:
                wanted = f"a dimension of the base: {', '.join(dimensions)}{did_you_mean(name, dimensions)}"
                yield place.problem(path, repr(name), wanted)
            elif i == 0 and gap not in {"none", 0}:
                yield place.problem(path, repr(gap), "0: the primary target sits at 0 on every dimension")
    measured = {f.setting for f in base.findings} - settings
    if lost := sorted(measured - {s.target for s in draft.scenarios}):
        yield place.problem(("scenarios",), f"no {', '.join(lost)}", "every target that the base has findings at")


def _technique_problems(draft: Draft, base: EvidenceBase, place: TomlPlace) -> Iterator[Problem]:
    known = [t.id for t in base.techniques]
    for i, name in enumerate(draft.question.techniques):
        if name not in known:
            wanted = f"a technique of the base: {', '.join(known)}{did_you_mean(name, known)}"
            yield place.problem(("question", "techniques", i), repr(name), wanted)
    smallest = base.question.smallest_difference
    if draft.question.smallest_difference != smallest:
        found = f"{draft.question.smallest_difference:g}"
        yield place.problem(("question", "smallest_difference"), found, f"that of the base, {smallest:g}")


def _data_files(folder: Path, model_file: Path) -> Iterator[DataFile]:
    files = [p for p in sorted(folder.iterdir()) if p.suffix in {".toml", ".csv"} and p.stem != "outcomes"]
    for path in [*files, model_file]:
        data = path.read_bytes()
        yield DataFile(name=path.name, sha256=sha256_hex(data), bytes=len(data))
