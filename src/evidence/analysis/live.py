"""What-if as fast as a slider: the draws of one fit weighted anew, or a short refit (docs/model.md, section 5).

A changed prior needs no new likelihood: the draws are weighted by the ratio of the densities. Other findings, gaps
and point priors need it at a part of the draws alone, if that part then still tells enough. Everything else is a
refit that starts from the draws at hand, first to a coarse error that is shown, then to a fine one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, find_ruled_out, fit_case, prepare_case, with_beliefs
from evidence.analysis.pilot import ROUNDS, ask_again, features_of
from evidence.analysis.reweighting import Moved, above_under, move_draws, same_likelihood, unmoved
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Check
from evidence.inference.checks import weight_checks, weighted_mcse
from evidence.inference.engine import Engine, Evidence, Posterior
from evidence.model.apart import design_apart, is_apart
from evidence.model.changes import apply_settings
from evidence.model.hyper import Hyper, build_hyper
from evidence.model.identity import merge_alike_settings

type Floats = NDArray[np.float64]

COARSE, FINE = 0.01, 0.005
"""Largest Monte Carlo error of P that a slider shows first, and once it has been refined."""
DRAWS = 4096
"""Draws of the fit that a changed prior weighs anew."""
PROMISING, ESS_LIMIT = 5, 100
"""Effective draws below which a pilot promises nothing, and below which a check fails."""

type Route = Literal["prior", "likelihood", "refit"]


@dataclass(frozen=True)
class LiveAnswer:
    """P(technique above comparator at the target) under some settings, with its Monte Carlo error."""

    p: float
    mcse: float
    checks: dict[str, Check]
    route: Route
    """The draws of the first fit weighted by priors alone, by priors and likelihood, or draws of their own."""

    @property
    def ok(self) -> bool:
        """True if every check passed."""
        return all(check.ok for check in self.checks.values())

    @property
    def refitted(self) -> bool:
        """True where the likelihood had to be asked again, at the draws at hand or at new ones."""
        return self.route != "prior"


class Live:
    """One pair of techniques under one fit, ready for questions of the kind "and if this assumption were another?".

    `quick` is the engine of refits: the same engine with small rounds.
    """

    def __init__(
        self, base: EvidenceBase, model: Model, case: Case, posterior: Posterior, *,
        pair: tuple[str, str], quick: Engine,
    ) -> None:  # fmt: skip
        self.base, self.model, self.case, self.quick = base, model, case, quick
        self.pair = pair
        self.posterior = posterior
        self._draws = _thinned(posterior, DRAWS)
        self._indices = (posterior.techniques.index(pair[0]), posterior.techniques.index(pair[1]))
        self._features = features_of(posterior)

    @property
    def registered_p(self) -> float:
        """P(technique above comparator) with nothing moved."""
        return float(self.posterior.weights @ self.posterior.above(*self._indices))

    def move(
        self, settings: tuple[str, ...], *, mask: Floats | None = None, mcse_limit: float = COARSE, seed: int = 1
    ) -> LiveAnswer:
        """The answer under `settings` (`KEY=VALUE`, all that are changed) and with the findings of `mask` (0/1) alone.

        Raises BadInput for settings that cannot be.
        """
        moved = self.moved_case(settings)
        evidence = moved.everything if mask is None else Evidence(mask=mask)
        if (moved.hyper.active & ~self.case.hyper.active).any():
            # The draws hold nothing of a hyperparameter that was a point, or another family's: nothing to reweight.
            return self._refitted(moved, evidence, None, mcse_limit=mcse_limit, seed=seed)
        answer, start = None, self.posterior
        if evidence.mask.all() and self._is_same_likelihood(moved):
            answer, start = self._by_prior(moved, mcse_limit)
        if answer is None:
            answer, start = self._by_likelihood(moved, evidence, self._draws_under(moved, self.posterior), mcse_limit)
        if (answer is None or not answer.ok) and _is_other_prior(self.case.hyper, moved.hyper):
            # Where the findings know little of a hyperparameter its coordinate is the better thing to keep.
            again, other = self._by_likelihood(moved, evidence, self._draws_as_they_are(moved), mcse_limit)
            start = start if again is None or not again.checks["k_hat"].ok else other
            answer = again
        if answer is not None and answer.ok:
            return answer
        return self._refitted(moved, evidence, start, mcse_limit=mcse_limit, seed=seed)

    def moved_case(self, settings: tuple[str, ...]) -> Case:
        """The case under `settings`; its arrays are built anew only where settings have become one or two."""
        changed = apply_settings(self.base, self.model, settings)
        base = with_beliefs(changed.base, changed.model)
        merged = merge_alike_settings(base)
        stays = changed.base.settings is self.base.settings or (
            is_apart(self.case.design) and _places(merged) == _places(self.case.base)
        )
        design = replace(self.case.design, base=merged) if stays else design_apart(merged)
        hyper = build_hyper(merged, changed.model, design, target=self.case.target, relevance=changed.relevance)
        moved = replace(
            self.case, base=merged, model=changed.model, design=design, hyper=hyper, relevance=changed.relevance
        )
        problems = find_ruled_out(moved)
        if problems:
            raise BadInput(problems)
        return moved

    def _is_same_likelihood(self, moved: Case) -> bool:
        return moved.design.cell_rows is self.case.design.cell_rows and same_likelihood(self.case.hyper, moved.hyper)

    def _by_prior(self, moved: Case, mcse_limit: float) -> tuple[LiveAnswer | None, Posterior]:
        """The draws weighted by the ratio of the priors, a part of them if that tells enough; and a refit's start."""
        answer, start = None, self.posterior
        for posterior in (self._draws, self.posterior):
            draws = self._draws_under(moved, posterior)
            if draws is None:
                continue
            if not draws.is_exact:
                return None, self.posterior
            start = _under(draws, posterior)
            small, pair = _narrowed(posterior, self._indices)
            p = above_under(draws, self.case.hyper, moved.hyper, small, pair)
            answer = _answer(p, np.log(posterior.weights) + draws.log_ratio, mcse_limit, "prior")
            if np.ptp(draws.log_ratio) == 0:
                answer = replace(answer, checks={**answer.checks, "k_hat": self.posterior.checks["k_hat"]})
            if answer.ok:
                break
        return answer, start

    def _by_likelihood(
        self, moved: Case, evidence: Evidence, draws: Moved | None, mcse_limit: float
    ) -> tuple[LiveAnswer | None, Posterior]:
        """A part of the draws weighted by the ratio of the likelihoods too, and what a refit had better start from."""
        if draws is None:
            return None, self.posterior
        start, answer = _under(draws, self.posterior), None

        def evaluate(coordinates: Floats) -> Posterior:
            return self.quick.evaluate(moved.design, moved.hyper, evidence, coordinates)

        for number, (found, log_weights) in enumerate(ask_again(start, self._features, evaluate), start=1):
            if not np.isfinite(log_weights).any():
                return None, start
            answer = _answer(found.above(*self._indices), log_weights, mcse_limit, "likelihood")
            if answer.ok or not _more_would_do(answer, number, mcse_limit):
                asked = replace(found, weights=_normalised(log_weights), checks={})
                return answer, asked.taken(asked.weights > 0) if answer.checks["k_hat"].ok else start
        return answer, start

    def _draws_under(self, moved: Case, posterior: Posterior) -> Moved | None:
        """The draws at hand under another prior; None where none of them is possible, or they have another shape."""
        if moved.design.n_latents != self.case.design.n_latents:
            return None
        found = move_draws(self.case.hyper, moved.hyper, posterior)
        return found if found is not None and np.isfinite(found.log_ratio).any() else None

    def _draws_as_they_are(self, moved: Case) -> Moved | None:
        """The draws with their coordinates, standard normal under any prior, so that values move with it."""
        if moved.design.n_latents != self.case.design.n_latents or moved.hyper.names != self.case.hyper.names:
            return None
        return unmoved(self.posterior)

    def _refitted(
        self, moved: Case, evidence: Evidence, start: Posterior | None, *, mcse_limit: float, seed: int
    ) -> LiveAnswer:
        start = None if start is None else start.taken(start.weights > 0)
        found = self.quick.fit(moved.design, moved.hyper, evidence, seed=seed, mcse_limit=mcse_limit, start=start)
        p = found.above(*self._indices)
        average = float(found.weights @ p)
        return LiveAnswer(average, float(weighted_mcse(p[:, None], found.weights)[0]), found.checks, "refit")


