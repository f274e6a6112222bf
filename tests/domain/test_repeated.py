"""Means and clustered errors against closed forms."""

import math
import random
import statistics

import pytest

from evidence.domain.repeated import spread_of


@pytest.mark.parametrize("seed", range(50))
def test_the_error_is_the_cluster_robust_one(seed):
    rng = random.Random(seed)  # noqa: S311 (numbers for a test)
    epochs, samples = rng.randint(1, 4), rng.randint(2, 9)
    groups = [[rng.gauss(0, 3) for _ in range(epochs)] for _ in range(samples)]
    found = spread_of({str(i): values for i, values in enumerate(groups)})
    everything = [v for values in groups for v in values]
    n, clusters = len(everything), len(groups)
    mean = math.fsum(everything) / n
    # Cluster-robust variance of a mean with the correction G / (G - 1): Cameron and Miller 2015, eq. 11, intercept only.
    robust = math.fsum(math.fsum(v - mean for v in values) ** 2 for values in groups) / n**2 * clusters / (clusters - 1)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(robust), abs=1e-9)


def test_single_measurements_are_the_plain_standard_error_and_counts():
    found = spread_of({"a": [1.0], "b": [0.0], "c": [1.0]})
    assert (found.k, found.n, found.epochs, found.is_binary) == (2, 3, 1, True)
    assert found.se == pytest.approx(statistics.stdev([1, 0, 1]) / math.sqrt(3), abs=1e-15)


def test_repeats_are_no_counts_and_one_sample_has_no_error():
    assert spread_of({"a": [1.0, 0.0], "b": [1.0, 1.0]}).k is None
    assert spread_of({"a": [0.3]}).se is None
    for nothing in ({}, {"a": []}):
        with pytest.raises(ValueError, match="without a score"):
            spread_of(nothing)
