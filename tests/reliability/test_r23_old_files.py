"""Old files (R23): what an earlier version stored opens, or is refused with a reason. The stored files are never made anew."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence.cli import app
from evidence.io.analyses import read_result
from evidence.io.models import load_model
from evidence.io.schema import SCHEMA_NAMES
from evidence.io.tables import load_base

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"
VERSIONS = sorted(path.name for path in FORMATS.iterdir())
DIGEST = {"v0.1": "23ab716fd46cd33b67c5636e08ca4de1b47dc313da8a6de7c01df65a872de679"}
"""The registration of each version's registry."""
COMMANDS = {
    "base": ("check", "base"),
    "bridge": ("check", "bridge"),
    "model.toml": ("check", "base", "--model", "model.toml"),
    "beliefs.toml": ("check", "base", "--model", "beliefs.toml"),
    "paper.toml": ("check", "paper.toml"),
    "source.csv and import.toml": ("import", "table", "source.csv", "import.toml", "new"),
    "fit.nc": ("diagnose", "fit.nc"),
    "draft.prereg.toml": ("prereg", "check", "draft.prereg.toml", "--registry", "other"),
    "registry": ("prereg", "list", "--registry", "registry"),
    "registry/*.prereg.json": ("prereg", "verify", "DIGEST", "--registry", "registry", "--no-engine"),
    "registry/*.resolution.json": ("prereg", "show", "DIGEST", "--registry", "registry"),
    "registry/*.score.json": ("prereg", "score", "DIGEST", "--registry", "registry"),
    "rank.json": ("prereg", "verify", "DIGEST", "--registry", "registry", "--no-engine", "--analysis", "rank.json"),
    "review-under-registration.json": (
        "prereg", "verify", "DIGEST", "--registry", "registry", "--no-engine", "--analysis", "review-under-registration.json"
    ),
}  # fmt: skip


@pytest.fixture(params=VERSIONS)
def old(request, tmp_path, monkeypatch):
    """A copy of the files of one version, as the current folder; and the version."""
    shutil.copytree(FORMATS / request.param, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    return request.param


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_r23_every_stored_file_opens_or_is_refused_with_a_reason(old, words):
    words = [DIGEST[old] if word == "DIGEST" else word for word in words]
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, words, prog_name="evidence")
    assert "Traceback" not in done.output
    assert "internal error" not in done.output
    if done.exit_code:
        # The day a format changes, its old files may be refused, and then the message says so.
        assert done.exit_code == 2, done.output
        assert "format" in done.stderr


def test_r23_version_0_1_is_read_by_version_0_1(tmp_path, monkeypatch):
    """As long as nothing has changed, nothing is refused."""
    shutil.copytree(FORMATS / "v0.1", tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    assert len(load_base(Path("bridge")).outcomes) == 2
    assert load_model(Path("model.toml")).merits
    assert load_model(Path("beliefs.toml")).orders
    review = read_result(Path("review.json"))
    assert review["ok"] is True
    assert 0 < review["p_post"] < 1
    assert json.loads(Path("rank.json").read_text(encoding="utf-8"))["provenance"]["prereg_hash"] == DIGEST["v0.1"]


def test_r23_a_stored_proposal_is_read_with_its_base(old):
    from evidence.io.proposals import check_against, load_proposal

    proposal, place = load_proposal(Path("proposal.toml"))
    check_against(proposal, place, load_base(Path(proposal.base)))


def test_r23_a_stored_bundle_of_the_app_is_read_and_its_script_is_a_command_of_today(old):
    with zipfile.ZipFile("bundle.zip") as archive:
        archive.extractall("unpacked")
    base, model = load_base(Path("unpacked/base")), load_model(Path("unpacked/model.toml"))
    assert base.findings
    assert model.id == "default"
    assert read_result(Path("unpacked/review.json"))["settings_viewed"] >= 1
    (command,) = (
        x for x in Path("unpacked/reproduce.sh").read_text(encoding="utf-8").splitlines() if x.startswith("evidence")
    )
    assert command.startswith("evidence review ")


@pytest.mark.parametrize("version", VERSIONS)
def test_r23_the_stored_files_are_those_that_were_stored(version):
    folder = FORMATS / version
    stored = dict(
        reversed(line.split("  ", 1)) for line in (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    )
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    files = {name: p for name, p in files.items() if name not in {"README.md", "SHA256SUMS", "registry/registry.lock"}}
    assert files.keys() == stored.keys()
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == stored[name], f"{name}: never regenerate these"
    assert "Never regenerate" in (folder / "README.md").read_text(encoding="utf-8")


FILE_OF = {
    "question": "base/base.toml", "technique": "base/techniques.csv", "family": "base/families.csv", "setting": "base/settings.csv",
    "study": "base/studies.csv", "finding": "base/findings.csv", "outcome": "bridge/outcomes.csv", "model": "model.toml",
    "paper": "paper.toml", "proposal": "proposal.toml", "review": "review.json", "ranking": "rank.json",
    "prereg-draft": "draft.prereg.toml", "registration": "registry/*.prereg.json", "registry-entry": "registry/registry.jsonl",
    "resolution": "registry/*.resolution.json", "score-card": "registry/*.score.json",
}  # fmt: skip
NEVER_READ = {
    "what-if", "value", "portfolio", "diagnosis", "calibration", "elicited-validity", "elicited-merit", "elicited-order",
    "verification", "disagreement", "pool",
}  # fmt: skip
"""Results that no command takes in."""


def test_r23_every_format_that_is_read_has_a_stored_file():
    assert set(SCHEMA_NAMES) == FILE_OF.keys() | NEVER_READ
    for pattern in (*FILE_OF.values(), "fit.nc", "import.toml", "source.csv", "bundle.zip", "registry/registry.head"):
        assert len(list((FORMATS / "v0.1").glob(pattern))) == 1, pattern
