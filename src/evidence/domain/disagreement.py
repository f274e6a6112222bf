"""Several registrations of one question: pooled, and where two of them part."""

from __future__ import annotations

from typing import Literal

from evidence.domain.prereg import Sha256
from evidence.domain.records import Id, Record
from evidence.domain.results import Check


class GroupShare(Record):
    """A group of assumptions in which two registrations differ, and how much of their disagreement hangs on it.

    Disagreement is the total variation between who is first, by one and by the other.
    """

    group: str
    """Such as `validity of bash-agents`, `novelty`, `merit of trusted-editing`, `gap realism`."""
    a: str
    """What the first holds, in short."""
    b: str
    shapley: float
    """Its share of the disagreement, averaged over every order in which the groups could be swapped; they add up to all of it."""
    shapley_se: float
    """0 where every order was taken."""
    alone_from_a: float
    """By how much the first comes closer to the second by taking this group over, alone."""
    alone_from_b: float
    pairs_from_a: float
    """The same by the mean difference of P(A > B) over pairs."""


class BridgingStudy(Record):
    """A study that does not exist, and how far its result would be expected to bring two reviewers together."""

    technique: Id
    comparator: Id
    place: Id
    """A setting, or the target itself."""
    se_smd: float
    hours: float | None
    """Of a run at the target, where the base states them; None: nobody has said."""
    closer: float
    """Expected fall of the disagreement; both expect results of their own, and each expectation counts as half."""


class Disagreement(Record):
    """`evidence prereg compare`: how far two registrations are apart about the ranking, and the crux."""

    question: Id
    a: Sha256
    b: Sha256
    authors_a: tuple[str, ...]
    authors_b: tuple[str, ...]
    first_a: dict[str, float]
    """P(technique is first), over the scenarios by weight."""
    first_b: dict[str, float]
    disagreement: float
    """Total variation of the two: 0 the same, 1 nothing in common."""
    mean_p_difference: float
    """Mean |difference of P(A > B)| over pairs."""
    error: float
    """What the engine's own error could make of two equal beliefs: below it there is nothing to explain."""
    groups: tuple[GroupShare, ...]
    """By Shapley value, most first; empty where the two hold the same assumptions."""
    crux: str | None
    """The first of them; None where the two do not differ by more than `error`."""
    crux_share: float | None
    """Its share of the disagreement, 0..1 (above 1 where others pull the other way)."""
    fits: int
    """Mixed beliefs that were looked at."""
    refits: int
    """Those of them that needed draws of their own."""
    studies: tuple[BridgingStudy, ...]
    """By how far they would bring the two together, most first."""
    checks: dict[str, Check]
    ok: bool


class Reviewer(Record):
    """One registration of a pool."""

    hash: Sha256
    authors: tuple[str, ...]
    weight: float
    questions: int
    """Past questions its weight was learned from."""


class PooledPair(Record):
    """One pair: what each holds, and what the pools make of it."""

    technique: Id
    comparator: Id
    p: tuple[float, ...]
    """P(technique above comparator), in the order of the reviewers."""
    p_linear: float
    p_log: float
    linear: dict[str, float]
    """Quantiles of the contrast, SMD."""
    log: dict[str, float]


class PooledScenario(Record):
    """One scenario that all of them registered."""

    target: Id
    pairs: tuple[PooledPair, ...]
    ranking_linear: tuple[Id, ...]
    """By the mean probability of being above another."""
    ranking_log: tuple[Id, ...]


class Pool(Record):
    """`evidence prereg pool`: registrations of one question as one belief."""

    question: Id
    reviewers: tuple[Reviewer, ...]
    weights_are: Literal["equal", "stated", "learned"]
    scenarios: tuple[PooledScenario, ...]
    notes: tuple[str, ...] = ()
