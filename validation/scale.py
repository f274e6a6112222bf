"""Time and memory against the number of findings: 1,000 techniques in 100 settings of 20 families, up to 100,000 findings.

Each setting is one leaderboard: techniques against one baseline sample, as far as the wanted number of findings goes.
Every size runs in a process of its own, so that its peak memory is its own.

    python validation/scale.py                    1,000 3,000 10,000 30,000 100,000 findings: scale.json, scale.svg, exponent
    python validation/scale.py --draw             the figure from scale.json
    python validation/scale.py --findings 100000  one size, one JSON line
    python validation/scale.py --findings 3000 --techniques 100 --families 80 --relevance-per class
                                                  a literature of more families than can be told apart
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from evidence.io.store import write_text

OUT = Path(__file__).with_name("scale.json")

N_TECHNIQUES, N_SETTINGS, N_FAMILIES = 1000, 100, 20
CLASSES = ("open-chat", "small-open-chat", "frontier-chat", "model-organism")
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
DIMENSIONS = ("capability", "adversary", "realism")


def make_base(n_findings, *, n_techniques=N_TECHNIQUES, n_families=N_FAMILIES, seed=1):
    """A simulated literature as an evidence base, with effects drawn from the model at one draw of its hyperparameters."""
    from evidence.domain.records import (
        Dimension,
        EvidenceBase,
        Family,
        Finding,
        Question,
        Setting,
        Study,
        Target,
        Technique,
    )

    rng = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(n_techniques)]
    gaps = rng.choice([0.0, 0.5, 1.0], (n_families, len(DIMENSIONS)))
    relevance = rng.beta(6, 3, n_families)
    effects, family = simulate_effects(rng, n_techniques, gaps, relevance)
    settings = [
        Setting(
            id=f"s{s}", name=f"s{s}", family=f"f{family[s]}", environment=f"e{s}", model_family="m", outcome="o",
            gaps=dict(zip(DIMENSIONS, gaps[family[s]].tolist(), strict=True)), reasons=dict.fromkeys(DIMENSIONS, "simulated"),
        )
        for s in range(N_SETTINGS)
    ]  # fmt: skip
    per_setting = n_findings // N_SETTINGS
    findings = []
    for s in range(N_SETTINGS):
        se = float(rng.uniform(0.1, 0.3))
        comparator = rng.normal(0, se / np.sqrt(2))
        for t in rng.permutation(n_techniques)[:per_setting]:
            y = effects[t, s] + rng.normal(0, 0.1) + rng.normal(0, se / np.sqrt(2)) - comparator
            findings.append(
                Finding(
                    id=f"s{s} t{t}", study=f"j{s}", setting=f"s{s}", technique=names[t], comparator="none", kind="effect",
                    scale="smd", estimate=float(y), se=se, higher_is_better=True, where="simulated", source_kind="derived",
                )
            )  # fmt: skip
    dimensions = tuple(Dimension(id=d, meaning=d, none="none", some="some", major="major") for d in DIMENSIONS)
    question = Question(
        id="scale", title="scale", question="?", criterion="c", unit="u", smallest_difference=0.2,
        targets=(Target(id="target"),), dimensions=dimensions,
    )  # fmt: skip
    return EvidenceBase(
        question=question,
        techniques=tuple(Technique(id=t, name=t) for t in ["none", *names]),
        families=tuple(Family(id=f"f{f}", name=f"f{f}", validity_class=_class_of(f, n_families), reason="simulated") for f in range(n_families)),
        settings=tuple(settings),
        studies=tuple(Study(id=f"j{s}", title=f"j{s}", authors="simulated", year=2026) for s in range(N_SETTINGS)),
        findings=tuple(findings),
    )  # fmt: skip


def _class_of(family, n_families):
    """One class where families can be told apart; four of them where there are more."""
    return CLASSES[0] if n_families <= N_FAMILIES else CLASSES[family % len(CLASSES)]


def simulate_effects(rng, n_techniques, gaps, relevance, *, tau_P=0.7, v=0.9, w=0.2, r=0.3, sigma_b=0.2):
    """True effects (techniques, settings) with the correlation of docs/model.md, and the family of each setting."""
    n_families = len(relevance)
    family = np.arange(N_SETTINGS) % n_families
    distance = np.abs(gaps[:, None, :] - gaps[None, :, :]).sum(axis=-1)
    kernel = np.exp(-w * distance) * np.where(
        np.eye(n_families, dtype=bool), 1.0, relevance[:, None] * relevance[None, :]
    )
    root = np.linalg.cholesky(kernel + 1e-12 * np.eye(n_families))
    own, shared = (rng.standard_normal((n, n_families)) @ root.T for n in (n_techniques, 1))
    h = (np.sqrt(1 - r) * own + np.sqrt(r) * shared)[:, family]
    g = v * h + np.sqrt(1 - v**2) * rng.standard_normal((n_techniques, N_SETTINGS))
    return tau_P * g + rng.normal(0.15, sigma_b, N_SETTINGS), family


def measure(n_findings, *, n_techniques=N_TECHNIQUES, n_families=N_FAMILIES, relevance_per="family", name="default", rounds=32):
    """Seconds, peak memory and checks of one fit, its P(A > B) matrix and its ranking."""
    from evidence.analysis.fitting import fit_case, prepare_case
    from evidence.analysis.draws import draw_merits
    from evidence.analysis.ranking import probability_matrix
    from evidence.inference.exact import ExactEngine
    from evidence.io.models import load_model
    from evidence.io.shipped import find_model
    from evidence.model.ranks import rank_distribution

    base = make_base(n_findings, n_techniques=n_techniques, n_families=n_families)
    model = load_model(find_model(name))
    shared = model.parametrisation.model_copy(update={"relevance_per": relevance_per})
    stages = lambda label, done, total: print(
        f"{time.perf_counter() - start:7.1f} s {label} {done}/{total}", file=sys.stderr
    )
    start = time.perf_counter()
    case = prepare_case(base, model.model_copy(update={"parametrisation": shared}), target=None, settings=(), seed=1)
    prepared = time.perf_counter() - start
    posterior = fit_case(case, ExactEngine(max_rounds=rounds), seed=1, progress=stages)
    fitted = time.perf_counter() - start
    _, mcse = probability_matrix(posterior)
    rank_distribution(draw_merits(posterior, 20_000, seed=1))
    seconds = time.perf_counter() - start
    return {
        "findings": len(base.findings), "free": int(case.hyper.active.sum()), "seconds": seconds, "prepare_s": prepared, "fit_s": fitted - prepared,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "ok": posterior.ok, "mcse_p": mcse,
        "checks": {name: check.value for name, check in posterior.checks.items()},
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int)
    parser.add_argument("--techniques", type=int, default=N_TECHNIQUES)
    parser.add_argument("--families", type=int, default=N_FAMILIES)
    parser.add_argument("--model", default="default")
    parser.add_argument("--rounds", type=int, default=32, help="as `rank --rounds`")
    parser.add_argument("--relevance-per", choices=("family", "class"), default="family")
    parser.add_argument("--draw", action="store_true", help="only the figure")
    arguments = parser.parse_args()
    if arguments.findings:
        sizes = {"n_techniques": arguments.techniques, "n_families": arguments.families}
        found = measure(arguments.findings, **sizes, relevance_per=arguments.relevance_per, name=arguments.model, rounds=arguments.rounds)
        print(json.dumps(found))
        return
    if not arguments.draw:
        store(arguments.rounds)
    draw(json.loads(OUT.read_text(encoding="utf-8")))


def store(rounds):
    """Every size in a process of its own; scale.json with what came out and the exponent of time."""
    rows = []
    for n in SIZES:
        words = [sys.executable, __file__, "--findings", str(n), "--rounds", str(rounds)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        line = "{findings:7d} findings: {seconds:6.1f} s, {gigabytes:.1f} GB, ok {ok}, error of P {mcse_p:.4f}"
        print(line.format(**rows[-1]), flush=True)
    found = {"command": f"python validation/scale.py --rounds {rounds}", "date": datetime.now(UTC).date().isoformat(),
             "techniques": N_TECHNIQUES, "settings": N_SETTINGS, "families": N_FAMILIES,
             "exponent_all": exponent(rows), "exponent_ok": exponent([row for row in rows if row["ok"]]), "sizes": rows}  # fmt: skip
    write_text(OUT, json.dumps(found, indent=1) + "\n", force=True)
    print(f"exponent of time against findings: {found['exponent_all']:.2f} of all, {found['exponent_ok']:.2f} of those with a verdict")


def exponent(rows):
    """Of time against findings, least squares on logarithms."""
    x, y = (np.log([row[k] for row in rows]) for k in ("findings", "seconds"))
    return float(np.polyfit(x, y, 1)[0])


def draw(found):
    """scale.svg: seconds against findings, those without a verdict hollow, beside what the goals allow."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "scale", "svg.fonttype": "none"})
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    x, y, ok = (np.array([row[k] for row in found["sizes"]]) for k in ("findings", "seconds", "ok"))
    axes.loglog(x, y, color="#1f4e79", linewidth=1)
    axes.loglog(x[ok], y[ok], "o", color="#1f4e79", label="all checks passed")
    axes.loglog(x[~ok], y[~ok], "o", color="#1f4e79", markerfacecolor="white", label="no verdict")
    axes.loglog(x, 180 * (x / x[-1]) ** 1.15, color="#888", linestyle="--", label="slope of 1.15 to 180 s at 100,000")
    for row in found["sizes"]:
        told = f"{row['seconds']:.0f} s" + ("" if row["gigabytes"] is None else f", {row['gigabytes']:.1f} GB")
        axes.annotate(told, (row["findings"], row["seconds"]), xytext=(0, -14), textcoords="offset points", ha="center", fontsize=8)
    axes.set(xlabel=f"findings on {found['techniques']:,} techniques in {found['settings']} settings of {found['families']} families", ylabel="seconds", ylim=(1, 1000))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(OUT.with_suffix(".svg"), metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
