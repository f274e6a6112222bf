"""Gates: whether draws can be trusted, weighted ones and those of chains (docs/model.md, section 5). No JAX here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.domain.results import Check
from evidence.inference.engine import Posterior
from evidence.model.hyper import Hyper
from evidence.model.priors import irrelevant_share

type Floats = NDArray[np.float64]

K_HAT_LIMIT = 0.7
IRRELEVANCE_LIMIT = 0.02
R_HAT_LIMIT, CHAIN_ESS_LIMIT, E_BFMI_LIMIT = 1.01, 400, 0.3


def effective_sample_size(weights: Floats) -> float:
    """1 / sum w^2 of normalised weights: a count of draws."""
    return float(1.0 / np.sum(weights**2))


def pareto_k(log_weights: Floats) -> float:
    """Pareto k-hat of importance weights: shape of a generalised Pareto law fitted to the largest ones.

    Below .7 the weighted mean is reliable (Vehtari et al. 2024). The fit is Zhang and Stephens (2009) with the weak
    prior of that paper, as in ArviZ; constant weights give -inf, too few draws +inf.
    """
    finite = log_weights[np.isfinite(log_weights)]
    n_tail = int(np.ceil(min(0.2 * len(log_weights), 3 * np.sqrt(len(log_weights)))))
    if len(finite) <= n_tail or n_tail < 5:
        return float("inf")
    top = np.partition(finite, -n_tail - 1)[-n_tail - 1 :]
    ordered = np.exp(np.sort(top) - top.max())
    tail, cutoff = ordered[1:], ordered[0]
    exceedances = tail - cutoff
    if exceedances[-1] <= 1e-10 or (exceedances[0] <= 0 and np.ptp(exceedances) == 0):
        return float("-inf")
    return _pareto_shape(np.maximum(exceedances, 1e-300))


def _pareto_shape(x: Floats) -> float:
    """Shape of a generalised Pareto law for sorted positive `x` (Zhang and Stephens 2009)."""
    n = len(x)
    n_grid = 30 + int(np.sqrt(n))
    quartile = x[int(n / 4 + 0.5) - 1]
    b = 1 - np.sqrt(n_grid / (np.arange(1, n_grid + 1) - 0.5))
    b = b / (3 * quartile) + 1 / x[-1]
    k = np.mean(np.log1p(-b[:, None] * x[None, :]), axis=1)
    profile = n * (np.log(-b / k) - k - 1)
    with np.errstate(over="ignore"):  # a grid point without likelihood gets weight 1 / inf = 0
        weights = 1 / np.sum(np.exp(profile[None, :] - profile[:, None]), axis=1)
    keep = weights >= 10 * np.finfo(float).eps
    b_mean = np.sum(b[keep] * weights[keep]) / np.sum(weights[keep])
    shape = np.mean(np.log1p(-b_mean * x))
    return float((n * shape + 10 * 0.5) / (n + 10))


def weighted_mcse(values: Floats, weights: Floats) -> Floats:
    """Monte Carlo standard error of the weighted mean of `values` (M, ...) under `weights` (M,)."""
    centred = values - np.tensordot(weights, values, axes=1)
    return np.sqrt(np.tensordot(weights**2, centred**2, axes=1))


def irrelevance_shares(hyper_draws: Floats, hyper: Hyper) -> Floats:
    """P(irrelevant | draw) of each family, (M, F); NaN where irrelevance is not a question."""
    start = hyper.slots["l"]
    columns: list[Floats] = []
    for f, (validity_class, pi) in enumerate(zip(hyper.classes, hyper.irrelevance, strict=True)):
        relevance = hyper_draws[:, start + f]
        if validity_class is None or np.isnan(pi) or not hyper.active[start + f]:
            columns.append(np.full(len(relevance), np.nan))
        else:
            columns.append(irrelevant_share(validity_class, float(pi), relevance))
    return np.stack(columns, axis=1) if columns else np.zeros((len(hyper_draws), 0))


def check_draws(
    log_weights: Floats, posterior: Posterior, *, mcse: Floats, hyper: Hyper, mcse_limit: float
) -> dict[str, Check]:
    """Every gate of the exact engine. Draws in the order drawn, so that halves are independent.

    `mcse` (n,) are the Monte Carlo standard errors of the reported P(A > B).
    """
    checks = weight_checks(log_weights, posterior.weights, mcse=mcse, mcse_limit=mcse_limit)
    gap, allowed = _irrelevance_gap(irrelevance_shares(posterior.hyper, hyper), posterior.weights)
    halves = Check(value=gap, ok=gap <= allowed, wanted=f"<= {allowed:.2g}")
    return {"k_hat": checks["k_hat"], "mcse_p": checks["mcse_p"], "irrelevance_halves": halves, "ess": checks["ess"]}


def weight_checks(log_weights: Floats, weights: Floats, *, mcse: Floats, mcse_limit: float) -> dict[str, Check]:
    """The gates that need no more than weights (M,) and the standard errors (n,) of the reported P(A > B)."""
    k_hat, largest, ess = pareto_k(log_weights), float(mcse.max(initial=0.0)), effective_sample_size(weights)
    return {
        "k_hat": Check(
            value=max(k_hat, -10.0) if np.isfinite(k_hat) or k_hat < 0 else 99.0, ok=k_hat < K_HAT_LIMIT, wanted="< 0.7"
        ),
        "mcse_p": Check(value=largest, ok=largest <= mcse_limit, wanted=f"<= {mcse_limit:g}"),
        "ess": Check(value=ess, ok=ess >= 100, wanted=">= 100"),
    }


def _irrelevance_gap(shares: Floats, weights: Floats) -> tuple[float, float]:
    """Largest disagreement between two halves of the draws about a family's irrelevance mass, and what is allowed.

    Two halves differ by chance: a gap within four of its own standard errors is no sign of a mode that was missed.
    """
    usable = ~np.isnan(shares).any(axis=0)
    if not usable.any():
        return 0.0, IRRELEVANCE_LIMIT
    shares = shares[:, usable]
    halves = [np.arange(len(weights)) % 2 == side for side in (0, 1)]
    weighted = [weights[h] / max(weights[h].sum(), 1e-300) for h in halves]
    gap = np.abs(weighted[0] @ shares[halves[0]] - weighted[1] @ shares[halves[1]])
    error = np.hypot(*(weighted_mcse(shares[h], w) for h, w in zip(halves, weighted, strict=True)))
    allowed = np.maximum(IRRELEVANCE_LIMIT, 4 * error)
    worst = int(np.argmax(gap / allowed))
    return float(gap[worst]), float(allowed[worst])


def chain_checks(draws: Floats, stats: Mapping[str, Floats]) -> dict[str, Check]:
    """The gates of a sampler, each the worst over quantities and chains (Vehtari et al. 2021; ArviZ computes them).

    `draws` are (chain, draw, quantity), constants left out; `stats` may hold `diverging` and `energy`, (chain, draw).
    A quantity that ArviZ cannot judge counts as failed.
    """
    import arviz

    axes: dict[str, Any] = {"chain_axis": 0, "draw_axis": 1}
    r_hat = np.nan_to_num(np.asarray(arviz.rhat(draws, **axes)), nan=99.0).max(initial=1.0)
    found = {"r_hat": Check(value=float(r_hat), ok=bool(r_hat <= R_HAT_LIMIT), wanted=f"<= {R_HAT_LIMIT}")}
    for kind, prob in (("bulk", None), ("tail", (0.05, 0.95))):
        ess = np.nan_to_num(np.asarray(arviz.ess(draws, method=kind, prob=prob, **axes)), nan=0.0).min(initial=np.inf)
        least = float(min(ess, draws.shape[0] * draws.shape[1]))
        found[f"ess_{kind}"] = Check(value=least, ok=least >= CHAIN_ESS_LIMIT, wanted=f">= {CHAIN_ESS_LIMIT}")
    if "diverging" in stats:
        n = int(np.sum(stats["diverging"] > 0))
        found["divergences"] = Check(value=n, ok=n == 0, wanted="0")
    if "energy" in stats:
        lowest = float(np.min(np.asarray(arviz.bfmi(stats["energy"], **axes))))
        found["e_bfmi"] = Check(value=lowest, ok=lowest >= E_BFMI_LIMIT, wanted=f">= {E_BFMI_LIMIT}")
    return found


def checks_of_chains(posterior: Posterior) -> dict[str, Check]:
    """The gates of a sampler over merits and hyperparameters, constants left out."""
    draws = np.concatenate([posterior.mean, posterior.hyper], axis=1)
    moving = np.ptp(draws, axis=0) > 0
    stats = {name: values.reshape(posterior.chains, -1) for name, values in posterior.stats.items()}
    return chain_checks(draws[:, moving].reshape(posterior.chains, -1, int(moving.sum())), stats)
