"""Stored fits: writing one for `rank --out`, and `diagnose`."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evidence.cli import flags
from evidence.cli.running import NO_VERDICT, bad_option, complain, guarded, reproducing_line, show
from evidence.domain.errors import BadInput, Problem

if TYPE_CHECKING:
    from xarray import DataTree

    from evidence.analysis.ranking import Fitted
    from evidence.domain.results import Diagnosis, FitHeader
    from evidence.inference.engine import Posterior

SUFFIX = ".nc"


def require_free(out: Path | None, *, force: bool) -> None:
    """Raises BadInput where the fit could not be written, before the work is done."""
    if out is None:
        return
    if out.suffix.lower() != SUFFIX:
        raise bad_option("--out", repr(str(out)), f"a name that ends in {SUFFIX}")
    from evidence.io.store import require_writable

    require_writable(out, force=force)


def store_fit(out: Path, fitted: Fitted, *, force: bool) -> None:
    """Write the fit with its checks: a failed one too, and it stays a failed one."""
    from evidence.analysis.diagnose import is_whole
    from evidence.domain.results import FitHeader
    from evidence.inference.tree import to_tree
    from evidence.io.fits import header_attributes, write_fit

    ranking, case = fitted.ranking, fitted.case
    header = FitHeader(
        base=ranking.base, target=ranking.target, model=ranking.model, engine=ranking.engine, checks=ranking.checks,
        ok=ranking.ok, whole=is_whole(fitted.posterior), fingerprint=ranking.fingerprint, provenance=ranking.provenance,
    )  # fmt: skip
    tree = to_tree(
        fitted.posterior, fitted.prior, design=case.design, hyper=case.hyper,
        attributes=header_attributes(header), seed=ranking.provenance.seed,
    )  # fmt: skip
    write_fit(out, tree, force=force)


@guarded
def diagnose(  # noqa: PLR0917 (one parameter per argument and option)
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.nc", help="A fit stored by `evidence rank --out`.")],
    plots: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write ArviZ's plots of the fit there, as SVG.")
    ] = None,
    force: flags.Force = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """The checks of a stored fit, as stored and from its draws today; exit 5 if one failed.

    Example: evidence diagnose fit.nc --plots plots
    """
    del quiet  # nothing here takes long
    tree, chains, found = diagnosed(file)
    if plots is not None:
        _write_plots(plots, tree, chains, force=force)
    if json:
        from evidence.report.documents import json_text

        typer.echo(json_text(found.model_dump(mode="json")), nl=False)
    else:
        from evidence.report.render import diagnosis_view

        show(diagnosis_view(found, command=reproducing_line(context)))
    _require_sound(found)


def stored_fit(file: Path) -> tuple[FitHeader, DataTree, Posterior, Mapping[str, Any]]:
    """A stored fit with what the engine returned and the draws of its prior. Raises BadInput for any other layout."""
    from evidence.inference.tree import from_tree, prior_draws
    from evidence.io.fits import read_fit

    header, tree = read_fit(file)
    with _as_bad_input(file):
        return header, tree, from_tree(tree, header.checks), prior_draws(tree)


def diagnosed(file: Path) -> tuple[DataTree, int, Diagnosis]:
    """A stored fit, its chains, and what it is worth. Raises BadInput for a file that does not hold what it should."""
    from evidence.analysis.diagnose import diagnose_fit

    header, tree, posterior, prior = stored_fit(file)
    with _as_bad_input(file):
        return tree, posterior.chains, diagnose_fit(header, posterior, prior)


@contextmanager
def _as_bad_input(file: Path) -> Generator[None]:
    """What arrays of another shape or type raise, as BadInput: a file can hold anything.

    Numbers too large to compute with end in a failed check or, where nothing finite is left, here: no need to warn.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    except (LookupError, ValueError, TypeError, ArithmeticError):
        raise BadInput([Problem(str(file), None, "", "another layout", "a fit of this version")]) from None


def _write_plots(folder: Path, tree: DataTree, chains: int, *, force: bool) -> None:
    """Plots of a fit whose checks failed too: they are for seeing why."""
    from evidence.inference.diagnostic_plots import diagnostic_plots, plot_names
    from evidence.io.store import replacing_files

    with replacing_files(folder, plot_names(chains), force=force) as temporary:
        for name, svg in diagnostic_plots(tree, chains).items():
            (temporary / name).write_text(svg, encoding="utf-8")


def _require_sound(found: Diagnosis) -> None:
    """Exits with 5, saying what failed and what to try."""
    if found.ok:
        return
    from evidence.report.page import WHAT_TO_TRY, diagnosis_failures

    complain([f"no verdict: {'; '.join(diagnosis_failures(found))}; try {WHAT_TO_TRY}"])
    raise typer.Exit(NO_VERDICT)
