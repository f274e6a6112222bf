"""Results of earlier analyses, as JSON or as stored fits: what they say of themselves, and nothing is filled in for them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem

MAX_BYTES = 64 * 2**20
WANTED = "a result of `evidence rank --json`, `review --json` or `rank --out FILE.nc`"


def read_result(path: Path) -> dict[str, Any]:
    """The JSON document of a ranking or a review. Raises BadInput for anything else."""
    name = str(path)
    if not path.is_file():
        raise BadInput([Problem(name, None, "", "no such file", WANTED)])
    if path.stat().st_size > MAX_BYTES:
        raise BadInput([Problem(name, None, "", "a file too large", f"at most {MAX_BYTES:,} bytes")])
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise BadInput([Problem(name, None, "", "no JSON", WANTED)]) from None
    if not isinstance(document, dict) or not isinstance(document.get("provenance"), dict):
        raise BadInput([Problem(name, None, "provenance", "nothing", WANTED)])
    return document


def fingerprint_in(document: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The prior fingerprint of a result, as far as it is one."""
    table = document.get("fingerprint")
    if not isinstance(table, dict):
        return {}
    rows = {str(name): row for name, row in table.items() if isinstance(row, dict)}
    return {name: {str(q): float(v) for q, v in row.items() if _is_number(v)} for name, row in rows.items()}


def probabilities_in(document: dict[str, Any]) -> dict[str, dict[str, float]]:
    """P(A above B) of a ranking; empty where it has none."""
    table = document.get("p_above")
    if not isinstance(table, dict):
        return {}
    return {
        str(a): {str(b): float(p) for b, p in row.items() if _is_number(p) and 0 <= p <= 1}
        for a, row in table.items()
        if isinstance(row, dict)
    }


def words_in(document: dict[str, Any], key: str) -> tuple[str, ...] | None:
    """A list of texts; None where there is none."""
    value = document.get(key)
    return tuple(map(str, value)) if isinstance(value, list) else None


def text_in(document: dict[str, Any], key: str) -> str | None:
    """A text; None where there is none."""
    value = document.get(key)
    return value if isinstance(value, str) else None


def ids_in(document: dict[str, Any], key: str) -> tuple[str, ...] | None:
    """The ids of a list of tables; None where there is no such list."""
    rows = document.get(key)
    if not isinstance(rows, list):
        return None
    return tuple(str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row)


def failed_in(document: dict[str, Any]) -> tuple[str, ...]:
    """Names of the checks that failed."""
    checks = document.get("checks")
    if not isinstance(checks, dict):
        return ()
    return tuple(str(name) for name, check in checks.items() if isinstance(check, dict) and check.get("ok") is not True)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
