"""Whether what was measured of one pair disagrees with itself (docs/model.md, section 6)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding
from evidence.domain.shifts import Conflict
from evidence.model.conflict import gail_simon_p
from evidence.model.effects import effect_of

CONFLICT_P = 0.05


@dataclass(frozen=True)
class _Estimate:
    """One finding, or two arms of a cell, as an estimate of the pair's contrast on the proxy (SMD)."""

    study: str
    family: str
    y: float
    variance: float


def find_conflicts(base: EvidenceBase, technique: str, comparator: str) -> tuple[Conflict, ...]:
    """The estimates of `technique` against `comparator` on proxies, between studies and between families.

    Sized findings only: an order has no standard error. Empty where fewer than two studies (families) measured the pair.
    """
    estimates = list(_direct(base, technique, comparator))
    found: list[Conflict] = []
    for between in ("studies", "families"):
        z = _pooled_z(estimates, between)
        if len(z) < 2:
            continue
        p = gail_simon_p(list(z.values()))
        by_size = sorted(z, key=lambda name: -abs(z[name]))
        found.append(
            Conflict(
                technique=technique, comparator=comparator, between=between, p=p, found=p < CONFLICT_P,
                above=tuple(name for name in by_size if z[name] > 0),
                below=tuple(name for name in by_size if z[name] < 0),
            )
        )  # fmt: skip
    return tuple(found)


def compared_pairs(base: EvidenceBase) -> tuple[tuple[str, str], ...]:
    """Every pair that sized findings on proxies measured side by side, the technique that the base lists later first."""
    order = [t.id for t in base.techniques]
    pairs: set[tuple[int, int]] = set()
    for members in _cells(base).values():
        met = {order.index(f.technique) for f in members} | {order.index(f.comparator) for f in members if f.comparator}
        pairs |= {(a, b) for a in met for b in met if a > b}
    return tuple((order[a], order[b]) for a, b in sorted(pairs))


def _pooled_z(estimates: list[_Estimate], between: str) -> dict[str, float]:
    """The z of the inverse-variance mean of each study's, or family's, estimates."""
    groups: defaultdict[str, list[_Estimate]] = defaultdict(list)
    for e in estimates:
        groups[e.study if between == "studies" else e.family].append(e)
    return {
        name: sum(e.y / e.variance for e in members) / math.sqrt(sum(1 / e.variance for e in members))
        for name, members in groups.items()
    }


def _cells(base: EvidenceBase) -> dict[tuple[str, str], list[Finding]]:
    """Sized findings on proxies by study and setting."""
    proxies = {s.id for s in base.settings}
    cells: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for f in base.findings:
        if f.kind not in SIGN_KINDS and f.setting in proxies:
            cells[f.study, f.setting].append(f)
    return cells


def _direct(base: EvidenceBase, technique: str, comparator: str) -> Iterator[_Estimate]:
    """Contrasts of the pair: findings against each other, arms of one cell, and two findings with one comparator."""
    for (study, setting), members in _cells(base).items():
        family = base.setting(setting).family
        for f in members:
            if {f.technique, f.comparator} == {technique, comparator}:
                sign = 1.0 if f.technique == technique else -1.0
                yield _Estimate(study, family, sign * effect_of(f).y, _variance(f))
        for f in members:
            for g in members:
                if (f.technique, g.technique) == (technique, comparator) and f.comparator == g.comparator:
                    variance = _variance(f) + _variance(g) - 2 * _shared(f, g)
                    yield _Estimate(study, family, effect_of(f).y - effect_of(g).y, variance)


def _variance(f: Finding) -> float:
    """Sampling variance (SMD^2); of an assumed n at the geometric middle of its range."""
    effect = effect_of(f)
    return math.exp((effect.log_var_lo + effect.log_var_hi) / 2)


def _shared(f: Finding, g: Finding) -> float:
    """Covariance through the comparator's sample, where they share it: the smaller of the two shares (`model/rows.py`)."""
    if f.is_arm or not (f.shared_comparator and g.shared_comparator):
        return 0.0
    return min(_variance(x) * effect_of(x).comparator_share for x in (f, g))
