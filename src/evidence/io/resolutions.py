"""What came, as files: outcomes or findings at the target as tables, and logs of what was tried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding, Outcome, Record
from evidence.domain.scorecard import Tried
from evidence.io.csv_files import CsvPlace, read_rows, read_table
from evidence.io.rows import build_row
from evidence.io.text_files import read_text

MAX_LOG_BYTES = 1_000_000
_LINE = re.compile(
    r"(?:tried\s+)?(?P<technique>.+?)\s*,\s*(?P<result>worked|failed)\s*,\s*(?P<hours>\d+(?:\.\d+)?)\s*h?", re.ASCII
)


@dataclass(frozen=True)
class TargetRows:
    """Rows of an evidence table about targets: outcomes, or findings that have to become outcomes."""

    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_target_rows(path: Path) -> TargetRows:
    """The rows of an outcomes table, or of a findings table whose settings are targets. Raises BadInput with every problem."""
    if "estimate_smd" in read_table(path).columns:
        return TargetRows(outcomes=_records(path, Outcome))
    return TargetRows(findings=_records(path, Finding))


def _records[R: Record](path: Path, kind: type[R]) -> tuple[R, ...]:
    rows, problems = read_rows(path, kind)
    if rows is None or problems:
        raise BadInput(problems)
    return tuple(row.record for row in rows if row.record)


def read_try_log(path: Path) -> tuple[Tried, ...]:
    """Lines such as `tried A, failed, 6 h`, in the order in which they were tried; # starts a remark."""
    found: list[Tried] = []
    problems: list[Problem] = []
    for number, line in enumerate(read_text(path, max_bytes=MAX_LOG_BYTES).split("\n"), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None or len(match["hours"]) > 12:
            wanted = "TECHNIQUE, worked or failed, hours: such as `tried trusted-editing, failed, 6 h`"
            problems.append(Problem(str(path), number, "", repr(text[:60]), wanted))
            continue
        values = {
            "technique": match["technique"], "worked": match["result"] == "worked", "hours": float(match["hours"]),
        }  # fmt: skip
        row, wrong = build_row(Tried, values, CsvPlace(str(path), number))
        problems += wrong
        found += [row.record] if row.record else []
    if not found and not problems:
        problems.append(Problem(str(path), None, "", "no line", "at least one technique that was tried"))
    if problems:
        raise BadInput(problems)
    return tuple(found)
