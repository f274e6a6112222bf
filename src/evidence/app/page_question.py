"""Page 1: the base, the target, what is read, and what the reader believes before and after reading it."""

from __future__ import annotations

import streamlit as st

from evidence.app.frame import open_page, plain, refusing
from evidence.app.workspace import Workspace, asked, open_workspace, shipped_names, workspace

PRESETS = {"sceptical": 40, "neutral": 50, "optimistic": 65}
"""P(technique ahead) before reading, in 100."""
CHIPS = 20
BINS = ("far worse", "worse", "a little worse", "a little better", "better", "far better")


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("question", "Question and my belief", found)
    _question(found)
    st.subheader("What I believe")
    with refusing():
        pair, _ = asked(found)
        a, b = plain(pair.technique_name), plain(pair.comparator_name)
        _belief(found, a, b)
    if found.unlocked:
        said = "Saved." if found.elicited == "saved" else "Skipped: the report will say that no belief was recorded."
        st.success(f"{said} The other pages are open.")


def _question(found: Workspace) -> None:
    from evidence.analysis.subject import reviewed_studies

    question = found.base.question
    st.subheader("What is asked")
    names = list(shipped_names())
    chosen = st.selectbox("Evidence base", names, index=names.index(found.base_name), key="base_choice")
    if chosen != found.base_name:
        st.session_state["workspace"] = open_workspace(chosen)
        st.rerun()
    st.write(plain(question.question))
    targets = [t.id for t in question.targets]
    found.target = st.selectbox(
        "Target: where one wants to know, and cannot measure yet", targets, index=targets.index(found.target),
        format_func=lambda t: found.base.target(str(t)).title or str(t),
    )  # fmt: skip
    st.caption(
        f"Outcome: {plain(question.criterion)}, in {plain(question.unit)}. Differences below"
        f" {question.smallest_difference:g} SMD do not matter."
    )
    titles = {s.id: s.title for s in found.base.studies}
    picked = st.multiselect(
        "What I have read (the first study names the comparison; several are read together)",
        [*reviewed_studies(found.base)], default=[*found.studies], format_func=lambda s: titles[str(s)],
    )  # fmt: skip
    if not picked:
        st.info("Choose at least one study.")
    elif tuple(picked) != found.studies:
        found.studies, found.settings, found.leans = tuple(picked), {}, {}
        st.rerun()


def _belief(found: Workspace, a: str, b: str) -> None:
    kind = st.radio(
        "How to say it", ["in 100 worlds", "20 chips", "80 % interval", "preset"], horizontal=True, key="belief_kind"
    )
    if kind == "20 chips":
        before = _chips(a)
    elif kind == "80 % interval":
        before = _interval(a)
    elif kind == "preset":
        preset = st.selectbox("Preset", list(PRESETS))
        before = PRESETS[preset]
    else:
        before = st.number_input(f"Before reading: {a} ahead of {b} in … of 100 worlds", 1, 99, 50, key="before")
    gut = st.number_input(f"After reading I would say: {a} ahead in … of 100", 1, 99, 50, key="gut")
    if before is not None:
        st.caption(f"You are saying: {a} ahead in {before} of 100 worlds before reading, in {gut} after it.")
    saved, skipped = st.columns(2)
    if saved.button("Save what I believe", type="primary", disabled=before is None, width="stretch"):
        found.prior_belief, found.belief, found.elicited = (before or 50) / 100, gut / 100, "saved"
        st.rerun()
    if skipped.button("Skip: do not record a belief", width="stretch"):
        found.prior_belief, found.belief, found.elicited = None, None, "skipped"
        st.rerun()


def _interval(a: str) -> int | None:
    """P(ahead) of the normal law with the reader's 80 % interval for the difference."""
    from evidence.analysis.beliefs import FAR, interval_belief

    left, right = st.columns(2)
    lo = left.number_input(f"{a} is ahead by (SMD, 80 % from)", value=-1.0, step=0.1, key="belief_lo")
    hi = right.number_input("to", value=1.0, step=0.1, key="belief_hi")
    with refusing():
        said = interval_belief(float(lo), float(hi))
        st.caption(
            f"You are saying: {a} ahead in {said.ahead} of 100 worlds; beyond ±{FAR:g} SMD in {said.far} of 100."
        )
        return said.ahead
    return None


def _chips(a: str) -> int | None:
    """Twenty chips over six bins; P(ahead) is the share of chips on the better side."""
    st.caption(f"Place {CHIPS} chips: each is one of twenty equally probable worlds. How does {a} do at the target?")
    columns = st.columns(len(BINS))
    chips = [
        int(column.number_input(name, 0, CHIPS, (2, 4, 4, 4, 4, 2)[i], key=f"chips_{i}"))
        for i, (column, name) in enumerate(zip(columns, BINS, strict=True))
    ]
    from evidence.analysis.beliefs import chips_ahead

    share = chips_ahead(chips, CHIPS)
    if share is None:
        st.warning(f"{sum(chips)} chips placed, wanted {CHIPS}.")
    return share
