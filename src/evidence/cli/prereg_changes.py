"""`evidence prereg amend`, `withdraw` and `export`: what happens to a registration while it waits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evidence.cli import flags
from evidence.cli.prereg_drafts import (
    Confirm,
    DraftFile,
    answer_registered,
    commit_registration,
    computed,
    confirmed,
    now_utc,
    registered_as,
)
from evidence.cli.prereg_files import RegistrationName, RegistryOption, registration_named, source_of
from evidence.cli.running import bad_option, guarded
from evidence.domain.errors import BadInput, Problem

if TYPE_CHECKING:
    from evidence.domain.prereg import Draft
    from evidence.domain.registration import Registration
    from evidence.io.registry import Chain, Change, Written

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it goes into the registry.")]


@guarded
def amend(
    registration: RegistrationName,
    file: DraftFile,
    *,
    reason: Reason,
    confirm: Confirm = None,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Freezes a draft as the next revision of a registration, which stays as it is and can still be scored.

    Example: evidence prereg amend 7f3a21 mine.prereg.toml --reason "a second study was published"
    """
    earlier, digest, chain = registration_named(registration, registry)
    _require_reason(reason)
    if not any(e.amends == digest and e.reason == reason for e in chain.entries):  # else a command that was interrupted
        _require_open(chain, digest)
    source = source_of(file)
    _require_amendment(earlier, source.draft, file)
    from evidence.analysis.prereg_freeze import Amends

    amended = computed(source, amends=Amends(digest, earlier.revision, reason), quiet=quiet)
    confirmed(amended, confirm)
    registered = commit_registration(
        chain.folder, amended, kind="amend", reason=reason, allowed=lambda now: _require_open(now, digest)
    )
    answer_registered(registered, chain.folder, as_json=json)


@guarded
def withdraw(
    registration: RegistrationName,
    *,
    reason: Reason,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Enters that a registration is withdrawn: it stays in the registry, is still counted, and can still be scored.

    Example: evidence prereg withdraw 7f3a21 --reason "the base had a row read wrongly"
    """
    del quiet
    found, digest, chain = registration_named(registration, registry)
    _require_reason(reason)
    from evidence.domain.canonical import sha256_of
    from evidence.io.registry import Change, already, commit

    def build(now: Chain) -> Change | Written:
        author = ", ".join(a.name for a in found.authors)
        for entry in now.entries:
            if (entry.kind, entry.registration, entry.reason, entry.author) == ("withdraw", digest, reason, author):
                return already(now, entry)
        _require_open(now, digest)
        question = found.question
        return Change(
            kind="withdraw", registration=digest, question=question.id, question_sha256=sha256_of(question),
            author=author, reason=reason,
        )  # fmt: skip

    registered = registered_as(commit(chain.folder, build, utc=now_utc()), chain.folder)
    answer_registered(registered, chain.folder, as_json=json)


@guarded
def export(
    form: Annotated[Literal["osf", "aspredicted"], typer.Argument(metavar="osf|aspredicted", help="Whose questions.")],
    registration: RegistrationName,
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.md", help="Write it to a file.")] = None,
    force: flags.Force = False,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """The text of a registration as answers to the questions of a public registry, to be pasted there.

    Example: evidence prereg export osf 7f3a21 --out osf.md
    """
    del quiet
    found, digest, _ = registration_named(registration, registry)
    from evidence.report.prereg_exports import aspredicted_text, osf_text

    text = osf_text(found, digest) if form == "osf" else aspredicted_text(found, digest)
    if out is not None:
        from evidence.io.store import write_text

        write_text(out, text, force=force)
    if json:
        from evidence.report.documents import json_text

        written = None if out is None else str(out)
        typer.echo(json_text({"form": form, "hash": digest, "written": written, "text": text}), nl=False)
    elif out is None:
        typer.echo(text, nl=False)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise bad_option("--reason", "nothing", "a sentence")


def _require_open(chain: Chain, digest: str) -> None:
    """Raises BadInput where the registration is not in the chain, or no longer waits for its resolution."""
    from evidence.domain.registry import entry_of, status_of

    status = status_of(chain.entries, digest)
    if entry_of(chain.entries, digest) is None or status != "frozen":
        found = status if entry_of(chain.entries, digest) else "not in this registry"
        wanted = "a frozen registration: the last revision, not withdrawn, of which nothing is resolved"
        raise BadInput([Problem(digest[:12], None, "", found, wanted)])


def _require_amendment(earlier: Registration, draft: Draft, file: Path) -> None:
    """The same question, and the question what was known answered anew."""
    if draft.question.id != earlier.question.id:
        raise BadInput([Problem(str(file), None, "question.id", repr(draft.question.id), repr(earlier.question.id))])
    if draft.knowledge == earlier.knowledge:
        wanted = "what had been seen by now, also if nothing has been added: it is asked again at every revision"
        raise BadInput([Problem(str(file), None, "knowledge.explain", "the words of the revision before", wanted)])
