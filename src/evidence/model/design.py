"""EvidenceBase -> arrays: what the engines see of the findings (docs/model.md, sections 3 and 5).

Every Gaussian finding is written as *arms with a free level*. An arm finding is one row; a contrast is a technique
row (y) and a comparator row (0) of one group, whose level kappa has a flat prior, so that only the difference
informs. Rows that share a comparator sample share its row. Findings without a Gaussian likelihood (orders, small
counts) become *latents*: linear functions of the effects that the engine samples one by one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding
from evidence.model.effects import Effect, effect_of

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

ARM_LEVEL_SD = 10.0
"""Prior sd (SMD) of the level of an arm finding's cell."""
CERTAIN_LOG_ODDS = 40.0
"""Log-odds of a statement with reliability 1: finite, and beyond any digit shown."""


@dataclass(frozen=True)
class Design:
    """The findings of a base as arrays. N rows, K groups, S settings, T techniques, W shared effects, O latents.

    Shared effects (columns of `row_shared`) are, in order: one level per setting (optimism and the part of merit
    that all techniques share), one allegiance per study with flagged findings, one implementation noise per
    (study, technique, setting) met more than once, and the target's shared part. Row N is a dummy for padding.
    """

    base: EvidenceBase
    """The records these arrays were made from."""
    techniques: tuple[str, ...]
    settings: tuple[str, ...]
    findings: tuple[str, ...]
    row_technique: Ints
    row_setting: Ints
    row_group: Ints
    row_finding: Ints
    """Finding of a technique row; -1 for a comparator row."""
    row_y: Floats
    row_log_var_lo: Floats
    row_log_var_hi: Floats
    row_assumed: Ints
    """Which assumed-n coordinate scales the row's variance; `n_assumed` for none."""
    row_own_noise: Floats
    """1 where implementation noise belongs to this row alone, 0 where it is a shared effect."""
    row_shared: Floats
    """(N + 1, W) loadings on the shared effects."""
    rows_of_technique: Ints
    """(T - 1, n) row numbers of techniques 1.., padded with N."""
    baseline_rows: Ints
    group_precision: Floats
    """Prior precision of each group's level: 0 (flat) for contrasts, 1/100 for arms."""
    group_findings: NDArray[np.bool_]
    """(K, findings): which findings a group holds."""
    own_columns: Ints
    """Setting index per shared-effect column of implementation noise (unused entries none)."""
    n_allegiance: int
    n_repeated: int
    assumed: tuple[str, ...]
    """Names of the assumed-n coordinates."""
    node_settings: Ints
    """(T - 1, Q) where each technique is asked about: the target (S) first, then settings of latents; padded with S."""
    latent_is_sign: NDArray[np.bool_]
    latent_node_a: Ints
    latent_node_c: Ints
    """Flat index into (T - 1) x Q of the technique's and the comparator's node; -1 for the baseline or none."""
    latent_shared: Floats
    """(O, W) loadings on the shared effects."""
    latent_group: Ints
    """Group whose level an arm latent carries; K for none."""
    latent_own_noise: Floats
    latent_threshold: Floats
    latent_signs: Floats
    """(O, findings): log-odds each finding adds for "latent above threshold"."""
    latent_cells: Floats
    """(O, 2) successes and failures of a small-count latent."""
    latent_findings: NDArray[np.bool_]
    """(O, findings): which findings a latent belongs to."""

    @property
    def latent_select(self) -> Floats:
        """(O, T - 1, Q): +1 at the node of a latent's technique, -1 at its comparator's."""
        n_techniques, width = self.node_settings.shape
        select = np.zeros((self.n_latents, n_techniques * width))
        for node, sign in ((self.latent_node_a, 1.0), (self.latent_node_c, -1.0)):
            met = np.flatnonzero(node >= 0)
            select[met, node[met]] += sign
        return select.reshape(self.n_latents, n_techniques, width)

    @property
    def n_latents(self) -> int:
        """Number of sampled latents O."""
        return len(self.latent_node_a)


@dataclass
class _Rows:
    """Rows and latents while they are being collected."""

    rows: list[_Row] = field(default_factory=list["_Row"])
    latents: list[_Latent] = field(default_factory=list["_Latent"])
    groups: list[float] = field(default_factory=list[float])
    group_findings: list[set[str]] = field(default_factory=list[set[str]])

    def open_group(self, precision: float) -> int:
        self.groups.append(precision)
        self.group_findings.append(set())
        return len(self.groups) - 1


@dataclass(frozen=True)
class _Row:
    technique: str
    setting: str
    study: str
    group: int
    finding: str | None
    y: float
    log_var: tuple[float, float]
    assumed: str | None
    own: float


@dataclass
class _Latent:
    key: tuple[object, ...]
    technique: str
    comparator: str | None
    setting: str
    study: str
    is_sign: bool
    threshold: float = 0.0
    group: int = -1
    own: float = 0.0
    cells: tuple[float, float] = (0.0, 0.0)
    log_odds: dict[str, float] = field(default_factory=dict[str, float])
    findings: set[str] = field(default_factory=set[str])


