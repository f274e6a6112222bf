"""The effect scale: a finding with a size becomes an SMD with a sampling variance (docs/model.md, section 3).

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
    """Effect in SMD; for an arm, its level (only differences inside one study and setting inform)."""
    log_var_lo: float
    """Log sampling variance (SMD^2) at `assumed_n_lo`; the same as `_hi` where the size of the study is known."""
    log_var_hi: float
    """Log sampling variance (SMD^2) at `assumed_n_hi`."""
    comparator_share: float
    """Share of the variance that is the comparator's: 0 for an arm."""
    small_cell: bool = False
    """A cell of a 2x2 table or a proportion of known n is below 5: use `cells` with a binomial likelihood."""
    cells: Cells = ()
    """(good, bad) outcomes of the technique, then of the comparator; empty without counts."""


def effect_of(finding: Finding) -> Effect:
    """The finding on the SMD scale, its direction applied.

    Raises ValueError for an order, existence or argument, and for numbers that give no finite effect.
    """
    if finding.kind in SIGN_KINDS:
        raise ValueError(f"kind: found {finding.kind!r}, wanted a kind with a size: it states a sign only")
    effect = _CONVERSIONS[finding.kind](finding)
    if not all(math.isfinite(x) for x in (effect.y, effect.log_var_lo, effect.log_var_hi)):
        raise ValueError(f"{finding.kind}: found {effect.y} on the SMD scale, wanted a finite effect and se")
    return effect


def _from_estimate(f: Finding) -> Effect:
    se = f.se if f.se is not None else interval_se(_given(f.ci_lo), _given(f.ci_hi))
    # d' on a probit scale is a standardised difference already.
    units = {"smd": 1.0, "probit": 1.0, "logit": 1 / SMD_PER_LOGIT, "raw": f.unit_sd}
    unit = _given(units[_given(f.scale)])
    log_var = 2 * (math.log(se) - math.log(unit))  # not log(se^2), which may underflow
    share = 0.0 if f.is_arm else 0.5
    return Effect(_direction(f) * _given(f.estimate) / unit, log_var, log_var, share)


def _from_counts(f: Finding) -> Effect:
    """Log odds ratio x sqrt(3)/pi (metafor `OR2DL`, to = "only0"): 1/2 to all four cells only if one is 0."""
    cells = (_good_and_bad(f, _given(f.k), _given(f.n)), _good_and_bad(f, _given(f.k0), _given(f.n0)))
    extra = 0.5 if any(0 in arm for arm in cells) else 0.0
    (logit, variance), (logit0, variance0) = (_logit_and_variance(arm, extra) for arm in cells)
    log_var = math.log(variance + variance0) + 2 * math.log(SMD_PER_LOGIT)
    share = variance0 / (variance + variance0)
    return Effect((logit - logit0) * SMD_PER_LOGIT, log_var, log_var, share, _has_small(cells), cells)


def _from_proportion(f: Finding) -> Effect:
    """Logit x sqrt(3)/pi (metafor `PLO`, to = "only0", x the factor): 1/2 to both cells only if one is 0."""
    if f.n is not None:
        arm = _good_and_bad(f, f.k if f.k is not None else _given(f.rate) * f.n, f.n)
        y, log_var = _arm_level(arm)
        return Effect(y, log_var, log_var, 0.0, _has_small((arm,)), (arm,))
    rate, lo, hi = _given(f.rate), _given(f.assumed_n_lo), _given(f.assumed_n_hi)
    (y, log_var_lo), (_, log_var_hi) = (_arm_level(_good_and_bad(f, rate * n, n)) for n in (lo, hi))
    return Effect(y, log_var_lo, log_var_hi, 0.0)


