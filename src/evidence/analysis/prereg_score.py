"""`evidence prereg score`: the frozen beliefs against what came, by the frozen rules and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.prereg_hours import hours_card, touched_by
from evidence.analysis.prereg_resolve import resolved_so_far
from evidence.analysis.readers import pairs_of
from evidence.domain.prereg import Prediction
from evidence.domain.records import Outcome
from evidence.domain.registration import Normals, Registration
from evidence.domain.scorecard import (
    COIN,
    PREVIOUS,
    REFERENCE,
    REGISTERED,
    SCORE_FORMAT,
    Comparison,
    HoursCard,
    PredictionCard,
    ReaderCard,
    Resolution,
    ScoreCard,
)
from evidence.model.condensed import equally_weighted, log_density, order_scores
from evidence.model.contrasts import Contrasts, crps, log_odds_parts, probability_transform

type Floats = NDArray[np.float64]
type Pair = tuple[str, str]

ROUNDED_AWAY = 1e-9
_MEANS = ("log_score", "crps", "order_log_score", "brier_sign", "coverage_50", "coverage_80", "coverage_95")


@dataclass(frozen=True)
class Updated:
    """The posterior of an analysis under the registration, at the scenarios it speaks of.

    Full beliefs by scenario and pair where a stored fit has them, else P(A above B) alone.
    """

    sha256: str
    scenarios: tuple[str, ...]
    beliefs: Mapping[Pair, tuple[Floats, Floats, Floats]] | None = None
    """Weights, means and sds of merit a - merit b."""
    p_above: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class Observed:
    """What came in one scenario, for the pairs of the techniques with an outcome. n pairs."""

    techniques: tuple[str, ...]
    pairs: tuple[Pair, ...]
    difference: Floats
    """(n,) observed merit of a minus that of b, SMD."""
    se: Floats
    """(n,)"""
    notes: tuple[str, ...] = ()


def score_registration(
    registration: Registration, digest: str, resolutions: Sequence[tuple[str, Resolution]], *,
    previous: Registration | None = None, updated: Updated | None = None,
) -> ScoreCard:  # fmt: skip
    """The score card. Only what the registration froze is used: beliefs, baselines, rules."""
    records = [r for _, r in resolutions]
    outcomes = resolved_so_far(records)
    annulled = {a.prediction: a.reason for r in records for a in r.annulled}
    late = {name for r in records for name in r.late}
    cards: list[PredictionCard] = []
    updates: list[ReaderCard] = []
    notes: dict[str, None] = {}
    for p in registration.predictions:
        observed = _observed(registration, p, outcomes.get(p.scenario, ()))
        card = _prediction_card(registration, p, observed, annulled.get(p.id), previous)
        cards.append(card.model_copy(update={"late": card.state == "resolved" and p.id in late}))
        if card.state == "resolved":
            notes |= dict.fromkeys(observed.notes)
            if updated is not None and p.scenario in updated.scenarios:
                found = _updated_card(registration, updated, observed)
                updates += [found] if found is not None else []
    resolved = [c for c in cards if c.state == "resolved"]
    hours = tuple(
        hours_card(registration, target, outcomes, records, previous) for target in touched_by(registration, records)
    )
    overall = {name: _mean(name, [_reader(c, name) for c in resolved], hours) for name in _names(resolved)}
    main = overall.get(REGISTERED)
    return ScoreCard(
        format=SCORE_FORMAT, registration=digest, revision=registration.revision,
        resolutions=tuple(h for h, _ in resolutions), n_resolved=len(resolved),
        n_unresolved=sum(c.state == "unresolved" for c in cards), n_annulled=sum(c.state == "annulled" for c in cards),
        n_late=sum(c.late for c in cards), pairs_resolved=sum(c.pairs for c in cards),
        pairs_covered=sum(c.pairs_covered for c in cards), registered=main,
        log_score=main.log_score if main else None, crps=main.crps if main else None,
        brier_sign=main.brier_sign if main else None,
        baselines={name: card for name, card in overall.items() if name != REGISTERED},
        updated=_mean("updated", updates, ()) if updates else None,
        updated_from=updated.sha256 if updated is not None else None,
        comparisons=tuple(_comparisons(overall)), predictions=tuple(cards), hours=hours, notes=tuple(notes),
    )  # fmt: skip


# What came


def _observed(registration: Registration, prediction: Prediction, outcomes: Sequence[Outcome]) -> Observed:
    """Contrasts of the covered techniques that have an outcome, the baseline among them where it is covered."""
    baseline = registration.base.techniques[0].id
    known = {o.technique: o for o in outcomes}
    techniques = tuple(t for t in registration.covered(prediction) if t in known or t == baseline)
    y = np.array([known[t].estimate_smd if t in known else 0.0 for t in techniques])
    variance = np.array([known[t].se_smd ** 2 if t in known else 0.0 for t in techniques])
    is_baseline = np.array([t == baseline for t in techniques], dtype=bool)
    a, b = pairs_of(len(techniques))
    # Contrasts with one baseline sample share its part of the variance, which cancels between them.
    parts = [o.baseline_var_smd for o in known.values()]
    part = next((p for p in parts if p is not None), 0.0)
    shared = np.where(is_baseline[a] | is_baseline[b], 0.0, part)
    se = np.sqrt(np.maximum(variance[a] + variance[b] - 2 * shared, 0.0))
    note = f"{prediction.scenario}: the baseline's part of the errors is not known; contrasts are scored as independent"
    pairs = tuple((techniques[i], techniques[j]) for i, j in zip(a.tolist(), b.tolist(), strict=True))
    return Observed(techniques, pairs, y[a] - y[b], se, (note,) if None in parts else ())


def _prediction_card(
    registration: Registration, p: Prediction, observed: Observed, annulled: str | None, previous: Registration | None
) -> PredictionCard:
    covered = len(registration.covered(p))
    empty = PredictionCard(
        prediction=p.id, scenario=p.scenario, state="unresolved", pairs_covered=covered * (covered - 1) // 2
    )
    if annulled is not None:
        return empty.model_copy(update={"state": "annulled", "reason": annulled})
    if not observed.pairs:
        return empty
    return empty.model_copy(
        update={
            "state": "resolved", "techniques": observed.techniques, "pairs": len(observed.pairs),
            "readers": _readers(registration, p.scenario, observed, previous),
        }
    )  # fmt: skip


# Scores


def _readers(
    registration: Registration, scenario: str, observed: Observed, previous: Registration | None
) -> tuple[ReaderCard, ...]:
    beliefs: dict[str, Sequence[Normals]] = {REGISTERED: registration.belief(scenario).contrasts}
    beliefs |= {r.reader: r.contrasts for r in registration.readers if r.reader in registration.scoring.baselines}
    if previous is not None and PREVIOUS in registration.scoring.baselines:
        earlier = {b.target: b.contrasts for b in previous.beliefs}
        if scenario in earlier and _pairs_in(earlier[scenario]) >= _either_way(observed.pairs):
            beliefs[PREVIOUS] = earlier[scenario]
    found = [_card(registration, name, belief_about(rows, observed.pairs), observed) for name, rows in beliefs.items()]
    if COIN in registration.scoring.baselines:
        found.append(_coin(registration, observed))
    reference = next((c.log_score for c in found if c.reader == REFERENCE), None)
    if reference is None:
        return tuple(found)
    return tuple(
        c if c.log_score is None else c.model_copy(update={"log_score_gain": c.log_score - reference}) for c in found
    )


def belief_about(rows: Sequence[Normals], pairs: Sequence[Pair]) -> Contrasts:
    """Frozen beliefs about these pairs, turned where they were frozen the other way round."""
    known = {(r.technique, r.comparator): r for r in rows}
    signed = [(known[p], 1.0) if p in known else (known[p[1], p[0]], -1.0) for p in pairs]
    return equally_weighted([[s * m for m in r.mean] for r, s in signed], [r.sd for r, _ in signed])


def _pairs_in(rows: Sequence[Normals]) -> set[frozenset[str]]:
    return {frozenset((r.technique, r.comparator)) for r in rows}


def _either_way(pairs: Sequence[Pair]) -> set[frozenset[str]]:
    return {frozenset(p) for p in pairs}


def _card(registration: Registration, name: str, belief: Contrasts, observed: Observed) -> ReaderCard:
    above, below = log_odds_parts(belief, observed.se)
    rules = registration.scoring.rules
    inside = np.abs(probability_transform(belief, observed.difference, observed.se) - 0.5)
    return _order_card(registration, name, (above, below), observed).model_copy(
        update={
            "log_score": _average(log_density(belief, observed.difference, observed.se)) if "log" in rules else None,
            "crps": _average(crps(belief, observed.difference, observed.se)) if "crps" in rules else None,
            **{f"coverage_{m}": float(np.mean(inside <= m / 200)) for m in (50, 80, 95)},
        }
    )


def _order_card(registration: Registration, name: str, log_p: tuple[Floats, Floats], observed: Observed) -> ReaderCard:
    """Scores of the order alone."""
    scoring = registration.scoring
    log_score, brier = order_scores(*log_p, observed.difference, clip=scoring.order_clip)
    settled = np.abs(observed.difference) >= scoring.settled_z * np.maximum(observed.se, 1e-300)
    settled &= observed.difference != 0
    has_brier = "brier_sign" in scoring.rules and bool(settled.any())
    return ReaderCard(
        reader=name, pairs=len(observed.pairs), log_score=None, log_score_gain=None, crps=None,
        order_log_score=_average(log_score), brier_sign=_average(brier[settled]) if has_brier else None,
        n_settled=int(settled.sum()), coverage_50=None, coverage_80=None, coverage_95=None, hours_lost=None,
    )  # fmt: skip


def _coin(registration: Registration, observed: Observed) -> ReaderCard:
    half = np.full(len(observed.pairs), np.log(0.5))
    return _order_card(registration, COIN, (half, half), observed)


def _updated_card(registration: Registration, updated: Updated, observed: Observed) -> ReaderCard | None:
    """None where the analysis says nothing of these pairs."""
    if updated.beliefs is not None:
        if any(p not in updated.beliefs for p in observed.pairs):
            return None
        rows = [updated.beliefs[p] for p in observed.pairs]
        return _card(
            registration, "updated", Contrasts(*(np.stack(parts) for parts in zip(*rows, strict=True))), observed
        )
    table = updated.p_above or {}
    p = [table.get(a, {}).get(b) for a, b in observed.pairs]
    if any(x is None for x in p):
        return None
    # A result writes digits, and a P of 0 or 1 there is one that was rounded.
    probability = np.clip(np.array(p, dtype=np.float64), ROUNDED_AWAY, 1 - ROUNDED_AWAY)
    return _order_card(registration, "updated", (np.log(probability), np.log1p(-probability)), observed)


def _average(values: Floats) -> float:
    return float(np.mean(values))


def _reader(card: PredictionCard, name: str) -> ReaderCard | None:
    return next((r for r in card.readers if r.reader == name), None)


def _names(cards: Sequence[PredictionCard]) -> list[str]:
    return list(dict.fromkeys(r.reader for c in cards for r in c.readers))


def _mean(name: str, cards: Sequence[ReaderCard | None], hours: Sequence[HoursCard]) -> ReaderCard:
    """Means over predictions, each counting once, of what is known."""
    found = [c for c in cards if c is not None]

    def mean(field: str) -> float | None:
        known = [x for c in found if (x := getattr(c, field)) is not None]
        return float(np.mean(known)) if known else None

    lost = [x for h in hours if (x := h.lost.get(name)) is not None]
    return ReaderCard.model_validate({
        "reader": name, "pairs": sum(c.pairs for c in found), "n_settled": sum(c.n_settled for c in found),
        **{field: mean(field) for field in (*_MEANS, "log_score_gain")},
        "hours_lost": float(np.sum(lost)) if lost else None,
    })  # fmt: skip


def _comparisons(overall: Mapping[str, ReaderCard]) -> list[Comparison]:
    """The registered prior against every baseline, on every score both have."""
    found: list[Comparison] = []
    mine = overall.get(REGISTERED)
    for name, other in overall.items():
        if mine is None or name == REGISTERED:
            continue
        for score, sign in (("order_log_score", 1), ("log_score", 1), ("crps", -1)):
            a, b = getattr(mine, score), getattr(other, score)
            if a is None or b is None:
                continue
            gain = sign * (a - b)
            beat = None if abs(gain) < 1e-12 else gain > 0
            found.append(
                Comparison.model_validate({"baseline": name, "score": score, "registered": a, "other": b, "beat": beat})
            )
    return found
