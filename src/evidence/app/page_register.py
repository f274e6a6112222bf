"""Page 7: the pre-registration ledger."""

from __future__ import annotations

import streamlit as st

from evidence.app.frame import open_page, plain
from evidence.app.workspace import workspace


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("register", "Pre-register", found)
    st.info(
        "The registration ledger is not available in the app yet. Until it is, priors can be held fixed by a model"
        " file: `evidence app --registered M.toml` shows on every page whether the screen still matches it."
    )
    if found.registered is None:
        st.write("No registered priors were given.")
        return
    changes = found.deviations()
    st.write(f"Registered: {plain(found.registered.id)}.")
    if not changes:
        st.success("The screen matches the registered priors.")
        return
    st.warning("The screen deviates from the registered priors:")
    for change in changes:
        st.write("- " + plain(change))
    if st.button("Reset to registered"):
        found.model, found.settings = found.registered, {}
        st.rerun()
