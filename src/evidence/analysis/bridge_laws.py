"""Laws of the hyperparameters learned hierarchically over bridges (docs/model.md, section 8).

Every bridge is fitted, its outcomes as findings at its targets, under laws by hand; the laws of
all bridges are then one small problem (`inference/pooling.py`), and bridges are fitted anew under the laws found until
these stay (Monte Carlo EM). The same again without each group of bridges.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, prepare_case
from evidence.analysis.known_outcomes import with_outcomes
from evidence.analysis.learned_models import laws_of, model_of, shape_of
from evidence.analysis.options import Map, Progress
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Check
from evidence.inference.checks import K_HAT_LIMIT, effective_sample_size, pareto_k
from evidence.inference.engine import Engine, Posterior
from evidence.inference.pooling import SCALES, BridgeDraws, LearnedLaws, Shape, laws_at, learn_laws

type Floats = NDArray[np.float64]

MAX_TURNS = 30
SETTLED = 0.1
"""Prior standard deviations that no law may have moved by in the last turn."""
ESS_SHARE, SMALLEST_STEP = 0.25, 0.02
"""Share of a bridge's draws that must stay effective under new laws; where even this much of a step costs more, it is
taken all the same, and the checks tell."""
DRAWS = 4096
"""Draws of a bridge that are kept, equally weighted."""
LEAST_ESS = 100
CALIBRATION_MCSE = 0.005
"""Error of P(A > B) that is enough here: the laws ask for averages over hyperparameters."""


@dataclass(frozen=True)
class Fitted:
    """One bridge fitted with its outcomes in view."""

    base: EvidenceBase
    case: Case
    posterior: Posterior
    draws: BridgeDraws


@dataclass(frozen=True)
class Found:
    """Laws learned on some bridges, and the last fits of all, most of them under nearly these laws."""

    laws: LearnedLaws
    fitted: tuple[Fitted, ...]
    include: tuple[bool, ...]
    """Which bridges the laws were learned on."""
    moved: float
    """How far the last turn moved any law, in prior standard deviations."""


@dataclass(frozen=True)
class Pooled:
    """The laws learned on all bridges, and on all but each group."""

    shape: Shape
    start: Model
    mean: Floats
    sd: Floats
    all: Found
    without: Mapping[str, Found]
    hold: tuple[str, ...]
    """Scales that stay as they are by hand."""


def pool_bridges(
    bridges: Sequence[EvidenceBase], start: Model, *, engine: Engine, seed: int, hold: Collection[str] = (),
    progress: Progress | None = None, over: Map = map,
) -> Pooled:  # fmt: skip
    """Laws learned over `bridges`, from those of `start`, which are by hand; scales of `hold` stay as they are.

    `over` runs the fits of one turn, in order or side by side.
    Raises BadInput for a bad bridge.
    """
    shape, (mean, sd) = shape_of(start), laws_of(start, hold)
    search = _Search(tuple(bridges), start, shape, mean, sd, engine, seed, progress, over)
    groups = groups_of(bridges)
    everything = search.run("all", [True] * len(bridges), None)
    without = {
        group: search.run(f"without {group}", [g != group for g in groups], everything)
        for group in dict.fromkeys(groups)
    }
    return Pooled(shape, start, mean, sd, everything, without, tuple(hold))


@dataclass(frozen=True)
class _Search:
    """Fits of all bridges under some laws and better laws from these fits, in turns."""

    bridges: tuple[EvidenceBase, ...]
    start: Model
    shape: Shape
    mean: Floats
    sd: Floats
    engine: Engine
    seed: int
    progress: Progress | None
    over: Map

    def run(self, label: str, include: list[bool], start: Found | None) -> Found:
        """Laws given the bridges of `include`, and the last fits; from those of `start`, if given.

        A step is cut back to where every bridge's draws still carry it: far from where they were made, importance
        weights find laws that suit single draws.
        """
        found, fitted = (None, []) if start is None else (start.laws, list(start.fitted))
        phi, moved = (self.mean if found is None else found.phi), np.inf
        for turn in range(MAX_TURNS):
            # Fits handed in were made one step before their laws: good enough for a first step, and made anew after it.
            if turn or start is None:
                fitted = self._fits(label, turn, phi, include, fitted)
            draws = [f.draws for f in fitted]
            near = None if found is None else found.phi
            whole = learn_laws(draws, phi, self.shape, self.mean, self.sd, include=include, near=near)
            found = self._cut_back(whole, phi, draws, include)
            # A step that was cut back wanted to go further: nothing has settled.
            moved = float(np.max(np.abs(whole.phi - phi) / self.sd))
            phi = found.phi
            if turn and found is whole and moved < SETTLED:
                break
        if found is None:
            raise ValueError(f"turns: found {MAX_TURNS}, wanted at least 1")
        return Found(found, tuple(fitted), tuple(include), moved)

    def _fits(self, label: str, turn: int, phi: Floats, include: list[bool], before: list[Fitted]) -> list[Fitted]:
        model, found = model_of(phi[None, :], self.shape, self.start), list[Fitted]()
        asked = [
            _ToFit(base, model, before[i].posterior if before else None, self.shape, self.engine, self.seed)
            for i, base in enumerate(self.bridges) if include[i] or not before
        ]  # fmt: skip
        fits = iter(self.over(_fit_bridge, asked))
        for i in range(len(self.bridges)):
            if self.progress is not None:
                self.progress(f"calibrating, {label}", turn * len(self.bridges) + i, MAX_TURNS * len(self.bridges))
            found.append(next(fits) if include[i] or not before else before[i])
        return found

    def _cut_back(self, found: LearnedLaws, phi: Floats, draws: list[BridgeDraws], include: list[bool]) -> LearnedLaws:
        """The laws, or as far towards them as ESS_SHARE of every bridge's draws last."""
        laws, share = found, 1.0
        while min(_ess_share(w) for w, on in zip(laws.log_weights, include, strict=True) if on) < ESS_SHARE:
            share *= 0.6
            if share < SMALLEST_STEP:
                break
            laws = laws_at(phi + share * (found.phi - phi), draws, phi, self.shape, found.cov)
        return laws


