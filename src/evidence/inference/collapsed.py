"""The collapsed likelihood: everything but the hyperparameters integrated out, for one draw of them (JAX).

Given the hyperparameters all effects are jointly normal. Techniques are independent given the shared effects w and
the group levels kappa, so the cost is one small Cholesky per technique and one linear system in (kappa, w). Latents
(orders, small counts) are then conditioned on one after the other, each drawn from its exact or nearly exact
one-dimensional conditional, whose normalising constant enters the likelihood (docs/model.md, section 5).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr, ndtri

from evidence.model.priors import look_up
from evidence.model.validity import correlation, relevance_of_stated, transport

type Array = jax.Array
type Data = dict[str, Any]

LOGIT_PER_SMD = 1.8137993642342178
"""pi / sqrt(3): one SMD is this many logits (Chinn 2000)."""
NEWTON_STEPS = 12
TINY = 1e-13
DEPENDENT = 1e-14
"""A pivot of the kernel below this is rounding: the node follows from those before it."""
FIXED = 1e-11
"""Share of the largest variance given to a latent that others fix, so that the Cholesky factor exists."""


class Eta(NamedTuple):
    """One draw of the hyperparameters, and what follows from them."""

    values: Array
    tau: Array
    r: Array
    sigma: Array
    sigma_b: Array
    sigma_d: Array
    column_mean: Array
    """(B,) prior mean of each column."""
    scale: Array
    """(P,) spread of true effects at each place: tau_P lambda_s, tau at targets."""
    v: Array
    """(P,)"""
    kernel: Array
    """(G, G) correlation of effects between nodes, construct noise apart; the target in use last."""
    rho: Array
    """(S,)"""
    log_prior: Array
    """0, or -inf where a stated validity is ruled out."""


class Collapsed(NamedTuple):
    """What one draw of the hyperparameters and the latents' coordinates gives."""

    log_likelihood: Array
    mean: Array
    cov: Array
    rho: Array
    hyper: Array
    log_prior: Array


class Border(NamedTuple):
    """Posterior of the columns: group levels kappa (K), then shared effects w (W)."""

    mean: Array
    cov: Array
    log_likelihood: Array


def hyper_values(data: Data, xi: Array) -> Eta:
    """Hyperparameters at standard normal coordinates `xi` (K,)."""
    values = look_up(jnp, data["tables"], xi)
    s = data["slots"]
    n_dimensions, n_families, n_settings = (data[k].shape[-1] for k in ("target_gaps", "stated", "v_index"))
    first, second = values[0], values[1]
    random_effects = data["random_effects"]
    total = jnp.hypot(first, second)
    shared_variance = jnp.clip(first**2 / total**2, TINY, 1.0)
    tau = jnp.where(random_effects, total, first)
    tau_P = jnp.where(random_effects, total, jnp.where(data["scale_link"], first, second))
    part = functools.partial(jax.lax.dynamic_slice, values)
    v = jnp.where(random_effects, jnp.sqrt(shared_variance), part((s["v"],), (n_settings,))[data["v_index"]])
    w_d = jnp.where(random_effects, 0.0, part((s["w_d"],), (n_dimensions,)))
    w_0 = jnp.where(random_effects, -0.5 * jnp.log(shared_variance), values[s["w_0"]])
    novelty = jnp.where(random_effects & (data["place_novelty"] > 0), 1.0, data["place_novelty"])
    novelty = novelty.at[-1].set(jnp.where(random_effects, 1.0, novelty[-1]))
    gaps = jnp.where(data["place_unknown"], part((s["unknown"],), (n_dimensions,)), data["place_gaps"])
    to_target = transport(jnp, gaps[:n_settings], gaps[-1:], w_d=w_d, w_0=w_0, novelty=novelty[-1])[:, 0]
    drawn, reference = part((s["l"],), (n_families,))[data["l_index"]], data["stated_reference"]
    from_stated = relevance_of_stated(
        jnp, drawn, construct_noise=v[reference], transported_to_target=to_target[reference]
    )
    ruled_out = jnp.any(data["stated"] & (from_stated > 1 + 1e-9))
    relevance = jnp.where(data["stated"], jnp.minimum(from_stated, 1.0), drawn)
    relevance = jnp.where(random_effects, 1.0, relevance)
    values = jax.lax.dynamic_update_slice(values, relevance, (s["l"],))
    values = values.at[0].set(jnp.where(random_effects, first, tau)).at[1].set(jnp.where(random_effects, second, tau_P))
    nodes = data["node_places"]
    node_novelty = novelty[nodes]
    moved = transport(
        jnp, gaps[nodes], gaps[nodes], w_d=w_d, w_0=w_0, novelty=node_novelty[:, None] + node_novelty[None, :]
    )
    kernel = correlation(
        jnp, moved, relevance=jnp.append(relevance, 1.0)[data["node_family"]],
        same_family=data["same_family"], same_node=data["same_node"],
    )  # fmt: skip
    stretch = part((s["lambda"],), (n_settings,))
    n_targets = gaps.shape[0] - n_settings
    named = {k: values[s[k]] for k in ("sigma", "sigma_b", "sigma_d", "r")}
    named["sigma"] = named["sigma"] * data["noise_scale"]
    return Eta(
        values=values, tau=tau, kernel=kernel,
        column_mean=values[s["mu_b"]] * data["column_is_proxy"] + values[s["mu_d"]] * data["column_is_allegiance"],
        scale=jnp.concatenate([tau_P * stretch, jnp.full(n_targets, tau)]),
        v=jnp.concatenate([v, jnp.ones(n_targets)]),
        rho=v * relevance[data["family_of_setting"]] * to_target,
        log_prior=jnp.where(ruled_out, -jnp.inf, 0.0), **named,
    )  # fmt: skip


