"""Studies that do not exist, and how far their results would be expected to bring two reviewers together.

Given the draws of each, the update is exact: a finding with a normal error moves the merits of every draw linearly in
its result, and weighs the draw by how well it foretold it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, case_scenarios, with_base
from evidence.analysis.ranking import draw_merits
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


@dataclass(frozen=True)
class _Place:
    technique: str
    setting: str
    se: float
    hours: float | None


@dataclass(frozen=True)
class _Reaction:
    """How one reviewer's draws react to a result y: weights by N(y; expected, spread), means `mean` + y `slope`."""

    weights: Floats
    expected: Floats
    spread: Floats
    mean: Floats
    slope: Floats
    after: Posterior

    def first(self, y: float, index: NDArray[np.int64]) -> Floats:
        """Who is first after the result `y`."""
        log_weights = np.log(self.weights) - 0.5 * np.log(self.spread) - 0.5 * (y - self.expected) ** 2 / self.spread
        weights = np.exp(log_weights - log_weights.max())
        found = replace(self.after, mean=self.mean + y * self.slope, weights=weights / weights.sum())
        return _first(found, index)

    def results(self) -> Floats:
        """What the reviewer expects, by the quantiles RESULTS."""
        return mixture_quantiles(self.expected, np.sqrt(self.spread), self.weights, RESULTS)


def bridging_studies(
    a: tuple[Case, list[Posterior]], b: tuple[Case, list[Posterior]], techniques: tuple[str, ...], engine: Engine
) -> tuple[BridgingStudy, ...]:
    """The studies that would bring the two closest, at the first scenario: of the techniques they disagree about most.

    In the most valid setting of each family, with a standard error of NEW_STUDY_SE, and at the target itself with that
    of a target run.
    """
    sides = [_at_first(case, posteriors[0]) for case, posteriors in (a, b)]
    index = np.array([sides[0][1].techniques.index(t) for t in techniques])
    now = [_first(posterior, index) for _, posterior in sides]
    before = _apart(*now)
    places = _places(sides[0], techniques, np.abs(now[0] - now[1]))
    findings = tuple(_finding(place, i, sides[0][0]) for i, place in enumerate(places))
    reactions = [_reactions(case, posterior, findings, engine) for case, posterior in sides]
    found: list[BridgingStudy] = []
    for i, place in enumerate(places):
        mine = [reaction[i] for reaction in reactions]
        results = np.concatenate([reaction.results() for reaction in mine])
        after = np.mean([_apart(*(reaction.first(float(y), index) for reaction in mine)) for y in results])
        found.append(
            BridgingStudy(
                technique=place.technique, comparator=sides[0][0].base.techniques[0].id, place=place.setting,
                se_smd=place.se, hours=place.hours, closer=float(before - after),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda s: -s.closer)[:SHOWN])


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


def _reactions(case: Case, posterior: Posterior, findings: tuple[Finding, ...], engine: Engine) -> list[_Reaction]:
    """What each finding would do to the draws, from its likelihood and the merits at three results."""
    n = len(case.base.findings)
    cases = {
        y: with_base(
            case,
            case.base.model_copy(
                update={"findings": (*case.base.findings, *(f.model_copy(update={"estimate": y}) for f in findings))}
            ),
        )
        for y in (-1.0, 0.0, 1.0)
    }
    found: list[_Reaction] = []
    for i in range(len(findings)):
        mask = (np.arange(n + len(findings)) < n).astype(float)
        mask[n + i] = 1.0
        low, zero, high = (
            engine.evaluate(c.design, c.hyper, Evidence(mask=mask), posterior.coordinates) for c in cases.values()
        )
        # log N(y; m, S) is a parabola in y: its curvature is -1/S, its slope at 0 m/S.
        spread = -1 / (high.log_likelihood + low.log_likelihood - 2 * zero.log_likelihood)
        expected = spread * (high.log_likelihood - low.log_likelihood) / 2
        found.append(_Reaction(posterior.weights, expected, spread, zero.mean, high.mean - zero.mean, zero))
    return found


def _first(posterior: Posterior, index: NDArray[np.int64]) -> Floats:
    """(T,) P(first) of the techniques at `index`, on common draws."""
    return rank_distribution(draw_merits(posterior, MERIT_DRAWS, seed=1)[:, index])[:, 0]


def _apart(one: Floats, other: Floats) -> float:
    return float(0.5 * np.abs(one - other).sum())
