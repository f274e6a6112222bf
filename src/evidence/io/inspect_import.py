"""Scores of evaluation logs as a draft evidence base: arms by setting and technique, every gap unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Dimension, EvidenceBase, Model, Question, Target
from evidence.domain.repeated import Spread
from evidence.io.base_out import KINDS, base_texts, load_written
from evidence.io.inspect_logs import LogScore, Refusal
from evidence.io.rows import did_you_mean
from evidence.io.store import replacing_files, write_text
from evidence.io.tables import QUESTION_FILE

type Row = dict[str, Any]

NO_INTERVENTION, FAMILY = "none", "logs"
NAMED_LOGS = 5
"""Files that a finding names; the rest is counted."""
_HEAD = "# Drafted by `evidence import inspect`: state the question, rate the gaps, then `evidence check`."
_UNSTATED = "not stated: imported from logs"
_FILES = (QUESTION_FILE, *(f"{name}.csv" for name in KINDS if name != "outcomes"))
_NO_ID = re.compile(r"[^A-Za-z0-9 _.+()\-]+")


@dataclass(frozen=True)
class Plan:
    """What the logs do not say: the class of the family, which technique is no intervention, and which way is up."""

    validity_class: str
    baseline: str | None = None
    lower_is_better: tuple[str, ...] = ()
    like: Question | None = None
    """A question to take over, with its targets and dimensions; default: a draft."""
    prices: Mapping[tuple[str, str, str], float] = field(default_factory=dict[tuple[str, str, str], float])
    """Points of usefulness that a technique costs, by task, model and technique."""


@dataclass(frozen=True)
class Drafted:
    """The base as loaded from the written folder, the pooled scores behind its findings, and what was refused."""

    base: EvidenceBase
    used: tuple[LogScore, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Arm:
    """Scores of one technique in one setting; the logs that they come from."""

    score: LogScore
    files: tuple[str, ...]


def draft_base(
    folder: Path, scores: Sequence[LogScore], refused: Sequence[Refusal], plan: Plan, *, model: Model,
    by_model: bool = True, force: bool = False,
) -> Drafted:  # fmt: skip
    """Write the draft; `by_model` is false where the model is the technique. Same logs and plan: the same bytes.

    Raises BadInput where no score can be used or the plan does not fit the logs; `folder` is then as it was.
    """
    arms, lost = _pooled(scores, by_model=by_model)
    settings = _by_setting(arms, by_model=by_model)
    kept: list[tuple[_Arm, str, Row]] = []
    for key, members in settings.items():
        spreads = [arm.score.spread for arm in members]
        for arm, spread in zip(members, spreads, strict=True):
            numbers = _numbers(spread, _pooled_sd(spreads))
            if numbers is None:
                reason = f"{arm.score.scorer}: scores without spread, and more than counts: no standard error"
                lost += [Refusal(file, reason) for file in arm.files]
            else:
                kept.append((arm, key, numbers))
    everything = (*refused, *lost)
    if not kept:
        raise BadInput(Problem(r.file, None, "", r.reason, "a log that can be used") for r in everything)
    tables = _tables(kept, plan, by_model=by_model)
    question = plan.like or _draft_question()
    texts = base_texts(question, tables | {"settings": _settings(kept, question, by_model=by_model)}, head=_HEAD)
    with replacing_files(folder, _FILES, force=force) as temporary:
        for name in _FILES:
            write_text(temporary / name, texts[name], force=True)
        base = load_written(temporary, folder, model)
    return Drafted(base, tuple(arm.score for arm, _, _ in kept), everything)


def _pooled(scores: Sequence[LogScore], *, by_model: bool) -> tuple[list[_Arm], list[Refusal]]:
    """Logs of one task, model, technique and scorer as one arm: the samples they share were measured again.

    A log with other arguments of the task, or other data, measured something else: it is refused, not averaged in.
    """
    arms: dict[tuple[str, ...], _Arm] = {}
    lost: list[Refusal] = []
    for score in scores:
        key = (*_cell(score, by_model=by_model), score.technique)
        before = arms.get(key)
        if before is None:
            arms[key] = _Arm(score, (score.file,))
            continue
        other = _difference(before.score, score)
        if other:
            reason = f"{score.scorer}: like {before.files[0]} but for {other}"
            lost.append(Refusal(score.file, f"{reason}; --setting-from or --technique-from could tell them apart"))
            continue
        both = {
            k: (*before.score.scores.get(k, ()), *score.scores.get(k, ()))
            for k in dict.fromkeys((*before.score.scores, *score.scores))
        }
        pooled = replace(before.score, scores=both, unscored=before.score.unscored + score.unscored)
        if score.status != "success":
            pooled = replace(pooled, status=score.status)
        arms[key] = _Arm(pooled, (*before.files, score.file))
    return list(arms.values()), lost


def _difference(a: LogScore, b: LogScore) -> str:
    """What sets two logs of one cell apart, by name."""
    names = {k for k, _ in {*a.arguments} ^ {*b.arguments}}
    found = [f"task_args.{name}" for name in sorted(names)]
    return ", ".join(found + [field for field in ("version", "dataset") if getattr(a, field) != getattr(b, field)])


def _cell(score: LogScore, *, by_model: bool) -> tuple[str, ...]:
    return (score.task, *((score.model,) if by_model else ()), *score.setting, score.scorer)


def _by_setting(arms: Iterable[_Arm], *, by_model: bool) -> dict[str, list[_Arm]]:
    """Arms by the id of their setting; ids are told apart where cutting them short made them alike."""
    cells: dict[tuple[str, ...], list[_Arm]] = {}
    for arm in arms:
        cells.setdefault(_cell(arm.score, by_model=by_model), []).append(arm)
    ids = _ids([" ".join(cell) for cell in cells])
    return dict(zip(ids, cells.values(), strict=True))


def _pooled_sd(spreads: Sequence[Spread]) -> float | None:
    """One standard deviation of a sample's mean in a setting, over its techniques; None where nothing varies."""
    known = [(s.sd, s.n - 1) for s in spreads if s.sd is not None]
    degrees = sum(df for _, df in known)
    pooled = math.sqrt(math.fsum(sd**2 * df for sd, df in known) / degrees) if degrees else 0.0
    return pooled or None


