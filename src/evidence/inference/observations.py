"""The findings as the sampled engine observes them, straight from the records (docs/model.md, section 3).

A *place* is where a technique has a true effect: a proxy setting, a target that was measured, or the target in use
(always the last). An *arm* is one technique in one study at one place. Contrasts compare two arms, scores are single
arms on the unknown level of their cell, tallies are binomial arms on such a level, statements are signs in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding
from evidence.model.effects import Effect, effect_of

CERTAIN_LOG_ODDS = 40.0
"""Log-odds of a statement with reliability 1: finite, and beyond any digit shown."""


@dataclass(frozen=True)
class Arm:
    """One technique in one study at one place, with what its authors may have added to it."""

    technique: str
    study: str
    place: str
    own: bool

    @property
    def noise(self) -> str:
        """The implementation this arm shares with the study's other findings there."""
        return f"{self.study} | {self.technique} @ {self.place}"


@dataclass(frozen=True)
class Contrast:
    """y of one arm against another, normal. `sample` names a comparator sample that several contrasts share."""

    finding: str
    arm: Arm
    comparator: Arm
    effect: Effect
    assumed: str | None
    sample: str | None


@dataclass(frozen=True)
class Score:
    """y of one arm, normal, on the unknown level of its cell."""

    finding: str
    arm: Arm
    effect: Effect
    assumed: str | None
    cell: str


@dataclass(frozen=True)
class Tally:
    """Good and bad outcomes of one arm, binomial on the unknown level of its cell; a comparator's serves several."""

    findings: tuple[str, ...]
    arm: Arm
    good: float
    bad: float
    cell: str


@dataclass(frozen=True)
class Statement:
    """In words: f_technique - f_comparator at `place` exceeds `threshold`, right with the given log-odds."""

    finding: str
    technique: str
    comparator: str
    place: str
    threshold: float
    log_odds: float

    def scaled(self, factor: float) -> float:
        """Log-odds of the statement taken `factor` times as seriously, at most certain."""
        return max(-CERTAIN_LOG_ODDS, min(CERTAIN_LOG_ODDS, factor * self.log_odds))


@dataclass
class Observations:
    """Everything observed, whatever is switched on: the latents laid out from it are the same for every mask."""

    techniques: tuple[str, ...]
    places: tuple[str, ...]
    n_settings: int
    contrasts: list[Contrast] = field(default_factory=list[Contrast])
    scores: list[Score] = field(default_factory=list[Score])
    tallies: list[Tally] = field(default_factory=list[Tally])
    statements: list[Statement] = field(default_factory=list[Statement])
    orders: list[Statement] = field(default_factory=list[Statement])
    """Registered beliefs about merits at the target in use."""

    @property
    def arms(self) -> list[Arm]:
        """Every arm met, once, in reading order."""
        compared = [arm for c in self.contrasts for arm in (c.arm, c.comparator)]
        return list(dict.fromkeys([*compared, *(x.arm for x in self.scores), *(x.arm for x in self.tallies)]))

    @property
    def observed(self) -> list[tuple[int, int]]:
        """(technique, place) of every true effect that a finding speaks of; the baseline has none."""
        met = {(a.technique, a.place) for a in self.arms}
        met |= {(t, s.place) for s in [*self.statements, *self.orders] for t in (s.technique, s.comparator)}
        index = {(self.techniques.index(t), self.places.index(p)) for t, p in met}
        return sorted((t, p) for t, p in index if t > 0)

    @property
    def effects(self) -> list[tuple[int, int]]:
        """(technique, place) of every true effect the model holds: those observed, then the remaining merits."""
        observed, target = self.observed, len(self.places) - 1
        return observed + [(t, target) for t in range(1, len(self.techniques)) if (t, target) not in observed]

    @property
    def cells(self) -> list[str]:
        """Cells with an unknown level."""
        return list(dict.fromkeys(x.cell for x in [*self.scores, *self.tallies]))

    @property
    def samples(self) -> list[str]:
        """Comparator samples that several contrasts share."""
        return list(dict.fromkeys(c.sample for c in self.contrasts if c.sample is not None))

    @property
    def noises(self) -> list[str]:
        """Implementations, each with a noise of its own."""
        return list(dict.fromkeys(arm.noise for arm in self.arms))

    @property
    def assumed(self) -> list[str]:
        """Unknown sample sizes."""
        return sorted({x.assumed for x in [*self.contrasts, *self.scores] if x.assumed is not None})

    @property
    def allegiances(self) -> list[str]:
        """Studies in which some arm is the authors' own."""
        return list(dict.fromkeys(arm.study for arm in self.arms if arm.own))


