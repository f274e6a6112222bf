"""How the value of a study moves: with its sample and its reader, and what knowing would be worth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.knowing import value_of_knowing
from evidence.analysis.options import Progress
from evidence.analysis.proposed import Foreknowledge, settings_measured
from evidence.analysis.sights import Stakes
from evidence.analysis.worth import DecisionWorth, Effort, Imagined, Reads, Rule, imagine_study, worth_of
from evidence.domain.proposals import Proposal
from evidence.domain.value import CurvePoint, Knowing
from evidence.model.decisions import greedy_orders, hours_of_orders, hours_of_reliance, plan_tries
from evidence.model.foreseen import Particles, StudyDesign, draw_particles
from evidence.model.readings import read_with_validity

type Floats = NDArray[np.float64]

VALIDITIES = tuple(round(0.1 * i, 1) for i in range(11))
OVER_UPDATES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SAMPLES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
BY_READER = Effort(particles=32768, outcomes=256, read=256, planned=12, exact_plans=False, bits=False)
BY_SAMPLE = Effort(particles=32768, outcomes=256, read=256, planned=12, exact_plans=False, bits=False)
KNOWING_PARTICLES = 16384
BINS = 4


@dataclass(frozen=True)
class Valued:
    """A proposal with what its value is made from."""

    proposal: Proposal
    known: Foreknowledge
    study: StudyDesign
    stakes: Stakes
    readers: dict[str, Reads | Rule]

    def imagined(self, seed: int, effort: Effort) -> Imagined:
        """The study with as many particles as `effort` says."""
        return imagine_study(self.known.foreseen, self.study, seed=seed, effort=effort)


@dataclass(frozen=True)
class Curves:
    """Everything beside the value itself."""

    sample: tuple[CurvePoint, ...] = ()
    ceiling: CurvePoint | None = None
    validity: tuple[CurvePoint, ...] = ()
    over_update: tuple[CurvePoint, ...] = ()
    break_even_validity: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    break_even_over_update: float | None = None
    knowing: tuple[Knowing, ...] = ()


def curves_of(valued: Valued, *, seed: int, progress: Progress | None = None) -> Curves:
    """Curves, break-evens and what knowing is worth."""
    steps: list[Callable[[], dict[str, Any]]] = [
        lambda: _by_reader(valued, seed),
        lambda: _by_sample(valued, seed),
        lambda: {"knowing": tuple(sorted(_knowing(valued, seed), key=lambda k: -k.hours))},
    ]
    found = Curves()
    # NumPy lets go of the interpreter while it computes: a thread for each core.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, changes in enumerate(threads.map(lambda step: step(), steps)):
            if progress is not None:
                progress("varying assumptions", number + 1, len(steps))
            found = replace(found, **changes)
    return found


# Readers


def _by_reader(valued: Valued, seed: int) -> dict[str, Any]:
    """Value against the validity a reader believes in and against over-updating, and where each turns negative."""
    study, foreseen = valued.study, valued.known.foreseen

    def at(rho: float) -> Reads:
        return Reads(lambda particles: read_with_validity(foreseen, study, particles, rho))

    readers: dict[str, Reads | Rule] = {f"rho {rho}": at(rho) for rho in VALIDITIES}
    readers |= {f"times {f}": Reads(factor=f) for f in OVER_UPDATES}
    worth = worth_of(valued.imagined(seed, BY_READER), valued.stakes, readers)
    parts: dict[str, DecisionWorth] = {
        "try_order": worth.try_order, "verify_or_ship": worth.verify_or_ship, "both": worth.both,
    }  # fmt: skip
    names = {"validity": [f"rho {r}" for r in VALIDITIES], "over_update": [f"times {f}" for f in OVER_UPDATES]}

    def curve(kind: str, values: tuple[float, ...], part: str) -> tuple[CurvePoint, ...]:
        d = parts[part]
        return tuple(
            CurvePoint(at=v, hours=d.readers[n], monte_carlo_se=d.readers_mcse[n])
            for v, n in zip(values, names[kind], strict=True)
        )

    over = curve("over_update", OVER_UPDATES, "both")
    return {
        "validity": curve("validity", VALIDITIES, "both"), "over_update": over,
        "break_even_validity": {part: turning(curve("validity", VALIDITIES, part)) for part in parts},
        "break_even_over_update": turning(over),
    }  # fmt: skip


def turning(curve: tuple[CurvePoint, ...]) -> float | None:
    """Where a curve falls below 0 for good after its highest point, by linear interpolation.

    None where it does not, or where no point beyond is below 0 by two of its standard errors.
    """
    hours = [p.hours for p in curve]
    first = len(curve)
    while first > hours.index(max(hours)) + 1 and hours[first - 1] < 0:
        first -= 1
    if not any(p.hours < -2 * p.monte_carlo_se for p in curve[first:]):
        return None
    a, b = curve[first - 1], curve[first]
    above = max(a.hours, 0.0)
    return a.at + above / (above - b.hours) * (b.at - a.at)


# Samples


def _by_sample(valued: Valued, seed: int) -> dict[str, Any]:
    """Value against the sample in multiples of the proposed one, and with an endless, flawless one."""
    points: list[CurvePoint] = []
    if not valued.study.is_sign.all():
        points = [_point(valued, valued.study.enlarged(times), times, seed) for times in SAMPLES]
    return {"sample": tuple(points), "ceiling": _point(valued, valued.study.perfect(), float("1e9"), seed)}


def _point(valued: Valued, study: StudyDesign, at: float, seed: int) -> CurvePoint:
    both = worth_of(imagine_study(valued.known.foreseen, study, seed=seed, effort=BY_SAMPLE), valued.stakes).both
    # Half way between what few particles make too large and too small.
    return CurvePoint(at=at, hours=(both.saved + both.crossed) / 2, monte_carlo_se=both.mcse)


# Knowing


def _knowing(valued: Valued, seed: int) -> Iterator[Knowing]:
    """Value of knowing the validity of a setting of each family, what each kind of gap costs, and what novelty does."""
    particles = draw_particles(valued.known.foreseen, valued.study, KNOWING_PARTICLES, seed=seed)
    for key, label, quantity in _quantities(valued):
        decisions = _decisions_given(valued.stakes, particles, quantity)
        found = value_of_knowing(quantity, decisions, draw=particles.draw, seed=seed)
        yield Knowing(key=key, label=label, hours=found.hours, monte_carlo_se=found.mcse)


def _quantities(valued: Valued) -> Iterator[tuple[str, str, Floats]]:
    known, base = valued.known, valued.known.case.base
    foreseen = known.foreseen
    measured = [s.id for s in settings_measured(known, valued.proposal)]
    spoken_of = [f.setting for f in base.findings]
    for family in base.families:
        of_family = [s.id for s in base.settings if s.family == family.id]
        met = [s for s in (*measured, *spoken_of) if s in of_family]
        if met:
            column = [s.id for s in base.settings].index(met[0])
            yield f"validity.{met[0]}", f"how good a proxy {family.name} is", foreseen.rho[:, column]
    for dimension in base.question.dimensions:
        yield f"gap.{dimension.id}", f"what the gap in {dimension.id} costs", foreseen.value_of(f"w_d[{dimension.id}]")
    yield "novelty", "what all proxies share and the target does not", foreseen.value_of("w_0")


def _decisions_given(stakes: Stakes, particles: Particles, quantity: Floats) -> list[tuple[Floats, int]]:
    """Hours of the orders worth comparing where the quantity is low or high, and of every reliance; chosen without knowing."""
    works = particles.merits[:, stakes.columns] > stakes.threshold
    values = quantity[particles.draw]
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    place = np.searchsorted(edges, values)
    weights = np.array([(place == b).astype(np.float64) for b in range(BINS)])
    first = plan_tries(works, stakes.hours, stakes.all_fail).order
    orders = tuple(dict.fromkeys([first, *(tuple(o) for o in greedy_orders(works, stakes.hours, weights).tolist())]))
    tries = hours_of_orders(orders, works, stakes.hours, stakes.all_fail)
    reliance = hours_of_reliance(works, stakes.check, stakes.failure)
    return [(tries, 0), (reliance, int(reliance.mean(axis=0).argmin()))]
