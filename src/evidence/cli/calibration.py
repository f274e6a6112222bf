"""`evidence calibrate`: default priors learned from bridges."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

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
from evidence.domain.records import EvidenceBase

START = "uncalibrated"


@guarded
def calibrate(  # noqa: PLR0917 (one parameter per argument and option)
    bridges: Annotated[
        list[str], typer.Argument(metavar="BRIDGE...", help="Bridges: names or folders, outcomes known.")
    ],
    start: Annotated[
        str, typer.Option("--from", metavar="M", help="The model by hand that learning starts from.")
    ] = START,
    out: Annotated[Path | None, typer.Option("--out", metavar="M.toml", help="Write the learned model here.")] = None,
    left_out: Annotated[
        Path | None,
        typer.Option(
            "--left-out", metavar="FOLDER", help="Write, for each bridge, the model that has not seen it here."
        ),
    ] = None,
    hold: Annotated[
        list[str] | None, typer.Option("--hold", metavar="PRIOR", help="Keep this prior as it is by hand. Repeatable.")
    ] = None,
    scheduler: flags.Scheduler = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    force: flags.Force = False,
) -> None:
    """Learns the priors of a model over bridges: scales, weights, relevance, and what is still opinion.

    Example: evidence calibrate harmbench circuit-breakers axbench --out learned.toml
    """
    from evidence.io.models import write_model

    model = model_named(start)
    bases = [checked(bridge_named(name), model) for name in bridges]
    _require_different(bases)
    _require_writable(out, left_out, bases, force=force)
    engine = engine_named("exact")
    from evidence.analysis.calibrate import calibrate as learn
    from evidence.batch import spread

    _require_groups(bases)
    _require_scales(hold or [])

    with progress_bar(quiet=quiet) as progress, spread(scheduler) as over:
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        found = learn(bases, model, engine=engine, seed=seed, date=date, hold=hold or (), progress=progress, over=over)
    if json:
        from evidence.report.documents import json_text

        typer.echo(json_text(found.model_dump(mode="json")), nl=False)
    else:
        from evidence.report.calibration import calibration_view

        show(calibration_view(found))
    if not found.ok:
        complain([f"no model written: {', '.join(found.failed)} failed; leave the bridge out, or try another --seed"])
        raise typer.Exit(NO_VERDICT)
    if out is not None:
        write_model(out, found.model, force=force)
    if left_out is not None:
        for group in found.left_out:
            for name in group.bridges:
                write_model(left_out / f"{name}.toml", group.model, force=force)


def _require_different(bases: list[EvidenceBase]) -> None:
    names = [base.question.id for base in bases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise bad_option("BRIDGE", ", ".join(twice), "every bridge once")
    if len(bases) < 2:
        raise bad_option("BRIDGE", names[0], "two bridges or more: leaving one out must leave something")


def _require_groups(bases: list[EvidenceBase]) -> None:
    from evidence.analysis.bridge_laws import groups_of

    if len(set(groups_of(bases))) < 2:
        names = ", ".join(base.question.id for base in bases)
        raise bad_option("BRIDGE", names, "bridges of two studies or more: leaving one out must leave another")


def _require_scales(names: list[str]) -> None:
    from evidence.inference.pooling import SCALES

    for name in names:
        if name not in SCALES:
            raise bad_option("--hold", repr(name), f"one of {', '.join(SCALES)}")


def _require_writable(out: Path | None, left_out: Path | None, bases: list[EvidenceBase], *, force: bool) -> None:
    """Everything that will be written, before ten minutes of work are done."""
    from evidence.io.store import require_writable

    if out is not None:
        require_writable(out, force=force)
    if left_out is not None:
        if not left_out.is_dir():
            raise bad_option("--left-out", str(left_out), "an existing folder")
        for base in bases:
            require_writable(left_out / f"{base.question.id}.toml", force=force)
