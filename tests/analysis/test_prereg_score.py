"""Scoring by hand: contrasts, their errors, and hours, on the small registration."""

import numpy as np
import pytest
from scipy import stats

import registrations
from evidence.analysis.prereg_score import Updated, belief_about, score_registration
from evidence.domain.records import Outcome
from evidence.domain.scorecard import Annulment, Resolution, Tried, TryLog

HASH = "a" * 64
BASELINE_VAR = 0.004


def resolution(rows, **more):
    outcomes = tuple(
        Outcome(
            target="first deployment", technique=t, estimate_smd=y, se_smd=se, baseline_var_smd=BASELINE_VAR, where="t"
        )
        for t, y, se in rows
    )
    return Resolution(
        format="evidence-prereg-resolution/1", registration=HASH, by="Bo", source="s", utc="2031-01-01T00:00:00Z",
        outcomes=outcomes, **more,
    )  # fmt: skip


def score(*resolutions, registration=None, **more):
    numbered = [(f"{i:064d}", r) for i, r in enumerate(resolutions)]
    return score_registration(registration or registrations.small_registration(), HASH, numbered, **more)


ROWS = [("monitor", 0.9, 0.1), ("audit", 0.2, 0.15)]
PAIRS = {("none", "monitor"): (-0.9, 0.1), ("none", "audit"): (-0.2, 0.15), ("monitor", "audit"): (0.7, None)}


def by_hand(se):
    """Mean log density of the three contrasts under the frozen components: scipy 1.18."""
    belief = registrations.small_registration().beliefs[0]
    total = []
    for c in belief.contrasts:
        y, error = PAIRS[c.technique, c.comparator]
        sd = np.hypot(c.sd, error if error is not None else se)
        total.append(np.log(stats.norm.pdf(y, c.mean, sd).mean()))
    return np.mean(total)


def test_contrasts_of_one_run_do_not_count_the_baseline_twice():
    se = np.sqrt(0.1**2 + 0.15**2 - 2 * BASELINE_VAR)
    assert score(resolution(ROWS)).log_score == pytest.approx(by_hand(se), abs=1e-12)


def test_an_unknown_part_of_the_baseline_is_said():
    first = resolution(ROWS)
    unknown = first.model_copy(
        update={"outcomes": tuple(o.model_copy(update={"baseline_var_smd": None}) for o in first.outcomes)}
    )
    card = score(unknown)
    assert card.log_score == pytest.approx(by_hand(np.hypot(0.1, 0.15)), abs=1e-12)
    assert card.notes
    assert "not known" in card.notes[0]


def test_a_belief_frozen_the_other_way_round_is_turned():
    rows = registrations.small_registration().beliefs[0].contrasts
    as_is = belief_about(rows, [("monitor", "audit")])
    turned = belief_about(rows, [("audit", "monitor")])
    assert np.allclose(turned.mean, -as_is.mean)
    assert np.allclose(turned.sd, as_is.sd)
    assert not np.allclose(as_is.mean, 0)


def test_results_that_come_in_parts_score_as_if_they_had_come_at_once():
    parts = score(resolution(ROWS[:1]), resolution(ROWS[1:]))
    whole = score(resolution(ROWS))
    assert parts.registered == whole.registered
    assert parts.resolutions != whole.resolutions


def test_the_coin_and_the_reference_prior_say_one_half_of_every_order():
    card = score(resolution(ROWS))
    for name in ("coin", "reference_prior"):
        assert card.baselines[name].order_log_score == pytest.approx(np.log(0.5), abs=1e-12)
        assert card.baselines[name].brier_sign == pytest.approx(0.25, abs=1e-12)
    assert card.baselines["reference_prior"].log_score_gain == 0
    gain = card.log_score - card.baselines["reference_prior"].log_score
    assert card.registered.log_score_gain == pytest.approx(gain, abs=1e-12)


def test_only_the_frozen_rules_and_baselines_are_used():
    ours = registrations.small_registration()
    scoring = ours.scoring.model_copy(update={"rules": ("crps",), "baselines": ("coin",)})
    card = score(resolution(ROWS), registration=ours.model_copy(update={"scoring": scoring}))
    assert (card.log_score, card.brier_sign, set(card.baselines)) == (None, None, {"coin"})
    assert card.crps == score(resolution(ROWS)).crps


def test_an_unsettled_order_counts_for_no_brier_score():
    card = score(resolution([("monitor", 0.05, 0.1), ("audit", 0.0, 0.15)]))
    assert (card.brier_sign, card.registered.n_settled) == (None, 0)


