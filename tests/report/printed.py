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


def two_digits(x: float) -> str:
    """A ratio or a number of runs."""
    return "<0.01" if abs(x) < 0.005 else f"{x:.2f}" if abs(x) < 9.995 else f"{x:.1f}"


def wanted_numbers(twin: dict[str, Any]) -> dict[str, list[str]]:
    """Numbers of the sections that hold the answer, by label."""
    return {
        "VERDICT": _verdict(twin),
        "OVER-UPDATING": _over_updating(twin),
        "WHAT LIMITS US": [whole(min(twin["limits"][k], 1.0)) for k in ("proxy", "same_setting", "sample", "prior")],
        "EXCHANGE RATE": [two_digits(twin["target_equivalent_n"])],
    }


def _verdict(twin: dict[str, Any]) -> list[str]:
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
        out += [whole(context[k]) for k in ("p_without", "p_with", "p_face_value_with")]
    return out + numbers_in(twin["optimism_line"] or "")


def _over_updating(twin: dict[str, Any]) -> list[str]:
    out = [] if twin["p_break_even"] is None else [whole(twin["p_break_even"]), "100"]
    if twin["belief"] is not None:
        out.append(whole(twin["belief"]))
        if twin["shift_ratio"] is not None and twin["shift_ratio"] >= 0:
            out.append(two_digits(twin["shift_ratio"]))
    if twin["face_value_ratio"] is not None:
        out.append(two_digits(twin["face_value_ratio"]))
    return out
