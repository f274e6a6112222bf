"""Findings at another price than the comparison's are left out, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.domain.errors import Problem
from evidence.domain.records import Finding, Question, Study
from evidence.io.rows import Row

_ROUNDING = 1e-9
"""Prices are typed as decimals: 0.3 - 0.1 may exceed 0.2 in the last digit."""


def price_reason(finding: Finding, question: Question) -> str | None:
    """Why the finding's price rules it out, or None.

    A contrast at two prices further apart than the tolerance compares two things at once; an arm must be at the
    price the base holds its techniques at.
    """
    tolerance = question.price_tolerance
    if tolerance is None or finding.price_technique is None:
        return None
    other = question.held_price if finding.is_arm else finding.price_comparator
    if other is None or abs(finding.price_technique - other) <= tolerance + _ROUNDING:
        return None
    against = "the price held" if finding.is_arm else "the comparator's"
    return (
        f"{finding.id}: price {finding.price_technique:g}, {against} {other:g}: "
        f"more than the tolerance {tolerance:g} apart"
    )


def left_out_headlines(studies: Sequence[Row[Study]], reasons: dict[str, str]) -> list[Problem]:
    """A headline that is left out leaves its study with nothing to review. `reasons` by finding id."""
    return [
        row.problem("headline", f"a finding at a comparable price ({reasons[row.record.headline]})")
        for row in studies
        if row.record and row.record.headline in reasons
    ]
