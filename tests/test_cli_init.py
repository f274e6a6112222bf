import json
import tomllib

import pytest
from typer.testing import CliRunner

from evidence.cli import app


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs `evidence` in an empty folder, without a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*words: str):
        return CliRunner().invoke(app, list(words), prog_name="evidence")

    return invoke


def test_a_new_base_is_checked_and_three_lines_say_what_to_do(run):
    result = run("init", "mine")
    assert result.exit_code == 0, result.stderr
    steps = [line for line in result.stdout.splitlines() if line[:3] in {"1. ", "2. ", "3. "}]
    assert len(steps) == 3
    assert "evidence add STUDY --base mine" in steps[1]
    checked = run("check", "mine", "--json")
    assert checked.exit_code == 0, checked.stderr
    assert json.loads(checked.stdout)["warnings"] == []


def test_without_a_name_the_base_has_one(run, tmp_path):
    assert run("init", "--quiet").exit_code == 0
    assert (tmp_path / "evidence-base" / "base.toml").is_file()


def test_the_new_base_is_ranked(run):
    run("init", "mine")
    result = run("rank", "mine", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["ok"]


@pytest.mark.parametrize("options", [["--base", "control"], ["--own-question"], []], ids=" ".join)
def test_a_new_paper_is_checked(options, run, tmp_path):
    result = run("init", "paper.toml", *options, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["written"] == ["paper.toml"]
    assert ("base" in tomllib.loads((tmp_path / "paper.toml").read_text())) == (options != ["--own-question"])
    assert run("check", "paper.toml").exit_code == 0


def test_a_paper_in_another_folder_finds_its_base_from_there(run, tmp_path, monkeypatch):
    run("init", "mine")
    (tmp_path / "papers").mkdir()
    assert run("init", "papers/paper.toml", "--base", "mine").exit_code == 0
    monkeypatch.chdir(tmp_path / "papers")
    assert tomllib.loads((tmp_path / "papers" / "paper.toml").read_text())["base"] == "../mine"
    assert run("check", "paper.toml").exit_code == 0


def test_a_new_paper_is_reviewed(run):
    run("init", "paper.toml", "--own-question")
    result = run("review", "paper.toml", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["study"] == "example2025study"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mine", "--own-question"], "--own-question"),
        (["mine", "--base", "control"], "--base"),
        (["p.toml", "--base", "control", "--own-question"], "--own-question"),
        (["p.toml", "--base", "contrl"], "did you mean 'control'"),
        (["no/such/folder/p.toml"], "no folder"),
        (["no/such/folder/mine"], "no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_left(words, says, run, tmp_path):
    result = run("init", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["mine", "paper.toml"])
def test_an_existing_file_is_kept_without_force(place, run, tmp_path):
    run("init", place)
    file = tmp_path / place if place.endswith("toml") else tmp_path / place / "findings.csv"
    file.write_text("mine")
    refused = run("init", place)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert file.read_text() == "mine"
    assert run("init", place, "--force").exit_code == 0
    assert file.read_text() != "mine"
