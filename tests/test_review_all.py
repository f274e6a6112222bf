"""`evidence review --all`: every study with a finding on a proxy, the same numbers as one by one."""

import json

import pytest
from typer.testing import CliRunner

import bases
from evidence.cli import app


@pytest.fixture
def folder(tmp_path):
    return bases.write_base(tmp_path / "tiny")


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


def test_the_table_has_a_line_for_each_study(folder):
    shown = CliRunner().invoke(app, ["review", "--all", "--base", str(folder)])
    assert shown.exit_code == 0, shown.stderr
    assert "warranted" in shown.stdout
    document = json.loads(CliRunner().invoke(app, ["review", "--all", "--base", str(folder), "--json"]).stdout)
    for review in document["reviews"]:
        line = next(line for line in shown.stdout.splitlines() if review["study"] in line)
        assert str(round(100 * review["p_post"])) in line
