import gc
import sys
from pathlib import Path

import pytest

from bases import write_base


@pytest.fixture
def base_folder(tmp_path: Path) -> Path:
    """The tiny base of tests/bases.py, written to a fresh folder."""
    return write_base(tmp_path / "tiny")


MOST_MAPS = 25_000
"""Memory maps of this process before compiled programs are dropped: Linux allows 65,530 and JAX then aborts."""


@pytest.fixture(autouse=True, scope="module")
def _drop_compiled_programs():
    """A thousand tests compile more programs than one process can map."""
    yield
    maps = Path("/proc/self/maps")
    count = len(maps.read_bytes().splitlines()) if maps.exists() else 0
    if count > MOST_MAPS and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()
