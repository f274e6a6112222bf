"""What a reader can move in the app: each assumption with its range, where the registered prior has it, and what caps it."""

from __future__ import annotations

from evidence.domain.records import Record


class Slider(Record):
    """One assumption as a slider. Moved, it is the setting `key=value` of the command line."""

    key: str
    label: str
    asks: str
    """The question it answers."""
    lo: float
    hi: float
    step: float
    registered: float
    """Median of the prior in use."""
    q10: float
    q90: float
    """The middle 80 % of the prior, equal-tailed."""
    capped_by: str
    """What keeps it from going higher; empty where nothing does."""

    def at(self, value: float) -> float:
        """The position nearest to a value: a whole number of steps from `lo`, within the slider."""
        steps = round((value - self.lo) / self.step)
        return min(max(round(self.lo + steps * self.step, 6), self.lo), self.hi)

    def place(self, value: float) -> float:
        """Where a value stands on the slider, 0..1."""
        return min(max((value - self.lo) / (self.hi - self.lo), 0.0), 1.0)


class TornadoBar(Record):
    """P(technique above comparator) with one assumption at each end of its prior's middle 80 %, all else as it is."""

    key: str
    label: str
    lo: float
    hi: float
    p_lo: float | None
    p_hi: float | None
    """None where a check failed."""


class HeatStrip(Record):
    """P(technique above comparator) over two assumptions."""

    first: str
    second: str
    first_values: tuple[float, ...]
    second_values: tuple[float, ...]
    p: tuple[tuple[float | None, ...], ...]
    """One row per value of `second`; None where a check failed."""
