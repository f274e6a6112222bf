"""Nothing is lost or half-written: commands that are killed while they write, or that meet a full or read-only disk."""

from __future__ import annotations

import functools
import resource
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import registrations
from bases import write_base
from evidence.cli import app
from evidence.cli.prereg_drafts import commit_registration
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.io.registry import read_chain
from interrupting import Job, run_job, seen
from test_cli_add import COMPLETE

BRIDGE = Path(__file__).parents[2] / "data" / "bridges" / "wmdp-rmu"
TYPED = "".join(f"{line}\n" for line in COMPLETE)
OUTCOMES = (
    "target,technique,estimate_smd,se_smd,baseline_var_smd,n,where\nfirst deployment,monitor,0.9,0.1,0.004,200,T 1\n"
)
VERIFY = ["prereg", "verify", "HASH", "--registry", "reg", "--no-engine"]
ABOUT = ("--registry", "reg")
LIGHT = {
    "init a new folder": (["init", "fresh"], []),
    "init over a folder": (["init", "tiny", "--force"], []),
    "init a paper": (["init", "old.toml", "--base", "tiny", "--force"], []),
    "add to a folder": (["add", "delta2026", "--base", "tiny", "--no-review"], [["check", "tiny"]]),
    "add to a paper": (["add", "delta2026", "--base", "tiny", "--out", "old.toml", "--force", "--no-review"], []),
    "import table": (["import", "table", "source.csv", "import.toml", "bridge", "--force"], [["check", "bridge"]]),
    "import tidy": (["import", "tidy", "tidy.csv", "bridge", "--force"], []),
    "export tidy": (["export", "tiny", "--to", "tidy", "--out", "old.csv", "--force"], []),
    "export metafor": (["export", "tiny", "--to", "metafor", "--out", "old.csv", "--force"], []),
    "export bibtex": (["export", "tiny", "--to", "bibtex", "--out", "old.bib", "--force"], []),
    "elicit order": (["elicit", "order", "audit > monitor 70", "--base", "tiny", "--as", "orders", "--claim", "Said.", "--out", "old.toml", "--force"], []),
    "prereg new": (["prereg", "new", "old.prereg.toml", "--base", "tiny", "--force"], []),
    "prereg export": (["prereg", "export", "osf", "HASH", *ABOUT, "--out", "old.md", "--force"], [VERIFY]),
    "prereg withdraw": (["prereg", "withdraw", "HASH", *ABOUT, "--reason", "a row read wrongly"], [VERIFY]),
    "prereg resolve": (["prereg", "resolve", "HASH", *ABOUT, "--outcomes", "o.csv", "--by", "Bo", "--source", "x"], [VERIFY]),
    "prereg score": (["prereg", "score", "HASH", *ABOUT], [VERIFY]),
}  # fmt: skip
"""Commands that do not run the engine, and what is asked of the state that a kill leaves; all of it must be well."""
FAST = {"init a new folder", "add to a folder", "export tidy", "prereg withdraw", "prereg score"}
COMMANDS = [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in LIGHT]
HEAVY = {
    "rank": ["rank", "tiny", "--out", "old.nc", "--force"],
    "export netcdf": ["export", "tiny", "--to", "netcdf", "--out", "old.nc", "--force"],
    "export summary": ["export", "tiny", "--to", "summary", "--out", "old.md", "--force"],
    "review": ["review", "alpha2023", "--base", "tiny", "--report", "old.html", "--force"],
    "review --all": ["review", "--all", "--base", "tiny", "--report", "pages", "--force"],
    "value": ["value", "theory-paper", "--figures", "pages", "--force"],
    "backtest": ["backtest", "wmdp-rmu", "--report", "old.md", "--force"],
    "calibrate": ["calibrate", "wmdp-rmu", "axbench", "--out", "old.toml", "--force"],
}
READ_ONLY = {"list", "check", "schema", "quick", "what-if", "app", "elicit validity", "prereg check", "prereg verify",
             "prereg compare", "prereg pool", "prereg list", "prereg show"}  # fmt: skip
ELSEWHERE = {
    "elicit merit": "writes as `elicit order` does: cli/elicit.py, _write_model",
    "import inspect": "writes as `import table` does: io/store.py, replacing_files",
    "diagnose": "writes as `import table` does: io/store.py, replacing_files",
    "prereg freeze": "writes as `prereg resolve` does: io/registry.py, commit; faults at every write in io/test_registry.py",
    "prereg amend": "writes as `prereg resolve` does: io/registry.py, commit",
}


