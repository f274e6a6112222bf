"""Beliefs against each other: break-even, over-update, log score, KL in bits, mixture quantiles (docs/model.md, 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Floats = NDArray[np.float64]

SMALLEST_SHIFT = 0.05
"""Log-odds; a warranted shift below it has no break-even and no over-update ratio."""
POINT_SD = 1e-12
"""A mixture component narrower than this (SMD) counts as this wide."""
UNSETTLED = "the divergence between the two mixtures did not settle: wanted smoother components"


def logit(p: float) -> float:
    """Log-odds of a probability; -inf and inf for 0 and 1. Raises ValueError outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"probability: found {p}, wanted 0..1")
    if p in {0.0, 1.0}:
        return math.copysign(math.inf, p - 0.5)
    return math.log(p) - math.log1p(-p)


def expit(log_odds: float) -> float:
    """Probability with these log-odds."""
    return math.exp(log_expit(log_odds))


def log_expit(log_odds: float) -> float:
    """Log of the probability with these log-odds, exact in both tails: about `log_odds` far below 0."""
    if log_odds < 0:
        return log_odds - math.log1p(math.exp(log_odds))
    return -math.log1p(math.exp(-log_odds))


def break_even(p: float, p0: float) -> float | None:
    """The belief b beyond the warranted p that scores no better than the prior p0 (expected log score under p).

    Solves p ln b + (1-p) ln(1-b) = p ln p0 + (1-p) ln(1-p0). None where p is within 0.05 log-odds of p0. A p or p0
    of 0 or 1 gives the limit: no belief short of certainty is too much.
    """
    log_odds, prior = logit(p), logit(p0)
    if log_odds == prior or abs(log_odds - prior) < SMALLEST_SHIFT:
        return None
    if math.isinf(log_odds) or math.isinf(prior):
        return 1.0 if log_odds > prior else 0.0
    # Mirrored so that the answer is always above p.
    sign = math.copysign(1.0, log_odds - prior)
    return expit(sign * _break_even_above(sign * log_odds, sign * prior))


def _break_even_above(log_odds: float, prior: float) -> float:
    """Log-odds of the break-even belief for prior < log_odds, by Newton steps from above.

    The gain over the prior is concave in the belief's log-odds with its maximum at `log_odds`, so Newton's method
    from a point of negative gain falls monotonically onto the root.
    """
    p, q = expit(log_odds), expit(-log_odds)

    def gain(belief: float) -> float:
        return p * (log_expit(belief) - log_expit(prior)) + q * (log_expit(-belief) - log_expit(-prior))

    step = log_odds - prior
    belief = log_odds + step
    while gain(belief) > 0:
        step *= 2
        belief += step
    while True:
        slope = p * expit(-belief) - q * expit(belief)
        closer = belief - gain(belief) / slope
        if not log_odds < closer < belief:
            return belief  # no further progress in floating point
        belief = closer


def over_update_ratio(b: float, p: float, p0: float) -> float | None:
    """Log-odds shift of belief b from the prior p0, over the warranted shift to p: 1 is exactly right, above 1 too far.

    None where p is within 0.05 log-odds of p0; infinite for a belief of 0 or 1.
    """
    prior = logit(p0)
    warranted = logit(p) - prior
    if math.isnan(warranted) or abs(warranted) < SMALLEST_SHIFT:
        return None
    return (logit(b) - prior) / warranted


def bernoulli_kl_bits(p: float, q: float) -> float:
    """KL(p || q) in bits between two probabilities of one event; inf where q rules out what p allows."""
    return max(0.0, -expected_log_score_gain(q, p, p)) / math.log(2)


def expected_log_score_gain(b: float, p: float, p0: float) -> float:
    """Expected log score of belief b minus that of p0, in nats, if p is right; -inf if b rules out what p allows."""
    yes = _weighted(p, _log_ratio(b, p0))
    no = _weighted(1 - p, _log_ratio(1 - b, 1 - p0))
    gain = yes + no
    if math.isnan(gain):
        raise ValueError(f"beliefs: found {b} and {p0}, wanted one that does not rule out what the other is sure of")
    return gain


