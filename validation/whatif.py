"""How fast a slider is: 50 moves and 20 masks on each shipped base, in one process, with the number of traces.

    python validation/whatif.py

Every move changes one assumption by a seeded random amount. Moves of a prior or a validity are answered by weighing the
draws at hand by the ratio of the priors ("reweighted"). Moves of a gap and all masks (a random tenth of the findings left
out) ask the likelihood again, to an error of .01 of P ("coarse") and then to .005 ("fine"): at a part of the draws at hand,
or, where these tell too little, at new draws in a refit. So do moves of the first kind whose weights fail a check. Wall
time of each answer, after two that do not count, a refit and a mask; how many were reached which way; and what failed.
"""

import time

import numpy as np

from evidence.analysis.live import COARSE, FINE, prepare_live
from evidence.inference.exact import ExactEngine
from evidence.inference.program import collapse_all
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model
from evidence.io.tables import load_base

MOVES, MASKS = 50, 20
ROUND = 1024


def moves_of(base, rng, n):
    """`n` settings, as sliders make them: priors, relevance, irrelevance, gaps, validities."""
    families = [f.id for f in base.families if f.stated_at is None]
    kinds = (
        lambda: f"prior.tau_P={rng.uniform(0.1, 0.5):.3f}..{rng.uniform(0.8, 2.0):.3f}",
        lambda: f"prior.w_0={rng.uniform(0.2, 0.6):.3f}..{rng.uniform(1.0, 3.0):.3f}",
        lambda: f"prior.sigma_b={rng.uniform(0.05, 0.2):.3f}..{rng.uniform(0.3, 0.6):.3f}",
        lambda: f"irrelevance.{rng.choice(families)}={rng.uniform(0.02, 0.6):.3f}",
        lambda: f"relevance.{rng.choice(families)}={rng.uniform(0.1, 0.4):.3f}..{rng.uniform(0.5, 0.9):.3f}",
        lambda: f"novelty.{base.question.targets[0].id}={rng.uniform(0, 1):.3f}",
        lambda: f"gap.{rng.choice([s.id for s in base.settings])}.{base.question.dimensions[0].id}={rng.uniform(0, 1):.3f}",
        lambda: f"validity.{rng.choice(families)}={rng.uniform(0.03, 0.15):.3f}",
    )
    return [kinds[i % len(kinds)]() for i in range(n)]


def seconds(ask):
    start = time.perf_counter()
    answer = ask()
    return time.perf_counter() - start, answer


def measure(name):
    """Lines of the report for one base."""
    base, rng = load_base(find_base(name)), np.random.default_rng(1)
    techniques = [t.id for t in base.techniques]
    live = prepare_live(
        base, load_model(find_model("default")), engine=ExactEngine(),
        quick=ExactEngine(min_rounds=1, round_size=ROUND), pair=(techniques[1], techniques[2]),
    )  # fmt: skip
    n = len(live.case.design.findings)
    masks = [(rng.random(n) > 0.1).astype(float) for _ in range(MASKS + 1)]
    live.move((), mask=np.zeros(n))
    live.move((), mask=masks.pop())
    before, times, failed = collapse_all._cache_size(), {"reweighted": [], "coarse": [], "fine": []}, []
    routes = dict.fromkeys(("prior", "likelihood", "refit"), 0)
    questions = [((move,), None) for move in moves_of(base, rng, MOVES)] + [((), mask) for mask in masks]
    for settings, mask in questions:
        took, answer = seconds(lambda: live.move(settings, mask=mask, mcse_limit=COARSE))  # noqa: B023
        times["coarse" if answer.refitted else "reweighted"].append(took)
        routes[answer.route] += 1
        failed += [] if answer.ok else [f"{settings or 'mask'} {answer.checks}"]
        if answer.refitted:
            took, answer = seconds(lambda: live.move(settings, mask=mask, mcse_limit=FINE))  # noqa: B023
            times["fine"].append(took)
            failed += [] if answer.ok else [f"{settings or 'mask'} {answer.checks}"]
    for kind, values in times.items():
        p50, p95 = 1000 * np.quantile(values, [0.5, 0.95])
        print(f"{name}: {kind:10s} {len(values):3d} answers, median {p50:6.0f} ms, p95 {p95:6.0f} ms", flush=True)
    print(f"{name}: reached by {', '.join(f'{k} {n}' for k, n in routes.items())}")
    print(f"{name}: answers that failed a check {len(failed)}, new traces {collapse_all._cache_size() - before}", flush=True)
    for line in failed:
        print(f"{name}: failed {line}", flush=True)


if __name__ == "__main__":
    for base_name in ("control", "harmbench"):
        measure(base_name)
