"""The commands about files: list, check, schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from evidence.cli import flags
from evidence.cli.running import checked, draft_named, guarded, model_named, show
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase


@guarded
def list_shipped_files(json: flags.Json = False, quiet: flags.Quiet = False) -> None:
    """The shipped bases, bridges, models and proposals, with their sizes.

    Example: evidence list --json
    """
    del quiet  # nothing here takes long
    from evidence.io.models import load_model
    from evidence.io.proposals import load_proposal
    from evidence.io.shipped import list_proposals, list_shipped
    from evidence.io.tables import load_base
    from evidence.report.documents import json_text
    from evidence.report.render import shipped_view

    shipped = list_shipped()
    tables: dict[str, list[dict[str, Any]]] = {
        "bases": [_sizes(name, load_base(path)) for name, path in shipped.bases.items()],
        "bridges": [_sizes(name, load_base(path)) for name, path in shipped.bridges.items()],
        "models": [
            {"id": name, "priors": len(model.priors), "classes": len(model.classes), "title": model.title}
            for name, model in ((name, load_model(path)) for name, path in shipped.models.items())
        ],
        "proposals": [
            {"id": name, "kind": proposal.kind, "base": proposal.base, "title": proposal.title}
            for name, proposal in ((name, load_proposal(path)[0]) for name, path in list_proposals().items())
        ],
    }
    if json:
        typer.echo(json_text(tables), nl=False)
    else:
        show(shipped_view(tables))


@guarded
def check(
    base: Annotated[str, typer.Argument(metavar="BASE|FILE.toml", help="A base by folder or name, or a paper file.")],
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Validates a base: every problem as `file:row:field: found, wanted`; exit 2 if there is any.

    What is allowed but looks like a slip of reading (an se typed for an SD, a sign against the paper's words, a result
    entered twice) is a warning in the same form, and no reason to exit with 2.

    Example: evidence check control
    """
    from evidence.report.documents import json_text
    from evidence.report.render import lines_view

    try:
        found, warnings = _checked_base(base, model)
    except BadInput as error:
        if json:
            problems = [asdict(problem) for problem in error.problems]
            typer.echo(json_text({"base": base, "problems": problems, "warnings": [], "ok": False}), nl=False)
        raise
    sizes = _sizes(found.question.id, found)
    if json:
        typer.echo(json_text({"base": base, "problems": [], "warnings": warnings, **sizes, "ok": True}), nl=False)
        return
    counts = ", ".join(f"{count} {name}" for name, count in sizes.items() if isinstance(count, int))
    notes = (
        [] if quiet else [*(f"warning: {w}" for w in warnings), *(f"left out: {reason}" for reason in found.left_out)]
    )
    show(lines_view([f"{found.question.id}: no problems ({counts})", *notes]))


@guarded
def show_schema(
    name: Annotated[str, typer.Argument(metavar="NAME", help="question, finding, model, review, ranking …")],
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """The JSON Schema of a table's row, a file or a result; always one JSON document.

    Example: evidence schema finding
    """
    del json, quiet  # a schema is JSON, and at once
    from evidence.io.schema import schema
    from evidence.report.documents import json_text

    typer.echo(json_text(schema(name)), nl=False)


def _checked_base(name: str, model: str) -> tuple[EvidenceBase, tuple[str, ...]]:
    """The base and what looks wrong in it, checked against the model too: its classes, and validities that gaps rule out."""
    from evidence.io.tables import find_warnings

    draft, base = draft_named(name)
    priors = model_named(model)
    checked(base, priors)
    from evidence.analysis.validity_check import find_ruled_out

    if problems := find_ruled_out(base, priors):
        raise BadInput(problems)
    return base, find_warnings(draft, study=base.studies[-1].id if name.endswith(".toml") else None)


def _sizes(name: str, base: EvidenceBase) -> dict[str, Any]:
    return {
        "id": name,
        "targets": len(base.question.targets),
        "techniques": len(base.techniques),
        "families": len(base.families),
        "settings": len(base.settings),
        "studies": len(base.studies),
        "findings": len(base.findings),
        "left_out": len(base.left_out),
        "outcomes": len(base.outcomes),
    }
