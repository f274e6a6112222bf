"""A panel of page 6: whether an experiment is worth running, for readers who take it as warranted and for others."""

from __future__ import annotations

import os
from typing import Any

import streamlit as st

from evidence.app.answers import KEPT, alone, content_of, engine
from evidence.app.frame import computed, no_verdict, picture, plain, refusing
from evidence.app.workspace import SEED, Workspace
from evidence.domain.canonical import sha256_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.proposals import Proposal
from evidence.domain.value import Value


def show(found: Workspace) -> None:
    """Draw the panel: a shipped proposal about this base, or a file of one's own."""
    st.subheader("Is an experiment worth running?")
    shipped = _shipped(found.base_name)
    sent = st.file_uploader("A proposal of your own (`evidence schema proposal`)", type=["toml"], key="proposal")
    if not shipped and sent is None:
        st.caption("No proposal about this base is shipped.")
        return
    with refusing():
        if sent is not None:
            proposal = _uploaded(found, sent.getvalue())
        else:
            name = st.selectbox("Proposal", list(shipped), format_func=lambda n: shipped[str(n)].title)
            proposal = shipped[str(name)]
        if not st.button("Weigh it", key="weigh"):
            return
        value = computed(
            "Imagining results",
            lambda: _value(content_of(found), sha256_of(proposal), _found=found, _proposal=proposal),
        )
        _draw(value)


def _draw(value: Value) -> None:
    if not value.ok:
        no_verdict(value.checks)
        return
    from evidence.report.drawing import svg_of
    from evidence.report.figures_value import FIGURES
    from evidence.report.value import channel_lines, reader_lines, today_lines, verdict_lines

    for line in (*verdict_lines(value), *reader_lines(value), *today_lines(value), *channel_lines(value)):
        st.write(plain(line))
    if value.decisions:
        for draw in FIGURES.values():
            drawing = draw(value)
            picture(svg_of(drawing), drawing.alt)


def _shipped(base_name: str) -> dict[str, Proposal]:
    """Shipped proposals about a base, by name."""
    from evidence.io.proposals import load_proposal
    from evidence.io.shipped import list_proposals

    found = {name: load_proposal(path)[0] for name, path in list_proposals().items()}
    return {name: proposal for name, proposal in found.items() if proposal.base == base_name}


def _uploaded(found: Workspace, data: bytes) -> Proposal:
    """A proposal from a file, held against the tables on screen. Raises BadInput."""
    from evidence.io.proposals import check_against, load_proposal

    path = found.path / "proposal.upload.toml"
    path.write_bytes(data)
    try:
        proposal, place = load_proposal(path)
    finally:
        path.unlink()
    if proposal.base != found.base_name:
        raise BadInput(
            (Problem("proposal", None, "base", repr(proposal.base), f"{found.base_name!r}, the base on screen"),)
        )
    check_against(proposal, place, found.base)
    return proposal


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _value(content: tuple[str, ...], proposed: str, *, _found: Workspace, _proposal: Proposal) -> Any:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from evidence.analysis.value import Asking, value_of
    from evidence.inference.foresight import foresee

    del content, proposed
    asking = Asking(engine(), foresee, seed=SEED, extra=(), progress=None)
    return alone(lambda: value_of(_proposal, _found.base, _found.model, asking))
