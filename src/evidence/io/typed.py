"""What a reader types at a prompt, as values: forgiving about form (`120/400`, `0.31 to 1.29`), strict about meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Any

from evidence.domain.spreads import decimals

type Values = dict[str, Any]

MAX_CHARACTERS = 1000

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d{1,12})"
_TO = r"\s*(?:\.\.|;|,\s|\bto\b|–|—)\s*"
"""A comma ends a number only where a space follows: 0,25 is a decimal elsewhere, and asked again for."""
_OF = r"\s*(?:/|\bof\b)\s*"
_COUNT = re.compile(rf"({_WHOLE}){_OF}({_WHOLE})")
_PERCENT = re.compile(rf"({_NUMBER})\s*%{_OF}({_WHOLE})")
_SIZES = re.compile(rf"({_WHOLE})(?:\s*(?:/|\band\b)\s*({_WHOLE}))?")
_SIZE_RANGE = re.compile(rf"({_WHOLE})\s*(?:\.\.|\bto\b|–)\s*({_WHOLE})")
_SPREAD = re.compile(rf"({_NUMBER})\s*(?:±|\+/?-|\(|,\s|;|\s)\s*({_NUMBER})\s*\)?")
_INTERVAL = re.compile(rf"[\[(]?\s*({_NUMBER}){_TO}({_NUMBER})\s*[\])]?")
_BOUNDS = re.compile(rf"({_NUMBER})?\s*(?:\.\.|\bto\b)\s*({_NUMBER})?")
_GAP = re.compile(r"(none|some|major|unknown|[01](?:\.\d+)?|\.\d+)(?![\w.]*\w)\s*[:,;.\-–]*\s*(.*)", re.DOTALL)
_MINUS = str.maketrans({"−": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
"""Signs and spaces as PDFs have them."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Unreadable(Exception):  # noqa: N818 (an answer to ask again for, no failure)
    """An answer that is none; says what was wanted."""


def clean(text: str) -> str:
    """The typed line without outer spaces, in composed form. Raises Unreadable: hidden characters, too long."""
    line = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(c) in _HIDDEN for c in line):
        raise Unreadable("plain text: the line holds control or invisible characters")
    if len(line) > MAX_CHARACTERS:
        raise Unreadable(f"at most {MAX_CHARACTERS} characters")
    return line


def words(text: str) -> str:
    """Any text but none."""
    if not text:
        raise Unreadable("an answer")
    return text


def number(text: str, wanted: str = "a number such as 0.25 or -1.3") -> float:
    """One number."""
    plain = text.translate(_MINUS)
    if not re.fullmatch(_NUMBER, plain):
        raise Unreadable(wanted)
    return float(plain)


def probability(text: str) -> float:
    """A share as `0.797` or `79.7 %`."""
    plain = text.removesuffix("%").strip()
    value = number(plain, "a number from 0 to 1, or a percentage with its sign")
    value = round(value / 100, 12) if text.endswith("%") else value
    if not 0 <= value <= 1:
        raise Unreadable("a number from 0 to 1, or a percentage with its sign")
    return value


def count(text: str) -> tuple[int, int]:
    """How many of how many: `120/400`, `120 of 400`, or `30 % of 400` where some count gives that percentage."""
    plain = text.translate(_MINUS)
    if match := _COUNT.fullmatch(plain):
        k, n = _whole(match[1]), _whole(match[2])
    elif match := _PERCENT.fullmatch(plain):
        n, exact = _whole(match[2]), float(match[1]) / 100 * _whole(match[2])
        k = round(exact)
        if abs(exact - k) > n * 0.005 * 10.0 ** -decimals(float(match[1])) + 1e-9:
            raise Unreadable(f"a count: {match[1]} % of {n} is {exact:.4g}, which is none; is n right?")
    else:
        raise Unreadable("a count as 120/400, or 30 % of 400")
    if not 0 <= k <= n or n == 0:
        raise Unreadable(f"a count from 0 to {n}" if n else "at least one case")
    return k, n


