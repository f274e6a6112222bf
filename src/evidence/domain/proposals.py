"""What a `PROPOSAL.toml` holds: something to do now, the crunch it is for, and who will read it (docs/value.md).

Hours are researcher-hours; `_80` marks the ends of an 80 % equal-tailed interval.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evidence.domain.records import SIGN_KINDS, Family, Id, Probability, Record, Setting

type Positive = Annotated[float, Field(gt=0)]
type NotNegative = Annotated[float, Field(ge=0)]
type Interval = tuple[float, float]
type ProposalKind = Literal["experiment", "wait-and-automate", "buy-hours", "coordination"]
type ReaderKind = Literal["calibrated", "face-value", "validity", "over-update", "belief"]

NO_INTERVAL: Interval = (0.0, 0.0)


def _require_order(name: str, interval: Interval, *, lowest: float | None = None) -> None:
    lo, hi = interval
    if lo > hi:
        raise ValueError(f"{name}: found {lo:g} before {hi:g}, wanted the lower end first")
    if lowest is not None and lo < lowest:
        raise ValueError(f"{name}: found {lo:g}, wanted {'a number above 0' if lowest > 0 else 'at least 0'}")


class ProposedFinding(Record):
    """One result that the experiment would bring: who against whom, where, and how exactly."""

    technique: Id
    """What is judged."""
    comparator: Id
    """What it is compared with."""
    setting: Id
    """Where: a setting of the base or of this file, or a target."""
    kind: Literal["effect", "order", "existence", "argument"] = "effect"
    """`effect`: a number with a standard error; the others are statements, right with probability q."""
    se_smd: Positive | None = None
    """Kind `effect`: expected standard error of the difference, SMD; or give n_per_arm."""
    n_per_arm: Annotated[int, Field(ge=2)] | None = None
    """Kind `effect`: observations in each arm."""
    expected_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """With n_per_arm, where the outcome is a share: about how large it will be."""
    q: Annotated[float, Field(gt=0.5, le=1)] | None = None
    """Reliability of a statement."""
    own_technique: bool = False
    """Whoever runs the experiment proposed the technique."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ProposedFinding:
        if self.technique == self.comparator:
            raise ValueError(f"comparator: found {self.comparator!r}, wanted another technique than the finding's own")
        if self.kind in SIGN_KINDS:
            if self.q is None:
                raise ValueError(f"q: found nothing, wanted a reliability for kind {self.kind!r}")
            for name in ("se_smd", "n_per_arm", "expected_rate"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}: found {getattr(self, name)}, wanted nothing for kind {self.kind!r}")
        else:
            if self.q is not None:
                raise ValueError(f"q: found {self.q}, wanted nothing for kind 'effect'")
            if (self.se_smd is None) == (self.n_per_arm is None):
                raise ValueError("se_smd: wanted either se_smd or n_per_arm, and not both")
            if self.expected_rate is not None and self.n_per_arm is None:
                raise ValueError(f"expected_rate: found {self.expected_rate}, wanted n_per_arm beside it")
        return self


class Cost(Record):
    """What it takes now."""

    researcher_hours_80: Interval
    """Hours of work now."""
    months_until_known: NotNegative = 0.0
    """Months until the result can be used."""

    @model_validator(mode="after")
    def _in_order(self) -> Cost:
        _require_order("researcher_hours_80", self.researcher_hours_80, lowest=0.0)
        return self


class Crunch(Record):
    """The crunch: techniques must be chosen then, under time pressure. What is left out is the base's."""

    candidates: tuple[Id, ...] = ()
    """Techniques that would be tried; all but the baseline where none are named."""
    threshold_smallest_differences: float = 1.0
    """A technique works if its merit exceeds this many smallest differences that matter."""
    trial_hours: dict[Id, Positive] = Field(default_factory=dict)
    """Hours that one trial of a technique takes then; else the base's, else the median of those stated."""
    all_fail_hours: NotNegative | None = None
    """Hours lost if every technique fails; the base's failure_cost_hours where not given."""
    check_hours: Positive | None = None
    """Hours that one check at the target takes."""
    ship_failure_hours: Positive | None = None
    """Hours lost if a technique shipped unchecked fails."""
    researchers: Annotated[int, Field(ge=1)] = 1
    """People at work then, side by side."""
    hours_per_researcher_day: Positive = 8.0
    """Hours that each works in a day."""
    money_per_day_of_delay: NotNegative = 0.0
    """What a day of delay costs then."""
    currency: str = "USD"
    """Of the money."""
    months_away_80: Interval
    """When it comes, in months from now."""

    @model_validator(mode="after")
    def _in_order(self) -> Crunch:
        _require_order("months_away_80", self.months_away_80, lowest=1e-9)
        return self


class Channels(Record):
    """What it brings apart from information, in hours saved in the crunch: elicited, not computed."""

    tooling_reuse_hours_80: Interval = NO_INTERVAL
    """Tools and code that can be used again then."""
    people_hours_80: Interval = NO_INTERVAL
    """Finding out who is good at what."""
    reason: str = ""
    """Why."""

    @model_validator(mode="after")
    def _in_order(self) -> Channels:
        for name in ("tooling_reuse_hours_80", "people_hours_80"):
            _require_order(name, getattr(self, name))
        return self


