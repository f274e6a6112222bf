"""Every picture by name: one function each, from a record to a `Drawing`, for notebooks, the app and documents."""

from evidence.report.drawing import Drawing, svg_of
from evidence.report.figures_backtest import reliability
from evidence.report.figures_forest import forest
from evidence.report.figures_network import network
from evidence.report.figures_ranking import contributions, rank_heat
from evidence.report.figures_review import belief_bars, contrast_dots, validity

__all__ = [
    "Drawing",
    "belief_bars",
    "contrast_dots",
    "contributions",
    "forest",
    "network",
    "rank_heat",
    "reliability",
    "svg_of",
    "validity",
]
