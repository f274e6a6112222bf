"""The draws of one fit as draws under another prior, each with its weight (docs/model.md, section 5).

A hyperparameter whose prior changes keeps its value and is weighted by the ratio of the densities. Where a validity
becomes stated, the draw keeps its relevance, which is what the likelihood knows, and w_0 follows from it. What no
finding speaks about (tau, w_0, the target's novelty) keeps its coordinate and needs no weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidence.inference.engine import Posterior
from evidence.model.hyper import Hyper
from evidence.model.priors import GRID, invert, log_density, look_up

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

RHO_NODES = 8
"""Nodes of the rule over a stated validity that is no point."""
STEP = 0.6180339887498949
"""Multiples of the golden ratio, modulo 1, are evenly spread whatever their number."""


@dataclass(frozen=True)
class Moved:
    """M draws of one posterior under another prior; the likelihood may still have to be asked anew."""

    coordinates: Floats
    """(M, K + O) where the new prior has them."""
    log_ratio: Floats
    """(M,) log of the new prior over the old one, up to a constant."""
    w_0: Floats | None
    """(M, n) values of w_0 to average over, in each draw; None where it is a hyperparameter like the others."""
    shares: Floats
    """(M, n) their weights in each draw, or (n,) in all."""
    is_exact: bool
    """False: some prior is or was a point, so that no ratio of densities exists and the likelihood is another one."""


def same_likelihood(old: Hyper, new: Hyper) -> bool:
    """True if the likelihood of proxies' effects is one function of the hyperparameters (relevance, not validity)."""
    same = (old.names, old.scale_link, old.random_effects, old.use_findings, old.use_beliefs, old.target) == (
        new.names, new.scale_link, new.random_effects, new.use_findings, new.use_beliefs, new.target
    )  # fmt: skip
    arrays = ("gaps", "gap_unknown", "target_gaps", "other_gaps", "other_novelty", "v_index", "l_index")
    same = same and all(np.array_equal(getattr(old, name), getattr(new, name)) for name in arrays)
    was_stated = bool(old.stated.any())
    return same and (not was_stated or _same_statements(old, new))


def _same_statements(old: Hyper, new: Hyper) -> bool:
    return (
        np.array_equal(old.stated, new.stated)
        and np.array_equal(old.stated_reference, new.stated_reference)
        and old.novelty == new.novelty
    )


def move_draws(old: Hyper, new: Hyper, posterior: Posterior) -> Moved | None:
    """The draws of `posterior`, found under `old`, under `new`; None where they are draws of nothing like it."""
    if old.names != new.names:
        return None
    free = np.zeros(len(old.names), dtype=bool)
    if posterior.factors is not None:
        free[[old.slots["w_0"], old.slots["tau"]]] = True
        free[old.slots["tau"]] &= not old.scale_link
    stated = None
    if not np.array_equal(old.stated, new.stated):
        stated = _stated(old, new, posterior)
        if stated is None:
            return None
        free[stated.columns] = True
    moved = _kept(old, new, posterior, free)
    if stated is not None:
        coordinates = moved.coordinates.copy()
        coordinates[:, stated.columns] = stated.coordinates
        return replace(
            moved, coordinates=coordinates, log_ratio=moved.log_ratio + stated.log_ratio, w_0=stated.w_0,
            shares=stated.shares,
        )  # fmt: skip
    if posterior.factors is None:
        return moved
    nodes, weights = new.w_0_rule()
    return replace(moved, w_0=np.broadcast_to(nodes, (len(posterior.weights), len(nodes))), shares=weights)


def unmoved(posterior: Posterior) -> Moved:
    """The draws at the coordinates they have: only the likelihood, which sees other values there, can weigh them."""
    return Moved(posterior.coordinates, np.zeros(len(posterior.weights)), None, np.ones(1), is_exact=False)


def _kept(old: Hyper, new: Hyper, posterior: Posterior, free: NDArray[np.bool_]) -> Moved:
    """Values stay and weigh p_new / p_old; at a point, and where `free` (K,), coordinates stay instead."""
    k = np.flatnonzero((old.tables != new.tables).any(axis=(1, 2)) & ~free)
    varies = old.active[k] & new.active[k]
    is_exact, k = bool(varies.all()), k[varies]
    if len(k) == 0:
        return replace(unmoved(posterior), is_exact=is_exact)
    xi = posterior.coordinates[:, k]
    values = look_up(np, old.tables[k], xi)
    moved = invert(new.tables[k], values)
    ratio = log_density(new.tables[k], moved) - log_density(old.tables[k], xi)
    outside = (values < new.tables[k, 0, 0]) | (values > new.tables[k, -1, 0])
    coordinates = posterior.coordinates.copy()
    coordinates[:, k] = moved
    return Moved(coordinates, np.where(outside, -np.inf, ratio).sum(axis=1), None, np.ones(1), is_exact)


@dataclass(frozen=True)
class _Stated:
    columns: Ints
    """Those of w_0 and of the family's relevance."""
    coordinates: Floats
    """(M, 2) at one node of the rule each."""
    log_ratio: Floats
    w_0: Floats
    shares: Floats


