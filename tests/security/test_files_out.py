"""What is written: tables that no spreadsheet runs (S8), a terminal that no name drives (S14), files kept where they are (S15)."""

import csv
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bases
from evidence.cli import app
from evidence.domain.cells import guarded, restored
from evidence.domain.records import Technique
from evidence.io.additions import Addition, append_to
from evidence.io.base_out import base_texts, rows_of
from evidence.io.tables import load_base

FORMULAS = ('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "＝1", "＋1", "－1", "＠x", "=1", "--1")  # fmt: skip
PLAIN = ("-0.5", "+3", "1e-3", "-.5", "a=b", "", "'", "'a", "a-b", "ρ", "'1")
QUOTED = ("'=1", "''=1", "'+x", "'-")


def run(*words, **more):
    return CliRunner(env={"COLUMNS": "100", **more}).invoke(app, [str(w) for w in words], prog_name="evidence")


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN, *QUOTED])
def test_s08_a_guarded_text_comes_back_and_runs_nowhere(text):
    out = guarded(text)
    assert restored(out) == text
    assert out == (text if text in PLAIN else f"'{text}")


def test_s08_a_base_of_formulas_is_written_harmless_and_read_back_as_the_same_records(tmp_path):
    texts = [t for t in (*FORMULAS, *QUOTED) if t == t.strip() and "\0" not in t]
    base = load_base(bases.write_base(tmp_path / "tiny"))
    more = tuple(Technique(id=f"t{i}", name=text, description=text) for i, text in enumerate(texts))
    hostile = base.model_copy(update={"techniques": (*base.techniques, *more)})
    folder = tmp_path / "out"
    folder.mkdir()
    for name, text in base_texts(hostile.question, rows_of(hostile)).items():
        (folder / name).write_text(text, encoding="utf-8")
    cells = [
        c
        for path in folder.glob("*.csv")
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines())
        for c in row
    ]
    assert [c for c in cells if c[:1] in "=+-@＝＋－＠" and c and not c[1:].replace(".", "", 1).isdigit()] == []
    assert "-0.8" in cells
    again = load_base(folder)
    assert again.techniques == hostile.techniques
    assert again.findings == base.findings


def test_s08_a_row_added_to_a_table_is_guarded_too(tmp_path):
    folder = bases.write_base(tmp_path / "tiny")
    base = load_base(folder)
    new = base.studies[0].model_copy(update={"id": "new2026", "title": "=1+1", "headline": None})
    finding = base.findings[0].model_copy(update={"id": "new-1", "study": "new2026", "where": "@SUM(A1)", "k": 13})
    append_to(folder, Addition(studies=(new,), findings=(finding,)))
    assert "\nnew2026,'=1+1," in (folder / "studies.csv").read_text(encoding="utf-8")
    assert "'@SUM(A1)" in (folder / "findings.csv").read_text(encoding="utf-8")
    assert load_base(folder).study("new2026").title == "=1+1"
    assert load_base(folder).findings[-1].where == "@SUM(A1)"


# --- The terminal --------------------------------------------------------------------------------------------------------

TITLE, CLEAR, LINK = "\x1b]0;pwn\x07", "\x1b[2J", "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\"
NASTY = TITLE + CLEAR + LINK + "\x9b2J\u202e"
IN_TOML = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\\\u202e" else c for c in NASTY)
"""As TOML's escapes, which a reader that looks for control characters in the text does not see."""


def drives(text):
    return [c for c in text if c in "\x1b\x07\x9b\u202e\x00"]


def test_s14_names_from_a_base_do_not_reach_the_terminal(tmp_path):
    text = bases.BASE.replace('title = "A tiny base"', f'title = "{IN_TOML}"').replace(
        'criterion = "attacks stopped"', f'criterion = "{IN_TOML}"'
    )
    assert text.count("\\u001b") >= 8
    folder = bases.write_base(tmp_path / "tiny", base=text)
    for words in (("check", folder), ("check", folder, "--json"), ("list",)):
        done = run(*words)
        assert "Traceback" not in done.output
        assert drives(done.output) == [], words


