"""`evidence prereg verify`, and the registration behind `rank --prereg` and `review --prereg`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli import flags
from evidence.cli.prereg_files import RegistrationName, RegistryOption, answer_page, registration_named
from evidence.cli.running import (
    DEVIATES,
    NO_VERDICT,
    bad_option,
    base_named,
    complain,
    engine_named,
    guarded,
    progress_bar,
)
from evidence.domain.errors import Problem, Tampered
from evidence.domain.records import EvidenceBase, Model

if TYPE_CHECKING:
    from evidence.analysis.prereg_verify import Analysis
    from evidence.domain.registration import Registration
    from evidence.domain.verification import Verification
    from evidence.io.registry import Chain


@guarded
def verify(
    registration: RegistrationName,
    *,
    analysis: Annotated[
        Path | None,
        typer.Option("--analysis", metavar="RESULT", help="A result: rank --json, review --json, or rank --out."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="BASE", help="The base of the analysis, to name what differs in it.")
    ] = None,
    no_engine: Annotated[
        bool, typer.Option("--no-engine", help="Do not compute the frozen prior again; the answer says so.")
    ] = False,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Bytes, chain, siblings, the prior computed again, and every deviation of an analysis. Exits: 0, 3 tampered, 4 deviates.

    Example: evidence prereg verify 7f3a21 --analysis ranking.json
    """
    if data is not None and analysis is None:
        raise bad_option("--data", data, "--analysis beside it: the base is held against the result's")
    found, digest, chain = registration_named(registration, registry)
    verified = _verified(found, digest, chain, Asked(analysis, data, no_engine), quiet=quiet)
    from evidence.report.prereg_verify import verification_page

    answer_page(verified.model_dump(mode="json"), verification_page(verified, found), as_json=json)
    if verified.status == "deviates":
        raise typer.Exit(DEVIATES)
    if verified.status == "no verdict":
        complain([f"no verdict: {', '.join(verified.failed)} failed"])
        raise typer.Exit(NO_VERDICT)


@dataclass(frozen=True)
class Asked:
    """What `verify` is to look at."""

    analysis: Path | None
    data: str | None
    no_engine: bool


def _verified(found: Registration, digest: str, chain: Chain, asked: Asked, *, quiet: bool) -> Verification:
    from evidence.domain.canonical import sha256_of
    from evidence.domain.registry import entry_of, siblings_of, status_of
    from evidence.domain.verification import Verification
    from evidence.io.code_state import code_state
    from evidence.io.registry import require_documents

    entry = entry_of(chain.entries, digest)
    if entry is None:
        wanted = "a line of the registry that freezes it"
        raise Tampered([Problem(str(chain.folder / "registry.jsonl"), None, "", f"no {digest[:12]}…", wanted)])
    question, question_sha256 = found.question.id, sha256_of(found.question)
    if (entry.question, entry.question_sha256) != (question, question_sha256):
        # With the hashes: the line may give the same name to another question.
        noted = f"{entry.question} (SHA-256 {entry.question_sha256[:12]}…)"
        wanted = f"{question} (SHA-256 {question_sha256[:12]}…)"
        raise Tampered([Problem(str(chain.folder), entry.seq + 1, "question", noted, wanted)])
    require_documents(chain, digest)
    from evidence.analysis.prereg_verify import compare_analysis, is_same_machine, recompute
    from evidence.domain.canonical import sha256_hex
    from evidence.io.registrations import with_targets

    same, recomputed, failed = is_same_machine(found, code_state()), None, ()
    if not asked.no_engine:
        with progress_bar(quiet=quiet) as progress:
            recomputed, failed = recompute(found, engine_named(found.engine.name), same_machine=same, progress=progress)
    compared, deviations, match, result = (), None, None, None
    if asked.analysis is not None:
        result = analysis_of(asked.analysis)
        base = None if asked.data is None else with_targets(base_named(asked.data), found.base.question.targets)
        compared, deviations, match = compare_analysis(found, digest, result, base)
        failed = (*failed, *result.failed)
    moved = [m for m in (recomputed, match) if m is not None]
    status = "no verdict" if failed else "intact"
    if deviations or (recomputed is not None and not recomputed.ok):
        status = "deviates"
    return Verification(
        status=status, hash=digest, registration=status_of(chain.entries, digest), entry=entry.seq,
        entry_sha256=chain.hashes[entry.seq], entries=len(chain.entries), same_machine=same, recomputed=recomputed,
        siblings=siblings_of(chain.entries, entry.question, entry.question_sha256, but=digest),
        fingerprint_max_diff=max((m.max_diff for m in moved), default=None),
        analysis=None if asked.analysis is None else sha256_hex(asked.analysis.read_bytes()), analysis_print=match,
        compared=compared, deviations=deviations, failed=failed, notes=_notes(chain),
    )  # fmt: skip


