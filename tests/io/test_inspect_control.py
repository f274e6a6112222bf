"""ControlArena's logs, logs of older formats, and a review attached to a log: all through Inspect itself."""

import json
import random

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import bases
from commands import run, written_by
from evidence.cli.exports import export
from evidence.io.inspect_control import Auditing, percentile, prices_of, read_protocols, scores_of
from evidence.io.inspect_logs import Reading, read_logs
from evidence.io.tables import load_base

pytest.importorskip("inspect_ai")

# compute_usefulness, and compute_safety at audit budgets of 5, 20 and 50 %, of control_arena.analysis 20.1.1 (with
# inspect-ai 0.3.285) on the logs that the script writes.
CONTROL_ARENA = {
    ("apps", "audit"): (0.6666666666666666, 0.9545454545454546, 0.9583333333333334, 1.0),
    ("apps", "defer"): (0.8333333333333334, 0.9545454545454546, 1.0, 1.0),
    ("apps", "none"): (0.9583333333333334, 0.06666666666666667, 0.06666666666666667, 0.8),
    ("infra", "audit"): (0.6, 1.0, 1.0, 1.0),
    ("infra", "defer"): (0.6, 0.7857142857142857, 0.8571428571428571, 1.0),
    ("infra", "none"): (1.0, 0.1111111111111111, 0.2222222222222222, 0.6363636363636364),
}
BUDGETS = (5, 20, 50)
COMMAND = ("import", "inspect", "--class", "toy-environment", "--control", "monitor", "--baseline", "none")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return written_by("make_control_logs.py", tmp_path_factory.mktemp("control"))


def test_safety_and_usefulness_are_those_of_control_arena(logs):
    for place, budget in enumerate(BUDGETS, start=1):
        protocols, refused = read_protocols([logs], Auditing("monitor", budget))
        assert refused == []
        assert {(p.cell[0], p.cell[2]) for p in protocols} == set(CONTROL_ARENA)
        for p in protocols:
            wanted = CONTROL_ARENA[p.cell[0], p.cell[2]]
            assert (p.usefulness, p.safety) == (
                pytest.approx(wanted[0], abs=1e-12),
                pytest.approx(wanted[place], abs=1e-12),
            )


def test_a_percentile_is_that_of_numpy():
    rng = random.Random(2)  # noqa: S311
    for _ in range(500):
        values = [round(rng.random(), rng.choice([1, 2, 12])) for _ in range(rng.randint(1, 40))]
        percent = rng.choice([0.0, 50.0, 95.0, 99.0, 100 * rng.random()])
        assert percentile(values, percent) == np.percentile(values, percent)


def test_safety_becomes_findings_with_the_price_beside_them(logs, tmp_path):
    run(*COMMAND, logs, "--audit-budget", "20", "--into", tmp_path / "draft")
    base = load_base(tmp_path / "draft")
    assert {t.id for t in base.techniques} == {"none", "defer", "audit"}
    found = {(f.study.removesuffix(" logs"), f.technique): f for f in base.findings}
    for (setting, protocol), (useful, _, safety, _) in CONTROL_ARENA.items():
        f = found[setting, protocol]
        assert f.k / f.n == pytest.approx(safety, abs=1e-12)
        assert f.price_technique == pytest.approx(100 * (CONTROL_ARENA[setting, "none"][0] - useful), abs=1e-6)
        assert f.higher_is_better
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "draft").iterdir())
    assert "SECRET" not in text


def test_a_protocol_without_a_baseline_has_no_price(logs):
    protocols, _ = read_protocols([logs], Auditing("monitor", 5))
    assert prices_of(protocols, None) == {}
    assert prices_of(protocols, "nothing") == {}


def test_a_protocol_without_honest_runs_has_no_threshold_and_is_refused(logs):
    protocols, refused = read_protocols([logs / "apps-defer-attack.eval"], Auditing("monitor", 5))
    assert protocols == []
    assert [(r.file, r.reason) for r in refused] == [("apps-defer-attack.eval", "defer in apps: no honest run")]
    assert scores_of(protocols) == ([], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--control", "watcher"), "without a number of watcher; it has"),
        (("--control", "monitor", "--audit-budget", "0"), "a percentage between 0 and 100"),
        (("--control", "monitor", "--baseline", "non"), "did you mean"),
    ],
)
def test_what_the_logs_do_not_have_is_told(logs, tmp_path, words, said):
    output = run(*COMMAND, *words, logs, "--into", tmp_path / "draft", code=2).output
    assert said in output
    assert "SECRET" not in output
    assert not (tmp_path / "draft").exists()


