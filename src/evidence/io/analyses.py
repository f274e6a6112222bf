"""Results of earlier analyses, as JSON or as stored fits: what they say of themselves, and nothing is filled in for them."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Never

from evidence.domain.errors import BadInput, Problem
from evidence.io.text_files import read_text

MAX_BYTES = 16 * 2**20
WANTED = "a result of `evidence rank --json`, `review --json` or `rank --out FILE.nc`"


def read_result(path: Path) -> dict[str, Any]:
    """The JSON document of a ranking or a review. Raises BadInput for anything else."""
    name = str(path)
    text = read_text(path, max_bytes=MAX_BYTES)
    try:
        document = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_whole
        )
        json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is an error here
    except json.JSONDecodeError as error:
        raise BadInput([Problem(name, error.lineno, "", f"no JSON: {error.msg}", WANTED)]) from None
    except (ValueError, RecursionError) as error:
        found = "no JSON: nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"
        raise BadInput([Problem(name, None, "", found, WANTED)]) from None
    if not isinstance(document, dict) or not isinstance(document.get("provenance"), dict):
        raise BadInput([Problem(name, None, "provenance", "nothing", WANTED)])
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the document. Raises ValueError for a key that stands there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {twice[:60]!r} twice")
    return found


def _no_number(text: str) -> Never:
    raise ValueError(f"{text}, which is no number")


def _finite(text: str) -> float:
    """Raises ValueError for a number beyond the largest double."""
    value = float(text)
    return value if math.isfinite(value) else _no_number(text[:60])


def _whole(text: str) -> int:
    """Raises ValueError for an integer beyond the largest double: nothing could be computed with it."""
    value = int(text)
    return value if len(text) < 300 or abs(value) <= sys.float_info.max else _no_number(text[:60])


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


def verdict_in(document: dict[str, Any]) -> bool | None:
    """Whether its checks passed, by the checks themselves too; None where it does not say."""
    ok, checks = document.get("ok"), document.get("checks")
    if not isinstance(ok, bool) or not isinstance(checks, dict) or not checks:
        return None
    return ok and not failed_in(document)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
