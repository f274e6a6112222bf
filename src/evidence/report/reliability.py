"""The reliability plot of a backtest as SVG: how often readers were right against how sure they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from evidence.domain.backtest import BacktestTable, ReliabilityBin

SHOWN: dict[str, tuple[str, str]] = {
    "warranted": ("#0072b2", "circle"),
    "random-effects-predictive": ("#d55e00", "square"),
    "face-value": ("#4d4d4d", "triangle"),
}
"""Readers drawn, each with a colour that the colour-blind tell apart and a shape that print does."""
LEGEND = (0, 110, 320)
"""Where each reader's name starts, right of the axis."""
WIDTH, HEIGHT, LEFT, TOP, SIDE = 560, 500, 70, 40, 380
Z95 = 1.959963984540054


def reliability_svg(found: BacktestTable, title: str) -> str:
    """Dots as large as their pairs are many, with 95 % Wilson bars; the diagonal is a calibrated reader."""
    marks = [_mark(b) for b in found.reliability if b.reader in SHOWN]
    words = "; ".join(
        f"{b.reader} claimed {100 * b.claimed:.0f}, right {100 * b.observed:.0f} of 100 ({b.pairs:.0f} pairs)"
        for b in found.reliability
        if b.reader in SHOWN
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d" '
            'font-family="sans-serif" font-size="13">',
            f'<title id="t">{escape(title)}</title>',
            f'<desc id="d">{escape(words)}</desc>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *_axes(),
            *marks,
            *_legend(list(SHOWN)),
            "</svg>",
            "",
        ]
    )


def _x(claimed: float) -> float:
    return LEFT + SIDE * (claimed - 0.5) / 0.5


def _y(observed: float) -> float:
    return TOP + SIDE * (1 - observed)


def _axes() -> list[str]:
    lines = [
        f'<path d="M{LEFT} {TOP}V{TOP + SIDE}H{LEFT + SIDE}" fill="none" stroke="#000000"/>',
        f'<path d="M{_x(0.5)} {_y(0.5)}L{_x(1)} {_y(1)}" stroke="#777777" stroke-dasharray="5 4"/>',
        f'<path d="M{_x(0.5)} {_y(0.5)}H{_x(1)}" stroke="#cccccc"/>',
    ]
    for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        lines.append(f'<text x="{_x(tick):.0f}" y="{TOP + SIDE + 20}" text-anchor="middle">{100 * tick:.0f}</text>')
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        lines.append(f'<text x="{LEFT - 8}" y="{_y(tick) + 4:.0f}" text-anchor="end">{100 * tick:.0f}</text>')
    lines.append(
        f'<text x="{LEFT + SIDE / 2:.0f}" y="{TOP + SIDE + 44}" text-anchor="middle">claimed: this order in … of 100</text>'
    )
    middle = TOP + SIDE / 2
    lines.append(
        f'<text transform="translate(20 {middle:.0f}) rotate(-90)" text-anchor="middle">seen: this order in … of 100</text>'
    )
    return lines  # fmt: skip


def _mark(b: ReliabilityBin) -> str:
    colour, shape = SHOWN[b.reader]
    x, y, size = _x(b.claimed), _y(b.observed), 3 + min(9.0, math.sqrt(b.pairs) / 2.5)
    lo, hi = wilson(b.observed, b.pairs)
    bar = f'<path d="M{x:.1f} {_y(lo):.1f}V{_y(hi):.1f}" stroke="{colour}"/>'
    return bar + _shape(shape, colour, x, y, size)


def _shape(shape: str, colour: str, x: float, y: float, size: float) -> str:
    style = f'fill="{colour}" fill-opacity="0.75" stroke="#000000" stroke-width="0.6"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {style}/>'
    if shape == "square":
        return f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size:.1f}" height="{2 * size:.1f}" {style}/>'
    return f'<path d="M{x:.1f} {y - size:.1f}l{size:.1f} {2 * size:.1f}h{-2 * size:.1f}z" {style}/>'


def _legend(readers: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for i, reader in enumerate(readers):
        y, (colour, shape) = TOP - 22, SHOWN[reader]
        x = LEFT + LEGEND[i]
        lines += [_shape(shape, colour, x, y, 5), f'<text x="{x + 12}" y="{y + 4}">{escape(reader)}</text>']
    return lines


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `n` (Wilson 1927)."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)
