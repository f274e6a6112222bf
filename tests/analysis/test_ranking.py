"""A ranking with every hyperparameter at a point: merits are independent normals, and each number has a closed form."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import cases
from evidence.analysis.draws import draw_merits
from evidence.analysis.ranking import RANK_DRAWS, fit_ranking
from evidence.inference.engine import Posterior
from evidence.inference.exact import ExactEngine

RHO, TAU, TAU_P = 0.8, 0.9, 1.1
FINDINGS = {"A": (0.5, 0.3, "j1"), "B": (1.4, 0.5, "j2"), "C": (-0.3, 0.2, "j3")}
BASE = cases.base_of(*(cases.effect(f"f{t}", t, "none", y, se, study=j) for t, (y, se, j) in FINDINGS.items()))


def merit(technique):
    """Law of the merit (docs/model.md, section 5)."""
    y, se, _ = FINDINGS[technique]
    total = TAU_P**2 + se**2
    return stats.norm(RHO * TAU * TAU_P * y / total, TAU * math.sqrt(1 - RHO**2 * TAU_P**2 / total))


@pytest.fixture(scope="module")
def ranking():
    return fit_ranking(BASE, cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P), engine=ExactEngine()).ranking


def test_every_pair_has_its_p_in_both_directions(ranking):
    for a, b in itertools.permutations("ABC", 2):
        first, second = merit(a), merit(b)
        expected = stats.norm.cdf((first.mean() - second.mean()) / math.hypot(first.std(), second.std()))
        assert ranking.p_above[a][b] == pytest.approx(expected, abs=1e-9), (a, b)
    for t in "ABC":
        assert ranking.p_above[t]["none"] == pytest.approx(merit(t).sf(0), abs=1e-9)
        assert ranking.p_above["none"][t] == pytest.approx(merit(t).cdf(0), abs=1e-9)


def test_techniques_come_highest_first_with_the_quantiles_of_their_merits(ranking):
    assert [t.id for t in ranking.techniques] == ["B", "A", "none", "C"]
    for found in ranking.techniques:
        if found.id == "none":
            assert (found.merit_mean, found.merit_sd) == (0, 0)
            continue
        law = merit(found.id)
        assert (found.merit_mean, found.merit_sd) == pytest.approx((law.mean(), law.std()), abs=1e-9)
        quantiles = (found.merit_q05, found.merit_q50, found.merit_q95)
        assert quantiles == pytest.approx(law.ppf([0.05, 0.5, 0.95]), abs=1e-9)


def test_ranks_and_chances_are_those_of_independent_normals(ranking):
    def four_errors(p):
        return 4 * math.sqrt(p * (1 - p) / RANK_DRAWS)

    def p_first(t):
        others = [merit(u) for u in "ABC" if u != t]
        return integrate.quad(lambda x: merit(t).pdf(x) * math.prod(law.cdf(x) for law in others), 0, 8)[0]

    for found in ranking.techniques:
        if found.id == "none":
            continue
        works = merit(found.id).sf(BASE.question.smallest_difference)
        assert found.p_works == pytest.approx(works, abs=four_errors(works))
        assert found.p_best == pytest.approx(p_first(found.id), abs=four_errors(p_first(found.id)))
        rank = 1 + sum(ranking.p_above[u][found.id] for u in ranking.p_above if u != found.id)
        assert found.expected_rank == pytest.approx(rank, abs=4 * 1.5 / math.sqrt(RANK_DRAWS))  # ranks 1 to 4


def test_a_study_shifts_the_merits_by_what_it_alone_says(ranking):
    # Without its only finding a technique has its prior again; the others do not move.
    for technique, (_, _, study) in FINDINGS.items():
        law = merit(technique)
        ratio = law.var() / TAU**2
        bits = 0.5 * (ratio + law.mean() ** 2 / TAU**2 - 1 - math.log(ratio)) / math.log(2)
        found = next(s for s in ranking.studies if s.id == study)
        assert found.shift_bits == pytest.approx(bits, abs=1e-9)
    assert [s.shift_bits for s in ranking.studies] == sorted((s.shift_bits for s in ranking.studies), reverse=True)


def test_drawn_merits_have_the_weighted_moments_of_the_posterior():
    rng = np.random.default_rng(0)
    mean, cov = np.zeros((2, 3)), np.zeros((2, 3, 3))
    mean[:, 1:] = [[1.0, -0.5], [-2.0, 0.3]]
    cov[:, 1:, 1:] = [[[0.5, 0.3], [0.3, 0.4]], [[2.0, -0.9], [-0.9, 1.0]]]
    weights, n = np.array([0.8, 0.2]), 200_000
    posterior = Posterior(
        techniques=("none", "A", "B"), names=("tau",), coordinates=rng.normal(size=(2, 1)), hyper=np.ones((2, 1)),
        weights=weights, log_likelihood=np.zeros(2), mean=mean, cov=cov, rho=np.ones((2, 1)),
    )  # fmt: skip
    found = draw_merits(posterior, n, seed=1)
    average = weights @ mean
    second = np.einsum("m,mij->ij", weights, cov + mean[:, :, None] * mean[:, None, :])
    np.testing.assert_allclose(found.mean(axis=0), average, atol=4 * 2 / math.sqrt(n))
    np.testing.assert_allclose(found.T @ found / n, second, atol=4 * 6 / math.sqrt(n))


def test_a_study_that_carries_nearly_all_is_weighed_by_a_fit_without_it():
    """Far from the other findings: reweighting cannot take it out, and a base without it is an independent answer."""
    loud = [
        cases.effect(f"g{i}", "AB"[i % 2], "none", 4.0, 0.02, study="loud", at="s", shared_comparator=False)
        for i in range(12)
    ]
    quiet = [cases.effect("f1", "A", "none", 0.1, 0.1, at="s"), cases.effect("f2", "B", "none", 0.0, 0.1, at="s2")]
    base = cases.base_of(*quiet, *loud, settings=[cases.setting("s"), cases.setting("s2", "G")])
    rest = base.model_copy(update={"findings": tuple(quiet), "studies": base.studies[:1]})
    model = cases.spread_model()
    whole, alone = (fit_ranking(b, model, engine=ExactEngine()).ranking for b in (base, rest))
    shift = next(s for s in whole.studies if s.id == "loud")
    assert shift.ok
    first = {t.id: t.p_best for t in alone.techniques}
    wanted = 0.5 * sum(abs(t.p_best - first[t.id]) for t in whole.techniques)
    # Two fits, each P known to .0025, and 5,000 draws of merits.
    assert shift.p_top_changes == pytest.approx(wanted, abs=0.03)


def test_the_decisions_are_those_of_independent_normals(ranking):
    c, q = BASE.question.smallest_difference, BASE.question
    works = {t: merit(t).sf(c) for t in FINDINGS}
    # Closed form: independent trials of equal hours are tried by probability, B first.
    assert [step.technique for step in ranking.try_order] == ["B", "A", "C"]
    assert ranking.try_order_factor == 1
    assert ranking.hours_not_stated == ("A", "B", "C")
    fails = [1 - works[t] for t in ("B", "A", "C")]
    hours = 1 + fails[0] + fails[0] * fails[1] + q.failure_cost_hours * math.prod(fails)
    assert ranking.try_order_hours == pytest.approx(hours, abs=4 * q.failure_cost_hours / math.sqrt(RANK_DRAWS))
    check = ranking.verify_or_ship
    assert (check.technique, check.decision) == ("B", "check")
    assert check.p_fails == pytest.approx(1 - works["B"], abs=4 * 0.5 / math.sqrt(RANK_DRAWS))
    assert check.ship_hours == pytest.approx(check.p_fails * q.failure_cost_hours)
    assert check.ship_below == q.check_hours / q.failure_cost_hours


def test_a_stack_works_less_the_more_its_layers_share(ranking):
    stack = ranking.stack
    assert stack.layers == ("B", "A", "C")
    assert stack.shared_parts == (0.0, 0.3, 0.6)
    assert list(stack.p_works) == sorted(stack.p_works, reverse=True)
    # At r = 0 the layers are independent.
    fails = math.prod(merit(t).cdf(BASE.question.smallest_difference) for t in FINDINGS)
    assert stack.p_works[0] == pytest.approx(1 - fails, abs=4 * 0.5 / math.sqrt(RANK_DRAWS))


def test_other_stakes_change_the_decisions_and_nothing_else():
    from evidence.analysis.ranking import decided_under

    fitted = fit_ranking(BASE, cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P), engine=ExactEngine())
    question = fitted.case.base.question
    stakes = {
        "smallest_difference": question.smallest_difference, "check_hours": question.check_hours,
        "failure_cost_hours": question.failure_cost_hours,
    }  # fmt: skip
    assert decided_under(fitted, **stakes) == fitted.ranking
    far = decided_under(fitted, **{**stakes, "smallest_difference": 1.0})
    assert far.p_above == fitted.ranking.p_above
    surest = far.verify_or_ship
    assert surest.technique == "B"
    p = merit("B").cdf(1.0)
    assert surest.p_fails == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / RANK_DRAWS))
    free = decided_under(fitted, **{**stakes, "check_hours": 1e6})
    assert free.verify_or_ship.decision == "ship"