def build_design(base: EvidenceBase) -> Design:
    """The arrays of a base. Needs no model: priors, gaps and validity are `Hyper`'s business."""
    effects = {f.id: effect_of(f) for f in base.findings if f.kind not in SIGN_KINDS}
    collected = _Rows()
    _collect_signs(base, collected)
    _collect_arms([f for f in base.findings if f.is_arm], effects, collected)
    contrasts = [f for f in base.findings if not f.is_arm and f.kind not in SIGN_KINDS]
    for members in _by_comparator_sample(contrasts).values():
        if any(f.kind == "counts" and effects[f.id].small_cell for f in members):
            _collect_count_arms(members, effects, collected)
        else:
            _collect_contrasts(members, effects, collected)
    return _to_arrays(base, collected)


def _collect_signs(base: EvidenceBase, into: _Rows) -> None:
    """Statements about the sign of one contrast are one latent: their log-odds add."""
    order = {t.id: i for i, t in enumerate(base.techniques)}
    latents: dict[tuple[object, ...], _Latent] = {}
    for f in base.findings:
        if f.kind not in SIGN_KINDS or f.comparator is None or f.q is None:
            continue
        # "Technique above comparator" means better: a statement in words is already directed.
        high, low = sorted((f.technique, f.comparator), key=order.__getitem__, reverse=True)
        threshold = base.question.smallest_difference if f.kind == "existence" else 0.0
        key = (high, low, f.setting, threshold)
        latent = latents.setdefault(key, _Latent(key, high, low, f.setting, f.study, is_sign=True, threshold=threshold))
        sign = 1.0 if high == f.technique else -1.0
        latent.log_odds[f.id] = sign * min(CERTAIN_LOG_ODDS, _logit(f.q))
        latent.findings.add(f.id)
    into.latents.extend(latents.values())


def _collect_arms(arms: list[Finding], effects: dict[str, Effect], into: _Rows) -> None:
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


def _collect_contrasts(members: list[Finding], effects: dict[str, Effect], into: _Rows) -> None:
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
        _Row(
            shared.comparator or "", shared.setting, shared.study, group, None, 0.0,
            comparator, _assumed_name(shared), float(own),
        )
    )  # fmt: skip


def _collect_count_arms(members: list[Finding], effects: dict[str, Effect], into: _Rows) -> None:
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


def _count_latent(f: Finding, technique: str, cells: tuple[float, float], group: int, *, own: bool) -> _Latent:
    return _Latent(
        ("count", f.id, technique), technique, None, f.setting, f.study, is_sign=False,
        group=group, own=float(own), cells=cells, findings={f.id},
    )  # fmt: skip


def _row(f: Finding, technique: str, group: int, y: float, log_var: tuple[float, float], *, own: bool) -> _Row:
    return _Row(technique, f.setting, f.study, group, f.id, y, log_var, _assumed_name(f), float(own))


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


class _Columns:
    """Where each shared effect stands among the columns of the loadings."""

    def __init__(self, base: EvidenceBase, collected: _Rows) -> None:
        self.setting = {s.id: i for i, s in enumerate(base.settings)}
        flagged = sorted({r.study for r in collected.rows if r.own} | {x.study for x in collected.latents if x.own})
        self.study = {s: len(self.setting) + i for i, s in enumerate(flagged)}
        met = Counter((r.study, r.technique, r.setting) for r in collected.rows)
        met += Counter((x.study, x.technique, x.setting) for x in collected.latents if not x.is_sign)
        repeated = sorted(key for key, times in met.items() if times > 1)
        self.noise = {key: len(self.setting) + len(self.study) + i for i, key in enumerate(repeated)}
        self.count = len(self.setting) + len(self.study) + len(self.noise) + 1

    def loadings(self, *, technique: bool, setting: str, study: str, key: str, own: float) -> Floats:
        """Loadings of one arm on the shared effects; `technique` is False for the baseline, which has no level."""
        row = np.zeros(self.count)
        row[self.setting[setting]] = float(technique)
        if own:
            row[self.study[study]] = own
        if (study, key, setting) in self.noise:
            row[self.noise[study, key, setting]] = 1.0
        return row


