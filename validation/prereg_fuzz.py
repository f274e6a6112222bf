"""Fuzzed drafts, frozen files and registry lines: no traceback, and nothing accepted that is not canonical.

`python validation/prereg_fuzz.py 100000`: a third of the inputs each.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

import rfc8785

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import registrations
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Tampered
from evidence.domain.registration import Registration
from evidence.io.frozen_files import parse_frozen, read_frozen
from evidence.io.registrations import load_draft
from evidence.io.registry import Change, commit, read_chain

TOKENS = [
    b"NaN", b"-0.0", b"1e400", b"-1", b"0", b"null", b"true", b'"', b"{", b"}", b"[", b"]", b",", b":", b"=", b"\n", b"\\u0000",
    b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"e\xcc\x81", b"9" * 400, b"[" * 200, b"__proto__", b" ", b"\r", b"1.0",
    b"1E0", b"#", b"'''", b'"""', b"inf", b"0x1p3", b"1_0", b"\x1b]0;x\x07", b"2031-02-30", b"first deployment", b"evidence-prereg/2",
]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Up to four edits: bytes flipped, cut, doubled, exchanged or replaced by something awkward."""
    for _ in range(rng.randint(1, 4)):
        at, to = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
        lo, hi = min(at, to), max(at, to)
        hi = min(hi, lo + rng.choice([1, 4, 40, 4000]))
        match rng.randrange(6):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
            case 1:
                data = data[:lo] + data[hi:]
            case 2:
                data = data[:hi] + data[lo:]
            case 3:
                data = data[:at] + rng.choice(TOKENS) + data[at:]
            case 4:
                data = data[:lo] + rng.choice(TOKENS) + data[hi:]
            case _:
                digits = [i for i in range(lo, hi) if 48 <= data[i] <= 57]
                for i in digits[:3]:
                    data = data[:i] + str(rng.randrange(10)).encode() + data[i + 1 :]
        if not data:
            break
    return data


def fuzz_frozen(folder: Path, original: bytes, rng: random.Random) -> bool:
    """True if the mutated file was accepted under its own name; then it must be canonical by another reader."""
    data = mutated(original, rng)
    path = folder / f"{sha256_hex(data)}.prereg.json"
    path.write_bytes(data)
    try:
        record, _ = read_frozen(path, Registration)
    except (BadInput, Tampered):
        return False
    finally:
        path.unlink()
    assert rfc8785.dumps(json.loads(data)) == data == frozen_bytes(record), "a file that is not canonical was accepted"
    return True


def fuzz_draft(folder: Path, original: bytes, rng: random.Random) -> bool:
    """True if the mutated draft was accepted; then what it says freezes to canonical bytes."""
    path = registrations.write_draft(folder, mutated(original, rng), "fuzz.prereg.toml")
    try:
        found = load_draft(path)
    except BadInput as error:
        assert error.problems
        return False
    data = frozen_bytes(found.draft)
    assert rfc8785.dumps(json.loads(data)) == data
    return True


def fuzz_chain(folder: Path, original: bytes, rng: random.Random) -> bool:
    """True if the mutated chain was read; then every line of it is canonical and hangs on the one before."""
    data = mutated(original, rng)
    (folder / "registry.jsonl").write_bytes(data)
    try:
        chain = read_chain(folder)
    except (BadInput, Tampered):
        return False
    lines = original.splitlines()
    read = [frozen_bytes(e) for e in chain.entries]
    assert read == lines, "a chain was read that is not what was written"
    return True


def small_chain(folder: Path) -> bytes:
    for number in range(3):
        record = registrations.variant(id=f"tiny-{number}")
        change = Change("freeze", sha256_hex(frozen_bytes(record)), "q", "0" * 64, "Ada", ".prereg.json", record)
        commit(folder, lambda chain, change=change: change, utc="2026-11-27T10:00:00Z")
    return (folder / "registry.jsonl").read_bytes()


def run(n: int, seed: int = 1) -> dict[str, tuple[int, int]]:
    """Inputs and acceptances by kind. Raises whatever the readers raise that is neither BadInput nor Tampered."""
    rng = random.Random(seed)
    record = registrations.small_registration()
    original = frozen_bytes(record)
    assert parse_frozen(original, Registration, "x") == record
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registrations.write_draft(folder)
        (folder / "chain").mkdir()
        chain = small_chain(folder / "chain")
        kinds = {
            "frozen": lambda: fuzz_frozen(folder, original, rng),
            "draft": lambda: fuzz_draft(folder, registrations.DRAFT.encode(), rng),
            "chain": lambda: fuzz_chain(folder / "chain", chain, rng),
        }
        return {kind: (n // 3 + 1, sum(one() for _ in range(n // 3 + 1))) for kind, one in kinds.items()}


if __name__ == "__main__":
    start = time.perf_counter()
    for kind, (n, accepted) in run(int((sys.argv[1:] or ["100000"])[0])).items():
        print(f"{kind}: {n} inputs, no traceback, {accepted} accepted, each of them canonical")
    print(f"{time.perf_counter() - start:.0f} s")
