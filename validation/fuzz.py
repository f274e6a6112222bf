"""Every loader of a user's file under a million awkward files: no traceback, no hang, no memory without end.

`python validation/fuzz.py` goes on where it was stopped and writes `fuzz.json`; `--store` only writes. A chunk runs in a
process of its own, which may crash: the input that did it is a problem like any other. Problems lie with their inputs
in `build/fuzz/problems`. tests/security/test_fuzz.py runs the same for a few seconds.
"""

import argparse
import gc
import hashlib
import json
import mmap
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import fuzz_engine
import fuzz_loaders
from fuzz_engine import Lines, Tally, execute, require_seeds, run_chunk

ROOT = Path(__file__).parents[1]
ARTEFACT = Path(__file__).with_name("fuzz.json")
WORK = ROOT / "build" / "fuzz"
EXECUTIONS = {"text": 1_000_000, "binary": 25_000}
"""Inputs of all loaders of a kind together; of the binary ones 10,000 are stored fits, 10,000 evaluation logs."""
CHUNK = {"text": 500, "binary": 100}
ADDRESS_SPACE = 8 * 2**30
"""Most that a chunk may map beyond what it starts with: a loader that wants more gets a MemoryError, the machine lives."""
SOURCES = ("src/evidence/io", "src/evidence/domain")


def sources():
    """SHA-256 of the code of the loaders and of the fuzzer."""
    paths = [p for folder in SOURCES for p in (ROOT / folder).glob("*.py")] + list(
        Path(__file__).parent.glob("fuzz*.py")
    )
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def planned(loaders):
    """Executions of each loader, by its share of its kind."""
    whole = {kind: sum(x.share for x in loaders if x.kind == kind) for kind in EXECUTIONS}
    return {x.name: round(EXECUTIONS[x.kind] * x.share / whole[x.kind]) for x in loaders}


def in_a_fork(loader, found, n, lines, seed, current):
    """The tally of a chunk from a process of its own, and the lines it was the first to reach."""

    count = mmap.mmap(-1, 8)

    def load(data):
        current.write_bytes(data)
        count[:] = (int.from_bytes(count[:]) + 1).to_bytes(8)
        return loader.load(data)

    with tempfile.TemporaryFile() as told:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads: none holds a lock here
            child = os.fork()
        if child == 0:
            code = 1
            try:
                _limit_memory()
                watched = type(loader)(**{**vars(loader), "load": load})
                tally = run_chunk(watched, found, n, lines, seed=seed, refusals=fuzz_loaders.REFUSALS)
                pickle.dump((tally, lines.seen), told)
                told.flush()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status == 0:
            told.seek(0)
            return pickle.load(told)
    tally = Tally(executions=int.from_bytes(count[:]))
    tally.problem(f"the process died with status {status}", "", current.read_bytes())
    return tally, lines.seen


def _limit_memory():
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESS_SPACE, resource.RLIM_INFINITY))


class State:
    """What has run, on disk after every chunk. A change of the sources forgets the problems, whose inputs run again first."""

    def __init__(self, work):
        self.work, self.path, self.sources = work, work / "state.pickle", sources()
        self.tallies, self.chunks, self.seconds, self.by_sources = {}, {}, 0.0, {}
        if self.path.exists():
            self.tallies, self.chunks, self.seconds, self.by_sources = pickle.loads(self.path.read_bytes())
        if self.sources not in self.by_sources:
            for tally in self.tallies.values():
                tally.problems.clear()
            self.by_sources[self.sources] = 0

    def found(self, name):
        """Inputs that reached something new."""
        return self.tallies[name].found if name in self.tallies else []

    def problems(self, name):
        """Inputs that were a problem with earlier sources."""
        return [
            p.read_bytes() for p in sorted((self.work / "problems" / _file_name(name)).glob("*")) if p.suffix != ".txt"
        ]

    def add(self, name, tally, seconds):
        """Count a chunk, and keep what it found."""
        self.tallies.setdefault(name, Tally()).add(tally)
        self.chunks[name] = self.chunks.get(name, 0) + 1
        self.seconds += seconds
        self.by_sources[self.sources] += tally.executions
        for key, problem in tally.problems.items():
            folder = self.work / "problems" / _file_name(name)
            mark = hashlib.sha256(key.encode()).hexdigest()[:8]
            _keep(folder, [problem.data], f"{mark}-")
            (folder / f"{mark}.txt").write_text(f"{key}\n\n{problem.told}\n", encoding="utf-8")
        temporary = self.path.with_suffix(".tmp")
        temporary.write_bytes(pickle.dumps((self.tallies, self.chunks, self.seconds, self.by_sources)))
        temporary.replace(self.path)


