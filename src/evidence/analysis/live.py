"""What-if as fast as a slider: the draws of one fit under another prior, or a short refit (docs/model.md, section 5).

A changed prior needs no new likelihood: the draws are weighted by the ratio of the densities. What no finding speaks
about (tau, w_0, the target's novelty) needs no weights either: it is put in afterwards. Everything else is a refit
that starts from the draws at hand, first to a coarse error that is shown, then to a fine one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, find_ruled_out, fit_case, prepare_case, with_beliefs
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Check
from evidence.inference.checks import K_HAT_LIMIT, pareto_k, weighted_mcse
from evidence.inference.engine import Engine, Evidence, Posterior
from evidence.model.changes import apply_settings
from evidence.model.design import build_design
from evidence.model.hyper import Hyper, build_hyper
from evidence.model.identity import merge_alike_settings
from evidence.model.priors import invert, log_density

type Floats = NDArray[np.float64]

COARSE, FINE = 0.01, 0.005
"""Largest Monte Carlo error of P that a slider shows first, and once it has been refined."""
DRAWS = 4096


@dataclass(frozen=True)
class LiveAnswer:
    """P(technique above comparator at the target) under some settings, with its Monte Carlo error."""

    p: float
    mcse: float
    checks: dict[str, Check]
    refitted: bool
    """False: the draws of the first fit, weighted anew."""

    @property
    def ok(self) -> bool:
        """True if every check passed."""
        return all(check.ok for check in self.checks.values())


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
        self._thinned = posterior.resampled(DRAWS) if len(posterior.weights) > DRAWS else posterior
        self._indices = tuple(posterior.techniques.index(t) for t in pair)

    def move(
        self, settings: tuple[str, ...], *, mask: Floats | None = None, mcse_limit: float = COARSE, seed: int = 1
    ) -> LiveAnswer:
        """The answer under `settings` (`KEY=VALUE`, all that are changed) and with the findings of `mask` (0/1) alone.

        Raises BadInput for settings that cannot be.
        """
        moved = self.moved_case(settings)
        if mask is None or mask.all():
            answer = self._reweighted(moved, mcse_limit)
            if answer is not None and answer.ok:
                return answer
        evidence = moved.everything if mask is None else Evidence(mask=mask)
        return self._refitted(moved, evidence, mcse_limit, seed)

    def moved_case(self, settings: tuple[str, ...]) -> Case:
        """The case under `settings`; its arrays are built anew only where a gap has changed."""
        changed = apply_settings(self.base, self.model, settings)
        base = with_beliefs(changed.base, changed.model)
        merged = merge_alike_settings(base)
        same_shape = changed.base.settings is self.base.settings
        design = replace(self.case.design, base=merged) if same_shape else build_design(merged)
        hyper = build_hyper(merged, changed.model, design, target=self.case.target, relevance=changed.relevance)
        moved = replace(
            self.case, base=merged, model=changed.model, design=design, hyper=hyper, relevance=changed.relevance
        )
        problems = find_ruled_out(moved)
        if problems:
            raise BadInput(problems)
        return moved

    def _reweighted(self, moved: Case, mcse_limit: float) -> LiveAnswer | None:
        """The draws under another prior; None where a likelihood has changed."""
        old, new = self.case.hyper, moved.hyper
        if moved.design.cell_rows.shape != self.case.design.cell_rows.shape or not _same_likelihood(old, new):
            return None
        posterior = self._thinned
        log_ratio = _log_prior_ratio(old, new, posterior)
        if log_ratio is None:
            return None
        log_weights = np.log(posterior.weights) + log_ratio
        weights = np.exp(log_weights - log_weights.max())
        weights /= weights.sum()
        p = self._above(old, new)
        average, mcse = float(weights @ p), float(weighted_mcse(p[:, None], weights)[0])
        moved_at_all = bool(np.ptp(log_ratio) > 0)
        k_hat = pareto_k(log_weights) if moved_at_all else self.posterior.checks["k_hat"].value
        checks = {
            "k_hat": Check(value=float(np.clip(k_hat, -10, 99)), ok=k_hat < K_HAT_LIMIT, wanted="< 0.7"),
            "mcse_p": Check(value=mcse, ok=mcse <= mcse_limit, wanted=f"<= {mcse_limit:g}"),
        }
        return LiveAnswer(average, mcse, checks, refitted=False)

    def _above(self, old: Hyper, new: Hyper) -> Floats:
        """P(above | draw) (M,) with tau and w_0 as `new` has them: tau cancels, w_0 is averaged over."""
        posterior = self._thinned
        if posterior.factors is not None:
            nodes, weights = new.w_0_rule()
            drawn = posterior.hyper[:, old.slots["w_0"], None]
            factors = np.exp(old.novelty * drawn - new.novelty * nodes)
            posterior = replace(posterior, factors=factors, factor_weights=weights)
        return posterior.above(*self._indices)

    def _refitted(self, moved: Case, evidence: Evidence, mcse_limit: float, seed: int) -> LiveAnswer:
        found = self.quick.fit(
            moved.design, moved.hyper, evidence, seed=seed, mcse_limit=mcse_limit, start=self.posterior
        )
        p = found.above(*self._indices)
        average = float(found.weights @ p)
        return LiveAnswer(average, float(weighted_mcse(p[:, None], found.weights)[0]), found.checks, refitted=True)


def prepare_live(
    base: EvidenceBase, model: Model, *, engine: Engine, quick: Engine, pair: tuple[str, str],
    target: str | None = None, settings: tuple[str, ...] = (), seed: int = 1,
) -> Live:  # fmt: skip
    """A fit of the whole base, ready for questions. Raises BadInput for what cannot be used."""
    case = prepare_case(base, model, target=target, settings=settings, seed=seed, engine=engine.name)
    return Live(base, model, case, fit_case(case, engine, seed=seed), pair=pair, quick=quick)


def _same_likelihood(old: Hyper, new: Hyper) -> bool:
    """True if the two differ in priors, and in the novelty that no finding speaks about, alone."""
    same = (old.names, old.scale_link, old.random_effects, old.use_findings, old.use_beliefs, old.target) == (
        new.names, new.scale_link, new.random_effects, new.use_findings, new.use_beliefs, new.target
    )  # fmt: skip
    arrays = (
        "gaps",
        "gap_unknown",
        "target_gaps",
        "other_gaps",
        "other_novelty",
        "v_index",
        "stated",
        "stated_reference",
    )
    same = same and all(np.array_equal(getattr(old, name), getattr(new, name)) for name in arrays)
    return same and (not old.stated.any() or old.novelty == new.novelty)


def _log_prior_ratio(old: Hyper, new: Hyper, posterior: Posterior) -> Floats | None:
    """Log p_new(eta) / p_old(eta) of what the findings speak about (M,); None where one of the two is a point."""
    changed = (old.tables != new.tables).any(axis=(1, 2))
    free = np.zeros_like(changed)
    if posterior.factors is not None:
        free[[old.slots["w_0"], old.slots["tau"]]] = True
        free[old.slots["tau"]] &= not old.scale_link
    of_stated = np.zeros_like(changed)
    of_stated[old.slots["l"] : old.slots["l"] + len(old.stated)] = old.stated
    k = np.flatnonzero(changed & ~free)
    if (of_stated[k] | ~old.active[k] | ~new.active[k]).any():
        return None
    if len(k) == 0:
        return np.zeros(len(posterior.weights))
    xi, values = posterior.coordinates[:, k], posterior.hyper[:, k]
    ratio = log_density(new.tables[k], invert(new.tables[k], values)) - log_density(old.tables[k], xi)
    outside = (values < new.tables[k, 0, 0]) | (values > new.tables[k, -1, 0])
    return np.where(outside, -np.inf, ratio).sum(axis=1)