class Kinds(NamedTuple):
    """Which parts there are: what is absent is not compiled."""

    signs: bool
    counts: bool
    merits: bool
    moments: bool = True
    """False: the likelihood alone."""


def collapse(data: Data, kinds: Kinds, xi: Array) -> Collapsed:
    """Likelihood and merits given coordinates `xi` (K + O,): hyperparameters first, then latents."""
    n_hyper = data["tables"].shape[0]
    eta = hyper_values(data, xi[:n_hyper])
    rows = _rows(data, kinds, eta)
    cells = _cells(data, eta, rows)
    own = _own_parts(data, kinds, eta, cells)
    border = _border(data, eta, own)
    merits = _merits(eta, own, border)
    log_latents, mean, cov = _condition_on_latents(data, kinds, xi[n_hyper:], merits, _Given(eta, own, border))
    log_likelihood = border.log_likelihood + log_latents - rows.log_merits
    if not kinds.moments:
        mean, cov = jnp.zeros(1), jnp.zeros((1, 1))
    else:
        mean, cov = jnp.concatenate([jnp.zeros(1), mean]), jnp.pad(cov, ((1, 0), (1, 0)))
    return Collapsed(log_likelihood, mean, cov, eta.rho, eta.values, eta.log_prior)


def _take(values: Array, index: Array) -> Array:
    """values[index] for indices known to be in range: several times faster than a checked gather."""
    return values.at[index].get(mode="promise_in_bounds")


def _take_or_zero(values: Array, index: Array) -> Array:
    """Flat `values` at `index`, 0 where the index is one past the end."""
    return _take(jnp.append(values.reshape(-1), 0.0), index)


class _RowParts(NamedTuple):
    """Per row (N + 1, the last a dummy that weighs nothing)."""

    weight: Array
    """1 / variance, 0 where the row is off."""
    y: Array
    log_variance: Array
    """0 where the row is off."""
    log_merits: Array
    """log p(registered merits | hyperparameters), which is divided out: registering does not move eta."""


def _rows(data: Data, kinds: Kinds, eta: Eta) -> _RowParts:
    uniform = jax.lax.dynamic_slice(eta.values, (data["slots"]["n"],), (data["n_assumed"].shape[0],))
    uniform = _take(jnp.append(uniform, 0.0), data["row_assumed"])
    # n is log-uniform, and a variance is a power of n: more of n, less variance.
    log_var = (1 - uniform) * data["row_log_var_lo"] + uniform * data["row_log_var_hi"]
    variance = jnp.exp(log_var) * data["se_scale"] ** 2 + data["row_own_noise"] * eta.sigma**2
    active, y, log_merits = data["row_active"], data["row_y"], jnp.zeros(())
    if kinds.merits:
        sd, tau2 = data["row_merit_sd"], eta.tau**2
        holds = (sd > 0) & (eta.tau > sd)
        room = jnp.where(holds, tau2 - sd**2, 1.0)
        # A belief N(m, s^2) is the prior N(0, tau^2) times a finding of this size and variance.
        y = jnp.where(holds, y * tau2 / room, y)
        variance = jnp.where(holds, sd**2 * tau2 / room, variance)
        active = jnp.where(sd > 0, active * holds, active)
        log_merits = _log_merits(eta, y, variance, active * (sd > 0))
    variance = jnp.where(active > 0, variance, 1.0)
    return _RowParts(active / variance, y * active, jnp.log(variance), log_merits)


