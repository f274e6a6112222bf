"""Coordinates of the true effects in which NUTS walks well: near standard normal, and statements are no steps.

`follow` maps x ~ N(0, I) to the standardised effects g. It reads the sized findings as normal and takes g's law given
them and everything else; then each statement in words, right with probability q, enters one after the other by the
inverse CDF of the tilted normal (as Geweke, Hajivassiliou and Keane do for orthants). What the map carries of the
density comes back with it, so that the joint law is that of the plain model however rough the reading.

Why: a statement is a step in g. NUTS stays valid on steps, but its step size, tuned to an acceptance that no step
size reaches, shrinks to nothing (.0002 on the control base).
"""

# pyright: basic
# PyTensor tensors have no static types worth the name.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

BASELINE = -1
"""In place of an effect: the baseline, whose effect is 0."""
SMALLEST_SPREAD = 1e-12


@dataclass(frozen=True)
class Margin:
    """A statement as log-odds for "effect `high` - effect `low` exceeds `threshold`" (positions, SMD)."""

    high: int
    low: int
    threshold: float
    log_odds: float


class Link(NamedTuple):
    """A margin on the way from an effect already placed (`parent`) to a new one."""

    child: int
    parent: int
    sign: float
    """1 where the child is the higher one."""
    threshold: float
    log_odds: float


class Reading(NamedTuple):
    """Sized findings read as normal: `y` ~ N(`slopes` g, `variance`), everything but g held as it is."""

    y: Any
    slopes: Any
    """(n, N)"""
    variance: Any


def links_of(margins: Iterable[Margin]) -> tuple[Link, ...]:
    """As many margins as can be coordinates at once: a forest, from which the weakest of every circle is left out.

    Log-odds of equal margins add. Kruskal's algorithm on |log-odds|, then breadth first, from the baseline if it is
    met.
    """
    total: dict[tuple[int, int, float], float] = {}
    for m in margins:
        same, opposite = (m.high, m.low, m.threshold), (m.low, m.high, -m.threshold)
        key, sign = (opposite, -1.0) if opposite in total else (same, 1.0)
        total[key] = total.get(key, 0.0) + sign * m.log_odds
    near: dict[int, list[Link]] = {}
    for (high, low, threshold), odds in sorted(total.items(), key=lambda item: (-abs(item[1]), item[0])):
        if low not in _reachable(near, high):
            near.setdefault(low, []).append(Link(high, low, 1.0, threshold, odds))
            near.setdefault(high, []).append(Link(low, high, -1.0, threshold, odds))
    links: list[Link] = []
    seen: set[int] = set()
    for root in sorted(near):
        queue = [] if root in seen else [root]
        while queue:
            parent = queue.pop(0)
            seen.add(parent)
            found = [link for link in near[parent] if link.child not in seen]
            links += found
            queue += [link.child for link in found]
    return tuple(links)


def _reachable(near: dict[int, list[Link]], start: int) -> set[int]:
    seen, queue = {start}, [start]
    while queue:
        for link in near.get(queue.pop(), []):
            if link.child not in seen:
                seen.add(link.child)
                queue.append(link.child)
    return seen


def is_among(margin: Margin, links: Iterable[Link]) -> bool:
    """True if a link carries this margin (with all that say the same or the opposite)."""
    stated, opposite = (margin.high, margin.low, margin.threshold), (margin.low, margin.high, -margin.threshold)
    carried = [(c, p, t) if sign > 0 else (p, c, t) for c, p, sign, t, _ in links]
    return stated in carried or opposite in carried


def follow(
    x: Any, n: int, K: Any, *, reading: Reading | None, links: tuple[Link, ...], spread: Any, bias: Any
) -> tuple[Any, Any]:
    """Standardised effects g (N,) at coordinates `x` (N = `n`,), and the log density that the map carries.

    `K` (N, N) is the covariance of g; true effects are `spread` g + `bias`, both (N,). The log density is
    log [p(g) |dg/dx| / phi(x)] plus the log probability of every statement in `links`.
    """
    L = pt.linalg.cholesky(K)
    mean, V = (pt.zeros(n), K) if reading is None else _given(reading, K)
    functionals = _functionals(n, links)
    root = pt.linalg.cholesky(functionals @ V @ functionals.T)
    y, w, log_statements = functionals @ mean, x, pt.constant(0.0)
    if links:
        y, steps, log_z = _place(links, x, y, root, _offsets(links, spread, bias))
        w, log_statements = pt.concatenate([steps, x[len(links) :]]), pt.sum(log_z)
    y = y + root[:, len(links) :] @ x[len(links) :]
    g = np.linalg.inv(functionals) @ y
    z = pt.linalg.solve_triangular(L, g, lower=True)
    log_ratio = -0.5 * pt.sum(z**2 - w**2) - pt.sum(pt.log(pt.diag(L))) + pt.sum(pt.log(pt.diag(root)))
    return g, log_ratio + log_statements


