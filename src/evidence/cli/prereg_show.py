"""`evidence prereg list` and `show`: what the registry holds, and what one registration says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence.cli import flags
from evidence.cli.prereg_drafts import today
from evidence.cli.prereg_files import RegistrationName, RegistryOption, answer_page, registration_named, registry_folder
from evidence.cli.prereg_resolve import resolutions_of
from evidence.cli.running import complain, guarded, show

if TYPE_CHECKING:
    from evidence.domain.registration import Registration
    from evidence.domain.registry import Listed
    from evidence.io.registry import Chain


@guarded
def list_registrations(
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Every registration of a registry, with its siblings and what is due.

    Example: evidence prereg list --registry registrations
    """
    from evidence.io.registry import read_chain, unlisted_files
    from evidence.report.prereg import listed_lines

    folder = registry_folder(registry)
    chain = read_chain(folder)
    rows = listed_registrations(folder, chain)
    loose = unlisted_files(chain) if chain.entries else ()
    notes = [f"in no line of the registry: {name}" for name in loose]
    if chain.torn:
        notes.append(
            f"a half-written last line of {len(chain.torn)} bytes: the next command that writes moves it aside"
        )
    if not quiet:
        complain(notes)
    if json:
        from evidence.report.documents import json_text

        document = {
            "registrations": [row.model_dump(mode="json") for row in rows], "entries": len(chain.entries),
            "unlisted": list(loose), "torn": bool(chain.torn), "last": chain.last,
        }  # fmt: skip
        typer.echo(json_text(document), nl=False)
    else:
        from evidence.report.render import lines_view

        show(lines_view(listed_lines(rows, len(chain.entries), chain.last)))


@guarded
def show_registration(
    registration: RegistrationName,
    *,
    registry: RegistryOption = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """What a frozen registration says; its bytes are checked against its hash first.

    Example: evidence prereg show 7f3a21
    """
    del quiet
    found, digest, chain = registration_named(registration, registry)
    from evidence.domain.canonical import sha256_of
    from evidence.domain.registry import siblings_of, status_of
    from evidence.report.prereg import registration_page

    siblings = siblings_of(chain.entries, found.question.id, sha256_of(found.question), but=digest)
    status = status_of(chain.entries, digest)
    document = {"hash": digest, "status": status, "siblings": siblings.model_dump(),
                "registration": found.model_dump(mode="json", exclude_none=True)}  # fmt: skip
    answer_page(document, registration_page(found, digest, status, siblings), as_json=json)


def listed_registrations(folder: Path, chain: Chain) -> list[Listed]:
    """Every registration of the chain with its status, siblings and what is due. Raises Tampered for other bytes."""
    from evidence.domain.registry import Listed, freezing, siblings_of, status_of
    from evidence.io.registry import SUFFIXES, read_registration

    rows: list[Listed] = []
    for entry in freezing(chain.entries):
        found, _ = read_registration(folder / f"{entry.registration}{SUFFIXES['registration']}")
        status = status_of(chain.entries, entry.registration)
        rows.append(
            Listed(
                hash=entry.registration, id=found.id, title=found.title, question=entry.question,
                authors=tuple(a.name for a in found.authors), utc=entry.utc, revision=found.revision, status=status,
                siblings=siblings_of(
                    chain.entries, entry.question, entry.question_sha256, but=entry.registration
                ),
                reminders=_reminders(found, entry.registration, chain) if status not in {"amended", "withdrawn"} else (),
            )
        )  # fmt: skip
    return rows


def _reminders(found: Registration, digest: str, chain: Chain) -> tuple[str, ...]:
    """What is due of the predictions that are neither resolved nor annulled."""
    resolutions = [r for _, r in resolutions_of(chain, digest)]
    touched = {o.target for r in resolutions for o in r.outcomes}
    done = {a.prediction for r in resolutions for a in r.annulled}
    done |= {p.id for p in found.predictions if p.scenario in touched}
    return tuple(found.reminders(today(), done=done))
