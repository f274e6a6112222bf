"""How far a stated validity can go: gaps, novelty and construct noise cap rho (docs/model.md, section 4)."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from evidence.model.hyper import Hyper
from evidence.model.priors import look_up

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

N_DRAWS = 4096
LOST_LIMIT = 0.8


def caps(hyper: Hyper, setting: int) -> Floats:
    """Prior draws of v T(setting, target), the highest rho that each allows (N,)."""
    if hyper.random_effects:
        return np.ones(N_DRAWS)
    n_dimensions = hyper.gaps.shape[1]
    every = np.arange(n_dimensions)
    w_d = _prior_draws(hyper, hyper.slots["w_d"] + every)
    unknown = _prior_draws(hyper, hyper.slots["unknown"] + every)
    w_0, v = _prior_draws(hyper, np.array([hyper.slots["w_0"], hyper.slots["v"] + hyper.v_index[setting]])).T
    gaps = np.where(hyper.gap_unknown[setting], unknown, hyper.gaps[setting])
    return v * np.exp(-(w_d * np.abs(gaps - hyper.target_gaps)).sum(axis=1) - w_0 * hyper.novelty)


def _prior_draws(hyper: Hyper, columns: Ints) -> Floats:
    """Prior draws of some hyperparameters (N, n): the same draws whichever are asked for, and whoever asks."""
    return look_up(np, hyper.tables[columns], _standard_normal(len(hyper.names))[:, columns])


@functools.lru_cache(maxsize=8)
def _standard_normal(n: int) -> Floats:
    return np.random.default_rng(0).standard_normal((N_DRAWS, n))


def share_ruled_out(hyper: Hyper, family: str) -> float:
    """Share of prior draws in which the stated validity of `family` would need a relevance above 1."""
    f = hyper.families.index(family)
    rho = _prior_draws(hyper, np.array([hyper.slots["l"] + f]))[:, 0]
    return float(np.mean(rho > caps(hyper, int(hyper.stated_reference[f]))))


def highest_validity(hyper: Hyper, setting: int) -> float:
    """The highest point validity of `setting` that loses at most 80 % of prior draws."""
    return float(np.quantile(caps(hyper, setting), LOST_LIMIT))


def validity_quantiles(hyper: Hyper, setting: int, probs: Floats) -> Floats:
    """Prior quantiles of rho of `setting` to the target."""
    cap = caps(hyper, setting)
    f = int(hyper.family_of_setting[setting])
    relevance = _prior_draws(hyper, np.array([hyper.slots["l"] + f]))[:, 0]
    if hyper.stated[f]:
        reference = caps(hyper, int(hyper.stated_reference[f]))
        relevance = relevance / np.maximum(reference, 1e-300)
        cap, relevance = cap[relevance <= 1], relevance[relevance <= 1]
    return np.quantile(cap * relevance, probs)
