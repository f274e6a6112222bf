"""What was read and assumed, as data for the report: inputs, gaps with reasons, validity."""

from __future__ import annotations

import math

import numpy as np

from evidence.analysis.fitting import Case
from evidence.analysis.solo import Solo
from evidence.domain.records import SIGN_KINDS, Finding
from evidence.domain.results import InputLine
from evidence.domain.verdict import NO_LEAN
from evidence.inference.engine import Posterior
from evidence.model.effects import effect_of
from evidence.model.reach import caps, validity_quantiles


def inputs_of(case: Case) -> tuple[InputLine, ...]:
    """Every finding of the case as it was read; `se_smd` of an assumed n is at the geometric middle of its range."""
    lines: list[InputLine] = []
    for f in case.base.findings:
        effect = None if f.kind in SIGN_KINDS else effect_of(f)
        lines.append(
            InputLine(
                finding=f.id,
                kind=f.kind,
                technique=f.technique,
                comparator=f.comparator,
                setting=f.setting,
                effect_smd=None if effect is None else effect.y,
                se_smd=None if effect is None else math.exp((effect.log_var_lo + effect.log_var_hi) / 4),
                as_read=describe_finding(f),
                where=f.where,
                source_kind=f.source_kind,
                note=f.note,
            )
        )
    return tuple(lines)


def describe_finding(f: Finding) -> str:
    """The numbers of a finding in the words of its kind, as the file gives them."""
    assumed = "" if f.assumed_n_lo is None else f", n assumed {f.assumed_n_lo} to {f.assumed_n_hi}"
    n = "" if f.n is None else f", n = {f.n}"
    interval = "" if f.ci_lo is None else f", 95 % interval {f.ci_lo:g} to {f.ci_hi:g}"
    se = "" if f.se is None else f", se {f.se:g}"
    against = "" if f.comparator is None else f" against {f.comparator}"
    match f.kind:
        case "effect":
            return f"{f.estimate:g} ({f.scale}){se}{interval}"
        case "counts":
            return f"{f.k}/{f.n} against {f.k0}/{f.n0}"
        case "proportion":
            return f"rate {f.rate:g}{n}{assumed}" if f.rate is not None else f"{f.k}/{f.n}"
        case "means":
            return f"mean {f.mean:g} (sd {f.sd:g}) against {f.mean0:g} (sd {f.sd0:g}){n}{assumed}"
        case "auroc":
            return (
                f"AUROC {f.auc:g}{assumed}" if assumed else f"AUROC {f.auc:g}, {f.n_pos} positive, {f.n_neg} negative"
            )
        case "existence":
            return f"{f.technique} makes a difference{against}, stated reliability {f.q:g}"
        case _:
            return f"{f.technique} above {f.comparator}, stated reliability {f.q:g}"


def reasons_of(case: Case, headline: Finding) -> tuple[str, ...]:
    """The gaps of the headline's setting, each with its reason."""
    setting = case.base.setting(headline.setting)
    return tuple(f"{d}: {gap}. {setting.reasons.get(d, '')}".rstrip() for d, gap in setting.gaps.items())


def validity_of(case: Case, headline: Finding) -> dict[str, float]:
    """Prior of rho of the headline's setting: q10, q50, q90; the share gaps and novelty cost; irrelevance."""
    hyper = case.hyper
    index = case.design.settings.index(headline.setting)
    q10, q50, q90 = validity_quantiles(hyper, index, np.array([0.1, 0.5, 0.9]))
    cap = caps(hyper, index)
    family = int(hyper.family_of_setting[index])
    pi = float(hyper.irrelevance[family])
    found = {"q10": float(q10), "q50": float(q50), "q90": float(q90), "cost_of_gaps": float(1 - cap.mean())}
    return found if math.isnan(pi) else {**found, "irrelevance": pi}


def validity_given(posterior: Posterior, case: Case, headline: Finding) -> dict[str, float]:
    """Posterior of rho of the headline's setting: q10, q50, q90 of the weighted draws."""
    rho = posterior.rho[:, case.design.settings.index(headline.setting)]
    order = np.argsort(rho)
    below = np.cumsum(posterior.weights[order])
    places = np.minimum(np.searchsorted(below, [0.1, 0.5, 0.9]), len(order) - 1)
    return dict(zip(("q10", "q50", "q90"), rho[order][places].tolist(), strict=True))


def assumptions_of(case: Case) -> tuple[str, ...]:
    """What the numbers rest on, in sentences, each from the record that states it."""
    base, question = case.base, case.base.question
    target = base.target(case.target)
    lines = [f"novelty of {target.id}: {target.novelty:g}" + (f" ({target.reason})" if target.reason else "")]
    for f, family in enumerate(base.families):
        validity_class = case.hyper.classes[f]
        if validity_class is not None:
            lines.append(f"family {family.id}, class {family.validity_class}: {validity_class.claim}")
    if question.held_at:
        lines.append(f"compared at: {question.held_at}")
    signs = [f for f in base.findings if f.kind in SIGN_KINDS]
    if signs:
        lines.append(f"{len(signs)} of {len(base.findings)} findings are statements with an assumed reliability q")
    assumed = [f for f in base.findings if f.assumed_n_lo is not None]
    if assumed:
        lines.append(f"{len(assumed)} of {len(base.findings)} findings rest on an assumed n")
    return tuple(lines)


def optimism_line(solo: Solo, headline: Finding, *, is_flat: bool) -> str | None:
    """Said where a gain over the baseline is no larger than what proxies show for techniques that do nothing.

    `is_flat`: the verdict is "no usable lean", and the line opens with it.
    """
    if headline.kind in SIGN_KINDS or headline.is_arm or headline.comparator != solo.case.base.techniques[0].id:
        return None
    gain = effect_of(headline).y
    optimism = float(solo.posterior.weights @ solo.posterior.hyper[:, solo.posterior.names.index("mu_b")])
    if not 0 < gain <= optimism:
        return None
    prefix = f"{NO_LEAN}: " if is_flat else ""
    return (
        f"{prefix}a gain of {gain:.2f} is what proxies show for techniques that do nothing "
        f"(mean optimism {optimism:.2f})"
    )
