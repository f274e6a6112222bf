"""docs/prereg.md runs: the life cycle on HarmBench's closed models, and the words that it says the score prints."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence.cli import app
from evidence.io.registrations import load_draft
from evidence.io.registry import read_chain, read_registration
from evidence.report.words import find_forbidden

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "prereg.md").read_text(encoding="utf-8")
PROTOCOL = (ROOT / "docs" / "prereg-protocol.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+\.\d+")


def block(marker):
    """The lines of the fenced block under a marker."""
    found = re.search(rf"<!-- {marker}[^\n]*-->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found, marker
    return found[1].strip().splitlines()


def run(line, digest, **files):
    """One line of the page: paths of the project are made whole, `> FILE` is a file."""
    line, _, target = line.replace("HASH", digest).partition(" > ")
    words = [str(ROOT / w) if w.startswith("data/") else w for w in shlex.split(line)[1:]]
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, words, prog_name="evidence")
    assert result.exit_code == 0, f"{line}\n{result.output}"
    if target:
        Path(target).write_text(result.stdout, encoding="utf-8")
    return result.stdout


@pytest.mark.slow
@pytest.mark.timeout(2700)
def test_the_life_cycle_runs_as_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = block("life cycle")
    assert [shlex.split(line)[2] for line in lines if " prereg " in line.split("--")[0]] == [
        "new", "check", "freeze", "verify", "resolve", "score", "list",
    ]  # fmt: skip
    printed, digest = {}, "?"
    for written in lines:
        line, command = written, " ".join(shlex.split(written)[1:3])
        if command == "prereg freeze":
            typed = int(re.search(r"--confirm (\d+)", line)[1])
            shown = int(re.search(r": (\d+) in 100\.", " ".join(printed["prereg check"].split()).split("FREEZE")[1])[1])
            assert abs(typed - shown) <= 1, "the page's number is stale"
            line = line.replace(f"--confirm {typed}", f"--confirm {shown}")
        printed[command] = run(line, digest)
        if command == "prereg freeze":
            digest = read_chain(Path("registrations")).entries[0].registration
    assert json.loads(Path("ranking.json").read_text())["provenance"]["prereg_hash"] == digest
    assert "the prior shown is the prior used" in " ".join(printed["prereg verify"].split())
    for text in printed.values():
        assert find_forbidden(text) == ()
    score = " ".join(printed["prereg score"].split())
    for line in block("plain words"):
        words = [re.escape(part) for part in NUMBER.split(line)]
        found = re.search(r"(-?\d+\.\d+)".join(words), score)
        assert found, f"the score does not say: {line}"
        for said, is_ in zip(NUMBER.findall(line), found.groups(), strict=True):
            assert float(is_) == pytest.approx(float(said), abs=0.02), line
    for name in ("the coin", "face value", "random effects"):
        assert re.search(rf"it (beat|did not beat|ties with) {name}", score)
    assert "UPDATED" in printed["prereg score"]


@pytest.mark.parametrize("name", ["control", "harmbench"])
def test_the_worked_drafts_can_be_read(name):
    found = load_draft(ROOT / "data" / "registrations" / f"{name}.prereg.toml")
    assert len(found.draft.scenarios) == 3
    assert found.base.outcomes == ()


def test_the_worked_scenarios_of_control_grow_in_novelty_without_a_clear_line():
    draft = load_draft(ROOT / "data" / "registrations" / "control.prereg.toml").draft
    first, early, late = draft.scenarios
    assert first.target == "first-catastrophic-deployment"
    assert early.novelty < late.novelty < first.novelty
    assert "without a clear line" in early.title and "without a clear line" in late.title
    assert f"early ({str(early.novelty).lstrip('0')}) and late ({str(late.novelty).lstrip('0')})" in PROTOCOL


def test_the_stand_in_says_that_its_outcome_was_known_and_uses_a_model_that_has_not_seen_it():
    found = load_draft(ROOT / "data" / "registrations" / "harmbench.prereg.toml")
    assert found.draft.knowledge.seen_target_data == "yes"
    assert "harmbench 1dc0c127" not in found.model.provenance


STORED = ROOT / "data" / "registrations" / "registry"


def stored():
    """The frozen worked registration of control."""
    (entry,) = read_chain(STORED).entries
    return STORED / f"{entry.registration}.prereg.json", entry


def test_the_worked_registration_of_control_is_frozen_and_opens():
    path, entry = stored()
    found, digest = read_registration(path)
    assert digest == entry.registration
    draft = load_draft(ROOT / "data" / "registrations" / "control.prereg.toml")
    assert (found.base, found.model) == (draft.base, draft.model), "the shipped base or model has moved: freeze it anew"
    assert [s.target for s in found.scenarios] == [b.target for b in found.beliefs]
    result = CliRunner().invoke(app, ["prereg", "verify", str(path), "--no-engine"], prog_name="evidence")
    assert result.exit_code == 0, result.output
    # Reading, showing and exporting it leave the folder as it is.
    for words in (["show", str(path)], ["export", "osf", str(path)], ["list", "--registry", str(STORED)]):
        assert CliRunner().invoke(app, ["prereg", *words], prog_name="evidence").exit_code == 0
    assert len(read_chain(STORED).entries) == 1


@pytest.mark.slow
def test_the_prior_of_the_worked_registration_is_still_the_prior_used():
    result = CliRunner().invoke(app, ["prereg", "verify", str(stored()[0]), "--json"], prog_name="evidence")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["recomputed"]["ok"]
