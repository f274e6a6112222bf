"""`evidence prereg` at the command line, on a small base."""

import getpass
import json
import platform
import shutil
import socket
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

import registrations
from evidence.cli import app
from evidence.domain.canonical import frozen_bytes, sha256_hex, sha256_of
from evidence.io.registry import read_chain
from evidence.report.words import find_forbidden


def run(*words):
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(w) for w in words], prog_name="evidence")


def ok(*words, code=0):
    result = run(*words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A registry with one registration, frozen by the command, and its hash."""
    folder = tmp_path_factory.mktemp("prereg")
    draft = registrations.write_draft(folder)
    found = json.loads(ok("prereg", "check", draft, "--registry", folder / "reg", "--json").stdout)
    wrong = run("prereg", "freeze", draft, "--registry", folder / "reg", "--confirm", 3)
    assert wrong.exit_code == 2
    assert not (folder / "reg").exists(), "nothing is written before the number is right"
    nobody = run("prereg", "freeze", draft, "--registry", folder / "reg")
    assert nobody.exit_code == 2 and "--confirm" in nobody.stderr
    typed = round(100 * found["p_ahead"])
    done = json.loads(ok("prereg", "freeze", draft, "--registry", folder / "reg", "--confirm", typed, "--json").stdout)
    assert done["hash"] == found["hash"], "check says what freeze will freeze"
    return folder, done["hash"]


@pytest.fixture
def copy(frozen, tmp_path):
    """The registry, to be written to; and the hash."""
    shutil.copytree(frozen[0] / "reg", tmp_path / "reg")
    return tmp_path / "reg", frozen[1]


@pytest.fixture(scope="module")
def ranking(frozen):
    """A ranking made under the registration."""
    folder, digest = frozen
    path = folder / "ranking.json"
    done = ok("rank", "--prereg", digest[:10], "--registry", folder / "reg", "--out", folder / "fit.nc", "--json")
    path.write_text(done.stdout, encoding="utf-8")
    return path


def test_what_the_command_freezes_is_what_the_library_computes(frozen):
    folder, digest = frozen
    data = (folder / "reg" / f"{digest}.prereg.json").read_bytes()
    assert sha256_hex(data) == digest
    assert data == frozen_bytes(registrations.small_registration())


def test_freezing_again_writes_nothing_and_another_one_counts_as_a_sibling(copy, frozen):
    folder, digest = copy
    draft = registrations.write_draft(folder.parent)
    typed = round(100 * json.loads(ok("prereg", "check", draft, "--registry", folder, "--json").stdout)["p_ahead"])
    again = json.loads(ok("prereg", "freeze", draft, "--registry", folder, "--confirm", typed, "--json").stdout)
    assert (again["hash"], again["new"], len(read_chain(folder).entries)) == (digest, False, 1)
    other = registrations.write_draft(folder.parent, registrations.DRAFT.replace('"tiny-1"', '"tiny-2"'))
    more = json.loads(ok("prereg", "freeze", other, "--registry", folder, "--confirm", typed, "--json").stdout)
    assert more["siblings"] == {"total": 1, "open": 1}
    listed = json.loads(ok("prereg", "list", "--registry", folder, "--json").stdout)
    assert [r["siblings"]["total"] for r in listed["registrations"]] == [1, 1]
    assert "2 lines" in ok("prereg", "list", "--registry", folder).stdout


def test_an_analysis_under_the_registration_verifies(frozen, ranking):
    folder, digest = frozen
    result = ok("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", ranking, "--json")
    found = json.loads(result.stdout)
    assert found["status"] == "intact"
    assert found["deviations"] == []
    assert found["fingerprint_max_diff"] < 1e-8
    assert found["same_machine"] and found["recomputed"]["exact"]
    assert found["siblings"] == {"total": 0, "open": 0}
    stored = ok(
        "prereg", "verify", digest, "--registry", folder / "reg", "--analysis", folder / "fit.nc", "--no-engine"
    )
    assert "None in the" in stored.stdout


def edited(ranking, path, change):
    document = json.loads(ranking.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


EDITS = {
    "prereg_hash": lambda d: d["provenance"].update(prereg_hash="0" * 64),
    "base_sha256": lambda d: d["provenance"].update(base_sha256="0" * 64),
    "model_sha256": lambda d: d["provenance"].update(model_sha256="0" * 64),
    "settings": lambda d: d["provenance"].update(settings=["prior.tau=1"]),
    "seed": lambda d: d["provenance"].update(seed=7),
    "version": lambda d: d["provenance"].update(version="9"),
    "engine": lambda d: d["provenance"].update(engine="sampled"),
    "target": lambda d: d.update(target="mars"),
    "exclusions": lambda d: d.update(left_out=["paper-9"]),
    "techniques": lambda d: d["techniques"].pop(),
    "checks": lambda d: d.update(ok=False),
    "fingerprint": lambda d: d["fingerprint"]["tau"].update(q50=0.1),
}
SILENCES = {
    "prereg_hash": lambda d: d["provenance"].pop("prereg_hash"),
    "settings": lambda d: d["provenance"].pop("settings"),
    "exclusions": lambda d: d.pop("left_out"),
    "techniques": lambda d: d.pop("techniques"),
    "checks": lambda d: d.pop("ok"),
    "fingerprint": lambda d: d.pop("fingerprint"),
    "target": lambda d: d.pop("target"),
}


@pytest.mark.parametrize("field", EDITS)
def test_every_field_that_deviates_is_named(frozen, ranking, tmp_path, field):
    folder, digest = frozen
    path = edited(ranking, tmp_path / "r.json", EDITS[field])
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", path, "--no-engine", "--json")
    found = json.loads(ok(*words, code=4).stdout)
    assert field in [d["field"] for d in found["deviations"]]


@pytest.mark.parametrize("field", SILENCES)
def test_what_an_analysis_does_not_say_is_a_deviation(frozen, ranking, tmp_path, field):
    folder, digest = frozen
    path = edited(ranking, tmp_path / "r.json", SILENCES[field])
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", path, "--no-engine", "--json")
    deviations = {d["field"]: d["found"] for d in json.loads(ok(*words, code=4).stdout)["deviations"]}
    assert deviations[field] == ("not stated" if field != "fingerprint" else deviations[field])


def test_another_base_is_named_row_by_row(frozen, tmp_path):
    folder, digest = frozen
    registrations.write_small_base(tmp_path / "later")
    table = tmp_path / "later" / "findings.csv"
    table.write_text(
        table.read_text().replace(
            "f1,alpha2023,jailbreak,monitor,none,counts,no,12", "f1,alpha2023,jailbreak,monitor,none,counts,no,13"
        )
    )
    path = tmp_path / "r.json"
    # Frozen at one scenario: the analysis may be asked about one alone.
    words = ("rank", tmp_path / "later", "--prereg", digest, "--registry", folder / "reg", "--target", "slow change")
    path.write_text(ok(*words, "--json").stdout)
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", path, "--no-engine")
    fields = [
        d["field"] for d in json.loads(ok(*words, "--data", tmp_path / "later", "--json", code=4).stdout)["deviations"]
    ]
    assert fields == ["base_sha256", "findings.f1.k"]
    page = ok(*words, "--data", tmp_path / "later", code=4).stdout
    assert "registered 12; found 13" in page and find_forbidden(page) == ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "sceptic"), "--model"),
        (("--target", "mars"), "a registered scenario"),
        (("--engine", "sampled"), "--engine"),
    ],
)
def test_the_registration_says_which_model_engine_and_scenarios(frozen, words, says):
    folder, digest = frozen
    result = ok("rank", "--prereg", digest, "--registry", folder / "reg", *words, code=2)
    assert says in result.stderr


def test_s16_a_tampered_file_or_chain_exits_3(copy):
    folder, digest = copy
    path = folder / f"{digest}.prereg.json"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Ada", b"Eve"))
    for command in (("verify", digest, "--no-engine"), ("show", digest), ("list",), ("score", digest)):
        assert "tampered" in ok("prereg", *command, "--registry", folder, code=3).stderr
    path.write_bytes(data)
    ok("prereg", "verify", digest, "--no-engine", "--registry", folder)
    # A good file that no line of the registry knows.
    other = frozen_bytes(registrations.variant(id="tiny-9"))
    (folder / f"{sha256_hex(other)}.prereg.json").write_bytes(other)
    result = ok("prereg", "verify", folder / f"{sha256_hex(other)}.prereg.json", "--no-engine", code=3)
    assert "a line of the registry that freezes it" in result.stderr
    assert "in no line" in ok("prereg", "verify", digest, "--no-engine", "--registry", folder).stdout


OUTCOMES = """\
target,technique,estimate_smd,se_smd,baseline_var_smd,n,where
first deployment,monitor,0.9,0.1,0.004,200,Table 1
first deployment,audit,0.1,0.1,0.004,200,Table 1
another target,audit,0.4,0.1,0.004,200,Table 1
"""


def resolve(folder, digest, *words, code=0):
    return ok("prereg", "resolve", digest, "--registry", folder, "--by", "Bo", "--source", "report", *words, code=code)


def test_outcomes_are_scored_by_the_frozen_rules_and_what_is_not_resolved_stays_counted(copy, ranking):
    folder, digest = copy
    table = folder.parent / "outcomes.csv"
    table.write_text(OUTCOMES)
    resolve(folder, digest, "--outcomes", table)
    resolve(folder, digest, "--annul", "p2=the scenario did not come")
    card = json.loads(ok("prereg", "score", digest, "--registry", folder, "--analysis", ranking, "--json").stdout)
    assert (card["n_resolved"], card["n_unresolved"], card["n_annulled"]) == (1, 0, 1)
    assert (card["pairs_resolved"], card["pairs_covered"]) == (3, 6)
    assert set(card["baselines"]) == {"coin", "face_value", "random_effects", "reference_prior"}
    assert card["baselines"]["coin"]["order_log_score"] == pytest.approx(-0.6931471805599453, abs=1e-12)
    assert card["log_score"] == card["registered"]["log_score"]
    assert card["updated"]["order_log_score"] != card["registered"]["order_log_score"]
    assert card["updated"]["log_score"] is None, "a ranking states P alone"
    page = ok("prereg", "score", digest, "--registry", folder).stdout
    ok("prereg", "verify", digest, "--registry", folder, "--no-engine")
    for words in ("the coin", "face value", "random effects", "One result is one draw", "1 annulled"):
        assert words in " ".join(page.split())
    assert find_forbidden(page) == ()
    entries = [e.kind for e in read_chain(folder).entries]
    assert entries == ["freeze", "resolve", "resolve", "score", "score"]
    ok("prereg", "score", digest, "--registry", folder)
    assert len(read_chain(folder).entries) == 5, "the same score card is not entered twice"


def test_the_posterior_of_a_stored_fit_is_scored_in_full(copy, frozen, ranking):
    folder, digest = copy
    (folder.parent / "o.csv").write_text(OUTCOMES)
    resolve(folder, digest, "--outcomes", folder.parent / "o.csv")
    words = ("prereg", "score", digest, "--registry", folder, "--analysis", frozen[0] / "fit.nc", "--json")
    card = json.loads(ok(*words).stdout)
    # The same evidence at all scenarios by weight: near the prior registered for the first of them.
    assert card["updated"]["log_score"] == pytest.approx(card["log_score"], abs=0.2)


FINDINGS = """\
id,study,setting,technique,comparator,kind,higher_is_better,rate,n,where,source_kind
a,t,first deployment,none,,proportion,yes,0.3,200,Table 1,full text
b,t,first deployment,monitor,,proportion,yes,0.6,200,Table 1,full text
"""


def test_findings_at_the_target_become_outcomes_and_a_log_gives_hours(copy):
    folder, digest = copy
    table, log = folder.parent / "findings.csv", folder.parent / "log.txt"
    table.write_text(FINDINGS)
    log.write_text("# what we did\ntried audit, failed, 6 h\ntried monitor, worked, 2.5 h\n")
    words = ("--outcomes", table, "--log", log, "--scenario", "first deployment")
    resolve(folder, digest, *words)
    card = json.loads(ok("prereg", "score", digest, "--registry", folder, "--json").stdout)
    hours = card["hours"][0]
    assert (hours["spent"], hours["works"], hours["lost"]["as_tried"]) == (8.5, ["monitor"], 6.0)
    assert hours["lost"]["coin"] == 3.0  # half of the orders try the one that fails first
    first = registrations.small_registration().beliefs[0].try_order[0]
    assert hours["lost"]["registered"] == (0.0 if first == "monitor" else 6.0)
    assert card["pairs_resolved"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--outcomes, --log or --annul"),
        (("--annul", "p2=it looks bad"), "a reason listed beforehand"),
        (("--annul", "p7=the scenario did not come"), "a prediction: p1, p2"),
        (("--annul", "p2"), "ID=REASON"),
        (("--outcomes", "no.csv"), "no such file"),
        (("--scenario", "mars", "--annul", "p2=the scenario did not come"), "a registered scenario"),
    ],
)
def test_what_the_registration_does_not_allow_is_refused(copy, words, says):
    folder, digest = copy
    assert says in resolve(folder, digest, *words, code=2).stderr
    assert len(read_chain(folder).entries) == 1


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("audit failed", "log.txt:1: found 'audit failed'"),
        ("audit, failed, 6 h\naudit, worked, 1 h", "audit twice"),
        ("none, worked, 1 h", "'none'"),
        ("# nothing", "at least one technique"),
        ("audit, failed, six h", "six"),
    ],
)
def test_bad_logs_are_refused_with_their_line(copy, log, says):
    folder, digest = copy
    path = folder.parent / "log.txt"
    path.write_text(log)
    result = resolve(folder, digest, "--log", path, "--scenario", "first deployment", code=2)
    assert says in result.stderr


def test_nothing_is_resolved_twice(copy):
    folder, digest = copy
    (folder.parent / "o.csv").write_text(OUTCOMES)
    resolve(folder, digest, "--outcomes", folder.parent / "o.csv")
    assert "again" in resolve(folder, digest, "--outcomes", folder.parent / "o.csv", code=2).stderr


def test_nothing_resolved_is_nothing_scored(copy):
    folder, digest = copy
    card = json.loads(ok("prereg", "score", digest, "--registry", folder, "--json").stdout)
    assert (card["n_resolved"], card["n_unresolved"], card["log_score"], card["baselines"]) == (0, 2, None, {})
    assert "nothing to score" in ok("prereg", "score", digest, "--registry", folder).stdout


DRAFT_FORMATS = {
    "comments": lambda t: "# hello\n" + t.replace("[question]", "[question] # asked"),
    "blank lines": lambda t: t.replace("\n", "\n\n"),
    "spaces": lambda t: t.replace(" = ", "   =  "),
    "other line ends": lambda t: t.replace("\n", "\r\n"),
    "other quotes": lambda t: t.replace('"tiny-1"', "'tiny-1'"),
    "1.0 as 1": lambda t: t.replace("novelty = 1.0", "novelty = 1"),
    "another spelling of a number": lambda t: t.replace("weight = 0.75", "weight = 75e-2"),
    "keys in another order": lambda t: t.replace('id = "tiny-1"\ntitle = "Which defence first"', 'title = "Which defence first"\nid = "tiny-1"'),
    "tables in another order": lambda t: t[: t.index("[estimand]")] + t[t.index("[knowledge]") : t.index("[[predictions]]")] + t[t.index("[estimand]") : t.index("[knowledge]")] + t[t.index("[[predictions]]") :],
    "an inline table": lambda t: t.replace('[knowledge]\nseen_target_data = "no"\nexplain = "Read the one study of the base."\n', "").replace("\n[[authors]]", '\nknowledge = { seen_target_data = "no", explain = "Read the one study of the base." }\n\n[[authors]]', 1),
    "a list over several lines": lambda t: t.replace('["none", "monitor", "audit"]', '[\n  "none",\n  "monitor",\n  "audit",\n]'),
    "an escape": lambda t: t.replace("Which defence first", "Which \\u0064efence first"),
    "a default written out": lambda t: t.replace("[scoring]", "[scoring]\norder_clip = 0.001"),
}  # fmt: skip


@pytest.mark.parametrize("change", DRAFT_FORMATS.values(), ids=DRAFT_FORMATS)
def test_s16_the_form_of_a_draft_does_not_touch_the_hash(tmp_path, change):
    text = change(registrations.DRAFT)
    assert text != registrations.DRAFT
    same = registrations.source_in(tmp_path, registrations.DRAFT)
    assert sha256_of(registrations.source_in(tmp_path, text).draft) == sha256_of(same.draft)


BAD_DRAFTS = {
    "a key twice": (lambda t: t.replace('id = "tiny-1"', 'id = "tiny-1"\nid = "tiny-1"'), "TOML"),
    "NaN": (lambda t: t.replace("0.75", "nan"), "a finite number"),
    "infinite": (lambda t: t.replace("0.75", "inf"), "a finite number"),
    "1e400": (lambda t: t.replace("0.75", "1e400"), "a finite number"),
    "-0.0": (lambda t: t.replace("novelty = 0.5", "novelty = -0.0"), "-0.0"),
    "an unknown key": (lambda t: t.replace("[question]", '[question]\nquestoin = "x"'), "did you mean 'question'"),
    "__proto__": (lambda t: t.replace("[question]", '[question]\n__proto__ = "x"'), "a known name"),
    "a byte-order mark": (lambda t: "\ufeff" + t, "byte-order mark"),
    "decomposed": (lambda t: t.replace("Ada", "Ade\u0301"), "composed form"),
    "U+2028": (lambda t: t.replace("Ada", "A\u2028da"), "control character"),
    "UTF-16": (lambda t: t.encode("utf-16"), "UTF-8"),
    "too deep": (lambda t: t.replace("exclusions = ", "exclusions = " + "[" * 50).replace("nothing\"]", 'nothing"]' + "]" * 50), "at most 32"),
    "very deep": (lambda t: t + "x = " + "[" * 100_000, "levels"),
    "5,000 digits": (lambda t: t.replace("0.75", "1" * 5000), "a number"),
    "too large": (lambda t: t + "#" * 1_000_001, "at most 1,000,000"),
    "another format": (lambda t: t.replace("prereg/1", "prereg/9"), "evidence-prereg/1"),
    "a technique that is not there": (lambda t: t.replace('"audit"]', '"audti"]'), "one of techniques"),
    "an unknown technique": (lambda t: t.replace('"none", "monitor"', '"nome", "monitor"'), "did you mean 'none'"),
    "an unknown base": (lambda t: t.replace('base = "base"', 'base = "bsae"'), "bsae"),
    "another primary target": (lambda t: t.replace('"first deployment"', '"second deployment"'), "primary target"),
    "an unknown dimension": (lambda t: t.replace("capability =", "capabilty ="), "did you mean 'capability'"),
    "a deadline that is none": (lambda t: t.replace("2031-12-31", "2031-02-30"), "a day such as"),
    "a date without quotes": (lambda t: t.replace('"2031-12-31"', "2031-12-31"), "the date or time"),
    "a scenario twice": (lambda t: t.replace('"slow change"', '"first deployment"'), "every target once"),
    "no scenario of a prediction": (lambda t: t.replace('scenario = "slow change"', 'scenario = "mars"'), "wanted one of"),
    "a weight of 0": (lambda t: t.replace("weight = 0.75", "weight = 0"), "above 0"),
    "a setting that cannot be": (lambda t: t.replace('base = "base"', 'settings = ["prior.nope=1"]\nbase = "base"'), "nope"),
    "a TODO": (lambda t: t.replace("Read the one study", "TODO"), "TODO"),
    "no resolver": (lambda t: t.replace('resolver = "Bo of another laboratory"\n', "", 1), "resolver"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), BAD_DRAFTS.values(), ids=BAD_DRAFTS)
def test_s09_a_bad_draft_is_refused_never_mended(tmp_path, change, says):
    text = change(registrations.DRAFT)
    assert text != registrations.DRAFT
    draft = registrations.write_draft(tmp_path, text)
    for command in ("check", "freeze"):
        result = ok("prereg", command, draft, "--registry", tmp_path / "reg", code=2)
        assert says in result.stderr
    assert not (tmp_path / "reg").exists()


def test_a_new_draft_is_whole_but_for_its_todos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registrations.write_small_base(tmp_path / "base")
    ok("prereg", "new", "mine.prereg.toml", "--base", "base")
    text = (tmp_path / "mine.prereg.toml").read_text()
    assert "--force" in ok("prereg", "new", "mine.prereg.toml", "--base", "base", code=2).stderr
    left = ok("prereg", "check", "mine.prereg.toml", code=2).stderr.splitlines()
    assert len(left) > 5 and all("TODO" in line for line in left)
    filled = text.replace('"TODO: YYYY-MM-DD"', '"2031-01-01"').replace("TODO", "as agreed")
    (tmp_path / "mine.prereg.toml").write_text(filled)
    found = registrations.load_draft(tmp_path / "mine.prereg.toml")
    assert [s.target for s in found.draft.scenarios] == [t.id for t in found.base.question.targets]


def test_an_amendment_is_the_next_revision_and_the_old_one_can_still_be_scored(copy):
    folder, digest = copy
    text = registrations.DRAFT.replace("novelty = 0.5", "novelty = 0.4")
    draft = registrations.write_draft(folder.parent, text)
    amend = ("prereg", "amend", digest, draft, "--registry", folder, "--reason", "a talk")
    assert "asked again at every revision" in ok(*amend, "--confirm", 50, code=2).stderr
    draft.write_text(text.replace("Read the one study", "Since then a talk; read the one study"))
    typed = round(100 * json.loads(ok("prereg", "check", draft, "--registry", folder, "--json").stdout)["p_ahead"])
    done = json.loads(ok(*amend, "--confirm", typed, "--json").stdout)
    again = json.loads(ok(*amend, "--confirm", typed, "--json").stdout)
    assert (again["hash"], again["new"]) == (done["hash"], False), "a command that was interrupted may be given again"
    other = (*amend[:-1], "another reason")
    assert "amended" in ok(*other, "--confirm", typed, code=2).stderr
    shown = json.loads(ok("prereg", "show", done["hash"], "--registry", folder, "--json").stdout)
    assert (shown["registration"]["revision"], shown["registration"]["prev_hash"]) == (1, digest)
    listed = json.loads(ok("prereg", "list", "--registry", folder, "--json").stdout)["registrations"]
    assert [r["status"] for r in listed] == ["amended", "frozen"]
    (folder.parent / "o.csv").write_text(OUTCOMES)
    for h in (digest, done["hash"]):
        resolve(folder, h, "--outcomes", folder.parent / "o.csv")
    card = json.loads(ok("prereg", "score", done["hash"], "--registry", folder, "--json").stdout)
    old = json.loads(ok("prereg", "score", digest, "--registry", folder, "--json").stdout)
    assert card["baselines"]["previous_revision"]["log_score"] == old["log_score"] != card["log_score"]


def test_a_withdrawn_registration_stays_and_is_counted(copy):
    folder, digest = copy
    ok("prereg", "withdraw", digest, "--registry", folder, "--reason", "a row read wrongly")
    assert "withdrawn" in ok("prereg", "withdraw", digest, "--registry", folder, "--reason", "x", code=2).stderr
    assert "withdrawn" in ok("prereg", "verify", digest, "--registry", folder, "--no-engine").stdout
    entry = read_chain(folder).entries[-1]
    assert (entry.kind, entry.reason, entry.document) == ("withdraw", "a row read wrongly", None)


@pytest.mark.parametrize(("form", "titles"), [("osf", 15), ("aspredicted", 8)])
def test_the_text_for_a_public_registry_holds_what_is_registered(copy, form, titles):
    folder, digest = copy
    text = ok("prereg", "export", form, digest, "--registry", folder).stdout
    assert text.count("## ") == titles
    for words in (
        digest,
        "Bo of another laboratory",
        "2031-12-31",
        "compare nothing",
        "200 attacks an arm",
        "talk" * 0,
    ):
        assert words in text
    assert find_forbidden(text) == ()
    out = folder.parent / "text.md"
    ok("prereg", "export", form, digest, "--registry", folder, "--out", out)
    assert out.read_text() == text
    assert "--force" in ok("prereg", "export", form, digest, "--registry", folder, "--out", out, code=2).stderr


def test_two_registrations_of_one_question_are_compared_and_pooled(copy):
    folder, digest = copy
    text = registrations.DRAFT.replace('"tiny-1"', '"tiny-2"').replace('"Ada"', '"Eve"')
    text = text.replace('model = "default"', 'model = "default"\nsettings = ["irrelevance.chat=0.9"]')
    draft = registrations.write_draft(folder.parent, text)
    typed = round(100 * json.loads(ok("prereg", "check", draft, "--registry", folder, "--json").stdout)["p_ahead"])
    other = json.loads(ok("prereg", "freeze", draft, "--registry", folder, "--confirm", typed, "--json").stdout)["hash"]
    found = json.loads(ok("prereg", "compare", digest, other, "--registry", folder, "--json").stdout)
    assert found["crux"] == "validity of chat"
    page = ok("prereg", "compare", digest, other, "--registry", folder).stdout
    assert "validity of chat: it accounts for all of the disagreement" in " ".join(page.split())
    assert find_forbidden(page) == ()
    pooled = json.loads(ok("prereg", "pool", digest, other, "--registry", folder, "--weights", "1,3", "--json").stdout)
    assert [r["weight"] for r in pooled["reviewers"]] == [0.25, 0.75]
    learned = ok("prereg", "pool", digest, other, "--registry", folder, "--learn").stdout
    assert "Weights are equal" in learned and find_forbidden(learned) == ()
    for words, says in (
        (("compare", digest, digest), "another registration"),
        (("pool", digest, digest), "every registration once"),
        (("pool", digest, other, "--weights", "1"), "2 numbers"),
        (("pool", digest, other, "--weights", "1,x"), "a number"),
        (("pool", digest, other, "--weights", "1,1", "--learn"), "one of the two"),
        (("pool", digest), "two or more"),
        (("show", "abc"), "fits 0 of 2"),
    ):
        assert says in ok("prereg", *words, "--registry", folder, code=2).stderr


def test_at_a_terminal_the_number_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("evidence.cli.prereg_drafts.at_terminal", lambda: True)
    draft = registrations.write_draft(tmp_path)
    words = ["prereg", "freeze", str(draft), "--registry", str(tmp_path / "reg")]
    wrong = CliRunner().invoke(app, words, input="3\n", prog_name="evidence")
    assert wrong.exit_code == 2 and not (tmp_path / "reg").exists()
    assert "monitor ahead of audit in" in wrong.stderr, "the number is shown, in natural frequencies"
    shown = wrong.stderr.split("monitor ahead of audit in ")[1].split()[0]
    right = CliRunner().invoke(app, words, input=f"{shown}\n", prog_name="evidence")
    assert right.exit_code == 0, right.output
    assert len(read_chain(tmp_path / "reg").entries) == 1


def test_a_review_under_the_registration_verifies(frozen, tmp_path):
    folder, digest = frozen
    path = tmp_path / "review.json"
    path.write_text(ok("review", "alpha2023", "--prereg", digest, "--registry", folder / "reg", "--json").stdout)
    assert json.loads(path.read_text())["provenance"]["prereg_hash"] == digest
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", path, "--no-engine", "--json")
    found = json.loads(ok(*words).stdout)
    assert (found["status"], found["deviations"]) == ("intact", [])
    assert found["analysis_print"]["numbers"] > 20
    assert "--prereg" in ok("review", "paper.toml", "--prereg", digest, "--registry", folder / "reg", code=2).stderr


def test_another_prior_behind_the_registered_name_is_found_by_its_fingerprint(frozen, tmp_path):
    """A result that carries the right hashes and was computed with another tau."""
    folder, digest = frozen
    path = tmp_path / "r.json"
    words = ("rank", "--prereg", digest, "--registry", folder / "reg", "--set", "prior.tau=0.4..1.2", "--json")
    document = json.loads(ok(*words).stdout)
    document["provenance"]["settings"] = []
    path.write_text(json.dumps(document))
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--analysis", path, "--no-engine", "--json")
    assert [d["field"] for d in json.loads(ok(*words, code=4).stdout)["deviations"]] == ["fingerprint"]


def test_s21_a_frozen_file_says_nothing_of_the_machine(frozen):
    folder, digest = frozen
    data = (folder / "reg" / f"{digest}.prereg.json").read_bytes() + (folder / "reg" / "registry.jsonl").read_bytes()
    for secret in (str(folder), str(Path.home()), platform.node(), getpass.getuser() + "@"):
        assert secret.encode() not in data


def test_deadlines_are_listed_until_they_are_resolved(copy, monkeypatch):
    folder, digest = copy
    monkeypatch.setattr("evidence.cli.prereg_show.today", lambda: date(2031, 12, 1))
    due = json.loads(ok("prereg", "list", "--registry", folder, "--json").stdout)["registrations"][0]["reminders"]
    assert due == ["p1 is due on 2031-12-31, in 30 days, by Bo of another laboratory"]
    monkeypatch.setattr("evidence.cli.prereg_show.today", lambda: date(2034, 1, 1))
    due = json.loads(ok("prereg", "list", "--registry", folder, "--json").stdout)["registrations"][0]["reminders"]
    assert [line.split(",")[0] for line in due] == ["p1 was due on 2031-12-31", "p2 was due on 2033-12-31"]
    resolve(folder, digest, "--annul", "p2=the scenario did not come")
    assert "p1 was due" in ok("prereg", "list", "--registry", folder).stdout
    assert "p2 was due" not in ok("prereg", "list", "--registry", folder).stdout


def test_a_draft_that_leaves_things_open_is_called_vague(tmp_path):
    text = registrations.DRAFT.replace("2031-12-31", "2020-12-31").replace("Bo of another laboratory", "Ada", 1)
    text = text.replace('"the laboratory\'s safety report"', '"somewhere"', 1).replace(
        'decision_rule = "Try the techniques in the registered order."\n', ""
    )
    draft = registrations.write_draft(tmp_path, text)
    vague = json.loads(ok("prereg", "check", draft, "--registry", tmp_path / "reg", "--json").stdout)["vague"]
    assert [line.partition(":")[0] for line in vague] == [
        "predictions.p1.source", "predictions.p1.deadline", "predictions.p1.resolver", "decision_rule",
    ]  # fmt: skip


def test_the_registry_may_be_named_once_for_all_commands(copy, monkeypatch):
    folder, digest = copy
    monkeypatch.setenv("EVIDENCE_REGISTRY", str(folder))
    assert digest[:12] in ok("prereg", "list").stdout
    assert digest in " ".join(ok("prereg", "show", digest[:6]).stdout.split())


@pytest.mark.parametrize(
    "command",
    [
        "new",
        "check",
        "freeze",
        "verify",
        "amend",
        "withdraw",
        "resolve",
        "score",
        "compare",
        "pool",
        "list",
        "show",
        "export",
    ],
)
def test_every_command_has_help_with_an_example(command):
    assert f"Example: evidence prereg {command}" in " ".join(ok("prereg", command, "--help").stdout.split())


def test_a_registration_too_large_for_its_file_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("evidence.io.frozen_files.MAX_BYTES", 10_000)
    draft = registrations.write_draft(tmp_path)
    typed = round(100 * registrations.small_registration().beliefs[0].contrasts[2].p_above)
    result = ok("prereg", "freeze", draft, "--registry", tmp_path / "reg", "--confirm", typed, code=2)
    assert "fewer techniques or scenarios" in result.stderr
    assert not (tmp_path / "reg").exists()


def test_a_check_that_fails_leaves_nothing_frozen(tmp_path, monkeypatch):
    from evidence.inference.exact import ExactEngine

    monkeypatch.setattr(
        "evidence.cli.prereg_drafts.engine_named", lambda name: ExactEngine(max_rounds=2, round_size=64)
    )
    draft = registrations.write_draft(tmp_path)
    result = ok("prereg", "freeze", draft, "--registry", tmp_path / "reg", "--confirm", 50, code=5)
    assert "nothing was frozen" in result.stderr
    assert not (tmp_path / "reg").exists()


def test_a_resolution_or_score_card_that_was_changed_is_tampered(copy):
    folder, digest = copy
    (folder.parent / "o.csv").write_text(OUTCOMES)
    resolve(folder, digest, "--outcomes", folder.parent / "o.csv")
    ok("prereg", "score", digest, "--registry", folder)
    for kind, old, new in (("score", b'"n_resolved":1', b'"n_resolved":2'), ("resolution", b"0.9", b"0.8")):
        path = next(folder.glob(f"*.{kind}.json"))
        whole = path.read_bytes()
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        assert "tampered" in ok("prereg", "verify", digest, "--registry", folder, "--no-engine", code=3).stderr
        if kind == "resolution":
            assert "tampered" in ok("prereg", "score", digest, "--registry", folder, code=3).stderr
        path.write_bytes(whole)
    ok("prereg", "verify", digest, "--registry", folder, "--no-engine")


def test_nothing_asks_the_network(copy, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was tried")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    folder, digest = copy
    draft = registrations.write_draft(folder.parent, registrations.DRAFT.replace('"tiny-1"', '"tiny-3"'))
    typed = round(100 * registrations.small_registration().beliefs[0].contrasts[2].p_above)
    ok("prereg", "freeze", draft, "--registry", folder, "--confirm", typed)
    for command in (("verify", digest), ("show", digest), ("export", "osf", digest), ("score", digest), ("list",)):
        ok("prereg", *command, "--registry", folder)
