"""The effect scale: every finding with a size becomes an SMD with a sampling variance (docs/model.md, section 3).

Standard library only: this module is on the path of `evidence quick`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from evidence.domain.records import SIGN_KINDS, Finding, interval_se

type Cells = tuple[tuple[float, float], ...]

SMD_PER_LOGIT = math.sqrt(3) / math.pi
"""Standard deviation of the logistic distribution, inverted (Chinn 2000)."""
SMALL_CELL = 5
"""Below this many in a cell the normal approximation is not used."""


@dataclass(frozen=True)
class Effect:
    """What a finding says, on the SMD scale, higher = better for the technique."""

    y: float
    """Effect in SMD; for an arm, its level in SMD (only differences inside one study and setting mean anything)."""
    log_var_lo: float
    """Log sampling variance (SMD^2) at `assumed_n_lo`; both are the same where the size of the study is known."""
    log_var_hi: float
    """Log sampling variance (SMD^2) at `assumed_n_hi`."""
    comparator_share: float
    """Share of the variance that is the comparator's: 0 for an arm."""
    small_cell: bool = False
    """A cell of a 2x2 table or a proportion of known n is below 5: use `cells` with a binomial likelihood."""
    cells: Cells = ()
    """(good, bad) outcomes of the technique, then of the comparator; empty without counts."""


def effect_of(finding: Finding) -> Effect:
    """The finding on the SMD scale, its direction applied. Raises ValueError for a kind without a size (an order,
    existence or argument) and for numbers that give no finite effect and variance.
    """
    if finding.kind in SIGN_KINDS:
        raise ValueError(f"kind: found {finding.kind!r}, wanted a kind with a size: it states a sign only")
    effect = _CONVERSIONS[finding.kind](finding)
    if not all(math.isfinite(x) for x in (effect.y, effect.log_var_lo, effect.log_var_hi)):
        raise ValueError(f"finding {finding.id!r}: found {effect.y} (SMD), wanted a finite effect and standard error")
    return effect


def _direction(f: Finding) -> float:
    return 1.0 if f.higher_is_better else -1.0


def _from_estimate(f: Finding) -> Effect:
    if f.se is not None:
        se = f.se
    else:
        se = interval_se(_given(f.ci_lo), _given(f.ci_hi))
    # d' on a probit scale is a standardised difference already.
    factor = {"smd": 1.0, "probit": 1.0, "logit": SMD_PER_LOGIT, "raw": 1 / (f.unit_sd or 1.0)}[f.scale or "smd"]
    log_var = 2 * (math.log(se) + math.log(factor))  # a sum of logarithms: se^2 may underflow
    share = 0.0 if f.is_arm else 0.5
    return Effect(_direction(f) * _given(f.estimate) * factor, log_var, log_var, share)


def _from_counts(f: Finding) -> Effect:
    """Log odds ratio x sqrt(3)/pi (metafor `OR2DL`, to = "only0"): 1/2 to all four cells only if one of them is 0."""
    cells = (_good_and_bad(f, _given(f.k), _given(f.n)), _good_and_bad(f, _given(f.k0), _given(f.n0)))
    extra = 0.5 if any(x == 0 for pair in cells for x in pair) else 0.0
    (logit, variance), (logit0, variance0) = (_logit_and_variance(pair, extra) for pair in cells)
    log_var = math.log(variance + variance0) + 2 * math.log(SMD_PER_LOGIT)
    share = variance0 / (variance + variance0)
    return Effect((logit - logit0) * SMD_PER_LOGIT, log_var, log_var, share, _has_small(cells), cells)


def _from_proportion(f: Finding) -> Effect:
    """Logit x sqrt(3)/pi (metafor `PLO`, to = "only0", x the factor): 1/2 to both cells only if one of them is 0."""
    if f.n is None:
        sizes, cells = (_given(f.assumed_n_lo), _given(f.assumed_n_hi)), ()
        rate = _given(f.rate)
    else:
        sizes = (f.n, f.n)
        rate = f.k / f.n if f.k is not None else _given(f.rate)
        cells = (_good_and_bad(f, f.k if f.k is not None else rate * f.n, f.n),)
    low, high = (_good_and_bad(f, rate * n, n) for n in sizes)
    at_lo, at_hi = (_logit_and_variance(pair, 0.5 if 0 in pair else 0.0) for pair in (low, high))
    log_vars = (math.log(variance) + 2 * math.log(SMD_PER_LOGIT) for _, variance in (at_lo, at_hi))
    return Effect(at_lo[0] * SMD_PER_LOGIT, *log_vars, 0.0, _has_small(cells), cells)


