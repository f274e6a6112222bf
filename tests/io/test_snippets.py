"""Snippets are what the loaders read back as the same records."""

import csv
import io

import pytest

from bases import TABLES, write_base
from evidence.domain.records import Family, RegisteredMerit, RegisteredOrder
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.io.snippets import beliefs_toml, family_csv
from evidence.io.tables import load_base

CLAIM = 'Because of "the pilot",\nand [[merits]] # of 2 others.'


@pytest.mark.parametrize("claim", [CLAIM, "c"])  # a short table could be written on one line, which means another thing
def test_beliefs_pasted_into_a_model_file_are_the_models_beliefs(tmp_path, claim):
    merits = (
        RegisteredMerit(technique="A 1", mean=-0.3041, sd=0.1234, claim=claim),
        RegisteredMerit(technique="B", mean=0, sd=1, claim="b"),
    )
    orders = (RegisteredOrder(technique="A 1", comparator="B", q=0.8685, claim=claim),)
    text = find_model("default").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text + beliefs_toml(merits, orders), encoding="utf-8")
    model = load_model(path)
    assert (model.merits, model.orders) == (merits, orders)
    path.write_text(text + beliefs_toml((), orders), encoding="utf-8")
    assert (load_model(path).merits, load_model(path).orders) == ((), orders)


FAMILY = Family(
    id="chat", name='Small, "chatty" models', validity_class="small-open-chat", stated_at="refusal",
    stated_rho_lo=0.0628, stated_rho_hi=0.3681, reason="Too weak,\nto scheme",
)  # fmt: skip


def test_a_familys_row_pasted_into_its_table_is_the_family(tmp_path):
    header, row = family_csv(FAMILY).split("\n", 1)
    table = list(csv.reader(io.StringIO(TABLES["families"])))
    assert header.split(",") == table[0]
    lines = TABLES["families"].splitlines()
    base = load_base(write_base(tmp_path / "tiny", families="\n".join([lines[0], row + lines[2], *lines[3:]]) + "\n"))
    assert base.family("chat") == FAMILY
