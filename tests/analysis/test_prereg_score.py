"""Scoring by hand: contrasts, their errors, and hours, on the small registration."""

import numpy as np
import pytest
from scipy import stats

import registrations
from evidence.analysis.prereg_score import belief_about, score_registration
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
