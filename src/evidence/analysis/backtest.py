"""`evidence backtest`: readers on bridges, whose outcomes are known and hidden from them (docs/model.md, section 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import VERSION, Case, prepare_case
from evidence.analysis.kept import Kept
from evidence.analysis.known_outcomes import with_outcomes
from evidence.analysis.options import Map, Progress
from evidence.analysis.reader_scores import Scored, Truth, build_table, score_reader
from evidence.analysis.readers import DRAWS, Summaries, pairs_of, prior_belief, proxy_readers, summarise, warranted
from evidence.domain.backtest import BacktestTable
from evidence.domain.canonical import sha256_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Check
from evidence.inference.engine import Engine, Posterior
from evidence.model.contrasts import Contrasts
from evidence.model.hyper import build_hyper

type Floats = NDArray[np.float64]

HIDDEN, SIBLINGS_VISIBLE = "hidden", "siblings-visible"


@dataclass(frozen=True)
class Read:
    """A bridge, the model `warranted` reads it with, and the targets asked about (empty: all with outcomes)."""

    base: EvidenceBase
    model: Model
    targets: tuple[str, ...] = ()


def backtest(
    bridges: Sequence[Read], *, face_value: Model, random_effects: Model, engine: Engine, seed: int,
    siblings_visible: bool = False, progress: Progress | None = None, over: Map = map,
) -> BacktestTable:  # fmt: skip
    """Every reader on every target of every bridge, one item of `over` each. Raises BadInput for a bridge that cannot be read."""
    scale = random_effects.priors["tau_het"].scale
    if scale is None:
        raise ValueError(f"tau_het of {random_effects.id}: found no scale, wanted a half-normal law")
    asked = [
        _Hidden(read, target, face_value, scale, engine, seed, siblings_visible)
        for read in bridges for target in targets_of(read)
    ]  # fmt: skip
    if lost := [read.base.question.id for read in bridges if not targets_of(read)]:
        wanted = "targets asked about with two techniques or more that have outcomes and were measured on a proxy"
        raise BadInput([Problem(name, None, "outcomes.csv", "no pair to score", wanted) for name in lost])
    scored: list[Scored] = []
    checks: dict[str, dict[str, Check]] = {}
    found = iter(over(_read_hidden, asked))
    for done, item in enumerate(asked):
        if progress is not None:
            progress("hiding outcomes", done, len(asked))
        of_target, of_fit = next(found)
        scored.append(of_target)
        checks.setdefault(item.read.base.question.id, {}).update(of_fit)
    mode = SIBLINGS_VISIBLE if siblings_visible else HIDDEN
    reads = {r.base.question.id: (r.model.id, sha256_of(r.model), sha256_of(r.base)) for r in bridges}
    return build_table(scored, reads, checks, mode=mode, seed=seed, version=VERSION)


@dataclass(frozen=True)
class _Hidden:
    """One target whose outcomes are hidden, and all that the readers' scores on it depend on."""

    read: Read
    target: str
    face_value: Model
    heterogeneity: float
    engine: Engine
    seed: int
    siblings_visible: bool


def _read_hidden(asked: _Hidden) -> tuple[Scored, dict[str, Check]]:
    """The scores of every reader, and the checks of the fit behind `warranted`."""
    read, target, engine, seed = asked.read, asked.target, asked.engine, asked.seed
    fit = None
    if not asked.siblings_visible:
        key = (sha256_of(read.base), sha256_of(read.model), engine.name, seed)
        fit = _SHARED.get(key, lambda: _shared_fit(read, engine, seed))
    own = asked.siblings_visible
    view = fit.at(target, engine) if fit else _own_fit(read, target, engine, seed, siblings_visible=own)
    checks = {name if fit else f"{name} {target}": c for name, c in view.checks.items()}
    truth = truth_of(read.base, target)
    coin = prior_belief(view.case, engine, truth.techniques, seed)
    summaries = summarise(view.case, engine, asked.face_value, truth.techniques, seed)
    beliefs = {
        "warranted": warranted(view.posterior, truth.techniques),
        "coin": coin,
        **proxy_readers(view.case, summaries, target, coin, heterogeneity=asked.heterogeneity),
    }
    return _scored(read, truth, target, beliefs, summaries), checks


