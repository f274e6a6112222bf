"""Throughput of simulation-based calibration on several processes against one, and how far their ranks differ.

    python validation/scale_out.py                                 100 replications of `dense`, one process, then two
    python validation/scale_out.py --replications 20 --workers 4

Each way runs in a process of its own. The clock starts when every worker has done its first replications, so that
neither imports nor compilation count: `warm` of them a worker, the same number for one process. On a machine that does
anything else beside it the ratio means little: the load before each run is printed with it.

Ranks of hyperparameters come out the same. Those of merits need not: a draw of merits follows eigenvectors, whose signs
turn with the last digit of a covariance, to another draw that is as good. Both are counted.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import simulator
from designs import DESIGNS
from evidence.analysis.kept import Kept
from evidence.io.models import load_model
from replication import ENGINES, replicate

PRIORS = Path(__file__).parents[1] / "models" / "uncalibrated.toml"
WARM = 3
_FITS: Kept[object] = Kept()
"""One engine a process: the sampled one compiles its model once."""


def replicate_one(engine, design, number):
    """The record of one replication, in whichever process."""
    return replicate(
        DESIGNS[design](), number, _FITS.get(engine, lambda: _fit(engine)), functools.partial(simulator.simulate, model=PRIORS)
    )  # fmt: skip


def _fit(engine):
    fit = ENGINES[engine]()
    fit.model = load_model(PRIORS)
    return fit


def measure(engine, design, replications, scheduler):
    """Replications per second once warm, seconds in all, and the ranks by number."""
    import scale_out  # workers look functions up by the name of their module, which this file as a script has not
    from evidence.batch import spread

    start, ends, ranks = time.perf_counter(), [], []
    with spread(scheduler) as over:
        for record in over(functools.partial(scale_out.replicate_one, engine, design), range(replications)):
            ends.append(time.perf_counter() - start)
            ranks.append(record["ranks"])
    workers = int(scheduler.rpartition(":")[2]) if scheduler else 1
    warm = WARM * workers
    rate = (replications - warm) / (ends[-1] - ends[warm - 1])
    return {"rate": rate, "seconds": time.perf_counter() - start, "ranks": ranks}


def is_hyper(name):
    """True for the rank of a hyperparameter, which no draw of merits enters."""
    return not name.startswith(("merit", "rank", "lead", "new run", "log likelihood", "agreement", "sign"))


def in_own_process(options, scheduler):
    """`measure` in a fresh interpreter, with the load of the machine before it."""
    load = os.getloadavg()[0]
    words = [sys.executable, __file__, "--one", "--engine", options.engine, "--design", options.design]
    words += ["--replications", str(options.replications), *(["--scheduler", scheduler] if scheduler else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) | {"load": load}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=sorted(ENGINES), default="exact")
    parser.add_argument("--design", choices=sorted(DESIGNS), default="dense")
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scheduler", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replications <= WARM * options.workers + 1:
        parser.error(f"--replications: more than {WARM * options.workers + 1}, or nothing is left to measure")
    if options.one:
        print(json.dumps(measure(options.engine, options.design, options.replications, options.scheduler)))
        return
    found = {s or "one process": in_own_process(options, s) for s in (None, f"local:{options.workers}")}
    one, many = found.values()
    for name, run in found.items():
        print(
            f"{name}: {run['rate']:.2f} replications a second once warm, {run['seconds']:.1f} s in all, load before {run['load']:.1f}"
        )
    pairs = [(name, abs(a[name] - b[name])) for a, b in zip(one["ranks"], many["ranks"], strict=True) for name in a]
    moved = [pair for pair in pairs if pair[1]]
    print(f"throughput x {many['rate'] / one['rate']:.2f}")
    print(f"ranks that differ: {len(moved)} of {len(pairs)}, by at most {max(d for _, d in pairs)} of 199")
    print(f"of hyperparameters: {sum(is_hyper(name) for name, _ in moved)}")


# Workers import this file again.
if __name__ == "__main__":
    main()
