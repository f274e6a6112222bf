"""Is the reported Monte Carlo error of P(A > B) true? One fit of `control` against about 100 times the draws."""

import numpy as np

from evidence.analysis.fitting import prepare_case
from evidence.inference.engine import pair_moments
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model
from evidence.io.tables import load_base

REFERENCE_ROUNDS = 28


def main():
    case = prepare_case(
        load_base(find_base("control")), load_model(find_model("default")), target=None, settings=(), seed=1
    )
    one = ExactEngine().fit(case.design, case.hyper, case.everything, seed=1)
    found, error = pair_moments(one)
    total, references = 0, []
    while total < 100 * len(one.weights):
        engine = ExactEngine(min_rounds=REFERENCE_ROUNDS, max_rounds=REFERENCE_ROUNDS)
        many = engine.fit(case.design, case.hyper, case.everything, seed=100 + len(references))
        references.append(pair_moments(many)[0])
        total += len(many.weights)
    difference = np.abs(found - np.mean(references, axis=0))
    print(f"draws {len(one.weights)}, reference draws {total}, pairs {len(found)}")
    print(f"largest |difference| {difference.max():.5f}, largest reported error {error.max():.5f}")
    print(f"largest difference in reported errors {(difference / error).max():.2f}")


if __name__ == "__main__":
    main()
