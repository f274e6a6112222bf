"""Evaluation logs that unfold without end (S12) and stored fits that crash their reader (S13)."""

import json
import stat
import struct
import time
import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from typer.testing import CliRunner

from evidence.cli import app
from evidence.domain.errors import BadInput
from evidence.io import fits, inspect_guard, inspect_logs
from evidence.io.inspect_logs import Reading, read_logs
from io_fits import tree_of

PROTOCOL = Reading(technique_from="task_args.protocol")
ZEROS = b"0" * 2**20


def archived(path, members, method=zipfile.ZIP_DEFLATED):
    """An archive of members of so many MiB of zeros each."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, mebibytes in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for _ in range(mebibytes):
                    member.write(ZEROS)
    return path


def reason_for(path):
    """Why a log is refused; and that nothing beside it was written."""
    before = sorted(path.parent.iterdir())
    started = time.process_time()
    scores, refused = read_logs([path], PROTOCOL)
    assert scores == []
    assert sorted(path.parent.iterdir()) == before
    assert time.process_time() - started < 20
    return refused[0].reason


@pytest.fixture
def unparsed(monkeypatch):
    """Nothing reaches Inspect."""
    pytest.importorskip("inspect_ai")
    monkeypatch.setattr(inspect_logs, "_parsed", lambda _: pytest.fail("handed to Inspect"))


def test_s12_200_megabytes_in_194_kilobytes(unparsed, tmp_path):
    path = archived(tmp_path / "bomb.eval", {"header.json": 200})
    assert path.stat().st_size < 250_000
    assert "times its size" in reason_for(path)


def test_s12_many_bombs_within_the_ratio_stop_at_the_total(unparsed, tmp_path, monkeypatch):
    monkeypatch.setattr(inspect_guard, "MAX_RATIO", 10_000)
    monkeypatch.setattr(inspect_guard, "MAX_BYTES", 2**25)
    path = archived(tmp_path / "bombs.eval", {f"samples/{i}.json": 8 for i in range(5)})
    assert reason_for(path) == f"unfolds to {5 * 2**23} bytes, more than {2**25}"


def test_s12_the_caps_are_those_promised():
    guard = inspect_guard
    assert (guard.MAX_BYTES, guard.MAX_RATIO, guard.MAX_MEMBERS, guard.SECONDS) == (2**31, 200, 100_000, 60)


def test_s12_bombs_of_zstandard(unparsed, tmp_path):
    import inspect_ai.log  # noqa: F401  # teaches `zipfile` the method

    assert "times its size" in reason_for(archived(tmp_path / "z.eval", {"header.json": 64}, zipfile.ZIP_ZSTANDARD))
    path = archived(tmp_path / "lying.eval", {"header.json": 64}, zipfile.ZIP_ZSTANDARD)
    shrink_stated_size(path)
    assert reason_for(path) == "a member that is not as large as it says"


def shrink_stated_size(path):
    """The list of members says that the first has 100 bytes; without the field of 64 bits, which would say otherwise."""
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(bytes(data))


def test_s12_a_lying_size(unparsed, tmp_path):
    path = archived(tmp_path / "lying.eval", {"header.json": 64})
    shrink_stated_size(path)
    assert reason_for(path) == "a member that is not as large as it says"


@pytest.mark.parametrize(("members", "reason"), [(1_000_000, "a list of members of"), (300_000, "300000 members")])
def test_s12_a_million_members(unparsed, tmp_path, members, reason):
    record = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"x"
    size = len(record) * members
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, members, members, size, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, size, 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = tmp_path / "many.eval"
    path.write_bytes(record * members + end64 + locator + end)
    assert reason in reason_for(path)


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "\\x", "samples/../../x"])
def test_s12_a_member_that_leads_out(unparsed, tmp_path, name):
    with zipfile.ZipFile(tmp_path / "out.eval", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "0")
    assert "leads out" in reason_for(tmp_path / "out.eval")


def test_s12_a_member_that_is_a_link_is_read_as_text_and_followed_nowhere(tmp_path):
    pytest.importorskip("inspect_ai")
    link = zipfile.ZipInfo("header.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.eval", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert reason_for(tmp_path / "link.eval").startswith("Inspect cannot read it")


def test_s12_a_log_that_takes_too_long(unparsed, tmp_path, monkeypatch):
    monkeypatch.setattr(inspect_guard, "SECONDS", 0)
    with zipfile.ZipFile(tmp_path / "slow.eval", "w") as archive:
        archive.writestr("header.json", "[]")
    assert reason_for(tmp_path / "slow.eval") == "over 0 seconds to unfold"


# --- Stored fits -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "fit.nc"
    fits.write_fit(path, tree_of())
    return path


def refused(path):
    """What the command line says of a file that it refuses."""
    done = CliRunner().invoke(app, ["diagnose", str(path), "--json"], prog_name="evidence")
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.stderr


@pytest.mark.parametrize("seed", range(6))
def test_s13_fuzzed_bytes_end_in_a_refusal_or_in_the_same_fit(stored, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(stored.read_bytes())
    for at in rng.integers(8, len(data), 1 + 40 * seed):
        data[at] ^= int(rng.integers(1, 256))
    stored.write_bytes(bytes(data))
    try:
        fits.read_fit(stored)
    except BadInput as error:
        assert str(stored) in str(error)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.95])
def test_s13_a_truncated_fit_exits_2(stored, share):
    data = stored.read_bytes()
    stored.write_bytes(data[: 8 + int(share * (len(data) - 8))])
    assert "a damaged file" in refused(stored)


def test_s13_hdf4_and_classic_netcdf_are_other_formats(tmp_path):
    for start in (b"\x0e\x03\x13\x01", b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x93NUMPY"):
        (tmp_path / "fit.nc").write_bytes(start + bytes(1000))
        assert "a file in another format" in refused(tmp_path / "fit.nc")


def test_s13_strings_in_the_place_of_numbers(tmp_path):
    odd = np.array([["a", "gASVCAAAAAAAAACMBHRlc3SULg=="]] * 4, dtype=object)
    fits.write_fit(tmp_path / "fit.nc", tree_of(mean=(("m", "of_mean"), odd)))
    assert "no numbers" in refused(tmp_path / "fit.nc")


def impostor(tmp_path, monkeypatch, line):
    """The reader in the child process does this instead."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(fits.sys, "executable", str(script))


