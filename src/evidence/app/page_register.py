"""Page 7: the registry: what is registered, whether the screen keeps to it, and a draft frozen after its number was typed again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from evidence.app.answers import alone
from evidence.app.frame import computed, open_page, plain, refusing
from evidence.app.workspace import Workspace, workspace
from evidence.cli.prereg_drafts import (
    commit_registration,
    confirmed,
    is_sound,
    now_utc,
    siblings_in,
    today,
)
from evidence.cli.prereg_drafts import computed as drafted
from evidence.cli.prereg_files import registry_folder, source_of
from evidence.cli.prereg_show import listed_registrations
from evidence.domain.errors import BadInput, Tampered

if TYPE_CHECKING:
    from evidence.domain.registration import Registration
    from evidence.io.registry import Chain
    from evidence.report.page import Page

SHORT = 12


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("register", "Pre-register", found)
    _screen(found)
    folder = registry_folder(None)
    try:
        from evidence.io.registry import read_chain

        chain = read_chain(folder)
        _listed(found, folder, chain)
    except Tampered as error:
        st.error("**Tampered.** " + plain(str(error)))
        return
    except BadInput as error:
        st.error("\n\n".join(plain(str(p)) for p in error.problems))
        return
    _new(found)
    _freeze(found, folder, chain)


def _screen(found: Workspace) -> None:
    """Whether the screen keeps to the registered priors."""
    if found.registered is None:
        st.write("The screen is held against no registration. Choose one below, or start with `--registered M.toml`.")
        return
    changes = found.deviations()
    if not changes:
        st.success(f"The screen matches the registered priors {plain(found.registered.id)}.")
        return
    st.warning("The screen deviates from the registered priors:")
    for change in changes:
        st.write("- " + plain(change))
    if st.button("Reset to registered", key="reset_registered"):
        found.model, found.settings = found.registered, {}
        st.rerun()


def _listed(found: Workspace, folder: Path, chain: Chain) -> None:
    st.subheader("Registered")
    rows = listed_registrations(folder, chain)
    if not rows:
        st.info(f"No registrations in {plain(str(folder.name))} yet: write a draft below.")
        return
    st.dataframe(
        [
            {
                "hash": row.hash[:SHORT], "status": row.status, "frozen (this machine's clock)": row.utc,
                "question": row.question, "title": row.title, "by": ", ".join(row.authors),
                "siblings": f"{row.siblings.total} ({row.siblings.open} open)", "due": "; ".join(row.reminders),
            }
            for row in rows
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    chosen = st.selectbox("Look at", [row.hash for row in rows], format_func=lambda h: str(h)[:SHORT])
    from evidence.domain.registry import siblings_of, status_of
    from evidence.io.registry import SUFFIXES, read_registration
    from evidence.report.prereg import registration_page

    registration, digest = read_registration(folder / f"{chosen}{SUFFIXES['registration']}")
    entry = next(e for e in chain.entries if e.registration == digest)
    siblings = siblings_of(chain.entries, entry.question, entry.question_sha256, but=digest)
    with st.expander(f"What {digest[:SHORT]} says"):
        _draw(registration_page(registration, digest, status_of(chain.entries, digest), siblings))
    if st.button("Hold the screen against it", disabled=found.registered == registration.model):
        found.registered = found.model = registration.model
        found.settings, found.leans = {}, {}
        st.rerun()
    st.caption("Verified, resolved and scored on the command line: `evidence prereg verify`, `resolve`, `score`.")


def _new(found: Workspace) -> None:
    """The commented draft of a registration about the base and the priors on screen."""
    from evidence.io.prereg_template import draft_text
    from evidence.io.shipped import list_shipped

    st.subheader("A new registration")
    if found.model.id not in list_shipped().models:
        st.info("Drafts name a model by its file; these priors have none among the shipped ones: use the command line.")
        return
    text = draft_text(found.base, base_name=found.base_name, model_name=found.model.id, created_utc=now_utc())
    st.download_button("Draft to fill in", text, f"{found.base_name}.prereg.toml", "application/toml")
    st.caption("Every TODO in it is yours. Then bring it back here, or use `evidence prereg check` and `freeze`.")


def _freeze(found: Workspace, folder: Path, chain: Chain) -> None:
    """A filled-in draft: checked, shown in natural frequencies, and frozen once its number was typed again."""
    sent = st.file_uploader("Your draft", type=["toml"], key="draft")
    if sent is None:
        return
    draft = found.path / "draft.prereg.toml"
    draft.write_bytes(sent.getvalue())
    with refusing():
        try:
            source = source_of(draft)
        finally:
            draft.unlink()
        registration: Registration = computed(
            "Working out what would be frozen", lambda: alone(lambda: drafted(source, quiet=True))
        )
        if not is_sound(registration):
            st.error(
                "**No verdict.** A check of the engine failed: such numbers are not frozen. Try another seed in the draft."
            )
            return
        from evidence.analysis.prereg_freeze import find_open, find_vague, headline_p
        from evidence.domain.canonical import frozen_bytes, sha256_hex
        from evidence.report.prereg import check_page

        digest = sha256_hex(frozen_bytes(registration))
        vague = (*find_vague(source.draft, today=today()), *find_open(registration))
        _draw(check_page(registration, digest, headline_p(registration), vague, siblings_in(chain, registration)))
        typed = st.number_input("Type P(ahead) again, in 100", 0, 100, None, key="confirm")
        if st.button("Freeze", type="primary", disabled=typed is None):
            confirmed(registration, None if typed is None else int(typed))
            written = commit_registration(folder, registration, kind="freeze")
            st.success(
                f"Frozen: {written.hash}, line {written.seq + 1}. Commit the folder and push it where you cannot rewrite it."
            )


def _draw(page: Page) -> None:
    for section in page.sections:
        st.markdown(f"**{section.label.capitalize()}**  \n" + "  \n".join(plain(line) for line in section.lines))
