"""The reliability plot of a backtest: how often readers were right against how sure they were."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from evidence.domain.backtest import BacktestTable, ReliabilityBin
from evidence.report.drawing import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    VERMILION,
    Drawing,
    axes_at,
    canvas,
    no_verdict,
    shown,
    styled,
)

SHOWN: dict[str, tuple[str, str]] = {
    "warranted": (BLUE, "o"),
    "random-effects-predictive": (VERMILION, "s"),
    "face-value": ("#4d4d4d", "^"),
}
"""Readers drawn, each with a colour that the colour-blind tell apart and a shape that print does."""
Z95 = 1.959963984540054


@styled
def reliability(found: BacktestTable, *, title: str = "Claimed against observed") -> Drawing:
    """Marks as large as their pairs are many, with 95 % Wilson bars; the diagonal is a calibrated reader."""
    if not found.ok:
        return no_verdict(title)
    figure = canvas(5.6, 5.2)
    axes = axes_at(figure, left=0.7, right=0.3, top=0.75, bottom=0.6)
    axes.set_xlim(49, 101)
    axes.set_ylim(-2, 102)
    axes.plot([50, 100], [50, 100], color=MUTED, linewidth=0.9, dashes=(5, 4), gid="diagonal", zorder=1)
    axes.plot([50, 100], [50, 50], color=FAINT, linewidth=0.9, zorder=0)
    marks = [b for b in found.reliability if b.reader in SHOWN]
    for b in marks:
        _draw_mark(axes, b)
    axes.set_xlabel("claimed: this order in … of 100")
    axes.set_ylabel("seen: this order in … of 100")
    axes.set_yticks([0, 25, 50, 75, 100])
    for reader, (colour, shape) in SHOWN.items():
        axes.scatter([], [], s=45, marker=shape, facecolors=colour, edgecolors=INK, linewidths=0.6, label=reader)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=len(SHOWN), handletextpad=0.2, columnspacing=1.4)
    figure.text(0.03, 0.965, shown(title, 66), weight="bold", va="center")
    figure.title = shown(title, 400)
    figure.alt = "; ".join(
        f"{b.reader} claimed {100 * b.claimed:.0f}, right {100 * b.observed:.0f} of 100 ({b.pairs:.0f} pairs)"
        for b in marks
    )
    return figure


def _draw_mark(axes: Axes, b: ReliabilityBin) -> None:
    colour, shape = SHOWN[b.reader]
    lo, hi = wilson(b.observed, b.pairs)
    axes.plot([100 * b.claimed] * 2, [100 * lo, 100 * hi], color=colour, linewidth=1, gid="bar", zorder=2)
    size = 3 + min(9.0, math.sqrt(b.pairs) / 2.5)
    axes.scatter(
        [100 * b.claimed], [100 * b.observed], s=(2 * size * 0.8) ** 2, marker=shape, facecolors=colour, alpha=0.75,
        edgecolors=INK, linewidths=0.6, gid="mark", zorder=3, clip_on=False,
    )  # fmt: skip


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `n` (Wilson 1927)."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)
