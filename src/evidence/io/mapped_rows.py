"""Rows of somebody else's table as values of findings, layout by layout."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.magnitudes import LARGEST
from evidence.domain.records import Finding
from evidence.io.csv_files import Table, column_types, read_cell
from evidence.io.mapping_spec import Mapping
from evidence.io.rows import did_you_mean, show
from evidence.io.table_rows import SourceRow
from evidence.io.toml_files import TomlPlace

_BRACES = re.compile(r"\{([^{}]*)\}")
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_.+()\-]+")
_TYPES = column_types(Finding, ()) | {
    "yi": "number",
    "vi": "number",
    "sei": "number",
    "label": "text",
    "score": "number",
}
_ID_LENGTH = 80


@dataclass(frozen=True)
class Mapped:
    """A row of the source, and the values of the finding it makes."""

    row: SourceRow
    values: dict[str, Any]


def mapped_rows(table: Table, mapping: Mapping, layout: str, place: TomlPlace) -> list[Mapped]:
    """The values of every finding of the table, in its order. Raises BadInput with every problem, at its cell."""
    if problems := list(_unknown(table, mapping, place)):
        raise BadInput(problems)
    problems: list[Problem] = []
    rows: list[Mapped] = []
    for line, cells in table.rows:
        row = SourceRow(table.file, line, {name: text.strip() for name, text in zip(table.columns, cells, strict=True)})
        rows.append(Mapped(row, _values(row, mapping, problems)))
    if problems:
        raise BadInput(dict.fromkeys(problems))
    found = _LAYOUTS[layout](rows, mapping, problems)
    if problems:
        raise BadInput(dict.fromkeys(problems))
    return _with_ids(found)


def _unknown(table: Table, mapping: Mapping, place: TomlPlace) -> Iterable[Problem]:
    """Columns named by the mapping that the table has not, or has twice."""
    known = sorted(table.columns)
    uses = [(("columns", field), name) for field, name in mapping.columns.items()]
    texts: list[tuple[tuple[str, str], Any]] = [(("values", field), value) for field, value in mapping.values.items()]
    texts += [(("studies", field), text) for field, text in mapping.studies or ()]
    uses += [(path, name) for path, text in texts if isinstance(text, str) for name in _BRACES.findall(text)]
    for path, name in uses:
        if known.count(name) != 1:
            wanted = f"a column: one of {', '.join(known)}{did_you_mean(name, known)}"
            yield place.problem(path, "the column twice" if name in known else repr(name), wanted)


def _values(row: SourceRow, mapping: Mapping, problems: list[Problem]) -> dict[str, Any]:
    """The fields that columns and values fill, read as their kind; an empty cell fills none."""
    values: dict[str, Any] = {
        name: row.fill(value) if isinstance(value, str) else value for name, value in mapping.values.items()
    }
    for field, column in mapping.columns.items():
        text = mapping.names.get(field, {}).get(row.cells[column], row.cells[column])
        if not text:
            continue
        value, wanted = read_cell(text, _TYPES[field])
        if wanted:
            problems.append(row.problem(column, wanted))
        else:
            values[field] = value
    return values


def _as_they_are(rows: Sequence[Mapped], mapping: Mapping, problems: list[Problem]) -> list[Mapped]:
    del mapping, problems
    return [*rows]


def _contrasts(kind: str) -> Any:
    """A layout whose columns are the fields of one kind of finding."""

    def read(rows: Sequence[Mapped], mapping: Mapping, problems: list[Problem]) -> list[Mapped]:
        del mapping, problems
        return [Mapped(item.row, item.values | {"kind": kind}) for item in rows]

    return read


def _effects(rows: Sequence[Mapped], mapping: Mapping, problems: list[Problem]) -> list[Mapped]:
    """Metafor's yi and vi: an effect and its sampling variance."""
    scale = {"SMD": "smd", "logOR": "logit"}[mapping.measure]
    found: list[Mapped] = []
    for item in rows:
        values = {**item.values}
        estimate, variance, se = (values.pop(name, None) for name in ("yi", "vi", "sei"))
        if variance is not None and variance <= 0:
            problems.append(item.row.problem(mapping.columns["vi"], "a variance above 0"))
            continue
        se = math.sqrt(variance) if variance is not None else se
        found.append(Mapped(item.row, values | {"kind": "effect", "scale": scale, "estimate": estimate, "se": se}))
    return found


