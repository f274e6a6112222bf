"""Studies that do not exist, and how far their results would be expected to bring two reviewers together.

Given the draws of each, the update is exact: every result that is looked at is put to the engine, and each draw weighs
what it foretold. Results are those that either expects, weighted by how probable they are to both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fitting import Case, case_scenarios, with_base
from evidence.domain.disagreement import BridgingStudy
from evidence.domain.records import Finding
from evidence.inference.engine import Engine, Evidence, Posterior
from evidence.model.ranks import rank_distribution
from evidence.model.scores import mixture_quantiles

type Floats = NDArray[np.float64]

NEW_STUDY_SE = 0.1
DRAWS = 512
MERIT_DRAWS = 2000
TECHNIQUES = 3
SHOWN = 3
RESULTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Quantiles of what a reviewer expects, each standing for a fifth of it."""
IMAGINED = "imagined study"
SMALLEST, FARTHEST = 1e-12, 20.0


@dataclass(frozen=True)
class _Place:
    technique: str
    setting: str
    se: float
    hours: float | None


@dataclass(frozen=True)
class _Reader:
    """One reviewer: the case with the imagined findings in it, all off, the draws, and what they hold without any of them."""

    case: Case
    findings: tuple[Finding, ...]
    engine: Engine
    before: Posterior
    probes: tuple[Case, Case]
    """All results 0, and all of them 1."""

    def put(self, results: Floats) -> Case:
        """The case with these results (n,) of the imagined findings."""
        base = self.case.base
        kept = base.findings[: len(base.findings) - len(self.findings)]
        imagined = [f.model_copy(update={"estimate": float(y)}) for f, y in zip(self.findings, results, strict=True)]
        return with_base(self.case, base.model_copy(update={"findings": (*kept, *imagined)}))

    def after(self, number: int, case: Case) -> Posterior:
        """The draws given all that was found and one imagined finding of `case`, at the coordinates they have."""
        n = len(self.findings)
        mask = np.concatenate([np.ones(len(case.base.findings) - n), np.zeros(n)])
        mask[number - n] = 1.0
        return self.engine.evaluate(case.design, case.hyper, Evidence(mask=mask), self.before.coordinates)

    def told(self, found: Posterior) -> tuple[Floats, float]:
        """Weights (M,) of the draws after a result, and how probable the result was (a density, up to a constant)."""
        log_ratio = found.log_likelihood - self.before.log_likelihood
        weights = self.before.weights * np.exp(log_ratio - log_ratio.max())
        return weights / weights.sum(), float(weights.sum() * np.exp(log_ratio.max()))

    def expected(self, number: int) -> tuple[Floats, Floats]:
        """Mean and variance (M,) of the result by each draw, nearly: from what two results would do to its merits.

        Only where results are looked at depends on it.
        """
        zero, one = (self.after(number, case) for case in self.probes)
        slope = (one.mean - zero.mean)[:, 1:]
        size = np.maximum((slope**2).sum(axis=1), SMALLEST)
        less = self.before.cov[:, 1:, 1:] - zero.cov[:, 1:, 1:]
        variance = np.einsum("mi,mij,mj->m", slope, less, slope) / size**2
        mean = (slope * (self.before.mean - zero.mean)[:, 1:]).sum(axis=1) / size
        return np.clip(mean, -FARTHEST, FARTHEST), np.clip(
            variance, (self.findings[number].se or 1.0) ** 2, FARTHEST**2
        )