def _from_means(f: Finding) -> Effect:
    """Hedges' g (metafor `SMD`): pooled sd, exact bias correction, variance 1/n + 1/n0 + g^2 / (2 (n + n0)).

    With an assumed n the bias correction of `y` is that of the geometric middle of the range (the mean of log n).
    """
    if f.n is not None and f.n0 is not None:
        g = _hedges_g(f, f.n, f.n0)
        log_var = math.log(_hedges_variance(g, f.n, f.n0))
        return Effect(g, log_var, log_var, f.n / (f.n + f.n0))
    lo, hi = _given(f.assumed_n_lo), _given(f.assumed_n_hi)
    middle = math.sqrt(lo * hi)
    log_vars = (math.log(_hedges_variance(_hedges_g(f, n, n), n, n)) for n in (lo, hi))
    return Effect(_hedges_g(f, middle, middle), *log_vars, 0.5)


def _hedges_g(f: Finding, n: float, n0: float) -> float:
    m = n + n0 - 2
    if m <= 1:
        raise ValueError(f"n: found {n:g} and {n0:g}, wanted at least 4 in all: Hedges' g is undefined")
    pooled = math.sqrt(((n - 1) * _given(f.sd) ** 2 + (n0 - 1) * _given(f.sd0) ** 2) / m)
    correction = math.exp(math.lgamma(m / 2) - math.log(m / 2) / 2 - math.lgamma((m - 1) / 2))
    return _direction(f) * correction * (_given(f.mean) - _given(f.mean0)) / pooled


def _hedges_variance(g: float, n: float, n0: float) -> float:
    return 1 / n + 1 / n0 + g * g / (2 * (n + n0))


def _from_auroc(f: Finding) -> Effect:
    """D = sqrt(2) Phi^-1(AUC); variance by the delta method on Hanley and McNeil (1982)."""
    auc = _given(f.auc)
    z = NormalDist().inv_cdf(auc)
    if f.n_pos is not None and f.n_neg is not None:
        sizes = ((f.n_pos, f.n_neg),) * 2
    else:
        sizes = tuple((n, n) for n in (_given(f.assumed_n_lo), _given(f.assumed_n_hi)))
    # d' = dd/dAUC = sqrt(2) / phi(z), in logarithms because phi underflows for an AUC near 0 or 1.
    log_slope_squared = math.log(2) + math.log(2 * math.pi) + z * z
    log_vars = (math.log(_hanley_mcneil(auc, *n)) + log_slope_squared for n in sizes)
    return Effect(_direction(f) * math.sqrt(2) * z, *log_vars, 0.5)


def _hanley_mcneil(auc: float, n_pos: float, n_neg: float) -> float:
    """Variance of an AUC. Q1 - A^2 and Q2 - A^2 are written without the cancellation near A = 1."""
    q1 = auc * (1 - auc) ** 2 / (2 - auc)
    q2 = auc**2 * (1 - auc) / (1 + auc)
    return (auc * (1 - auc) + (n_pos - 1) * q1 + (n_neg - 1) * q2) / (n_pos * n_neg)


def _good_and_bad(f: Finding, k: float, n: float) -> tuple[float, float]:
    return (k, n - k) if f.higher_is_better else (n - k, k)


def _logit_and_variance(cells: tuple[float, float], extra: float) -> tuple[float, float]:
    good, bad = cells[0] + extra, cells[1] + extra
    return math.log(good) - math.log(bad), 1 / good + 1 / bad


def _has_small(cells: Cells) -> bool:
    return any(x < SMALL_CELL for pair in cells for x in pair)


def _given[T](value: T | None) -> T:
    """A field that `Finding` has already made sure of."""
    if value is None:
        raise ValueError("found nothing, wanted a value: the finding was built without validation")
    return value


_CONVERSIONS: dict[str, Callable[[Finding], Effect]] = {
    "effect": _from_estimate,
    "counts": _from_counts,
    "proportion": _from_proportion,
    "means": _from_means,
    "auroc": _from_auroc,
}
