"""What every command does around its analysis: load, show progress, write the answer, turn errors into exit codes."""

from __future__ import annotations

import functools
import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evidence.analysis.options import READERS
from evidence.domain.errors import BadInput, Problem, Tampered
from evidence.domain.records import EvidenceBase, Model

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evidence.analysis.options import Options, Progress
    from evidence.domain.results import Ranking, Review, Sweep
    from evidence.domain.value import Portfolio, Value
    from evidence.inference.engine import Engine
    from evidence.io.links import Draft

INTERNAL_ERROR, BAD_INPUT, TAMPERED, DEVIATES, NO_VERDICT = 1, 2, 3, 4, 5
ENGINES = ("exact", "sampled")
MEMORY = 2**32
"""Bytes that the draws asked for by `--rounds` may take."""
_NOT_REPRODUCED = frozenset({"json", "quiet", "report", "force", "no_elicit", "csv", "out", "figures", "scheduler"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Choices:
    """The choices that quick, review and what-if pass on."""

    target: str | None
    settings: tuple[str, ...]
    seed: int


def guarded[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """The command with its errors as exit codes: bad input 2, tampered 3, anything unforeseen 1, and never a traceback.

    EVIDENCE_DEBUG=1 lets the traceback of an unforeseen error through.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except BadInput as error:
            complain(str(problem) for problem in error.problems)
            raise typer.Exit(BAD_INPUT) from None
        except Tampered as error:
            complain(f"tampered: {problem}" for problem in error.problems)
            raise typer.Exit(TAMPERED) from None
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename is not None:
                complain([f"{error.filename}: {error.strerror}"])
                raise typer.Exit(BAD_INPUT) from None
            if isinstance(error, OSError) and _is_about_output(error):
                raise typer.Exit(BAD_INPUT) from None
            if os.environ.get("EVIDENCE_DEBUG"):
                raise
            complain([f"internal error: {type(error).__name__}: {error}", "EVIDENCE_DEBUG=1 shows where it happened"])
            raise typer.Exit(INTERNAL_ERROR) from None

    return run


def _is_about_output(error: OSError) -> bool:
    """True, with a line that says so, for an answer that the place it was sent to would not take."""
    from evidence.io.store import is_about_writing, unwritable

    if not is_about_writing(error):
        return False
    complain(str(problem) for problem in unwritable(Path("output"), error).problems)
    # What is left of it in the buffer would fail again, with a traceback, when Python ends.
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return True


def complain(lines: Iterable[str]) -> None:
    """Write lines to standard error, control characters shown escaped."""
    from evidence.report.words import show_name

    for line in lines:
        typer.echo(show_name(line), err=True)


def bad_option(option: str, found: str, wanted: str) -> BadInput:
    """The error for an option's value."""
    return BadInput((Problem(option, None, "", found, wanted),))


def base_named(name: str, *, beside: Path | None = None) -> EvidenceBase:
    """The base with this name or path (also relative to the folder `beside`), without looking at any model."""
    from evidence.io.shipped import find_base, is_folder
    from evidence.io.tables import load_base

    if beside is not None and is_folder(beside / name):
        return load_base(beside / name)
    return load_base(find_base(name))


def draft_named(name: str) -> tuple[Draft, EvidenceBase]:
    """The tables of a base or paper file with their places, and the base they make. Raises BadInput for any problem."""
    from evidence.io.paper import read_paper
    from evidence.io.shipped import find_base
    from evidence.io.tables import assemble, read_draft

    if name.endswith(".toml"):
        path = Path(name)
        read = read_paper(path, lambda base: base_named(base, beside=path.parent))
        return read.draft, assemble(read.draft, read.problems, left_out=read.left_out)
    draft, problems = read_draft(find_base(name))
    return draft, assemble(draft, problems)


def bridge_named(name: str) -> EvidenceBase:
    """The bridge with this name or path. Raises BadInput for a base whose targets are not known."""
    base = base_named(name)
    if not base.outcomes:
        wanted = "a bridge: a base whose targets are known"
        raise BadInput((Problem(name, None, "outcomes.csv", "no outcomes", wanted),))
    return base


def paper_at(path: Path) -> EvidenceBase:
    """The base of a single-paper TOML file; its study is the last one."""
    from evidence.io.paper import load_paper

    return load_paper(path, lambda name: base_named(name, beside=path.parent))


def model_named(name: str) -> Model:
    """The model with this name or path."""
    from evidence.io.models import load_model
    from evidence.io.shipped import find_model

    return load_model(find_model(name))


def checked(base: EvidenceBase, model: Model) -> EvidenceBase:
    """The base, once the model is known to have every validity class it names."""
    from evidence.io.models import check_classes

    check_classes(base, model)
    return base


def require_engine(name: str, *known: str) -> None:
    """Raises BadInput for an engine that is none of `known` (default: every one there is)."""
    if name not in ENGINES:
        raise bad_option("--engine", repr(name), " or ".join(ENGINES))
    if known and name not in known:
        wanted = f"{' or '.join(known)}: this command asks many questions of one fit, which takes weighted draws"
        raise bad_option("--engine", repr(name), wanted)


def engine_named(name: str, rounds: int | None = None) -> Engine:
    """The engine; importing it loads JAX, so this comes after every check of the input."""
    if name == "sampled":
        from evidence.inference.sampled import SampledEngine

        return SampledEngine()
    from evidence.inference.exact import ExactEngine

    return ExactEngine() if rounds is None else ExactEngine(max_rounds=rounds)


def require_rounds(rounds: int | None, engine: str, n_techniques: int) -> None:
    """Raises BadInput for rounds that the engine does not count, or more than MEMORY holds."""
    if rounds is None:
        return
    if engine != "exact":
        raise bad_option("--rounds", str(rounds), "none: only the exact engine draws in rounds")
    from evidence.inference.exact import LARGE, LARGE_ROUND, ROUND

    pairs, draws = n_techniques * (n_techniques - 1) / 2, ROUND
    if n_techniques >= LARGE:
        pairs, draws = 0.0, LARGE_ROUND
    # A draw keeps P of every pair, and its density under the proposal of every round.
    most = int((math.sqrt(pairs**2 + 4 * MEMORY / (8 * draws)) - pairs) / 2)
    if rounds > most:
        raise bad_option("--rounds", str(rounds), f"at most {most} with {n_techniques} techniques, or memory runs out")


def options_of(choices: Choices, progress: Progress | None, *, belief: float | None = None) -> Options:
    """What the analyses are told; `belief` in 100."""
    from evidence.analysis.options import Options

    return Options(
        target=choices.target,
        settings=choices.settings,
        seed=choices.seed,
        belief=probability("--belief", belief),
        readers={name: model_named(model) for name, model in READERS.items()},
        progress=progress,
    )


def run_review(
    base: EvidenceBase,
    model: Model,
    *,
    studies: tuple[str, ...],
    finding: str | None,
    choices: Choices,
    belief: float | None,
    quiet: bool,
) -> Review:
    """The review of a study, of one of its findings, or of several studies together by the exact engine; `belief` in 100."""
    with progress_bar(quiet=quiet) as progress:
        options = options_of(choices, progress, belief=belief)
        from evidence.analysis.review import prepare_whole, review_study

        whole = prepare_whole(base, model, engine=engine_named("exact"), options=options)
        return review_study(whole, *studies, finding=finding)


def probability(option: str, in_100: float | None) -> float | None:
    """A number in 100 as a probability strictly between 0 and 1. Raises BadInput outside."""
    if in_100 is None:
        return None
    if not 0 < in_100 < 100:
        raise bad_option(option, f"{in_100:g}", "a number in 100, above 0 and below 100")
    return in_100 / 100


def number(option: str, text: str) -> float:
    """A plain decimal number. Raises BadInput for anything else."""
    if not _NUMBER.fullmatch(text.strip()):
        raise bad_option(option, repr(text), "a number")
    return float(text)


@contextmanager
def progress_bar(*, quiet: bool) -> Generator[Progress | None]:
    """A callback that draws a bar on standard error; None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True, markup=False), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield report


def answer(
    record: Ranking | Review | Sweep | Value | Portfolio, view: Callable[[], RenderableType], *, as_json: bool
) -> None:
    """Write the record to standard output. Exits with 5 where a gate failed."""
    if as_json:
        from evidence.report.documents import json_of

        typer.echo(json_of(record), nl=False)
    else:
        show(view())
    require_verdict(record)


def require_verdict(record: Ranking | Review | Sweep | Value | Portfolio) -> None:
    """Exits with 5, saying what failed and what to try, where a gate failed."""
    if record.ok:
        return
    from evidence.report.page import WHAT_TO_TRY

    failed = [name for name, check in record.checks.items() if not check.ok] or ["a point of the sweep"]
    complain([f"no verdict: {', '.join(failed)} failed; try {WHAT_TO_TRY}"])
    raise typer.Exit(NO_VERDICT)


def show(view: RenderableType) -> None:
    """Print a view to standard output; colour only on a terminal that wants it."""
    from evidence.report.render import open_console

    open_console(sys.stdout).print(view)


def reproducing_line(context: typer.Context) -> str:
    """The shell line that gives these numbers again: every option that differs from its default, and the seed.

    Absolute paths are cut to their last part: a report must not tell where its author keeps files.
    """
    words = ["evidence", *context.command_path.split()[1:]]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in _NOT_REPRODUCED or value is None:
            continue
        if parameter.param_type_name == "argument":
            words += [_without_folders(item) for item in (value if isinstance(value, list | tuple) else [value])]
        elif parameter.name == "seed" or value not in (parameter.default, [], ()):
            words += _option(parameter.opts[0], value)
    return shlex.join(words)


def _option(name: str, value: Any) -> list[str]:
    if value is True:
        return [name]
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return [word for item in values for word in (name, _without_folders(item))]


def _without_folders(value: Any) -> str:
    path = Path(str(value))
    return path.name if path.is_absolute() else f"{value:g}" if isinstance(value, float) else str(value)
