"""The registry: a chain that shows what was changed, and that no interruption breaks."""

import contextlib
import errno
import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

import registrations
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Tampered, Unwritable
from evidence.domain.registration import Registration
from evidence.io import frozen_files, registry
from evidence.io.registry import Change, commit, read_chain, unlisted_files

UTC = "2026-11-27T10:00:00Z"


def freeze(folder, registration, **more):
    digest = sha256_hex(frozen_bytes(registration))

    def build(chain):
        del chain
        return Change(
            kind="freeze", registration=digest, question=registration.question.id, question_sha256="0" * 64,
            author="Ada", suffix=".prereg.json", document=registration, **more,
        )  # fmt: skip

    return commit(folder, build, utc=UTC)


def renamed(number):
    return registrations.variant(id=f"tiny-{number}")


@pytest.fixture
def folder(tmp_path):
    """A registry of three registrations."""
    for number in range(3):
        freeze(tmp_path / "reg", renamed(number))
    return tmp_path / "reg"


def tampering(folder):
    """What the reader says was tampered with; nothing where it reads."""
    try:
        read_chain(folder)
    except Tampered as error:
        return str(error)
    return ""


def test_a_frozen_file_is_named_by_its_hash_and_read_back_as_the_same_record(folder):
    entry = read_chain(folder).entries[1]
    path = folder / f"{entry.document}.prereg.json"
    found, digest = frozen_files.read_frozen(path, Registration)
    assert (found, digest) == (renamed(1), entry.registration)
    assert sha256_hex(path.read_bytes()) == digest
    assert path.read_bytes() == frozen_bytes(renamed(1))


def test_every_line_holds_the_hash_of_the_line_before(folder):
    lines = (folder / "registry.jsonl").read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [e["prev"] for e in entries] == ["0" * 64, *map(sha256_hex, lines[:-1])]
    assert [e["seq"] for e in entries] == [0, 1, 2]
    assert json.loads((folder / "registry.head").read_bytes()) == {"seq": 2, "sha256": sha256_hex(lines[-1])}


LINES = {
    "the first line dropped": lambda x: x[1:],
    "a line in the middle dropped": lambda x: [x[0], x[2]],
    "the last line dropped": lambda x: x[:-1],
    "two lines exchanged": lambda x: [x[1], x[0], x[2]],
    "a line twice": lambda x: [x[0], x[0], x[1], x[2]],
    "another author": lambda x: [x[0].replace(b'"Ada"', b'"Bo"'), *x[1:]],
    "another author in the last line": lambda x: [*x[:-1], x[-1].replace(b'"Ada"', b'"Bo"')],
    "another time": lambda x: [x[0].replace(b"2026-11", b"2025-11"), *x[1:]],
    "another kind": lambda x: [x[0].replace(b'"freeze"', b'"score"'), *x[1:]],
    "fewer siblings": lambda x: [*x[:-1], x[-1].replace(b'"siblings":0', b'"siblings":1')],
    "more siblings than an integer holds": lambda x: [
        *x[:-1],
        x[-1].replace(b'"siblings":0', b'"siblings":9007199254740993'),
    ],
    "a space": lambda x: [x[0].replace(b":", b": ", 1), *x[1:]],
    "keys in another order": lambda x: [json.dumps(dict(reversed(json.loads(x[0]).items()))).encode(), *x[1:]],
    "a key more": lambda x: [x[0].replace(b"{", b'{"aa":1,'), *x[1:]],
    "a key twice": lambda x: [x[0].replace(b"{", b'{"author":"Ada",'), *x[1:]],
    "an empty line": lambda x: [x[0], b"", *x[1:]],
    "an empty line at the end": lambda x: [*x, b""],
    "the first question renamed": lambda x: [x[0].replace(b'"tiny-question"', b'"tiny-questiom"'), *x[1:]],
    "the file emptied": lambda x: [],
    "no JSON": lambda x: [b"hello", *x[1:]],
}


@pytest.mark.parametrize("edit", LINES.values(), ids=LINES)
def test_s16_an_edited_chain_is_tampered(folder, edit):
    path = folder / "registry.jsonl"
    lines = edit(path.read_bytes().splitlines())
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert "registry." in tampering(folder)


def test_s16_an_edited_or_missing_head_and_missing_files_are_tampered(folder):
    head = folder / "registry.head"
    whole = head.read_bytes()
    for changed in (whole.replace(b'"seq":2', b'"seq":3'), whole.replace(b'"seq":2', b'"seq":0'), b"", b"{}"):
        head.write_bytes(changed)
        with pytest.raises(Tampered):
            read_chain(folder)
    head.unlink()
    with pytest.raises(Tampered, match=r"registry\.head"):
        read_chain(folder)
    head.write_bytes(whole)
    read_chain(folder)
    next(folder.glob("*.prereg.json")).unlink()
    with pytest.raises(Tampered, match="the file that the line names"):
        read_chain(folder)


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_half_written_last_line_never_happened_and_is_moved_aside_by_the_next_writer(folder, cut):
    path = folder / "registry.jsonl"
    whole = path.read_bytes()
    torn = whole.splitlines()[0][:cut]
    path.write_bytes(whole + torn)
    chain = read_chain(folder)
    assert (len(chain.entries), chain.torn) == (3, torn)
    assert path.read_bytes() == whole + torn, "reading mends nothing"
    freeze(folder, renamed(7))
    assert path.read_bytes().startswith(whole)
    assert len(read_chain(folder).entries) == 4
    assert next(folder.glob("registry.torn-*")).read_bytes() == torn


