"""The arrays of a base with a kernel node for every place, so that no moved gap changes a shape."""

from __future__ import annotations

from dataclasses import replace

from evidence.domain.records import EvidenceBase
from evidence.model.design import Design, build_design

MOST_NODES = 2
"""Up to so many times the nodes that a base needs: the price of a draw grows with their square."""


def design_apart(base: EvidenceBase) -> Design:
    """The design of `base` with one node per place; the ordinary one where that were too dear.

    Settings alike in family and gaps share a node. Kept apart they have correlation 1 in the kernel, whose factor
    copes with dependent nodes: the likelihood is the same, and a gap that tells them apart, or makes two alike, is a
    changed number (docs/model.md, section 5).
    """
    design = build_design(base)
    if len(design.level_places) > MOST_NODES * len(design.node_places):
        return design
    # Only nodes read gaps, so gaps that all differ give every setting its own.
    distinct = tuple(s.model_copy(update={"gaps": {"apart": float(i)}}) for i, s in enumerate(base.settings))
    return replace(build_design(base.model_copy(update={"settings": distinct})), base=base)


def is_apart(design: Design) -> bool:
    """True if every place with findings has a node of its own."""
    return len(design.level_places) == len(design.node_places)
