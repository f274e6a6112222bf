import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.domain.errors import BadInput
from evidence.domain.quick import BASELINE, base_of_claim
from evidence.io.quick import DEFAULT_Q, parse_quick


def parse(text: str, *, lower: bool = False, q: float | None = None):
    return parse_quick(text, "small-open-chat", lower, q=q)


def test_counts_are_read_in_the_order_typed():
    f = parse("A 12/100 vs B 31/99").finding
    assert (f.technique, f.k, f.n, f.comparator, f.k0, f.n0) == ("A", 12, 100, "B", 31, 99)
    assert (f.kind, f.higher_is_better) == ("counts", True)
    assert parse("A 12/100 vs B 31/99", lower=True).finding.higher_is_better is False


def test_an_effect_without_a_comparator_is_against_the_baseline():
    f = parse("A 0.80 se 0.25").finding
    assert (f.comparator, f.scale, f.estimate, f.se) == (BASELINE, "smd", 0.80, 0.25)
    assert parse("A vs baseline 0.80 se 0.25").finding == f
    assert parse("A vs B -.5 ci -1..0").finding.ci_hi == 0.0


def test_an_order_has_the_default_reliability_or_the_one_typed():
    assert parse("A > B").finding.q == DEFAULT_Q
    assert parse("A>B", q=0.9).finding.q == 0.9
    with pytest.raises(BadInput, match="only an order"):
        parse("A 0.8 se 0.2", q=0.9)


def test_names_may_hold_spaces_digits_and_the_word_vs():
    f = parse("Trusted monitoring 2.0 12/100 vs Best of 4 31/100").finding
    assert (f.technique, f.comparator) == ("Trusted monitoring 2.0", "Best of 4")
    assert parse("  A   12/100   vs   B 31/100 ").finding == parse("A 12/100 vs B 31/100").finding


def test_the_base_of_a_claim_holds_the_claim_and_one_proxy():
    base = base_of_claim(parse("A > B"))
    assert [t.id for t in base.techniques] == [BASELINE, "A", "B"]
    assert [t.id for t in base_of_claim(parse("A 1 se 1")).techniques] == [BASELINE, "A"]
    assert [t.id for t in base_of_claim(parse("Baseline > A")).techniques] == [BASELINE, "A"]
    assert base.settings[0].gaps == {"distance": "some"}
    assert base.families[0].validity_class == "small-open-chat"


@pytest.mark.parametrize(
    "text",
    [
        "", "A", "A vs B", "A > B > C", "A < B", "A 1/2 vs", "A 0.8", "A 0.8 se", "A 0.8 se 0", "A 0.8 se -1",
        "A nan se 1", "A inf se 1", "A 1e400 se 1", "A 1_0/20 vs B 1/2", "A ١/٢ vs B 1/2", "A 1/0 vs B 1/2",
        "A 3/2 vs B 1/2", "A > A", "A 0.8 ci 1..2",
        "A 0.8 ci 2..1", "\x1b > B", "\u202eA > B", "A 1/2 vs B 1/2 x", "x" * 10_000, "A 0x1p3 se 1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert caught.value.problems[0].file == "claim"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        claim = parse(text)
    except BadInput as error:
        assert error.problems
    else:
        assert base_of_claim(claim).findings == (claim.finding,)
