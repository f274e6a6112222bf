"""Commands that are killed while they write, or that meet a full or a read-only disk: each try in a process of its own.

Run as a script, so that it may fork: it has no JAX. It reads a `Job` as JSON from standard input and writes what became
of every try. The command is first watched: what a reader would see before each change that it makes below its folder
(opening for writing, fsync, rename, removal, mkdir, chmod). Then it gets SIGKILL at the first and the last change of each
such state (with `every`: at every change), and the signal of a limit on the size of files (SIGXFSZ, not caught) in the
middle of a file that grows beyond some bytes.
"""

import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
UTC = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
RANDOM = re.compile(r"\.[a-z0-9_]{8}\.tmp\b")
SETTLING = ".evidence-unfinished"


@dataclass
class Job:
    """A command, where it runs, and what is asked afterwards."""

    template: str
    words: list[str]
    stdin: str = ""
    asks: list[list[str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    kills: bool = False
    every: bool = False
    full: bool = False


def run_job(job: Job) -> dict:
    """What the script says of a job, in a process without threads."""
    env = os.environ | {"COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, str(Path(__file__))]
    done = subprocess.run(words, input=json.dumps(asdict(job)), capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def seen(folder: Path) -> dict[str, str]:
    """The files that a reader sees, times of day left out."""
    return {name: text for name, text in everything(folder).items() if "/." not in f"/{name}"}


def everything(folder: Path) -> dict[str, str]:
    """All files, with those that no reader sees; random parts of names left out."""
    return {
        RANDOM.sub(".tmp", str(p.relative_to(folder))): UTC.sub(b"T", p.read_bytes()).decode("latin-1")
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def watch_changes(folder: str, strike) -> None:
    """Call `strike` before every change below the folder."""

    def hook(event: str, args: tuple) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not (writes or event in CHANGES):
            return
        name = os.fsdecode(args[0]) if isinstance(args[0], str | bytes | os.PathLike) else ""
        if not name.startswith("/") or name.startswith(folder):
            strike()

    real = os.fsync

    def fsync(descriptor: int) -> None:
        strike()
        real(descriptor)

    os.fsync = fsync
    sys.addaudithook(hook)


def arm(number: int, folder: str) -> None:
    """SIGKILL before the `number`-th change below the folder."""
    left = [number]

    def strike() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    watch_changes(folder, strike)


def scout(folder: Path, states: list[str], out: Path) -> None:
    """Before every change: what a reader would see, and what is on its way there (SETTLING)."""
    busy = []

    def strike() -> None:
        if not busy:
            busy.append(True)
            moving = {name: text for name, text in everything(folder).items() if SETTLING in name}
            states.append(json.dumps([seen(folder), moving]))
            os.write(log, f"{states[-1]}\n".encode())
            busy.clear()

    log = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    watch_changes(str(folder), strike)


def attempt(words, folder, *, stdin="", kill=0, size=0, caught=False, log=None) -> tuple[int, str]:
    """The exit code (-9 and so on where a signal ended it) and the standard error of one try."""
    heard, said = os.pipe()
    pid = os.fork()
    if pid == 0:
        with tempfile.TemporaryFile() as told, open(os.devnull, "wb") as nowhere:
            told.write(stdin.encode())
            told.seek(0)
            for old, new in ((told.fileno(), 0), (nowhere.fileno(), 1), (said, 2)):
                os.dup2(old, new)
            sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, how) for n, how in ((0, "r"), (1, "w"), (2, "w")))
            os.chdir(folder)
            if size:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN if caught else signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            if kill:
                arm(kill, str(folder))
            if log is not None:
                scout(folder, [], log)
            os._exit(code_of(words))
    os.close(said)
    with os.fdopen(heard, "rb") as file:
        text = file.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def code_of(words) -> int:
    """The exit code of a command in this process."""
    from evidence.cli import main

    sys.argv = ["evidence", *words]
    try:
        main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    finally:
        sys.stderr.flush()
    return 0


def fresh(job: Job, folder: Path) -> Path:
    """A new copy of the template, in the place of the last one."""
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(job.template, folder)


def killed(job: Job, folder: Path) -> dict:
    """The command watched once, then killed at the first and the last change of every state that a reader could meet."""
    log = folder.with_name("states")
    fresh(job, folder)
    attempt(job.words, folder, stdin=job.stdin, log=log)
    states = [line for line in log.read_text().splitlines() if line]
    points = range(1, len(states) + 1) if job.every else ends_of(states)
    ways = [{"kill": n} for n in points] + [{"size": n} for n in job.sizes]
    met, found = {}, []
    for way in ways:
        fresh(job, folder)
        code, _ = attempt(job.words, folder, stdin=job.stdin, **way)
        state = json.dumps(everything(folder))
        if state not in met:
            met[state] = after(job, folder)
        found.append({"way": way, "code": code, "state": met[state]})
    return {"changes": len(states), "tries": found, "seen": [json.loads(s)[0] for s in dict.fromkeys(states)]}


def ends_of(states: list[str]) -> list[int]:
    """Numbers, from 1, of the first and the last change of every state."""
    first = {0, len(states) - 1} | {i for i in range(1, len(states)) if states[i] != states[i - 1]}
    return sorted(i + 1 for i in first | {i - 1 for i in first if i})


def after(job: Job, folder: Path) -> dict:
    """What a reader finds in a state, and what the same command does there."""
    asked = [attempt(words, folder) for words in job.asks]
    found = seen(folder)
    again = attempt(job.words, folder, stdin=job.stdin)
    return {"asked": asked, "seen": found, "again": again, "then": seen(folder)}


def full(job: Job, folder: Path) -> list[dict]:
    """A limit on the size of files, a disk without room, a disk that is read-only: code, message, what is seen then."""
    found = []
    for size in job.sizes:
        fresh(job, folder)
        code, text = attempt(job.words, folder, stdin=job.stdin, size=size, caught=True)
        found.append({"how": f"files of at most {size} bytes", "code": code, "text": text, "seen": seen(folder)})
    for how in ("full", "read-only"):
        with tempfile.NamedTemporaryFile("r+") as out:
            pid = os.fork()
            if pid == 0:
                os._exit(mounted(job, folder, how, out))
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
                found.append({"how": how} | json.loads(Path(out.name).read_text()))
    return found


def mounted(job: Job, folder: Path, how: str, out) -> int:
    """One try on a file system of its own, in a namespace of mounts of its own; 1 where the system allows no such thing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        os.unshare(os.CLONE_NEWNS)
        for words in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "size=4m", "none", str(folder)]):
            subprocess.run(["mount", *words], check=True, capture_output=True)
    except (OSError, AttributeError, subprocess.CalledProcessError):
        return 1
    shutil.copytree(job.template, folder, dirs_exist_ok=True)
    before = seen(folder)
    if how == "full":
        filler = folder / ".filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True, capture_output=True)
    code, text = attempt(job.words, folder, stdin=job.stdin)
    out.write(json.dumps({"code": code, "text": text, "seen": seen(folder), "same": seen(folder) == before}))
    out.flush()
    return 0


def warm_up(job: Job, folder: Path) -> None:
    """The command once in this process: what it imports need not be imported by every fork."""
    here, kept = Path.cwd(), (sys.stdin, sys.stdout, sys.stderr)
    os.chdir(folder)
    with open(os.devnull, "w") as nowhere:
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(job.stdin), nowhere, nowhere
        code_of(job.words)
    sys.stdin, sys.stdout, sys.stderr = kept
    os.chdir(here)


def main() -> None:
    job = Job(**json.loads(sys.stdin.read()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "work"
        warm_up(job, fresh(job, folder))
        warm = fresh(job, folder)
        code, text = attempt(job.words, warm, stdin=job.stdin)
        answer = {"code": code, "text": text, "old": seen(Path(job.template)), "new": seen(warm)}
        if job.kills:
            answer["killed"] = killed(job, folder)
        if job.full:
            answer["full"] = full(job, folder)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
