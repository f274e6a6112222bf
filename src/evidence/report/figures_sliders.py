"""Pictures of moved assumptions: a tornado, and a map over two of them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from evidence.domain.sliders import HeatStrip, TornadoBar
from evidence.domain.verdict import BOUNDS
from evidence.report.drawing import BLUE, INK, MUTED, Drawing, axes_at, canvas, shown, styled
from evidence.report.words import in_100, size


@styled
def tornado(bars: Sequence[TornadoBar], registered: float) -> Drawing:
    """One bar per assumption from P at the low end to P at the high end; dotted lines where the word changes."""
    figure = canvas(7.2, 0.9 + 0.42 * max(len(bars), 1))
    figure.title = "What each assumption moves"
    axes = axes_at(figure, left=2.6, right=0.3, top=0.15, bottom=0.55)
    for row, bar in enumerate(bars):
        _draw_bar(axes, row, bar)
    for bound in BOUNDS:
        axes.axvline(100 * bound, color=MUTED, linewidth=0.6, linestyle=":")
    axes.axvline(100 * registered, color=INK, linewidth=1.2)
    axes.set_yticks(range(len(bars)), [shown(bar.label, 34) for bar in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("technique ahead, in 100 (line: as registered)")
    figure.alt = "In 100 at the low and the high end of each assumption: " + "; ".join(_said(bar) for bar in bars) + "."
    return figure


def _draw_bar(axes: Axes, row: int, bar: TornadoBar) -> None:
    if bar.p_lo is None or bar.p_hi is None:
        axes.text(50, row, "not shown: a check failed", ha="center", va="center", fontsize=8, color=MUTED)
        return
    low, high = 100 * bar.p_lo, 100 * bar.p_hi
    axes.barh(row, high - low, left=low, height=0.5, color=BLUE, alpha=0.75, edgecolor=INK, linewidth=0.6)
    axes.plot([low], [row], marker="o", markersize=5, color="white", markeredgecolor=INK)
    axes.plot([high], [row], marker="o", markersize=5, color=INK)


def _said(bar: TornadoBar) -> str:
    if bar.p_lo is None or bar.p_hi is None:
        return f"{shown(bar.label)} not shown"
    return f"{shown(bar.label)} {in_100(bar.p_lo)} at {size(bar.lo)}, {in_100(bar.p_hi)} at {size(bar.hi)}"


@styled
def heat_strip(strip: HeatStrip, first: str, second: str) -> Drawing:
    """P over two assumptions as a grid of numbers on shades; a cell without a number failed a check."""
    figure = canvas(7.2, 4.2)
    figure.title = "Two assumptions at once"
    axes = axes_at(figure, left=0.8, right=0.15, top=0.1, bottom=0.55)
    shades = [[0.5 if p is None else p for p in row] for row in strip.p]
    axes.imshow(shades, cmap="PuOr_r", vmin=0, vmax=1, aspect="auto", alpha=0.75)
    for y, row in enumerate(strip.p):
        for x, p in enumerate(row):
            axes.text(x, y, "–" if p is None else in_100(p), ha="center", va="center", fontsize=9, color=INK)
    axes.set_xticks(range(len(strip.first_values)), [size(v) for v in strip.first_values])
    axes.set_yticks(range(len(strip.second_values)), [size(v) for v in strip.second_values])
    axes.set_xlabel(shown(first, 60))
    axes.set_ylabel(shown(second, 40))
    axes.spines[:].set_visible(False)
    corners = [strip.p[0][0], strip.p[0][-1], strip.p[-1][0], strip.p[-1][-1]]
    told = ", ".join("not shown" if p is None else in_100(p) for p in corners)
    figure.alt = f"In 100 over {shown(first, 60)} and {shown(second, 60)}; at the corners {told}."
    return figure
