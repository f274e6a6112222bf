"""Logs that Inspect itself wrote (tests/make_inspect_logs.py), read back: the same numbers, no text, nothing unbounded."""

import csv
import json
import math
import os
import shlex
import shutil
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from commands import run, written_by
from evidence.io import inspect_guard, inspect_logs
from evidence.io.inspect_logs import Reading, read_logs
from evidence.io.tables import load_base

pytest.importorskip("inspect_ai")

PROTOCOL = Reading(technique_from="task_args.protocol")
COMMAND = ("import", "inspect", "--class", "toy-environment", "--technique-from", "task_args.protocol")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return written_by("make_inspect_logs.py", tmp_path_factory.mktemp("logs"))


def findings(folder):
    with (folder / "findings.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def one(folder):
    return next(folder.iterdir())


def test_means_and_errors_are_those_of_inspect(logs):
    from inspect_ai.log import read_eval_log

    scores, refused = read_logs([logs / "good"], PROTOCOL)
    assert refused == []
    compared = 0
    own = {p.name: read_eval_log(str(p), header_only=True).results.scores for p in (logs / "good").iterdir()}
    for score in scores:
        metrics, found = next(
            (s, s.metrics) for s in own[score.file] if score.scorer in {s.name, f"{s.scorer}.{s.name}"}
        )
        spread = score.spread
        assert spread.mean == pytest.approx(found[score.metric].value, abs=1e-12)
        assert spread.se == pytest.approx(found["stderr"].value, abs=1e-12)
        assert (spread.n, score.unscored) == (metrics.scored_samples, metrics.unscored_samples)
        compared += 1
    assert compared == 3 * (1 + 1 + 2 + 3)
    assert {s.spread.epochs for s in scores} == {1, 3}
    assert sum(s.unscored for s in scores) > 0


def test_findings_are_counts_logits_and_means(logs, tmp_path):
    run(*COMMAND, logs / "good", "--baseline", "none", "--into", tmp_path / "draft")
    base = load_base(tmp_path / "draft")
    assert [t.id for t in base.techniques] == ["none", "monitor", "audit"]
    assert {g for s in base.settings for g in s.gaps.values()} == {"unknown"}
    scores, _ = read_logs([logs / "good"], PROTOCOL)
    by_key = {(f"{s.task} logs", s.technique, s.scorer, s.model): s.spread for s in scores}
    kinds = set()
    for f in base.findings:
        setting = base.setting(f.setting)
        spread = by_key[f.study, f.technique, setting.outcome.split()[0], setting.model_family]
        kinds.add((f.kind, f.scale))
        if f.kind == "proportion":
            assert (f.k, f.n) == (spread.k, spread.n)
        elif f.scale == "logit":
            p = spread.mean  # the delta method: d logit = dp / (p (1 - p))
            assert f.estimate == pytest.approx(math.log(p) - math.log1p(-p), abs=1e-12)
            assert f.se * p * (1 - p) == pytest.approx(spread.se, abs=1e-12)
        else:
            assert (f.estimate, f.se) == (pytest.approx(spread.mean, abs=1e-12), pytest.approx(spread.se, abs=1e-12))
            others = [s.sd for k, s in by_key.items() if k[0] == f.study and k[2] == setting.outcome.split()[0]]
            ns = [s.n for k, s in by_key.items() if k[0] == f.study and k[2] == setting.outcome.split()[0]]
            pooled = sum(sd**2 * (n - 1) for sd, n in zip(others, ns, strict=True)) / (sum(ns) - len(ns))
            assert f.unit_sd**2 == pytest.approx(pooled, abs=1e-12)
    assert kinds == {("proportion", None), ("effect", "logit"), ("effect", "raw")}
    assert all(base.finding(s.headline).technique == "monitor" for s in base.studies)


def test_the_same_logs_give_the_same_bytes(logs, tmp_path):
    for name in ("a", "b"):
        run(*COMMAND, logs / "good", "--into", tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert len(files) == 6
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_s12_no_text_of_a_sample_comes_out(logs, tmp_path):
    printed = run(*COMMAND, logs, "--into", tmp_path / "draft").output
    printed += run(*COMMAND, logs, "--into", tmp_path / "draft", "--force", "--json").output
    written = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "draft").iterdir())
    inside = (one(logs / "json")).read_text(encoding="utf-8")
    for secret in ("SECRET", "IGNORE", "\x1b"):
        assert secret not in printed + written
    assert "SECRET" in inside