def _given(reading: Reading, K: Any) -> tuple[Any, Any]:
    """Mean (N,) and covariance (N, N) of g given the reading."""
    HK = reading.slopes @ K
    C = pt.linalg.cholesky(HK @ reading.slopes.T + pt.diag(reading.variance))
    solved = pt.linalg.solve_triangular(C, pt.concatenate([HK, reading.y[:, None]], axis=1), lower=True)
    gain, y = solved[:, :-1], solved[:, -1]
    return gain.T @ y, K - gain.T @ gain


def _functionals(n: int, links: tuple[Link, ...]) -> Floats:
    """What is placed one after the other, (n, n): the margins of the links, then the effects left. Determinant +-1."""
    one = np.vstack([np.eye(n), np.zeros(n)])  # the last row, index BASELINE, is nobody's effect
    margins = [link.sign * (one[link.child] - one[link.parent]) for link in links]
    placed = {link.child for link in links}
    return np.array([*margins, *(one[i] for i in range(n) if i not in placed)])


def _offsets(links: tuple[Link, ...], spread: Any, bias: Any) -> Any:
    """What each link adds to its functional before it is compared with 0, (links,), in units of the spread."""
    child, parent, sign, threshold, _ = (np.array(column) for column in zip(*links, strict=True))
    with_baseline = pt.concatenate([bias, pt.zeros(1)])
    apart = sign * (with_baseline[child] - with_baseline[parent]) - threshold
    return apart / pt.maximum(spread[child], SMALLEST_SPREAD)


def _place(links: tuple[Link, ...], x: Any, y: Any, root: Any, offset: Any) -> tuple[Any, Any, Any]:
    """Functionals `y` (N,) with every link placed, the step w of each, and its log Z (links,)."""
    n = len(links)
    columns = root.T[:n]

    def place(k: Any, *given: Any) -> tuple[Any, Any, Any]:
        at, column, pivot, offset, odds, y = given
        step, log_z = tilted(at, (y[k] + offset) / pivot, odds)
        return y + column * step, step, log_z

    # What a turn reads of its own comes as a sequence: the gradient of an indexed whole is as large as the whole.
    own = [x[:n], columns, pt.diag(columns), offset, pt.constant(np.array([link.log_odds for link in links]))]
    path, steps, log_z = pytensor.scan(
        place, sequences=[pt.constant(np.arange(n)), *own], outputs_info=[y, None, None], n_steps=n,
        strict=True, return_updates=False,
    )  # fmt: skip
    return path[-1], steps, log_z


def tilted(x: Any, a: Any, log_odds: Any) -> tuple[Any, Any]:
    """A step w = F^-1(Phi(x)) and log Z, where F' = phi(w) (q if w > -a else 1 - q) / Z and q has these log-odds."""
    log_right, log_wrong = -pt.softplus(-log_odds), -pt.softplus(log_odds)
    log_below = log_wrong + log_cdf(-a)
    log_z = pt.logaddexp(log_right + log_cdf(a), log_below)
    from_below = log_cdf(x) + log_z
    below = pt.ndtri_exp(_finite(from_below - log_wrong))
    above = -pt.ndtri_exp(_finite(log_cdf(-x) + log_z - log_right))
    return pt.where(from_below < log_below, below, above), log_z


def log_cdf(z: Any) -> Any:
    """Log of Phi(z). Each branch sees only its own side: beyond 37 the other overflows, and 0 x inf spoils a gradient."""
    low, high = pt.minimum(z, -1.0), pt.maximum(z, -1.0)
    below = pt.log(pt.erfcx(-low / np.sqrt(2)) / 2) - low**2 / 2
    return pt.where(z < -1.0, below, pt.log1p(-pt.erfc(high / np.sqrt(2)) / 2))


def _finite(log_p: Any) -> Any:
    """A log probability with a finite quantile: the branch that is not taken must not spoil the gradient."""
    return pt.clip(log_p, -600.0, -1e-16)
