"""Simulation-based calibration of an engine: `python validation/calibration.py --engine exact --design dense`.

Simulates, fits and ranks (`replication.py`), tests the ranks for uniformity (`uniformity.py`) and stores what came out in
`calibration.json`, with the SHA-256 of every file the answer depends on: a test fails when one of them has changed
since. A run that was stopped goes on where it was, as long as none of those files changed in between.
"""

import argparse
import ast
import functools
import hashlib
import json
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import simulator
import uniformity
from designs import DESIGNS
from evidence.batch import spread
from evidence.io.models import load_model
from replication import ENGINES, N_DRAWS, replicate
from scale_out import replicate_one

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "evidence"
ARTEFACT = ROOT / "validation" / "calibration.json"
REPLICATIONS = {"exact": 1000, "sampled": 200}
"""How many replications the stored run of each engine has."""
PRIORS = ROOT / "models" / "uncalibrated.toml"
"""The priors of the stored runs: by hand, so that no calibration of the default makes them stale."""
COVERAGE_LIMIT = 4.0
"""Binomial standard errors."""
ALSO_READ = (*(f"validation/{name}.py" for name in ("designs", "likelihood", "replication", "simulator")),)


def command_of(engine, design):
    """What to type for the stored run."""
    return f"python validation/calibration.py --engine {engine} --design {design}"


def sources_of(engine):
    """SHA-256 of each file that the engine's answer depends on, {path from the root: digest}.

    These are the modules of `model` and `inference` that the engine imports, directly or not, and what stands on the
    other side of the comparison: simulator, designs, quantities and priors.
    """
    found, waiting = set(), [f"inference/{engine}.py", "inference/engine.py", "model/design.py", "model/hyper.py"]
    while waiting:
        name = waiting.pop()
        if name not in found and (PACKAGE / name).is_file():
            found.add(name)
            waiting += _imports_of(PACKAGE / name)
    paths = [*(f"src/evidence/{name}" for name in found), *ALSO_READ]
    return numbers_of_priors() | {
        path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in sorted(paths)
    }


def numbers_of_priors(path=PRIORS):
    """SHA-256 of the priors that replications are drawn from: what a model file says in numbers, not its sentences.

    Classes that no design uses may come and go.
    """
    model = load_model(path)
    used = sorted({family.validity_class for make in DESIGNS.values() for family in make().families})
    numbers = {
        "parametrisation": model.parametrisation.model_dump(mode="json"),
        "priors": {name: _without_claim(prior) for name, prior in model.priors.items()},
        "classes": {name: _without_claim(model.classes[name]) for name in used},
    }
    return {f"numbers of models/{path.name}": hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()}


def _without_claim(record):
    return {key: _strip(value) for key, value in record.model_dump(mode="json").items() if key != "claim"}


def _strip(value):
    return {k: v for k, v in value.items() if k != "claim"} if isinstance(value, dict) else value


