"""What a contrast says on its own proxy, before any model of validity: for a reader to hear back."""

from __future__ import annotations

import math
from statistics import NormalDist

from evidence.domain.read_back import ReadBack
from evidence.domain.records import SIGN_KINDS, Finding, Setting
from evidence.model.effects import effect_of


def read_back(finding: Finding, setting: Setting, *, technique: str, comparator: str) -> ReadBack:
    """The finding in SMD with its 95 % interval and in frequencies; names are those to be shown.

    An assumed n is taken at the geometric middle of its range. Raises ValueError for numbers that give no finite effect.
    """
    said = ReadBack(
        technique=technique, comparator=comparator, setting=setting.name, outcome=setting.outcome,
        higher_is_better=finding.higher_is_better,
    )  # fmt: skip
    if finding.kind in SIGN_KINDS:
        return said.model_copy(update={"q": finding.q})
    effect = effect_of(finding)
    half = NormalDist().inv_cdf(0.975) * math.exp((effect.log_var_lo + effect.log_var_hi) / 4)
    size = {
        "effect_smd": effect.y, "lo_smd": effect.y - half, "hi_smd": effect.y + half,
        "better_in_pairs": NormalDist().cdf(effect.y / math.sqrt(2)),
    }  # fmt: skip
    if finding.kind == "counts" and finding.k is not None and finding.n and finding.k0 is not None and finding.n0:
        size |= {"rate": finding.k / finding.n, "rate0": finding.k0 / finding.n0}
    return said.model_copy(update=size)
