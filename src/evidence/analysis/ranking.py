"""`evidence rank`: the ranking of techniques at the target, and what each study did to it (docs/model.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.conflicts import compared_pairs, find_conflicts
from evidence.analysis.crunch import stack_of, try_order_of, verify_or_ship_of
from evidence.analysis.draws import draw_merits
from evidence.analysis.fingerprint import fingerprint_of, prior_of
from evidence.analysis.fitting import Case, case_scenarios, fit_scenarios, prepare_case, reweighted
from evidence.analysis.options import Progress
from evidence.analysis.sensitivity import Sensitivity, measure_sensitivity
from evidence.domain.records import EvidenceBase, Model, Study
from evidence.domain.results import RankedTechnique, Ranking, StackRange, StudyShift, TryOrder
from evidence.domain.verdict import CONTENDER
from evidence.inference.checks import K_HAT_LIMIT
from evidence.inference.engine import Engine, Posterior, mixture_of, pair_moments
from evidence.model.ranks import rank_distribution, sucra_of
from evidence.model.scores import mixture_quantile_errors, mixture_quantiles

type Floats = NDArray[np.float64]

QUANTILES = (0.05, 0.5, 0.95)
RANK_DRAWS = 20_000
STUDY_DRAWS = 1024
"""Draws that tell what a study did: the same ones with it and without it, so that most of their error cancels."""
STUDY_MCSE = 0.004
"""Error of P(A > B) that is enough where a study's weight takes a fit of its own, which has no draw in common."""


@dataclass(frozen=True)
class Fitted:
    """A ranking with the fit it was read from."""

    ranking: Ranking
    case: Case
    posterior: Posterior
    prior: Posterior
    """Equally weighted draws of the prior that was used."""


def fit_ranking(
    base: EvidenceBase,
    model: Model,
    *,
    engine: Engine,
    target: str | None = None,
    settings: tuple[str, ...] = (),
    seed: int = 1,
    progress: Progress | None = None,
    prereg_hash: str | None = None,
) -> Fitted:
    """The ranking at `target` (default: the primary one) with its fit. Raises BadInput for what cannot be used.

    `prereg_hash` is the registration that all of this was taken from.
    """
    case = prepare_case(base, model, target=target, settings=settings, seed=seed, engine=engine.name)
    if prereg_hash is not None:
        case = replace(case, provenance=case.provenance.model_copy(update={"prereg_hash": prereg_hash}))
    fitted = fit_scenarios(case, engine, seed=seed, progress=progress)
    posterior = mixture_of(fitted, [w for w, _ in case_scenarios(case)])
    prior = prior_of(case, engine)
    contrasts = {f"merit[{t}]": (t, prior.techniques[0]) for t in prior.techniques[1:]}
    sensitivity = measure_sensitivity(case, engine, fitted, prior, contrasts)
    studies = _study_shifts(case, engine, fitted, progress)
    merits = draw_merits(posterior, RANK_DRAWS, seed=seed)
    order = try_order_of(case, merits)
    stack = stack_of(case, engine, fitted[0], order)
    ranking = _ranking(case, (posterior, prior), merits, sensitivity, studies)
    ranking = ranking.model_copy(update=_decisions(case, merits, order, stack))
    return Fitted(ranking, case, posterior, prior)


def decided_under(
    fitted: Fitted, *, smallest_difference: float, check_hours: float, failure_cost_hours: float
) -> Ranking:
    """The ranking with its two decisions as they are under other stakes; beliefs stay. A stack keeps the base's stakes."""
    case, ranking = fitted.case, fitted.ranking
    stakes = {
        "smallest_difference": smallest_difference, "check_hours": check_hours, "failure_cost_hours": failure_cost_hours,
    }  # fmt: skip
    same = all(getattr(case.base.question, name) == value for name, value in stakes.items())
    question = case.base.question.model_copy(update=stakes)
    moved = replace(case, base=case.base.model_copy(update={"question": question}))
    merits = draw_merits(fitted.posterior, RANK_DRAWS, seed=case.provenance.seed)
    decisions = _decisions(moved, merits, try_order_of(moved, merits), ranking.stack if same else None)
    return ranking.model_copy(update=decisions)


