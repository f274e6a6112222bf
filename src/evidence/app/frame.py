"""What every page has: its title and guidance, the bar with the question and its state, locks, errors, and exports."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager

import streamlit as st

from evidence.app.workspace import Workspace, asked
from evidence.domain.errors import BadInput
from evidence.domain.results import Check
from evidence.report.page import WHAT_TO_TRY, no_verdict_lines
from evidence.report.words import show_name

GUIDANCE: dict[str, str] = {
    "question": "Say what you believe before you look. Nothing below is shown until you have, or have skipped it.",
    "evidence": "One row per result, as the paper has it. Every change is checked as `evidence check` would.",
    "validity": "How much does each proxy say about the target? Rate its gaps; `unknown` widens, it never centres.",
    "verdict": "What this study warrants, what it would be at face value, and past which belief reading it did harm.",
    "what-if": "Move an assumption and see the answer move. Moved sliders are yours, not the registered priors.",
    "ranking": "All techniques at the target, by everything in the base. Nobody is called first without its number.",
    "register": "Write down today what you believe, so that it can be scored later.",
    "checks": "What was checked, which priors were really used, and how to get these numbers again.",
}
"""One line of guidance per page; a test counts them."""


_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~!&$:])|(?<=/)(?=/)|(?<=www)(?=\.)|(?<=@)(?=\w)")


def plain(text: str) -> str:
    """Text from a file or a person for Markdown widgets: nothing in it becomes markup, an icon, a link or an image."""
    return _ACTIVE.sub(lambda m: "\\" + m[0] if m[0] else "\u2060", show_name(text))


def escaped(text: str) -> str:
    """Text for our own HTML."""
    return html.escape(show_name(text), quote=True)


def open_page(name: str, title: str, found: Workspace, *, locked: bool = False) -> None:
    """Title, guidance and the bar; stops the page while it is locked."""
    st.title(title)
    st.caption(GUIDANCE[name])
    _bar(found)
    if locked and not found.unlocked:
        st.info("Covered until you have said what you believe, or skipped it: page 1, Question and my belief.")
        st.stop()


def _bar(found: Workspace) -> None:
    """The question, the state of the registration, settings viewed, and the data."""
    from evidence.domain.canonical import sha256_of

    with refusing():
        pair, _ = asked(found)
        st.markdown(
            f"**{plain(pair.technique_name)}** against **{plain(pair.comparator_name)}** at {plain(found.target)}"
            f" · {plain(found.base.question.criterion)}"
        )
    changes = found.deviations()
    if found.registered is None:
        state = "Exploring"
    elif changes:
        state = f"Deviates from the registered priors ({len(changes)} changes)"
    else:
        state = f"Matches the registered priors {sha256_of(found.registered)[:8]}"
    moved = f" · moved: {len(found.settings)}" if found.settings else ""
    st.caption(
        f"{state}{moved} · Settings viewed: {found.settings_viewed} · data {sha256_of(found.base)[:8]}"
        f" · priors {sha256_of(found.model)[:8]}"
    )
    if changes:
        st.warning("These are not the registered priors: " + ", ".join(plain(c) for c in changes[:6]) + ".", icon=None)


@contextmanager
def refusing() -> Generator[None]:
    """Problems of the input as messages; the page goes on below them."""
    try:
        yield
    except BadInput as error:
        for problem in error.problems[:20]:
            st.error(plain(str(problem)))
        if len(error.problems) > 20:
            st.error(f"and {len(error.problems) - 20} more")


def computed[T](label: str, compute: Callable[[], T]) -> T:
    """An answer that may take seconds; input that cannot be used stops the page with its problems."""
    try:
        with st.spinner(label):
            return compute()
    except BadInput as error:
        for problem in error.problems[:20]:
            st.error(plain(str(problem)))
        st.stop()


@contextmanager
def progressing() -> Generator[Callable[[str, int, int], None]]:
    """A progress bar, gone when the work is done."""
    bar = st.progress(0.0)

    def report(label: str, done: int, total: int) -> None:
        bar.progress(done / total, f"{label}: {done} of {total}")

    yield report
    bar.empty()


def no_verdict(checks: dict[str, Check]) -> None:
    """In place of numbers, where a check failed."""
    st.error("\n\n".join(["**No verdict.**", *(plain(line) for line in no_verdict_lines(checks))]))
    st.info("Try: " + plain(WHAT_TO_TRY))


def picture(svg: str, alt: str) -> None:
    """A figure of the report, with its words under it for those who cannot see it."""
    st.image(svg, width="stretch")
    with st.expander("The picture in words"):
        st.write(plain(alt))
