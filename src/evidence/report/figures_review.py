"""Pictures of a review: 50 dots of the contrast, the beliefs as bars, the validity of the proxy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from evidence.domain.results import Review
from evidence.report.drawing import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    VERMILION,
    Drawing,
    axes_at,
    bare,
    canvas,
    no_verdict,
    shown,
    span,
    styled,
)
from evidence.report.page import Picture, picture_of
from evidence.report.words import in_100, size

QUANTILES = frozenset({"q10", "q50", "q90"})
"""What an 80 % interval and its median need."""
_WIDTH = 4.6
"""Inches: pictures that stand side by side are equally wide."""
_FILLS = (("white", ""), (BLUE, ""), ("white", "////"), ("white", "\\\\\\\\"))
"""Of the bars, in their order: told apart in print too."""


def pair_of(review: Review, width: int = 22) -> tuple[str, str]:
    """Technique and comparator as drawn."""
    return shown(review.pair.technique_name, width), shown(review.pair.comparator_name, width)


def _frequency(rho: float) -> float:
    """How often a proxy of validity rho keeps the order of two techniques (two normals of correlation rho)."""
    return 0.5 + math.asin(max(-1.0, min(1.0, rho))) / math.pi


def contrast_of(review: Review) -> dict[str, str]:
    """Quantiles of the contrast as printed: no finer than their Monte Carlo errors."""
    return {name: size(x, review.mcse.get(f"contrast.{name}")) for name, x in review.contrast.items()}


def interval_of(quantiles: dict[str, str]) -> str:
    """The 80 % interval in words."""
    return f"80 %, equal-tailed: {quantiles['q10']} to {quantiles['q90']}"


# --- 50 equally likely outcomes ---------------------------------------------------------------------------------


@styled
def contrast_dots(review: Review) -> Drawing:
    """50 equally likely outcomes of the contrast at the target; right of 0 the technique is ahead (filled).

    Dots sit at exact quantiles. What the proxy showed is a thin tick on the same axis, which holds everything.
    """
    title = "The difference at the target"
    dots = review.contrast_dots
    if not review.ok or not dots:
        return no_verdict(title)
    a, b = pair_of(review, 20)
    figure = canvas(_WIDTH, 2.75)
    proxy = review.contrast.get("proxy")
    axes = axes_at(figure, left=0.15, right=0.15, top=0.4 if proxy is None else 0.6, bottom=0.78)
    bare(axes)
    lo, hi = span([0.0, *dots, *review.contrast.values()])
    axes.set_xlim(lo, hi)
    _draw_dots(figure, axes, dots)
    axes.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
    ahead = sum(dot > 0 for dot in dots)
    figure.title = title
    figure.alt = f"{len(dots)} equally likely outcomes of {a} minus {b} at {shown(review.target)}, in SMD; {ahead} are right of 0 ({a} ahead)"  # fmt: skip
    figure.text(0.03, 0.93, f"{len(dots)} equally likely outcomes", weight="bold", va="center")
    figure.text(
        0.97, 0.93, f"filled: right of 0 ({ahead} of {len(dots)})", color=MUTED, ha="right", va="center", size=8.5
    )
    if review.contrast.keys() >= QUANTILES:
        _draw_interval(axes, review.contrast)
        printed = contrast_of(review)
        said = f"median {printed['q50']}; {interval_of(printed)}"
        figure.alt += f"; {said}"
        figure.text(0.5, 0.055, f"bar: {said}", ha="center", va="center", color=INK, size=8.5)
    if proxy is not None:
        axes.axvline(proxy, color=VERMILION, linewidth=1.2, dashes=(4, 2), gid="proxy")
        axes.annotate(
            f"the proxy showed {size(proxy)}", (proxy, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha=_side((proxy - lo) / (hi - lo)), va="bottom", size=8.5, color=VERMILION,
        )  # fmt: skip
        figure.alt += f"; the proxy showed {size(proxy)}"
    figure.alt += "."
    figure.text(0.03, 0.145, f"← {b} ahead", ha="left", va="center", color=MUTED, size=8.5)
    figure.text(0.97, 0.145, f"{a} ahead →", ha="right", va="center", color=MUTED, size=8.5)
    return figure


def _side(share: float, margin: float = 0.2) -> str:
    """How a label sits on its mark so that it stays inside: `share` is the mark's place on the axis, 0 to 1."""
    return "left" if share < margin else "right" if share > 1 - margin else "center"


