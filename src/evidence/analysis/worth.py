"""What a study is worth: hours saved in the crunch by deciding on its result, for whoever reads it (docs/model.md, section 7).

Decisions are made on the reader's posterior of an imagined outcome and judged by the warranted one. Every number is a mean
over outcomes of differences within an outcome, so that a calibrated reader never comes out below 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.sights import GROUPS, Means, Order, Sight, Stakes, Table, sight_of
from evidence.model.decisions import hours_of_orders, hours_of_reliance, plan_tries
from evidence.model.foreseen import Foreseen, Law, Outcomes, Particles, StudyDesign, draw_particles, imagine

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

FEW = 5
"""Techniques up to which every order is compared under every outcome."""
READERS_PLANNED = 6
"""Outcomes for which each reader's own order joins those compared."""
BITS_OUTCOMES = 128


@dataclass(frozen=True)
class Effort:
    """How much is simulated; particles and outcomes are powers of two.

    Too few particles make a study look better than it is: noise in the posterior of an outcome is taken for news.
    """

    particles: int = 65536
    outcomes: int = 512
    read: int = 512
    """Outcomes at which readers other than the calibrated one decide."""
    planned: int = 24
    """Outcomes whose cheapest orders are the ones compared under every outcome."""
    exact_plans: bool = True
    """False: greedy orders instead, for thousands of studies."""
    bits: bool = True


