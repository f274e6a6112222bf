"""The model of docs/model.md, section 4, as a readable PyMC model with explicit latents: the definition.

It is written from the records and the priors alone and shares no array with the exact engine. T techniques (the
baseline first), S settings, P places (settings, other measured targets, the target in use last), N true effects
(cells of technique x place that a finding speaks of, then merits), D dimensions, F families. Effects are in SMD.
"""

# pyright: basic
# PyMC and PyTensor tensors have no static types worth the name.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from evidence.domain.records import EvidenceBase
from evidence.inference.engine import Evidence
from evidence.inference.laws import Eta, draw_hyperparameters, draw_one, log_density, median_of
from evidence.inference.likelihoods import Sized, look_at_sized, observe_merits, observe_sized, observe_statements
from evidence.inference.observations import Observations, Statement, read_observations
from evidence.inference.paths import BASELINE, Link, Margin, Reading, follow, is_among, links_of
from evidence.model.design import Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]

JITTER = 1e-9
"""Added to the diagonal of R: perfect proxies have no noise of their own, and a Cholesky factor needs some."""
RULED_OUT = 500.0
"""Log odds against a stated validity that cannot be: no draw survives, and no walk calls the wall a divergence."""


def build_hierarchy(
    design: Design, hyper: Hyper, evidence: Evidence, *, likelihood: str = "binomial", walk: bool = False
) -> pm.Model:
    """The model of one base, prior and mask; `theta` (technique) are the merits at the target.

    `likelihood`: `binomial` takes every count as such, `normal` those with a cell below 5 only (as the exact engine).
    `walk`: the same model in coordinates for NUTS, in which statements in words are no steps (see `paths`).
    """
    base = design.base
    _refuse_unclear_beliefs(base, hyper)
    found = read_observations(base, hyper.target, likelihood=likelihood)
    on = {f.id for f, x in zip(base.findings, evidence.mask, strict=True) if x > 0 and hyper.use_findings}
    with pm.Model(coords=_coords(base, hyper, found)) as model:
        eta = draw_hyperparameters(base, hyper, found.assumed)
        K = _covariance(found, eta, _validity(base, hyper, found, eta))
        spread, bias = _spread_and_bias(found, eta)
        seen = look_at_sized(found, eta, on, evidence)
        said = [(s, s.scaled(evidence.sign_scale)) for s in found.statements if s.finding in on]
        said += [(s, s.log_odds) for s in found.orders if hyper.use_beliefs]
        if walk:
            margins = [_margin(s, log_odds, found) for s, log_odds in said]
            links = links_of(margins)
            g = _walk(found, K, seen, links, (spread, bias))
            is_step = np.array([not is_among(margin, links) for margin in margins], dtype=bool)
        else:
            g = pt.linalg.cholesky(K) @ pm.Normal("z", dims="effect")
            is_step = np.ones(len(said), dtype=bool)
        effects = spread * g + bias
        f = _true_effects(found, effects)
        of_arms = _effects_of_arms(found) @ effects
        terms = [observe_sized(rows, of_arms) for rows in seen]
        if said:
            terms.append(observe_statements(found, said, f, is_step))
        if base.merits and hyper.use_beliefs:
            terms.append(observe_merits(base.merits, found.techniques, f[:, -1], eta))
        pm.Deterministic("log_likelihood", pt.sum(pt.concatenate([pt.zeros(1), *terms])))
    return model


def _refuse_unclear_beliefs(base: EvidenceBase, hyper: Hyper) -> None:
    """Registered orders whose marginal likelihood depends on the hyperparameters cannot be divided out here."""
    baseline = base.techniques[0].id
    if (
        base.orders
        and hyper.use_beliefs
        and (base.merits or any(baseline in (o.technique, o.comparator) for o in base.orders))
    ):
        raise ValueError(
            "orders: found registered merits or the baseline beside them, wanted orders between techniques"
        )
    if hyper.use_beliefs and any(m.technique == baseline for m in base.merits):
        raise ValueError(f"merits: found the baseline {baseline!r}, wanted another technique: its merit is 0")


