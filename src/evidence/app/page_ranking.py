"""Page 6: every technique at the target, what moved it, and what it costs to try them in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from evidence.app import panel_value
from evidence.app.answers import alone, engine, ranking_of
from evidence.app.frame import computed, no_verdict, open_page, picture, plain, progressing
from evidence.app.workspace import workspace
from evidence.domain.results import Ranking
from evidence.domain.verdict import CONTENDER
from evidence.report.crunch import check_lines, try_lines
from evidence.report.leanings import next_lines
from evidence.report.sentences import conflict_lines
from evidence.report.words import in_100, size

if TYPE_CHECKING:
    from evidence.analysis.ranking import Fitted


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("ranking", "Ranking", found, locked=True)
    fitted = computed("Ranking by everything in the base", lambda: ranking_of(found))
    ranking = fitted.ranking
    if not ranking.ok:
        no_verdict(ranking.checks)
        return
    contenders = [plain(t.name) for t in ranking.techniques if t.p_best >= CONTENDER]
    st.write("Not ruled out as first (10 in 100 or more): " + (", ".join(contenders) or "nobody reaches it") + ".")
    for line in conflict_lines(ranking.conflicts, {t.id: t.name for t in ranking.techniques}):
        st.warning(plain(line))
    _table(ranking)
    from evidence.report.figures import contributions, rank_heat, svg_of

    for drawing in (rank_heat(ranking), contributions(ranking)):
        picture(svg_of(drawing), drawing.alt)
    st.subheader("Pairs")
    names = [t.name for t in ranking.techniques]
    first, second = st.columns(2)
    a = first.selectbox("Technique", range(len(names)), format_func=names.__getitem__)
    b = second.selectbox("against", range(len(names)), 1, format_func=names.__getitem__)
    if a != b:
        one, two = ranking.techniques[a], ranking.techniques[b]
        st.metric("ahead in, of 100", in_100(ranking.p_above[one.id][two.id]))
    _decisions(fitted)
    panel_value.show(found)
    st.subheader("What to read next")
    _next(fitted)


@st.fragment
def _decisions(fitted: Fitted) -> None:
    """In which order to try, and whether to check first, under stakes that can be moved."""
    from evidence.analysis.ranking import decided_under

    question = fitted.case.base.question
    st.subheader("In which order to try them, and whether to check")
    one, two, three = st.columns(3)
    smallest = one.slider(
        "Smallest difference that matters (SMD)", 0.0, 2.0, float(question.smallest_difference), 0.05,
        help="Below this you would not care: a technique works where it is better than the baseline by more.",
    )  # fmt: skip
    check = two.number_input("Hours of one check", 0.1, 10_000.0, float(question.check_hours))
    cost = three.number_input("Hours lost if all fail", 1.0, 100_000.0, float(question.failure_cost_hours))
    found = alone(
        lambda: decided_under(
            fitted, smallest_difference=float(smallest), check_hours=float(check), failure_cost_hours=float(cost)
        )
    )
    for line in (*try_lines(found), *check_lines(found)):
        st.write(plain(line))


def _next(fitted: Fitted) -> None:
    """What nobody has compared; on request the gap and the missing study that would change the ranking most."""
    ranking = fitted.ranking
    if st.button("Work out which gap and which missing study would change it most"):
        from evidence.analysis.next_reading import what_to_read_next

        with progressing() as progress:
            found = alone(lambda: what_to_read_next(fitted, engine(), progress=progress))
        ranking = ranking.model_copy(update={"next_reading": found})
    for line in next_lines(ranking):
        if ranking.next_reading is not None or not line.startswith("--next"):
            st.write(plain(line))


def _table(ranking: Ranking) -> None:
    st.dataframe(
        [
            {
                "technique": t.name, "merit, SMD (median)": size(t.merit_q50, t.merit_mcse.get("q50")),
                "90 %, equal-tailed": f"{size(t.merit_q05, t.merit_mcse.get('q05'))} to {size(t.merit_q95, t.merit_mcse.get('q95'))}",
                "works, in 100": in_100(t.p_works), "first, in 100": in_100(t.p_best),
                "expected rank": f"{t.expected_rank:.1f}",
            }
            for t in ranking.techniques
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
