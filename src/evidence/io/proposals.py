"""A proposal from its TOML file, held against the base it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.proposals import Proposal
from evidence.domain.records import EvidenceBase
from evidence.io.rows import build_row, did_you_mean, show
from evidence.io.shipped import cut, is_file, list_proposals
from evidence.io.toml_files import TomlPlace, read_toml


def find_proposal(name_or_path: str) -> Path:
    """The file of a proposal. Raises BadInput, naming the shipped ones, where there is none."""
    path = Path(name_or_path)
    if is_file(path):
        return path
    known = list_proposals()
    if name_or_path in known:
        return known[name_or_path]
    wanted = f"a proposal file, or one of {', '.join(sorted(known))}{did_you_mean(name_or_path, known)}"
    raise BadInput([Problem(cut(name_or_path), None, "", "no such path and nothing shipped under this name", wanted)])


def load_proposal(path: Path) -> tuple[Proposal, TomlPlace]:
    """The proposal in `path` and the place of its keys. Raises BadInput with every problem, each with its line and key."""
    values, place = read_toml(path)
    row, problems = build_row(Proposal, values, place)
    if row.record is None:
        raise BadInput(problems)
    return row.record, place


def check_against(proposal: Proposal, place: TomlPlace, base: EvidenceBase) -> None:
    """Raises BadInput for every name that neither the base nor the proposal has, and every gap left unrated."""
    problems = [*_own_names(proposal, place, base), *_findings(proposal, place, base), *_crunch(proposal, place, base)]
    if problems:
        raise BadInput(problems)


def _unknown(place: TomlPlace, path: tuple[str | int, ...], found: str, known: list[str], what: str) -> Problem:
    return place.problem(path, repr(found), f"{what}: {', '.join(known)}{did_you_mean(found, known)}")


def _own_names(proposal: Proposal, place: TomlPlace, base: EvidenceBase) -> Iterator[Problem]:
    families = [f.id for f in base.families]
    taken = [*(s.id for s in base.settings), *(t.id for t in base.question.targets)]
    for i, family in enumerate(proposal.families):
        if family.id in families:
            yield place.problem(("families", i, "id"), repr(family.id), "a name that the base does not have yet")
    families += [f.id for f in proposal.families]
    for i, setting in enumerate(proposal.settings):
        if setting.id in taken:
            yield place.problem(("settings", i, "id"), repr(setting.id), "a name that the base does not have yet")
        taken.append(setting.id)
        if setting.family not in families:
            yield _unknown(place, ("settings", i, "family"), setting.family, families, "a family")
        yield from _gaps(place.at("settings", i), {"gaps": setting.gaps, "reasons": setting.reasons}, base)
    for i, family in enumerate(proposal.families):
        if family.stated_at is not None and family.stated_at not in taken:
            yield _unknown(place, ("families", i, "stated_at"), family.stated_at, taken, "a setting")
    targets = [t.id for t in base.question.targets]
    if proposal.target is not None and proposal.target not in targets:
        yield _unknown(place, ("target",), proposal.target, targets, "a target")


def _gaps(place: TomlPlace, given: Mapping[str, Mapping[str, Any]], base: EvidenceBase) -> Iterator[Problem]:
    names = [dimension.id for dimension in base.question.dimensions]
    for field, what in (("gaps", "a gap"), ("reasons", "the reason for the gap")):
        for name in names:
            if given[field].get(name) in (None, ""):
                yield place.problem((field, name), "nothing", f"{what} for this dimension")
        for name in given[field]:
            if name not in names:
                yield place.problem((field, name), repr(name), f"a dimension{did_you_mean(name, names)}")


def _findings(proposal: Proposal, place: TomlPlace, base: EvidenceBase) -> Iterator[Problem]:
    techniques = [t.id for t in base.techniques]
    places = [*(s.id for s in (*base.settings, *proposal.settings)), *(t.id for t in base.question.targets)]
    for i, finding in enumerate(proposal.findings):
        for field in ("technique", "comparator"):
            if getattr(finding, field) not in techniques:
                yield _unknown(place, ("findings", i, field), getattr(finding, field), techniques, "a technique")
        if finding.setting not in places:
            yield _unknown(place, ("findings", i, "setting"), finding.setting, places, "a setting or target")


def _crunch(proposal: Proposal, place: TomlPlace, base: EvidenceBase) -> Iterator[Problem]:
    techniques = [t.id for t in base.techniques[1:]]
    for name in (*proposal.crunch.candidates, *proposal.crunch.trial_hours):
        if name not in techniques:
            known = f"a technique other than the baseline: {', '.join(techniques)}{did_you_mean(name, techniques)}"
            yield place.problem(("crunch",), show(name), known)
    if len(set(proposal.crunch.candidates)) < len(proposal.crunch.candidates):
        yield place.problem(("crunch", "candidates"), "a technique twice", "each technique once")
