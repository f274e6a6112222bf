import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from evidence.model.ranks import (
    expected_hours_of,
    expected_rank_of,
    greedy_try_order,
    rank_distribution,
    sucra_of,
)


def some_merits(seed, n_draws=30, n_techniques=4, *, ties=False):
    rng = np.random.default_rng(seed)
    merits = rng.integers(0, 3, (n_draws, n_techniques)) if ties else rng.normal(size=(n_draws, n_techniques))
    return merits.astype(float), rng.random(n_draws)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_rank_distribution_is_that_of_all_fitting_orderings(seed, ties):
    merits, weights = some_merits(seed, ties=ties)
    wanted = oracles.rank_distribution_by_orderings(merits.tolist(), weights.tolist())
    np.testing.assert_allclose(rank_distribution(merits, weights), wanted, atol=1e-14)


def test_without_weights_all_draws_count_the_same():
    merits, _ = some_merits(1)
    np.testing.assert_allclose(rank_distribution(merits), rank_distribution(merits, np.full(30, 7.0)), atol=1e-15)


def test_rows_and_columns_of_a_rank_distribution_sum_to_one():
    # Identity: every technique has a rank, every rank a technique.
    ranks = rank_distribution(*some_merits(2, 500, 9))
    np.testing.assert_allclose(ranks.sum(axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(ranks.sum(axis=1), 1, atol=1e-12)
    assert (ranks >= 0).all()


def test_rank_one_is_the_highest_merit():
    ranks = rank_distribution(np.array([[0.0, 3.0, -1.0]]))
    np.testing.assert_array_equal(ranks, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(expected_rank_of(ranks), [2, 1, 3])
    np.testing.assert_array_equal(sucra_of(ranks), [0.5, 1, 0])


def test_techniques_that_are_always_equal_share_every_rank():
    ranks = rank_distribution(np.zeros((5, 4)))
    np.testing.assert_allclose(ranks, 0.25)
    np.testing.assert_allclose(sucra_of(ranks), 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_sucra_is_the_mean_probability_of_being_above_another(seed):
    # Identity (Rücker and Schwarzer 2015): SUCRA = mean over the others of P(above), ties counting half.
    merits, weights = some_merits(seed, ties=seed == 2)
    above = (merits[:, :, None] > merits[:, None, :]) + 0.5 * (merits[:, :, None] == merits[:, None, :])
    p_above = np.tensordot(weights / weights.sum(), above, axes=1)
    others = (p_above.sum(axis=1) - 0.5) / (merits.shape[1] - 1)
    np.testing.assert_allclose(sucra_of(rank_distribution(merits, weights)), others, atol=1e-14)


def test_reversing_all_merits_reverses_the_ranks():
    merits, weights = some_merits(3)
    up, down = rank_distribution(merits, weights), rank_distribution(-merits, weights)
    np.testing.assert_allclose(down, up[:, ::-1], atol=1e-15)


def test_one_technique_has_no_sucra():
    with pytest.raises(ValueError, match="at least 2"):
        sucra_of(rank_distribution(np.zeros((3, 1))))


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -0.5], [np.nan, 1.0], [np.inf, 1.0]])
def test_weights_that_are_no_distribution_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        rank_distribution(np.zeros((2, 2)), np.array(weights))


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="no draws"):
        rank_distribution(np.zeros((0, 2)))


def some_tries(seed, n_techniques=5, n_draws=40):
    rng = np.random.default_rng(seed)
    works = rng.random((n_draws, n_techniques)) < rng.uniform(0.05, 0.6, n_techniques)
    return works, rng.uniform(0.5, 8, n_techniques), rng.random(n_draws), rng.uniform(0, 50)


@pytest.mark.parametrize("seed", range(20))
def test_expected_hours_are_those_of_trying_until_one_works(seed):
    works, hours, weights, loss = some_tries(seed)
    order = greedy_try_order(works, hours, weights=weights)
    wanted = oracles.hours_by_trying(order, works.tolist(), hours, loss=loss, weights=weights.tolist())
    assert expected_hours_of(order, works, hours, loss, weights=weights) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_order_is_within_a_factor_four_of_the_best(seed):
    works, hours, weights, _ = some_tries(seed)
    order = greedy_try_order(works, hours, weights=weights)
    # Loss 0 is the hardest case: a loss adds the same to every order.
    best = oracles.fewest_hours(works.tolist(), hours, loss=0.0, weights=weights.tolist())
    assert sorted(order) == list(range(5))
    assert best * (1 - 1e-12) <= expected_hours_of(order, works, hours, 0.0, weights=weights) <= 4 * best


def test_techniques_that_never_work_together_are_tried_by_probability_per_hour():
    # Closed form: for disjoint successes (one technique works per draw) the best order is by p/h (Smith's rule).
    works = np.repeat(np.eye(3, dtype=bool), [5, 3, 2], axis=0)
    hours = np.array([10.0, 2.0, 1.0])  # p/h = .05, .15, .2
    assert greedy_try_order(works, hours) == (2, 1, 0)
    # 1 + 2 x .8 + 10 x .5
    assert expected_hours_of((2, 1, 0), works, hours, 99.0) == pytest.approx(7.6)
    wanted = oracles.fewest_hours(works.tolist(), hours, loss=99.0, weights=[1.0] * 10)
    assert wanted == pytest.approx(7.6)


def test_the_next_try_counts_only_where_all_before_failed():
    # 0 works in .6 of draws, 1 in a subset of those (.5), 2 in .3 of the rest: 1 adds nothing after 0.
    works = np.zeros((10, 3), dtype=bool)
    works[:6, 0] = works[:5, 1] = works[6:9, 2] = True
    assert greedy_try_order(works, np.ones(3)) == (0, 2, 1)


def test_weights_decide_which_technique_comes_first():
    works = np.array([[True, False], [False, True]])
    assert greedy_try_order(works, np.ones(2), weights=np.array([1.0, 3.0])) == (1, 0)


def test_where_nothing_works_all_hours_and_the_loss_are_spent():
    works = np.zeros((4, 3), dtype=bool)
    assert expected_hours_of((0, 1, 2), works, np.array([1.0, 2.0, 3.0]), 20.0) == pytest.approx(26.0)


@given(seed=st.integers(0, 2**32), factor=st.floats(0.1, 10))
def test_another_unit_of_time_does_not_change_the_order(seed, factor):
    works, hours, weights, _ = some_tries(seed, n_draws=11)
    order = greedy_try_order(works, hours, weights=weights)
    other = greedy_try_order(works, hours * factor, weights=weights)
    spent, again = (expected_hours_of(o, works, hours, 0.0, weights=weights) for o in (order, other))
    assert spent == pytest.approx(again, rel=1e-12)
