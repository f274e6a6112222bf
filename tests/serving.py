"""The app as `evidence app` serves it, for tests that speak to it over the wire."""

import contextlib
import socket
import subprocess
import time

from evidence.cli.app import command_of


def free_port():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def served(environment):
    """The port of an app with this `environment`, answering; the process ends with the block."""
    number = free_port()
    process = subprocess.Popen(
        command_of("127.0.0.1", number), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", number), timeout=1).close()
                break
            time.sleep(0.2)
        yield number
    finally:
        process.terminate()
        process.wait(timeout=20)
