"""Which of several proposals to do with a budget of hours: greedy, the worth of every set found anew (docs/value.md)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from evidence.analysis.proposed import Foreknowledge, foresee_proposals
from evidence.analysis.sights import Stakes
from evidence.analysis.study_readers import readers_of
from evidence.analysis.terms import (
    elicited_channels,
    hours_now_of,
    hours_then_spent,
    mix_of,
    p_in_time,
    p_not_automated,
    shares_of,
    stakes_of,
)
from evidence.analysis.value import Asking, Believed, believe, value_of_the_known
from evidence.analysis.worth import Effort, imagine_study, worth_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.proposals import Proposal
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.value import Funded, Portfolio

type Asked = tuple[Proposal, EvidenceBase, Model]

MOST_STUDIES = 8
"""Studies on one base: every subset that may reach the room is weighed."""
EFFORT = Effort(particles=32768, outcomes=256, read=256, planned=12, exact_plans=False, bits=False)


@dataclass
class _Group:
    """Proposals on one base, model and target: their results inform the same decisions."""

    members: list[Proposal]
    believed: Believed
    known: Foreknowledge | None
    stakes: Stakes
    seed: int
    known_worth: float
    """Hours saved by what is known already, where somebody proposes to spread it."""
    informed: dict[frozenset[str], float] = field(default_factory=dict[frozenset[str], float])

    def worth(self, chosen: Iterable[str]) -> float:
        """Hours saved then by doing these proposals together."""
        done = [p for p in self.members if p.id in set(chosen)]
        spread = [p for p in done if p.reach_after is not None]
        reach_after = max((p.reach_after or 0.0 for p in spread), default=0.0)
        total = sum(sum(elicited_channels(p).values()) - hours_then_spent(p) for p in done)
        if spread:
            total += max(((p.reach_after or 0.0) - p.reach) * _counts(p) for p in spread) * self.known_worth
        studies = [p for p in done if p.findings]
        chances = {p.id: max(p.reach, reach_after) * _counts(p) for p in studies}
        for size in range(1, len(studies) + 1):
            for heard in itertools.combinations(studies, size):
                p = math.prod(chances[s.id] if s in heard else 1 - chances[s.id] for s in studies)
                if p > 0:
                    total += p * self._informed(heard)
        return total

    def _informed(self, studies: Sequence[Proposal]) -> float:
        """Hours saved by the results of exactly these studies, for the readers of the first of them."""
        key = frozenset(p.id for p in studies)
        if key not in self.informed and self.known is not None:
            study = self.known.joint(studies)
            shares = shares_of(studies[0])
            readers = readers_of(studies[0], self.known, study)
            wanted = {name: r for name, r in readers.items() if name in shares}
            imagined = imagine_study(self.known.foreseen, study, seed=self.seed, effort=EFFORT)
            found = worth_of(imagined, self.stakes, wanted).both
            self.informed[key] = mix_of(found.saved, found.readers, shares)
        return self.informed.get(key, 0.0)


def _counts(proposal: Proposal) -> float:
    return p_in_time(proposal) * p_not_automated(proposal)


def fund(asked: Sequence[Asked], budget_hours: float, asking: Asking) -> Portfolio:
    """The portfolio for a budget of hours now: next is what adds most hours then per hour now, every set weighed anew.

    Studies on one base are weighed together: what two of them tell is not what each tells. Raises BadInput for two
    proposals of one name, more studies on a base than can be weighed together, or different crunches on one base.
    """
    _require_names([p for p, _, _ in asked])
    groups = _groups(asked, asking)
    proposals = {p.id: p for p, _, _ in asked}

    def worth(chosen: frozenset[str]) -> float:
        return sum(group.worth(chosen & {p.id for p in group.members}) for group in groups)

    costs = {name: hours_now_of(p) for name, p in proposals.items()}
    alone = {name: worth(frozenset({name})) for name in proposals}
    order = greedy_portfolio(costs, budget_hours, worth)
    steps: list[Funded] = []
    for k, name in enumerate(order, start=1):
        together = worth(frozenset(order[:k]))
        before = steps[-1].hours_together if steps else 0.0
        steps.append(
            Funded(
                id=name, title=proposals[name].title, hours_now=costs[name], hours_added=together - before,
                hours_together=together,
            )
        )  # fmt: skip
    checks = {
        f"{name} {i + 1}": check for i, g in enumerate(groups) for name, check in g.believed.posterior.checks.items()
    }
    return Portfolio(
        budget_hours=budget_hours, chosen=tuple(steps), hours_now=sum(s.hours_now for s in steps),
        hours_saved_then=steps[-1].hours_together if steps else 0.0,
        left=tuple(name for name in proposals if name not in order), alone=alone, checks=checks,
        ok=all(check.ok for check in checks.values()), provenance=groups[0].believed.case.provenance,
    )  # fmt: skip


def greedy_portfolio(
    costs: dict[str, float], budget: float, worth: Callable[[frozenset[str]], float]
) -> tuple[str, ...]:
    """Names in the order in which they are added; or the one worth most alone, where that is worth more than all of them.

    With that comparison the greedy set of a submodular worth is within (1 - 1/e)/2 of the largest (Leskovec et al. 2007).
    """
    chosen: list[str] = []
    left, now = budget, 0.0
    while True:
        gains = {
            name: worth(frozenset({*chosen, name})) - now
            for name, cost in costs.items()
            if name not in chosen and cost <= left + 1e-9
        }
        gains = {name: gain for name, gain in gains.items() if gain > 0}
        if not gains:
            break
        name = max((gain / max(costs[n], 1e-9), n) for n, gain in gains.items())[1]
        chosen.append(name)
        left, now = left - costs[name], now + gains[name]
    single = {name: worth(frozenset({name})) for name, cost in costs.items() if cost <= budget + 1e-9}
    if single and max(single.values()) > now + 1e-12:
        return (max((gain, n) for n, gain in single.items())[1],)
    return tuple(chosen)


def _groups(asked: Sequence[Asked], asking: Asking) -> list[_Group]:
    by_key: dict[tuple[str, str, str | None], list[Asked]] = {}
    for proposal, base, model in asked:
        by_key.setdefault((base.question.id, model.id, proposal.target), []).append((proposal, base, model))
    return [_group(members, asking) for members in by_key.values()]


def _group(asked: Sequence[Asked], asking: Asking) -> _Group:
    members = [p for p, _, _ in asked]
    studies = [p for p in members if p.findings]
    if len(studies) > MOST_STUDIES:
        found = f"{len(studies)} studies on {members[0].base!r}"
        raise BadInput(
            (Problem("--budget", None, "", found, f"at most {MOST_STUDIES} that inform the same decisions"),)
        )
    for p in members[1:]:
        if (p.crunch, p.automation) != (members[0].crunch, members[0].automation):
            wanted = f"the crunch and automation of {members[0].id!r}: proposals on one base are for the same decisions"
            raise BadInput((Problem(p.id, None, "crunch", "another crunch or automation", wanted),))
    believed = believe(*asked[0], asking)
    stakes = stakes_of(members[0], believed.case.base)
    known = None
    if studies:
        known = foresee_proposals(believed.case, believed.posterior, studies, asking.foresight)
    spread = any(p.reach_after is not None for p in members)
    known_worth = value_of_the_known(believed, stakes, asking) if spread else 0.0
    return _Group(members, believed, known, stakes, asking.seed, known_worth)


def _require_names(proposals: Sequence[Proposal]) -> None:
    for i, proposal in enumerate(proposals):
        if proposal.id in [p.id for p in proposals[:i]]:
            raise BadInput((Problem("PROPOSAL", None, "id", f"{proposal.id!r} twice", "proposals of different names"),))
