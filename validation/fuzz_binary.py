"""Stored fits, evaluation logs and Parquet as something to fuzz: as `fuzz_loaders`, of files that are no text."""

import functools
import io
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import xarray as xr

import fuzz_engine
import fuzz_mutations as change
from evidence.cli.fits import diagnosed
from evidence.domain.errors import BadInput
from evidence.io import fits
from evidence.io.inspect_control import Auditing, prices_of, read_protocols, scores_of
from evidence.io.inspect_import import Plan, draft_base
from evidence.io.inspect_logs import Reading, read_logs
from evidence.io.source_tables import read_source_table
from fuzz_loaders import FORMATS, Loader, default_model

DRAWS, WEIGHTED = 6, 40
"""Draws of a chain, and weighted ones, that are left of a stored fit: what matters here is its layout."""


# --- Stored fits -----------------------------------------------------------------------------------------------------


def small_fit() -> bytes:
    """A fit that `rank --out` stored, with few of its draws."""
    with xr.open_datatree(FORMATS / "fit.nc", engine=fits.ENGINE) as stored:
        groups = {}
        for node in stored.subtree:
            data = node.to_dataset(inherit=False).load()
            data = data.isel(
                {d: slice(n) for d, n in (("draw", DRAWS), ("weighted_draw", WEIGHTED)) if d in data.sizes}
            )
            if "weights" in data:
                data["weights"] = data["weights"] / data["weights"].sum()
            groups[node.path] = data
        tree = xr.DataTree.from_dict(groups)
    with tempfile.TemporaryDirectory() as folder:
        fits.write_fit(Path(folder) / "fit.nc", tree)
        return (Path(folder) / "fit.nc").read_bytes()


def _fit_values(data, rng, others):
    """Attributes and values of a fit changed by the library that wrote it: what is read is whole, and says something else."""
    import netCDF4

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.nc"
        path.write_bytes(data)
        with netCDF4.Dataset(path, "a") as file:
            for _ in range(rng.randint(1, 3)):
                _edit_fit(file, rng)
        return path.read_bytes()


def _edit_fit(file, rng):
    groups = list(file.groups.values())
    names = file.ncattrs()
    if rng.random() < 0.5 and names:
        name = rng.choice(names)
        text = str(file.getncattr(name)).encode("utf-8", "replace")
        match rng.randrange(4):
            case 0:
                file.delncattr(name)
            case 1:
                file.setncattr(name, rng.choice([0, 1.5, np.arange(3), "", "{}", "[]", "null", "1", "NaN", '"x"']))
            case _:
                changed = change.json_values(text, rng, [text])
                file.setncattr(name, changed.decode("utf-8", "replace").replace("\0", ""))
        return
    group = rng.choice(groups)
    if group.ncattrs() and rng.random() < 0.2:
        group.setncattr(rng.choice(group.ncattrs()), rng.choice([0, -1, 3, 10**9, 0.5, "x", "2"]))
        return
    variable = rng.choice(list(group.variables.values()))
    if rng.random() < 0.1:
        group.renameVariable(variable.name, "renamed")
    elif variable.dtype is str:
        variable[rng.randrange(max(1, variable.size))] = rng.choice(["", "x", "e\u0301", "x" * 300, str(variable[0])])
    elif variable.size:
        flat = np.array(variable[:]).reshape(-1)
        flat[rng.randrange(len(flat))] = rng.choice([0, -1, 1, 2, 100])
        if flat.dtype.kind == "f":
            value = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 0.0, 1.0])
            flat[: rng.choice([1, len(flat)])] = value
        variable[:] = flat.reshape(variable.shape)


def fit_values(data, rng, others):
    """One in three fits is changed in its values, the others by bytes. Only a fit that is whole is opened to change it."""
    whole = others[0]
    if rng.random() < 0.35:
        try:
            return _fit_values(whole, rng, others)
        except (RuntimeError, OSError, ValueError, TypeError, IndexError):
            pass
    return change.by_bytes(data, rng, others)


