"""The exact engine: hyperparameters by adaptive multiple importance sampling, everything else in closed form.

Coordinates are standard normal under the prior. Each round draws from a defensive mixture (20 % prior, 80 % a
Student t adapted to all rounds so far) and every draw is weighted against the mixture of all proposals used
(deterministic-mixture weights), so that no early round is wasted and none can spoil the estimate.
"""

# pyright: reportArgumentType=false
# `Collapsed` is typed as JAX arrays and holds numpy ones once it has left the device.

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax

from evidence.domain.results import Check
from evidence.inference.checks import (
    check_draws,
    effective_sample_size,
    pairwise_probabilities,
)
from evidence.inference.collapsed import Collapsed, Kinds, collapse
from evidence.inference.engine import MCSE_LIMIT, Evidence, Posterior, Progress
from evidence.model.design import Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]

ROUND = 2048
BLOCK = 1024
"""Draws of one call of the compiled program."""
CHUNK = 64
_THREADS = ThreadPoolExecutor(os.cpu_count())
_COMPILED: set[tuple[tuple[int, ...], ...]] = set()
FREEDOM = 7.0
PRIOR_SHARE = 0.2
MAX_REWEIGHTED = 8192


@functools.partial(jax.jit, static_argnames="kinds")
def _collapse_all(data: dict[str, Any], xi: Floats, kinds: Kinds) -> Collapsed:
    return jax.lax.map(functools.partial(collapse, data, kinds), xi, batch_size=CHUNK)


def to_data(design: Design, hyper: Hyper, evidence: Evidence) -> dict[str, Any]:
    """Everything the collapsed likelihood reads, as one pytree of arrays: shapes depend on the base alone."""
    mask = evidence.mask if hyper.use_findings else np.zeros_like(evidence.mask)
    on = mask > 0
    groups_on = (design.group_findings & on).any(axis=1)
    finding = design.row_finding
    finding_on = on[finding] if len(on) else np.zeros(len(finding), dtype=bool)
    group_on = groups_on[design.row_group] if len(groups_on) else np.zeros(len(finding), dtype=bool)
    row_active = np.where(finding >= 0, finding_on, group_on).astype(float)
    row_active[-1] = 0.0
    n_settings, n_groups = len(design.settings), len(design.group_precision)
    n_columns = design.row_shared.shape[1]
    columns = np.arange(n_columns)
    family = hyper.family_of_setting
    same_family = np.zeros((n_settings + 1, n_settings + 1), dtype=bool)
    same_family[:-1, :-1] = family[:, None] == family[None, :]
    is_allegiance = (columns >= n_settings) & (columns < n_settings + design.n_allegiance)
    is_noise = (columns >= n_settings + design.n_allegiance) & (columns < n_columns - 1)
    return {
        "tables": hyper.tables,
        "slots": {k: np.int64(v) for k, v in hyper.slots.items()},
        "gaps": hyper.gaps,
        "gap_unknown": hyper.gap_unknown,
        "target_gaps": hyper.target_gaps,
        "novelty": np.float64(hyper.novelty),
        "v_index": hyper.v_index,
        "family_of_setting": family,
        "same_family": same_family,
        "stated": hyper.stated,
        "stated_reference": hyper.stated_reference,
        "scale_link": np.bool_(hyper.scale_link),
        "random_effects": np.bool_(hyper.random_effects),
        "noise_scale": np.float64(evidence.noise_scale),
        "se_scale": np.float64(evidence.se_scale),
        "sign_scale": np.float64(evidence.sign_scale),
        "mask": mask.astype(float),
        "n_assumed": np.zeros(len(design.assumed)),
        "row_active": row_active,
        "row_setting": design.row_setting,
        "row_y": design.row_y,
        "row_log_var_lo": design.row_log_var_lo,
        "row_log_var_hi": design.row_log_var_hi,
        "row_assumed": design.row_assumed,
        "row_own_noise": design.row_own_noise,
        "row_shared": design.row_shared,
        "row_level": np.eye(n_groups)[design.row_group] if n_groups else np.zeros((len(finding), 0)),
        "rows_of_technique": design.rows_of_technique,
        "baseline_rows": design.baseline_rows,
        "group_precision": np.where(groups_on, design.group_precision, 1.0) if n_groups else design.group_precision,
        "column_is_setting": (columns < n_settings).astype(float),
        "column_is_allegiance": is_allegiance.astype(float),
        "column_is_noise": is_noise.astype(float),
        "node_settings": design.node_settings,
        "latent_is_sign": design.latent_is_sign,
        "latent_select": design.latent_select,
        "latent_active": (design.latent_findings & on).any(axis=1),
        "latent_node_a": design.latent_node_a,
        "latent_node_c": design.latent_node_c,
        "latent_shared": design.latent_shared,
        "latent_level": np.eye(n_groups + 1)[design.latent_group][:, :n_groups],
        "latent_own_noise": design.latent_own_noise,
        "latent_threshold": design.latent_threshold,
        "latent_signs": design.latent_signs,
        "latent_cells": design.latent_cells,
    }