def sizes(text: str) -> tuple[int, int]:
    """Two sizes: `400/380`, or `400` for both."""
    match = _SIZES.fullmatch(text)
    if match is None or "0" in {match[1], match[2]}:
        raise Unreadable("a number of observations as 400, or two as 400/380")
    return _whole(match[1]), _whole(match[2] or match[1])


def size_range(text: str) -> tuple[int, int] | None:
    """A range of sizes as `50..500`; None where the text is no range."""
    match = _SIZE_RANGE.fullmatch(text)
    if match is None:
        return None
    lo, hi = _whole(match[1]), _whole(match[2])
    if not 2 <= lo <= hi:
        raise Unreadable("a range from at least 2 upwards, as 50..500")
    return lo, hi


def mean_and_spread(text: str) -> tuple[float, float]:
    """Mean and spread: `6.2 ± 2.1`, `6.2 (2.1)`, `6.2 2.1`."""
    match = _SPREAD.fullmatch(text.translate(_MINUS))
    if match is None or float(match[2]) <= 0:
        raise Unreadable("a mean and a spread above 0 as 6.2 ± 2.1, or 6.2 (2.1)")
    return float(match[1]), float(match[2])


def interval(text: str) -> tuple[float, float] | None:
    """The ends of an interval: `0.31..1.29`, `[0.31, 1.29]`, `0.31 to 1.29`; None where the text is none."""
    match = _INTERVAL.fullmatch(text.translate(_MINUS))
    return (float(match[1]), float(match[2])) if match else None


def bounds(text: str) -> tuple[float | None, float | None]:
    """The lowest and the highest score: `0..100`, `0..` or `..1`."""
    match = _BOUNDS.fullmatch(text.translate(_MINUS))
    if match is None or match.group(1, 2) == (None, None):
        raise Unreadable("the bounds as 0..100, or 0.. where there is no highest score")
    lo, hi = (None if end is None else float(end) for end in match.group(1, 2))
    if lo is not None and hi is not None and not lo < hi:
        raise Unreadable("the lower bound first")
    return lo, hi


def pair(text: str) -> tuple[float, float]:
    """Two numbers as `5/0`."""
    parts = text.translate(_MINUS).split("/")
    if len(parts) != 2:
        raise Unreadable("two numbers as 5/0")
    return number(parts[0].strip()), number(parts[1].strip())


def gap(text: str) -> tuple[str | float, str]:
    """A rating with its reason: `major: a 7B model`, `0.3 close to it`. `unknown` alone is reason enough."""
    match = _GAP.fullmatch(text)
    if match is None:
        raise Unreadable("none, some, major, unknown or a number from 0 to 1, and then why")
    rating, reason = match[1], match[2].strip()
    if not reason and rating == "unknown":
        reason = "not stated"
    if not reason:
        raise Unreadable(f"the reason too, as: {rating}: a 7B model")
    if rating in {"none", "some", "major", "unknown"}:
        return rating, reason
    if float(rating) > 1:
        raise Unreadable("a number from 0 to 1")
    return float(rating), reason


def year(text: str) -> int:
    """A year of publication."""
    if not re.fullmatch(r"(?:19|20)\d\d", text):
        raise Unreadable("a year such as 2025")
    return int(text)


def yes(text: str) -> bool:
    """Yes or no."""
    if text.lower() not in {"yes", "y", "no", "n"}:
        raise Unreadable("yes or no")
    return text.lower().startswith("y")


def choice(text: str, options: Collection[str]) -> str:
    """One of the options, by its number from 1 or by its name in any case."""
    names = list(options)
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return names[int(text) - 1]
    for name in names:
        if text.casefold() == name.casefold():
            return name
    raise Unreadable(f"a number from 1 to {len(names)}")


def id_for(name: str, taken: Collection[str]) -> str:
    """An id for something of this name, not among those taken: plain letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "new"
    return next(k for k in (key, *(f"{key}-{i}" for i in range(2, len(taken) + 3))) if k not in taken)


def _whole(text: str) -> int:
    return int(text.replace(",", ""))
