"""The law over orders of techniques nearest to the prior that holds stated pairs (docs/model.md, section 4).

Before any finding techniques other than the baseline are exchangeable: every order is as probable as any other,
whatever tau and r. Registered orders multiply each order's probability by the odds of the statements it keeps, which
is also what the least informative law with given pair probabilities looks like. Sums over orders run over the sets of
techniques placed so far, 2^n of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import Prior
from evidence.model.elicit import COARSE, law_nodes

type Floats = NDArray[np.float64]
type Pair = tuple[int, int]

MAX_TECHNIQUES = 16
MAX_LOG_ODDS = 9.2
"""Log-odds of one statement beyond which statements count as ones that no law of orders holds: 9,999 in 10,000."""
PULL, PULLED_LOG_ODDS = 0.01, 4.6
"""Where statements cannot all be held: misfit in probability per unit of log-odds, and the most of those (99 in 100).

Certainty must not be the price of statements that contradict each other."""
MET = 5e-4
"""A pair is held as stated up to this much."""


@dataclass(frozen=True)
class OrderLaw:
    """A law over the orders of n techniques."""

    above: Floats
    """(n, n) P(i above j); 0 on the diagonal."""
    ranks: Floats
    """(n, n) P(i has rank k), rank 0 the highest."""


def law_of_orders(log_odds: Floats) -> OrderLaw:
    """The law in which an order's probability is the product of exp(log_odds[i, j]) over the pairs with i above j.

    `log_odds` is (n, n), -inf where i is certain not to be above j. Raises ValueError where no order is left.
    """
    return _summed(log_odds)[1]


def fit_log_odds(n: int, pairs: Sequence[Pair], stated: Sequence[float], certain: Sequence[Pair] = ()) -> Floats:
    """Log-odds (len(pairs),) of statements "i above j" under which pair (i, j) has the stated probability in (0, 1).

    Where no law of orders has them all, misfit and log-odds are traded, PULL of the one for each unit of the other.
    `certain` pairs hold in every order. Raises ValueError where those leave no order.
    """
    wanted = np.asarray(stated, dtype=np.float64)
    exact = _fitted(n, pairs, wanted, certain, pull=0.0, most=MAX_LOG_ODDS)
    above = law_of_orders(table_of(n, pairs, exact, certain)).above
    if np.abs(_picked(above, pairs) - wanted).max(initial=0.0) <= MET:
        return exact
    return _fitted(n, pairs, wanted, certain, pull=PULL, most=PULLED_LOG_ODDS)


def table_of(n: int, pairs: Sequence[Pair], log_odds: Iterable[float], certain: Sequence[Pair] = ()) -> Floats:
    """Log-odds of statements as the (n, n) table of `law_of_orders`."""
    table = np.zeros((n, n))
    for (i, j), odds in zip(pairs, log_odds, strict=True):
        table[i, j] += odds
    for i, j in certain:
        table[j, i] = -np.inf
    return table


def _picked(above: Floats, pairs: Sequence[Pair]) -> Floats:
    return np.array([above[i, j] for i, j in pairs])


def _fitted(
    n: int, pairs: Sequence[Pair], stated: Floats, certain: Sequence[Pair], *, pull: float, most: float
) -> Floats:
    """The log-odds, none beyond `most`, at which the law has the stated probabilities less `pull` times the log-odds.

    A convex problem: the gradient of the log of the sum over orders is these probabilities.
    """
    from scipy import optimize

    if not len(stated):
        return stated

    def dual(log_odds: Floats) -> tuple[float, Floats]:
        total, law = _summed(table_of(n, pairs, log_odds, certain))
        value = total - stated @ log_odds + pull / 2 * log_odds @ log_odds
        return float(value), _picked(law.above, pairs) - stated + pull * log_odds

    start = np.log(stated / (1 - stated)).clip(-3, 3)
    options = {"ftol": 0, "gtol": 1e-9}
    bounds = [(-most, most)] * len(stated)
    found = optimize.minimize(dual, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x, dtype=np.float64)


class _Sets(NamedTuple):
    """Sets of n techniques, numbered by their bits."""

    members: Floats
    """(2^n, n) 1 where the set holds the technique."""
    larger: NDArray[np.int64]
    """(2^n, n) the set with the technique added."""
    layers: tuple[NDArray[np.int64], ...]
    """The sets of each size below n."""


@functools.lru_cache(maxsize=4)
def _sets(n: int) -> _Sets:
    numbers, bits = np.arange(2**n), np.arange(n)
    members = (numbers[:, None] >> bits & 1).astype(np.float64)
    layers = tuple(np.flatnonzero(members.sum(axis=1) == size) for size in range(n))
    return _Sets(members, numbers[:, None] | 1 << bits, layers)


def _summed(log_odds: Floats) -> tuple[float, OrderLaw]:
    """Log of the sum over orders of their weights, and the law. Raises ValueError where no order is left.

    An order is a path from the empty set to the full one that adds one technique a step, the highest first.
    """
    n = len(log_odds)
    members, larger, layers = _sets(n)
    possible = np.isfinite(log_odds)
    step = members @ np.where(possible, log_odds, 0.0)
    step[(members @ ~possible > 0) | (members > 0)] = -np.inf
    from_empty, to_full = np.full(2**n, -np.inf), np.full(2**n, -np.inf)
    from_empty[0] = to_full[-1] = 0.0
    for layer in layers:
        for j in range(n):
            into = layer[members[layer, j] == 0]
            target = larger[into, j]
            from_empty[target] = np.logaddexp(from_empty[target], from_empty[into] + step[into, j])
    for layer in reversed(layers):
        to_full[layer] = np.logaddexp.reduce(step[layer] + to_full[larger[layer]], axis=1)
    total = float(from_empty[-1])
    if not np.isfinite(total):
        raise ValueError("found certain statements that run in a circle, wanted ones that leave an order")
    # P(the techniques above j are exactly the set S), (2^n, n).
    steps = np.exp(from_empty[:, None] + step + to_full[larger] - total)
    ranks = np.stack([steps[layer].sum(axis=0) for layer in layers], axis=1)
    return total, OrderLaw(members.T @ steps, ranks)


def order_statistics(n: int) -> tuple[Floats, Floats]:
    """E[z] and E[z^2] of the n standard normal order statistics, (n,) each, the highest first."""
    cdf, weights, z = _normal_rule()
    density = np.stack([_density_of_rank(n, k, cdf) for k in range(n)])
    return density @ (weights * z), density @ (weights * z**2)


def _normal_rule() -> tuple[Floats, Floats, Floats]:
    """Phi(z), weights and z of a rule for averages over a standard normal."""
    from scipy import special

    z, weights = law_nodes(Prior(dist="Normal", mean=0.0, sd=1.0))
    return special.ndtr(z), weights, z


def _density_of_rank(n: int, k: int, cdf: Floats) -> Floats:
    """Density of the order statistic of rank k, over that of one standard normal."""
    from scipy import special

    return np.exp(special.xlogy(n - 1 - k, cdf) + special.xlog1py(k, -cdf) - special.betaln(n - k, k + 1))


@dataclass(frozen=True)
class RankedMerits:
    """What the model holds of each technique's merit given a law of orders alone, SMD, (n,) each."""

    mean: Floats
    sd: Floats
    works: Floats
    """P(merit > threshold)."""