def collapse_at(design: Design, hyper: Hyper, evidence: Evidence, xi: Floats) -> Collapsed:
    """The collapsed likelihood and merits at coordinates `xi` (M, K + O), as numpy arrays with a leading M.

    Rows are padded to whole blocks, so that one compilation serves any M.
    """
    data = to_data(design, hyper, evidence)
    kinds = Kinds(signs=bool(design.latent_is_sign.any()), counts=not bool(design.latent_is_sign.all()))

    def collapse_block(start: int) -> Collapsed:
        block = xi[start : start + BLOCK]
        padded = np.concatenate([block, np.zeros((BLOCK - len(block), xi.shape[1]))])
        out = jax.device_get(_collapse_all(data, padded, kinds))
        return jax.tree.map(lambda a: np.asarray(a)[: len(block)], out)

    # XLA runs one of these small programs on one core; a thread for each core runs as many side by side. The first
    # block goes alone where the program is new, or each thread would compile it.
    starts = list(range(0, len(xi), BLOCK))
    shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(data))
    parts = [] if shapes in _COMPILED else [collapse_block(starts.pop(0))]
    _COMPILED.add(shapes)
    parts += _THREADS.map(collapse_block, starts)
    return jax.tree.map(lambda *a: np.concatenate(a), *parts)


@dataclass(frozen=True)
class _Proposal:
    """20 % N(0, I) + 80 % t_7(mean, factor factor') on the active coordinates; `share` 1 is the prior alone."""

    mean: Floats
    factor: Floats
    share: float

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        k = len(self.mean)
        z = rng.standard_normal((n, k))
        scale = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, n))
        adapted = self.mean + (z * scale[:, None]) @ self.factor.T
        return np.where(rng.random(n)[:, None] < self.share, z, adapted)

    def log_density(self, x: Floats) -> Floats:
        from scipy.special import gammaln

        k = len(self.mean)
        log_prior = -0.5 * (x**2).sum(axis=1) - 0.5 * k * np.log(2 * np.pi)
        if self.share >= 1 or k == 0:
            return log_prior
        white = np.linalg.solve(self.factor, (x - self.mean).T)
        log_t = (
            gammaln((FREEDOM + k) / 2) - gammaln(FREEDOM / 2) - 0.5 * k * np.log(FREEDOM * np.pi)
            - np.log(np.diag(self.factor)).sum() - 0.5 * (FREEDOM + k) * np.log1p((white**2).sum(axis=0) / FREEDOM)
        )  # fmt: skip
        return np.logaddexp(np.log(self.share) + log_prior, np.log1p(-self.share) + log_t)


@dataclass
class _Draws:
    """All draws so far with their log target over the mixture of all proposals."""

    xi: Floats
    log_target: Floats
    """log likelihood + log prior on the active coordinates."""
    log_proposals: list[Floats]
    collapsed: list[Collapsed]
    probabilities: list[Floats]

    def log_weights(self) -> Floats:
        mixture = functools.reduce(np.logaddexp, self.log_proposals) - np.log(len(self.log_proposals))
        return self.log_target - mixture

    def passes(self, hyper: Hyper, mcse_limit: float) -> bool:
        return all(check.ok for check in self.checks(hyper, mcse_limit).values())

    def checks(self, hyper: Hyper, mcse_limit: float) -> dict[str, Check]:
        log_weights = self.log_weights()
        hyper_draws = np.concatenate([c.hyper for c in self.collapsed])
        weights, probabilities = normalise(log_weights), np.concatenate(self.probabilities)
        return check_draws(
            log_weights,
            weights,
            probabilities=probabilities,
            hyper_draws=hyper_draws,
            hyper=hyper,
            mcse_limit=mcse_limit,
        )


def normalise(log_weights: Floats) -> Floats:
    """Weights that sum to 1. Raises ValueError when every one is 0."""
    top = log_weights.max()
    if not np.isfinite(top):
        raise ValueError("no draw has positive weight: the assumptions rule each other out")
    weights = np.exp(log_weights - top)
    return weights / weights.sum()


