"""The exact engine: hyperparameters by adaptive multiple importance sampling, everything else in closed form.

Coordinates are standard normal under the prior. Each round draws from a defensive mixture (20 % prior, 80 % a
Student t adapted to all rounds so far) and every draw is weighted against the mixture of all proposals used.
Coordinates that no finding can speak about are drawn from their prior.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.inference.checks import K_HAT_LIMIT, check_draws, effective_sample_size, pareto_k, weighted_mcse
from evidence.inference.collapsed import Collapsed
from evidence.inference.engine import MCSE_LIMIT, Evidence, Posterior, Progress, pair_moments
from evidence.inference.program import collapse_at
from evidence.inference.proposals import Proposal, Sample, adapt, adapt_near, normalise
from evidence.inference.ridge import ridge_of
from evidence.model.design import Design
from evidence.model.hyper import Hyper
from evidence.model.priors import look_up

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

ROUND = 2048
MAX_REWEIGHTED = 8192
LARGE = 128
"""From this many techniques on, covariances of merits are computed for a part of the draws only."""
COV_MEMORY = 2**31
"""Bytes that the covariances of merits may take then."""
LARGE_ROUND = 256
LARGE_ESS = 200
"""Effective draws before the checks, which cost as much as several rounds, are first made then."""
OUT_OF_RANGE = 9.0
"""Where the likelihood is asked for a draw that weighs nothing: the end of every table."""
LARGE_CELLS = 1500
"""From this many cells on, the first proposal comes from the mode."""


class ExactEngine:
    """Pure JAX, float64. `max_rounds` bounds the work of one fit; `round_size` is what it grows by."""

    name = "exact"

    def __init__(self, *, max_rounds: int = 32, min_rounds: int = 2, round_size: int = ROUND) -> None:
        self.max_rounds = max_rounds
        self.round_size = round_size
        # Checking costs as much as a round, and a tenth more rounds than needed costs less than checking each.
        self.checked_rounds = frozenset(
            n for n in range(min_rounds, max_rounds + 1) if n < 8 or n % 4 == 0 or n == max_rounds
        )

    def fit(
        self,
        design: Design,
        hyper: Hyper,
        evidence: Evidence,
        *,
        seed: int,
        mcse_limit: float = MCSE_LIMIT,
        progress: Progress | None = None,
        start: Posterior | None = None,
    ) -> Posterior:
        """Posterior of the merits given the findings `evidence` switches on, with every check of the engine.

        Raises ValueError when no draw of the prior is possible (stated validities the gaps rule out).
        """
        rng = np.random.default_rng(seed)
        rounds = _Rounds(design, hyper, evidence, spoken_of(design, hyper))
        proposal = _first_proposal(rounds, start, progress)
        found: Posterior | None = None
        for number in range(self.max_rounds):
            if progress is not None:
                progress("integrating over assumptions", number, self.max_rounds)
            rounds.add(proposal, rng, min(self.round_size, LARGE_ROUND) if rounds.is_large else self.round_size)
            is_last = number + 1 == self.max_rounds
            if is_last or (number + 1 in self.checked_rounds and rounds.may_pass()):
                found = rounds.posterior(mcse_limit)
                if found.ok or rounds.is_full:
                    return found
            proposal = rounds.adapted()
        if found is None:
            raise ValueError(f"max_rounds: found {self.max_rounds}, wanted at least 1")
        return found

    def evaluate(self, design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats) -> Posterior:
        """Likelihood and merits at given coordinates (M, K + O), equally weighted and unchecked."""
        out = collapse_at(design, hyper, evidence, coordinates)
        weights = np.full(len(coordinates), 1 / len(coordinates))
        return _to_posterior(design, hyper, coordinates, weights, out)

    def reweight(self, posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence) -> Posterior:
        """The same draws under other evidence or priors; its `k_hat` check says whether that was allowed.

        Only the likelihood changes: coordinates are standard normal under every prior.
        """
        thinned = posterior.resampled(MAX_REWEIGHTED) if len(posterior.weights) > MAX_REWEIGHTED else posterior
        moved = self.evaluate(design, hyper, evidence, thinned.coordinates)
        log_weights = np.log(np.maximum(thinned.weights, 1e-300)) + moved.log_likelihood - thinned.log_likelihood
        weights = normalise(log_weights)
        moved = replace(moved, weights=weights)
        mcse = weighted_mcse(pairwise(moved), weights)
        checks = check_draws(log_weights, moved, mcse=mcse, hyper=hyper, mcse_limit=MCSE_LIMIT)
        return replace(moved, checks=checks)


def spoken_of(design: Design, hyper: Hyper) -> NDArray[np.bool_]:
    """(K,) hyperparameters that vary and that the likelihood knows.

    tau and w_0 speak of the target alone, so nothing measured elsewhere can move them; a finding, a registered merit
    or a stated validity at the target can.
    """
    known = hyper.active.copy()
    at_target = bool(design.target_places) or (hyper.use_beliefs and bool(design.row_merit_sd.any()))
    at_target = at_target or bool(((design.latent_belief != 0) & hyper.use_beliefs).any())
    if hyper.random_effects or at_target:
        return known
    if not hyper.scale_link:
        known[hyper.slots["tau"]] = False
    if not hyper.stated.any():
        known[hyper.slots["w_0"]] = False
    return known


@dataclass
class _Rounds:
    """The rounds of one fit."""

    design: Design
    hyper: Hyper
    evidence: Evidence
    known: NDArray[np.bool_]
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    sample: Sample | None = None
    parts: list[tuple[Floats, Collapsed]] = field(default_factory=list[tuple[Floats, Collapsed]])
    probabilities: list[Floats] = field(default_factory=list[Floats])
    wanted_ess: float = LARGE_ESS
    """Effective draws that a large literature needs before its checks are worth their price."""
    is_full: bool = False
    """True where the covariances' memory, not the number of rounds, limits the error."""

    @property
    def active(self) -> Ints:
        return np.flatnonzero(self.known)

    @property
    def is_large(self) -> bool:
        return len(self.design.techniques) >= LARGE

    def add(self, proposal: Proposal, rng: np.random.Generator, n: int) -> None:
        """Draw, evaluate and weigh `n` more draws."""
        self.proposals.append(proposal)
        n_hyper = len(self.hyper.names)
        xi = np.zeros((n, n_hyper + self.design.n_latents))
        free = np.append(self.hyper.active & ~self.known, np.ones(self.design.n_latents, dtype=bool))
        xi[:, free] = rng.standard_normal((n, int(free.sum())))
        x = proposal.draw(rng, n)
        xi[:, self.active] = np.clip(x, -OUT_OF_RANGE, OUT_OF_RANGE)
        out = collapse_at(self.design, self.hyper, self.evidence, xi, moments=not self.is_large)
        log_likelihood = np.asarray(out.log_likelihood + out.log_prior)
        if self.sample is None:
            self.sample = Sample.first(x, log_likelihood, proposal)
        else:
            self.sample = self.sample.extended(x, log_likelihood, self.proposals)
        self.parts.append((xi, out))
        if self.is_large:
            return
        weights = np.full(n, 1 / n)
        self.probabilities.append(pairwise(_to_posterior(self.design, self.hyper, xi, weights, out)))

    def may_pass(self) -> bool:
        """False where the weights alone show that the checks, which are dear in a large literature, will fail."""
        if not self.is_large or self.sample is None:
            return True
        log_weights = self.sample.log_weights()
        return pareto_k(log_weights) < K_HAT_LIMIT and effective_sample_size(normalise(log_weights)) >= self.wanted_ess

    def adapted(self) -> Proposal:
        """The proposal that all rounds so far suggest."""
        if self.sample is None:
            return Proposal.prior(len(self.active))
        first = self.proposals[0]
        if first.ridge is not None:
            return adapt_near(first, self.sample.x, self.sample.log_weights())
        return adapt(self.sample.x, self.sample.log_weights())

    def posterior(self, mcse_limit: float) -> Posterior:
        """All draws so far, with their checks."""
        if self.sample is None:
            raise ValueError("max_rounds: found 0, wanted at least 1")
        log_weights = self.sample.log_weights()
        xi = np.concatenate([x for x, _ in self.parts])
        out: Any = Collapsed(*(np.concatenate(parts) for parts in zip(*(c for _, c in self.parts), strict=True)))  # type: ignore[arg-type]
        found = _to_posterior(self.design, self.hyper, xi, normalise(log_weights), out)
        kept = self._kept(found) if self.is_large else found
        mcse = (
            pair_moments(kept)[1] if self.is_large else weighted_mcse(np.concatenate(self.probabilities), found.weights)
        )
        checks = check_draws(log_weights, found, mcse=mcse, hyper=self.hyper, mcse_limit=mcse_limit)
        if not self.is_large:
            return replace(found.taken(found.weights > 0), checks=checks)
        self._plan(effective_sample_size(found.weights), float(mcse.max(initial=0.0)) / mcse_limit)
        return kept.checked(checks)

    @property
    def room(self) -> int:
        """Draws whose covariances of merits have room."""
        return max(16, COV_MEMORY // (8 * len(self.design.techniques) ** 2))

    def _plan(self, ess: float, excess: float) -> None:
        """After checks made at `ess` effective draws, with an error `excess` times the limit: when to make them again.

        Past twice `room` more draws only replace kept ones by others as good.
        """
        self.wanted_ess = ess * max(1.2, 1.1 * excess**2)
        self.is_full = excess > 1 and ess >= 2 * self.room

    def _kept(self, found: Posterior) -> Posterior:
        """Equally weighted draws up to repeats, with their moments: twice the effective ones if there is room.

        The squared weights of the kept draws measure both errors, that of the weights and that of keeping a part.
        """
        n = min(self.room, int(2 * effective_sample_size(found.weights)) + 1)
        index, counts = np.unique(found.systematic(n), return_counts=True)
        xi = found.coordinates[index]
        out = collapse_at(self.design, self.hyper, self.evidence, xi)
        return _to_posterior(self.design, self.hyper, xi, counts / n, out)


def _first_proposal(rounds: _Rounds, start: Posterior | None, progress: Progress | None) -> Proposal:
    """What a posterior under similar assumptions suggests; without one the prior, or in a large literature the mode."""
    is_large = rounds.is_large or len(rounds.design.cell_place) > LARGE_CELLS
    ridge = ridge_of(rounds.hyper, rounds.known)
    if start is not None and start.names == rounds.hyper.names:
        found = adapt(start.coordinates[:, rounds.active], np.log(start.weights))
        return found.straightened(ridge.kept(np.zeros(len(ridge.relevances), dtype=bool))) if is_large else found
    if not is_large:
        return Proposal.prior(len(rounds.active))
    from evidence.inference.mode import proposal_at_mode

    found = proposal_at_mode(rounds.design, rounds.hyper, rounds.evidence, rounds.known, progress=progress)
    told = np.zeros(0, dtype=np.int64) if found.ridge is None else found.ridge.relevances
    return found.straightened(ridge.kept(np.isin(ridge.relevances, told)))


def _to_posterior(design: Design, hyper: Hyper, xi: Floats, weights: Floats, out: Any) -> Posterior:
    factors = w_0_factors(design, hyper, xi)
    return Posterior(
        techniques=design.techniques, names=hyper.names, coordinates=xi, hyper=out.hyper, weights=weights,
        log_likelihood=out.log_likelihood + out.log_prior, mean=out.mean, cov=out.cov, rho=out.rho,
        factors=factors[0], factor_weights=factors[1],
    )  # fmt: skip


def w_0_factors(design: Design, hyper: Hyper, xi: Floats) -> tuple[Floats | None, Floats | None]:
    """exp(-w_0 n_g) at each node of a Gauss-Hermite rule over its draw's own, (M, n), and the rule's weights (n,)."""
    k = hyper.slots["w_0"]
    if not hyper.active[k] or spoken_of(design, hyper)[k]:
        return None, None
    nodes, weights = hyper.w_0_rule()
    drawn = look_up(np, hyper.tables[k : k + 1], xi[:, k : k + 1])
    return np.exp(hyper.novelty * (drawn - nodes)), weights


def pairwise(posterior: Posterior) -> Floats:
    """P(merit a > merit b) per draw and pair a < b: (M, T (T - 1) / 2)."""
    return posterior.above(*np.triu_indices(len(posterior.techniques), k=1))
