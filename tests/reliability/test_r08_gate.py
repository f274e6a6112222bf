"""A failed gate stays failed on every way out and back in (R8): file, JSON, CSV, HTML, app, and as another's input."""

import json
import re

import netCDF4
import pytest
from typer.testing import CliRunner

import bases
import registrations
from evidence.app import answers
from evidence.cli import app
from evidence.cli.prereg_drafts import commit_registration
from evidence.inference import exact
from test_app import opened, page

FEW = {"max_rounds": 1, "min_rounds": 1, "round_size": 64}
"""An engine with so few draws that its checks must fail."""
NUMBER = re.compile(r"\b\d+ in 100\b|\b0\.\d{2,}")


def run(*words):
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(w) for w in words], prog_name="evidence")
    assert "Traceback" not in done.output
    return done


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A folder with a base, a registration of it, and a ranking, a fit, a review and a sweep whose checks failed."""
    folder = tmp_path_factory.mktemp("failed")
    registrations.write_draft(folder)
    digest = commit_registration(folder / "reg", registrations.small_registration(), kind="freeze").hash
    usual = exact.ExactEngine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ExactEngine", lambda **_: usual(**FEW))
        words = ("--registry", folder / "reg", "--quiet")
        ranked = run("rank", "--prereg", digest, "--out", folder / "fit.nc", "--json", *words)
        bases.write_base(folder / "tiny")
        review = run(
            "review", "alpha2023", "--base", folder / "tiny", "--report", folder / "r.html", "--json", "--quiet"
        )
        shown = run("review", "alpha2023", "--base", folder / "tiny", "--report", folder / "r.md", "--quiet")
        sweep = run("what-if", folder / "tiny", "--sweep", "prior.tau=0.5:1:0.5", "--csv", "--quiet")
    said = {"rank": ranked, "review": review, "terminal": shown, "sweep": sweep}
    assert {name: done.exit_code for name, done in said.items()} == dict.fromkeys(said, 5)
    (folder / "ranking.json").write_text(ranked.stdout, encoding="utf-8")
    return folder, digest, said


def test_r08_by_file_the_fit_is_still_failed(failed):
    folder, _, said = failed
    done = run("diagnose", folder / "fit.nc", "--json")
    assert done.exit_code == 5
    found, ranked = json.loads(done.stdout), json.loads(said["rank"].stdout)
    assert found["ok"] is False
    assert found["checks"] == ranked["checks"]


def test_r08_by_json_there_is_no_number_of_the_answer(failed):
    for name in ("rank", "review"):
        found = json.loads(failed[2][name].stdout)
        assert found["ok"] is False
        assert not all(check["ok"] for check in found["checks"].values())
        answer = ("p_above", "techniques") if name == "rank" else ("p_post", "word", "p_ceiling", "shift_ratio")
        assert [found[key] for key in answer] == [None] * len(answer)


def test_r08_by_csv_the_points_are_empty(failed):
    header, *rows = failed[2]["sweep"].stdout.splitlines()
    assert header == "value,p,p_mcse,ok"
    assert len(rows) == 2
    assert all(row.split(",")[1:] == ["", "", "no"] for row in rows)


@pytest.mark.parametrize("name", ["r.html", "r.md", "terminal"])
def test_r08_by_page_it_says_no_verdict_and_no_number(failed, name):
    text = failed[2]["terminal"].stdout if name == "terminal" else (failed[0] / name).read_text(encoding="utf-8")
    assert "no verdict" in text.lower()
    body = re.split(r"(?i)reproduce", re.sub(r"(?s)<style.*?</style>|<meta[^>]*>", "", text))[0]
    answered = re.split(r"(?i)checks", body)[0]
    assert NUMBER.findall(answered) == []


def test_r08_by_app_the_pages_show_no_number(monkeypatch):
    monkeypatch.setattr(answers, "engine", lambda *, quick=False: exact.ExactEngine(**FEW))
    caches = (answers._review, answers._whole)
    for cached in caches:
        cached.clear()
    shown = page("verdict", opened())
    for cached in caches:
        cached.clear()
    assert any("No verdict" in e.value for e in shown.error)
    assert not shown.metric
    assert not shown.exception


@pytest.mark.slow
def test_r08_by_reimport_a_failed_result_is_a_deviation_and_scores_nothing(failed, tmp_path):
    folder, digest, _ = failed
    for result in ("ranking.json", "fit.nc"):
        words = (
            "prereg",
            "verify",
            digest,
            "--registry",
            folder / "reg",
            "--analysis",
            folder / result,
            "--no-engine",
            "--json",
        )
        done = run(*words)
        assert done.exit_code == 4, done.output
        assert "checks" in [d["field"] for d in json.loads(done.stdout)["deviations"]]
        done = run("prereg", "score", digest, "--registry", folder / "reg", "--analysis", folder / result)
        assert done.exit_code == 2, done.output
        assert "a result whose checks passed" in done.stderr


def test_r08_a_failed_result_cannot_be_talked_into_a_sound_one(failed, tmp_path):
    folder, digest, _ = failed
    document = json.loads((folder / "ranking.json").read_text(encoding="utf-8"))
    (tmp_path / "edited.json").write_text(json.dumps({**document, "ok": True}), encoding="utf-8")
    words = ("prereg", "verify", digest, "--registry", folder / "reg", "--no-engine", "--json", "--analysis")
    done = run(*words, tmp_path / "edited.json")
    assert done.exit_code == 4, done.output
    assert "checks" in [d["field"] for d in json.loads(done.stdout)["deviations"]]
    path = tmp_path / "fit.nc"
    path.write_bytes((folder / "fit.nc").read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("ok", "true")
    assert run(*words, path).exit_code == 2, "a header that contradicts itself"
