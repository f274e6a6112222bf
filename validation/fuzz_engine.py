"""One input into one loader: what became of it, how long it took and how much memory, and which lines it was the first to reach.

Guided by coverage: an input that reaches a line of the package for the first time joins those that later ones are made
from. The lines come from `sys.monitoring`, which tells each of them once and costs next to nothing afterwards.
"""

import contextlib
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

SECONDS, MEGABYTES = 1.0, 200.0
"""Longest time and largest growth of memory that one input may cause."""
STOP = 5.0
"""Seconds of wall time after which an input is stopped."""
MOST_FOUND = 600
"""Inputs kept because they reached something new."""
_TOOL = 4
_PACKAGE = str(Path(__file__).parents[1] / "src" / "evidence")
elsewhere = [0.0]
"""Seconds a loader has waited for another process, which on a busy machine waits itself: added by that loader."""
_QUEUE = Path("/proc/thread-self/schedstat")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Hang(BaseException):
    """Raised by the alarm; no `except Exception` of a loader swallows it."""


@dataclass
class Problem:
    """What should not happen: how often it did, and the first input that made it happen."""

    count: int
    told: str
    data: bytes


@dataclass
class Tally:
    """What came of the inputs of one loader."""

    executions: int = 0
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    """Seconds of processor time."""
    memory: float = 0.0
    """Largest growth in MB."""
    problems: dict[str, Problem] = field(default_factory=dict)
    found: list[bytes] = field(default_factory=list)
    """Inputs that reached something new."""

    def add(self, other):
        """The tally of further inputs to the same loader."""
        self.executions += other.executions
        self.accepted += other.accepted
        self.refused += other.refused
        self.slowest, self.memory = max(self.slowest, other.slowest), max(self.memory, other.memory)
        for key, problem in other.problems.items():
            self.problem(key, problem.told, problem.data, problem.count)
        self.found = (self.found + other.found)[:MOST_FOUND]

    def problem(self, key, told, data, count=1):
        """Count a problem; the smallest input of each is kept."""
        before = self.problems.get(key)
        if before is None:
            self.problems[key] = Problem(count, told, data)
        else:
            before.count += count
            if len(data) < len(before.data):
                before.told, before.data = told, data


class Lines:
    """The lines of the package that were reached, each told once."""

    def __init__(self):
        self.seen = set()

    def __enter__(self):
        monitoring = sys.monitoring
        monitoring.use_tool_id(_TOOL, "fuzz")
        monitoring.register_callback(_TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(_TOOL, monitoring.events.LINE)
        monitoring.restart_events()
        return self

    def __exit__(self, *_):
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)

    def _line(self, code, line):
        if code.co_filename.startswith(_PACKAGE):
            self.seen.add((code.co_filename, line))
        return sys.monitoring.DISABLE


@contextlib.contextmanager
def _alarm():
    """Raises Hang after STOP seconds; an alarm that somebody else has set goes on afterwards."""

    def ring(*_):
        raise Hang

    before, (left, interval) = signal.signal(signal.SIGALRM, ring), signal.setitimer(signal.ITIMER_REAL, 0)
    started = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, STOP, STOP)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - started), 0.001), interval)


def _memory():
    """(now, peak) of this process in MB; the peak begins anew where the kernel allows it."""
    try:
        text = _STATUS.read_text()
        return tuple(int(text.partition(name)[2].split(maxsplit=1)[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return peak, peak


def _waited():
    """Seconds in which this thread could have run and another one did, or waited for another process."""
    try:
        return int(_QUEUE.read_text().split()[1]) / 1e9 + elsewhere[0]
    except (OSError, ValueError, IndexError):
        return elsewhere[0]


def _processor():
    """Seconds of processor time, those of child processes included."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _measured(load, data):
    """(what came of it, its error, seconds of processor, seconds passed but for waiting in a queue, MB): "accepted", "refused", or the kind of problem."""
    error, told = None, "accepted"
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
    before = _memory()[0]
    wall, cpu = time.perf_counter() - _waited(), _processor()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with _alarm():
                told = "accepted" if load(data) else "refused"
        except Hang as hang:
            error, told = hang, "hang"
        except Exception as problem:
            error, told = problem, "error"
    cpu, wall = _processor() - cpu, time.perf_counter() - _waited() - wall
    if caught and told in {"accepted", "refused"}:
        error, told = caught[0].message, "warning"
    return told, error, cpu, wall, _memory()[1] - before


def _place(error):
    """`IndexError in io/typed.py:count:80` of the innermost frame that is ours."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(_PACKAGE)] or frames[-1:]
    where = (
        f" in {Path(own[-1].filename).parent.name}/{Path(own[-1].filename).name}:{own[-1].name}:{own[-1].lineno}"
        if own
        else ""
    )
    return f"{type(error).__name__}{where}"


def execute(load, data, tally, refusals):
    """Give `data` to a loader and count what came of it."""
    told, error, cpu, wall, memory = _measured(load, data)
    if told in {"accepted", "refused"} and (cpu > SECONDS or wall > SECONDS or memory > MEGABYTES):
        # Once more, since a busy machine, or a library that loads, may have been what took so long.
        told, error, *again = _measured(load, data)
        cpu, wall, memory = (min(pair) for pair in zip((cpu, wall, memory), again, strict=True))
    tally.executions += 1
    tally.slowest, tally.memory = max(tally.slowest, cpu), max(tally.memory, memory)
    if isinstance(error, refusals) and told == "error":
        told = "refused"
        if not error.problems:
            tally.problem("a refusal without a reason", "", data)
    match told:
        case "accepted":
            tally.accepted += 1
        case "refused":
            tally.refused += 1
        case "hang":
            tally.problem(f"over {STOP:g} s", _place(error), data)
        case "warning":
            tally.problem(f"warning: {type(error).__name__}: {str(error)[:80]}", str(error)[:500], data)
        case _:
            tally.problem(_place(error), "".join(traceback.format_exception(error))[-4000:], data)
    if cpu > SECONDS or (wall > SECONDS and told != "hang"):
        tally.problem(f"over {SECONDS:g} s", f"{cpu:.1f} s of processor time, {wall:.1f} s in all", data)
    if memory > MEGABYTES:
        tally.problem(f"over {MEGABYTES:g} MB", f"{memory:.0f} MB", data)
    return told


def require_seeds(loader, refusals):
    """Raises ValueError for a valid file that its loader does not take: fuzzing would start from nothing."""
    for number, seed in enumerate(loader.seeds):
        try:
            taken = loader.load(seed)
        except refusals as error:
            raise ValueError(f"{loader.name}: seed {number}: {error}") from error
        if not taken:
            raise ValueError(f"{loader.name}: seed {number} is refused")


def run_chunk(loader, found, n, lines, *, seed, refusals):
    """The tally of `n` inputs made from the loader's valid files and from those `found` before."""
    rng = random.Random(seed)
    tally, seeds = Tally(), list(loader.seeds)
    fresh = list(found)
    for _ in range(n):
        start = rng.choice(seeds) if not fresh or rng.random() < 0.5 else rng.choice(fresh)
        data = loader.mutate(start, rng, [*seeds, *fresh])
        reached = len(lines.seen)
        execute(loader.load, data, tally, refusals)
        if len(lines.seen) > reached and len(fresh) < MOST_FOUND:
            fresh.append(data)
            tally.found.append(data)
    return tally
