"""docs/backtest.md says what the stored backtest says, of the bridges and models that are shipped now."""

import json
from pathlib import Path

import pytest

from backtest_report import PAGE, goals
from evidence.domain.backtest import BacktestTable
from evidence.domain.canonical import sha256_of
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model_without, list_shipped
from evidence.io.tables import load_base
from evidence.report.backtest import backtest_markdown

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stored():
    return BacktestTable.model_validate(json.loads((ROOT / "validation" / "backtest.json").read_text(encoding="utf-8")))


def test_the_page_holds_every_table_of_the_stored_backtest(stored):
    page = PAGE.read_text(encoding="utf-8")
    assert stored.ok
    assert backtest_markdown(stored, "###") in page
    assert goals(stored) in page
    assert "{{" not in page


@pytest.mark.parametrize("name", sorted(list_shipped().bridges))
def test_the_stored_backtest_read_the_shipped_bridge_with_the_shipped_model(name, stored):
    scores = next(b for b in stored.bridges if b.bridge == name)
    path = find_model_without(name)
    assert path is not None
    assert scores.base_sha256 == sha256_of(load_base(find_base(name)))
    assert scores.model_sha256 == sha256_of(load_model(path))
