"""`evidence elicit merit`: a statement as a registered merit, and what the model then holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence.analysis.fitting import with_beliefs
from evidence.analysis.typed import DIGITS, bad_option, typed_interval
from evidence.domain.elicitation import ElicitedMerit, MeritWords
from evidence.domain.records import EvidenceBase, Model, RegisteredMerit, RegisteredOrder
from evidence.model.elicit import MeritLaw, merit_law, normal_between, normal_helping, share_up_to

TAILS = (0.1, 0.5, 0.9)
SUFFIX = "-elicited"
"""Of the id of a model with elicited beliefs."""
NOTE = "With elicited beliefs (`evidence elicit`)."
LEAST_SD, LARGEST = 10**-DIGITS, 100.0
"""SMD: the smallest sd that rounding leaves, and the largest merit anybody can mean."""
RAREST = 0.001
"""In 100: who says less often than that says never, and rounding decides the law."""
FAR = 2.0
"""SMD beyond which a merit is called out: few real differences are that large."""


@dataclass(frozen=True)
class MeritStatement:
    """What was typed about a technique: an 80 % interval, or how often it helps and then by how much; SMD."""

    interval: str | None = None
    in_100: float | None = None
    by: float | None = None

    def normal(self) -> tuple[float, float]:
        """Mean and standard deviation of the law, as registered. Raises BadInput."""
        mean, sd = (round(x, DIGITS) + 0.0 for x in self._normal())
        if max(abs(mean), sd) > LARGEST:
            option, text = ("--by", f"{self.by:g}") if self.interval is None else ("--interval", self.interval)
            raise bad_option(
                option, text, f"a statement whose law has mean and standard deviation within {LARGEST:g} SMD"
            )
        if sd <= 0:
            option, text = ("--by", f"{self.by:g}") if self.interval is None else ("--interval", self.interval)
            raise bad_option(option, text, f"a statement whose standard deviation is at least {LEAST_SD:g} SMD")
        return mean, sd

    def _normal(self) -> tuple[float, float]:
        if self.interval is not None:
            lo, hi = typed_interval("--interval", self.interval)
            if lo == hi:
                wanted = "LO..HI with LO below HI: a single number would be certainty"
                raise bad_option("--interval", self.interval, wanted)
            if max(abs(lo), abs(hi)) > LARGEST:
                raise bad_option("--interval", self.interval, f"numbers within ±{LARGEST:g} SMD")
            return normal_between(lo, hi)
        if self.in_100 is None or not RAREST <= self.in_100 <= 100 - RAREST:
            wanted = f"a number in 100, from {RAREST:g} to {100 - RAREST:g}"
            raise bad_option("--better-in-100", f"{self.in_100:g}", wanted)
        if self.by is None or not 0 < self.by <= LARGEST:
            wanted = f"by how much it helps where it helps: the median, above 0 and at most {LARGEST:g} SMD"
            raise bad_option("--by", "nothing" if self.by is None else f"{self.by:g}", wanted)
        return normal_helping(self.in_100 / 100, self.by)

    def __str__(self) -> str:
        """The statement in a sentence's words."""
        if self.interval is not None:
            return f"between {self.interval.replace('..', ' and ', 1)} SMD in 80 of 100 worlds"
        return f"better than doing nothing in {self.in_100:g} of 100 worlds, then by {self.by:g} SMD in the middle one"


def elicit_merit(
    base: EvidenceBase, model: Model, *, technique: str, statement: MeritStatement, claim: str | None = None
) -> ElicitedMerit:
    """The statement as a registered merit, and what the model then holds, before any finding.

    Raises BadInput for a statement that is no law, and for models that cannot register a merit.
    """
    mean, sd = statement.normal()
    require_spread(model)
    if model.orders:
        raise bad_option(
            "--model", model.id, "a model without registered orders: beside them no merit can be registered"
        )
    with_beliefs(base, model)
    merit = RegisteredMerit(technique=technique, mean=mean, sd=sd, claim=claim or f"Elicited: {statement}.")
    others = [m for m in model.merits if m.technique != technique]
    before = _law_with(model, others)
    after = _law_with(model, [*others, merit])
    nobody = len(others)
    unspoken = len(base.techniques) - 1 > nobody + 1
    difference = base.question.smallest_difference
    return ElicitedMerit(
        base=base.question.id, model=model.id, technique=technique, name=base.technique(technique).name,
        baseline=base.techniques[0].name, smallest_difference=difference, statement=str(statement), merit=merit,
        said=_said_of_merit(merit, difference), held=_words_of_merit(after, nobody, difference),
        before=_words_of_merit(before, nobody, difference), left_out=share_up_to(model.priors["tau"], sd),
        others_work=after.share_beyond(nobody + 1, difference) if unspoken else None,
        others_worked=before.share_beyond(nobody, difference) if unspoken else None,
        replaces=next((m for m in model.merits if m.technique == technique), None),
    )  # fmt: skip


def registered(model: Model, merits: Sequence[RegisteredMerit], orders: Sequence[RegisteredOrder]) -> Model:
    """The model with these beliefs in it: a merit in place of its technique's earlier one, orders in place of all."""
    spoken = {m.technique for m in merits}
    provenance = model.provenance if NOTE in model.provenance else f"{model.provenance} {NOTE}".strip()
    return model.model_copy(
        update={
            "id": model.id if model.id.endswith(SUFFIX) else f"{model.id[: 80 - len(SUFFIX)]}{SUFFIX}",
            "provenance": provenance,
            "merits": (*(m for m in model.merits if m.technique not in spoken), *merits),
            "orders": tuple(orders) or model.orders,
        }
    )


def require_spread(model: Model) -> None:
    """Raises BadInput for a model whose merits have no spread tau of their own."""
    if model.parametrisation.kind == "random-effects":
        wanted = "a model with a prior of tau, the spread of merits: here it is a sum of two"
        raise bad_option("--model", model.id, wanted)


def _law_with(model: Model, merits: list[RegisteredMerit]) -> MeritLaw:
    return merit_law(model.priors["tau"], model.priors["r"], [m.mean for m in merits], [m.sd for m in merits])


def _words_of_merit(law: MeritLaw, index: int, difference: float) -> MeritWords:
    q10, q50, q90 = law.quantiles(index, TAILS).tolist()
    beyond = law.share_beyond(index, FAR) + 1 - law.share_beyond(index, -FAR)
    return MeritWords(
        works=law.share_beyond(index, difference), worse=1 - law.share_beyond(index, 0.0), beyond=beyond,
        q10=q10, q50=q50, q90=q90,
    )  # fmt: skip


def _said_of_merit(merit: RegisteredMerit, difference: float) -> MeritWords:
    one = MeritLaw(np.ones(1), np.array([[merit.mean]]), np.array([[[merit.sd**2]]]))
    return _words_of_merit(one, 0, difference)
