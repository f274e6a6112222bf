"""What the pages must print, worked out from the JSON twin alone: the numbers of a section in the order of its text."""

from __future__ import annotations

import re
from typing import Any

NUMBER = re.compile(r"[<>]?-?\d+(?:\.\d+)?")


def numbers_in(text: str) -> list[str]:
    """Every number of a text as it is written, `<1` and `>99` included."""
    return NUMBER.findall(text)


def whole(p: float) -> str:
    """P in 100."""
    return "<1" if p < 0.01 else ">99" if p > 0.99 else f"{100 * p:.0f}"


def decimals(mcse: float | None, most: int) -> int:
    """Decimals that a Monte Carlo error supports: no printed digit is smaller than twice the error."""
    digits = most
    while mcse and 10.0**-digits < 2 * mcse:
        digits -= 1
    return digits


def two_digits(x: float, mcse: float | None = None) -> str:
    """A ratio or a number of runs, to the digits its error supports."""
    digits = decimals(mcse, 2 if abs(x) < 9.995 else 1)
    least = 10.0**-digits
    text = round(x, digits)
    return f"<{least:.{max(digits, 0)}f}" if abs(x) < least / 2 else f"{text:.{max(digits, 0)}f}"


def share(x: float, mcse: float | None) -> str:
    """A share in per cent, in tens where its error is larger than half a per cent."""
    if decimals(mcse, 2) >= 2:
        return whole(min(x, 1.0))
    tens = round(10 * min(x, 1.0))
    return "<10" if tens == 0 else ">90" if tens == 10 else f"{10 * tens}"


def wanted_numbers(twin: dict[str, Any], said: dict[str, str]) -> dict[str, list[str]]:
    """Numbers of the sections that hold the answer, by label.

    `said` tells which optional sentences a page that had to be short has: the expected rank, the number of independent
    findings.
    """
    mcse = twin["mcse"]
    limits = [share(twin["limits"][k], mcse.get(f"limits.{k}")) for k in ("proxy", "same_setting", "sample", "prior")]
    return {
        "VERDICT": _verdict(twin, "Expected rank of" in said["VERDICT"]),
        "OVER-UPDATING": _over_updating(twin),
        "WHAT LIMITS US": limits,
        "EXCHANGE RATE": _exchange(twin, "findings weigh as" in said["EXCHANGE RATE"]),
    }


def _exchange(twin: dict[str, Any], counted: bool) -> list[str]:
    out = [two_digits(twin["target_equivalent_n"], twin["mcse"].get("target_equivalent_n"))]
    if counted:
        found = twin["effective_findings"]
        digits = decimals(max(found["mcse"], 0.025), 2)
        out += [str(found["of"]), f"{round(found['value'], digits):.{max(digits, 0)}f}"]
    return out


def _rank(twin: dict[str, Any]) -> list[str]:
    row = next(r for r in twin["shifts"]["in_context"] if r["id"] == twin["pair"]["technique"])["expected_rank"]
    digits = decimals(row["mcse"], 2)
    assert abs(row["after"] - row["before"]) >= 2 * row["mcse"]
    ends = [f"{round(row[k], digits):.{max(digits, 0)}f}" for k in ("before", "after")]
    return [*ends, str(len(twin["shifts"]["in_context"]))]


def _verdict(twin: dict[str, Any], ranked: bool) -> list[str]:
    p, (lo, hi) = twin["p_post"], twin["band"]
    band = ["<1"] if lo == 0 else [">99"] if hi == 100 else [str(lo), str(hi)]
    out = [whole(p), "100", *band, whole(twin["p_prior"]), whole(twin["p_face_value"])]
    against = twin["reversals_per_100"] if p >= 0.5 else 100 - twin["reversals_per_100"]
    out += [str(against) if against >= 1 and 0.01 <= p <= 0.99 else "1", "100"]  # "fewer than 1 of 100"
    out += [whole(twin["p_ceiling"]), "100"]
    r = twin["robustness"]
    out += [str(r["kept"]), str(r["of"]), whole(r["lowest"]), whole(r["highest"]), "100", str(r["same_side"])]
    context = twin["in_context"]
    if context is not None and context["ok"]:
        told = [context[k] for k in ("p_without", "p_with", "p_face_value_with")]
        out += [whole(p) for p in told if p is not None]
        out += _rank(twin) if ranked else []
    return out + numbers_in(twin["optimism_line"] or "")


def _over_updating(twin: dict[str, Any]) -> list[str]:
    out = [] if twin["p_break_even"] is None else [whole(twin["p_break_even"]), "100"]
    if twin["belief"] is not None:
        out.append(whole(twin["belief"]))
        if twin["shift_ratio"] is not None and twin["shift_ratio"] >= 0:
            out.append(two_digits(twin["shift_ratio"], twin["mcse"].get("shift_ratio")))
    if twin["face_value_ratio"] is not None:
        out.append(two_digits(twin["face_value_ratio"], twin["mcse"].get("face_value_ratio")))
    return out
