"""Stored fits: one netCDF file each, with the checks of the fit inside, so that they travel with it.

A damaged or hostile file can crash the library that reads it. So a file is first read whole in a process of its own,
and here only if that ended well.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from evidence.domain.errors import BadInput, Problem, Unwritable
from evidence.domain.results import FitHeader
from evidence.io.store import replacing

ENGINE = "netcdf4"
WANTED = "a file written by `evidence rank --out`"
MAX_BYTES, MAX_UNFOLDED = 2**31, 2**32
"""Bytes of the file, and of the arrays it unfolds to."""
TOO_MUCH = 3
"""Exit code of the trial reading of a file that unfolds to more."""
SECONDS = 120
"""Longest time the trial reading may take."""
GROUPS: Mapping[str, frozenset[str]] = {
    "posterior": frozenset({"merit"}),
    "prior": frozenset({"merit"}),
    "weighted_draws": frozenset({"coordinates", "hyper", "weights", "log_likelihood", "mean", "rho"}),
}
"""Groups a fit must have, each with variables it must hold."""
SIGNATURES = (b"\x89HDF\r\n\x1a\n",)


def header_attributes(header: FitHeader) -> dict[str, str]:
    """The header as attributes of the root: plain words where they are words, JSON where they are records."""
    document = header.model_dump(mode="json")
    words = {name: str(value) for name, value in document.items() if isinstance(value, str)}
    records = {name: json.dumps(value, allow_nan=False) for name, value in document.items() if name not in words}
    return words | records


def write_fit(path: Path, tree: xr.DataTree, *, force: bool = False) -> None:
    """Write a fit as netCDF-4, whole or not at all. Raises BadInput where the file may not be written."""
    packed = {"zlib": True, "complevel": 1, "shuffle": True}
    encoding = {
        node.path: {str(name): packed for name, values in node.data_vars.items() if values.dtype.kind == "f"}
        for node in tree.subtree
        if node.data_vars
    }
    with replacing(path, force=force) as temporary:
        try:
            tree.to_netcdf(temporary, engine=ENGINE, encoding=encoding)
        except RuntimeError as error:  # the library's word for whatever the system refused
            wanted = f"free space (at most {tree.nbytes // 2**20 + 1} MB), then the same command again"
            raise Unwritable([Problem(str(path), None, "", f"{error}, as on a full disk", wanted)]) from None


def read_fit(path: Path) -> tuple[FitHeader, xr.DataTree]:
    """A stored fit with its header. Raises BadInput for a file that is none, is damaged, or contradicts itself."""
    _require_hdf5(path)
    _try_reading(path)
    tree = _load(path)
    _require_layout(path, tree)
    return _header(path, tree), tree


def _require_hdf5(path: Path) -> None:
    if not path.is_file():
        raise _bad(path, "no such file" if not path.exists() else "something that is no regular file")
    if path.stat().st_size > MAX_BYTES:
        raise _bad(path, f"{path.stat().st_size} bytes", f"at most {MAX_BYTES}")
    with path.open("rb") as file:
        if file.read(8) not in SIGNATURES:
            raise _bad(path, "a file in another format")


def _try_reading(path: Path) -> None:
    """Read the file in a process of its own, which may crash."""
    command = [sys.executable, "-m", "evidence.io.fits", str(path.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 (our own module)
    except subprocess.TimeoutExpired:
        raise _bad(path, f"a file that takes over {SECONDS} seconds to read") from None
    if done.returncode == TOO_MUCH:
        raise _too_much(path)
    if done.returncode != 0:
        raise _bad(path, "a damaged file")


def _load(path: Path) -> xr.DataTree:
    """The whole file in memory, group by group: `DataTree.load` skips a variable that has the name of a group."""
    groups = xr.open_groups(path, engine=ENGINE)
    try:
        if sum(dataset.nbytes for dataset in groups.values()) > MAX_UNFOLDED:
            raise _too_much(path)
        return xr.DataTree.from_dict({name: dataset.load() for name, dataset in groups.items()})
    finally:
        for dataset in groups.values():
            dataset.close()


def _require_layout(path: Path, tree: xr.DataTree) -> None:
    for group, names in GROUPS.items():
        missing = names - {str(name) for name in tree[group].data_vars} if group in tree.children else names
        if missing:
            raise _bad(path, f"no {group}/{min(missing)}")
    for group in ("prior", "weighted_draws"):
        for name, found in tree[group].to_dataset().data_vars.items():
            if found.dtype.kind != "f" or found.size == 0 or not bool(np.isfinite(found).all()):
                raise _bad(path, f"{group}/{name} with values that are no numbers", "finite numbers")
    weights = tree["weighted_draws"].to_dataset()["weights"].values
    if not (weights >= 0).all() or not abs(weights.sum() - 1) < 1e-6:
        raise _bad(path, "weights that are no probabilities", "weights of at least 0 that sum to 1")


def _header(path: Path, tree: xr.DataTree) -> FitHeader:
    values: dict[str, Any] = {}
    for name, field in FitHeader.model_fields.items():
        if name not in tree.attrs:
            raise _bad(path, f"no attribute {name!r}")
        text = str(tree.attrs[name])
        try:
            values[name] = text if field.annotation is str else json.loads(text)
        except (ValueError, RecursionError):  # also a number of thousands of digits
            raise _bad(path, f"attribute {name!r} that is no JSON") from None
    try:
        header = FitHeader.model_validate(values)
    except ValueError as error:
        raise _bad(path, f"a header that contradicts itself ({_first_line(error)})") from None
    if header.format != 1:
        raise _bad(path, f"format {header.format}", "format 1: a newer `evidence` wrote it")
    return header


def _first_line(error: ValueError) -> str:
    """What a validation error says first."""
    with contextlib.suppress(AttributeError, IndexError, KeyError):
        found: Any = error
        return str(found.errors()[0]["msg"])
    return str(error).splitlines()[0]


def _bad(path: Path, found: str, wanted: str = WANTED) -> BadInput:
    return BadInput([Problem(str(path), None, "", found, wanted)])


def _too_much(path: Path) -> BadInput:
    return _bad(path, "a file that unfolds to too much", f"arrays of at most {MAX_UNFOLDED:,} bytes")


if __name__ == "__main__":
    try:
        _load(Path(sys.argv[1]))
    except BadInput:
        sys.exit(TOO_MUCH)
