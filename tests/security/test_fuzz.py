"""A few seconds of `validation/fuzz.py`: every loader under awkward files (S9, S11, S12, S13), and the fuzzer under planted faults."""

import ast
import json
import os
import time
import warnings
from pathlib import Path

import pytest

import fuzz
from evidence.domain.errors import BadInput, Problem
from fuzz_binary import fit_loader, log_loaders, parquet_loader
from fuzz_engine import Lines, Tally, execute, require_seeds, run_chunk
from fuzz_loaders import REFUSALS, Loader, text_loaders
from fuzz_mutations import by_bytes

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "evidence"
TEXT, BINARY, FITS = 40, 25, 8
"""Inputs of each loader: text, logs and Parquet, and stored fits, which take longest."""


@pytest.fixture(scope="module")
def loaders(tmp_path_factory):
    pytest.importorskip("inspect_ai")
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("fuzz")
    shares = {"eval": 50, "json": 25, "control": 25}
    binary = [fit_loader(folder, 100), *log_loaders(folder, shares), parquet_loader(folder, 50)]
    return [*text_loaders(folder / "text"), *binary]


@pytest.fixture(scope="module")
def short_run(loaders):
    """The tally of each loader by name, and the lines of the package that were reached."""
    found = {}
    with Lines() as lines:
        for loader in loaders:
            require_seeds(loader, REFUSALS)
            n = TEXT if loader.kind == "text" else FITS if loader.name == "stored fit" else BINARY
            found[loader.name] = run_chunk(loader, [], n, lines, seed="short", refusals=REFUSALS)
    return found, lines.seen


def problems_of(tallies):
    return {name: {key: p.told for key, p in t.problems.items()} for name, t in tallies.items() if t.problems}


def test_s09_s11_s12_s13_fuzzed_files_end_in_a_reading_or_in_a_refusal(short_run):
    tallies, _ = short_run
    assert problems_of(tallies) == {}
    assert all(t.executions == t.accepted + t.refused for t in tallies.values())
    assert all(t.refused for name, t in tallies.items() if name != "typed lines"), "edits that change nothing"
    assert sum(t.accepted for t in tallies.values()) > 100, "edits that leave nothing to read"


NOT_OF_USERS = {
    "io/code_state.py:_source_sha256": "the package's own source",
    "io/frozen_files.py:write_once": "compares what lies there with what it is about to write",
    "io/frozen_files.py:sync_folder": "opens a folder, to make it durable",
    "io/registry.py:commit": "writes; it reads the chain by `read_chain`",
    "io/registry.py:_append": "writes",
    "io/registry.py:_mend": "writes",
}
"""Functions of `io` that the loaders do not reach."""
ONLY_BYTES = {
    "app/exports.py:bundle": "packs files that are read already",
    "app/page_evidence.py:replace_table": "copies tables, which `load_base` then reads",
    "cli/prereg_resolve.py:_report": "hashes a file that is read already",
    "cli/prereg_resolve.py:updated_from": "hashes a file that is read already",
    "cli/prereg_verify.py:_verified": "hashes a file that is read already",
    "cli/running.py:_is_about_output": "opens the place for what nobody reads",
}
"""Functions of the edges that read files by other means than `io`."""
BY_MEANS_OF_IO = frozenset(
    ("read_toml", "read_table", "read_source_table", "read_rows", "read_frozen", "parse_frozen", "read_chain")
)
BY_ITSELF = frozenset(
    ("read_text", "read_bytes", "read_csv", "read_parquet", "open_groups", "ZipFile", "read_eval_log", "open", "load")
)


