"""How findings, statements and registered beliefs speak about true effects, in PyMC (docs/model.md, sections 3 and 4).

What the evidence switches off says nothing; its latents are there all the same, so that one layout of latents serves
every mask. Everything here adds to the PyMC model in context.
"""

# pyright: basic
# PyMC and PyTensor tensors have no static types worth the name.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from evidence.domain.records import RegisteredMerit
from evidence.inference.engine import Evidence
from evidence.inference.laws import Eta
from evidence.inference.observations import Contrast, Observations, Score, Statement, Tally

type Floats = NDArray[np.float64]
type Rows = Sequence[Contrast] | Sequence[Score] | Sequence[Tally]

LEVEL_SD = 10.0
"""Prior sd (SMD) of the unknown level of a cell."""
LOGIT_PER_SMD = np.pi / np.sqrt(3)
"""One SMD is this many logits (Chinn 2000)."""


class Sized(NamedTuple):
    """Sized findings of one kind, n rows: `y` ~ N(`compare` f + `rest`, `variance`), or binomial with that level."""

    kind: str
    compare: Floats
    """(n, arms) 1 for the arm a row is about, -1 for its comparator."""
    rest: Any
    """(n,) what a row measures beside true effects: noise, allegiance, level, a shared comparator's error."""
    y: Any
    variance: Any
    cells: Any = None
    """(n, 2) good and bad outcomes of a tally, whose `y` and `variance` are a rough reading."""


def look_at_sized(found: Observations, eta: Eta, on: set[str], evidence: Evidence) -> list[Sized]:
    """The sized findings that are on, by kind, with noise, allegiance, levels and comparator errors as latents."""
    beside = _beside_effects(found, eta, evidence.noise_scale)
    level = pm.Normal("intercept", 0.0, LEVEL_SD, dims="cell") if found.cells else pt.zeros(0)
    error = pm.Normal("z_comparator", dims="comparator_sample") if found.samples else pt.zeros(0)
    seen: list[Sized] = []
    if contrasts := [c for c in found.contrasts if c.finding in on]:
        compare = _compare(contrasts, found)
        y, total = _effects("contrast", contrasts, eta, evidence.se_scale)
        of_sample = _membership([c.sample for c in contrasts], found.samples)
        smallest = _smallest_comparators(contrasts, total, of_sample)
        rest = compare @ beside - of_sample @ (pt.sqrt(smallest) * error)
        seen.append(Sized("contrast", compare, rest, y, total - of_sample @ smallest))
    if scores := [s for s in found.scores if s.finding in on]:
        compare = _compare(scores, found)
        y, variance = _effects("score", scores, eta, evidence.se_scale)
        rest = compare @ beside + _membership([s.cell for s in scores], found.cells) @ level
        seen.append(Sized("score", compare, rest, y, variance))
    if tallies := [t for t in found.tallies if on & set(t.findings)]:
        compare = _compare(tallies, found)
        cells = pm.Data("tally_cells", grown_cells([(t.good, t.bad) for t in tallies], evidence.se_scale))
        rest = compare @ beside + _membership([t.cell for t in tallies], found.cells) @ level
        y = (pt.log(cells[:, 0] + 0.5) - pt.log(cells[:, 1] + 0.5)) / LOGIT_PER_SMD
        variance = (1 / (cells + 0.5)).sum(axis=1) / LOGIT_PER_SMD**2
        seen.append(Sized("tally", compare, rest, y, variance, cells))
    return seen


def _beside_effects(found: Observations, eta: Eta, noise_scale: float) -> Any:
    """Implementation noise u and, of the authors' own techniques, allegiance delta: (arms,)."""
    if not found.arms:
        return pt.zeros(0)
    z_u = pm.Normal("z_u", dims="noise")
    u = pm.Deterministic("u", eta.sigma * noise_scale * z_u, dims="noise")
    beside = u[[found.noises.index(arm.noise) for arm in found.arms]]
    if found.allegiances:
        z_d = pm.Normal("z_d", dims="allegiance")
        delta = pm.Deterministic("delta", eta.mu_d + eta.sigma_d * z_d, dims="allegiance")
        beside += _membership([arm.study if arm.own else None for arm in found.arms], found.allegiances) @ delta
    return beside


def _compare(rows: Rows, found: Observations) -> Floats:
    """(n, arms) 1 for the arm a row is about, -1 for its comparator."""
    comparators = [row.comparator if isinstance(row, Contrast) else None for row in rows]
    return _membership([row.arm for row in rows], found.arms) - _membership(comparators, found.arms)


def _membership(values: Sequence[Any], of: Sequence[Any]) -> Floats:
    """(values, of) 1 where a value is that one."""
    return np.array([[float(value == one) for one in of] for value in values]).reshape(len(values), len(of))


