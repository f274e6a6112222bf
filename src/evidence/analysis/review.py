"""`evidence review` and `evidence quick`: before, warranted, at face value, and what limits us (docs/model.md, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from evidence.analysis.conflicts import find_conflicts
from evidence.analysis.estimate import Estimate
from evidence.analysis.fingerprint import fingerprint_of, prior_of
from evidence.analysis.fitting import (
    Case,
    contrast_moments,
    narrowed,
    p_above,
    prepare_case,
    read_as,
    require_single_target,
)
from evidence.analysis.limits import (
    find_flips,
    find_limits,
    measure_robustness,
    target_equivalent_n,
)
from evidence.analysis.options import Options
from evidence.analysis.sensitivity import measure_sensitivity
from evidence.analysis.shifts import effective_findings, shifts_of
from evidence.analysis.solo import Solo, prepare_solo
from evidence.analysis.statements import (
    assumptions_of,
    inputs_of,
    optimism_line,
    reasons_of,
    validity_given,
    validity_of,
)
from evidence.analysis.subject import Subject, pair_of, subject_of
from evidence.domain.quick import QuickClaim, base_of_claim
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Model
from evidence.domain.results import Check, InContext, Pair, Review
from evidence.domain.shifts import Shifts
from evidence.domain.verdict import band_of, robustness_word_of, word_of
from evidence.inference.checks import K_HAT_LIMIT
from evidence.inference.engine import MCSE_LIMIT, READER_MCSE_LIMIT, Engine, Posterior
from evidence.model.scores import (
    bernoulli_kl_bits,
    break_even,
    expected_log_score_gain,
    logit,
    mixture_normal_kl_bits,
    mixture_quantile_errors,
    mixture_quantiles,
    over_update_ratio,
)

N_DOTS = 50
QUANTILES = (0.1, 0.5, 0.9)
FLAT = band_of(0.5)
"""The band of "no usable lean"."""


@dataclass(frozen=True)
class Whole:
    """A whole base, fitted when a review first needs what the rest of it says, and once for all its studies."""

    case: Case
    engine: Engine
    options: Options

    @cached_property
    def everything(self) -> Posterior:
        """Given all findings."""
        case, options = self.case, self.options
        return self.engine.fit(case.design, case.hyper, case.everything, seed=options.seed, progress=options.progress)

    @cached_property
    def at_face_value(self) -> Posterior:
        """The same as the face-value reader takes everything."""
        case, reader = self.case, read_as(self.case, self.options.readers["face_value"])
        return self.engine.fit(
            case.design, reader, case.everything, seed=self.options.seed, mcse_limit=2 * READER_MCSE_LIMIT
        )


def prepare_whole(base: EvidenceBase, model: Model, *, engine: Engine, options: Options) -> Whole:
    """A base ready for the reviews of its studies. Raises BadInput for what cannot be used."""
    require_single_target(options.target)
    case = prepare_case(
        base, model, target=options.target, settings=options.settings, seed=options.seed, engine=engine.name
    )
    return Whole(case, engine, options)


def review_study(whole: Whole, *studies: str, finding: str | None = None, belief: float | None = None) -> Review:
    """What a study, one of its findings, or several studies read together warrant, alone and in context.

    `belief` is the reader's, if it is not that of the options. Raises BadInput for what `subject_of` refuses.
    """
    subject = subject_of(whole.case.base, studies, finding)
    options = whole.options if belief is None else replace(whole.options, belief=belief)
    return _review(whole.case, whole.engine, subject, options, _in_context(whole, subject))


def review_quick(claim: QuickClaim, model: Model, *, engine: Engine, options: Options) -> Review:
    """What one claim warrants, with no files: the same record, `study` and `finding` None."""
    base = base_of_claim(claim)
    require_single_target(options.target)
    case = prepare_case(
        base, model, target=options.target, settings=options.settings, seed=options.seed, engine=engine.name
    )
    found = case.base.findings[0]
    subject = Subject(case.base.findings, found, pair_of(case.base, found), (), "", None)
    return _review(case, engine, subject, options, None)


@dataclass(frozen=True)
class _Rest:
    """The rest of the base: the posterior without the reviewed findings, the one with them, and what they say of the pair."""

    without: Posterior
    everything: Posterior
    record: InContext


def _in_context(whole: Whole, subject: Subject) -> _Rest | None:
    """The whole base without the subject, with it, and with it as the face-value reader takes everything."""
    case, engine, options, pair = whole.case, whole.engine, whole.options, subject.pair
    own = {f.id for f in subject.findings}
    if own == {f.id for f in case.base.findings}:
        return None
    everything = whole.everything
    without = engine.reweight(everything, case.design, case.hyper, case.without(own))
    if without.checks["k_hat"].value >= K_HAT_LIMIT:
        without = engine.fit(case.design, case.hyper, case.without(own), seed=options.seed, progress=options.progress)
    p_without, p_with = (p_above(p, pair.technique, pair.comparator)[0] for p in (without, everything))
    face = whole.at_face_value
    p_face = p_above(face, pair.technique, pair.comparator)[0] if face.ok else None
    record = InContext(
        p_without=p_without, p_with=p_with, p_face_value_with=p_face, bits=_bits(pair, everything, without),
        k_hat=without.checks["k_hat"].value,
        ok=everything.ok and without.checks["k_hat"].ok,
    )  # fmt: skip
    return _Rest(without, everything, record)


@dataclass(frozen=True)
class _Fits:
    """Everything a review is read from: the prior, the posterior of the subject alone, its ceiling, and readers of it."""

    case: Case
    subject: Subject
    solo: Solo
    prior: Posterior
    ceiling: Posterior
    readers: Mapping[str, Posterior]
    belief: float | None

    def estimate(self, posterior: Posterior) -> Estimate:
        """P(technique above comparator)."""
        return Estimate(*p_above(posterior, self.subject.pair.technique, self.subject.pair.comparator))


def _review(case: Case, engine: Engine, subject: Subject, options: Options, rest: _Rest | None) -> Review:
    small = narrowed(case, {f.id for f in subject.findings})
    solo = prepare_solo(small, engine, subject.pair)
    fits = _Fits(
        small, subject, solo,
        prior=engine.evaluate(small.design, small.hyper, small.nothing, solo.coordinates),
        ceiling=solo.fit(small.hyper, small.everything.perfect(), mcse_limit=MCSE_LIMIT),
        readers={name: solo.fit(read_as(small, model), small.everything) for name, model in options.readers.items()},
        belief=options.belief,
    )  # fmt: skip
    checks = _all_checks(fits)
    fields = _beliefs(fits) | _contrast(fits) | _why(fits) | _about_priors(small, solo)
    mcse = {name: error for part in (fields.pop("errors"), fields.pop("more_errors")) for name, error in part.items()}
    studies = subject.studies
    return Review(
        study=" + ".join(studies) if studies else None, studies=studies, study_title=subject.title,
        finding=subject.finding, question=case.base.question.question, target=case.target, model=case.model.id,
        engine=engine.name, pair=subject.pair, in_context=None if rest is None else rest.record,
        shifts=_shifts(fits, case, rest),
        conflicts=find_conflicts(case.base, subject.pair.technique, subject.pair.comparator) if studies else (),
        assumptions=assumptions_of(small), inputs=inputs_of(small), **fields, mcse=mcse, checks=checks,
        ok=all(c.ok for c in checks.values()), provenance=case.provenance,
    )  # fmt: skip


def _beliefs(fits: _Fits) -> dict[str, Any]:
    """Fields of a review: before, warranted, at face value, ceiling, break-even, and readers against the warranted."""
    prior, post, face, ceiling = (
        fits.estimate(p) for p in (fits.prior, fits.solo.posterior, fits.readers["face_value"], fits.ceiling)
    )
    p_prior, p_post = prior.value, post.value
    edge = Estimate.from_independent(_break_even, post, prior)
    said = None if fits.belief is None else Estimate.from_independent(_ratio, Estimate(fits.belief, 0), post, prior)
    read = Estimate.from_independent(_ratio, face, post, prior)
    beliefs = {name: fits.estimate(p).value for name, p in fits.readers.items()}
    if fits.belief is not None:
        beliefs["belief"] = fits.belief
    twins = {"prior": p_prior, "post": p_post, "face_value": face.value, "ceiling": ceiling.value}
    twins |= {k: v for k, v in (("break_even", edge and edge.value), ("belief", fits.belief)) if v is not None}
    names = (fits.subject.pair.technique_name, fits.subject.pair.comparator_name)
    errors = {
        "p_prior": prior, "p_post": post, "p_face_value": face, "p_ceiling": ceiling, "p_break_even": edge,
        "shift_ratio": said, "face_value_ratio": read,
    }  # fmt: skip
    return {
        "p_prior": p_prior, "p_post": p_post, "p_post_mcse": post.mcse, "p_face_value": face.value,
        "p_ceiling": ceiling.value, "p_break_even": edge and edge.value,
        "log_odds": {name: _bounded_logit(p) for name, p in twins.items()},
        "reversals_per_100": round(100 * (1 - p_post)), "belief": fits.belief,
        "shift_ratio": said and said.value, "face_value_ratio": read and read.value,
        "over_update_bits": {name: bernoulli_kl_bits(p_post, _inside(b)) for name, b in beliefs.items()},
        "value_of_reading_nats": {
            name: expected_log_score_gain(_inside(b), p_post, p_prior) for name, b in {"warranted": p_post, **beliefs}.items()
        },
        "bits": _bits(fits.subject.pair, fits.solo.posterior, fits.prior),
        "word": word_of(p_post, *names), "band": band_of(p_post),
        "errors": {name: e.mcse for name, e in errors.items() if e is not None},
    }  # fmt: skip


def _contrast(fits: _Fits) -> dict[str, Any]:
    """Fields of a review: the contrast at the target, the discount, what the findings are worth, and what limits them."""
    pair, posterior, solo = fits.subject.pair, fits.solo.posterior, fits.solo
    mean, variance = contrast_moments(posterior, pair.technique, pair.comparator)
    sd = np.sqrt(np.maximum(variance, 0))
    quantiles = mixture_quantiles(mean, sd, posterior.weights, [*QUANTILES, *((np.arange(N_DOTS) + 0.5) / N_DOTS)])
    named = dict(zip(("q10", "q50", "q90"), quantiles.tolist(), strict=False))
    errors = mixture_quantile_errors(mean, sd, posterior.weights, quantiles[: len(QUANTILES)])
    discount, worth, limits = _discount(fits), target_equivalent_n(solo), find_limits(solo)
    robustness = measure_robustness(solo, solo.case.design.settings.index(fits.subject.headline.setting))
    more = {"target_equivalent_n": worth} | {f"limits.{name}": e for name, e in limits.items()}
    more |= {} if discount is None else {"discount": discount}
    return {
        "contrast": {**named, **_proxy(fits.subject)}, "contrast_dots": tuple(quantiles[len(QUANTILES) :].tolist()),
        "discount": discount and discount.value, "target_equivalent_n": worth.value,
        "limits": {name: e.value for name, e in limits.items()}, "effective_findings": effective_findings(solo),
        "robustness": robustness, "robustness_word": robustness_word_of(robustness.kept, robustness.of),
        "more_errors": {name: e.mcse for name, e in more.items()}
        | {f"contrast.{name}": float(e) for name, e in zip(named, errors, strict=True)},
    }  # fmt: skip


def _why(fits: _Fits) -> dict[str, Any]:
    """Fields of a review: why the proxy says so little, and what would change it."""
    small, headline, solo = fits.case, fits.subject.headline, fits.solo
    return {
        "flips_at": find_flips(solo, small.base.setting(headline.setting)),
        "why_so_little": reasons_of(small, headline), "validity": validity_of(small, headline),
        "validity_posterior": validity_given(solo.posterior, small, headline),
        "optimism_line": optimism_line(solo, headline, is_flat=band_of(fits.estimate(solo.posterior).value) == FLAT),
    }  # fmt: skip


def _shifts(fits: _Fits, case: Case, rest: _Rest | None) -> Shifts:
    alone = shifts_of(fits.case, fits.prior, fits.solo.posterior)
    beside = () if rest is None or not rest.record.ok else shifts_of(case, rest.without, rest.everything)
    return Shifts(solo=alone, in_context=beside)


def _about_priors(case: Case, solo: Solo) -> dict[str, Any]:
    """Fields of a review: the prior that was used, and how much the contrast leans on it."""
    used, pair = prior_of(case, solo.engine), solo.pair
    contrasts = {"contrast": (pair.technique, pair.comparator)}
    found = measure_sensitivity(case, solo.engine, [solo.posterior], used, contrasts)
    return {
        "fingerprint": fingerprint_of(case, used, pair), "sensitivity": found.distance,
        "sensitive_to": found.sensitive_to, "p_if_scaled": found.p_if_scaled, "overlap": found.overlap,
        "uninformed": found.uninformed,
    }  # fmt: skip


def _all_checks(fits: _Fits) -> dict[str, Check]:
    """Those of the subject alone, of its ceiling and of its face-value reader.

    What stands beside the rest of the base has checks of its own (`in_context.ok`): they withhold that, not the verdict.
    """
    checks = dict(fits.solo.posterior.checks)
    for name, posterior in (("ceiling", fits.ceiling), ("face_value", fits.readers["face_value"])):
        checks |= {f"{name}_{k}": check for k, check in posterior.checks.items() if k in {"k_hat", "mcse_p"}}
    return checks


def _discount(fits: _Fits) -> Estimate | None:
    """Warranted over face-value shift of the mean contrast; None where a kind has no size or face value no shift."""
    if any(f.kind in SIGN_KINDS for f in fits.subject.findings):
        return None
    pair = (fits.subject.pair.technique, fits.subject.pair.comparator)
    means: list[Estimate] = []
    for p in (fits.solo.posterior, fits.readers["face_value"]):
        mean = contrast_moments(p, *pair)[0]
        average = float(p.weights @ mean)
        means.append(Estimate(average, float(np.sqrt(np.sum((p.weights * (mean - average)) ** 2)))))
    return Estimate.from_independent(lambda warranted, face: None if abs(face) < 1e-9 else warranted / face, *means)


def _bits(pair: Pair, after: Posterior, before: Posterior) -> dict[str, float]:
    """KL(after || before) in bits, of the order of the pair and of its contrast."""
    mixtures: list[tuple[Any, Any, Any]] = []
    for p in (after, before):
        mean, variance = contrast_moments(p, pair.technique, pair.comparator)
        mixtures.append((mean, np.sqrt(np.maximum(variance, 1e-12)), p.weights))
    p, p0 = (p_above(x, pair.technique, pair.comparator)[0] for x in (after, before))
    return {"order": bernoulli_kl_bits(p, p0), "theta": mixture_normal_kl_bits(*mixtures[0], *mixtures[1])}


def _proxy(subject: Subject) -> dict[str, float]:
    """The headline's own effect, as a tick beside the target's quantiles (none for kinds without a size)."""
    from evidence.model.effects import effect_of

    f = subject.headline
    return {} if f.kind in SIGN_KINDS or f.is_arm else {"proxy": effect_of(f).y}


def _ratio(belief: float, p: float, p0: float) -> float | None:
    return over_update_ratio(_inside(belief), _inside(p), _inside(p0))


def _break_even(p: float, p0: float) -> float | None:
    return break_even(_inside(p), _inside(p0))


def _inside(p: float) -> float:
    """P away from 0 and 1, so that log scores stay finite (MODEL section 8 clips at .001; here only rounding is cut)."""
    return min(max(p, 1e-12), 1 - 1e-12)


def _bounded_logit(p: float) -> float:
    return logit(_inside(p))
