"""Mutation testing by sample: `python validation/mutation.py --part model --number 40`.

Changes one place of `model`, `analysis` or `inference/exact.py` as mutmut's operators do, in a copy of the tree, and runs
the tests of that module: a change that no test notices survives. `mutation.json` holds what came out, each survivor with
a reason. A run that was stopped goes on where it was. Words in messages are left as they are: other tests read them.
"""

import argparse
import difflib
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/evidence")
ARTEFACT = ROOT / "validation" / "mutation.json"
JOURNAL = ROOT / "build" / "mutation.jsonl"
PARTS = {"model": "model/", "analysis": "analysis/", "exact": "inference/exact.py"}
"""{part: where its modules lie below the package}; each has a sample of its own."""
COPIED = ("src", "tests", "models", "data", "validation", "docs", "pyproject.toml", "ARCHITECTURE.md", "app.py")
SEED = 2026
GOAL = 0.85
"""Share of mutants that the tests must find."""
TIMEOUT = 900.0
"""Seconds for the tests of one mutant: beyond, it counts as found, since an ordinary run takes a fraction of that."""
MOST_FILES = 4
"""Test files run for one mutant: those that import its module, the one of its own name first."""
ALSO = {
    "inference/exact": ("inference/test_exact_engine", "inference/test_identities", "inference/test_mode"),
    "model/changes": ("test_cli", "analysis/test_live", "test_cli_elicit"),
    "model/reach": ("analysis/test_elicit", "analysis/test_sliders", "test_cli_elicit"),
    "model/design": ("model/test_apart", "inference/test_exact_engine", "analysis/test_laws_conditional"),
    "model/hyper": ("model/test_hyper", "model/test_apart", "inference/test_exact_engine", "inference/test_shared_relevance"),
    "model/rows": ("inference/test_exact_engine", "analysis/test_laws_conditional"),
    "model/validity": ("inference/test_identities", "analysis/test_laws_conditional"),
    "model/foreseen": ("inference/test_foresight", "analysis/test_worth"),
    "analysis/crunch": ("analysis/test_portfolio", "analysis/test_worth", "test_value_page"),
    "analysis/kept": ("analysis/test_calibrate",),
    "analysis/fitting": ("analysis/test_reweighting", "analysis/test_fingerprint", "analysis/test_sensitivity"),
    "analysis/limits": ("analysis/test_review", "analysis/test_shifts", "test_cli"),
    "analysis/many": ("test_review_all", "analysis/test_shifts"),
    "analysis/prereg_beliefs": ("analysis/test_prereg_compare", "analysis/test_prereg_score", "test_cli_prereg"),
    "analysis/prereg_bridging": ("analysis/test_prereg_compare",),
    "analysis/prereg_compare": ("analysis/test_prereg_compare",),
    "analysis/prereg_freeze": ("analysis/test_prereg_compare", "test_cli_prereg"),
    "analysis/prereg_hours": ("analysis/test_prereg_score", "test_cli_prereg"),
    "analysis/prereg_resolve": ("analysis/test_prereg_score", "test_cli_prereg"),
    "analysis/prereg_score": ("analysis/test_prereg_score", "test_cli_prereg"),
    "analysis/prereg_verify": ("test_cli_prereg",),
    "analysis/shifts": ("analysis/test_shifts", "analysis/test_review"),
    "analysis/solo": ("analysis/test_review", "analysis/test_shifts"),
    "analysis/statements": ("analysis/test_elicit",),
    "analysis/study_readers": ("analysis/test_worth", "analysis/test_portfolio", "test_cli_value"),
    "analysis/subject": ("analysis/test_review", "analysis/test_subject"),
    "analysis/tornado": ("test_cli_value", "analysis/test_portfolio"),
    "analysis/typed": ("test_cli", "analysis/test_read_back"),
    "analysis/whatif": ("test_cli", "analysis/test_live"),
}
"""For modules that no test imports, or where the importing ones are not those that test it."""


@dataclass(frozen=True)
class Mutant:
    """One changed place: the file from the root, the line, and both texts of what changed."""

    path: str
    line: int
    before: str
    after: str
    source: str
    """The whole file with the change."""

    @property
    def key(self):
        return hashlib.sha256(f"{self.path}\n{self.source}".encode()).hexdigest()[:16]


def modules(part):
    """Files of one part that may be mutated, from the root."""
    place = ROOT / PACKAGE / PARTS[part]
    files = [place] if place.is_file() else place.glob("*.py")
    return sorted(p.relative_to(ROOT) for p in files if p.name != "__init__.py")


def mutations_of(path):
    """(syntax tree, mutations of it) of one file (from the root): all that mutmut knows, but those of texts."""
    import libcst
    from mutmut.mutation.file_mutation import create_mutations

    module, found, *_ = create_mutations(str(path), (ROOT / path).read_text(encoding="utf-8"))
    return module, [mutation for mutation in found if not isinstance(mutation.original_node, libcst.BaseString)]


def drawn(part, *, seed=SEED):
    """Mutants without end: a module in proportion to its length, then each of its mutants as likely as any other."""
    rng, paths, seen = random.Random(seed), modules(part), set()
    lengths = [len((ROOT / path).read_bytes()) for path in paths]
    while True:
        path = rng.choices(paths, lengths)[0]
        module, found = mutations_of(path)
        number = rng.randrange(2**30)
        if found and (path, number % len(found)) not in seen:
            seen.add((path, number % len(found)))
            mutation = found[number % len(found)]
            changed = module.deep_replace(mutation.original_node, mutation.mutated_node).code
            yield mutant_between(str(path), module.code, changed)


