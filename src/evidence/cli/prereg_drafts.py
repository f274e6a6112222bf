"""`evidence prereg new`, `check`, `freeze`: what you believe today, frozen."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.analysis.options import READERS
from evidence.cli import flags
from evidence.cli.prereg_files import RegistryOption, answer_page, registry_folder, source_of
from evidence.cli.running import (
    NO_VERDICT,
    bad_option,
    base_named,
    complain,
    engine_named,
    guarded,
    model_named,
    progress_bar,
    show,
)
from evidence.domain.errors import BadInput, Problem

if TYPE_CHECKING:
    from evidence.analysis.prereg_freeze import Amends, Source
    from evidence.domain.registration import Registration
    from evidence.domain.registry import EntryKind, Registered, Siblings
    from evidence.io.registry import Chain, Change, Written

Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm", metavar="IN_100", min=0, max=100,
        help="P(technique ahead), in 100, as `check` shows it; asked for at a terminal.",
    ),
]  # fmt: skip
DraftFile = Annotated[Path, typer.Argument(metavar="DRAFT.prereg.toml", help="A draft, as `new` writes it.")]


@guarded
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE.prereg.toml", help="Where the draft goes.")],
    *,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    force: flags.Force = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes the commented draft of a registration about a base.

    Example: evidence prereg new mine.prereg.toml --base control
    """
    from evidence.io.prereg_template import draft_text
    from evidence.io.registrations import SUFFIX
    from evidence.io.shipped import name_from
    from evidence.io.store import require_writable, write_text

    if not file.name.endswith(SUFFIX):
        raise bad_option("FILE", repr(file.name), f"a name that ends in {SUFFIX}")
    require_writable(file, force=force)
    model_named(model)
    text = draft_text(
        base_named(base, beside=file.parent), base_name=name_from(file.parent, base), model_name=model,
        created_utc=now_utc(),
    )  # fmt: skip
    write_text(file, text, force=force)
    name = shlex.quote(str(file))
    todo = [f"1. edit {name}: every TODO", f"2. evidence prereg check {name}", f"3. evidence prereg freeze {name}"]
    if json:
        from evidence.report.documents import json_text

        typer.echo(json_text({"written": [str(file)], "next": todo}), nl=False)
    else:
        from evidence.report.render import lines_view

        show(lines_view([f"written: {file}", *([] if quiet else todo)]))


