"""What `evidence value` comes to: a proposal in hours of the crunch, for calibrated readers and for others."""

from __future__ import annotations

from pydantic import Field

from evidence.domain.proposals import ProposalKind
from evidence.domain.records import Record
from evidence.domain.results import Check, Provenance


class DecisionValue(Record):
    """One decision of the crunch. Hours are researcher-hours then, for information that surely reaches the room in time."""

    hours_before: float
    """Expected hours of deciding on what is known today."""
    hours_perfect: float
    """Hours saved by whoever knew all merits (EVPI): no result saves more."""
    hours_saved_calibrated: float
    """Hours saved by deciding on the result (EVSI), read as warranted."""
    hours_saved_cross_judged: float
    """The same with decisions made on half of the simulated worlds and judged by the other half: with
    hours_saved_calibrated it brackets what endless simulation would give."""
    hours_saved_reader: dict[str, float]
    """The same for other readers, whose decisions are judged by the warranted belief: can be negative."""
    monte_carlo_se: float
    """Of hours_saved_calibrated."""
    monte_carlo_se_reader: dict[str, float]
    break_even_reader_validity: float | None
    """The validity rho past which a reader who takes the proxy for one of it loses hours; None: none does, up to 1."""


class CurvePoint(Record):
    """One point of a curve: hours saved at a value of what is varied."""

    at: float
    hours: float
    monte_carlo_se: float


class Knowing(Record):
    """What it would be worth to know one thing for sure (EVPPI)."""

    key: str
    """`validity.SETTING`, `gap.DIMENSION`, `novelty`."""
    label: str
    hours: float
    """Hours saved by deciding on it, both decisions together; what chance alone would give is taken off."""
    monte_carlo_se: float


class TornadoBar(Record):
    """Hours saved then as one assumption moves from low to high."""

    key: str
    low: str
    high: str
    hours_low: float
    hours_high: float


class Money(Record):
    """Hours then as delay, and delay as money."""

    days_of_delay: float
    amount: float
    currency: str


class Value(Record):
    """`evidence value`: one proposal."""

    id: str
    title: str
    claim: str
    kind: ProposalKind
    base: str
    question: str
    target: str
    model: str
    decisions: dict[str, DecisionValue]
    """`try_order` and `verify_or_ship`; empty where the proposal brings no result."""
    hours_before: float = 0.0
    hours_perfect: float = 0.0
    hours_saved_calibrated: float = 0.0
    """Both decisions together, as in each of them."""
    hours_saved_cross_judged: float = 0.0
    hours_saved_reader: dict[str, float] = Field(default_factory=dict)
    monte_carlo_se: float = 0.0
    monte_carlo_se_reader: dict[str, float] = Field(default_factory=dict)
    break_even_reader_validity: float | None = None
    break_even_over_update: float | None = None
    """As how many results of its kind the result must count before the reader loses hours; None: not up to 10."""
    break_even_face_value_share: float | None = None
    """Share of face-value readers, the others calibrated, at which the result saves nobody anything; None: even alone they gain."""
    hours_mix: float = 0.0
    """Hours saved by the readers of the proposal in their shares, the rest calibrated."""
    hours_review_attached: float = 0.0
    """By how much more they save if the review comes with the result and all read it as warranted."""
    shares: dict[str, float] = Field(default_factory=dict)
    """Share of each reader in the mix."""
    order_before: tuple[str, ...] = ()
    """Techniques in the order in which they would be tried today."""
    order_factor: float = 1.0
    ships_before: str | None = None
    """The technique that would be shipped unchecked today; None: checked."""
    bits: dict[str, float] = Field(default_factory=dict)
    """Expected information: about which technique is highest (`order`), about the merits of all (`merits`)."""
    reach: float
    p_in_time: float
    """P(the result is there before the crunch)."""
    p_not_automated: float
    hours_per_hour: float
    """Hours that an hour of today's work takes then, part of it automated."""
    channels: dict[str, float]
    """Hours saved then: `information` (for the mix of readers, after reach, time and automation), `tooling`, `people`, and
    for rivals `bought` or `coordination`."""
    hours_now: float
    hours_then_spent: float = 0.0
    """Hours of the crunch that the proposal itself takes (wait and automate)."""
    hours_saved_then: float
    """All channels less what is spent then."""
    exchange_rate: float | None
    """Hours now for an hour then: worth it where an hour of the crunch is worth at least this many of today's. None: it saves
    none, or costs none now."""
    exchange_rate_information: float | None
    """The same for information alone."""
    money: Money
    curve_sample: tuple[CurvePoint, ...] = ()
    """Hours saved (calibrated) against the sample, in multiples of the proposed one."""
    ceiling: CurvePoint | None = None
    """The same with an endless, flawless sample."""
    curve_validity: tuple[CurvePoint, ...] = ()
    """Hours saved by a reader who takes the proxy for one of validity rho, against rho."""
    curve_over_update: tuple[CurvePoint, ...] = ()
    knowing: tuple[Knowing, ...] = ()
    """Most first."""
    tornado: tuple[TornadoBar, ...] = ()
    """Widest first."""
    checks: dict[str, Check]
    ok: bool
    provenance: Provenance


class Funded(Record):
    """One step of a portfolio: the proposal added and what the whole is then worth."""

    id: str
    title: str
    hours_now: float
    hours_added: float
    """Hours saved then by adding it to those before."""
    hours_together: float
    """Hours saved then by all so far."""


class Portfolio(Record):
    """`evidence value A B C --budget HOURS`: which proposals to do, most hours then per hour now first."""

    budget_hours: float
    chosen: tuple[Funded, ...]
    hours_now: float
    hours_saved_then: float
    left: tuple[str, ...]
    """Proposals not chosen: too dear for what is left of the budget, or adding nothing."""
    alone: dict[str, float]
    """Hours saved then by each proposal alone."""
    checks: dict[str, Check]
    ok: bool
    provenance: Provenance
