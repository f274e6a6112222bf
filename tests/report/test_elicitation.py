"""Pages of elicited statements: rendering of given records, numbers typed by hand."""

import pytest

from evidence.domain.elicitation import (
    ComparedRate,
    ElicitedMerit,
    ElicitedOrder,
    ElicitedValidity,
    MeritWords,
    PairBelief,
    RankedBelief,
    ValidityWords,
)
from evidence.domain.records import Family, Prior, RegisteredMerit
from evidence.report.elicitation import SHOWN_PAIRS, merit_page, order_page, snippet_lines, validity_page
from evidence.report.words import find_forbidden

RHO = ValidityWords(
    rho_q10=0.1, rho_q50=0.24, rho_q90=0.4, order_kept_in_100_q10=53.2, order_kept_in_100_q50=57.7,
    order_kept_in_100_q90=63.1, order_kept_in_100_mean=58.4,
)  # fmt: skip
VALIDITY = ElicitedValidity(
    base="b", target="t", model="m", statement="rho 0.1..0.4", law=Prior(dist="Beta", a=2, b=6), said=RHO, held=RHO,
    family=Family(
        id="f", name="The \x1b[2J family", validity_class="chat", stated_at="s", stated_rho_lo=0.1, stated_rho_hi=0.4,
        reason="r",
    ),
    ruled_out=0.31, accepted=True, highest_rho=0.52, worth_target_runs=0.14, target_run_se=0.3,
    highest_rho_without={"novelty": 0.8, "gaps": 0.6, "construct_noise": 0.55}, set_option="validity.f=0.1..0.4",
    base_rates=(ComparedRate(target="a sibling", order_kept_in_100=67.6, rho_q10=0.02, rho_q50=0.6, rho_q90=0.8),),
    base_rates_model="default", base_rates_are_opinion=False,
)  # fmt: skip
WORDS = MeritWords(works=0.66, worse=0.2, beyond=0.001, q10=-0.2, q50=0.38, q90=0.97)
MERIT = ElicitedMerit(
    base="b", model="m", technique="x", name="X", baseline="Nothing", smallest_difference=0.2, statement="said",
    merit=RegisteredMerit(technique="x", mean=0.3843, sd=0.4566, claim="c"), said=WORDS,
    held=WORDS.model_copy(update={"works": 0.49}), before=WORDS.model_copy(update={"works": 0.33}), left_out=0.34,
    others_work=0.37, others_worked=0.33, replaces=None,
)  # fmt: skip


def pair(technique, comparator, stated, held, *, by_default=False):
    return PairBelief(
        technique=technique, comparator=comparator, stated=stated, by_default=by_default, implied=held, held=held
    )


def ranked(name):
    return RankedBelief(technique=name, name=name, mean=0.1, sd=0.4, works=0.6, works_by_order=0.42, expected_rank=1.5)


ORDER = ElicitedOrder(
    base="b", model="m", smallest_difference=0.2, statements=("A > B",), form="merits", sure=0.8,
    pairs=(pair("A", "B", 0.8, 0.799, by_default=True),), techniques=(ranked("A"), ranked("B")), works_before=0.33,
    orders=(), merits=(), can_all_hold=True, worst_misfit=0.001, circle=(), spread=1.04, left_out=0.29, replaced=0,
)  # fmt: skip


def text(page):
    return " ".join(line for section in page.sections for line in (section.label, *section.lines))


def changed(record, **update):
    return record.model_copy(update=update)


