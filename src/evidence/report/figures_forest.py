"""The forest of a review: findings as read, thin, beside what is predicted for the target, fat."""

from __future__ import annotations

from matplotlib.axes import Axes

from evidence.domain.results import InputLine, Review
from evidence.report.drawing import BLUE, INK, MUTED, Drawing, axes_at, bare, canvas, no_verdict, shown, span, styled
from evidence.report.figures_review import QUANTILES, contrast_of, interval_of, pair_of
from evidence.report.words import size

Z95 = 1.959963984540054
MOST_FINDINGS = 30
"""Rows of a forest; the rest is counted in words."""
_WIDE = 7.6
"""Inches."""


@styled
def forest(review: Review, *, most: int = MOST_FINDINGS) -> Drawing:
    """Every finding as read, thin (SMD, 95 % interval); what is predicted for the target, fat (80 %, equal-tailed).

    Findings of the pair come first and are named by their setting, those of other pairs are hollow; those without a size, or past the first `most`, are counted in words.
    """
    title = "What was found, and what it says of the target"
    if not review.ok or not review.contrast.keys() >= QUANTILES:
        return no_verdict(title)
    sized = sorted((i for i in review.inputs if i.effect_smd is not None), key=lambda i: not _is_headline(review, i))
    drawn, rest = sized[:most], len(sized[most:])
    words = [_unsized(line) for line in review.inputs if line.effect_smd is None]
    tail = [*words[:4], *([f"and {len(words) - 4} more without a size"] if len(words) > 4 else [])]
    tail += [f"and {rest} more with a size, not drawn"] if rest else []
    figure = canvas(_WIDE, 1.1 + 0.22 * (len(drawn) + 1) + 0.19 * len(tail))
    axes = axes_at(figure, left=3.5, right=1.35, top=0.4, bottom=0.48 + 0.19 * len(tail))
    bare(axes)
    axes.set_ylim(len(drawn) + 0.8, -0.7)
    axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    for row, line in enumerate(drawn):
        _draw_finding(axes, row, line, is_headline=_is_headline(review, line))
    _draw_target(axes, len(drawn) + 0.2, review)
    axes.set_xlim(*span([0.0, *review.contrast.values(), *(end for line in drawn for end in _ends(line))]))
    axes.set_xlabel("SMD; right of 0 the first named is ahead", size=8.5)
    height = figure.get_size_inches()[1]
    a, b = pair_of(review, 24)
    figure.text(0.02, 1 - 0.18 / height, f"{a} above {b}: as read (thin), at the target (fat)", weight="bold", va="center")  # fmt: skip
    for i, text in enumerate(tail):
        figure.text(0.02, (0.12 + 0.19 * (len(tail) - 1 - i)) / height, shown(text, 112), size=8, color=MUTED, va="center")  # fmt: skip
    printed = contrast_of(review)
    target = f"predicted at {shown(review.target)}: {printed['q50']} ({interval_of(printed)})"
    figure.title = title
    figure.alt = "; ".join([*(f"{_said(line)} (95 %: {_numbers(line)})" for line in drawn), *tail, target]) + "."
    return figure


def _is_headline(review: Review, line: InputLine) -> bool:
    return (line.technique, line.comparator) == (review.pair.technique, review.pair.comparator)


def _unsized(line: InputLine) -> str:
    return f"no size: {shown(line.as_read, 60)}, {shown(line.setting, 30)}"


def _ends(line: InputLine) -> tuple[float, float]:
    middle, half = line.effect_smd or 0.0, Z95 * (line.se_smd or 0.0)
    return middle - half, middle + half


def _numbers(line: InputLine) -> str:
    lo, hi = _ends(line)
    return f"{size(line.effect_smd or 0.0)} ({size(lo)} to {size(hi)})"


def _said(line: InputLine) -> str:
    against = "alone" if line.comparator is None else f"above {line.comparator}"
    return f"{shown(f'{line.technique} {against}', 60)}, {shown(line.setting)}"


def _draw_finding(axes: Axes, row: int, line: InputLine, *, is_headline: bool) -> None:
    face = INK if is_headline else "white"
    axes.plot(_ends(line), [row, row], color=INK, linewidth=1, gid="finding")
    axes.plot([line.effect_smd or 0.0], [row], marker="s", markersize=4.5, color=INK, markerfacecolor=face)
    _write_row(axes, row, shown(line.setting, 46) if is_headline else shown(_said(line), 52), _numbers(line))


def _draw_target(axes: Axes, row: float, review: Review) -> None:
    c = review.contrast
    axes.plot([c["q10"], c["q90"]], [row, row], color=BLUE, linewidth=7, solid_capstyle="butt", gid="target")
    axes.plot([c["q50"]], [row], marker="D", markersize=5, color="white", markeredgecolor=INK)
    printed = contrast_of(review)
    numbers = f"{printed['q50']} ({printed['q10']} to {printed['q90']})"
    _write_row(axes, row, f"predicted at {shown(review.target, 30)}", numbers, weight="bold")


def _write_row(axes: Axes, row: float, name: str, numbers: str, *, weight: str = "normal") -> None:
    for text, x, shift, side in ((name, 0, -6, "right"), (numbers, 1, 4, "left")):
        axes.annotate(
            text, (x, row), xycoords=("axes fraction", "data"), xytext=(shift, 0), textcoords="offset points",
            ha=side, va="center", size=8 if side == "right" else 7.5, weight=weight, annotation_clip=False,
        )  # fmt: skip
