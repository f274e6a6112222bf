"""The collapsed likelihood as a compiled program: arrays in, numpy arrays out, one compilation per evidence base."""

# pyright: reportArgumentType=false
# `Collapsed` is typed as JAX arrays and holds numpy ones once it has left the device.

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax

from evidence.inference.collapsed import Collapsed, Kinds, collapse
from evidence.inference.engine import Evidence
from evidence.model.design import BELIEF, COMPARATOR, Design
from evidence.model.hyper import Hyper

type Floats = NDArray[np.float64]

BLOCK = 512
"""Draws of one call of the compiled program."""
CHUNK = 64
"""Draws computed side by side."""
WORKING_MEMORY = 2**26
"""Bytes that the draws computed side by side may take: past what caches hold, side by side is slower."""
_THREADS = ThreadPoolExecutor(os.cpu_count())
_COMPILED: set[tuple[object, ...]] = set()


@functools.partial(jax.jit, static_argnames=("kinds", "chunk"))
def collapse_all(data: dict[str, Any], xi: Floats, kinds: Kinds, chunk: int) -> Collapsed:
    """`collapse` at each row of `xi` (M, K + O)."""
    return jax.lax.map(functools.partial(collapse, data, kinds), xi, batch_size=chunk)


def collapse_at(design: Design, hyper: Hyper, evidence: Evidence, xi: Floats, *, moments: bool = True) -> Collapsed:
    """The collapsed likelihood and merits at coordinates `xi` (M, K + O), as numpy arrays with a leading M.

    Rows are padded to whole blocks, so that one compilation serves any M. Without `moments` mean and cov are empty.
    """
    data = to_data(design, hyper, evidence)
    kinds = kinds_of(design, moments=moments)
    chunk = chunk_of(design)
    size = BLOCK if chunk == CHUNK else 4 * chunk

    def collapse_block(start: int) -> Collapsed:
        block = xi[start : start + size]
        padded = np.concatenate([block, np.zeros((size - len(block), xi.shape[1]))])
        out = jax.device_get(collapse_all(data, padded, kinds, chunk))
        return jax.tree.map(lambda a: np.asarray(a)[: len(block)], out)

    # XLA runs one of these small programs on one core; a thread for each core runs as many side by side. The first
    # block goes alone where the program is new, or each thread would compile it.
    starts = list(range(0, len(xi), size))
    program = (kinds, *(np.shape(leaf) for leaf in jax.tree.leaves(data)))
    parts = [] if program in _COMPILED else [collapse_block(starts.pop(0))]
    _COMPILED.add(program)
    parts += _THREADS.map(collapse_block, starts)
    return jax.tree.map(lambda *a: np.concatenate(a), *parts)


def kinds_of(design: Design, *, moments: bool = True) -> Kinds:
    """Which parts of the program a design needs."""
    return Kinds(
        signs=bool(design.latent_is_sign.any()), counts=not bool(design.latent_is_sign.all()),
        merits=bool(design.row_merit_sd.any()), moments=moments,
    )  # fmt: skip


