"""A frozen registration: what its draft says, the evidence and the priors themselves, and what the engine made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.prereg import Common, Prediction, Sha256
from evidence.domain.records import EvidenceBase, Id, Model, Probability, Record
from evidence.domain.results import Check

QUANTILES = {
    "q01": 0.01, "q05": 0.05, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q95": 0.95, "q99": 0.99,
}  # fmt: skip
SOON_DAYS = 90
"""Deadlines nearer than this are listed."""


class DataFile(Record):
    """A file the registration was made from."""

    name: str
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class CodeState(Record):
    """What computed the frozen numbers."""

    package: str
    version: str
    source_sha256: Sha256
    """Of every source file of the package."""
    lock_sha256: Sha256
    """Of the names and versions of every library the package needs, as installed."""
    platform: str
    """System and processor. Not the version of Python: it changes no number, and must not change a hash."""
    libraries: dict[str, str]
    """Versions of the libraries the package names itself."""


class Normals(Record):
    """A belief about merit(technique) - merit(comparator): equally weighted normals, SMD."""

    technique: Id
    comparator: Id
    mean: Annotated[tuple[float, ...], Field(min_length=1)]
    sd: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Normals:
        if len(self.mean) != len(self.sd):
            raise ValueError(f"sd: found {len(self.sd)} numbers, wanted {len(self.mean)}, one for each mean")
        return self


class RegisteredContrast(Normals):
    """A registered belief about one pair, and what it comes to. Quantiles by the names of QUANTILES."""

    p_above: Probability
    """P(technique above comparator), by the engine."""
    p_above_se: Annotated[float, Field(ge=0)]
    quantiles: dict[str, float]
    quantiles_se: dict[str, float]
    """Monte Carlo standard errors."""
    observable: dict[str, float]
    """The same of one observed contrast, with the standard error of one target run."""


class ScenarioBelief(Record):
    """What is believed of one scenario."""

    target: Id
    ranking: tuple[Id, ...]
    """By expected rank, highest first."""
    p_first: dict[str, Probability]
    contrasts: tuple[RegisteredContrast, ...]
    """Every pair of techniques, in the order of the question."""
    try_order: tuple[Id, ...]
    try_order_hours: float
    """Expected hours to the first success, failure of all included."""
    checks: dict[str, Check]


class PriorPrint(Record):
    """The prior that is used at one target (or `scenarios`: all of them), from the engine's own draws."""

    target: str
    quantiles: dict[str, dict[str, float]]
    """q05, q25, q50, q75, q95 of every hyperparameter in use, of rho of every setting, of every merit; and P(A > B)."""
    se: dict[str, dict[str, float]]
    """Standard errors of the same."""


class ReaderBelief(Record):
    """What a baseline believes, frozen with the registration."""

    reader: Literal["reference_prior", "face_value", "random_effects"]
    contrasts: tuple[Normals, ...]
    try_order: tuple[Id, ...]


class Registration(Common):
    """A frozen registration: exactly the RFC 8785 bytes of this record, named by their SHA-256."""

    revision: Annotated[int, Field(ge=0)] = 0
    prev_hash: Sha256 | None = None
    """The registration this one amends."""
    reason: str = ""
    """Why it was amended."""
    base: EvidenceBase
    """The evidence as registered: its targets are the scenarios, its outcomes are not in it."""
    model: Model
    base_sha256: Sha256
    """Of `base`, as results state it."""
    model_sha256: Sha256
    data: tuple[DataFile, ...]
    beliefs: tuple[ScenarioBelief, ...]
    """One for each scenario."""
    prior: tuple[PriorPrint, ...]
    """The prior fingerprint at each scenario, and at all of them by weight where there are several."""
    readers: tuple[ReaderBelief, ...]
    code: CodeState

    @model_validator(mode="after")
    def _is_complete(self) -> Registration:
        if [b.target for b in self.beliefs] != [s.target for s in self.scenarios]:
            raise ValueError("beliefs: found other targets, wanted one belief for each scenario, in their order")
        if (self.revision == 0) != (self.prev_hash is None):
            raise ValueError("prev_hash: found a first revision with one or a later one without, wanted the other way")
        if self.base.outcomes:
            raise ValueError("base: found outcomes, wanted none: what is known of the target is no prior")
        return self

    def belief(self, target: str) -> ScenarioBelief:
        """The belief about one scenario (KeyError if there is none)."""
        for belief in self.beliefs:
            if belief.target == target:
                return belief
        raise KeyError(target)

    def covered(self, prediction: Prediction) -> tuple[str, ...]:
        """The techniques a prediction covers."""
        return prediction.techniques or self.question.techniques

    def reminders(self, today: date, *, done: Collection[str] = ()) -> Iterator[str]:
        """Predictions, but those that are done, whose deadline has passed or is near."""
        for p in self.predictions:
            left = (date.fromisoformat(p.deadline) - today).days
            if p.id in done or left > SOON_DAYS:
                continue
            when = f"{-left} days ago" if left < 0 else f"in {left} days"
            yield f"{p.id} {'was' if left < 0 else 'is'} due on {p.deadline}, {when}, by {p.resolver}"
