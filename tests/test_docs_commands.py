"""Every command that a page shows is one of today: its name, its options, its files; and the pages leave no command out."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import claims_pages
import docs_numbers
from evidence.analysis.readers import READERS
from evidence.cli import app
from evidence.io.quick import parse_quick

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "validation/README.md"])
COMMAND = re.compile(r"(?:^\$? ?|`)(evidence [a-z][^`\n]*)", re.MULTILINE)
SCRIPT = re.compile(r"\bpython (validation/\w+\.py)((?: --?[\w-]+(?: [\w.]+)?)*)")
SPLIT = re.compile(r"\\?\|")
"""`a|b` in a table of commands is a choice."""
NOT_SHOWN = {"--help", "--install-completion", "--show-completion"}


@cache
def group():
    return typer.main.get_command(app)


def leaves(command=None, words=()):
    """(words, command) of everything that can be typed."""
    command = command or group()
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield " ".join(words), command


def named(text):
    """The command or commands that a line names, and its words after that; None where it is prose."""
    words = text.split()[1:]
    found, rest = [group()], words
    for place, word in enumerate(words):
        if not any(hasattr(c, "commands") for c in found):
            break
        choices = [SPLIT.split(word)] if not word.startswith(("-", "<", "[")) else [[]]
        inner = [c.commands.get(name) for c in found if hasattr(c, "commands") for name in choices[0]]
        if not inner or None in inner:
            return None if place == 0 else (found, words[place:])
        found, rest = inner, words[place + 1 :]
    return found, rest


def options_of(command):
    return {opt for p in command.params for opt in (*p.opts, *p.secondary_opts) if opt.startswith("--")}


def lines_of(path):
    return [m[1].split("  #")[0].split(" > ")[0] for m in COMMAND.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_and_option_that_a_page_shows_is_there(path):
    for line in lines_of(path):
        found = named(line)
        assert found is not None, f"{line}: no such command"
        commands, rest = found
        assert not any(hasattr(c, "commands") for c in commands) or not rest or rest[0].startswith("-"), line
        known = set.union(*(options_of(c) for c in commands)) | NOT_SHOWN
        typed = {word.partition("=")[0].strip("[]`,;:.)") for word in rest if word.strip("[(").startswith("--")}
        assert {word.strip("[(") for word in typed} <= known, line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_script_that_a_page_shows_is_there_and_knows_its_options(path):
    for script, words in SCRIPT.findall(path.read_text(encoding="utf-8")):
        source = ROOT / script
        assert source.exists(), script
        text = source.read_text(encoding="utf-8")
        assert [o for o in re.findall(r"--[\w-]+", words) if f'"{o}"' not in text] == [], script


def test_no_command_and_no_option_is_left_out_of_the_pages():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    top = {words.split()[0] for words, _ in leaves()}
    assert [name for name in top if f"`evidence {name}" not in page] == []
    missing = {
        f"{words} {option}"
        for words, command in leaves()
        for option in options_of(command) - NOT_SHOWN
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)
    }
    assert missing == set()


def fenced(page, heading):
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for block in re.findall(r"```\w*\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


def test_the_claims_of_the_page_can_be_typed():
    lines = fenced("docs/cli.md", "Claims for `quick`")
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line, comments=True)[2:]
        q = float(words[words.index("--q") + 1]) if "--q" in words else None
        claim = parse_quick(words[0], words[words.index("--class") + 1], "--lower-is-better" in words, q=q)
        assert claim.finding.technique, line


def test_what_the_page_starts_is_accepted_by_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in fenced("docs/cli.md", "Starting a base, or a paper"):
        words = shlex.split(line, comments=True)[1:]
        for given in [w for w in words if w.endswith(".toml") and Path(w).exists()]:
            Path(given).unlink()
        result = CliRunner().invoke(app, words, prog_name="evidence")
        assert result.exit_code == 0, f"{line}\n{result.output}"
        made = words[1]
        checked = CliRunner().invoke(app, ["check", made], prog_name="evidence")
        assert checked.exit_code == 0, f"{made}\n{checked.output}"


def test_what_the_page_elicits_is_accepted_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [line for line in fenced("docs/cli.md", "Eliciting what you believe") if "elicit merit" in line]
    assert len(lines) == 2
    for line in lines:
        result = CliRunner().invoke(app, shlex.split(line)[1:], prog_name="evidence")
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert (tmp_path / "mine.toml").exists()


def test_the_readers_of_the_page_are_those_of_the_backtest():
    text = (
        (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").split("scores nine readers")[1].split(". Techniques")[0]
    )
    assert tuple(re.findall(r"`([a-z-]+)`", text)) == tuple(READERS)
    assert len(READERS) == 9


@pytest.mark.parametrize("page", ["docs/cli.md", "docs/bases.md", "docs/app.md"])
def test_every_decimal_of_a_page_has_a_source_or_is_typed_by_the_reader(page):
    """Left over is what other tests compare: simulated slips (test_plausibility), the rule of stated reliabilities
    (test_literatures), the walk through the app (test_app), a shift of .23 (test_divergence), and what a reader types."""
    left = {n for n in docs_numbers.unsourced(page) if "." in n}
    assert (
        left
        <= {
            "docs/cli.md": {"0.2", ".23", "96.8", "93.8", "89.2", "99.4", "99.0", "99.8", "96.6", "100.0", "0.3"},
            "docs/bases.md": {".9", ".8", ".7", ".6", ".05", ".1", ".2"},
            "docs/app.md": {".14", "127.0.0.1"},
        }[page]
    )


MEASURED = re.compile(r"\b(?:measured on|trial|prototype|busy cores|random cases)\b", re.IGNORECASE)


def test_what_the_model_page_once_measured_is_marked():
    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    for line in text.splitlines()[6:]:
        if MEASURED.search(line) and not line.startswith("|"):
            assert "†" in line, line
    assert text.count("†") > 10


def test_a_claim_that_is_wrong_is_found(monkeypatch):
    wrong = claims_pages.Claim("docs/cli.md", "a difference beyond {} SDs", lambda: ("4",))
    monkeypatch.setattr(docs_numbers, "CLAIMS", (wrong,))
    assert docs_numbers.stale_claims() == ["docs/cli.md: 'a difference beyond 3 SDs' should have 4"]
