"""The ordinary tests find faults: each of tests/mutants.py is put in, and the test it names must fail by an assertion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mutants

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "evidence"
WANTED = (
    "likelihood dropped", "prior ignored", "sd for variance", "se for sd", "sign of a finding", "rho squared for rho",
    "novelty forgotten", "relevance per setting", "tau for tau_P", "techniques swapped", "stale cache",
)  # fmt: skip
"""Faults that must be among them, whatever else is."""


def source_of(mutant):
    return (SOURCE / Path(*mutant.module.split("."))).with_suffix(".py").read_text(encoding="utf-8")


def run_tests(node, folder, mutant=None):
    """What became of the tests at `node` in a process of their own, which shares no cache with any other."""
    report = folder / "report.json"
    environment = {
        **os.environ, mutants.REPORT: str(report), "PYTHONPATH": os.pathsep.join([str(SOURCE.parent), str(TESTS)]),
        # Nothing that a faulty program has compiled or found is there for a right one to read.
        "EVIDENCE_CACHE_DIR": "", "JAX_COMPILATION_CACHE_DIR": "", "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }  # fmt: skip
    environment.pop(mutants.NAME, None)
    if mutant is not None:
        environment[mutants.NAME] = mutant.name
    options = ["-p", "mutants", "-p", "no:cacheprovider", "-x", "-q", "--basetemp", str(folder / "tests")]
    command = [sys.executable, "-m", "pytest", *options, str(TESTS / node)]
    done = subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8"))


def test_every_fault_has_a_place_in_the_source_and_changes_it():
    for mutant in mutants.MUTANTS:
        source = source_of(mutant)
        faulty = mutant.applied_to(source)  # raises unless the right text is there exactly once
        assert faulty != source, mutant.name
        compile(faulty, mutant.module, "exec")


def test_every_fault_names_a_test_that_exists():
    for mutant in mutants.MUTANTS:
        file, name = mutant.test.split("::")
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), mutant.name


def test_at_least_fifteen_faults_and_those_wanted_are_there():
    names = [mutant.name for mutant in mutants.MUTANTS]
    assert len(names) == len(set(names)) >= 15
    assert set(WANTED) <= set(names)


def test_without_a_fault_the_same_way_of_running_passes(tmp_path):
    report = run_tests("inference/test_engine.py", tmp_path)
    assert not report["installed"]
    assert not report["failed"]
    assert "tests/inference/test_engine.py::test_every_pair_has_its_p_and_its_standard_error" in report["passed"]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_is_found_by_the_test_it_names(mutant, tmp_path):
    report = run_tests(mutant.test, tmp_path, mutant)
    assert report["installed"]
    assert report["failed"], "survived"
    for node, error in report["failed"].items():
        assert node.startswith(f"tests/{mutant.test}")
        assert node.endswith("(call)")
        assert error == "AssertionError", node
