"""The commands that ask a question of an evidence base: quick, rank, what-if."""

from __future__ import annotations

from typing import Annotated

import typer

from evidence.analysis.options import SweepRequest
from evidence.cli import flags
from evidence.cli.fits import require_free, store_fit
from evidence.cli.prereg_files import RegistryOption
from evidence.cli.prereg_verify import Inputs, registered_inputs
from evidence.cli.running import (
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
    probability,
    progress_bar,
    reproducing_line,
    require_engine,
    require_rounds,
    require_verdict,
)
from evidence.domain.records import Model


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
    rounds: flags.Rounds = None,
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
    require_rounds(rounds, engine, len(inputs.base.techniques))
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.ranking import fit_ranking

        fitted = fit_ranking(
            inputs.base, inputs.model, engine=engine_named(engine, rounds), target=inputs.target, settings=inputs.settings,
            seed=inputs.seed, progress=progress, prereg_hash=inputs.prereg_hash,
        )  # fmt: skip
        if out is not None:
            store_fit(out, fitted, force=force)
        ranking = fitted.ranking
        if next and ranking.ok:
            from evidence.analysis.next_reading import what_to_read_next

            found = what_to_read_next(fitted, engine_named(engine, rounds), progress=progress)
            ranking = ranking.model_copy(update={"next_reading": found})
    from evidence.report.render import ranking_view

    answer(ranking, lambda: ranking_view(ranking, command=reproducing_line(context)), as_json=json)


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
    from evidence.report.sentences import flip_lines

    if csv:
        typer.echo(csv_of(found), nl=False)
        complain(flip_lines(found.flips_at))
        require_verdict(found)
    else:
        answer(found, lambda: sweep_view(found, command=reproducing_line(context)), as_json=json)


def _require_class(name: str, model: Model) -> None:
    """Raises BadInput for a class that the model does not know; models without classes take any."""
    if model.classes and name not in model.classes:
        from evidence.io.rows import did_you_mean

        wanted = f"a class of the model {model.id!r}: {', '.join(model.classes)}{did_you_mean(name, model.classes)}"
        raise bad_option("--class", repr(name), wanted)


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
