"""`evidence app`: the app on this machine, with safe options."""

from __future__ import annotations

import ipaddress
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.running import bad_option, complain, guarded
from evidence.domain.errors import BadInput, Problem

LOOPBACK = "127.0.0.1"
REGISTERED_VARIABLE = "EVIDENCE_APP_REGISTERED"
_SAFE: tuple[str, ...] = (
    "--server.headless=true", "--server.maxUploadSize=10", "--server.fileWatcherType=none",
    "--server.enableStaticServing=false", "--server.enableXsrfProtection=true", "--server.enableCORS=true",
    "--browser.gatherUsageStats=false", "--client.showErrorDetails=none", "--client.toolbarMode=minimal",
    "--runner.magicEnabled=false", "--logger.level=warning", "--theme.light.primaryColor=#0072b2",
    "--theme.dark.primaryColor=#56b4e9",
)  # fmt: skip


@guarded
def app(
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = LOOPBACK,
    port: Annotated[int, typer.Option("--port", min=1024, max=65535, help="Port to listen on.")] = 8501,
    unsafe_host: Annotated[
        bool, typer.Option("--unsafe-host", help="Allow an address that others can reach: anybody there can use it.")
    ] = False,
    registered: Annotated[
        Path | None,
        typer.Option("--registered", metavar="MODEL.toml", help="Priors to hold the screen against."),
    ] = None,
) -> None:
    """Sliders, verdict and ranking in the browser, for one person on her own machine.

    Share the HTML report, not the server; from another machine use `ssh -L 8501:127.0.0.1:8501`.

    Example: evidence app --port 8600
    """
    _require_loopback(host, unsafe=unsafe_host)
    if find_spec("streamlit") is None:
        raise BadInput((Problem("evidence app", None, "", "no streamlit", "pip install 'evidence[app]'"),))
    if registered is not None:
        from evidence.io.models import load_model

        load_model(registered)
    complain([f"evidence app: http://{_shown(host)}:{port} (Ctrl-C ends it)"])
    os.execve(sys.executable, command_of(host, port), environment_of(host, registered))  # noqa: S606 (no shell)


def _require_loopback(host: str, *, unsafe: bool) -> None:
    """Raises BadInput for an address that others can reach, unless the reader asked for that in so many words."""
    try:
        safe = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise bad_option("--host", repr(host), "an address, e.g. 127.0.0.1") from None
    if not safe and not unsafe:
        wanted = "127.0.0.1, which only this machine reaches; --unsafe-host beside it opens the app to others"
        raise bad_option("--host", host, wanted)


def command_of(host: str, port: int) -> list[str]:
    """The command that serves the app."""
    entry = Path(__file__).parents[1] / "app" / "entry.py"
    return [
        sys.executable, "-m", "streamlit", "run", str(entry), f"--server.address={host}", f"--server.port={port}",
        *_SAFE,
    ]  # fmt: skip


def environment_of(host: str, registered: Path | None) -> dict[str, str]:
    """The environment of the server: Streamlit's own variables, which could widen what it does, are left out."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STREAMLIT_") and k != REGISTERED_VARIABLE}
    # Names a page may be asked for by: a foreign name that points here is refused (DNS rebinding).
    kept["STREAMLIT_SERVER_ALLOWED_HOSTS"] = " ".join(dict.fromkeys((host, LOOPBACK, "localhost")))
    return kept if registered is None else kept | {REGISTERED_VARIABLE: str(registered.resolve())}


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
