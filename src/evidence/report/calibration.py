"""A calibration in the terminal: what was learned, what is opinion, base rates. Formatting only."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from evidence.domain.calibration import Calibration
from evidence.domain.results import Check
from evidence.report.words import show_name


def calibration_view(found: Calibration) -> RenderableType:
    """Bridges, laws, weights of dimensions and base rates, one table each."""
    return Group(_bridges(found), _left_out(found), _laws(found), _weights(found), _base_rates(found))


def _bridges(found: Calibration) -> Table:
    table = _table("Bridges", "bridge", "left out with", "findings", "outcomes", "effective draws", "checks")
    for b in found.bridges:
        table.add_row(
            show_name(b.bridge), show_name(b.group), str(b.findings), str(b.outcomes), f"{b.ess:.0f}", _passed(b.checks)
        )
    return table


def _left_out(found: Calibration) -> Table:
    table = _table("Models", "learned on", "fewest effective draws", "laws still moved by, sd", "checks")
    rows = [("all bridges", found.checks), *((f"all without {g.group}", g.checks) for g in found.left_out)]
    for name, checks in rows:
        ess, moved = checks["ess_of_laws"].value, checks["laws_moved"].value
        table.add_row(show_name(name), f"{ess:.0f}", f"{moved:.2f}", _passed(checks))
    return table


def _passed(checks: Mapping[str, Check]) -> str:
    failed = [name for name, check in checks.items() if not check.ok]
    return f"failed: {', '.join(failed)}" if failed else "all passed"


def _laws(found: Calibration) -> Table:
    table = _table("Laws (80 %, equal-tailed)", "law", "by hand", "learned", "interval", "variance taken", "rests on")
    for law in found.laws:
        basis = "opinion, no data" if law.is_opinion else "bridges"
        interval = f"{law.learned_q10:.2g} to {law.learned_q90:.2g}"
        share = f"{100 * law.contraction:.0f} %"
        table.add_row(law.name, f"{law.by_hand:.2g}", f"{law.learned:.2g}", interval, share, basis)
    return table


def _weights(found: Calibration) -> Table:
    table = _table("Weights w_d by dimension (80 %, equal-tailed)", "dimension", "mean", "interval", "varied by")
    for w in found.weights:
        if w.w_mean is None or w.w_q10 is None or w.w_q90 is None:
            table.add_row(show_name(w.dimension), "", "", "no bridge: opinion, no data")
        else:
            interval = f"{w.w_q10:.2f} to {w.w_q90:.2f}"
            table.add_row(show_name(w.dimension), f"{w.w_mean:.2f}", interval, show_name(", ".join(w.bridges)))
    return table


def _base_rates(found: Calibration) -> Table:
    table = _table(
        "Base rates: a proxy finds the better of two (80 %, equal-tailed)", "proxy", "target", "order kept, in 100",
        "validity", "learned on",
    )  # fmt: skip
    for rate in found.base_rates:
        learned = ", ".join(rate.learned_on) or "opinion, no data"
        validity = f"{rate.rho_q50:.2f} ({rate.rho_q10:.2f} to {rate.rho_q90:.2f})"
        table.add_row(show_name(rate.proxy), rate.target, f"{rate.order_kept_in_100:.0f}", validity, show_name(learned))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
