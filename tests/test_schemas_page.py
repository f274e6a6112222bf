"""The published JSON Schemas: those of the code, and true of every shipped file."""

import csv
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import schemas
from evidence.io.schema import SCHEMA_NAMES, SCHEMA_VERSION

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "schemas" / SCHEMA_VERSION
TABLES = {
    "techniques": "technique",
    "families": "family",
    "settings": "setting",
    "studies": "study",
    "findings": "finding",
    "outcomes": "outcome",
}
BASES = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("data/**/base.toml"))
FILES = {"models/**/*.toml": "model", "data/proposals/*.toml": "proposal", "data/registrations/*.toml": "prereg-draft"}
YES_NO = {"yes": True, "no": False}


def validator(name):
    return jsonschema.Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def complaints(name, document):
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(name).iter_errors(document)]


def typed(cell):
    """A cell as the page says: a number, yes or no, else text."""
    for number in (int, float):
        try:
            return number(cell)
        except ValueError:
            continue
    return YES_NO.get(cell, cell)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: typed(cell) for key, cell in row.items() if cell} for row in csv.DictReader(file)]


def test_the_published_schemas_are_those_of_the_code():
    files = schemas.published()
    stale = [str(path.relative_to(ROOT)) for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `python validation/schemas.py`"
    assert {path.stem for path in FOLDER.iterdir()} == set(SCHEMA_NAMES)


def test_every_schema_has_its_own_name_and_no_host():
    names = {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["$id"] for name in SCHEMA_NAMES}
    assert names == {name: f"urn:evidence:schema:{SCHEMA_VERSION}:{name}" for name in SCHEMA_NAMES}


@pytest.mark.parametrize("base", BASES)
def test_shipped_bases_are_valid(base):
    folder = ROOT / base
    assert not complaints("question", tomllib.loads((folder / "base.toml").read_text(encoding="utf-8")))
    for table, name in TABLES.items():
        path = folder / f"{table}.csv"
        if path.exists():
            judge = validator(name)
            found = [error for row in rows(path) for error in judge.iter_errors(row)]
            assert not found, f"{path.name}: {found[0]}"


@pytest.mark.parametrize("pattern", FILES)
def test_shipped_toml_files_are_valid(pattern):
    paths = sorted(ROOT.glob(pattern))
    assert paths
    assert not {
        path.name: found
        for path in paths
        if (found := complaints(FILES[pattern], tomllib.loads(path.read_text(encoding="utf-8"))))
    }


def test_shipped_registrations_are_valid():
    folder = ROOT / "data" / "registrations" / "registry"
    frozen = sorted(folder.glob("*.prereg.json"))
    lines = (folder / "registry.jsonl").read_text(encoding="utf-8").splitlines()
    assert frozen
    assert lines
    assert not [c for path in frozen for c in complaints("registration", json.loads(path.read_text(encoding="utf-8")))]
    assert not [c for line in lines for c in complaints("registry-entry", json.loads(line))]


def test_a_wrong_row_is_not_valid():
    row = rows(ROOT / "data" / "control" / "findings.csv")[0]
    assert not complaints("finding", row)
    assert complaints("finding", {**row, "higher_is_better": "maybe"})
    assert complaints("finding", {key: value for key, value in row.items() if key != "study"})
