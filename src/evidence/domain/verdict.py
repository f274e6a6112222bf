"""The words of a verdict: one table and one decision variable, P = P(technique above comparator at the target)."""

from __future__ import annotations

NO_LEAN = "no usable lean"

# (lowest P, highest P, word, whose name follows), in 100. A bound belongs to the flatter of its two words.
_BANDS: tuple[tuple[int, int, str, str], ...] = (
    (0, 1, "strongly favours", "comparator"),
    (1, 5, "strongly favours", "comparator"),
    (5, 20, "favours", "comparator"),
    (20, 45, "leans", "comparator"),
    (45, 55, NO_LEAN, ""),
    (55, 80, "leans", "technique"),
    (80, 95, "favours", "technique"),
    (95, 99, "strongly favours", "technique"),
    (99, 100, "strongly favours", "technique"),
)

BOUNDS: tuple[float, ...] = (0.05, 0.2, 0.45, 0.55, 0.8, 0.95)
"""Values of P at which the word changes."""

CONTENDER = 0.10
"""From this P(ranks first) on a technique cannot be ruled out as first."""


def _row_of(p: float) -> tuple[int, int, str, str]:
    """The row of the table P falls in; ValueError outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"P must lie in [0, 1], found {p!r}")
    if p < 0.45:
        # On the comparator's side the lower bound belongs to the row: the mirror image of the other side.
        return next(row for row in reversed(_BANDS[:4]) if p >= row[0] / 100)
    return next(row for row in _BANDS[4:] if p <= row[1] / 100)


def word_of(p: float, technique: str, comparator: str) -> str:
    """The verdict word for P(technique above comparator), with the name of the side it speaks for."""
    _, _, word, side = _row_of(p)
    return f"{word} {technique if side == 'technique' else comparator}" if side else word


def band_of(p: float) -> tuple[int, int]:
    """The band of the word, (lo, hi) in 100."""
    lo, hi, _, _ = _row_of(p)
    return lo, hi


def robustness_word_of(kept: int, of: int) -> str:
    """`holds` if at least 90 % of the plausible settings keep the word, `fragile` from 50 %, else `assumption-driven`."""
    if not 0 <= kept <= of or of == 0:
        raise ValueError(f"kept must lie in 0..of and of be positive, found {kept} of {of}")
    if kept >= 0.9 * of:
        return "holds"
    return "fragile" if kept >= 0.5 * of else "assumption-driven"
