"""NUTS over a PyMC model: NumPyro for one fit, nutpie compiled once for many fits of one shape.

Both return chains of named values. NumPyro shows no progress on a CPU, so it walks in pieces and says so itself.
"""

# pyright: basic
# PyMC, NumPyro and nutpie have no static types worth the name.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import evidence.inference.jax_setup  # noqa: F401  # isort: skip  # before jax computes anything
import jax
import pymc as pm

from evidence.inference.engine import Progress

type Floats = NDArray[np.float64]

CHAINS = 4
PIECES = 5
"""Parts in which draws are taken, with progress between them."""
TARGET_ACCEPT, CAREFUL_ACCEPT = 0.9, 0.99
"""Acceptance that the step size is tuned to, and the one after divergences, where it was too large somewhere."""
WALKING = "walking (NUTS)"


@dataclass(frozen=True)
class Chains:
    """`values` by name, (chain, draw, ...); `stats` what the sampler says of each draw, (chain, draw)."""

    values: dict[str, Floats]
    stats: dict[str, Floats]

    def joined(self, more: Chains) -> Chains:
        """These draws and `more` of the same chains."""

        def beside(old: dict[str, Floats], new: dict[str, Floats]) -> dict[str, Floats]:
            return {name: np.concatenate([old[name], new[name]], axis=1) for name in old}

        return Chains(beside(self.values, more.values), beside(self.stats, more.stats))


class NumpyroWalk:
    """Chains of one model on JAX, warmed up; `more` goes on from where they are."""

    def __init__(
        self, model: pm.Model, names: Sequence[str], *, seed: int, tune: int, piece: int, progress: Progress | None,
        target_accept: float = TARGET_ACCEPT,
    ) -> None:  # fmt: skip
        jax.devices()  # the backend starts with our settings, not with those that PyMC makes on import
        from numpyro.infer import MCMC, NUTS
        from pymc.sampling.jax import get_jaxified_graph, get_jaxified_logp

        self._names, self._progress, self._piece = list(names), progress, piece
        self._done, self._total = 0, PIECES + 1
        wanted = {v.name: v for v in model.unobserved_value_vars}
        self._values_of = get_jaxified_graph(inputs=model.value_vars, outputs=[wanted[name] for name in names])
        kernel = NUTS(potential_fn=get_jaxified_logp(model, negative_logp=False), target_accept_prob=target_accept)
        self._mcmc = MCMC(
            kernel, num_warmup=tune, num_samples=piece, num_chains=CHAINS, chain_method="parallel", progress_bar=False
        )
        rng = np.random.default_rng([seed, 6])
        point = model.initial_point()
        start = [point[v.name] + rng.uniform(-1, 1, (CHAINS, *np.shape(point[v.name]))) for v in model.value_vars]
        self._key = jax.random.PRNGKey(seed)
        self._say()
        self._mcmc.warmup(self._next_key(), init_params=start, extra_fields=("diverging", "energy"))
        self._state = self._mcmc.last_state
        self._done = 1

    def more(self, pieces: int = PIECES) -> Chains:
        """`pieces` more parts of each chain."""
        self._total = self._done + pieces
        found: Chains | None = None
        for _ in range(pieces):
            self._say()
            self._mcmc.post_warmup_state = self._state
            self._mcmc.run(self._next_key(), extra_fields=("diverging", "energy"))
            self._state = self._mcmc.last_state
            part = self._taken()
            found = part if found is None else found.joined(part)
            self._done += 1
        if found is None:
            raise ValueError(f"pieces: found {pieces}, wanted at least 1")
        return found

    def _taken(self) -> Chains:
        draws = self._mcmc.get_samples(group_by_chain=True)
        one_chain = jax.vmap(self._values_of)
        values = jax.device_get(jax.vmap(one_chain)(*draws))
        stats = jax.device_get(self._mcmc.get_extra_fields(group_by_chain=True))
        named = {name: np.asarray(v, dtype=np.float64) for name, v in zip(self._names, values, strict=True)}
        return Chains(named, {name: np.asarray(v, dtype=np.float64) for name, v in stats.items()})

    def _next_key(self) -> Any:
        self._key, key = jax.random.split(self._key)
        return key

    def _say(self) -> None:
        if self._progress is not None:
            self._progress(WALKING, self._done, self._total)


class NutpieWalks:
    """Compiled models by shape: a model of the same shape and other data is sampled without a new compilation."""

    def __init__(self) -> None:
        self._compiled: dict[object, Any] = {}

    def walk(self, model: pm.Model, names: Sequence[str], *, shape: object, seed: int, tune: int, draws: int) -> Chains:
        """Chains of `model`, which differs from others of the same `shape` in its `pm.Data` alone."""
        import nutpie

        if shape not in self._compiled:
            self._compiled[shape] = nutpie.compile_pymc_model(model)
        compiled = self._compiled[shape]
        read = {v.name for v in compiled.shared_var_keys}
        data = {v.name: v.get_value() for v in model.data_vars if v.name in read}
        tree = nutpie.sample(
            compiled.with_data(**data) if data else compiled, draws=draws, tune=tune, chains=CHAINS, cores=2,
            seed=seed, progress_bar=False, save_warmup=False, target_accept=TARGET_ACCEPT,
        )  # fmt: skip
        stats = {name: np.asarray(tree["sample_stats"][name], dtype=np.float64) for name in ("diverging", "energy")}
        return Chains({name: np.asarray(tree["posterior"][name], dtype=np.float64) for name in names}, stats)