@functools.cache
def template() -> tuple[Path, str]:
    """A folder with old files in every place that a command writes to, and the hash of a registration in it."""
    folder = Path(tempfile.mkdtemp(prefix="evidence-r25-")) / "template"
    write_base(folder / "tiny")
    shutil.copytree(BRIDGE, folder / "bridge")
    question = folder / "bridge" / "base.toml"
    question.write_text(
        question.read_text(encoding="utf-8").replace('title = "', 'title = "Old: ', 1), encoding="utf-8"
    )
    for name in ("source.csv", "import.toml"):
        shutil.copy(BRIDGE / name, folder / name)
    for name in ("old.toml", "old.csv", "old.bib", "old.md", "old.html", "old.nc", "old.prereg.toml"):
        (folder / name).write_text("old\n")
    (folder / "o.csv").write_text(OUTCOMES)
    exported = CliRunner().invoke(app, ["export", str(BRIDGE), "--to", "tidy"])
    (folder / "tidy.csv").write_bytes(exported.stdout_bytes)
    commit_registration(folder / "reg", registrations.small_registration(), kind="freeze")
    return folder, sha256_hex(frozen_bytes(registrations.small_registration()))


@functools.cache
def tried(name: str) -> dict:
    """What became of the tries of one command."""
    folder, digest = template()
    words, asks = LIGHT[name]
    put = [[digest if word == "HASH" else word for word in line] for line in (words, *asks)]
    sizes = [10, (folder / "reg" / "registry.jsonl").stat().st_size + 20]
    stdin = TYPED if words[0] == "add" else ""
    return run_job(Job(str(folder), put[0], stdin=stdin, asks=put[1:], sizes=sizes, kills=True, full=True))


def without_chain(files: dict[str, str]) -> dict[str, str]:
    """Without what the registry names by hashes of times: its lines and resolutions; `prereg verify` reads them."""
    return {name: text for name, text in files.items() if "/registry." not in name and ".resolution." not in name}