def _log_merits(eta: Eta, y: Array, variance: Array, active: Array) -> Array:
    """Log N(y; 0, diag(tau^2 (1 - r) + variance) + tau^2 r 11') over the active registered merits."""
    d = jnp.where(active > 0, eta.tau**2 * (1 - eta.r) + variance, 1.0)
    shared = eta.tau**2 * eta.r
    total = 1 + shared * (active / d).sum()
    quadratic = (active * y**2 / d).sum() - shared * (active * y / d).sum() ** 2 / total
    return -0.5 * (jnp.log(d).sum() + jnp.log(total) + quadratic)


class _CellParts(NamedTuple):
    """Per cell (J): its rows as one mean, and what remains between them."""

    precision: Array
    """Sum of 1 / variance."""
    loading: Array
    """(J, W) mean loading on each slot's column."""
    y: Array
    """Mean residual, prior means of the columns removed."""
    effect: Array
    """Spread of the effect that the cell shares with its node."""
    own: Array
    """Variance of the effect that belongs to the cell alone (construct noise)."""
    weight: Array
    """Precision of the mean once `own` is integrated out."""
    between: Array
    """(J, W, W) information of the cell about its columns before the node's effect is integrated out."""
    score: Array
    """(J, W)"""
    quadratic: Array
    """Sum over cells and rows of squared residuals, weighted."""
    log_variance: Array


def _cells(data: Data, eta: Eta, rows: _RowParts) -> _CellParts:
    index, loadings, columns = data["cell_rows"], data["cell_loadings"], data["cell_columns"]
    w, y = _take(rows.weight, index), _take(rows.y, index)
    mean = _take(jnp.append(eta.column_mean, 0.0), columns)
    y = y - jnp.einsum("jrw,jw->jr", loadings, mean)
    precision = w.sum(axis=1)
    share = w / jnp.where(precision > 0, precision, 1.0)[:, None]
    loading, y_mean = jnp.einsum("jr,jrw->jw", share, loadings), (share * y).sum(axis=1)
    scale = _take(eta.scale, data["cell_place"]) * data["cell_has_effect"] * jnp.sqrt(1 - eta.r)
    v = _take(eta.v, data["cell_place"])
    own = scale**2 * jnp.maximum(1 - v**2, 0.0)
    weight = precision / (1 + own * precision)
    between = weight[:, None, None] * loading[:, :, None] * loading[:, None, :]
    score, quadratic = weight[:, None] * loading * y_mean[:, None], (weight * y_mean**2).sum()
    if index.shape[1] > 1:
        dz, dy = loadings - loading[:, None, :], y - y_mean[:, None]
        between = between + jnp.einsum("jr,jrw,jrv->jwv", w, dz, dz)
        score = score + jnp.einsum("jr,jrw,jr->jw", w, dz, dy)
        quadratic = quadratic + (w * dy**2).sum()
    log_variance = rows.log_variance.sum() + jnp.log1p(own * precision).sum()
    return _CellParts(
        precision, loading, y_mean, scale * v, own, weight, between, score, quadratic, log_variance
    )  # fmt: skip


class _Own(NamedTuple):
    """What all rows say of the columns, and of each technique's own (unshared) part given the columns."""

    information: Array
    """(B, B)"""
    score: Array
    """(B,)"""
    log_likelihood: Array
    mean: Array
    """(T - 1, Q) mean of the own part at the queries with all columns at their prior means."""
    slope: Array
    """(T - 1, Q, B) by how much it falls per unit of a column."""
    cov: Array
    """(T - 1, Q, Q)"""


