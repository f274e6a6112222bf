"""What became of a registration: how it was resolved, and how it scored by its own rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.prereg import Sha256, Utc, Words, require_utc
from evidence.domain.records import Id, Outcome, Record
from evidence.domain.registration import DataFile

RESOLUTION_FORMAT = "evidence-prereg-resolution/1"
SCORE_FORMAT = "evidence-prereg-score/1"
REGISTERED, COIN, REFERENCE, PREVIOUS = "registered", "coin", "reference_prior", "previous_revision"
"""Readers, by name."""
CURVE_FROM, SKILL_FROM = 10, 20
"""Resolved predictions from which a calibration curve, and a claim of skill, would mean something."""


class Tried(Record):
    """One line of a log: a technique was tried at the target."""

    technique: Id
    worked: bool
    hours: Annotated[float, Field(ge=0)]


class TryLog(Record):
    """What was tried in one scenario, in this order."""

    scenario: Id
    tried: Annotated[tuple[Tried, ...], Field(min_length=1)]


class Annulment(Record):
    """A prediction that cannot be resolved, for a reason that was listed beforehand."""

    prediction: Id
    reason: Words


class Resolution(Record):
    """`evidence prereg resolve`: what came, frozen like the registration it is about."""

    format: Literal["evidence-prereg-resolution/1"]
    registration: Sha256
    by: Words
    """Who says so."""
    source: Words
    """Where it can be read."""
    utc: Utc
    outcomes: tuple[Outcome, ...] = ()
    """Contrasts with the baseline at the scenarios, SMD."""
    log: TryLog | None = None
    annulled: tuple[Annulment, ...] = ()
    late: tuple[Id, ...] = ()
    """Predictions resolved after their deadline."""
    files: tuple[DataFile, ...] = ()
    """What it was read from."""
    left_out: tuple[str, ...] = ()
    """Rows about other targets or techniques."""

    @model_validator(mode="after")
    def _says_something(self) -> Resolution:
        require_utc("utc", self.utc)
        if not (self.outcomes or self.log or self.annulled):
            raise ValueError("outcomes: found nothing, wanted outcomes, a log or an annulment")
        return self


class ReaderCard(Record):
    """How one reader did. Means over pairs within a prediction, then over predictions; None where it does not apply."""

    reader: str
    pairs: int
    log_score: float | None = None
    """Mean log density of the observed contrast, nats; higher is better."""
    log_score_gain: float | None = None
    """The same minus the reference prior's: above 0 is better than that."""
    crps: float | None = None
    """SMD; lower is better."""
    order_log_score: float
    """Mean ln P(observed order), inside the registered clip; the coin: -0.693."""
    brier_sign: float | None = None
    """(1 - P(observed order))^2 where the order is settled; the coin: 0.25."""
    n_settled: int
    coverage_50: float | None = None
    coverage_80: float | None = None
    coverage_95: float | None = None
    """Share of contrasts inside the central (equal-tailed) interval of that mass."""
    hours_lost: float | None = None
    """By its try order until the first success, beyond the quickest technique that works; None where none works."""


class PredictionCard(Record):
    """One prediction: resolved, annulled or neither, and how each reader did on it."""

    prediction: Id
    scenario: Id
    state: Literal["resolved", "annulled", "unresolved"]
    reason: str = ""
    late: bool = False
    techniques: tuple[Id, ...] = ()
    """Of those it covers, the ones with an outcome."""
    pairs: int = 0
    pairs_covered: int = 0
    """The denominator: pairs that it made a statement about."""
    readers: tuple[ReaderCard, ...] = ()


class Comparison(Record):
    """The registered prior against a baseline, by one score. `beat` is None where they tie."""

    baseline: str
    score: Literal["order_log_score", "log_score", "crps"]
    registered: float
    other: float
    beat: bool | None = None


class HoursCard(Record):
    """Try orders in one scenario, over the techniques of which it is known whether they work."""

    scenario: Id
    known: tuple[Id, ...]
    works: tuple[Id, ...]
    unknown: tuple[Id, ...]
    """Techniques of the registered order nobody tried: left out of every order."""
    spent: float | None = None
    """Hours of the log."""
    lost: dict[str, float | None]
    """Hours lost, by reader; `as_tried` is the order of the log."""


class ScoreCard(Record):
    """`evidence prereg score`: by the frozen rules alone."""

    format: Literal["evidence-prereg-score/1"]
    registration: Sha256
    revision: int
    resolutions: tuple[Sha256, ...]
    n_resolved: int
    n_unresolved: int
    n_annulled: int
    n_late: int
    pairs_resolved: int
    pairs_covered: int
    registered: ReaderCard | None = None
    """None where nothing is resolved."""
    log_score: float | None = None
    crps: float | None = None
    brier_sign: float | None = None
    baselines: dict[str, ReaderCard]
    updated: ReaderCard | None = None
    """The posterior of an analysis made under the registration: scored apart, and never in the place of the prior."""
    updated_from: Sha256 | None = None
    comparisons: tuple[Comparison, ...]
    predictions: tuple[PredictionCard, ...]
    hours: tuple[HoursCard, ...]
    notes: tuple[str, ...] = ()
