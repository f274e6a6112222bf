"""EvidenceBase -> rows and latents: what the engines see of the findings (docs/model.md, sections 3 and 5).

Every Gaussian finding is written as *arms with a free level*. An arm finding is one row; a contrast is a technique
row (y) and a comparator row (0) of one group, whose level kappa has a flat prior, so that only the difference
informs. Rows that share a comparator sample share its row. A contrast with the baseline that shares its comparator
with nobody is one row. Findings without a Gaussian likelihood (orders, small counts) become *latents*: linear
functions of the effects that the engine samples one by one. How they become arrays is `evidence.model.design`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding
from evidence.model.effects import Effect, effect_of

ARM_LEVEL_SD = 10.0
"""Prior sd (SMD) of the level of an arm finding's cell."""
CERTAIN_LOG_ODDS = 40.0
"""Log-odds of a statement with reliability 1: finite, and beyond any digit shown."""
ASKED = ""
"""The place of registered merits and orders: the target in use, whichever that is."""


@dataclass
class Collected:
    """Rows and latents while they are being collected."""

    rows: list[Row] = field(default_factory=list["Row"])
    latents: list[Latent] = field(default_factory=list["Latent"])
    groups: list[float] = field(default_factory=list[float])
    group_findings: list[set[str]] = field(default_factory=list[set[str]])

    def open_group(self, precision: float) -> int:
        """Number of a new group whose level has this prior precision."""
        self.groups.append(precision)
        self.group_findings.append(set())
        return len(self.groups) - 1


@dataclass(frozen=True)
class Row:
    """One arm on a level: `y` (SMD) with a log variance between its ends at the smallest and largest assumed n."""

    technique: str
    place: str
    study: str
    group: int
    """-1: no level of its own (a contrast with the baseline alone, a registered merit)."""
    finding: str | None
    y: float
    log_var: tuple[float, float]
    assumed: str | None
    own: float
    """Loading on the study's allegiance."""
    against: str | None = None
    """The comparator a single row already holds: its implementation noise is in the row too."""
    merit_sd: float = 0.0
    """s of a registered merit; 0 for a finding's row."""


@dataclass
class Latent:
    """One sampled linear function of the effects: a contrast with a stated sign, or one arm of a small count."""

    key: tuple[object, ...]
    technique: str
    comparator: str | None
    place: str
    study: str
    is_sign: bool
    threshold: float = 0.0
    group: int = -1
    own: float = 0.0
    cells: tuple[float, float] = (0.0, 0.0)
    log_odds: dict[str, float] = field(default_factory=dict[str, float])
    findings: set[str] = field(default_factory=set[str])
    belief_log_odds: float = 0.0
    """Log-odds that registered orders add for "above threshold"."""


def collect(base: EvidenceBase) -> Collected:
    """The rows, groups and latents of a base. Needs no model: priors, gaps and validity are `Hyper`'s business."""
    effects = {f.id: effect_of(f) for f in base.findings if f.kind not in SIGN_KINDS}
    collected = Collected()
    _collect_signs(base, collected)
    _collect_arms([f for f in base.findings if f.is_arm], effects, collected)
    contrasts = [f for f in base.findings if not f.is_arm and f.kind not in SIGN_KINDS]
    baseline = base.techniques[0].id
    for members in _by_comparator_sample(contrasts).values():
        if any(f.kind == "counts" and effects[f.id].small_cell for f in members):
            _collect_count_arms(members, effects, collected)
        elif len(members) == 1 and members[0].comparator == baseline:
            collected.rows.append(_single_row(members[0], effects[members[0].id]))
        else:
            _collect_contrasts(members, effects, collected)
    _collect_beliefs(base, collected)
    return collected


def _collect_signs(base: EvidenceBase, into: Collected) -> None:
    """Statements about the sign of one contrast are one latent: their log-odds add."""
    order = {t.id: i for i, t in enumerate(base.techniques)}
    latents: dict[tuple[object, ...], Latent] = {}
    for f in base.findings:
        if f.kind not in SIGN_KINDS or f.comparator is None or f.q is None:
            continue
        # "Technique above comparator" means better: a statement in words is already directed.
        high, low = sorted((f.technique, f.comparator), key=order.__getitem__, reverse=True)
        threshold = base.question.smallest_difference if f.kind == "existence" else 0.0
        key = (high, low, f.setting, threshold)
        latent = latents.setdefault(key, Latent(key, high, low, f.setting, f.study, is_sign=True, threshold=threshold))
        sign = 1.0 if high == f.technique else -1.0
        latent.log_odds[f.id] = sign * min(CERTAIN_LOG_ODDS, _logit(f.q))
        latent.findings.add(f.id)
    into.latents.extend(latents.values())


def _collect_arms(arms: list[Finding], effects: dict[str, Effect], into: Collected) -> None:
    groups: dict[tuple[str, str], int] = {}
    for f in arms:
        cell = (f.study, f.setting)
        if cell not in groups:
            groups[cell] = into.open_group(ARM_LEVEL_SD**-2)
        group, effect = groups[cell], effects[f.id]
        into.group_findings[group].add(f.id)
        if effect.small_cell:
            into.latents.append(_count_latent(f, f.technique, effect.cells[0], group, own=f.own_technique))
        else:
            log_var = (effect.log_var_lo, effect.log_var_hi)
            into.rows.append(_row(f, f.technique, group, effect.y, log_var, own=f.own_technique))


