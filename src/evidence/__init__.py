"""How far should a proxy result move the ranking of techniques at the target: `import evidence as ev` (docs/api.md).

Every public name is loaded when it is first asked for: the import itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evidence.api.asking import backtest, fit, quick, rank, review, review_all, what_if
    from evidence.api.exchange import from_tables, to_html, to_json, to_markdown, to_pandas, to_tables
    from evidence.api.opening import load_base, load_model, shipped
    from evidence.api.shown import Backtest, Fit, Ranking, Review, Sweep
    from evidence.domain.errors import BadInput
    from evidence.domain.records import EvidenceBase, Model
    from evidence.report import figures

__all__ = [
    "Backtest",
    "BadInput",
    "EvidenceBase",
    "Fit",
    "Model",
    "Ranking",
    "Review",
    "Sweep",
    "backtest",
    "figures",
    "fit",
    "from_tables",
    "load_base",
    "load_model",
    "quick",
    "rank",
    "review",
    "review_all",
    "shipped",
    "to_html",
    "to_json",
    "to_markdown",
    "to_pandas",
    "to_tables",
    "what_if",
]

_HOMES = {
    "api.asking": ("backtest", "fit", "quick", "rank", "review", "review_all", "what_if"),
    "api.exchange": ("from_tables", "to_html", "to_json", "to_markdown", "to_pandas", "to_tables"),
    "api.opening": ("load_base", "load_model", "shipped"),
    "api.shown": ("Backtest", "Fit", "Ranking", "Review", "Sweep"),
    "domain.errors": ("BadInput",),
    "domain.records": ("EvidenceBase", "Model"),
}


def __getattr__(name: str) -> Any:
    """The public name, from the module it lives in, kept for the next time."""
    if name == "figures":
        found: Any = import_module("evidence.report.figures")
    else:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
