"""What the normal approximation of counts costs: P(A > B) with cells of 5 to 20 read as normal and as binomial.

    python validation/small_cells.py    a table

The exact engine reads a count as binomial where a cell is below `effects.SMALL_CELL`; here the same engine reads the same
findings both ways. Allowed is a difference of .01 in P beyond Monte Carlo error.
"""

import itertools

import numpy as np

from evidence.analysis.fitting import prepare_case
from evidence.inference.engine import pair_moments
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.model import effects
from problems import base_of, counts

ALLOWED_P, ERRORS = 0.01, 3.0
MCSE = 0.001
SIZES = (25, 40, 100, 400)
PAIRS = ((5, 5), (5, 8), (5, 12), (5, 20), (8, 12), (8, 20), (12, 20))
"""Counts of the technique and of its comparator."""


def one_proxy(k, k0, n):
    return base_of("one proxy", counts("f1", "s1", "A", "none", (k, n, k0, n)))


def three_proxies(k, k0, n):
    """The same order thrice, so that errors of the approximation add up; B beside A on one comparator."""
    found = [counts(f"f{i}", f"s{i}", "A", "none", (k, n, k0, n)) for i in range(1, 4)]
    return base_of("three proxies", *found, counts("f4", "s1", "B", "none", (k0, n, k0, n)))


def p_of(base, small_cell):
    """P(row above column) of every pair, and its error, with cells below `small_cell` read as binomial."""
    before, effects.SMALL_CELL = effects.SMALL_CELL, small_cell
    try:
        case = prepare_case(base, load_model(find_model("trusting")), target=None, settings=(), seed=1)
        fitted = ExactEngine(max_rounds=64).fit(case.design, case.hyper, case.everything, seed=1, mcse_limit=MCSE)
    finally:
        effects.SMALL_CELL = before
    assert fitted.ok, fitted.checks
    return pair_moments(fitted)


def main():
    print("| problem | counts | n of each arm | P: normal | binomial | difference | its error |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for make, n, (k, k0) in itertools.product((one_proxy, three_proxies), SIZES, PAIRS):
        if max(k, k0) > n - 5:
            continue
        base = make(k, k0, n)
        (p, e), (q, f) = p_of(base, effects.SMALL_CELL), p_of(base, 1 + max(k, k0, n))
        at = int(np.argmax(np.abs(p - q)))
        error = float(np.hypot(e[at], f[at]))
        worst = max(worst, abs(p[at] - q[at]) - ERRORS * error)
        print(f"| {base.question.id} | {k}, {k0} | {n} | {p[at]:.4f} | {q[at]:.4f} | {q[at] - p[at]:+.4f} | {error:.4f} |", flush=True)
    print(f"largest difference beyond {ERRORS:g} errors: {worst:.4f}; allowed {ALLOWED_P}")


if __name__ == "__main__":
    main()
