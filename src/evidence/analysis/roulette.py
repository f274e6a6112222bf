"""Chips on bins as a belief: the roulette method of elicitation (Oakley and O'Hagan's SHELF)."""

from __future__ import annotations

from collections.abc import Sequence


def share_ahead(chips: Sequence[int], of: int) -> int | None:
    """P(ahead) in 100 from chips on bins, worst first, half of the bins ahead; None until all `of` chips are placed.

    Never 0 or 100: twenty chips cannot say that something is impossible.
    """
    if sum(chips) != of:
        return None
    ahead = sum(chips[len(chips) // 2 :])
    return min(max(round(100 * ahead / of), 1), 99)
