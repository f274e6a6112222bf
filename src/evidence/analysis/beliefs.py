"""What a reader says of a difference at the target, as P(ahead): chips on bins (roulette), or an 80 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.analysis.elicit_merit import MeritStatement

FAR = 2.0
"""SMD beyond which a difference counts as far."""


@dataclass(frozen=True)
class SaidBelief:
    """Whole numbers in 100, never 0 or 100."""

    ahead: int
    far: int
    """A difference beyond `FAR` on either side."""


def chips_ahead(chips: Sequence[int], of: int) -> int | None:
    """P(ahead) in 100 from chips on bins, worst first, half of the bins ahead; None until all `of` chips are placed.

    Never 0 or 100: twenty chips cannot say that something is impossible.
    """
    if sum(chips) != of:
        return None
    return _in_100(sum(chips[len(chips) // 2 :]) / of)


def interval_belief(lo: float, hi: float) -> SaidBelief:
    """The normal law with this 80 % interval (equal-tailed, SMD), which of all laws with its mean and variance says least.

    Raises BadInput for an interval that is none.
    """
    from scipy.special import ndtr

    mean, sd = MeritStatement(interval=f"{lo:g}..{hi:g}").normal()
    far = ndtr((-FAR - mean) / sd) + ndtr((mean - FAR) / sd)
    return SaidBelief(_in_100(float(ndtr(mean / sd))), _in_100(float(far)))


def _in_100(p: float) -> int:
    return min(max(round(100 * p), 1), 99)