REFUSED = changed(VALIDITY, accepted=False, held=None, ruled_out=0.93)
CIRCLE = changed(ORDER, circle=("A", "B", "C"), can_all_hold=False, worst_misfit=0.04, form="orders", left_out=0.0)
PAGES = {
    "validity": lambda: validity_page(VALIDITY, command="evidence elicit validity f"),
    "refused": lambda: validity_page(REFUSED, command="c"),
    "opinion": lambda: validity_page(changed(VALIDITY, base_rates_are_opinion=True), command="c"),
    "perfect": lambda: validity_page(changed(VALIDITY, worth_target_runs=None, base_rates=()), command="c"),
    "merit": lambda: merit_page(MERIT, command="c"),
    "order": lambda: order_page(ORDER, command="c"),
    "circle": lambda: order_page(CIRCLE, command="c"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_uses_no_forbidden_word_and_shows_control_characters_escaped(name):
    page = PAGES[name]()
    assert find_forbidden(f"{page.title} {page.subtitle} {text(page)}") == ()
    assert "\x1b" not in page.subtitle + text(page)
    assert page.sections[-1].label == "REPRODUCE"


def test_a_validity_is_read_back_as_said_as_held_and_beside_bridges():
    page = text(PAGES["validity"]())
    assert "53 to 63 of 100 (80 %, equal-tailed; median 58), 58 on average" in page
    assert "rho 0.10 to 0.40 (80 %, equal-tailed; median 0.24): Beta(2, 6)" in page
    assert "31 % of prior draws, which are left out" in page
    assert "without novelty 0.80, without the named gaps 0.60, without construct noise 0.55" in page
    assert "What bridges showed of proxies of class chat" in page
    assert "a sibling: order kept in 68 of 100 (rho 0.02 to 0.80, 80 %, equal-tailed)" in page
    assert "--set validity.f=0.1..0.4" in page


def test_a_refused_validity_offers_no_way_to_use_it():
    page = text(PAGES["refused"]())
    assert "would refuse this: 93 % of prior draws leave no room for it. The highest it takes is rho 0.52" in page
    assert "--set" not in page


def test_a_class_no_bridge_had_is_called_opinion():
    assert "Opinion, no data: no bridge had a proxy of class chat" in text(PAGES["opinion"]())
    assert "knows no class chat" in text(PAGES["perfect"]())
    assert "as good as the target itself" in text(PAGES["perfect"]())


def test_a_merit_is_read_back_as_said_as_held_and_as_before():
    page = text(PAGES["merit"]())
    assert "YOU SAY It works (by more than 0.2 SMD) in 66 of 100 worlds, is worse than doing nothing in 20" in page
    assert "beyond ±2 SMD in <1" in page
    assert "before any finding: It works (by more than 0.2 SMD) in 49 of 100" in page
    assert "BEFORE It works (by more than 0.2 SMD) in 33 of 100" in page
    assert "In 34 of 100 of its worlds merits spread no wider than your sd" in page
    assert "works in 37 of 100, before 33" in page
    assert "take the place" not in page
    assert "take the place" in text(merit_page(changed(MERIT, replaces=MERIT.merit), command="c"))
    alone = changed(MERIT, others_work=None, others_worked=None, left_out=0.001)
    assert "THE OTHERS" not in text(merit_page(alone, command="c"))
    assert "left out" not in text(merit_page(alone, command="c"))


def test_an_order_shows_stated_beside_held_and_what_merits_add():
    page = text(PAGES["order"]())
    assert "Neighbours without a number are held in the order typed in 80 of 100 worlds" in page
    assert "A above B: you say 80, the model will hold 80" in page
    assert "A: works in 60 of 100 (by the order alone 42), merit 0.10, sd 0.40 SMD" in page
    assert "every stated number is held" in page
    assert "In 29 of 100 worlds" in page
    assert "CIRCLE" not in page


def test_contradictions_are_told_plainly():
    page = text(PAGES["circle"]())
    assert "A > B > C > A: each above the next, and the last above the first; in no world do all of these hold" in page
    assert "The largest misfit is 4.0 in 100" in page
    missed = text(order_page(changed(ORDER, worst_misfit=0.1), command="c"))
    assert "miss them by up to 10.0 in 100; --as orders holds them all" in missed


def test_long_lists_of_pairs_are_cut_and_say_so():
    stated = [pair("A", f"B{i}", 0.6, 0.6) for i in range(3)]
    others = [pair("C", f"D{i}", None, 0.5) for i in range(SHOWN_PAIRS)]
    page = text(order_page(changed(ORDER, pairs=(*stated, *others)), command="c"))
    assert page.count("you say 60") == 3
    assert page.count("you said nothing") == SHOWN_PAIRS - 3
    assert "and 3 more; --json lists all" in page
    many = [pair("A", f"B{i}", 0.6, 0.6) for i in range(SHOWN_PAIRS + 2)]
    page = text(order_page(changed(ORDER, pairs=tuple(many)), command="c"))
    assert page.count("you say 60") == SHOWN_PAIRS
    assert "and 2 more" in page


def test_snippet_lines_are_whole_and_harmless():
    assert list(snippet_lines('a = "\u202e"\nb = 1\n')) == ['a = "\\u202e"', "b = 1"]