def readers(layer, names):
    """Functions of a layer that call one of `names`, such as `io/tables.py:rows`, each with its lines."""
    for path in sorted((PACKAGE / layer).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                calls = [c.func for c in ast.walk(node) if isinstance(c, ast.Call)]
                if names & {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}:
                    lines = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
                    yield f"{layer}/{path.name}:{node.name}", {(str(path), line) for line in lines}


def test_s09_every_function_that_reads_a_file_is_reached(short_run):
    _, seen = short_run
    found = dict(readers("io", BY_MEANS_OF_IO | BY_ITSELF))
    assert len(found) > 30
    assert {name for name, lines in found.items() if not lines & seen} == set(NOT_OF_USERS)


def test_s09_commands_and_pages_read_files_by_the_loaders_alone():
    plain = BY_ITSELF - {"read_text"}  # `io.text_files.read_text` is the loader of that name
    found = {name for layer in ("cli", "app", "api") for name, _ in readers(layer, plain)}
    assert found == set(ONLY_BYTES)


# --- The fuzzer itself -------------------------------------------------------------------------------------------------


def fault(kind):
    """A loader with a fault that shows on data with an odd sum of its bytes."""
    kept = []

    def load(data):
        if sum(data) % 2 == 0:
            raise BadInput([Problem("x", 1, "", "an even sum", "an odd one")])
        match kind:
            case "KeyError":
                return {}["x"]
            case "sleep":
                time.sleep(1.1)
            case "loop":
                until = time.process_time() + 1.1
                while time.process_time() < until:
                    pass
            case "memory":
                kept.append(bytearray(b"x") * (250 * 2**20))
                kept.clear()
            case "warning":
                warnings.warn("as a library does", RuntimeWarning, stacklevel=1)
            case "silent":
                raise BadInput([])
        return True

    return Loader(kind, [b"a,b\n1,2\n"], by_bytes, load, 1)


FAULTS = {
    "KeyError": "KeyError", "sleep": "over 1 s", "loop": "over 1 s", "memory": "over 200 MB", "warning": "warning: RuntimeWarning",
    "silent": None,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "told"), FAULTS.items(), ids=FAULTS)
def test_s09_the_fuzzer_finds_a_planted_fault(kind, told):
    loader, tally = fault(kind), Tally()
    with Lines() as lines:
        found = run_chunk(
            loader, [], 2 if kind in {"sleep", "loop", "memory"} else 20, lines, seed="3", refusals=REFUSALS
        )
    execute(loader.load, b"a", tally, REFUSALS)  # one byte with an odd sum, whatever the mutations were
    for one in (found, tally):
        for key, problem in one.problems.items():
            assert key.startswith(told or "a refusal without a reason"), key
            assert kind == "silent" or sum(problem.data) % 2 == 1
    assert tally.problems
    assert found.executions == 2 or found.problems


def test_s09_a_loader_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr("fuzz_engine.STOP", 0.3)
    tally = Tally()
    loader = Loader("endless", [b"x"], by_bytes, lambda _: time.sleep(60), 1)
    with Lines() as lines:
        tally = run_chunk(loader, [], 1, lines, seed="1", refusals=REFUSALS)
    assert [key for key in tally.problems if key.startswith("over")]


def test_s12_a_loader_that_ends_the_process_is_a_problem_with_its_input(tmp_path):
    loader = Loader("deadly", [b"abc"], by_bytes, lambda data: os._exit(9) if b"Q" in data else True, 1)
    deadly = Loader("deadly", [b"Qbc"], lambda data, *_: data, loader.load, 1)
    with Lines() as lines:
        tally, _ = fuzz.in_a_fork(deadly, [], 5, lines, "1", tmp_path / "current")
    assert (tally.executions, [p.data for p in tally.problems.values()]) == (1, [b"Qbc"])


def test_the_same_seed_makes_the_same_inputs(loaders):
    for loader in loaders:
        if loader.name != "stored fit":  # the library that writes one puts the time into it
            made = [made_of(loader, n=20) for _ in range(2)]
            assert made[0] == made[1], loader.name
            assert len(set(made[0])) > 10, loader.name


def made_of(loader, *, n):
    seen = []
    watched = Loader(loader.name, loader.seeds, loader.mutate, lambda data: seen.append(data) or True, 1)
    with Lines() as lines:
        run_chunk(watched, [], n, lines, seed="same", refusals=REFUSALS)
    return seen


def test_what_is_stored_is_of_these_loaders_and_without_a_problem(loaders):
    stored = json.loads(fuzz.ARTEFACT.read_text(encoding="utf-8"))
    assert set(stored["loaders"]) == {loader.name for loader in loaders}
    assert fuzz.planned(loaders) == {name: row["planned"] for name, row in stored["loaders"].items()}
    assert {name: row["problems"] for name, row in stored["loaders"].items() if row["problems"]} == {}
    for kind, totals in stored["totals"].items():
        rows = [row for row in stored["loaders"].values() if row["kind"] == kind]
        assert totals["executions"] == sum(row["executions"] for row in rows) > 0
        assert all(row["accepted"] + row["refused"] <= row["executions"] for row in rows)  # less those mended since
        assert (totals["slowest_s"] < 1, totals["memory_mb"] < 200) == (True, True)
