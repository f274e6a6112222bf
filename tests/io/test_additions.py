"""Rows at the end of a base's tables: loaded as told, and not one byte of what stood there changed."""

import pytest

from bases import FINDINGS, STUDIES, write_base
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase, Family, Finding, Setting, Study, Technique
from evidence.io.additions import Addition, append_to, write_paper
from evidence.io.csv_out import cell
from evidence.io.paper import load_paper
from evidence.io.tables import load_base

FINDING = Finding(
    id="delta2026-1", study="delta2026", setting="arena", technique="editing", comparator="none", kind="means",
    higher_is_better=True, mean=6.25, sd=0.1, mean0=-1e-7, sd0=12345.678, n=400, n0=380, score_hi=10.0, ahead="technique",
    own_technique=True, where='Table "3", p. 7', source_kind="full text", note="two\nlines, and a comma",
)  # fmt: skip
ADDITION = Addition(
    techniques=(Technique(id="editing", name="Trusted editing"),),
    families=(Family(id="bash", name="Bash agents", validity_class="agentic-sabotage-benchmark", reason="one scaffold"),),
    settings=(
        Setting(
            id="arena", name="Arena", family="bash", environment="bash", model_family="Claude", outcome="score",
            gaps={"capability": 0.3, "aim": "unknown"}, reasons={"capability": "close", "aim": "not stated"},
        ),
    ),
    studies=(Study(id="delta2026", title="Editing, in bash", authors="El", year=2026, headline="delta2026-1"),),
    findings=(FINDING,),
)  # fmt: skip
TABLES = ("techniques", "families", "settings", "studies", "findings")


def tables_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_addition_is_in_the_base_as_told_and_everything_else_as_before(base_folder):
    before = load_base(base_folder)
    assert append_to(base_folder, ADDITION) == tuple(base_folder / f"{name}.csv" for name in TABLES)
    after = load_base(base_folder)
    for name in TABLES:
        assert getattr(after, name) == (*getattr(before, name), *getattr(ADDITION, name))
    assert (after.question, after.outcomes, after.left_out) == (before.question, before.outcomes, before.left_out)


def test_no_byte_of_an_existing_row_changes(base_folder):
    before = tables_of(base_folder)
    append_to(base_folder, ADDITION)
    after = tables_of(base_folder)
    assert after["base.toml"] == before["base.toml"]
    for name in ("techniques", "families", "settings", "studies"):
        assert after[f"{name}.csv"].startswith(before[f"{name}.csv"])
    # findings.csv lacks four columns that the row needs: its header grows, its rows stand as they stood
    header, _, rows = before["findings.csv"].partition(b"\n")
    new_header, _, new_rows = after["findings.csv"].partition(b"\n")
    assert new_header == header + b",score_hi,ahead,note"
    assert new_rows.startswith(rows)
    assert new_rows.count(b"delta2026-1") == 1


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["dos", "unix", "old mac"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order mark"])
def test_line_ends_and_the_last_of_them_are_as_the_table_has_them(end, closed, mark, tmp_path):
    text = mark + STUDIES.replace("\n", end)
    text = text if closed else text.removesuffix(end)
    folder = write_base(tmp_path / "tiny", studies=text.encode())
    append_to(folder, ADDITION)
    data = (folder / "studies.csv").read_bytes().decode()
    assert data.startswith(text)
    added = data[len(text) :]
    row = 'delta2026,"Editing, in bash",empirical,El,,2026,,delta2026-1'
    assert added == (row + end if closed else end + row)
    assert load_base(folder).study("delta2026") == ADDITION.studies[0]


def test_a_header_that_ends_in_commas_takes_new_columns_where_they_were(tmp_path):
    header, _, rows = FINDINGS.partition("\n")
    folder = write_base(tmp_path / "tiny", findings=f"{header},,\n{rows}")
    append_to(folder, ADDITION)
    assert load_base(folder).finding("delta2026-1") == FINDING


def test_what_makes_no_sound_base_changes_nothing_and_names_the_users_own_files(base_folder):
    before = tables_of(base_folder)
    twice = Addition(techniques=(Technique(id="audit", name="A"),), findings=ADDITION.findings)
    with pytest.raises(BadInput) as caught:
        append_to(base_folder, twice)
    problems = [str(problem) for problem in caught.value.problems]
    assert f"{base_folder}/techniques.csv:5:id: found 'audit', wanted a new id, not used before" in problems
    assert any(p.startswith(f"{base_folder}/findings.csv:12:study: found 'delta2026'") for p in problems)
    assert tables_of(base_folder) == before
    assert [path.name for path in base_folder.parent.iterdir()] == ["tiny"]  # no half-written folder beside it


def test_a_missing_table_is_named_and_nothing_is_made(tmp_path):
    folder = write_base(tmp_path / "tiny", families=None)
    before = tables_of(folder)
    with pytest.raises(BadInput, match=r"families.csv: found no such file"):
        append_to(folder, ADDITION)
    assert tables_of(folder) == before


@pytest.mark.parametrize("value", [0.1, 1e-7, 12345.678, 1e22, -2.5e-13, 100.0, 0.30000000000000004])
def test_a_number_in_a_cell_is_exact_and_in_plain_digits(value):
    text = cell(value)
    assert float(text) == value
    assert "e" not in text.lower()


def loader(folder):
    def load(name: str) -> EvidenceBase:
        assert name == "tiny"
        return load_base(folder)

    return load


def test_a_paper_file_holds_the_same_records(base_folder, tmp_path):
    path = tmp_path / "delta.toml"
    assert write_paper(path, "tiny", ADDITION, loader(base_folder)) == (path,)
    base = load_paper(path, loader(base_folder))
    assert base.findings[-1] == FINDING
    assert base.settings[-1] == ADDITION.settings[0]
    assert base.studies[-1] == ADDITION.studies[0]
    assert "study = " not in path.read_text(encoding="utf-8")


def test_a_paper_that_makes_no_sound_base_is_not_written(base_folder, tmp_path):
    path = tmp_path / "delta.toml"
    with pytest.raises(BadInput, match=rf"^{path}:\d+:findings\[0\].setting: found 'arena'"):
        write_paper(
            path,
            "tiny",
            Addition(ADDITION.techniques, (), (), ADDITION.studies, ADDITION.findings),
            loader(base_folder),
        )
    assert not path.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny"]


def test_two_additions_are_one_after_the_other():
    other = Addition(techniques=(Technique(id="x", name="X"),))
    assert (ADDITION + other).techniques == (*ADDITION.techniques, *other.techniques)
    assert other.tables() == {"techniques": other.techniques}
