"""A drop-in for `map` that spreads its items over processes or machines: Dask's only home (docs/scale.md)."""

from __future__ import annotations

import functools
import itertools
import logging
import socket
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evidence.analysis.options import Map
from evidence.domain.errors import BadInput, Problem

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local:"
MOST_WORKERS = 256
PATIENCE = 3
"""Seconds that a scheduler has to answer, and then to show a worker."""
LONGEST_GREETING = 2**20
PULSE = 5
"""Seconds between two looks at the workers while an item takes its time."""
ABANDONED = 60
"""Seconds without any worker after which nobody will come back."""
AHEAD = 8
"""Items per thread that are on their way at once: enough to keep workers busy, few enough to hold in memory."""
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC", "PYTHON_CPU_COUNT"), 1
)
"""What keeps a worker to one core: BLAS, XLA (which asks NPROC) and the pools of threads of this package."""
NOWHERE = "127.0.0.1:0"
NO_PAGES = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Dask opens a port for pages about itself whatever one says: here on this machine alone, and with no page."""


@contextmanager
def spread(scheduler: str | None) -> Generator[Map]:
    """`map` over the workers of a scheduler: `local:N` or an address; None is the built-in `map`.

    A worker that dies is replaced and its items start anew; an item's own error is raised as it is. Local workers are
    gone afterwards, whatever happened. Raises BadInput for what is no scheduler, cannot be reached, or is other code.
    """
    if scheduler is None:
        yield map
        return
    n_workers = _local_workers(scheduler)
    _require_dask()
    from dask.config import set as configure

    with ExitStack() as stack:
        quiet = stack.enter_context(_quiet())
        # An item carries its whole base: large messages are meant. A worker's own limit of memory is the machine's.
        stack.enter_context(configure({"distributed.admin.large-graph-warning-threshold": "100GB"}))
        yield _local(n_workers, stack, quiet) if n_workers else _Spread(_connected(scheduler, stack), lambda: None)


@dataclass(frozen=True)
class _Spread:
    """The `map` of one client; `replace` sees to it that its own workers are as many as asked for."""

    client: Client
    replace: Callable[[], object]

    def __call__[T, R](self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        waiting, run = iter(items), uuid.uuid4().hex
        threads: Any = self.client.nthreads()  # no coroutine: the client is not asynchronous
        most = AHEAD * max(1, sum(threads.values()))
        calls = (
            self.client.submit(_Call(function, item), key=f"item-{run}-{number}", pure=False)
            for number, item in enumerate(waiting)
        )
        open_ = deque[Any](itertools.islice(calls, most))
        try:
            while open_:
                yield self._result_of(open_.popleft())
                open_.extend(itertools.islice(calls, 1))
        finally:
            if open_:
                self.client.cancel(list(open_), force=True)

    def _result_of(self, future: Future[Any]) -> Any:
        """Dask does not replace a worker that died while it started, and would wait for ever once all are lost."""
        from distributed import KilledWorker

        seen = time.monotonic()
        while True:
            try:
                return future.result(timeout=PULSE)
            except KilledWorker:
                wanted = "workers that outlive an item: one killed them again and again (memory?)"
                raise _bad("workers that died", wanted) from None
            except CancelledError:
                raise _bad("a scheduler that went away in the middle", "one that stays until the end") from None
            except TimeoutError:
                if future.status == "error" and isinstance(future.exception(), TimeoutError):  # the item's own
                    raise
                self.replace()
                seen = time.monotonic() if self.client.nthreads() else seen
            if time.monotonic() - seen > ABANDONED:
                raise _bad(f"workers that died: none for {ABANDONED} s", "workers that outlive an item (memory?)")


@dataclass(frozen=True)
class _Call[T, R]:
    """A function with its item: Dask must not look for futures inside."""

    function: Callable[[T], R]
    item: T

    def __call__(self) -> R:
        return self.function(self.item)


def _local_workers(scheduler: str) -> int:
    """N of `local:N`; 0 for an address. Raises BadInput for neither."""
    wanted = f"local:N with N from 1 to {MOST_WORKERS}, or the address of a Dask scheduler such as tcp://HOST:PORT"
    if not scheduler.startswith(LOCAL):
        if not scheduler.startswith(("tcp://", "tls://")) or not scheduler.rpartition(":")[2].isdigit():
            raise _bad(repr(scheduler), wanted)
        return 0
    number = scheduler.removeprefix(LOCAL)
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_WORKERS):
        raise _bad(repr(scheduler), wanted)
    return int(number)


def _require_dask() -> None:
    try:
        import cryptography  # noqa: F401  # makes the certificates of local workers
        import distributed  # noqa: F401
    except ImportError as error:
        raise _bad(f"no package {error.name}", "Dask: pip install 'evidence[scale]'") from None


def _local(n_workers: int, stack: ExitStack, level: int) -> _Spread:
    """Processes of this machine. Only who holds this run's certificate can reach them: Dask runs what it is sent."""
    from dask.config import set as configure
    from distributed import Client, LocalCluster, Security

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="evidence-workers-", ignore_cleanup_errors=True))
    stack.enter_context(configure({"temporary-directory": folder, "distributed.nanny.pre-spawn-environ": ONE_THREAD}))
    stack.enter_context(configure(NO_PAGES))
    cluster: Any = stack.enter_context(
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=True, host="127.0.0.1", protocol="tls://",
            security=Security.temporary(), scheduler_kwargs={"dashboard": False, "dashboard_address": NOWHERE},
            dashboard_address=NOWHERE, worker_dashboard_address=NOWHERE, memory_limit=0, local_directory=folder,
            silence_logs=level,
        )
    )  # fmt: skip
    return _Spread(stack.enter_context(Client(cluster)), functools.partial(cluster.scale, n_workers))