def _numbers(spread: Spread, unit_sd: float | None) -> Row | None:
    """The fields of an arm: counts, a logit with its clustered error, or a mean in units of the samples' spread."""
    if spread.k is not None:
        return {"kind": "proportion", "k": spread.k, "n": spread.n}
    if spread.is_binary:
        p = spread.mean
        if p in {0.0, 1.0}:  # repeats that all agree: as if each sample had been measured once
            return {"kind": "proportion", "k": round(p * spread.n), "n": spread.n}
        if not spread.se:
            return None
        return {"kind": "effect", "scale": "logit", "estimate": math.log(p / (1 - p)), "se": spread.se / (p * (1 - p))}
    if not spread.se or unit_sd is None:
        return None
    return {"kind": "effect", "scale": "raw", "unit_sd": unit_sd, "estimate": spread.mean, "se": spread.se}


def _tables(kept: Sequence[tuple[_Arm, str, Row]], plan: Plan, *, by_model: bool) -> dict[str, list[Row]]:
    scorers = {arm.score.scorer for arm, _, _ in kept}
    for name in plan.lower_is_better:
        if name not in scorers:
            wanted = f"a scorer of the logs: {', '.join(sorted(scorers))}{did_you_mean(name, scorers)}"
            raise BadInput([Problem("--lower-is-better", None, "", repr(name), wanted)])
    names = list(dict.fromkeys(arm.score.technique for arm, _, _ in kept))
    if plan.baseline is not None and plan.baseline not in names:
        wanted = f"a technique of the logs: {', '.join(names)}{did_you_mean(plan.baseline, names)}"
        raise BadInput([Problem("--baseline", None, "", repr(plan.baseline), wanted)])
    first = plan.baseline or NO_INTERVENTION
    names = [first, *(name for name in names if name != first)]
    techniques = dict(zip(names, _ids(names), strict=True))
    tasks = list(dict.fromkeys(arm.score.task for arm, _, _ in kept))
    studies = dict(zip(tasks, _ids([f"{task} logs" for task in tasks]), strict=True))
    findings = [
        {
            "id": f"f{number}", "study": studies[arm.score.task], "setting": setting,
            "technique": techniques[arm.score.technique],
            "higher_is_better": arm.score.scorer not in plan.lower_is_better, **numbers,
            "price_technique": plan.prices.get((arm.score.task, arm.score.model, arm.score.technique)),
            "where": _where(arm), "source_kind": "full text", "note": _note(arm, by_model=by_model),
        }
        for number, (arm, setting, numbers) in enumerate(kept, start=1)
    ]  # fmt: skip
    years = {task: max(int(a.score.created[:4]) for a, _, _ in kept if a.score.task == task) for task in tasks}
    return {
        "techniques": [
            {"id": key, "name": "No intervention" if name == NO_INTERVENTION else name} for name, key in techniques.items()
        ],
        "families": [
            {"id": FAMILY, "name": "Evaluations in these logs", "validity_class": plan.validity_class, "reason": _UNSTATED}
        ],
        "studies": [
            {
                "id": key, "title": f"Inspect logs of {task}", "authors": _UNSTATED, "year": years[task],
                "headline": _headline(key, findings, techniques[first]),
            }
            for task, key in studies.items()
        ],
        "findings": findings,
    }  # fmt: skip


