"""The collapsed likelihood: everything but the hyperparameters integrated out, for one draw of them (JAX).

Given the hyperparameters all effects are jointly normal. Techniques are independent given the shared effects w and
the group levels kappa, so the cost is one small Cholesky per technique and one linear system in (kappa, w). Latents
(orders, small counts) are then conditioned on one after the other, each drawn from its exact or nearly exact
one-dimensional conditional, whose normalising constant enters the likelihood (docs/model.md, section 5).
"""

from __future__ import annotations

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
FIXED = 1e-11
"""Share of the largest variance given to a latent that others fix, so that the Cholesky factor exists."""


class Eta(NamedTuple):
    """One draw of the hyperparameters, and what follows from them."""

    values: Array
    tau: Array
    tau_P: Array  # noqa: N815 (the name of the mathematics)
    sigma: Array
    sigma_b: Array
    mu_b: Array
    sigma_d: Array
    mu_d: Array
    r: Array
    correlation: Array
    """(S + 1, S + 1), target last."""
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
    """Posterior of the group levels kappa (K) and shared effects w (W)."""

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
    v_raw = jax.lax.dynamic_slice(values, (s["v"],), (n_settings,))[data["v_index"]]
    v = jnp.where(random_effects, jnp.sqrt(shared_variance), v_raw)
    unknown = jax.lax.dynamic_slice(values, (s["unknown"],), (n_dimensions,))
    gaps = jnp.where(data["gap_unknown"], unknown, data["gaps"])
    w_d = jnp.where(random_effects, 0.0, jax.lax.dynamic_slice(values, (s["w_d"],), (n_dimensions,)))
    w_0, novelty = values[s["w_0"]], data["novelty"]
    w_0 = jnp.where(random_effects, -0.5 * jnp.log(shared_variance), w_0)
    novelty = jnp.where(random_effects, 1.0, novelty)
    moved = transport(jnp, gaps, data["target_gaps"], w_d=w_d, w_0=w_0, novelty=novelty)
    drawn = jax.lax.dynamic_slice(values, (s["l"],), (n_families,))
    reference = data["stated_reference"]
    from_stated = relevance_of_stated(
        jnp, drawn, construct_noise=v[reference], transported_to_target=moved[reference, -1]
    )
    ruled_out = jnp.any(data["stated"] & (from_stated > 1 + 1e-9))
    relevance = jnp.where(data["stated"], jnp.minimum(from_stated, 1.0), drawn)
    relevance = jnp.where(random_effects, 1.0, relevance)
    values = jax.lax.dynamic_update_slice(values, relevance, (s["l"],))
    one = jnp.ones(1)
    matrix = correlation(
        jnp, moved,
        relevance=jnp.concatenate([relevance[data["family_of_setting"]], one]),
        construct_noise=jnp.concatenate([v, one]),
        same_family=data["same_family"],
    )  # fmt: skip
    named = {k: values[s[k]] for k in ("sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r")}
    named["sigma"] = named["sigma"] * data["noise_scale"]
    values = values.at[0].set(jnp.where(random_effects, first, tau)).at[1].set(jnp.where(random_effects, second, tau_P))
    return Eta(
        values=values, tau=tau, tau_P=tau_P, correlation=matrix, log_prior=jnp.where(ruled_out, -jnp.inf, 0.0), **named
    )


class Kinds(NamedTuple):
    """Which kinds of latents there are: what is absent is not compiled."""

    signs: bool
    counts: bool


def collapse(data: Data, kinds: Kinds, xi: Array) -> Collapsed:
    """Likelihood and merits given coordinates `xi` (K + O,): hyperparameters first, then latents."""
    n_hyper = data["tables"].shape[0]
    eta = hyper_values(data, xi[:n_hyper])
    own = _own_parts(data, eta)
    border = _border(data, eta, own)
    merits = _merits(data, eta, own, border)
    log_latents, mean, cov = _condition_on_latents(data, kinds, xi[n_hyper:], merits, _Given(eta, own, border))
    return Collapsed(
        log_likelihood=border.log_likelihood + log_latents,
        mean=jnp.concatenate([jnp.zeros(1), mean]),
        cov=jnp.pad(cov, ((1, 0), (1, 0))),
        rho=eta.correlation[:-1, -1],
        hyper=eta.values,
        log_prior=eta.log_prior,
    )


class _Own(NamedTuple):
    """Per technique t >= 1: what its rows say of its own (unshared) part, given levels and shared effects."""

    information: Array
    """(B, B) information about (kappa, w), the baseline's rows included."""
    score: Array
    """(B,)"""
    log_likelihood: Array
    mean: Array
    """(T - 1, Q) mean of the own part at the nodes at (kappa, w) = 0."""
    slope: Array
    """(T - 1, Q, B) by how much it falls per unit of (kappa, w)."""
    cov: Array
    """(T - 1, Q, Q)"""


def _row_arrays(data: Data, eta: Eta) -> tuple[Array, Array, Array, Array]:
    """Per row (N + 1): active 0/1, variance, residual y, loadings on (kappa, w)."""
    uniform = jax.lax.dynamic_slice(eta.values, (data["slots"]["n"],), (data["n_assumed"].shape[0],))
    uniform = jnp.append(uniform, 0.0)[data["row_assumed"]]
    # n is log-uniform, and a variance is a power of n: more of n, less variance.
    log_var = (1 - uniform) * data["row_log_var_lo"] + uniform * data["row_log_var_hi"]
    variance = jnp.exp(log_var) * data["se_scale"] ** 2 + data["row_own_noise"] * eta.sigma**2
    active = data["row_active"]
    shared = data["row_shared"] * active[:, None]
    levels = data["row_level"] * active[:, None]
    residual = (data["row_y"] - data["row_shared"] @ _prior_mean(data, eta)) * active
    return active, jnp.where(active > 0, variance, 1.0), residual, jnp.concatenate([levels, shared], axis=1)


