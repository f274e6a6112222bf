"""A score card as a page, and in plain words: did the registered prior beat what anybody could have said? Formatting only."""

from __future__ import annotations

from collections.abc import Iterator

from evidence.domain.registration import Registration
from evidence.domain.scorecard import CURVE_FROM, SKILL_FROM, HoursCard, ReaderCard, ScoreCard
from evidence.report.page import Page, Section
from evidence.report.words import amount, share, show_name, size

_NAMES = {
    "registered": "the registered prior", "coin": "the coin", "face_value": "face value",
    "random_effects": "random effects", "reference_prior": "the reference prior",
    "previous_revision": "the previous revision", "updated": "the updated posterior", "as_tried": "as it was tried",
}  # fmt: skip
_ORDER = ("coin", "face_value", "random_effects", "reference_prior", "previous_revision")
_SCORES = {"order_log_score": "order", "log_score": "size (log density)", "crps": "size (CRPS)"}
_UNITS = {"order_log_score": "nats a pair", "log_score": "nats a pair", "crps": "SMD, lower is better"}


def score_page(card: ScoreCard, registration: Registration) -> Page:
    """What was resolved, who beat whom, and how little one result says."""
    sections = [Section("RESOLVED", tuple(_resolved(card)))]
    if card.registered is not None:
        sections.append(Section("IN PLAIN WORDS", plain_words(card)))
        sections.append(Section("REGISTERED", tuple(_reader_lines(card.registered))))
        sections += [
            Section(_NAMES[name].removeprefix("the ").upper(), tuple(_reader_lines(other)))
            for name, other in card.baselines.items()
        ]
    if card.updated is not None:
        lines = ("Scored apart: it had seen more than the registered prior.", *_reader_lines(card.updated))
        sections.append(Section("UPDATED", lines))
    sections += [Section(f"HOURS {show_name(h.scenario)}"[:60], tuple(_hours(h))) for h in card.hours]
    sections.append(Section("MIND", tuple(_mind(card))))
    return Page("SCORE", f"{show_name(registration.title)} · {card.registration[:12]}…", tuple(sections), None)


def plain_words(card: ScoreCard) -> tuple[str, ...]:
    """One sentence for each baseline: on the order, and on sizes where it states any."""
    lines: list[str] = []
    for name in sorted(card.baselines, key=_ORDER.index):
        parts = [
            f"on the {_SCORES[c.score]} it {_verb(c.beat)} {_NAMES[name]} ({_score(c.registered)} against {_score(c.other)} {_UNITS[c.score]})"
            for c in card.comparisons
            if c.baseline == name
        ]
        if parts:
            lines.append(f"The registered prior and {_NAMES[name]}: {'; '.join(parts)}.")
    return tuple(lines)


def _score(x: float) -> str:
    """A mean score to three decimals: two readers are often that close."""
    return f"{round(x, 3) + 0.0:.3f}"


def _verb(beat: bool | None) -> str:
    return "ties with" if beat is None else "beat" if beat else "did not beat"


def _resolved(card: ScoreCard) -> Iterator[str]:
    total = card.n_resolved + card.n_unresolved + card.n_annulled
    yield (
        f"{card.n_resolved} of {total} predictions resolved ({card.n_late} of them after the deadline), {card.n_unresolved}"
        f" unresolved, {card.n_annulled} annulled; {card.pairs_resolved} of {card.pairs_covered} pairs."
    )
    for p in card.predictions:
        what = f"{p.state}, {p.pairs} of {p.pairs_covered} pairs"
        yield f"{show_name(p.prediction)} ({show_name(p.scenario)}): {what}{f', {show_name(p.reason)}' if p.reason else ''}"


def _reader_lines(card: ReaderCard) -> Iterator[str]:
    numbers = [f"order {size(card.order_log_score)} nats a pair"]
    if card.log_score is not None:
        numbers.append(f"density {size(card.log_score)} nats a pair")
    if card.log_score_gain is not None:
        numbers.append(f"{size(card.log_score_gain)} above the reference prior")
    if card.crps is not None:
        numbers.append(f"CRPS {size(card.crps)} SMD")
    if card.brier_sign is not None:
        numbers.append(f"Brier {size(card.brier_sign)} on {card.n_settled} settled orders")
    yield "; ".join(numbers)
    if card.coverage_50 is not None and card.coverage_80 is not None and card.coverage_95 is not None:
        yield (
            f"inside its 50, 80 and 95 % intervals (equal-tailed): {share(card.coverage_50)}, {share(card.coverage_80)},"
            f" {share(card.coverage_95)} of {card.pairs} pairs"
        )


def _hours(hours: HoursCard) -> Iterator[str]:
    if not hours.works:
        yield f"None of {', '.join(map(show_name, hours.known))} works: every order costs the same."
    else:
        lost = "; ".join(
            f"{_NAMES[name]} {amount(x) + ' h' if x else 'none'}" for name, x in hours.lost.items() if x is not None
        )
        yield f"Works: {', '.join(map(show_name, hours.works))}. Lost before the first of them: {lost}."
    if hours.spent is not None:
        yield f"Spent, by the log: {amount(hours.spent)} h."
    if hours.unknown:
        yield f"Nobody knows of {', '.join(map(show_name, hours.unknown))}: left out of every order."


def _mind(card: ScoreCard) -> Iterator[str]:
    if card.n_resolved == 0:
        yield "Nothing is resolved: there is nothing to score."
        return
    if card.n_resolved == 1:
        yield "One result is one draw: it says hardly anything about who forecasts well. Its pairs hang together."
    else:
        yield f"{card.n_resolved} results, as many draws; the pairs of one result hang together."
    if card.n_resolved < CURVE_FROM:
        yield f"A calibration curve means something from {CURVE_FROM} resolved predictions on, a claim of skill from {SKILL_FROM}."
    elif card.n_resolved < SKILL_FROM:
        yield f"A claim of skill means something from {SKILL_FROM} resolved predictions on."
    yield from map(show_name, card.notes)
