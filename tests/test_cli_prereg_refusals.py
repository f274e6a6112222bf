"""`evidence prereg` where it refuses, or answers otherwise than usual: on registrations put into a registry as they are."""

import json

import pytest
from typer.testing import CliRunner

import registrations
from evidence.cli import app
from evidence.cli.prereg_drafts import commit_registration, now_utc
from evidence.domain.canonical import frozen_bytes, sha256_hex, sha256_of
from evidence.inference.exact import ExactEngine
from evidence.io.registry import SUFFIXES, Change, commit, read_chain


def ok(*words, code=0):
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(w) for w in words], prog_name="evidence")
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def put(folder, registration):
    """The registration in the registry, as `freeze` puts it there; its hash."""
    return commit_registration(folder, registration, kind="freeze").hash


def few_draws(name):
    """An engine that stops too early for its checks to pass."""
    del name
    return ExactEngine(max_rounds=2, round_size=64)


@pytest.fixture
def reg(tmp_path):
    """A registry with the small registration, and its hash."""
    return tmp_path / "reg", put(tmp_path / "reg", registrations.small_registration())


# Drafts


def test_a_draft_has_the_name_of_one(tmp_path):
    path = tmp_path / "mine.toml"
    said = ok("prereg", "new", path, code=2).stderr
    assert said == "FILE: found 'mine.toml', wanted a name that ends in .prereg.toml\n"
    assert not path.exists()


def test_new_answers_as_json_with_what_to_do_next(tmp_path):
    registrations.write_small_base(tmp_path / "base")
    path = tmp_path / "a draft.prereg.toml"
    found = json.loads(ok("prereg", "new", path, "--base", tmp_path / "base", "--json").stdout)
    assert found["written"] == [str(path)] and path.exists()
    assert found["next"] == [
        f"1. edit '{path}': every TODO", f"2. evidence prereg check '{path}'", f"3. evidence prereg freeze '{path}'",
    ]  # fmt: skip


# What happens to a registration while it waits


def test_a_withdrawal_given_twice_is_entered_once(reg):
    folder, digest = reg
    words = ("prereg", "withdraw", digest, "--registry", folder, "--reason", "a row read wrongly")
    first = json.loads(ok(*words, "--json").stdout)
    again = json.loads(ok(*words, "--json").stdout)
    assert (first["new"], again["new"]) == (True, False)
    assert (again["seq"], again["entry_sha256"]) == (1, first["entry_sha256"])
    assert "there already, nothing written" in " ".join(ok(*words).stdout.split())
    assert [e.kind for e in read_chain(folder).entries] == ["freeze", "withdraw"]


@pytest.mark.parametrize("reason", ["", " \t "])
def test_a_reason_is_a_sentence(reg, tmp_path, reason):
    folder, digest = reg
    draft = registrations.write_draft(tmp_path)
    for words in (("withdraw", digest), ("amend", digest, draft)):
        said = ok("prereg", *words, "--registry", folder, "--reason", reason, code=2).stderr
        assert said == "--reason: found nothing, wanted a sentence\n"
    assert len(read_chain(folder).entries) == 1


def test_an_amendment_asks_the_same_question(reg, tmp_path):
    folder, digest = reg
    text = registrations.DRAFT.replace('"tiny-question"', '"another"').replace("Read the one", "Read again the one")
    draft = registrations.write_draft(tmp_path, text)
    words = ("prereg", "amend", digest, draft, "--registry", folder, "--reason", "a talk", "--confirm", 50)
    assert ok(*words, code=2).stderr == f"{draft}:question.id: found 'another', wanted 'tiny-question'\n"
    assert len(read_chain(folder).entries) == 1


def test_an_exported_text_comes_as_json_too(reg, tmp_path):
    folder, digest = reg
    words = ("prereg", "export", "osf", digest, "--registry", folder)
    text = ok(*words).stdout
    found = json.loads(ok(*words, "--json").stdout)
    assert found == {"form": "osf", "hash": digest, "written": None, "text": text}
    out = tmp_path / "osf.md"
    found = json.loads(ok(*words, "--out", out, "--json").stdout)
    assert (found["written"], out.read_text(encoding="utf-8")) == (str(out), text)


# What came


def loose(folder):
    """A sound frozen file that no line of the registry is about."""
    data = frozen_bytes(registrations.variant(id="tiny-9"))
    path = folder / f"{sha256_hex(data)}{SUFFIXES['registration']}"
    path.write_bytes(data)
    return path