def _prior_mean(data: Data, eta: Eta) -> Array:
    return eta.mu_b * data["column_is_setting"] + eta.mu_d * data["column_is_allegiance"]


def _own_parts(data: Data, eta: Eta) -> _Own:
    active, variance, residual, loadings = _row_arrays(data, eta)
    rows, nodes = data["rows_of_technique"], data["node_settings"]
    n_settings = eta.correlation.shape[0] - 1
    on = active[rows]
    setting = data["row_setting"][rows]
    own = eta.tau_P**2 * (1 - eta.r)
    K = own * _at(eta.correlation, setting[:, :, None], setting[:, None, :]) * on[:, :, None] * on[:, None, :]
    V = K + jnp.eye(rows.shape[1]) * variance[rows][:, :, None]
    scale = jnp.where(nodes == n_settings, eta.tau, eta.tau_P) * jnp.sqrt(1 - eta.r)
    to_nodes = scale[:, None, :] * eta.tau_P * jnp.sqrt(1 - eta.r)
    to_nodes = to_nodes * _at(eta.correlation, setting[:, :, None], nodes[:, None, :]) * on[:, :, None]
    L = jnp.linalg.cholesky(V)
    right = jnp.concatenate([loadings[rows], residual[rows][:, :, None], to_nodes], axis=2)
    solved = jax.scipy.linalg.solve_triangular(L, right, lower=True)
    B = loadings.shape[1]
    Z, y, k = solved[:, :, :B], solved[:, :, B], solved[:, :, B + 1 :]
    prior_cov = scale[:, :, None] * scale[:, None, :] * _at(eta.correlation, nodes[:, :, None], nodes[:, None, :])
    base = data["baseline_rows"]
    base_Z, base_y, base_v = loadings[base], residual[base], variance[base]
    log_det = 2 * jnp.log(jnp.diagonal(L, axis1=1, axis2=2)).sum() + jnp.log(base_v).sum()
    flat_Z = Z.reshape(-1, B)
    return _Own(
        information=flat_Z.T @ flat_Z + (base_Z / base_v[:, None]).T @ base_Z,
        score=flat_Z.T @ y.reshape(-1) + base_Z.T @ (base_y / base_v),
        log_likelihood=-0.5 * (log_det + (y**2).sum() + (base_y**2 / base_v).sum()),
        mean=jnp.einsum("tnq,tn->tq", k, y),
        slope=jnp.einsum("tnq,tnb->tqb", k, Z),
        cov=prior_cov - jnp.einsum("tnq,tnp->tqp", k, k),
    )


def _at(matrix: Array, rows: Array, columns: Array) -> Array:
    """matrix[rows, columns] for indices known to be in range: a flat gather, several times faster than a checked one."""
    flat = rows * matrix.shape[1] + columns
    return matrix.reshape(-1).at[flat].get(mode="promise_in_bounds")


def _shared_prior_cov(data: Data, eta: Eta) -> Array:
    """Prior covariance of w: setting levels and the target's shared part jointly, then allegiance and noise."""
    n_settings = eta.correlation.shape[0] - 1
    scale = jnp.append(jnp.full(n_settings, eta.tau_P), eta.tau)
    joint = eta.r * eta.correlation * scale[:, None] * scale[None, :]
    joint = joint + jnp.diag(jnp.append(jnp.full(n_settings, eta.sigma_b**2), 0.0))
    n_other = data["row_shared"].shape[1] - n_settings - 1
    other = (eta.sigma_d**2 * data["column_is_allegiance"] + eta.sigma**2 * data["column_is_noise"])[n_settings:-1]
    C = jnp.zeros((n_settings + n_other + 1,) * 2)
    C = C.at[:n_settings, :n_settings].set(joint[:-1, :-1])
    C = C.at[-1, :n_settings].set(joint[-1, :-1]).at[:n_settings, -1].set(joint[:-1, -1]).at[-1, -1].set(joint[-1, -1])
    middle = jnp.arange(n_settings, n_settings + n_other)
    return C.at[middle, middle].set(other)


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


def _merits(data: Data, eta: Eta, own: _Own, border: Border) -> _Merits:
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
    n_techniques, width = data["node_settings"].shape
    n_groups = data["group_precision"].shape[0]
    select = data["latent_select"]
    cov_rows = [_node_rows(own.cov, data[f"latent_node_{side}"], n_techniques, width) for side in ("a", "c")]
    own_cov = cov_rows[0] - cov_rows[1]
    flat = select.reshape(select.shape[0], -1)
    loads = jnp.concatenate([data["latent_level"], data["latent_shared"]], axis=1)
    prior_mean = jnp.concatenate([jnp.zeros(n_groups), _prior_mean(data, eta)])
    G = loads - flat @ own.slope.reshape(n_techniques * width, -1)
    GB = G @ border.cov
    cov = own_cov.reshape(flat.shape) @ flat.T + GB @ G.T + jnp.diag(data["latent_own_noise"]) * eta.sigma**2
    return _Latents(
        mean=flat @ own.mean.reshape(-1) + G @ border.mean + loads @ prior_mean,
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
    log_odds = jnp.clip((data["latent_signs"] * data["mask"]).sum(axis=1) * data["sign_scale"], -40.0, 40.0)
    per_latent = (
        L, jnp.eye(n_latents), found.mean, active, data["latent_is_sign"], data["latent_threshold"], log_odds,
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
