"""How large and how small a number on a scale of effects may be: beyond, squares and their inverses leave the doubles."""

from __future__ import annotations

import math

SMALLEST, LARGEST = 1e-12, 1e12


def size_problem(name: str, value: float | None, *, spread: bool = False) -> list[str]:
    """What is wrong with a number beyond LARGEST, or with a `spread` below SMALLEST; nothing for 0 and for no number."""
    if value is None or not math.isfinite(value):
        return []
    if abs(value) > LARGEST:
        return [f"{name}: found {value:g}, wanted at most {LARGEST:g} in size: state it in larger units"]
    if spread and 0 < abs(value) < SMALLEST:
        return [f"{name}: found {value:g}, wanted at least {SMALLEST:g}: state it in smaller units"]
    return []
