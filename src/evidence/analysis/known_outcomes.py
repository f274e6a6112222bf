"""What is known of a target as contrasts with the baseline there (docs/model.md, section 8), on the SMD scale."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from evidence.domain.records import EvidenceBase, Finding, Outcome, Study
from evidence.model.effects import effect_of

OUTCOMES_STUDY = "known outcomes"
KNOWN_SINCE = 2026
"""Year of the study that stands for them: outcomes carry no year of their own."""
SMALLEST_SHARE = 1e-3
"""Least variance of a technique's arm, in parts of the baseline's: both are rounded in the file."""


def known_contrast(finding: Finding, baseline: Finding | None) -> tuple[float, float, float]:
    """A technique against the baseline: estimate (SMD), se (SMD), and the baseline's part of se^2.

    Two arms of one sample each, or a contrast with a baseline that is no sample (`baseline` None, part 0). Each arm
    gets 1/2 in both cells where one is 0, as in a ranking, so that the baseline's part is one number. With an assumed
    n the variance is that in the middle of its range (in log n). Raises ValueError as `effect_of` does.
    """
    effect = effect_of(finding)
    variance = math.exp((effect.log_var_lo + effect.log_var_hi) / 2)
    if baseline is None:
        return effect.y, math.sqrt(variance), 0.0
    other = effect_of(baseline)
    shared = math.exp((other.log_var_lo + other.log_var_hi) / 2)
    return effect.y - other.y, math.sqrt(variance + shared), shared


def with_outcomes(base: EvidenceBase, targets: Collection[str]) -> EvidenceBase:
    """The base with what is known of `targets` as findings there: one run each, technique and baseline as its arms.

    Two arms share nothing but the run's level, so that contrasts with one baseline sample correlate as they should.
    Where the baseline's part of the error is 0 or not known, contrasts stand on their own.
    """
    known = [o for o in base.outcomes if o.target in targets]
    if not known:
        return base
    study = Study(id=OUTCOMES_STUDY, title="Known outcomes at the targets", authors="outcomes.csv", year=KNOWN_SINCE)
    findings = [*base.findings]
    for target in dict.fromkeys(o.target for o in known):
        findings += _findings_of_run(target, [o for o in known if o.target == target], base.techniques[0].id)
    return base.model_copy(update={"studies": (*base.studies, study), "findings": tuple(findings)})


def _findings_of_run(target: str, outcomes: Sequence[Outcome], baseline: str) -> list[Finding]:
    part = outcomes[0].baseline_var_smd
    common: dict[str, Any] = {
        "study": OUTCOMES_STUDY,
        "setting": target,
        "kind": "effect",
        "scale": "smd",
        "higher_is_better": True,
    }
    common |= {"source_kind": "derived", "where": "outcomes.csv"}
    name = f"{OUTCOMES_STUDY} {target}"
    if not part:
        return [
            Finding(
                id=f"{name} {o.technique}", technique=o.technique, comparator=baseline, estimate=o.estimate_smd,
                se=o.se_smd, shared_comparator=False, **common,
            )
            for o in outcomes
        ]  # fmt: skip
    arms = [Finding(id=f"{name} {baseline}", technique=baseline, estimate=0.0, se=math.sqrt(part), **common)]
    for o in outcomes:
        own = max(o.se_smd**2 - part, SMALLEST_SHARE * part)
        arms.append(
            Finding(
                id=f"{name} {o.technique}", technique=o.technique, estimate=o.estimate_smd, se=math.sqrt(own), **common
            )
        )
    return arms
