"""How a tidy table becomes a bridge: the records of `import.toml` (docs/cli.md, importing a table)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.errors import BadInput
from evidence.domain.records import Family, Gap, Id, Question, Record, Study, Technique
from evidence.io.rows import build_row
from evidence.io.toml_files import TomlPlace, read_toml

type Template = Annotated[str, Field(min_length=1)]
"""Words with columns in braces: "HarmBench, {n} behaviours"."""


class Column(Record):
    """A column made from another one, or put in its place."""

    of: str
    """The column its cells come from."""
    values: dict[str, str] = Field(default_factory=dict)
    """Cell as found to cell as wanted."""
    keep: bool = False
    """Cells that `values` does not name stay as they are; else they are an error."""
    id_length: Annotated[int, Field(ge=1, le=80)] | None = None
    """Characters no id can hold become spaces and the rest is cut to this length."""


class Skip(Record):
    """Rows left out, and why."""

    match: Annotated[dict[str, str], Field(min_length=1)]
    """Every named column holds exactly this."""
    reason: Annotated[str, Field(min_length=1)]


class Cells(Record):
    """What a row is about."""

    technique: Template
    setting: Template
    """A row whose setting is a target's id is an outcome; every other setting is a proxy."""
    study: Template
    technique_name: Template | None = None
    """Name of the techniques that [[techniques]] does not list; without it such a technique is an error."""


class SettingWords(Record):
    """The columns of settings.csv but the id and the gaps, as templates."""

    name: Template
    family: Template
    environment: Template
    model_family: Template
    size: str = ""
    adversary: str = ""
    outcome: Template


class Rating(Record):
    """A gap and its reason."""

    gap: Gap
    why: Annotated[str, Field(min_length=1)]


class GapRule(Record):
    """One dimension's ratings: the same for all proxies (`gap`, `why`), or by the value of a column."""

    gap: Gap | None = None
    why: str = ""
    of: str | None = None
    values: dict[str, Rating] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> GapRule:
        if (self.gap is None) == (self.of is None) or (self.of is None) != (not self.values):
            raise ValueError("gap: wanted either gap and why, or a column `of` and the ratings of its `values`")
        if self.gap is not None and not self.why:
            raise ValueError("why: found nothing, wanted the reason for the gap")
        return self


class OwnedStudy(Study):
    """A study, and the techniques its authors proposed."""

    own: tuple[Id, ...] = ()


class Numbers(Record):
    """How numbers become findings: columns by name, or one number for all rows."""

    kind: Literal["proportion", "effect"]
    estimate: str | None = None
    """Column: the rate times `divisor`, or the effect."""
    divisor: Annotated[float, Field(gt=0)] = 1.0
    """100 where rates are per cent."""
    count: str | None = None
    """Column of whole numbers k of n (proportion), in place of `estimate`."""
    n: str | Annotated[int, Field(gt=0)] | None = None
    assumed_n: tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]] | None = None
    """Range of an n nobody published (proportion)."""
    se: str | None = None
    """Column (effect)."""
    sd: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of one case in the units of the estimate: se = sd / sqrt(n) (effect)."""
    se_at_least: Annotated[float, Field(gt=0)] | None = None
    """What a reported se of less is raised to: half a unit of the last digit printed (effect)."""
    unit_sd: Annotated[float, Field(gt=0)] | Literal["setting"] | None = None
    """What is one SMD: a number, or the SD of the estimates of all techniques in a row's own setting (effect)."""
    contrast: bool = False
    """The estimates are differences from the baseline already, and the baseline is no sample (effect)."""
    higher_is_better: bool | str
    """One answer for all rows, or a column of yes and no or 1 and 0."""
    price: str | None = None
    """Column: points of usefulness lost; an empty cell states none."""
    variant: str = ""
    where: Template
    source_kind: Template
    note: str = ""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Numbers:
        if problems := _number_problems(self):
            raise ValueError("; ".join(problems))
        return self


def _number_problems(numbers: Numbers) -> list[str]:
    """What the kind needs and lacks, or cannot use."""
    need = "proportion" if numbers.kind == "proportion" else "effect"
    foreign = ("se", "sd", "se_at_least", "unit_sd") if need == "proportion" else ("count", "assumed_n")
    problems = [
        f"{name}: found a value, wanted nothing for kind {need!r}" for name in foreign if getattr(numbers, name)
    ]
    if (numbers.estimate is None) == (numbers.count is None):
        problems.append("estimate: wanted either estimate or count, a column's name")
    if need == "proportion":
        if numbers.contrast:
            problems.append("contrast: found yes, wanted no for kind 'proportion'")
        if (numbers.n is None) == (numbers.assumed_n is None):
            problems.append("n: wanted either n or assumed_n = [lo, hi]: an unknown n is never guessed")
        return problems
    if numbers.unit_sd is None:
        problems.append("unit_sd: found nothing, wanted a number or 'setting': what one SMD is")
    if (numbers.se is None) == (numbers.sd is None):
        problems.append("se: wanted either the column se, or sd with n")
    if (numbers.sd is None) != (numbers.n is None):
        problems.append("n: wanted n exactly where the se comes from sd / sqrt(n)")
    return problems


class Spec(Record):
    """`import.toml`."""

    question: Question
    """What becomes base.toml."""
    take: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Column to the cells wanted in it; all other rows are not looked at."""
    columns: dict[str, Column] = Field(default_factory=dict)
    """Made in the order of the file, after `take` and `skip`."""
    skip: tuple[Skip, ...] = ()
    cells: Cells
    settings: SettingWords
    gaps: dict[str, GapRule]
    techniques: Annotated[tuple[Technique, ...], Field(min_length=1)]
    """The first is the baseline."""
    families: Annotated[tuple[Family, ...], Field(min_length=1)]
    studies: Annotated[tuple[OwnedStudy, ...], Field(min_length=1)]
    findings: Numbers


def load_spec(path: Path) -> tuple[Spec, TomlPlace]:
    """The spec and its place, for problems found later. Raises BadInput with every problem of the file."""
    values, place = read_toml(path)
    row, problems = build_row(Spec, values, place)
    if row.record is None or problems:
        raise BadInput(problems)
    spec = row.record
    dimensions = {dimension.id for dimension in spec.question.dimensions}
    problems = [
        place.problem(("gaps",), f"no rule for {name!r}", "a rule for every dimension")
        for name in dimensions - set(spec.gaps)
    ]
    problems += [
        place.problem(("gaps", name), repr(name), "a dimension of the question")
        for name in spec.gaps
        if name not in dimensions
    ]
    if problems:
        raise BadInput(sorted(problems, key=str))
    return spec, place