def _connected(address: str, stack: ExitStack) -> Client:
    """A running scheduler, whose workers must be this code."""
    from distributed import Client

    try:
        _require_answer(address)
        client = stack.enter_context(Client(address, timeout=PATIENCE, set_as_default=False))
        client.wait_for_workers(1, timeout=PATIENCE)
    except Exception as error:  # whatever answers there may be anything but a scheduler, and Dask then fails anyhow
        lacks = "a scheduler without workers" if "worker" in str(error) else "no scheduler that answers"
        raise _bad(f"{lacks} at {address!r}", f"one that does within {PATIENCE} s, or local:N") from error
    own = _identity()
    others: Any
    try:
        others = client.run(_identity)
    except (ImportError, AttributeError):
        others = {address: "none that could be imported"}
    for worker, other in others.items():
        if other != own:
            raise _bad(f"the package {other} at {worker}", f"{own}, as here: same results need the same code")
    return client


def _require_answer(address: str) -> None:
    """Raises OSError unless what listens there speaks first, as a scheduler does: Dask would wait for ever for the others.

    Its greeting starts with the length of the rest. Behind TLS the other side has shown a certificate by then.
    """
    scheme, _, place = address.partition("://")
    if scheme == "tls":
        return
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as peer:
        length = int.from_bytes(peer.recv(8, socket.MSG_WAITALL), "little")
    if not 8 <= length < LONGEST_GREETING:
        raise OSError(f"a greeting of {length} bytes")


def _identity() -> str:
    """Version and source of this package, in one line."""
    from evidence.io.code_state import code_state

    state = code_state()
    return f"{state.package} {state.version} (source {state.source_sha256[:12]})"


@contextmanager
def _quiet() -> Generator[int]:
    """Dask's own log is no part of an answer; what matters of it is raised. Returns the level that is silent."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield logging.CRITICAL
    finally:
        logger.setLevel(level)


def _bad(found: str, wanted: str) -> BadInput:
    return BadInput((Problem("--scheduler", None, "", found, wanted),))