def test_a_last_line_cut_short_after_it_was_finished_is_tampered(folder):
    path = folder / "registry.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert "missing" in tampering(folder)


def test_a_last_line_without_its_end_counts_and_gets_its_end(folder):
    path = folder / "registry.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert len(read_chain(folder).entries) == 3
    freeze(folder, renamed(8))
    assert path.read_bytes().startswith(whole)
    assert len(read_chain(folder).entries) == 4


def test_a_file_that_no_line_names_is_listed(folder):
    (folder / f"{'a' * 64}.prereg.json").write_bytes(b"{}")
    assert unlisted_files(read_chain(folder)) == (f"{'a' * 64}.prereg.json",)


class Interrupted(BaseException):
    """Stands for the machine going down."""


def fault_at(monkeypatch, number):
    """The `number`-th of all calls that change the disk does not happen, and nothing after it."""
    count = iter(range(10_000))
    down = []

    def watched(function):
        def call(*args, **kwargs):
            if down or next(count) >= number:
                down.append(True)
                raise Interrupted
            return function(*args, **kwargs)

        return call

    for owner, name in ((os, "fsync"), (os, "fdopen"), (Path, "replace"), (Path, "chmod")):
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    real = registry._append

    def append(path, data):
        # Half of the line reaches the disk.
        step = next(count)
        if down or step >= number:
            down.append(True)
            with path.open("ab") as file:
                file.write(data[: len(data) // 2])
            raise Interrupted
        real(path, data)

    monkeypatch.setattr(registry, "_append", append)
    return down


@pytest.mark.parametrize("start", ["empty", "three", "torn", "no line end"])
def test_an_interruption_at_any_write_leaves_the_old_state_or_the_new_one(tmp_path, monkeypatch, start):
    number = states = 0
    while True:
        folder = tmp_path / f"{number}"
        for k in range(0 if start == "empty" else 3):
            freeze(folder, renamed(k))
        chain_file = folder / "registry.jsonl"
        if start == "torn":
            chain_file.write_bytes(chain_file.read_bytes() + b'{"auth')
        if start == "no line end":
            chain_file.write_bytes(chain_file.read_bytes()[:-1])
        folder.mkdir(exist_ok=True)
        before = len(read_chain(folder).entries)
        with monkeypatch.context() as patch:
            down = fault_at(patch, number)
            with contextlib.suppress(Interrupted):
                freeze(folder, renamed(9))
        after = read_chain(folder)
        assert len(after.entries) in {before, before + 1}
        for entry in after.entries:
            frozen_files.read_frozen(folder / f"{entry.document}.prereg.json", Registration)
        # The same command again brings the new state, and the chain holds.
        freeze(folder, renamed(10))
        assert len(read_chain(folder).entries) == len(after.entries) + 1
        states += 1
        if not down:
            break
        number += 1
    assert states > 8, "faults were injected at every step"


def test_s16_a_head_without_its_chain_is_tampered(folder):
    (folder / "registry.jsonl").unlink()
    with pytest.raises(Tampered) as refused:
        read_chain(folder)
    wanted = f"{folder / 'registry.jsonl'}:1: found no such file, wanted the lines that registry.head speaks of"
    assert str(refused.value) == wanted
    (folder / "registry.head").unlink()
    assert read_chain(folder).entries == (), "a folder of files alone is no registry yet"


def test_a_chain_too_large_to_be_one_is_refused_before_it_is_read(folder):
    path = folder / "registry.jsonl"
    with path.open("r+b") as file:
        file.truncate(256 * 2**20 + 1)  # a hole: it takes no room on the disk
    with pytest.raises(BadInput) as refused:
        read_chain(folder)
    assert str(refused.value) == f"{path}: found a file too large, wanted at most 268,435,456 bytes"


def test_a_registry_is_made_in_an_existing_folder_alone(tmp_path):
    with pytest.raises(BadInput) as refused:
        freeze(tmp_path / "no" / "reg", renamed(1))
    wanted = f"{tmp_path / 'no' / 'reg'}: found no folder {tmp_path / 'no'}, wanted an existing folder"
    assert str(refused.value) == wanted
    assert list(tmp_path.iterdir()) == []


def test_a_document_that_an_interruption_left_is_taken_up_and_another_under_its_name_is_tampered(folder):
    record = renamed(5)
    path = folder / f"{sha256_hex(frozen_bytes(record))}.prereg.json"
    path.write_bytes(b"{}")
    with pytest.raises(Tampered, match="other bytes under this name"):
        freeze(folder, record)
    assert (len(read_chain(folder).entries), path.read_bytes()) == (3, b"{}")
    path.write_bytes(frozen_bytes(record))
    assert freeze(folder, record).entry.document == path.name.partition(".")[0]
    assert unlisted_files(read_chain(folder)) == ()


def test_a_registry_that_stays_locked_is_left_alone(folder, monkeypatch):
    monkeypatch.setattr(registry, "LOCK_SECONDS", 0.05)
    with FileLock(folder / "registry.lock"), pytest.raises(BadInput) as refused:
        freeze(folder, renamed(8))
    assert str(refused.value).startswith(f"{folder}: found a registry that is locked, wanted no other process writing")
    assert len(read_chain(folder).entries) == 3
    freeze(folder, renamed(8))
    assert len(read_chain(folder).entries) == 4


def test_a_line_that_the_disk_does_not_take_whole_is_taken_back(folder, monkeypatch):
    path = folder / "registry.jsonl"
    whole = path.read_bytes()

    def full(descriptor):
        del descriptor
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unwritable) as refused:
        registry._append(path, b"a line\n")
    assert str(path) in str(refused.value)
    assert path.read_bytes() == whole
