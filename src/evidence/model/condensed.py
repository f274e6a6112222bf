"""Beliefs about contrasts as few equally weighted normals, and the scores registrations are judged by, in closed form.

n pairs of techniques, M components; everything in SMD (docs/prereg.md). A frozen file holds condensed beliefs, so that
whoever scores it needs no engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evidence.model.contrasts import Contrasts
from evidence.model.scores import mixture_quantiles

type Floats = NDArray[np.float64]

STRATA, CELLS = 24, 2
"""Components are cut into STRATA of equal weight by their standard deviation, and each into CELLS by their z."""
DIGITS = 6
"""Significant digits of a condensed component: what is frozen is the rounded number, and it alone is scored."""
SMALLEST_SD = 1e-9
EXTREME = 1e-12


def condensed(
    weights: Floats, mean: Floats, sd: Floats, *, p_above: float | None = None, strata: int = STRATA, cells: int = CELLS
) -> Floats:
    """One mixture (M,) as `strata` x `cells` equally weighted normals: (2, strata * cells), means and sds, rounded.

    Components are sorted by standard deviation, then by z = mean / sd; a component that lies across a border is split.
    Each cell keeps its probability of being above 0 and its second moment, so that the whole keeps both. With
    `p_above`, inside (0, 1), all z are moved alike until the whole has that probability.
    """
    from scipy.special import ndtr, ndtri

    w = weights / weights.sum()
    order = np.argsort(sd, kind="stable")
    w, m, s = w[order], mean[order], np.maximum(sd[order], SMALLEST_SD)
    reached = np.cumsum(w)
    p, second = np.empty((2, strata, cells))
    for j in range(strata):
        part = np.clip(np.minimum(reached, (j + 1) / strata) - np.maximum(reached - w, j / strata), 0.0, None)
        used = np.flatnonzero(part > 0)
        inner = used[np.argsort(m[used] / s[used], kind="stable")]
        share = part[inner]
        edges = np.linspace(0.0, share.sum(), cells + 1)
        grid = np.concatenate([[0.0], np.cumsum(share)])
        total, above, square = (
            np.diff(np.interp(edges, grid, np.concatenate([[0.0], np.cumsum(share * f)])))
            for f in (np.ones(len(inner)), ndtr(m[inner] / s[inner]), m[inner] ** 2 + s[inner] ** 2)
        )
        p[j], second[j] = above / total, square / total
    z = ndtri(np.clip(p.ravel(), EXTREME, 1 - EXTREME))
    if p_above is not None:
        z = z + _shift_to(z, p_above)
    # mean^2 + sd^2 = second moment with mean = z sd.
    spread = np.sqrt(second.ravel() / (1 + z**2))
    return rounded(np.stack([z * spread, spread]))


def _shift_to(z: Floats, p_above: float) -> float:
    """What to add to every z so that the mean of Phi(z) is `p_above`."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    return float(brentq(lambda shift: float(ndtr(z + shift).mean()) - p_above, -40.0, 40.0, xtol=1e-13))  # pyright: ignore[reportArgumentType]


def rounded(values: Floats, digits: int = DIGITS) -> Floats:
    """The numbers to so many significant digits, and never -0."""
    return np.array([float(f"{v:.{digits}g}") + 0.0 for v in np.ravel(values)]).reshape(np.shape(values))


def equally_weighted(means: Sequence[Sequence[float]], sds: Sequence[Sequence[float]]) -> Contrasts:
    """Beliefs of possibly different numbers of equally weighted components as one array."""
    width = max(len(m) for m in means)

    def wide(rows: Sequence[Sequence[float]], fill: float) -> Floats:
        return np.array([[*row, *[fill] * (width - len(row))] for row in rows], dtype=np.float64)

    weights = np.array([[1 / len(m)] * len(m) + [0.0] * (width - len(m)) for m in means])
    return Contrasts(weights, wide(means, 0.0), wide(sds, 1.0))


def log_density(beliefs: Contrasts, observed: Floats, se: Floats) -> Floats:
    """Log density (n,), nats, of contrasts observed with error `se` (n,): finite however far out."""
    from scipy.special import logsumexp

    sd = np.hypot(beliefs.sd, se[:, None])
    z = (observed[:, None] - beliefs.mean) / sd
    with np.errstate(divide="ignore"):  # a component of weight 0 says nothing
        terms = np.log(beliefs.weights) - 0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    return np.asarray(logsumexp(terms, axis=1))


def order_scores(log_above: Floats, log_below: Floats, difference: Floats, *, clip: float) -> tuple[Floats, Floats]:
    """Log score ln P (n,) and Brier score (1 - P)^2 (n,) of the order observed; a tie gets the mean of both orders'.

    P is taken inside [clip, 1 - clip].
    """
    a_won = difference > 0
    right, wrong = np.where(a_won, log_above, log_below), np.where(a_won, log_below, log_above)
    if clip > 0:
        right, wrong = (np.log(np.clip(np.exp(x), clip, 1 - clip)) for x in (right, wrong))
    tied = difference == 0
    p, q = np.exp(right), np.exp(wrong)
    # 1 - P is the other order's probability: small ones keep their digits.
    brier = np.where(tied, (p**2 + q**2) / 2, (1 - p) ** 2)
    return np.where(tied, (right + wrong) / 2, right), brier


def quantiles_of(beliefs: Contrasts, probs: Sequence[float], se: float = 0.0) -> Floats:
    """Quantiles (n, len(probs)) of each belief, with the error `se` of one observation added."""
    sd = np.hypot(beliefs.sd, se)
    rows = zip(beliefs.mean, sd, beliefs.weights, strict=True)
    return np.array([mixture_quantiles(m, s, w, probs) for m, s, w in rows])


def expected_hours_lost(order: Sequence[int], works: NDArray[np.bool_], hours: Floats) -> float | None:
    """Hours a try order spends until its first success, beyond those of the quickest technique that works.

    None where none works: every order then costs the same.
    """
    if not works.any():
        return None
    spent = 0.0
    for t in order:
        spent += float(hours[t])
        if works[t]:
            break
    return spent - float(hours[works].min())


def random_hours_lost(works: NDArray[np.bool_], hours: Floats) -> float | None:
    """The same, expected, for an order drawn by chance: a technique that fails comes before all m that work with 1/(m+1)."""
    if not works.any():
        return None
    m = int(works.sum())
    return float(hours[~works].sum()) / (m + 1) + float(hours[works].mean()) - float(hours[works].min())
