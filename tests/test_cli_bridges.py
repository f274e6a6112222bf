"""`evidence backtest` and `evidence calibrate` at the command line."""

import json
import math

import pytest
from typer.testing import CliRunner

from commands import assert_refused, floats_of
from evidence.analysis.readers import READERS
from evidence.cli import app


@pytest.fixture
def run(monkeypatch):
    """Runs `evidence` in this process, without a terminal, 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, list(words), prog_name="evidence")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["backtest", "harmbenhc"], "did you mean 'harmbench'"),
        (["backtest", "control"], "outcomes.csv"),
        (["backtest", "axbench", "axbench"], "every bridge once"),
        (["backtest", "axbench", "--target", "mars"], "'mars'"),
        (["backtest", "axbench", "--model", "defualt"], "did you mean 'default'"),
        (["backtest", "axbench", "--report", "page.pdf"], ".md, .json, .svg"),
        (["backtest", "axbench", "--report", "no/such/folder/page.md"], "no folder"),
        (["backtest", "axbench", "wmdp-rmu", "--target", "Yi-34B Bio"], "axbench"),
        (["calibrate", "harmbench-scale", "harmbench-r2d2"], "two studies or more"),
        (["calibrate", "harmbenhc", "axbench"], "did you mean 'harmbench'"),
        (["calibrate", "control", "axbench"], "outcomes.csv"),
        (["calibrate", "axbench", "axbench"], "every bridge once"),
        (["calibrate", "axbench"], "two bridges or more"),
        (["calibrate", "axbench", "wmdp-rmu", "--hold", "rho"], "'rho'"),
        (["calibrate", "axbench", "wmdp-rmu", "--from", "face-value"], "priors.tau_P: found none, wanted HalfNormal"),
        (["calibrate", "axbench", "wmdp-rmu", "--left-out", "no-such-folder"], "an existing folder"),
        (["calibrate", "axbench", "wmdp-rmu", "--out", "no/such/folder/m.toml"], "no folder"),
    ],
)  # fmt: skip
def test_bad_input_exits_2_and_says_what_was_wanted(run, words, says):
    assert_refused(run(*words), says)


@pytest.mark.parametrize(
    "words", [("backtest", "axbench", "--report"), ("calibrate", "axbench", "wmdp-rmu", "--out")], ids=lambda w: w[0]
)
def test_an_existing_file_is_kept_unless_forced(run, tmp_path, words):
    path = tmp_path / "page.md"
    path.write_text("mine", encoding="utf-8")
    result = run(*words, str(path))
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
def test_a_backtest_is_one_document_with_every_reader_and_finite_numbers(run, tmp_path):
    report = tmp_path / "plot.svg"
    result = run("backtest", "axbench", "circuit-breakers", "--json", "--quiet", "--report", str(report))
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is True
    names = [
        {"best-single": "best_single_proxy", "nearest": "nearest_proxy"}.get(r, r.replace("-", "_")) for r in READERS
    ]
    scores = {
        "log_loss",
        "log_loss_unclipped",
        "brier",
        "sure_and_wrong",
        "crps",
        "coverage50",
        "coverage80",
        "coverage95",
    }
    scores |= {"top1_regret", "kendall_tau"}
    assert document["readers"] == names
    assert [b["id"] for b in document["bridges"]] == ["axbench", "circuit-breakers"]
    for bridge in document["bridges"]:
        for place in (bridge, *bridge["targets"]):
            assert place["n_pairs"] > 0
            assert list(place["readers"]) == names
            assert all(set(score) == scores for score in place["readers"].values())
    assert [d["reader"] for d in document["differences"]] == names[1:]
    found = list(floats_of(document))
    assert len(found) > 500
    assert all(math.isfinite(x) for x in found)
    # A coin scores ln 2 on every pair, whatever the outcomes.
    assert document["overall"]["coin"]["log_loss"] == pytest.approx(math.log(2))
    assert report.read_text(encoding="utf-8").startswith("<svg")
