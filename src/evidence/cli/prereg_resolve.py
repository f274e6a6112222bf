"""`evidence prereg resolve` and `score`: what came, and how the registered beliefs did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evidence.cli import flags
from evidence.cli.prereg_drafts import answer_registered, now_utc, registered_as
from evidence.cli.prereg_files import RegistrationName, RegistryOption, answer_page, registration_named
from evidence.cli.running import bad_option, guarded
from evidence.domain.errors import BadInput, Problem

if TYPE_CHECKING:
    from evidence.analysis.prereg_resolve import Report
    from evidence.analysis.prereg_score import Updated
    from evidence.domain.records import Record
    from evidence.domain.registration import Registration
    from evidence.domain.registry import EntryKind, Registered
    from evidence.domain.scorecard import Annulment, Resolution, ScoreCard
    from evidence.io.registry import Chain, Change, Written


@guarded
def resolve(
    registration: RegistrationName,
    *,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            "--outcomes", metavar="FILE.csv", help="Outcomes or findings at the target, as an evidence table."
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="What was tried in which order: lines `tried A, failed, 6 h`."),
    ] = None,
    annul: Annotated[
        list[str] | None,
        typer.Option("--annul", metavar="ID=REASON", help="A prediction, for a reason that was listed. Repeatable."),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="ID", help="The scenario that came; other rows are left out.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Where it can be read.")],
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Enters what came at the target: all scenarios or some, outcomes or what was tried, or that nothing can come.

    Example: evidence prereg resolve 7f3a21 --outcomes outcomes.csv --by "B. Cole" --source "report of May 2031"
    """
    del quiet
    found, digest, chain = registration_named(registration, registry)
    _require_standing(chain, digest)
    report = _report(outcomes, log, annul or [], scenario, by=by, source=source)
    from evidence.analysis.prereg_resolve import build_resolution

    def document(now: Chain) -> Record:
        return build_resolution(found, digest, report, [r for _, r in resolutions_of(now, digest)])

    registered = commit_about(chain.folder, found, digest, kind="resolve", document=document, author=by)
    answer_registered(registered, chain.folder, as_json=json)


