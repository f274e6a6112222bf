"""Questions of the Python API: what the commands of the same names answer, as records."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from evidence.analysis.options import READERS
from evidence.api.opening import BaseLike, ModelLike, bridge_of, model_of, pair_of
from evidence.api.shown import Backtest, Fit, Ranking, Review, Sweep
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model

if TYPE_CHECKING:
    from evidence.analysis.options import Options
    from evidence.inference.engine import Engine

type Changes = Mapping[str, float | str]
"""Changed assumptions: the keys and values of `--set`, such as {"prior.tau": 0.5, "validity.FAMILY": ".2...6"}."""
type EngineName = Literal["exact", "sampled"]


def fit(
    base: BaseLike, model: ModelLike = "default", *, target: str | None = None, changes: Changes | None = None,
    engine: EngineName = "exact", seed: int = 1,
) -> Fit:  # fmt: skip
    """The ranking of techniques with the fit behind it, for ArviZ and xarray.

    `target` is an id, "scenarios" or None for the primary one. Raises BadInput for what cannot be used.
    """
    found, read = pair_of(base, model)
    using = _engine(engine)
    from evidence.analysis.ranking import fit_ranking

    fitted = fit_ranking(found, read, engine=using, target=target, settings=_settings(changes), seed=seed)
    return Fit(Ranking.of(fitted.ranking), fitted)


def rank(
    base: BaseLike, model: ModelLike = "default", *, target: str | None = None, changes: Changes | None = None,
    engine: EngineName = "exact", seed: int = 1,
) -> Ranking:  # fmt: skip
    """The ranking of techniques at the target, as `evidence rank` gives it. Raises BadInput for what cannot be used."""
    return fit(base, model, target=target, changes=changes, engine=engine, seed=seed).ranking


def review(
    base: BaseLike, *studies: str, model: ModelLike = "default", finding: str | None = None,
    belief: float | None = None, target: str | None = None, changes: Changes | None = None, seed: int = 1,
) -> Review:  # fmt: skip
    """What a study warrants, or several read together, or one finding of a study.

    A paper's TOML file needs no study: it is its own. `belief` is the reader's P(technique above comparator) after
    reading, 0..1. Raises BadInput for what cannot be used.
    """
    found, read = pair_of(base, model)
    options = _options(target, changes, seed, belief)
    if not studies and not (isinstance(base, str | PathLike) and str(base).endswith(".toml")):
        raise _bad("studies", "none", f"one or more of {', '.join(s.id for s in found.studies)}")
    asked = studies or (found.studies[-1].id,)
    from evidence.analysis.review import prepare_whole, review_study

    whole = prepare_whole(found, read, engine=_engine("exact"), options=options)
    return Review.of(review_study(whole, *asked, finding=finding))


def review_all(
    base: BaseLike, model: ModelLike = "default", *, target: str | None = None, changes: Changes | None = None,
    seed: int = 1,
) -> dict[str, Review]:  # fmt: skip
    """A review of every study that has a finding, by id; the rest of the base is fitted once for all."""
    found, read = pair_of(base, model)
    options = _options(target, changes, seed, None)
    from evidence.analysis.review import prepare_whole, review_study

    whole = prepare_whole(found, read, engine=_engine("exact"), options=options)
    spoken = [study.id for study in found.studies if found.findings_of(study.id)]
    return {study: Review.of(review_study(whole, study)) for study in spoken}


def quick(
    claim: str, validity_class: str, *, lower_is_better: bool = False, q: float | None = None,
    model: ModelLike = "default", belief: float | None = None, changes: Changes | None = None, seed: int = 1,
) -> Review:  # fmt: skip
    """What one typed claim warrants, such as "A 12/100 vs B 31/100"; `q` is the reliability of a bare order "A > B".

    Raises BadInput, with examples, for a claim that cannot be read.
    """
    from evidence.domain.quick import base_of_claim
    from evidence.io.quick import parse_quick

    typed = parse_quick(claim, validity_class, lower_is_better, q=q)
    _, read = pair_of(base_of_claim(typed), model)
    options = _options(None, changes, seed, belief)
    from evidence.analysis.review import review_quick

    return Review.of(review_quick(typed, read, engine=_engine("exact"), options=options))


def what_if(
    base: BaseLike, key: str, span: tuple[float, float, float], *, model: ModelLike = "default",
    flip: float | None = None, pair: tuple[str, str] | None = None, target: str | None = None,
    changes: Changes | None = None, seed: int = 1,
) -> Sweep:  # fmt: skip
    """P(technique above comparator) while the assumption `key` moves over `span` = (lo, hi, step).

    `flip` is a P (0..1) whose crossing is asked for. Default pair: the first headline. Raises BadInput as `--sweep` does.
    """
    found, read = pair_of(base, model)
    options = _options(target, changes, seed, None)
    if flip is not None:
        _require_probability("flip", flip)
    from evidence.analysis.options import SweepRequest
    from evidence.analysis.whatif import sweep_setting

    asked = SweepRequest(key, *span, flip)
    return Sweep.of(sweep_setting(found, read, engine=_engine("exact"), options=options, sweep=asked, pair=pair))


def backtest(
    *bridges: BaseLike, model: ModelLike | None = None, targets: tuple[str, ...] = (), siblings_visible: bool = False,
    seed: int = 1,
) -> Backtest:  # fmt: skip
    """Readers on bridges whose outcomes are hidden from them.

    Default model of a bridge: one that has not seen it (models/without), where there is one. Raises BadInput for a base
    whose targets are not known, for a target no bridge has, and for the same bridge twice.
    """
    from evidence.analysis.backtest import Read
    from evidence.analysis.backtest import backtest as run

    read = [bridge_of(bridge) for bridge in bridges]
    _require_bridges(read, targets)
    reads = [Read(*pair_of(base, _unseeing(base) if model is None else model), targets) for base in read]
    found = run(
        reads, face_value=model_of(READERS["face_value"]), random_effects=model_of(READERS["random_effects"]),
        engine=_engine("exact"), seed=seed, siblings_visible=siblings_visible,
    )  # fmt: skip
    return Backtest.of(found)


def _require_bridges(bridges: list[EvidenceBase], targets: tuple[str, ...]) -> None:
    names = [base.question.id for base in bridges]
    if not names or len(set(names)) < len(names):
        raise _bad("bridges", ", ".join(names) or "none", "at least one bridge, each once")
    known = sorted({target.id for base in bridges for target in base.question.targets})
    for target in targets:
        if target not in known:
            raise _bad("targets", repr(target), f"one of {', '.join(known)}")


def _unseeing(bridge: EvidenceBase) -> Model:
    from evidence.io.shipped import find_model_without

    path = find_model_without(bridge.question.id)
    return model_of("default" if path is None else path)


def _engine(name: str) -> Engine:
    """The engine; importing it loads JAX, so this comes after every check of the input."""
    if name == "exact":
        from evidence.inference.exact import ExactEngine

        return ExactEngine()
    if name == "sampled":
        from evidence.inference.sampled import SampledEngine

        return SampledEngine()
    raise _bad("engine", repr(name), "exact or sampled")


def _options(target: str | None, changes: Changes | None, seed: int, belief: float | None) -> Options:
    if belief is not None:
        _require_probability("belief", belief)
    from evidence.analysis.options import Options

    readers = {name: model_of(file) for name, file in READERS.items()}
    return Options(target=target, settings=_settings(changes), seed=seed, belief=belief, readers=readers)


def _settings(changes: Changes | None) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in (changes or {}).items())


def _require_probability(name: str, value: Any) -> None:
    if not (isinstance(value, int | float) and 0 < value < 1):
        raise _bad(name, repr(value), "a probability above 0 and below 1")


def _bad(name: str, found: str, wanted: str) -> BadInput:
    return BadInput((Problem(name, None, "", found, wanted),))
