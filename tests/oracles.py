"""Slow, obvious versions of what the package computes. Nothing here imports the code it checks.

Sections: ranks and try orders; beliefs; normal mixtures.
"""

import itertools
import math

from scipy import integrate, optimize, stats

# --- ranks and try orders -------------------------------------------------------------------------------------


def rank_distribution_by_orderings(merits, weights):
    """P(rank) as nested lists: every ordering of the techniques that fits a draw counts alike."""
    n = len(merits[0])
    table = [[0.0] * n for _ in range(n)]
    for draw, weight in zip(merits, weights, strict=True):
        fits = [
            o for o in itertools.permutations(range(n)) if all(draw[a] >= draw[b] for a, b in itertools.pairwise(o))
        ]
        for order in fits:
            for rank, technique in enumerate(order):
                table[technique][rank] += weight / len(fits) / sum(weights)
    return table


def hours_by_trying(order, works, hours, *, loss, weights):
    """Mean hours spent when each draw's techniques are tried one after another until one works."""
    total = 0.0
    for draw, weight in zip(works, weights, strict=True):
        spent = 0.0
        for technique in order:
            spent += hours[technique]
            if draw[technique]:
                break
        else:
            spent += loss
        total += weight * spent / sum(weights)
    return total


def fewest_hours(works, hours, *, loss, weights):
    """Expected hours of the best of all orders."""
    orders = itertools.permutations(range(len(hours)))
    return min(hours_by_trying(o, works, hours, loss=loss, weights=weights) for o in orders)


# --- beliefs --------------------------------------------------------------------------------------------------


def expected_log_score(b, p):
    """Expected log score (nats) of belief b if p is right."""
    return p * math.log(b) + (1 - p) * math.log(1 - b)


def break_even_by_bracketing(p, p0):
    """The other belief that scores as the prior does, by Brent's method on the textbook equation."""
    ends = (p, 1 - 1e-15) if p > p0 else (1e-300, p)
    return optimize.brentq(lambda b: expected_log_score(b, p) - expected_log_score(p0, p), *ends, xtol=1e-15)


# --- normal mixtures ------------------------------------------------------------------------------------------


def mixture_density(x, mixture):
    """Density of a normal mixture given as (mean, sd, weight) triples."""
    return sum(w * stats.norm.pdf(x, m, s) for m, s, w in mixture)


def mixture_kl_bits(first, second):
    """KL in bits by QUADPACK between the means' neighbourhoods, one piece per component's width."""
    edges = sorted({m + k * s for m, s, _ in first for k in (-12, -6, -3, -1, 0, 1, 3, 6, 12)})

    def integrand(x):
        p = mixture_density(x, first)
        return p * math.log(p / mixture_density(x, second)) if p > 0 else 0.0

    pieces = (integrate.quad(integrand, a, b, epsabs=1e-12, limit=500)[0] for a, b in itertools.pairwise(edges))
    return sum(pieces) / math.log(2)


def mixture_quantile(prob, mixture):
    """Quantile of a normal mixture by Brent's method on its CDF."""

    def excess(x):
        return sum(w * stats.norm.cdf(x, m, s) for m, s, w in mixture) - prob

    reach = max(abs(m) + 40 * s for m, s, _ in mixture)
    return optimize.brentq(excess, -reach, reach, xtol=1e-14, rtol=1e-14)
