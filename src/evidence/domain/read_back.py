"""A finding as its reader hears it back before it is saved."""

from __future__ import annotations

from evidence.domain.records import Probability, Record


class ReadBack(Record):
    """What one contrast says on its proxy, in SMD and in frequencies; `effect_smd` None for a statement without a size."""

    technique: str
    """Names, not ids."""
    comparator: str
    setting: str
    outcome: str
    higher_is_better: bool
    effect_smd: float | None = None
    """Higher = better for the technique."""
    lo_smd: float | None = None
    """Lower end of the 95 % normal interval."""
    hi_smd: float | None = None
    """Upper end of the 95 % normal interval."""
    better_in_pairs: Probability | None = None
    """P(one observation with the technique is better than one with the comparator), Phi(effect / sqrt(2))."""
    rate: Probability | None = None
    """Share counted with the technique, where counts were given."""
    rate0: Probability | None = None
    """Share counted with the comparator."""
    q: Probability | None = None
    """Stated reliability of a statement."""