def _coords(base: EvidenceBase, hyper: Hyper, found: Observations) -> dict[str, Sequence[str]]:
    return {
        "technique": found.techniques,
        "setting": [s.id for s in base.settings],
        "place": found.places,
        "effect": [f"{found.techniques[t]} @ {found.places[p]}" for t, p in found.effects],
        "family": hyper.families,
        "dimension": [d.id for d in base.question.dimensions],
        "allegiance": found.allegiances,
        "noise": found.noises,
        "cell": found.cells,
        "comparator_sample": found.samples,
    }


def _validity(base: EvidenceBase, hyper: Hyper, found: Observations, eta: Eta) -> Any:
    """Correlation R of effects between places, (P, P); names `l` and `rho` (validity for the target in use)."""
    n_settings, targets = len(base.settings), [base.target(p) for p in found.places[len(base.settings) :]]
    apart = _distances(base, hyper, found, eta)
    transport = pt.exp(-apart)
    relevance = pm.Deterministic("l", _relevance(hyper, eta.v, transport[:n_settings, -1]), dims="family")
    ones = pt.ones(len(targets))
    v = pt.concatenate([eta.v, ones])
    l = pt.concatenate([relevance[hyper.family_of_setting], ones])  # noqa: E741 (the name of the mathematics)
    kinds = [*hyper.family_of_setting.tolist(), *(f"target {t.id}" for t in targets)]
    same_family = np.array([[a == b for b in kinds] for a in kinds])
    alike = v[:, None] * v[None, :] * transport * pt.where(same_family, 1.0, l[:, None] * l[None, :])
    R = pt.where(np.eye(len(kinds), dtype=bool), 1.0, alike)
    pm.Deterministic("rho", R[:n_settings, -1], dims="setting")
    return R


def _distances(base: EvidenceBase, hyper: Hyper, found: Observations, eta: Eta) -> Any:
    """-log T between places, (P, P): weighted gaps, and each target's own axis at weight w_0."""
    others = [base.target(p) for p in found.places[len(base.settings) : -1]]
    levels = {**base.question.gap_levels, "unknown": 0.0}
    dimensions = [d.id for d in base.question.dimensions]
    known = [[t.coordinates.get(d, 0.0) for d in dimensions] for t in others]
    at_targets = np.array([[levels[x] if isinstance(x, str) else x for x in row] for row in known])
    x = pt.concatenate(
        [
            pt.where(hyper.gap_unknown, eta.unknown[None, :], hyper.gaps),
            np.concatenate([at_targets.reshape(len(others), len(dimensions)), hyper.target_gaps[None, :]]),
        ]
    )
    gaps = (eta.w_d * abs(x[:, None, :] - x[None, :, :])).sum(axis=-1)
    novelty = [1.0 if hyper.random_effects else t.novelty for t in others]
    novelty.append(1.0 if hyper.random_effects else hyper.novelty)
    own_axis = np.concatenate([np.zeros((len(base.settings), len(novelty))), np.diag(novelty)])
    return gaps + eta.w_0 * np.abs(own_axis[:, None, :] - own_axis[None, :, :]).sum(axis=-1)


def _relevance(hyper: Hyper, v: Any, transport_to_target: Any) -> Any:
    """Relevance l of each family, (F,): drawn, or what a stated validity of its reference setting makes of it."""
    values: list[Any] = []
    for f, family in enumerate(hyper.families):
        k = hyper.names.index(f"l[{family}]")
        reference = int(hyper.stated_reference[f])
        if hyper.l_index[f] != f:
            values.append(values[hyper.l_index[f]])
        elif hyper.stated[f]:
            reach = v[reference] * transport_to_target[reference]
            values.append(_stated_relevance(family, hyper, k, reach))
        else:
            values.append(draw_one(f"l[{family}]", hyper))
    return pt.stack(values)