def lines(files: dict[str, str]) -> int:
    return files.get("reg/registry.jsonl", "").count("\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_r25_a_killed_command_leaves_the_old_files_or_the_new_ones(name):
    found = tried(name)
    old, new = found["old"], found["new"]
    assert (found["code"], old != new) == (0, True), found["text"]
    kills = [one for one in found["killed"]["tries"] if "kill" in one["way"]]
    assert len(kills) > 2
    assert {one["code"] for one in kills} == {-signal.SIGKILL}
    for one in found["killed"]["tries"]:
        state, way = one["state"], one["way"]
        assert [code for code, _ in state["asked"]] == [0] * len(state["asked"]), (way, state["asked"])
        for path, text in without_chain(state["seen"]).items():
            assert text in (old.get(path), new.get(path)), (way, path)
        assert old.keys() <= state["seen"].keys(), (way, "a file was lost")
        done = without_chain(state["seen"]) == without_chain(new) and lines(state["seen"]) == lines(new)
        if state["asked"] and "reg" not in name:
            assert state["seen"] in (old, new), (way, "some of the files are new")
        if done and name in {"init a new folder", "add to a folder", "prereg resolve"}:
            continue  # it is there: not written over, asked again or resolved twice
        assert state["again"][0] == 0, (way, state["again"])
        assert without_chain(state["then"]) == without_chain(new), way
        assert lines(state["then"]) == lines(new), way


@pytest.mark.parametrize("name", COMMANDS)
def test_r26_a_full_or_read_only_disk_is_said_and_the_old_files_stay(name):
    found = tried(name)
    hows = [one["how"] for one in found["full"]]
    assert len(hows) >= 2
    for one in found["full"]:
        if one["code"] == 0:  # so small a file fits under the second limit
            assert one["how"].startswith("files of at most") and one["how"] != hows[0], one
            continue
        assert one["code"] == 2, one
        assert "Traceback" not in one["text"] and "internal error" not in one["text"]
        assert "wanted" in one["text"] and ".tmp" not in one["text"], one["text"]
        reason = {"full": "a full disk", "read-only": "read-only"}.get(one["how"], "a limit on the size of files")
        assert reason in one["text"], one
        assert without_chain(found["old"]).items() <= without_chain(one["seen"]).items(), (
            one["how"],
            "an old file changed",
        )
        # A line fits where the head after it does not: it counts, and the same command again finds it there.
        assert lines(one["seen"]) in {lines(found["old"]), lines(found["new"])}


def test_r26_a_line_that_fits_only_in_part_is_taken_back(tmp_path):
    """A disk about to be full takes a part of the line and says so only at the next try."""
    from evidence.domain.errors import Unwritable
    from evidence.io import registry

    path = tmp_path / "registry.jsonl"
    path.write_bytes(b"old\n")
    with limited(10), pytest.raises(Unwritable, match=r"registry\.jsonl: found a limit on the size of files"):
        registry._append(path, b"a line that is too long\n")
    assert path.read_bytes() == b"old\n"


def test_r26_an_answer_that_the_output_does_not_take_is_no_internal_error():
    import subprocess
    import sys

    words = [sys.executable, "-m", "evidence", "list"]
    with Path("/dev/full").open("w") as sink:
        done = subprocess.run(words, stdout=sink, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "output: found a full disk, wanted free space, then the same command again\n"


@contextmanager
def limited(size: int):
    """Files of at most so many bytes, in this process; Python leaves the signal aside, so a write fails with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", HEAVY)
def test_r26_a_place_that_takes_no_file_is_refused_before_the_work(name, tmp_path, monkeypatch):
    """/proc takes no file from anyone, root included."""
    monkeypatch.chdir(tmp_path)
    write_base(tmp_path / "tiny")
    outs = {"old.nc": "/proc/self/old.nc", "pages": "/proc/self/pages"}
    words = [outs.get(word, f"/proc/self/{word}" if word.startswith("old.") else word) for word in HEAVY[name]]
    monkeypatch.setattr("evidence.cli.running.engine_named", lambda *_: pytest.fail("the work was begun"))
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, done.output
    assert "/proc/self/" in done.stderr and "wanted" in done.stderr


def test_every_command_is_known_to_write_or_not():
    found = set()

    def walk(group, path):
        for name, command in group.commands.items():
            words = f"{path} {name}".strip()
            if hasattr(command, "commands"):
                walk(command, words)
            else:
                found.add(words)

    walk(typer.main.get_command(app), "")
    writing = {next(c for c in sorted(found, key=len, reverse=True) if " ".join(words).startswith(c))
               for words in [*(w for w, _ in LIGHT.values()), *HEAVY.values()]}  # fmt: skip
    assert writing | READ_ONLY | ELSEWHERE.keys() == found
    assert not writing & READ_ONLY
    # --force is what a command has that may write over a file.
    for name in READ_ONLY:
        command = typer.main.get_command(app)
        for part in name.split():
            command = command.commands[part]
        assert not {"force", "out", "report"} & {p.name for p in command.params}, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rank", "export summary", "review", "review --all"])
def test_r25_r26_commands_that_run_the_engine(name, tmp_path, monkeypatch):
    """Run once, with the folder looked at before every rename; then again without room for what they write."""
    monkeypatch.chdir(tmp_path)
    folder, _ = template()
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    old, states, real = seen(tmp_path), [], Path.replace

    def watched(self, target):
        states.append(seen(tmp_path))
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", watched)
        assert CliRunner().invoke(app, HEAVY[name]).exit_code == 0
    new = seen(tmp_path)
    assert states and new != old
    for state in states:
        assert all(text in (old.get(path), new.get(path)) for path, text in state.items())
    with limited(10):
        done = CliRunner().invoke(app, HEAVY[name])
    assert done.exit_code == 2, done.output
    assert "internal error" not in done.stderr and "wanted" in done.stderr
    assert seen(tmp_path) == new


def test_r25_the_chain_still_holds_after_every_kill():
    """`prereg verify` was asked of every state that a kill left; here the chain that the last command wrote is read."""
    for name in ("prereg withdraw", "prereg score"):
        found = tried(name)
        assert lines(found["new"]) == lines(found["old"]) + 1
        assert all(one["state"]["asked"] for one in found["killed"]["tries"])
    assert len(read_chain(template()[0] / "reg").entries) == 1