def _stated(old: Hyper, new: Hyper, posterior: Posterior) -> _Stated | None:
    """A family's validity becomes stated: rho = l v T exp(-w_0 n) is given, l is kept, and w_0 follows.

    The draws follow L(others, l) p(others) p(l), wanted is L(others, l) p(others) p(rho) p(w_0) |dw_0/dl| with
    |dw_0/dl| = 1 / (n l). An interval is averaged over by a rule. None where w_0 is no free hyperparameter, where
    novelty is 0, and where more than one validity has changed.
    """
    if posterior.factors is None or old.stated.any() or new.stated.sum() != 1 or new.novelty <= 0:
        return None
    f, k = int(np.flatnonzero(new.stated)[0]), old.slots["w_0"]
    column = old.slots["l"] + f
    xi_rho, weights, rho = _rho_rule(new, column)
    if not (old.active[column] and new.active[k]) or rho.min() <= 0:
        return None
    xi = posterior.coordinates[:, column]
    relevance = look_up(np, old.tables[[column]], xi[:, None])[:, 0]
    cap = relevance * _loss_apart(new, posterior, int(new.stated_reference[f]))
    usable = (relevance > 0) & (cap > 0)
    w_0 = np.log(np.where(usable, cap, 1.0)[:, None] / rho) / new.novelty
    log_p = np.where(usable[:, None], _log_density_at(new.tables[k], w_0) + np.log(weights), -np.inf)
    total = np.logaddexp.reduce(log_p, axis=1)
    shares = np.exp(log_p - np.where(np.isfinite(total), total, 0.0)[:, None])
    log_slope = -np.log(new.novelty * np.where(usable, relevance, 1.0))
    chosen = (np.cumsum(shares, axis=1) < (STEP * np.arange(1, len(xi) + 1) % 1)[:, None]).sum(axis=1)
    chosen = np.minimum(chosen, len(rho) - 1)
    of_w_0 = invert(new.tables[[k]], np.maximum(w_0[np.arange(len(xi)), chosen], 0.0)[:, None])[:, 0]
    return _Stated(
        columns=np.array([k, column]), coordinates=np.stack([of_w_0, xi_rho[chosen]], axis=1),
        log_ratio=total + log_slope - log_density(old.tables[[column]], xi[:, None])[:, 0], w_0=w_0, shares=shares,
    )  # fmt: skip


def _rho_rule(hyper: Hyper, column: int) -> tuple[Floats, Floats, Floats]:
    """Coordinates, weights and values (n,) of a rule over a stated validity: one node for a point."""
    if not hyper.active[column]:
        return np.zeros(1), np.ones(1), hyper.tables[column, :1, 0]
    xi, weights = np.polynomial.hermite_e.hermegauss(RHO_NODES)
    return xi, weights / weights.sum(), look_up(np, hyper.tables[[column]], xi[:, None])[:, 0]


def _loss_apart(hyper: Hyper, posterior: Posterior, setting: int) -> Floats:
    """Construct noise times transport over the named gaps, v T without novelty, of a setting in each draw (M,)."""
    n_dimensions = hyper.gaps.shape[1]
    w_d, unknown = (
        posterior.hyper[:, hyper.slots[name] : hyper.slots[name] + n_dimensions] for name in ("w_d", "unknown")
    )
    gaps = np.where(hyper.gap_unknown[setting], unknown, hyper.gaps[setting])
    distance = (w_d * np.abs(gaps - hyper.target_gaps)).sum(axis=1)
    return posterior.hyper[:, hyper.slots["v"] + hyper.v_index[setting]] * np.exp(-distance)


def _log_density_at(table: Floats, values: Floats) -> Floats:
    """Log density at `values`, any shape, interpolated between the grid points of `table`; -inf beyond its ends."""
    known = log_density(table[None], GRID[:, None])[:, 0]
    return np.interp(values, table[:, 0], known, left=-np.inf, right=-np.inf)


def above_under(moved: Moved, old: Hyper, new: Hyper, posterior: Posterior, pair: tuple[int, int]) -> Floats:
    """P(above | draw) (M,) of a pair of techniques under the new prior: tau cancels, w_0 is averaged over."""
    if moved.w_0 is None:
        return posterior.above(*pair)
    drawn = posterior.hyper[:, old.slots["w_0"], None]
    factors = np.exp(old.novelty * drawn - new.novelty * moved.w_0)
    if moved.shares.ndim == 1:
        return replace(posterior, factors=factors, factor_weights=moved.shares).above(*pair)
    # A node without weight may lie where w_0 cannot: any factor serves there.
    factors = np.where(moved.shares > 0, factors, 0.0)
    nodes = zip(moved.shares.T, factors.T, strict=True)
    return sum(
        (s * replace(posterior, factors=f[:, None], factor_weights=np.ones(1)).above(*pair) for s, f in nodes),
        start=np.zeros(len(drawn)),
    )
