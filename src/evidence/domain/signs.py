"""Which side a finding's numbers favour, and by how many standard errors: rough, for plausibility only.

`evidence.model.effects` has the effect scale that the model reads.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from evidence.domain.records import Finding, interval_se

CLEAR_Z = 3.0
"""Standard errors from which on nobody calls a difference none."""


def z_of(finding: Finding) -> float:
    """Difference in standard errors, positive where the technique is the better one; 0 for arms and statements."""
    if finding.is_arm or finding.kind not in _Z:
        return 0.0
    return (1 if finding.higher_is_better else -1) * _Z[finding.kind](finding)


def se_of(finding: Finding) -> float | None:
    """The stated standard error of an effect, or that of its 95 % interval."""
    if finding.se is not None:
        return finding.se
    if finding.ci_lo is None or finding.ci_hi is None:
        return None
    return interval_se(finding.ci_lo, finding.ci_hi)


def sizes_of(finding: Finding) -> tuple[float | None, float | None]:
    """Sizes n of both arms; where it is assumed, the middle of the range in log n."""
    lo, hi = finding.assumed_n_lo, finding.assumed_n_hi
    assumed = math.sqrt(lo * hi) if lo is not None and hi is not None else None
    return (finding.n or assumed, finding.n0 or assumed)


def _effect_z(f: Finding) -> float:
    se = se_of(f)
    return 0.0 if se is None or f.estimate is None else f.estimate / se


def _counts_z(f: Finding) -> float:
    """Difference of log odds with 1/2 in every cell; 0 for equal rates, whatever the two n."""
    if f.k is None or f.n is None or f.k0 is None or f.n0 is None or f.k * f.n0 == f.k0 * f.n:
        return 0.0
    cells = (f.k + 0.5, f.n - f.k + 0.5, f.k0 + 0.5, f.n0 - f.k0 + 0.5)
    z = math.log(cells[0] / cells[1] / cells[2] * cells[3]) / math.sqrt(sum(1 / cell for cell in cells))
    # The 1/2 may turn the sign of the smallest differences between arms of unequal n.
    return math.copysign(z, f.k * f.n0 - f.k0 * f.n)


def _means_z(f: Finding) -> float:
    n, n0 = sizes_of(f)
    if f.mean is None or f.mean0 is None or f.sd is None or f.sd0 is None or n is None or n0 is None:
        return 0.0
    return (f.mean - f.mean0) / math.hypot(f.sd / math.sqrt(n), f.sd0 / math.sqrt(n0))


def _auroc_z(f: Finding) -> float:
    """Distance from one half on the probit scale, with the error at one half: var = (1/n_pos + 1/n_neg) / 12 / phi(0)^2."""
    if f.auc is None:
        return 0.0
    lo, hi = f.assumed_n_lo, f.assumed_n_hi
    assumed = math.sqrt(lo * hi) if lo is not None and hi is not None else 1.0
    pos, neg = f.n_pos or assumed, f.n_neg or assumed
    return NormalDist().inv_cdf(f.auc) / math.sqrt((1 / pos + 1 / neg) * math.pi / 6)


_Z = {"effect": _effect_z, "counts": _counts_z, "means": _means_z, "auroc": _auroc_z}
