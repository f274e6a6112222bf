"""What to read next: the gap and the missing study that would change the ranking most (docs/model.md, section 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fitting import Case, case_scenarios, with_base
from evidence.analysis.options import Progress
from evidence.analysis.ranking import Fitted
from evidence.domain.records import Finding, Gap
from evidence.domain.results import GapWorth, NextReading, RankedTechnique, StudyWorth
from evidence.inference.checks import effective_sample_size
from evidence.inference.engine import Engine, Evidence, Posterior
from evidence.model.hyper import build_hyper
from evidence.model.ranks import rank_distribution

type Floats = NDArray[np.float64]

DRAWS = 256
"""Draws of the posterior that stand for all: what is compared are changes, on common draws."""
LEAST_ESS = 40
"""Effective draws below which a changed gap gets no number."""
MERIT_DRAWS = 5000
NEW_STUDY_SE = 0.2
"""SMD; of a careful new study: some 200 items in each arm."""
MAX_NEW_STUDIES = 64
SHOWN = 5
"""Gaps and studies that are listed."""
FOLLOWED = 15
"""New studies, by bits, that are followed through to who is first."""
NODES = 5
"""Of the Gauss-Hermite rule over what a new study may find."""
LEVELS: tuple[Gap, Gap] = ("none", "major")
IMAGINED = "a study that does not exist"


def what_to_read_next(fitted: Fitted, engine: Engine, *, progress: Progress | None = None) -> NextReading:
    """Gaps and missing studies by how much they would change who is first, most first.

    A changed gap is taken as known; a new study (SE of NEW_STUDY_SE) teaches what it would of the merits, at
    hyperparameters as they are believed now; listed are those that teach most. Several targets: at the first of them.
    """
    hyper = case_scenarios(fitted.case)[0][1]
    case = replace(fitted.case, target=hyper.target, hyper=hyper, scenarios=())
    coordinates = fitted.posterior.resampled(DRAWS).coordinates
    draws = engine.evaluate(case.design, case.hyper, case.everything, coordinates)
    now = _Now(case, engine, draws, _first(draws))
    return NextReading(
        gaps=tuple(_gaps(now, progress)), studies=tuple(_studies(now, fitted.ranking.techniques, progress)),
        new_study_se=NEW_STUDY_SE,
    )  # fmt: skip


@dataclass(frozen=True)
class _Now:
    """What is believed today: some draws, and who is first by them (T,)."""

    case: Case
    engine: Engine
    draws: Posterior
    first: Floats


# Gaps


def _gaps(now: _Now, progress: Progress | None) -> list[GapWorth]:
    base = now.case.base
    places = [(f.id, d.id) for f in base.families for d in base.question.dimensions]
    found: list[GapWorth] = []
    for number, (family, dimension) in enumerate(places):
        if progress is not None:
            progress("trying other gaps", number, len(places))
        rated = tuple(dict.fromkeys(str(s.gaps[dimension]) for s in base.settings if s.family == family))
        worths = [(_gap_worth(now, (family, dimension), level), level) for level in LEVELS]
        known = [(worth, str(level)) for worth, level in worths if worth is not None]
        if known and rated:
            worth, level = max(known)
            ok = len(known) == len(LEVELS)
            found.append(
                GapWorth(family=family, dimension=dimension, rated=rated, level=level, p_top_changes=worth, ok=ok)
            )
    return sorted(found, key=lambda gap: -gap.p_top_changes)[:SHOWN]


def _gap_worth(now: _Now, place: tuple[str, str], level: Gap) -> float | None:
    """Total variation of who is first if one gap of all settings of a family were `level`; None: too few draws tell."""
    case, (family, dimension) = now.case, place
    settings = tuple(
        s.model_copy(update={"gaps": {**s.gaps, dimension: level}}) if s.family == family else s
        for s in case.base.settings
    )
    if settings == case.base.settings:
        return 0.0
    changed = case.base.model_copy(update={"settings": settings})
    # On the arrays of the findings as they are, so that nothing is compiled anew.
    hyper = build_hyper(changed, case.model, case.design, target=case.target, relevance=case.relevance)
    moved = now.engine.evaluate(case.design, hyper, case.everything, now.draws.coordinates)
    log_weights = moved.log_likelihood - now.draws.log_likelihood
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    if effective_sample_size(weights) < LEAST_ESS:
        return None
    return _apart(_first(replace(moved, weights=weights)), now.first)


# Studies


@dataclass(frozen=True)
class _Imagined:
    """The case with findings of new studies, all of them off."""

    case: Case
    findings: tuple[Finding, ...]

    def with_study(self, number: int) -> Evidence:
        """All findings that exist, and the new one `number`."""
        n = len(self.case.design.findings) - len(self.findings)
        on = np.arange(len(self.case.design.findings)) < n
        on[n + number] = True
        return Evidence(mask=on.astype(float))


def _studies(now: _Now, techniques: tuple[RankedTechnique, ...], progress: Progress | None) -> list[StudyWorth]:
    imagined = _imagine(now, techniques)
    case, before = imagined.case, _log_dets(now.draws)
    learned: list[tuple[float, int, Posterior]] = []
    for number in range(len(imagined.findings)):
        if progress is not None:
            progress("imagining new studies", number, len(imagined.findings))
        after = now.engine.evaluate(case.design, case.hyper, imagined.with_study(number), now.draws.coordinates)
        bits = float(np.mean(before - _log_dets(after))) / (2 * math.log(2))
        learned.append((bits, number, after))
    most = sorted(learned, key=lambda item: -item[0])[:FOLLOWED]
    worths = [_worth(now, imagined.findings[number], bits, after) for bits, number, after in most]
    return sorted(worths, key=lambda worth: -worth.p_top_changes)[:SHOWN]


def _worth(now: _Now, finding: Finding, bits: float, after: Posterior) -> StudyWorth:
    return StudyWorth(
        technique=finding.technique, comparator=now.case.base.techniques[0].id, setting=finding.setting, bits=bits,
        p_top_changes=_expected_change(now, after, now.draws.techniques.index(finding.technique)),
    )  # fmt: skip


def _imagine(now: _Now, techniques: tuple[RankedTechnique, ...]) -> _Imagined:
    """One new study of each technique in the most valid setting of each family, the likeliest firsts before others."""
    case, baseline = now.case, now.case.base.techniques[0].id
    settings: dict[str, str] = {}
    for s in np.argsort(-now.draws.rho.mean(axis=0)).tolist():
        settings.setdefault(case.base.setting(case.design.settings[s]).family, case.design.settings[s])
    by_chance = sorted((t for t in techniques if t.id != baseline), key=lambda t: -t.p_best)
    places = [(t.id, s) for t in by_chance for s in settings.values()][:MAX_NEW_STUDIES]
    findings = tuple(
        Finding(
            id=f"{IMAGINED} {i}", study=f"{IMAGINED} {i}", setting=setting, technique=technique, comparator=baseline,
            kind="effect", higher_is_better=True, scale="smd", estimate=0.0, se=NEW_STUDY_SE, shared_comparator=False,
            where=IMAGINED, source_kind="derived",
        )
        for i, (technique, setting) in enumerate(places)
    )  # fmt: skip
    larger = case.base.model_copy(update={"findings": (*case.base.findings, *findings)})
    return _Imagined(with_base(case, larger), findings)


def _log_dets(posterior: Posterior) -> Floats:
    """Log determinant (M,) of the covariance of the merits other than the baseline's."""
    return np.linalg.slogdet(posterior.cov[:, 1:, 1:])[1]


def _expected_change(now: _Now, after: Posterior, measured: int) -> float:
    """Expected total variation of who is first, after a study of technique `measured`.

    Given the hyperparameters, the posterior mean after the study is normal around today's with covariance
    cov(today) - cov(after), which has rank one: mean + v z.
    """
    values, vectors = np.linalg.eigh(now.draws.cov - after.cov)
    v = vectors[:, :, -1] * np.sqrt(np.maximum(values[:, -1:], 0.0))
    # In every draw z > 0 is good news for the technique measured.
    v *= np.where(v[:, [measured]] < 0, -1.0, 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    changes = [_apart(_first(replace(after, mean=now.draws.mean + z * v)), now.first) for z in nodes]
    return float(np.dot(weights, changes) / weights.sum())


def _first(posterior: Posterior) -> Floats:
    """(T,) probability of each technique to be first, on common draws."""
    return rank_distribution(draw_merits(posterior, MERIT_DRAWS, seed=1))[:, 0]


def _apart(one: Floats, other: Floats) -> float:
    return float(0.5 * np.abs(one - other).sum())
