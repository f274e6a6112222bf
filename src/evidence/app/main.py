"""The app's entry: page set-up, what the address asks for, and the eight pages in their order."""

from __future__ import annotations

import streamlit as st

from evidence.app import (
    page_checks,
    page_evidence,
    page_question,
    page_ranking,
    page_register,
    page_validity,
    page_verdict,
    page_what_if,
)
from evidence.app.workspace import DEFAULT_BASE, open_workspace
from evidence.domain.errors import BadInput

PAGES = (
    (page_question.show, "1 Question and my belief", "question"),
    (page_evidence.show, "2 Evidence", "evidence"),
    (page_validity.show, "3 Proxy validity", "validity"),
    (page_verdict.show, "4 Verdict", "verdict"),
    (page_what_if.show, "5 What-if", "what-if"),
    (page_ranking.show, "6 Ranking", "ranking"),
    (page_register.show, "7 Pre-register", "register"),
    (page_checks.show, "8 Checks and audit", "checks"),
)
MAX_QUERY = 80


def main() -> None:
    """Run the app."""
    st.set_page_config(page_title="evidence", layout="wide", initial_sidebar_state="auto")
    _start()
    pages = [
        st.Page(show, title=title, url_path=path, default=number == 0)
        for number, (show, title, path) in enumerate(PAGES)
    ]
    st.navigation(pages).run()


def _start() -> None:
    """Open the base that the address names, once; anything else in the address is refused with a line that says so."""
    if "workspace" in st.session_state:
        return
    name, refused = DEFAULT_BASE, []
    for key in st.query_params:
        values = st.query_params.get_all(key)
        if key == "base" and len(values) == 1 and len(values[0]) <= MAX_QUERY:
            name = values[0]
        else:
            refused.append(key)
    try:
        st.session_state["workspace"] = open_workspace(name)
    except BadInput:
        st.session_state["workspace"] = open_workspace(DEFAULT_BASE)
        refused.append("base")
    if refused:
        st.warning(f"Of the address {len(refused)} parts were ignored: it may name one shipped base, as ?base=control.")
