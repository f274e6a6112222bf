"""The grammar of `evidence elicit order`, on the tiny base: none (the baseline), monitor, audit, and two more."""

import pytest

import cases
from evidence.domain.errors import BadInput
from evidence.io.orders import MAX_CHARACTERS, parse_orders

BASE = cases.base_of(techniques=("A", "B", "C", "D", "D 4", "trusted monitor"))
BASELINE = BASE.techniques[0].id


def parsed(*texts, sure=0.8):
    return [(p.technique, p.comparator, p.p, p.by_default) for p in parse_orders(texts, BASE, sure=sure)]


@pytest.mark.parametrize(
    ("texts", "pairs"),
    [
        (["A > B"], [("A", "B", 0.8, True)]),
        (["A>B"], [("A", "B", 0.8, True)]),
        (["A > B 70"], [("A", "B", 0.7, False)]),
        (["A > B 12.5"], [("A", "B", 0.125, False)]),
        (["A > B > C"], [("A", "B", 0.8, True), ("B", "C", 0.8, True)]),
        (["A > B > C 90"], [("A", "B", 0.9, False), ("B", "C", 0.9, False)]),
        (["A > B = C"], [("A", "B", 0.8, True), ("A", "C", 0.8, True), ("B", "C", 0.5, False)]),
        (["A > D 4"], [("A", "D 4", 0.8, True)]),
        (["A > D 4 60"], [("A", "D 4", 0.6, False)]),
        (["A > D 5"], [("A", "D", 0.05, False)]),
        (["trusted monitor > A 100"], [("trusted monitor", "A", 1.0, False)]),
        # Said twice alike, whichever way round
        (["A > B 70", "B > A 30"], [("A", "B", 0.7, False)]),
        (["A > B > C", "B > C"], [("A", "B", 0.8, True), ("B", "C", 0.8, True)]),
        # A number of its own is more than the number of a ranking
        (["A > B > C", "B > C 60"], [("A", "B", 0.8, True), ("B", "C", 0.6, False)]),
        (["B > C 60", "A > B > C"], [("B", "C", 0.6, False), ("A", "B", 0.8, True)]),
    ],
)
def test_statements_become_pairs(texts, pairs):
    assert parsed(*texts) == pairs


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["A"], '"A > B 70"'),
        (["> A"], '"A > B 70"'),
        (["A > > B"], '"A > B 70"'),
        (["A >= B"], '"A > B 70"'),
        (["A < B"], "the higher technique first"),
        (["A > trusted montor"], "did you mean 'trusted monitor'"),
        (["A > B > A"], "every technique once"),
        (["A > B 101"], "at most 100"),
        (["A = B"], "at least one '>'"),
        (["A > B 50"], "at least one '>'"),
        (["A = B 70"], "'=' says one half"),
        (["A > B 70", "A > B 60"], "A > B in 70 and in 60 of 100"),
        (["A > B 70", "B > A 60"], "A > B in 70 and in 40 of 100"),
        (["A > B", "B > A"], "A > B in 80 and in 20 of 100"),
        (["A > B > C", "B = C"], "B > C in 80 and in 50 of 100"),
        (["A > B > C", "C > B 60"], "B > C in 80 and in 40 of 100"),
        ([f"{BASELINE} > A"], "elicit merit TECHNIQUE --better-in-100 N --by SMD"),
        (["A > B" + " " * MAX_CHARACTERS], "at most"),
        (["A > \x1b[2J"], r"\x1b"),
    ],
)
def test_what_is_no_statement_is_refused(texts, says):
    with pytest.raises(BadInput) as error:
        parsed(*texts)
    assert says in str(error.value)


def test_equal_places_beside_a_ranking_say_one_half_once():
    assert parsed("A > B = C", "C = B") == parsed("A > B = C")
