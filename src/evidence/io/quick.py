"""Parsing the one line of `evidence quick`."""

from __future__ import annotations

import re
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.quick import BASELINE, SETTING, QuickClaim
from evidence.io.rows import Path_, build_row

MAX_CHARACTERS = 300
DEFAULT_Q = 0.8
"""Reliability of a bare order where none is typed."""

EXAMPLES = (
    '"A 12/100 vs B 31/100" (counts)',
    '"A 0.80 se 0.25" or "A vs B 0.80 ci 0.31..1.29" (standardised mean difference; without vs, against the baseline)',
    '"A > B" (order)',
)

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_COUNTS = re.compile(r"(?P<a>\S.*?) (?P<k>[0-9]+)/(?P<n>[0-9]+) vs (?P<b>\S.*?) (?P<k0>[0-9]+)/(?P<n0>[0-9]+)")
_EFFECT = re.compile(
    rf"(?P<a>\S.*?)(?: vs (?P<b>\S.*?))? (?P<estimate>{_NUMBER})"
    rf" (?:se (?P<se>{_NUMBER})|ci (?P<lo>{_NUMBER}) ?\.\. ?(?P<hi>{_NUMBER}))"
)
_ORDER = re.compile(r"(?P<a>[^<>]*[^<> ]) ?> ?(?P<b>[^<> ][^<>]*)")


def parse_quick(text: str, validity_class: str, lower_is_better: bool, *, q: float | None = None) -> QuickClaim:
    """The claim in `text`: counts, an effect with se or 95 % interval, or an order of reliability `q` (default 0.8).

    Raises BadInput, with examples, for anything else, and for numbers that no finding can have.
    """
    if len(text) > MAX_CHARACTERS:
        raise _unreadable(f"{len(text)} characters", f"at most {MAX_CHARACTERS}")
    line = " ".join(text.split())
    found = _read(line)
    if found is None:
        raise _unreadable(repr(line), "one of: " + "; ".join(EXAMPLES))
    technique, comparator, numbers = found
    if numbers["kind"] == "order":
        numbers["q"] = DEFAULT_Q if q is None else q
    elif q is not None:
        raise BadInput((Problem("--q", None, "", f"{q:g}", 'nothing here: only an order ("A > B") has a reliability'),))
    finding: dict[str, Any] = {
        "id": "claim",
        "study": "claim",
        "setting": SETTING,
        "technique": technique,
        "comparator": comparator,
        "higher_is_better": not lower_is_better,
        "where": "command line",
        "source_kind": "secondary",
        **numbers,
    }
    values = {"text": line, "validity_class": validity_class, "finding": finding}
    row, problems = build_row(QuickClaim, values, _Typed())
    if row.record is None:
        raise BadInput(problems)
    return row.record


class _Typed:
    """Where a typed claim's problems are: nowhere but in its fields."""

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        return Problem("claim", None, str(path[-1]), found, wanted)


def _read(line: str) -> tuple[str, str, dict[str, Any]] | None:
    """Technique, comparator and the fields of the kind; None where no form fits."""
    if m := _COUNTS.fullmatch(line):
        counts = {name: int(m[name]) for name in ("k", "n", "k0", "n0")}
        return _name(m["a"]), _name(m["b"]), {"kind": "counts", **counts}
    if m := _EFFECT.fullmatch(line):
        numbers = {"estimate": m["estimate"], "se": m["se"], "ci_lo": m["lo"], "ci_hi": m["hi"]}
        stated = {name: float(value) for name, value in numbers.items() if value is not None}
        return _name(m["a"]), _name(m["b"]), {"kind": "effect", "scale": "smd", **stated}
    if m := _ORDER.fullmatch(line):
        return _name(m["a"]), _name(m["b"]), {"kind": "order"}
    return None


def _name(typed: str | None) -> str:
    """The technique's id; nothing typed, or "baseline" in any case, is the baseline."""
    return BASELINE if typed is None or typed.lower() == BASELINE else typed


def _unreadable(found: str, wanted: str) -> BadInput:
    return BadInput((Problem("claim", None, "", found, wanted),))
