"""The tidy CSV of a base, both ways, and the apostrophes of spreadsheets."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bases import TABLES, write_base
from evidence.cli.running import draft_named
from evidence.domain.cells import guarded, restored
from evidence.domain.errors import BadInput
from evidence.io.base_out import KINDS
from evidence.io.models import load_model
from evidence.io.shipped import find_model, list_shipped
from evidence.io.tables import load_base, read_draft
from evidence.io.tidy import import_tidy, tidy_text
from evidence.report.sheets import safe_cell

DEFAULT = load_model(find_model("default"))
HOSTILE = ['=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "\uff1d1", "'=1", "''@"]
TEXTS = st.one_of(
    st.sampled_from([text for text in HOSTILE if text[0] not in "\t\r\0"]),
    st.text(st.characters(codec="utf-8", categories=("L", "Nd", "P", "S", "Zs"), max_codepoint=0x17F), min_size=1),
).map(lambda text: text.strip() or "x")
"""Words that a table may hold: no control characters, which `read_text` refuses, nor decomposed letters."""


def records(folder):
    """Every record of a base by table, those left out by price included."""
    draft, problems = read_draft(folder)
    assert problems == []
    return {name: [row.record for row in getattr(draft, name)] for name in ("techniques", *KINDS)}


def test_text_that_would_run_gets_an_apostrophe_and_numbers_do_not():
    assert [safe_cell(text) for text in HOSTILE] == ["'" + text for text in HOSTILE]
    assert (safe_cell(-0.5), safe_cell("plain"), safe_cell("it's")) == ("-0.5", "plain", "it's")


@settings(deadline=None)
@given(st.text(st.sampled_from("'=+-@\t\r\n\0\uff1dab")))
def test_an_apostrophe_comes_off_as_it_went_on(text):
    assert restored(guarded(text)) == text
    assert not guarded(text).startswith(tuple("=+-@\t\r\n\0\uff1d"))


@pytest.mark.parametrize("name", [*list_shipped().bases, *list_shipped().bridges])
def test_every_shipped_base_comes_back_as_it_was(tmp_path, name):
    draft, base = draft_named(name)
    (tmp_path / "all.csv").write_text(tidy_text(draft), encoding="utf-8")
    assert import_tidy(tmp_path / "all.csv", tmp_path / "again", model=DEFAULT) == base
    again, _ = read_draft(tmp_path / "again")
    for table in KINDS:
        assert [row.record for row in getattr(again, table)] == [row.record for row in getattr(draft, table)], table


@settings(deadline=None, max_examples=25)
@given(words=st.lists(TEXTS, min_size=4, max_size=4), number=st.floats(-1e6, 1e6), hours=st.floats(1e-6, 1e6))
def test_random_bases_come_back_as_they_were(words, number, hours):
    def row(*cells):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(cells)
        return out.getvalue()

    with tempfile.TemporaryDirectory() as name:
        techniques = TABLES["techniques"] + row("extra", words[0], words[1], f"{hours:.17f}")
        extra = {"id": "f11", "study": "beta2024", "setting": "sleeper", "technique": "extra", "comparator": "none"}
        extra |= {
            "kind": "effect",
            "higher_is_better": "yes",
            "scale": "smd",
            "estimate": f"{number:.17f}",
            "se": "0.5",
        }
        extra |= {"where": words[2], "source_kind": "derived"}
        header = TABLES["findings"].splitlines()[0].split(",")
        findings = TABLES["findings"] + row(*(extra.get(column, "") for column in header))
        families = TABLES["families"] + row("more", words[3], "theory", "", "", "", "", words[0])
        folder = write_base(Path(name) / "one", techniques=techniques, findings=findings, families=families)
        path = Path(name) / "all.csv"
        path.write_text(tidy_text(read_draft(folder)[0]), encoding="utf-8")
        assert import_tidy(path, Path(name) / "two", model=DEFAULT) == load_base(folder)
        assert records(Path(name) / "two") == records(folder)


def test_no_cell_of_text_is_a_formula(base_folder):
    text = tidy_text(read_draft(base_folder)[0])
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.startswith(("=", "+", "@")), cell
            assert not cell.startswith("-") or float(cell) < 0


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("\nfindings,", "\nfinding,", "record: found 'finding'"),
        ("counts", "count", "kind: found 'count'"),
        ('novelty = 1.0', 'novelty = 7.0', "novelty: found 7.0"),
        ("question,", "studies,", "record: found 0 rows 'question'"),
        ("jailbreak,monitor", "jailbrake,monitor", "setting: found 'jailbrake'"),
    ],
)  # fmt: skip
def test_a_broken_tidy_file_is_refused_at_its_line_and_nothing_is_written(tmp_path, base_folder, old, new, found):
    text = tidy_text(read_draft(base_folder)[0])
    assert old in text
    # The header holds the name of the question's column: only what follows it is changed.
    head, _, rest = text.partition("\n")
    changed = ("\n" + rest).replace(old, new, 1) if old.startswith("\n") else "\n" + rest.replace(old, new, 1)
    (tmp_path / "all.csv").write_text(head + changed, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        import_tidy(tmp_path / "all.csv", tmp_path / "again", model=DEFAULT)
    assert found in str(error.value)
    assert "all.csv" in str(error.value)
    assert not (tmp_path / "again").exists()


def test_a_tidy_file_with_a_question_and_no_technique_is_refused(tmp_path, base_folder):
    text = tidy_text(read_draft(base_folder)[0])
    source = tmp_path / "all.csv"
    source.write_text(text[: text.index("\ntechniques,") + 1], encoding="utf-8")
    with pytest.raises(BadInput, match="techniques: found 0 in all, wanted the baseline and at least one technique"):
        import_tidy(source, tmp_path / "out", model=DEFAULT)
    assert not (tmp_path / "out").exists()