def test_what_the_registry_does_not_know_cannot_be_resolved_or_withdrawn(reg):
    folder, _ = reg
    path = loose(folder)
    words = ("prereg", "resolve", path, "--by", "Bo", "--source", "report", "--annul", "p2=the scenario did not come")
    said = ok(*words, code=2).stderr
    assert said == f"{folder}: found no line about {path.name[:12]}…, wanted a frozen registration\n"
    assert (
        "found not in this registry, wanted a frozen" in ok("prereg", "withdraw", path, "--reason", "x", code=2).stderr
    )
    assert [e.kind for e in read_chain(folder).entries] == ["freeze"]


@pytest.mark.parametrize(("option", "by", "source"), [("--by", " ", "report"), ("--source", "Bo", "")])
def test_who_says_so_and_where_are_words(reg, option, by, source):
    folder, digest = reg
    words = ("--by", by, "--source", source, "--annul", "p2=the scenario did not come")
    said = ok("prereg", "resolve", digest, "--registry", folder, *words, code=2).stderr
    assert said == f"{option}: found nothing, wanted words\n"
    assert len(read_chain(folder).entries) == 1


def ranking(path, digest, *, ok=True, checks=None):
    """A result, with no more in it than says whose it is and whether its checks passed."""
    provenance = {} if digest is None else {"prereg_hash": digest}
    document = {
        "provenance": provenance, "target": "first deployment", "ok": ok,
        "checks": checks or {"n_eff": {"ok": True}}, "p_above": {},
    }  # fmt: skip
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_an_analysis_that_is_scored_refers_to_the_registration_and_passed_its_checks(reg, tmp_path):
    folder, digest = reg
    path = tmp_path / "r.json"
    words = ("prereg", "score", digest, "--registry", folder, "--analysis", path)
    place = f"{path}:provenance.prereg_hash: found a reference to"
    for other, found in ((None, "no registration"), ("0" * 64, "0" * 64)):
        ranking(path, other)
        assert ok(*words, code=2).stderr == f"{place} {found}, wanted {digest}\n"
    for document in ({"ok": False}, {"checks": {"n_eff": {"ok": False}}}):
        ranking(path, digest, **document)
        assert ok(*words, code=2).stderr == f"{path}:ok: found False, wanted a result whose checks passed\n"
    path.write_text(json.dumps({"provenance": {"prereg_hash": digest}}), encoding="utf-8")
    assert "found None, wanted a result whose checks passed" in ok(*words, code=2).stderr
    assert len(read_chain(folder).entries) == 1, "nothing was scored"
    ranking(path, digest)
    assert json.loads(ok(*words, "--json").stdout)["updated_from"] == sha256_hex(path.read_bytes())


# Verifying


def test_a_base_is_held_against_an_analysis_alone(reg):
    folder, digest = reg
    said = ok("prereg", "verify", digest, "--registry", folder, "--data", "control", "--no-engine", code=2).stderr
    wanted = "--analysis beside it: the base is held against the result's"
    assert said == f"--data: found control, wanted {wanted}\n"


@pytest.mark.parametrize("other", [{"question": "another"}, {"question_sha256": "0" * 64}])
def test_s16_a_line_that_freezes_another_question_than_its_file_is_tampered(tmp_path, other):
    folder, registration = tmp_path / "reg", registrations.small_registration()
    digest = sha256_hex(frozen_bytes(registration))
    asked = {"question": registration.question.id, "question_sha256": sha256_of(registration.question)}
    noted = asked | other

    def build(chain):
        del chain
        return Change(
            kind="freeze", registration=digest, author="Ada", suffix=SUFFIXES["registration"], document=registration,
            **noted,
        )  # fmt: skip

    commit(folder, build, utc=now_utc())
    said = ok("prereg", "verify", digest, "--registry", folder, "--no-engine", code=3).stderr
    found, wanted = (f"{q['question']} (SHA-256 {q['question_sha256'][:12]}…)" for q in (noted, asked))
    assert said == f"tampered: {folder}:1:question: found {found}, wanted {wanted}\n"


def test_a_half_written_last_line_is_told_by_verify_and_by_list(reg):
    folder, digest = reg
    path = folder / "registry.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"auth')
    page = " ".join(ok("prereg", "verify", digest, "--registry", folder, "--no-engine").stdout.split())
    assert "the registry ends in a half-written line, which counts for nothing" in page
    said = "a half-written last line of 6 bytes: the next command that writes moves it aside\n"
    listed = ok("prereg", "list", "--registry", folder, "--json")
    assert (listed.stderr, json.loads(listed.stdout)["torn"]) == (said, True)
    assert ok("prereg", "list", "--registry", folder, "--quiet").stderr == ""
    assert path.read_bytes() == whole + b'{"auth', "reading mends nothing"
    path.write_bytes(whole)
    listed = ok("prereg", "list", "--registry", folder, "--json")
    assert (listed.stderr, json.loads(listed.stdout)["torn"]) == ("", False)


