"""The options that several commands share, so that one name means one thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MAX_SEED = 2**53 - 1
DEFAULT_BASE = "control"
DEFAULT_MODEL = "default"

Base = Annotated[str, typer.Argument(metavar="BASE", help="Folder of tables, or the name of a shipped base.")]
BaseOption = Annotated[str, typer.Option("--base", help="Folder of tables, or the name of a shipped base.")]
Target = Annotated[str | None, typer.Option("--target", metavar="ID", help="Target; default: the first.")]
ModelName = Annotated[str, typer.Option("--model", metavar="M", help="Model file, or the name of a shipped one.")]
EngineName = Annotated[
    str,
    typer.Option("--engine", help="exact, or for rank also sampled: NUTS on the model with explicit latents, slow."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change an assumption: validity.FAMILY=.2..0.6 or prior.tau=0.5; LO..HI is an 80 % interval. Repeatable.",
    ),
]
Belief = Annotated[
    float | None,
    typer.Option("--belief", metavar="IN_100", help="What you would say after reading, in 100 (1 to 99)."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of every random draw.")]
Rounds = Annotated[
    int | None,
    typer.Option(
        "--rounds",
        min=2,
        help="Let the exact engine draw for so many rounds, not 32: where nothing but mcse_p failed.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="local:N|ADDRESS",
        help="Spread the work over N processes, or over the workers of a Dask scheduler (docs/scale.md).",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write the page to FILE.html, FILE.md or FILE.json; with --all to a folder.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.nc", help="Also store the fit, for `diagnose` and for ArviZ.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]
LowerIsBetter = Annotated[bool, typer.Option("--lower-is-better", help="Smaller numbers are better for the technique.")]
Prereg = Annotated[
    str | None,
    typer.Option(
        "--prereg", metavar="HASH|FILE",
        help="Take model, scenarios, settings and, unless a base is named, evidence from a registration; the result refers to it.",
    ),
]  # fmt: skip