def prepare_live(
    base: EvidenceBase, model: Model, *, engine: Engine, quick: Engine, pair: tuple[str, str],
    target: str | None = None, settings: tuple[str, ...] = (), seed: int = 1,
) -> Live:  # fmt: skip
    """A fit of the whole base, ready for questions. Raises BadInput for what cannot be used."""
    case = prepare_case(base, model, target=target, settings=settings, seed=seed, engine=engine.name)
    case = replace(case, design=design_apart(case.base))
    return Live(base, model, case, fit_case(case, engine, seed=seed), pair=pair, quick=quick)


def _answer(p: Floats, log_weights: Floats, mcse_limit: float, route: Route) -> LiveAnswer:
    """The weighted mean of `p` (M,) with its checks; each draw stands once, so that the weights measure the error."""
    weights = _normalised(log_weights)
    mcse = weighted_mcse(p[:, None], weights)
    checks = weight_checks(log_weights, weights, mcse=mcse, mcse_limit=mcse_limit)
    return LiveAnswer(float(weights @ p), float(mcse[0]), checks, route)


def _more_would_do(answer: LiveAnswer, number: int, mcse_limit: float) -> bool:
    """True if one more round than `number` may be enough: errors fall at best with the root of the draws asked."""
    ess = float(answer.checks["ess"].value or 0.0)
    if number == 1:  # the pilot's draws were not chosen for what they now weigh: the next ones tell far more
        return ess >= PROMISING
    gain = sum(ROUNDS[: number + 1]) / sum(ROUNDS[:number])
    return gain > 1 and answer.mcse**2 < gain * mcse_limit**2 and gain * ess >= ESS_LIMIT


