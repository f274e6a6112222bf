"""The draft of a registration: what somebody says today about a target, and how it will be looked up and scored."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.records import Gap, Id, Probability, Record

FORMAT = "evidence-prereg/1"

type Words = Annotated[str, Field(min_length=1)]
type Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
type Day = str
"""YYYY-MM-DD."""
type Utc = str
"""YYYY-MM-DDThh:mm:ssZ."""

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def require_day(name: str, text: str) -> None:
    """Raises ValueError, in the words of the loaders, for anything but YYYY-MM-DD."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: found {text!r}, wanted a day such as 2030-12-31") from None


def require_utc(name: str, text: str) -> None:
    """Raises ValueError, in the words of the loaders, for anything but YYYY-MM-DDThh:mm:ssZ."""
    try:
        if not _UTC.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: found {text!r}, wanted a time such as 2030-12-31T10:00:00Z") from None


class Author(Record):
    """Who registers."""

    name: Words
    """As it stands in the registry; learned weights of reviewers go by it."""
    orcid: str = ""
    """ORCID, where there is one."""


class RegisteredQuestion(Record):
    """What is asked of the target, and what will be measured there."""

    id: Id
    """Name of the question: every registration under it counts as a sibling of the others."""
    question: Words
    """The question in full."""
    outcome: Words
    """What will be measured at the target, so that two people would agree on the number."""
    unit: Words
    """What one unit of the outcome is."""
    higher_is_better: bool
    """Whether a larger outcome, as measured, is better for a technique."""
    smallest_difference: Annotated[float, Field(gt=0)]
    """Smallest difference in merit that matters, in SMD: a technique works if it beats the baseline by more."""
    techniques: Annotated[tuple[Id, ...], Field(min_length=2, max_length=40)]
    """Techniques of the base that predictions are made for; the baseline may be among them."""
    technique: Id
    """`freeze` asks you to type again P(technique ahead of comparator) in the first scenario."""
    comparator: Id
    """The other side of that pair."""

    @model_validator(mode="after")
    def _pair_is_asked(self) -> RegisteredQuestion:
        for name, value in (("technique", self.technique), ("comparator", self.comparator)):
            if value not in self.techniques:
                raise ValueError(f"{name}: found {value!r}, wanted one of techniques")
        if self.technique == self.comparator:
            raise ValueError(f"comparator: found {self.comparator!r}, wanted another technique")
        if len(set(self.techniques)) < len(self.techniques):
            raise ValueError("techniques: found one twice, wanted every technique once")
        return self


class Scenario(Record):
    """A target that may be the one that comes. The first is the base's primary target: its gaps are rated against it."""

    target: Id
    """Name of the target; one of the base, or a new one."""
    title: str = ""
    """The scenario in words."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How probable it is relative to the others."""
    novelty: Probability = 1.0
    """How new it is (n_g): 0.25 same family and epoch, 0.5 same epoch, 1 unlike anything measured."""
    coordinates: dict[str, Gap] = Field(default_factory=dict)
    """Position on each dimension relative to the first scenario; a dimension not named is at 0."""
    reason: Words
    """Why this novelty and these coordinates."""
    recognised_by: Words
    """How one will know that this scenario is the one that came."""


class Estimand(Record):
    """What the numbers are of."""

    contrast: Words
    """Which difference, and what a positive one means."""
    scale: Literal["smd"] = "smd"
    """Scale of every prediction: standardised mean difference, higher = better for the technique."""
    transformation: Words
    """How a measured outcome becomes that scale (docs/model.md, section 3)."""


class Knowledge(Record):
    """What the author had seen."""

    seen_target_data: Literal["no", "some", "yes"]
    """Results at the target that the author had seen: no, some or yes. Yes is allowed, and stays with the file."""
    explain: Words
    """What was seen and read, and what was not."""


