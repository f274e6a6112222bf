"""Every command in a process without a network, in a folder full of secrets (S21, S22), and again here (R14)."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bases
import registrations
from evidence.cli import app

ROOT = Path(__file__).parents[2]
TOKEN, SECRET = "ghp_R3m0teT0ken", "s3cr3t-0f-the-environment"
HOOK = """
import os, sys
ADDRESSED = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
def watch(event, args):
    if event in ADDRESSED and not (event in {"socket.connect", "socket.sendto"} and isinstance(args[1], (str, bytes))):
        with open(os.environ["ASKED"], "a", encoding="utf-8") as file:
            file.write(f"{event} {args[1:] if event == 'socket.connect' else args[:1]}\\n")
        raise OSError("no network here")
sys.addaudithook(watch)
"""
"""Put into every Python process, also those that the package starts: whoever asks for an address is written down."""
SCRIPT = """
import json, sys
from pathlib import Path
from typer.testing import CliRunner
from evidence.cli import app

found = {}
def run(name, *words, code=0):
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, list(words), prog_name="evidence")
    assert done.exit_code == code, (words, done.output, repr(done.exception))
    found[name] = done.stdout
    return done.stdout

run("list", "list")
run("schema", "schema", "finding")
run("check", "check", "tiny")
run("check shipped", "check", "control")
run("init", "init", "mine")
run("quick", "quick", "A 120/400 vs B 31/100", "--class", "small-open-chat", "--json", "--quiet")
run("rank", "rank", "tiny", "--out", "fit.nc", "--json", "--quiet")
run("diagnose", "diagnose", "fit.nc", "--plots", "plots")
run("review", "review", "alpha2023", "--base", "tiny", "--report", "review.html")
run("review.json", "review", "alpha2023", "--base", "tiny", "--json")
run("what-if", "what-if", "tiny", "--sweep", "prior.tau=0.5:1:0.5", "--pair", "monitor,audit", "--csv")
run("import table", "import", "table", "source.csv", "import.toml", "bridge")
run("elicit", "elicit", "validity", "--help")
checked = json.loads(run("prereg check", "prereg", "check", "mine.prereg.toml", "--registry", "reg", "--json"))
typed = str(round(100 * checked["p_ahead"]))
run("freeze", "prereg", "freeze", "mine.prereg.toml", "--registry", "reg", "--confirm", typed)
digest = checked["hash"]
for words in (("verify", digest), ("show", digest), ("list",), ("export", "osf", digest), ("score", digest)):
    run("prereg " + words[0], "prereg", *words, "--registry", "reg")
Path("said.json").write_text(json.dumps(found), encoding="utf-8")
"""


def without_network():
    """The start of a command line that has no network, where this machine allows it."""
    unshare = shutil.which("unshare")
    words = [unshare, "-rn"] if unshare else []
    return (
        words if unshare and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else []
    )


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """A folder in a repository whose remote holds a token, under a home of its own, after every command ran in it."""
    home = tmp_path_factory.mktemp("home-of-jane-doe")
    folder, site = home / "secret-project", home / "site"
    folder.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    for words in (("init", "-q"), ("remote", "add", "origin", f"https://user:{TOKEN}@example.org/x.git")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    bases.write_base(folder / "tiny")
    registrations.write_draft(folder)
    bridge = ROOT / "data" / "bridges" / "wmdp-rmu"
    for name in ("source.csv", "import.toml"):
        shutil.copy(bridge / name, folder)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "USER": "jane-doe", "AWS_SECRET_ACCESS_KEY": SECRET,
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT / "src")]), "ASKED": str(home / "asked.txt"),
        "EVIDENCE_CACHE_DIR": str(home / "cache"),
    }  # fmt: skip
    done = subprocess.run(
        [*without_network(), sys.executable, "-c", SCRIPT], cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
def test_s22_everything_works_without_a_network_and_nothing_asks_for_one(away):
    asked = away.parent / "asked.txt"
    assert not asked.exists(), asked.read_text(encoding="utf-8")
    # The watch itself works: an asker is written down.
    code = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9), timeout=1)\nexcept OSError:\n    print('refused')"
    environment = {**os.environ, "PYTHONPATH": str(away.parent / "site"), "ASKED": str(away.parent / "tried.txt")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert "socket.getaddrinfo" in (away.parent / "tried.txt").read_text(encoding="utf-8")


def test_s22_the_package_imports_nothing_that_speaks_to_a_network():
    speaking = {
        "socket",
        "ssl",
        "http",
        "urllib",
        "urllib3",
        "requests",
        "httpx",
        "aiohttp",
        "ftplib",
        "smtplib",
        "xmlrpc",
    }
    found = []
    for path in (ROOT / "src" / "evidence").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in speaking]
    # `--scheduler ADDRESS` asks for a network in so many words: its address is tried before Dask waits on it.
    assert found == ["batch.py: socket"]


@pytest.mark.slow
def test_s21_no_output_tells_of_the_machine_its_owner_or_the_repository(away):
    said = json.loads((away / "said.json").read_text(encoding="utf-8"))
    texts = {name: text.encode() for name, text in said.items()}
    texts["review.html"] = (away / "review.html").read_bytes()
    texts["fit.nc"] = (away / "fit.nc").read_bytes()
    texts |= {
        str(p.relative_to(away)): p.read_bytes() for p in (away / "reg").iterdir() if not p.name.endswith(".lock")
    }
    texts |= {str(p.relative_to(away)): p.read_bytes() for p in (away / "plots").iterdir()}
    texts |= {str(p.relative_to(away)): p.read_bytes() for p in (away / "bridge").iterdir()}
    assert len(texts) > 25
    for secret in (TOKEN, SECRET, "example.org/x.git", "home-of-jane-doe", "jane-doe", str(Path.home()) + "/"):
        told = [name for name, text in texts.items() if secret.encode() in text]
        assert told == [], secret


@pytest.mark.slow
def test_r14_the_same_run_in_another_process_gives_the_same_bytes(away, monkeypatch, tmp_path):
    """Another process, another folder, another home, other seeds of Python's hashes: the JSON is the same to the byte."""
    said = json.loads((away / "said.json").read_text(encoding="utf-8"))
    bases.write_base(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    for name, words in (
        ("rank", ("rank", "tiny", "--json", "--quiet")),
        ("review.json", ("review", "alpha2023", "--base", "tiny", "--json")),
    ):
        here = CliRunner().invoke(app, list(words), prog_name="evidence")
        assert here.exit_code == 0, here.output
        assert here.stdout == said[name]


@pytest.mark.slow
def test_r14_a_registration_has_the_same_hash_in_another_process(away):
    (frozen,) = (away / "reg").glob("*.prereg.json")
    from evidence.domain.canonical import frozen_bytes, sha256_hex

    assert frozen.name.partition(".")[0] == sha256_hex(frozen_bytes(registrations.small_registration()))
