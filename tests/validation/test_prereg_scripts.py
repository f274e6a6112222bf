"""Short runs of what `validation/` runs at length: fuzzing, kills, two writers, and a long registry."""

import pytest

from evidence.domain.registry import siblings_of
from evidence.io.registry import read_chain
from prereg_fuzz import run
from prereg_scale import kill_writers, long_registry, write_at_once


@pytest.mark.slow
def test_fuzzed_files_are_refused_in_words_or_are_canonical():
    found = run(900)
    assert {kind: n for kind, (n, _) in found.items()} == {"frozen": 301, "draft": 301, "chain": 301}
    # Some edits leave a file that says something else and is as canonical; they show that the fuzzer reaches that far.
    assert 0 < found["draft"][1] < 301


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