def test_s12_every_refused_log_is_named_with_its_reason(logs, tmp_path):
    answer = json.loads(run(*COMMAND, logs, "--into", tmp_path / "draft", "--json").stdout)
    reasons = {r["file"]: r["reason"] for r in answer["refused"]}
    assert reasons["error.json"].startswith("status error")
    assert reasons["cancelled.json"].startswith("status cancelled")
    assert "no numbers" in reasons[one(logs / "words").name]
    assert "task_args.level" in reasons[one(logs / "level").name]
    assert len(reasons) == 5
    used = {s["file"] for s in answer["scores"]}
    assert used.isdisjoint(reasons)


def test_unfinished_logs_are_taken_when_asked_and_say_so(logs, tmp_path):
    file = logs / "unfinished" / "error.json"
    assert "status error" in run(*COMMAND, file, "--into", tmp_path / "draft", code=2).output
    assert not (tmp_path / "draft").exists()
    run(*COMMAND, file, logs / "good", "--scorer", "match", "--allow-unfinished", "--into", tmp_path / "draft")
    noted = [f for f in findings(tmp_path / "draft") if "unfinished: status error" in f["note"]]
    assert [f["technique"] for f in noted] == ["none"]


def test_the_same_evaluation_twice_counts_once(logs, tmp_path):
    for name in ("a.json", "b.json"):
        shutil.copy(one(logs / "json"), tmp_path / name)
    scores, refused = read_logs([tmp_path], PROTOCOL)
    assert len(scores) == 1
    assert [(r.file, r.reason) for r in refused] == [("b.json", "the same evaluation as a.json")]


def test_a_rerun_is_more_epochs_of_the_same_samples(logs, tmp_path):
    run(*COMMAND, logs / "good", logs / "again", "--scorer", "match", "--into", tmp_path / "draft", "--json")
    twice = [f for f in findings(tmp_path / "draft") if f["where"].count(".eval") == 2]
    assert [(f["technique"], f["scale"]) for f in twice] == [("monitor", "logit")]
    # Origin: 9 and 7 of 12 right, the 7 among the 9: means by sample are 1 (7), 1/2 (2) and 0 (3).
    means = [1.0] * 7 + [0.5] * 2 + [0.0] * 3
    p = sum(means) / 12
    se = math.sqrt(sum((m - p) ** 2 for m in means) / 11 / 12)
    assert float(twice[0]["se"]) == pytest.approx(se / (p * (1 - p)), abs=1e-12)


def test_settings_are_told_apart_by_what_is_asked_for(logs, tmp_path):
    run(*COMMAND, logs / "good", logs / "level", "--scorer", "match", "--setting-from", "task_args.level",
        "--into", tmp_path / "draft", code=0)  # fmt: skip
    ids = {s.id for s in load_base(tmp_path / "draft").settings}
    assert {"counts mockllm-small 1 match", "counts mockllm-small 2 match"} <= ids


def test_models_can_be_the_techniques(logs, tmp_path):
    words = [w if w != "task_args.protocol" else "model" for w in COMMAND]
    protocol = ("--setting-from", "task_args.protocol", "--baseline", "mockllm/small", "--scorer", "match")
    run(*words, logs / "good", *protocol, "--into", tmp_path / "draft")
    base = load_base(tmp_path / "draft")
    assert [t.name for t in base.techniques] == ["mockllm/small", "mockllm/large"]
    assert "counts monitor match" in {s.id for s in base.settings}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--technique-from", "solver"), "--technique-from could be model, task_args.protocol, task_args.level"),
        (("--technique-from", "sample.input"), "one of solver, model, task_args.NAME, metadata.NAME"),
        (("--technique-from", "metadata.who"), "nothing at metadata.who"),
        (("--setting-from", "task_args.nothing"), "nothing at task_args.nothing"),
        (("--baseline", "monitr"), "did you mean"),
        (("--lower-is-better", "speed"), "a scorer of the logs"),
        (("--scorer", "speed"), "it has: match"),
        (("--class", "toys"), "toy-environment"),
        (("--like", "nowhere"), "one of"),
    ],
)
def test_an_option_that_does_not_fit_is_explained(logs, tmp_path, words, said):
    output = run(*COMMAND, *words, one(logs / "again"), "--into", tmp_path / "draft", code=2).output
    assert said in output
    assert "Traceback" not in output
    assert not (tmp_path / "draft").exists()