def _headline(study: str, findings: Sequence[Row], baseline: str) -> str | None:
    """The first arm that stands beside the baseline's, else beside any other; None where every arm is alone."""
    own = [f for f in findings if f["study"] == study]
    cells: dict[str, set[str]] = {}
    for f in own:
        cells.setdefault(f["setting"], set()).add(f["technique"])
    compared = [f for f in own if f["technique"] != baseline and len(cells[f["setting"]]) > 1]
    beside = [f for f in compared if baseline in cells[f["setting"]]]
    return next((f["id"] for f in (*beside, *compared)), None)


def _settings(kept: Sequence[tuple[_Arm, str, Row]], question: Question, *, by_model: bool) -> list[Row]:
    rows: dict[str, Row] = {}
    for arm, key, _ in kept:
        score = arm.score
        model = score.model if by_model else "the techniques are the models"
        ends = [] if not score.setting else [", ".join(score.setting)]
        rows.setdefault(
            key,
            {
                "id": key, "name": ", ".join((score.task, *([model] if by_model else []), *ends, score.scorer)),
                "family": FAMILY, "environment": ", ".join(dict.fromkeys(x for x in (score.task, score.dataset, *ends) if x)),
                "model_family": model, "outcome": f"{score.scorer} {score.metric}".strip(),
                **{f"gap_{d.id}": "unknown" for d in question.dimensions},
                **{f"why_{d.id}": _UNSTATED for d in question.dimensions},
            },
        )  # fmt: skip
    return list(rows.values())


def _where(arm: _Arm) -> str:
    more = len(arm.files) - NAMED_LOGS
    return f"{', '.join(arm.files[:NAMED_LOGS])}{f' and {more} more' if more > 0 else ''}, scorer {arm.score.scorer}"


def _note(arm: _Arm, *, by_model: bool) -> str:
    """What a reader should know: sizes, repeats, what is missing, and whether the log ended well."""
    score, spread = arm.score, arm.score.spread
    parts = [f"mean {spread.mean:.6g} of {spread.n} samples"]
    if spread.epochs > 1:
        parts.append(f"up to {spread.epochs} epochs, standard error clustered by sample")
    if score.unscored:
        parts.append(f"{score.unscored} not scored")
    if score.status != "success":
        parts.append(f"unfinished: status {score.status}")
    if not by_model:
        parts.append("compares models")
    return "; ".join(parts)


def _draft_question() -> Question:
    return Question(
        id="inspect-draft", title="Draft from evaluation logs",
        question="DRAFT: which technique should be used at the target?",
        criterion="DRAFT: what would count as an answer, if it could be measured at the target",
        unit="SMD", smallest_difference=0.2,
        targets=(Target(id="target", title="DRAFT: what you want to know about", reason="unlike anything measured"),),
        dimensions=(
            Dimension(
                id="capability", meaning="how much weaker the evaluated model is than that of the target",
                none="as capable", some="a generation behind", major="much weaker",
            ),
            Dimension(
                id="realism", meaning="how far the evaluation is from what the target does",
                none="the same work", some="like it, simplified", major="a puzzle or a test",
            ),
        ),
    )  # fmt: skip


def _ids(names: Sequence[str]) -> list[str]:
    """Ids that the records take, in the same order, each once."""
    taken: dict[str, None] = {}
    for name in names:
        plain = _NO_ID.sub("-", name).strip("-_ .+()")[:70].strip() or "x"
        key, number = plain, 2
        while key in taken:
            key, number = f"{plain} {number}", number + 1
        taken[key] = None
    return list(taken)


def summary_of(score: LogScore) -> Mapping[str, Any]:
    """One pooled score as the command prints it: names and numbers."""
    spread = score.spread
    return {
        "file": score.file, "task": score.task, "model": score.model, "technique": score.technique,
        "setting": list(score.setting), "scorer": score.scorer, "metric": score.metric, "n": spread.n,
        "epochs": spread.epochs, "k": spread.k, "mean": spread.mean, "stderr": spread.se, "unscored": score.unscored,
    }  # fmt: skip
