"""Short runs of what `validation/` runs at length: kills, two writers, and a long registry."""

import pytest

from evidence.domain.registry import siblings_of
from evidence.io.registry import read_chain
from prereg_scale import kill_writers, long_registry, write_at_once


def test_a_killed_writer_loses_nothing(tmp_path):
    (tmp_path / "reg").mkdir()
    lines, _ = kill_writers(tmp_path / "reg", 4)
    assert lines > 0


@pytest.mark.slow
def test_twenty_killed_writers_lose_nothing(tmp_path):
    (tmp_path / "reg").mkdir()
    lines, _ = kill_writers(tmp_path / "reg", 20, seed=2)
    assert lines > 20


def test_two_processes_that_freeze_at_once_take_turns(tmp_path):
    (tmp_path / "reg").mkdir()
    assert write_at_once(tmp_path / "reg", 8) == 16


def test_a_long_registry_is_read_line_by_line(tmp_path):
    digest = long_registry(tmp_path, 1000)
    chain = read_chain(tmp_path)
    assert len(chain.entries) == 1000
    question = chain.entries[0]
    assert siblings_of(chain.entries, question.question, question.question_sha256, but=digest).total == 99
