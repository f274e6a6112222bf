"""Wheel and sdist: what is in them, what they say of themselves, and the wheel at work away from the checkout."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
EXTRAS = {
    "app": ("streamlit", ("app",)),
    "tables": ("pyarrow", ("import", "table", "rows.parquet", "import.toml", "out")),
    "inspect": ("inspect_ai", ("import", "inspect", "logs", "--into", "out", "--class", "toy-environment")),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel, sdist), built as `pip` would build them, without isolation or network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def tracked(*places):
    done = subprocess.run(["git", "ls-files", *places], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return {line for line in done.stdout.splitlines() if (ROOT / line).exists()}


def test_the_wheel_holds_the_package_and_what_is_shipped_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = {name.removeprefix("src/") for name in tracked("src/evidence")}
    shipped = {f"evidence/_shipped/{name}" for name in tracked("models", "data")}
    assert "evidence/py.typed" in package
    assert any("/registrations/registry/" in name for name in shipped)
    assert package | shipped <= names
    assert not {name for name in names - package - shipped if not name.startswith("evidence/")}
    assert not {name for name in names if "tests/" in name or name.endswith(".pyc")}


def test_no_file_of_either_names_a_folder_of_this_machine(built):
    places = {str(ROOT).encode(), str(Path.home()).encode() + b"/"}
    with zipfile.ZipFile(built[0]) as wheel:
        texts = {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(built[1]) as sdist:
        for member in sdist.getmembers():
            if member.isfile():
                texts[member.name] = sdist.extractfile(member).read()
    assert not [name for name, text in texts.items() if any(place in text for place in places)]


def test_metadata_is_valid_and_says_what_the_package_is(built):
    with zipfile.ZipFile(built[0]) as wheel:
        place = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        text = wheel.read(place).decode("utf-8")
    metadata = Metadata.from_email(text, validate=True)  # packaging's own rules, those an index applies
    assert metadata.name == "evidence"
    assert str(metadata.requires_python) == ">=3.12"
    assert metadata.license_expression == "MIT"
    assert metadata.description_content_type == "text/markdown"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert message_from_string(text).get_payload().strip() == readme.strip()


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(built, tmp_path):
    with tarfile.open(built[1]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    source = next(tmp_path.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = next((tmp_path / "again").glob("*.whl"))
    with zipfile.ZipFile(built[0]) as one, zipfile.ZipFile(again) as other:
        assert {i.filename: i.CRC for i in one.infolist()} == {i.filename: i.CRC for i in other.infolist()}


@pytest.mark.slow
def test_the_wheel_reviews_from_another_folder_with_its_own_data(built, tmp_path):
    # Python starts without site-packages' editable finder (-S): the libraries by path, the package from the wheel.
    with zipfile.ZipFile(built[0]) as wheel:
        wheel.extractall(tmp_path / "installed")  # noqa: S202 (just built here)
    away = tmp_path / "away"
    away.mkdir()
    libraries = [place for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
    path = os.pathsep.join([str(tmp_path / "installed"), *libraries])
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path, "EVIDENCE_CACHE_DIR": ""}

    def answer(*words):
        command = [sys.executable, "-S", *words]
        return subprocess.run(command, cwd=away, env=env, capture_output=True, text=True, check=True).stdout

    code = "import evidence.io.shipped as s; print(s.__file__); print(*s.list_shipped().bases.values(), sep='\\n')"
    places = answer("-c", code).splitlines()
    assert len(places) == 1 + len(list(ROOT.glob("data/*/base.toml")))
    assert all(place.startswith(str(tmp_path / "installed")) for place in places)
    listed = json.loads(answer("-m", "evidence", "list", "--json"))
    assert "control" in {base["id"] for base in listed["bases"]}
    review = json.loads(
        answer("-m", "evidence", "review", "greenblatt2023control", "--base", "control", "--json", "--quiet")
    )
    assert review["study"] == "greenblatt2023control"
    assert 0 < review["p_post"] < 1


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_extra_is_one_line_that_says_what_to_install(extra, tmp_path):
    library, words = EXTRAS[extra]
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    (tmp_path / "import.toml").write_bytes((ROOT / "data/bridges/axbench/import.toml").read_bytes())
    (tmp_path / "logs").mkdir()
    code = f"import sys; sys.modules[{library!r}] = None; from evidence.cli import main; main()"
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"pip install 'evidence[{extra}]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout
