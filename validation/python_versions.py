"""The same questions to two Pythons: by how much their numbers differ (R14: at most 1e-9 with the exact engine).

    python validation/python_versions.py OTHER_PYTHON

`OTHER_PYTHON` is an interpreter of another version with the locked libraries. Each runs in an empty folder with the
compilation cache off; hashes and words must be the same, numbers nearly so.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTIONS = {
    "rank control": ("rank", "control", "--json", "--quiet"),
    "review": ("review", "greenblatt2023control", "--base", "control", "--json", "--quiet"),
    "quick": ("quick", "A 120/400 vs B 31/100", "--class", "small-open-chat", "--json", "--quiet"),
    "hash of a registration": ("prereg", "check", str(ROOT / "data/registrations/control.prereg.toml"), "--json"),
}


def answers(python):
    """Version and JSON of every question."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PYTHONPATH": str(ROOT / "src"),
            "EVIDENCE_CACHE_DIR": "",
        }
        for name, words in QUESTIONS.items():
            command = [python, "-m", "evidence", *words]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
            out[name] = done.stdout
        command = [python, "-c", "import platform; print(platform.python_version())"]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return version, out


def differences(a, b, at=""):
    """(place, size) of every number that differs; anything else that does is an error."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differences(x, y, f"{at}[{i}]")
    elif isinstance(a, float) and isinstance(b, float):
        yield at, abs(a - b)
    elif a != b:
        raise SystemExit(f"{at}: {a!r} against {b!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="the other interpreter")
    (here, mine), (there, theirs) = answers(sys.executable), answers(parser.parse_args().python)
    print(f"Python {here} and {there}, {platform.machine()}")
    for name, text in mine.items():
        found = list(differences(json.loads(text), json.loads(theirs[name])))
        place, size = max(found, key=lambda pair: pair[1], default=("", 0.0))
        print(f"{name}: same bytes {text == theirs[name]}, {len(found)} numbers, largest difference {size:.1e} {place}")


if __name__ == "__main__":
    main()
