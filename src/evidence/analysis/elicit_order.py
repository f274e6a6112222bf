"""`evidence elicit order`: rankings and pairwise beliefs as registered merits or orders, and what the model makes of them."""

from __future__ import annotations

import graphlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.elicit_merit import require_spread
from evidence.analysis.fitting import with_beliefs
from evidence.analysis.typed import DIGITS, bad_option
from evidence.domain.elicitation import ElicitedOrder, PairBelief, RankedBelief, StatedPair
from evidence.domain.records import EvidenceBase, Model, RegisteredMerit, RegisteredOrder
from evidence.model.elicit import mean_square, merit_law, share_up_to
from evidence.model.order_law import (
    MAX_TECHNIQUES,
    MET,
    OrderLaw,
    fit_log_odds,
    law_of_orders,
    merits_given_ranks,
    table_of,
)
from evidence.model.thurstone import fit_merits

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Held:
    """What the model holds of the named techniques once something is registered, before any finding; (n,), (n, n)."""

    above: Floats
    mean: Floats
    sd: Floats
    works: Floats
    left_out: float = 0.0


def elicit_order(
    base: EvidenceBase, model: Model, stated: Sequence[StatedPair], *, typed: Sequence[str],
    form: Literal["merits", "orders"], sure: float, claim: str | None = None,
) -> ElicitedOrder:  # fmt: skip
    """The stated pairs as registered merits (or orders), and what the model then holds, before any finding.

    Raises BadInput for certain statements in a circle, more techniques than orders can be summed over, and models
    that cannot register them.
    """
    _require_room(base, model, form)
    names = list(dict.fromkeys(name for pair in stated for name in (pair.technique, pair.comparator)))
    if len(names) > MAX_TECHNIQUES:
        raise bad_option("STATEMENT", f"{len(names)} techniques", f"at most {MAX_TECHNIQUES}")
    note = f" (neighbours in {100 * sure:g} of 100)" if any(pair.by_default for pair in stated) else ""
    claim = claim or f"Elicited: {', '.join(typed)}{note}."
    asked = _Asked(tuple(names), tuple(stated))
    if form == "merits" and asked.split()[2]:
        raise bad_option(
            "--as", "merits for a pair held for certain", "numbers below 100: no normal law of sizes is that sure"
        )
    try:
        orders, law = _orders_of(asked, claim)
    except ValueError:
        raise bad_option("STATEMENT", "certain statements in a circle", "certain ones that leave an order") from None
    by_order = _held_by_orders(law, model, base.question.smallest_difference)
    merits: tuple[RegisteredMerit, ...] = ()
    held = by_order
    if form == "merits":
        merits = _merits_of(asked, model, claim)
        held = _held_by_merits(merits, model, base.question.smallest_difference)
    misfits = [abs(held.above[i, j] - p) for (i, j), p in asked.numbered()]
    unmet = [abs(law.above[i, j] - p) for (i, j), p in asked.numbered()]
    ranks = law.ranks @ np.arange(1, len(names) + 1)
    replaced = [m for m in model.merits if m.technique in names] if form == "merits" else model.orders
    return ElicitedOrder(
        base=base.question.id, model=model.id, smallest_difference=base.question.smallest_difference,
        statements=tuple(typed), form=form, sure=sure, pairs=tuple(_pairs(asked, law, held, ranks)),
        techniques=tuple(_techniques(asked, base, held, by_order, ranks)),
        works_before=merit_law(model.priors["tau"], model.priors["r"], [], []).share_beyond(0, base.question.smallest_difference),
        orders=orders if form == "orders" else (), merits=merits, can_all_hold=max(unmet) <= 2 * MET,
        worst_misfit=max(misfits), circle=_circle(stated),
        spread=math.sqrt(mean_square(model.priors["tau"])) if form == "merits" else None, left_out=held.left_out,
        replaced=len(replaced),
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """The named techniques and the stated pairs."""

    names: tuple[str, ...]
    stated: tuple[StatedPair, ...]

    def numbered(self) -> Iterator[tuple[tuple[int, int], float]]:
        """Each pair by the places of its names, and its probability."""
        for pair in self.stated:
            yield (self.names.index(pair.technique), self.names.index(pair.comparator)), pair.p

    def split(self) -> tuple[list[tuple[int, int]], list[float], list[tuple[int, int]]]:
        """Uncertain pairs, their probabilities, and certain pairs, the higher technique first."""
        uncertain = [(pair, p) for pair, p in self.numbered() if 0 < p < 1]
        certain = [(i, j) if p == 1 else (j, i) for (i, j), p in self.numbered() if p in {0.0, 1.0}]
        return [pair for pair, _ in uncertain], [p for _, p in uncertain], certain


def _require_room(base: EvidenceBase, model: Model, form: str) -> None:
    """Raises BadInput where the model registers what cannot stand beside the new beliefs."""
    require_spread(model)
    with_beliefs(base, model)
    if form == "orders" and model.merits:
        wanted = "a model without registered merits, beside which no order can be registered, or --as merits"
        raise bad_option("--model", model.id, wanted)
    if form == "merits" and model.orders:
        raise bad_option(
            "--model", model.id, "a model without registered orders, beside which no merit can be registered"
        )


def _orders_of(asked: _Asked, claim: str) -> tuple[tuple[RegisteredOrder, ...], OrderLaw]:
    """The registered orders, and the law of orders that their rounded reliabilities make."""
    pairs, probabilities, certain = asked.split()
    n = len(asked.names)
    law_of_orders(table_of(n, [], [], certain))  # a circle is told before the rest is fitted
    found: list[RegisteredOrder] = []
    log_odds: list[float] = []
    for (i, j), odds in zip(pairs, fit_log_odds(n, pairs, probabilities, certain), strict=True):
        q = round(1 / (1 + math.exp(-abs(odds))), DIGITS)
        log_odds.append(math.copysign(math.log(q / (1 - q)), odds))
        if q > 0.5:
            high, low = (i, j) if odds > 0 else (j, i)
            found.append(RegisteredOrder(technique=asked.names[high], comparator=asked.names[low], q=q, claim=claim))
    found += [
        RegisteredOrder(technique=asked.names[i], comparator=asked.names[j], q=1, claim=claim) for i, j in certain
    ]
    return tuple(found), law_of_orders(table_of(n, pairs, log_odds, certain))


def _held_by_orders(law: OrderLaw, model: Model, difference: float) -> _Held:
    found = merits_given_ranks(law.ranks, model.priors["tau"], model.priors["r"], difference)
    return _Held(law.above, found.mean, found.sd, found.works)


def _merits_of(asked: _Asked, model: Model, claim: str) -> tuple[RegisteredMerit, ...]:
    pairs, probabilities = zip(*asked.numbered(), strict=True)
    means, sd = fit_merits(len(asked.names), pairs, probabilities, model.priors["tau"], model.priors["r"])
    return tuple(
        RegisteredMerit(technique=name, mean=round(float(mean), DIGITS) + 0.0, sd=round(sd, DIGITS), claim=claim)
        for name, mean in zip(asked.names, means, strict=True)
    )


def _held_by_merits(merits: Sequence[RegisteredMerit], model: Model, difference: float) -> _Held:
    """What the model holds of these merits, and of those it registers for other techniques beside them."""
    names = {m.technique for m in merits}
    every = [*merits, *(m for m in model.merits if m.technique not in names)]
    law = merit_law(model.priors["tau"], model.priors["r"], [m.mean for m in every], [m.sd for m in every])
    n = len(merits)
    above = np.zeros((n, n))
    for i, j in itertools.permutations(range(n), 2):
        above[i, j] = law.share_above(i, j)
    mean, sd = np.array([law.moments(i) for i in range(n)]).T
    works = np.array([law.share_beyond(i, difference) for i in range(n)])
    return _Held(above, mean, sd, works, share_up_to(model.priors["tau"], max(m.sd for m in merits)))


def _pairs(asked: _Asked, law: OrderLaw, held: _Held, ranks: Floats) -> Iterator[PairBelief]:
    """Every pair of the named techniques: the stated ones as typed, then the others, the higher technique first."""
    stated = dict(zip((pair for pair, _ in asked.numbered()), asked.stated, strict=True))
    spoken = {frozenset(pair) for pair in stated}
    by_rank = np.argsort(ranks, kind="stable").tolist()
    others = [pair for pair in itertools.combinations(by_rank, 2) if frozenset(pair) not in spoken]
    for i, j in (*stated, *others):
        pair = stated.get((i, j))
        yield PairBelief(
            technique=asked.names[i], comparator=asked.names[j], stated=pair.p if pair else None,
            by_default=pair is not None and pair.by_default, implied=float(law.above[i, j]),
            held=float(held.above[i, j]),
        )  # fmt: skip


def _techniques(
    asked: _Asked, base: EvidenceBase, held: _Held, by_order: _Held, ranks: Floats
) -> Iterator[RankedBelief]:
    for i in np.argsort(ranks, kind="stable").tolist():
        yield RankedBelief(
            technique=asked.names[i], name=base.technique(asked.names[i]).name, mean=float(held.mean[i]),
            sd=float(held.sd[i]), works=float(held.works[i]), works_by_order=float(by_order.works[i]),
            expected_rank=float(ranks[i]),
        )  # fmt: skip


def _circle(stated: Sequence[StatedPair]) -> tuple[str, ...]:
    """Techniques each stated to be above the next and the last above the first; empty where there are none."""
    below: dict[str, set[str]] = {}
    for pair in stated:
        if pair.p != 0.5:
            high, low = (pair.technique, pair.comparator) if pair.p > 0.5 else (pair.comparator, pair.technique)
            below.setdefault(high, set()).add(low)
    try:
        graphlib.TopologicalSorter(below).prepare()
    except graphlib.CycleError as error:
        return tuple(reversed(error.args[1][1:]))
    return ()
