"""Errors with heavier tails than the model's: how often 80 % intervals of merits then hold the truth (R20).

    python validation/misspecification.py --replications 300

The simulator of the calibration draws everything from the model, but sampling errors of estimates and means are
Student t with 5 degrees of freedom, scaled to the stated standard error. The engine is told nothing of it.
"""

import argparse
import contextlib
import json
import math

import numpy as np

import simulator
from designs import DESIGNS
from replication import ExactFit, draw

DEGREES = 5
LEVEL = 0.8


class HeavyTailed(simulator._Nature):
    """Nature whose sampling errors are Student t of the stated standard deviation."""

    class _Errors:
        """The generator, with t errors where it is asked for normal ones."""

        def __init__(self, rng):
            self._rng = rng

        def normal(self, mean, sd):
            return mean + sd * self._rng.standard_t(DEGREES) / math.sqrt(DEGREES / (DEGREES - 2))

        def __getattr__(self, name):
            return getattr(self._rng, name)

    def report(self, f):
        usual, self.rng = self.rng, self._Errors(self.rng)
        try:
            # What is true of arms and cells is drawn as before; only what is measured of it errs otherwise.
            with self._true(usual):
                return super().report(f)
        finally:
            self.rng = usual

    @contextlib.contextmanager
    def _true(self, usual):
        once = self.draw_once
        samples = {"comparator"}

        def drawn(key, mean, sd):
            if key[0] in samples:
                return once(key, mean, sd)
            errors, self.rng = self.rng, usual
            try:
                return once(key, mean, sd)
            finally:
                self.rng = errors

        self.draw_once = drawn
        try:
            yield
        finally:
            del self.draw_once


@contextlib.contextmanager
def heavy_tails():
    """While this lasts the simulator's errors have heavy tails."""
    usual = simulator._Nature
    simulator._Nature = HeavyTailed
    try:
        yield
    finally:
        simulator._Nature = usual


def covered(design, replications, fit, *, start=0):
    """Share of merits inside their 80 % intervals, by replication; fits that failed a check are counted apart."""
    shares, failed = [], 0
    for number in range(start, start + replications):
        rng = np.random.default_rng([*design.question.id.encode(), DEGREES, number])
        found = simulator.simulate(design, rng)
        fitted = fit(found.base, seed=int(rng.integers(2**31)))
        failed += not fitted.posterior.ok
        _, merits = draw(fitted.posterior, rng)
        low, high = np.quantile(merits[:, 1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        shares.append(float(np.mean((low <= found.merits[1:]) & (found.merits[1:] <= high))))
    return np.array(shares), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--design", choices=list(DESIGNS), default="sparse")
    options = parser.parse_args()
    out = {}
    for errors, around in (("normal", contextlib.nullcontext), ("t5", heavy_tails)):
        with around():
            shares, failed = covered(DESIGNS[options.design](), options.replications, ExactFit())
        out[errors] = {
            "coverage": round(float(shares.mean()), 4), "se": round(float(shares.std(ddof=1) / math.sqrt(len(shares))), 4),
            "failed": failed,
        }  # fmt: skip
    print(json.dumps({"design": options.design, "replications": options.replications, **out}))


if __name__ == "__main__":
    main()