def _draw_dots(figure: Drawing, axes: Axes, dots: Sequence[float]) -> None:
    """Dots at their own x, each in the lowest row where it touches no other; as large as the room allows."""
    lo, hi = axes.get_xlim()
    box, (width, height) = axes.get_position(), figure.get_size_inches()
    across, up = box.width * width, box.height * height
    diameter = 0.125
    rows = _rows(dots, diameter / across * (hi - lo))
    while (max(rows) + 2) * diameter > 0.94 * up and diameter > 0.02:
        diameter *= 0.93
        rows = _rows(dots, diameter / across * (hi - lo))
    axes.set_ylim(0, up)
    for ahead in (True, False):
        chosen = [(x, (row + 1.1) * diameter) for x, row in zip(dots, rows, strict=True) if (x > 0) is ahead]
        if chosen:
            axes.scatter(
                [x for x, _ in chosen], [y for _, y in chosen], s=(72 * diameter * 0.88) ** 2, linewidths=0.8,
                facecolors=BLUE if ahead else "white", edgecolors=INK, zorder=3, clip_on=False,
                gid="ahead" if ahead else "behind",
            )  # fmt: skip


def _rows(dots: Sequence[float], diameter: float) -> list[int]:
    """The lowest free row of each dot, in ascending order of x."""
    ends: list[float] = []
    rows: list[int] = []
    for x in sorted(dots):
        row = next((i for i, end in enumerate(ends) if x - end >= diameter), len(ends))
        ends[row : row + 1] = [x]
        rows.append(row)
    return rows


def _draw_interval(axes: Axes, contrast: dict[str, float]) -> None:
    """The 80 % interval as a bar on the axis, its median as a white gap."""
    axes.plot([contrast["q10"], contrast["q90"]], [0, 0], color=INK, linewidth=5, solid_capstyle="butt", clip_on=False, gid="interval", zorder=4)  # fmt: skip
    axes.plot([contrast["q50"]], [0], marker="|", color="white", markersize=5, markeredgewidth=1.6, clip_on=False, zorder=5)  # fmt: skip


# --- before, warranted, at face value ---------------------------------------------------------------------------


@styled
def belief_bars(review: Review) -> Drawing:
    """Before, warranted, at face value and what the reader said, from 0 to 100; ceiling and break-even as marks."""
    title = "Before, warranted, at face value"
    if not review.ok:
        return no_verdict(title)
    a, b = pair_of(review)
    picture = picture_of(review)
    below = 0.3 if picture.break_even is None else 0.5
    figure = canvas(_WIDTH, 0.52 + below + 0.34 * len(picture.bars))
    axes = axes_at(figure, left=0.9, right=0.42, top=0.52, bottom=below)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(picture.bars) - 0.4, -0.6)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.axvline(50, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(picture.bars)), [bar.label for bar in picture.bars])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for row, bar in enumerate(picture.bars):
        colour, hatch = _FILLS[row]
        axes.barh(row, 100 * bar.p, height=0.62, facecolor=colour, edgecolor=INK, hatch=hatch, linewidth=0.8, gid="bar")
        axes.annotate(
            in_100(bar.p), (100, row), xytext=(26, 0), textcoords="offset points", ha="right", va="center",
            weight="bold", annotation_clip=False,
        )  # fmt: skip
    if review.belief is not None:
        axes.plot([100 * review.belief], [len(picture.bars) - 1], marker="D", color=INK, markersize=5, clip_on=False, gid="belief")  # fmt: skip
    _draw_marks(axes, picture)
    title_at = 1 - 0.18 / figure.get_size_inches()[1]
    figure.text(0.03, title_at, f"{a} above {b}", weight="bold", va="center")
    figure.text(0.985, title_at - 0.24 / figure.get_size_inches()[1], "in 100", color=MUTED, size=8.5, ha="right", va="center")  # fmt: skip
    figure.title, figure.alt = title, picture.alt
    return figure


