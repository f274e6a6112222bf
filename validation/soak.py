"""1,000 reviews and 1,000 moves of the app in one process: memory and compiled programs after a warm-up.

    python validation/soak.py [--reviews 1000] [--moves 1000] [--out validation/soak.json]

A review is `evidence review … --json` of the command line, in this process. Of a hundred, 89 are of a base with one
finding, ten of the tiny base of the tests and one of `control`, at two targets, with moved priors and new seeds.
A move is one run of the app's pages as Streamlit runs them: a slider of page 5 to a random place, the reset, a page
opened, a verdict with moved sliders. The first tenth of each is the warm-up. Growth is the largest of the last five
readings of resident memory against the one at the end of the warm-up, garbage collected before each. Programs: how often
JAX compiled after the warm-up, and how much the caches of its functions grew.
"""

import argparse
import gc
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import jax.monitoring
import psutil
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import bases
from evidence.cli import app as command_line
from evidence.cli.running import progress_bar
from evidence.inference.program import collapse_all

OUT = ROOT / "validation" / "soak.json"
GOAL = 0.05
PAGES = ("question", "evidence", "validity", "verdict", "what_if", "ranking", "register", "checks")
SCRIPT = """
import importlib
import streamlit as st
importlib.import_module(f"evidence.app.page_{st.session_state['page']}").show()
"""
COMPILED: list[str] = []


def _count(event: str, seconds: float, **_: object) -> None:
    if event.endswith("backend_compile_duration"):
        COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_count)


@dataclass
class Watch:
    """Readings of one phase, one every `every` steps."""

    every: int
    steps: list[int] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    compiled: list[int] = field(default_factory=list)
    traces: list[int] = field(default_factory=list)
    keep: Callable[[list[list[float]]], None] | None = None

    def read(self, step: int) -> None:
        """Read after so many steps."""
        gc.collect()
        self.steps.append(step)
        self.megabytes.append(round(psutil.Process().memory_info().rss / 2**20, 1))
        self.compiled.append(len(COMPILED))
        self.traces.append(collapse_all._cache_size())
        if self.keep is not None:
            self.keep(self.rows())

    def rows(self) -> list[list[float]]:
        """Step, megabytes, programs compiled so far, traces of the likelihood."""
        return [list(row) for row in zip(self.steps, self.megabytes, self.compiled, self.traces, strict=True)]

    def summary(self, warm: int) -> dict[str, object]:
        """The figures, from the reading at the end of the warm-up on."""
        at = self.steps.index(warm)
        last = max(self.megabytes[at:][-5:])
        return {
            "steps": self.steps[-1], "warm_up": warm, "mb_warm": self.megabytes[at], "mb_end": last,
            "growth": round(last / self.megabytes[at] - 1, 4), "compiled_after": self.compiled[-1] - self.compiled[at],
            "traces_after": self.traces[-1] - self.traces[at],
            "readings": self.rows(),
        }  # fmt: skip


def small_base(folder: Path) -> Path:
    """The tiny base cut down to one finding: the least that a review can be about."""

    def only(text: str, *ids: str) -> str:
        head, *rows = text.splitlines(keepends=True)
        return head + "".join(row for row in rows if row.startswith(tuple(f"{i}," for i in ids)))

    return bases.write_base(
        folder, outcomes=None, findings=only(bases.FINDINGS, "f1"), settings=only(bases.SETTINGS, "jailbreak"),
        families=only(bases.FAMILIES, "chat"), studies=only(bases.STUDIES, "alpha2023"),
        techniques=only(bases.TECHNIQUES, "none", "monitor"),
    )  # fmt: skip


