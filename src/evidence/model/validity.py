"""Validity of proxies (docs/model.md, section 4), written once with plain operators.

Every function takes the array namespace `xp` (numpy or jax.numpy) first, so that the exact engine, the sampled
engine and the checks run the same lines. S settings, D dimensions; the target sits at index S.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The array namespace is duck-typed on purpose: numpy, jax.numpy and PyTensor share no static type.

from __future__ import annotations

from typing import Any


def transport(xp: Any, gaps: Any, target_gaps: Any, *, w_d: Any, w_0: Any, novelty: Any) -> Any:
    """Transport T between all settings and the target, shape (S + 1, S + 1), target last.

    `gaps` (S, D) and `target_gaps` (D,) are positions on the dimensions, `w_d` (D,) their weights, `novelty` the
    target's n_g and `w_0` its weight. T[a, b] = exp(-sum_d w_d |x_ad - x_bd| - w_0 n_g [exactly one is the target]).
    """
    x = xp.concatenate([gaps, target_gaps[None, :]])
    distance = (xp.abs(x[:, None, :] - x[None, :, :]) * w_d).sum(axis=-1)
    is_target = xp.arange(x.shape[0]) == x.shape[0] - 1
    one_is_target = is_target[:, None] != is_target[None, :]
    return xp.exp(-distance - w_0 * novelty * one_is_target)


def correlation(xp: Any, transported: Any, *, relevance: Any, construct_noise: Any, same_family: Any) -> Any:
    """Correlation R of true effects across settings and target, shape (S + 1, S + 1), target last.

    `relevance` l and `construct_noise` v are (S + 1,) with 1 for the target; `same_family` (S + 1, S + 1) is
    boolean. R[s, s'] = v_s v_s' T (1 if same family else l l'), R[s, s] = 1, R[s, target] = v_s l_s T.
    """
    l_pair = xp.where(same_family, 1.0, relevance[:, None] * relevance[None, :])
    off_diagonal = construct_noise[:, None] * construct_noise[None, :] * transported * l_pair
    return xp.where(xp.eye(transported.shape[0], dtype=bool), 1.0, off_diagonal)


def relevance_of_stated(xp: Any, rho: Any, *, construct_noise: Any, transported_to_target: Any) -> Any:
    """Relevance l = rho / (v T) that gives the reference setting validity `rho`; above 1 the statement is ruled out."""
    return rho / xp.maximum(construct_noise * transported_to_target, 1e-300)
