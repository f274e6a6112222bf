"""Which assumption the value of a proposal hangs on: each moved low and high, the others as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.proposed import settings_measured
from evidence.analysis.sights import Stakes
from evidence.analysis.study_readers import readers_of
from evidence.analysis.terms import hours_then, shares_of, stakes_of
from evidence.analysis.value_curves import Valued
from evidence.analysis.worth import DecisionWorth, Effort, Imagined, imagine_study, worth_of
from evidence.domain.value import TornadoBar
from evidence.model.foreseen import Foreseen, StudyDesign

type Floats = NDArray[np.float64]
type Ends = tuple[float, float]

ROUGH = Effort(particles=8192, outcomes=128, read=128, planned=8, exact_plans=False, bits=False)
"""A tornado shows which assumption matters, not by how much to the digit."""
HALF_AND_DOUBLE: Ends = (0.5, 2.0)


def tornado_of(valued: Valued, *, seed: int) -> tuple[TornadoBar, ...]:
    """Hours saved then with each assumption low and high, widest first; what changes nothing is left out."""
    now = valued.imagined(seed, ROUGH)
    bars = [*_of_the_crunch(valued, now), *_of_the_study(valued, seed), *_of_the_rest(valued, now)]
    moved = [bar for bar in bars if abs(bar.hours_high - bar.hours_low) > 1e-9]
    return tuple(sorted(moved, key=lambda bar: -abs(bar.hours_high - bar.hours_low)))


def _worth(valued: Valued, imagined: Imagined, stakes: Stakes) -> DecisionWorth:
    """Hours saved by a study, read by the readers of the mix alone."""
    shares = shares_of(valued.proposal)
    readers = readers_of(valued.proposal, valued.known, imagined.study)
    return worth_of(imagined, stakes, {name: r for name, r in readers.items() if name in shares}).both


def _hours(valued: Valued, imagined: Imagined, stakes: Stakes) -> float:
    found = _worth(valued, imagined, stakes)
    return hours_then(valued.proposal, (found.saved + found.crossed) / 2, found.readers)


def _bar(key: str, labels: tuple[str, str], hours: Ends) -> TornadoBar:
    return TornadoBar(key=key, low=labels[0], high=labels[1], hours_low=hours[0], hours_high=hours[1])


def _of_the_crunch(valued: Valued, now: Imagined) -> Iterator[TornadoBar]:
    stakes = valued.stakes
    turns = {
        "merit that counts as working": ("threshold", stakes.threshold, "SMD"),
        "hours lost if a shipped technique fails": ("failure", stakes.failure, "h"),
        "hours of a check": ("check", stakes.check, "h"),
    }
    for key, (field, value, unit) in turns.items():
        ends = [value * f for f in HALF_AND_DOUBLE]
        hours = [_hours(valued, now, replace(stakes, **{field: end})) for end in ends]
        yield _bar(key, (f"{ends[0]:.3g} {unit}", f"{ends[1]:.3g} {unit}"), (hours[0], hours[1]))
    hours = [_hours(valued, now, replace(stakes, hours=f * stakes.hours)) for f in HALF_AND_DOUBLE]
    yield _bar("hours of a trial", ("half", "double"), (hours[0], hours[1]))


def _of_the_study(valued: Valued, seed: int) -> Iterator[TornadoBar]:
    foreseen = valued.known.foreseen

    def hours(study: StudyDesign, draws: Foreseen) -> float:
        return _hours(valued, imagine_study(draws, study, seed=seed, effort=ROUGH), valued.stakes)

    if not valued.study.is_sign.all():
        ends = (hours(valued.study.enlarged(1 / 4), foreseen), hours(valued.study.enlarged(4), foreseen))
        yield _bar("sample", ("a quarter", "four times"), ends)
    measured = settings_measured(valued.known, valued.proposal)
    if measured:
        settings = [s.id for s in valued.known.case.base.settings]
        yield _thirds(f"validity of {measured[0].id}", foreseen.rho[:, settings.index(measured[0].id)], hours, valued)
    yield _thirds("how far merits differ (tau)", foreseen.value_of("tau"), hours, valued)


def _thirds(key: str, quantity: Floats, hours: object, valued: Valued) -> TornadoBar:
    """Hours saved in the third of the draws where a quantity is lowest, and where it is highest."""
    order = np.argsort(quantity)
    n = max(len(order) // 3, 1)
    ends = (order[:n], order[-n:])
    found = [hours(valued.study, valued.known.foreseen.taken(part)) for part in ends]  # type: ignore[operator]
    about = [f"about {np.median(quantity[part]):.2g}" for part in ends]
    return _bar(key, (about[0], about[1]), (found[0], found[1]))


def _of_the_rest(valued: Valued, now: Imagined) -> Iterator[TornadoBar]:
    """What moves the proposal around the study: one worth serves all but the speed of work."""
    proposal, found = valued.proposal, _worth(valued, now, valued.stakes)

    def at(**changes: object) -> float:
        return hours_then(proposal.model_copy(update=changes), (found.saved + found.crossed) / 2, found.readers)

    low, high = proposal.reach / 2, min(1.0, 2 * proposal.reach)
    yield _bar("reach", (f"{low:.2g}", f"{high:.2g}"), (at(reach=low), at(reach=high)))
    lo, hi = proposal.crunch.months_away_80
    dates = [at(crunch=proposal.crunch.model_copy(update={"months_away_80": (x, x)})) for x in (lo, hi)]
    yield _bar("date of the crunch", (f"{lo:g} months", f"{hi:g} months"), (dates[0], dates[1]))
    for name, what in (("tooling_reuse_hours_80", "tooling"), ("people_hours_80", "people")):
        ends = getattr(proposal.channels, name)
        hours = [at(channels=proposal.channels.model_copy(update={name: (x, x)})) for x in ends]
        yield _bar(what, (f"{ends[0]:g} h", f"{ends[1]:g} h"), (hours[0], hours[1]))
    speed = proposal.automation.speed_up
    if speed > 1:
        speeds = (max(1.0, speed / 2), 2 * speed)
        ends = [_at_speed(valued, now, s) for s in speeds]
        yield _bar("speed-up by automation", (f"{speeds[0]:g}", f"{speeds[1]:g}"), (ends[0], ends[1]))


def _at_speed(valued: Valued, now: Imagined, speed: float) -> float:
    automation = valued.proposal.automation.model_copy(update={"speed_up": speed})
    changed = valued.proposal.model_copy(update={"automation": automation})
    found = _worth(valued, now, stakes_of(changed, valued.known.case.base))
    return hours_then(changed, (found.saved + found.crossed) / 2, found.readers)
