"""The script of mutation testing: a planted fault is found, a change that changes nothing survives, and the stored run."""

import json

import pytest

import branches
import mutation

TESTS = ["tests/model/test_conflict.py"]
PATH = "src/evidence/model/conflict.py"


def test_a_planted_fault_is_found_and_an_equivalent_change_survives(tmp_path, monkeypatch):
    monkeypatch.setattr(mutation, "COPIED", ("src", "tests", "pyproject.toml"))
    tree = mutation.copy_of_tree(tmp_path)
    right = (tree / PATH).read_text(encoding="utf-8")
    fault = mutation.mutant_between(PATH, right, right.replace("chdtrc(", "-chdtrc(", 1))
    same = mutation.mutant_between(PATH, right, right.replace("chdtrc(", "+chdtrc(", 1))
    found, survived = (mutation.outcome_of(mutant, tree, tests=TESTS) for mutant in (fault, same))
    assert (found["killed"], found["outcome"]) == (True, "failed")
    assert found["by"].startswith(TESTS[0])
    assert (survived["killed"], survived["outcome"]) == (False, "passed")
    assert (tree / PATH).read_text(encoding="utf-8") == right


def test_mutants_change_one_place_and_no_text():
    code = (mutation.ROOT / PATH).read_text(encoding="utf-8")
    module, found = mutation.mutations_of(PATH)
    assert len(found) > 10
    for change in found:
        mutant = mutation.mutant_between(
            PATH, code, module.deep_replace(change.original_node, change.mutated_node).code
        )
        assert mutant.before != mutant.after
        compile(mutant.source, PATH, "exec")


def test_every_module_has_tests_that_exist():
    for path in (path for part in mutation.PARTS for path in mutation.modules(part)):
        tests = mutation.tests_of(str(path))
        assert tests, path
        assert all((mutation.ROOT / test).exists() for test in tests), path


def test_the_stored_runs_found_enough_and_say_why_the_others_survived():
    if not mutation.ARTEFACT.exists():
        pytest.skip("never run: python validation/mutation.py --part model, analysis and exact")
    for part, stored in json.loads(mutation.ARTEFACT.read_text(encoding="utf-8")).items():
        assert stored["killed"] >= mutation.GOAL * stored["sampled"], part
        assert stored["killed"] + len(stored["survivors"]) == stored["sampled"] == len(stored["mutants"])
        assert all(survivor["reason"] for survivor in stored["survivors"]), part


@pytest.mark.parametrize(("taken", "below"), [(19, 0), (17, "too few branches covered: model")])
def test_branches_are_counted_by_part(taken, below, tmp_path, capsys):
    path = tmp_path / "coverage.json"
    measured = {"summary": {"covered_branches": taken, "num_branches": 20}, "missing_branches": [[7, 9]] * (20 - taken)}
    path.write_text(json.dumps({"files": {"src/evidence/model/rows.py": measured}}), encoding="utf-8")
    assert branches.main(path, tmp_path / "summary.json") == below
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["model"]["share"] == taken / 20
    assert f"model: {taken} of 20 branches" in capsys.readouterr().out