@dataclass(frozen=True)
class Reads:
    """How a reader reads: a law of the result, counted `factor` times."""

    law: Callable[[Particles], Law] | None = None
    """None: the warranted one."""
    factor: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A typed belief: P(technique `column` works) after the first result came out ahead, or behind."""

    column: int
    if_ahead: float
    if_behind: float


@dataclass(frozen=True)
class DecisionWorth:
    """One decision (or both): hours before the result, and saved by it."""

    before: float
    saved: float
    """By a calibrated reader."""
    mcse: float
    crossed: float
    """The same with decisions made on one half of the particles and judged by the other: too small by about as much as
    `saved` is too large."""
    perfect: float
    """By whoever knew the merits."""
    readers: dict[str, float] = field(default_factory=dict[str, float])
    readers_mcse: dict[str, float] = field(default_factory=dict[str, float])
    calibrated_as_read: float = 0.0
    """By a calibrated reader over the outcomes at which the readers decide."""


@dataclass(frozen=True)
class Worth:
    """What one study is worth."""

    try_order: DecisionWorth
    verify_or_ship: DecisionWorth
    both: DecisionWorth
    order_before: Order
    factor: float
    """By how much its hours may exceed those of the cheapest order."""
    ships_before: int | None
    bits: dict[str, float]
    ess: float
    """Median over outcomes of the effective particles."""
    readers_ess: float
    """The same for the reader with the fewest."""
    orders: int
    """How many orders were compared."""


@dataclass(frozen=True)
class Imagined:
    """A study with particles and outcomes, before any stakes."""

    study: StudyDesign
    particles: Particles
    outcomes: Outcomes
    effort: Effort
    seed: int

    def seen_by(self, reader: Reads, outcomes: Outcomes, stakes: Stakes) -> Sight:
        """Some outcomes as a reader sees them."""
        law = self.particles.warranted if reader.law is None else reader.law(self.particles)
        return sight_of(law, self.particles, outcomes, stakes, factor=reader.factor, seed=self.seed)


def imagine_study(foreseen: Foreseen, study: StudyDesign, *, seed: int, effort: Effort | None = None) -> Imagined:
    """Particles and outcomes of a study."""
    effort = effort or Effort()
    particles = draw_particles(foreseen, study, effort.particles, seed=seed)
    return Imagined(study, particles, imagine(particles, effort.outcomes, seed=seed), effort, seed)


def worth_of(imagined: Imagined, stakes: Stakes, readers: Mapping[str, Reads | Rule] | None = None) -> Worth:
    """The worth of a study under `stakes`, for a calibrated reader and for others."""
    effort, outcomes = imagined.effort, imagined.outcomes
    works = stakes.works(imagined.particles.merits)
    plan = plan_tries(works, stakes.hours, stakes.all_fail)
    few = outcomes.taken(slice(effort.read))
    warranted = imagined.seen_by(Reads(), outcomes, stakes)
    sights = {n: imagined.seen_by(r, few, stakes) for n, r in (readers or {}).items() if isinstance(r, Reads)}
    table = _table(works, stakes, plan.order, (warranted, sights, effort))
    found = warranted.means(table, grouped=True)
    parts = _decide(table, found)
    seen = {name: sight.means(table) for name, sight in sights.items()}
    chosen = {name: _choices(table, means.mean) for name, means in seen.items()}
    rules = {n: r for n, r in (readers or {}).items() if isinstance(r, Rule)}
    chosen |= {name: _ruled(rule, table, works, few, imagined.study) for name, rule in rules.items()}
    before = _before(works, stakes, plan.order)
    judged, ships = found.mean[: effort.read], table.before[1] - table.reliance.start
    return Worth(
        try_order=_worth_of(parts[:1], judged, before[0], {n: c[:1] for n, c in chosen.items()}),
        verify_or_ship=_worth_of(parts[1:], judged, before[1], {n: c[1:] for n, c in chosen.items()}),
        both=_worth_of(parts, judged, sum(before), chosen),
        order_before=plan.order, factor=plan.factor, ships_before=ships if ships < len(stakes.columns) else None,
        bits=_bits(imagined, stakes) if effort.bits else {}, ess=float(np.median(found.ess)),
        readers_ess=min((float(np.median(means.ess)) for means in seen.values()), default=math.inf),
        orders=len(table.orders),
    )  # fmt: skip


def _table(
    works: NDArray[np.bool_], stakes: Stakes, first: Order, planned: tuple[Sight, Mapping[str, Sight], Effort]
) -> Table:
    """Every order of few techniques, else those planned after some of the outcomes by any reader; and what is chosen before."""
    warranted, sights, effort = planned
    orders = [first]
    if len(stakes.hours) <= FEW:
        orders += itertools.permutations(range(len(stakes.hours)))
    else:
        orders += warranted.planned(effort.planned, exact=effort.exact_plans)
        for sight in sights.values():
            orders += sight.planned(READERS_PLANNED, exact=False)
    distinct = tuple(dict.fromkeys(orders))
    reliance = hours_of_reliance(works, stakes.check, stakes.failure).mean(axis=0)
    return Table(distinct, stakes, (0, len(distinct) + int(reliance.argmin())))


def _before(works: NDArray[np.bool_], stakes: Stakes, order: Order) -> tuple[float, float]:
    tries = hours_of_orders([order], works, stakes.hours, stakes.all_fail).mean()
    return float(tries), float(hours_of_reliance(works, stakes.check, stakes.failure).mean(axis=0).min())


# Decisions


@dataclass(frozen=True)
class _Part:
    """One decision over all outcomes; the column chosen before holds 0 hours."""

    saved: Floats
    """(J,) hours saved after each outcome."""
    without: Floats
    """(G,) mean hours saved with each group of particles left out."""
    crossed: float
    perfect: float


def _choices(table: Table, mean: Floats) -> tuple[Ints, Ints]:
    """Columns of the chosen order and of the chosen reliance after each outcome; what is chosen before, where as good."""
    chosen: list[Ints] = []
    for part, now in zip((table.tries, table.reliance), table.before, strict=True):
        then = part.start + mean[:, part].argmin(axis=1)
        chosen.append(np.where(mean[np.arange(len(mean)), then] < mean[:, now], then, now))
    return chosen[0], chosen[1]


def _decide(table: Table, found: Means) -> list[_Part]:
    if found.by_group is None or found.group_weights is None:
        raise ValueError("means: found no groups, wanted them by group")
    rows, share = np.arange(len(found.mean)), found.group_weights[:, :, None]
    sums = found.by_group * share
    left = [(sums.sum(axis=0) - sums[g]) / np.maximum(1 - share[g], 1e-300) for g in range(GROUPS)]
    halves = [
        sums[h].sum(axis=0) / np.maximum(share[h].sum(axis=0), 1e-300) for h in (slice(0, None, 2), slice(1, None, 2))
    ]
    chosen, by_half = _choices(table, found.mean), [_choices(table, half) for half in halves]
    parts: list[_Part] = []
    for i, (then, least) in enumerate(zip(chosen, table.least, strict=True)):
        crossed = [half[rows, decided[i]] for half, decided in zip(halves, reversed(by_half), strict=True)]
        parts.append(
            _Part(
                saved=-found.mean[rows, then], without=np.array([-m[rows, then].mean() for m in left]),
                crossed=-float(np.mean(crossed)), perfect=-float(found.mean[:, least].mean()),
            )
        )  # fmt: skip
    return parts


def _worth_of(
    parts: list[_Part], judged: Floats, before: float, chosen: Mapping[str, tuple[Ints, ...]]
) -> DecisionWorth:
    """Some decisions together: outcomes that help the one may harm the other, so errors are those of the sums."""
    rows = np.arange(len(judged))
    saved = np.sum([part.saved for part in parts], axis=0)
    by_reader = {name: -np.sum([judged[rows, t] for t in then], axis=0) for name, then in chosen.items()}
    return DecisionWorth(
        before=before, saved=float(saved.mean()), mcse=_mcse(saved, np.sum([part.without for part in parts], axis=0)),
        crossed=sum(part.crossed for part in parts), perfect=sum(part.perfect for part in parts),
        readers={name: float(s.mean()) for name, s in by_reader.items()},
        readers_mcse={name: float(s.std() / math.sqrt(len(s))) for name, s in by_reader.items()},
        calibrated_as_read=float(saved[: len(judged)].mean()),
    )  # fmt: skip


def _mcse(saved: Floats, without: Floats) -> float:
    """Error of a mean over outcomes, each judged by the same particles: that of either, the particles' by jackknife."""
    n = len(without)
    particles = (n - 1) / n * float(((without - without.mean()) ** 2).sum())
    return math.sqrt(float(saved.var()) / len(saved) + particles)