# Older formats


def old_format(log):
    """A log as Inspect wrote it in 2024, version 1: one scorer per log, `score` of a sample, no ids of evaluations."""
    log["version"] = 1
    for key in ("eval_id", "task_args_passed", "eval_set_id", "scorers", "metrics", "headline_metric"):
        log["eval"].pop(key, None)
    one = log["results"]["scores"][0]
    log["results"] = {
        "scorer": {"name": one["name"], "params": {}},
        "metrics": {name: {"name": name, "value": m["value"], "options": {}} for name, m in one["metrics"].items()},
    }
    log.pop("reductions", None)
    for sample in log["samples"]:
        sample["score"] = sample.pop("scores")[one["name"]]
        sample["transcript"] = {"events": sample.pop("events", []), "content": sample.pop("attachments", {})}
        for key in ("uuid", "timelines"):
            sample.pop(key, None)
    return log


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """A log of today, as JSON."""
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalMetric,
        EvalResults,
        EvalSample,
        EvalScore,
        EvalSpec,
        EvalStats,
        write_eval_log,
    )
    from inspect_ai.scorer import Score

    right = [i % 3 == 0 for i in range(12)]
    samples = [
        EvalSample(id=i, epoch=1, input="SECRET", target="1", scores={"match": Score(value="C" if ok else "I")})
        for i, ok in enumerate(right)
    ]
    metrics = {"accuracy": EvalMetric(name="accuracy", value=sum(right) / 12)}
    log = EvalLog(
        status="success", stats=EvalStats(), samples=samples,
        eval=EvalSpec(
            created="2024-06-01T00:00:00+00:00", task="sums", model="mock/model", task_args={"protocol": "monitor"},
            dataset=EvalDataset(name="sums", samples=12, sample_ids=list(range(12))), config=EvalConfig(),
        ),
        results=EvalResults(
            total_samples=12, completed_samples=12, scores=[EvalScore(name="match", scorer="match", metrics=metrics)]
        ),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("newer") / "log.json"
    write_eval_log(log, str(path))
    return path


def test_a_log_of_the_first_format_gives_the_same_numbers(newer, tmp_path):
    reading = Reading(technique_from="task_args.protocol")
    (now,), refused = read_logs([newer], reading)
    assert refused == []
    old = old_format(json.loads(newer.read_text(encoding="utf-8")))
    assert (old["version"], "scores" in old["results"], "scores" in old["samples"][0]) == (1, False, False)
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    (then,), refused = read_logs([tmp_path / "old.json"], reading)
    assert refused == []
    assert (then.spread, then.metric, then.technique) == (now.spread, now.metric, now.technique)
    assert now.spread.k == 4


# A review attached to a log


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    base = bases.write_base(folder / "tiny")
    command = typer.Typer(add_completion=False)
    command.command()(export)
    words = [str(base), "--to", "inspect", "--study", "beta2024", "--out", str(folder / "review.json")]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    again = CliRunner().invoke(command, words)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    return json.loads((folder / "review.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["json", "eval"])
def test_an_exported_review_can_be_attached_to_a_log_which_still_reads(exported, newer, tmp_path, kind):
    from inspect_ai.log import MetadataEdit, ProvenanceData, edit_eval_log, read_eval_log, write_eval_log

    log = edit_eval_log(
        read_eval_log(str(newer)), [MetadataEdit(metadata_set=exported)], ProvenanceData(author="reader")
    )
    path = tmp_path / f"log.{kind}"
    write_eval_log(log, str(path))
    assert read_eval_log(str(path), header_only=True).metadata["evidence_review"] == exported["evidence_review"]
    (score,), refused = read_logs([path], Reading(technique_from="task_args.protocol"))
    assert (score.spread.k, score.spread.n, refused) == (4, 12, [])


def test_the_metadata_is_the_verdict_with_its_hashes(exported):
    from evidence.analysis.fitting import VERSION

    found = exported["evidence_review"]
    assert (found["schema_version"], found["study"], found["ok"], found["failed_checks"]) == (1, "beta2024", True, [])
    assert 0 < found["verdict"]["p_prior"] < 1
    assert 0 < found["verdict"]["p_post"] < 1
    assert len(found["provenance"]["base_sha256"]) == len(found["provenance"]["model_sha256"]) == 64
    assert found["provenance"]["version"] == VERSION
