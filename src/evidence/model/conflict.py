"""Disagreement in direction between independent estimates of one contrast (docs/model.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def gail_simon_p(z: Sequence[float]) -> float:
    """P of so much evidence on both sides, if all true contrasts had one sign; 1.0 for one estimate or one side.

    `z` are independent estimates over their standard errors. The statistic is the smaller of the two sides' sums of
    squares; in the worst case of the hypothesis (one contrast large, the others 0) it exceeds q with probability
    sum over h = 1..k-1 of Binomial(h; k-1, 1/2) P(chi2_h > q) (Gail and Simon 1985, Biometrics 41, 361-372).
    """
    from scipy.special import chdtrc  # pyright: ignore[reportMissingTypeStubs]  (lazily: not all commands need it)

    values = np.asarray(z, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"z: found {values.tolist()}, wanted finite numbers")
    smaller = min(float(np.sum(values[side] ** 2)) for side in (values > 0, values < 0))
    if smaller == 0:
        return 1.0
    n = len(values) - 1
    return float(sum(math.comb(n, h) * float(chdtrc(h, smaller)) for h in range(1, n + 1)) / 2**n)
