"""What `evidence elicit` comes to: statements as prior parameters, each with what was said and what the model holds."""

from __future__ import annotations

from typing import Literal

from evidence.domain.records import Family, Prior, Probability, Record, RegisteredMerit, RegisteredOrder


class ValidityWords(Record):
    """A law of the validity rho, and how often it keeps the order of two techniques."""

    rho_q10: float
    rho_q50: float
    rho_q90: float
    """80 %, equal-tailed, and median."""
    order_kept_in_100_q10: float
    order_kept_in_100_q50: float
    order_kept_in_100_q90: float
    order_kept_in_100_mean: float
    """The average over the law, not the value at its middle."""


class ComparedRate(Record):
    """What the calibrated model says of a class of proxies at one distance from the target."""

    target: str
    order_kept_in_100: float
    rho_q10: float
    rho_q50: float
    rho_q90: float


class ElicitedValidity(Record):
    """`evidence elicit validity`: the validity of one family, stated."""

    base: str
    target: str
    model: str
    family: Family
    """Its row with the statement in it."""
    statement: str
    law: Prior
    """The law of rho as stated, Beta or a point."""
    said: ValidityWords
    held: ValidityWords | None
    """What is left of the law once gaps, novelty and construct noise have ruled out their share; None where refused."""
    ruled_out: Probability
    """Share of prior draws that leave no room for the statement."""
    accepted: bool
    """`evidence check` would take it."""
    highest_rho: float
    """The highest point validity that `check` would take."""
    highest_rho_without: dict[str, float]
    """The same without novelty, without gaps and without construct noise: what caps it."""
    worth_target_runs: float | None
    """Direct runs at the target that endless flawless studies of the proxy are worth at most; None: more than any number."""
    target_run_se: float
    set_option: str
    """KEY=VALUE for `--set`."""
    base_rates: tuple[ComparedRate, ...]
    """Of the family's class; empty where the calibrated model does not know it."""
    base_rates_model: str
    base_rates_are_opinion: bool
    """No bridge had a proxy of this class."""


class MeritWords(Record):
    """A law of one technique's merit in natural frequencies."""

    works: Probability
    """P(merit above the smallest difference that matters)."""
    worse: Probability
    """P(merit < 0): worse than doing nothing."""
    beyond: Probability
    """P(merit beyond +-2 SMD)."""
    q10: float
    q50: float
    q90: float
    """SMD; 80 %, equal-tailed, and median."""


class ElicitedMerit(Record):
    """`evidence elicit merit`: the merit of one technique, stated."""

    base: str
    model: str
    technique: str
    name: str
    baseline: str
    smallest_difference: float
    statement: str
    merit: RegisteredMerit
    said: MeritWords
    """By the normal law as stated."""
    held: MeritWords
    """By the model once the merit is registered in it, before any finding."""
    before: MeritWords
    """By the model without it."""
    left_out: Probability
    """Prior probability of worlds whose merits spread no wider than the sd: there the model leaves the statement out."""
    others_work: Probability | None
    """P(works) of a technique of which nothing was said, once the merit is registered; None where there is none."""
    others_worked: Probability | None
    """The same before."""
    replaces: RegisteredMerit | None
    """The belief of the same technique that the model registered before."""


class StatedPair(Record):
    """A typed belief that `technique` is above `comparator` with probability p."""

    technique: str
    comparator: str
    p: Probability
    by_default: bool = False
    """No number was typed for it."""


class PairBelief(Record):
    """One pair of the named techniques: what was stated of it, and what comes of it."""

    technique: str
    comparator: str
    stated: Probability | None
    """P(technique above comparator); None: nothing was stated."""
    by_default: bool
    implied: Probability
    """By the law of orders nearest to the prior that holds what was stated."""
    held: Probability
    """By the model once the snippet is registered in it, before any finding."""


class RankedBelief(Record):
    """One named technique's merit as the model holds it once the snippet is registered, before any finding; SMD."""

    technique: str
    name: str
    mean: float
    sd: float
    works: Probability
    """P(merit above the smallest difference that matters)."""
    works_by_order: Probability
    """The same by the law of orders alone, which says nothing of sizes."""
    expected_rank: float
    """Among the named techniques, 1 the highest, by the law of orders."""


class ElicitedOrder(Record):
    """`evidence elicit order`: a ranking or pairwise beliefs, stated."""

    base: str
    model: str
    smallest_difference: float
    statements: tuple[str, ...]
    form: Literal["merits", "orders"]
    """What they are registered as."""
    sure: Probability
    """Probability of a pair without a number of its own."""
    pairs: tuple[PairBelief, ...]
    """Every pair of the named techniques."""
    techniques: tuple[RankedBelief, ...]
    """By expected rank."""
    works_before: Probability
    """P(works) of any technique without the statements."""
    orders: tuple[RegisteredOrder, ...]
    merits: tuple[RegisteredMerit, ...]
    can_all_hold: bool
    """Some law of orders has every stated probability."""
    worst_misfit: Probability
    """Largest difference between a stated and a held probability."""
    circle: tuple[str, ...]
    """Techniques each stated to be above the next and the last above the first; empty where there is no such circle."""
    spread: float | None
    """SMD: the root of the mean square of tau that registered merits were scaled with; None for orders."""
    left_out: Probability
    """Prior probability of worlds in which the model leaves at least one of the merits out; 0 for orders."""
    replaced: int
    """Beliefs of the model that the snippet takes the place of."""
