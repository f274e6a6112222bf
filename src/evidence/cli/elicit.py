"""`evidence elicit`: statements as prior parameters, read back in natural frequencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evidence.cli import flags
from evidence.cli.running import (
    bad_option,
    base_named,
    checked,
    guarded,
    model_named,
    reproducing_line,
    show,
)
from evidence.domain.elicitation import ElicitedMerit, ElicitedOrder, ElicitedValidity
from evidence.domain.records import EvidenceBase, Model, RegisteredMerit, RegisteredOrder

if TYPE_CHECKING:
    from evidence.report.page import Page

app = typer.Typer(name="elicit", no_args_is_help=True, help="Turns what you believe into prior parameters.")

FORMS = ("merits", "orders")
Claim = Annotated[
    str | None, typer.Option("--claim", metavar="TEXT", help="Why you believe it; default: what was stated.")
]
ModelOut = Annotated[
    Path | None, typer.Option("--out", metavar="M.toml", help="Also write the model with this registered in it.")
]


@app.command("validity")
@guarded
def validity(
    context: typer.Context,
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="A family of the base.")],
    *,
    rho: Annotated[
        str | None,
        typer.Option("--rho", "--interval", metavar="LO..HI", help="Its validity: an 80 % interval, or a number."),
    ] = None,
    better_in_100: Annotated[
        str | None,
        typer.Option(
            "--better-in-100",
            metavar="LO..HI",
            help="Of 100 pairs, in how many the better one there is the better one at the target (50 to 100).",
        ),
    ] = None,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    validity_class: Annotated[
        str | None, typer.Option("--class", help="Look at the family as one of this validity class.")
    ] = None,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """How valid a family of proxies is: your statement, what the model leaves of it, and what bridges showed.

    Example: evidence elicit validity bash-agents --better-in-100 52..62
    """
    del quiet  # nothing here takes long
    if (rho is None) == (better_in_100 is None):
        raise bad_option("--rho", "both" if rho is not None else "neither", "either --rho or --better-in-100")
    priors = model_named(model)
    evidence_base = base_named(base)
    _require("FAMILY", family, [f.id for f in evidence_base.families], "a family")
    if validity_class is not None and priors.classes:
        _require("--class", validity_class, list(priors.classes), f"a class of the model {priors.id!r}")
    checked(evidence_base, priors)
    from evidence.analysis.elicit_validity import ValidityStatement, elicit_validity
    from evidence.io.snippets import family_csv
    from evidence.report.elicitation import validity_page

    found = elicit_validity(
        evidence_base, priors, model_named(flags.DEFAULT_MODEL), family=family,
        statement=ValidityStatement(rho, better_in_100), validity_class=validity_class, target=target, seed=seed,
    )  # fmt: skip
    page = validity_page(found, command=reproducing_line(context))
    _answer(found, page, family_csv(found.family) if found.accepted else "", as_json=json)


@app.command("merit")
@guarded
def merit(
    context: typer.Context,
    technique: Annotated[str, typer.Argument(metavar="TECHNIQUE", help="A technique of the base, not the baseline.")],
    *,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="LO..HI", help="80 % interval of its merit against the baseline, in SMD."),
    ] = None,
    better_in_100: Annotated[
        float | None,
        typer.Option("--better-in-100", metavar="N", help="In how many of 100 worlds it beats doing nothing."),
    ] = None,
    by: Annotated[
        float | None,
        typer.Option("--by", metavar="SMD", help="With --better-in-100: by how much, where it does (the median)."),
    ] = None,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    claim: Claim = None,
    out: ModelOut = None,
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """What you expect of one technique at the target, as a registered merit.

    Example: evidence elicit merit trusted-monitoring --better-in-100 80 --by 0.5 --out mine.toml
    """
    del quiet
    if (interval is None) == (better_in_100 is None):
        found = "both" if interval is not None else "neither"
        raise bad_option("--interval", found, "either --interval or --better-in-100 with --by")
    if interval is not None and by is not None:
        raise bad_option("--by", "--interval beside it", "--by only with --better-in-100")
    _require_free(out, claim, force=force)
    priors = model_named(model)
    evidence_base = base_named(base)
    _require_technique(evidence_base, technique)
    from evidence.analysis.elicit_merit import MeritStatement, elicit_merit
    from evidence.report.elicitation import merit_page

    statement = MeritStatement(interval, better_in_100, by)
    elicited = elicit_merit(evidence_base, priors, technique=technique, statement=statement, claim=claim)
    _write_model(out, priors, [elicited.merit], [], force=force)
    page = merit_page(elicited, command=reproducing_line(context))
    _answer(elicited, page, _snippet([elicited.merit], []), as_json=json)


@app.command("order")
@guarded
def order(
    context: typer.Context,
    statements: Annotated[
        list[str], typer.Argument(metavar="STATEMENT...", help='"A > B > C", "A > B = C" or "A > B 70", in 100.')
    ],
    *,
    form: Annotated[
        str,
        typer.Option(
            "--as", metavar="FORM", help="merits; or orders, which say nothing of sizes and cost the engine more."
        ),
    ] = "merits",
    sure: Annotated[
        float, typer.Option("--sure", metavar="IN_100", help="For neighbours in a ranking without a number.")
    ] = 80,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    claim: Claim = None,
    out: ModelOut = None,
    force: flags.Force = False,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """A ranking, or pairs you lean on, as registered merits (or orders) with which the model holds what you said.

    Example: evidence elicit order "trusted-editing > trusted-monitoring > upfront-auditing" "defer-to-trusted > trusted-editing 60"
    """
    del quiet
    if form not in FORMS:
        raise bad_option("--as", repr(form), " or ".join(FORMS))
    if not 50 < sure <= 100:
        raise bad_option("--sure", f"{sure:g}", "a number in 100, above 50 and at most 100")
    _require_free(out, claim, force=force)
    priors = model_named(model)
    evidence_base = base_named(base)
    from evidence.io.orders import parse_orders

    stated = parse_orders(statements, evidence_base, sure=sure / 100)
    from evidence.analysis.elicit_order import elicit_order
    from evidence.report.elicitation import order_page

    kind: Literal["orders", "merits"] = "orders" if form == "orders" else "merits"
    found = elicit_order(
        evidence_base, priors, stated, typed=statements, form=kind, sure=sure / 100, claim=claim
    )  # fmt: skip
    _write_model(out, priors, found.merits, found.orders, force=force)
    page = order_page(found, command=reproducing_line(context))
    _answer(found, page, _snippet(found.merits, found.orders), as_json=json)


def _require(option: str, name: str, known: Sequence[str], what: str) -> None:
    """Raises BadInput, with the nearest known name, for one that is not known."""
    if name not in known:
        from evidence.io.rows import did_you_mean

        raise bad_option(option, repr(name), f"{what}: {', '.join(known)}{did_you_mean(name, known)}")


def _require_technique(base: EvidenceBase, name: str) -> None:
    ids = [t.id for t in base.techniques]
    if name == ids[0]:
        wanted = "another technique: merits are against the baseline, whose own is 0; say it of the others"
        raise bad_option("TECHNIQUE", f"{name!r}, the baseline", wanted)
    _require("TECHNIQUE", name, ids[1:], "a technique")


def _require_free(out: Path | None, claim: str | None, *, force: bool) -> None:
    """Raises BadInput before the work is done, not after it."""
    if claim is not None and not claim.strip():
        raise bad_option("--claim", "nothing", "a sentence")
    if out is not None:
        from evidence.io.store import require_writable

        if out.suffix != ".toml":
            raise bad_option("--out", repr(str(out)), "a name that ends in .toml")
        require_writable(out, force=force)


def _write_model(
    out: Path | None, model: Model, merits: Sequence[RegisteredMerit], orders: Sequence[RegisteredOrder], *, force: bool
) -> None:
    if out is not None:
        from evidence.analysis.elicit_merit import registered
        from evidence.io.models import write_model

        write_model(out, registered(model, merits, orders), force=force)


def _snippet(merits: Sequence[RegisteredMerit], orders: Sequence[RegisteredOrder]) -> str:
    from evidence.io.snippets import beliefs_toml

    return beliefs_toml(merits, orders)


def _answer(
    record: ElicitedValidity | ElicitedMerit | ElicitedOrder, page: Page, snippet: str, *, as_json: bool
) -> None:
    """The record as JSON, or its page and then the snippet, whose lines are never wrapped."""
    if as_json:
        from evidence.report.documents import json_text

        typer.echo(json_text(record.model_dump(mode="json")), nl=False)
        return
    from evidence.report.elicitation import snippet_lines
    from evidence.report.render import page_view

    show(page_view(page))
    lines: Iterable[str] = snippet_lines(snippet) if snippet else ()
    for line in ("", *lines) if snippet else ():
        typer.echo(line)