class Automation(Record):
    """How work goes then, if AI does part of it."""

    speed_up: Annotated[float, Field(ge=1)] = 1.0
    """How many times faster the automated part of a trial or check is."""
    share_lost_to_integration: Probability = 0.0
    """Share of the work that stays as slow as today: setting up, handing over, checking."""
    probability_automated_before: Probability = 0.0
    """Probability that the same result is had without this proposal, because research is automated before the crunch."""

    @property
    def hours_per_hour(self) -> float:
        """Hours that an hour of today's work takes then."""
        return (1 - self.share_lost_to_integration) / self.speed_up + self.share_lost_to_integration


class ProposedReader(Record):
    """Somebody in the room then, by how the result is read; before it everybody believes what is warranted."""

    name: Id
    """Name under which hours are reported."""
    share: Probability = 0.0
    """Share of the readers who are like this; shares add up to at most 1, the rest is calibrated."""
    kind: ReaderKind
    """`face-value`: the proxy is the target; `validity`: it is a proxy of stated validity; `over-update`: the result
    counts as several; `belief`: a typed rule; `calibrated`: as warranted."""
    validity: Probability | None = None
    """Kind `validity`: the correlation rho of true effects at the proxy and merits at the target that is read into it."""
    factor: NotNegative | None = None
    """Kind `over-update`: as how many independent results the one counts; 1 is calibrated, 0 ignores it."""
    p_works_if_ahead: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Kind `belief`: P(the first finding's technique works) believed if it comes out ahead."""
    p_works_if_behind: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Kind `belief`: the same if it comes out behind."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ProposedReader:
        wanted = {
            "validity": {"validity"}, "over-update": {"factor"}, "belief": {"p_works_if_ahead", "p_works_if_behind"},
        }.get(self.kind, set[str]())  # fmt: skip
        for name in ("validity", "factor", "p_works_if_ahead", "p_works_if_behind"):
            value = getattr(self, name)
            if (value is not None) != (name in wanted):
                found = "nothing" if value is None else str(value)
                what = "a value" if name in wanted else "nothing"
                raise ValueError(f"{name}: found {found}, wanted {what} for kind {self.kind!r}")
        return self


class Proposal(Record):
    """`PROPOSAL.toml`: something that could be done now, valued in hours of the crunch."""

    id: Id
    """Name of the proposal."""
    title: str
    """What is proposed, in a few words."""
    claim: str
    """Why it might be worth it, in a sentence."""
    kind: ProposalKind = "experiment"
    """`experiment`; or a rival on the same axis: the same experiment done in the crunch by machines
    (`wait-and-automate`), hours bought now (`buy-hours`), or more people who know what is known (`coordination`)."""
    base: str
    """Name or path of the evidence base."""
    model: str = "default"
    """Model file, or the name of a shipped one."""
    target: Id | None = None
    """Where techniques will be needed; the base's first target where not given."""
    families: tuple[Family, ...] = ()
    """Families of proxies that the base lacks."""
    settings: tuple[Setting, ...] = ()
    """Settings that the base lacks."""
    findings: tuple[ProposedFinding, ...] = ()
    """What the experiment would find: all of one study."""
    cost: Cost
    crunch: Crunch
    reach: Probability = 1.0
    """Probability that the result is known to, and used by, the people in the room then."""
    reach_after: Probability | None = None
    """Kind `coordination`: the same for what is known today, once coordinated; `reach` is what it is without."""
    bought_hours_80: Interval | None = None
    """Kind `buy-hours`: hours of the crunch that it buys."""
    channels: Channels = Channels()
    automation: Automation = Automation()
    readers: tuple[ProposedReader, ...] = ()
    """Who will read it; `face_value` is always shown."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Proposal:
        needs_findings = self.kind in {"experiment", "wait-and-automate"}
        if needs_findings != bool(self.findings):
            found, wanted = ("nothing", "at least one") if needs_findings else (len(self.findings), "nothing")
            raise ValueError(f"findings: found {found}, wanted {wanted} for kind {self.kind!r}")
        for name, kind in (("reach_after", "coordination"), ("bought_hours_80", "buy-hours")):
            value = getattr(self, name)
            if (value is not None) != (self.kind == kind):
                found, wanted = ("nothing", "a value") if value is None else (value, "nothing")
                raise ValueError(f"{name}: found {found}, wanted {wanted} for kind {self.kind!r}")
        if self.bought_hours_80 is not None:
            _require_order("bought_hours_80", self.bought_hours_80)
        total = sum(reader.share for reader in self.readers)
        if total > 1 + 1e-9:
            raise ValueError(f"readers: found shares that add up to {total:g}, wanted at most 1")
        names = [reader.name for reader in self.readers]
        if len(set(names)) < len(names):
            raise ValueError("readers: found a name twice, wanted one reader per name")
        return self
