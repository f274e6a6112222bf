"""What a proposal states, as numbers: hours, chances, stakes (docs/value.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from evidence.analysis.crunch import trial_hours_of
from evidence.analysis.sights import Stakes
from evidence.domain.proposals import Interval, Proposal
from evidence.domain.records import EvidenceBase
from evidence.domain.value import Money

Z80 = 1.2815515655446004
"""Standard normal quantile at 90 %: the half width of an 80 % equal-tailed interval."""


def stakes_of(proposal: Proposal, base: EvidenceBase) -> Stakes:
    """What the crunch of a proposal asks of the techniques of a base; trials and checks go as fast as work does then."""
    crunch, question, techniques = proposal.crunch, base.question, base.techniques[1:]
    speed = proposal.automation.hours_per_hour
    hours = np.array(
        [crunch.trial_hours.get(t.id, h) for t, h in zip(techniques, trial_hours_of(techniques), strict=True)]
    )
    named = crunch.candidates or tuple(t.id for t in techniques)
    columns = np.array([i for i, t in enumerate(techniques) if t.id in named], dtype=np.int64)
    failure = question.failure_cost_hours
    return Stakes(
        columns=columns, hours=speed * hours[columns],
        threshold=crunch.threshold_smallest_differences * question.smallest_difference,
        all_fail=failure if crunch.all_fail_hours is None else crunch.all_fail_hours,
        check=speed * (question.check_hours if crunch.check_hours is None else crunch.check_hours),
        failure=failure if crunch.ship_failure_hours is None else crunch.ship_failure_hours,
    )  # fmt: skip


def mean_of(interval: Interval) -> float:
    """Mean of the law with this 80 % interval: log-normal where both ends are above 0, else normal."""
    lo, hi = interval
    if lo <= 0:
        return (lo + hi) / 2
    spread = (math.log(hi) - math.log(lo)) / (2 * Z80)
    return math.sqrt(lo * hi) * math.exp(spread**2 / 2)


def p_in_time(proposal: Proposal) -> float:
    """P(the result is there before the crunch), whose date is log-normal; machines in the crunch itself are always in time."""
    wait = proposal.cost.months_until_known
    if wait <= 0 or proposal.kind == "wait-and-automate":
        return 1.0
    lo, hi = (math.log(x) for x in proposal.crunch.months_away_80)
    spread = (hi - lo) / (2 * Z80)
    late = math.log(wait) - (lo + hi) / 2
    if spread == 0:
        return float(late < 0)
    return 0.5 * math.erfc(late / spread / math.sqrt(2))


def p_not_automated(proposal: Proposal) -> float:
    """P(nobody has the same result anyway); waiting for automation does not lose by it."""
    return 1.0 if proposal.kind == "wait-and-automate" else 1 - proposal.automation.probability_automated_before


def share_known(proposal: Proposal) -> float:
    """P(the result counts): it reaches the room, in time, and would not have been there anyway."""
    return proposal.reach * p_in_time(proposal) * p_not_automated(proposal)


def shares_of(proposal: Proposal) -> dict[str, float]:
    """Share of each reader of the proposal; the rest is calibrated."""
    return {r.name: r.share for r in proposal.readers if r.share > 0}


def mix_of(saved: float, readers: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Hours saved by readers in their shares, the rest calibrated."""
    return (1 - sum(shares.values())) * saved + sum(share * readers[name] for name, share in shares.items())


def hours_now_of(proposal: Proposal) -> float:
    """Expected hours now; waiting costs none now."""
    return 0.0 if proposal.kind == "wait-and-automate" else mean_of(proposal.cost.researcher_hours_80)


def hours_then_spent(proposal: Proposal) -> float:
    """Expected hours of the crunch that the proposal itself takes."""
    if proposal.kind != "wait-and-automate":
        return 0.0
    return mean_of(proposal.cost.researcher_hours_80) * proposal.automation.hours_per_hour


def elicited_channels(proposal: Proposal) -> dict[str, float]:
    """What it brings apart from information."""
    found = {
        "tooling": mean_of(proposal.channels.tooling_reuse_hours_80),
        "people": mean_of(proposal.channels.people_hours_80),
    }
    if proposal.bought_hours_80 is not None:
        found["bought"] = mean_of(proposal.bought_hours_80)
    return found


def hours_then(proposal: Proposal, saved: float, readers: Mapping[str, float]) -> float:
    """Hours saved then, all channels, where the result saves a calibrated reader `saved` and others what `readers` says."""
    information = share_known(proposal) * mix_of(saved, readers, shares_of(proposal))
    return information + sum(elicited_channels(proposal).values()) - hours_then_spent(proposal)


def money_of(proposal: Proposal, hours: float) -> Money:
    """Hours then as days of delay, people working side by side, and their price."""
    crunch = proposal.crunch
    days = hours / (crunch.researchers * crunch.hours_per_researcher_day)
    return Money(days_of_delay=days, amount=days * crunch.money_per_day_of_delay, currency=crunch.currency)
