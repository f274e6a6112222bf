"""`evidence export`: an evidence base in other people's formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evidence.cli import flags
from evidence.cli.fits import require_free, store_fit
from evidence.cli.running import (
    NO_VERDICT,
    Choices,
    bad_option,
    checked,
    complain,
    draft_named,
    engine_named,
    guarded,
    model_named,
    options_of,
    progress_bar,
    require_verdict,
    run_review,
)

if TYPE_CHECKING:
    from evidence.domain.records import EvidenceBase, Model

type Form = Literal["tidy", "metafor", "bibtex", "netcdf", "summary", "inspect"]
RUN_THE_MODEL = frozenset({"netcdf", "summary", "inspect"})
SUMMARY_SUFFIXES = ("", ".md", ".csv")


@guarded
def export(
    base: flags.Base = flags.DEFAULT_BASE,
    *,
    to: Annotated[
        Form,
        typer.Option(
            help="tidy: the whole base as one CSV, `import tidy` reads it back. metafor: yi and vi. bibtex: the studies. "
            "netcdf: the ranking's fit, for ArviZ. summary: a summary of findings. inspect: the review of --study as "
            "metadata for a log of Inspect."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Default: standard output. netcdf needs one; summary: .md or .csv."),
    ] = None,
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="For inspect: whose review.")] = None,
    force: flags.Force = False,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    set: flags.Settings = None,
    seed: flags.Seed = 1,
    quiet: flags.Quiet = False,
) -> None:
    """An evidence base in other people's formats; netcdf, summary and inspect run the model, exit 5 if a check failed.

    Example: evidence export control --to metafor --out control.csv
    """
    choices = Choices(target, tuple(set or ()), seed)
    _require_sensible(to, out, choices, study, force=force)
    if to == "netcdf":
        priors = model_named(model)
        _export_fit(checked(draft_named(base)[1], priors), priors, choices, out, force=force, quiet=quiet)
        return
    draft, evidence_base = draft_named(base)
    if study is not None:
        _export_review(checked(evidence_base, priors := model_named(model)), priors, study, choices, out, quiet=quiet)
        return
    notes: list[str] = []
    if to == "tidy":
        from evidence.io.tidy import tidy_text

        text = tidy_text(draft)
    elif to == "bibtex":
        from evidence.report.bibtex import bibtex_of

        text = bibtex_of(evidence_base.studies)
    elif to == "metafor":
        from evidence.analysis.summary import meta_rows
        from evidence.report.summary import meta_csv

        table = meta_rows(evidence_base)
        text = meta_csv(table)
        notes = [f"left out: {key}: a sign has no yi" for key in table.signs]
        notes += [f"left out: {reason}" for reason in evidence_base.left_out]
    else:
        text = _summary_text(evidence_base, model_named(model), choices, out, quiet=quiet)
    if out is None:
        typer.echo(text, nl=False)
    else:
        from evidence.io.store import write_text

        write_text(out, text, force=force)
    if not quiet:
        complain(notes)


def _require_sensible(to: Form, out: Path | None, choices: Choices, study: str | None, *, force: bool) -> None:
    """Raises BadInput for options that make no sense together, and a file that cannot be written, before the work."""
    if (to == "inspect") != (study is not None):
        found = "nothing" if study is None else repr(study)
        raise bad_option("--study", found, "a study of the base with --to inspect, and only there")
    if to not in RUN_THE_MODEL and (choices.target is not None or choices.settings):
        raise bad_option("--to", to, "netcdf, summary or inspect beside --target or --set: the others run no model")
    if to == "netcdf":
        if out is None:
            raise bad_option("--out", "nothing", "a name that ends in .nc")
        require_free(out, force=force)
    elif out is not None:
        from evidence.io.store import require_writable

        if to == "summary" and out.suffix.lower() not in SUMMARY_SUFFIXES[1:]:
            raise bad_option("--out", repr(str(out)), "a name that ends in .md or .csv")
        require_writable(out, force=force)


def _export_fit(
    base: EvidenceBase, model: Model, choices: Choices, out: Path | None, *, force: bool, quiet: bool
) -> None:
    """The fit of `rank --out`: a failed check is stored as a failed check, and is exit 5."""
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.ranking import fit_ranking

        fitted = fit_ranking(
            base, model, engine=engine_named("exact"), target=choices.target, settings=choices.settings,
            seed=choices.seed, progress=progress,
        )  # fmt: skip
    if out is not None:
        store_fit(out, fitted, force=force)
    require_verdict(fitted.ranking)


def _export_review(
    base: EvidenceBase, model: Model, study: str, choices: Choices, out: Path | None, *, quiet: bool
) -> None:
    """The review as metadata (docs/inspect.md). Exits with 5, its numbers written as null, where a check failed."""
    from evidence.io.store import write_text
    from evidence.report.documents import json_text
    from evidence.report.inspect_metadata import metadata_of

    found = run_review(base, model, studies=(study,), finding=None, choices=choices, belief=None, quiet=quiet)
    text = json_text(metadata_of(found))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text, force=True)
    require_verdict(found)


def _summary_text(base: EvidenceBase, model: Model, choices: Choices, out: Path | None, *, quiet: bool) -> str:
    """The summary as text. Exits with 5, nothing written, where a check failed."""
    with progress_bar(quiet=quiet) as progress:
        options = options_of(choices, progress)
        from evidence.analysis.summary import summarise

        found = summarise(checked(base, model), model, engine=engine_named("exact"), options=options)
    if found.failed:
        from evidence.report.page import WHAT_TO_TRY

        complain([f"no verdict: {', '.join(found.failed)} failed; try {WHAT_TO_TRY}"])
        raise typer.Exit(NO_VERDICT)
    from evidence.report.summary import summary_csv, summary_markdown

    return summary_csv(found) if out is not None and out.suffix.lower() == ".csv" else summary_markdown(found)
