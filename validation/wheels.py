"""The wheel in empty environments, from the index: installed, consistent, and at work from another folder.

    python validation/wheels.py PYTHON [PYTHON ...]

Builds wheel and sdist, lets twine check their metadata, and for each interpreter makes an empty environment, installs
the wheel without extras, asks pip whether everything fits, and reviews a paper in a folder of its own. Needs an index.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
REVIEW = ("review", "greenblatt2023control", "--base", "control", "--json", "--quiet")


def run(*command, cwd=ROOT, **options):
    """What a command prints; an exit code other than 0 ends the validation with what it said."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def at_work(python, wheel, folder):
    """(version of Python, number of packages, P after reading) of the wheel in an empty environment under `folder`."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "EVIDENCE_CACHE_DIR": ""}
    run(UV, "venv", "--quiet", "--seed", "--python", python, folder / "venv")
    inside = folder / "venv" / "bin"
    run(UV, "pip", "install", "--quiet", "--python", inside / "python", wheel)
    run(inside / "python", "-m", "pip", "check")
    libraries = json.loads(run(inside / "python", "-m", "pip", "list", "--format", "json"))
    away = folder / "away"
    away.mkdir()
    listed = json.loads(run(inside / "evidence", "list", "--json", cwd=away, env=env))
    assert len(listed["bases"]) >= 5, listed
    review = json.loads(run(inside / "evidence", *REVIEW, cwd=away, env=env))
    version = run(inside / "python", "-c", "import platform; print(platform.python_version())").strip()
    return version, len(libraries), review["p_post"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pythons", nargs="+")
    pythons = parser.parse_args().pythons
    with tempfile.TemporaryDirectory() as built:
        run(sys.executable, "-m", "hatchling", "build", "-d", built)
        files = sorted(Path(built).iterdir())
        print(run(UV, "tool", "run", "twine", "check", "--strict", *files).strip())
        wheel = next(file for file in files if file.suffix == ".whl")
        for python in pythons:
            with tempfile.TemporaryDirectory() as folder:
                version, libraries, p_post = at_work(python, wheel, Path(folder))
            print(
                f"Python {version}: {libraries} packages, pip check clean, evidence review from another folder: P {p_post:.3f}"
            )


if __name__ == "__main__":
    main()