def _own_parts(data: Data, kinds: Kinds, eta: Eta, cells: _CellParts) -> _Own:
    """Techniques are independent given the columns: one Cholesky factor of nodes x nodes each."""
    pull = cells.weight * cells.effect
    precision = _take_or_zero(pull * cells.effect, data["node_cells"]).sum(axis=-1)
    y = _take_or_zero(pull * cells.y, data["node_cells"]).sum(axis=-1)
    root = cholesky_of_kernel(eta.kernel)
    S = jnp.eye(root.shape[0]) + jnp.einsum("ga,tg,gb->tab", root, precision, root)
    L = jnp.linalg.cholesky(S)
    W = jax.scipy.linalg.solve_triangular(L, jnp.broadcast_to(root.T, L.shape), lower=True)
    nodes = _Nodes(
        cov=jnp.einsum("tga,tgb->tab", W, W),
        y=y,
        d=_take_or_zero(pull[:, None] * cells.loading, data["entry_slots"]).sum(axis=-1),
    )
    pairs = _take_or_zero(cells.between, data["pair_slots"]).sum(axis=-1)
    between = _take_or_zero(pairs, data["pair_of_columns"])
    score = _take_or_zero(cells.score, data["column_slots"]).sum(axis=-1)
    by_entry = jnp.einsum("taib,tbj->aibj", nodes.d[:, :, :, None] * nodes.cov[:, :, None, :], nodes.d)
    mean = jnp.einsum("tab,tb->ta", nodes.cov, y)
    to_columns = _entries_to_columns(data)
    n_entries = to_columns.shape[0]
    log_det = cells.log_variance + 2 * jnp.log(jnp.diagonal(L, axis1=1, axis2=2)).sum()
    found = _at_queries(data, kinds, eta, cells, nodes)
    return _Own(
        information=between - to_columns.T @ by_entry.reshape(n_entries, n_entries) @ to_columns,
        score=score - to_columns.T @ jnp.einsum("tai,ta->ai", nodes.d, mean).reshape(-1),
        log_likelihood=-0.5 * (log_det + cells.quadratic - (y * mean).sum()),
        mean=found[0], slope=found[1], cov=found[2],
    )  # fmt: skip


def _entries_to_columns(data: Data) -> Array:
    """(G E, B) 1 where an entry stands for a column."""
    columns, n_columns = data["entry_columns"], data["pair_of_columns"].shape[0]
    return jax.nn.one_hot(columns.reshape(-1, columns.shape[-1]), n_columns).sum(axis=1)


class _Nodes(NamedTuple):
    """Per technique: what its cells say of its effects at the nodes."""

    cov: Array
    """(T - 1, G, G) of the effects given the cells and the columns."""
    y: Array
    """(T - 1, G) precision times mean residual."""
    d: Array
    """(T - 1, G, E) precision times mean loading on each entry's column."""