def test_a_question_can_be_taken_over(logs, tmp_path):
    words = ("--like", "control", "--lower-is-better", "match")
    run(*COMMAND, logs / "good", *words, "--into", tmp_path / "draft")
    base, control = load_base(tmp_path / "draft"), load_base(Path(__file__).parents[2] / "data" / "control")
    assert base.question == control.question
    match = {s.id for s in base.settings if s.outcome == "match accuracy"}
    assert {f.higher_is_better for f in base.findings if f.setting in match} == {False}
    assert {f.higher_is_better for f in base.findings if f.setting not in match} == {True}


def test_without_inspect_one_line_says_what_to_install(logs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    result = run(*COMMAND, logs / "good", "--into", tmp_path / "draft", code=2)
    assert result.stderr.count("\n") == 1
    assert "pip install 'evidence[inspect]'" in result.stderr


def test_a_log_whose_average_is_not_that_of_its_samples_is_refused(logs, tmp_path):
    text = json.loads(one(logs / "json").read_text(encoding="utf-8"))
    text["results"]["scores"][0]["metrics"]["accuracy"]["value"] += 0.01
    (tmp_path / "log.json").write_text(json.dumps(text), encoding="utf-8")
    scores, refused = read_logs([tmp_path], PROTOCOL)
    assert scores == []
    assert "is not that of its samples" in refused[0].reason


def test_other_reducers_and_invalid_samples_are_refused(logs, tmp_path):
    text = json.loads(one(logs / "json").read_text(encoding="utf-8"))
    changes = {"max": ("epochs", {"epochs": 2, "epochs_reducer": ["max"]}), "bad": ("invalidated", True)}
    for name, (_, value) in changes.items():
        changed = json.loads(json.dumps(text))
        changed["eval"]["eval_id"] = name
        if value is True:
            changed["invalidated"] = True
        else:
            changed["eval"]["config"] |= value
        (tmp_path / f"{name}.json").write_text(json.dumps(changed), encoding="utf-8")
    _, refused = read_logs([tmp_path], PROTOCOL)
    assert {r.file: r.reason for r in refused} == {
        "bad.json": "samples of it were declared invalid",
        "max.json": "its epochs are reduced to something else than their mean",
    }


def zipped(path, members, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data, **more)
    return path


def lying(path):
    """An archive whose list of members says that one is smaller than it is."""
    zipped(path, {"header.json": b"[" + b"0," * 50_000 + b"0]"})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(bytes(data))
    return path


def truncated(path, logs):
    whole = one(logs / "again").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def flipped(path, logs):
    """A log with one byte changed inside the member that is read first."""
    data = bytearray(one(logs / "again").read_bytes())
    with zipfile.ZipFile(one(logs / "again")) as archive:
        at = archive.getinfo("header.json").header_offset + 200
    data[at] ^= 255
    path.write_bytes(bytes(data))
    return path


def written(path, data):
    path.write_bytes(data)
    return path


HOSTILE = {
    "bomb": (lambda p, _: zipped(p, {"samples/1.json": b"0" * 2**25}), "times its size"),
    "outside": (lambda p, _: zipped(p, {"../../x": b"0"}), "leads out"),
    "absolute": (lambda p, _: zipped(p, {"/etc/x": b"0"}), "leads out"),
    "members": (lambda p, _: zipped(p, {f"{i}": b"" for i in range(300)}), "300 members"),
    "lying": (lambda p, _: lying(p), "not as large as it says"),
    "nested": (lambda p, logs: zipped(p, {"a.eval": one(logs / "again").read_bytes()}), "Inspect cannot read it"),
    "truncated": (truncated, "no archive"),
    "flipped": (flipped, "damaged"),
    "noise": (lambda p, _: written(p, bytes(range(256)) * 9), "no archive"),
    "empty": (lambda p, _: written(p, b""), "no archive"),
    "end64": (lambda p, _: written(p, b"PK\x05\x06" + b"\xff" * 18), "list of members"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_s12_a_hostile_log_is_refused_by_name_and_inspect_sees_only_bounded_ones(logs, tmp_path, monkeypatch, name):
    make, reason = HOSTILE[name]
    make(tmp_path / f"{name}.eval", logs)
    monkeypatch.setattr(inspect_guard, "MAX_MEMBERS", 200)
    if "Inspect" not in reason:
        monkeypatch.setattr(inspect_logs, "_parsed", lambda _: pytest.fail("handed to Inspect"))
    before = sorted(tmp_path.iterdir())
    scores, refused = read_logs([tmp_path], PROTOCOL)
    assert scores == []
    assert [r.file for r in refused] == [f"{name}.eval"]
    assert reason in refused[0].reason
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "text",
    ['{"SECRET": 1}', "[" * 199, '{"version": 2, "status": "SECRET"', '"SECRET"', "\x00", "{}"],
)
def test_s12_a_json_log_that_is_none_is_refused_without_its_text(logs, tmp_path, text):
    (tmp_path / "log.json").write_text(text, encoding="utf-8")
    _, refused = read_logs([tmp_path], PROTOCOL)
    assert "Inspect cannot read it" in refused[0].reason
    assert "SECRET" not in refused[0].reason


@pytest.mark.parametrize("start", ["[" * 100_000, '{"a":' * 300, '{"a": "]\\"}", "b": [' * 250])
def test_s12_deep_nesting_never_reaches_inspect(tmp_path, monkeypatch, start):
    monkeypatch.setattr(inspect_logs, "_parsed", lambda _: pytest.fail("handed to Inspect"))
    (tmp_path / "log.json").write_text(start, encoding="utf-8")
    zipped(tmp_path / "log.eval", {"header.json": start.encode()})
    _, refused = read_logs([tmp_path], PROTOCOL)
    assert [r.reason for r in refused] == ["nested deeper than 200"] * 2


def test_brackets_in_text_are_no_nesting():
    inspect_guard._require_shallow(b'{"a": "' + b"[" * 1000 + b'\\" {", "b": [' + b"[]," * 1000 + b"1]}")


@pytest.mark.parametrize(
    ("limit", "most", "reason"),
    [
        ("MAX_BYTES", 1000, "bytes, more than"),
        ("MAX_DIRECTORY_BYTES", 50, "list of members"),
        ("MAX_FILES", 3, "parts"),
    ],
)
def test_s12_caps_on_files_and_bytes(logs, monkeypatch, limit, most, reason):
    monkeypatch.setattr(inspect_guard, limit, most)
    _, refused = read_logs([logs / "good"], PROTOCOL)
    assert reason in refused[-1].reason


def test_a_large_json_log_is_refused(logs, monkeypatch):
    monkeypatch.setattr(inspect_guard, "MAX_JSON_BYTES", 1000)
    _, refused = read_logs([logs / "json"], PROTOCOL)
    assert "more than 1000" in refused[0].reason


def test_s12_links_other_files_and_empty_folders_are_named(logs, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.eval").symlink_to(one(logs / "again"))
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.eval")
    (tmp_path / "log.txt").write_text("x", encoding="utf-8")
    paths = [tmp_path / name for name in ("folder", "empty", "pipe.eval", "log.txt", "none.eval")]
    scores, refused = read_logs(paths, PROTOCOL)
    assert scores == []
    assert [r.reason for r in refused] == [
        "a symbolic link", "no file in it ends in .eval or .json", "no regular file",
        "its name does not end in .eval or .json", "no such file",
    ]  # fmt: skip


def test_nothing_is_overwritten_unasked(logs, tmp_path):
    draft = tmp_path / "draft"
    run(*COMMAND, logs / "good", "--into", draft)
    (draft / "README.md").write_text("mine", encoding="utf-8")
    assert "--force" in run(*COMMAND, logs / "good", "--into", draft, code=2).output
    run(*COMMAND, logs / "again", "--into", draft, "--force")
    assert len(load_base(draft).findings) == 1
    assert (draft / "README.md").read_text(encoding="utf-8") == "mine"


def test_the_page_takes_a_folder_of_logs_to_a_review_in_four_commands(logs, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
    block = page.split("```console\n")[1].split("```")[0]
    lines = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) == 4
    monkeypatch.chdir(tmp_path)
    shutil.copytree(logs / "good", tmp_path / "logs")
    for line in lines:
        output = run(*shlex.split(line)[1:]).output
    assert "VERDICT" in output
