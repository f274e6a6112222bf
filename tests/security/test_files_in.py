"""Hostile files at every loader (S9, S10, S11): exit 2 with the line or the field, quickly and in little memory."""

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import bases
import registrations
from evidence.cli import app
from evidence.domain.errors import BadInput
from evidence.io.analyses import MAX_BYTES as MAX_JSON
from evidence.io.analyses import read_result
from evidence.io.csv_files import MAX_BYTES as MAX_CSV
from evidence.io.csv_files import read_cell, read_table
from evidence.io.models import load_model
from evidence.io.paper import load_paper
from evidence.io.proposals import load_proposal
from evidence.io.registrations import load_draft
from evidence.io.shipped import find_model, list_proposals
from evidence.io.table_spec import load_spec
from evidence.io.tables import load_base

ROOT = Path(__file__).parents[2]


def run(*words):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(w) for w in words], prog_name="evidence")


def with_line(text, line):
    """The file with a line at its end, which is inside its last table."""
    return text.rstrip("\n") + "\n" + line + "\n"


# --- TOML ------------------------------------------------------------------------------------------------------------

LAST = "zz"
TOML = {
    "a key twice": (lambda t: with_line(with_line(t, f"{LAST} = 1"), f"{LAST} = 1"), "TOML error"),
    "NaN": (lambda t: with_line(t, f"{LAST} = nan"), "a finite number"),
    "minus infinity": (lambda t: with_line(t, f"{LAST} = -inf"), "a finite number"),
    "1e400": (lambda t: with_line(t, f"{LAST} = 1e400"), "a finite number"),
    "-0.0": (lambda t: with_line(t, f"{LAST} = -0.0"), "-0.0"),
    "100,000 deep": (lambda t: with_line(t, f"{LAST} = " + "[" * 100_000), "32 levels"),
    "100,000 deep, closed": (lambda t: with_line(t, f"{LAST} = " + "[" * 100_000 + "]" * 100_000), "32 levels"),
    "40 tables deep": (lambda t: with_line(t, "[" + ".".join("a" * 40) + "]"), "32 levels"),
    "5,000 digits": (lambda t: with_line(t, f"{LAST} = " + "1" * 5000), "digits"),
    "beyond 2^53": (lambda t: with_line(t, f"{LAST} = 9007199254740993"), "9007199254740991"),
    "50 MB": (lambda t: t + "#" * (50 * 2**20), "bytes"),
    "a byte-order mark": (lambda t: "\ufeff" + t, "byte-order mark"),
    "NFD": (lambda t: with_line(t, f'{LAST} = "{unicodedata.normalize("NFD", "é")}"'), "composed form"),
    "U+2028": (lambda t: with_line(t, f'{LAST} = "a\u2028b"'), r"\u2028"),
    "a lone surrogate, escaped": (lambda t: with_line(t, LAST + ' = "\\ud800"'), "TOML error"),
    "a lone surrogate, as bytes": (lambda t: with_line(t, LAST + ' = "').encode() + b'\xed\xa0\x80"\n', "UTF-8"),
    "an unknown key": (lambda t: with_line(t, f"{LAST} = 1"), "a known name"),
    "__proto__": (lambda t: with_line(t, "__proto__ = 1"), "a known name"),
    "UTF-16": (lambda t: t.encode("utf-16"), "UTF-8"),
    "a NUL": (lambda t: with_line(t, f'{LAST} = "\0"'), r"\x00"),
}


def a_model(folder):
    return folder / "m.toml", find_model("default").read_text(encoding="utf-8"), load_model


def a_base(folder):
    return bases.write_base(folder / "b") / "base.toml", bases.BASE, lambda path: load_base(path.parent)


def a_paper(folder):
    text = (
        'base = "control"\n[study]\nid = "new2026"\ntitle = "New"\nkind = "empirical"\nauthors = "A"\nyear = 2026\n'
        '[[findings]]\nid = "new-f1"\n'
    )
    return folder / "p.toml", text, lambda path: load_paper(path, lambda _: load_base(ROOT / "data" / "control"))


def a_draft(folder):
    return registrations.write_draft(folder), registrations.DRAFT, load_draft


def a_proposal(folder):
    path = next(iter(list_proposals().values()))
    return folder / "q.toml", path.read_text(encoding="utf-8"), load_proposal


