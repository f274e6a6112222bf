"""How pictures are drawn: one calm style, names as plain text, and a Figure as a self-contained SVG."""

from __future__ import annotations

import functools
import io
import re
import threading
import unicodedata
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evidence.report.words import clip, show_name

INK, MUTED, FAINT = "#1a1a1a", "#595959", "#d0d0d0"
BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7"
"""Okabe and Ito's colours, which the colour-blind tell apart. Fill, hatch or shape always says the same again."""
NO_VERDICT = "No verdict: a check failed, so no number is shown."

_STYLE: dict[Any, Any] = {
    # A name from a file is never read as mathematics or TeX.
    "text.parse_math": False, "text.usetex": False,
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.labelsize": 9, "xtick.labelsize": 8.5, "ytick.labelsize": 9, "axes.unicode_minus": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "hatch.linewidth": 0.7,
    "legend.frameon": False, "legend.fontsize": 8.5, "figure.facecolor": "white",
}  # fmt: skip
# Text stays text, not outlines of letters: names in any script are shown by the reader's own fonts, can be found and
# copied, and the file stays small. The salt makes ids, and so the bytes, the same on every call.
_SVG: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "evidence"}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_STYLE_LOCK = threading.RLock()
"""matplotlib's settings belong to the process: one picture at a time."""


class Drawing(Figure):
    """A matplotlib Figure that knows its title and its `alt` text. A notebook shows it as SVG, with or without pyplot."""

    title: str = ""
    alt: str = ""

    def draw(self, renderer: Any) -> None:
        """Draw without a warning for a glyph that matplotlib's font lacks: in the SVG the reader's font has it."""
        with _missing_glyphs_allowed():
            super().draw(renderer)

    def get_tightbbox(self, *args: Any, **kwargs: Any) -> Any:
        """Measure, as quietly."""
        with _missing_glyphs_allowed():
            return super().get_tightbbox(*args, **kwargs)

    def _repr_svg_(self) -> str:
        return svg_of(self)


@contextmanager
def _missing_glyphs_allowed() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from font")
        yield


def styled[**P](draw: Callable[P, Drawing]) -> Callable[P, Drawing]:
    """A drawing function under the one style, whatever the reader's matplotlibrc says."""

    @functools.wraps(draw)
    def draws(*args: P.args, **kwargs: P.kwargs) -> Drawing:
        with _STYLE_LOCK, matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            return draw(*args, **kwargs)

    return draws


def canvas(width: float, height: float) -> Drawing:
    """An empty drawing, in inches."""
    return Drawing(figsize=(width, height))


def axes_at(figure: Drawing, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes inside margins given in inches: places do not depend on how wide a font draws its letters."""
    width, height = figure.get_size_inches()
    return figure.add_axes((left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height))  # fmt: skip


def bare(axes: Axes) -> None:
    """No y axis: rows carry their names."""
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])


def span(values: Sequence[float], pad: float = 0.05) -> tuple[float, float]:
    """Limits of an axis that holds all of `values`."""
    lo, hi = min(values), max(values)
    extra = pad * (hi - lo) or 1.0
    return lo - extra, hi + extra


def shown(text: str, width: int = 40) -> str:
    """A name as drawn: on one line, control characters escaped, clipped. Letters twice as wide count as two."""
    text = show_name(text)
    cut = 0
    for letters, c in enumerate(text):
        cut += 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if cut > width:
            return clip(text, max(2, letters))
    return text


def no_verdict(title: str) -> Drawing:
    """What is drawn where a gate failed: a sentence and no number."""
    figure = canvas(5.2, 1.0)
    figure.title, figure.alt = title, NO_VERDICT
    figure.text(0.5, 0.5, NO_VERDICT, ha="center", va="center")
    return figure


def svg_of(figure: Drawing) -> str:
    """The drawing as one SVG: no script, link, date or other file in it; the same bytes on every call.

    Title and alt text stand in <title> and <desc>.
    """
    out = io.StringIO()
    with _STYLE_LOCK, matplotlib.rc_context(_SVG):
        figure.savefig(out, format="svg", metadata=_NO_METADATA)
    text = out.getvalue()
    # Without the XML head: its document type names a file elsewhere.
    start, end = text.index("<svg "), text.index(">", text.index("<svg "))
    opening = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text[start:end])
    words = f'<title id="title">{escape(figure.title)}</title>\n<desc id="desc">{escape(figure.alt)}</desc>'
    return f'{opening} role="img" aria-labelledby="title desc">\n{words}{text[end + 1 :]}'
