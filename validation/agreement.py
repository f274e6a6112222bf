"""The exact engine against the sampled one on thirty problems (`problems.py`), with the same likelihood in both.

    python validation/agreement.py                 all problems, a table and `agreement.json`
    python validation/agreement.py --only control  one problem, printed
    python validation/agreement.py --renew "a stated"  this one anew; the others stay, with the code they were made by

Compared are P(A > B) of every pair, and the quantiles of every merit and free hyperparameter in posterior sd; each
difference counts beyond three Monte Carlo standard errors of both engines. `speed` is how much longer the sampled engine
takes to the exact engine's squared error of P: time x error^2 of one over the other. Each model is compiled anew for the sampled engine and its time has that in it;
the exact engine compiles once for all problems whose arrays have the same shape.
"""

import argparse
import hashlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import arviz
import jax
import numpy as np

from calibration import sources_of
from evidence.analysis.fitting import prepare_case
from evidence.analysis.draws import draw_merits
from evidence.inference.engine import pair_moments
from evidence.inference.exact import ExactEngine
from evidence.inference.sampled import SampledEngine
from problems import problems

ROOT = Path(__file__).parents[1]
ARTEFACT = ROOT / "validation" / "agreement.json"
PROBES = (0.05, 0.25, 0.5, 0.75, 0.95)
ALLOWED_ERRORS = 3.0
P_LIMIT, QUANTILE_LIMIT = 0.01, 0.03
MERIT_DRAWS = 200_000


def compare(problem, seed=1):
    """One row: largest differences beyond Monte Carlo error, checks, seconds and the speed ratio."""
    case = prepare_case(problem.base, problem.model, target=None, settings=(), seed=seed)
    arguments = case.design, case.hyper, case.everything
    start = time.perf_counter()
    exact = ExactEngine().fit(*arguments, seed=seed)
    exact_s = time.perf_counter() - start
    start = time.perf_counter()
    sampled = SampledEngine(likelihood="normal").fit(*arguments, seed=seed + 1)
    sampled_s = time.perf_counter() - start
    (p, error), (q, other_error) = pair_moments(exact), pair_moments(sampled)
    differences = dict(_quantile_differences(case, exact, sampled))
    worst = max(differences, key=lambda name: differences[name][1], default=None)
    return {
        "problem": problem.name, "techniques": len(exact.techniques), "findings": len(problem.base.findings),
        "p_difference": float(np.max(np.abs(p - q))),
        "p_beyond_error": float(np.max(np.abs(p - q) - ALLOWED_ERRORS * np.hypot(error, other_error)).clip(0)),
        "quantile_difference": max((d[0] for d in differences.values()), default=0.0),
        "quantile_beyond_error": max((d[1] for d in differences.values()), default=0.0), "worst_quantity": worst,
        "exact_checks": {k: c.value for k, c in exact.checks.items()}, "exact_ok": exact.ok,
        "sampled_checks": {k: c.value for k, c in sampled.checks.items()}, "sampled_ok": sampled.ok,
        "exact_s": exact_s, "sampled_s": sampled_s,
        "speed": float(sampled_s * np.max(other_error) ** 2 / (exact_s * max(np.max(error), 1e-12) ** 2)),
    }  # fmt: skip


def _quantile_differences(case, exact, sampled):
    """(name, (largest |difference|, largest beyond error)) in posterior sd, of merits and free hyperparameters."""
    merits = draw_merits(exact, MERIT_DRAWS, seed=1)
    ess = 1 / np.sum(exact.weights**2)
    for i, technique in enumerate(exact.techniques[1:], start=1):
        yield f"merit[{technique}]", _difference(merits[:, i], np.full(MERIT_DRAWS, 1 / MERIT_DRAWS), ess, sampled.mean[:, i], sampled.chains)
    for k in np.flatnonzero(case.hyper.active):
        name = exact.names[k]
        yield name, _difference(exact.hyper[:, k], exact.weights, ess, sampled.hyper[:, k], sampled.chains)


