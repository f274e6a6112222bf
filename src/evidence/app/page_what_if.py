"""Page 5: sliders over assumptions, with the answer that follows them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from typing import TYPE_CHECKING

import streamlit as st

from evidence.app.answers import alone, live_of, review_of, sliders_for
from evidence.app.frame import computed, escaped, no_verdict, open_page, picture, plain, progressing
from evidence.app.workspace import Workspace, workspace
from evidence.domain.errors import BadInput
from evidence.domain.sliders import Slider
from evidence.domain.verdict import band_of, word_of
from evidence.report.sentences import flip_lines
from evidence.report.words import band_in_100, in_100

if TYPE_CHECKING:
    from evidence.analysis.live import Live, LiveAnswer
    from evidence.domain.results import Review

GREY_AFTER_S = 0.25
"""An answer that takes longer leaves a grey line in place of the old number."""
_BEHIND = ThreadPoolExecutor(2, thread_name_prefix="what-if")
FRAME_S = 0.4
STAYS = (
    "<style>@media (min-width: 700px) {[data-testid=stColumn]:has(.st-key-answer) > div"
    " {position: sticky; top: 4.5rem; height: auto}}</style>"
)
"""The answer stays in sight while the sliders below it are scrolled to; on a narrow screen it stands above them."""


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("what-if", "What-if", found, locked=True)
    whole = st.radio(
        "Answer from", [False, True], horizontal=True, key="what_if_whole",
        format_func={False: "what I have read, alone", True: "everything in the base"}.__getitem__,
    )  # fmt: skip
    live = computed("Preparing the sliders", lambda: live_of(found, whole=bool(whole)))
    if not live.posterior.ok:
        no_verdict(live.posterior.checks)
        return
    _panel(found, live)
    _more(found, live)


@st.fragment
def _panel(found: Workspace, live: Live) -> None:
    """Sliders and the answer beside them; moving one runs this panel alone."""
    # The answer stands first, so that on a narrow screen it stays above the sliders.
    answer, controls = st.columns([2, 3])
    sliders = sliders_for(live)
    with controls:
        moved = dict(_moved(found, live, slider) for slider in sliders)
    settings = {key: value for key, value in moved.items() if value is not None}
    # Sliders that are not on screen (families of other studies) stay as they were moved.
    shown = {slider.key for slider in sliders}
    found.settings = {k: v for k, v in found.settings.items() if k not in shown} | settings
    with answer, st.container(key="answer"):
        st.html(STAYS)
        _answer(found, live, tuple(f"{k}={v}" for k, v in sorted(settings.items())))
        if st.button("Reset to registered", disabled=not found.settings, width="stretch"):
            for slider in sliders:
                st.session_state.pop(_key(found, slider), None)
            found.settings = {}
            st.rerun()


def _key(found: Workspace, slider: Slider) -> str:
    return f"slider:{found.base_name}:{found.model.id}:{slider.key}"


def _moved(found: Workspace, live: Live, slider: Slider) -> tuple[str, str | None]:
    """One slider with what it asks, where the registered prior has it, and what its value says; None where not moved."""
    from evidence.analysis.sliders import read_back

    start = found.settings.get(slider.key)
    key = _key(found, slider)
    if key not in st.session_state:
        st.session_state[key] = slider.at(float(start) if start is not None else slider.registered)
    value = float(st.slider(slider.label, slider.lo, slider.hi, step=slider.step, key=key, help=slider.asks))
    st.html(_notch(slider))
    capped = f" Capped: {slider.capped_by}." if slider.capped_by else ""
    st.caption(plain(f"registered {slider.registered:.2f}. {read_back(live.case, slider, value)}{capped}"))
    return slider.key, None if value == slider.at(slider.registered) else f"{value:g}"


def _notch(slider: Slider) -> str:
    """A thin line with a notch at the registered value and a band over its middle 80 %; numbers of ours only."""
    at, low, high = (f"{100 * slider.place(x):.2f}%" for x in (slider.registered, slider.q10, slider.q90))
    return (
        '<div style="position:relative;height:6px;margin:-14px 8px 0" aria-hidden="true">'
        f'<div style="position:absolute;left:{low};right:calc(100% - {high});height:4px;background:#9aa5b1"></div>'
        f'<div style="position:absolute;left:{at};width:3px;height:10px;top:-3px;background:#d55e00"></div></div>'
    )


def _answer(found: Workspace, live: Live, settings: tuple[str, ...]) -> None:
    """The number, its word and its bars; grey and without a number while a slower answer is on its way."""
    place = st.empty()
    asked = _BEHIND.submit(alone, lambda: live.move(settings))
    try:
        answer = _waited(asked, place)
    except BadInput as error:
        place.error("\n\n".join(plain(str(p)) for p in error.problems))
        return
    names = (live.case.base.technique(live.pair[0]).name, live.case.base.technique(live.pair[1]).name)
    if not answer.ok:
        with place.container():
            no_verdict(answer.checks)
        return
    word = word_of(answer.p, *names)
    found.viewed(settings, word)
    place.html(_panel_html(live, answer, names, word, settings))


def _waited(asked: Future[LiveAnswer], place: object) -> LiveAnswer:
    """The answer; where it takes long the old one gives way to a grey line."""
    try:
        return asked.result(timeout=GREY_AFTER_S)
    except StillRunning:
        place.html('<p style="color:#767676" role="status">recomputing …</p>')  # type: ignore[attr-defined]
        return asked.result()


def _panel_html(live: Live, answer: LiveAnswer, names: tuple[str, str], word: str, settings: tuple[str, ...]) -> str:
    """Number, word and bars as one block of HTML, so that they change together."""
    from evidence.report.bars import bars_html

    start = live.registered_p
    says = f"{escaped(names[0])} ahead of {escaped(names[1])} in <b>{in_100(answer.p)}</b> of 100"
    return (
        f'<div role="status" data-testid="what-if-answer" data-p="{answer.p:.6f}" data-word="{escaped(word)}"'
        f' data-settings="{escaped(" ".join(settings))}">'
        f'<p style="font-size:1.25rem;margin:0"><b>{escaped(word)}</b> (band {band_in_100(band_of(answer.p))})</p>'
        f'<p style="margin:.2rem 0">{says}</p>'
        + bars_html((("registered", start), ("as moved", answer.p)))
        + f'<p style="color:#767676;font-size:.8rem;margin:.2rem 0">error at most {max(answer.mcse, 0.001):.3f}'
        f" · by {'a refit' if answer.route == 'refit' else 'reweighting'}</p></div>"
    )


def _more(found: Workspace, live: Live) -> None:
    """What needs many answers: asked for by a button each, so that the sliders never wait for it."""
    settings = tuple(s for s in found.settings_list if s.partition("=")[0] in {x.key for x in sliders_for(live)})
    flips, tornado, strip, worlds = st.tabs(["What would change it", "Tornado", "Two at once", "Possible worlds"])
    with flips:
        if review := _reviewed(found, "Work out where the word changes"):
            for line in flip_lines(review.flips_at) or ("No single assumption that was tried changes the word.",):
                st.write("- " + plain(line))
    with tornado:
        _tornado(live, settings)
    with strip:
        _strip(live, settings)
    with worlds:
        if review := _reviewed(found, "Draw fifty worlds"):
            _worlds(review.contrast_dots, review.pair.technique_name, review.pair.comparator_name)


def _reviewed(found: Workspace, label: str) -> Review | None:
    """The review under the settings on screen, once it was asked for; None before, and without a verdict."""
    asked_for = (found.studies, found.target, found.settings_list)
    if st.button(label):
        st.session_state["reviewed"] = asked_for
    if st.session_state.get("reviewed") != asked_for:
        return None
    review = computed("Weighing the evidence", lambda: review_of(found, found.settings_list))
    if review.ok:
        return review
    no_verdict(review.checks)
    return None


def _tornado(live: Live, settings: tuple[str, ...]) -> None:
    if not st.button("Move each assumption from end to end", key="tornado"):
        st.caption("Each assumption at both ends of its prior's middle 80 %, all others as they are.")
        return
    from evidence.analysis.sliders import measure_tornado
    from evidence.report.figures import svg_of
    from evidence.report.figures_sliders import tornado

    with progressing() as progress:
        found = alone(lambda: measure_tornado(live, sliders_for(live), settings, progress))
    drawing = tornado(found, live.registered_p)
    picture(svg_of(drawing), drawing.alt)


def _strip(live: Live, settings: tuple[str, ...]) -> None:
    sliders = {slider.label: slider for slider in sliders_for(live)}
    if len(sliders) < 2:
        st.caption("This model has fewer than two assumptions that can be moved.")
        return
    one, two = st.columns(2)
    first = one.selectbox("Across", list(sliders), 0)
    second = two.selectbox("Down", list(sliders), 1)
    if first == second:
        st.caption("Choose two different assumptions.")
        return
    if not st.button("Move both", key="strip"):
        return
    from evidence.analysis.sliders import measure_strip
    from evidence.report.figures import svg_of
    from evidence.report.figures_sliders import heat_strip

    kept = tuple(s for s in settings if s.partition("=")[0] not in {sliders[first].key, sliders[second].key})
    with progressing() as progress:
        found = alone(lambda: measure_strip(live, sliders[first], sliders[second], kept, progress))
    drawing = heat_strip(found, sliders[first].label, sliders[second].label)
    picture(svg_of(drawing), drawing.alt)


def _worlds(dots: tuple[float, ...], a: str, b: str) -> None:
    """Possible worlds one after another; at rest until asked for, so nobody sees motion unasked."""
    st.caption(f"Fifty equally probable worlds: how far {plain(a)} is ahead of {plain(b)} at the target (SMD).")
    playing = st.toggle("Play one world after another", value=False, key="playing")

    @st.fragment(run_every=FRAME_S if playing else None)
    def frame() -> None:
        from evidence.report.bars import worlds_html

        number = int(st.session_state.get("world", 0))
        st.session_state["world"] = number + 1 if playing else number
        st.html(worlds_html(dots, number if playing else None, escaped(a), escaped(b)))

    frame()
