"""What one process keeps between the items of a batch: the last fits, by all that they depend on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable


class Kept[V]:
    """The last few values, by key. Each process of a batch has its own, so an item gets the same one anywhere."""

    def __init__(self, most: int = 2) -> None:
        self._most, self._found, self._lock = most, dict[Hashable, V](), threading.Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value kept under `key`, else a new one; two threads do not make it twice."""
        with self._lock:
            value = self._found.pop(key) if key in self._found else make()
            self._found[key] = value  # now the youngest
            while len(self._found) > self._most:
                del self._found[next(iter(self._found))]
            return value