@guarded
def check(
    file: DraftFile,
    *,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Validates a draft, says what is vague, and shows what would be frozen, in natural frequencies.

    Example: evidence prereg check mine.prereg.toml
    """
    source = source_of(file)
    registration = computed(source, quiet=quiet)
    from evidence.analysis.prereg_freeze import find_open, find_vague, headline_p
    from evidence.domain.canonical import frozen_bytes, sha256_hex
    from evidence.io.registry import read_chain
    from evidence.report.prereg import check_page

    vague = (*find_vague(source.draft, today=today()), *find_open(registration))
    chain = read_chain(registry_folder(registry))
    siblings = siblings_in(chain, registration)
    digest = sha256_hex(frozen_bytes(registration))
    page = check_page(registration, digest, headline_p(registration), vague, siblings)
    answer_page(
        {"hash": digest, "p_ahead": headline_p(registration), "vague": list(vague), "ok": is_sound(registration),
         "siblings": siblings.model_dump(), "registration": registration.model_dump(mode="json", exclude_none=True)},
        page, as_json=json,
    )  # fmt: skip
    require_sound(registration)


@guarded
def freeze(
    file: DraftFile,
    *,
    confirm: Confirm = None,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Freezes a draft: canonical bytes, named by their SHA-256, and one more line of the registry.

    Example: evidence prereg freeze mine.prereg.toml --confirm 62
    """
    source = source_of(file)
    registration = computed(source, quiet=quiet)
    confirmed(registration, confirm)
    folder = registry_folder(registry)
    registered = commit_registration(folder, registration, kind="freeze")
    answer_registered(registered, folder, as_json=json)


def today() -> date:
    """Today, in UTC."""
    return datetime.now(UTC).date()


def now_utc() -> str:
    """The time, by the clock of this machine, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def computed(source: Source, *, amends: Amends | None = None, quiet: bool) -> Registration:
    """The record that would be frozen, from this machine's engine."""
    readers = {name: model_named(model) for name, model in READERS.items()}
    with progress_bar(quiet=quiet) as progress:
        from evidence.analysis.prereg_freeze import build_registration

        return build_registration(
            source, engine=engine_named(source.draft.engine.name), amends=amends, progress=progress, **readers
        )


def is_sound(registration: Registration) -> bool:
    """True if every check of the engine passed, in every scenario."""
    return all(check.ok for belief in registration.beliefs for check in belief.checks.values())


def require_sound(registration: Registration) -> None:
    """Exits with 5 where a check of the engine failed: such numbers are not frozen."""
    if is_sound(registration):
        return
    failed = [f"{b.target}: {name}" for b in registration.beliefs for name, check in b.checks.items() if not check.ok]
    complain([f"no verdict: {', '.join(failed)} failed; nothing was frozen. Try another seed in [engine]"])
    raise typer.Exit(NO_VERDICT)


def confirmed(registration: Registration, typed: int | None) -> None:
    """Asks for P(technique ahead) of the question's pair again: a slip of sign or scale is seen there.

    Raises BadInput where it is not what the engine found, or nobody can be asked.
    """
    require_sound(registration)
    from evidence.analysis.prereg_freeze import headline_p
    from evidence.report.prereg import confirmation_lines

    p = headline_p(registration)
    if typed is None:
        if not at_terminal():
            wanted = "the number in 100 that `evidence prereg check` shows as P(technique ahead)"
            raise bad_option("--confirm", "nothing", wanted)
        complain(confirmation_lines(registration))
        typed = typer.prompt("P(ahead), in 100", type=int, err=True)
    if typed != round(100 * p):
        question = registration.question
        pair = f"P({question.technique} ahead of {question.comparator}) at {registration.scenarios[0].target}"
        # The number itself is not told here: it has to be read where it is shown.
        raise bad_option("--confirm", str(typed), f"{pair} as it would be frozen: `evidence prereg check` shows it")


def at_terminal() -> bool:
    """True where somebody can be asked."""
    return sys.stdin.isatty()


def siblings_in(chain: Chain, registration: Registration, digest: str | None = None) -> Siblings:
    """Registrations of the same question, but this one."""
    from evidence.domain.canonical import sha256_of
    from evidence.domain.registry import siblings_of

    question = registration.question
    return siblings_of(chain.entries, question.id, sha256_of(question), but=digest)


def commit_registration(
    folder: Path,
    registration: Registration,
    *,
    kind: EntryKind,
    reason: str = "",
    allowed: Callable[[Chain], None] | None = None,
) -> Registered:
    """Add a registration to the registry; one that is there already is left as it is.

    `allowed` raises BadInput where the chain, as it is under the lock, does not allow it.
    """
    from evidence.domain.canonical import frozen_bytes, sha256_hex, sha256_of
    from evidence.domain.registry import entry_of
    from evidence.io.frozen_files import MAX_BYTES
    from evidence.io.registry import SUFFIXES, Change, already, commit

    data = frozen_bytes(registration)
    digest = sha256_hex(data)
    if len(data) > MAX_BYTES:
        found = f"{len(data):,} bytes"
        wanted = f"at most {MAX_BYTES:,}: fewer techniques or scenarios, or a smaller base"
        raise BadInput([Problem(registration.id, None, "", found, wanted)])

    def build(chain: Chain) -> Change | Written:
        known = entry_of(chain.entries, digest)
        if known is not None:
            return already(chain, known)
        if allowed is not None:
            allowed(chain)
        question = registration.question
        return Change(
            kind=kind, registration=digest, question=question.id, question_sha256=sha256_of(question),
            author=", ".join(a.name for a in registration.authors), suffix=SUFFIXES["registration"],
            document=registration, amends=registration.prev_hash, reason=reason,
            siblings=siblings_in(chain, registration).total,
        )  # fmt: skip

    return registered_as(commit(folder, build, utc=now_utc()), folder)


def registered_as(written: Written, folder: Path) -> Registered:
    """The answer about a line that was written, or was there."""
    from evidence.domain.registry import Registered, siblings_of
    from evidence.io.registry import SUFFIXES, read_chain

    entry = written.entry
    chain = read_chain(folder)
    names = [f"{entry.document}{s}" for s in SUFFIXES.values() if (folder / f"{entry.document}{s}").exists()]
    return Registered(
        kind=entry.kind, hash=entry.registration, document=entry.document,
        file=str(folder / names[0]) if names else None, seq=entry.seq, entry_sha256=written.sha256,
        siblings=siblings_of(chain.entries, entry.question, entry.question_sha256, but=entry.registration),
        new=written.new,
    )  # fmt: skip


def answer_registered(registered: Registered, folder: Path, *, as_json: bool) -> None:
    """Say what the registry now holds."""
    from evidence.report.prereg import registered_page

    answer_page(registered.model_dump(mode="json"), registered_page(registered, str(folder)), as_json=as_json)
