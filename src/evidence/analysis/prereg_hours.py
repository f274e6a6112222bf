"""Hours that try orders lose where it is known what works: the registered one, those of the baselines, and as it was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evidence.domain.records import Outcome
from evidence.domain.registration import Registration
from evidence.domain.scorecard import COIN, PREVIOUS, REFERENCE, REGISTERED, HoursCard, Resolution, TryLog
from evidence.model.condensed import expected_hours_lost, random_hours_lost


def touched_by(registration: Registration, records: Sequence[Resolution]) -> list[str]:
    """Scenarios with outcomes or a log."""
    touched = {o.target for r in records for o in r.outcomes} | {r.log.scenario for r in records if r.log}
    return [s.target for s in registration.scenarios if s.target in touched]


def hours_card(
    registration: Registration, target: str, outcomes: Mapping[str, Sequence[Outcome]],
    records: Sequence[Resolution], previous: Registration | None,
) -> HoursCard:  # fmt: skip
    """Hours that each try order loses. A log says whether a technique works; else its outcome, against the smallest difference."""
    log: TryLog | None = next((r.log for r in records if r.log and r.log.scenario == target), None)
    base, tried = registration.base, {t.technique: t for t in (log.tried if log else ())}
    works = {o.technique: o.estimate_smd > base.question.smallest_difference for o in outcomes.get(target, ())}
    works |= {name: t.worked for name, t in tried.items()}
    registered = registration.belief(target).try_order
    known = [t for t in registered if t in works]
    hours = np.array([tried[t].hours if t in tried else base.technique(t).trial_hours or 1.0 for t in known])
    is_right = np.array([works[t] for t in known], dtype=bool)
    orders: dict[str, Sequence[str]] = {REGISTERED: registered}
    orders |= {
        r.reader: r.try_order for r in registration.readers
        if r.reader in registration.scoring.baselines and r.reader != REFERENCE
    }  # fmt: skip
    earlier = {b.target: b.try_order for b in previous.beliefs} if previous else {}
    if PREVIOUS in registration.scoring.baselines and set(known) <= set(earlier.get(target, ())):
        orders[PREVIOUS] = earlier[target]
    if log is not None:
        orders["as_tried"] = [*(t.technique for t in log.tried), *(t for t in registered if t not in tried)]
    lost = {
        name: expected_hours_lost([known.index(t) for t in order if t in known], is_right, hours)
        for name, order in orders.items()
    }
    # Without evidence every order is as good as any other: the reference prior is a coin here.
    lost |= {
        name: random_hours_lost(is_right, hours) for name in (COIN, REFERENCE) if name in registration.scoring.baselines
    }
    return HoursCard(
        scenario=target, known=tuple(known), works=tuple(t for t in known if works[t]),
        unknown=tuple(t for t in registered if t not in works),
        spent=sum(t.hours for t in log.tried) if log else None, lost=lost,
    )  # fmt: skip