def _notes(chain: Chain) -> tuple[str, ...]:
    from evidence.io.registry import unlisted_files

    notes = [f"in no line of the registry: {name}" for name in unlisted_files(chain)]
    if chain.torn:
        notes.append("the registry ends in a half-written line, which counts for nothing")
    return tuple(notes)


def analysis_of(path: Path) -> Analysis:
    """What a result says of itself. Raises BadInput where it is none."""
    from evidence.analysis.prereg_verify import Analysis

    if path.suffix.lower() == ".nc":
        from evidence.io.fits import read_fit

        header, _ = read_fit(path)
        return Analysis(
            kind="fit", target=header.target, model=header.model, engine=header.engine, ok=header.ok,
            provenance=header.provenance.model_dump(mode="json"), fingerprint=header.fingerprint,
            failed=tuple(n for n, c in header.checks.items() if not c.ok),
        )  # fmt: skip
    from evidence.io.analyses import failed_in, fingerprint_in, ids_in, read_result, text_in, verdict_in, words_in

    document = read_result(path)
    return Analysis(
        kind="review" if "pair" in document else "ranking", target=text_in(document, "target"),
        model=text_in(document, "model"), engine=text_in(document, "engine"),
        ok=verdict_in(document), provenance=document["provenance"],
        fingerprint=fingerprint_in(document), techniques=ids_in(document, "techniques"),
        left_out=words_in(document, "left_out"), failed=failed_in(document),
    )  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """What an analysis reads, from its options or from a registration."""

    base: EvidenceBase
    model: Model
    target: str | None
    settings: tuple[str, ...]
    seed: int
    prereg_hash: str | None = None


def registered_inputs(
    context: typer.Context, prereg: str, registry: Path | None, *, base: str, settings: Sequence[str]
) -> Inputs:
    """Model, scenarios, settings and, unless another one is named, base of a registration.

    Raises BadInput for options that would take their place: --model, --engine and a --target that is no scenario.
    """
    found, digest, _ = registration_named(prereg, registry)
    given = {name for name in ("model", "target", "seed", "base", "engine") if _was_given(context, name)}
    for name in sorted(given & {"model", "engine"}):
        raise bad_option(f"--{name}", str(context.params[name]), "nothing: the registration says which")
    known = [s.target for s in found.scenarios]
    target = context.params["target"] if "target" in given else None
    if target is None:
        target = "scenarios" if len(known) > 1 and context.info_name == "rank" else known[0]
    if target not in [*known, "scenarios"]:
        raise bad_option("--target", repr(target), f"a registered scenario: {', '.join(known)}")
    from evidence.io.models import check_classes
    from evidence.io.registrations import with_targets

    evidence_base = with_targets(base_named(base), found.base.question.targets) if "base" in given else found.base
    check_classes(evidence_base, found.model)
    seed = context.params["seed"] if "seed" in given else found.engine.seed
    return Inputs(evidence_base, found.model, target, (*found.settings, *settings), seed, digest)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
