"""The command line: `evidence COMMAND`. Exit codes: 0 ok, 1 internal error, 2 bad input or usage, 3 tampered, 4 deviates, 5 no verdict."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from evidence.cli import (
    adding,
    ask,
    backtests,
    calibration,
    elicit,
    exports,
    files,
    fits,
    imports,
    prereg,
    reviewing,
    starting,
    values,
)
from evidence.cli import app as app_command

app = typer.Typer(
    name="evidence",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "EVIDENCE", "help_option_names": ["-h", "--help"]},
)
app.command("list")(files.list_shipped_files)
app.command("init")(starting.init)
app.command("add")(adding.add)
app.command("check")(files.check)
app.command("schema")(files.show_schema)
app.command("quick")(ask.quick)
app.command("rank")(ask.rank)
app.command("review")(reviewing.review)
app.command("what-if")(ask.what_if)
app.command("app")(app_command.app)
app.command("value")(values.value)
app.command("backtest")(backtests.backtest)
app.command("calibrate")(calibration.calibrate)
app.command("diagnose")(fits.diagnose)
app.command("export")(exports.export)
app.add_typer(elicit.app)
app.add_typer(imports.app)
app.add_typer(prereg.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("evidence"))
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Says how far a proxy result should move the ranking of techniques at the target.

    Every option has a variable: EVIDENCE_RANK_SEED for `evidence rank --seed`, and so on.
    """


def main() -> None:
    """Run the command line; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name the terminal cannot spell must not end the run
    app(prog_name="evidence")
