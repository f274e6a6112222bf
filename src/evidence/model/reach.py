"""How far a stated validity can go: gaps, novelty and construct noise cap rho (docs/model.md, section 4)."""

# pyright: basic, reportArgumentType=false
# SciPy ships no types, and pyright takes frozen pydantic records for unhashable.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evidence.model.hyper import Hyper
from evidence.model.priors import look_up

type Floats = NDArray[np.float64]

N_DRAWS = 4096
LOST_LIMIT = 0.8


def caps(hyper: Hyper, setting: int, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Prior draws of v T(setting, target), the highest rho each allows, and of all hyperparameters (N, K)."""
    rng = np.random.default_rng(seed)
    draws = look_up(np, hyper.tables, rng.standard_normal((N_DRAWS, len(hyper.names))))
    if hyper.random_effects:
        return np.ones(N_DRAWS), draws
    n_dimensions = hyper.gaps.shape[1]
    w_d = draws[:, hyper.slots["w_d"] : hyper.slots["w_d"] + n_dimensions]
    unknown = draws[:, hyper.slots["unknown"] : hyper.slots["unknown"] + n_dimensions]
    gaps = np.where(hyper.gap_unknown[setting], unknown, hyper.gaps[setting])
    distance = (w_d * np.abs(gaps - hyper.target_gaps)).sum(axis=1) + draws[:, hyper.slots["w_0"]] * hyper.novelty
    v = draws[:, hyper.slots["v"] + hyper.v_index[setting]]
    return v * np.exp(-distance), draws


def share_ruled_out(hyper: Hyper, family: str) -> float:
    """Share of prior draws in which the stated validity of `family` would need a relevance above 1."""
    f = hyper.families.index(family)
    cap, draws = caps(hyper, int(hyper.stated_reference[f]))
    return float(np.mean(draws[:, hyper.slots["l"] + f] > cap))


def highest_validity(hyper: Hyper, setting: int) -> float:
    """The highest point validity of `setting` that loses at most 80 % of prior draws."""
    return float(np.quantile(caps(hyper, setting)[0], LOST_LIMIT))


def validity_quantiles(hyper: Hyper, setting: int, probs: Floats) -> Floats:
    """Prior quantiles of rho of `setting` to the target."""
    cap, draws = caps(hyper, setting)
    f = int(hyper.family_of_setting[setting])
    relevance = draws[:, hyper.slots["l"] + f]
    if hyper.stated[f]:
        reference, _ = caps(hyper, int(hyper.stated_reference[f]))
        relevance = relevance / np.maximum(reference, 1e-300)
        cap, relevance = cap[relevance <= 1], relevance[relevance <= 1]
    return np.quantile(cap * relevance, probs)