def _to_arrays(base: EvidenceBase, collected: _Rows) -> Design:
    technique = {t.id: i for i, t in enumerate(base.techniques)}
    columns = _Columns(base, collected)
    finding = {f.id: i for i, f in enumerate(base.findings)}
    assumed = tuple(sorted({r.assumed for r in collected.rows if r.assumed is not None}))
    rows, latents = collected.rows, collected.latents
    n_rows, n_findings = len(rows), len(finding)
    nodes = _nodes_of(latents, technique, columns.setting)
    loadings = [
        columns.loadings(
            technique=technique[r.technique] > 0, setting=r.setting, study=r.study, key=r.technique, own=r.own
        )
        for r in rows
    ]
    row_technique = np.array([technique[r.technique] for r in rows], dtype=np.int64)
    return Design(
        base=base,
        techniques=tuple(technique),
        settings=tuple(columns.setting),
        findings=tuple(finding),
        row_technique=np.append(row_technique, 0),
        row_setting=_ints([*(columns.setting[r.setting] for r in rows), 0]),
        row_group=_ints([*(r.group for r in rows), 0]),
        row_finding=_ints([*(-1 if r.finding is None else finding[r.finding] for r in rows), -1]),
        row_y=_floats([*(r.y for r in rows), 0.0]),
        row_log_var_lo=_floats([*(r.log_var[0] for r in rows), 0.0]),
        row_log_var_hi=_floats([*(r.log_var[1] for r in rows), 0.0]),
        row_assumed=_ints(
            [*(len(assumed) if r.assumed is None else assumed.index(r.assumed) for r in rows), len(assumed)]
        ),
        row_own_noise=_floats([*((r.study, r.technique, r.setting) not in columns.noise for r in rows), 0.0]),
        row_shared=np.array([*loadings, np.zeros(columns.count)]).reshape(n_rows + 1, columns.count),
        rows_of_technique=_padded([np.flatnonzero(row_technique == t) for t in range(1, len(technique))], n_rows),
        baseline_rows=np.flatnonzero(row_technique == 0) if n_rows else _ints([]),
        group_precision=_floats(collected.groups),
        group_findings=_membership(collected.group_findings, finding),
        own_columns=_ints(columns.noise.values()),
        n_allegiance=len(columns.study),
        n_repeated=len(columns.noise),
        assumed=assumed,
        node_settings=_padded([_ints([len(columns.setting), *ns]) for ns in nodes], len(columns.setting)),
        latent_is_sign=np.array([x.is_sign for x in latents], dtype=bool),
        **_latent_arrays(
            latents, nodes, technique, columns, finding, n_groups=len(collected.groups), n_findings=n_findings
        ),
    )


def _nodes_of(latents: list[_Latent], technique: dict[str, int], setting: dict[str, int]) -> list[list[int]]:
    """Settings at which each technique 1.. is met by a latent, in order."""
    nodes: list[set[int]] = [set() for _ in range(len(technique) - 1)]
    for latent in latents:
        for name in (latent.technique, latent.comparator):
            if name is not None and technique[name] > 0:
                nodes[technique[name] - 1].add(setting[latent.setting])
    return [sorted(n) for n in nodes]


def _latent_arrays(
    latents: list[_Latent], nodes: list[list[int]], technique: dict[str, int], columns: _Columns,
    finding: dict[str, int], *, n_groups: int, n_findings: int,
) -> dict[str, Any]:  # fmt: skip
    width = 1 + max((len(n) for n in nodes), default=0)

    def node(name: str | None, setting: str) -> int:
        t = 0 if name is None else technique[name]
        return -1 if t == 0 else (t - 1) * width + 1 + nodes[t - 1].index(columns.setting[setting])

    shared = np.zeros((len(latents), columns.count))
    signs = np.zeros((len(latents), n_findings))
    own_noise = np.zeros(len(latents))
    for i, x in enumerate(latents):
        if x.is_sign:
            # Between two techniques the setting's level cancels; against the baseline it stays.
            shared[i, columns.setting[x.setting]] = float(technique[x.technique] > 0) - float(
                technique[x.comparator or ""] > 0
            )
            for name, log_odds in x.log_odds.items():
                signs[i, finding[name]] = log_odds
        else:
            is_technique = technique[x.technique] > 0
            shared[i] = columns.loadings(
                technique=is_technique, setting=x.setting, study=x.study, key=x.technique, own=x.own
            )
            own_noise[i] = (x.study, x.technique, x.setting) not in columns.noise
    return {
        "latent_node_a": _ints([node(x.technique, x.setting) for x in latents]),
        "latent_node_c": _ints([node(x.comparator, x.setting) for x in latents]),
        "latent_shared": shared,
        "latent_group": _ints([n_groups if x.group < 0 else x.group for x in latents]),
        "latent_own_noise": own_noise,
        "latent_threshold": _floats([x.threshold for x in latents]),
        "latent_signs": signs,
        "latent_cells": np.array([x.cells for x in latents], dtype=np.float64).reshape(len(latents), 2),
        "latent_findings": _membership([x.findings for x in latents], finding),
    }


def _membership(sets: list[set[str]], index: dict[str, int]) -> NDArray[np.bool_]:
    table = np.zeros((len(sets), len(index)), dtype=bool)
    for i, names in enumerate(sets):
        table[i, [index[n] for n in names]] = True
    return table


def _padded(lists: list[Ints], fill: int) -> Ints:
    width = max((1, *(len(x) for x in lists)))
    out = np.full((len(lists), width), fill, dtype=np.int64)
    for i, x in enumerate(lists):
        out[i, : len(x)] = x
    return out


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)