def words_of(number: int, small: Path, tiny: Path) -> list[str]:
    """The command line of one review."""
    target = ("first deployment", "closed model")[number // 2 % 2]
    if number % 100 == 50:
        asked = ["greenblatt2023control", "--base", "control"]
    elif number % 10 == 5:
        asked = [("alpha2023", "beta2024")[number // 10 % 2], "--base", str(tiny), "--target", target]
    else:
        asked = ["alpha2023", "--base", str(small), "--target", target]
    moved = ["--set", f"prior.tau={0.2 + 0.001 * number:.3f}"] if number % 3 == 0 else []
    return ["review", *asked, *moved, "--seed", str(number + 1), "--json"]


def reviews(n: int, watch: Watch, *, progress=None) -> None:
    """`n` reviews by the command line in this process; each has to end with a verdict, or say why it has none."""
    with tempfile.TemporaryDirectory() as name:
        small, tiny = small_base(Path(name) / "small"), bases.write_base(Path(name) / "tiny")
        for number in range(n):
            done = CliRunner().invoke(command_line, words_of(number, small, tiny))
            assert done.exit_code in {0, 5}, done.stderr
            assert json.loads(done.stdout)["study"], "a review says what it is about"
            if progress is not None:
                progress("reviews", number + 1, n)
            if (number + 1) % watch.every == 0:
                watch.read(number + 1)


def opened() -> AppTest:
    """The app on the tiny base, on page 5."""
    from evidence.app.workspace import DEFAULT_MODEL, Workspace, first_study, read_base
    from evidence.io.models import load_model
    from evidence.io.shipped import find_model

    model = load_model(find_model(DEFAULT_MODEL))
    folder = bases.write_base(Path(tempfile.mkdtemp()) / "tiny")
    base = read_base(folder, model)
    found = Workspace(
        "control", folder, base, model, None, base.question.targets[0].id, first_study(base), elicited="skipped"
    )
    app = AppTest.from_string(SCRIPT, default_timeout=300)
    app.session_state["workspace"], app.session_state["page"] = found, "what_if"
    return app.run()


def step(app: AppTest, number: int, rng: Random, warm: int) -> None:
    """One move: of twenty, ten sliders, a verdict with them moved, the reset, and the eight pages in turn.

    In the warm-up every fifth is a verdict with moved sliders, so that the app has kept as many answers as it ever keeps.
    """
    turn = (0, 1, 2, 3, 10)[number % 5] if number < warm else number % 20
    if turn == 10:
        app.session_state["page"] = "verdict"
    elif turn == 11:
        app.session_state["page"] = "what_if"
        next(b for b in app.run().button if b.label == "Reset to registered").click()
    elif turn > 11:
        app.session_state["page"] = (PAGES[5:] + PAGES[:5])[turn - 12]
    elif app.session_state["page"] != "what_if":
        app.session_state["page"] = "what_if"
    else:
        slider = app.slider[rng.randrange(len(app.slider))]
        stops = round((slider.max - slider.min) / slider.step)
        slider.set_value(round(slider.min + slider.step * rng.randint(0, stops), 6))
    app.run()
    assert not app.exception, [e.message for e in app.exception]


def moves(n: int, watch: Watch, *, progress=None) -> None:
    """`n` moves of the app, none of which may raise."""
    app, rng = opened(), Random(1)
    for number in range(n):
        step(app, number, rng, max(n // 10, 1))
        if progress is not None:
            progress("moves of the app", number + 1, n)
        if (number + 1) % watch.every == 0:
            watch.read(number + 1)


def origin() -> dict[str, str]:
    """The commit, the day, and one hash of all code that ran."""
    paths = [*sorted((ROOT / "src").rglob("*.py")), Path(__file__)]
    code = hashlib.sha256(b"".join(hashlib.sha256(p.read_bytes()).digest() for p in paths)).hexdigest()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return {"command": "python validation/soak.py", "date": today, "commit": commit.stdout.strip(), "sources": code}


def measure(name: str, run, n: int, progress, unfinished: Path) -> dict[str, object]:
    """One phase; its readings so far are kept in a file, should it never end."""
    warm = max(n // 10, 1)
    watch = Watch(max(n // 100, 1), keep=lambda rows: unfinished.write_text(json.dumps({name: rows}), encoding="utf-8"))
    start = time.perf_counter()
    run(n, watch, progress=progress)
    found = watch.summary(warm) | {"seconds": round(time.perf_counter() - start)}
    print(name, {key: value for key, value in found.items() if key != "readings"}, flush=True)
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--reviews", type=int, default=1000)
    asked.add_argument("--moves", type=int, default=1000)
    asked.add_argument("--out", type=Path, default=OUT)
    given = asked.parse_args()
    found: dict[str, object] = origin()
    with progress_bar(quiet=False) as progress:
        for name, run, n in (("moves", moves, given.moves), ("reviews", reviews, given.reviews)):
            if n:
                found[name] = measure(name, run, n, progress, given.out.with_suffix(".unfinished"))
                given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    given.out.with_suffix(".unfinished").unlink(missing_ok=True)
    parts = [found[name] for name in ("moves", "reviews") if name in found]
    failed = [p for p in parts if p["growth"] > GOAL or p["compiled_after"] or p["traces_after"]]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