@dataclass(frozen=True)
class _ToFit:
    """One bridge, and all that its fit depends on."""

    base: EvidenceBase
    model: Model
    start: Posterior | None
    shape: Shape
    engine: Engine
    seed: int


def _fit_bridge(asked: _ToFit) -> Fitted:
    base, engine, seed = asked.base, asked.engine, asked.seed
    seen = with_outcomes(base, {t.id for t in base.question.targets})
    case = prepare_case(seen, asked.model, target=None, settings=(), seed=seed, engine=engine.name)
    posterior = engine.fit(
        case.design, case.hyper, case.everything, seed=seed, mcse_limit=CALIBRATION_MCSE, start=asked.start
    )
    kept = replace(posterior.resampled(DRAWS), checks=posterior.checks)
    return Fitted(base, case, kept, _draws_of(case, kept, asked.shape))


def _ess_share(log_weights: Floats) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return effective_sample_size(weights / weights.sum()) / len(weights)


def groups_of(bridges: Sequence[EvidenceBase]) -> list[str]:
    """The group of each bridge, by the name of its first: bridges that share a study see each other's figures."""
    groups: list[str] = []
    for i, base in enumerate(bridges):
        own = {s.id for s in base.studies}
        shared = [j for j in range(i) if own & {s.id for s in bridges[j].studies}]
        groups.append(groups[shared[0]] if shared else base.question.id)
        for j in shared[1:]:
            groups = [groups[i] if g == groups[j] else g for g in groups]
    return groups


def _draws_of(case: Case, posterior: Posterior, shape: Shape) -> BridgeDraws:
    """The hyperparameters whose laws are learned, those in use on this bridge."""
    hyper = case.hyper
    kinds = [name.split("[", maxsplit=1)[0] for name in hyper.names]
    used = np.flatnonzero(hyper.active).tolist()
    scaled = [k for k in used if kinds[k] in SCALES]
    # A family with a stated validity or an irrelevance of its own does not follow its class and teaches nothing of it.
    own = [hyper.stated[i] or case.base.family(f).irrelevance is not None for i, f in enumerate(hyper.families)]
    families = [i for i in range(len(own)) if hyper.active[hyper.slots["l"] + i] and not own[i]]
    classes = [case.base.family(hyper.families[i]).validity_class for i in families]
    values = posterior.hyper
    return BridgeDraws(
        scaled=values[:, scaled],
        law=np.array([SCALES.index(kinds[k]) for k in scaled], dtype=np.int64),
        relevance=values[:, [hyper.slots["l"] + i for i in families]],
        class_of_family=np.array([shape.classes.index(c) for c in classes], dtype=np.int64),
        construct=values[:, [k for k in used if kinds[k] == "v"]],
    )


def checks_of(fitted: Fitted, log_weights: Floats) -> tuple[float, dict[str, Check]]:
    """Effective draws under the learned laws, and the checks of the fit beside those of the new weights."""
    # What is left of the fit's own effective draws, of which equally weighted ones were taken.
    ess = _ess_share(log_weights) * min(fitted.posterior.checks["ess"].value, DRAWS)
    k_hat = float(np.clip(pareto_k(log_weights), -10.0, 99.0))
    checks = {
        **fitted.posterior.checks,
        "k_hat_of_laws": Check(value=k_hat, ok=k_hat < K_HAT_LIMIT, wanted="< 0.7"),
        "ess_of_laws": Check(value=ess, ok=ess >= LEAST_ESS, wanted=f">= {LEAST_ESS}"),
    }
    return ess, checks


def checks_of_laws(found: Found) -> dict[str, Check]:
    """The checks of laws and of every fit they were learned on: the worst of each kind, and that they have settled."""
    worst = {"laws_moved": Check(value=found.moved, ok=found.moved < SETTLED, wanted=f"< {SETTLED}")}
    for fitted, log_weights, on in zip(found.fitted, found.laws.log_weights, found.include, strict=True):
        for name, check in checks_of(fitted, log_weights)[1].items() if on else ():
            # The checks of one kind all want less of something, or all more.
            is_worse = name not in worst or (check.value < worst[name].value) is check.wanted.startswith(">")
            worst = {**worst, name: check} if is_worse else worst
    return worst
