"""What is typed at a prompt. Values follow from the text by arithmetic that stands beside them."""

import pytest

from evidence.io import typed
from evidence.io.typed import Unreadable


@pytest.mark.parametrize(
    ("text", "k", "n"),
    [
        ("120/400", 120, 400),
        ("120 of 400", 120, 400),
        ("1,200 / 4,000", 1200, 4000),
        ("0/7", 0, 7),
        ("30% of 400", 120, 400),
        ("30 %/400", 120, 400),
        ("12.3 % of 400", 49, 400),  # 49.2; one more digit of the percentage is .2 of a case
        ("33 % of 3", 1, 3),
    ],
)
def test_a_count_is_read(text, k, n):
    assert typed.count(text) == (k, n)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("401/400", "from 0 to 400"),
        ("0/0", "at least one case"),
        ("120", "120/400"),
        ("0.3/400", "120/400"),
        ("-3/400", "120/400"),
        # 12.3 % is between 12.25 and 12.35: of 40 between 4.9 and 4.94
        ("12.3 % of 40", "is 4.92, which is none"),
        ("120 % of 400", "from 0 to 400"),
        ("", "120/400"),
    ],
)
def test_what_is_no_count_says_what_was_wanted(text, says):
    with pytest.raises(Unreadable, match=says):
        typed.count(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (typed.number, "−1.5", -1.5),  # the minus sign of a PDF
        (typed.number, "1e-3", 0.001),
        (typed.number, ".25", 0.25),
        (typed.probability, "0.797", 0.797),
        (typed.probability, "79.7 %", 0.797),
        (typed.sizes, "400", (400, 400)),
        (typed.sizes, "400/380", (400, 380)),
        (typed.sizes, "1,000 and 900", (1000, 900)),
        (typed.size_range, "50..500", (50, 500)),
        (typed.size_range, "50 to 500", (50, 500)),
        (typed.size_range, "400", None),
        (typed.mean_and_spread, "6.2 ± 2.1", (6.2, 2.1)),
        (typed.mean_and_spread, "6.2 (2.1)", (6.2, 2.1)),
        (typed.mean_and_spread, "−0.3 +- 0.1", (-0.3, 0.1)),
        (typed.mean_and_spread, "6.2, 2.1", (6.2, 2.1)),
        (typed.interval, "0.31..1.29", (0.31, 1.29)),
        (typed.interval, "[−0.31, 1.29]", (-0.31, 1.29)),
        (typed.interval, "0.31 to 1.29", (0.31, 1.29)),
        (typed.interval, "0.31–1.29", (0.31, 1.29)),
        (typed.interval, "0.25", None),
        (typed.bounds, "0..100", (0.0, 100.0)),
        (typed.bounds, "0..", (0.0, None)),
        (typed.bounds, "..1", (None, 1.0)),
        (typed.pair, "5/0", (5.0, 0.0)),
        (typed.gap, "major: a 7B model", ("major", "a 7B model")),
        (typed.gap, "some, one generation behind", ("some", "one generation behind")),
        (typed.gap, "0.3 close to it", (0.3, "close to it")),
        (typed.gap, "unknown", ("unknown", "not stated")),
        (typed.year, "2025", 2025),
        (typed.yes, "Y", True),
        (typed.yes, "no", False),
        (typed.clean, "  e\u0301tude\n", "\u00e9tude"),  # composed form
    ],
)
def test_an_answer_is_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (typed.number, "0,25"),
        (typed.number, "nan"),
        (typed.probability, "79.7"),
        (typed.probability, "-0.1"),
        (typed.sizes, "0"),
        (typed.sizes, "400/0"),
        (typed.sizes, "4.5"),
        (typed.size_range, "500..50"),
        (typed.size_range, "1..50"),
        (typed.mean_and_spread, "6.2"),
        (typed.mean_and_spread, "6.2 ± 0"),
        (typed.bounds, "100..0"),
        (typed.bounds, ".."),
        (typed.bounds, "10"),
        (typed.pair, "5"),
        (typed.gap, "major"),
        (typed.gap, "large: it is"),
        (typed.gap, "1.5 far"),
        (typed.year, "25"),
        (typed.yes, "maybe"),
        (typed.words, ""),
        (typed.clean, "a\x1b[2Jb"),
        (typed.clean, "a" * 1001),
    ],
)
def test_what_is_no_answer_is_refused(read, text):
    with pytest.raises(Unreadable):
        read(text)


def test_an_option_goes_by_its_number_or_its_name():
    assert typed.choice("2", ["one", "two"]) == "two"
    assert typed.choice("TWO", ["one", "two"]) == "two"
    for text in ("0", "3", "three", "-1", "1.0"):
        with pytest.raises(Unreadable, match="from 1 to 2"):
            typed.choice(text, ["one", "two"])


@pytest.mark.parametrize(
    ("name", "taken", "key"),
    [
        ("Trusted editing", (), "trusted-editing"),
        ("Trusted editing", ("trusted-editing", "trusted-editing-2"), "trusted-editing-3"),
        ("Zoë's (2nd) probe", (), "zoe-s-2nd-probe"),
        ("研究", (), "new"),
    ],
)
def test_a_name_gets_an_id_that_is_free(name, taken, key):
    assert typed.id_for(name, taken) == key


@pytest.mark.parametrize(
    ("read", "text"), [(typed.mean_and_spread, "6,2"), (typed.gap, "10: foo"), (typed.gap, "majority of tasks")]
)
def test_what_may_mean_two_things_is_asked_for_again(read, text):
    with pytest.raises(Unreadable):
        read(text)


def test_a_decimal_comma_is_no_interval():
    assert typed.interval("0,25") is None
    assert typed.interval("0.31, 1.29") == (0.31, 1.29)