def test_a_log_alone_resolves_nothing_but_gives_hours():
    log = TryLog(scenario="first deployment", tried=(Tried(technique="audit", worked=False, hours=4.0),))
    card = score(resolution([], log=log))
    assert (card.n_resolved, card.n_unresolved) == (0, 2)
    assert card.hours[0].works == ()
    assert card.hours[0].lost["registered"] is None
    assert card.hours[0].unknown == ("monitor",)
    assert card.hours[0].spent == 4.0


def test_an_annulled_prediction_is_not_scored_although_its_results_came():
    gone = (Annulment(prediction="p1", reason="the scenario did not come"),)
    card = score(resolution(ROWS, annulled=gone))
    assert (card.n_resolved, card.n_annulled, card.log_score) == (0, 1, None)


def elsewhere(first):
    """The same rows at the other scenario."""
    rows = tuple(o.model_copy(update={"target": "slow change"}) for o in first.outcomes)
    return first.model_copy(update={"outcomes": rows})


def readers(card):
    return {c.prediction: {r.reader for r in c.readers} for c in card.predictions}


def test_an_earlier_revision_is_a_baseline_only_where_it_spoke_of_the_scenario():
    ours = registrations.small_registration()
    earlier = registrations.variant(beliefs=ours.beliefs[:1])
    card = score(resolution(ROWS), elsewhere(resolution(ROWS)), previous=earlier)
    found = readers(card)
    assert "previous_revision" in found["p1"]
    assert "previous_revision" not in found["p2"]
    assert {"registered", "coin"} <= found["p2"]
    # Unchanged in the one scenario, so equal there.
    assert card.baselines["previous_revision"].log_score == card.predictions[0].readers[0].log_score


def test_an_earlier_revision_is_no_baseline_where_it_did_not_hold_every_pair_that_came():
    first = registrations.small_registration().beliefs[0]
    two = tuple(c for c in first.contrasts if "audit" not in {c.technique, c.comparator})
    earlier = registrations.variant(beliefs=(first.model_copy(update={"contrasts": two}),))
    assert "previous_revision" in readers(score(resolution(ROWS[:1]), previous=earlier))["p1"]
    assert "previous_revision" not in readers(score(resolution(ROWS), previous=earlier))["p1"]


def test_the_coin_is_asked_only_where_it_was_registered():
    ours = registrations.small_registration()
    scoring = ours.scoring.model_copy(update={"baselines": ("reference_prior", "face_value")})
    card = score(resolution(ROWS), registration=ours.model_copy(update={"scoring": scoring}))
    assert set(card.baselines) == {"reference_prior", "face_value"}
    assert {c.baseline for c in card.comparisons} == {"reference_prior", "face_value"}
    assert card.registered == score(resolution(ROWS)).registered


def stated(p, *, without=()):
    """An analysis that states P alone, p[a][b] = P(a above b)."""
    table = {a: {b: x for b, x in row.items() if (a, b) not in without} for a, row in p.items()}
    return Updated("b" * 64, ("first deployment",), p_above=table)


P_ABOVE = {"none": {"monitor": 0.2, "audit": 0.4}, "monitor": {"none": 0.8, "audit": 0.75}}


def test_an_analysis_is_scored_on_what_it_says_of_the_pairs_that_came():
    card = score(resolution(ROWS), updated=stated(P_ABOVE))
    # monitor above none, audit above none, monitor above audit.
    assert card.updated.order_log_score == pytest.approx(np.log([0.8, 0.6, 0.75]).mean(), abs=1e-12)
    assert (card.updated.log_score, card.updated_from) == (None, "b" * 64)


def test_an_analysis_that_leaves_out_a_pair_that_came_is_not_scored():
    silent = stated(P_ABOVE, without={("monitor", "audit")})
    card = score(resolution(ROWS), updated=silent)
    assert (card.updated, card.updated_from) == (None, "b" * 64), "whose it was is still said"
    assert card.registered == score(resolution(ROWS)).registered
    assert score(resolution(ROWS[:1]), updated=silent).updated is not None, "of this pair it speaks"


def test_a_fit_that_leaves_out_a_pair_that_came_is_not_scored():
    one = np.array([1.0])
    beliefs = {("none", "monitor"): (one, one * -0.9, one * 0.3)}
    fit = Updated("b" * 64, ("first deployment",), beliefs=beliefs)
    assert score(resolution(ROWS), updated=fit).updated is None
    found = score(resolution(ROWS[:1]), updated=fit).updated
    # The observed contrast is the belief's own mean: a normal density at its centre.
    assert found.log_score == pytest.approx(stats.norm.logpdf(0, 0, np.hypot(0.3, 0.1)), abs=1e-12)


def test_an_analysis_of_another_scenario_is_not_scored_here():
    fit = Updated("b" * 64, ("slow change",), p_above=P_ABOVE)
    assert score(resolution(ROWS), updated=fit).updated is None
    assert score(elsewhere(resolution(ROWS)), updated=fit).updated is not None
