"""Every test can fail by its own words: it asserts, or calls something of tests/ that does."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
ASSERTING = ("raises", "warns", "fail")
"""Of pytest; numpy's and others' begin with `assert`."""
EXCEPTIONS: dict[str, str] = {
    "io/test_inspect_import.py::test_brackets_in_text_are_no_nesting": "the guard raises for what it does not let pass",
    "io/test_schema.py::test_every_schema_is_valid_json_schema": "jsonschema's check_schema raises",
    "reliability/test_r23_old_files.py::test_r23_a_stored_proposal_is_read_with_its_base": "check_against raises",
    "test_browser.py::test_s05_an_odd_address_is_said_to_be_ignored_in_a_browser": "wait_for raises if nothing appears",
}
"""Test -> why it needs no assertion."""


def functions_of(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def called(node):
    """The last name of whatever a function calls or is handed: fixtures that check count too."""
    calls = {getattr(n.func, "attr", getattr(n.func, "id", "")) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return calls | {argument.arg for argument in node.args.args}


def asserts(node):
    return any(isinstance(n, ast.Assert) for n in ast.walk(node)) or any(
        name in ASSERTING or name.startswith("assert") for name in called(node)
    )


def without_assertion(trees):
    """`file::function` of tests that neither assert nor reach an asserting function of these trees."""
    functions = [(file, node) for file, tree in trees.items() for node in functions_of(tree)]
    sure = {node.name for _, node in functions if not node.name.startswith("test_") and asserts(node)}
    while (
        grown := {node.name for _, node in functions if not node.name.startswith("test_") and called(node) & sure}
        - sure
    ):
        sure |= grown
    return {
        f"{file}::{node.name}"
        for file, node in functions
        if node.name.startswith("test_") and not asserts(node) and not called(node) & sure
    }


def test_every_test_asserts_something():
    files = sorted(TESTS.rglob("*.py"))
    trees = {path.relative_to(TESTS).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}
    assert len(trees) > 50
    found = without_assertion(trees)
    assert found == set(EXCEPTIONS), "a test without an assertion, or an exception that is none"


def test_a_test_without_an_assertion_is_found():
    text = """
def helper(x):
    assert x

def outer(x):
    helper(x)

def test_empty():
    print(1)

def test_direct():
    assert True

def test_by_helper():
    outer(1)

def test_raises():
    with pytest.raises(ValueError):
        int("a")
"""
    assert without_assertion({"a.py": ast.parse(text)}) == {"a.py::test_empty"}
