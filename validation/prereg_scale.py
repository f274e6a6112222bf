"""`evidence prereg verify` in a registry of 10,000 lines, and 20 processes killed while they write to one.

`python validation/prereg_scale.py`
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import registrations
from evidence.domain.canonical import frozen_bytes, sha256_hex, sha256_of
from evidence.domain.registration import Registration
from evidence.domain.registry import GENESIS, RegistryEntry, RegistryHead
from evidence.io.frozen_files import read_frozen
from evidence.io.registry import read_chain

WRITER = """
import sys, json
sys.path.insert(0, {tests!r})
from pathlib import Path
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.registration import Registration
from evidence.io.registry import Change, commit
folder, data, first, n = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3]), int(sys.argv[4])
record = Registration.model_validate_json(data, strict=True)
print("ready", flush=True)
for number in range(first, first + n):
    one = record.model_copy(update={{"id": f"tiny-{{number}}"}})
    change = Change("freeze", sha256_hex(frozen_bytes(one)), "q", "0" * 64, "Ada", ".prereg.json", one)
    commit(folder, lambda chain: change, utc="2026-11-27T10:00:00Z")
"""


def writer(folder: Path, source: Path, first: int, n: int) -> subprocess.Popen:
    """A process that freezes `n` registrations, one after the other."""
    code = WRITER.format(tests=str(Path(__file__).parents[1] / "tests"))
    words = [sys.executable, "-c", code, str(folder), str(source), str(first), str(n)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def kill_writers(folder: Path, kills: int, seed: int = 1) -> tuple[int, int]:
    """Processes killed (SIGKILL) at a random moment of their writing: how many lines there are then, and torn ones on the way.

    After every kill the chain reads, holds all it held, and every file that a line names is whole.
    """
    rng = random.Random(seed)
    source = folder.parent / "source.json"
    source.write_bytes(frozen_bytes(registrations.small_registration()))
    held: list[str] = []
    torn = 0
    for kill in range(kills):
        process = writer(folder, source, 10_000 * kill, 5_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.4))
        process.kill()
        process.wait()
        process.stdout.close()
        chain = read_chain(folder)
        assert list(chain.hashes[: len(held)]) == held, "a line was lost"
        for entry in chain.entries[len(held) :]:
            read_frozen(folder / f"{entry.document}.prereg.json", Registration)
        held = list(chain.hashes)
        torn += bool(chain.torn)
    return len(held), torn


def write_at_once(folder: Path, each: int) -> int:
    """Two processes that freeze at once: the lines there are in the end, none lost and none twice."""
    source = folder.parent / "source.json"
    source.write_bytes(frozen_bytes(registrations.small_registration()))
    processes = [writer(folder, source, first, each) for first in (0, 1_000_000)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    chain = read_chain(folder)
    assert len({e.document for e in chain.entries}) == len(chain.entries)
    return len(chain.entries)


def long_registry(folder: Path, lines: int) -> str:
    """A registry of so many lines, one in ten of which freezes a registration; the hash of one of them."""
    record = registrations.small_registration()
    question, prev, text = sha256_of(record.question), GENESIS, []
    digest = ""
    for seq in range(lines):
        is_new = seq % 10 == 0
        if is_new:
            data = frozen_bytes(record.model_copy(update={"id": f"tiny-{seq}"}))
            digest = sha256_hex(data)
            (folder / f"{digest}.prereg.json").write_bytes(data)
        entry = RegistryEntry(
            seq=seq, prev=prev, kind="freeze" if is_new else "withdraw", registration=digest,
            document=digest if is_new else None, question=record.question.id, question_sha256=question, author="Ada",
            utc="2026-11-27T10:00:00Z", reason="" if is_new else "a line among many",
        )  # fmt: skip
        line = frozen_bytes(entry)
        text.append(line + b"\n")
        prev = sha256_hex(line)
    (folder / "registry.jsonl").write_bytes(b"".join(text))
    (folder / "registry.head").write_bytes(frozen_bytes(RegistryHead(seq=lines - 1, sha256=prev)))
    return digest


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "long").mkdir()
        digest = long_registry(folder / "long", 10_000)
        words = [
            sys.executable,
            "-m",
            "evidence",
            "prereg",
            "verify",
            digest,
            "--registry",
            str(folder / "long"),
            "--no-engine",
        ]
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        print(
            f"verify --no-engine, 10,000 lines, 1,000 registrations: {time.perf_counter() - start:.2f} s with the start of Python"
        )
        (folder / "killed").mkdir()
        lines, torn = kill_writers(folder / "killed", 20)
        print(f"20 kills: {lines} lines, nothing lost, {torn} half-written last lines on the way")
        (folder / "both").mkdir()
        print(f"two processes at once: {write_at_once(folder / 'both', 50)} lines of 100")


if __name__ == "__main__":
    main()