def in_a_fork(path: Path) -> None:
    """What `_try_reading` does, in a fork instead of an interpreter of its own: the same code, fifty times as fast."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: none of this process holds a lock here
        child = os.fork()
    if child == 0:
        code = 1
        try:
            fits._load(path)
            code = 0
        except BadInput:
            code = fits.TOO_MUCH
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    fuzz_engine.elsewhere[0] += max(0.0, time.perf_counter() - started - used.ru_utime - used.ru_stime)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == fits.TOO_MUCH:
        raise fits._too_much(path)
    if status != 0:
        raise fits._bad(path, "a damaged file")


def fit_loader(folder: Path, share: int, *, fork: bool = True) -> Loader:
    """`evidence diagnose FIT.nc`."""
    import arviz  # takes seconds, which are not those of the first file

    assert arviz
    path = folder / "fit.nc"
    own = fits._try_reading

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        fits._try_reading = in_a_fork if fork else own
        try:
            diagnosed(path)
        finally:
            fits._try_reading = own
        return True

    return Loader("stored fit", [small_fit()], fit_values, load, share, "binary")


# --- Evaluation logs -------------------------------------------------------------------------------------------------


def _log(number: int, mode: str, protocol: str, *, values: int = 4):
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalResults, EvalSample, EvalSpec, EvalStats
    from inspect_ai.log import EvalMetric, EvalScore
    from inspect_ai.scorer import Score

    def sample(i: int) -> EvalSample:
        scores = {
            "monitor": Score(value=0.1 * i + (0.3 if mode == "attack" else 0), explanation="text"),
            "tasks": Score(value={"main_task_success": "C" if i % 3 else "I", "side_task_success": "CI"[i % 2]}),
        }
        side = "side" if mode == "attack" else None
        return EvalSample(
            id=i if number else f"s{i}", epoch=1, input="i", target="", scores=scores, metadata={"side_task_name": side}
        )

    spec = EvalSpec(
        created="2026-11-01T00:00:00+00:00", task=f"apps_{mode}", task_args={"protocol": protocol, "level": 1}, model="mock/model",
        eval_id=f"{mode}{protocol}{number}", dataset=EvalDataset(name="apps", samples=values, sample_ids=[]), config=EvalConfig(epochs=1),
        metadata={"setting": {"type": "apps"}, "micro_protocol": {"type": protocol, "level": 2}, "mode": mode},
    )  # fmt: skip
    own = EvalScore(name="monitor", scorer="monitor", metrics={"mean": EvalMetric(name="mean", value=0.15)})
    results = EvalResults(total_samples=values, completed_samples=values, scores=[own] if mode == "honest" else [])
    samples = [sample(i) for i in range(values)]
    return EvalLog(status="success", eval=spec, stats=EvalStats(), samples=samples, results=results)


@functools.cache
def logs() -> dict[str, bytes]:
    """Two logs of ControlArena, as an archive and as JSON."""
    from inspect_ai.log import write_eval_log

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, mode in enumerate(("honest", "attack")):
            for suffix in ("eval", "json"):
                path = Path(folder) / f"{mode}.{suffix}"
                write_eval_log(_log(number, mode, "audit"), str(path))
                found[f"{mode}.{suffix}"] = path.read_bytes()
    return found


def log_loaders(folder: Path, shares: dict[str, int]) -> list[Loader]:
    plan, reading = Plan("toy-environment"), Reading(technique_from="task_args.protocol")
    out = folder / "draft"

    def scores(suffix: str):
        path = folder / f"fuzzed.{suffix}"

        def load(data: bytes) -> bool:
            path.write_bytes(data)
            found, refused = read_logs([path], reading)
            if not found:
                return False
            draft_base(out, found, refused, plan, model=default_model(), force=True)
            return True

        return load

    known = logs()
    attack = folder / "attack.eval"
    attack.write_bytes(known["attack.eval"])
    honest = folder / "honest.eval"

    def protocols(data: bytes) -> bool:
        honest.write_bytes(data)
        found, _ = read_protocols([honest, attack], Auditing("monitor", 5.0))
        used, refused = scores_of(found)
        if not used:
            return False
        draft_base(
            out,
            used,
            refused,
            Plan("toy-environment", None, prices=prices_of(found, "none")),
            model=default_model(),
            force=True,
        )
        return True

    def seeds(suffix: str) -> list[bytes]:
        return [data for name, data in known.items() if name.endswith(suffix)]

    return [
        Loader("log .eval", seeds("eval"), change.archive_members, scores("eval"), shares["eval"], "binary"),
        Loader("log .json", seeds("json"), change.json_values, scores("json"), shares["json"], "binary"),
        Loader(
            "log of ControlArena",
            [known["honest.eval"]],
            change.archive_members,
            protocols,
            shares["control"],
            "binary",
        ),
    ]


# --- Parquet ---------------------------------------------------------------------------------------------------------


def parquet_loader(folder: Path, share: int) -> Loader:
    import pandas as pd

    path = folder / "t.parquet"
    frame = pd.DataFrame(
        {"a": ["x", None, "z"] * 20, "b": range(60), "c": np.linspace(0, 1, 60), "d": [True, False, None] * 20}
    )
    seeds = []
    for options in ({"compression": "snappy"}, {"compression": None}, {"compression": "zstd", "row_group_size": 20}):
        out = io.BytesIO()
        frame.to_parquet(out, engine="pyarrow", **options)
        seeds.append(out.getvalue())

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        return bool(read_source_table(path).rows)

    return Loader("table in Parquet", seeds, change.by_bytes, load, share, "binary")


def binary_loaders(folder: Path) -> list[Loader]:
    folder.mkdir(parents=True, exist_ok=True)
    return [
        fit_loader(folder, 100),
        *log_loaders(folder, {"eval": 50, "json": 25, "control": 25}),
        parquet_loader(folder, 50),
    ]