def _effects(kind: str, rows: Sequence[Contrast] | Sequence[Score], eta: Eta, se_scale: float) -> tuple[Any, Any]:
    """Effects y (SMD) and sampling variances: with an assumed n the log variance is linear in log n between its ends."""
    y, lo, hi = (
        pm.Data(f"{kind}_{name}", np.array([getattr(row.effect, name) for row in rows]))
        for name in ("y", "log_var_lo", "log_var_hi")
    )
    where = pt.stack([pt.constant(0.0) if row.assumed is None else eta.log_n[row.assumed] for row in rows])
    return y, pt.exp((1 - where) * lo + where * hi) * se_scale**2


def _smallest_comparators(contrasts: Sequence[Contrast], total: Any, of_sample: Floats) -> Any:
    """Variance of each comparator sample, (samples,): an arm is sampled once, so the smallest share that is quoted."""
    share = pm.Data("contrast_comparator_share", np.array([c.effect.comparator_share for c in contrasts]))
    smallest = [
        pt.min((share * total)[np.flatnonzero(members)]) if members.any() else pt.constant(0.0)
        for members in of_sample.T
    ]
    return pt.stack(smallest) if smallest else pt.zeros(0)


def grown_cells(cells: Sequence[tuple[float, float]], se_scale: float) -> Floats:
    """Outcomes (n, 2) of a sample 1 / se_scale^2 times as large; an empty cell grows from half a case."""
    growth, outcomes = se_scale**-2, np.array(cells)
    return np.maximum(outcomes * growth + np.where(outcomes == 0, 0.5 * (growth - 1), 0.0), 0.0)


def observe_sized(seen: Sized, of_arms: Any) -> Any:
    """Log likelihood of each row given the true effect of every arm, (arms,)."""
    expected = seen.compare @ of_arms + seen.rest
    if seen.cells is None:
        sd = pt.sqrt(seen.variance)
        pm.Normal(seen.kind, expected, sd, observed=seen.y)
        return pm.logp(pm.Normal.dist(expected, sd), seen.y)
    # Grown outcomes need not be whole numbers: hence the formula and not `pm.Binomial`.
    logit = expected * LOGIT_PER_SMD
    terms = -seen.cells[:, 0] * pt.softplus(-logit) - seen.cells[:, 1] * pt.softplus(logit)
    pm.Potential(seen.kind, pt.sum(terms))
    return terms


def observe_statements(
    found: Observations, said: Sequence[tuple[Statement, float]], f: Any, is_step: NDArray[np.bool_]
) -> Any:
    """Statements in words with their log-odds: likelihood q where true of `f` (T, P), else 1 - q; one term each.

    Those that are not a step are part of the walk's coordinates and add nothing to the model. For a step the gradient
    is 0 on either side, and a walk stays valid because leapfrog steps keep volume whatever the density.
    """
    place = [found.places.index(s.place) for s, _ in said]
    high = [found.techniques.index(s.technique) for s, _ in said]
    low = [found.techniques.index(s.comparator) for s, _ in said]
    odds = np.array([log_odds for _, log_odds in said])
    is_true = f[high, place] - f[low, place] > np.array([s.threshold for s, _ in said])
    terms = pt.where(is_true, -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds))
    if is_step.any():
        pm.Potential("statement", pt.sum(terms[np.flatnonzero(is_step)]))
    return terms


def observe_merits(merits: Sequence[RegisteredMerit], techniques: Sequence[str], theta: Any, eta: Eta) -> Any:
    """Registered merits N(m, s^2) as pseudo-findings, over their own marginal likelihood: one term, (1,).

    y = m tau^2 / (tau^2 - s^2) with variance s^2 tau^2 / (tau^2 - s^2) has precision d = 1 / s^2 - 1 / tau^2 and
    y d = m / s^2: N(y; theta, 1/d) / N(y; 0, C + 1/d) is exp(h theta - d theta^2 / 2) over its mean under
    theta ~ N(0, C). Written so, nothing grows beyond bounds where tau comes near s. Left out where tau <= s.
    """
    index = [techniques.index(m.technique) for m in merits]
    mean, sd = np.array([m.mean for m in merits]), np.array([m.sd for m in merits])
    on = eta.tau > sd
    d, h = pt.where(on, sd**-2 - eta.tau**-2, 0.0), pt.where(on, mean / sd**2, 0.0)
    C = eta.tau**2 * pt.where(np.eye(len(merits), dtype=bool), 1.0, eta.r)
    M = np.eye(len(merits)) + C * d[None, :]
    log_mean = 0.5 * pt.sum(h * pt.linalg.solve(M, C @ h)) - 0.5 * pt.log(pt.linalg.det(M))
    merit = theta[index]
    term = pt.sum(h * merit - 0.5 * d * merit**2) - log_mean
    pm.Potential("merit", term)
    return term[None]
