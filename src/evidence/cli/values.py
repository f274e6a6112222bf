"""`evidence value`: what a proposal is worth in hours of the crunch, and what to do with a budget."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import (
    NO_VERDICT,
    answer,
    bad_option,
    base_named,
    complain,
    engine_named,
    guarded,
    model_named,
    number,
    progress_bar,
    reproducing_line,
    show,
)
from evidence.domain.errors import BadInput
from evidence.domain.proposals import Proposal, ProposedReader
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.value import Portfolio, Value

if TYPE_CHECKING:
    from rich.console import RenderableType

KNOWN_READERS = {"face-value": "face-value", "face_value": "face-value", "calibrated": "calibrated"}


@guarded
def value(
    context: typer.Context,
    proposals: Annotated[
        list[str], typer.Argument(metavar="PROPOSAL...", help="Proposal files, or names of shipped ones.")
    ],
    *,
    reader: Annotated[
        str | None,
        typer.Option(
            "--reader",
            metavar="NAME|VALIDITY",
            help="Also for this reader: face-value, calibrated, or a validity 0 to 1 that the proxy is taken to have.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="HOURS", help="Which of several proposals to do with this many hours now."),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Each of several proposals alone, a line each.")] = False,
    scheduler: flags.Scheduler = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="M", help="Model in place of the proposals' own.")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures",
            metavar="FOLDER",
            help="Also draw value against sample, validity and over-updating, and what it hangs on, as SVG.",
        ),
    ] = None,
    force: flags.Force = False,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """What a proposal costs now and saves in the crunch, for calibrated readers and for those who over-update.

    Example: evidence value replicate-control-larger --reader 0.8

    Several proposals and a budget: evidence value A.toml B.toml C.toml --budget 1000

    Each of several alone: evidence value A.toml B.toml C.toml --each
    """
    if len(proposals) > 1 and budget is None and not each:
        raise bad_option("--budget", "nothing", "hours, where there are several proposals, or --each")
    if each and (budget is not None or figures is not None):
        raise bad_option("--each", "--budget or --figures beside it", "one of the two")
    if scheduler is not None and not each:
        raise bad_option("--scheduler", "no --each", "--each: one value, or one portfolio, is not spread")
    if budget is not None and budget <= 0:
        raise bad_option("--budget", f"{budget:g}", "a number of hours above 0")
    if budget is not None and (reader is not None or figures is not None):
        raise bad_option("--budget", "--reader or --figures beside it", "one of the two")
    # Particles are weighed by many small matrix products: threads of our own serve them better than those of each product.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    extra = () if reader is None else (_reader(reader),)
    asked = [_load(name, model) for name in proposals]
    if each:
        _value_each(asked, extra, seed, scheduler, as_json=json, quiet=quiet)
        return
    command = reproducing_line(context)
    paths = _pictures(figures, asked[0][0], force=force)
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.portfolio import fund
        from evidence.analysis.value import Asking, value_of
        from evidence.inference.foresight import foresee

        asking = Asking(engine_named("exact"), foresee, seed=seed, extra=extra, progress=progress)
        found = fund(asked, budget, asking) if budget is not None else value_of(*asked[0], asking)
    if paths and isinstance(found, Value) and found.decisions:
        from evidence.io.store import write_text
        from evidence.report.drawing import svg_of
        from evidence.report.figures_value import FIGURES

        for name, path in paths.items():
            write_text(path, svg_of(FIGURES[name](found)), force=force)
    answer(found, lambda: _view(found, command), as_json=json)


def _value_each(
    asked: list[tuple[Proposal, EvidenceBase, Model]], extra: tuple[ProposedReader, ...], seed: int,
    scheduler: str | None, *, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Value every proposal alone. Exits with 5 where a verdict is withheld."""
    from evidence.batch import spread

    found: list[Value] = []
    with progress_bar(quiet=quiet) as progress, spread(scheduler) as over:
        from evidence.analysis.many import Proposed, value_each
        from evidence.analysis.value import Asking
        from evidence.inference.foresight import foresee

        asking = Asking(engine_named("exact"), foresee, seed=seed, extra=extra)
        values = iter(value_each([Proposed(*one, asking) for one in asked], over))
        for number in range(len(asked)):
            if progress is not None:
                progress("valuing", number, len(asked))
            found.append(next(values))
    if as_json:
        from evidence.report.documents import json_of_values

        typer.echo(json_of_values(found), nl=False)
    else:
        from evidence.report.value import values_view

        show(values_view(found))
    failed = [one.id for one in found if not one.ok]
    if failed:
        complain([f"no verdict: {', '.join(failed)}; `evidence value PROPOSAL` says why"])
        raise typer.Exit(NO_VERDICT)


def _pictures(folder: Path | None, proposal: Proposal, *, force: bool) -> dict[str, Path]:
    """Where each picture goes, by name. Raises BadInput before the work is done, not after it."""
    if folder is None:
        return {}
    from evidence.io.store import make_folder, require_writable

    paths = {
        name: folder / f"{proposal.id}-{name}.svg" for name in ("by-sample", "by-validity", "by-over-update", "tornado")
    }
    make_folder(folder)
    for path in paths.values():
        require_writable(path, force=force)
    return paths


def _view(found: Value | Portfolio, command: str) -> RenderableType:
    from evidence.report.value import portfolio_view, value_view

    return value_view(found, command=command) if isinstance(found, Value) else portfolio_view(found, command=command)


def _reader(text: str) -> ProposedReader:
    if text in KNOWN_READERS:
        return ProposedReader(name="face_value" if "face" in text else text, kind=KNOWN_READERS[text])  # type: ignore[arg-type]
    try:
        rho = number("--reader", text)
    except BadInput:
        wanted = f"{', '.join(sorted(KNOWN_READERS))}, or a validity from 0 to 1"
        raise bad_option("--reader", repr(text), wanted) from None
    if not 0 <= rho <= 1:
        raise bad_option("--reader", text, "a validity from 0 to 1")
    return ProposedReader(name=f"validity {rho:g}", kind="validity", validity=rho)


def _load(name: str, model: str | None) -> tuple[Proposal, EvidenceBase, Model]:
    """A proposal with its base and model, everything checked. Raises BadInput."""
    from evidence.io.models import check_classes
    from evidence.io.proposals import check_against, find_proposal, load_proposal

    path = find_proposal(name)
    proposal, place = load_proposal(path)
    base = base_named(proposal.base, beside=path.parent)
    check_against(proposal, place, base)
    priors = model_named(model or proposal.model)
    if priors.parametrisation.kind == "random-effects":
        raise bad_option("--model", repr(priors.id), "a model with validities: random effects know no proxies")
    check_classes(base.model_copy(update={"families": (*base.families, *proposal.families)}), priors)
    return proposal, base, priors
