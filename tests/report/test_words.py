import json
import random
import re
from itertools import pairwise

import pytest
from printed import numbers_in, wanted_numbers
from reviews import make_ranking, make_review, random_review

from evidence.domain.results import Pair, Robustness
from evidence.domain.verdict import BOUNDS, NO_LEAN, band_of, robustness_word_of, word_of
from evidence.report import leanings, sentences, words
from evidence.report.documents import json_of
from evidence.report.page import page_of


def test_every_p_has_one_word_and_its_mirror_image_the_mirrored_word():
    for i in range(10_001):
        p = i / 10_000
        lo, hi = band_of(p)
        assert lo / 100 <= p <= hi / 100
        # q = 1 - p is rounded to the same grid: identity, bands are symmetric about one half
        mirrored = band_of((10_000 - i) / 10_000)
        assert mirrored == (100 - hi, 100 - lo)
        word = word_of(p, "A", "B")
        assert word_of((10_000 - i) / 10_000, "B", "A") == word


def test_bands_are_disjoint_and_change_only_at_the_bounds():
    bands = [band_of(i / 100_000) for i in range(100_001)]
    seen = list(dict.fromkeys(bands))
    assert len(seen) == 9  # no band comes back once left
    assert all(a[1] == b[0] for a, b in pairwise(seen))
    changes = {
        round(i / 100_000, 2)
        for i in range(1, 100_001)
        if word_of(i / 1e5, "A", "B") != word_of((i - 1) / 1e5, "A", "B")
    }
    assert changes == set(BOUNDS)


@pytest.mark.parametrize(
    ("p", "word"),
    [  # PRODUCT 4.2's table; a bound belongs to the flatter word
        (0.5, NO_LEAN), (0.55, NO_LEAN), (0.45, NO_LEAN), (0.5501, "leans A"), (0.4499, "leans B"), (0.8, "leans A"),
        (0.81, "favours A"), (0.95, "favours A"), (0.951, "strongly favours A"), (0.999, "strongly favours A"),
        (0.2, "leans B"), (0.19, "favours B"), (0.05, "favours B"), (0.049, "strongly favours B"),
        (0.0, "strongly favours B"),
    ],
)  # fmt: skip
def test_the_word_follows_the_table(p, word):
    assert word_of(p, "A", "B") == word


@pytest.mark.parametrize(
    ("p", "text"), [(0, "<1"), (0.009, "<1"), (0.01, "1"), (0.617, "62"), (0.99, "99"), (0.9901, ">99"), (1, ">99")]
)
def test_probabilities_are_whole_numbers_and_never_0_or_100(p, text):
    assert words.in_100(p) == text


def test_a_number_outside_0_to_1_is_an_error():
    for p in (-0.01, 1.01, float("nan")):
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            words.in_100(p)
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            band_of(p)


@pytest.mark.parametrize(
    ("kept", "word"), [(45, "holds"), (41, "holds"), (40, "fragile"), (23, "fragile"), (22, "assumption-driven")]
)
def test_robustness_words_start_at_90_and_50_per_cent(kept, word):
    assert robustness_word_of(kept, 45) == word


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a significant gain", "significant"), ("this proves it", "proves"), ("it confirms", "confirms"),
        ("the best one", "best"), ("guaranteed", "guaranteed"), ("in 100 % of cases", "100 %"), ("a 0% rate", "0 %"),
        ("no effect", "no effect"), ("A is likely ahead", "likely"), ("It is unlikely", "likely"), ("0 in 100", "0 %"),
    ],
)  # fmt: skip
def test_the_linter_finds_every_forbidden_word(text, name):
    assert words.find_forbidden(text) == (name,)


@pytest.mark.parametrize("text", ["10 % of", "likely (62 in 100)", "kept in 0 of 45", "bestow", "1.0 %", "90 of 100"])
def test_the_linter_leaves_other_words_alone(text):
    assert words.find_forbidden(text) == ()


def test_control_and_bidirectional_characters_are_shown_escaped():
    shown = words.show_name("a\x1b]0;pwn\x07b\x9b2Jc\u202ed\u2066e\u2028f\ud800g\u200bh\nü漢")
    assert shown == r"a\x1b]0;pwn\x07b\x9b2Jc\u202ed\u2066e\u2028f\ud800g\u200bh\nü漢"


def test_the_mock_of_the_design_reads_as_the_design_says():
    # numbers: PRODUCT 5.1 (toy model computed there)
    review = make_review()
    assert sentences.forecast(review) == (
        "At TARGET, the evidence leans A: A above B in 62 of 100 (band 55–80)."
        " Before this study: 50. Taken at face value: >99."
    )
    assert sentences.other_side(review) == "In 38 of 100 such cases B would be ahead."
    assert "could not pass 62 in 100: what limits us is the proxy, not the sample size" in sentences.ceiling(review)
    assert sentences.over_updating(review).startswith("If reading it moves you above 73 in 100,")
    assert "You said 85: 3.64 × the warranted shift (log-odds)." in sentences.over_updating(review)
    assert sentences.robustness(review) == (
        "Fragile: the wording holds in 32 of 45 plausible settings (50 to 86 in 100), A stays ahead in 45."
    )
    assert sentences.advice(review)[0] == "choosing which to try first if both cost about the same."


def test_strong_advice_needs_a_strong_word_a_high_ceiling_and_robustness():
    strong = {
        "p_post": 0.97,
        "p_ceiling": 0.98,
        "robustness": Robustness(kept=45, of=45, lowest=0.96, highest=0.98, same_side=45),
    }
    assert "also at a higher cost" in sentences.advice(make_review(**strong))[0]
    fragile = strong | {"robustness": Robustness(kept=30, of=45, lowest=0.6, highest=0.98, same_side=45)}
    assert "unless it costs clearly more" in sentences.advice(make_review(**fragile))[0]