class Prediction(Record):
    """One thing that will be looked up, by whom and until when."""

    id: Id
    """Name of the prediction."""
    scenario: Id
    """The scenario it holds in."""
    observable: Words
    """What will be observed: quantity, sample, conditions."""
    resolves_when: Words
    """The event that resolves it."""
    source: Words
    """Where the result will be read."""
    resolver: Words
    """Who decides; better not the author."""
    deadline: Day
    """Day (YYYY-MM-DD) until which it should be resolved; later it is listed as overdue, and stays in the denominator."""
    techniques: tuple[Id, ...] = ()
    """Techniques it covers; none: all of the question."""

    @model_validator(mode="after")
    def _has_a_day(self) -> Prediction:
        require_day("deadline", self.deadline)
        return self


type Rule = Literal["log", "crps", "brier_sign"]
type Baseline = Literal["reference_prior", "coin", "face_value", "random_effects", "previous_revision"]


class ScoringRule(Record):
    """How it will be scored: fixed before the outcome, and nothing else is used then."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)] = ("log", "crps", "brier_sign")
    """log: log density of the observed contrast and log probability of the observed order; crps in SMD; brier_sign: of the order, where it is settled."""
    baselines: tuple[Baseline, ...] = ("reference_prior", "coin", "face_value", "random_effects", "previous_revision")
    """Whom to compare with."""
    order_clip: Annotated[float, Field(ge=0, lt=0.5)] = 0.001
    """Probabilities of an order are scored inside [order_clip, 1 - order_clip]; 0: as they are."""
    settled_z: Annotated[float, Field(ge=0)] = 1.96
    """An order is settled, for brier_sign, where the observed contrast is this many of its standard errors from 0."""
    annul_conditions: tuple[Words, ...] = ()
    """The only reasons for which a prediction may be annulled; annulled ones stay in the denominator."""


class EngineChoice(Record):
    """What computes the predictions."""

    name: Literal["exact"] = "exact"
    """The engine."""
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = 1
    """Seed of every random draw."""


class Common(Record):
    """What a draft says and the frozen file repeats word for word."""

    format: Literal["evidence-prereg/1"]
    """Version of this file's format."""
    id: Id
    """Name of the registration."""
    title: Words
    """In a few words."""
    created_utc: Utc
    """When it was written, as declared (YYYY-MM-DDThh:mm:ssZ): no evidence of anything."""
    decision_rule: str = ""
    """What will be done at which P."""
    stopping: Words
    """When target evidence is complete; what comes later counts as sensitivity only."""
    exclusions: tuple[Words, ...] = ()
    """Findings that will be left out whatever they show, each with its reason."""
    planned_deviations: tuple[Words, ...] = ()
    """What may be done otherwise, and under which condition."""
    exploratory: tuple[Words, ...] = ()
    """What will be looked at beside the predictions, and never scored."""
    settings: tuple[str, ...] = ()
    """Changes KEY=VALUE to base and model, as for `evidence rank --set`."""
    authors: Annotated[tuple[Author, ...], Field(min_length=1)]
    """Who registers."""
    question: RegisteredQuestion
    """What is asked."""
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=8)]
    """The targets that may come."""
    estimand: Estimand
    """What the numbers are of."""
    knowledge: Knowledge
    """What had been seen."""
    predictions: Annotated[tuple[Prediction, ...], Field(min_length=1)]
    """What will be looked up."""
    scoring: ScoringRule
    """How it will be scored."""
    engine: EngineChoice = EngineChoice()
    """What computes the predictions."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Common:
        require_utc("created_utc", self.created_utc)
        known = [s.target for s in self.scenarios]
        if len(set(known)) < len(known):
            raise ValueError("scenarios: found one target twice, wanted every target once")
        ids = [p.id for p in self.predictions]
        if len(set(ids)) < len(ids):
            raise ValueError("predictions: found one id twice, wanted every id once")
        for p in self.predictions:
            if p.scenario not in known:
                raise ValueError(f"predictions: found scenario {p.scenario!r}, wanted one of: {', '.join(known)}")
            if strangers := sorted(set(p.techniques) - set(self.question.techniques)):
                raise ValueError(f"predictions: found {', '.join(strangers)}, wanted techniques of the question")
        return self


class Draft(Common):
    """`*.prereg.toml`: a registration that can still be edited."""

    base: Words
    """The evidence read so far: folder of tables, or name of a shipped base. Its tables go into the frozen file."""
    model: Words = "default"
    """The priors: a model file, or the name of a shipped one. All of it goes into the frozen file."""
