"""Small random cases for the metamorphic laws: findings and hyperparameters from numbers in 0..1 that Hypothesis draws.

Shapes never change, so that each law compiles one program.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from scipy import stats

import cases
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

ENGINE = ExactEngine()
CONDITIONAL = settings(
    max_examples=2000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
WHOLE = settings(
    max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
GRID = stats.norm.ppf((np.arange(8) + 0.5) / 8)
"""Where a statement's latent is put: symmetric, so that what is averaged over it does not know which side is up."""

# Lowest and highest value of each hyperparameter.
RANGES = {
    "tau": (0.1, 2.0), "tau_P": (0.1, 2.0), "sigma": (0.0, 0.6), "sigma_b": (0.0, 0.6), "mu_b": (-1.0, 1.0),
    "sigma_d": (0.0, 0.6), "mu_d": (-1.0, 1.0), "r": (0.0, 0.9), "w_0": (0.0, 2.0), "w_d[distance]": (0.0, 2.0),
    "l[F]": (0.0, 1.0), "l[G]": (0.0, 1.0), "v": (0.3, 1.0), "unknown[distance]": (0.0, 1.0),
}  # fmt: skip
BUSY_SETTINGS = (
    cases.setting("s"), cases.setting("t", gaps={"distance": "unknown"}),
    cases.setting("u", "G", gaps={"distance": "major"}),
)  # fmt: skip
N_EFFECTS = 8
"""Effects that `busy` takes."""


def unit(*shape: int) -> st.SearchStrategy:
    """Arrays of numbers in 0..1, ends included."""
    numbers = st.tuples(*[st.floats(0, 1)] * math.prod(shape))  # half the time of hypothesis.extra.numpy.arrays
    return numbers.map(lambda x: np.reshape(x, shape))


ETAS = unit(len(RANGES))


def eta_of(u, **fixed):
    """Hyperparameters by name from numbers in 0..1; `fixed` ones are set (`F` and `G` are the families' l)."""
    eta = {name: lo + (hi - lo) * float(x) for (name, (lo, hi)), x in zip(RANGES.items(), u, strict=True)}
    return eta | {{"F": "l[F]", "G": "l[G]", "w_d": "w_d[distance]"}.get(k, k): v for k, v in fixed.items()}


def effects_of(u):
    """Estimates in -3..3 and standard errors in .05..2 (SMD) from numbers (2, n) in 0..1."""
    return 6 * u[0] - 3, 0.05 * 40 ** u[1]


def pinned(hyper, eta):
    """The prior with every hyperparameter of `eta` at a point; `v` is that of every setting."""
    values = {name: eta.get(name.split("[")[0] if name.startswith("v[") else name) for name in hyper.names}
    tables = hyper.tables.copy()
    for k, value in enumerate(values.values()):
        if value is not None:
            tables[k, :, 0], tables[k, :, 1] = value, 0.0
    return replace(hyper, tables=tables)


def prepare(base, *, scale_link=False):
    """Design and prior of a base whose hyperparameters are all points."""
    design = build_design(base)
    return design, _hyper(_Frame(base, design), scale_link)


class _Frame:
    """A base and its design, the same as another if the two differ in findings' numbers only: those are no prior's."""

    def __init__(self, base, design):
        self.base, self.design = base, design
        self.key = (
            tuple(t.id for t in base.techniques), tuple(f.id for f in base.families),
            tuple((s.id, s.family, tuple(s.gaps.items())) for s in base.settings),
            design.n_allegiance, design.assumed, design.target_places,
        )  # fmt: skip

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)


@functools.cache
def _hyper(frame, scale_link):
    return build_hyper(frame.base, cases.point_model(scale_link=scale_link), frame.design)


def given(base, eta, evidence=None, *, scale_link=False):
    """The engine's posterior at one `eta`."""
    design, hyper = prepare(base, scale_link=scale_link)
    return at(design, hyper, eta, evidence)


def at(design, hyper, eta, evidence=None):
    """The same, arrays already made."""
    n = len(GRID) if design.n_latents else 1
    xi = np.zeros((n, len(hyper.names) + design.n_latents))
    xi[:, len(hyper.names) :] = GRID[:n, None] if design.n_latents else 0.0
    evidence = evidence or Evidence(mask=np.ones(len(design.findings)))
    return ENGINE.evaluate(design, pinned(hyper, eta), evidence, xi)


def summary(posterior, order=None):
    """Mean, covariance, log likelihood and P(a > b) of all techniques in `order`, averaged over the latent."""
    order = order or posterior.techniques
    index = np.array([posterior.techniques.index(t) for t in order])
    mean, cov = posterior.mean[:, index], posterior.cov[:, index][:, :, index]
    average = mean.mean(axis=0)
    apart = mean - average
    total = cov.mean(axis=0) + apart.T @ apart / len(mean)
    i, j = np.meshgrid(index, index, indexing="ij")
    off = i != j
    above = np.full(off.shape, 0.5)
    above[off] = posterior.above(i[off], j[off]).mean(axis=0)
    return {"mean": average, "cov": total, "log_likelihood": posterior.log_likelihood.mean(), "above": above}


def contrast_z(posterior, a="A", b="B"):
    """Mean over sd of merit a - merit b at the only draw: P(a > b) = Phi(z), and z keeps its digits where P does not."""
    mean, variance = posterior.contrast(*(posterior.techniques.index(t) for t in (a, b)))
    assert len(mean) == 1
    return float(mean[0] / np.sqrt(variance[0]))


def busy(y, se, q, *, arms=True, counts=None, names=("A", "B", "C"), up=True, flags=True, direction=None):
    """A base with contrasts, a shared comparator, an order, arms and counts in three settings of two families.

    `up` says which outcomes count as good; `direction` (default: what `up` is) multiplies what is written.
    """
    A, B, C = names
    sign = 1.0 if direction is None else direction
    y = sign * np.asarray(y)
    own = {"own_technique": True} if flags else {}
    more = {"higher_is_better": up}
    findings = [
        cases.effect("f1", A, B, y[0], se[0], study="j", at="s", **own, **more),
        cases.effect("f2", A, "none", y[1], se[1], study="j", at="t", **own, **more),
        cases.effect("f3", B, "none", y[2], se[2], study="k", at="s", **more),
        cases.effect("f4", C, "none", y[3], se[3], study="k", at="s", **more),
        cases.effect("f5", C, B, y[4], se[4], study="k", at="u", own_comparator=flags, **more),
        cases.order("f6", C, A, q, study="m", at="u"),
    ]
    if arms:
        findings += [
            cases.effect(f"a{i}", t, None, y[5 + i], se[5 + i], study="m", at="t", **more) for i, t in enumerate(names)
        ]
    if counts is not None:
        k, k0 = counts
        findings.append(cases.finding("c", B, "none", "counts", study="m", at="s", k=k, n=100, k0=k0, n0=100, **more))
    return cases.base_of(*findings, settings=BUSY_SETTINGS, techniques=["A", "B", "C"])
