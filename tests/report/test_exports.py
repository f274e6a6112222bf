"""`evidence export` and `evidence import tidy`."""

import csv
import io
import re
from pathlib import Path

import pytest
from reviews import make_review
from typer.testing import CliRunner

from bases import write_base
from evidence.cli import app
from evidence.domain.records import Study
from evidence.domain.results import Check
from evidence.domain.summary import Comparison, Summary
from evidence.io.tables import load_base
from evidence.report.bibtex import bibtex_of
from evidence.report.summary import COLUMNS, summary_csv, summary_markdown


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_base(tmp_path / "tiny")
    return lambda *words: CliRunner().invoke(app, [*map(str, words)])


def parsed_bibtex(text):
    """Entries by key, {field: value}, by a strict reader of its own: braces must balance, nothing stands between."""
    entries = {}
    while text := text.lstrip():
        head = re.match(r"@misc\{([^\s{},\"#%~\\]+),\n", text)
        assert head, text[:60]
        assert head[1] not in entries
        fields, text = {}, text[head.end() :]
        while field := re.match(r"  ([a-z]+) = \{", text):
            depth, i = 1, field.end()
            while depth:
                if text[i] == "\\" and text[i + 1] in "{}":
                    i += 1  # an escaped brace is text
                else:
                    depth += {"{": 1, "}": -1}.get(text[i], 0)
                i += 1
            fields[field[1]], text = text[field.end() : i - 1], text[i:].removeprefix(",\n")
        assert text.startswith("}")
        entries[head[1]], text = fields, text[1:]
    return entries


def test_tidy_goes_out_and_comes_back(run, tmp_path):
    assert run("export", "tiny", "--to", "tidy", "--out", "tiny.csv").exit_code == 0
    result = run("import", "tidy", "tiny.csv", "again")
    assert result.exit_code == 0, result.output
    assert load_base(tmp_path / "again") == load_base(tmp_path / "tiny")
    result = run("export", "tiny", "--to", "tidy", "--out", "tiny.csv")
    assert result.exit_code == 2
    assert "--force" in result.stderr


def test_metafor_is_yi_and_vi_and_says_what_is_left_out(run):
    result = run("export", "tiny", "--to", "metafor")
    assert result.exit_code == 0, result.output
    rows = {row["finding"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    # f1 is 12/100 against 31/100, lower is better. metafor 3.8-1 (R 4.2.2), OR2DL, as in tests/model/test_effects.py.
    assert float(rows["f1"]["yi"]) == pytest.approx(0.657355431967242, rel=1e-12)
    assert float(rows["f1"]["vi"]) == pytest.approx(0.04299497186148864, rel=1e-12)
    assert float(rows["f3"]["vi_lo"]) < float(rows["f3"]["vi"]) < float(rows["f3"]["vi_hi"])
    assert "f10" not in rows  # at another price
    assert "left out: f5: a sign has no yi" in result.stderr
    assert "f10" in result.stderr


def test_bibtex_holds_every_study_once(run):
    for name in ("tiny", "control", "harmbench"):
        result = run("export", name, "--to", "bibtex")
        assert result.exit_code == 0, result.output
        entries = parsed_bibtex(result.stdout)
        assert all(entry["title"] and entry["author"] and entry["year"] for entry in entries.values())
        if name == "tiny":
            assert list(entries) == ["alpha2023", "beta2024", "gamma2025"]


def test_bibtex_escapes_what_tex_would_read():
    hostile = Study(id="A 1", title=r"50 % of {it} & \input{x} #1 $", authors="Ng, Li and de Boer et al.", year=2024)
    twin = Study(id="a-1", title="t", authors="B", year=2024, url="https://e.org/a_b%20{c}")
    entries = parsed_bibtex(bibtex_of([hostile, twin]))
    assert list(entries) == ["A-1", "a-1-2"]
    assert entries["A-1"]["title"] == r"{50 \% of \{it\} \& \textbackslash{}input\{x\} \#1 \$}"
    assert entries["A-1"]["author"] == "{Ng} and {Li} and {de Boer} and others"
    assert entries["a-1-2"]["url"] == "https://e.org/a_b%20%7Bc%7D"


def summary_of(*reviews):
    rows = tuple(Comparison(studies=(f"s{i}",), findings=2, review=r) for i, r in enumerate(reviews))
    return Summary(base="tiny", target="t", model="default", comparisons=rows)


def test_a_summary_has_a_row_per_comparison_in_both_forms():
    summary = summary_of(make_review(), make_review())
    rows = list(csv.reader(io.StringIO(summary_csv(summary))))
    assert rows[0] == list(COLUMNS)
    assert len(rows) == 3
    lines = [line for line in summary_markdown(summary).splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert all(len(re.split(r"(?<!\\)\|", line)) == len(COLUMNS) + 2 for line in lines)
    assert all("80 %" in text and "equal-tailed" in text for text in (lines[0], rows[0][3]))


def test_a_summary_whose_check_failed_is_not_written(run, tmp_path, monkeypatch):
    failed = make_review(ok=False, checks={"k_hat": Check(value=0.9, ok=False, wanted="< 0.7")})
    monkeypatch.setattr("evidence.analysis.summary.summarise", lambda *a, **o: summary_of(make_review(), failed))
    result = run("export", "tiny", "--to", "summary", "--out", "s.md")
    assert result.exit_code == 5
    assert "k_hat failed" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "s.md").exists()


@pytest.mark.slow
def test_the_summary_and_the_fit_of_a_base(run, tmp_path):
    result = run("export", "tiny", "--to", "summary", "--out", "s.csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(Path("s.csv").read_text(encoding="utf-8"))))
    assert [row["studies"] for row in rows] == ["alpha2023", "beta2024", "gamma2025"]
    result = run("export", "tiny", "--to", "netcdf", "--out", "fit.nc")
    assert result.exit_code == 0, result.output
    import xarray as xr

    with xr.open_datatree(tmp_path / "fit.nc", engine="netcdf4") as tree:
        assert {"chain", "draw", "technique"} <= set(tree["posterior"]["merit"].dims)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--to", "netcdf"], "a name that ends in .nc"),
        (["--to", "summary", "--out", "s.html"], "a name that ends in .md or .csv"),
        (["--to", "tidy", "--target", "closed model"], "netcdf, summary or inspect beside --target"),
        (["--to", "excel"], "Invalid value for '--to'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_work(run, words, wanted):
    result = run("export", "tiny", *words)
    assert result.exit_code == 2
    assert wanted in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [("export",), ("import", "tidy"), ("import", "table")])
def test_help_has_an_example(run, words):
    assert f"Example: evidence {' '.join(words)}" in " ".join(run(*words, "--help").stdout.split())