def _decisions(case: Case, merits: Floats, order: TryOrder, stack: StackRange | None) -> dict[str, object]:
    return {
        "try_order": order.steps, "try_order_hours": order.hours, "try_order_factor": order.factor,
        "hours_not_stated": order.hours_not_stated,
        "verify_or_ship": verify_or_ship_of(case.base.question, case.base.techniques, merits), "stack": stack,
    }  # fmt: skip


def _ranking(
    case: Case, fits: tuple[Posterior, Posterior], merits: Floats, sensitivity: Sensitivity,
    studies: tuple[StudyShift, ...],
) -> Ranking:  # fmt: skip
    posterior, prior = fits
    matrix, mcse = probability_matrix(posterior)
    ids, question = posterior.techniques, case.base.question
    findings, ranked = case.base.findings, _ranked(case, posterior, merits)
    spoken_of = {f.technique for f in findings} | {f.comparator for f in findings}
    return Ranking(
        base=question.id, question=question.question, criterion=question.criterion, target=case.target,
        model=case.model.id, engine=case.provenance.engine, techniques=ranked,
        p_above={a: {b: float(matrix[i, j]) for j, b in enumerate(ids) if b != a} for i, a in enumerate(ids)},
        p_above_mcse=mcse,
        studies=studies,
        untested=tuple(t.id for t in case.base.techniques[1:] if t.id not in spoken_of),
        conflicts=tuple(c for pair in compared_pairs(case.base) for c in find_conflicts(case.base, *pair) if c.found),
        never_compared=tuple(_never_compared(case.base, ranked)),
        left_out=case.base.left_out,
        fingerprint=fingerprint_of(case, prior),
        sensitivity=sensitivity.distance, sensitive_to=sensitivity.sensitive_to,
        overlap=sensitivity.overlap, uninformed=sensitivity.uninformed,
        checks=posterior.checks, ok=posterior.ok, provenance=case.provenance,
    )  # fmt: skip


def probability_matrix(posterior: Posterior) -> tuple[Floats, float]:
    """P(merit a > merit b) as (T, T) with 1/2 on the diagonal, and the largest Monte Carlo standard error."""
    n = posterior.mean.shape[1]
    matrix = np.full((n, n), 0.5)
    a, b = np.triu_indices(n, k=1)
    matrix[a, b], mcse = pair_moments(posterior)
    matrix[b, a] = 1 - matrix[a, b]
    return matrix, float(mcse.max(initial=0.0))


def _never_compared(base: EvidenceBase, techniques: tuple[RankedTechnique, ...]) -> Iterator[tuple[str, str]]:
    """Pairs of techniques not ruled out as first that no study measured side by side, in one setting."""
    cells: dict[tuple[str, str], set[str]] = {}
    for f in base.findings:
        cells.setdefault((f.study, f.setting), set()).update({f.technique, f.comparator or f.technique})
    contenders = [t.id for t in techniques if t.p_best >= CONTENDER]
    for i, a in enumerate(contenders):
        for b in contenders[i + 1 :]:
            if not any({a, b} <= met for met in cells.values()):
                yield a, b


def _ranked(case: Case, posterior: Posterior, merits: Floats) -> tuple[RankedTechnique, ...]:
    ranks = rank_distribution(merits)
    expected = ranks @ np.arange(1, ranks.shape[1] + 1)
    sucra = sucra_of(ranks)
    rows: list[RankedTechnique] = []
    for i, technique in enumerate(case.base.techniques):
        sd = np.sqrt(np.maximum(posterior.cov[:, i, i], 0.0))
        mean = float(posterior.weights @ posterior.mean[:, i])
        variance = float(posterior.weights @ (posterior.cov[:, i, i] + (posterior.mean[:, i] - mean) ** 2))
        is_baseline = i == 0
        mixture = posterior.mean[:, i], sd, posterior.weights
        q05, q50, q95 = quantiles = np.zeros(3) if is_baseline else mixture_quantiles(*mixture, QUANTILES)
        errors = np.zeros(3) if is_baseline else mixture_quantile_errors(*mixture, quantiles) * _inflation(posterior)
        rows.append(
            RankedTechnique(
                id=technique.id,
                name=technique.name,
                merit_mean=mean,
                merit_sd=math.sqrt(max(variance, 0.0)),
                merit_q05=float(q05),
                merit_q50=float(q50),
                merit_q95=float(q95),
                merit_mcse=dict(zip(("q05", "q50", "q95"), errors.tolist(), strict=True)),
                p_works=float(np.mean(merits[:, i] > case.base.question.smallest_difference)),
                expected_rank=float(expected[i]),
                sucra=float(sucra[i]),
                p_best=float(ranks[i, 0]),
                rank_probabilities=tuple(float(p) for p in ranks[i]),
            )
        )
    return tuple(sorted(rows, key=lambda r: r.expected_rank))


