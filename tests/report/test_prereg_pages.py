"""Pages about registrations: every sentence that depends on what the record holds, from records made for it."""

import pytest

import registrations
from evidence.analysis.prereg_score import score_registration
from evidence.domain.disagreement import (
    BridgingStudy,
    Disagreement,
    GroupShare,
    Pool,
    PooledPair,
    PooledScenario,
    Reviewer,
)
from evidence.domain.records import Outcome
from evidence.domain.registry import Siblings
from evidence.domain.scorecard import Resolution, Tried, TryLog
from evidence.domain.verification import Deviation, PrintMatch, Verification
from evidence.report.prereg import confirmation_lines, listed_lines
from evidence.report.prereg_score import plain_words, score_page
from evidence.report.prereg_together import disagreement_page, pool_page
from evidence.report.prereg_verify import verification_page
from evidence.report.words import find_forbidden

A, B = "a" * 64, "b" * 64


def lines_of(page):
    """The lines of every section by its label; the page uses no forbidden word."""
    text = "\n".join(line for section in page.sections for line in section.lines)
    assert find_forbidden(text) == ()
    return {section.label: section.lines for section in page.sections}


# Score cards


def card_of(rows=(), *, tried=(), rules=None):
    """The score card of outcomes and a log in the first scenario."""
    registration = registrations.small_registration()
    if rules is not None:
        registration = registrations.variant(scoring=registration.scoring.model_copy(update={"rules": rules}))
    outcomes = tuple(
        Outcome(target="first deployment", technique=t, estimate_smd=y, se_smd=0.1, baseline_var_smd=0.004, where="t")
        for t, y in rows
    )
    log = None
    if tried:
        steps = tuple(Tried(technique=t, worked=worked, hours=hours) for t, worked, hours in tried)
        log = TryLog(scenario="first deployment", tried=steps)
    resolution = Resolution(
        format="evidence-prereg-resolution/1", registration=A, by="Bo", source="s", utc="2031-01-01T00:00:00Z",
        outcomes=outcomes, log=log,
    )  # fmt: skip
    return score_registration(registration, A, [(B, resolution)])


def score_lines(card):
    return lines_of(score_page(card, registrations.small_registration()))


ROWS = (("monitor", 0.9), ("audit", 0.2))


def test_a_brier_score_is_shown_where_an_order_is_settled_and_only_there():
    settled = card_of(ROWS)
    # Contrasts 0.9, 0.2 and 0.7: the smallest is 2 standard errors of 0.1 from 0, the limit is 1.96.
    assert f"Brier {settled.brier_sign:.2f} on 3 settled orders" in score_lines(settled)["REGISTERED"][0]
    for card in (card_of((("monitor", 0.05), ("audit", 0.0))), card_of(ROWS, rules=("log", "crps"))):
        line = score_lines(card)["REGISTERED"][0]
        assert "Brier" not in line and f"CRPS {card.crps:.2f} SMD" in line


def test_hours_say_what_nobody_tried_and_that_no_order_mattered_where_nothing_works():
    lines = score_lines(card_of(tried=(("audit", False, 4.0),)))
    assert lines["HOURS first deployment"] == (
        "None of audit works: every order costs the same.",
        "Spent, by the log: 4.00 h.",
        "Nobody knows of monitor: left out of every order.",
    )
    known = score_lines(card_of(tried=(("audit", False, 4.0), ("monitor", True, 2.0))))["HOURS first deployment"]
    assert known[0].startswith("Works: monitor. Lost before the first of them: ")
    assert "as it was tried 4.00 h" in known[0] and known[1:] == ("Spent, by the log: 6.00 h.",)


CURVE = "A calibration curve means something from 10 resolved predictions on, a claim of skill from 20."
SKILL = "A claim of skill means something from 20 resolved predictions on."


@pytest.mark.parametrize(
    ("resolved", "said"),
    [
        (1, ("One result is one draw: it says hardly anything about who forecasts well. Its pairs hang together.", CURVE)),
        (2, ("2 results, as many draws; the pairs of one result hang together.", CURVE)),
        (9, ("9 results, as many draws; the pairs of one result hang together.", CURVE)),
        (10, ("10 results, as many draws; the pairs of one result hang together.", SKILL)),
        (19, ("19 results, as many draws; the pairs of one result hang together.", SKILL)),
        (20, ("20 results, as many draws; the pairs of one result hang together.",)),
    ],
)  # fmt: skip
def test_how_little_so_many_results_say_is_said(resolved, said):
    card = card_of(ROWS).model_copy(update={"n_resolved": resolved})
    assert score_lines(card)["MIND"] == said


