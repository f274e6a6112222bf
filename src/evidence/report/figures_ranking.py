"""Pictures of a ranking: the heat map of ranks, and what each study contributed."""

from __future__ import annotations

from matplotlib.axes import Axes

from evidence.domain.results import Ranking, StudyShift
from evidence.report.drawing import BLUE, INK, MUTED, Drawing, axes_at, canvas, no_verdict, shown, styled
from evidence.report.words import amount, in_100

MOST_STUDIES = 40
"""Bars of the contributions; the rest is counted in words."""
_CELL = 0.36
"""Inches."""
_SHADES = ((1.0, 1.0, 1.0), (0.0, 0.27, 0.45))
"""From white to dark blue: lightness falls all the way, so that print without colour orders the cells alike."""


@styled
def rank_heat(ranking: Ranking) -> Drawing:
    """P(technique has rank), one row per technique, in 100; darker is more, and three times an even chance is dark."""
    title = "Where each technique may rank"
    if not ranking.ok:
        return no_verdict(title)
    techniques = ranking.techniques
    n = len(techniques)
    rows = [list(t.rank_probabilities) for t in techniques]
    darkest = max(3 / n, *(p for row in rows for p in row)) if n > 3 else 1.0
    names = [shown(t.name, 36) for t in techniques]
    left = 0.25 + 0.075 * max(len(name) for name in names)
    figure = canvas(max(4.0, left + 0.15 + _CELL * n), 1.0 + _CELL * n)
    axes = axes_at(figure, left=left, right=figure.get_figwidth() - left - _CELL * n, top=0.85, bottom=0.15)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.pcolormesh(
        range(n + 1), range(n + 1), [[_shade(p / darkest) for p in row] for row in rows], edgecolors=MUTED, linewidth=0.3,
        gid="cells",
    )  # fmt: skip
    for i, row in enumerate(rows):
        for j, p in enumerate(row):
            axes.text(j + 0.5, i + 0.5, in_100(p), ha="center", va="center", size=8, color="white" if p / darkest > 0.5 else INK)  # fmt: skip
    axes.xaxis.tick_top()
    axes.set_xticks([j + 0.5 for j in range(n)], [str(j + 1) for j in range(n)])
    axes.set_yticks([i + 0.5 for i in range(n)], names)
    axes.tick_params(length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title("rank (1 is highest), in 100 worlds", loc="left", size=8.5, color=MUTED, pad=6)
    height = figure.get_size_inches()[1]
    figure.text(0.02, 1 - 0.18 / height, f"Ranks at {shown(ranking.target)}", weight="bold", va="center")
    figure.title = title
    said = (f"{shown(t.name, 60)} {', '.join(in_100(p) for p in t.rank_probabilities)}" for t in techniques)
    figure.alt = f"In how many of 100 worlds each technique has rank 1 to {n} at {shown(ranking.target)}: {'; '.join(said)}."  # fmt: skip
    return figure


def _shade(share: float) -> tuple[float, float, float]:
    light, dark = _SHADES
    r, g, b = (x + (y - x) * share for x, y in zip(light, dark, strict=True))
    return r, g, b


@styled
def contributions(ranking: Ranking) -> Drawing:
    """How far each study moved the ranking, in bits; studies whose reweighting failed have a row and no bar."""
    title = "What each study contributed"
    if not ranking.ok or not ranking.studies:
        return no_verdict(title)
    drawn, rest = ranking.studies[:MOST_STUDIES], ranking.studies[MOST_STUDIES:]
    rows = len(drawn) + bool(rest)
    figure = canvas(5.2, 0.95 + 0.24 * rows)
    axes = axes_at(figure, left=2.1, right=0.6, top=0.4, bottom=0.5)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlim(0, 1.02 * max([s.shift_bits for s in drawn if s.ok] or [1.0]) or 1.0)
    labels = [shown(s.id, 28) for s in drawn] + ([f"and {len(rest)} more studies, not drawn"] if rest else [])
    axes.set_yticks(range(rows), labels)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8.5)
    for row, study in enumerate(drawn):
        _draw_study(axes, row, study)
    axes.set_xlabel("bits by which the merits' joint law moves with the study", size=8.5)
    height = figure.get_size_inches()[1]
    figure.text(0.03, 1 - 0.18 / height, title, weight="bold", va="center")
    figure.title = title
    said = [f"{shown(s.id, 60)} {_worth(s)}" for s in drawn] + labels[len(drawn) :]
    figure.alt = f"Bits by study: {'; '.join(said)}."
    return figure


def _worth(study: StudyShift) -> str:
    return amount(study.shift_bits) if study.ok else "not shown"


def _draw_study(axes: Axes, row: int, study: StudyShift) -> None:
    if study.ok:
        axes.barh(row, study.shift_bits, height=0.62, facecolor=BLUE, edgecolor=INK, linewidth=0.8, gid="study")
    at = study.shift_bits if study.ok else 0.0
    axes.annotate(
        _worth(study), (at, row), xytext=(4, 0), textcoords="offset points", ha="left", va="center", size=8.5,
        style="normal" if study.ok else "italic", color=INK if study.ok else MUTED, annotation_clip=False,
    )  # fmt: skip
