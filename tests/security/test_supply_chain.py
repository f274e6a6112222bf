"""What is installed (S24): hashes for every wheel, extras apart, nothing fetched by an install step of ours."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from test_layers import third_party_uses

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
BASE = {"pymc", "arviz", "jax", "numpy", "pandas", "xarray", "pydantic", "typer", "rich"}
"""What the package needs to rank and review."""


def name_of(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9_.-]+", requirement)[0]).lower()


def test_s24_every_locked_wheel_has_its_version_and_hashes():
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(entries) > 100
    for entry in entries:
        head, *hashes = [line.strip().removesuffix(" \\") for line in entry.splitlines()]
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==[0-9][^ ]*( ; .+)?", head), head
        assert hashes, head
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), head
    assert "://" not in LOCK, "no index and no address: the user's own index is used"


def test_s24_whatever_is_declared_is_locked():
    locked = {name_of(entry) for entry in re.split(r"\n(?=\S)", LOCK.strip())}
    declared = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    assert {name_of(r) for r in declared} - locked == set()


def test_s24_the_install_checks_every_hash_and_fetches_nothing_else():
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^\$\(STAMP\):.*?(?=^\S)", make, re.MULTILINE | re.DOTALL)[0]
    installs = [line for line in recipe.splitlines() if re.search(r"pip (install|sync)", line)]
    assert len(installs) == 3
    for line in installs:
        # The third is the package itself, from this folder, with no dependency.
        assert "--require-hashes" in line or ("--no-deps" in line and "--editable ." in line), line
    for text in (make, *(p.read_text(encoding="utf-8") for p in (ROOT / ".ci").iterdir())):
        for fetched in ("curl", "wget", "playwright install", "npm ", "npx ", "git clone", "nodeenv"):
            assert fetched not in text
    assert "hooks" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8"), "no build step of our own"


def test_s24_extras_are_apart_and_each_is_imported_in_one_home():
    base = {name_of(r) for r in PROJECT["dependencies"]}
    assert base >= BASE
    extras = {name: {name_of(r) for r in needed} for name, needed in PROJECT["optional-dependencies"].items()}
    assert {"app", "inspect", "dev"} <= extras.keys()
    for name, libraries in extras.items():
        assert libraries & base == set(), name
    homes = {"streamlit": "app", "inspect_ai": "io.inspect_logs", "pyarrow": "io.source_tables"} | dict.fromkeys(
        ("dask", "distributed", "cryptography"), "batch"
    )
    uses = [
        (library, module) for library, module in third_party_uses() if name_of(library) in set.union(*extras.values())
    ]
    assert {library for library, _ in uses} == set(homes)
    assert [m for library, m in uses if not (m == homes[library] or m.startswith(f"{homes[library]}."))] == []


BLOCKED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"streamlit", "inspect_ai", "dask", "distributed", "hypothesis", "pytest", "playwright"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from typer.testing import CliRunner
from evidence.cli import app
for words, code, says in (
    (["check", "control"], 0, "no problems"), (["list"], 0, "control"),
    (["import", "inspect", "x", "--class", "toy", "--technique-from", "solver", "--into", "y"], 2, "evidence[inspect]"),
):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == code, (words, done.output, done.exception)
    assert says in done.output, done.output
"""


def test_s24_without_extras_the_package_works_and_names_what_is_missing(tmp_path):
    command = [sys.executable, "-c", BLOCKED]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
