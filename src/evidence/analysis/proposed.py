"""From proposals to arrays: what their studies would measure, foreseen jointly with the merits (docs/model.md, section 7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, find_ruled_out, with_base
from evidence.domain.errors import BadInput, Problem
from evidence.domain.proposals import Proposal, ProposedFinding
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding, Setting
from evidence.inference.engine import Evidence, Posterior
from evidence.model.design import Design
from evidence.model.foreseen import Foreseen, StudyDesign
from evidence.model.hyper import Hyper
from evidence.model.identity import identity_of

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Foresight = Callable[[Design, Hyper, Evidence, Floats, Ints], Foreseen]
"""`inference.foresight.foresee`, which the edge passes in."""
type Arm = tuple[str, str]
"""Technique and place."""

DRAWS = 4096
"""Draws of the posterior that stand for all."""
IMAGINED = "a study that does not exist"
LOGIT_TO_SMD = math.sqrt(3) / math.pi
"""Chinn 2000."""


@dataclass(frozen=True)
class Foreknowledge:
    """What is believed of the merits, and of everything that some proposals would measure."""

    case: Case
    foreseen: Foreseen
    arms: dict[Arm, int]
    same_as: dict[str, str]
    """A proposal's setting that is one of the base's under another name."""

    def study(self, proposal: Proposal) -> StudyDesign:
        """What the study of a proposal would measure, as arrays."""
        return self.joint([proposal])

    def joint(self, proposals: Sequence[Proposal]) -> StudyDesign:
        """The results of several studies side by side: each has errors, noise and allegiance of its own."""
        return joined([_design_of(self, p.findings) for p in proposals])


def foresee_proposals(
    case: Case, posterior: Posterior, proposals: Sequence[Proposal], foresight: Foresight, *, draws: int = DRAWS
) -> Foreknowledge:
    """Everything that the proposals would measure, at draws of the posterior.

    Raises BadInput where two proposals mean different things by one name, or state a validity that gaps rule out.
    """
    larger, same_as = _enlarged(case.base, proposals)
    arms = sorted({arm for p in proposals for f in p.findings for arm in _arms_of(case.base, f, same_as)})
    asked = tuple(_asked(case.base, arm, i) for i, arm in enumerate(arms))
    whole = with_base(case, larger.model_copy(update={"findings": (*larger.findings, *asked)}))
    if problems := find_ruled_out(whole):
        raise BadInput(problems)
    mask = np.append(case.everything.mask, np.zeros(len(asked)))
    latents = _latents_of(whole.design, [f.id for f in asked])
    coordinates = _coordinates(case, whole, posterior.resampled(draws), len(asked))
    found = foresight(whole.design, whole.hyper, Evidence(mask), coordinates, latents)
    return Foreknowledge(whole, found, {arm: i for i, arm in enumerate(arms)}, same_as)


def _enlarged(base: EvidenceBase, proposals: Sequence[Proposal]) -> tuple[EvidenceBase, dict[str, str]]:
    """The base with the proposals' families and settings; a setting alike to one of the base is that one."""
    families = {f.id: f for f in base.families}
    settings = {s.id: s for s in base.settings}
    known = {identity_of(s): s.id for s in base.settings}
    same_as: dict[str, str] = {}
    for proposal in proposals:
        for family in proposal.families:
            if families.setdefault(family.id, family) != family:
                raise _two_meanings(proposal, "families", family.id)
        for setting in proposal.settings:
            met = known.setdefault(identity_of(setting), setting.id)
            if met != setting.id:
                same_as[setting.id] = met
            elif settings.setdefault(setting.id, setting) != setting:
                raise _two_meanings(proposal, "settings", setting.id)
    larger = base.model_copy(update={"families": tuple(families.values()), "settings": tuple(settings.values())})
    return larger, same_as


def _two_meanings(proposal: Proposal, table: str, name: str) -> BadInput:
    wanted = "one meaning per name among proposals on one base"
    return BadInput(
        (Problem(proposal.id, None, table, f"{name!r}, which another proposal describes differently", wanted),)
    )


def _arms_of(base: EvidenceBase, finding: ProposedFinding, same_as: dict[str, str]) -> Iterator[Arm]:
    place = same_as.get(finding.setting, finding.setting)
    baseline = base.techniques[0].id
    yield from ((t, place) for t in (finding.technique, finding.comparator) if t != baseline)


def _asked(base: EvidenceBase, arm: Arm, number: int) -> Finding:
    """A statement about an arm's effect that nobody makes: it gives the effect a place in the arrays."""
    name = f"{IMAGINED} {number}"
    return Finding(
        id=name, study=name, setting=arm[1], technique=arm[0], comparator=base.techniques[0].id, kind="order", q=0.75,
        higher_is_better=True, where=IMAGINED, source_kind="derived",
    )  # fmt: skip


def _latents_of(design: Design, findings: list[str]) -> Ints:
    """The latent that each of these findings speaks of."""
    columns = [design.findings.index(f) for f in findings]
    return np.array([int(np.flatnonzero(design.latent_findings[:, c])[0]) for c in columns], dtype=np.int64)


