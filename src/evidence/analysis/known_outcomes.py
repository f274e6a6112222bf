"""What is known of a target as contrasts with the baseline there (docs/model.md, section 8), on the SMD scale."""

from __future__ import annotations

import math

from evidence.domain.records import Finding
from evidence.model.effects import effect_of


def known_contrast(finding: Finding, baseline: Finding | None) -> tuple[float, float, float]:
    """A technique against the baseline: estimate (SMD), se (SMD), and the baseline's part of se^2.

    Two arms of one sample each, or a contrast with a baseline that is no sample (`baseline` None, part 0). Each arm
    gets 1/2 in both cells where one is 0, as in a ranking, so that the baseline's part is one number. With an assumed
    n the variance is that in the middle of its range (in log n). Raises ValueError as `effect_of` does.
    """
    effect = effect_of(finding)
    variance = math.exp((effect.log_var_lo + effect.log_var_hi) / 2)
    if baseline is None:
        return effect.y, math.sqrt(variance), 0.0
    other = effect_of(baseline)
    shared = math.exp((other.log_var_lo + other.log_var_hi) / 2)
    return effect.y - other.y, math.sqrt(variance + shared), shared