class ExactEngine:
    """Pure JAX, float64. `max_rounds` bounds the work of one fit."""

    name = "exact"

    def __init__(self, *, max_rounds: int = 32, min_rounds: int = 3) -> None:
        self.max_rounds = max_rounds
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
    ) -> Posterior:
        """Posterior of the merits given the findings `evidence` switches on, with every check of the engine.

        Raises ValueError when no draw of the prior is possible (stated validities the gaps rule out).
        """
        rng = np.random.default_rng(seed)
        active = np.flatnonzero(hyper.active)
        n_coordinates = len(hyper.names) + design.n_latents
        proposals = [_Proposal(np.zeros(len(active)), np.eye(len(active)), 1.0)]
        draws: _Draws | None = None
        for number in range(self.max_rounds):
            if progress is not None:
                progress("integrating over assumptions", number, self.max_rounds)
            xi = np.zeros((ROUND, n_coordinates))
            xi[:, active] = proposals[-1].draw(rng, ROUND)
            xi[:, len(hyper.names) :] = rng.standard_normal((ROUND, design.n_latents))
            draws = _extend(draws, proposals, xi, active, collapse_at(design, hyper, evidence, xi))
            if number + 1 in self.checked_rounds and draws.passes(hyper, mcse_limit):
                break
            proposals.append(_adapt(draws, active))
        if draws is None:
            raise ValueError(f"max_rounds: found {self.max_rounds}, wanted at least 1")
        return _posterior(design, hyper, draws, mcse_limit)

    def evaluate(self, design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats) -> Posterior:
        """Likelihood and merits at given coordinates (M, K + O), equally weighted and unchecked."""
        out = collapse_at(design, hyper, evidence, coordinates)
        return Posterior(
            techniques=design.techniques,
            names=hyper.names,
            coordinates=coordinates,
            hyper=out.hyper,
            weights=np.full(len(coordinates), 1 / len(coordinates)),
            log_likelihood=out.log_likelihood + out.log_prior,
            mean=out.mean,
            cov=out.cov,
            rho=out.rho,
        )

    def reweight(self, posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence) -> Posterior:
        """The same draws under other evidence or priors; its `k_hat` check says whether that was allowed.

        Only the likelihood changes: coordinates are standard normal under every prior.
        """
        thinned = _thin(posterior)
        moved = self.evaluate(design, hyper, evidence, thinned.coordinates)
        log_weights = np.log(np.maximum(thinned.weights, 1e-300)) + moved.log_likelihood - thinned.log_likelihood
        weights = normalise(log_weights)
        probabilities = pairwise_probabilities(moved.mean, moved.cov)
        checks = check_draws(
            log_weights,
            weights,
            probabilities=probabilities,
            hyper_draws=moved.hyper,
            hyper=hyper,
            mcse_limit=MCSE_LIMIT,
        )
        return replace(moved, weights=weights, checks=checks)


def _extend(draws: _Draws | None, proposals: list[_Proposal], xi: Floats, active: Any, out: Collapsed) -> _Draws:
    x = xi[:, active]
    log_prior = -0.5 * (x**2).sum(axis=1) - 0.5 * len(active) * np.log(2 * np.pi)
    log_target = np.nan_to_num(out.log_likelihood + out.log_prior, nan=-np.inf) + log_prior
    probabilities = pairwise_probabilities(out.mean, out.cov)
    new = [p.log_density(x) for p in proposals]
    if draws is None:
        return _Draws(xi, log_target, new, [out], [probabilities])
    old = [*draws.log_proposals, proposals[-1].log_density(draws.xi[:, active])]
    return _Draws(
        np.concatenate([draws.xi, xi]),
        np.concatenate([draws.log_target, log_target]),
        [np.concatenate(pair) for pair in zip(old, new, strict=True)],
        [*draws.collapsed, out],
        [*draws.probabilities, probabilities],
    )


def _adapt(draws: _Draws, active: Any) -> _Proposal:
    """A proposal matched to the weighted draws; weights are tempered until enough draws share them."""
    x, log_weights = draws.xi[:, active], draws.log_weights()
    k = x.shape[1]
    wanted = max(8.0 * k, 100.0)
    exponent = 1.0
    weights = normalise(log_weights)
    while effective_sample_size(weights) < wanted and exponent > 1e-3:
        exponent *= 0.8
        weights = normalise(exponent * log_weights)
    mean = weights @ x
    centred = x - mean
    cov = (centred * weights[:, None]).T @ centred
    ess = effective_sample_size(weights)
    shrink = min(0.5, k / ess) if k else 0.0
    cov = (1 - shrink) * cov + shrink * np.diag(np.diag(cov)) + 1e-6 * np.eye(k)
    return _Proposal(mean, np.linalg.cholesky(cov), PRIOR_SHARE)


def _posterior(design: Design, hyper: Hyper, draws: _Draws, mcse_limit: float) -> Posterior:
    log_weights = draws.log_weights()
    weights = normalise(log_weights)
    out: Collapsed = jax.tree.map(lambda *a: np.concatenate(a), *draws.collapsed)
    keep = weights > 0
    return Posterior(
        techniques=design.techniques,
        names=hyper.names,
        coordinates=draws.xi[keep],
        hyper=out.hyper[keep],
        weights=weights[keep],
        log_likelihood=(out.log_likelihood + out.log_prior)[keep],
        mean=out.mean[keep],
        cov=out.cov[keep],
        rho=out.rho[keep],
        checks=draws.checks(hyper, mcse_limit),
    )


def _thin(posterior: Posterior) -> Posterior:
    """At most MAX_REWEIGHTED draws, by systematic resampling when there are more."""
    n = len(posterior.weights)
    if n <= MAX_REWEIGHTED:
        return posterior
    positions = (np.arange(MAX_REWEIGHTED) + 0.5) / MAX_REWEIGHTED
    index = np.minimum(np.searchsorted(np.cumsum(posterior.weights), positions), n - 1)
    return replace(
        posterior, coordinates=posterior.coordinates[index], hyper=posterior.hyper[index],
        weights=np.full(MAX_REWEIGHTED, 1 / MAX_REWEIGHTED), log_likelihood=posterior.log_likelihood[index],
        mean=posterior.mean[index], cov=posterior.cov[index], rho=posterior.rho[index],
    )  # fmt: skip
