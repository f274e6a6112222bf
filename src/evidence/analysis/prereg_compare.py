"""`evidence prereg compare`: the crux of a disagreement about the ranking, and what evidence would move both.

Groups of assumptions are swapped between the two. A mixed belief is the draws of one of them weighted anew, and draws
of its own where that tells too little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.draws import draw_merits
from evidence.analysis.fitting import SCENARIOS, Case, build_case, case_scenarios, fit_scenarios
from evidence.analysis.options import Progress
from evidence.analysis.prereg_bridging import bridging_studies
from evidence.analysis.prereg_groups import Group, find_groups, mixed, sides_of
from evidence.analysis.reweighting import move_draws, unmoved
from evidence.domain.disagreement import Disagreement, GroupShare
from evidence.domain.registration import Registration
from evidence.domain.results import Check
from evidence.inference.checks import K_HAT_LIMIT, pareto_k
from evidence.inference.engine import Engine, Posterior, mixture_of, pair_moments
from evidence.model.apart import design_apart
from evidence.model.changes import Changed
from evidence.model.hyper import Hyper, build_hyper
from evidence.model.pools import Coalition, shapley_values
from evidence.model.ranks import rank_distribution

type Floats = NDArray[np.float64]

MERIT_DRAWS = 20_000
DRAWS = 4096
"""Draws of a fit that are weighted anew."""
MIXED_MCSE = 0.005
"""Largest error of P(A > B) of a mixed belief."""
ORDERS = 20
"""Orders (and their reverses) drawn where there are too many groups for all."""


@dataclass(frozen=True)
class _View:
    """Who is first and P(A > B), over the scenarios by weight."""

    first: Floats
    above: Floats
    mcse: float
    """Largest standard error of any P(A > B)."""


@dataclass
class _Mixer:
    """Mixed beliefs of two registrations, each looked at once."""

    a: Changed
    b: Changed
    names: list[str]
    techniques: tuple[str, ...]
    engine: Engine
    seed: int
    fitted: dict[str, tuple[Case, list[Posterior]]] = field(default_factory=dict[str, tuple[Case, list[Posterior]]])
    views: dict[Coalition, _View] = field(default_factory=dict[Coalition, _View])
    refits: int = 0

    def view(self, from_b: Coalition) -> _View:
        """The belief of a with the groups at these positions taken from b."""
        if from_b not in self.views:
            case = _case_of(mixed(self.a, self.b, {self.names[i] for i in from_b}), self.seed, self.engine)
            found = self._reweighted(case, from_b)
            if found is None:
                self.refits += 1
                start = self.fitted["a"][1][0]
                alike = start.coordinates.shape[1] == len(case.hyper.names) + case.design.n_latents
                found = fit_scenarios(
                    case, self.engine, seed=self.seed, start=start if alike else None, mcse_limit=MIXED_MCSE
                )
            self.views[from_b] = self._seen(case, found)
        return self.views[from_b]

    def fit(self, side: str, changed: Changed, from_b: Coalition) -> dict[str, Check]:
        """One of the two themselves, with its checks."""
        case = _case_of(changed, self.seed, self.engine)
        found = fit_scenarios(case, self.engine, seed=self.seed)
        self.fitted[side] = (case, [p.resampled(min(DRAWS, len(p.weights))) for p in found])
        self.views[from_b] = self._seen(case, found)
        return {f"{side}: {name}": check for p in found for name, check in p.checks.items()}

    def _seen(self, case: Case, found: list[Posterior]) -> _View:
        whole = mixture_of(found, [w for w, _ in case_scenarios(case)])
        index = np.array([whole.techniques.index(t) for t in self.techniques])
        first = rank_distribution(draw_merits(whole, MERIT_DRAWS, seed=1)[:, index])[:, 0]
        n = len(whole.techniques)
        p = np.full((n, n), 0.5)
        upper = np.triu_indices(n, k=1)
        p[upper], mcse = pair_moments(whole)
        p.T[upper] = 1 - p[upper]
        return _View(first, p[np.ix_(index, index)][np.triu_indices(len(index), k=1)], float(mcse.max(initial=0.0)))

    def _reweighted(self, case: Case, from_b: Coalition) -> list[Posterior] | None:
        """The draws of the nearer of the two under the mixed assumptions; None where they tell too little."""
        sides = ("a", "b") if 2 * len(from_b) <= len(self.names) else ("b", "a")
        for side in sides:
            old_case, posteriors = self.fitted[side]
            found: list[Posterior] = []
            for (_, new), (_, old), posterior in zip(
                case_scenarios(case), case_scenarios(old_case), posteriors, strict=True
            ):
                moved = _moved(self.engine, (case, new), (old_case, old), posterior)
                if moved is None:
                    break
                found.append(moved)
            else:
                return found
        return None


def _moved(engine: Engine, new: tuple[Case, Hyper], old: tuple[Case, Hyper], posterior: Posterior) -> Posterior | None:
    """Draws under another prior, by value or by coordinate, whichever can be trusted; None where neither can."""
    (case, hyper), (old_case, old_hyper) = new, old
    if case.design.n_latents != old_case.design.n_latents or hyper.names != old_hyper.names:
        return None
    if (hyper.active & ~old_hyper.active).any():
        return None  # the draws hold nothing of a hyperparameter that was a point
    for moved in (move_draws(old_hyper, hyper, posterior), unmoved(posterior)):
        if moved is None or not np.isfinite(moved.log_ratio).any():
            continue
        asked = engine.evaluate(case.design, hyper, case.everything, moved.coordinates)
        log_weights = np.log(posterior.weights) + moved.log_ratio + asked.log_likelihood - posterior.log_likelihood
        if not np.isfinite(log_weights).any():
            continue
        weights = np.exp(log_weights - np.nanmax(log_weights))
        weights = np.nan_to_num(weights)
        weights /= weights.sum()
        found = replace(asked, weights=weights, checks={})
        if pareto_k(log_weights) < K_HAT_LIMIT and pair_moments(found)[1].max(initial=0.0) <= MIXED_MCSE:
            return found
    return None


def _case_of(changed: Changed, seed: int, engine: Engine) -> Case:
    """The case at all scenarios, on arrays whose shapes no moved gap changes.

    One side's stated validity may go badly with the other's gaps: what the draws leave of it is then what is held.
    """
    case = build_case(changed.base, changed.model, target=SCENARIOS, settings=(), seed=seed, engine=engine.name)
    design = design_apart(case.base)
    hypers = [
        (w, build_hyper(case.base, case.model, design, target=h.target, relevance=changed.relevance))
        for w, h in case_scenarios(case)
    ]
    return replace(case, design=design, hyper=hypers[0][1], scenarios=tuple(hypers), relevance=changed.relevance)


def compare_registrations(
    a: tuple[str, Registration], b: tuple[str, Registration], *, engine: Engine, seed: int = 1,
    progress: Progress | None = None,
) -> Disagreement:  # fmt: skip
    """How far two registrations are apart, the crux, and studies that would bring them together.

    Raises BadInput where they are not about one question, the same techniques and the same scenarios.
    """
    (hash_a, one), (hash_b, other) = a, b
    side_a, side_b = sides_of(one, other)
    groups = find_groups(side_a, side_b)
    mixer = _Mixer(side_a, side_b, [g.name for g in groups], one.question.techniques, engine, seed)
    everything = frozenset(range(len(groups)))
    checks = mixer.fit("a", side_a, frozenset())
    if groups:
        checks |= mixer.fit("b", side_b, everything)
    else:
        mixer.fitted["b"] = mixer.fitted["a"]
    start, end = mixer.view(frozenset()), mixer.view(everything)
    apart = _apart(start, end)
    error = _error(start)
    shares = _shares(mixer, groups, progress) if groups else ()
    crux = shares[0] if shares and apart > error else None
    studies = bridging_studies(mixer.fitted["a"], mixer.fitted["b"], one.question.techniques, engine) if crux else ()
    return Disagreement(
        question=one.question.id, a=hash_a, b=hash_b, authors_a=tuple(x.name for x in one.authors),
        authors_b=tuple(x.name for x in other.authors), first_a=_named(one.question.techniques, start.first),
        first_b=_named(one.question.techniques, end.first), disagreement=apart,
        mean_p_difference=float(np.abs(start.above - end.above).mean()), error=error, groups=shares,
        crux=crux.group if crux else None, crux_share=crux.shapley / apart if crux else None,
        fits=len(mixer.views), refits=mixer.refits, studies=studies, checks=checks,
        ok=all(c.ok for c in checks.values()),
    )  # fmt: skip


def _shares(mixer: _Mixer, groups: tuple[Group, ...], progress: Progress | None) -> tuple[GroupShare, ...]:
    """Each group's part of the way from one belief to the other, most first."""
    everything = frozenset(range(len(groups)))
    start, end = mixer.view(frozenset()), mixer.view(everything)
    whole = _apart(start, end)

    def worth(from_b: Coalition) -> float:
        if progress is not None:
            progress("mixing the two", len(mixer.views), 2 ** len(groups))
        view = mixer.view(from_b)
        # Half of what is left to b's belief, half of what is gone from a's: neither side is the standard.
        return (whole - _apart(view, end) + _apart(view, start)) / 2

    values, errors = shapley_values(len(groups), worth, seed=mixer.seed, orders=ORDERS)
    found: list[GroupShare] = []
    for i, group in enumerate(groups):
        alone, without = mixer.view(frozenset({i})), mixer.view(everything - {i})
        found.append(
            GroupShare(
                group=group.name, a=group.a, b=group.b, shapley=float(values[i]), shapley_se=float(errors[i]),
                alone_from_a=whole - _apart(alone, end), alone_from_b=whole - _apart(start, without),
                pairs_from_a=float(np.abs(start.above - end.above).mean() - np.abs(alone.above - end.above).mean()),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda g: -g.shapley))


def _apart(one: _View, other: _View) -> float:
    """Total variation of who is first."""
    return float(0.5 * np.abs(one.first - other.first).sum())


def _error(view: _View) -> float:
    """Twice the total variation to be expected between two sets of draws of one belief."""
    se = np.hypot(view.mcse, np.sqrt(view.first * (1 - view.first) / MERIT_DRAWS))
    return float(2 * 0.5 * np.sum(se) * math.sqrt(2) * math.sqrt(2 / math.pi))


def _named(techniques: tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(techniques, values.tolist(), strict=True))
