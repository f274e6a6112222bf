"""Validity of proxies (docs/model.md, section 4), written once with plain operators.

Every function takes the array namespace `xp` (numpy or jax.numpy) first, so that the exact engine, the sampled
engine and the checks run the same lines. D dimensions; a place is a proxy setting or a target.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The array namespace is duck-typed on purpose: numpy, jax.numpy and PyTensor share no static type.

from __future__ import annotations

from typing import Any


def transport(xp: Any, first: Any, second: Any, *, w_d: Any, w_0: Any, novelty: Any) -> Any:
    """Transport T between two lists of places, shape (A, B): exp(-sum_d w_d |x_ad - x_bd| - w_0 novelty).

    `first` (A, D) and `second` (B, D) are positions on the dimensions, `w_d` (D,) their weights, `w_0` that of
    novelty. `novelty` (broadcast to (A, B)) is the sum of n_g over the targets that exactly one of the two is.
    """
    distance = (xp.abs(first[:, None, :] - second[None, :, :]) * w_d).sum(axis=-1)
    return xp.exp(-distance - w_0 * novelty)


def correlation(xp: Any, transported: Any, *, relevance: Any, same_family: Any, same_node: Any) -> Any:
    """Correlation of true effects between nodes, construct noise apart: T, times l l' across families, shape (G, G).

    `relevance` l is (G,) with 1 for targets; `same_family` and `same_node` (G, G) are boolean, the latter true
    where two nodes are one place. Two settings correlate v v' times this, and 1 with themselves.
    """
    l_pair = xp.where(same_family, 1.0, relevance[:, None] * relevance[None, :])
    return xp.where(same_node, 1.0, transported * l_pair)


def relevance_of_stated(xp: Any, rho: Any, *, construct_noise: Any, transported_to_target: Any) -> Any:
    """Relevance l = rho / (v T) that gives the reference setting validity `rho`; above 1 the statement is ruled out."""
    return rho / xp.maximum(construct_noise * transported_to_target, 1e-300)