def _log_ratio(b: float, p0: float) -> float:
    if b == p0:
        return 0.0
    log_b, log_p0 = (math.log(x) if x > 0 else -math.inf for x in (b, p0))
    return log_b - log_p0


def _weighted(weight: float, value: float) -> float:
    """What cannot happen does not count, whatever it would score."""
    return 0.0 if weight == 0 else weight * value


def mixture_quantiles(means: ArrayLike, sds: ArrayLike, weights: ArrayLike, probs: Iterable[float]) -> Floats:
    """Quantiles at `probs` (inside (0, 1)) of a normal mixture, by safeguarded Newton on its exact CDF.

    Raises ArithmeticError if that does not end, which takes components some 1e100 apart.
    """
    m, s, w = _mixture(means, sds, weights)
    p = np.array(list(probs), dtype=np.float64)
    if not ((p > 0) & (p < 1)).all():
        raise ValueError(f"probs: found {p.tolist()}, wanted numbers inside (0, 1)")
    # The quantile of a mixture lies between its components' own.
    own = m + _normal_quantile(p)[:, None] * s
    lo, hi = own.min(axis=1), own.max(axis=1)
    upper = p > 0.5
    x = (lo + hi) / 2
    for step in range(400):
        z = (x[:, None] - m) / s
        below = _normal_cdf(np.where(upper[:, None], -z, z)) @ w
        excess = np.where(upper, (1 - p) - below, below - p)  # the smaller tail keeps its digits
        lo, hi = np.where(excess < 0, x, lo), np.where(excess > 0, x, hi)
        density = np.exp(-0.5 * z**2) @ (w / s) / math.sqrt(2 * math.pi)
        middle = (lo + hi) / 2
        newton = x - excess / np.maximum(density, np.finfo(np.float64).tiny)
        # Every third step halves the bracket, so that it ends however the density looks.
        inside = (newton > lo) & (newton < hi) & (step % 3 != 2)
        closer = np.where(excess == 0, x, np.where(inside, newton, middle))
        done = np.abs(closer - x) <= 1e-13 * (1 + np.abs(x))
        x = closer
        if done.all():
            return x
    raise ArithmeticError("the quantiles of the mixture did not settle: wanted components less far apart")


def mixture_quantile_errors(means: ArrayLike, sds: ArrayLike, weights: ArrayLike, quantiles: ArrayLike) -> Floats:
    """Monte Carlo standard errors of `mixture_quantiles` whose components are weighted draws: sd(F) / density."""
    m, s, w = _mixture(means, sds, weights)
    z = (np.asarray(quantiles, dtype=np.float64)[:, None] - m) / s
    below = _normal_cdf(z)
    average = below @ w
    density = np.exp(-0.5 * z**2) @ (w / s) / math.sqrt(2 * math.pi)
    return np.sqrt(((w * (below - average[:, None])) ** 2).sum(axis=1)) / density


def mixture_normal_kl_bits(  # noqa: PLR0917 (two mixtures, three arrays each)
    means: ArrayLike, sds: ArrayLike, weights: ArrayLike, means0: ArrayLike, sds0: ArrayLike, weights0: ArrayLike
) -> float:
    """KL(first || second) in bits between two normal mixtures on the line, to about 1e-7 (relative above 1 bit).

    Panels are halved until their integrals agree with their halves' and their mass with the exact CDF, so that no
    narrow component is stepped over. Raises ArithmeticError if that does not end.
    """
    first, second = _mixture(means, sds, weights), _mixture(means0, sds0, weights0)
    m, s, w = first
    edges = np.unique(np.concatenate([[np.min(m - 10 * s), np.max(m + 10 * s)], _landmarks(first), _landmarks(second)]))
    edges = edges[(edges >= np.min(m - 10 * s)) & (edges <= np.max(m + 10 * s))]
    if len(edges) < 2:  # so narrow and far out that all of it lies between two doubles
        raise ArithmeticError(UNSETTLED)

    def mass_below(x: Floats) -> Floats:
        return _normal_cdf((x[:, None] - m) / s) @ w

    def density_and_integrand(x: Floats) -> tuple[Floats, Floats]:
        log_p = _log_density(x, first)
        p = np.exp(log_p)
        return p, p * (log_p - _log_density(x, second))

    nats = _integrate(density_and_integrand, mass_below, edges)
    return max(0.0, nats) / math.log(2)


