"""`evidence init`: an evidence base, or the file of one paper, to fill in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import bad_option, base_named, guarded, show

DEFAULT_FOLDER = "evidence-base"


@guarded
def init(
    place: Annotated[
        Path, typer.Argument(metavar="DIR|FILE.toml", help="Folder of a new base, or the file of one paper.")
    ] = Path(DEFAULT_FOLDER),
    *,
    base: Annotated[
        str | None,
        typer.Option("--base", help="(FILE.toml) The base that the paper adds to; default: control."),
    ] = None,
    own_question: Annotated[
        bool, typer.Option("--own-question", help="(FILE.toml) A question of the paper's own, no base.")
    ] = False,
    force: flags.Force = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Writes a commented evidence base, or the file of one paper, with one example row of each kind.

    Example: evidence init my-base
    """
    is_paper = place.suffix == ".toml"
    if not is_paper and (base is not None or own_question):
        option = "--base" if base is not None else "--own-question"
        raise bad_option(option, f"the folder {place}", "FILE.toml: a folder has a question of its own")
    if base is not None and own_question:
        raise bad_option("--own-question", f"--base {base} beside it", "one of the two")
    if is_paper:
        written = _write_paper(place, base or flags.DEFAULT_BASE, own_question=own_question, force=force)
    else:
        from evidence.io.starter import write_starter

        written = write_starter(place, force=force)
    todo = _next_steps(place, is_paper=is_paper)
    if json:
        from evidence.report.documents import json_text

        typer.echo(json_text({"written": [str(path) for path in written], "next": todo}), nl=False)
    else:
        from evidence.report.render import lines_view

        show(lines_view([f"written: {', '.join(map(str, written))}", *([] if quiet else todo)]))


def _write_paper(path: Path, base: str, *, own_question: bool, force: bool) -> tuple[Path, ...]:
    from evidence.io.shipped import name_from
    from evidence.io.starter import paper_on, paper_with_own_question
    from evidence.io.store import require_writable, write_text

    require_writable(path, force=force)
    if own_question:
        text = paper_with_own_question()
    else:
        text = paper_on(base_named(base, beside=path.parent), name_from(path.parent, base))
    write_text(path, text, force=force)
    return (path,)


def _next_steps(place: Path, *, is_paper: bool) -> list[str]:
    """Three lines: what to edit, what checks it, what answers."""
    name = shlex.quote(str(place))
    if is_paper:
        return [
            f"1. edit {name}: replace what is marked EXAMPLE",
            f"2. evidence check {name}",
            f"3. evidence review {name}",
        ]
    return [
        f"1. edit {name}/base.toml: the question, its targets, the dimensions",
        f"2. evidence add STUDY --base {name}: fills the tables from a paper; then delete the EXAMPLE rows",
        f"3. evidence check {name}, evidence rank {name}",
    ]
