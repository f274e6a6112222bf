"""`evidence import`: other people's formats as evidence bases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import bad_option, base_named, guarded, model_named, show

if TYPE_CHECKING:
    from evidence.domain.records import EvidenceBase

if TYPE_CHECKING:
    from evidence.domain.records import Model
    from evidence.io.inspect_control import Auditing
    from evidence.io.inspect_import import Plan

app = typer.Typer(name="import", no_args_is_help=True, help="Turns other people's tables and logs into evidence bases.")


@app.command("table")
@guarded
def table(  # noqa: PLR0917 (one parameter per argument and option)
    source: Annotated[Path, typer.Argument(metavar="SOURCE.csv", help="A table, CSV or .parquet.")],
    spec: Annotated[
        Path, typer.Argument(metavar="SPEC.toml", help="What its columns mean: a mapping, or a bridge's spec.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The base or bridge to write.")],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Layout of a mapped table: findings, effects, counts, means, arms or auroc."),
    ] = None,
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes a base or a bridge from a table; every problem as `file:row:field`, exit 2, and nothing written.

    Example: evidence import table source.csv import.toml bridge

    Labels and scores as one AUROC finding: evidence import table scores.csv probe.toml base --kind auroc
    """
    from evidence.io.mapping_spec import is_mapping

    if is_mapping(spec):
        from evidence.io.mapped_import import import_mapped

        found = import_mapped(source, spec, folder, model=model_named(model), kind=kind, force=force)
        _report(found, found.left_out, as_json=json, quiet=quiet)
        return
    if kind is not None:
        raise bad_option("--kind", repr(kind), "nothing beside a bridge's spec, which has its own kind")
    from evidence.analysis.known_outcomes import known_contrast
    from evidence.io.table_import import import_table

    done = import_table(source, spec, folder, contrast=known_contrast, model=model_named(model), force=force)
    _report(done.base, (*done.base.left_out, *done.left_out), as_json=json, quiet=quiet)