type _Mixture = tuple[Floats, Floats, Floats]

_PANEL_POINTS, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(8)
_PANEL_ERROR = 1e-9
"""Largest disagreement of a panel with its two halves (nats and probability)."""


def _mixture(means: ArrayLike, sds: ArrayLike, weights: ArrayLike) -> _Mixture:
    """The components that count, weights summing to 1."""
    m, s, w = (np.asarray(a, dtype=np.float64) for a in (means, sds, weights))
    if not (m.shape == s.shape == w.shape and m.ndim == 1):
        raise ValueError(f"mixture: found shapes {m.shape}, {s.shape}, {w.shape}, wanted three vectors alike")
    total = float(w.sum())
    if not (np.isfinite(m).all() and (s >= 0).all() and (w >= 0).all() and 0 < total < math.inf):
        raise ValueError("mixture: wanted finite means, sds >= 0 and weights >= 0 with a positive sum")
    used = w > 0
    return m[used], np.maximum(s[used], POINT_SD), w[used] / total


def _normal_cdf(z: Floats) -> Floats:
    from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs]  (lazily: not all commands need it)

    return np.asarray(ndtr(z), dtype=np.float64)


def _normal_quantile(p: Floats) -> Floats:
    from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]

    return np.asarray(ndtri(p), dtype=np.float64)


def _landmarks(mixture: _Mixture) -> Floats:
    """Where the mixture may have structure: a few order statistics of its components' centres and shoulders."""
    m, s, _ = mixture
    return np.quantile(np.concatenate([m - 2 * s, m, m + 2 * s]), np.linspace(0, 1, 13))


def _log_density(x: Floats, mixture: _Mixture) -> Floats:
    """Log density at `x`, finite far out in the tails."""
    m, s, w = mixture
    log_scale = np.log(w) - np.log(s) - 0.5 * math.log(2 * math.pi)
    out = np.empty(len(x))
    block = max(1, 2**16 // len(m))  # blocks that stay in the processor's cache, worked on in place
    for start in range(0, len(x), block):
        terms = x[start : start + block, None] - m
        terms /= s
        terms *= terms
        terms *= -0.5
        terms += log_scale
        top = terms.max(axis=1)
        terms -= top[:, None]
        np.exp(terms, out=terms)
        out[start : start + block] = top + np.log(terms.sum(axis=1))
    return out


def _integrate(
    function: Callable[[Floats], tuple[Floats, Floats]], mass_below: Callable[[Floats], Floats], edges: Floats
) -> float:
    """Integral of the second value of `function` between the first and last edge; its first value is a density."""

    def panels(lo: Floats, hi: Floats) -> tuple[Floats, Floats]:
        half = (hi - lo) / 2
        x = (lo + hi)[:, None] / 2 + half[:, None] * _PANEL_POINTS
        p, value = function(x.ravel())
        return (p.reshape(x.shape) @ _PANEL_WEIGHTS) * half, (value.reshape(x.shape) @ _PANEL_WEIGHTS) * half

    lo, hi = edges[:-1], edges[1:]
    values = panels(lo, hi)[1]
    total = 0.0
    for _ in range(100):
        middle = (lo + hi) / 2
        (mass_a, left), (mass_b, right) = panels(lo, middle), panels(middle, hi)
        exact = mass_below(hi) - mass_below(lo)
        tolerance = _PANEL_ERROR * max(1.0, abs(total + float(values.sum())))
        agree = np.abs(left + right - values) <= tolerance
        agree &= np.abs(mass_a + mass_b - exact) <= _PANEL_ERROR
        total += float((left + right)[agree].sum())
        if agree.all():
            return total
        open_ = ~agree
        values = np.concatenate([left[open_], right[open_]])
        lo, hi = np.concatenate([lo[open_], middle[open_]]), np.concatenate([middle[open_], hi[open_]])
    raise ArithmeticError(UNSETTLED)