def _inflation(posterior: Posterior) -> float:
    """By how much the errors of chains, whose draws hang together, exceed those of as many independent draws."""
    sizes = [check.value for name, check in posterior.checks.items() if name.startswith("ess_bulk")]
    return math.sqrt(len(posterior.weights) / max(min(sizes), 1.0)) if sizes else 1.0


def _study_shifts(
    case: Case, engine: Engine, fitted: list[Posterior], progress: Progress | None
) -> tuple[StudyShift, ...]:
    shifts: list[StudyShift] = []
    studies = [s for s in case.base.studies if case.base.findings_of(s.id)]
    weights = [w for w, _ in case_scenarios(case)]
    fewer = [p.resampled(min(STUDY_DRAWS, len(p.weights))) for p in fitted]
    seed, common = case.provenance.seed, mixture_of(fewer, weights)
    ranks = _ranks(common, seed)
    for number, study in enumerate(studies):
        if progress is not None:
            progress("weighing each study", number, len(studies))
        rest = case.without({f.id for f in case.base.findings_of(study.id)})
        without = reweighted(case, engine, fewer, rest)
        if _k_hat(without) >= K_HAT_LIMIT and engine.name == "exact":
            # A study that carries much: draws given everything are too far from those without it. Chains take too long.
            again = fit_scenarios(case, engine, seed=seed, evidence=rest, start=fitted[0], mcse_limit=STUDY_MCSE)
            whole, without = mixture_of(fitted, weights), mixture_of(again, weights)
            shifts.append(_study_shift(study, whole, without, (_ranks(whole, seed), _ranks(without, seed))))
        else:
            shifts.append(_study_shift(study, common, without, (ranks, _ranks(without, seed))))
    return tuple(sorted(shifts, key=lambda s: -s.shift_bits))


def _ranks(posterior: Posterior, seed: int) -> Floats:
    return rank_distribution(draw_merits(posterior, RANK_DRAWS // 4, seed=seed))


def _study_shift(study: Study, everything: Posterior, without: Posterior, ranks: tuple[Floats, Floats]) -> StudyShift:
    expected = [r @ np.arange(1, r.shape[1] + 1) for r in ranks]
    k_hat = _k_hat(without)
    return StudyShift(
        id=study.id, title=study.title, shift_bits=normal_kl_bits(everything, without),
        max_rank_change=float(np.abs(expected[0] - expected[1]).max()),
        p_top_changes=float(0.5 * np.abs(ranks[0][:, 0] - ranks[1][:, 0]).sum()),
        k_hat=k_hat, ok=k_hat < K_HAT_LIMIT,
    )  # fmt: skip


def _k_hat(posterior: Posterior) -> float:
    """The largest k-hat over the targets; that of chains, which have none, is 0."""
    return max((check.value for name, check in posterior.checks.items() if name.startswith("k_hat")), default=0.0)


def normal_kl_bits(posterior: Posterior, reference: Posterior) -> float:
    """KL(posterior || reference) in bits between the normal approximations of all merits jointly."""
    (m, S), (m0, S0) = _moments(posterior), _moments(reference)
    difference = m0 - m
    trace = np.trace(np.linalg.solve(S0, S))
    mahalanobis = difference @ np.linalg.solve(S0, difference)
    nats = 0.5 * (trace + mahalanobis - len(m) + np.linalg.slogdet(S0)[1] - np.linalg.slogdet(S)[1])
    return float(max(nats, 0.0) / math.log(2))


def _moments(posterior: Posterior) -> tuple[Floats, Floats]:
    mean = posterior.weights @ posterior.mean[:, 1:]
    centred = posterior.mean[:, 1:] - mean
    cov = (
        np.tensordot(posterior.weights, posterior.cov[:, 1:, 1:], axes=1)
        + (centred * posterior.weights[:, None]).T @ centred
    )
    return mean, cov
