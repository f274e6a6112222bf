"""The commands that ask a question of an evidence base: quick, rank, review, what-if."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.analysis.options import SweepRequest
from evidence.cli import flags
from evidence.cli.fits import require_free, store_fit
from evidence.cli.prereg_files import RegistryOption
from evidence.cli.prereg_verify import Inputs, registered_inputs
from evidence.cli.running import (
    NO_VERDICT,
    Choices,
    answer,
    bad_option,
    base_named,
    checked,
    complain,
    engine_named,
    guarded,
    model_named,
    number,
    options_of,
    paper_at,
    probability,
    progress_bar,
    reproducing_line,
    require_engine,
    require_verdict,
    run_review,
    show,
)
from evidence.domain.records import Model
from evidence.domain.results import Review

REPORT_SUFFIXES = (".html", ".md", ".json")


@guarded
def quick(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(help='"A 12/100 vs B 31/100", "A 0.80 se 0.25", "A > B"')],
    *,
    validity_class: Annotated[
        str,
        typer.Option(
            "--class",
            envvar="EVIDENCE_QUICK_CLASS",
            help="What kind of proxy it was measured on: a validity class of the model.",
        ),
    ],
    lower_is_better: flags.LowerIsBetter = False,
    q: Annotated[
        float | None, typer.Option("--q", help='Reliability of an order ("A > B"); 0.8 where not given.')
    ] = None,
    belief: flags.Belief = None,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    engine: flags.EngineName = "exact",
    set: flags.Settings = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """What one typed claim warrants at a target nobody can measure yet, with no files.

    Example: evidence quick "A 120/400 vs B 180/400" --class small-open-chat --lower-is-better --belief 85
    """
    choices = Choices(target, tuple(set or ()), seed)
    from evidence.io.quick import parse_quick

    require_engine(engine, "exact")
    priors = model_named(model)
    _require_class(validity_class, priors)
    parsed = parse_quick(claim, validity_class, lower_is_better, q=q)
    with progress_bar(quiet=quiet) as progress:
        options = options_of(choices, progress, belief=belief)
        from evidence.analysis.review import review_quick

        review = review_quick(parsed, priors, engine=engine_named(engine), options=options)
    from evidence.report.render import quick_view

    answer(review, lambda: quick_view(review, command=reproducing_line(context)), as_json=json)


@guarded
def rank(
    context: typer.Context,
    base: flags.Base = flags.DEFAULT_BASE,
    *,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    engine: flags.EngineName = "exact",
    set: flags.Settings = None,
    next: Annotated[
        bool, typer.Option("--next", help="Say which gap and which missing study would change the ranking most.")
    ] = False,
    prereg: flags.Prereg = None,
    registry: RegistryOption = None,
    out: flags.Out = None,
    force: flags.Force = False,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """The ranking of techniques at the target, and how far each study moved it.

    Example: evidence rank harmbench --target "GPT-4 0613" --set prior.tau=0.3..1 --out fit.nc
    """
    require_engine(engine)
    require_free(out, force=force)
    if prereg is not None:
        inputs = registered_inputs(context, prereg, registry, base=base, settings=set or ())
    else:
        priors = model_named(model)
        inputs = Inputs(checked(base_named(base), priors), priors, target, tuple(set or ()), seed)
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.ranking import fit_ranking

        fitted = fit_ranking(
            inputs.base, inputs.model, engine=engine_named(engine), target=inputs.target, settings=inputs.settings,
            seed=inputs.seed, progress=progress, prereg_hash=inputs.prereg_hash,
        )  # fmt: skip
        if out is not None:
            store_fit(out, fitted, force=force)
        ranking = fitted.ranking
        if next and ranking.ok:
            from evidence.analysis.next_reading import what_to_read_next

            found = what_to_read_next(fitted, engine_named(engine), progress=progress)
            ranking = ranking.model_copy(update={"next_reading": found})
    from evidence.report.render import ranking_view

    answer(ranking, lambda: ranking_view(ranking, command=reproducing_line(context)), as_json=json)


@guarded
def review(
    context: typer.Context,
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY|FILE.toml", help="Id of a study of the base, or a paper file.")
    ] = None,
    *,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            envvar="EVIDENCE_REVIEW_ALL",
            help="Every study of the base; of every shipped base where none is given.",
        ),
    ] = False,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    finding: Annotated[str | None, typer.Option("--finding", metavar="ID", help="One finding of the study.")] = None,
    belief: flags.Belief = None,
    no_elicit: Annotated[
        bool, typer.Option("--no-elicit", help="Go without the reader's own belief; the page says so.")
    ] = False,
    prereg: flags.Prereg = None,
    registry: RegistryOption = None,
    report: flags.Report = None,
    force: flags.Force = False,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    engine: flags.EngineName = "exact",
    set: flags.Settings = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """One page on one study: before, warranted, at face value, and what limits it.

    Example: evidence review greenblatt2023control --base control --belief 85 --report review.html

    Every study of every shipped base, a line each: evidence review --all
    """
    choices = Choices(target, tuple(set or ()), seed)
    if no_elicit and belief is not None:
        raise bad_option("--no-elicit", f"--belief {belief:g} beside it", "one of the two")
    require_engine(engine, "exact")
    _require_writable(report, force=force)
    priors = model_named(model)
    if every:
        _require_alone(
            "--all", STUDY=study, **{"--finding": finding, "--belief": belief, "--report": report, "--prereg": prereg}
        )
        _review_all(base if _was_given(context, "base") else None, priors, choices, as_json=json, quiet=quiet)
        return
    if study is None:
        raise bad_option("STUDY", "nothing", "the id of a study of the base, a paper file, or --all")
    is_file = study.endswith(".toml")
    digest = None
    if prereg is not None:
        if is_file:
            raise bad_option("--prereg", f"the paper file {study}", "a study of the registered base, or of --base")
        inputs = registered_inputs(context, prereg, registry, base=base, settings=set or ())
        evidence_base, priors, digest, name = inputs.base, inputs.model, inputs.prereg_hash, study
        choices = Choices(inputs.target, inputs.settings, inputs.seed)
    else:
        evidence_base = checked(paper_at(Path(study)) if is_file else base_named(base), priors)
        name = evidence_base.studies[-1].id if is_file else study
    found = run_review(evidence_base, priors, study=name, finding=finding, choices=choices, belief=belief, quiet=quiet)
    if digest is not None:
        found = found.model_copy(update={"provenance": found.provenance.model_copy(update={"prereg_hash": digest})})
    command = reproducing_line(context)
    if report is not None:
        _write_report(report, found, command=command, force=force)
    from evidence.report.render import review_view

    answer(found, lambda: review_view(found, command=command), as_json=json)


def _review_all(base: str | None, priors: Model, choices: Choices, *, as_json: bool, quiet: bool) -> None:
    """Review every study of one base, or of every shipped one. Exits with 5 where a verdict is withheld."""
    from evidence.io.shipped import list_shipped

    names = list(list_shipped().bases) if base is None else [base]
    bases = [checked(base_named(name), priors) for name in names]
    found: list[tuple[str, Review]] = []
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.review import prepare_whole, review_study, reviewed_studies

        places = [(b, study) for b in bases for study in reviewed_studies(b)]
        options, engine = options_of(choices, None), engine_named("exact")
        whole = {b.question.id: prepare_whole(b, priors, engine=engine, options=options) for b in bases}
        for number, (b, study) in enumerate(places):
            if progress is not None:
                progress("reviewing", number, len(places))
            found.append((b.question.id, review_study(whole[b.question.id], study)))
    if as_json:
        from evidence.report.documents import json_of_reviews

        typer.echo(json_of_reviews(found), nl=False)
    else:
        from evidence.report.render import reviews_view

        show(reviews_view(found))
    failed = [f"{name}: {review.study}" for name, review in found if not review.ok]
    if failed:
        complain([f"no verdict: {', '.join(failed)}; `evidence review STUDY --base BASE` says why"])
        raise typer.Exit(NO_VERDICT)


@guarded
def what_if(
    context: typer.Context,
    base: flags.Base = flags.DEFAULT_BASE,
    *,
    sweep: Annotated[str, typer.Option("--sweep", metavar="KEY=LO:HI:STEP", help="The assumption to move.")],
    flip: Annotated[
        float | None, typer.Option("--flip", metavar="IN_100", help="Where does P cross this many in 100?")
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option("--pair", metavar="A,B", help="Technique and comparator; default: the base's first headline."),
    ] = None,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    engine: flags.EngineName = "exact",
    set: flags.Settings = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="The points as CSV on standard output.")] = False,
    quiet: flags.Quiet = False,
) -> None:
    """P(technique above comparator) along one assumption, and where it crosses a level.

    Example: evidence what-if control --sweep novelty.first-catastrophic-deployment=0:1:0.25 --flip 55
    """
    choices = Choices(target, tuple(set or ()), seed)
    require_engine(engine, "exact")
    if csv and json:
        raise bad_option("--csv", "--json beside it", "one of the two")
    request, chosen = _sweep_request(sweep, flip), _pair(pair)
    priors = model_named(model)
    evidence_base = checked(base_named(base), priors)
    with progress_bar(quiet=quiet) as progress:
        options = options_of(choices, progress)
        from evidence.analysis.whatif import sweep_setting

        found = sweep_setting(
            evidence_base, priors, engine=engine_named(engine), options=options, sweep=request, pair=chosen
        )  # fmt: skip
    from evidence.report.documents import csv_of
    from evidence.report.render import sweep_view
    from evidence.report.words import flip_lines

    if csv:
        typer.echo(csv_of(found), nl=False)
        complain(flip_lines(found.flips_at))
        require_verdict(found)
    else:
        answer(found, lambda: sweep_view(found, command=reproducing_line(context)), as_json=json)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _require_alone(option: str, **others: object) -> None:
    """Raises BadInput for an option or argument that makes no sense beside `option`."""
    for name, value in others.items():
        if value is not None:
            raise bad_option(option, f"{name} beside it", "one of the two")


def _require_class(name: str, model: Model) -> None:
    """Raises BadInput for a class that the model does not know; models without classes take any."""
    if model.classes and name not in model.classes:
        from evidence.io.rows import did_you_mean

        wanted = f"a class of the model {model.id!r}: {', '.join(model.classes)}{did_you_mean(name, model.classes)}"
        raise bad_option("--class", repr(name), wanted)


def _require_writable(report: Path | None, *, force: bool) -> None:
    """Raises BadInput before the work is done, not after it."""
    if report is None:
        return
    if report.suffix.lower() not in REPORT_SUFFIXES:
        raise bad_option("--report", repr(str(report)), f"a name that ends in {', '.join(REPORT_SUFFIXES)}")
    if report.exists() and not force:
        raise bad_option("--report", f"an existing file {report}", "another name, or --force to overwrite")


def _write_report(path: Path, review: Review, *, command: str, force: bool) -> None:
    from evidence.io.store import write_text
    from evidence.report.documents import html_of, json_of, markdown_of

    match path.suffix.lower():
        case ".json":
            text = json_of(review)
        case ".md":
            text = markdown_of(review, command=command)
        case _:
            text = html_of(review, command=command)
    write_text(path, text, force=force)


def _sweep_request(text: str, flip: float | None) -> SweepRequest:
    key, equals, values = text.rpartition("=")
    parts = values.split(":")
    if not equals or not key.strip() or len(parts) != 3:
        raise bad_option("--sweep", repr(text), "KEY=LO:HI:STEP, e.g. prior.tau=0.2:2:0.2")
    lo, hi, step = (number("--sweep", part) for part in parts)
    return SweepRequest(key.strip(), lo, hi, step, probability("--flip", flip))


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    technique, comma, comparator = (part.strip() for part in text.partition(","))
    if not comma or not technique or not comparator or technique == comparator:
        raise bad_option("--pair", repr(text), 'two different techniques of the base, "A,B"')
    return technique, comparator