def merits_given_ranks(ranks: Floats, tau: Prior, r: Prior, threshold: float) -> RankedMerits:
    """Merits tau (sqrt(1 - r) z + sqrt(r) c): c is common to all techniques, z an order statistic by rank.

    An order says nothing of tau, of r or of c, and given the order the sizes are those of order statistics.
    """
    first, second = (ranks @ moment for moment in order_statistics(len(ranks)))
    tau_nodes, tau_weights = law_nodes(tau)
    r_nodes, r_weights = law_nodes(r, nodes=COARSE)
    own, spread2 = r_weights @ np.sqrt(1 - r_nodes), float(tau_weights @ tau_nodes**2)
    mean = (tau_weights @ tau_nodes) * own * first
    share = float(r_weights @ r_nodes)
    square = spread2 * ((1 - share) * second + share)
    return RankedMerits(
        mean, np.sqrt(square - mean**2), _works(ranks, (tau_nodes, tau_weights), (r_nodes, r_weights), threshold)
    )


def _works(ranks: Floats, tau: tuple[Floats, Floats], r: tuple[Floats, Floats], threshold: float) -> Floats:
    """P(tau (sqrt(1 - r) z + sqrt(r) c) > threshold) per technique, averaged over tau, r and c."""
    from scipy import special

    c, c_weights = law_nodes(Prior(dist="Normal", mean=0.0, sd=1.0), nodes=COARSE)
    spread, shared, common = (x.ravel() for x in np.meshgrid(tau[0], r[0], c, indexing="ij"))
    weights = (tau[1][:, None, None] * r[1][:, None] * c_weights).ravel()
    cdf = special.ndtr((threshold / spread - np.sqrt(shared) * common) / np.sqrt(1 - shared))
    n = len(ranks)
    # P(order statistic of rank k > z) = P(at least k + 1 of n lie above z).
    beyond = np.array([weights @ special.betainc(k + 1, n - k, 1 - cdf) for k in range(n)])
    return ranks @ beyond