def test_s14_what_is_typed_and_refused_is_shown_escaped(tmp_path):
    folder = bases.write_base(tmp_path / "tiny")
    broken = bases.write_base(tmp_path / "broken", base=bases.BASE.replace('id = "tiny"', f'id = "{IN_TOML}"'))
    odd = tmp_path / f"{CLEAR}x.toml"
    odd.write_text("a =", encoding="utf-8")
    for words in (
        ("check", broken), ("check", odd), ("check", tmp_path / NASTY.replace("/", "")), ("rank", folder, "--target", NASTY),
        ("rank", folder, "--model", NASTY), ("quick", NASTY, "--class", "small-open-chat"), ("quick", "A > B", "--class", NASTY),
        ("review", NASTY, "--base", folder), ("what-if", folder, "--sweep", NASTY), ("diagnose", odd), ("schema", NASTY),
        ("prereg", "show", NASTY), ("value", NASTY), ("rank", folder, "--set", NASTY),
    ):  # fmt: skip
        done = run(*words)
        assert done.exit_code == 2, (words, done.output)
        assert "Traceback" not in done.output
        assert drives(done.output) == [], words


# --- Paths -----------------------------------------------------------------------------------------------------------------


def test_s15_a_path_is_where_its_typist_put_it_and_nothing_there_is_overwritten(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "x.html").write_text("mine", encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.html").write_text("mine", encoding="utf-8")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "x.html")
    bases.write_base(tmp_path / "in" / "tiny")
    monkeypatch.chdir(tmp_path / "in")
    for place in ("../x.html", "link/x.html", "file", "/dev/null", "/dev/stdout", ".", "nowhere/x.html", ""):
        done = run("review", "alpha2023", "--base", "tiny", "--report", place)
        assert done.exit_code == 2, (place, done.output)
        assert done.stdout == ""
    for place in ("/dev/null", "/dev/full", "."):
        done = run("review", "alpha2023", "--base", "tiny", "--report", place, "--force")
        assert done.exit_code == 2, (place, done.output)
    assert [p.read_text(encoding="utf-8") for p in (tmp_path / "x.html", tmp_path / "out" / "x.html")] == [
        "mine",
        "mine",
    ]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["x.html"]


def test_s15_a_link_in_the_place_of_a_file_is_replaced_and_what_it_points_to_is_kept(tmp_path):
    from evidence.io.store import write_text

    (tmp_path / "target").write_text("theirs", encoding="utf-8")
    (tmp_path / "x.html").symlink_to(tmp_path / "target")
    write_text(tmp_path / "x.html", "mine", force=True)
    assert (tmp_path / "target").read_text(encoding="utf-8") == "theirs"
    assert not (tmp_path / "x.html").is_symlink()


def test_s15_folders_and_devices_in_the_place_of_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bases.write_base(tmp_path / "tiny")
    os.mkfifo(tmp_path / "pipe")
    long = "x" * 5000
    for words in (
        ("check", "/dev/zero"), ("check", "/dev/zero.toml"), ("check", "pipe"), ("rank", "tiny", "--model", "/dev/zero"),
        ("rank", "tiny", "--model", "pipe"), ("diagnose", "/dev/zero"), ("diagnose", "pipe"), ("value", "pipe"),
        ("prereg", "check", "pipe"), ("prereg", "check", "/dev/zero"), ("prereg", "show", "/dev/zero"), ("check", long),
        ("rank", "tiny", "--model", long), ("import", "table", "pipe", "pipe", "b"), ("init", "/dev/null"), ("init", "pipe"),
        ("rank", "tiny", "--out", "/dev/null"), ("rank", "tiny", "--out", f"{long}.nc"), ("init", long),
    ):  # fmt: skip
        done = run(*words)
        assert done.exit_code == 2, (words, done.output)
        assert "Traceback" not in done.output


def test_s15_no_name_in_a_file_becomes_a_path(tmp_path):
    for name in ("../x", "/etc/x", "a/b", "..", "a\\b", "C:x"):
        text = bases.TECHNIQUES.replace("audit,", f"{name},")
        done = run("check", bases.write_base(tmp_path / "b", techniques=text))
        assert done.exit_code == 2, name
        assert "an id" in done.stderr


def test_s15_nothing_is_served_from_a_folder_so_no_prefix_can_be_mistaken():
    """`static` against `static1`: the app serves no folder, and the package compares no path by its first letters."""
    from evidence.cli.app import command_of

    assert "--server.enableStaticServing=false" in command_of("127.0.0.1", 8501)
    sources = (Path(__file__).parents[2] / "src" / "evidence").rglob("*.py")
    assert [p.name for p in sources if ".startswith(str(" in p.read_text(encoding="utf-8")] == []