def test_nothing_resolved_leaves_nothing_to_mind_but_that():
    card = card_of(tried=(("audit", False, 4.0),))
    lines = score_lines(card)
    assert lines["MIND"] == ("Nothing is resolved: there is nothing to score.",)
    assert "REGISTERED" not in lines and "IN PLAIN WORDS" not in lines


def test_a_baseline_that_was_compared_by_no_score_has_no_sentence():
    card = card_of(ROWS)
    assert [line.split(":")[0] for line in plain_words(card)] == [
        f"The registered prior and {name}" for name in ("the coin", "face value", "random effects", "the reference prior")
    ]  # fmt: skip
    left = tuple(c for c in card.comparisons if c.baseline != "face_value")
    words = plain_words(card.model_copy(update={"comparisons": left}))
    assert len(words) == 3 and not any("face value" in line for line in words)


# Two registrations, and many

GROUP = GroupShare(
    group="novelty", a="0.5", b="0.02", shapley=0.18, shapley_se=0.0, alone_from_a=0.18, alone_from_b=0.17,
    pairs_from_a=0.1,
)  # fmt: skip
STUDY = BridgingStudy(technique="monitor", comparator="none", place="jailbreak", se_smd=0.1, hours=None, closer=0.05)
NO_STUDY = (
    "No single study is expected to bring them a point closer: they would read its result alike, from where they stand."
)


def disagreement(**changes):
    values = {
        "question": "tiny-question", "a": A, "b": B, "authors_a": ("Ada",), "authors_b": ("Eve",),
        "first_a": {"monitor": 0.6, "audit": 0.4}, "first_b": {"monitor": 0.4, "audit": 0.6}, "disagreement": 0.2,
        "mean_p_difference": 0.1, "error": 0.02, "groups": (GROUP,), "crux": "novelty", "crux_share": 0.9,
        "fits": 2, "refits": 0, "studies": (STUDY,), "checks": {}, "ok": True,
    }  # fmt: skip
    return lines_of(disagreement_page(Disagreement.model_validate(values | changes)))


def test_the_crux_is_named_with_its_share_and_what_each_holds():
    lines = disagreement()
    assert lines["CRUX"] == ("novelty: it accounts for 90 % of the disagreement. A holds 0.5; B holds 0.02.",)
    assert disagreement(crux_share=1.0)["CRUX"][0].startswith("novelty: it accounts for all of the disagreement.")
    assert lines["GROUPS"] == (
        "novelty: 18.00 of 20.00 points; swapped alone, A comes 18.00 closer, B 17.00",
    )  # fmt: skip


def test_equal_assumptions_are_no_crux_and_show_no_groups_or_studies():
    lines = disagreement(groups=(), crux=None, crux_share=None, studies=(), disagreement=0.0)
    assert lines["CRUX"] == ("They hold the same assumptions and have read the same.",)
    assert "GROUPS" not in lines and "WOULD MOVE BOTH" not in lines


def test_a_disagreement_below_the_error_of_the_engine_has_no_crux():
    lines = disagreement(crux=None, crux_share=None, studies=(), disagreement=0.01)
    said = "None: they differ in 1 group, but about the ranking by no more than the engine's own error (2 %)."
    assert lines["CRUX"] == (said,)
    assert len(lines["GROUPS"]) == 1


def test_studies_that_would_bring_nobody_closer_are_called_that():
    one = "monitor against none at jailbreak, standard error 0.1 SMD (hours not stated): 5.00 points closer, expected"
    assert disagreement()["WOULD MOVE BOTH"] == (one,)
    # 0.99 of a point and 1 point: the limit is one point of 100.
    small = STUDY.model_copy(update={"closer": 0.0099, "hours": 8.5})
    lines = disagreement(studies=(small, small))["WOULD MOVE BOTH"]
    assert len(lines) == 3 and lines[2] == NO_STUDY
    assert "(8.50 h): 0.99 points closer" in lines[0]
    assert NO_STUDY not in disagreement(studies=(small, STUDY.model_copy(update={"closer": 0.01})))["WOULD MOVE BOTH"]


def pooled(pairs):
    pair = PooledPair(
        technique="monitor", comparator="audit", p=(0.6, 0.8), p_linear=0.7, p_log=0.71,
        linear={"q10": -0.1, "q90": 0.5}, log={"q10": 0.0, "q90": 0.4},
    )  # fmt: skip
    scenario = PooledScenario(
        target="first deployment", pairs=(pair,) * pairs, ranking_linear=("monitor", "audit"),
        ranking_log=("monitor", "audit"),
    )  # fmt: skip
    who = tuple(Reviewer(hash=h, authors=(n,), weight=0.5, questions=0) for h, n in ((A, "Ada"), (B, "Eve")))
    pool = Pool(question="tiny-question", reviewers=who, weights_are="equal", scenarios=(scenario,))
    return lines_of(pool_page(pool))["AT first deployment"]