def chunk_of(design: Design) -> int:
    """How many draws fit side by side into WORKING_MEMORY; at most CHUNK."""
    n_techniques, n_nodes, n_entries, depth = design.entry_slots.shape
    width = design.cell_columns.shape[1]
    numbers = n_techniques * (n_nodes * n_entries * (2 * n_nodes + depth) + 4 * n_nodes**2 + n_techniques)
    numbers += len(design.cell_place) * width * (width + 4) + design.pair_slots.size
    return int(np.clip(WORKING_MEMORY // (8 * numbers), 1, CHUNK))


def to_data(design: Design, hyper: Hyper, evidence: Evidence) -> dict[str, Any]:
    """Everything the collapsed likelihood reads, as one pytree of arrays: shapes depend on the base alone."""
    mask = evidence.mask if hyper.use_findings else np.zeros_like(evidence.mask)
    on = mask > 0
    row_active, groups_on, latent_active = _what_speaks(design, hyper, on)
    n_settings, n_groups, n_levels = len(design.settings), len(design.group_precision), len(design.level_places) - 1
    columns = np.arange(design.n_columns)
    first = n_groups + n_levels
    is_allegiance = (columns >= first) & (columns < first + design.n_allegiance)
    is_noise = (columns >= first + design.n_allegiance) & (columns < design.n_columns - 1)
    is_proxy = np.zeros(design.n_columns)
    is_proxy[n_groups:first] = design.level_places[:-1] < n_settings
    log_odds = evidence.sign_scale * (design.latent_signs @ mask) + hyper.use_beliefs * design.latent_belief
    return {
        **_kernel_data(design, hyper),
        "tables": hyper.tables,
        "slots": {k: np.int64(v) for k, v in hyper.slots.items()},
        "v_index": hyper.v_index,
        "l_index": hyper.l_index,
        "family_of_setting": hyper.family_of_setting,
        "target_gaps": hyper.target_gaps,
        "stated": hyper.stated,
        "stated_reference": hyper.stated_reference,
        "scale_link": np.bool_(hyper.scale_link),
        "random_effects": np.bool_(hyper.random_effects),
        "noise_scale": np.float64(evidence.noise_scale),
        "se_scale": np.float64(evidence.se_scale),
        "n_assumed": np.zeros(len(design.assumed)),
        "row_active": row_active,
        "row_y": design.row_y,
        "row_log_var_lo": design.row_log_var_lo,
        "row_log_var_hi": design.row_log_var_hi,
        "row_assumed": design.row_assumed,
        "row_own_noise": design.row_own_noise,
        "row_merit_sd": design.row_merit_sd,
        "cell_rows": design.cell_rows,
        "cell_place": design.cell_place,
        "cell_has_effect": design.cell_has_effect,
        "cell_columns": design.cell_columns,
        "cell_loadings": design.cell_loadings,
        "pair_of_columns": design.pair_of_columns,
        "pair_slots": design.pair_slots,
        "column_slots": design.column_slots,
        "node_cells": design.node_cells,
        "entry_columns": design.entry_columns,
        "entry_slots": design.entry_slots,
        "group_precision": np.where(groups_on, design.group_precision, 1.0),
        "level_places": design.level_places,
        "column_is_proxy": is_proxy,
        "column_is_allegiance": is_allegiance.astype(float),
        "column_is_noise": is_noise.astype(float),
        "query_places": design.query_places,
        "query_cells": design.query_cells,
        "latent_is_sign": design.latent_is_sign,
        "latent_select": design.latent_select,
        "latent_active": latent_active,
        "latent_node_a": design.latent_node_a,
        "latent_node_c": design.latent_node_c,
        "latent_columns": design.latent_columns,
        "latent_own_noise": design.latent_own_noise,
        "latent_threshold": design.latent_threshold,
        "latent_log_odds": np.clip(log_odds, -40.0, 40.0),
        "latent_cells": design.latent_cells,
    }


def _what_speaks(design: Design, hyper: Hyper, on: NDArray[np.bool_]) -> tuple[Floats, Any, Any]:
    """Which rows, groups and latents are on: a comparator's row speaks while any row of its group does."""
    finding, group = design.row_finding, design.row_group
    row_on = (finding >= 0) & on[np.maximum(finding, 0)] if len(on) else finding >= 0
    latent_on = (design.latent_findings & on).any(axis=1)
    groups_on = np.zeros(len(design.group_precision) + 1, dtype=bool)
    groups_on[group[row_on]] = True
    groups_on[design.latent_group[latent_on]] = True
    groups_on[-1] = False
    active = row_on | ((finding == COMPARATOR) & groups_on[group]) | ((finding == BELIEF) & hyper.use_beliefs)
    latent_on = latent_on | ((design.latent_belief != 0) & hyper.use_beliefs)
    return active.astype(float), groups_on[:-1], latent_on


def _kernel_data(design: Design, hyper: Hyper) -> dict[str, Any]:
    """Positions, families and identities of the places: settings, other targets with findings, the target in use."""
    n_settings, n_others = len(design.settings), len(design.target_places)
    gaps = np.concatenate([hyper.gaps, hyper.other_gaps, hyper.target_gaps[None, :]])
    unknown = np.concatenate([hyper.gap_unknown, np.zeros((n_others + 1, gaps.shape[1]), dtype=bool)])
    novelty = np.concatenate([np.zeros(n_settings), hyper.other_novelty, [hyper.novelty]])
    # A target is a family of its own, the same one wherever it stands.
    n_families = len(hyper.families)
    own_family = n_families + np.where(np.append(hyper.other_is_target, True), n_others, np.arange(n_others + 1))
    family = np.concatenate([hyper.family_of_setting, own_family])
    nodes = design.node_places
    same_family = family[nodes][:, None] == family[nodes][None, :]
    is_target = nodes >= n_settings
    same_node = np.eye(len(nodes), dtype=bool) | (same_family & is_target[:, None] & is_target[None, :])
    return {
        "place_gaps": gaps,
        "place_unknown": unknown,
        "place_novelty": novelty,
        "place_node": design.place_node,
        "node_places": nodes,
        "node_family": np.minimum(family[nodes], n_families),
        "same_family": same_family,
        "same_node": same_node,
    }
