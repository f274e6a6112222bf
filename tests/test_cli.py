import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bases import TABLES, write_base
from commands import assert_refused
from evidence.cli import app
from faults import FAULTS, Fault

CLAIM = ["quick", "A 12/100 vs B 31/100", "--class", "small-open-chat"]
COMMANDS = ("list", "init", "add", "check", "schema", "quick", "rank", "review", "what-if", "diagnose", "export")


@pytest.fixture
def run(monkeypatch):
    """Runs `evidence` in this process, without a terminal, 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*words: str, **env: str):
        return CliRunner().invoke(app, list(words), env=env, prog_name="evidence")

    return invoke


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A paper that adds one finding to the tiny base beside it."""
    write_base(tmp_path / "tiny")
    path = tmp_path / "paper.toml"
    path.write_text('base = "tiny"\nfindings = 3\n')
    return path


# Bad input: exit 2, a clear line, no traceback.


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_base_exits_2_and_names_file_row_and_field(run, tmp_path, fault: Fault):
    result = run("check", str(fault.write(tmp_path / "broken")))
    assert result.exit_code == 2
    assert fault.place in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_broken_base_is_one_json_document_with_its_problems(run, tmp_path):
    result = run("check", str(FAULTS[0].write(tmp_path / "broken")), "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert document["problems"][0].keys() == {"file", "row", "field", "found", "wanted"}
    assert str(document["problems"][0]["found"]) in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["quick", "A is better", "--class", "theory"], '"A 12/100 vs B 31/100"'),
        (["quick", "A 5/3 vs B 1/2", "--class", "theory"], "claim:k: found 5, wanted 0..3"),
        (["quick", "A > B", "--class", "theory", "--q", "0.4"], "claim:q"),
        (["quick", "A 1/2 vs B 1/2", "--class", "theory", "--q", "0.9"], "--q"),
        (["quick", "A > B", "--class", "smal-open-chat"], "did you mean 'small-open-chat'"),
        (["quick", "\x1b[2J > B", "--class", "theory"], r"\x1b"),
        ([*CLAIM, "--belief", "0"], "--belief"),
        ([*CLAIM, "--belief", "100"], "--belief"),
        ([*CLAIM, "--belief", "nan"], "--belief"),
        ([*CLAIM, "--engine", "sampled"], "wanted exact: this command asks many questions of one fit"),
        (["rank", "--engine", "fast"], "exact or sampled"),
        (["rank", "control", "--out", "fit.csv"], ".nc"),
        (["rank", "control", "--out", "no/such/folder/fit.nc"], "no folder"),
        (["diagnose", "missing.nc"], "no such file"),
        (["diagnose", "pyproject.toml"], "a file in another format"),
        ([*CLAIM, "--engine", "fast"], "exact or sampled"),
        ([*CLAIM, "--model", "defualt"], "did you mean 'default'"),
        ([*CLAIM, "--set", "prior.tau"], "KEY=VALUE"),
        ([*CLAIM, "--set", "prior.tow=1"], "prior.tow"),
        ([*CLAIM, "--set", "validity.proxy=0..0.5"], "an interval inside (0, 1)"),
        ([*CLAIM, "--set", "validity.proxy=0.2..1"], "an interval inside (0, 1)"),
        ([*CLAIM, "--target", "mars"], "'mars'"),
        (["rank", "no-such-base"], "no-such-base"),
        (["rank", "control", "--target", "mars"], "first-catastrophic-deployment"),
        (["review", "nobody2020", "--base", "control"], "nobody2020"),
        (["review", "greenblatt2023control", "--finding", "X9"], "X9"),
        (["review", "missing.toml"], "missing.toml"),
        (["review", "greenblatt2023control", "--report", "page.pdf"], ".html, .md, .json"),
        (["review", "greenblatt2023control", "--no-elicit", "--belief", "60"], "--no-elicit"),
        (["review"], "the id of a study of the base, a paper file, or --all"),
        (["review", "greenblatt2023control", "--all"], "STUDY beside it"),
        (["review", "--all", "--belief", "60"], "--belief beside it"),
        (["review", "--all", "--report", "page.html"], "a folder, e.g. reviews"),
        (["review", "--all", "--base", "no-such-base"], "no-such-base"),
        (["what-if", "control", "--sweep", "prior.tau"], "KEY=LO:HI:STEP"),
        (["what-if", "control", "--sweep", "prior.tau=0:x:1"], "'x'"),
        (["what-if", "control", "--sweep", "prior.tau=0:nan:1"], "'nan'"),
        (["what-if", "control", "--sweep", "prior.tau=1:0.5:0.1"], "LO <= HI"),
        (["what-if", "control", "--sweep", "prior.tau=0.1:1:1e-9"], "larger step"),
        (["what-if", "control", "--sweep", "prior.tau=.1:1:.5", "--pair", "A"], "--pair"),
        (["what-if", "control", "--sweep", "prior.tau=.1:1:.5", "--json", "--csv"], "--csv"),
        (["what-if", "control", "--sweep", "prior.tau=.1:1:.5", "--flip", "120"], "--flip"),
        (["schema", "fnding"], "did you mean 'finding'"),
        (["check", "/dev/null"], "found"),
    ],
)  # fmt: skip
def test_bad_input_exits_2_and_says_what_was_wanted(run, words, says):
    assert_refused(run(*words), says)


