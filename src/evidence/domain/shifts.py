"""How far evidence moves the standing of techniques, whether it disagrees with itself, and for how much it counts."""

from __future__ import annotations

from evidence.domain.records import Record


class Moved(Record):
    """One number before and after, and the Monte Carlo standard error of the difference."""

    before: float
    after: float
    mcse: float


class TechniqueShift(Record):
    """How one technique's standing at the target moves. Merits in SMD against the baseline."""

    id: str
    name: str
    merit_mean: Moved
    merit_sd: Moved
    expected_rank: Moved
    """1 is highest, among the techniques of the same list."""
    sucra: Moved
    p_best: Moved


class Shifts(Record):
    """What the reviewed findings do to every technique; ranks are among the techniques listed."""

    solo: tuple[TechniqueShift, ...]
    """Prior -> these findings alone, among the techniques they speak about and the baseline."""
    in_context: tuple[TechniqueShift, ...] = ()
    """All but these findings -> all findings, among all techniques; empty where there is nothing else."""


class Conflict(Record):
    """Whether what was measured of one pair disagrees in direction by more than chance (Gail and Simon 1985)."""

    technique: str
    comparator: str
    between: str
    """`studies` or `families`: whose estimates stand against each other."""
    above: tuple[str, ...]
    """Those that measured the technique above the comparator, by |z|, largest first."""
    below: tuple[str, ...]
    p: float
    """P of so much disagreement from sampling alone, were one of the two above the other wherever both were measured."""
    found: bool
    """`p` is below .05."""


class EffectiveFindings(Record):
    """For how many independent findings the reviewed ones count."""

    value: float
    mcse: float
    """Monte Carlo standard error of `value`."""
    of: int
    """Findings reviewed."""