def cholesky_of_kernel(kernel: Array) -> Array:
    """Lower factor of a kernel that may be singular: perfect proxies are all one, and dependent columns stay 0."""

    def eliminate(k: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        rest, factor = carry
        pivot = rest[k, k]
        column = jnp.where(jnp.arange(kernel.shape[0]) >= k, rest[:, k], 0.0)
        column = jnp.where(pivot > DEPENDENT, column / jnp.sqrt(jnp.maximum(pivot, DEPENDENT)), 0.0)
        return rest - column[:, None] * column[None, :], factor.at[:, k].set(column)

    return jax.lax.fori_loop(0, kernel.shape[0], eliminate, (kernel, jnp.zeros_like(kernel)))[1]


def _at_queries(data: Data, kinds: Kinds, eta: Eta, cells: _CellParts, nodes: _Nodes) -> tuple[Array, Array, Array]:
    """Mean, slope and covariance of the own part at the queries; a cell's own effect stays with the cell."""
    places, cell = data["query_places"], data["query_cells"]
    node = _take(data["place_node"], places)
    scale, v = _take(eta.scale, places) * jnp.sqrt(1 - eta.r), _take(eta.v, places)
    own = scale**2 * jnp.maximum(1 - v**2, 0.0)
    kept = 1 / (1 + own * _take_or_zero(cells.precision, cell))
    effect = scale * v * kept
    at_query = jnp.take_along_axis(nodes.cov, node[:, :, None], axis=1)
    mean = effect * jnp.einsum("tqg,tg->tq", at_query, nodes.y) + (1 - kept) * _take_or_zero(cells.y, cell)
    n_columns = data["pair_of_columns"].shape[0]
    by_entry = effect[:, :, None, None] * at_query[:, :, :, None] * nodes.d[:, None]
    to_columns = _entries_to_columns(data)
    slope = by_entry.reshape(*places.shape, -1) @ to_columns
    if kinds.signs or kinds.counts:
        padded = jnp.concatenate([cells.loading, jnp.zeros((1, cells.loading.shape[1]))])
        columns = jnp.concatenate([data["cell_columns"], jnp.full((1, cells.loading.shape[1]), n_columns)])
        dense = jnp.einsum("tqw,tqwb->tqb", _take(padded, cell), jax.nn.one_hot(_take(columns, cell), n_columns))
        slope = slope + (1 - kept)[:, :, None] * dense
    cov = jnp.take_along_axis(at_query, node[:, None, :], axis=2)
    cov = effect[:, :, None] * effect[:, None, :] * cov
    return mean, slope, cov + jnp.eye(places.shape[1]) * (own * kept)[:, :, None]


def _shared_prior_cov(data: Data, eta: Eta) -> Array:
    """Prior covariance of w: place levels and the target's shared part jointly, then allegiance and noise."""
    places = data["level_places"]
    node, scale, v = _take(data["place_node"], places), _take(eta.scale, places), _take(eta.v, places)
    n_levels, n_groups = places.shape[0] - 1, data["group_precision"].shape[0]
    kernel = _take(_take(eta.kernel, node).T, node)
    R = jnp.where(jnp.eye(n_levels + 1, dtype=bool), 1.0, v[:, None] * v[None, :] * kernel)
    is_proxy = data["column_is_proxy"][n_groups : n_groups + n_levels]
    joint = eta.r * R * scale[:, None] * scale[None, :] + jnp.diag(jnp.append(is_proxy * eta.sigma_b**2, 0.0))
    n_other = data["column_is_proxy"].shape[0] - n_groups - n_levels - 1
    other = eta.sigma_d**2 * data["column_is_allegiance"] + eta.sigma**2 * data["column_is_noise"]
    C = jnp.zeros((n_levels + n_other + 1,) * 2)
    C = C.at[:n_levels, :n_levels].set(joint[:-1, :-1])
    C = C.at[-1, :n_levels].set(joint[-1, :-1]).at[:n_levels, -1].set(joint[:-1, -1]).at[-1, -1].set(joint[-1, -1])
    middle = jnp.arange(n_levels, n_levels + n_other)
    return C.at[middle, middle].set(other[n_groups + n_levels : -1])


def _border(data: Data, eta: Eta, own: _Own) -> Border:
    """Group levels and shared effects given all rows; w needs no inverse of its (possibly singular) prior."""
    n_groups = data["group_precision"].shape[0]
    C = _shared_prior_cov(data, eta)
    Q, q = own.information, own.score
    Q_ww, q_w = Q[n_groups:, n_groups:], q[n_groups:]
    log_levels = 0.0
    P_inverse = to_levels = level_scores = None
    if n_groups:
        P = Q[:n_groups, :n_groups] + jnp.diag(data["group_precision"])
        L = jnp.linalg.cholesky(P)
        solved = jax.scipy.linalg.cho_solve(
            (L, True), jnp.concatenate([Q[:n_groups, n_groups:], q[:n_groups, None], jnp.eye(n_groups)], axis=1)
        )
        n_shared = C.shape[0]
        to_levels, level_scores, P_inverse = solved[:, :n_shared], solved[:, n_shared], solved[:, n_shared + 1 :]
        log_levels = 0.5 * q[:n_groups] @ level_scores - jnp.log(jnp.diagonal(L)).sum()
        q_w = q_w - Q[n_groups:, :n_groups] @ level_scores
        Q_ww = Q_ww - Q[n_groups:, :n_groups] @ to_levels
    factors = jax.scipy.linalg.lu_factor(jnp.eye(C.shape[0]) + C @ Q_ww)
    solved = jax.scipy.linalg.lu_solve(factors, jnp.concatenate([C, (C @ q_w)[:, None]], axis=1))
    cov_w, mean_w = solved[:, :-1], solved[:, -1]
    cov_w = (cov_w + cov_w.T) / 2
    log_shared = 0.5 * q_w @ mean_w - 0.5 * jnp.log(jnp.abs(jnp.diag(factors[0]))).sum()
    log_likelihood = own.log_likelihood + log_levels + log_shared
    if P_inverse is None or to_levels is None or level_scores is None:
        return Border(mean_w, cov_w, log_likelihood)
    cross = -to_levels @ cov_w
    cov = jnp.block([[P_inverse - cross @ to_levels.T, cross], [cross.T, cov_w]])
    return Border(jnp.concatenate([level_scores - to_levels @ mean_w, mean_w]), cov, log_likelihood)


class _Merits(NamedTuple):
    """Merits of techniques 1.. given the Gaussian rows."""

    mean: Array
    cov: Array
    loads: Array
    """(T - 1, B) loadings on (kappa, w) once the own parts are projected out."""


def _merits(eta: Eta, own: _Own, border: Border) -> _Merits:
    """The target is every technique's first node, and the last shared effect."""
    loads = -own.slope[:, 0, :]
    loads = loads.at[:, -1].add(1.0)
    cov = jnp.diag(own.cov[:, 0, 0]) + loads @ border.cov @ loads.T
    return _Merits(own.mean[:, 0] + loads @ border.mean, (cov + cov.T) / 2, loads)


class _Latents(NamedTuple):
    """Latents given the Gaussian rows, and their covariance with the merits."""

    mean: Array
    cov: Array
    with_merits: Array
    """(O, T - 1)"""


class _Given(NamedTuple):
    """What the latents are conditioned on first: hyperparameters and Gaussian rows."""

    eta: Eta
    own: _Own
    border: Border


def _latents(data: Data, merits: _Merits, given: _Given) -> _Latents:
    eta, own, border = given
    n_techniques, width = data["query_places"].shape
    select = data["latent_select"]
    cov_rows = [_node_rows(own.cov, data[f"latent_node_{side}"], n_techniques, width) for side in ("a", "c")]
    own_cov = cov_rows[0] - cov_rows[1]
    flat = select.reshape(select.shape[0], -1)
    loads = data["latent_columns"]
    G = loads - flat @ own.slope.reshape(n_techniques * width, -1)
    GB = G @ border.cov
    cov = own_cov.reshape(flat.shape) @ flat.T + GB @ G.T + jnp.diag(data["latent_own_noise"]) * eta.sigma**2
    return _Latents(
        mean=flat @ own.mean.reshape(-1) + G @ border.mean + loads @ eta.column_mean,
        cov=(cov + cov.T) / 2,
        with_merits=own_cov[:, :, 0] + GB @ merits.loads.T,
    )


def _node_rows(cov: Array, node: Array, n_techniques: int, width: int) -> Array:
    """Covariance of the own part at each node (O,) with all nodes, (O, T - 1, Q): 0 for node -1 and across techniques."""
    technique = jnp.where(node >= 0, node // width, n_techniques)
    rows = cov.reshape(-1, width).at[jnp.maximum(node, 0)].get(mode="promise_in_bounds")
    return jax.nn.one_hot(technique, n_techniques, dtype=rows.dtype)[:, :, None] * rows[:, None, :]


def _condition_on_latents(
    data: Data, kinds: Kinds, xi: Array, merits: _Merits, given: _Given
) -> tuple[Array, Array, Array]:
    """Draw each latent from its conditional, add its normalising constant, and condition the merits on all of them.

    A latent is mean + L zeta with L the Cholesky factor of their covariance; zeta_i is drawn given zeta_1..i-1. One
    already fixed by others (A > B, B > C, then A > C) has next to no variance left: it is checked, not drawn.
    """
    n_latents = data["latent_node_a"].shape[0]
    if n_latents == 0:
        return jnp.zeros(()), merits.mean, merits.cov
    found = _latents(data, merits, given)
    active = data["latent_active"].astype(float)
    S = found.cov * active[:, None] * active[None, :]
    S = S + jnp.diag(jnp.where(active > 0, FIXED * (1 + jnp.diag(S).max()), 1.0))
    L = jnp.linalg.cholesky(S)
    per_latent = (
        L, jnp.eye(n_latents), found.mean, active, data["latent_is_sign"], data["latent_threshold"], data["latent_log_odds"],
        _cells_at(data["latent_cells"], data["se_scale"]), jnp.clip(ndtr(xi), 1e-12, 1 - 1e-12),
    )  # fmt: skip

    def step(carry: tuple[Array, Array], latent: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        total, zeta = carry
        row, here, mean, on, is_sign, threshold, odds, cells, u = latent
        sd, mean = row @ here, mean + row @ zeta
        drawn = [_draw_sign(mean, sd, threshold, odds, u)] if kinds.signs else []
        drawn += [_draw_count(mean, sd, cells, u)] if kinds.counts else []
        value, log_z = (jnp.where(is_sign, first, last) for first, last in zip(drawn[0], drawn[-1], strict=True))
        return (total + on * log_z, zeta + on * here * (value - mean) / sd), None

    (total, zeta), _ = jax.lax.scan(step, (jnp.zeros(()), jnp.zeros(n_latents)), per_latent)
    slope = jax.scipy.linalg.solve_triangular(L, found.with_merits * active[:, None], lower=True)
    return total, merits.mean + slope.T @ zeta, merits.cov - slope.T @ slope


def _cells_at(cells: Array, se_scale: Array) -> Array:
    """Cells of a sample 1 / se_scale^2 times as large; an empty cell grows from half a case (metafor's correction)."""
    growth = se_scale**-2
    return jnp.maximum(cells * growth + jnp.where(cells == 0, 0.5 * (growth - 1), 0.0), 0.0)


def _draw_sign(m: Array, sd: Array, threshold: Array, log_odds: Array, u: Array) -> tuple[Array, Array]:
    """A draw of x ~ N(m, sd^2) tilted by q where x > threshold and 1 - q below, and log of the constant."""
    a = (m - threshold) / sd
    log_above = -jnp.logaddexp(0.0, -log_odds) + log_ndtr(a)
    log_below = -jnp.logaddexp(0.0, log_odds) + log_ndtr(-a)
    log_z = jnp.logaddexp(log_above, log_below)
    p_below = jnp.exp(log_below - log_z)
    # Inverse of the tilted CDF: below the threshold first, then above, each from the nearer tail.
    in_below = u < p_below
    share_below = jnp.clip(u / jnp.maximum(p_below, 1e-300), 1e-12, 1.0)
    share_above = jnp.clip((1 - u) / jnp.maximum(1 - p_below, 1e-300), 1e-12, 1.0)
    z_below = _ndtri_exp(jnp.log(share_below) + log_ndtr(-a))
    z_above = -_ndtri_exp(jnp.log(share_above) + log_ndtr(a))
    return m + sd * jnp.where(in_below, z_below, z_above), log_z


def _ndtri_exp(log_p: Array) -> Array:
    """Standard normal quantile of exp(log_p), no further out than 37 standard deviations."""
    return ndtri(jnp.exp(jnp.maximum(log_p, -690.0)))


def _draw_count(m: Array, sd: Array, cells: Array, u: Array) -> tuple[Array, Array]:
    """A draw of an arm's level x ~ N(m, sd^2) given binomial cells, by a t_4 around the mode, and its log weight.

    The logit is x pi/sqrt(3). The density is log-concave, so Newton from the empirical logit converges.
    """
    k, rest = cells[0], cells[1]
    c = LOGIT_PER_SMD

    def log_target(x: Array) -> Array:
        log_binomial = -k * jnp.logaddexp(0.0, -c * x) - rest * jnp.logaddexp(0.0, c * x)
        return log_binomial - 0.5 * ((x - m) / sd) ** 2 - jnp.log(sd) - 0.9189385332046727

    def newton(x: Array, _: None) -> tuple[Array, None]:
        p = jax.nn.sigmoid(c * x)
        gradient = c * (k - (k + rest) * p) - (x - m) / sd**2
        curvature = c**2 * (k + rest) * p * (1 - p) + sd**-2
        return x + jnp.clip(gradient / curvature, -2.0, 2.0), None

    empirical = jnp.log((k + 0.5) / (rest + 0.5)) / c
    precision = c**2 / (1 / (k + 0.5) + 1 / (rest + 0.5))
    start = (precision * empirical + m / sd**2) / (precision + sd**-2)
    mode, _ = jax.lax.scan(newton, start, None, length=NEWTON_STEPS)
    p = jax.nn.sigmoid(c * mode)
    scale = 1.1 / jnp.sqrt(c**2 * (k + rest) * p * (1 - p) + sd**-2)
    t = _t4_quantile(u)
    log_t4 = jnp.log(0.375) - 2.5 * jnp.log1p(t**2 / 4) - jnp.log(scale)
    x = mode + scale * t
    return x, log_target(x) - log_t4


def _t4_quantile(u: Array) -> Array:
    """Quantile of Student's t with 4 degrees of freedom (closed form, Shaw 2006)."""
    a = jnp.clip(4 * u * (1 - u), 1e-300, 1.0)
    root = jnp.sqrt(a)
    q = jnp.cos(jnp.arccos(jnp.clip(root, 0.0, 1.0)) / 3) / root
    return jnp.sign(u - 0.5) * 2 * jnp.sqrt(jnp.maximum(q - 1, 0.0))
