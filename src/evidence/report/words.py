"""The printing of numbers and names on every page, and the words that no page may use."""

from __future__ import annotations

import math
import re
import unicodedata

_FORBIDDEN: dict[str, str] = {
    "significant": r"\b(?:non-?|in)?significan(?:t|tly|ce)\b",
    "proves": r"\bprove[sdn]?\b|\bproof\b",
    "confirms": r"\bconfirm(?:s|ed|ing|ation)?\b",
    "best": r"\bbest\b",
    "guaranteed": r"\bguarantee[sd]?\b",
    "100 %": r"(?<![\d.,])100(?:\.0+)?\s*(?:%|percent\b|in 100\b|of 100\b)",
    "0 %": r"(?<![\d.,])0(?:\.0+)?\s*(?:%|percent\b|in 100\b|of 100\b)",
    "no effect": r"\bno effects?\b",
    "likely": r"\b(?:un)?likely\b(?!\s*\(?[<>]?\d)",
}
MOST_LISTED = 3


def in_100(p: float) -> str:
    """P as a whole number in 100; tails as `<1` and `>99`, so 0 and 100 are never printed."""
    if not -1e-9 <= p <= 1 + 1e-9:
        raise ValueError(f"P must lie in [0, 1], found {p!r}")
    if p < 0.01:
        return "<1"
    return ">99" if p > 0.99 else str(round(100 * p))


def band_in_100(band: tuple[int, int]) -> str:
    """The band as printed, e.g. `55–80`; the open tails as `<1` and `>99`."""
    lo, hi = band
    if lo == 0:
        return "<1"
    return ">99" if hi == 100 else f"{lo}–{hi}"


def share(x: float, mcse: float | None = None) -> str:
    """A share in whole per cent, in tens where its Monte Carlo standard error allows no more; tails as `<1 %`, `>99 %`."""
    inside = min(max(x, 0.0), 1.0)
    digits = digits_of(mcse)
    if digits >= 2:
        return f"{in_100(inside)} %"
    tens = round(10 * inside)
    return "<10 %" if tens == 0 else ">90 %" if tens == 10 else f"{10 * tens} %"


def amount(x: float) -> str:
    """A quantity to two decimals (one from 10 on); sizes below .005 as `<0.01`."""
    if abs(x) < 0.005:
        return "<0.01"
    return f"{x:.1f}" if abs(x) >= 9.995 else f"{x:.2f}"


def digits_of(mcse: float | None, most: int = 2) -> int:
    """Decimals that a Monte Carlo standard error supports: no printed digit below twice the error; negative for tens."""
    if not mcse:
        return most
    return min(most, math.floor(-math.log10(2 * mcse)))


def known_amount(x: float, mcse: float | None) -> str:
    """A quantity to the digits its Monte Carlo standard error supports, at most two decimals."""
    digits = digits_of(mcse, 1 if abs(x) >= 9.995 else 2)
    smallest = 10.0**-digits
    if abs(x) < smallest / 2:
        return f"<{smallest:.{max(digits, 0)}f}"
    return f"{round(x, digits):.{max(digits, 0)}f}"


def size(x: float, mcse: float | None = None) -> str:
    """A number to the digits its Monte Carlo standard error supports, at most two decimals, never as `-0.00`."""
    digits = digits_of(mcse)
    return f"{round(x, digits) + 0.0:.{max(digits, 0)}f}"


def clip(text: str, width: int) -> str:
    """At most `width` characters, the last an ellipsis where something was cut."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def count_of(n: int, noun: str) -> str:
    """`1 group`, `3 groups`: a number of things whose plural ends in s."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(names: list[str]) -> str:
    """Names in a row, the first few of many."""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


def show_name(text: str) -> str:
    """The text with control, bidirectional and invisible format characters written as escapes, e.g. backslash-x1b."""
    return "".join(_show_character(c) for c in text)


def _show_character(c: str) -> str:
    if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return c
    return c.encode("unicode_escape").decode("ascii")


def find_forbidden(text: str) -> tuple[str, ...]:
    """The forbidden words of the house that occur in the text, by their names in the table; empty if none."""
    return tuple(name for name, pattern in _FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE))
