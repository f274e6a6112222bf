"""`evidence elicit validity`: a statement as a law of rho, and what the model leaves of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evidence.analysis.calibrate import LEARNED, base_rates
from evidence.analysis.fitting import MAX_RULED_OUT, build_case, find_ruled_out, require_single_target
from evidence.analysis.typed import DIGITS, bad_option, typed_interval
from evidence.domain.elicitation import ComparedRate, ElicitedValidity, ValidityWords
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase, Model, Prior
from evidence.model.elicit import mean_order_kept, mean_square, order_kept, validity_keeping
from evidence.model.hyper import Hyper
from evidence.model.priors import prior_from_interval, quantiles_at
from evidence.model.reach import highest_validity, share_ruled_out, validity_quantiles

type Floats = NDArray[np.float64]

TAILS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class ValidityStatement:
    """What was typed about a family: one of the two, each `LO..HI` (80 %, equal-tailed) or a number."""

    rho: str | None = None
    in_100: str | None = None
    """Of 100 pairs, in how many the better one at the proxy is the better one at the target."""

    def interval(self) -> tuple[float, float]:
        """Both ends of rho, alike for a point. Raises BadInput."""
        option, text = self.typed()
        ends = typed_interval(option, text)
        if self.rho is None:
            if not (ends[0] >= 50 and ends[1] <= 100):
                wanted = "numbers from 50 (the proxy says nothing) to 100: below 50 it would mislead, which a stated validity cannot say"
                raise bad_option(option, text, wanted)
            ends = (validity_keeping(ends[0] / 100), validity_keeping(ends[1] / 100))
        lo, hi = (round(end, DIGITS) for end in ends)
        if not 0 <= lo <= hi <= 1:
            raise bad_option(option, text, "numbers from 0 to 1: a negative validity cannot be stated")
        return lo, hi

    def typed(self) -> tuple[str, str]:
        """The option and its text."""
        return ("--rho", self.rho) if self.rho is not None else ("--better-in-100", self.in_100 or "")

    def __str__(self) -> str:
        """The statement in a sentence's words."""
        return f"rho {self.rho}" if self.rho is not None else f"order kept in {self.in_100} of 100"


def elicit_validity(
    base: EvidenceBase, model: Model, calibrated: Model, *, family: str, statement: ValidityStatement,
    validity_class: str | None = None, target: str | None = None, seed: int = 1,
) -> ElicitedValidity:  # fmt: skip
    """The statement as a law of rho, beside what the model leaves of it and what bridges showed of the class.

    `validity_class` looks at the family as one of that class. Raises BadInput for a statement that is no validity,
    and for models in which validity is not stated.
    """
    require_single_target(target)
    _require_validity(model)
    lo, hi = statement.interval()
    law = _law_of_rho(statement, lo, hi)
    if validity_class is not None:
        base = _with_class(base, family, validity_class)
    value = f"{lo:.{DIGITS}g}" if lo == hi else f"{lo:.{DIGITS}g}..{hi:.{DIGITS}g}"
    case = build_case(base, model, target=target, settings=(f"validity.{family}={value}",), seed=0)
    if others := [p for p in find_ruled_out(case) if p.row != family]:
        raise BadInput(others)
    setting = int(case.hyper.stated_reference[case.hyper.families.index(family)])
    lost = share_ruled_out(case.hyper, family)
    is_accepted = lost <= MAX_RULED_OUT
    row = base.family(family)
    reference = row.stated_at or next(s.id for s in base.settings if s.family == family)
    stated = {"stated_at": reference, "stated_rho_lo": lo, "stated_rho_hi": hi, "irrelevance": None}
    return ElicitedValidity(
        base=base.question.id, target=case.target, model=model.id, family=row.model_copy(update=stated),
        statement=str(statement), law=law, said=_said_of_rho(law),
        held=_held_of_rho(case.hyper, setting) if is_accepted else None, ruled_out=lost, accepted=is_accepted,
        highest_rho=highest_validity(case.hyper, setting), highest_rho_without=dict(_without(case.hyper, setting)),
        worth_target_runs=_worth(law, model, base.question.target_run_se), target_run_se=base.question.target_run_se,
        set_option=f"validity.{family}={value}", base_rates=tuple(_rates(calibrated, row.validity_class, seed)),
        base_rates_model=calibrated.id, base_rates_are_opinion=_is_opinion(calibrated, row.validity_class),
    )  # fmt: skip