@app.command("tidy")
@guarded
def tidy(  # noqa: PLR0917 (one parameter per argument and option)
    source: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Written by `evidence export BASE --to tidy`.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The base to write.")],
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes a base from its tidy CSV, the same as it was exported; exit 2, and nothing written, where one is broken.

    Example: evidence import tidy control.csv my-control
    """
    from evidence.io.tidy import import_tidy

    found = import_tidy(source, folder, model=model_named(model), force=force)
    _report(found, found.left_out, as_json=json, quiet=quiet)


def _report(base: EvidenceBase, left_out: tuple[str, ...], *, as_json: bool, quiet: bool) -> None:
    """Say what was written."""
    from evidence.report.documents import json_text
    from evidence.report.render import lines_view

    sizes = {name: len(getattr(base, name)) for name in ("techniques", "settings", "findings", "outcomes")} | {
        "targets": len(base.question.targets)
    }
    if as_json:
        typer.echo(json_text({"id": base.question.id, **sizes, "left_out": left_out}), nl=False)
        return
    counts = ", ".join(f"{count} {name}" for name, count in sizes.items())
    notes = [] if quiet else [f"left out: {reason}" for reason in left_out]
    show(lines_view([f"{base.question.id}: written ({counts})", *notes]))


@app.command("inspect")
@guarded
def inspect_logs(  # noqa: PLR0917 (one parameter per argument and option)
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Inspect's logs, .eval or .json, or folders.")],
    into: Annotated[Path, typer.Option("--into", metavar="FOLDER", help="The evidence base to write.")],
    validity_class: Annotated[
        str, typer.Option("--class", metavar="CLASS", help="What kind of proxy these evaluations are.")
    ],
    technique_from: Annotated[
        str,
        typer.Option(metavar="PLACE", help="Where a log names its technique: solver, model, task_args.X, metadata.X."),
    ] = "solver",
    setting_from: Annotated[
        list[str] | None, typer.Option(metavar="PLACE", help="What else sets settings apart. Repeatable.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="The technique that is no intervention; default: none of them.")
    ] = None,
    scorer: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this scorer. Repeatable.")] = None,
    lower_is_better: Annotated[
        list[str] | None, typer.Option(metavar="SCORER", help="A scorer whose smaller numbers are better. Repeatable.")
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="SCORER", help="Logs of ControlArena: safety by this scorer of suspicion, prices by usefulness."
        ),
    ] = None,
    audit_budget: Annotated[
        float, typer.Option(metavar="PERCENT", help="With --control: honest runs that may be looked into.")
    ] = 5.0,
    allow_unfinished: Annotated[
        bool, typer.Option("--allow-unfinished", help="Take logs whose status is not success, and say so.")
    ] = False,
    like: Annotated[
        str | None, typer.Option(metavar="BASE", help="Take question, targets and dimensions from this base.")
    ] = None,
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Drafts an evidence base from Inspect's logs: settings and findings filled, every gap unknown.

    Example: evidence import inspect logs --technique-from task_args.protocol --class toy-environment --into draft
    """
    from evidence.io.inspect_import import Plan, draft_base, summary_of
    from evidence.io.inspect_logs import Reading, read_logs
    from evidence.report.documents import json_text
    from evidence.report.render import lines_view

    read = model_named(model)
    question = None if like is None else base_named(like).question
    if control is not None:
        from evidence.io.inspect_control import Auditing

        plan = Plan(validity_class, baseline, like=question)
        _import_control(logs, Auditing(control, audit_budget), plan, into, read, force=force, as_json=json, quiet=quiet)
        return
    reading = Reading(technique_from, tuple(setting_from or ()), tuple(scorer or ()), allow_unfinished)
    scores, refused = read_logs(logs, reading)
    plan = Plan(validity_class, baseline, tuple(lower_is_better or ()), question)
    done = draft_base(into, scores, refused, plan, model=read, by_model=technique_from != "model", force=force)
    base = done.base
    sizes = {name: len(getattr(base, name)) for name in ("techniques", "settings", "studies", "findings")}
    if json:
        lost = [{"file": r.file, "reason": r.reason} for r in done.refused]
        used = [dict(summary_of(score)) for score in done.used]
        typer.echo(json_text({"id": base.question.id, **sizes, "scores": used, "refused": lost}), nl=False)
        return
    counts = ", ".join(f"{count} {name}" for name, count in sizes.items())
    lines = [f"{base.question.id}: drafted ({counts}); every gap is unknown: rate them in settings.csv"]
    show(lines_view([*lines, *([] if quiet else [f"refused: {r.file}: {r.reason}" for r in done.refused])]))


def _import_control(
    logs: list[Path], auditing: Auditing, plan: Plan, into: Path, model: Model, *,
    force: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Protocols as techniques, their safety as findings, their loss of usefulness as prices."""
    from evidence.io.inspect_control import prices_of, read_protocols, scores_of, summary_of
    from evidence.io.inspect_import import draft_base
    from evidence.report.documents import json_text
    from evidence.report.render import lines_view

    protocols, refused = read_protocols(logs, auditing)
    scores, lost = scores_of(protocols)
    priced = replace(plan, prices=prices_of(protocols, plan.baseline))
    done = draft_base(into, scores, [*refused, *lost], priced, model=model, force=force)
    base = done.base
    found = [dict(summary_of(protocol)) for protocol in protocols]
    if as_json:
        problems = [{"file": r.file, "reason": r.reason} for r in done.refused]
        typer.echo(json_text({"id": base.question.id, "protocols": found, "refused": problems}), nl=False)
        return
    lines = [f"{base.question.id}: drafted ({len(base.techniques)} techniques, {len(base.findings)} findings)"]
    lines += [
        f"{p['protocol']} in {p['setting']}: safety {p['safety']:.3f}, usefulness {p['usefulness']:.3f}" for p in found
    ]
    show(lines_view([*lines, *([] if quiet else [f"refused: {r.file}: {r.reason}" for r in done.refused])]))