def bridging_studies(
    a: tuple[Case, list[Posterior]], b: tuple[Case, list[Posterior]], techniques: tuple[str, ...], engine: Engine
) -> tuple[BridgingStudy, ...]:
    """The studies that would bring the two closest, at the first scenario: of the techniques they disagree about most.

    Both expectations count as half. In the most valid setting of each family, with a standard error of NEW_STUDY_SE, and at the target itself with that
    of a target run.
    """
    sides = [_at_first(case, posteriors[0]) for case, posteriors in (a, b)]
    index = np.array([sides[0][1].techniques.index(t) for t in techniques])
    now = [_first(posterior, index) for _, posterior in sides]
    before = _apart(*now)
    places = _places(sides[0], techniques, np.abs(now[0] - now[1]))
    findings = tuple(_finding(place, i, sides[0][0]) for i, place in enumerate(places))
    readers = [_reader(case, posterior, findings, engine) for case, posterior in sides]
    expected = [[reader.expected(i) for reader in readers] for i in range(len(places))]
    results = np.array([_results(readers, each) for each in expected])
    apart, weights = np.empty(results.shape), np.empty(results.shape)
    for k in range(results.shape[1]):
        cases = [reader.put(results[:, k]) for reader in readers]
        for i in range(len(places)):
            told = [(reader, reader.after(i, case)) for reader, case in zip(readers, cases, strict=True)]
            views = [(replace(found, weights=reader.told(found)[0]), reader.told(found)[1]) for reader, found in told]
            apart[i, k] = _apart(*(_first(view, index) for view, _ in views))
            proposed = sum(_density(reader, e, results[i, k]) for reader, e in zip(readers, expected[i], strict=True))
            weights[i, k] = sum(p for _, p in views) / proposed
    after = (weights * apart).sum(axis=1) / weights.sum(axis=1)
    found = [
        BridgingStudy(
            technique=place.technique, comparator=sides[0][0].base.techniques[0].id, place=place.setting,
            se_smd=place.se, hours=place.hours, closer=float(before - left),
        )
        for place, left in zip(places, after, strict=True)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda s: -s.closer)[:SHOWN])


def _reader(case: Case, posterior: Posterior, findings: tuple[Finding, ...], engine: Engine) -> _Reader:
    larger = with_base(case, case.base.model_copy(update={"findings": (*case.base.findings, *findings)}))
    mask = np.concatenate([np.ones(len(case.base.findings)), np.zeros(len(findings))])
    before = engine.evaluate(larger.design, larger.hyper, Evidence(mask=mask), posterior.coordinates)
    at_one = tuple(f.model_copy(update={"estimate": 1.0}) for f in findings)
    one = with_base(case, case.base.model_copy(update={"findings": (*case.base.findings, *at_one)}))
    return _Reader(larger, findings, engine, replace(before, weights=posterior.weights), (larger, one))


def _results(readers: list[_Reader], expected: list[tuple[Floats, Floats]]) -> Floats:
    """Results that either of them expects: the quantiles RESULTS of both."""
    both = zip(readers, expected, strict=True)
    return np.concatenate(
        [mixture_quantiles(mean, np.sqrt(variance), r.before.weights, RESULTS) for r, (mean, variance) in both]
    )


def _density(reader: _Reader, expected: tuple[Floats, Floats], y: float) -> float:
    mean, variance = expected
    return float(reader.before.weights @ (np.exp(-0.5 * (y - mean) ** 2 / variance) / np.sqrt(variance)))


def _at_first(case: Case, posterior: Posterior) -> tuple[Case, Posterior]:
    hyper = case_scenarios(case)[0][1]
    return replace(case, target=hyper.target, hyper=hyper, scenarios=()), posterior.resampled(DRAWS)


def _places(side: tuple[Case, Posterior], techniques: tuple[str, ...], apart: Floats) -> list[_Place]:
    case, posterior = side
    baseline, question = case.base.techniques[0].id, case.base.question
    settings: dict[str, str] = {}
    for s in np.argsort(-(posterior.weights @ posterior.rho)).tolist():
        settings.setdefault(case.base.setting(case.design.settings[s]).family, case.design.settings[s])
    disputed = [techniques[i] for i in np.argsort(-apart, kind="stable") if techniques[i] != baseline][:TECHNIQUES]
    found = [_Place(t, s, NEW_STUDY_SE, None) for t in disputed for s in settings.values()]
    return found + [
        _Place(
            t, case.target, question.target_run_se, question.check_hours + (case.base.technique(t).trial_hours or 0.0)
        )
        for t in disputed
    ]


def _finding(place: _Place, number: int, case: Case, estimate: float = 0.0) -> Finding:
    return Finding(
        id=f"{IMAGINED} {number}", study=f"{IMAGINED} {number}", setting=place.setting, technique=place.technique,
        comparator=case.base.techniques[0].id, kind="effect", higher_is_better=True, scale="smd", estimate=estimate,
        se=place.se, shared_comparator=False, where=IMAGINED, source_kind="derived",
    )  # fmt: skip


def _first(posterior: Posterior, index: NDArray[np.int64]) -> Floats:
    """(T,) P(first) of the techniques at `index`, on common draws."""
    return rank_distribution(draw_merits(posterior, MERIT_DRAWS, seed=1)[:, index])[:, 0]


def _apart(one: Floats, other: Floats) -> float:
    return float(0.5 * np.abs(one - other).sum())
