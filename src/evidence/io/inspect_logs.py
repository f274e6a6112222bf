"""Inspect's logs as scores by task, model and technique: what the header says, and numbers; no text of any sample."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.domain.errors import BadInput, Problem
from evidence.domain.magnitudes import LARGEST
from evidence.domain.repeated import Spread, spread_of
from evidence.io.inspect_guard import RefusedLog, find_logs, require_bounded, require_truthful

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSampleSummary, EvalScore

SOURCES = ("solver", "model", "task_args.NAME", "metadata.NAME")
WORDS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
"""Words that Inspect reads as numbers; any other word would count as 0 there, and is refused here."""
TOLERANCE = 1e-9
"""How far a log's own mean may be from that of its samples."""
AVERAGES = ("accuracy", "mean")
MAX_WORD = 80


@dataclass(frozen=True)
class Reading:
    """How logs are to be read: where technique and setting stand, which scorers count, and whether any end will do."""

    technique_from: str = "solver"
    setting_from: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    allow_unfinished: bool = False


@dataclass(frozen=True)
class LogScore:
    """One scorer's scores of one log: names from its header, and numbers by sample."""

    file: str
    task: str
    version: str
    dataset: str
    model: str
    technique: str
    setting: tuple[str, ...]
    """Values of `setting_from`."""
    arguments: tuple[tuple[str, str], ...]
    """Arguments of the task beside those that tell technique and setting."""
    scorer: str
    metric: str
    """The log's own average; "" where it has none."""
    created: str
    status: str
    unscored: int
    scores: Mapping[str, tuple[float, ...]]
    """Scores of each sample, by its id."""

    @property
    def spread(self) -> Spread:
        """Mean, standard error and counts."""
        return spread_of(self.scores)


@dataclass(frozen=True)
class Refusal:
    """A log, or one scorer's part of it, that is not used."""

    file: str
    reason: str


def read_logs(paths: Sequence[Path], reading: Reading) -> tuple[list[LogScore], list[Refusal]]:
    """The scores of all logs, and every one refused with its reason.

    Raises BadInput where Inspect is not installed or an option names no place in a log.
    """
    for place in (reading.technique_from, *reading.setting_from):
        _require_place(place)
    require_inspect()
    scores: list[LogScore] = []
    refused: list[Refusal] = []
    seen: dict[str, str] = {}
    for file, problem in find_logs(paths):
        name = shown(file.name)
        try:
            if problem:
                raise RefusedLog(problem)
            found = _read(file, reading, seen)
        except RefusedLog as refusal:
            refused.append(Refusal(name, str(refusal)))
            continue
        for part in found:
            (scores if isinstance(part, LogScore) else refused).append(part)  # type: ignore[arg-type]
    return scores, refused


def shown(text: object) -> str:
    """A word of a log's header as one line of printable characters, cut short."""
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    return " ".join(plain.split())[:MAX_WORD].strip()


def _require_place(place: str) -> None:
    head, dot, key = place.partition(".")
    if not (place in {"solver", "model"} or (head in {"task_args", "metadata"} and dot and key)):
        raise BadInput([Problem("--technique-from", None, "", repr(place), f"one of {', '.join(SOURCES)}")])


def require_inspect() -> None:
    """Raises BadInput where Inspect is not installed."""
    try:
        import inspect_ai.log  # noqa: F401  # also lets `zipfile` read Zstandard
    except ImportError:
        wanted = "inspect-ai: pip install 'evidence[inspect]'"
        raise BadInput([Problem("import inspect", None, "", "no package inspect_ai", wanted)]) from None


def open_log(file: Path, seen: dict[str, str], *, allow_unfinished: bool) -> tuple[EvalLog, list[EvalSampleSummary]]:
    """Header and summaries of a log that can be used. Raises RefusedLog; `seen` holds evaluations read before."""
    require_bounded(file)
    require_truthful(file)
    log, samples = _parsed(file)
    if log.status != "success" and not allow_unfinished:
        raise RefusedLog(f"status {log.status}, not success (--allow-unfinished takes it)")
    if log.invalidated:
        raise RefusedLog("samples of it were declared invalid")
    key = log.eval.eval_id or str(file)
    if key in seen:
        raise RefusedLog(f"the same evaluation as {seen[key]}")
    seen[key] = shown(file.name)
    if not re.match(r"(19|20)[0-9]{2}-", log.eval.created):
        raise RefusedLog("no date of creation")
    return log, samples


def _read(file: Path, reading: Reading, seen: dict[str, str]) -> list[LogScore | Refusal]:
    log, samples = open_log(file, seen, allow_unfinished=reading.allow_unfinished)
    reducers = log.eval.config.epochs_reducer or ["mean"]
    if (log.eval.config.epochs or 1) > 1 and reducers != ["mean"]:
        raise RefusedLog("its epochs are reduced to something else than their mean")
    technique = _value(log, reading.technique_from)
    if not technique:
        raise RefusedLog(f"nothing at {reading.technique_from}; --technique-from could be {_places(log)}")
    setting = tuple(_value(log, place) for place in reading.setting_from)
    if "" in setting:
        raise RefusedLog(f"nothing at {reading.setting_from[setting.index('')]}, which --setting-from names")
    values, unscored = _by_scorer(samples)
    wanted = {name: v for name, v in values.items() if not reading.scorers or name in reading.scorers}
    if not wanted:
        names = ", ".join(shown(name) for name in values) or "none"
        raise RefusedLog(f"no scores of a scorer asked for; it has: {names}")
    told = {reading.technique_from, *reading.setting_from}
    arguments = {k: shown(v) for k, v in sorted(log.eval.task_args.items()) if f"task_args.{k}" not in told}
    head: dict[str, Any] = {
        "file": shown(file.name), "task": shown(log.eval.task).rsplit("/", 1)[-1], "version": shown(log.eval.task_version),
        "dataset": shown(log.eval.dataset.name or ""), "model": shown(log.eval.model), "technique": technique,
        "setting": setting, "arguments": tuple(arguments.items()), "created": shown(log.eval.created), "status": log.status,
    }  # fmt: skip
    return [_scored(log, name, by_sample, unscored.get(name, 0), head) for name, by_sample in wanted.items()]


