"""Scores of samples that were measured once or several times: mean, spread, and standard error by sample (math only)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What repeated scores come to; every sample counts alike, however often it was measured."""

    mean: float
    n: int
    """Samples."""
    epochs: int
    """Most measurements of one sample."""
    sd: float | None
    """Standard deviation of the samples' own means (n - 1); None for one sample."""
    se: float | None
    """Standard error of the mean, clustered by sample: sd / sqrt(n)."""
    k: int | None
    """Samples that scored 1, where every score is 0 or 1 and no sample was measured twice."""
    is_binary: bool
    """Every score is 0 or 1."""


def spread_of(scores: Mapping[str, Sequence[float]]) -> Spread:
    """The spread of the scores of each sample. ValueError where there is none.

    With equally many scores per sample `se` is the cluster-robust standard error with the correction G / (G - 1).
    """
    if not scores or not all(scores.values()):
        raise ValueError("a sample without a score")
    means = [math.fsum(values) / len(values) for values in scores.values()]
    n, epochs = len(means), max(len(values) for values in scores.values())
    mean = math.fsum(means) / n
    sd = math.sqrt(math.fsum((m - mean) ** 2 for m in means) / (n - 1)) if n > 1 else None
    is_binary = all(value in {0.0, 1.0} for values in scores.values() for value in values)
    k = round(math.fsum(means)) if is_binary and epochs == 1 else None
    return Spread(mean, n, epochs, sd, None if sd is None else sd / math.sqrt(n), k, is_binary)