def read_observations(base: EvidenceBase, target: str, *, likelihood: str) -> Observations:
    """What the findings of a base say. `likelihood`: `binomial` for all counts, `normal` where no cell is below 5.

    Raises ValueError for another likelihood.
    """
    if likelihood not in {"binomial", "normal"}:
        raise ValueError(f"likelihood: found {likelihood!r}, wanted 'binomial' or 'normal'")
    settings = [s.id for s in base.settings]
    targets = {t.id for t in base.question.targets}
    measured = [f.setting for f in base.findings if f.setting in targets and f.setting != target]
    techniques = tuple(t.id for t in base.techniques)
    found = Observations(techniques, places=(*settings, *dict.fromkeys(measured), target), n_settings=len(settings))
    found.statements = [_statement(f, base) for f in base.findings if f.kind in SIGN_KINDS]
    found.orders = [
        Statement(f"order {i}", o.technique, o.comparator, target, 0.0, _log_odds(o.q))
        for i, o in enumerate(base.orders)
    ]
    for f in base.findings:
        if f.is_arm:
            _read_arm(f, found, always_binomial=likelihood == "binomial")
    contrasts = [f for f in base.findings if f.kind not in SIGN_KINDS and not f.is_arm]
    for members in _comparator_samples(contrasts):
        effects = [effect_of(f) for f in members]
        is_counts = members[0].kind == "counts"
        if is_counts and (likelihood == "binomial" or any(e.small_cell for e in effects)):
            _read_tables(members, effects, found)
        else:
            _read_contrasts(members, effects, found)
    return found


def _statement(f: Finding, base: EvidenceBase) -> Statement:
    """A statement in words is already directed: `higher_is_better` does not turn it round."""
    threshold = base.question.smallest_difference if f.kind == "existence" else 0.0
    odds = _log_odds(1.0 if f.q is None else f.q)
    return Statement(f.id, f.technique, f.comparator or base.techniques[0].id, f.setting, threshold, odds)


def _log_odds(q: float) -> float:
    return CERTAIN_LOG_ODDS if q >= 1 else min(CERTAIN_LOG_ODDS, math.log(q) - math.log1p(-q))


def _read_arm(f: Finding, into: Observations, *, always_binomial: bool) -> None:
    effect = effect_of(f)
    cell = f"{f.study} @ {f.setting}"
    if effect.cells and (always_binomial or effect.small_cell):
        good, bad = effect.cells[0]
        into.tallies.append(Tally((f.id,), _arm_of(f), good, bad, cell))
    else:
        into.scores.append(Score(f.id, _arm_of(f), effect, assumed_name(f), cell))


def _read_tables(members: Sequence[Finding], effects: Sequence[Effect], into: Observations) -> None:
    """2x2 tables: every arm is binomial, the comparator's sample counts once."""
    cell = f"tables {members[0].id}"
    everyone = tuple(f.id for f in members)
    own = any(f.own_comparator for f in members)
    comparator = Arm(members[0].comparator or "", members[0].study, members[0].setting, own)
    into.tallies.append(Tally(everyone, comparator, *effects[0].cells[1], cell))
    for f, effect in zip(members, effects, strict=True):
        into.tallies.append(Tally((f.id,), _arm_of(f), *effect.cells[0], cell))


def _read_contrasts(members: Sequence[Finding], effects: Sequence[Effect], into: Observations) -> None:
    sample = f"comparator of {members[0].id}" if len(members) > 1 else None
    for f, effect in zip(members, effects, strict=True):
        comparator = Arm(f.comparator or "", f.study, f.setting, f.own_comparator)
        into.contrasts.append(Contrast(f.id, _arm_of(f), comparator, effect, assumed_name(f), sample))


def _comparator_samples(contrasts: Sequence[Finding]) -> list[list[Finding]]:
    """Contrasts by comparator sample: one study, setting and comparator, quoted with the same numbers."""
    samples: dict[tuple[object, ...], list[Finding]] = {}
    for f in contrasts:
        quoted = (f.study, f.setting, f.comparator, f.kind, f.k0, f.n0, f.mean0, f.sd0)
        samples.setdefault(quoted if f.shared_comparator else (*quoted, f.id), []).append(f)
    return list(samples.values())


def assumed_name(f: Finding) -> str | None:
    """Name of the unknown n that the findings of one study with the same assumed range share; None for a known n."""
    return None if f.assumed_n_lo is None else f"{f.study}:{f.assumed_n_lo}-{f.assumed_n_hi}"


def _arm_of(f: Finding) -> Arm:
    return Arm(f.technique, f.study, f.setting, f.own_technique)
