"""One replication of simulation-based calibration: simulate, fit, and rank the truth among draws of the posterior.

Talts et al. (2018): if parameters are drawn from the prior and data given them, the truth is exchangeable with draws of
the posterior, so that its rank among L of them is uniform for every quantity. That holds for quantities that depend
on the data too, and these are needed (Modrak et al. 2023): an engine that returns the prior passes on every parameter.
"""

import time
from dataclasses import dataclass

import numpy as np

import simulator
from evidence.inference.engine import Evidence
from evidence.io.models import load_model
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from likelihood import log_likelihoods

N_DRAWS = 199
"""L: with 200 possible ranks every central interval of 50, 80 and 95 % is exact."""
RUN_SE = 0.2
"""Standard error (SMD) of the new run at the target that is predicted."""


@dataclass(frozen=True)
class Fit:
    """A posterior, and which of its hyperparameters are free."""

    posterior: object
    free: tuple


class ExactFit:
    """The exact engine. A looser `mcse_limit` and fewer rounds make it faster; its gates say when that was too few."""

    def __init__(self, *, mcse_limit=0.005, max_rounds=32):
        from evidence.inference.exact import ExactEngine

        self.engine, self.mcse_limit = ExactEngine(max_rounds=max_rounds), mcse_limit
        self.model = load_model(simulator.MODEL)

    def __call__(self, base, seed):
        design = build_design(base)
        hyper = build_hyper(base, self.model, design)
        evidence = self.evidence(design)
        posterior = self.engine.fit(design, hyper, evidence, seed=seed, mcse_limit=self.mcse_limit)
        return Fit(posterior, tuple(name for name, used in zip(hyper.names, hyper.active, strict=True) if used))

    def evidence(self, design):
        """All findings, as stated."""
        return Evidence(mask=np.ones(len(design.findings)))


class SampledFit(ExactFit):
    """The sampled engine, compiled once: replications of a design differ in their numbers alone."""

    def __init__(self, *, draws=500, tune=500):
        from evidence.inference.sampled import SampledEngine

        self.engine, self.mcse_limit = SampledEngine(draws=draws, tune=tune, repeated=True), 0.005
        self.model = load_model(simulator.MODEL)


ENGINES = {"exact": ExactFit, "sampled": SampledFit}


def replicate(design, number, fit, simulate=simulator.simulate):
    """Ranks {quantity: 0..L} of replication `number`, with the checks the fit failed and its wall time.

    A fit that failed a check gives no verdict, but it is ranked like the others: the checks see data and draws, never
    the truth, so failing is no excuse for being wrong, and dropping fits would hide how many there were.
    """
    # The base's name and the number seed everything, so a run can stop and go on anywhere.
    rng = np.random.default_rng([*design.question.id.encode(), number])
    found = simulate(design, rng)
    start = time.perf_counter()
    fitted = fit(found.base, seed=int(rng.integers(2**31)))
    seconds = time.perf_counter() - start
    ranks = {name: _rank(values, rng) for name, values in quantities(found, fitted, rng).items()}
    ranks |= sign_ranks(found, fitted.posterior, rng)
    failed = [name for name, check in fitted.posterior.checks.items() if not check.ok]
    return {"number": number, "ranks": ranks, "failed": failed, "seconds": seconds}


def _rank(values, rng):
    """How many draws (values[1:]) lie below the truth (values[0]), ties broken at random."""
    ties = int((values[1:] == values[0]).sum())
    return int((values[1:] < values[0]).sum() + rng.integers(ties + 1))


def draw(posterior, rng):
    """L hyperparameter vectors (L, K) and merits (L, T) from the weighted posterior.

    Systematic resampling of the draws in random order: with equal weights a sample without replacement.
    """
    order = rng.permutation(len(posterior.weights))
    positions = (rng.random() + np.arange(N_DRAWS)) / N_DRAWS
    chosen = order[np.minimum(np.searchsorted(np.cumsum(posterior.weights[order]), positions), len(order) - 1)]
    variances, axes = np.linalg.eigh(posterior.cov[chosen])
    z = np.sqrt(np.maximum(variances, 0.0)) * rng.standard_normal(variances.shape)
    return posterior.hyper[chosen], posterior.mean[chosen] + np.einsum("lij,lj->li", axes, z)