def _collect_contrasts(members: list[Finding], effects: dict[str, Effect], into: Collected) -> None:
    """Technique rows and one comparator row, whose variance is the smallest comparator share of the members.

    A comparator arm is sampled once, so its error has one variance, whatever each contrast's own se says; the
    smallest share keeps every technique row's variance positive and each contrast's total as stated.
    """
    group = into.open_group(0.0)
    shared = min(members, key=lambda f: _comparator_log_var(effects[f.id])[1])
    comparator = _comparator_log_var(effects[shared.id])
    for f in members:
        effect = effects[f.id]
        total = (effect.log_var_lo, effect.log_var_hi)
        if f.id == shared.id:
            rest = tuple(t + math.log1p(-effect.comparator_share) for t in total)
        else:
            rest = tuple(_log_minus(t, c) for t, c in zip(total, comparator, strict=True))
        into.rows.append(_row(f, f.technique, group, effect.y, (rest[0], rest[1]), own=f.own_technique))
        into.group_findings[group].add(f.id)
    own = any(f.own_comparator for f in members)
    into.rows.append(
        Row(
            shared.comparator or "", shared.setting, shared.study, group, None, 0.0,
            comparator, _assumed_name(shared), float(own),
        )
    )  # fmt: skip


def _collect_count_arms(members: list[Finding], effects: dict[str, Effect], into: Collected) -> None:
    """Counts with a small cell keep their binomial likelihood: both arms are latents on one free level."""
    group = into.open_group(ARM_LEVEL_SD**-2)
    first = members[0]
    comparator = _count_latent(
        first, first.comparator or "", effects[first.id].cells[1], group, own=first.own_comparator
    )
    into.latents.append(comparator)
    for f in members:
        into.latents.append(_count_latent(f, f.technique, effects[f.id].cells[0], group, own=f.own_technique))
        comparator.findings.add(f.id)
        into.group_findings[group].add(f.id)


def _single_row(f: Finding, effect: Effect) -> Row:
    """A contrast with the baseline that shares its comparator with nobody: its level integrated out beforehand."""
    own = float(f.own_technique) - float(f.own_comparator)
    log_var = (effect.log_var_lo, effect.log_var_hi)
    return Row(f.technique, f.setting, f.study, -1, f.id, effect.y, log_var, _assumed_name(f), own, f.comparator)


def _collect_beliefs(base: EvidenceBase, into: Collected) -> None:
    """Registered merits are rows and registered orders latents at the target in use."""
    order = {t.id: i for i, t in enumerate(base.techniques)}
    for merit in base.merits:
        into.rows.append(
            Row(merit.technique, ASKED, "", -1, None, merit.mean, (0.0, 0.0), None, 0.0, merit_sd=merit.sd)
        )
    latents: dict[tuple[object, ...], Latent] = {}
    for belief in base.orders:
        high, low = sorted((belief.technique, belief.comparator), key=order.__getitem__, reverse=True)
        key = (high, low, ASKED)
        latent = latents.setdefault(key, Latent(key, high, low, ASKED, "", is_sign=True))
        sign = 1.0 if high == belief.technique else -1.0
        latent.belief_log_odds += sign * min(CERTAIN_LOG_ODDS, _logit(belief.q))
    into.latents.extend(latents.values())


def _count_latent(f: Finding, technique: str, cells: tuple[float, float], group: int, *, own: bool) -> Latent:
    return Latent(
        ("count", f.id, technique), technique, None, f.setting, f.study, is_sign=False,
        group=group, own=float(own), cells=cells, findings={f.id},
    )  # fmt: skip


def _row(f: Finding, technique: str, group: int, y: float, log_var: tuple[float, float], *, own: bool) -> Row:
    return Row(technique, f.setting, f.study, group, f.id, y, log_var, _assumed_name(f), float(own))


def _assumed_name(f: Finding) -> str | None:
    """Findings of one study with the same assumed range share the same unknown n."""
    return None if f.assumed_n_lo is None else f"{f.study}:{f.assumed_n_lo}-{f.assumed_n_hi}"


def _by_comparator_sample(contrasts: Iterable[Finding]) -> dict[tuple[object, ...], list[Finding]]:
    """Contrasts that share a comparator's sampling error: same study, setting, comparator and comparator numbers."""
    samples: dict[tuple[object, ...], list[Finding]] = {}
    for f in contrasts:
        key: tuple[object, ...] = (f.study, f.setting, f.comparator, f.kind, f.k0, f.n0, f.mean0, f.sd0)
        if not f.shared_comparator:
            key = (*key, f.id)
        samples.setdefault(key, []).append(f)
    return samples


def _comparator_log_var(effect: Effect) -> tuple[float, float]:
    share = math.log(effect.comparator_share)
    return effect.log_var_lo + share, effect.log_var_hi + share


def _log_minus(log_a: float, log_b: float) -> float:
    """log(exp(log_a) - exp(log_b)) for log_a > log_b."""
    return log_a + math.log1p(-math.exp(log_b - log_a))


def _logit(p: float) -> float:
    return math.inf if p >= 1 else math.log(p) - math.log1p(-p)
