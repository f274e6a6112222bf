"""`evidence check`: stated validities that the gaps rule out under a model."""

from __future__ import annotations

from evidence.analysis.fitting import prepare_case
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model


def find_ruled_out(base: EvidenceBase, model: Model) -> tuple[Problem, ...]:
    """The problems a model has with a base's stated validities; empty if none."""
    try:
        prepare_case(base, model, target=None, settings=(), seed=0)
    except BadInput as error:
        return error.problems
    return ()