def _is_other_prior(old: Hyper, new: Hyper) -> bool:
    return not (np.array_equal(old.tables, new.tables) and np.array_equal(old.stated, new.stated))


def _under(draws: Moved, posterior: Posterior) -> Posterior:
    """The posterior's likelihoods at the draws' coordinates, weighted by the new prior."""
    weights = _normalised(np.log(posterior.weights) + draws.log_ratio)
    return replace(posterior, coordinates=draws.coordinates, weights=weights)


def _thinned(posterior: Posterior, n: int) -> Posterior:
    """At most `n` draws that stand for all, weighted by how often each was taken."""
    if len(posterior.weights) <= n:
        return posterior
    index, counts = np.unique(posterior.systematic(n), return_counts=True)
    return replace(posterior.taken(index), weights=counts / n)


def _narrowed(posterior: Posterior, pair: tuple[int, int]) -> tuple[Posterior, tuple[int, int]]:
    """The posterior of the baseline and a pair alone, and where the pair stands in it."""
    kept = np.unique([0, *pair])
    small = replace(
        posterior, techniques=tuple(posterior.techniques[i] for i in kept), mean=posterior.mean[:, kept],
        cov=posterior.cov[:, kept[:, None], kept],
    )  # fmt: skip
    first, second = np.searchsorted(kept, pair)
    return small, (int(first), int(second))


def _places(base: EvidenceBase) -> tuple[list[str], list[str]]:
    """Settings, and that of each finding."""
    return [s.id for s in base.settings], [f.setting for f in base.findings]


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()
