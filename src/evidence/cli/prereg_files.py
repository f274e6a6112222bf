"""What the commands of `evidence prereg` share: where the registry lies, what is read, how an answer is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evidence.cli.running import show

if TYPE_CHECKING:
    from evidence.analysis.prereg_freeze import Source
    from evidence.domain.registration import Registration
    from evidence.io.registry import Chain
    from evidence.report.page import Page

DEFAULT_REGISTRY = "registrations"
RegistryOption = Annotated[
    Path | None,
    typer.Option(
        "--registry", metavar="DIR",
        help=f"Folder of the registry; default: EVIDENCE_REGISTRY, or {DEFAULT_REGISTRY} in the current folder.",
    ),
]  # fmt: skip
RegistrationName = Annotated[
    str, typer.Argument(metavar="HASH|FILE", help="A frozen file, its hash, or the first digits of it.")
]


def registry_folder(registry: Path | None) -> Path:
    """The folder of the registry; it need not be there."""
    return registry if registry is not None else Path(os.environ.get("EVIDENCE_REGISTRY") or DEFAULT_REGISTRY)


def source_of(file: Path) -> Source:
    """A draft with what it names, and the code at hand. Raises BadInput for any problem, and for a TODO left in it."""
    from evidence.analysis.prereg_freeze import Source
    from evidence.domain.errors import BadInput, Problem
    from evidence.io.code_state import code_state
    from evidence.io.prereg_template import TODO
    from evidence.io.registrations import load_draft
    from evidence.io.text_files import read_text
    from evidence.io.toml_files import MAX_BYTES

    lines = read_text(file, max_bytes=MAX_BYTES).split("\n")
    todo = [i for i, line in enumerate(lines, 1) if TODO in line and not line.lstrip().startswith("#")]
    if todo:
        raise BadInput([Problem(str(file), i, "", TODO, "what it asks for") for i in todo])
    found = load_draft(file)
    return Source(found.draft, found.base, found.model, found.data, code_state())


def registration_named(name: str, registry: Path | None) -> tuple[Registration, str, Chain]:
    """A frozen registration, its hash, and the chain of its registry. Raises BadInput, or Tampered for other bytes."""
    from evidence.io.registry import find_registration, read_registration

    path, chain = find_registration(registry_folder(registry), name)
    registration, digest = read_registration(path)
    return registration, digest, chain


def answer_page(document: Any, page: Page, *, as_json: bool) -> None:
    """The document as JSON, or its page."""
    if as_json:
        from evidence.report.documents import json_text

        typer.echo(json_text(document), nl=False)
        return
    from evidence.report.render import page_view

    show(page_view(page))