def _draw_marks(axes: Axes, picture: Picture) -> None:
    """Ceiling (solid) above the bars, break-even (dashed) below them: their words never meet."""
    marks = [("ceiling", picture.ceiling, "-", 1.0), ("break-even", picture.break_even, "--", 0.0)]
    for label, p, style, edge in marks:
        if p is None:
            continue
        axes.axvline(100 * p, color=VERMILION, linestyle=style, linewidth=1.6, gid=label)
        offset = 3 if edge else -30
        axes.annotate(
            f"{label} {in_100(p)}", (100 * p, edge), xycoords=("data", "axes fraction"), xytext=(0, offset),
            textcoords="offset points", ha=_side(p, 0.12), va="bottom", size=8.5, color=VERMILION, annotation_clip=False,
        )  # fmt: skip


# --- validity ---------------------------------------------------------------------------------------------------


@styled
def validity(review: Review) -> Drawing:
    """Validity rho of the proxy under the prior, and after reading where that is known, with its natural frequency:
    in how many of 100 pairs the proxy and the target have the same order.
    """
    title = "Validity of this proxy"
    bars = [
        (label, law, fill)
        for label, law, fill in (("before", review.validity, "white"), ("after", review.validity_posterior, BLUE))
        if law.keys() >= QUANTILES
    ]
    if not review.ok or not bars:
        return no_verdict(title)
    figure = canvas(_WIDTH, 1.4 + 0.5 * len(bars))
    axes = axes_at(figure, left=0.7, right=0.3, top=0.85, bottom=0.55)
    lo = min(0.0, *(law["q10"] for _, law, _ in bars))
    axes.set_xlim(math.floor(10 * lo) / 10, 1)
    axes.set_ylim(len(bars) - 0.5, -0.8)
    axes.set_yticks(range(len(bars)), [label for label, *_ in bars])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel("rho: correlation of merits, proxy and target", size=8.5)
    _draw_frequencies(axes)
    said: list[str] = []
    for row, (label, law, fill) in enumerate(bars):
        axes.barh(row, law["q90"] - law["q10"], left=law["q10"], height=0.3, facecolor=fill, edgecolor=INK, gid=label)
        axes.plot([law["q50"]], [row], marker="D", markersize=6, color=INK, gid=f"{label} median")
        text = f"{size(law['q50'])}: order kept in {in_100(_frequency(law['q50']))} of 100 pairs"
        axes.annotate(text, (law["q50"], row), xytext=(0, 9), textcoords="offset points", ha="left", va="bottom", size=8.5)  # fmt: skip
        said.append(f"{label} {text} ({interval_of({name: size(x) for name, x in law.items()})})")
    figure.text(0.03, 1 - 0.18 / figure.get_size_inches()[1], title, weight="bold", va="center")
    figure.title, figure.alt = title, "; ".join(said) + "."
    return figure


def _draw_frequencies(axes: Axes) -> None:
    """A second scale on top: how many of 100 pairs keep their order."""
    lo, _ = axes.get_xlim()
    levels = [n for n in range(10, 100, 10) if math.sin(math.pi * (n - 50) / 100) >= lo]
    top = axes.secondary_xaxis("top")
    top.set_xticks([math.sin(math.pi * (n - 50) / 100) for n in levels], [str(n) for n in levels])
    top.set_xlabel("pairs whose order is kept, in 100", size=8.5)
    top.spines["top"].set_color(MUTED)