def test_an_empty_registry_says_how_to_begin(tmp_path):
    found = ok("prereg", "list", "--registry", tmp_path / "reg")
    assert "no registrations yet: `evidence prereg new FILE.prereg.toml` writes a draft" in found.stdout
    assert json.loads(ok("prereg", "list", "--registry", tmp_path / "reg", "--json").stdout)["registrations"] == []


def widened():
    """The registration as frozen on another platform, with standard errors so wide that any engine agrees with it."""
    ours = registrations.small_registration()

    def wide(c):
        return c.model_copy(update={"p_above_se": 9.0, "quantiles_se": dict.fromkeys(c.quantiles_se, 9.0)})

    beliefs = tuple(b.model_copy(update={"contrasts": tuple(map(wide, b.contrasts))}) for b in ours.beliefs)
    prior = tuple(
        p.model_copy(update={"se": {name: dict.fromkeys(row, 9.0) for name, row in p.se.items()}}) for p in ours.prior
    )
    code = ours.code.model_copy(update={"platform": "another"})
    return registrations.variant(beliefs=beliefs, prior=prior, code=code)


def test_a_recomputation_whose_checks_fail_is_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr("evidence.cli.prereg_verify.engine_named", few_draws)
    digest = put(tmp_path / "reg", widened())
    result = ok("prereg", "verify", digest, "--registry", tmp_path / "reg", "--json", "--quiet", code=5)
    found = json.loads(result.stdout)
    assert (found["status"], found["same_machine"], found["recomputed"]["ok"]) == ("no verdict", False, True)
    assert result.stderr == f"no verdict: {', '.join(found['failed'])} failed\n"
    assert any(name.startswith("first deployment: ") for name in found["failed"])
    without = ok("prereg", "verify", digest, "--registry", tmp_path / "reg", "--no-engine", "--json")
    assert json.loads(without.stdout)["status"] == "intact"


# Several registrations


def test_a_comparison_whose_checks_fail_is_no_verdict(reg, monkeypatch):
    folder, digest = reg
    other = put(folder, registrations.variant(id="tiny-2", settings=("novelty.slow change=0.02",)))
    monkeypatch.setattr("evidence.cli.prereg_together.engine_named", few_draws)
    result = ok("prereg", "compare", digest, other, "--registry", folder, "--json", "--quiet", code=5)
    assert result.stdout == "", "no number is shown"
    assert result.stderr.startswith("no verdict: ") and result.stderr.endswith(" failed\n")


def test_weights_are_learned_from_score_cards_with_something_in_them(reg, tmp_path):
    """Ada and Eve both have a past question; a card of hers on which nothing is resolved teaches nothing."""
    folder, digest = reg
    ours = registrations.small_registration()
    eve = {"authors": (ours.authors[0].model_copy(update={"name": "Eve"}),)}
    other = put(folder, registrations.variant(id="tiny-2", **eve))
    past = ours.question.model_copy(update={"id": "past"})
    outcomes = tmp_path / "o.csv"
    outcomes.write_text(
        "target,technique,estimate_smd,se_smd,baseline_var_smd,n,where\nfirst deployment,monitor,0.9,0.1,0.004,200,T\n"
    )
    cards = [
        put(folder, registrations.variant(id=f"past-{i}", question=past, **who)) for i, who in enumerate(({}, eve))
    ]
    for name in cards:
        ok("prereg", "score", name, "--registry", folder)
    pool = ("prereg", "pool", digest, other, "--registry", folder, "--learn", "--json")
    found = json.loads(ok(*pool).stdout)
    assert [r["questions"] for r in found["reviewers"]] == [0, 0]
    assert found["notes"] == ["Weights are equal: no past question was scored for all of them."]
    for name in cards:
        ok("prereg", "resolve", name, "--registry", folder, "--outcomes", outcomes, "--by", "Bo", "--source", "report")
        ok("prereg", "score", name, "--registry", folder)
    found = json.loads(ok(*pool).stdout)
    assert [r["questions"] for r in found["reviewers"]] == [1, 1]
    page = " ".join(ok(*pool[:-1]).stdout.split())
    assert "Weights learned from 1 past question, held back towards equal ones." in page
