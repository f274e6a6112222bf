"""docs/reliability.md: the files and commands that it names are there, and runs that others store are shown."""

import json
import re
from pathlib import Path

import docs_numbers

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
BLOCKING = {"R1", "R5", "R6", "R7", "R9", "R10", "R14", "R16", "R19", "S"}

DEEPER = {
    "totals": {"text": {"inputs": 2000, "crashes": 0}, "binary": {"inputs": 1000, "crashes": 0}},
    "survivors": [{"path": "a"}, {"path": "b"}],
}


def rows_of(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in section.splitlines()
        if re.match(r"\| [RS]\d* ", line)
    ]


def test_every_test_that_blocks_a_release_is_there():
    rows = rows_of("Ten that block a release")
    assert {item for item, *_ in rows} == BLOCKING
    for item, _, tests in rows:
        named = re.findall(r"`(tests/[^`]+)`", tests)
        assert named, item
        for node in named:
            path, _, name = node.partition("::")
            assert (ROOT / path).exists(), node
            assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), node


def test_every_row_of_figures_has_a_command_and_says_where_it_is_stored():
    own = docs_numbers.RUN.sub("", PAGE.split("## Ten that")[0])
    rows = [line for line in own.splitlines() if line.startswith("| ") and "---" not in line]
    figures = [row for row in rows if not row.startswith("| measured")]
    assert len(figures) > 25
    for row in figures:
        cells = row.strip("| ").split(" | ")
        assert len(cells) == 3, row
        assert re.search(r"`(python|pytest|evidence) ", cells[1]), row
        for node in re.findall(r"\b(?:tests|validation)/[\w./-]+", f"{cells[1]} {cells[2]}"):
            assert (ROOT / node).exists(), node


def test_a_run_that_is_stored_is_shown_and_one_that_is_not_is_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(docs_numbers, "ROOT", tmp_path)
    (tmp_path / "validation").mkdir()
    page = tmp_path / "page.md"
    page.write_text("Before\n\n<!-- run: soak -->\nold\n<!-- end -->\n", encoding="utf-8")
    assert docs_numbers.stale_runs("page.md", write=True) == ["page.md: the run soak"]
    assert "Not stored in this version." in page.read_text(encoding="utf-8")
    run = {
        "command": "python validation/soak.py",
        "kills": 1234,
        "ok": True,
        "share": 0.98765,
        "sources": "ab12",
    } | DEEPER
    (tmp_path / "validation" / "soak.json").write_text(json.dumps(run), encoding="utf-8")
    docs_numbers.stale_runs("page.md", write=True)
    shown = page.read_text(encoding="utf-8")
    assert docs_numbers.stale_runs("page.md") == []
    assert "| command | `python validation/soak.py` |\n| kills | 1,234 |\n| ok | True |\n| share | 0.9877 |\n" in shown
    assert "| totals, text | inputs 2,000, crashes 0 |\n| totals, binary | inputs 1,000, crashes 0 |\n" in shown
    assert "| survivors | 2 |" in shown
    assert "ab12" not in shown


def test_no_stored_run_is_shown_otherwise_than_it_is():
    assert docs_numbers.stale_runs("docs/reliability.md") == []
    assert {m[1] for m in docs_numbers.RUN.finditer(PAGE)} == {"fuzz", "kills", "soak", "mutation", "coverage"}
