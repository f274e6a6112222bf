"""Are rank statistics uniform? Simultaneous ECDF bands, and coverage of central intervals.

The rank of the truth among L draws of a calibrated posterior is uniform on 0..L, so that at every j the number of N
ranks up to j is Binomial(N, (j + 1) / (L + 1)). Following Saeilynoja, Buerkner and Vehtari (2022) the statistic of one
quantity is the smallest two-sided binomial tail probability over all j; its law under uniformity is simulated, which
makes the band simultaneous in j. Over the Q quantities of a family the level is Bonferroni's alpha / Q: quantities
depend on each other, and Bonferroni holds whatever that dependence (the band is then a little wide, never too narrow).
"""

import functools

import numpy as np
from scipy import stats

FAMILY_LEVEL = 0.01
SIMULATIONS = 100_000
CENTRAL = (0.5, 0.8, 0.95)
BINS = 20


@functools.lru_cache(maxsize=8)
def _tails(n, n_draws):
    """Two-sided tail probability of every count 0..n at every j < L, flat over (j, count)."""
    p = (np.arange(n_draws) + 1) / (n_draws + 1)
    counts = np.arange(n + 1)
    below, above = stats.binom.cdf(counts, n, p[:, None]), stats.binom.sf(counts - 1, n, p[:, None])
    return np.minimum(1.0, 2 * np.minimum(below, above)).ravel()


def smallest_tail(histograms, n):
    """The statistic of each histogram of ranks (..., L + 1) that holds n ranks."""
    n_draws = histograms.shape[-1] - 1
    upto = np.cumsum(histograms, axis=-1)[..., :-1]
    return _tails(n, n_draws)[upto + (n + 1) * np.arange(n_draws)].min(axis=-1)


@functools.lru_cache(maxsize=8)
def null_statistics(n, n_draws, simulations=SIMULATIONS):
    """Sorted statistics of uniform ranks, from a fixed seed."""
    rng = np.random.default_rng(2022)
    uniform = np.full(n_draws + 1, 1 / (n_draws + 1))
    chunks = [rng.multinomial(n, uniform, size=1000) for _ in range(simulations // 1000)]
    return np.sort(np.concatenate([smallest_tail(chunk, n) for chunk in chunks]))


def p_value(histogram):
    """P(a statistic as small as this one | uniform ranks) of one quantity, never 0."""
    n = int(histogram.sum())
    null = null_statistics(n, len(histogram) - 1)
    return float((1 + np.searchsorted(null, smallest_tail(histogram, n), side="right")) / (1 + len(null)))


def band(n, n_draws, n_quantities, level=FAMILY_LEVEL):
    """Lowest and highest share of ranks up to each j < L that the family's band allows: two arrays (L,)."""
    null = null_statistics(n, n_draws)
    gamma = null[max(int(level / n_quantities * (1 + len(null))) - 1, 0)]
    p = (np.arange(n_draws) + 1) / (n_draws + 1)
    inside = _tails(n, n_draws).reshape(n_draws, n + 1) >= gamma
    lowest, highest = inside.argmax(axis=1), n - inside[:, ::-1].argmax(axis=1)
    return np.minimum(lowest / n, p), np.maximum(highest / n, p)


def broken_bands(histograms, level=FAMILY_LEVEL):
    """Names of the quantities whose ECDF leaves the family's band; {name: p-value}."""
    found = {name: p_value(histogram) for name, histogram in histograms.items()}
    return {name: p for name, p in found.items() if p <= level / len(histograms)}


def largest_deviation(histogram):
    """Largest |ECDF - uniform| of the ranks."""
    n_draws = len(histogram) - 1
    upto = np.cumsum(histogram)[:-1] / histogram.sum()
    return float(np.abs(upto - (np.arange(n_draws) + 1) / (n_draws + 1)).max())


def coverage(histogram):
    """Share of truths inside each central interval, and its distance from nominal in binomial standard errors."""
    n, size = int(histogram.sum()), len(histogram)
    found = {}
    for mass in CENTRAL:
        outside = round((1 - mass) / 2 * size)
        if abs(outside - (1 - mass) / 2 * size) > 1e-9:
            raise ValueError(f"draws: found {size - 1}, with which no interval has mass {mass} exactly")
        share = float(histogram[outside : size - outside].sum() / n)
        found[f"{mass:.2f}"] = {"share": share, "standard_errors": (share - mass) / np.sqrt(mass * (1 - mass) / n)}
    return found
