"""A tidy table and a spec to the folder of a bridge, judged by the loader before anything is put in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Finding, Model, Record, Technique
from evidence.io.base_out import load_written, question_toml
from evidence.io.csv_out import table_text
from evidence.io.prices import price_reason
from evidence.io.rows import build_row, did_you_mean
from evidence.io.store import replacing_files, write_text
from evidence.io.table_findings import Entry, plain, read_entries
from evidence.io.table_rows import SourceRow, read_source, source_column
from evidence.io.table_spec import Spec, load_spec
from evidence.io.tables import QUESTION_FILE
from evidence.io.toml_files import TomlPlace

type Contrast = Callable[[Finding, Finding | None], tuple[float, float, float]]
"""A target's finding, and the baseline's there: estimate and se in SMD, and the baseline's part of the variance."""
type Rows = list[dict[str, Any]]

FILES = (
    QUESTION_FILE,
    *(f"{n}.csv" for n in ("techniques", "families", "settings", "studies", "findings", "outcomes")),
)

_HEAD = "# Written by `evidence import table`: change the spec, not this file."
_FINDING = (
    "id study setting technique comparator kind higher_is_better scale unit_sd estimate se rate k n"
    " assumed_n_lo assumed_n_hi price_technique own_technique shared_comparator variant where source_kind note"
)
_ALWAYS = frozenset(
    ("id", "study", "setting", "technique", "comparator", "kind", "higher_is_better", "where", "source_kind")
)
_OUTCOME = "target technique estimate_smd se_smd baseline_var_smd rate n where"


@dataclass(frozen=True)
class Imported:
    """The base as loaded from the written folder, and the outcomes left out by price, each with its reason."""

    base: EvidenceBase
    left_out: tuple[str, ...]


def import_table(
    source: Path, spec_file: Path, folder: Path, *, contrast: Contrast, model: Model, force: bool = False
) -> Imported:
    """Write the bridge `folder` from the table `source`. Same source and spec: the same bytes.

    Raises BadInput with every problem, at its line of the source or the spec; `folder` is then as it was.
    """
    spec, place = load_spec(spec_file)
    with replacing_files(folder, FILES, force=force) as temporary:
        rows = read_source(source, spec, place)
        techniques = _techniques(rows, spec, place)
        entries = read_entries(rows, spec, [technique.id for technique in techniques])
        targets = {target.id for target in spec.question.targets}
        proxies = [entry for entry in entries if entry.finding.setting not in targets]
        known = [entry for entry in entries if entry.finding.setting in targets]
        outcomes, left_out = _outcomes(known, spec, place, contrast)
        tables = {
            "techniques": _dumped(techniques, "id name description trial_hours"),
            "families": _dumped(
                spec.families, "id name validity_class irrelevance stated_at stated_rho_lo stated_rho_hi reason"
            ),
            "settings": _settings(proxies, spec, place),
            "studies": _dumped(spec.studies, "id title kind authors lab year url headline"),
            "findings": _findings(proxies),
            "outcomes": outcomes,
        }
        write_text(temporary / QUESTION_FILE, question_toml(spec.question, _HEAD), force=True)
        for name, table in tables.items():
            write_text(temporary / f"{name}.csv", _csv_text(table), force=True)
        base = load_written(temporary, folder, model)
    return Imported(base, tuple(left_out))


def _techniques(rows: Sequence[SourceRow], spec: Spec, place: TomlPlace) -> tuple[Technique, ...]:
    """The techniques of the spec, then, where it names the others by a template, those of the table in its order."""
    used = dict.fromkeys(row.fill(spec.cells.technique) for row in rows)
    listed = [technique.id for technique in spec.techniques]
    unused = [
        place.problem(("techniques", i, "id"), repr(key), f"a technique of some row taken{did_you_mean(key, used)}")
        for i, key in enumerate(listed)
        if key not in used and not (i == 0 and spec.findings.contrast)
    ]
    if unused:
        raise BadInput(unused)
    if spec.cells.technique_name is None:
        return spec.techniques
    problems: list[Problem] = []
    more: dict[str, Technique] = {}
    column = source_column(spec.cells.technique, spec)
    for row in rows:
        key = row.fill(spec.cells.technique)
        if key in listed or key in more:
            continue
        values = {"id": key, "name": row.fill(spec.cells.technique_name)}
        built, wrong = build_row(Technique, values, row.place(dict.fromkeys(("id", "name"), column)))
        problems += wrong
        if built.record:
            more[key] = built.record
    if problems:
        raise BadInput(problems)
    return (*spec.techniques, *more.values())


