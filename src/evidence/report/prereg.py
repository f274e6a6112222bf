"""Registrations as pages: what would be frozen, what was, and what the registry holds. Formatting only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evidence.domain.registration import RegisteredContrast, Registration, ScenarioBelief
from evidence.domain.registry import Listed, Registered, Siblings
from evidence.report.page import Page, Section
from evidence.report.words import amount, in_100, show_name, size

SHOWN_PAIRS = 8
SHORT = 12


def check_page(
    registration: Registration, digest: str, p_ahead: float, vague: Iterable[str], siblings: Siblings
) -> Page:
    """What would be frozen, before it is."""
    missing = tuple(show_name(line) for line in vague)
    sections = (
        *_what_is_asked(registration),
        *(_scenario_section(registration, belief) for belief in registration.beliefs),
        Section("VAGUE", missing or ("Nothing found: every prediction names a resolver, a source and a day.",)),
        Section("SIBLINGS", (siblings_line(siblings),)),
        Section("FREEZE", (
            f"P({_pair(registration)}) at {show_name(registration.scenarios[0].target)}: {round(100 * p_ahead)} in 100."
            " `evidence prereg freeze` asks for this number again.",
            f"Frozen as it stands, its hash would be {digest[:SHORT]}…",
        )),
    )  # fmt: skip
    return Page("DRAFT", show_name(registration.title), sections, None)


def registration_page(registration: Registration, digest: str, status: str, siblings: Siblings) -> Page:
    """What a frozen registration says."""
    who = ", ".join(show_name(a.name) for a in registration.authors)
    sections = (
        Section("HASH", (digest, f"{status}; revision {registration.revision}; declared {registration.created_utc} by {who}")),
        *_what_is_asked(registration),
        *(_scenario_section(registration, belief) for belief in registration.beliefs),
        Section("RESOLVES", tuple(
            f"{p.id}: {show_name(p.observable)}; when {show_name(p.resolves_when)}; read in {show_name(p.source)};"
            f" decided by {show_name(p.resolver)} until {p.deadline}"
            for p in registration.predictions
        )),
        Section("SCORED BY", (
            f"{', '.join(registration.scoring.rules)}; against {', '.join(registration.scoring.baselines)}",
            f"annulled only for: {'; '.join(map(show_name, registration.scoring.annul_conditions)) or 'nothing'}",
        )),
        Section("KNEW", (
            f"target data seen: {registration.knowledge.seen_target_data}. {show_name(registration.knowledge.explain)}",
            f"{len(registration.base.findings)} findings of {len(registration.base.studies)} studies, base"
            f" {registration.base_sha256[:SHORT]}…; model {show_name(registration.model.id)}"
            f" {registration.model_sha256[:SHORT]}…",
        )),
        Section("SIBLINGS", (siblings_line(siblings),)),
    )  # fmt: skip
    return Page("REGISTRATION", show_name(registration.title), sections, None)


def registered_page(registered: Registered, folder: str) -> Page:
    """What a command has written to the registry."""
    done = "written" if registered.new else "there already, nothing written"
    lines = [f"{registered.kind}: {registered.hash}", f"line {registered.seq + 1} of {show_name(folder)}: {done}"]
    sections = (
        Section("REGISTRY", tuple(lines)),
        Section("SIBLINGS", (siblings_line(registered.siblings),)),
        Section("DATE IT", (
            f"This machine's clock dates nothing. Commit the folder and push it where you cannot rewrite it, or give"
            f" {registered.entry_sha256[:SHORT]}… (hash of the line) to somebody who will keep it.",
        )),
    )  # fmt: skip
    return Page("REGISTERED", "", sections, None)


def confirmation_lines(registration: Registration) -> tuple[str, ...]:
    """What is shown at a terminal before P is asked for."""
    belief = registration.beliefs[0]
    return (
        f"At {belief.target}, as the engine holds it:",
        *(f"  {line}" for line in _frequencies(belief, registration)),
    )


def listed_lines(rows: Iterable[Listed], entries: int, last: str) -> Iterator[str]:
    """One registration a line, with what is due."""
    found = list(rows)
    if not found:
        yield "no registrations yet: `evidence prereg new FILE.prereg.toml` writes a draft"
        return
    for row in found:
        others = f"{row.siblings.total} siblings ({row.siblings.open} open)"
        who = ", ".join(row.authors)
        yield f"{row.hash[:SHORT]}  {row.status:<9}  {row.utc}  {row.question}  {row.title}  by {who}  {others}"
        yield from (f"    due: {line}" for line in row.reminders)
    yield f"{entries} lines, the last {last[:SHORT]}…"


def siblings_line(siblings: Siblings) -> str:
    """How many others there are, and why that matters."""
    if not siblings.total:
        return "No other registration of this question in this registry."
    return (
        f"{siblings.total} other registrations of this question in this registry, {siblings.open} of them open:"
        " of many forecasts one comes close by chance."
    )


def _what_is_asked(registration: Registration) -> tuple[Section, ...]:
    question = registration.question
    direction = "higher" if question.higher_is_better else "lower"
    scenarios = tuple(
        f"{show_name(s.target)}: {in_100(_share(registration, s.weight))} in 100, novelty {s.novelty:g};"
        f" recognised by: {show_name(s.recognised_by)}"
        for s in registration.scenarios
    )
    return (
        Section("QUESTION", (show_name(question.question),)),
        Section("OUTCOME", (f"{show_name(question.outcome)} ({direction} is better)",)),
        Section("SCENARIOS", scenarios),
    )


def _share(registration: Registration, weight: float) -> float:
    return weight / sum(s.weight for s in registration.scenarios)


def _scenario_section(registration: Registration, belief: ScenarioBelief) -> Section:
    order = ", ".join(f"{show_name(t)} ({in_100(belief.p_first[t])})" for t in belief.ranking)
    lines = [
        f"From the top, with P(first) in 100: {order}",
        *_frequencies(belief, registration),
        f"To be tried in this order: {', '.join(map(show_name, belief.try_order))}"
        f" ({amount(belief.try_order_hours)} h expected)",
    ]
    return Section(f"AT {show_name(belief.target)}"[:60], tuple(lines))


def _frequencies(belief: ScenarioBelief, registration: Registration) -> Iterator[str]:
    """The pair that is asked for, then the pairs that lean most, in natural frequencies."""
    question = registration.question
    pair = {question.technique, question.comparator}
    first = [c for c in belief.contrasts if {c.technique, c.comparator} == pair]
    others = sorted((c for c in belief.contrasts if c not in first), key=lambda c: -abs(c.p_above - 0.5))
    yield from (_frequency(c, question.technique) for c in first)
    yield from (_frequency(c) for c in others[: SHOWN_PAIRS - 1])
    if len(others) >= SHOWN_PAIRS:
        yield f"… and {len(others) - SHOWN_PAIRS + 1} more pairs"


def _frequency(c: RegisteredContrast, ahead: str | None = None) -> str:
    """One pair, from the side of `ahead`, else of the one that leads."""
    turned = c.comparator == ahead if ahead is not None else c.p_above < 0.5
    a, b = (c.comparator, c.technique) if turned else (c.technique, c.comparator)
    p = 1 - c.p_above if turned else c.p_above
    lo, hi = (-c.quantiles["q90"], -c.quantiles["q10"]) if turned else (c.quantiles["q10"], c.quantiles["q90"])
    return (
        f"{show_name(a)} ahead of {show_name(b)} in {in_100(p)} of 100 worlds; difference {size(lo)} to {size(hi)} SMD"
        " (80 %, equal-tailed)"
    )


def _pair(registration: Registration) -> str:
    question = registration.question
    return f"{show_name(question.technique)} ahead of {show_name(question.comparator)}"
