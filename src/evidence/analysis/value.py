"""`evidence value`: a proposal in hours of the crunch (docs/model.md, section 7; docs/value.md)."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fingerprint import prior_of
from evidence.analysis.fitting import Case, fit_case, prepare_case
from evidence.analysis.options import Progress
from evidence.analysis.proposed import Foresight, foresee_proposals
from evidence.analysis.sights import Stakes
from evidence.analysis.study_readers import FACE_VALUE, readers_of
from evidence.analysis.terms import (
    elicited_channels,
    hours_now_of,
    hours_then_spent,
    mix_of,
    money_of,
    p_in_time,
    p_not_automated,
    share_known,
    shares_of,
    stakes_of,
)
from evidence.analysis.tornado import tornado_of
from evidence.analysis.value_curves import Curves, Valued, curves_of
from evidence.analysis.worth import Effort, Worth, imagine_study, worth_of
from evidence.domain.proposals import Proposal, ProposedReader
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Check
from evidence.domain.value import DecisionValue, Value
from evidence.inference.engine import Engine, Posterior
from evidence.model.decisions import hours_of_orders, hours_of_reliance, plan_tries, verify_or_ship

type Floats = NDArray[np.float64]

LEAST_ESS = 100
LEAST_READER_ESS = 32
LARGEST_ERROR = 0.01
"""Of hours saved, as a share of the hours at stake before."""
MERIT_DRAWS = 20_000
NO_EXPERIMENT = frozenset({"buy-hours", "coordination"})


@dataclass(frozen=True)
class Asking:
    """Who asks, and with what."""

    engine: Engine
    foresight: Foresight
    seed: int = 1
    extra: tuple[ProposedReader, ...] = ()
    """Readers beside those of the proposal."""
    progress: Progress | None = None
    curves: bool = True
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True)
class Believed:
    """What is believed today at the target of a proposal."""

    case: Case
    posterior: Posterior


def believe(proposal: Proposal, base: EvidenceBase, model: Model, asking: Asking) -> Believed:
    """Fit the base. Raises BadInput for a target it does not have."""
    case = prepare_case(base, model, target=proposal.target, settings=(), seed=asking.seed, engine=asking.engine.name)
    return Believed(case, fit_case(case, asking.engine, seed=asking.seed, progress=asking.progress))


def value_of(
    proposal: Proposal, base: EvidenceBase, model: Model, asking: Asking, believed: Believed | None = None
) -> Value:
    """The value of one proposal; `believed` where the base is fitted already. Raises BadInput for what it cannot hold."""
    believed = believed or believe(proposal, base, model, asking)
    stakes = stakes_of(proposal, believed.case.base)
    if proposal.kind in NO_EXPERIMENT:
        return _without_experiment(proposal, believed, stakes, asking)
    known = foresee_proposals(believed.case, believed.posterior, [proposal], asking.foresight)
    study = known.study(proposal)
    readers = readers_of(proposal, known, study, asking.extra)
    imagined = imagine_study(known.foreseen, study, seed=asking.seed, effort=asking.effort)
    worth = worth_of(imagined, stakes, readers)
    valued = Valued(proposal, known, study, stakes, readers)
    if not asking.curves:
        return _value(valued, worth, Curves(), believed)
    # NumPy lets go of the interpreter while it computes.
    with ThreadPoolExecutor(1) as beside:
        tornado = beside.submit(tornado_of, valued, seed=asking.seed)
        curves = curves_of(valued, seed=asking.seed, progress=asking.progress)
    found = _value(valued, worth, curves, believed)
    return found.model_copy(update={"tornado": tornado.result()})


# Records


def _value(valued: Valued, worth: Worth, curves: Curves, believed: Believed) -> Value:
    proposal, case = valued.proposal, believed.case
    shares = shares_of(proposal)
    both = worth.both
    mix = mix_of(both.saved, both.readers, shares)
    ids = [t.id for t in case.base.techniques[1:]]
    columns = valued.stakes.columns
    decisions = {
        name: DecisionValue(
            hours_before=d.before, hours_perfect=d.perfect, hours_saved_calibrated=d.saved, hours_saved_cross_judged=d.crossed,
            hours_saved_reader=d.readers, monte_carlo_se=d.mcse, monte_carlo_se_reader=d.readers_mcse,
            break_even_reader_validity=curves.break_even_validity.get(name),
        )
        for name, d in (("try_order", worth.try_order), ("verify_or_ship", worth.verify_or_ship))
    }  # fmt: skip
    common = _common(valued.proposal, believed, {"information": share_known(proposal) * mix})
    checks = {**common.checks, **_checks(worth)}
    return common.model_copy(update={
        "decisions": decisions, "hours_before": both.before, "hours_perfect": both.perfect,
        "hours_saved_calibrated": both.saved, "hours_saved_cross_judged": both.crossed, "hours_saved_reader": both.readers, "monte_carlo_se": both.mcse,
        "monte_carlo_se_reader": both.readers_mcse,
        "break_even_reader_validity": curves.break_even_validity.get("both"),
        "break_even_over_update": curves.break_even_over_update,
        "break_even_face_value_share": _break_even_share(both.calibrated_as_read, both.readers[FACE_VALUE]),
        "hours_mix": mix, "hours_review_attached": both.saved - mix, "shares": shares,
        "order_before": tuple(ids[columns[t]] for t in worth.order_before), "order_factor": worth.factor,
        "ships_before": None if worth.ships_before is None else ids[columns[worth.ships_before]], "bits": worth.bits,
        "curve_sample": curves.sample, "ceiling": curves.ceiling, "curve_validity": curves.validity,
        "curve_over_update": curves.over_update, "knowing": curves.knowing,
        "checks": checks, "ok": all(check.ok for check in checks.values()),
    })  # fmt: skip


def _common(proposal: Proposal, believed: Believed, found: Mapping[str, float]) -> Value:
    """What every kind of proposal has."""
    case, checks = believed.case, believed.posterior.checks
    channels = {**found, **elicited_channels(proposal)}
    now, spent = hours_now_of(proposal), hours_then_spent(proposal)
    saved = sum(channels.values()) - spent
    return Value(
        id=proposal.id, title=proposal.title, claim=proposal.claim, kind=proposal.kind, base=case.base.question.id,
        question=case.base.question.question, target=case.target, model=case.model.id, decisions={},
        shares=shares_of(proposal), reach=proposal.reach, p_in_time=p_in_time(proposal),
        p_not_automated=p_not_automated(proposal), hours_per_hour=proposal.automation.hours_per_hour,
        channels=channels, hours_now=now, hours_then_spent=spent, hours_saved_then=saved,
        exchange_rate=_rate(now, saved), exchange_rate_information=_rate(now, channels.get("information", 0.0)),
        money=money_of(proposal, saved), checks=checks, ok=believed.posterior.ok, provenance=case.provenance,
    )  # fmt: skip


def _rate(now: float, saved: float) -> float | None:
    return now / saved if now > 0 and saved > 0 else None


def _break_even_share(calibrated: float, at_face_value: float) -> float | None:
    """Share of face-value readers at which gains and losses cancel; None where they lose nothing."""
    if at_face_value >= 0:
        return None
    return max(calibrated, 0.0) / (max(calibrated, 0.0) - at_face_value)


def _checks(worth: Worth) -> dict[str, Check]:
    error, bias = (x / max(worth.both.before, 1e-12) for x in (worth.both.mcse, worth.both.saved - worth.both.crossed))
    return {
        "outcome_ess": Check(value=worth.ess, ok=worth.ess >= LEAST_ESS, wanted=f">= {LEAST_ESS}"),
        "reader_ess": Check(value=worth.readers_ess, ok=worth.readers_ess >= LEAST_READER_ESS, wanted=f">= {LEAST_READER_ESS}"),
        "value_bias": Check(
            value=bias, ok=bias <= LARGEST_ERROR, wanted=f"<= {LARGEST_ERROR:g} of the hours before"
        ),
        "value_error": Check(value=error, ok=error <= LARGEST_ERROR, wanted=f"<= {LARGEST_ERROR:g} of the hours before"),
    }  # fmt: skip


def _without_experiment(proposal: Proposal, believed: Believed, stakes: Stakes, asking: Asking) -> Value:
    found: dict[str, float] = {}
    if proposal.reach_after is not None:
        gained = (proposal.reach_after - proposal.reach) * p_in_time(proposal) * p_not_automated(proposal)
        found["coordination"] = gained * value_of_the_known(believed, stakes, asking)
    return _common(proposal, believed, found)


def value_of_the_known(believed: Believed, stakes: Stakes, asking: Asking) -> float:
    """Hours saved in the crunch by knowing what has been found already, over deciding on the prior alone."""
    prior = prior_of(believed.case, asking.engine)
    without, given = (
        draw_merits(p, MERIT_DRAWS, seed=asking.seed)[:, 1:][:, stakes.columns] > stakes.threshold
        for p in (prior, believed.posterior)
    )
    plans = [plan_tries(works, stakes.hours, stakes.all_fail).order for works in (without, given)]
    hours = hours_of_orders(plans, given, stakes.hours, stakes.all_fail).mean(axis=0)
    reliance = hours_of_reliance(given, stakes.check, stakes.failure).mean(axis=0)
    chosen = [verify_or_ship(1 - w.mean(axis=0), stakes.check, stakes.failure).technique for w in (without, given)]
    relied = [reliance[-1 if t is None else t] for t in chosen]
    return float(hours[0] - hours[1] + relied[0] - relied[1])