def _require_validity(model: Model) -> None:
    ties = model.parametrisation
    if ties.kind == "random-effects" or ties.perfect_proxies:
        raise bad_option(
            "--model", model.id, "a model with validity classes: in this one every proxy is as valid as another"
        )


def _law_of_rho(statement: ValidityStatement, lo: float, hi: float) -> Prior:
    try:
        return prior_from_interval(lo, hi, support="unit", claim=f"Elicited: {statement}.")
    except ValueError as error:
        wanted = "an interval inside (0, 1), that is (50, 100) of 100, that is the 80 % interval of a Beta law"
        raise bad_option(*statement.typed(), wanted) from error


def _with_class(base: EvidenceBase, family: str, validity_class: str) -> EvidenceBase:
    rows = tuple(
        f.model_copy(update={"validity_class": validity_class, "irrelevance": None}) if f.id == family else f
        for f in base.families
    )
    return base.model_copy(update={"families": rows})


def _said_of_rho(law: Prior) -> ValidityWords:
    if law.dist == "Point" and law.value is not None:
        return _words_of_rho(np.full(len(TAILS), law.value), mean_order_kept(law))
    return _words_of_rho(quantiles_at(law, special.ndtri(np.array(TAILS))), mean_order_kept(law))


def _held_of_rho(hyper: Hyper, setting: int) -> ValidityWords:
    """Of the prior draws that are left; their order kept is averaged over equally spaced quantiles."""
    middle = (np.arange(1000) + 0.5) / 1000
    mean = order_kept(validity_quantiles(hyper, setting, middle)).mean()
    return _words_of_rho(validity_quantiles(hyper, setting, np.array(TAILS)), float(mean))


def _words_of_rho(rho: Floats, mean_kept: float) -> ValidityWords:
    q10, q50, q90 = rho.tolist()
    kept10, kept50, kept90 = (100 * order_kept(rho)).tolist()
    return ValidityWords(
        rho_q10=q10, rho_q50=q50, rho_q90=q90, order_kept_in_100_q10=kept10, order_kept_in_100_q50=kept50,
        order_kept_in_100_q90=kept90, order_kept_in_100_mean=100 * mean_kept,
    )  # fmt: skip


def _without(hyper: Hyper, setting: int) -> Iterator[tuple[str, float]]:
    """The highest validity `check` would take if one of the causes that cap it were absent."""
    yield "novelty", highest_validity(replace(hyper, novelty=0.0), setting)
    at_target = np.broadcast_to(hyper.target_gaps, hyper.gaps.shape)
    near = replace(hyper, gaps=at_target, gap_unknown=np.zeros_like(hyper.gap_unknown))
    yield "gaps", highest_validity(near, setting)
    v = hyper.names[hyper.slots["v"] + int(hyper.v_index[setting])]
    yield "construct_noise", highest_validity(hyper.pinned(v, 1.0), setting)


def _worth(law: Prior, model: Model, run_se: float) -> float | None:
    """Direct runs of standard error `run_se` that a perfectly measured proxy is worth for one technique at most.

    run^2 (1 / V_post - 1 / V_prior) with V_prior = E[tau^2] and V_post = E[tau^2] (1 - E[rho^2]), as in
    `limits.target_equivalent_n`; None where rho is 1.
    """
    prior = mean_square(model.priors["tau"])
    left = 1 - mean_square(law)
    return run_se**2 * (1 / left - 1) / prior if left > 0 else None


def _rates(calibrated: Model, validity_class: str, seed: int) -> Iterator[ComparedRate]:
    for rate in base_rates(calibrated, (), seed):
        if rate.proxy == validity_class:
            yield ComparedRate(
                target=rate.target, order_kept_in_100=rate.order_kept_in_100, rho_q10=rate.rho_q10,
                rho_q50=rate.rho_q50, rho_q90=rate.rho_q90,
            )  # fmt: skip


def _is_opinion(calibrated: Model, validity_class: str) -> bool:
    known = calibrated.classes.get(validity_class)
    return known is None or not known.claim.endswith(LEARNED)