def _settings(proxies: Sequence[Entry], spec: Spec, place: TomlPlace) -> Rows:
    """The proxies in the order of the table; rows of one setting must describe it alike."""
    if not proxies:
        raise BadInput([place.problem(("cells", "setting"), "targets only", "rows of at least one proxy")])
    first: dict[str, tuple[SourceRow, dict[str, Any]]] = {}
    problems: list[Problem] = []
    for entry in proxies:
        key, row = entry.finding.setting, entry.row
        values = {"id": key, **{field: row.fill(text) for field, text in spec.settings}}
        values |= _gaps(row, spec, problems)
        before, other = first.setdefault(key, (row, values))
        for field in (field for field in values if values[field] != other.get(field)):
            wanted = f"{other.get(field)!r}, as line {before.line} has for this setting"
            column = source_column(getattr(spec.settings, field, f"{{{field}}}"), spec)
            problems.append(Problem(row.file, row.line, column, repr(values[field]), wanted))
    if problems:
        raise BadInput(dict.fromkeys(problems))
    return [values for _, values in first.values()]


def _gaps(row: SourceRow, spec: Spec, problems: list[Problem]) -> dict[str, Any]:
    """The columns gap_D and why_D, by the rules of the spec."""
    cells: dict[str, Any] = {}
    for dimension in spec.question.dimensions:
        rule = spec.gaps[dimension.id]
        gap, why = rule.gap, rule.why
        if rule.of is not None:
            rating = rule.values.get(row.cells[rule.of])
            if rating is None:
                wanted = f"one of {', '.join(rule.values)}: the values that gaps.{dimension.id} rates"
                problems.append(row.problem(rule.of, wanted))
                continue
            gap, why = rating.gap, rating.why
        cells |= {f"gap_{dimension.id}": gap, f"why_{dimension.id}": why}
    return cells


def _findings(proxies: Sequence[Entry]) -> Rows:
    """Rows of findings.csv, with the columns that some row fills."""
    rows = _dumped([entry.finding for entry in proxies], _FINDING)
    defaults = {"own_technique": False, "shared_comparator": True}
    idle = {
        name
        for name in rows[0]
        if name not in _ALWAYS and all(row[name] in (None, "", defaults.get(name)) for row in rows)
    }
    return [{name: value for name, value in row.items() if name not in idle} for row in rows]


def _outcomes(known: Sequence[Entry], spec: Spec, place: TomlPlace, contrast: Contrast) -> tuple[Rows, list[str]]:
    """Rows of outcomes.csv in the order of the targets, and the reasons of those at another price."""
    baseline = spec.techniques[0].id
    problems: list[Problem] = []
    left_out: list[str] = []
    rows: Rows = []
    for index, target in enumerate(spec.question.targets):
        here = [entry for entry in known if entry.finding.setting == target.id]
        base = next((entry for entry in here if entry.finding.technique == baseline), None)
        path = ("targets", index, "id")
        if not here:
            problems.append(place.at("question").problem(path, repr(target.id), "a setting of some row taken"))
        elif base is None and not spec.findings.contrast:
            wanted = f"a row of the baseline {baseline!r} there"
            problems.append(place.at("question").problem(path, repr(target.id), wanted))
        else:
            for entry in (entry for entry in here if entry is not base):
                if reason := _other_price(entry, base, spec):
                    left_out.append(reason)
                else:
                    rows.append(_outcome(entry, base, contrast, problems))
    if not rows and not problems:
        problems.append(
            place.problem(("question",), "no known outcome", "a technique at a comparable price at a target")
        )
    if problems:
        raise BadInput(problems)
    return rows, left_out


def _other_price(entry: Entry, base: Entry | None, spec: Spec) -> str | None:
    """Why prices rule the outcome out: far from the price held, or from the baseline's."""
    if reason := price_reason(entry.finding, spec.question):
        return reason
    if base is None:
        return None
    change = {"comparator": base.finding.technique, "price_comparator": base.finding.price_technique}
    return price_reason(entry.finding.model_copy(update=change), spec.question)


def _outcome(entry: Entry, base: Entry | None, contrast: Contrast, problems: list[Problem]) -> dict[str, Any]:
    finding = entry.finding
    try:
        estimate, se, shared = contrast(finding, base.finding if base else None)
    except (ValueError, OverflowError) as error:
        problems.append(Problem(entry.row.file, entry.row.line, "", str(error), "a finite effect on the SMD scale"))
        return {}
    where = f"{finding.where}{f', against {base.finding.technique}' if base else ''}"
    if finding.assumed_n_lo:
        where += f" (n assumed {finding.assumed_n_lo} to {finding.assumed_n_hi})"
    rate = finding.k / finding.n if finding.k is not None and finding.n else finding.rate
    values = (
        finding.setting,
        finding.technique,
        f"{estimate:.6f}",
        f"{se:.6f}",
        f"{shared:.8f}",
        rate,
        finding.n,
        where,
    )
    return dict(zip(_OUTCOME.split(), values, strict=True))


def _dumped(records: Iterable[Record], columns: str) -> Rows:
    return [{name: getattr(record, name) for name in columns.split()} for record in records]


def _csv_text(rows: Rows) -> str:
    """A header and the rows, Unix line ends; numbers of at most ten significant digits."""
    columns = tuple(rows[0])
    return table_text(columns, [{name: _rounded(row[name]) for name in columns} for row in rows])


def _rounded(value: Any) -> Any:
    return float(plain(value)) if isinstance(value, float) else value
