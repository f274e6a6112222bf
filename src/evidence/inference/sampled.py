"""The sampled engine: NUTS on the model with explicit latents (`hierarchy`). The referee of the exact engine.

It answers slowly and from the definition. What changes after a fit (a study left out, priors scaled) is weighed with
the collapsed likelihood at the hyperparameters drawn, as in the exact engine: weights over thousands of explicit
latents would be worth nothing.
"""

# pyright: basic

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evidence.domain.results import Check
from evidence.inference.checks import checks_of_chains
from evidence.inference.engine import MCSE_LIMIT, Evidence, Posterior, Progress
from evidence.inference.exact import ExactEngine
from evidence.inference.hierarchy import build_hierarchy
from evidence.inference.observations import read_observations
from evidence.inference.program import collapse_at
from evidence.inference.walks import CAREFUL_ACCEPT, PIECES, Chains, NumpyroWalk, NutpieWalks
from evidence.model.design import Design
from evidence.model.hyper import Hyper
from evidence.model.priors import invert

type Floats = NDArray[np.float64]

CANDIDATES = 8
"""Coordinates of the collapsed latents tried for each draw."""


class SampledEngine:
    """PyMC and NUTS, CHAINS chains of `draws` after `tune`; where a gate fails, once more draws or smaller steps.

    `likelihood`: `binomial` takes every count as such, `normal` those with a cell below 5 only, as the exact engine.
    With `repeated` a model of the same shape is compiled once, by nutpie: for many fits of simulated data.
    """

    name = "sampled"

    def __init__(
        self, *, draws: int = 1000, tune: int = 1000, likelihood: str = "binomial", repeated: bool = False
    ) -> None:
        self.draws, self.tune, self.likelihood = draws, tune, likelihood
        self._collapsed = ExactEngine()
        self._repeated = NutpieWalks() if repeated else None

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
        """Posterior of the merits given the findings `evidence` switches on, with the gates of a sampler as checks.

        `mcse_limit` and `start` are the exact engine's: chains are judged by R-hat, effective sample sizes,
        divergences and E-BFMI, and the error of P is reported with it.
        """
        del mcse_limit, start
        model = build_hierarchy(design, hyper, evidence, likelihood=self.likelihood, walk=True)
        names = _names_of(design, hyper)
        if self._repeated is not None:
            shape = _shape_of(design, hyper, evidence, self.likelihood)
            chains = self._repeated.walk(model, names, shape=shape, seed=seed, tune=self.tune, draws=self.draws)
            found = _to_posterior(design, hyper, chains)
            return _with_coordinates(found, design, hyper, evidence, seed) if hyper.stated.any() else found
        piece = -(-self.draws // PIECES)
        walk = NumpyroWalk(model, names, seed=seed, tune=self.tune, piece=piece, progress=progress)
        chains = walk.more()
        found = _to_posterior(design, hyper, chains)
        if not found.checks["divergences"].ok:
            # No number of draws mends divergences; smaller steps do.
            walk = NumpyroWalk(
                model, names, seed=seed + 1, tune=2 * self.tune, piece=piece, progress=progress,
                target_accept=CAREFUL_ACCEPT,
            )  # fmt: skip
            found = _to_posterior(design, hyper, walk.more())
        elif not found.ok:
            found = _to_posterior(design, hyper, chains.joined(walk.more(2 * PIECES)))
        return _with_coordinates(found, design, hyper, evidence, seed)

    def evaluate(self, design: Design, hyper: Hyper, evidence: Evidence, coordinates: Floats) -> Posterior:
        """Likelihood and merits at given coordinates (M, K + O), equally weighted and unchecked."""
        return self._collapsed.evaluate(design, hyper, evidence, coordinates)

    def reweight(self, posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence) -> Posterior:
        """The same hyperparameters under other evidence or priors, with the k-hat of the new weights as a check."""
        return self._collapsed.reweight(posterior, design, hyper, evidence)


def _names_of(design: Design, hyper: Hyper) -> list[str]:
    """What is recorded: what the law of each hyperparameter in use is about, merits, validities, the log likelihood."""
    stated = {f"l[{family}]" for family, is_stated in zip(hyper.families, hyper.stated, strict=True) if is_stated}
    used = [name for name, on in zip(hyper.names, hyper.active, strict=True) if on]
    return [f"stated rho{n[1:]}" if n in stated else n for n in used] + ["theta", "rho", "log_likelihood"]


def _to_posterior(design: Design, hyper: Hyper, chains: Chains) -> Posterior:
    """Chains as equally weighted draws, one merit each, with their checks.

    For a family with a stated validity `hyper` holds that validity, its coordinate, until `_with_coordinates`.
    """
    flat = {name: v.reshape(-1, *v.shape[2:]) for name, v in chains.values.items()}
    drawn, theta = _names_of(design, hyper), flat["theta"]
    values = np.repeat(hyper.tables[:, hyper.tables.shape[1] // 2, 0][None, :], len(theta), axis=0)
    for k, name in zip(np.flatnonzero(hyper.active), drawn, strict=False):
        values[:, k] = flat[name]
    first = hyper.slots["l"]
    values[:, first : first + len(hyper.l_index)] = values[:, first + hyper.l_index]
    n_chains, n_draws = chains.stats["diverging"].shape
    posterior = Posterior(
        techniques=design.techniques, names=hyper.names,
        coordinates=np.zeros((len(theta), len(hyper.names) + design.n_latents)), hyper=values,
        weights=np.full(len(theta), 1 / len(theta)), log_likelihood=flat["log_likelihood"], mean=theta,
        cov=np.zeros((len(theta), theta.shape[1], theta.shape[1])), rho=flat["rho"], chains=n_chains,
        stats={name: v.reshape(n_chains * n_draws) for name, v in chains.stats.items()},
    )  # fmt: skip
    checks: dict[str, Check] = checks_of_chains(posterior)
    return replace(posterior, checks=checks)


def _with_coordinates(posterior: Posterior, design: Design, hyper: Hyper, evidence: Evidence, seed: int) -> Posterior:
    """The draws with the coordinates at which the collapsed likelihood is what it is, for `reweight`.

    There a stated validity becomes the relevance it asks for, as in the exact engine.
    Coordinates of collapsed latents are drawn given the rest: one of CANDIDATES from their prior, by its likelihood.
    """
    n, n_hyper = len(posterior.weights), len(hyper.names)
    rng = np.random.default_rng([seed, 7])
    xi = np.zeros((n, n_hyper + design.n_latents))
    xi[:, :n_hyper] = invert(hyper.tables, posterior.hyper)
    tries = CANDIDATES if design.n_latents else 1
    repeated = np.repeat(xi, tries, axis=0)
    repeated[:, n_hyper:] = rng.standard_normal((n * tries, design.n_latents))
    out = collapse_at(design, hyper, evidence, repeated, moments=False)
    log_likelihood = np.asarray(out.log_likelihood + out.log_prior).reshape(n, tries)
    chosen = np.argmax(log_likelihood + rng.gumbel(size=log_likelihood.shape), axis=1)
    picked = np.arange(n) * tries + chosen
    first = hyper.slots["l"]
    from_stated = first + np.flatnonzero(hyper.stated)
    values = posterior.hyper.copy()
    values[:, from_stated] = out.hyper[picked][:, from_stated]
    return replace(
        posterior, coordinates=repeated[picked], hyper=values, log_likelihood=log_likelihood.reshape(-1)[picked]
    )


def _shape_of(design: Design, hyper: Hyper, evidence: Evidence, likelihood: str) -> object:
    """Everything that is a constant of the compiled model: all but the numbers of sized findings."""
    found = read_observations(design.base, hyper.target, likelihood=likelihood)
    rows = [(c.finding, c.arm, c.comparator, c.assumed, c.sample) for c in found.contrasts]
    rows += [(s.finding, s.arm, s.assumed, s.cell) for s in found.scores]
    rows += [(t.findings, t.arm, t.cell) for t in found.tallies]
    beliefs = (design.base.merits, hyper.use_beliefs, hyper.use_findings)
    numbers = (evidence.mask.tobytes(), evidence.se_scale, evidence.noise_scale, evidence.sign_scale)
    prior = (hyper.laws, hyper.names, hyper.gaps.tobytes(), hyper.gap_unknown.tobytes(), hyper.target_gaps.tobytes())
    return repr((rows, found.statements, found.orders, beliefs, numbers, prior, hyper.novelty, hyper.v_index.tolist()))