def mutant_between(path, code, changed):
    """The mutant that makes `changed` of the code of a file."""
    before, after = code.splitlines(), changed.splitlines()
    blocks = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    _, i, j, k, m = next(block for block in blocks if block[0] != "equal")
    return Mutant(path, i + 1, "\n".join(before[i:j]).strip(), "\n".join(after[k:m]).strip(), changed)


def tests_of(path):
    """Test files (from the root) that are run for a mutant of this module."""
    name = str(Path(path).relative_to(PACKAGE).with_suffix(""))
    if name in ALSO:
        return [f"tests/{file}.py" for file in ALSO[name]]
    package, _, module = f"evidence.{name.replace('/', '.')}".rpartition(".")
    wanted = re.compile(rf"from {package}\.{module} import|from {package} import .*\b{module}\b")
    files = [p for p in (ROOT / "tests").rglob("test_*.py") if wanted.search(p.read_text(encoding="utf-8"))]
    files.sort(
        key=lambda p: (p.stem != f"test_{module}", name.split("/", maxsplit=1)[0] != p.parent.name, p.as_posix())
    )
    return [p.relative_to(ROOT).as_posix() for p in files[:MOST_FILES]]


def copy_of_tree(folder):
    """What the tests need, in a folder of its own."""
    for name in COPIED:
        source, place = ROOT / name, Path(folder) / name
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
        else:
            shutil.copy(source, place)
    return Path(folder)


def run_tests(tree, nodes, *more, timeout=TIMEOUT):
    """(outcome, the first test that failed): `passed`, `failed`, `timed out` or `did not start`."""
    environment = {
        **os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1",
        # JAX keys its cache by the program: a mutant compiles its own, and what it does not change is shared.
        "EVIDENCE_CACHE_DIR": str(tree / "cache"), "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / "hypothesis"),
    }  # fmt: skip
    options = [
        "-x",
        "-q",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "--basetemp",
        str(tree / "made"),
        *more,
    ]
    command = [sys.executable, "-m", "pytest", *options, *nodes]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return "timed out", None
    if done.returncode == 0:
        return "passed", None
    first = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return ("failed" if done.returncode == 1 else "did not start"), first[1] if first else nodes[0]


def outcome_of(mutant, tree, *, tests=None):
    """What became of one mutant: the record of it that is stored."""
    place, began = tree / mutant.path, time.monotonic()
    right = place.read_text(encoding="utf-8")
    tests = tests_of(mutant.path) if tests is None else tests
    place.write_text(mutant.source, encoding="utf-8")
    try:
        outcome, by = run_tests(tree, tests)
    finally:
        place.write_text(right, encoding="utf-8")
    record = {name: value for name, value in asdict(mutant).items() if name != "source"}
    record |= {"key": mutant.key, "killed": outcome != "passed", "outcome": outcome, "by": by, "tests": tests}
    return record | {"seconds": round(time.monotonic() - began, 1)}


def sound(records, tree):
    """Whether every test that found a mutant passes, and every file that could not start does, on the tree as it is."""
    nodes = sorted({r["by"] for r in records if r["outcome"] == "failed"})
    files = sorted({r["by"] for r in records if r["outcome"] == "did not start"})
    passes = not nodes or run_tests(tree, nodes, timeout=3600)[0] == "passed"
    return passes and (not files or run_tests(tree, files, "--collect-only", timeout=3600)[0] == "passed")


def run(part, number, *, seed=SEED, seconds=None):
    """Records of the first mutants of the sample, those of earlier runs included; stops after `seconds`."""
    JOURNAL.parent.mkdir(exist_ok=True)
    lines = JOURNAL.read_text(encoding="utf-8").splitlines() if JOURNAL.exists() else []
    known = {record["key"]: record for record in map(json.loads, lines)}
    began, records = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_of_tree(folder)
        for mutant in itertools.islice(drawn(part, seed=seed), number):
            if mutant.key not in known:
                if seconds is not None and time.monotonic() - began > seconds:
                    break
                known[mutant.key] = outcome_of(mutant, tree)
                with JOURNAL.open("a", encoding="utf-8") as journal:
                    journal.write(json.dumps(known[mutant.key]) + "\n")
            records.append(known[mutant.key])
            last = records[-1]
            print(f"{len(records)} {last['outcome']} {last['path']}:{last['line']} {last['seconds']} s", flush=True)
        if not sound(records, tree):
            raise SystemExit("a test that found a mutant fails without one as well")
    return records


def store(part, records, *, seed=SEED, path=ARTEFACT):
    """Writes what came out of one part; reasons given earlier for a survivor are kept."""
    parts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    reasons = {s["key"]: s["reason"] for s in parts.get(part, {"survivors": []})["survivors"]}
    survivors = [
        {name: r[name] for name in ("key", "path", "line", "before", "after")} | {"reason": reasons.get(r["key"], "")}
        for r in records if not r["killed"]
    ]  # fmt: skip
    parts[part] = {
        "date": datetime.now(UTC).date().isoformat(), "mutmut": version("mutmut"), "seed": seed,
        "sampled": len(records), "outcomes": Counter(r["outcome"] for r in records),
        "killed": sum(r["killed"] for r in records), "survivors": survivors, "mutants": records,
    }  # fmt: skip
    path.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return parts[part]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--seconds", type=float, help="stop after this time; a later run goes on")
    options = parser.parse_args()
    records = run(options.part, options.number, seed=options.seed, seconds=options.seconds)
    result = store(options.part, records, seed=options.seed)
    print(f"{result['killed']} of {result['sampled']} found")
    for survivor in result["survivors"]:
        print(f"{survivor['path']}:{survivor['line']}\n  - {survivor['before']}\n  + {survivor['after']}")


if __name__ == "__main__":
    main()
