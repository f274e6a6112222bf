"""Pictures of a proposal's value: against its sample, against its reader, and what it hangs on. One function each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

from matplotlib.axes import Axes

from evidence.domain.value import CurvePoint, TornadoBar, Value
from evidence.report.drawing import BLUE, INK, MUTED, VERMILION, Drawing, axes_at, canvas, no_verdict, styled
from evidence.report.value import hours
from evidence.report.words import clip, show_name

BARS = 10
WIDE, HIGH = 7.2, 3.6
"""Inches."""


def _drawn(draw: Callable[[Value], Drawing]) -> Callable[[Value], Drawing]:
    """A drawing function under the one style; no number where a gate failed. Blue saves, vermilion loses."""

    @wraps(draw)
    def draws(value: Value) -> Drawing:
        return draw(value) if value.ok else no_verdict(show_name(value.title))

    return styled(draws)


@_drawn
def value_by_sample(value: Value) -> Drawing:
    """Hours saved (read as warranted) against the sample in multiples of the proposed one, with the ceiling of the proxy."""
    figure, axes = _canvas(value, "Hours saved, read as warranted, by the size of its sample")
    points = value.curve_sample
    figure.alt = f"{figure.title}: {_said(points)}" if points else "No result with a size."
    if not points:
        axes.text(
            0.5, 0.5, "No result with a size: nothing depends on a sample.", ha="center", transform=axes.transAxes
        )
        axes.set_axis_off()
        return figure
    _line(axes, points, BLUE)
    axes.set_xscale("log")
    axes.set_xticks([p.at for p in points], [_times(p.at) for p in points])
    axes.minorticks_off()
    axes.set_xlabel("sample, in multiples of the proposed one")
    axes.set_ylabel("hours saved in the crunch")
    top = max(p.hours + p.monte_carlo_se for p in points)
    if value.ceiling is not None:
        axes.axhline(value.ceiling.hours, color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2)
        said = f"ceiling of this proxy: an endless, flawless sample saves {hours(value.ceiling.hours)} h"
        axes.annotate(said, (points[0].at, value.ceiling.hours), xytext=(0, 4), textcoords="offset points", color=MUTED)
        top = max(top, value.ceiling.hours)
    axes.set_ylim(min(0.0, *(p.hours - p.monte_carlo_se for p in points)), 1.2 * top if top > 0 else 1.0)
    return figure


@_drawn
def value_by_validity(value: Value) -> Drawing:
    """Hours saved against the validity that a reader takes the proxy to have; below 0 the result does harm."""
    figure, axes = _canvas(value, "Hours saved by a reader, by the validity the proxy is taken to have")
    figure.alt = f"{figure.title}: {_said(value.curve_validity)}"
    _signed(axes, value.curve_validity)
    axes.set_xlabel("validity (rho) that the reader takes the proxy to have")
    axes.set_ylabel("hours saved in the crunch")
    axes.set_xlim(-0.03, 1.03)
    axes.axhline(value.hours_saved_calibrated, color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2)
    said = f"read as warranted: {hours(value.hours_saved_calibrated)} h"
    axes.annotate(
        said, (1.03, value.hours_saved_calibrated), xytext=(0, 4), textcoords="offset points", ha="right", color=MUTED
    )
    _mark(axes, value.break_even_reader_validity, "turns to harm at {:.2f}")
    return figure


@_drawn
def value_by_over_update(value: Value) -> Drawing:
    """Hours saved against as how many results the one counts for its reader; 1 is warranted."""
    figure, axes = _canvas(value, "Hours saved by a reader, by how often the result is counted")
    figure.alt = f"{figure.title}: {_said(value.curve_over_update)}"
    _signed(axes, value.curve_over_update)
    axes.axvline(1, color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2)
    axes.annotate(
        "as warranted",
        (1, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -8),
        textcoords="offset points",
        color=MUTED,
    )
    axes.set_xlabel("as how many such results the reader counts it")
    axes.set_ylabel("hours saved in the crunch")
    _mark(axes, value.break_even_over_update, "turns to harm at {:.1f}")
    return figure


@_drawn
def value_tornado(value: Value) -> Drawing:
    """Hours saved then, all channels, as one assumption after the other moves from low to high."""
    bars = value.tornado[:BARS]
    figure = canvas(WIDE, 1.15 + 0.34 * max(len(bars), 1))
    figure.title = "What it hangs on"
    figure.alt = "Hours saved at the low and the high end of each assumption: " + "; ".join(
        f"{clip(show_name(b.key), 42)} {hours(b.hours_low)} to {hours(b.hours_high)}" for b in bars
    )
    axes = axes_at(figure, left=2.6, right=0.2, top=0.43, bottom=0.62)
    figure.text(
        0.02,
        1 - 0.22 / figure.get_figheight(),
        f"What it hangs on: {clip(show_name(value.title), 70)}",
        weight="bold",
        va="center",
    )
    for row, bar in enumerate(bars):
        _tornado_bar(axes, row, bar)
    axes.axvline(value.hours_saved_then, color=INK, linewidth=1)
    if min([b.hours_low for b in bars] + [b.hours_high for b in bars], default=0.0) < 0:
        axes.axvline(0, color=VERMILION, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(range(len(bars)), [clip(show_name(b.key), 42) for b in bars])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    ends = [value.hours_saved_then, *(x for b in bars for x in (b.hours_low, b.hours_high))]
    room = 0.18 * (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.set_xlabel(f"hours saved in the crunch, all channels (now: {hours(value.hours_saved_then)})")
    return figure


def _tornado_bar(axes: Axes, row: int, bar: TornadoBar) -> None:
    lo, hi = sorted((bar.hours_low, bar.hours_high))
    axes.barh(row, hi - lo, left=lo, height=0.5, color=BLUE, alpha=0.75)
    ends = sorted(((bar.hours_low, bar.low), (bar.hours_high, bar.high)))
    for (x, label), side, shift in zip(ends, ("right", "left"), (-4, 4), strict=True):
        axes.annotate(clip(label, 16), (x, row), xytext=(shift, 0), textcoords="offset points", ha=side, va="center", size=7.5, color=MUTED)  # fmt: skip


def _canvas(value: Value, title: str) -> tuple[Drawing, Axes]:
    figure = canvas(WIDE, HIGH)
    figure.title = title
    axes = axes_at(figure, left=0.72, right=0.22, top=0.72, bottom=0.5)
    figure.text(0.02, 0.945, title, weight="bold", va="center")
    figure.text(0.02, 0.88, clip(show_name(value.title), 100), color=MUTED, va="center", size=8.5)
    return figure, axes


def _said(points: Sequence[CurvePoint]) -> str:
    return "; ".join(f"{hours(p.hours)} hours at {p.at:g}" for p in points)


def _line(axes: Axes, points: Sequence[CurvePoint], colour: str) -> None:
    x, y, error = ([getattr(p, name) for p in points] for name in ("at", "hours", "monte_carlo_se"))
    axes.errorbar(x, y, error, color=colour, marker="o", markersize=4, linewidth=1.5, elinewidth=0.8)


def _signed(axes: Axes, points: Sequence[CurvePoint]) -> None:
    """A curve with what lies below 0 in another colour and with other marks."""
    x, y = [p.at for p in points], [p.hours for p in points]
    axes.axhline(0, color=INK, linewidth=0.8)
    _line(axes, points, BLUE)
    below = [p for p in points if p.hours < -p.monte_carlo_se]
    axes.plot([p.at for p in below], [p.hours for p in below], linestyle="", marker="v", markersize=6, color=VERMILION, zorder=3)  # fmt: skip
    axes.fill_between(x, [min(h, 0.0) for h in y], 0, color=VERMILION, alpha=0.18, linewidth=0)
    # A symmetric logarithm: small gains and large losses on one axis.
    axes.set_yscale("symlog", linthresh=1.0, linscale=0.8)
    lowest, highest = min(0.0, *y), max(0.0, *y)
    axes.set_ylim(1.6 * lowest if lowest < -0.2 else -0.3, 1.6 * max(highest, 0.4))
    ticks = [
        t
        for t in (-1000, -300, -100, -30, -10, -3, -1, -0.5, 0, 0.5, 1, 3, 10, 30, 100, 300)
        if 1.6 * lowest <= t <= 1.6 * max(highest, 0.4)
    ]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()


def _mark(axes: Axes, at: float | None, text: str) -> None:
    if at is None:
        return
    axes.axvline(at, color=VERMILION, linewidth=1, linestyle=(0, (1, 1.5)))
    axes.annotate(text.format(at), (at, 0), xycoords=("data", "axes fraction"), xytext=(4, 6), textcoords="offset points", color=VERMILION)  # fmt: skip


def _times(x: float) -> str:
    return f"1/{round(1 / x)}" if x < 1 else f"{x:g}"


FIGURES: dict[str, Callable[[Value], Drawing]] = {
    "by-sample": value_by_sample,
    "by-validity": value_by_validity,
    "by-over-update": value_by_over_update,
    "tornado": value_tornado,
}
"""Every picture of a value by the name of its file."""
