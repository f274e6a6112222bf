"""`evidence add`: what is typed becomes the record it says, every oddity is shown, and nothing half-told is written.

Expected records are written out by hand from the answers; conversions state their closed form.
"""

import json
import math
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import evidence
from bases import write_base
from evidence.cli import app
from evidence.cli.questions import Topic, questions_for
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding, Setting, Study, Technique
from evidence.io.tables import find_warnings, load_base, read_draft

STUDY = {"title": "Editing in bash", "authors": "El, Em", "year": "2026", "address": "", "kind of study": ""}
CONTRAST = {"setting": "sleeper", "technique": "2", "comparator": "none", "what the paper gives": "1", "direction": ""}
COUNTS = {"counts of the technique": "180/400", "counts of the comparator": "120/400"}
END = {
    "who came out ahead": "1", "own method": "2", "prices": "", "operating point": "", "table and page": "Table 2, p. 5",
    "source": "", "save": "yes",
}  # fmt: skip
AFTER = {"another": "no"}
FIXED = {"study": "delta2026", "setting": "sleeper", "technique": "monitor", "comparator": "none", "higher_is_better": True, "ahead": "technique", "own_technique": True, "where": "Table 2, p. 5", "source_kind": "full text"}  # fmt: skip


def finding(kind, **values):
    return Finding(**{"id": "delta2026-1", "kind": kind, **FIXED, **values})


def told(*parts, **changes):
    """Answers in the order of the questions; `changes` by key, None leaves a question out."""
    answers = {key: text for part in parts for key, text in part.items()} | changes
    return [text for text in answers.values() if text is not None]


def numbers(kind, **answers):
    """The whole dialogue of a new study, its numbers those given."""
    return told(STUDY, {**CONTRAST, "what the paper gives": kind}, answers, END, AFTER)


COMPLETE = told(STUDY, CONTRAST, COUNTS, END, AFTER)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return write_base(tmp_path / "tiny")


def add(lines, *options, study="delta2026", base="tiny"):
    text = "".join(f"{line}\n" for line in lines)
    words = ["add", study, "--base", base, "--no-review", *options]
    return CliRunner().invoke(app, words, input=text, prog_name="evidence")


def tables_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def prompts(text):
    """How many questions were asked."""
    return text.count("> ")


MAIN = "from evidence.cli import main; main()"
ENVIRONMENT = {
    **os.environ, "COLUMNS": "100", "TERM": "xterm", "PYTHONPATH": str(Path(evidence.__file__).parents[1])
}  # fmt: skip
"""For a command in a process and a folder of its own."""


# Every kind of finding


