"""`evidence prereg compare` and `pool`: several registrations of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli import flags
from evidence.cli.prereg_files import RegistrationName, RegistryOption, answer_page, registration_named, registry_folder
from evidence.cli.running import NO_VERDICT, bad_option, complain, engine_named, guarded, number, progress_bar

if TYPE_CHECKING:
    from pathlib import Path

    from evidence.analysis.prereg_pool import PastScore

Names = Annotated[list[str], typer.Argument(metavar="HASH|FILE...", help="Frozen registrations of one question.")]


@guarded
def compare(
    a: RegistrationName,
    b: RegistrationName,
    *,
    registry: RegistryOption = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """The crux: which assumption accounts for most of two reviewers' disagreement about the ranking, and what would move both.

    Example: evidence prereg compare 7f3a21 b6b07d
    """
    found = [registration_named(name, registry)[:2] for name in (a, b)]
    if found[0][1] == found[1][1]:
        raise bad_option("B", b, "another registration than A")
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.prereg_compare import compare_registrations

        (one, one_hash), (other, other_hash) = found
        result = compare_registrations(
            (one_hash, one), (other_hash, other), engine=engine_named("exact"), seed=seed, progress=progress
        )
    if not result.ok:
        complain([f"no verdict: {', '.join(n for n, c in result.checks.items() if not c.ok)} failed"])
        raise typer.Exit(NO_VERDICT)
    from evidence.report.prereg_together import disagreement_page

    answer_page(result.model_dump(mode="json"), disagreement_page(result), as_json=json)


@guarded
def pool(
    registrations: Names,
    *,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W,W...", help="Stated weights, in the order of the registrations."),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Weights from the score cards of other questions in the registry.")
    ] = False,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Registrations of one question as one belief: linear and logarithmic pool, with equal, stated or learned weights.

    Example: evidence prereg pool 7f3a21 b6b07d --weights 2,1
    """
    del quiet
    if weights is not None and learn:
        raise bad_option("--learn", "--weights beside it", "one of the two")
    found = [registration_named(name, registry)[:2] for name in registrations]
    if len({h for _, h in found}) < len(found):
        raise bad_option("HASH", "one registration twice", "every registration once")
    stated = None if weights is None else [number("--weights", w) for w in weights.split(",")]
    from evidence.analysis.prereg_pool import pool_registrations
    from evidence.report.prereg_together import pool_page

    past = past_scores(registry_folder(registry), found[0][0].question.id) if learn else None
    result = pool_registrations([(h, r) for r, h in found], stated, past=past)
    answer_page(result.model_dump(mode="json"), pool_page(result), as_json=json)


def past_scores(folder: Path, but: str) -> list[PastScore]:
    """The last score card of every registration of another question that has something resolved."""
    from evidence.analysis.prereg_pool import PastScore
    from evidence.domain.scorecard import ScoreCard
    from evidence.io.frozen_files import read_frozen
    from evidence.io.registry import SUFFIXES, read_chain

    last = {e.registration: e for e in read_chain(folder).entries if e.kind == "score" and e.question != but}
    found: list[PastScore] = []
    for entry in last.values():
        card, _ = read_frozen(folder / f"{entry.document}{SUFFIXES['score']}", ScoreCard)
        if card.log_score is not None:
            found.append(PastScore(entry.question, entry.author, card.log_score))
    return found
