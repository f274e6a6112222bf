from pathlib import Path

import pytest

from bases import write_base


@pytest.fixture
def base_folder(tmp_path: Path) -> Path:
    """The tiny base of tests/bases.py, written to a fresh folder."""
    return write_base(tmp_path / "tiny")
