"""Page 8: checks, the priors that were really used, what the answer leans on, hashes, and how to get it again."""

from __future__ import annotations

import streamlit as st

from evidence.app.answers import review_of
from evidence.app.exports import command_of, settings_line
from evidence.app.frame import computed, no_verdict, open_page, plain
from evidence.app.workspace import Workspace, workspace
from evidence.report.words import size

SHOWN = ("q05", "q25", "q50", "q75", "q95")


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("checks", "Checks and audit", found, locked=True)
    _model(found)
    review = computed("Weighing the evidence", lambda: review_of(found, found.settings_list))
    if not review.ok:
        no_verdict(review.checks)
    st.subheader("Checks")
    st.dataframe(
        [
            {"check": name, "found": f"{c.value:.4g}", "wanted": c.wanted, "": "passed" if c.ok else "FAILED"}
            for name, c in review.checks.items()
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.subheader("Priors in use")
    st.caption("Quantiles recomputed by the engine from its own draws: the prior shown is the prior used.")
    st.dataframe(
        [
            {"prior": name, **{q: size(values[q]) for q in SHOWN}}
            for name, values in review.fingerprint.items()
            if values.keys() == set(SHOWN)
        ],
        hide_index=True, width="stretch", height=260,
    )  # fmt: skip
    if review.ok:
        st.subheader("What the answer leans on")
        st.dataframe(
            [
                {
                    "prior": name, "moves per doubling of its power": "not measured" if d is None else f"{d:.3f}",
                    "": "sensitive" if name in review.sensitive_to else "",
                    "overlap of prior and posterior": f"{review.overlap[name]:.2f}" if name in review.overlap else "",
                }
                for name, d in review.sensitivity.items()
            ],
            hide_index=True, width="stretch", height=260,
        )  # fmt: skip
    st.subheader("The same numbers in a shell")
    st.code(command_of(found, bundled=False), language="sh")
    p = review.provenance
    st.caption(
        f"data {p.base_sha256} · priors {p.model_sha256} · evidence {p.version} · {p.engine} engine · seed {p.seed}"
    )
    st.caption(plain(settings_line(found)))
    st.caption(
        "The numbers hold given the stated priors and validity, which no check can test."
        " Known limits: docs/model.md and docs/review.md."
    )


def _model(found: Workspace) -> None:
    """Which priors: the shipped models by name."""
    from evidence.io.models import load_model
    from evidence.io.shipped import find_model, list_shipped

    names = list(list_shipped().models)
    here = found.model.id if found.model.id in names else None
    chosen = st.selectbox(
        "Priors", names, index=None if here is None else names.index(here), placeholder=found.model.id
    )
    if chosen is not None and chosen != found.model.id:
        found.model, found.settings, found.leans = load_model(find_model(chosen)), {}, {}
        st.rerun()