def _ruled(
    rule: Rule, table: Table, works: NDArray[np.bool_], outcomes: Outcomes, study: StudyDesign
) -> tuple[Ints, Ints]:
    """The decisions of a typed rule: merits before the result, tilted so that the technique works with what was typed."""
    ahead = outcomes.yes[:, 0] > 0 if study.is_sign[0] else outcomes.sizes[:, 0] > 0
    p = float(np.clip(works[:, rule.column].mean(), 1e-9, 1 - 1e-9))
    hours = table.at_particles(works)
    choices: list[tuple[int, int]] = []
    for believed in (rule.if_behind, rule.if_ahead):
        weights = np.where(works[:, rule.column], believed / p, (1 - believed) / (1 - p)) / len(works)
        tries, reliance = _choices(table, (weights @ hours)[None, :])
        choices.append((int(tries[0]), int(reliance[0])))
    index = ahead.astype(np.int64)
    return np.array([c[0] for c in choices])[index], np.array([c[1] for c in choices])[index]


# Information


def _bits(imagined: Imagined, stakes: Stakes) -> dict[str, float]:
    """Expected KL, in bits, of beliefs after the result against before: which merit is highest; the merits' normal approximation."""
    outcomes = imagined.outcomes.taken(slice(BITS_OUTCOMES))
    sight = imagined.seen_by(Reads(), outcomes, stakes)
    merits = imagined.particles.merits[:, stakes.columns]
    t = merits.shape[1]
    first = np.eye(t)[merits.argmax(axis=1)]
    rows, columns = np.triu_indices(t)
    values = np.concatenate([first, merits, merits[:, rows] * merits[:, columns]], axis=1)
    weights = sight.weights(slice(None)).astype(np.float64)
    after = weights @ values / weights.sum(axis=1, keepdims=True)
    before = values.mean(axis=0)

    def moments(mean: Floats) -> tuple[Floats, Floats]:
        cov = np.empty((len(mean), t, t))
        cov[:, rows, columns] = cov[:, columns, rows] = mean[:, 2 * t :]
        m = mean[:, t : 2 * t]
        return m, cov - m[:, :, None] * m[:, None, :] + 1e-9 * np.eye(t)

    share, start = after[:, :t], before[:t]
    order = np.where(share > 0, share * np.log(np.maximum(share, 1e-300) / np.maximum(start, 1e-300)), 0.0).sum(axis=1)
    (m0, S0), (m, S) = moments(before[None]), moments(after)
    inverse, shift = np.linalg.inv(S0[0]), m - m0
    nats = np.einsum("ab,jba->j", inverse, S) + np.einsum("ja,ab,jb->j", shift, inverse, shift) - t
    nats += np.linalg.slogdet(S0[0])[1] - np.linalg.slogdet(S)[1]
    return {
        "order": max(float(order.mean()), 0.0) / math.log(2), "merits": max(0.5 * float(nats.mean()), 0.0) / math.log(2),
    }  # fmt: skip