def targets_of(read: Read) -> list[str]:
    """The targets asked about that have outcomes, in order of the base."""
    known = {t.id for t in read.base.question.targets if len(truth_of(read.base, t.id).techniques) > 1}
    return [t.id for t in read.base.question.targets if t.id in known and (not read.targets or t.id in read.targets)]


def truth_of(base: EvidenceBase, target: str) -> Truth:
    """What came out at one target: every pair of the techniques that have an outcome and were measured on a proxy.

    Of a technique no proxy has seen, every reader knows the prior alone: such pairs compare nobody.
    """
    baseline = base.techniques[0].id
    measured = {t for f in base.findings for t in (f.technique, f.comparator)}
    outcomes = [o for o in base.outcomes if o.target == target and o.technique in measured]
    first = [baseline] if baseline in measured else []
    techniques = (*first, *(o.technique for o in outcomes))
    y = np.array([*(0.0 for _ in first), *(o.estimate_smd for o in outcomes)])
    variance = np.array([*(0.0 for _ in first), *(o.se_smd**2 for o in outcomes)])
    is_baseline = np.array([t == baseline for t in techniques], dtype=bool)
    a, b = pairs_of(len(techniques))
    # Contrasts with one baseline sample share its part of the variance, which cancels between them.
    part = next((o.baseline_var_smd or 0.0 for o in outcomes), 0.0)
    shared = np.where(is_baseline[a] | is_baseline[b], 0.0, part)
    return Truth(techniques, y, y[a] - y[b], np.sqrt(np.maximum(variance[a] + variance[b] - 2 * shared, 0.0)))


@dataclass(frozen=True)
class _View:
    """A bridge as `warranted` sees it, asked about one target."""

    case: Case
    posterior: Posterior
    checks: Mapping[str, Check]

    def at(self, target: str, engine: Engine) -> _View:
        """The same draws of the hyperparameters, asked about another target: none of them enters the likelihood."""
        case = self.case
        hyper = build_hyper(case.base, case.model, case.design, target=target, relevance=case.relevance)
        moved = replace(case, hyper=hyper, target=target)
        found = engine.evaluate(case.design, hyper, moved.everything, self.posterior.coordinates)
        return _View(moved, found, self.checks)


_SHARED: Kept[_View | None] = Kept()
"""Fits of whole bridges: the targets of one stand next to each other, wherever they are asked about."""


def _shared_fit(read: Read, engine: Engine, seed: int) -> _View | None:
    """One fit for all targets, as long as nothing that is known or stated at a target moves a hyperparameter."""
    case = prepare_case(read.base, read.model, target=None, settings=(), seed=seed, engine=engine.name)
    if case.hyper.stated.any() or case.design.target_places or read.model.merits or read.model.orders:
        return None
    posterior = engine.fit(case.design, case.hyper, case.everything, seed=seed)
    return _View(case, posterior.resampled(DRAWS), posterior.checks)


def _own_fit(read: Read, target: str, engine: Engine, seed: int, *, siblings_visible: bool) -> _View:
    """A fit for one target alone; the outcomes of the others are findings only where they may be seen."""
    siblings = {o.target for o in read.base.outcomes} - {target}
    base = with_outcomes(read.base, siblings) if siblings_visible else read.base
    case = prepare_case(base, read.model, target=target, settings=(), seed=seed, engine=engine.name)
    posterior = engine.fit(case.design, case.hyper, case.everything, seed=seed)
    return _View(case, posterior.resampled(DRAWS), posterior.checks)


def _scored(read: Read, truth: Truth, target: str, beliefs: Mapping[str, Contrasts], summaries: Summaries) -> Scored:
    outcomes, notes = [o for o in read.base.outcomes if o.target == target], list[str]()
    if any(o.baseline_var_smd is None for o in outcomes):
        notes.append(f"{target}: the baseline's part of the errors is not known; contrasts are scored as independent")
    if unseen := [o.technique for o in outcomes if o.technique not in truth.techniques]:
        notes.append(f"{target}: left out, since no proxy measured them: {', '.join(unseen)}")
    readers = {name: score_reader(belief, truth, is_coin=name == "coin") for name, belief in beliefs.items()}
    return Scored(read.base.question.id, target, truth, readers, summaries, tuple(notes))
