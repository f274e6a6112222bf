"""The cheapest try order against every permutation, and verify or ship against the example of docs/model.md."""

import numpy as np
import pytest
from scipy import stats

import oracles
from evidence.model.decisions import (
    MOST_EXACT,
    cheapest_order,
    fail_probabilities,
    greedy_orders,
    hours_of_orders,
    hours_of_reliance,
    least_hours,
    plan_tries,
    verify_or_ship,
)
from evidence.model.ranks import expected_hours_of, greedy_try_order


def some_tries(seed, n_techniques, n_draws=60):
    rng = np.random.default_rng(seed)
    works = rng.random((n_draws, n_techniques)) < rng.uniform(0.05, 0.6, n_techniques)
    return works, rng.uniform(0.5, 8, n_techniques), rng.random(n_draws)


def test_a_set_fails_where_all_of_it_fail():
    works, _, weights = some_tries(1, 5)
    found = fail_probabilities(works, weights)
    for held in range(32):
        members = [t for t in range(5) if held >> t & 1]
        assert found[held] == pytest.approx(weights @ (~works[:, members]).all(axis=1) / weights.sum(), abs=1e-12)


@pytest.mark.parametrize(("seed", "n"), [(s, n) for n in (1, 2, 3, 5, 6) for s in range(8)] + [(1, 7), (2, 8)])
def test_the_dynamic_programme_finds_what_trying_every_order_finds(seed, n):
    # Independent: every permutation, tried draw by draw (tests/oracles.py).
    works, hours, weights = some_tries(seed, n, n_draws=12 if n > 6 else 40)
    order, spent = cheapest_order(fail_probabilities(works, weights), hours)
    wanted = oracles.fewest_hours(works.tolist(), hours, loss=0.0, weights=weights.tolist())
    assert spent == pytest.approx(wanted, rel=1e-12)
    assert sorted(order) == list(range(n))
    assert expected_hours_of(order, works, hours, 0.0, weights=weights) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_the_greedy_order_costs_at_most_four_times_the_cheapest_and_never_less(seed):
    works, hours, weights = some_tries(seed, 10, n_draws=400)
    cheapest = cheapest_order(fail_probabilities(works, weights), hours)[1]
    greedy = expected_hours_of(greedy_try_order(works, hours, weights=weights), works, hours, 0.0, weights=weights)
    assert cheapest * (1 - 1e-12) <= greedy <= 4 * cheapest


def test_more_techniques_than_can_be_compared_get_a_greedy_order_and_its_factor():
    works, hours, weights = some_tries(3, MOST_EXACT + 1)
    plan = plan_tries(works, hours, 20.0, weights=weights)
    assert plan.order == greedy_try_order(works, hours, weights=weights)
    assert plan.factor == 4
    assert plan_tries(works[:, :MOST_EXACT], hours[:MOST_EXACT], 20.0).factor == 1


def test_hours_per_draw_average_to_those_of_the_order():
    works, hours, weights = some_tries(4, 5)
    orders = [(0, 1, 2, 3, 4), (4, 2, 0, 1, 3)]
    spent = weights @ hours_of_orders(orders, works, hours, 30.0) / weights.sum()
    for k, order in enumerate(orders):
        assert spent[k] == pytest.approx(expected_hours_of(order, works, hours, 30.0, weights=weights), rel=1e-12)


def test_nobody_spends_less_than_who_knows_what_works():
    works, hours, _ = some_tries(5, 4)
    least = least_hours(works, hours, 7.0)
    orders = [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)]
    assert (least[:, None] <= hours_of_orders(orders, works, hours, 7.0) + 1e-12).all()
    alone = works.sum(axis=1) == 1
    assert least[alone] == pytest.approx((works * hours).sum(axis=1)[alone])
    assert least[~works.any(axis=1)] == pytest.approx(hours.sum() + 7.0)


def test_the_example_of_the_model_checks_and_face_value_ships():
    # docs/model.md, section 7: tau = tau_P = 1, rho .3, y 3, se .15, check 1 h, failure 20 h. The warranted law is
    # the identity of section 5; the face-value reader holds N(y, se^2).
    rho, y, se = 0.3, 3.0, 0.15
    total = 1 + se**2
    p_fail = stats.norm.cdf(0, rho * y / total, np.sqrt(1 - rho**2 / total))
    assert p_fail == pytest.approx(0.178, abs=5e-4)
    calibrated = verify_or_ship(np.array([p_fail]), 1.0, 20.0)
    assert calibrated.technique is None
    assert calibrated.hours == pytest.approx(1.00)
    at_face_value = verify_or_ship(np.array([stats.norm.cdf(0, y, se)]), 1.0, 20.0)
    assert at_face_value.technique == 0
    assert p_fail * 20 == pytest.approx(3.57, abs=0.005)


def test_relying_costs_a_failure_where_the_technique_fails_and_a_check_always():
    works = np.array([[True, False], [False, False]])
    assert hours_of_reliance(works, 2.0, 10.0).tolist() == [[0.0, 10.0, 2.0], [10.0, 10.0, 2.0]]
    assert verify_or_ship(np.array([0.5, 0.1]), 2.0, 10.0).technique == 1


@pytest.mark.parametrize("seed", range(3))
def test_greedy_orders_are_those_of_each_belief_alone(seed):
    works, hours, _ = some_tries(seed, 5)
    beliefs = np.random.default_rng(seed + 100).random((4, len(works)))
    wanted = [greedy_try_order(works, hours, weights=weights) for weights in beliefs]
    np.testing.assert_array_equal(greedy_orders(works, hours, beliefs), wanted)
