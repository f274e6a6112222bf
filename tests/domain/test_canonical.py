import hashlib

import pytest

from evidence.domain.canonical import canonical_bytes, sha256_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Prior, Technique


def test_canonical_bytes_are_json_after_rfc_8785():
    # RFC 8785, sections 3.2.2 and 3.2.3: keys by code unit, no spaces, numbers as ECMAScript prints them
    technique = Technique(id="a", name="é", trial_hours=1e21)
    expected = '{"description":"","id":"a","name":"é","trial_hours":1e+21}'.encode()
    assert canonical_bytes(technique) == expected
    assert sha256_of(technique) == hashlib.sha256(expected).hexdigest()


def test_a_whole_float_and_an_integer_hash_alike():
    assert sha256_of(Prior(dist="Point", value=1.0)) == sha256_of(Prior(dist="Point", value=1))


def test_any_changed_value_changes_the_hash():
    assert sha256_of(Prior(dist="Point", value=1.0)) != sha256_of(Prior(dist="Point", value=1.0000000001))


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("f.csv", 12, "se", "0", "a number above 0"), "f.csv:12:se: found 0, wanted a number above 0"),
        (Problem("f.csv", None, "", "no file", "one"), "f.csv: found no file, wanted one"),
        (Problem("f.csv", 1, "", "x", "y"), "f.csv:1: found x, wanted y"),
    ],
)
def test_a_problem_names_its_place_then_found_and_wanted(problem, text):
    assert str(problem) == text


def test_bad_input_reads_as_one_line_per_problem():
    problem = Problem("f", 1, "a", "b", "c")
    error = BadInput([problem, problem])
    assert error.problems == (problem, problem)
    assert str(error) == "f:1:a: found b, wanted c\n" * 1 + "f:1:a: found b, wanted c"
