"""Picture of an evidence base: techniques on a circle, joined where a study measured both in one setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from evidence.domain.records import EvidenceBase
from evidence.report.drawing import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Drawing,
    axes_at,
    canvas,
    shown,
    styled,
)

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
_DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""Seven colours and five dashes share no factor: 35 families before a look comes twice, and print tells five apart."""
_LABELS, _ROW = 2.15, 0.2
"""Inches: room for names on either side, and a row of the legend."""

type Place = tuple[float, float]
type Edge = tuple[str, str, str]
"""Two techniques, in the order of the base, and a family."""


@styled
def network(base: EvidenceBase) -> Drawing:
    """Techniques with an edge per family of settings in which a study measured both side by side.

    Disks grow with the findings that name a technique (hollow: none does), edges with the number of studies.
    """
    edges, counts = _edges(base), _findings(base)
    families = [family.id for family in base.families]
    radius = max(1.5, 0.105 * len(base.techniques))
    rows = len(families) + 2
    figure = canvas(2 * (radius + _LABELS), 2 * radius + 1.15 + _ROW * rows)
    width, height = figure.get_size_inches()
    axes = axes_at(figure, left=0, right=0, top=0.35, bottom=_ROW * rows + 0.1)
    axes.set_axis_off()
    # One unit is the radius, both ways.
    axes.set_xlim(-width / 2 / radius, width / 2 / radius)
    half = (height - 0.45 - _ROW * rows) / 2 / radius
    axes.set_ylim(-half, half)
    places = _places([t.id for t in base.techniques])
    for (a, b, family), studies in edges.items():
        others = [f for f in families if (a, b, f) in edges]
        look = _look(families.index(family))
        _draw_edge(axes, (places[a], places[b]), look, studies=len(studies), bend=_bend(others, family))
    for technique in base.techniques:
        _draw_node(axes, places[technique.id], shown(technique.name, 30), counts[technique.id])
    figure.text(0.015, 1 - 0.18 / height, "Who was measured beside whom", weight="bold", va="center")
    _legend(figure, base, families)
    figure.title = f"Techniques and comparisons of {shown(base.question.title, 80)}"
    figure.alt = _words(base, edges, counts)
    return figure


def _edges(base: EvidenceBase) -> dict[Edge, set[str]]:
    """Studies that measured two techniques side by side: both named by findings of one study in one setting."""
    order = [t.id for t in base.techniques]
    family_of = {setting.id: setting.family for setting in base.settings}
    cells: dict[tuple[str, str], set[str]] = {}
    for f in base.findings:
        cells.setdefault((f.study, f.setting), set()).update({f.technique, f.comparator or f.technique})
    edges: dict[Edge, set[str]] = {}
    for (study, setting), met in cells.items():
        if setting in family_of:  # a finding measured at a target has no family
            for a, b in combinations(sorted(met, key=order.index), 2):
                edges.setdefault((a, b, family_of[setting]), set()).add(study)
    return edges


def _findings(base: EvidenceBase) -> dict[str, int]:
    return {t.id: sum(t.id in {f.technique, f.comparator} for f in base.findings) for t in base.techniques}


def _places(names: Sequence[str]) -> dict[str, Place]:
    """Places on a circle of radius 1, clockwise from the top."""
    turns = [2 * math.pi * i / len(names) for i in range(len(names))]
    return {name: (math.sin(turn), math.cos(turn)) for name, turn in zip(names, turns, strict=True)}


def _look(family: int) -> dict[str, Any]:
    return {"color": _COLOURS[family % len(_COLOURS)], "linestyle": _DASHES[family % len(_DASHES)]}


def _bend(others: Sequence[str], family: str) -> float:
    """Edges of several families between one pair lie side by side."""
    return 0.12 * (others.index(family) - (len(others) - 1) / 2)


def _draw_edge(axes: Axes, ends: tuple[Place, Place], look: dict[str, Any], *, studies: int, bend: float) -> None:
    arc = FancyArrowPatch(
        *ends, arrowstyle="-", connectionstyle=f"arc3,rad={bend:.4f}", linewidth=1.0 + 1.4 * (studies - 1),
        shrinkA=0, shrinkB=0, zorder=1, gid="edge", **look,
    )  # fmt: skip
    axes.add_patch(arc)


def _draw_node(axes: Axes, place: Place, name: str, findings: int) -> None:
    x, y = place
    axes.scatter(
        [x], [y], s=22 + 14 * findings, facecolors=MUTED if findings else "white", edgecolors=INK, linewidths=0.9,
        zorder=2, clip_on=False, gid="technique",
    )  # fmt: skip
    away = 5 + math.sqrt(22 + 14 * findings) / 2
    side = "center" if abs(x) < 0.02 else "left" if x > 0 else "right"
    base_line = "bottom" if abs(x) < 0.02 and y > 0 else "top" if abs(x) < 0.02 else "center"
    axes.annotate(
        f"{name} ({findings})", (x, y), xytext=(away * x, away * y), textcoords="offset points", ha=side, va=base_line, size=8.5
    )  # fmt: skip


def _legend(figure: Drawing, base: EvidenceBase, families: Sequence[str]) -> None:
    _, height = figure.get_size_inches()
    rows = len(families) + 2
    settings = {f: sum(s.family == f for s in base.settings) for f in families}
    for i, family in enumerate(base.families):
        y = (_ROW * (rows - i) - 0.02) / height
        figure.add_artist(Line2D([0.02, 0.09], [y, y], linewidth=1.8, gid="legend", **_look(i)))
        n = settings[family.id]
        text = f"{shown(family.name, 64)}: {n} setting{'' if n == 1 else 's'}"
        figure.text(0.105, y, text, size=8.5, va="center")
    said = ("Disk and (number): findings that name it; hollow: none.", "Line width: studies that measured both in one setting.")  # fmt: skip
    for i, text in enumerate(said):
        figure.text(0.02, (_ROW * (2 - i) - 0.08) / height, text, size=8.5, color=MUTED, va="center")


def _words(base: EvidenceBase, edges: dict[Edge, set[str]], counts: dict[str, int]) -> str:
    names = {t.id: shown(t.name, 60) for t in base.techniques}
    pairs: dict[tuple[str, str], set[str]] = {}
    for (a, b, _), studies in edges.items():
        pairs.setdefault((a, b), set()).update(studies)
    nobody = [names[t] for t, n in counts.items() if n == 0]
    head = f"{len(names)} techniques, {len(base.settings)} settings in {len(base.families)} families"
    parts = [head, *_joined(names, pairs)]
    return "; ".join([*parts, *([f"no finding names {', '.join(nobody)}"] if nobody else [])]) + "."


def _joined(names: dict[str, str], pairs: dict[tuple[str, str], set[str]]) -> Iterable[str]:
    for (a, b), studies in sorted(pairs.items(), key=lambda item: -len(item[1])):
        yield f"{names[a]} beside {names[b]} in {len(studies)} stud{'y' if len(studies) == 1 else 'ies'}"