def _file_name(name):
    return "".join(c if c.isalnum() else "-" for c in name)


def _keep(folder, inputs, prefix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / f"{prefix}{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)


def run(loaders, state, *, until, seed=1):
    """Chunks in turn, always of the loader that is furthest behind its plan, until all is done or it is `until`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    plan = planned(loaders)
    done = {x.name: state.tallies[x.name].executions if x.name in state.tallies else 0 for x in loaders}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Lines() as lines, Progress(*columns) as bars:
        task = bars.add_task("fuzzing", total=sum(plan.values()), completed=sum(done.values()))
        for loader in loaders:
            require_seeds(loader, fuzz_loaders.REFUSALS)
            again = Tally()
            for data in (*state.found(loader.name), *state.problems(loader.name)):
                execute(loader.load, data, again, fuzz_loaders.REFUSALS)  # what reached something new does so once
            state.add(loader.name, again, 0.0)
            done[loader.name] += again.executions
        gc.collect()
        gc.freeze()  # what is loaded by now stays: a chunk need not look through it, nor copy it by looking
        while (left := [x for x in loaders if done[x.name] < plan[x.name]]) and time.monotonic() < until:
            loader = min(left, key=lambda x: done[x.name] / plan[x.name])
            name = loader.name
            bars.update(task, description=name)
            n = min(CHUNK[loader.kind], plan[name] - done[name])
            chunk = f"{seed} {name} {state.chunks.get(name, 0)}"
            started = time.perf_counter()
            tally, seen = in_a_fork(loader, state.found(name), n, lines, chunk, state.work / "current")
            lines.seen |= seen
            state.add(name, tally, time.perf_counter() - started)
            done[name] += tally.executions
            bars.update(task, completed=sum(done.values()))


def summary(loaders, state):
    """What is stored: counts by loader against the plan, and every problem."""
    plan = planned(loaders)
    rows = {}
    for loader in loaders:
        t = state.tallies.get(loader.name, Tally())
        problems = {key: p.count for key, p in sorted(t.problems.items())}
        rows[loader.name] = {
            "kind": loader.kind, "planned": plan[loader.name], "executions": t.executions, "accepted": t.accepted,
            "refused": t.refused, "problems": problems, "slowest_s": round(t.slowest, 3), "memory_mb": round(t.memory, 1),
            "inputs_found": len(t.found),
        }  # fmt: skip
    head = {
        "command": "python validation/fuzz.py",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "executions_by_sources": {state.sources: 0, **state.by_sources},
        "limits": {"seconds": fuzz_engine.SECONDS, "megabytes": fuzz_engine.MEGABYTES},
        "hours": round(state.seconds / 3600, 2),
    }
    kinds = {kind: [r for r in rows.values() if r["kind"] == kind] for kind in EXECUTIONS}
    totals = {
        kind: {key: sum(r[key] for r in of) for key in ("planned", "executions", "accepted", "refused")}
        | {"problems": sum(len(r["problems"]) for r in of), "slowest_s": max(r["slowest_s"] for r in of), "memory_mb": max(r["memory_mb"] for r in of)}
        for kind, of in kinds.items()
    }  # fmt: skip
    return {**head, "totals": totals, "loaders": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; the next run goes on")
    parser.add_argument("--only", default="", help="loaders with this in their name")
    parser.add_argument("--store", action="store_true", help="run nothing, write fuzz.json from what has run")
    parser.add_argument("--work", type=Path, default=WORK)
    options = parser.parse_args()
    from fuzz_binary import binary_loaders

    options.work.mkdir(parents=True, exist_ok=True)
    fast = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=fast if fast.is_dir() else None))
    try:
        loaders = [*fuzz_loaders.text_loaders(folder / "text"), *binary_loaders(folder / "binary")]
        state = State(options.work)
        if not options.store:
            chosen = [x for x in loaders if options.only in x.name]
            run(chosen, state, until=time.monotonic() + 60 * options.minutes)
        found = summary(loaders, state)
        ARTEFACT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(found["totals"], indent=1))
        problems = {name: row["problems"] for name, row in found["loaders"].items() if row["problems"]}
        if problems:
            sys.exit(json.dumps(problems, indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
