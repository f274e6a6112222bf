"""Commands that run the engine, killed while they write: `python validation/kills.py [--only NAME]`.

The other writing commands are killed in the tests (`tests/reliability/test_r25_interruptions.py`), which fork; a process
that has run JAX cannot be forked, so here every try is a process of its own. Each command is watched once, then gets
SIGKILL at the first and the last change of every state of the folder that a reader could meet. Afterwards every file
must be the old or the new one, none may be lost, and the same command again must finish. `kills.json` holds the counts.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "reliability")]

from interrupting import arm, code_of, ends_of, scout, seen
from test_r25_interruptions import HEAVY, template

from evidence.io.code_state import code_state
from evidence.io.store import write_text

OUT = ROOT / "validation" / "kills.json"


def child(how, folder, words):
    """In a process of its own: the command, killed before change number `how` or, where that is a path, watched."""
    if how.isdigit():
        arm(int(how), folder)
    elif how != "-":
        scout(Path(folder), [], Path(how))
    return code_of(words)


def run(how, folder, words):
    command = [sys.executable, __file__, "--child", str(how), str(folder), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(template()[0], folder)


def kills_of(words, folder):
    """How often a command was killed, with what was found wrong."""
    log = folder.with_name("states")
    old = seen(fresh(folder))
    code, text = run(log, folder, words)
    new = seen(folder)
    assert (code, new != old) == (0, True), text
    states, wrong = log.read_text().splitlines(), []
    points = ends_of(states)
    for n in points:
        fresh(folder)
        code, text = run(n, folder, words)
        if code != -signal.SIGKILL:
            wrong.append(f"change {n}: exit {code}, not killed: {text[-300:]}")
        found = seen(folder)
        wrong += [f"change {n}: {path} is half-written" for path in found if found[path] not in (old.get(path), new.get(path))]
        wrong += [f"change {n}: {path} was lost" for path in old.keys() - found.keys()]
        code, text = run("-", folder, words)
        if code != 0 or seen(folder).keys() != new.keys() or left_over(folder):
            wrong.append(f"change {n}: the same command again: exit {code}, {text[-300:]}, left {left_over(folder)}")
        print(f"  killed before change {n} of {len(states)}", file=sys.stderr, flush=True)
    return {"changes": len(states), "kills": len(points), "problems": wrong}


def left_over(folder):
    """Unfinished files that nothing takes away again."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob(".evidence-unfinished*"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=HEAVY)
    parser.add_argument("--child", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.child:
        how, folder, *words = options.child
        sys.exit(child(how, folder, words))
    began, found = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "work"
        for command in [options.only] if options.only else HEAVY:
            print(command, file=sys.stderr)
            found[command] = kills_of(HEAVY[command], folder)
            print(f"{command}: {found[command]}", flush=True)
    summary = {
        "command": "python validation/kills.py", "date": datetime.now(UTC).date().isoformat(), "sources": code_state().source_sha256,
        "minutes": round((time.monotonic() - began) / 60, 1), "commands": found,
        "kills": sum(f["kills"] for f in found.values()), "problems": sum(len(f["problems"]) for f in found.values()),
    }  # fmt: skip
    if not options.only:
        write_text(OUT, json.dumps(summary, indent=1) + "\n", force=True)
    sys.exit(summary["problems"] > 0)


if __name__ == "__main__":
    main()
