"""`evidence prereg check` and `freeze`: from a draft and what it names to the record that is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from evidence.analysis.options import Progress
from evidence.analysis.prereg_beliefs import Asked, Frozen, freeze_beliefs
from evidence.domain.canonical import sha256_of
from evidence.domain.prereg import Draft
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.registration import CodeState, DataFile, Registration
from evidence.inference.engine import Engine

VAGUE_WORDS = 3
"""Fewer words than this say too little."""
FAR_YEARS = 15
LEAN = 0.05
WIDE_SMD = 6.0


@dataclass(frozen=True)
class Source:
    """A draft, the base with its scenarios as targets, the model, their files, and the code at hand."""

    draft: Draft
    base: EvidenceBase
    model: Model
    data: tuple[DataFile, ...]
    code: CodeState

    @property
    def asked(self) -> Asked:
        """What the engine is asked."""
        draft = self.draft
        return Asked(self.base, self.model, draft.question.techniques, draft.settings, draft.engine.seed)


@dataclass(frozen=True)
class Amends:
    """The registration that a new one takes the place of."""

    hash: str
    revision: int
    reason: str


def build_registration(
    source: Source, *, engine: Engine, face_value: Model, random_effects: Model, amends: Amends | None = None,
    progress: Progress | None = None,
) -> Registration:  # fmt: skip
    """The record that is frozen. Raises BadInput for what the model cannot hold."""
    found = freeze_beliefs(
        source.asked, engine=engine, face_value=face_value, random_effects=random_effects, progress=progress
    )
    return assemble(source, found, amends)


def assemble(source: Source, found: Frozen, amends: Amends | None = None) -> Registration:
    """The record from a draft and what the engine found."""
    common = {name: getattr(source.draft, name) for name in Draft.model_fields if name not in {"base", "model"}}
    return Registration(
        **common, base=source.base, model=source.model, base_sha256=sha256_of(source.base),
        model_sha256=sha256_of(source.model), data=source.data, beliefs=found.beliefs, prior=found.prior,
        readers=found.readers, code=source.code, revision=0 if amends is None else amends.revision + 1,
        prev_hash=None if amends is None else amends.hash, reason="" if amends is None else amends.reason,
    )  # fmt: skip


def headline_p(registration: Registration) -> float:
    """P(technique ahead of comparator) of the question's pair in the first scenario: what `freeze` has typed again."""
    question = registration.question
    for contrast in registration.beliefs[0].contrasts:
        if (contrast.technique, contrast.comparator) == (question.technique, question.comparator):
            return contrast.p_above
        if (contrast.comparator, contrast.technique) == (question.technique, question.comparator):
            return 1 - contrast.p_above
    raise KeyError(question.technique)


def find_vague(draft: Draft, *, today: date) -> tuple[str, ...]:
    """What can be read in two ways, or resolved by nobody: each as `field: what is missing`."""
    return tuple(_vague(draft, today))


def _vague(draft: Draft, today: date) -> Iterator[str]:
    for p in draft.predictions:
        for name in ("observable", "resolves_when", "source"):
            if len(getattr(p, name).split()) < VAGUE_WORDS:
                yield f"predictions.{p.id}.{name}: {getattr(p, name)!r} can be read in more than one way"
        deadline = date.fromisoformat(p.deadline)
        if deadline <= today:
            yield f"predictions.{p.id}.deadline: {p.deadline} has passed"
        elif deadline.year - today.year > FAR_YEARS:
            yield f"predictions.{p.id}.deadline: {p.deadline} is more than {FAR_YEARS} years away"
        if p.resolver in {a.name for a in draft.authors}:
            yield f"predictions.{p.id}.resolver: {p.resolver} decides about their own prediction"
    if not draft.scoring.annul_conditions:
        yield "scoring.annul_conditions: none, so that nothing can be annulled"
    if not draft.decision_rule:
        yield "decision_rule: none, so that nobody is bound to anything"
    unasked = [s.target for s in draft.scenarios if s.target not in {p.scenario for p in draft.predictions}]
    if unasked:
        yield f"predictions: none for the scenario {', '.join(unasked)}"


def find_open(registration: Registration) -> tuple[str, ...]:
    """Where the predictions leave everything open: as said by the numbers that would be frozen."""
    found: list[str] = []
    for belief in registration.beliefs:
        if all(abs(c.p_above - 0.5) < LEAN for c in belief.contrasts):
            found.append(f"{belief.target}: every pair lies between 45 and 55 in 100: nothing can speak against it")
        widest = max(c.quantiles["q90"] - c.quantiles["q10"] for c in belief.contrasts)
        if widest > WIDE_SMD:
            found.append(f"{belief.target}: an 80 % interval of {widest:.1f} SMD rules out next to nothing")
    return tuple(found)
