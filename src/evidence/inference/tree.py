"""A posterior as an xarray DataTree and back: one layout for both engines, which ArviZ reads.

Groups: `posterior` and `prior` (equally weighted draws by chain, draw), `log_prior`, `log_likelihood`, `sample_stats`
where a sampler left any, and `weighted_draws`, which holds all that the engine returned. The exact engine's draws are
resampled to CHAINS x DRAWS and given a merit each from their normals; how many they count as is told by the weights,
not by ArviZ's `ess` of the resampled ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from evidence.domain.results import Check
from evidence.inference.engine import Posterior
from evidence.model.design import Design
from evidence.model.hyper import Hyper
from evidence.model.priors import log_density

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Variables = dict[str, tuple[str | None, list[str], Floats]]
"""Name -> (dimension beside chain and draw, its labels, values (M,) or (M, labels))."""

CHAINS, DRAWS = 4, 1000
"""Layout of resampled draws."""
BLOCK = 2**24
"""Entries of covariances that are factored at once."""
LABELLED = {
    "w_d": "dimension", "l": "family", "v": "setting_of_v", "unknown": "unknown_dimension",
    "lambda": "setting_of_lambda", "n": "assumed",
}  # fmt: skip
"""Dimension of each kind of hyperparameter that comes in several; only those in use are there."""
POSTERIOR, PRIOR, LOG_PRIOR, LOG_LIKELIHOOD = "posterior", "prior", "log_prior", "log_likelihood"
SAMPLE_STATS, WEIGHTED = "sample_stats", "weighted_draws"


def to_tree(
    posterior: Posterior, prior: Posterior, *, design: Design, hyper: Hyper, attributes: Mapping[str, str], seed: int
) -> xr.DataTree:
    """The posterior, equally weighted draws of its prior, and `attributes` of the root, as one tree."""
    drawn, merits, chains = _equal_draws(posterior, seed)
    before = _draw_merits(prior, np.arange(len(prior.weights)), np.random.default_rng([seed, 5]))
    density = log_density(hyper.tables, drawn.coordinates[:, : len(drawn.names)])
    groups = {
        POSTERIOR: _dataset({**_hyper_variables(drawn, hyper), **_merit_variables(drawn, merits, design)}, chains),
        PRIOR: _dataset({**_hyper_variables(prior, hyper), **_merit_variables(prior, before, design)}, 1),
        LOG_PRIOR: _dataset(_labelled(drawn.names, density, hyper), chains),
        LOG_LIKELIHOOD: _dataset({"findings": (None, [], drawn.log_likelihood)}, chains),
        WEIGHTED: _weighted_draws(posterior, design),
    }
    if posterior.stats:
        groups[SAMPLE_STATS] = _dataset({name: (None, [], values) for name, values in drawn.stats.items()}, chains)
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in groups.items()})
    tree.attrs.update(attributes)
    return tree


def from_tree(tree: xr.DataTree, checks: Mapping[str, Check]) -> Posterior:
    """The posterior that `to_tree` was given. Raises KeyError or ValueError for a tree of another layout."""
    stored = tree[WEIGHTED].to_dataset()
    techniques = tuple(str(t) for t in stored["technique"].values)
    n = len(techniques)
    cov = np.zeros((stored.sizes["weighted_draw"], n, n))
    if "cov" in stored:
        a, b = np.tril_indices(n)
        cov[:, a, b] = cov[:, b, a] = stored["cov"].values
    has_factors = "factors" in stored
    stats = tree[SAMPLE_STATS].to_dataset() if SAMPLE_STATS in tree.children else xr.Dataset()
    return Posterior(
        techniques=techniques, names=tuple(str(name) for name in stored["hyperparameter"].values),
        coordinates=stored["coordinates"].values, hyper=stored["hyper"].values, weights=stored["weights"].values,
        log_likelihood=stored["log_likelihood"].values, mean=stored["mean"].values, cov=cov, rho=stored["rho"].values,
        checks=dict(checks),
        factors=stored["factors"].values if has_factors else None,
        factor_weights=stored["factor_weights"].values if has_factors else None,
        chains=int(stored.attrs["chains"]),
        stats={str(name): values.values.reshape(-1) for name, values in stats.data_vars.items()},
    )  # fmt: skip


def prior_draws(tree: xr.DataTree) -> dict[str, Floats]:
    """Draws (M,) of every hyperparameter in use and every rho under the stored prior, by name, e.g. `w_d[realism]`."""
    stored = tree[PRIOR].to_dataset().drop_vars("merit").stack(sample=("chain", "draw"), create_index=False)
    found: dict[str, Floats] = {}
    for name, values in stored.data_vars.items():
        others = [str(d) for d in values.dims if d != "sample"]
        if not others:
            found[str(name)] = values.values
            continue
        for label in values[others[0]].values:
            found[f"{name}[{label}]"] = values.sel({others[0]: label}).values
    return found


def _equal_draws(posterior: Posterior, seed: int) -> tuple[Posterior, Floats, int]:
    """Equally weighted draws chain by chain, a merit for each (M, T), and the number of chains."""
    if np.ptp(posterior.weights) == 0 and not posterior.cov.any():
        return posterior, posterior.mean, posterior.chains
    rng = np.random.default_rng([seed, 4])
    # Shuffled, because resampling leaves copies side by side, which would look like a chain that sticks.
    index = posterior.systematic(CHAINS * DRAWS)[rng.permutation(CHAINS * DRAWS)]
    slim = replace(posterior, mean=posterior.mean[:, :0], cov=posterior.cov[:, :0, :0], factors=None).taken(index)
    return slim, _draw_merits(posterior, index, rng), CHAINS


def _draw_merits(posterior: Posterior, index: Ints, rng: np.random.Generator) -> Floats:
    """A draw of all merits (n, T) from the normal of each draw in `index` (n,), a few covariances at a time."""
    n_techniques = len(posterior.techniques)
    merits = np.empty((len(index), n_techniques))
    order = np.argsort(index, kind="stable")
    step = max(1, BLOCK // n_techniques**2)
    needed = np.unique(index)
    for start in range(0, len(needed), step):
        block = needed[start : start + step]
        values, vectors = np.linalg.eigh(posterior.cov[block])
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        rows = order[np.searchsorted(index[order], block[0]) : np.searchsorted(index[order], block[-1], side="right")]
        z = rng.standard_normal((len(rows), n_techniques))
        for row, normal in zip(rows, z, strict=True):
            merits[row] = posterior.mean[index[row]] + roots[np.searchsorted(block, index[row])] @ normal
    return merits


def _hyper_variables(drawn: Posterior, hyper: Hyper) -> Variables:
    return _labelled(drawn.names, drawn.hyper, hyper)


def _merit_variables(drawn: Posterior, merits: Floats, design: Design) -> Variables:
    """Merits of techniques other than the baseline, and validities; a constant has no R-hat and is left out."""
    found: Variables = {}
    moving = np.flatnonzero(np.ptp(drawn.rho, axis=0) > 0)
    if len(moving):
        found["rho"] = ("setting", [design.settings[s] for s in moving], drawn.rho[:, moving])
    found["merit"] = ("technique", list(drawn.techniques[1:]), merits[:, 1:])
    return found


def _labelled(names: tuple[str, ...], values: Floats, hyper: Hyper) -> Variables:
    """Columns (M, K) of hyperparameters in use as variables: `w_d[a]`, `w_d[b]` become `w_d` with labels a, b."""
    found: Variables = {}
    columns: dict[str, list[tuple[str, int]]] = {}
    for k, name in enumerate(names):
        if not hyper.active[k]:
            continue
        kind, bracket, rest = name.partition("[")
        if bracket:
            columns.setdefault(kind, []).append((rest.removesuffix("]"), k))
        else:
            found[name] = (None, [], values[:, k])
    for kind, members in columns.items():
        labels, places = [label for label, _ in members], [k for _, k in members]
        found[kind] = (LABELLED[kind], labels, values[:, places])
    return found


def _dataset(variables: Variables, chains: int) -> xr.Dataset:
    """Variables by chain and draw."""
    data, coords = {}, {}
    for name, (dimension, labels, values) in variables.items():
        shaped = values.reshape(chains, -1, *values.shape[1:])
        coords |= {"chain": np.arange(chains), "draw": np.arange(shaped.shape[1])}
        if dimension is not None:
            coords[dimension] = labels
        data[name] = (("chain", "draw") if dimension is None else ("chain", "draw", dimension), shaped)
    return xr.Dataset(data, coords)


def _weighted_draws(posterior: Posterior, design: Design) -> xr.Dataset:
    """Everything the engine returned; of each covariance the lower triangle, nothing where merits were drawn."""
    draw = "weighted_draw"
    data = {
        "coordinates": ((draw, "coordinate"), posterior.coordinates),
        "hyper": ((draw, "hyperparameter"), posterior.hyper),
        "weights": ((draw,), posterior.weights),
        "log_likelihood": ((draw,), posterior.log_likelihood),
        "mean": ((draw, "technique"), posterior.mean),
        "rho": ((draw, "setting"), posterior.rho),
    }
    if posterior.cov.any():
        a, b = np.tril_indices(len(posterior.techniques))
        data["cov"] = ((draw, "pair"), posterior.cov[:, a, b])
    if posterior.factors is not None and posterior.factor_weights is not None:
        data["factors"] = ((draw, "node"), posterior.factors)
        data["factor_weights"] = (("node",), posterior.factor_weights)
    coords = {
        "hyperparameter": list(posterior.names), "technique": list(posterior.techniques),
        "setting": list(design.settings),
    }  # fmt: skip
    return xr.Dataset(data, coords, {"chains": posterior.chains})