@pytest.mark.parametrize(
    "words",
    [
        ["quick"],
        ["quick", "A > B"],
        ["rank", "--seed", "-1"],
        ["rank", "--seed", "1.5"],
        ["rank", "--no-such"],
        ["nothing"],
    ],
)
def test_wrong_usage_exits_2(run, words):
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_error_in_json_mode_is_text_on_standard_error_only(run):
    result = run(*CLAIM, "--json", "--engine", "sampled")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "sampled" in result.stderr


def test_a_broken_paper_file_exits_2(run, paper):
    result = run("review", str(paper))
    assert result.exit_code == 2
    assert "paper.toml" in result.stderr


def test_an_existing_report_is_kept_without_force_and_before_any_work(run, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    result = run("review", "greenblatt2023control", "--report", str(page))
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert page.read_text() == "mine"


def test_an_unforeseen_error_is_one_line_unless_asked_for_more(run, monkeypatch):
    def broken() -> None:
        raise RuntimeError("the \x1b[2J drive is on fire")

    monkeypatch.setattr("evidence.io.shipped.list_shipped", broken)
    result = run("list")
    assert result.exit_code == 1
    assert r"internal error: RuntimeError: the \x1b[2J drive is on fire" in result.stderr
    assert "Traceback" not in result.output
    debug = run("list", EVIDENCE_DEBUG="1")
    assert isinstance(debug.exception, RuntimeError)


# What needs no engine.


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: evidence {command}" in " ".join(result.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_has_a_variable(run, command):
    import typer.main

    found = typer.main.get_command(app).commands[command]
    prefix = f"EVIDENCE_{command.upper().replace('-', '_')}_"
    text = run(command, "--help", COLUMNS="300").stdout
    options = [p for p in found.params if p.param_type_name == "option" and p.name != "help"]
    for option in options:
        flag = max(option.opts, key=len).removeprefix("--").replace("-", "_").upper()
        assert prefix + flag in text


def test_a_flag_may_come_from_its_variable(run):
    result = run(*CLAIM, EVIDENCE_QUICK_ENGINE="sampled")
    assert result.exit_code == 2
    assert "'sampled'" in result.stderr
    assert run("list", EVIDENCE_LIST_JSON="1").stdout.startswith("{")


def test_list_names_what_is_shipped_with_sizes(run):
    document = json.loads(run("list", "--json").stdout)
    assert {row["id"] for row in document["bases"]} >= {"control"}
    assert {row["id"] for row in document["bridges"]} >= {"harmbench"}
    assert {row["id"] for row in document["models"]} >= {"default", "sceptic", "trusting", "face-value", "ignore"}
    assert all(row["findings"] > 0 for row in (*document["bases"], *document["bridges"]))
    text = run("list").stdout
    assert "control" in text
    assert max(map(len, text.splitlines())) <= 80


def test_check_of_a_good_base_exits_0_and_says_its_sizes(run):
    result = run("check", "control")
    assert result.exit_code == 0
    assert "control: no problems" in result.stdout
    document = json.loads(run("check", "control", "--json").stdout)
    assert document["ok"] is True
    assert document["problems"] == []


def test_a_warning_is_told_by_check_and_is_no_problem(run, tmp_path):
    folder = write_base(tmp_path / "tiny", findings=TABLES["findings"].replace("-0.80,0.25,-1.29,-0.31", "-0.80,2.5,,"))
    result = run("check", str(folder))
    assert result.exit_code == 0
    text = "".join(result.stdout.split())  # whatever the width breaks
    assert "warning:" in text
    assert "findings.csv:3:se:found2.5,wantedanseof" in text
    (warning,) = json.loads(run("check", str(folder), "--json").stdout)["warnings"]
    assert ":3:se: found 2.5" in warning
    assert "warning" not in run("check", str(folder), "--quiet").stdout


def test_schema_is_json(run):
    assert json.loads(run("schema", "finding").stdout)["title"] == "Finding"


def test_the_version_is_the_installed_one(run):
    from importlib.metadata import version

    assert run("--version").stdout.strip() == version("evidence")


def test_starting_up_loads_no_heavy_library():
    code = (
        "import sys, evidence.cli;"
        "heavy = {'jax', 'pandas', 'scipy', 'numpy', 'pymc', 'arviz', 'xarray'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# Through the engine.

QUICK = [
    "quick",
    "A 120/400 vs B 180/400",
    "--class",
    "small-open-chat",
    "--lower-is-better",
    "--belief",
    "85",
    "--json",
]


@pytest.fixture(scope="module")
def quick_review():
    return CliRunner().invoke(app, QUICK)


def test_quick_json_is_one_document_with_study_and_finding_null(quick_review):
    assert quick_review.exit_code == 0, quick_review.stderr
    document = json.loads(quick_review.stdout)
    assert document["study"] is None
    assert document["finding"] is None
    assert document["pair"] == {"technique": "A", "comparator": "B", "technique_name": "A", "comparator_name": "B"}
    assert document["belief"] == 0.85


def test_quick_keeps_the_order_prior_warranted_ceiling_face_value(quick_review):
    # laws of a solo contrast (MODEL section 5), and the numbers this step promises
    d = json.loads(quick_review.stdout)
    assert d["p_face_value"] > 0.99
    assert d["p_prior"] < d["p_post"] < min(d["p_ceiling"], d["p_face_value"])
    assert d["p_ceiling"] < d["p_face_value"]
    assert d["p_break_even"] > d["p_post"]


def test_the_same_seed_gives_the_same_bytes(quick_review):
    assert CliRunner().invoke(app, QUICK).stdout == quick_review.stdout


def test_quick_text_shows_the_numbers_of_the_json(run, quick_review):
    from evidence.report.words import in_100

    result = run("quick", "A 120/400 vs B 180/400", "--class", "small-open-chat", "--lower-is-better")
    assert result.exit_code == 0
    d = json.loads(quick_review.stdout)
    text = " ".join(result.stdout.split())
    assert f"A above B in {in_100(d['p_post'])} of 100" in text
    assert f"ceiling {in_100(d['p_ceiling'])}, b break-even {in_100(d['p_break_even'])}" in text
    assert "The reader's own belief is not recorded." in text
    assert "\x1b" not in result.stdout
    assert "evidence quick 'A 120/400 vs B 180/400' --class small-open-chat --lower-is-better --seed 1" in text


def test_lower_is_better_mirrors_the_verdict(run, quick_review):
    # identity: the direction flips every probability about one half, but for Monte Carlo error (<= .005 each)
    higher = json.loads(run("quick", "A 120/400 vs B 180/400", "--class", "small-open-chat", "--json").stdout)
    assert higher["p_post"] == pytest.approx(1 - json.loads(quick_review.stdout)["p_post"], abs=0.01)


def test_a_claim_with_an_order_has_no_discount(run):
    d = json.loads(run("quick", "A > B", "--class", "theory", "--q", "0.7", "--json").stdout)
    assert d["discount"] is None
    assert d["inputs"][0]["as_read"] == "A above B, stated reliability 0.7"


def test_a_failed_gate_exits_5_without_a_number(run, monkeypatch):
    # One round of draws from the prior is too few for a finding this sharp: its error gate fails.
    from evidence.inference.exact import ExactEngine

    monkeypatch.setattr("evidence.cli.ask.engine_named", lambda *_: ExactEngine(max_rounds=1, min_rounds=1))
    words = ["quick", "A 3 se 0.01", "--class", "small-open-chat"]
    result = run(*words, "--json")
    assert result.exit_code == 5, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert document["p_post"] is None
    assert "no verdict: mcse_p" in result.stderr
    assert "--seed" in result.stderr
    text = run(*words)
    assert text.exit_code == 5
    assert "NO VERDICT" in text.stdout
    assert "#" not in text.stdout


def test_more_rounds_are_what_a_failed_error_of_p_needs(run, monkeypatch, tmp_path):
    from bases import write_base
    from evidence.inference import exact

    # Rounds so small that the default number of them is too few; the advice is then followed.
    monkeypatch.setattr(
        exact.ExactEngine.__init__, "__kwdefaults__", {"max_rounds": 3, "min_rounds": 2, "round_size": 256}
    )
    write_base(tmp_path / "tiny")
    words = ["rank", str(tmp_path / "tiny"), "--json"]
    few = run(*words)
    assert few.exit_code == 5, few.output
    assert json.loads(few.stdout)["checks"]["k_hat"]["ok"]
    assert "no verdict: mcse_p failed" in few.stderr
    assert "rank --rounds 128" in few.stderr
    more = run(*words, "--rounds", "128")
    assert more.exit_code == 0, more.stderr
    assert json.loads(more.stdout)["checks"]["mcse_p"]["value"] <= 0.0025


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--engine", "sampled", "--rounds", "64"], "only the exact engine draws in rounds"),
        (["--rounds", "1"], "greater than or equal to 2"),
        (["--rounds", "1000000"], "techniques, or memory runs out"),
    ],
)
def test_rounds_that_mean_nothing_are_refused(run, words, wanted):
    refused = run("rank", "control", *words)
    assert refused.exit_code == 2
    assert "--rounds" in refused.stderr and wanted in refused.stderr


def test_a_review_asks_about_one_target(run):
    result = run("review", "greenblatt2023control", "--target", "scenarios", "--no-elicit")
    assert result.exit_code == 2
    assert "--target" in result.stderr
    assert "Traceback" not in result.output
