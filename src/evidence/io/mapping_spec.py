"""How somebody else's table becomes findings of a base: the records of a mapping file (docs/tables.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding, Record, Study
from evidence.io.rows import build_row, did_you_mean
from evidence.io.toml_files import TomlPlace, read_toml

type Layout = Literal["findings", "effects", "counts", "means", "arms", "auroc"]
type Value = StrictBool | StrictInt | StrictFloat | StrictStr

LAYOUTS: tuple[str, ...] = get_args(Layout.__value__)
OWN_COLUMNS: dict[str, tuple[str, ...]] = {
    "findings": (),
    "effects": ("yi", "vi", "sei"),
    "counts": (),
    "means": (),
    "arms": ("k", "n", "mean", "sd"),
    "auroc": ("label", "score"),
}
"""What `columns` may name beside the fields of a finding; for arms these stand for the numbers of one arm."""
NEEDED: dict[str, tuple[str, ...]] = {
    "findings": (),
    "effects": ("yi",),
    "counts": ("k", "n", "k0", "n0"),
    "means": ("mean", "sd", "n", "mean0", "sd0", "n0"),
    "arms": ("n",),
    "auroc": ("label", "score"),
}


class StudyWords(Record):
    """Studies that the base lacks, made from the table: templates with columns in braces."""

    title: Annotated[str, Field(min_length=1)]
    authors: Annotated[str, Field(min_length=1)]
    year: Annotated[str, Field(min_length=1)]
    lab: str = ""
    url: str = ""


class Mapping(Record):
    """A mapping file."""

    kind: Layout | None = None
    """What a row of the table is; `--kind` says it where the file does not."""
    base: Annotated[str, Field(min_length=1)]
    """The base the findings are added to: a folder, seen from this file, or the name of a shipped one."""
    only: bool = False
    """Leave out the base's own findings, studies and outcomes: its question, techniques and settings are the frame."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Field of a finding to the column of the table that holds it."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Field of a finding to its value in every row; text may hold columns in braces."""
    names: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Field to cells as found and as wanted; other cells stay as they are."""
    measure: Literal["SMD", "logOR"] = "SMD"
    """Layout `effects`: what `yi` is."""
    positive: str = "1"
    """Layout `auroc`: the label of a positive case; every other label is a negative one."""
    studies: StudyWords | None = None


def is_mapping(path: Path) -> bool:
    """Whether this file maps a table onto a base; else it makes a bridge. Raises BadInput for a file that is no TOML."""
    values, _ = read_toml(path)
    return "base" in values or "question" not in values


def load_mapping(path: Path, kind: str | None = None) -> tuple[Mapping, str, TomlPlace]:
    """The mapping, its layout and its place. Raises BadInput with every problem of the file."""
    values, place = read_toml(path)
    row, problems = build_row(Mapping, values, place)
    if row.record is None or problems:
        raise BadInput(problems)
    mapping = row.record
    if kind is not None and kind not in LAYOUTS:
        wanted = f"one of {', '.join(LAYOUTS)}{did_you_mean(kind, LAYOUTS)}"
        raise BadInput([Problem("--kind", None, "", repr(kind), wanted)])
    if mapping.kind is not None and kind is not None and mapping.kind != kind:
        raise BadInput([Problem("--kind", None, "", repr(kind), f"{mapping.kind!r}, as {path} has it")])
    layout = mapping.kind or kind
    if layout is None:
        raise BadInput([place.problem(("kind",), "nothing", f"one of {', '.join(LAYOUTS)}, here or as --kind")])
    if problems := _problems(mapping, layout, place):
        raise BadInput(problems)
    return mapping, layout, place


def _problems(mapping: Mapping, layout: str, place: TomlPlace) -> list[Problem]:
    fields = tuple(Finding.model_fields)
    columns = (*fields, *OWN_COLUMNS[layout])
    problems: list[Problem] = []
    for table, known in (("columns", columns), ("values", fields), ("names", fields)):
        for name in getattr(mapping, table):
            if name not in known:
                wanted = f"a field of a finding{did_you_mean(name, known)}"
                problems.append(place.problem((table, name), repr(name), wanted))
    problems += [
        place.problem(("values", name), "a value beside a column", "one of the two")
        for name in mapping.values
        if name in mapping.columns
    ]
    said = {*mapping.columns, *mapping.values}
    problems += [
        place.problem(("columns", name), "nothing", f"a column, for {layout!r}")
        for name in NEEDED[layout]
        if name not in said
    ]
    if layout == "effects" and ("vi" in said) == ("sei" in said):
        problems.append(place.problem(("columns", "vi"), "both or neither", "vi, the variance, or sei, its root"))
    if layout == "arms" and ("k" in said) == ("mean" in said and "sd" in said):
        problems.append(place.problem(("columns", "k"), "both or neither", "k of n, or mean and sd"))
    if layout == "arms" and "comparator" in said:
        problems.append(place.problem(("columns", "comparator"), "a comparator", "nothing: every row is one arm"))
    return problems


def study_values(words: StudyWords, fill: Any) -> dict[str, Any]:
    """The values of a study, its year a number where it is one."""
    values: dict[str, Any] = {name: fill(text) for name, text in words if name in Study.model_fields}
    year = values["year"]
    return values | {"year": int(year) if year.isascii() and year.isdigit() and len(year) == 4 else year}