def a_spec(folder):
    path = next((ROOT / "data" / "bridges").glob("*/import.toml"))
    return folder / "import.toml", path.read_text(encoding="utf-8"), load_spec


LOADERS = {f.__name__: f for f in (a_model, a_base, a_paper, a_draft, a_proposal, a_spec)}


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize(("change", "says"), TOML.values(), ids=TOML)
def test_s09_hostile_toml_is_refused_with_its_place_by_every_loader(tmp_path, loader, change, says):
    path, text, load = loader(tmp_path)
    changed = change(text)
    path.write_bytes(changed if isinstance(changed, bytes) else changed.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadInput) as caught:
        load(path)
    found = [str(p) for p in caught.value.problems if says in str(p)]
    assert found, caught.value.problems
    assert path.name in found[0]
    if says not in {"bytes", "digits", "32 levels"}:  # of these no reader says the line
        assert re.search(rf"{re.escape(path.name)}:\d+", found[0]), found[0]


# --- JSON ------------------------------------------------------------------------------------------------------------

GOOD = '{"provenance": {"seed": 1},\n "p": 0.5}'
JSON = {
    "a key twice": ('{"provenance": {}, "provenance": {"seed": 1}}', "'provenance' twice"),
    "a key twice inside": ('{"provenance": {"seed": 1, "seed": 2}}', "'seed' twice"),
    "NaN": (GOOD.replace("0.5", "NaN"), "NaN"),
    "Infinity": (GOOD.replace("0.5", "-Infinity"), "-Infinity"),
    "1e400": (GOOD.replace("0.5", "1e400"), "1e400"),
    "100,000 deep": (GOOD.replace("0.5", "[" * 100_000 + "]" * 100_000), "too deeply"),
    "5,000 digits": (GOOD.replace("0.5", "1" * 5000), "digits"),
    "50 MB": (GOOD + " " * (50 * 2**20), f"at most {MAX_JSON:,} bytes"),
    "a byte-order mark": ("\ufeff" + GOOD, "byte-order mark"),
    "NFD": (GOOD.replace('"p"', f'"{unicodedata.normalize("NFD", "é")}"'), "composed form"),
    "U+2028": (GOOD.replace('"p"', '"p\u2028"'), r"\u2028"),
    "a lone surrogate": (GOOD.replace("0.5", '"\\ud800"'), "surrogates not allowed"),
    "a comment": (GOOD.replace('"p"', "// p"), ":2: found no JSON"),
    "cut short": (GOOD[:-3], ":2: found no JSON"),
    "a list": ("[1]", "provenance"),
    "no provenance": ('{"p": 1}', "provenance"),
    "UTF-16": (GOOD.encode("utf-16"), "UTF-8"),
}


@pytest.mark.parametrize(("text", "says"), JSON.values(), ids=JSON)
def test_s09_hostile_json_of_a_result_is_refused(tmp_path, text, says):
    path = tmp_path / "r.json"
    path.write_text(GOOD, encoding="utf-8")
    assert read_result(path)["p"] == 0.5
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput) as caught:
        read_result(path)
    assert says in str(caught.value), caught.value


