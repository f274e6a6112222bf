"""Page 4: before, warranted, at face value; the ceiling, the break-even, what limits us and what would change it."""

from __future__ import annotations

import streamlit as st

from evidence.app import exports
from evidence.app.answers import review_of
from evidence.app.frame import computed, no_verdict, open_page, picture, plain
from evidence.app.workspace import Workspace, workspace
from evidence.domain.results import Review
from evidence.report.page import page_of
from evidence.report.sentences import forecast, other_side
from evidence.report.words import in_100

SECTIONS = (
    "VERDICT", "CONFLICT", "OVER-UPDATING", "WHY SO LITTLE", "WHAT LIMITS US", "EXCHANGE RATE", "WHAT WOULD CHANGE IT",
    "PRIORS", "USE IT FOR", "DO NOT", "INPUT AS READ", "CHECKS",
)  # fmt: skip


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("verdict", "Verdict", found, locked=True)
    review = computed("Weighing the evidence", lambda: review_of(found, found.settings_list))
    if not review.ok:
        no_verdict(review.checks)
        return
    found.viewed(found.settings_list, review.word)
    st.markdown("#### " + plain(forecast(review)))
    st.write(plain(other_side(review)))
    _numbers(found, review)
    from evidence.report.figures import belief_bars, contrast_dots, forest, svg_of, validity

    left, right = st.columns(2)
    with left:
        bars = belief_bars(review)
        picture(svg_of(bars), bars.alt)
    with right:
        dots = contrast_dots(review)
        picture(svg_of(dots), dots.alt)
    for section in page_of(review).sections:
        if section.label in SECTIONS[1:]:
            st.markdown(f"**{section.label.capitalize()}**  \n" + "  \n".join(plain(line) for line in section.lines))
    with st.expander("More pictures: every finding as read, and the validity of the proxy"):
        for drawing in (forest(review), validity(review)):
            picture(svg_of(drawing), drawing.alt)
    exports.offer(found, review)


def _numbers(found: Workspace, review: Review) -> None:
    columns = st.columns(5)
    said = "" if found.prior_belief is None else f"you said {in_100(found.prior_belief)}"
    edge = "none" if review.p_break_even is None else in_100(review.p_break_even)
    gut = "" if review.belief is None else f"you said {in_100(review.belief)}"
    for column, label, value, beside in zip(
        columns, ("Before", "Warranted", "At face value", "Ceiling", "Break-even"),
        (*(in_100(p) for p in (review.p_prior, review.p_post, review.p_face_value, review.p_ceiling)), edge),
        (said, gut, "", "", ""), strict=True,
    ):  # fmt: skip
        column.metric(label, value, beside or None, delta_color="off", delta_arrow="off")
