"""A review as metadata for a log of Inspect (docs/inspect.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import Choices, base_named, checked, guarded, model_named, require_verdict, run_review


@guarded
def export_inspect(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Id of a study of the base.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.json", help="Default: standard output.")] = None,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    finding: Annotated[str | None, typer.Option("--finding", metavar="ID", help="One finding of the study.")] = None,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    set: flags.Settings = None,
    seed: flags.Seed = 1,
    force: flags.Force = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes what a review says as JSON that Inspect attaches to a log. Exits with 5, its numbers null, where a gate failed."""
    from evidence.io.store import require_writable, write_text
    from evidence.report.documents import json_text
    from evidence.report.inspect_metadata import metadata_of

    if out is not None:
        require_writable(out, force=force)
    priors = model_named(model)
    choices = Choices(target, tuple(set or ()), seed)
    found = run_review(
        checked(base_named(base), priors), priors, studies=(study,), finding=finding, choices=choices, belief=None,
        quiet=quiet,
    )  # fmt: skip
    text = json_text(metadata_of(found))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text, force=force)
    require_verdict(found)
