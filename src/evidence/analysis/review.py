"""`evidence review` and `evidence quick`: before, warranted, at face value, and what limits us (docs/model.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

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
from evidence.analysis.limits import find_flips, find_limits, measure_robustness, target_equivalent_n
from evidence.analysis.options import Options
from evidence.analysis.sensitivity import measure_sensitivity
from evidence.analysis.solo import Solo, prepare_solo
from evidence.analysis.statements import (
    assumptions_of,
    inputs_of,
    optimism_line,
    reasons_of,
    validity_of,
)
from evidence.domain.errors import BadInput, Problem
from evidence.domain.quick import QuickClaim, base_of_claim
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding, Model
from evidence.domain.results import Check, InContext, Pair, Review
from evidence.domain.verdict import NO_LEAN, band_of, robustness_word_of, word_of
from evidence.inference.checks import K_HAT_LIMIT
from evidence.inference.engine import MCSE_LIMIT, READER_MCSE_LIMIT, Engine, Posterior
from evidence.model.scores import (
    bernoulli_kl_bits,
    break_even,
    expected_log_score_gain,
    logit,
    mixture_normal_kl_bits,
    mixture_quantiles,
    over_update_ratio,
)

N_DOTS = 50


@dataclass(frozen=True)
class _Subject:
    """What is reviewed: the findings taken together, the headline that names the pair, and the study (None for a claim)."""

    findings: tuple[Finding, ...]
    headline: Finding
    pair: Pair
    study: str | None
    study_title: str
    finding: str | None


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


def reviewed_studies(base: EvidenceBase) -> tuple[str, ...]:
    """Ids of the studies a review can speak about: those with a finding on a proxy."""
    proxies = {s.id for s in base.settings}
    return tuple(s.id for s in base.studies if any(f.setting in proxies for f in base.findings_of(s.id)))


def review_study(whole: Whole, study: str, finding: str | None = None) -> Review:
    """What `study` (or one of its findings) warrants, alone and in context. Raises BadInput for unknown names."""
    case, engine, options = whole.case, whole.engine, whole.options
    subject = _subject_of(case.base, study, finding)
    if subject.headline.setting not in case.design.settings:
        found = f"{subject.headline.id!r}, measured at the target {subject.headline.setting!r}"
        wanted = "a finding on a proxy: the page says what a proxy is worth; rank takes findings at targets"
        raise BadInput((Problem("findings.csv", None, "id", found, wanted),))
    return _review(case, engine, subject, options, _in_context(whole, subject))


def review_quick(claim: QuickClaim, model: Model, *, engine: Engine, options: Options) -> Review:
    """What one claim warrants, with no files: the same record, `study` and `finding` None."""
    base = base_of_claim(claim)
    require_single_target(options.target)
    case = prepare_case(
        base, model, target=options.target, settings=options.settings, seed=options.seed, engine=engine.name
    )
    found = case.base.findings[0]
    subject = _Subject(case.base.findings, found, pair_of(case.base, found), None, "", None)
    return _review(case, engine, subject, options, None)


def pair_of(base: EvidenceBase, finding: Finding) -> Pair:
    """The contrast a finding speaks about; an arm is set against the first other arm of its cell, else the baseline."""
    comparator = finding.comparator
    if comparator is None:
        cell = (finding.study, finding.setting)
        others = [
            f for f in base.findings if f.is_arm and (f.study, f.setting) == cell and f.technique != finding.technique
        ]
        comparator = others[0].technique if others else base.techniques[0].id
    return Pair(
        technique=finding.technique, comparator=comparator,
        technique_name=base.technique(finding.technique).name, comparator_name=base.technique(comparator).name,
    )  # fmt: skip


def _subject_of(base: EvidenceBase, study: str, finding: str | None) -> _Subject:
    known = {s.id: s for s in base.studies if base.findings_of(s.id)}
    if study not in known:
        raise BadInput((Problem("studies.csv", None, "id", repr(study), f"a study with findings: {', '.join(known)}"),))
    findings = base.findings_of(study)
    if finding is not None:
        chosen = next((f for f in findings if f.id == finding), None)
        if chosen is None:
            ids = ", ".join(f.id for f in findings)
            raise BadInput((Problem("findings.csv", None, "id", repr(finding), f"a finding of {study}: {ids}"),))
        # An arm alone says nothing; it is reviewed with the arms of its cell.
        cell = tuple(f for f in findings if f.is_arm and f.setting == chosen.setting) if chosen.is_arm else (chosen,)
        return _Subject(cell, chosen, pair_of(base, chosen), study, known[study].title, finding)
    headline = headline_of(base, study)
    return _Subject(findings, headline, pair_of(base, headline), study, known[study].title, None)


def headline_of(base: EvidenceBase, study: str) -> Finding:
    """The finding a review of the study speaks about: its headline, else its first, on a proxy where it has one there."""
    proxies = {s.id for s in base.settings}
    wanted = next(s.headline for s in base.studies if s.id == study)
    by_rank = sorted(base.findings_of(study), key=lambda f: (f.setting not in proxies, f.id != wanted))
    return by_rank[0]


def _in_context(whole: Whole, subject: _Subject) -> InContext | None:
    """The whole base without the subject, with it, and with it as the face-value reader takes everything."""
    case, engine, options, pair = whole.case, whole.engine, whole.options, subject.pair
    own = {f.id for f in subject.findings}
    if own == {f.id for f in case.base.findings}:
        return None
    everything = whole.everything
    without = engine.reweight(everything, case.design, case.hyper, case.without(own))
    if without.checks["k_hat"].value >= K_HAT_LIMIT:
        without = engine.fit(case.design, case.hyper, case.without(own), seed=options.seed, progress=options.progress)
    return InContext(
        p_without=p_above(without, pair.technique, pair.comparator)[0],
        p_with=p_above(everything, pair.technique, pair.comparator)[0],
        p_face_value_with=p_above(whole.at_face_value, pair.technique, pair.comparator)[0],
        k_hat=without.checks["k_hat"].value,
        ok=everything.ok and without.checks["k_hat"].ok,
    )


def _review(case: Case, engine: Engine, subject: _Subject, options: Options, context: InContext | None) -> Review:
    small = narrowed(case, {f.id for f in subject.findings})
    solo = prepare_solo(small, engine, subject.pair)
    technique, comparator = subject.pair.technique, subject.pair.comparator
    names = (subject.pair.technique_name, subject.pair.comparator_name)
    prior = engine.evaluate(small.design, small.hyper, small.nothing, solo.coordinates)
    ceiling = solo.fit(small.hyper, small.everything.perfect(), mcse_limit=MCSE_LIMIT)
    readers = {name: solo.fit(read_as(small, model), small.everything) for name, model in options.readers.items()}
    p_prior = p_above(prior, technique, comparator)[0]
    p_post, mcse = p_above(solo.posterior, technique, comparator)
    p_face, p_ceiling = (p_above(p, technique, comparator)[0] for p in (readers["face_value"], ceiling))
    p_break_even = break_even(p_post, p_prior)
    beliefs = {name: p_above(p, technique, comparator)[0] for name, p in readers.items()}
    if options.belief is not None:
        beliefs["belief"] = options.belief
    robustness = measure_robustness(solo, _setting_index(small, subject))
    checks = _all_checks(solo, ceiling, context)
    mean, variance = contrast_moments(solo.posterior, technique, comparator)
    quantile_probs = [0.1, 0.5, 0.9, *((np.arange(N_DOTS) + 0.5) / N_DOTS)]
    quantiles = mixture_quantiles(mean, np.sqrt(np.maximum(variance, 0)), solo.posterior.weights, quantile_probs)
    twins = {"prior": p_prior, "post": p_post, "face_value": p_face, "ceiling": p_ceiling}
    twins |= {k: v for k, v in (("break_even", p_break_even), ("belief", options.belief)) if v is not None}
    return Review(
        study=subject.study, study_title=subject.study_title, finding=subject.finding,
        question=case.base.question.question, target=case.target, model=case.model.id, engine=engine.name,
        pair=subject.pair, p_prior=p_prior, p_post=p_post, p_post_mcse=mcse, p_face_value=p_face, p_ceiling=p_ceiling,
        p_break_even=p_break_even, in_context=context,
        log_odds={name: _bounded_logit(p) for name, p in twins.items()},
        reversals_per_100=round(100 * (1 - p_post)),
        belief=options.belief,
        shift_ratio=None if options.belief is None else _ratio(options.belief, p_post, p_prior),
        face_value_ratio=_ratio(p_face, p_post, p_prior),
        discount=_discount(solo, readers["face_value"], subject),
        over_update_bits={name: bernoulli_kl_bits(p_post, _inside(b)) for name, b in beliefs.items()},
        value_of_reading_nats={
            name: expected_log_score_gain(_inside(b), p_post, p_prior) for name, b in {"warranted": p_post, **beliefs}.items()
        },
        bits=_bits(solo, prior, p_post, p_prior),
        target_equivalent_n=target_equivalent_n(solo),
        word=word_of(p_post, *names), band=band_of(p_post),
        robustness=robustness, robustness_word=robustness_word_of(robustness.kept, robustness.of),
        limits=find_limits(solo), flips_at=find_flips(solo, small.base.setting(subject.headline.setting)),
        why_so_little=reasons_of(small, subject.headline), validity=validity_of(small, subject.headline),
        contrast={"q10": float(quantiles[0]), "q50": float(quantiles[1]), "q90": float(quantiles[2]), **_proxy(subject)},
        contrast_dots=tuple(float(q) for q in quantiles[3:]),
        optimism_line=optimism_line(solo, subject.headline, is_flat=word_of(p_post, *names) == NO_LEAN), assumptions=assumptions_of(small),
        inputs=inputs_of(small), **_about_priors(small, solo), checks=checks,
        ok=all(c.ok for c in checks.values()), provenance=case.provenance,
    )  # fmt: skip


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


def _setting_index(case: Case, subject: _Subject) -> int:
    return case.design.settings.index(subject.headline.setting)


def _all_checks(solo: Solo, ceiling: Posterior, context: InContext | None) -> dict[str, Check]:
    checks = dict(solo.posterior.checks)
    checks |= {f"ceiling_{name}": check for name, check in ceiling.checks.items() if name in {"k_hat", "mcse_p"}}
    if context is not None:
        checks["in_context_k_hat"] = Check(
            value=context.k_hat, ok=context.ok, wanted="< 0.7, and every check of the whole base"
        )
    return checks


def _discount(solo: Solo, face_value: Posterior, subject: _Subject) -> float | None:
    """Warranted over face-value shift of the mean contrast; None where a kind has no size or face value no shift."""
    if any(f.kind in SIGN_KINDS for f in subject.findings):
        return None
    pair = (subject.pair.technique, subject.pair.comparator)
    warranted, face = (float(p.weights @ contrast_moments(p, *pair)[0]) for p in (solo.posterior, face_value))
    return None if abs(face) < 1e-9 else warranted / face


def _bits(solo: Solo, prior: Posterior, p_post: float, p_prior: float) -> dict[str, float]:
    pair = (solo.pair.technique, solo.pair.comparator)
    mixtures = []
    for p in (solo.posterior, prior):
        mean, variance = contrast_moments(p, *pair)
        mixtures.append((mean, np.sqrt(np.maximum(variance, 1e-12)), p.weights))
    return {"order": bernoulli_kl_bits(p_post, p_prior), "theta": mixture_normal_kl_bits(*mixtures[0], *mixtures[1])}


def _proxy(subject: _Subject) -> dict[str, float]:
    """The headline's own effect, as a tick beside the target's quantiles (none for kinds without a size)."""
    from evidence.model.effects import effect_of

    f = subject.headline
    return {} if f.kind in SIGN_KINDS or f.is_arm else {"proxy": effect_of(f).y}


def _ratio(belief: float, p: float, p0: float) -> float | None:
    return over_update_ratio(_inside(belief), p, p0)


def _inside(p: float) -> float:
    """P away from 0 and 1, so that log scores stay finite (MODEL section 8 clips at .001; here only rounding is cut)."""
    return min(max(p, 1e-12), 1 - 1e-12)


def _bounded_logit(p: float) -> float:
    return logit(_inside(p))
