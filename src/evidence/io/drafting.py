"""A finding in the making: what the answers so far amount to, what is wrong with them, and what is odd.

Answers are one flat dictionary: the fields of the finding by their names, and those of a new study, setting, family or
technique as `study.title`, `setting.name`, `family.reason`, `gap.D`, `technique.name` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.oddities import Oddity
from evidence.domain.plausibility import find_oddities
from evidence.domain.records import EvidenceBase, Family, Finding, Record, Setting, Study, Technique
from evidence.io.additions import Addition
from evidence.io.prices import price_reason
from evidence.io.rows import Path_, build_row

type Answers = Mapping[str, Any]

_NOT_YET = {"nothing", "None"}
"""What a problem found where the question has not been answered yet."""
_BESIDE = {
    "estimate": ("ci_lo", "ci_hi"),
    "se": ("ci_lo", "ci_hi"),
    "ci_lo": ("ci_hi",),
    "mean": ("score_lo", "score_hi"),
    "mean0": ("score_lo", "score_hi"),
    "assumed_n_lo": ("assumed_n_hi",),
}
"""Fields that may be at fault as well where one does not fit another."""
_PLACEHOLDERS = {"where": "not yet answered", "source_kind": "full text"}


@dataclass(frozen=True)
class Judgement:
    """The answers so far: problems must be mended, oddities may be kept; None for a finding that is not complete."""

    problems: tuple[Problem, ...]
    oddities: tuple[Oddity, ...]
    finding: Finding | None


def fields_at_fault(problem: Problem) -> tuple[str, ...]:
    """The problem's field, and those that it does not fit."""
    return (problem.field, *_BESIDE.get(problem.field, ()))


class _Typed:
    """Where answers are: at a prompt."""

    def problem(self, path: Path_, found: str, wanted: str) -> Problem:
        return Problem("answer", None, str(path[-1]), found, wanted)


def judge(answers: Answers, base: EvidenceBase, finding_id: str) -> Judgement:
    """What is wrong and what is odd about the finding so far, beside the findings of `base`."""
    row, problems = build_row(Finding, {**_PLACEHOLDERS, **_fields(answers, Finding), "id": finding_id}, _Typed())
    if row.record is None:
        return Judgement(tuple(p for p in problems if p.found not in _NOT_YET), (), None)
    finding = row.record
    if problems := _direction_problems(finding, base):
        return Judgement(problems, (), None)
    new = _new_setting(answers)
    settings = (*base.settings, new) if new else base.settings
    odd = find_oddities((*base.findings, finding), settings, only={finding.id})
    return Judgement((), (*odd, *_price_oddities(finding, base)), finding)


def _direction_problems(finding: Finding, base: EvidenceBase) -> tuple[Problem, ...]:
    """A direction that the findings of the setting do not have."""
    for other in base.findings:
        if other.setting == finding.setting and other.higher_is_better != finding.higher_is_better:
            found, wanted = ("yes", "no") if finding.higher_is_better else ("no", "yes")
            return (
                Problem("answer", None, "higher_is_better", found, f"{wanted}, as {other.id} has it in this setting"),
            )
    return ()


def _price_oddities(finding: Finding, base: EvidenceBase) -> tuple[Oddity, ...]:
    """A finding that its price would leave out."""
    if price_reason(finding, base.question) is None:
        return ()
    found = f"{finding.price_technique:g} against {finding.price_comparator:g}"
    wanted = f"prices within the tolerance {base.question.price_tolerance:g}: this finding would be left out"
    return (Oddity(finding.id, ("price_technique", "price_comparator"), found, wanted),)


def addition_of(answers: Answers, base: EvidenceBase, finding: Finding) -> Addition:
    """Everything the answers add to `base`: the finding, and the study, setting, family and techniques that are new.

    Raises BadInput where an answer makes no record.
    """
    techniques = [
        _built(Technique, {"id": answers[side], "name": answers[f"{side}.name"]})
        for side in ("technique", "comparator")
        if f"{side}.name" in answers
    ]
    setting = _new_setting(answers)
    families = (
        [_built(Family, {"id": setting.family, **_part(answers, "family.")})]
        if setting and "family.name" in answers
        else []
    )
    studies = [_new_study(answers, base, finding)] if "study.title" in answers else []
    return Addition(tuple(techniques), tuple(families), (setting,) if setting else (), tuple(studies), (finding,))


def _new_study(answers: Answers, base: EvidenceBase, finding: Finding) -> Study:
    """The study with this finding as its headline, unless the finding's price leaves it out."""
    headline = {} if price_reason(finding, base.question) else {"headline": finding.id}
    return _built(Study, {"id": finding.study, **_part(answers, "study."), **headline})


def setting_of(answers: Answers, base: EvidenceBase) -> Setting:
    """The setting that the answers name or describe."""
    return _new_setting(answers) or base.setting(answers["setting"])


def _new_setting(answers: Answers) -> Setting | None:
    """The setting the answers describe; None where it is one of the base's."""
    if "setting.name" not in answers:
        return None
    rated = _part(answers, "gap.")
    gaps = {name: rating for name, (rating, _) in rated.items()}
    reasons = {name: reason for name, (_, reason) in rated.items()}
    values = {"id": answers["setting"], **_part(answers, "setting."), "gaps": gaps, "reasons": reasons}
    return _built(Setting, values)


def _built[R: Record](kind: type[R], values: Mapping[str, Any]) -> R:
    row, problems = build_row(kind, values, _Typed())
    if row.record is None:
        raise BadInput(problems)
    return row.record


def _fields(answers: Answers, kind: type[Record]) -> dict[str, Any]:
    return {name: value for name, value in answers.items() if name in kind.model_fields}


def _part(answers: Answers, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in answers.items() if name.startswith(prefix)}