def _from_means(f: Finding) -> Effect:
    """Hedges' g (metafor `SMD`): pooled sd, exact bias correction, variance 1/n + 1/n0 + g^2 / (2 (n + n0)).

    With an assumed n the bias correction of `y` is that of the middle of the range in log n.
    """
    if f.n is not None and f.n0 is not None:
        g = _hedges_g(f, f.n, f.n0)
        log_var = _hedges_log_var(g, f.n, f.n0)
        return Effect(g, log_var, log_var, f.n / (f.n + f.n0))
    lo, hi = _given(f.assumed_n_lo), _given(f.assumed_n_hi)
    middle = math.sqrt(lo * hi)
    at_lo, at_hi = (_hedges_log_var(_hedges_g(f, n, n), n, n) for n in (lo, hi))
    return Effect(_hedges_g(f, middle, middle), at_lo, at_hi, 0.5)


def _hedges_g(f: Finding, n: float, n0: float) -> float:
    m = n + n0 - 2
    if m <= 1:
        raise ValueError(f"n: found {n:g} and {n0:g}, wanted at least 4 in all: Hedges' g is undefined")
    pooled = math.hypot(math.sqrt(n - 1) * _given(f.sd), math.sqrt(n0 - 1) * _given(f.sd0)) / math.sqrt(m)
    if pooled == 0:
        raise ValueError(f"sd: found {f.sd} and {f.sd0}, wanted standard deviations that can be pooled")
    correction = math.exp(math.lgamma(m / 2) - math.log(m / 2) / 2 - math.lgamma((m - 1) / 2))
    return _direction(f) * correction * (_given(f.mean) - _given(f.mean0)) / pooled


def _hedges_log_var(g: float, n: float, n0: float) -> float:
    return math.log(1 / n + 1 / n0 + g * g / (2 * (n + n0)))


def _from_auroc(f: Finding) -> Effect:
    """The effect is sqrt(2) Phi^-1(AUC), its variance is by the delta method on Hanley and McNeil (1982)."""
    auc = _given(f.auc)
    z = NormalDist().inv_cdf(auc)
    # (dd/dAUC)^2 = 2 / phi(z)^2, in logarithms because phi underflows for an AUC near 0 or 1.
    log_slope_squared = math.log(4 * math.pi) + z * z
    if f.n_pos is not None and f.n_neg is not None:
        at_lo = at_hi = _log_hanley_mcneil(auc, f.n_pos, f.n_neg)
    else:
        assumed = (_given(f.assumed_n_lo), _given(f.assumed_n_hi))
        at_lo, at_hi = (_log_hanley_mcneil(auc, n, n) for n in assumed)
    y = _direction(f) * math.sqrt(2) * z
    return Effect(y, at_lo + log_slope_squared, at_hi + log_slope_squared, 0.5)


def _log_hanley_mcneil(auc: float, n_pos: float, n_neg: float) -> float:
    """Log variance of an AUC. Q1 - A^2 and Q2 - A^2 are written without the cancellation near A = 1."""
    q1 = auc * (1 - auc) ** 2 / (2 - auc)
    q2 = auc**2 * (1 - auc) / (1 + auc)
    pairs = auc * (1 - auc) + (n_pos - 1) * q1 + (n_neg - 1) * q2
    return math.log(pairs) - math.log(n_pos) - math.log(n_neg)


def _direction(f: Finding) -> float:
    return 1.0 if f.higher_is_better else -1.0


def _good_and_bad(f: Finding, k: float, n: float) -> tuple[float, float]:
    return (k, n - k) if f.higher_is_better else (n - k, k)


def _arm_level(arm: tuple[float, float]) -> tuple[float, float]:
    """Level (SMD) of one arm and its log variance."""
    logit, variance = _logit_and_variance(arm, 0.5 if 0 in arm else 0.0)
    return logit * SMD_PER_LOGIT, math.log(variance) + 2 * math.log(SMD_PER_LOGIT)


def _logit_and_variance(arm: tuple[float, float], extra: float) -> tuple[float, float]:
    good, bad = arm[0] + extra, arm[1] + extra
    return math.log(good) - math.log(bad), 1 / good + 1 / bad


def _has_small(cells: Cells) -> bool:
    return any(x < SMALL_CELL for arm in cells for x in arm)


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
