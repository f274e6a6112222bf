"""Bars and worlds as small pieces of HTML, for what must follow a slider: cheap to make, and changed in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.report.words import in_100, size

BLUE, VERMILION, GREY = "#0072b2", "#d55e00", "#767676"
_ROW = "display:flex;align-items:center;gap:.5rem;margin:.15rem 0"


def bars_html(bars: Sequence[tuple[str, float]]) -> str:
    """One bar per belief (label, 0..1) on an axis from 0 to 100 with a line at 50; labels are ours, not a user's."""
    rows = "".join(
        f'<div style="{_ROW}"><span style="width:5.5rem">{label}</span>'
        '<span style="position:relative;flex:1;height:1rem;border:1px solid currentColor">'
        f'<span style="position:absolute;left:0;top:0;bottom:0;width:{100 * p:.2f}%;background:{BLUE};'
        f'opacity:{0.45 if number == 0 else 1}"></span>'
        '<span style="position:absolute;left:50%;top:-3px;bottom:-3px;border-left:1px dashed currentColor"></span></span>'
        f'<span style="width:2.5rem;text-align:right">{in_100(p)}</span></div>'
        for number, (label, p) in enumerate(bars)
    )
    said = ", ".join(f"{label} {in_100(p)}" for label, p in bars)
    return f'<div role="img" aria-label="in 100: {said}">{rows}</div>'


def worlds_html(dots: Sequence[float], chosen: int | None, a: str, b: str) -> str:
    """Equally probable worlds as a row of marks, the `chosen` one (counted round) large; `a` and `b` already escaped."""
    reach = max((abs(d) for d in dots), default=1.0) or 1.0
    # A fixed shuffle: neighbours in time are not neighbours in size.
    order = [(17 * i) % len(dots) for i in range(len(dots))] if dots else []
    marked = order[chosen % len(order)] if chosen is not None and order else None
    marks = "".join(
        f'<span style="position:absolute;left:{50 + 48 * d / reach:.2f}%;top:{12 if i == marked else 18}px;'
        f"width:{18 if i == marked else 6}px;height:{18 if i == marked else 6}px;border-radius:50%;"
        f"transform:translateX(-50%);border:1px solid {BLUE if d > 0 else VERMILION};"
        f'background:{(BLUE if d > 0 else "transparent") if i == marked or marked is None else "transparent"}"></span>'
        for i, d in enumerate(dots)
    )
    now = (
        ""
        if marked is None
        else f"In this world {a if dots[marked] > 0 else b} is ahead by {size(abs(dots[marked]))} SMD."
    )
    ahead = sum(d > 0 for d in dots)
    said = f"{ahead} of {len(dots)} worlds have {a} ahead. {now}"
    return (
        f'<div role="img" aria-label="{said}" style="position:relative;height:44px;border-bottom:1px solid {GREY}">'
        f'<span style="position:absolute;left:50%;top:0;bottom:0;border-left:1px solid {GREY}"></span>{marks}</div>'
        f'<p style="margin:.3rem 0">{said}</p>'
    )
