"""A registration as answers to the questions of OSF and AsPredicted. Formatting only; nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from evidence.domain.registration import Registration, ScenarioBelief
from evidence.report.words import in_100, show_name, size


def osf_text(registration: Registration, digest: str) -> str:
    """The sections of the OSF Preregistration form."""
    r = registration
    parts = (
        ("Title", [r.title]),
        ("Authors", [a.name + (f" (ORCID {a.orcid})" if a.orcid else "") for a in r.authors]),
        ("Description", [r.question.question, f"Outcome: {r.question.outcome}.", _evidence(r)]),
        ("Hypotheses", _hypotheses(r)),
        ("Study type, blinding, design", [
            "Forecast of results that others will report; the author assigns nothing.",
            *(f"Scenario {s.target} (weight {s.weight:g}): recognised by {s.recognised_by}" for s in r.scenarios),
        ]),
        ("Existing data", [f"Target data seen: {r.knowledge.seen_target_data}. {r.knowledge.explain}"]),
        ("Data collection procedures", [_resolution(r, i) for i in range(len(r.predictions))]),
        ("Sample size and stopping rule", [r.stopping]),
        ("Measured variables and indices", [
            f"{r.estimand.contrast}; scale {r.estimand.scale}; {r.estimand.transformation}",
        ]),
        ("Statistical models", [_model(r), *(f"Changed by hand: {s}" for s in r.settings)]),
        ("Inference criteria", [_scoring(r), f"Decision rule: {r.decision_rule or 'none'}"]),
        ("Data exclusion", r.exclusions or ["None planned."]),
        ("Missing data", [
            "Predictions without a result stay in the denominator. Annulled only for: "
            f"{'; '.join(r.scoring.annul_conditions) or 'nothing'}",
        ]),
        ("Exploratory analysis", r.exploratory or ["None planned."]),
        ("Other", [*(f"Planned deviation: {d}" for d in r.planned_deviations), _identity(r, digest)]),
    )  # fmt: skip
    return _document(parts)


def aspredicted_text(registration: Registration, digest: str) -> str:
    """The questions of AsPredicted, in its order."""
    r = registration
    parts = (
        ("1) Have any data been collected for this study already?", [
            f"Of the target: {r.knowledge.seen_target_data}. {r.knowledge.explain}",
        ]),
        ("2) What's the main question being asked or hypothesis being tested?", [r.question.question, *_hypotheses(r)]),
        ("3) Key dependent variable(s), and how they will be measured", [
            f"{r.question.outcome} ({r.question.unit}). {r.estimand.contrast}; {r.estimand.transformation}",
        ]),
        ("4) How many and which conditions will participants be assigned to?", [
            f"None are assigned. Techniques: {', '.join(r.question.techniques)}; scenarios:"
            f" {', '.join(s.target for s in r.scenarios)}",
        ]),
        ("5) Exactly which analyses will you conduct?", [_model(r), _scoring(r)]),
        ("6) Outliers and exclusions", r.exclusions or ["None planned."]),
        ("7) How many observations will be collected, or what determines that?", [
            r.stopping, *(_resolution(r, i) for i in range(len(r.predictions))),
        ]),
        ("8) Anything else?", [_evidence(r), *r.exploratory, *r.planned_deviations, _identity(r, digest)]),
    )  # fmt: skip
    return _document(parts)


def _document(parts: Iterable[tuple[str, Iterable[str]]]) -> str:
    blocks = [f"## {title}\n\n" + "\n".join(f"- {_plain(line)}" for line in lines) for title, lines in parts]
    return "\n\n".join(blocks) + "\n"


def _plain(text: str) -> str:
    """One line, without characters that hide from the eye."""
    return " ".join(show_name(line) for line in text.splitlines())


def _hypotheses(r: Registration) -> list[str]:
    return [line for belief in r.beliefs for line in _belief(belief, r)]


def _belief(belief: ScenarioBelief, r: Registration) -> list[str]:
    order = ", ".join(f"{t} (first in {in_100(belief.p_first[t])} of 100)" for t in belief.ranking)
    lines = [
        f"At {belief.target}, from the top: {order}",
        f"At {belief.target}, to be tried as: {', '.join(belief.try_order)}",
    ]
    pair = {r.question.technique, r.question.comparator}
    lines += [
        f"At {belief.target}: {c.technique} ahead of {c.comparator} in {in_100(c.p_above)} of 100; 80 % interval"
        f" (equal-tailed) of the difference {size(c.quantiles['q10'])} to {size(c.quantiles['q90'])} SMD"
        for c in belief.contrasts
        if {c.technique, c.comparator} == pair
    ]
    return lines


def _resolution(r: Registration, index: int) -> str:
    p = r.predictions[index]
    return (
        f"{p.id} ({p.scenario}): {p.observable}; when {p.resolves_when}; read in {p.source}; decided by {p.resolver}"
        f" until {p.deadline}"
    )


def _model(r: Registration) -> str:
    return (
        f"Hierarchical Bayesian model {r.model.id!r} of {r.code.package} {r.code.version}, engine {r.engine.name}, seed"
        f" {r.engine.seed}; every prior is in the frozen file"
    )


def _scoring(r: Registration) -> str:
    return (
        f"Scored by {', '.join(r.scoring.rules)} against {', '.join(r.scoring.baselines)}; P inside"
        f" [{r.scoring.order_clip:g}, {1 - r.scoring.order_clip:g}]; an order is settled at {r.scoring.settled_z:g}"
        " standard errors"
    )


def _evidence(r: Registration) -> str:
    return f"Evidence read: {len(r.base.findings)} findings of {len(r.base.studies)} studies (base {r.base_sha256})"


def _identity(r: Registration, digest: str) -> str:
    return f"Frozen file: SHA-256 {digest}, format {r.format}, revision {r.revision}, declared {r.created_utc}"
