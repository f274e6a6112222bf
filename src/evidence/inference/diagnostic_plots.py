"""ArviZ's plots of a stored fit as SVG: ranks, traces and sizes of chains; prior against posterior, and weights."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from evidence.inference.checks import effective_sample_size, pareto_k
from evidence.inference.tree import POSTERIOR, PRIOR, WEIGHTED

type Floats = NDArray[np.float64]

MOST_PANELS = 24
"""Quantities drawn: of chains those that mix worst (R-hat), else the first that move."""
_SVG: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "evidence", "text.parse_math": False, "text.usetex": False}  # fmt: skip
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def plot_names(chains: int) -> tuple[str, ...]:
    """The files that `diagnostic_plots` draws for a fit of that many chains."""
    of_chains = ("ranks.svg", "traces.svg", "effective-size.svg") if chains > 1 else ("weights.svg",)
    return ("prior-posterior.svg", *of_chains)


def diagnostic_plots(tree: xr.DataTree, chains: int) -> dict[str, str]:
    """SVG texts by file name, of a fit as stored. `chains` is 1 for the weighted draws of the exact engine.

    Draws with pyplot, on its backend without windows, in this process.
    """
    import arviz
    import matplotlib as mpl

    mpl.use("agg")
    after = _moving(tree[POSTERIOR].to_dataset())
    names = _worst(after) if chains > 1 else list(after)[:MOST_PANELS]
    chosen = after[names]
    draws = xr.DataTree.from_dict({"/posterior": chosen})
    before = _flat(tree[PRIOR].to_dataset())[names]
    both = xr.DataTree.from_dict({"/posterior": chosen, "/prior": before})
    # ArviZ's own height leaves no room between titles and ticks.
    size = {"figsize": (13, 2.3 * math.ceil(len(names) / 4) + 0.4), "figsize_units": "inches", "layout": "constrained"}
    options: dict[str, Any] = {"backend": "matplotlib", "figure_kwargs": size}
    with warnings.catch_warnings(), mpl.rc_context(_SVG):
        warnings.simplefilter("ignore")  # about layouts and glyphs: what is wrong with a fit is said by its checks
        drawn = {"prior-posterior.svg": _svg(lambda: arviz.plot_prior_posterior(both, **options))}
        if chains > 1:
            drawn["ranks.svg"] = _svg(lambda: arviz.plot_rank(draws, **options))
            drawn["traces.svg"] = _svg(lambda: arviz.plot_trace(draws, **options))
            drawn["effective-size.svg"] = _svg(lambda: arviz.plot_ess_evolution(draws, **options))
        else:
            weights = _log_weights(tree[WEIGHTED].to_dataset()["weights"].values)
            one: dict[str, Any] = {
                "backend": "matplotlib",
                "figure_kwargs": size | {"figsize": (8, 3.5)},
                "kind": "ecdf",
            }
            plain: dict[str, Any] = {
                "visuals": {"credible_interval": False, "point_estimate": False, "point_estimate_text": False}
            }
            drawn["weights.svg"] = _svg(lambda: arviz.plot_dist(weights, **one, **plain))
    return drawn


def _flat(dataset: xr.Dataset) -> xr.Dataset:
    """Every quantity as a variable of its own, (chain, draw), e.g. `w_d[realism]`."""
    found: dict[str, xr.DataArray] = {}
    for name, values in dataset.data_vars.items():
        others = [d for d in values.dims if d not in {"chain", "draw"}]
        if not others:
            found[str(name)] = values
            continue
        for label in values[others[0]].values:
            found[f"{name}[{label}]"] = values.sel({others[0]: label}, drop=True)
    return xr.Dataset(found)


def _moving(dataset: xr.Dataset) -> xr.Dataset:
    flat = _flat(dataset)
    return flat[[name for name, values in flat.data_vars.items() if np.ptp(values.values) > 0]]


def _worst(dataset: xr.Dataset) -> list[Any]:
    import arviz

    r_hat: Mapping[Any, Any] = arviz.rhat(dataset)
    return sorted(dataset, key=lambda name: -float(np.nan_to_num(np.asarray(r_hat[name]), nan=99.0)))[:MOST_PANELS]


def _log_weights(weights: Floats) -> xr.DataTree:
    """log10 of each weight over the mean weight, with k-hat and the effective size in its name."""
    positive = weights[weights > 0]
    k_hat, size = pareto_k(np.log(positive)), effective_sample_size(weights)
    name = f"log10 of weight over mean weight: k-hat {k_hat:.2f}, worth {size:.0f} of {len(weights)} draws"
    return xr.DataTree.from_dict(
        {"/posterior": xr.Dataset({name: (("chain", "draw"), np.log10(positive * len(weights))[None, :])})}
    )


def _svg(draw: Callable[[], Any]) -> str:
    """The plot as one self-contained SVG of the same bytes on every call."""
    from matplotlib import pyplot

    figure = draw().viz["figure"].item()
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=_NO_METADATA)
    pyplot.close(figure)
    text = out.getvalue()
    return text[text.index("<svg ") :]