def _arms(rows: Sequence[Mapped], mapping: Mapping, problems: list[Problem]) -> list[Mapped]:
    """Arms of networks: a proportion each, or a mean in units of the SD pooled over the arms of its study and setting."""
    if "k" in {*mapping.columns, *mapping.values}:
        return [Mapped(item.row, item.values | {"kind": "proportion"}) for item in rows]
    found: list[Mapped] = []
    for cell in _grouped(rows, ("study", "setting")).values():
        lacking = [
            item.row.problem(
                mapping.columns.get(name, name),
                f"a number: every arm needs mean, sd above 0 and n above 1, none beyond {LARGEST:g} in size",
            )
            for item in cell
            for name in ("mean", "sd", "n")
            if item.values.get(name) is None
            or abs(item.values[name]) > LARGEST
            or (name != "mean" and item.values[name] <= (name == "n"))
        ]
        problems += lacking
        if lacking:
            continue
        freedom = sum(item.values["n"] - 1 for item in cell)
        unit = math.sqrt(sum((i.values["n"] - 1) * i.values["sd"] ** 2 for i in cell) / freedom)
        for item in cell:
            values = {**item.values}
            mean, sd, n = (values.pop(name) for name in ("mean", "sd", "n"))
            numbers = {"estimate": mean, "se": sd / math.sqrt(n), "unit_sd": unit, "n": n}
            found.append(Mapped(item.row, values | {"kind": "effect", "scale": "raw"} | numbers))
    return sorted(found, key=lambda item: item.row.line)


def _aurocs(rows: Sequence[Mapped], mapping: Mapping, problems: list[Problem]) -> list[Mapped]:
    """Labels and scores, a case a row: one finding per study, setting, technique and comparator."""
    found: list[Mapped] = []
    for cell in _grouped(rows, ("study", "setting", "technique", "comparator")).values():
        values = {k: v for k, v in cell[0].values.items() if k not in {"label", "score"}}
        lacking = [
            item.row.problem(mapping.columns[name], "a value: every case has a label and a score")
            for item in cell
            for name in ("label", "score")
            if item.values.get(name) is None
        ]
        problems += lacking
        if lacking:
            continue
        scores: tuple[list[float], list[float]] = ([], [])
        for item in cell:
            scores[item.values["label"] == mapping.positive].append(item.values["score"])
        negative, positive = scores
        column = mapping.columns["label"]
        if not negative or not positive:
            wanted = f"cases labelled {mapping.positive!r} and others"
            problems.append(Problem(cell[0].row.file, cell[0].row.line, column, "one label only", wanted))
            continue
        auc = auc_of(positive, negative)
        if not 0 < auc < 1:
            wanted = "scores that overlap: complete separation has no standard error, enter it as an order"
            problems.append(Problem(cell[0].row.file, cell[0].row.line, column, f"an AUC of {auc:g}", wanted))
            continue
        numbers = {"auc": auc, "n_pos": len(positive), "n_neg": len(negative)}
        found.append(Mapped(cell[0].row, values | {"kind": "auroc"} | numbers))
    return found


def auc_of(positive: Sequence[float], negative: Sequence[float]) -> float:
    """P(a positive case scores above a negative one), ties counted half (Mann and Whitney), from midranks."""
    ordered = sorted([(score, 1) for score in positive] + [(score, 0) for score in negative])
    twice_ranks, start = 0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        twice_ranks += (start + end + 1) * sum(label for _, label in ordered[start:end])
        start = end
    m, n = len(positive), len(negative)
    return (twice_ranks - m * (m + 1)) / (2 * m * n)


def _grouped(rows: Sequence[Mapped], fields: Sequence[str]) -> dict[tuple[Any, ...], list[Mapped]]:
    cells: dict[tuple[Any, ...], list[Mapped]] = {}
    for item in rows:
        cells.setdefault(tuple(item.values.get(name) for name in fields), []).append(item)
    return cells


def _with_ids(rows: Sequence[Mapped]) -> list[Mapped]:
    """An id for every row without one: study, setting, techniques, and a number where that is not enough."""
    taken = {str(item.values["id"]) for item in rows if "id" in item.values}
    found: list[Mapped] = []
    for item in rows:
        if "id" in item.values:
            found.append(item)
            continue
        words = (item.values.get(name) for name in ("study", "setting", "technique", "comparator"))
        stem = _NOT_OF_AN_ID.sub(" ", " ".join(str(word) for word in words if word)).strip() or "row"
        key, number = stem[:_ID_LENGTH].strip(), 1
        while key in taken:
            number += 1
            key = f"{stem[: _ID_LENGTH - len(str(number)) - 1].strip()} {number}"
        taken.add(key)
        found.append(Mapped(item.row, {"id": key, **item.values}))
    return found


def unknown_name(item: Mapped, field: str, column: str, known: Sequence[str]) -> Problem:
    """The problem of a name that the base does not have."""
    value = str(item.values[field])
    return Problem(item.row.file, item.row.line, column, show(value), f"a name of the base{did_you_mean(value, known)}")


_LAYOUTS: dict[str, Any] = {
    "findings": _as_they_are,
    "effects": _effects,
    "counts": _contrasts("counts"),
    "means": _contrasts("means"),
    "arms": _arms,
    "auroc": _aurocs,
}