def _stated_relevance(family: str, hyper: Hyper, k: int, reach: Any) -> Any:
    """Relevance l = rho / (v T) <= 1 with rho by its stated law. `reach` is v T, the largest rho there can be.

    l is sampled and rho follows, p(l) = p(rho = l reach) reach, so that no walk runs into the wall at l = 1.
    """
    if not hyper.active[k]:
        l = median_of(hyper, k) / pt.maximum(reach, 1e-300)  # noqa: E741
        pm.Potential(f"l[{family}] is at most 1", pt.where(l > 1 + 1e-9, -RULED_OUT, 0.0))
        return pt.minimum(l, 1.0)
    l = pm.Uniform(f"l[{family}]", 0.0, 1.0)  # noqa: E741
    rho = pm.Deterministic(f"stated rho[{family}]", l * reach)
    pm.Potential(f"l[{family}] follows rho", log_density(hyper.laws[k], rho) + pt.log(reach))
    return l


def _covariance(found: Observations, eta: Eta, R: Any) -> Any:
    """Covariance (N, N) of the Gaussian process g over technique x place at its cells: K_T[t, t'] R[s, s']."""
    t = np.array([t for t, _ in found.effects])
    at = _places_of_effects(found)
    shared = pt.where(t[:, None] == t[None, :], 1.0, eta.r)
    # A product with zeros and ones, not an index: JAX adds up the gradient of an index one element after the other.
    return shared * (at @ R @ at.T) + JITTER * np.eye(len(t))


def _places_of_effects(found: Observations) -> Floats:
    """(N, P) 1 where an effect is at that place."""
    return np.eye(len(found.places))[[p for _, p in found.effects]]


def _spread_and_bias(found: Observations, eta: Eta) -> tuple[Any, Any]:
    """What makes f = spread g + bias, (N,) each: lambda tau_P and optimism b at a proxy, tau and 0 at a target."""
    z_b = pm.Normal("z_b", dims="setting")
    b = pm.Deterministic("b", eta.mu_b + eta.sigma_b * z_b, dims="setting")
    targets = np.ones(len(found.places) - found.n_settings)
    at = _places_of_effects(found)
    spread = pt.concatenate([eta.stretch * eta.tau_P, eta.tau * targets])
    return at @ spread, at @ pt.concatenate([b, 0.0 * targets])


def _walk(
    found: Observations, K: Any, seen: Sequence[Sized], links: tuple[Link, ...], spread_and_bias: tuple[Any, Any]
) -> Any:
    """The standardised effects g (N,) in the coordinates of `paths`: the law of L z for independent z."""
    spread, bias = spread_and_bias
    reading = None
    if seen:
        slopes = np.concatenate([rows.compare for rows in seen]) @ _effects_of_arms(found)
        beside = pt.concatenate([rows.rest for rows in seen])
        y = pt.concatenate([rows.y for rows in seen]) - beside - slopes @ bias
        reading = Reading(y, slopes * spread, pt.concatenate([rows.variance for rows in seen]))
    x = pm.Normal("x", dims="effect")
    g, log_weight = follow(x, len(found.effects), K, reading=reading, links=links, spread=spread, bias=bias)
    pm.Potential("g", log_weight)
    return g


def _effects_of_arms(found: Observations) -> Floats:
    """(arms, N) 1 where an arm's true effect is that one; none for the baseline, whose effect is 0."""
    cells = [(found.techniques.index(arm.technique), found.places.index(arm.place)) for arm in found.arms]
    same = [[float(cell == effect) for effect in found.effects] for cell in cells]
    return np.array(same).reshape(len(cells), len(found.effects))


def _margin(statement: Statement, log_odds: float, found: Observations) -> Margin:
    """A statement between two true effects, or one and the baseline's 0."""
    cells = {effect: i for i, effect in enumerate(found.effects)}
    place = found.places.index(statement.place)
    high, low = (found.techniques.index(t) for t in (statement.technique, statement.comparator))
    ends = cells.get((high, place), BASELINE), cells.get((low, place), BASELINE)
    return Margin(*ends, statement.threshold, log_odds)


def _true_effects(found: Observations, effects: Any) -> Any:
    """True effects f against the baseline, (T, P), 0 where nobody asks; names `theta`, the merits."""
    t, p = np.array(found.effects).T
    f = pt.set_subtensor(pt.zeros((len(found.techniques), len(found.places)))[t, p], effects)
    f = pm.Deterministic("f", f, dims=("technique", "place"))
    pm.Deterministic("theta", f[:, -1], dims="technique")
    return f
