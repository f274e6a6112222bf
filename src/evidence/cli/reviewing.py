"""`evidence review`: one page on a study, or a page for each of a literature."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from evidence.cli import flags
from evidence.cli.prereg_files import RegistryOption
from evidence.cli.prereg_verify import registered_inputs
from evidence.cli.running import (
    NO_VERDICT,
    Choices,
    answer,
    bad_option,
    base_named,
    checked,
    complain,
    engine_named,
    guarded,
    model_named,
    options_of,
    paper_at,
    progress_bar,
    reproducing_line,
    require_engine,
    run_review,
    show,
)
from evidence.domain.records import Model
from evidence.domain.results import Review

REPORT_SUFFIXES = (".html", ".md", ".json")


@guarded
def review(
    context: typer.Context,
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY...|FILE.toml",
            help="Id of a study of the base, several to read together, or a paper file.",
        ),
    ] = None,
    *,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            envvar="EVIDENCE_REVIEW_ALL",
            help="Every study of the base; of every shipped base where none is given.",
        ),
    ] = False,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    finding: Annotated[str | None, typer.Option("--finding", metavar="ID", help="One finding of the study.")] = None,
    belief: flags.Belief = None,
    no_elicit: Annotated[
        bool, typer.Option("--no-elicit", help="Go without the reader's own belief; the page says so.")
    ] = False,
    prereg: flags.Prereg = None,
    registry: RegistryOption = None,
    report: flags.Report = None,
    force: flags.Force = False,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    engine: flags.EngineName = "exact",
    set: flags.Settings = None,
    scheduler: flags.Scheduler = None,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """One page on one study, or on several read together: before, warranted, at face value, and what limits it.

    Example: evidence review greenblatt2023control --base control --belief 85 --report review.html

    Every study of every shipped base, a line each, and a page each: evidence review --all --report reviews
    """
    choices = Choices(target, tuple(set or ()), seed)
    if no_elicit and belief is not None:
        raise bad_option("--no-elicit", f"--belief {belief:g} beside it", "one of the two")
    require_engine(engine, "exact")
    if every:
        _require_alone("--all", STUDY=studies, **{"--finding": finding, "--belief": belief, "--prereg": prereg})
        named = base if _was_given(context, "base") else None
        pages = None if report is None else Pages(report, reproducing_line(context), force=force)
        _review_all(named, model_named(model), choices, pages, as_json=json, quiet=quiet, scheduler=scheduler)
        return
    if scheduler is not None:
        raise bad_option("--scheduler", "one review", "--all: one review is not spread")
    _require_writable(report, force=force)
    priors = model_named(model)
    if not studies:
        raise bad_option("STUDY", "nothing", "the id of a study of the base, a paper file, or --all")
    file = next((study for study in studies if study.endswith(".toml")), None)
    if file is not None and len(studies) > 1:
        raise bad_option("STUDY", f"{file} beside {len(studies) - 1} more", "one paper file alone, or ids of studies")
    digest = None
    if prereg is not None:
        if file:
            raise bad_option("--prereg", f"the paper file {file}", "a study of the registered base, or of --base")
        inputs = registered_inputs(context, prereg, registry, base=base, settings=set or ())
        evidence_base, priors, digest, chosen = inputs.base, inputs.model, inputs.prereg_hash, tuple(studies)
        choices = Choices(inputs.target, inputs.settings, inputs.seed)
    else:
        evidence_base = checked(paper_at(Path(file)) if file else base_named(base), priors)
        chosen = (evidence_base.studies[-1].id,) if file else tuple(studies)
    found = run_review(
        evidence_base, priors, studies=chosen, finding=finding, choices=choices, belief=belief, quiet=quiet
    )
    if digest is not None:
        found = found.model_copy(update={"provenance": found.provenance.model_copy(update={"prereg_hash": digest})})
    command = reproducing_line(context)
    if report is not None:
        _write_report(report, found, command=command, force=force)
    from evidence.report.render import review_view

    answer(found, lambda: review_view(found, command=command), as_json=json)


@dataclass(frozen=True)
class Pages:
    """Where `--all` writes its pages: FOLDER/BASE/STUDY.html."""

    folder: Path
    command: str
    force: bool

    def place(self, base: str, study: str) -> Path:
        """The page of one study; characters that a file name should not have become `-`."""
        return self.folder / _as_file_name(Path(base).name) / f"{_as_file_name(study)}.html"

    def require_free(self, places: Iterable[tuple[str, str]]) -> None:
        """Raises BadInput before the work is done where a page would be written over, or two would be one file."""
        if self.folder.suffix or (self.folder.exists() and not self.folder.is_dir()):
            raise bad_option("--report", repr(str(self.folder)), "with --all a folder, e.g. reviews")
        from evidence.io.store import make_folder, require_writable

        met: set[Path] = set()
        for base, study in places:
            path = self.place(base, study)
            if path in met or (path.exists() and not self.force):
                raise bad_option("--report", f"an existing file {path}", "another folder, or --force to overwrite")
            met.add(path)
        for path in sorted(met):
            make_folder(path.parent)
            require_writable(path, force=self.force)

    def write(self, base: str, review: Review) -> None:
        """The page, with the line that makes it alone."""
        from evidence.io.store import make_folder

        path = self.place(base, review.study or "")
        make_folder(path.parent)
        # The line of --all, as if this study had been named.
        named = {"--all", "--base", base, Path(base).name}
        words = [word for word in shlex.split(self.command) if word not in named]
        command = shlex.join([*words[:2], review.study or "", "--base", Path(base).name, *words[2:]])
        _write_report(path, review, command=command, force=self.force)


def _as_file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip(".") or "-"


def _review_all(
    base: str | None, priors: Model, choices: Choices, pages: Pages | None, *,
    as_json: bool, quiet: bool, scheduler: str | None,
) -> None:  # fmt: skip
    """Review every study of one base, or of every shipped one. Exits with 5 where a verdict is withheld."""
    from evidence.io.shipped import list_shipped

    names = list(list_shipped().bases) if base is None else [base]
    bases = {name: checked(base_named(name), priors) for name in names}
    found: list[tuple[str, Review]] = []
    from evidence.batch import spread

    with progress_bar(quiet=quiet) as progress, spread(scheduler) as over:
        from evidence.analysis.many import Studied, review_each
        from evidence.analysis.subject import reviewed_studies

        places = [(name, study) for name, b in bases.items() for study in reviewed_studies(b)]
        if pages is not None:
            pages.require_free(places)
        options, engine = options_of(choices, None), engine_named("exact")
        asked = [Studied(bases[name], priors, study, engine, options) for name, study in places]
        reviews = iter(review_each(asked, over))
        for number, (name, _) in enumerate(places):
            if progress is not None:
                progress("reviewing", number, len(places))
            found.append((bases[name].question.id, next(reviews)))
            if pages is not None:
                pages.write(name, found[-1][1])
    if as_json:
        from evidence.report.documents import json_of_reviews

        typer.echo(json_of_reviews(found), nl=False)
    else:
        from evidence.report.render import reviews_view

        show(reviews_view(found))
    failed = [f"{name}: {review.study}" for name, review in found if not review.ok]
    if failed:
        complain([f"no verdict: {', '.join(failed)}; `evidence review STUDY --base BASE` says why"])
        raise typer.Exit(NO_VERDICT)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _require_alone(option: str, **others: object) -> None:
    """Raises BadInput for an option or argument that makes no sense beside `option`."""
    for name, value in others.items():
        if value is not None:
            raise bad_option(option, f"{name} beside it", "one of the two")


def _require_writable(report: Path | None, *, force: bool) -> None:
    """Raises BadInput before the work is done, not after it."""
    if report is None:
        return
    if report.suffix.lower() not in REPORT_SUFFIXES:
        raise bad_option("--report", repr(str(report)), f"a name that ends in {', '.join(REPORT_SUFFIXES)}")
    from evidence.io.store import require_writable

    require_writable(report, force=force)


def _write_report(path: Path, review: Review, *, command: str, force: bool) -> None:
    from evidence.io.store import write_text
    from evidence.report.documents import html_of, json_of, markdown_of

    match path.suffix.lower():
        case ".json":
            text = json_of(review)
        case ".md":
            text = markdown_of(review, command=command)
        case _:
            text = html_of(review, command=command)
    write_text(path, text, force=force)