def _imports_of(path):
    """Files of `model` and `inference` that a module imports anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    ours = [
        name.removeprefix("evidence.") for name in names if name.startswith(("evidence.model.", "evidence.inference."))
    ]
    return [f"{name.replace('.', '/')}.py" for name in ours]


def run(engine, design, replications, *, fit=None, folder=None, over=map):
    """The records of `replications` replications, those of an earlier, stopped run of the same code among them.

    `over` runs them in turn or side by side (`evidence.batch.spread`); a `fit` of one's own stays in this process.
    """
    done = _Records(engine, design, folder)
    missing = [number for number in range(replications) if number not in done.found]
    if fit is None:
        one = functools.partial(replicate_one, engine, design)
    else:
        simulate = functools.partial(simulator.simulate, model=PRIORS)
        one = lambda number: replicate(DESIGNS[design](), number, fit, simulate)  # noqa: E731
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(f"{engine} {design}", total=replications, completed=replications - len(missing))
        for record in over(one, missing):
            done.add(record)
            progress.advance(task)
    return [done.found[number] for number in range(replications)]


class _Records:
    """Finished replications as JSON lines in the temporary folder, under a name that changes with the code."""

    def __init__(self, engine, design, folder=None):
        folder = Path(folder or Path(tempfile.gettempdir()) / "evidence-calibration")
        folder.mkdir(parents=True, exist_ok=True)
        code = hashlib.sha256(json.dumps(sources_of(engine)).encode()).hexdigest()[:16]
        self.path = folder / f"{engine}-{design}-{code}.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        # A run that was killed may have left half a line behind.
        self.found = {record["number"]: record for record in map(_read, lines) if record is not None}

    def add(self, record):
        self.found[record["number"]] = record
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(record))


def _read(line):
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def histograms_of(records):
    """{quantity: how often each rank 0..L occurred}."""
    names = records[0]["ranks"]
    return {name: np.bincount([r["ranks"][name] for r in records], minlength=N_DRAWS + 1) for name in names}


def summary_of(records):
    """Uniformity and coverage of every quantity, and how many fits failed a check."""
    histograms = histograms_of(records)
    passed = [r for r in records if not r["failed"]]
    failed = [name for r in records for name in r["failed"]]
    return {
        "replications": len(records),
        "draws": N_DRAWS,
        "failed_fits": len(records) - len(passed),
        "failed_checks": {name: failed.count(name) for name in sorted(set(failed))},
        "smallest_p": min(map(uniformity.p_value, histograms.values())),
        "smallest_p_of_passed_fits": min(map(uniformity.p_value, histograms_of(passed).values())) if passed else None,
        "p_needed": uniformity.FAMILY_LEVEL / len(histograms),
        "broken_bands": sorted(uniformity.broken_bands(histograms)),
        "poorly_covered": sorted(poorly_covered(histograms)),
        "median_seconds_of_a_fit": round(float(np.median([r["seconds"] for r in records])), 3),
        "quantities": {name: _row(histogram) for name, histogram in histograms.items()},
    }


def _row(histogram):
    return {
        "p": round(uniformity.p_value(histogram), 5),
        "largest_deviation": round(uniformity.largest_deviation(histogram), 4),
        "coverage": {k: round(v["share"], 4) for k, v in uniformity.coverage(histogram).items()},
        "ranks_in_20_bins": histogram.reshape(uniformity.BINS, -1).sum(axis=1).tolist(),
    }


def poorly_covered(histograms):
    """Names of the quantities with a central interval whose coverage is more than 4 standard errors off."""
    for name, histogram in histograms.items():
        if any(abs(c["standard_errors"]) > COVERAGE_LIMIT for c in uniformity.coverage(histogram).values()):
            yield name


def store(engine, design, summary, path=ARTEFACT):
    """Put one run into the artefact, in place of an earlier one of the same engine and design."""
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    head = {
        "command": command_of(engine, design),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "version": version("evidence"),
        "sources": sources_of(engine),
    }
    runs[f"{engine} {design}"] = head | summary
    text = json.dumps(dict(sorted(runs.items())), indent=1)
    path.write_text(_with_short_lists(text) + "\n", encoding="utf-8")


def _commit():
    """The commit checked out; `sources` says whether its files are the ones that ran."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _with_short_lists(text):
    """JSON with every list of numbers on one line."""
    import re

    return re.sub(r"\[[\s\d,]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=sorted(ENGINES), default="exact")
    parser.add_argument("--design", choices=sorted(DESIGNS), default="dense")
    parser.add_argument("--replications", type=int, help="default: 1000 for exact, 200 for sampled")
    parser.add_argument("--keep", action="store_true", help="print only, leave calibration.json as it is")
    parser.add_argument("--scheduler", help="local:N, or the address of a Dask scheduler")
    options = parser.parse_args()
    with spread(options.scheduler) as over:
        replications = options.replications or REPLICATIONS[options.engine]
        records = run(options.engine, options.design, replications, over=over)
    summary = summary_of(records)
    if not options.keep:
        store(options.engine, options.design, summary)
    print(json.dumps({name: value for name, value in summary.items() if name != "quantities"}, indent=1))


# Samplers start processes of their own, which import this file again.
if __name__ == "__main__":
    main()