KINDS = {
    "counts": (
        numbers("1", a="180/400", b="30 % of 400"),
        finding("counts", k=180, n=400, k0=120, n0=400),
    ),
    "means": (
        numbers("2", n="400/380", spread="1", a="6.2 ± 2.1", b="5.5 (2.0)", bounds="0..10"),
        finding("means", mean=6.2, sd=2.1, mean0=5.5, sd0=2.0, n=400, n0=380, score_lo=0.0, score_hi=10.0),
    ),
    # SD = se x sqrt(n): .105 x 20 = 2.1, .1 x 20 = 2
    "means with standard errors": (
        numbers("2", n="400", spread="2", a="6.2 ± 0.105", b="5.5 ± 0.1", bounds=""),
        finding("means", mean=6.2, sd=2.1, mean0=5.5, sd0=2.0, n=400, n0=400, note="SD: the standard error times the root of n"),
    ),
    "means of unknown n": (
        numbers("2", n="50..500", spread="1", a="6.2 2.1", b="5.5 2.0", bounds="none"),
        finding("means", mean=6.2, sd=2.1, mean0=5.5, sd0=2.0, assumed_n_lo=50, assumed_n_hi=500),
    ),
    "an effect with its standard error": (
        numbers("3", scale="1", estimate="0.5", error="0.1", n="200"),
        finding("effect", scale="smd", estimate=0.5, se=0.1, n=200, n0=200),
    ),
    "an effect with its interval": (
        numbers("3", scale="2", estimate="0.8", error="[0.31, 1.29]", n=""),
        finding("effect", scale="logit", estimate=0.8, ci_lo=0.31, ci_hi=1.29),
    ),
    # logarithms to six digits: log 2.04 = .712950, log 1.02 = .0198026, log 4.08 = 1.40610
    "an odds ratio": (
        numbers("3", scale="3", estimate="2.04", error="1.02 to 4.08", n=""),
        finding("effect", scale="logit", estimate=0.71295, ci_lo=0.0198026, ci_hi=1.4061, note="logarithm of the odds ratio"),
    ),
    "a difference in points": (
        numbers("3", scale="points", unit="48.8", estimate="12", error="4", n="300"),
        finding("effect", scale="raw", unit_sd=48.8, estimate=12.0, se=4.0, n=300, n0=300),
    ),
    "a curve": (
        numbers("4", auc="79.7 %", n="120/400"),
        finding("auroc", auc=0.797, n_pos=120, n_neg=400),
    ),
    "an order": (
        numbers("5", q="75"),
        finding("order", q=0.75),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_finding_becomes_the_record_that_was_told(kind, folder):
    answers, expected = KINDS[kind]
    before = load_base(folder)
    result = add(answers)
    assert result.exit_code == 0, result.stderr
    assert "Odd: " not in result.stderr
    after = load_base(folder)
    assert after.findings == (*before.findings, expected)
    study = Study(id="delta2026", title="Editing in bash", authors="El, Em", year=2026, headline="delta2026-1")
    assert after.studies == (*before.studies, study)
    assert (after.techniques, after.settings) == (before.techniques, before.settings)
    assert find_warnings(read_draft(folder)[0]) == find_warnings(read_draft(write_base(folder.parent / "again"))[0])


def test_the_logarithms_of_a_ratio_are_those_of_the_standard_library():
    expected = KINDS["an odds ratio"][1]
    stored = (expected.estimate, expected.ci_lo, expected.ci_hi)
    assert stored == tuple(float(f"{math.log(x):.6g}") for x in (2.04, 1.02, 4.08))


def test_everything_may_be_new(folder):
    new = {
        "setting": "new Linux Arena", "family": "new Bash agents", "validity class": "model-organism",
        "reason of the family": "one scaffold", "environment": "300 episodes", "model": "Llama 3 70B",
        "outcome": "points of safety kept", "gap in capability": "2 a year behind", "gap in aim": "unknown",
        "technique": "new Trusted editing", "comparator": "new Upfront audit", "what the paper gives": "1", "direction": "yes",
    }  # fmt: skip
    result = add(told(STUDY, new, COUNTS, END, AFTER))
    assert result.exit_code == 0, result.stderr
    base = load_base(folder)
    assert base.setting("linux-arena") == Setting(
        id="linux-arena", name="Linux Arena", family="bash-agents", environment="300 episodes", model_family="Llama 3 70B",
        outcome="points of safety kept", gaps={"capability": "some", "aim": "unknown"},
        reasons={"capability": "a year behind", "aim": "not stated"},
    )  # fmt: skip
    assert base.family("bash-agents").validity_class == "model-organism"
    assert base.family("bash-agents").reason == "one scaffold"
    assert base.techniques[-2:] == (Technique(id="trusted-editing", name="Trusted editing"), Technique(id="upfront-audit", name="Upfront audit"))  # fmt: skip
    assert base.finding("delta2026-1").comparator == "upfront-audit"


def test_an_argument_is_asked_for_its_reliability_only_and_on_theory_settings(folder):
    answers = told(
        {**STUDY, "kind of study": "theory"},
        {"setting": "1", "technique": "monitor", "comparator": "audit", "direction": ""},
        {"reliability": ""},
        END,
        AFTER,
    )
    result = add(answers)
    assert result.exit_code == 0, result.stderr
    assert "jailbreak" not in result.stderr  # no theory family, so not offered
    found = load_base(folder).finding("delta2026-1")
    assert (found.kind, found.setting, found.q, found.technique) == ("argument", "proof", 0.8, "monitor")


def test_a_known_study_is_not_asked_about_again_and_its_row_stays(folder):
    before = (folder / "studies.csv").read_bytes()
    result = add(
        told({**CONTRAST, "technique": "audit", "comparator": "monitor"}, COUNTS, END, AFTER), study="beta2024"
    )
    assert result.exit_code == 0, result.stderr
    assert (folder / "studies.csv").read_bytes() == before
    assert load_base(folder).finding("beta2024-1").study == "beta2024"


def test_several_findings_are_saved_one_by_one_and_the_study_once(folder):
    second = told({**CONTRAST, "technique": "audit"}, {"a": "150/400", "b": "120/400"}, END)
    result = add([*COMPLETE[:-1], "yes", *second, "no"])
    assert result.exit_code == 0, result.stderr
    base = load_base(folder)
    assert [f.id for f in base.findings_of("delta2026")] == ["delta2026-1", "delta2026-2"]
    assert result.stderr.count("Title of the study?") == 1


def test_who_is_behind_may_be_said_by_a_nominal_lead(folder):
    lines = told(
        STUDY, CONTRAST, {"a": "125/400", "b": "120/400"}, {"who came out ahead": "3", "whose number is better": "1"}
    )
    lines += told({key: text for key, text in END.items() if key != "who came out ahead"}, AFTER)
    result = add(lines)
    assert result.exit_code == 0, result.stderr
    found = load_base(folder).finding("delta2026-1")
    assert (found.ahead, found.nominal) == ("neither", "technique")


@pytest.mark.parametrize("said", ["1", "technique", "Trusted monitoring", "MONITOR"])
def test_a_side_goes_by_number_word_name_or_id(said, folder):
    result = add(told(STUDY, CONTRAST, COUNTS, {**END, "who came out ahead": said}, AFTER))
    assert result.exit_code == 0, result.stderr
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


# Prices


def test_a_price_that_leaves_the_finding_out_is_odd_and_then_there_is_nothing_to_review(folder):
    kept = {**END, "prices": "40/10", "kept": "the paper holds no price"}
    order = (
        "who came out ahead",
        "own method",
        "prices",
        "kept",
        "operating point",
        "table and page",
        "source",
        "save",
    )
    words = ["add", "delta2026", "--base", "tiny"]
    lines = told(STUDY, CONTRAST, COUNTS, {key: kept[key] for key in order}, AFTER, {"belief": "60"})
    result = CliRunner().invoke(app, words, input="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.stderr
    assert "wanted prices within the tolerance 5: this finding would be left out" in " ".join(result.stderr.split())
    assert "no review: prices leave out every finding of delta2026" in result.stderr
    base = load_base(folder)
    assert base.left_out[-1].startswith("delta2026-1: price 40")
    assert base.study("delta2026").headline is None


# Oddities and corrections


def test_an_oddity_is_shown_at_once_and_corrected_without_asking_everything_again(folder):
    # The counts exchanged: the paper says that the technique leads. "3" is the counts of the technique in the list.
    lines = told(STUDY, CONTRAST, {"a": "120/400", "b": "180/400"}, {"who came out ahead": "1"})
    result = add([*lines, "3", "240/400", *told({k: v for k, v in END.items() if k != "who came out ahead"}, AFTER)])
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stderr.split())
    assert (
        "Odd: who came out ahead: found technique, wanted comparator, going by the numbers (higher is better)" in text
    )
    assert "3 counts of the technique: 120/400" in text
    assert load_base(folder).finding("delta2026-1").k == 240
    assert result.stderr.count("Monitor") == result.stderr.count("Monitor")
    assert text.count("Who came out ahead, in the paper's own words?") == 1  # taken as typed before


def test_an_oddity_may_be_kept_with_a_reason_that_check_repeats(folder):
    lines = told(STUDY, CONTRAST, {"a": "120/400", "b": "180/400"}, {"who came out ahead": "1"})
    rest = told({k: v for k, v in END.items() if k != "who came out ahead"}, AFTER)
    # A number that is none of the list and a bare figure are no reasons.
    result = add([*lines, "99", "0.5", "?", "the abstract weighs by severity", *rest])
    assert result.exit_code == 0, result.stderr
    assert load_base(folder).finding("delta2026-1").note == "kept ahead: the abstract weighs by severity"
    warnings = find_warnings(read_draft(folder)[0])
    assert warnings[-1].endswith("(kept: the abstract weighs by severity)")


def test_an_sd_that_cannot_be_is_odd_before_anything_else_is_asked(folder):
    lines = told(
        STUDY,
        {**CONTRAST, "what the paper gives": "2"},
        {"n": "400", "s": "2", "a": "6 ± 2", "b": "5 ± 2", "bounds": "0..10"},
    )
    result = add(lines)
    assert result.exit_code == 2
    assert "Odd: what the spreads are: found 40 around a mean of 6, wanted at most 4.9" in " ".join(
        result.stderr.split()
    )
    assert "Who came out ahead" not in result.stderr


def test_what_a_record_refuses_cannot_be_kept(folder):
    lines = told(STUDY, {**CONTRAST, "what the paper gives": "3"}, {"s": "1", "e": "0.8", "i": "1.0..1.5"})
    mended = ["but the paper says so", "2", "0.5..1.1", ""]
    result = add([*lines, *mended, *told(END, AFTER)])
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stderr.split())
    assert "Wrong: difference: found 0.8, wanted a number inside its interval 1.0..1.5" in text
    assert (load_base(folder).finding("delta2026-1").ci_lo, load_base(folder).finding("delta2026-1").ci_hi) == (
        0.5,
        1.1,
    )


def test_a_direction_against_the_settings_own_is_wrong(folder):
    lines = told(STUDY, {**CONTRAST, "direction": "no"}, COUNTS)
    result = add([*lines, "1", "yes", *told(END, AFTER)])
    assert result.exit_code == 0, result.stderr
    assert "Wrong: direction: found no, wanted yes, as f3 has it in this setting" in " ".join(result.stderr.split())
    assert load_base(folder).finding("delta2026-1").higher_is_better is True


def test_a_result_entered_twice_is_odd(folder):
    add(COMPLETE)
    result = add(told(CONTRAST, COUNTS))
    assert "found the technique, comparator, kind and variant of delta2026-1" in " ".join(result.stderr.split())


def test_a_saving_that_fails_is_told_and_the_answers_are_not_lost(folder, monkeypatch):
    from evidence.io import additions

    save, failed = additions.append_to, []

    def fails_once(*arguments):
        if not failed:
            failed.append(True)
            raise BadInput([Problem("studies.csv", 4, "year", "20x6", "a year")])
        return save(*arguments)

    monkeypatch.setattr(additions, "append_to", fails_once)
    result = add([*COMPLETE[:-1], "yes", "no"])
    assert result.exit_code == 0, result.stderr
    assert "studies.csv:4:year: found 20x6, wanted a year" in result.stderr
    assert "Not saved: back changes an answer." in result.stderr
    assert result.stderr.count("Save this finding?") == 2
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


# Going back, being helped, leaving


def test_back_asks_the_question_before_again_and_enter_keeps_what_was_typed(folder):
    lines = [*told(STUDY, CONTRAST), "180/400", "back", "", "120/400", *told(END, AFTER)]
    result = add(lines)
    assert result.exit_code == 0, result.stderr
    assert "[180/400] > " in result.stderr
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


def test_back_at_the_first_question_stays_there(folder):
    result = add(["back", "back", *COMPLETE])
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("This is the first question.") == 2


def test_back_to_another_kind_forgets_the_numbers_of_the_first(folder):
    # From the second count back to `what the paper gives`: three steps (counts of the technique, direction, kind).
    lines = [*told(STUDY, CONTRAST), "180/400", "back", "back", "back", "5", "", "90", *told(END, AFTER)]
    result = add(lines)
    assert result.exit_code == 0, result.stderr
    assert load_base(folder).finding("delta2026-1") == finding("order", q=0.9)


def test_back_from_the_end_changes_an_answer_before_it_is_saved(folder):
    lines = [*told(STUDY, CONTRAST, COUNTS, END)[:-1], "back", "back", "Table 9", "", "yes", "no"]
    result = add(lines)
    assert result.exit_code == 0, result.stderr
    assert load_base(folder).finding("delta2026-1").where == "Table 9"


def asked(folder):
    """Every question of a complete dialogue, by its number."""
    return prompts(add(COMPLETE, study="delta2026").stderr)


KEYS = [*STUDY, *CONTRAST, *COUNTS, *END]
"""The questions of a complete dialogue about counts, by their keys."""


@pytest.mark.parametrize("key", KEYS)
def test_answers_that_end_early_leave_every_byte_as_it_was(key, folder):
    before, answered = tables_of(folder), KEYS.index(key)
    result = add(COMPLETE[:answered])
    assert result.exit_code == 2
    assert prompts(result.stderr) == answered + 1
    assert f"the answers ended at: {key}; nothing was written" in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert tables_of(folder) == before


@pytest.mark.parametrize("key", KEYS)
def test_every_question_explains_itself_and_refuses_hidden_characters(key, folder):
    topic = Topic(load_base(folder), "delta2026", {})
    (explained,) = (q.help for q in questions_for(topic, lambda _: "") if q.key == key)
    answered = KEYS.index(key)
    result = add([*COMPLETE[:answered], "?", "\x1b[A"])
    assert prompts(result.stderr) == answered + 3
    assert explained in " ".join(result.stderr.split("> ")[-3].split())
    assert "control or invisible characters" in " ".join(result.stderr.split("> ")[-2].split())
    assert "\x1b" not in result.stderr


def test_no_at_the_end_saves_nothing(folder):
    before = tables_of(folder)
    result = add([*told(STUDY, CONTRAST, COUNTS, {**END, "save": "no"}), "no"])
    assert result.exit_code == 0
    assert "Not saved." in result.stderr
    assert tables_of(folder) == before


def test_what_was_saved_stays_when_the_answers_end_in_the_next_finding(folder):
    result = add([*COMPLETE[:-1], "yes", "sleeper"])
    assert result.exit_code == 2
    assert "saved before that: delta2026-1 in" in " ".join(result.stderr.split())
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


def test_answers_that_end_after_the_saving_are_complete(folder):
    assert add(COMPLETE[:-1]).exit_code == 0
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


def test_ctrl_c_leaves_every_byte_as_it_was(folder, monkeypatch):
    from evidence.cli import dialogue

    def stopped(self, question):
        raise KeyboardInterrupt

    before = tables_of(folder)
    monkeypatch.setattr(dialogue.Dialogue, "_ask", stopped)
    result = add(COMPLETE)
    assert result.exit_code == 130
    assert "stopped; nothing was written" in result.stderr
    assert tables_of(folder) == before


def test_a_closed_standard_input_is_refused(folder):
    command = ["/bin/sh", "-c", '"$@" <&-', "sh", sys.executable, "-c", MAIN, "add", "delta2026", "--base", "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent, env=ENVIRONMENT)
    assert done.returncode == 2
    assert "standard input: found it closed, wanted a terminal, or answers one a line" in done.stderr


@pytest.mark.parametrize(
    ("study", "options", "says"),
    [
        ("a/b", [], "STUDY: found 'a/b', wanted an id"),
        ("delta2026", ["--out", "x.csv"], "--out: found 'x.csv', wanted a name that ends in .toml"),
        ("delta2026", ["--out", "no/such/x.toml"], "no folder"),
        ("delta2026", ["--model", "defualt"], "did you mean 'default'"),
        ("delta2026", ["--target", "mars"], "a target of the base: first deployment, closed model"),
        ("beta2024", ["--out", "x.toml"], "a study of tiny"),
    ],
)
def test_what_cannot_go_anywhere_is_refused_before_the_first_question(study, options, says, folder):
    result = add(COMPLETE, *options, study=study)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert prompts(result.stderr) == 0


@pytest.mark.parametrize("command", ["add", "init"])
def test_every_option_is_in_the_page_of_commands(command):
    page = (Path(__file__).parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")
    found = typer.main.get_command(app).commands[command]
    flags = [max(p.opts, key=len) for p in found.params if p.param_type_name == "option" and p.name != "help"]
    assert [flag for flag in flags if f"`{flag}" not in page and f" {flag}" not in page] == []


# A paper file, the review, JSON


def test_on_a_shipped_base_the_paper_becomes_a_file_that_check_accepts(folder):
    answers = told(
        STUDY,
        {**CONTRAST, "setting": "basharena", "technique": "trusted-editing", "comparator": "1"},
        COUNTS,
        END,
        AFTER,
    )
    result = add(answers, base="control")
    assert result.exit_code == 0, result.stderr
    checked = CliRunner().invoke(app, ["check", "delta2026.toml", "--json"])
    assert checked.exit_code == 0, checked.stderr
    assert json.loads(checked.stdout)["warnings"] == []
    again = add(answers, base="control")
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert add(answers, "--force", base="control").exit_code == 0


def test_a_paper_file_of_two_findings_and_a_folder_found_from_there(folder, tmp_path):
    (tmp_path / "papers").mkdir()
    before = tables_of(folder)
    second = told({**CONTRAST, "technique": "audit"}, {"a": "150/400", "b": "120/400"}, END)
    result = add([*COMPLETE[:-1], "yes", *second, "no"], "--out", "papers/delta.toml")
    assert result.exit_code == 0, result.stderr
    assert tables_of(folder) == before
    text = (tmp_path / "papers" / "delta.toml").read_text(encoding="utf-8")
    assert text.count("[[findings]]") == 2
    assert 'base = "../tiny"' in text
    checked = CliRunner().invoke(app, ["check", "papers/delta.toml"])
    assert checked.exit_code == 0, checked.stderr


def test_the_review_follows_with_the_readers_belief_and_says_how_to_repeat_it(folder):
    words = ["add", "delta2026", "--base", "tiny"]
    result = CliRunner().invoke(app, words, input="".join(f"{line}\n" for line in [*COMPLETE, "85"]))
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "You said 85" in text
    assert "evidence review delta2026 --base tiny --belief 85 --seed 1" in text
    shown = CliRunner().invoke(app, ["review", "delta2026", "--base", "tiny", "--belief", "85", "--seed", "1"])
    # the same page, but for the line that repeats it
    pages = [
        re.sub(r"evidence review .*?--seed 1", "", " ".join(page.split())) for page in (result.stdout, shown.stdout)
    ]
    assert pages[0] == pages[1]


def test_with_json_there_is_one_document_and_the_questions_stay_out_of_it(folder):
    result = add(COMPLETE, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["study"] == "delta2026"
    assert document["findings"] == ["delta2026-1"]
    assert sorted(document["written"]) == ["tiny/findings.csv", "tiny/studies.csv"]
    assert document["review"] is None
    # Chinn 2000: (logit .45 - logit .3) x sqrt(3)/pi
    y = (math.log(180 / 220) - math.log(120 / 280)) * math.sqrt(3) / math.pi
    assert document["read_back"][0]["effect_smd"] == pytest.approx(y)


# A real terminal


def read_until(master, wanted, seconds=120):
    """What the terminal shows until it holds `wanted`."""
    seen, end = "", time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < end, seen
        if select.select([master], [], [], 1)[0]:
            try:
                seen += os.read(master, 65536).decode(errors="replace")
            except OSError:  # the other side has closed
                break
    return seen


def in_terminal(folder, *options):
    """The command in a pseudo-terminal of its own; its process and the terminal's near end."""
    master, slave = pty.openpty()
    # The child opens the terminal itself, as the first of a new session: so it is its own, and Ctrl-C reaches it.
    # Ctrl-C is heard even where the tests run in the background, which has it ignored.
    opened = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    opened += f"os.close(os.open({os.ttyname(slave)!r}, os.O_RDWR)); "
    command = [sys.executable, "-c", opened + MAIN, "add", "delta2026", "--base", "tiny", *options]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder.parent, env=ENVIRONMENT, start_new_session=True
    )
    os.close(slave)
    return process, master


def test_the_dialogue_runs_in_a_terminal(folder):
    process, master = in_terminal(folder, "--no-review")
    shown = ""
    for line in COMPLETE:  # each when it is asked for
        shown += read_until(master, "> ")
        os.write(master, f"{line}\n".encode())
    assert process.wait(timeout=120) == 0, shown
    assert "Title of the study?" in shown
    assert load_base(folder).finding("delta2026-1") == KINDS["counts"][1]


def test_ctrl_c_in_a_terminal_ends_it_with_nothing_written(folder):
    before = tables_of(folder)
    process, master = in_terminal(folder)
    read_until(master, "> ")
    os.write(master, b"Half a ti\x03")
    shown = read_until(master, "nothing was written")
    assert process.wait(timeout=120) == 130, shown
    assert tables_of(folder) == before
