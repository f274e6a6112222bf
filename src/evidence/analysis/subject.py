"""What a review speaks about: a study, one of its findings, or several studies read together, and the pair they name."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Finding
from evidence.domain.results import Pair


@dataclass(frozen=True)
class Subject:
    """The findings taken together, the headline that names the pair, and the studies (none for a claim)."""

    findings: tuple[Finding, ...]
    headline: Finding
    pair: Pair
    studies: tuple[str, ...]
    title: str
    finding: str | None


def subject_of(base: EvidenceBase, studies: tuple[str, ...], finding: str | None = None) -> Subject:
    """`studies` together, or one `finding` of the only one. The first study's headline names the pair.

    Raises BadInput for names that are not known, for a study named twice, and where the pair was measured at a target.
    """
    known = {s.id: s for s in base.studies if base.findings_of(s.id)}
    for i, study in enumerate(studies):
        if study not in known:
            raise _bad("studies.csv", repr(study), f"a study with findings: {', '.join(known)}")
        if study in studies[:i]:
            raise _bad("studies.csv", f"{study!r} twice", "each study once")
    if finding is not None:
        subject = _one_finding(base, studies, finding)
    else:
        headline = headline_of(base, next(iter(studies)))
        findings = tuple(f for study in studies for f in base.findings_of(study))
        title = "; ".join(known[study].title for study in studies)
        subject = Subject(findings, headline, pair_of(base, headline), studies, title, None)
    if subject.headline.setting not in {s.id for s in base.settings}:
        found = f"{subject.headline.id!r}, measured at the target {subject.headline.setting!r}"
        raise _bad(
            "findings.csv",
            found,
            "a finding on a proxy: the page says what a proxy is worth; rank takes those at targets",
        )
    return subject


def _one_finding(base: EvidenceBase, studies: tuple[str, ...], finding: str) -> Subject:
    if len(studies) > 1:
        raise _bad("--finding", f"{finding!r} of {len(studies)} studies", "one study beside it")
    study = next(s for s in base.studies if s.id in studies)
    findings = base.findings_of(study.id)
    chosen = next((f for f in findings if f.id == finding), None)
    if chosen is None:
        ids = ", ".join(f.id for f in findings)
        raise _bad("findings.csv", repr(finding), f"a finding of {study.id}: {ids}")
    # An arm alone says nothing; it is reviewed with the arms of its cell.
    cell = tuple(f for f in findings if f.is_arm and f.setting == chosen.setting) if chosen.is_arm else (chosen,)
    return Subject(cell, chosen, pair_of(base, chosen), studies, study.title, finding)


def reviewed_studies(base: EvidenceBase) -> tuple[str, ...]:
    """Ids of the studies a review can speak about: those with a finding on a proxy."""
    proxies = {s.id for s in base.settings}
    return tuple(s.id for s in base.studies if any(f.setting in proxies for f in base.findings_of(s.id)))


def headline_of(base: EvidenceBase, study: str) -> Finding:
    """The finding a review of the study speaks about: its headline, else its first, on a proxy where it has one there."""
    proxies = {s.id for s in base.settings}
    wanted = next(s.headline for s in base.studies if s.id == study)
    by_rank = sorted(base.findings_of(study), key=lambda f: (f.setting not in proxies, f.id != wanted))
    return by_rank[0]


def pair_of(base: EvidenceBase, finding: Finding) -> Pair:
    """The contrast a finding speaks about; an arm is set against the first other arm of its cell, else the baseline."""
    comparator = finding.comparator
    if comparator is None:
        cell = (finding.study, finding.setting)
        others = [
            f for f in base.findings if f.is_arm and (f.study, f.setting) == cell and f.technique != finding.technique
        ]
        comparator = others[0].technique if others else base.techniques[0].id
    return Pair(
        technique=finding.technique, comparator=comparator,
        technique_name=base.technique(finding.technique).name, comparator_name=base.technique(comparator).name,
    )  # fmt: skip


def _bad(place: str, found: str, wanted: str) -> BadInput:
    return BadInput((Problem(place, None, "" if place.startswith("--") else "id", found, wanted),))