def _parsed(file: Path) -> tuple[EvalLog, list[EvalSampleSummary]]:
    """Header and summaries. What Inspect says of a log it cannot read may hold text of samples, so only the kind is told."""
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries

    logger = logging.getLogger("inspect_ai")
    level, path = logger.level, str(file.resolve())
    logger.setLevel(logging.CRITICAL)
    try:
        return read_eval_log(path, header_only=True), read_eval_log_sample_summaries(path)
    except Exception as error:
        raise RefusedLog(f"Inspect cannot read it ({type(error).__name__})") from error
    finally:
        logger.setLevel(level)


def _value(log: EvalLog, place: str) -> str:
    """What stands at a place of the header, as a word; "" for nothing."""
    head, _, key = place.partition(".")
    if head == "task_args":
        found: object = log.eval.task_args.get(key)
    elif head == "metadata":
        found = (log.eval.metadata or {}).get(key)
    else:
        found = getattr(log.eval, head)
    return "" if found is None else shown(found)


def _places(log: EvalLog) -> str:
    names = [name for name in ("solver", "model") if _value(log, name)]
    names += [f"task_args.{shown(key)}" for key in log.eval.task_args]
    names += [f"metadata.{shown(key)}" for key in log.eval.metadata or {}]
    return ", ".join(names[:20])


def _by_scorer(samples: Sequence[EvalSampleSummary]) -> tuple[dict[str, dict[str, list[float | None]]], dict[str, int]]:
    """Numbers by scorer (`scorer.key` where a score has several) and sample, None for a word; how many were not scored."""
    values: dict[str, dict[str, list[float | None]]] = {}
    unscored: dict[str, int] = {}
    for sample in samples:
        for scorer, score in (sample.scores or {}).items():
            for name, value in named_scores(scorer, score.value):
                number = number_of(value)
                if sample.error is not None or (number is not None and math.isnan(number)):
                    unscored[name] = unscored.get(name, 0) + 1
                else:
                    values.setdefault(name, {}).setdefault(f"{type(sample.id).__name__} {sample.id}", []).append(number)
    return values, unscored


def named_scores(scorer: str, value: object) -> Iterator[tuple[str, object]]:
    """A score by the name of its scorer; one of a dictionary as `scorer.key`."""
    if isinstance(value, Mapping):
        yield from ((f"{scorer}.{key}", inner) for key, inner in value.items())
    else:
        yield scorer, value


def number_of(value: object) -> float | None:
    """A score as Inspect's `value_to_float` has it; None for what it would warn of and count as 0."""
    if isinstance(value, str):
        known = WORDS.get(value, WORDS.get(value.lower()) if len(value) > 1 else None)
        return known if known is not None else _plain(value)
    return _double(value) if isinstance(value, int | float) else None


def _double(value: float) -> float:
    """An integer beyond the largest double is as good as infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _plain(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _scored(
    log: EvalLog, name: str, values: Mapping[str, list[float | None]], unscored: int, head: Mapping[str, Any]
) -> LogScore | Refusal:
    scorer = shown(name)
    numbers = {sample: tuple(v for v in found if v is not None) for sample, found in values.items()}
    if any(len(numbers[sample]) < len(found) for sample, found in values.items()):
        return Refusal(head["file"], f"{scorer}: scores that are no numbers, C, I, P, N, yes or no")
    if any(not math.isfinite(v) for found in numbers.values() for v in found):
        return Refusal(head["file"], f"{scorer}: an infinite score")
    if any(abs(v) > LARGEST for found in numbers.values() for v in found):
        return Refusal(head["file"], f"{scorer}: a score beyond {LARGEST:g} in size")
    metric, own = _own_average(log, name)
    score = LogScore(**head, scorer=scorer, metric=metric, unscored=unscored, scores=numbers)
    mean = score.spread.mean
    if own is not None and log.status == "success" and abs(own - mean) > TOLERANCE * max(1.0, abs(mean)):
        return Refusal(head["file"], f"{scorer}: its own {metric} {own:.6g} is not that of its samples, {mean:.6g}")
    return score


def _own_average(log: EvalLog, name: str) -> tuple[str, float | None]:
    """The log's own average of a scorer, by name and value; one of a dictionary of scores goes by its key."""
    scores: list[EvalScore] = list(log.results.scores) if log.results else []
    for score in scores:
        if name in {score.name, f"{score.scorer}.{score.name}"}:
            for metric in AVERAGES:
                if metric in score.metrics:
                    return metric, _double(score.metrics[metric].value)
    return "", None