def _difference(values, weights, ess, draws, chains):
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    cumulative = np.cumsum(weights)
    sd = draws.std()
    if sd < 1e-9:
        return 0.0, 0.0
    by_chain = draws.reshape(chains, -1)
    largest = beyond = 0.0
    for q in PROBES:
        own = np.interp(q, cumulative, values)
        # The sd of an estimated quantile is that of the share below it over the density there.
        spread = np.sqrt(q * (1 - q) / ess)
        low, high = np.interp([max(q - spread, 0.0), min(q + spread, 1.0)], cumulative, values)
        mcse = float(arviz.mcse(by_chain, method="quantile", prob=q, chain_axis=0, draw_axis=1))
        difference = abs(np.quantile(draws, q) - own) / sd
        largest = max(largest, difference)
        beyond = max(beyond, difference - ALLOWED_ERRORS * np.hypot((high - low) / 2, mcse) / sd)
    return float(largest), float(beyond)


def passes(row):
    """True if both engines passed their checks and agree."""
    agree = row["p_beyond_error"] <= P_LIMIT and row["quantile_beyond_error"] <= QUANTILE_LIMIT
    return agree and row["exact_ok"] and row["sampled_ok"]


def table(rows):
    """The rows as Markdown."""
    head = "| problem | P: difference (beyond error) | quantiles, sd: difference (beyond error) | exact, s | sampled, s | speed |"
    lines = [head, "|---|---|---|---|---|---|"]
    for r in rows:
        verdict = "" if passes(r) else " **does not agree**"
        lines.append(
            f"| {r['problem']}{verdict} | {r['p_difference']:.4f} ({r['p_beyond_error']:.4f}) "
            f"| {r['quantile_difference']:.3f} ({r['quantile_beyond_error']:.3f}) "
            f"| {r['exact_s']:.1f} | {r['sampled_s']:.0f} | {r['speed']:.0f} |"
        )
    return "\n".join(lines)


def sources():
    """SHA-256 of each file that the comparison depends on, {path from the root: digest}: both engines and the problems."""
    problems_file = "validation/problems.py"
    own = {problems_file: hashlib.sha256((ROOT / problems_file).read_bytes()).hexdigest()}
    return sources_of("exact") | sources_of("sampled") | own


def name_of(code):
    """What a row calls the sources it was made by."""
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:12]


def _stored(renew):
    """Rows and sources stored. Rows by other code go, unless some are renewed: then all but those stay."""
    stored = json.loads(ARTEFACT.read_text(encoding="utf-8")) if ARTEFACT.exists() else {"rows": [], "sources": {}}
    code = name_of(sources())
    rows = [
        row for row in stored["rows"]
        if (not row["problem"].startswith(renew) if renew else row["code"] == code)
    ]  # fmt: skip
    return rows, stored["sources"]


def _store(rows, codes):
    used = {row["code"] for row in rows}
    kept = {name: code for name, code in codes.items() if name in used}
    stored = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "sources": kept, "rows": rows}
    ARTEFACT.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="problems whose name starts with this; nothing is stored")
    parser.add_argument("--renew", help="fit problems whose name starts with this, and those not stored; keep the others")
    options = parser.parse_args()
    rows, codes = ([], {}) if options.only else _stored(options.renew)
    code = name_of(sources())
    codes = {**codes, code: sources()}
    done = {row["problem"] for row in rows}
    for problem in problems():
        if problem.name in done or (options.only and not problem.name.startswith(options.only)):
            continue
        rows.append({**compare(problem), "code": code})
        jax.clear_caches()  # ten compiled models take all the memory maps that Linux gives a process
        print(json.dumps(rows[-1]), flush=True)
        if not options.only:
            _store(rows, codes)
    print(table(rows))
    print(f"{sum(map(passes, rows))} of {len(rows)} agree; median speed {np.median([r['speed'] for r in rows]):.0f}")
    print(f"{sum(r['code'] != code for r in rows)} of these rows were made by other code")


if __name__ == "__main__":
    main()
