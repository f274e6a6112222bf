"""Rows of a tidy table to findings, proxies' and targets' alike (docs/cli.md, importing a table)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding
from evidence.io.rows import build_row, did_you_mean
from evidence.io.table_rows import SourceRow, source_column
from evidence.io.table_spec import Spec

_MAX_DIGITS = 100
"""Numbers beyond 1e100 or within 1e-100 are typing errors, and would be written out in as many digits."""
_YES_NO = {"1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True)
class Entry:
    """One row of the source and the finding it makes; `finding.setting` is a proxy's id or a target's."""

    row: SourceRow
    finding: Finding


def read_entries(rows: Sequence[SourceRow], spec: Spec, techniques: Sequence[str]) -> tuple[Entry, ...]:
    """A finding per row, in file order. Raises BadInput with every problem, each at its cell of the source."""
    units = _units(rows, spec)
    problems: list[Problem] = []
    entries: list[Entry] = []
    lines: dict[str, int] = {}
    column = source_column(spec.cells.technique, spec)
    for row in rows:
        technique, setting = (row.fill(text) for text in (spec.cells.technique, spec.cells.setting))
        if technique not in techniques:
            wanted = f"a technique of the spec{did_you_mean(technique, techniques)}"
            problems.append(Problem(row.file, row.line, column, repr(technique), wanted))
            continue
        values = _words(row, spec, technique, setting) | _numbers(row, spec, units.get(setting), problems)
        if (before := lines.setdefault(values["id"], row.line)) != row.line:
            wanted = f"one row per technique and setting (the other is line {before}): skip all but one"
            problems.append(Problem(row.file, row.line, column, f"{values['id']!r} twice", wanted))
        built, more = build_row(Finding, values, row.place(_columns(spec)))
        problems += more
        if built.record:
            entries.append(Entry(row, built.record))
    if problems:
        raise BadInput(dict.fromkeys(problems))
    return tuple(entries)


def plain(number: float | Decimal) -> str:
    """A number in plain digits, at most ten of them significant."""
    return f"{Decimal(f'{number:.10g}'):f}"


def _words(row: SourceRow, spec: Spec, technique: str, setting: str) -> dict[str, Any]:
    """Everything of a finding but its numbers."""
    rule = spec.findings
    study = row.fill(spec.cells.study)
    own = {technique for known in spec.studies if known.id == study for technique in known.own}
    baseline = spec.techniques[0].id
    values: dict[str, Any] = {
        "id": f"{setting} {technique}",
        "study": study,
        "setting": setting,
        "technique": technique,
        "kind": rule.kind,
        "own_technique": technique in own,
        "where": row.fill(rule.where),
        "source_kind": row.fill(rule.source_kind),
        "note": row.fill(rule.note),
        "variant": row.fill(rule.variant),
    }
    if rule.contrast:
        values |= {"comparator": baseline, "shared_comparator": False}
    return values


def _numbers(row: SourceRow, spec: Spec, unit: float | None, problems: list[Problem]) -> dict[str, Any]:
    """The numbers of a finding; an unreadable cell is a problem and no value."""
    rule = spec.findings
    values: dict[str, Any] = {"higher_is_better": _direction(row, spec, problems)}
    n = rule.n if isinstance(rule.n, int) else _whole(row, rule.n, problems)
    if rule.price and row.cells[rule.price]:
        values["price_technique"] = _float(_number(row, rule.price, problems))
    if rule.kind == "proportion":
        values |= {"n": n} if rule.assumed_n is None else dict(zip(_ASSUMED, rule.assumed_n, strict=True))
        if rule.count:
            return values | {"k": _whole(row, rule.count, problems)}
        rate = _number(row, rule.estimate, problems)
        return values if rate is None else values | {"rate": float(plain(rate / Decimal(str(rule.divisor))))}
    estimate, se = _number(row, rule.estimate, problems), _number(row, rule.se, problems)
    if rule.sd is not None and n is not None:
        if n < 1:
            problems.append(row.problem(str(rule.n), "how many were measured, at least 1"))
        else:
            se = Decimal(rule.sd) / Decimal(n).sqrt()
    if se is not None and rule.se_at_least is not None and 0 <= se < Decimal(str(rule.se_at_least)):
        se = Decimal(str(rule.se_at_least))
    divisor = Decimal(str(rule.divisor))
    return values | {
        "scale": "raw",
        "unit_sd": float(plain(unit)) if unit else None,
        "estimate": None if estimate is None else float(plain(estimate / divisor)),
        "se": None if se is None else float(plain(se / divisor)),
    }


_ASSUMED = ("assumed_n_lo", "assumed_n_hi")


def _columns(spec: Spec) -> Mapping[str, str]:
    """Field of a finding to the column of the source it comes from."""
    rule = spec.findings
    named = {"k": rule.count, "n": rule.n, "se": rule.se, "higher_is_better": rule.higher_is_better}
    named |= {"rate": rule.estimate, "estimate": rule.estimate, "price_technique": rule.price}
    words = {"technique": spec.cells.technique, "setting": spec.cells.setting, "study": spec.cells.study}
    words |= {"where": rule.where, "source_kind": rule.source_kind, "note": rule.note, "variant": rule.variant}
    columns = {field: source_column(text, spec) for field, text in words.items()}
    return columns | {field: column for field, column in named.items() if isinstance(column, str)}


def _units(rows: Sequence[SourceRow], spec: Spec) -> dict[str, float]:
    """One SMD per setting, in the units of its estimates. Raises BadInput where techniques do not differ there."""
    rule = spec.findings
    of_setting: dict[str, list[SourceRow]] = {}
    for row in rows:
        of_setting.setdefault(row.fill(spec.cells.setting), []).append(row)
    if rule.unit_sd != "setting":
        return {setting: rule.unit_sd for setting in of_setting if rule.unit_sd}
    problems: list[Problem] = []
    units: dict[str, float] = {}
    for setting, members in of_setting.items():
        numbers = [_float(_number(row, rule.estimate, problems)) or 0.0 for row in members]
        spread = statistics.stdev(numbers) / rule.divisor if len(numbers) > 1 else 0.0
        if spread > 0:
            units[setting] = spread
        elif not problems:
            wanted = "at least two techniques that differ: their SD is one SMD there"
            problems.append(Problem(members[0].file, members[0].line, rule.estimate or "", repr(setting), wanted))
    if problems:
        raise BadInput(problems)
    return units


def _direction(row: SourceRow, spec: Spec, problems: list[Problem]) -> bool | None:
    rule = spec.findings.higher_is_better
    if isinstance(rule, bool):
        return rule
    if row.cells[rule] not in _YES_NO:
        problems.append(row.problem(rule, "yes or no, or 1 or 0"))
    return _YES_NO.get(row.cells[rule], True)


def _number(row: SourceRow, column: str | None, problems: list[Problem]) -> Decimal | None:
    """A cell as a finite number in plain digits; None for no column, and for a cell that is none (a problem)."""
    if column is None:
        return None
    try:
        number = Decimal(row.cells[column])
    except InvalidOperation:
        number = Decimal("nan")
    too_far = number.is_finite() and number != 0 and abs(number.adjusted()) > _MAX_DIGITS
    if not number.is_finite() or too_far or "_" in row.cells[column] or not row.cells[column].isascii():
        wanted = "a finite number such as 0.25 or 1e-3 (a row without one can be left out with [[skip]])"
        problems.append(row.problem(column, wanted))
        return None
    return number


def _whole(row: SourceRow, column: str | None, problems: list[Problem]) -> int | None:
    number = _number(row, column, problems)
    if number is None:
        return None
    if number != number.to_integral_value() or abs(number) > 10**15:
        problems.append(row.problem(str(column), "a whole number"))
        return None
    return int(number)


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
