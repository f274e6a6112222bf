"""`evidence elicit` at the command line: bad input, pages, JSON, snippets that load, and a ranking that holds them."""

import json

import jsonschema
import pytest
import typer.main
from typer.testing import CliRunner

from bases import TABLES, write_base
from commands import assert_refused
from evidence.cli import app
from evidence.io.models import load_model
from evidence.io.schema import schema
from evidence.io.shipped import find_model
from evidence.io.tables import load_base
from evidence.model.changes import apply_settings
from evidence.report.words import in_100

COMMANDS = ("validity", "merit", "order")


@pytest.fixture
def run(monkeypatch):
    """Runs `evidence elicit` in this process, without a terminal, 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*words: str, **env: str):
        return CliRunner().invoke(app, ["elicit", *words], env=env, prog_name="evidence")

    return invoke


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["validity", "bash-agnts", "--rho", "0.2"], "did you mean 'bash-agents'"),
        (["validity", "bash-agents"], "either --rho or --better-in-100"),
        (["validity", "bash-agents", "--rho", ".2", "--better-in-100", "60"], "either --rho or --better-in-100"),
        (["validity", "bash-agents", "--rho", ".2", "--class", "theroy"], "did you mean 'theory'"),
        (["validity", "bash-agents", "--rho", ".2", "--target", "mars"], "'mars'"),
        (["validity", "bash-agents", "--rho", ".2", "--base", "contrl"], "did you mean 'control'"),
        (["validity", "bash-agents", "--rho", ".2", "--model", "defualt"], "did you mean 'default'"),
        (["validity", "bash-agents", "--rho", ".2", "--model", "face-value"], "a model with validity classes"),
        (["validity", "bash-agents", "--rho", "\x1b[2J"], r"\x1b"),
        (["merit", "trusted-monitring", "--interval", "0..1"], "did you mean 'trusted-monitoring'"),
        (["merit", "no-protocol", "--interval", "0..1"], "the baseline, whose own is 0"),
        (["merit", "trusted-monitoring"], "either --interval or --better-in-100 with --by"),
        (["merit", "trusted-monitoring", "--interval", "0..1", "--by", "1"], "--by only with --better-in-100"),
        (["merit", "trusted-monitoring", "--better-in-100", "60"], "--by: found nothing"),
        (["merit", "trusted-monitoring", "--interval", "0..1", "--claim", " "], "--claim"),
        (["merit", "trusted-monitoring", "--interval", "0..1", "--out", "mine.csv"], ".toml"),
        (["merit", "trusted-monitoring", "--interval", "0..1", "--out", "no/such/mine.toml"], "no folder"),
        (["merit", "trusted-monitoring", "--interval", "0..1", "--model", "random-effects"], "tau"),
        (["order", "trusted-monitring > upfront-auditing"], "did you mean 'trusted-monitoring'"),
        (["order", "upfront-auditing > no-protocol"], "elicit merit"),
        (["order", "upfront-auditing > trusted-editing", "--as", "laws"], "merits or orders"),
        (["order", "upfront-auditing > trusted-editing", "--sure", "50"], "above 50"),
        (["order", "upfront-auditing > trusted-editing", "--sure", "nan"], "above 50"),
    ],
)
def test_bad_input_exits_2_and_says_what_was_wanted(run, words, says):
    assert_refused(run(*words), says)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_a_variable_for_every_flag(run, command):
    text = run(command, "--help", COLUMNS="300").stdout
    assert f"Example: evidence elicit {command}" in " ".join(text.split())
    group = typer.main.get_command(app).commands["elicit"]
    options = [p for p in group.commands[command].params if p.param_type_name == "option" and p.name != "help"]
    assert {"json", "quiet", "model", "base"} <= {p.name for p in options}
    for option in options:
        assert f"EVIDENCE_ELICIT_{command.upper()}_{option.name.upper()}" in text


VALIDITY = ("validity", "chat", "--better-in-100", "52..58")
MERIT = ("merit", "audit", "--better-in-100", "75", "--by", "0.4", "--claim", "Because of the pilot.")
ORDER = ("order", "audit > monitor 70")


@pytest.fixture
def tiny(tmp_path):
    return write_base(tmp_path / "tiny")


@pytest.mark.parametrize("words", [VALIDITY, MERIT, ORDER, (*ORDER, "--as", "orders")], ids=lambda words: words[-1])
def test_the_record_is_one_json_document_of_its_schema(run, tiny, words):
    result = run(*words, "--base", str(tiny), "--json")
    assert result.exit_code == 0, result.output
    jsonschema.validate(json.loads(result.stdout), schema(f"elicited-{words[0]}"))


def test_a_validity_page_shows_the_numbers_of_the_json_and_a_row_that_loads(run, tiny, tmp_path):
    found = json.loads(run(*VALIDITY, "--base", str(tiny), "--json").stdout)
    result = run(*VALIDITY, "--base", str(tiny))
    page, snippet = result.stdout.split("\n\n", 1)
    assert max(map(len, page.splitlines())) <= 80
    text = " ".join(page.split())
    assert f"{in_100(found['said']['order_kept_in_100_mean'] / 100)} on average" in text
    assert f"--set {found['set_option']}" in text
    assert "evidence elicit validity chat --better-in-100 52..58 --base tiny --seed 1" in text
    header, row = snippet.splitlines()
    lines = TABLES["families"].splitlines()
    assert header == lines[0]
    pasted = write_base(tmp_path / "pasted", families="\n".join([header, row, *lines[2:]]) + "\n")
    family = load_base(pasted).family("chat")
    assert family.model_dump(mode="json") == found["family"]
    # The string for --set states the same.
    changed = apply_settings(load_base(tiny), load_model(find_model("default")), [found["set_option"]])
    ends = (family.stated_at, family.stated_rho_lo, family.stated_rho_hi)
    other = changed.base.family("chat")
    assert (other.stated_at, other.stated_rho_lo, other.stated_rho_hi) == ends
    assert CliRunner().invoke(app, ["check", str(pasted)]).exit_code == 0


def test_a_merit_page_ends_with_lines_that_make_a_model(run, tiny, tmp_path):
    found = json.loads(run(*MERIT, "--base", str(tiny), "--json").stdout)
    result = run(*MERIT, "--base", str(tiny))
    page, snippet = result.stdout.split("\n\n", 1)
    assert max(map(len, page.splitlines())) <= 80
    assert f"in {in_100(found['held']['works'])} of 100 worlds" in " ".join(page.split())
    path = tmp_path / "mine.toml"
    path.write_text(find_model("default").read_text(encoding="utf-8") + "\n" + snippet, encoding="utf-8")
    (merit,) = load_model(path).merits
    assert merit.model_dump(mode="json") == found["merit"]
    assert merit.claim == "Because of the pilot."


def test_a_written_model_takes_one_statement_after_the_other(run, tiny, tmp_path):
    path = tmp_path / "mine.toml"
    assert run(*MERIT, "--base", str(tiny), "--out", str(path)).exit_code == 0
    kept = path.read_bytes()
    refused = run("merit", "monitor", "--interval", "0..1", "--base", str(tiny), "--out", str(path))
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert path.read_bytes() == kept
    more = ("--base", str(tiny), "--model", str(path), "--out", str(path), "--force")
    assert run("merit", "monitor", "--interval", "0..1", *more).exit_code == 0
    model = load_model(path)
    assert [m.technique for m in model.merits] == ["audit", "monitor"]
    default = load_model(find_model("default"))
    assert (model.id, model.priors, model.classes) == ("default-elicited", default.priors, default.classes)


@pytest.mark.parametrize("form", ["merits", "orders"])
def test_a_ranking_holds_before_any_finding_what_was_elicited(run, tiny, tmp_path, form):
    path = tmp_path / "mine.toml"
    words = (*ORDER, "--as", form, "--base", str(tiny), "--model", "ignore", "--out", str(path), "--json")
    (pair,) = json.loads(run(*words).stdout)["pairs"]
    assert pair["held"] == pytest.approx(0.7, abs=0.005)
    ranked = CliRunner().invoke(app, ["rank", str(tiny), "--model", str(path), "--json"])
    assert ranked.exit_code == 0, ranked.output
    ranking = json.loads(ranked.stdout)
    # The exact engine, which knows nothing of how the beliefs were made
    assert abs(ranking["p_above"]["audit"]["monitor"] - pair["held"]) < 4 * ranking["p_above_mcse"]


def test_a_repeated_statement_is_reproduced_word_by_word(run):
    result = run("order", "upfront-auditing > trusted-editing 60", "time-travel > trusted-editing", "--sure", "70")
    text = " ".join(result.stdout.split())
    assert (
        "evidence elicit order 'upfront-auditing > trusted-editing 60' 'time-travel > trusted-editing' --sure 70"
        in text
    )
