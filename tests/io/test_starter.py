"""What `evidence init` writes loads, says what it says in the records, and leaves no key or column unexplained."""

import csv
import re
import tomllib

import pytest

from bases import write_base
from evidence.domain.errors import BadInput
from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Question,
    Setting,
    Study,
    Target,
    Technique,
)
from evidence.io.paper import load_paper, read_paper
from evidence.io.starter import (
    BASE_FILES,
    DIMENSION,
    QUESTION,
    TARGET,
    paper_on,
    paper_with_own_question,
    write_starter,
)
from evidence.io.tables import find_warnings, load_base, read_draft

RECORDS = {"techniques": Technique, "families": Family, "settings": Setting, "studies": Study, "findings": Finding}


@pytest.fixture
def starter(tmp_path):
    write_starter(tmp_path / "mine")
    return tmp_path / "mine"


def keys_of(text):
    """Every key of a TOML text, commented out or not, by the table it stands in."""
    table, found = "", {}
    for line in text.splitlines():
        if header := re.fullmatch(r"\[+([\w.]+)\]+", line):
            table = header[1]
        elif key := re.fullmatch(r"(?:# )?(\w+) = .*", line):
            found.setdefault(table, []).append(key[1])
    return found


def test_the_example_base_loads_without_problems_or_warnings(starter):
    base = load_base(starter)
    assert sorted(path.name for path in starter.iterdir()) == sorted(BASE_FILES)
    assert [len(getattr(base, name)) for name in RECORDS] == [2, 1, 1, 1, 1]
    assert find_warnings(read_draft(starter)[0]) == ()


def test_base_toml_holds_the_example_question_and_explains_every_key(starter):
    text = (starter / "base.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {**QUESTION, "targets": [TARGET], "dimensions": [DIMENSION]}
    keys = keys_of(text)
    loose = {"targets", "dimensions"}
    assert keys == {
        "": [name for name in Question.model_fields if name not in loose],
        "targets": list(Target.model_fields),
        "dimensions": list(Dimension.model_fields),
    }
    lines = text.splitlines()
    explained = [lines[i - 1].startswith("# ") for i, line in enumerate(lines) if re.match(r"(# )?\w+ = ", line)]
    assert all(explained)


def test_a_commented_out_default_is_the_records_own(starter):
    text = (starter / "base.toml").read_text(encoding="utf-8")
    free = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if re.match(r"# (check_hours|gap_levels) = ", line)
    )
    assert tomllib.loads(free) == {"check_hours": 1.0, "gap_levels": {"none": 0.0, "some": 0.5, "major": 1.0}}


@pytest.mark.parametrize("name", RECORDS)
def test_a_table_has_every_column_and_the_readme_explains_each_in_the_records_words(name, starter):
    with (starter / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    fields = {field: info for field, info in RECORDS[name].model_fields.items() if field not in {"gaps", "reasons"}}
    assert header == [*fields, *(["gap_capability", "why_capability"] if name == "settings" else [])]
    readme = (starter / "README.md").read_text(encoding="utf-8")
    section = readme.split(f"## {name}.csv")[1].split("\n## ")[0]
    for field, info in fields.items():
        words = " ".join(info.description.split())
        assert f"| `{field}` | {'yes' if info.is_required() else ''} | {words} |" in section


def test_every_field_of_a_table_says_what_it_holds():
    for record in (Question, Target, Dimension, *RECORDS.values()):
        silent = [name for name, info in record.model_fields.items() if not info.description]
        assert silent == [], record.__name__


def test_nothing_is_overwritten_without_force(starter):
    (starter / "base.toml").write_text("mine")
    with pytest.raises(BadInput, match="--force"):
        write_starter(starter)
    assert (starter / "base.toml").read_text() == "mine"
    write_starter(starter, force=True)
    assert load_base(starter).question.id == QUESTION["id"]


def test_other_files_of_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_starter(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def never(name: str) -> EvidenceBase:
    raise AssertionError(name)


def test_a_paper_with_its_own_question_loads_and_explains_every_key(tmp_path):
    path = tmp_path / "paper.toml"
    path.write_text(paper_with_own_question(), encoding="utf-8")
    base = load_paper(path, never)
    assert base.findings[0].study == base.studies[0].id == "example2025study"
    keys = keys_of(path.read_text(encoding="utf-8"))
    assert keys["study"] == list(Study.model_fields)
    assert keys["findings"] == [name for name in Finding.model_fields if name != "study"]
    assert set(keys) == {"question", "question.targets", "question.dimensions", "techniques", "families", "settings", "study", "findings"}  # fmt: skip


def test_a_paper_on_a_base_takes_its_first_setting_in_its_direction(tmp_path):
    # The tiny base: its first setting, `jailbreak`, counts attacks, so lower is better there (f1, f2).
    tiny = load_base(write_base(tmp_path / "tiny"))
    path = tmp_path / "paper.toml"
    path.write_text(paper_on(tiny, "tiny"), encoding="utf-8")
    base = load_paper(path, lambda name: load_base(tmp_path / name))
    finding = base.findings[-1]
    assert (finding.setting, finding.technique, finding.comparator) == ("jailbreak", "monitor", "none")
    assert finding.higher_is_better is False
    assert base.studies[-1].headline == finding.id


def test_a_paper_on_a_base_that_has_the_example_gets_another_name(tmp_path):
    write_starter(tmp_path / "mine")
    base = load_base(tmp_path / "mine")
    path = tmp_path / "paper.toml"
    path.write_text(paper_on(base, "mine"), encoding="utf-8")
    read = read_paper(path, lambda _: base)
    assert [row.values["id"] for row in read.draft.studies] == ["example2025study", "example2025study2"]
    # The same numbers in the same setting are the same result: the one warning an unchanged example deserves.
    (warning,) = find_warnings(read.draft)
    assert "the numbers of example2025study-1" in warning