def _coordinates(case: Case, whole: Case, posterior: Posterior, n_asked: int) -> Floats:
    """Draws of the posterior at the coordinates of the larger base: what no finding speaks of comes from its prior."""
    n, names = len(posterior.coordinates), whole.hyper.names
    rng = np.random.default_rng([case.provenance.seed, 7])
    out = np.zeros((n, len(names) + whole.design.n_latents))
    column = {name: k for k, name in enumerate(case.hyper.names)}
    varies = np.ptp(whole.hyper.tables[:, :, 0], axis=1) > 0
    for k, name in enumerate(names):
        if name in column and case.hyper.active[column[name]]:
            out[:, k] = posterior.coordinates[:, column[name]]
        elif varies[k]:
            out[:, k] = rng.standard_normal(n)
    design = whole.design
    n_findings = len(design.findings) - n_asked
    was_there = design.latent_findings[:, :n_findings].any(axis=1) | (design.latent_belief != 0)
    out[:, len(names) + np.flatnonzero(was_there)] = posterior.coordinates[:, len(case.hyper.names) :]
    return out


def se_of(finding: ProposedFinding) -> float:
    """Expected standard error of a sized result, SMD."""
    if finding.se_smd is not None:
        return finding.se_smd
    n, rate = finding.n_per_arm or 2, finding.expected_rate
    if rate is None:
        return math.sqrt(2 / n)
    return math.sqrt(2 / (n * rate * (1 - rate))) * LOGIT_TO_SMD


def _design_of(known: Foreknowledge, findings: Sequence[ProposedFinding]) -> StudyDesign:
    base, n = known.case.base, len(findings)
    techniques = {t.id: i - 1 for i, t in enumerate(base.techniques)}
    targets = {t.id for t in base.question.targets}
    places = [known.same_as.get(f.setting, f.setting) for f in findings]
    distinct = list(dict.fromkeys(places))
    arms, merits = np.zeros((n, len(known.arms))), np.zeros((n, len(techniques) - 1))
    optimism, sampling, noise = np.zeros((n, len(distinct))), np.zeros((n, n)), np.zeros((n, n))
    for i, f in enumerate(findings):
        for t, sign in ((f.technique, 1.0), (f.comparator, -1.0)):
            if techniques[t] >= 0:
                arms[i, known.arms[t, places[i]]] = merits[i, techniques[t]] = sign
        if places[i] not in targets:
            # Optimism flatters every technique against the baseline: between two of them it cancels.
            optimism[i, distinct.index(places[i])] = float(arms[i].sum())
        for j, g in enumerate(findings):
            if places[i] == places[j]:
                noise[i, j] = sum(
                    a * b for t, a in ((f.technique, 1), (f.comparator, -1)) for u, b in ((g.technique, 1), (g.comparator, -1)) if t == u
                )  # fmt: skip
                sampling[i, j] = _sampling(f, g, same=i == j)
    smallest = base.question.smallest_difference
    return StudyDesign(
        arms, merits, sampling, noise,
        own=np.array([[float(f.own_technique)] for f in findings]), optimism=optimism,
        at_target=np.array([p == known.case.target for p in places], dtype=bool),
        q=np.array([np.nan if f.q is None else f.q for f in findings]),
        threshold=np.array([smallest if f.kind == "existence" else 0.0 for f in findings]),
    )  # fmt: skip


def _sampling(f: ProposedFinding, g: ProposedFinding, *, same: bool) -> float:
    """Sampling covariance of two results in one setting: a comparator's sample is shared, half of the smaller variance."""
    if f.kind in SIGN_KINDS or g.kind in SIGN_KINDS:
        return 0.0
    if same:
        return se_of(f) ** 2
    return min(se_of(f), se_of(g)) ** 2 / 2 if f.comparator == g.comparator else 0.0


def joined(studies: Sequence[StudyDesign]) -> StudyDesign:
    """Several studies as one: independent of each other given the true effects."""
    if len(studies) == 1:
        return studies[0]
    return StudyDesign(
        np.concatenate([s.arms for s in studies]), np.concatenate([s.merits for s in studies]),
        _diagonal([s.sampling for s in studies]), _diagonal([s.noise for s in studies]),
        own=_diagonal([s.own for s in studies]), optimism=_diagonal([s.optimism for s in studies]),
        at_target=np.concatenate([s.at_target for s in studies]), q=np.concatenate([s.q for s in studies]),
        threshold=np.concatenate([s.threshold for s in studies]),
    )  # fmt: skip


def _diagonal(blocks: Sequence[Floats]) -> Floats:
    """The blocks along the diagonal, 0 elsewhere."""
    rows, columns = (np.cumsum([0, *(b.shape[i] for b in blocks)]) for i in (0, 1))
    out = np.zeros((int(rows[-1]), int(columns[-1])))
    for k, block in enumerate(blocks):
        out[rows[k] : rows[k + 1], columns[k] : columns[k + 1]] = block
    return out


def settings_measured(known: Foreknowledge, proposal: Proposal) -> tuple[Setting, ...]:
    """The proxies that a proposal would measure in, in order of appearance."""
    names = dict.fromkeys(known.same_as.get(f.setting, f.setting) for f in proposal.findings)
    settings = {s.id: s for s in known.case.base.settings}
    return tuple(settings[name] for name in names if name in settings)
