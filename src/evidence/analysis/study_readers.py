"""How the readers of a proposal read its result: face value, a validity of their own, over-updating, a typed rule."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.analysis.proposed import Foreknowledge
from evidence.analysis.terms import stakes_of
from evidence.analysis.worth import Reads, Rule
from evidence.domain.proposals import Proposal, ProposedReader
from evidence.model.foreseen import StudyDesign
from evidence.model.readings import read_at_face_value, read_with_validity

FACE_VALUE = "face_value"


def readers_of(
    proposal: Proposal, known: Foreknowledge, study: StudyDesign, extra: Sequence[ProposedReader] = ()
) -> dict[str, Reads | Rule]:
    """How each reader reads the result; the face-value reader is always among them."""
    listed = {FACE_VALUE: ProposedReader(name=FACE_VALUE, kind="face-value")}
    listed |= {r.name: r for r in (*proposal.readers, *extra)}
    return {name: _reads(reader, proposal, known, study) for name, reader in listed.items()}


def _reads(reader: ProposedReader, proposal: Proposal, known: Foreknowledge, study: StudyDesign) -> Reads | Rule:
    if reader.kind == "face-value":
        return Reads(lambda particles: read_at_face_value(study, particles))
    if reader.kind == "validity":
        rho = 1.0 if reader.validity is None else reader.validity
        return Reads(lambda particles: read_with_validity(known.foreseen, study, particles, rho))
    if reader.kind == "over-update":
        return Reads(factor=1.0 if reader.factor is None else reader.factor)
    if reader.kind == "belief":
        measured = [t.id for t in known.case.base.techniques[1:]].index(_first_measured(proposal, known))
        columns = stakes_of(proposal, known.case.base).columns.tolist()
        ahead, behind = reader.p_works_if_ahead or 0.5, reader.p_works_if_behind or 0.5
        return Rule(columns.index(measured), ahead, behind) if measured in columns else Reads(factor=0.0)
    return Reads()


def _first_measured(proposal: Proposal, known: Foreknowledge) -> str:
    first, baseline = proposal.findings[0], known.case.base.techniques[0].id
    return first.comparator if first.technique == baseline else first.technique
