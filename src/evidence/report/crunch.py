"""The sentences about the two decisions of the crunch: in which order to try, and whether to check."""

from __future__ import annotations

from evidence.domain.results import Ranking
from evidence.report.words import amount, in_100, show_name


def try_lines(ranking: Ranking) -> tuple[str, ...]:
    """The try order with its expected hours, how far from the cheapest it may be, and its first layers as a stack."""
    steps = " → ".join(show_name(step.name) for step in ranking.try_order)
    hours = f"{ranking.try_order_hours:.0f} expected hours, failure of all included"
    if ranking.try_order_factor > 1:
        hours += f"; greedy: at most {ranking.try_order_factor:g} times the cheapest order"
    lines = [f"{steps} ({hours})."]
    if 0 < len(ranking.hours_not_stated) < len(ranking.try_order):
        missing = ", ".join(names_of(ranking).get(t, show_name(t)) for t in ranking.hours_not_stated)
        lines.append(f"No trial hours are stated for {missing}: taken as the median of the others.")
    stack = ranking.stack
    if stack is not None:
        layers = " + ".join(names_of(ranking).get(layer, show_name(layer)) for layer in stack.layers)
        each = ", ".join(in_100(p) for p in stack.p_works)
        shared = ", ".join(f"{r:g}" for r in stack.shared_parts)
        lines.append(
            f"As a stack, {layers}: at least one works in {each} of 100, if the part of merit that they share is {shared}."
        )
    return tuple(lines)


def names_of(ranking: Ranking) -> dict[str, str]:
    """Name of each technique, by id."""
    return {t.id: show_name(t.name) for t in ranking.techniques}


def check_lines(ranking: Ranking) -> tuple[str, ...]:
    """Whether a check pays, and below which probability of failure it would not."""
    found = ranking.verify_or_ship
    if found is None:
        return ()
    name, hours = show_name(found.name), amount(found.check_hours)
    lost = f"{amount(found.ship_hours)} expected hours (fails in {in_100(found.p_fails)} of 100, {found.failure_cost_hours:g} hours each)"
    rule = f"A check stops paying where failure is below {in_100(found.ship_below)} in 100."
    if found.decision == "check":
        return (f"Check {name} before relying on it: {hours} hours against {lost}.", rule)
    return (f"Ship {name} unchecked: {lost} against {hours} hours for a check.", rule)