@pytest.mark.parametrize("signal", ["SEGV", "ABRT", "KILL"])
def test_s13_a_crash_of_the_reader_is_a_refusal_and_this_process_lives(stored, tmp_path, monkeypatch, signal):
    impostor(tmp_path, monkeypatch, f"kill -{signal} $$")
    assert "a damaged file" in refused(stored)


def test_s13_a_reader_that_never_ends_is_stopped(stored, tmp_path, monkeypatch):
    impostor(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(fits, "SECONDS", 0.5)
    assert "takes over 0.5 seconds" in refused(stored)


def test_s13_a_small_file_that_unfolds_to_gigabytes(tmp_path):
    path = tmp_path / "fit.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("i", 2**34)
        file.createVariable("x", "f8", ("i",), zlib=True, chunksizes=(2**20,))
    assert path.stat().st_size < 100_000
    assert "unfolds to too much" in refused(path)


def test_s13_every_reader_of_netcdf_goes_through_the_process_of_its_own():
    """`open_groups` stands in one function, and everything that calls it comes after the trial reading."""
    sources = {p.name: p.read_text(encoding="utf-8") for p in Path(fits.__file__).parents[1].rglob("*.py")}
    openers = ("open_groups", "open_datatree", "open_dataset", "from_netcdf", "netCDF4.Dataset", "h5py", "load_dataset")
    assert {name for name, text in sources.items() if any(o in text for o in openers)} == {"fits.py"}
    assert sources["fits.py"].count("open_groups(") == 1


def test_s13_a_header_of_code_is_text(stored):
    with netCDF4.Dataset(stored, "a") as file:
        file.setncattr("checks", json.dumps({"__class__": "os.system", "args": ["true"]}))
    assert "contradicts itself" in refused(stored)