def quantities(found, fitted, rng):
    """{quantity: (1 + L,) values}, the truth first."""
    hyper, merits = draw(fitted.posterior, rng)
    merits = np.vstack([found.merits, merits])
    eta = _joined(found, fitted, hyper)
    techniques = [t.id for t in found.base.techniques]
    values = {name: eta[name_of(found.base, name)] for name in fitted.free}
    values |= {f"merit[{t}]": merits[:, i] for i, t in enumerate(techniques) if i > 0}
    ranks = 1 + (merits[:, None, :] > merits[:, :, None]).sum(axis=2)
    values |= {f"rank[{t}]": ranks[:, i] for i, t in enumerate(techniques)}
    # The winner is picked by the data: being picked for a high estimate must not make the estimate too high.
    top = int(np.argmax(fitted.posterior.weights @ fitted.posterior.mean))
    values |= {"rank of the top": ranks[:, top], "lead of the top": merits[:, top] - np.delete(merits, top, 1).max(1)}
    noise = np.hypot(np.sqrt(2) * eta["sigma"], RUN_SE) * rng.standard_normal(len(merits))
    values["new run at the target"] = merits[:, -1] + noise
    alone, given_merits = log_likelihoods(found.base, eta, merits)
    values |= {"log likelihood": alone, "log likelihood given merits": given_merits}
    return values | agreements(found.base, merits)


def agreements(base, merits):
    """How far merits go along with the findings that have no normal likelihood: statements, small counts."""
    at = {t.id: i for i, t in enumerate(base.techniques)}
    signs = [f for f in base.findings if f.kind in simulator.SIGNS]
    counts = [f for f in base.findings if f.kind == "counts"]
    found = {}
    if signs:
        found["agreement with orders"] = sum(merits[:, at[f.technique]] - merits[:, at[f.comparator]] for f in signs)
    if counts:
        gains = [(f.k / f.n - f.k0 / f.n0) * (1 if f.higher_is_better else -1) for f in counts]
        pairs = [merits[:, at[f.technique]] - merits[:, at[f.comparator]] for f in counts]
        found["agreement with counts"] = sum(gain * pair for gain, pair in zip(gains, pairs, strict=True))
    return found


def sign_ranks(found, posterior, rng):
    """Randomised ranks of the sign of every contrast under the P(A > B) that would be reported."""
    ranks, techniques = {}, posterior.techniques
    for a in range(1, len(techniques)):
        for b in range(a):
            p = float(np.clip(posterior.weights @ posterior.above(a, b), 0.0, 1.0))
            is_above = found.merits[a] > found.merits[b]
            place = rng.uniform(1 - p, 1) if is_above else rng.uniform(0, 1 - p)
            ranks[f"sign[{techniques[a]} - {techniques[b]}]"] = min(int(place * (N_DRAWS + 1)), N_DRAWS)
    return ranks


def _joined(found, fitted, hyper):
    """The simulator's hyperparameters, truth first, then the draws."""
    names = fitted.posterior.names
    drawn = {name_of(found.base, name): hyper[:, names.index(name)] for name in fitted.free}
    # What is not free for the engine speaks of no finding: any value gives the same likelihood.
    return {name: np.append(true, drawn.get(name, np.repeat(true, N_DRAWS))) for name, true in found.eta.items()}


def name_of(base, name):
    """The simulator's name of an engine's hyperparameter: v is one per validity class, kept at its first setting."""
    kind, _, inner = name.rstrip("]").partition("[")
    return f"v[{base.family(base.setting(inner).family).validity_class}]" if kind == "v" else name
