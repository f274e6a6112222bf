"""Answers of the package, kept by what they depend on: data, model, version, target, settings, seed.

The caches are shared by sessions, so their keys are contents (SHA-256), never names. One computation runs at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any

import streamlit as st

from evidence.app.workspace import SEED, Workspace, asked
from evidence.domain.canonical import sha256_of

if TYPE_CHECKING:
    from evidence.analysis.fitting import Case
    from evidence.analysis.live import Live
    from evidence.analysis.ranking import Fitted
    from evidence.analysis.review import Whole
    from evidence.domain.results import Review
    from evidence.domain.sliders import Slider
    from evidence.inference.engine import Engine

KEPT = 16
_ONE_AT_A_TIME = RLock()


def engine(*, quick: bool = False) -> Engine:
    """The exact engine; with small rounds for refits while a slider moves."""
    from evidence.inference.exact import ExactEngine

    return ExactEngine(**QUICK) if quick else ExactEngine()


QUICK: dict[str, Any] = {"round_size": 1024, "min_rounds": 1}


def content_of(found: Workspace) -> tuple[str, ...]:
    """What an answer depends on, apart from the question."""
    from evidence.analysis.fitting import VERSION

    return sha256_of(found.base), sha256_of(found.model), VERSION, found.target, str(SEED)


def alone[T](compute: Callable[[], T]) -> T:
    """One computation at a time: the engine uses every core anyway."""
    with _ONE_AT_A_TIME:
        return compute()


def review_of(found: Workspace, settings: tuple[str, ...] = ()) -> Review:
    """The review of the chosen studies, with the reader's belief and how many settings were looked at."""
    asked(found)
    review = _review(content_of(found), found.studies, settings, found.belief, _found=found)
    return review.model_copy(update={"settings_viewed": found.settings_viewed})


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _review(
    content: tuple[str, ...], studies: tuple[str, ...], settings: tuple[str, ...], belief: float | None, *,
    _found: Workspace,
) -> Review:  # fmt: skip
    from evidence.analysis.review import review_study

    whole = _whole(content, settings, _found=_found)
    return alone(lambda: review_study(whole, *studies, belief=belief))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _whole(content: tuple[str, ...], settings: tuple[str, ...], *, _found: Workspace) -> Whole:
    from evidence.analysis.options import READERS, Options
    from evidence.analysis.review import prepare_whole
    from evidence.io.models import load_model
    from evidence.io.shipped import find_model

    readers = {key: load_model(find_model(name)) for key, name in READERS.items()}
    options = Options(target=content[3], settings=settings, seed=SEED, readers=readers)
    return prepare_whole(_found.base, _found.model, engine=engine(), options=options)


def ranking_of(found: Workspace, settings: tuple[str, ...] = ()) -> Fitted:
    """The ranking of all techniques by the whole base, with its fit."""
    return _ranking(content_of(found), settings, _found=found)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _ranking(content: tuple[str, ...], settings: tuple[str, ...], *, _found: Workspace) -> Fitted:
    from evidence.analysis.ranking import fit_ranking

    return alone(
        lambda: fit_ranking(_found.base, _found.model, engine=engine(), target=content[3], settings=settings, seed=SEED)
    )


def live_of(found: Workspace, *, whole: bool) -> Live:
    """One fit that answers while a slider moves: of the chosen studies alone, or of the whole base."""
    pair, findings = asked(found)
    read = None if whole else tuple(f.id for f in findings)
    return _live(content_of(found), (pair.technique, pair.comparator), read, _found=found)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _live(
    content: tuple[str, ...], pair: tuple[str, str], findings: tuple[str, ...] | None, *, _found: Workspace
) -> Live:
    from evidence.analysis.fitting import narrowed_base
    from evidence.analysis.live import prepare_live

    base = _found.base if findings is None else narrowed_base(_found.base, set(findings))
    return alone(
        lambda: prepare_live(
            base, _found.model, engine=engine(), quick=engine(quick=True), target=content[3], seed=SEED,
            pair=pair,
        )
    )  # fmt: skip


def case_of(found: Workspace) -> Case:
    """The base under the model, without a fit: what the priors alone say. Raises BadInput for what cannot be used."""
    from evidence.analysis.fitting import prepare_case

    return prepare_case(found.base, found.model, target=found.target, settings=(), seed=SEED)


def sliders_for(live: Live) -> tuple[Slider, ...]:
    """The assumptions that can be moved under one fit."""
    from evidence.analysis.sliders import sliders_of

    return sliders_of(live.case)
