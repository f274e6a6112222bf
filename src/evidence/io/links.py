"""What only the tables together can show: ids, references, directions, and what a row needs of another table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from evidence.domain.errors import Problem
from evidence.domain.records import Family, Finding, Outcome, Question, Setting, Study, Technique
from evidence.io.rows import Row, did_you_mean

THEORY = "theory"
"""Validity classes of arguments have this name or start with it."""

_REFERENCES = (
    ("settings", "family", "families"),
    ("families", "stated_at", "settings"),
    ("studies", "headline", "findings"),
    ("findings", "study", "studies"),
    ("findings", "setting", "settings or targets"),
    ("findings", "technique", "techniques"),
    ("findings", "comparator", "techniques"),
    ("outcomes", "technique", "techniques"),
    ("outcomes", "target", "targets"),
)


@dataclass(frozen=True)
class Draft:
    """A base as read, before it is known to be sound. None: a table that could not be read at all."""

    question: Row[Question] | None
    techniques: tuple[Row[Technique], ...] | None
    families: tuple[Row[Family], ...] | None
    settings: tuple[Row[Setting], ...] | None
    studies: tuple[Row[Study], ...] | None
    findings: tuple[Row[Finding], ...] | None
    outcomes: tuple[Row[Outcome], ...] | None = ()

    def ids(self, table: str) -> tuple[str, ...] | None:
        """The ids of a table, or of the targets, in file order; None where they could not be read."""
        if table == "targets":
            record = self.question and self.question.record
            return tuple(target.id for target in record.targets) if record else None
        if table == "settings or targets":
            settings, targets = self.ids("settings"), self.ids("targets")
            return None if settings is None or targets is None else (*settings, *targets)
        rows = getattr(self, table)
        return None if rows is None else tuple(str(row.values.get("id", "")).strip() for row in rows)


def link_problems(draft: Draft) -> list[Problem]:
    """Every problem between the tables of a draft, in reading order."""
    return [
        *_question_problems(draft),
        *_size_problems(draft),
        *_duplicates(draft),
        *_dangling(draft),
        *_stated_elsewhere(draft),
        *_headline_problems(draft),
        *_direction_problems(draft),
        *_kind_problems(draft),
        *_shared_baseline_problems(draft),
    ]


def _question_problems(draft: Draft) -> Iterator[Problem]:
    row = draft.question
    if row is None or (question := row.record) is None:
        return
    names = [dimension.id for dimension in question.dimensions]
    for field, ids in (("targets", [target.id for target in question.targets]), ("dimensions", names)):
        for index, key in enumerate(ids):
            if key in ids[:index]:
                yield row.place.problem((field, index, "id"), repr(key), "an id not used before")
    for index, target in enumerate(question.targets):
        for name, gap in target.coordinates.items():
            path = ("targets", index, "coordinates", name)
            if name not in names:
                wanted = f"a dimension of this base{did_you_mean(name, names)}"
                yield row.place.problem(path, repr(name), wanted)
            elif index == 0 and gap not in {"none", 0}:
                yield row.place.problem(path, repr(gap), "0: the primary target sits at 0 on every dimension")
            elif index == 0 and gap == "none" and question.gap_levels["none"] != 0:
                yield row.place.problem(path, "'none'", "0: this base's level none is not 0")


def _size_problems(draft: Draft) -> Iterator[Problem]:
    if draft.techniques is not None and len(draft.techniques) == 1:
        yield draft.techniques[0].problem("id", "a baseline in the first row and a technique in the next")


def _duplicates(draft: Draft) -> Iterator[Problem]:
    for table in ("techniques", "families", "settings", "studies", "findings"):
        yield from _repeated(getattr(draft, table) or (), ("id",))
    yield from _repeated(draft.outcomes or (), ("target", "technique"))
    targets = draft.ids("targets") or ()
    for row in draft.settings or ():
        if str(row.values.get("id", "")).strip() in targets:
            yield row.problem("id", "an id that no target has: a finding names one or the other")


def _repeated(rows: Iterable[Row[Any]], fields: tuple[str, ...]) -> Iterator[Problem]:
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = tuple(str(row.values.get(field, "")).strip() for field in fields)
        if key in seen and all(key):
            yield row.problem(fields[-1], f"a new {' and '.join(fields)}, not used before")
        seen.add(key)


def _dangling(draft: Draft) -> Iterator[Problem]:
    for table, field, other in _REFERENCES:
        known = draft.ids(other)
        if known is None:
            continue
        lookup = frozenset(known)
        for row in getattr(draft, table) or ():
            value = row.values.get(field)
            if isinstance(value, str) and value.strip() not in lookup:
                yield row.problem(field, f"an id of {other}{did_you_mean(value, known)}")


def _stated_elsewhere(draft: Draft) -> Iterator[Problem]:
    families = {row.record.id: row.record.family for row in draft.settings or () if row.record}
    for row in draft.families or ():
        if row.record and families.get(row.record.stated_at or "", row.record.id) != row.record.id:
            yield row.problem("stated_at", f"a setting of the family {row.record.id!r} itself")


def _headline_problems(draft: Draft) -> Iterator[Problem]:
    findings = [row.record for row in draft.findings or () if row.record]
    all_readable = len(findings) == len(draft.findings or ())  # an unreadable row may be the arm that is sought
    by_id = {finding.id: finding for finding in findings}
    for row in draft.studies or ():
        headline = by_id.get(row.record.headline or "") if row.record else None
        if row.record is None or headline is None:
            continue
        if headline.study != row.record.id:
            wanted = f"a finding of this study, not of {headline.study!r}"
            yield row.problem("headline", wanted)
        elif all_readable and headline.is_arm and not any(_other_arm(headline, other) for other in findings):
            yield row.problem("headline", "a contrast, or an arm with another arm of this study in the same setting")


def _other_arm(arm: Finding, other: Finding) -> bool:
    same_cell = (other.study, other.setting) == (arm.study, arm.setting)
    return other.is_arm and same_cell and other.technique != arm.technique


def _direction_problems(draft: Draft) -> Iterator[Problem]:
    first: dict[str, Row[Finding]] = {}
    for row in draft.findings or ():
        if row.record is None:
            continue
        before = first.setdefault(row.record.setting, row)
        if before.record and before.record.higher_is_better != row.record.higher_is_better:
            wanted = f"one direction per setting, as in finding {before.record.id!r} on {row.record.setting!r}"
            yield row.problem("higher_is_better", wanted)


def _kind_problems(draft: Draft) -> Iterator[Problem]:
    baseline = draft.techniques[0].values.get("id") if draft.techniques else None
    classes = {row.record.id: row.record.validity_class for row in draft.families or () if row.record}
    families = {row.record.id: row.record.family for row in draft.settings or () if row.record}
    kinds = {row.record.id: row.record.kind for row in draft.studies or () if row.record}
    for row in draft.findings or ():
        if row.record is None:
            continue
        if row.record.kind == "existence" and baseline and row.record.comparator != baseline:
            yield row.problem("comparator", f"the baseline {baseline!r}: an existence is always against it")
        if row.record.kind == "argument":
            validity_class = classes.get(families.get(row.record.setting, ""), THEORY)
            if not validity_class.startswith(THEORY):
                wanted = f"a setting of a theory family for an argument (this one's class is {validity_class!r})"
                yield row.problem("setting", wanted)
            if kinds.get(row.record.study, THEORY) != THEORY:
                yield row.problem("study", "a study of kind 'theory' for an argument")


def _shared_baseline_problems(draft: Draft) -> Iterator[Problem]:
    """Outcomes of one target are contrasts with one sample of the baseline, whose error has one variance."""
    first: dict[str, Row[Outcome]] = {}
    for row in draft.outcomes or ():
        if row.record is None:
            continue
        before = first.setdefault(row.record.target, row).record
        if before and before.baseline_var_smd != row.record.baseline_var_smd:
            wanted = f"{before.baseline_var_smd}, as for {before.technique!r} at {before.target!r}: one baseline sample"
            yield row.problem("baseline_var_smd", wanted)