@guarded
def score(
    registration: RegistrationName,
    *,
    analysis: Annotated[
        Path | None,
        typer.Option(
            "--analysis", metavar="RESULT", help="An analysis under the registration: its posterior is scored apart."
        ),
    ] = None,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Scores a registration by its frozen rules, against its frozen baselines; unresolved and annulled stay counted.

    Example: evidence prereg score 7f3a21
    """
    del quiet
    found, digest, chain = registration_named(registration, registry)
    updated = None if analysis is None else updated_from(analysis, found, digest)
    previous = _previous(chain, found)
    from evidence.analysis.prereg_score import score_registration

    def document(now: Chain) -> ScoreCard:
        return score_registration(found, digest, resolutions_of(now, digest), previous=previous, updated=updated)

    card = document(chain)
    author = ", ".join(a.name for a in found.authors)
    commit_about(chain.folder, found, digest, kind="score", document=document, author=author)
    from evidence.report.prereg_score import score_page

    answer_page(card.model_dump(mode="json"), score_page(card, found), as_json=json)


def commit_about(
    folder: Path,
    registration: Registration,
    digest: str,
    *,
    kind: EntryKind,
    document: Callable[[Chain], Record],
    author: str,
) -> Registered:
    """Add a document about a registration; `document` makes it from the chain as it is under the lock.

    One that is there already, byte for byte, is not added again.
    """
    from evidence.domain.canonical import frozen_bytes, sha256_hex, sha256_of
    from evidence.io.registry import SUFFIXES, Change, already, commit

    suffix = SUFFIXES["resolution" if kind == "resolve" else "score"]

    def build(chain: Chain) -> Change | Written:
        made = document(chain)
        known = [e for e in chain.entries if e.document == sha256_hex(frozen_bytes(made))]
        if known:
            return already(chain, known[0])
        question = registration.question
        return Change(
            kind=kind, registration=digest, question=question.id, question_sha256=sha256_of(question), author=author,
            suffix=suffix, document=made,
        )  # fmt: skip

    return registered_as(commit(folder, build, utc=now_utc()), folder)


def resolutions_of(chain: Chain, digest: str) -> list[tuple[str, Resolution]]:
    """Every resolution of a registration with its hash, in order. Raises Tampered for other bytes."""
    from evidence.domain.scorecard import Resolution
    from evidence.io.frozen_files import read_frozen
    from evidence.io.registry import SUFFIXES

    names = [e.document for e in chain.entries if e.kind == "resolve" and e.registration == digest]
    read = [read_frozen(chain.folder / f"{name}{SUFFIXES['resolution']}", Resolution) for name in names]
    return [(found, record) for record, found in read]


def _require_standing(chain: Chain, digest: str) -> None:
    """Raises BadInput where the registry does not know the registration."""
    from evidence.domain.registry import entry_of

    if entry_of(chain.entries, digest) is None:
        raise BadInput([Problem(str(chain.folder), None, "", f"no line about {digest[:12]}…", "a frozen registration")])


def _report(
    outcomes: Path | None, log: Path | None, annul: list[str], scenario: str | None, *, by: str, source: str
) -> Report:
    from evidence.analysis.prereg_resolve import Report
    from evidence.domain.canonical import sha256_hex
    from evidence.domain.registration import DataFile
    from evidence.io.resolutions import TargetRows, read_target_rows, read_try_log

    if outcomes is None and log is None and not annul:
        raise bad_option("--outcomes", "nothing", "--outcomes, --log or --annul")
    for option, text in (("--by", by), ("--source", source)):
        if not text.strip():
            raise bad_option(option, "nothing", "words")
    rows = TargetRows() if outcomes is None else read_target_rows(outcomes)
    tried = () if log is None else read_try_log(log)
    files = [(path, path.read_bytes()) for path in (outcomes, log) if path is not None]
    return Report(
        by=by, source=source, utc=now_utc(), outcomes=rows.outcomes, findings=rows.findings, tried=tried,
        annulled=tuple(_annulment(text) for text in annul), scenario=scenario,
        files=tuple(DataFile(name=p.name, sha256=sha256_hex(data), bytes=len(data)) for p, data in files),
    )  # fmt: skip


def _annulment(text: str) -> Annulment:
    from evidence.domain.scorecard import Annulment

    name, equals, reason = (part.strip() for part in text.partition("="))
    if not equals or not name or not reason:
        raise bad_option("--annul", repr(text), "ID=REASON")
    return Annulment(prediction=name, reason=reason)


def _previous(chain: Chain, registration: Registration) -> Registration | None:
    """The revision this one took the place of, from the same folder."""
    from evidence.io.registry import SUFFIXES, read_registration

    if registration.prev_hash is None:
        return None
    return read_registration(chain.folder / f"{registration.prev_hash}{SUFFIXES['registration']}")[0]


def updated_from(path: Path, registration: Registration, digest: str) -> Updated:
    """The posterior in a result. Raises BadInput where the result does not refer to the registration."""
    from evidence.analysis.prereg_score import Updated
    from evidence.cli.prereg_verify import analysis_of
    from evidence.domain.canonical import sha256_hex

    said = analysis_of(path)
    if said.provenance.get("prereg_hash") != digest:
        found = f"a reference to {said.provenance.get('prereg_hash') or 'no registration'}"
        raise BadInput([Problem(str(path), None, "provenance.prereg_hash", found, digest)])
    if said.ok is not True:
        raise BadInput([Problem(str(path), None, "ok", str(said.ok), "a result whose checks passed")])
    known = [s.target for s in registration.scenarios]
    # At all scenarios by weight, the result speaks of whichever came.
    scenarios = tuple(known) if said.target == "scenarios" else (said.target or "",)
    sha256 = sha256_hex(path.read_bytes())
    if said.kind == "fit":
        return Updated(sha256, scenarios, beliefs=_stored_beliefs(path, registration))
    from evidence.io.analyses import probabilities_in, read_result

    return Updated(sha256, scenarios, p_above=probabilities_in(read_result(path)))


def _stored_beliefs(path: Path, registration: Registration) -> Mapping[tuple[str, str], Any]:
    """Mixtures of every registered pair, from the draws of a stored fit."""
    from evidence.analysis.prereg_beliefs import pair_mixtures
    from evidence.cli.fits import stored_fit

    _, _, posterior, _ = stored_fit(path)
    return pair_mixtures(posterior, registration.question.techniques)