def test_a_reader_who_moves_too_little_on_direct_evidence_is_told_to_move_further():
    review = make_review(p_post=0.97, p_ceiling=0.98, belief=0.6, shift_ratio=0.12)
    assert (
        "You said 60: only 0.12 × the warranted shift; this evidence is direct, move further."
        in sentences.over_updating(review)
    )


def test_a_lean_is_never_called_no_lean_by_the_optimism_note():
    review = make_review(optimism_line="no usable lean: a gain of 0.10 is what proxies show")
    assert sentences.optimism(review) == "A gain of 0.10 is what proxies show"


def test_a_technique_called_like_a_verdict_does_not_change_the_advice():
    pair = Pair(technique="favours", comparator="B", technique_name="favours", comparator_name="B")
    assert "both cost about the same" in sentences.advice(make_review(pair=pair))[0]


def counts_in(text: str) -> list[str]:
    return re.findall(r"(>99|<1|\d+) (?:of|in) 100", text)


def contradictions(review) -> list[str]:
    """What the sentences say against each other or against the record; empty if nothing."""
    forecast, other = sentences.forecast(review), sentences.other_side(review)
    ahead = "A" if review.p_post >= 0.5 else "B"
    behind = {"A": "B", "B": "A"}[ahead]
    shown = counts_in(forecast)[0]
    left = counts_in(other)
    lo, hi = review.band
    p = review.p_post
    found = {
        "the word names the side ahead": review.word == NO_LEAN or review.word.endswith(ahead),
        "the number is P": shown == words.in_100(p),
        "the number lies in the band": shown in {">99", "<1"} or lo <= int(shown) <= hi,
        "the other side is the other": f"such cases {behind} would" in other,
        "the two sides make a hundred": not left or shown in {">99", "<1"}
        or int(left[0]) + (int(shown) if p >= 0.5 else 100 - int(shown)) == 100,
        "break-even is on the side of the shift": review.p_break_even is None
        or ("above" in sentences.over_updating(review).split(" in 100")[0]) == (review.p_break_even >= review.p_prior),
        "the ceiling is on the side of the shift": ("pass" in sentences.ceiling(review))
        == (review.p_ceiling >= review.p_prior),
        "the advice names the side ahead": f"trying {behind}" not in sentences.advice(review)[0],
        "no lean, no use": (review.word == NO_LEAN) == sentences.advice(review)[0].startswith("nothing"),
        "the word has the sign of the log-odds": review.word == NO_LEAN
        or review.word.endswith("A" if review.log_odds["post"] > 0 else "B"),
        "a belief on the other side is called so": ("shift away" in sentences.over_updating(review))
        == (review.shift_ratio is not None and review.shift_ratio < 0),
        "the side that stays ahead is the side ahead": f"{ahead} stays ahead" in sentences.robustness(review),
        "what limits us limits most": ("is the proxy, not" in sentences.ceiling(review))
        == (review.limits["proxy"] - review.limits["sample"] >= 0.02),
        "a lean is not called no lean": review.word == NO_LEAN or NO_LEAN not in forecast + sentences.optimism(review).lower(),
        "break-even is withheld with the shift": (review.p_break_even is None)
        == ("too small for a break-even" in sentences.over_updating(review)),
    }  # fmt: skip
    return [name for name, holds in found.items() if not holds]


@pytest.mark.slow
def test_ten_thousand_random_verdicts_hold_no_contradiction_and_no_forbidden_word_and_the_numbers_of_the_json():
    rng = random.Random(20261123)  # noqa: S311 (records for tests)
    for _ in range(10_000):
        review = random_review(rng)
        sections = {s.label: "\n".join(s.lines) for s in page_of(review, "evidence review x").sections}
        text = "\n".join(sections.values())
        assert contradictions(review) == [], text
        assert words.find_forbidden(text) == (), text
        assert not re.search(r"\b(?:nan|inf)\b", text)
        twin = json.loads(json_of(review))
        assert twin["word"] == review.word
        assert list(review.band) == twin["band"]
        for label, wanted in wanted_numbers(twin, sections).items():
            assert numbers_in(sections[label]) == wanted, (label, sections[label])


def test_sensitive_priors_and_uninformed_ones_are_named_without_blame():
    assert leanings.prior_lines(make_review()) == (
        "Sensitive to the prior of l[proxy], tau. Not measured: v. The data did not inform this"
        " contrast (prior and posterior overlap by 93 %) nor 3 of 4 priors.",
    )
    assert leanings.prior_lines(make_ranking()) == (
        "Sensitive to the prior of tau. The data did not inform 1 of 2 merits nor 1 of 1 priors.",
    )
    calm = make_review(sensitivity={"tau": 0.01}, sensitive_to=(), overlap={"tau": 0.2}, uninformed=())
    assert leanings.prior_lines(calm) == ("Sensitive to no single prior.",)
    assert leanings.prior_lines(make_review(sensitivity={})) == ()
    brief = "sensitive to 2 priors, this contrast uninformed; --json lists all."
    assert leanings.prior_lines(make_review(), brief=True) == (brief,)
    assert leanings.prior_lines(calm, brief=True) == ("sensitive to no single prior; --json lists all.",)


def test_long_lists_of_priors_are_cut_with_their_number():
    names = tuple(f"l[{i}]" for i in range(9))
    review = make_review(
        sensitivity=dict.fromkeys(names, 0.1), sensitive_to=names, overlap=dict.fromkeys(names, 0.95), uninformed=names
    )
    assert leanings.prior_lines(review) == (
        "Sensitive to the prior of l[0], l[1], l[2] and 6 more. The data did not inform 9 of 9 priors.",
    )
