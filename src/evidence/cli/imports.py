"""`evidence import`: other people's formats as evidence bases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import guarded, model_named, show

app = typer.Typer(name="import", no_args_is_help=True, help="Turns other people's tables into evidence bases.")


@app.command("table")
@guarded
def table(  # noqa: PLR0917 (one parameter per argument and option)
    source: Annotated[Path, typer.Argument(metavar="SOURCE.csv", help="A tidy table: one estimate per row.")],
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="What its columns mean, and the ratings.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The bridge to write.")],
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes a bridge from a tidy CSV and a spec; every problem as `file:row:field`, exit 2, and nothing written.

    Example: evidence import table source.csv import.toml bridge
    """
    from evidence.analysis.known_outcomes import known_contrast
    from evidence.io.table_import import import_table
    from evidence.report.documents import json_text
    from evidence.report.render import lines_view

    done = import_table(source, spec, folder, contrast=known_contrast, model=model_named(model), force=force)
    base = done.base
    left_out = (*base.left_out, *done.left_out)
    sizes = {name: len(getattr(base, name)) for name in ("techniques", "settings", "findings", "outcomes")} | {
        "targets": len(base.question.targets)
    }
    if json:
        typer.echo(json_text({"id": base.question.id, **sizes, "left_out": left_out}), nl=False)
        return
    counts = ", ".join(f"{count} {name}" for name, count in sizes.items())
    notes = [] if quiet else [f"left out: {reason}" for reason in left_out]
    show(lines_view([f"{base.question.id}: written ({counts})", *notes]))
