"""What the edge passes in: choices and capabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from evidence.domain.records import Model

type Progress = Callable[[str, int, int], None]


class Map(Protocol):
    """As the built-in `map`: the results in the order of the items. `evidence.batch` spreads them over processes."""

    def __call__[T, R](self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply `function` to every item."""
        ...


READERS = {"face_value": "face-value", "random_effects": "random-effects"}
"""The models that every review is compared with, by the name of the reader."""


@dataclass(frozen=True)
class Options:
    """Choices every analysis understands. `belief` is the reader's P(technique above comparator) after reading."""

    target: str | None = None
    settings: tuple[str, ...] = ()
    """`KEY=VALUE` changes, applied in order."""
    seed: int = 1
    belief: float | None = None
    readers: Mapping[str, Model] = field(default_factory=dict[str, Model])
    """Readers to compare with, by name; `face_value` is always needed."""
    progress: Progress | None = None


@dataclass(frozen=True)
class SweepRequest:
    """One slider: the key, its range and step, and the level of P (0..1) whose crossing is asked for."""

    key: str
    lo: float
    hi: float
    step: float
    flip: float | None = None
