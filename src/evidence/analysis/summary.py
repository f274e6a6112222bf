"""`evidence export`: findings as effect and sampling variance, and the summary of findings."""

from __future__ import annotations

import math

from evidence.analysis.options import Options
from evidence.analysis.review import prepare_whole, review_study
from evidence.analysis.subject import headline_of, pair_of, reviewed_studies
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Model
from evidence.domain.summary import Comparison, MetaRow, MetaTable, Summary
from evidence.inference.engine import Engine
from evidence.model.effects import effect_of


def meta_rows(base: EvidenceBase) -> MetaTable:
    """Every finding with a size as yi and vi (SMD and SMD squared), in the order of the base.

    With an assumed n, `vi` is that in the middle of its range (in log n). Raises ValueError as `effect_of` does.
    """
    rows: list[MetaRow] = []
    for f in base.findings:
        if f.kind in SIGN_KINDS:
            continue
        effect = effect_of(f)
        vi = math.exp((effect.log_var_lo + effect.log_var_hi) / 2)
        ends = (math.exp(effect.log_var_lo), math.exp(effect.log_var_hi))
        shared = effect.comparator_share * vi if f.shared_comparator else 0.0
        rows.append(
            MetaRow(
                finding=f.id, study=f.study, setting=f.setting, technique=f.technique, comparator=f.comparator,
                kind=f.kind, yi=effect.y, vi=vi, vi_lo=min(ends), vi_hi=max(ends), shared_vi=shared,
            )
        )  # fmt: skip
    return MetaTable(rows=tuple(rows), signs=tuple(f.id for f in base.findings if f.kind in SIGN_KINDS))


def summarise(base: EvidenceBase, model: Model, *, engine: Engine, options: Options) -> Summary:
    """One review per pair, of all studies whose headline it is, read together. Raises BadInput as a review does."""
    whole = prepare_whole(base, model, engine=engine, options=options)
    studies_of: dict[frozenset[str], list[str]] = {}
    for study in reviewed_studies(base):
        pair = pair_of(base, headline_of(base, study))
        studies_of.setdefault(frozenset((pair.technique, pair.comparator)), []).append(study)
    comparisons: list[Comparison] = []
    for number, studies in enumerate(studies_of.values()):
        if options.progress is not None:
            options.progress("comparisons", number, len(studies_of))
        review = review_study(whole, *studies)
        findings = sum(len(base.findings_of(study)) for study in studies)
        comparisons.append(Comparison(studies=tuple(studies), findings=findings, review=review))
    first = comparisons[0].review
    return Summary(base=base.question.id, target=first.target, model=first.model, comparisons=tuple(comparisons))
