"""What a belief about merits comes to in the crunch: try order, verify or ship, stacks (docs/model.md, section 7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fitting import Case, case_scenarios
from evidence.domain.records import Question, Technique
from evidence.domain.results import StackRange, TryOrder, TryStep, VerifyOrShip
from evidence.inference.checks import effective_sample_size
from evidence.inference.engine import Engine, Posterior
from evidence.model.decisions import hours_of_orders, plan_tries, verify_or_ship

type Floats = NDArray[np.float64]

SHARED_PARTS = (0.0, 0.3, 0.6)
"""Values of r a stack is shown at: independence of its layers is the optimistic end."""
LAYERS = 3
STACK_DRAWS = 512
STACK_MERITS = 20_000
LEAST_ESS = 40
"""Effective draws below which a stack gets no number at that r."""


def trial_hours_of(techniques: tuple[Technique, ...]) -> Floats:
    """Hours of one trial of each technique: the median of those stated where nobody has said, an hour if nobody has any."""
    stated = [t.trial_hours for t in techniques if t.trial_hours is not None]
    usual = float(np.median(stated)) if stated else 1.0
    return np.array([usual if t.trial_hours is None else t.trial_hours for t in techniques])


def try_order_of(case: Case, merits: Floats) -> TryOrder:
    """The order to try techniques 1.. in: the cheapest of all up to 16 of them."""
    techniques = case.base.techniques[1:]
    hours = trial_hours_of(techniques)
    works = merits[:, 1:] > case.base.question.smallest_difference
    plan = plan_tries(works, hours, case.base.question.failure_cost_hours)
    failed_so_far = np.ones(len(works), dtype=bool)
    steps: list[TryStep] = []
    for t in plan.order:
        steps.append(
            TryStep(
                technique=techniques[t].id,
                name=techniques[t].name,
                hours=float(hours[t]),
                p_works=float(np.mean(works[:, t] & failed_so_far)),
                expected_hours=float(hours[t] * failed_so_far.mean()),
            )
        )
        failed_so_far &= ~works[:, t]
    spent = hours_of_orders([plan.order], works, hours, case.base.question.failure_cost_hours)
    guessed = tuple(t.id for t in techniques if t.trial_hours is None)
    return TryOrder(steps=tuple(steps), hours=float(spent.mean()), factor=plan.factor, hours_not_stated=guessed)


def verify_or_ship_of(question: Question, techniques: tuple[Technique, ...], merits: Floats) -> VerifyOrShip:
    """Whether to check a technique before relying on it; the one spoken of is least expected to fail."""
    p_fail = np.mean(merits[:, 1:] <= question.smallest_difference, axis=0)
    chosen = verify_or_ship(p_fail, question.check_hours, question.failure_cost_hours)
    surest = int(np.argmin(p_fail))
    return VerifyOrShip(
        technique=techniques[surest + 1].id, name=techniques[surest + 1].name, p_fails=float(p_fail[surest]),
        check_hours=question.check_hours, failure_cost_hours=question.failure_cost_hours,
        ship_hours=float(p_fail[surest]) * question.failure_cost_hours,
        ship_below=question.check_hours / question.failure_cost_hours,
        decision="check" if chosen.technique is None else "ship",
    )  # fmt: skip


def stack_of(case: Case, engine: Engine, posterior: Posterior, order: TryOrder) -> StackRange | None:
    """P(at least one of the first layers of the try order works) at each r of SHARED_PARTS.

    None for fewer than two techniques, and where too few draws tell of one of these r. Several targets: at the first.
    """
    layers = tuple(step.technique for step in order.steps[:LAYERS])
    if len(layers) < 2:
        return None
    hyper = case_scenarios(case)[0][1]
    coordinates = posterior.resampled(STACK_DRAWS).coordinates
    now = engine.evaluate(case.design, hyper, case.everything, coordinates)
    columns = [posterior.techniques.index(t) for t in layers]
    works: list[float] = []
    for r in SHARED_PARTS:
        moved = engine.evaluate(case.design, hyper.pinned("r", r), case.everything, coordinates)
        log_weights = moved.log_likelihood - now.log_likelihood
        weights = np.exp(log_weights - log_weights.max())
        weights /= weights.sum()
        if effective_sample_size(weights) < LEAST_ESS:
            return None
        merits = draw_merits(replace(moved, weights=weights), STACK_MERITS, seed=case.provenance.seed)
        works.append(float(np.mean((merits[:, columns] > case.base.question.smallest_difference).any(axis=1))))
    return StackRange(layers=layers, shared_parts=SHARED_PARTS, p_works=tuple(works))
