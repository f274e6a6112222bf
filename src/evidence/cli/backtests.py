"""`evidence backtest`: readers on bridges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.analysis.options import READERS
from evidence.cli import flags
from evidence.cli.running import (
    NO_VERDICT,
    bad_option,
    bridge_named,
    checked,
    complain,
    engine_named,
    guarded,
    model_named,
    progress_bar,
    show,
)

if TYPE_CHECKING:
    from evidence.analysis.backtest import Read
    from evidence.domain.backtest import BacktestTable

SUFFIXES = (".md", ".json", ".svg")


@guarded
def backtest(  # noqa: PLR0917 (one parameter per argument and option)
    bridges: Annotated[
        list[str], typer.Argument(metavar="BRIDGE...", help="Bridges: names or folders, outcomes known.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="M",
            help="Model of `warranted`; default: one that has not seen the bridge (models/without).",
        ),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", metavar="ID", help="Only this target. Repeatable.")
    ] = None,
    siblings_visible: Annotated[
        bool, typer.Option("--siblings-visible", help="Show each target the outcomes of the bridge's other targets.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Also write the tables (.md, .json) or the plot (.svg)."),
    ] = None,
    scheduler: flags.Scheduler = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    force: flags.Force = False,
) -> None:
    """Scores what the model and simpler readers say of targets whose outcomes are hidden from them.

    Example: evidence backtest harmbench circuit-breakers axbench
    """
    _require_report(report, force=force)
    reads = [_read(name, model, tuple(target or ())) for name in bridges]
    _require_known_targets(reads, target or [])
    engine = engine_named("exact")
    from evidence.analysis.backtest import backtest as run
    from evidence.batch import spread

    with progress_bar(quiet=quiet) as progress, spread(scheduler) as over:
        found = run(
            reads, face_value=model_named(READERS["face_value"]), random_effects=model_named(READERS["random_effects"]),
            engine=engine, seed=seed, siblings_visible=siblings_visible, progress=progress, over=over,
        )  # fmt: skip
    if not found.ok:
        failed = [f"{b.bridge}: {name}" for b in found.bridges for name, check in b.checks.items() if not check.ok]
        complain([f"no scores: {', '.join(failed)} failed; try another --seed, or leave the bridge out"])
        raise typer.Exit(NO_VERDICT)
    if json:
        from evidence.report.backtest import backtest_document
        from evidence.report.documents import json_text

        typer.echo(json_text(backtest_document(found)), nl=False)
    else:
        from evidence.report.backtest import backtest_view

        show(backtest_view(found))
    if report is not None:
        _write(report, found, force=force)


def _read(name: str, model: str | None, targets: tuple[str, ...]) -> Read:
    from evidence.analysis.backtest import Read
    from evidence.io.shipped import find_model_without

    base = bridge_named(name)
    if model is not None:
        reader = model_named(model)
    else:
        path = find_model_without(base.question.id)
        reader = model_named(str(path) if path else flags.DEFAULT_MODEL)
    return Read(checked(base, reader), reader, targets)


def _require_known_targets(reads: list[Read], targets: list[str]) -> None:
    known = sorted({t.id for read in reads for t in read.base.question.targets})
    for target in targets:
        if target not in known:
            raise bad_option("--target", repr(target), f"one of {', '.join(known)}")
    names = [read.base.question.id for read in reads]
    if len(set(names)) < len(names):
        raise bad_option("BRIDGE", ", ".join(names), "every bridge once")


def _require_report(report: Path | None, *, force: bool) -> None:
    if report is None:
        return
    if report.suffix.lower() not in SUFFIXES:
        raise bad_option("--report", repr(str(report)), f"a name that ends in {', '.join(SUFFIXES)}")
    from evidence.io.store import require_writable

    require_writable(report, force=force)


def _write(report: Path, found: BacktestTable, *, force: bool) -> None:
    from evidence.io.store import write_text
    from evidence.report.backtest import backtest_document, backtest_markdown
    from evidence.report.documents import json_text

    names = ", ".join(b.bridge for b in found.bridges)
    text = {
        ".md": lambda: f"# Backtest\n\n{backtest_markdown(found)}",
        ".json": lambda: json_text(backtest_document(found)),
        ".svg": lambda: _picture(found, f"Claimed against observed on {names}"),
    }[report.suffix.lower()]()
    write_text(report, text, force=force)


def _picture(found: BacktestTable, title: str) -> str:
    from evidence.report.figures import reliability, svg_of

    return svg_of(reliability(found, title=title))
