"""The command line in this process, what its JSON answers hold, and scripts of this folder that write files for tests."""

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from evidence.cli import app


def run(*words, code=0):
    """`evidence WORDS` without a terminal, on lines too long to be broken; anything but exit code `code` is a failure."""
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(w) for w in words], prog_name="evidence")
    assert result.exit_code == code, result.output
    return result


def assert_refused(result, says):
    """Bad input: exit code 2, nothing on standard output, what was wanted on the other, no traceback and no colour."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr


def floats_of(value):
    """Every float of a parsed JSON document, however deep; whole numbers, texts and keys left out."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from floats_of(item)
    elif isinstance(value, float):
        yield value


def written_by(script, folder):
    """`folder` with what `tests/SCRIPT` writes into it, in a process of its own."""
    path = Path(__file__).parent / script
    subprocess.run([sys.executable, str(path), str(folder)], check=True, capture_output=True)
    return folder
