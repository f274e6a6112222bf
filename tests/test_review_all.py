"""`evidence review --all`: every study with a finding on a proxy, the same numbers as one by one."""

import json

import pytest
from typer.testing import CliRunner

import bases
from evidence.cli import app


@pytest.fixture
def folder(tmp_path):
    return bases.write_base(tmp_path / "tiny")


@pytest.mark.slow
def test_every_study_is_reviewed_with_the_numbers_it_has_alone(folder):
    run = CliRunner().invoke
    everything = run(app, ["review", "--all", "--base", str(folder), "--json"])
    assert everything.exit_code == 0, everything.stderr
    document = json.loads(everything.stdout)
    assert document["ok"] is True
    studies = [review["study"] for review in document["reviews"]]
    assert len(studies) == len(set(studies)) >= 2
    alone = json.loads(run(app, ["review", studies[-1], "--base", str(folder), "--json"]).stdout)
    together = dict(document["reviews"][-1])
    assert together.pop("base")
    assert together == alone


@pytest.mark.slow
def test_the_table_has_a_line_for_each_study(folder):
    shown = CliRunner().invoke(app, ["review", "--all", "--base", str(folder)])
    assert shown.exit_code == 0, shown.stderr
    assert "warranted" in shown.stdout
    document = json.loads(CliRunner().invoke(app, ["review", "--all", "--base", str(folder), "--json"]).stdout)
    for review in document["reviews"]:
        line = next(line for line in shown.stdout.splitlines() if review["study"] in line)
        assert str(round(100 * review["p_post"])) in line


@pytest.mark.slow
def test_pages_of_all_studies_are_written_to_a_folder_and_never_over_others(folder, tmp_path):
    run = CliRunner().invoke
    out = tmp_path / "pages"
    done = run(app, ["review", "--all", "--base", str(folder), "--report", str(out)])
    assert done.exit_code == 0, done.stderr
    pages = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.html"))
    document = json.loads(run(app, ["review", "--all", "--base", str(folder), "--json"]).stdout)
    assert pages == sorted(f"tiny/{review['study']}.html" for review in document["reviews"])
    page = (out / pages[0]).read_text(encoding="utf-8")
    assert "--all" not in page
    assert f"evidence review {pages[0].split('/')[1].removesuffix('.html')} --base tiny" in page
    again = run(app, ["review", "--all", "--base", str(folder), "--report", str(out)])
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_a_file_is_no_folder_for_pages(folder, tmp_path):
    done = CliRunner().invoke(app, ["review", "--all", "--base", str(folder), "--report", str(tmp_path / "x.html")])
    assert done.exit_code == 2
    assert "a folder" in done.stderr


@pytest.mark.slow
def test_studies_read_together_have_one_page(folder):
    run = CliRunner().invoke
    document = json.loads(run(app, ["review", "--all", "--base", str(folder), "--json"]).stdout)
    first, second = (review["study"] for review in document["reviews"][:2])
    done = run(app, ["review", first, second, "--base", str(folder), "--json"])
    assert done.exit_code == 0, done.stderr
    together = json.loads(done.stdout)
    assert (together["study"], together["studies"]) == (f"{first} + {second}", [first, second])
    one, two = document["reviews"][:2]
    assert len(together["inputs"]) == len(one["inputs"]) + len(two["inputs"])
    refused = run(app, ["review", first, second, "--base", str(folder), "--finding", "f1"])
    assert refused.exit_code == 2
    assert "one study" in refused.stderr
