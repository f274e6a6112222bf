"""The page of the tests keeps its word: every item has tests that carry its number, in the files that it names."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS / "README.md").read_text(encoding="utf-8")
ROWS = {m[1]: m[2] for m in re.finditer(r"^\| ([SR]\d+) \| .* \| ([^|]+) \|$", PAGE, re.MULTILINE)}
LATER = {"S17", "S18", "S19", "S20"}
NAMED = re.compile(r"^(?:async )?def test_((?:[sr]\d\d_)+)", re.MULTILINE)


def numbered():
    """Items by file, as the names of its tests have them: `test_s09_s11_…` is of both."""
    found = {}
    for path in TESTS.rglob("test_*.py"):
        heads = NAMED.findall(path.read_text(encoding="utf-8"))
        items = {f"{part[0].upper()}{int(part[1:])}" for head in heads for part in head.strip("_").split("_")}
        if items:
            found[path.relative_to(TESTS).as_posix()] = items
    return found


def test_every_item_of_the_security_list_has_a_row():
    assert {name for name in ROWS if name[0] == "S"} == {f"S{i}" for i in range(1, 25)}
    assert {name for name, where in ROWS.items() if where.startswith("later")} == LATER


@pytest.mark.parametrize("item", sorted(ROWS.keys() - LATER))
def test_every_item_has_a_test_of_its_number_in_each_file_of_its_row(item):
    files = re.findall(r"`([^`]+)`", ROWS[item])
    assert files
    assert sorted(files) == sorted(name for name, items in numbered().items() if item in items)
