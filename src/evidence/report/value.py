"""A proposal's value as a page: the verdict in hours and money, readers, what it hangs on. Formatting only."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evidence.domain.value import Portfolio, Value
from evidence.report.page import WHAT_TO_TRY, no_verdict_lines
from evidence.report.render import reproduce_lines, section
from evidence.report.words import in_100, share, show_name

KNOWING_SHOWN = 4
BARS_SHOWN = 6
CHANNELS = {
    "information": "information", "tooling": "tooling used again", "people": "who is good at what",
    "bought": "hours bought", "coordination": "what is known, known to more",
}  # fmt: skip
DECISIONS = {"try_order": "in which order to try", "verify_or_ship": "check or ship"}


def hours(x: float) -> str:
    """Hours to one decimal, two below 1; never as -0."""
    digits = 2 if abs(x) < 1 else 1 if abs(x) < 100 else 0
    return f"{round(x, digits) + 0.0:.{digits}f}"


def value_view(value: Value, *, command: str = "") -> RenderableType:
    """The page of one proposal; without numbers, and with what to try, where a gate failed."""
    head = section("PROPOSAL", (show_name(value.title), show_name(value.claim)))
    foot = section("REPRODUCE", reproduce_lines(value.provenance, command))
    if not value.ok:
        return Group(head, section("NO VERDICT", no_verdict_lines(value.checks)), section("TRY", (WHAT_TO_TRY,)), foot)
    parts: list[RenderableType] = [head, section("VERDICT", verdict_lines(value))]
    if value.decisions:
        parts += [section("READERS", reader_lines(value)), _decisions(value)]
        parts.append(section("TODAY", today_lines(value)))
    parts.append(section("SAVED THEN", channel_lines(value)))
    if value.tornado:
        parts.append(section("HANGS ON", tornado_lines(value)))
    if value.knowing:
        parts.append(section("WORTH KNOWING", knowing_lines(value)))
    parts += [section("CHECKS", (f"all {len(value.checks)} passed",)), foot]
    return Group(*parts)


def verdict_lines(value: Value) -> tuple[str, ...]:
    """Hours now against hours then, the exchange rate, money; a negative value said plainly."""
    now, then = hours(value.hours_now), hours(value.hours_saved_then)
    cost = "no hours" if value.hours_now == 0 else f"{now} hours"
    if value.hours_saved_then <= 0:
        done = f"loses {hours(-value.hours_saved_then)} hours" if value.hours_saved_then < 0 else "saves none"
        first = f"It costs {cost} now and {done} in the crunch: at no price of an hour is it worth it."
    elif value.exchange_rate is None:
        first = f"It costs no hours now and saves {then} hours in the crunch, its own work then taken off."
    else:
        first = (
            f"{now} hours now save {then} hours in the crunch: worth it if an hour then is worth at least"
            f" {hours(value.exchange_rate)} of today's."
        )
    return tuple(line for line in (first, _information(value), _money(value)) if line)


def _information(value: Value) -> str:
    if not value.decisions:
        return ""
    if value.channels["information"] < 0:
        return (
            f"As it would be read, its information loses {hours(-value.channels['information'])} hours of them:"
            " the readers make more of it than it warrants."
        )
    if value.exchange_rate_information is None:
        return "By information alone it saves nothing."
    rate = hours(value.exchange_rate_information)
    return f"By information alone ({hours(value.channels['information'])} hours) the rate is {rate}."


def _money(value: Value) -> str:
    if value.money.amount == 0:
        return ""
    days, amount = value.money.days_of_delay, value.money.amount
    verb = "saves" if amount > 0 else "loses"
    return f"It {verb} {hours(abs(days))} days of delay, {abs(amount):,.0f} {show_name(value.money.currency)}."


def reader_lines(value: Value) -> tuple[str, ...]:
    """What the result saves each kind of reader, where it turns to harm, and what the review adds."""
    error = hours(value.monte_carlo_se)
    lines = [
        f"Read as warranted it saves {hours(value.hours_saved_calibrated)} hours (error {error}), if it is there and known."
    ]
    for name, saved in value.hours_saved_reader.items():
        who = "Taken at face value" if name == "face_value" else f"Read by {show_name(name)!r}"
        verb = f"saves {hours(saved)}" if saved >= 0 else f"loses {hours(-saved)}"
        lines.append(f"{who} it {verb} hours (error {hours(value.monte_carlo_se_reader[name])}).")
    turns = [*_turns(value)]
    lines.append(f"It turns to harm {', '.join(turns)}." if turns else "No reader looked at turns it to harm.")
    if value.shares:
        mix = ", ".join(f"{share(s)} {show_name(name)}" for name, s in value.shares.items())
        lines.append(
            f"With these readers ({mix}, the rest calibrated): {hours(value.hours_mix)} hours; the review attached, so that"
            f" all read it as warranted, adds {hours(value.hours_review_attached)}."
        )
    return tuple(lines)


def _turns(value: Value) -> Iterable[str]:
    if value.break_even_reader_validity is not None:
        yield f"for a reader who takes the proxy's validity for more than {value.break_even_reader_validity:.2f}"
    if value.break_even_over_update is not None:
        yield f"for one who counts it as more than {value.break_even_over_update:.1f} such results"
    if value.break_even_face_value_share is not None:
        yield f"where more than {share(value.break_even_face_value_share)} of readers take it at face value"


def _decisions(value: Value) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("decision")
    for name in (
        "hours\ntoday",
        "if all\nwere known",
        "saved, as\nwarranted",
        "saved, at\nface value",
        "turns at\nvalidity",
    ):
        table.add_column(name, justify="right")
    for name, d in value.decisions.items():
        turns = "" if d.break_even_reader_validity is None else f"{d.break_even_reader_validity:.2f}"
        face = hours(d.hours_saved_reader["face_value"])
        table.add_row(
            DECISIONS[name], hours(d.hours_before), hours(d.hours_perfect), hours(d.hours_saved_calibrated), face, turns
        )
    return table


def today_lines(value: Value) -> tuple[str, ...]:
    """What would be done on what is known today, and how much the result would tell."""
    steps = " → ".join(show_name(t) for t in value.order_before)
    greedy = f" (greedy: at most {value.order_factor:g} times the cheapest order)" if value.order_factor > 1 else ""
    relied = (
        "check before relying on any"
        if value.ships_before is None
        else f"ship {show_name(value.ships_before)} unchecked"
    )
    lines = [f"Today: try {steps}{greedy}; {relied}."]
    if value.bits:
        lines.append(
            f"The result would tell {value.bits['order']:.2f} bits of which is highest, {value.bits['merits']:.2f} of all merits."
        )
    if value.ceiling is not None:
        lines.append(
            f"An endless, flawless sample would save {hours(value.ceiling.hours)} hours: the ceiling of this proxy."
        )
    return tuple(lines)


def channel_lines(value: Value) -> tuple[str, ...]:
    """Each channel, and what information is multiplied by."""
    lines = [f"{CHANNELS[name]}: {hours(saved)} hours" for name, saved in value.channels.items() if saved != 0]
    if value.hours_then_spent:
        lines.append(f"its own work then: -{hours(value.hours_then_spent)} hours")
    if value.decisions or "coordination" in value.channels:
        lines.append(
            f"(information counts where it is known in the room, {in_100(value.reach)} in 100, in time,"
            f" {in_100(value.p_in_time)}, and not had anyway, {in_100(value.p_not_automated)})"
        )
    return tuple(lines) or ("nothing",)


def tornado_lines(value: Value) -> tuple[str, ...]:
    """The assumptions that move the hours saved then most."""
    return tuple(
        f"{show_name(bar.key)}: {bar.low} → {hours(bar.hours_low)} h, {bar.high} → {hours(bar.hours_high)} h"
        for bar in value.tornado[:BARS_SHOWN]
    )


def knowing_lines(value: Value) -> tuple[str, ...]:
    """What it would be worth to know how good a proxy is."""
    told = [k for k in value.knowing if k.hours > 2 * k.monte_carlo_se][:KNOWING_SHOWN]
    if not told:
        return ("Nothing looked at is worth more than its error.",)
    return tuple(f"{show_name(k.label)}: {hours(k.hours)} hours (error {hours(k.monte_carlo_se)})" for k in told)


def values_view(values: Iterable[Value]) -> RenderableType:
    """One line per proposal: what it costs now and saves then; no numbers where a gate failed."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("proposal", "hours\nnow", "saved\nthen", "by\ninformation", "hours now\nfor one then"):
        table.add_column(name, justify="left" if name == "proposal" else "right", overflow="fold")
    for value in values:
        information = value.channels.get("information", 0.0)
        rate = "" if value.exchange_rate is None else hours(value.exchange_rate)
        numbers = [hours(x) for x in (value.hours_now, value.hours_saved_then, information)] + [rate]
        table.add_row(Text(show_name(value.title)), *(numbers if value.ok else ["no verdict", "", "", ""]))
    return table


def portfolio_view(found: Portfolio, *, command: str = "") -> RenderableType:
    """What to do with a budget of hours."""
    foot = section("REPRODUCE", reproduce_lines(found.provenance, command))
    if not found.ok:
        return Group(section("NO VERDICT", no_verdict_lines(found.checks)), section("TRY", (WHAT_TO_TRY,)), foot)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("do", "hours\nnow", "saved\nalone", "adds", "saved\ntogether"):
        table.add_column(name, justify="left" if name == "do" else "right", overflow="fold")
    for f in found.chosen:
        numbers = (f.hours_now, found.alone[f.id], f.hours_added, f.hours_together)
        table.add_row(Text(show_name(f.title)), *(hours(x) for x in numbers))
    left = ", ".join(f"{show_name(name)} ({hours(found.alone[name])} hours alone)" for name in found.left)
    said = f"{hours(found.hours_now)} of {hours(found.budget_hours)} hours now save {hours(found.hours_saved_then)} hours then."
    return Group(section("VERDICT", (said,)), table, *([section("LEFT", (left,))] if left else []), foot)