def test_s09_a_key_that_is_code_elsewhere_is_a_key_like_any_other(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(GOOD.replace('"p"', '"__proto__"'), encoding="utf-8")
    assert read_result(path) == {"provenance": {"seed": 1}, "__proto__": 0.5}


# --- Time and memory, in a process of its own --------------------------------------------------------------------------

MEASURE = """
import re, sys, time
from evidence.domain.errors import BadInput
from pathlib import Path
kind, path = sys.argv[1], Path(sys.argv[2])
if kind == "json":
    from evidence.io.analyses import read_result as load
elif kind == "toml":
    from evidence.io.toml_files import read_toml as load
else:
    import pandas
    from evidence.io.csv_files import read_table as load
started = time.process_time()
try:
    load(path)
except BadInput:
    seconds = time.process_time() - started
    # Not getrusage: its peak begins with that of the process before exec.
    print(seconds, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
HEAVY = {
    "TOML of 1 MB, deep": ("toml", "x = " + "[" * 990_000),
    "TOML of 1 MB, keys": ("toml", "".join(f"k{i} = 1\n" for i in range(70_000)) + "k1 = 1\n"),
    "TOML of 50 MB": ("toml", "#" * (50 * 2**20)),
    "JSON of 50 MB": ("json", "[" + "0," * (25 * 2**20) + "0]"),
    "JSON of 16 MB, deep": ("json", '{"a":' * (16 * 2**20 // 5)),
    "CSV of a million columns": ("csv", "a" + "," * 1_000_000 + "\n1\n"),
    "CSV with a row of a million cells": ("csv", "a,b\n1,2\n" + "," * 1_000_000 + "\n"),
    "CSV of 65 MB": ("csv", "a\n" + "1" * MAX_CSV),
    "CSV of 10 MB in one cell never closed": ("csv", 'a\n"' + "x" * 10_000_000),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's peak of memory is read there")
@pytest.mark.parametrize(("kind", "text"), HEAVY.values(), ids=HEAVY)
def test_s09_s11_what_is_large_is_refused_in_a_second_and_in_little_memory(tmp_path, kind, text):
    path = tmp_path / f"x.{kind}"
    path.write_text(text, encoding="utf-8")
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", MEASURE, kind, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seconds, peak = map(float, done.stdout.split())
    assert (seconds < 1, peak < 200) == (True, True), (seconds, peak)


# --- Other formats -----------------------------------------------------------------------------------------------------

FOREIGN = {
    "m.yaml": b"a: !!python/object/apply:os.system ['touch /tmp/pwned']\n",
    "m.pkl": b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
    "m.joblib": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
}


@pytest.mark.parametrize("name", [*FOREIGN, "m.npz"])
def test_s10_yaml_pickles_and_arrays_of_objects_are_refused_wherever_a_file_is_read(tmp_path, name):
    path = tmp_path / name
    if name == "m.npz":
        with path.open("wb") as file:
            np.savez(file, a=np.array([{}, "x"], dtype=object))
    else:
        path.write_bytes(FOREIGN[name])
    kept = tmp_path / "reg"
    commands = (
        ("check", path), ("rank", path), ("rank", "control", "--model", path), ("check", "control", "--model", path),
        ("diagnose", path), ("prereg", "check", path, "--registry", kept),
        ("prereg", "show", path, "--registry", kept), ("value", path), ("import", "table", path),
    )  # fmt: skip
    for words in commands:
        done = run(*words)
        assert done.exit_code in {2, 3}, (words, done.output)
        assert "Traceback" not in done.output
        assert "internal error" not in done.output
    with pytest.raises(BadInput):
        read_result(path)
    assert not Path("/tmp/pwned").exists()  # noqa: S108 (what the files would leave behind)


# --- CSV -----------------------------------------------------------------------------------------------------------------

NO_NUMBERS = (
    "1_0", "١٢", " 1 ", "0x1p3", "1,5", "inf", "-inf", "nan", "NaN", "1e999", "1e99999", "１２", "1 000", "+-1", "1.2.3", "",
    "1e", ".", "0b1", "1/2", "½", "１", "1%", "TRUE", "−1", "1\u00a0", "1d5", "infinity",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_s11_only_plain_decimal_numbers_are_numbers(text):
    for kind in ("number", "integer"):
        assert read_cell(text, kind)[1]


@pytest.mark.parametrize("text", [t for t in NO_NUMBERS if t.strip()])
def test_s11_a_cell_that_is_no_number_is_named(tmp_path, text):
    cell = json.dumps(text, ensure_ascii=False)
    folder = bases.write_base(tmp_path / "b", outcomes=bases.OUTCOMES.replace("monitor,0.4,", f"monitor,{cell},"))
    with pytest.raises(BadInput) as caught:
        load_base(folder)
    assert "outcomes.csv:2:estimate_smd: found" in str(caught.value)


BROKEN = {
    "a NUL": ("a,b\n1,\0\n", r":2: .*\\x00"),
    "mixed encodings": ("a,b\ncafé,1\n".encode() + "café,2\n".encode("latin-1"), ":3: .*0xe9"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "UTF-8"),
    "a million columns": ("a" + "," * 1_000_000 + "\n1\n", "1,000,001 columns"),
    "an open quote": ('a,b\n1,"x\n', ":2: .*never closed"),
    "cells beyond the header": ("a,b\n1,2,3\n", ":2: .*beyond the last column"),
    "a control character": ("a,b\n1,\x1b[2J\n", r":2: .*\\x1b"),
    "nothing": ("", "an empty file"),
    "only a header": ("a,b\n", "no rows"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_s11_a_broken_table_is_refused_with_its_line(tmp_path, text, says):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput, match=says):
        read_table(path)
