"""Many reviews, and the values of many proposals, through any `map`: each item alone says all that it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evidence.analysis.kept import Kept
from evidence.analysis.options import Map, Options
from evidence.analysis.review import Whole, prepare_whole, review_study
from evidence.analysis.value import Asking, Believed, believe, value_of
from evidence.domain.canonical import sha256_of
from evidence.domain.proposals import Proposal
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Review
from evidence.domain.value import Value
from evidence.inference.engine import Engine

_WHOLE: Kept[Whole] = Kept()
_BELIEVED: Kept[Believed] = Kept()


@dataclass(frozen=True)
class Studied:
    """One study of a base, to be reviewed."""

    base: EvidenceBase
    model: Model
    study: str
    engine: Engine
    options: Options


@dataclass(frozen=True)
class Proposed:
    """One proposal, to be valued."""

    proposal: Proposal
    base: EvidenceBase
    model: Model
    asking: Asking


def review_each(asked: Sequence[Studied], over: Map) -> Iterable[Review]:
    """The review of each study, in order. Raises BadInput, before any work, for a base that cannot be used."""
    for item in {id(a.base): a for a in asked}.values():
        prepare_whole(item.base, item.model, engine=item.engine, options=item.options)
    return over(_review, [replace(a, options=replace(a.options, progress=None)) for a in asked])


def value_each(asked: Sequence[Proposed], over: Map) -> Iterable[Value]:
    """The value of each proposal alone, in order. Raises BadInput for what a base cannot hold."""
    return over(_value, [replace(a, asking=replace(a.asking, progress=None)) for a in asked])


def _review(asked: Studied) -> Review:
    options = asked.options
    readers = tuple((name, sha256_of(model)) for name, model in sorted(options.readers.items()))
    key = (sha256_of(asked.base), sha256_of(asked.model), readers, asked.engine.name, replace(options, readers={}))
    whole = _WHOLE.get(repr(key), lambda: prepare_whole(asked.base, asked.model, engine=asked.engine, options=options))
    return review_study(whole, asked.study)


def _value(asked: Proposed) -> Value:
    proposal, asking = asked.proposal, asked.asking
    key = (sha256_of(asked.base), sha256_of(asked.model), proposal.target, asking.engine.name, asking.seed)
    believed = _BELIEVED.get(key, lambda: believe(proposal, asked.base, asked.model, asking))
    return value_of(proposal, asked.base, asked.model, asking, believed)