def test_a_pool_of_many_pairs_shows_twelve_and_counts_the_others():
    assert pooled(12)[2:] == (pooled(1)[2],) * 12, "two lines of rankings, then every pair"
    assert pooled(15)[2:] == (*(pooled(1)[2],) * 12, "… and 3 more pairs")
    assert pooled(1)[2] == (
        "monitor ahead of audit: 60, 80 in 100; linear 70, logarithmic 71; difference -0.10 to 0.50 SMD"
        " (80 %, equal-tailed, linear)"
    )


# Verifications and lists


def verified(**changes):
    values = {
        "status": "intact", "hash": A, "registration": "frozen", "entry": 2, "entry_sha256": B, "entries": 4,
        "siblings": Siblings(total=0, open=0), "same_machine": True, "recomputed": None, "fingerprint_max_diff": None,
    }  # fmt: skip
    found = Verification.model_validate(values | changes)
    return lines_of(verification_page(found, registrations.small_registration()))


def test_an_amended_registration_is_still_what_was_believed_then():
    assert verified()["BYTES"][1] == "Status: frozen."
    later = "A later revision has taken its place; it is still what was believed then."
    assert verified(registration="amended")["BYTES"][1] == later


def test_many_deviations_are_counted_after_the_first_forty():
    deviations = tuple(Deviation(field=f"findings.f{i}.k", registered="12", found="13") for i in range(43))
    lines = verified(status="deviates", deviations=deviations, compared=("data",))["DEVIATIONS"]
    assert lines[39:] == ("findings.f39.k: registered 12; found 13", "… and 3 more")
    assert len(verified(status="deviates", deviations=deviations[:40])["DEVIATIONS"]) == 40


def test_the_prior_of_an_analysis_is_shown_where_it_was_compared():
    match = PrintMatch(numbers=25, max_diff=0.25, max_errors=9.0, worst="tau: q50", exact=False, ok=False)
    lines = verified(deviations=(), compared=("seed",), analysis=B, analysis_print=match)
    assert lines["ANALYSIS"] == (
        f"result {B[:12]}…; compared: seed",
        "Its prior: 25 numbers, largest difference 2.5e-01, at most 9.0 standard errors (allowed 4) at tau: q50: NOT the"
        " registered prior.",
    )
    silent = verified(deviations=(), compared=("seed",), analysis=B)
    assert silent["ANALYSIS"] == (f"result {B[:12]}…; compared: seed",)
    assert silent["DEVIATIONS"] == ("None in the 1 field compared.",)
    assert verified()["ANALYSIS"] == ("None given: nothing was compared with `--analysis RESULT`.",)


def test_an_empty_registry_says_how_to_begin():
    said = "no registrations yet: `evidence prereg new FILE.prereg.toml` writes a draft"
    assert list(listed_lines([], 0, "0" * 64)) == [said]


def confirmed(pairs):
    """What `freeze` shows at a terminal of a registration with so many pairs, the asked one the last of them."""
    belief = registrations.small_registration().beliefs[0]
    asked = next(c for c in belief.contrasts if (c.technique, c.comparator) == ("monitor", "audit"))
    turned = asked.model_copy(update={"technique": "audit", "comparator": "monitor", "p_above": 0.25})
    others = (
        asked.model_copy(update={"comparator": f"t{i}", "p_above": 0.5 + (-1) ** i * i / 100}) for i in range(1, pairs)
    )
    belief = belief.model_copy(update={"contrasts": (*others, turned)})
    return confirmation_lines(registrations.variant(beliefs=(belief,)))


def test_the_pair_that_is_asked_for_comes_first_from_its_side_then_those_that_lean_most():
    lines = [line.partition(" of 100 worlds")[0].strip() for line in confirmed(12)]
    assert lines == [
        "At first deployment, as the engine holds it:",
        "monitor ahead of audit in 75",
        *("t11 ahead of monitor in 61", "monitor ahead of t10 in 60", "t9 ahead of monitor in 59"),
        *("monitor ahead of t8 in 58", "t7 ahead of monitor in 57", "monitor ahead of t6 in 56"),
        "t5 ahead of monitor in 55",
        "… and 4 more pairs",
    ]
    assert len(confirmed(8)) == 9 and "more pairs" not in confirmed(8)[-1]
