"""A small stored fit built in memory: every group and attribute that `io.fits` wants, with no engine behind it."""

import numpy as np
import xarray as xr

from evidence.domain.results import Check, FitHeader, Provenance
from evidence.io.fits import header_attributes

CHECKS = {"k_hat": Check(value=0.3, ok=True, wanted="< 0.7")}
PROVENANCE = Provenance(base_sha256="9f" * 32, model_sha256="51" * 32, version="0.1.0", seed=1)
HEADER = FitHeader(
    base="tiny", target="first deployment", model="default", engine="exact", checks=CHECKS, ok=True, whole=True,
    fingerprint={"tau": {"q50": 0.5}}, provenance=PROVENANCE,
)  # fmt: skip


def tree_of(header=HEADER, **changes):
    chains = {"chain": np.arange(2), "draw": np.arange(3), "technique": ["A"]}
    merit = xr.Dataset({"merit": (("chain", "draw", "technique"), np.arange(6.0).reshape(2, 3, 1))}, chains)
    draws = {"weights": ("m", np.full(4, 0.25)), "log_likelihood": ("m", np.zeros(4))}
    draws |= {name: (("m", f"of_{name}"), np.ones((4, 2))) for name in ("coordinates", "hyper", "mean", "rho")}
    groups = {"/posterior": merit, "/prior": merit, "/weighted_draws": xr.Dataset({**draws, **changes})}
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(header_attributes(header))
    return tree
