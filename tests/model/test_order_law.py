"""The law of orders against a sum over all permutations, closed forms and a general-purpose optimiser."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import cases
from evidence.model.order_law import (
    MAX_TECHNIQUES,
    PULL,
    PULLED_LOG_ODDS,
    fit_log_odds,
    law_of_orders,
    merits_given_ranks,
    order_statistics,
    table_of,
)

CHAIN = [(0, 1), (1, 2)]
CIRCLE = [(0, 1), (1, 2), (2, 0)]


def enumerated(log_odds):
    """P(i above j) and P(i has rank k) by listing every order."""
    n = len(log_odds)
    above, ranks, total = np.zeros((n, n)), np.zeros((n, n)), 0.0
    for order in itertools.permutations(range(n)):
        pairs = list(itertools.combinations(order, 2))
        weight = math.exp(sum(log_odds[i, j] for i, j in pairs))
        total += weight
        for i, j in pairs:
            above[i, j] += weight
        for k, i in enumerate(order):
            ranks[i, k] += weight
    return above / total, ranks / total


@pytest.mark.parametrize("n", [2, 3, 5])
def test_sums_over_sets_are_sums_over_orders(n):
    log_odds = np.random.default_rng(n).normal(size=(n, n))
    log_odds[n - 1, 0] = -np.inf
    law = law_of_orders(log_odds)
    above, ranks = enumerated(log_odds)
    np.testing.assert_allclose(law.above, above, atol=1e-12)
    np.testing.assert_allclose(law.ranks, ranks, atol=1e-12)


def test_one_statement_alone_is_registered_as_it_was_made():
    # P(statement) = q by definition, where nothing else was said
    (odds,) = fit_log_odds(2, [(0, 1)], [0.7])
    assert odds == pytest.approx(math.log(0.7 / 0.3), abs=1e-6)


def test_neighbours_of_a_chain_need_more_than_they_state():
    # Closed form of three: P(A > B) = (x^2 + 2 x) / (x^2 + 4 x + 1) with x = exp(log-odds) for both; x = 4 gives 8/11
    assert law_of_orders(table_of(3, CHAIN, np.log([4, 4]))).above[0, 1] == pytest.approx(24 / 33)
    odds = fit_log_odds(3, CHAIN, [0.8, 0.8])
    x = optimize.brentq(lambda x: (x**2 + 2 * x) / (x**2 + 4 * x + 1) - 0.8, 1, 100)
    np.testing.assert_allclose(odds, math.log(x), atol=1e-6)


def test_statements_are_held_by_the_law_nearest_to_the_prior():
    stated = [0.75, 0.4]
    law = law_of_orders(table_of(3, CHAIN, fit_log_odds(3, CHAIN, stated)))
    orders = list(itertools.permutations(range(3)))
    keeps = np.array([[o.index(i) < o.index(j) for o in orders] for i, j in CHAIN], dtype=float)
    # SciPy's SLSQP: largest entropy over the six orders with these probabilities
    found = optimize.minimize(
        lambda p: float(np.sum(p * np.log(p))), np.full(6, 1 / 6), bounds=[(1e-12, 1)] * 6, method="SLSQP",
        constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "eq", "fun": lambda p: keeps @ p - stated}],
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert found.success
    p02 = sum(p for p, o in zip(found.x, orders, strict=True) if o.index(0) < o.index(2))
    assert law.above[0, 1] == pytest.approx(0.75, abs=1e-7)
    assert law.above[1, 2] == pytest.approx(0.4, abs=1e-7)
    assert law.above[0, 2] == pytest.approx(p02, abs=1e-5)


def test_a_circle_near_one_half_can_be_held_in_different_worlds():
    # Closed form by symmetry: P = (2 x + 1) / (3 (x + 1)); P = .6 at x = 4
    np.testing.assert_allclose(fit_log_odds(3, CIRCLE, [0.6] * 3), math.log(4), atol=1e-6)


@pytest.mark.parametrize("stated", [0.7, 0.9])
def test_a_circle_that_no_law_holds_trades_misfit_for_log_odds(stated):
    odds = fit_log_odds(3, CIRCLE, [stated] * 3)
    x = math.exp(odds[0])
    held = (2 * x + 1) / (3 * (x + 1))  # closed form, below 2/3 for every x
    np.testing.assert_allclose(odds, odds[0], atol=1e-4)
    if stated == 0.7:
        assert stated - held == pytest.approx(PULL * odds[0], abs=1e-6)
    else:
        assert odds[0] == pytest.approx(PULLED_LOG_ODDS)


def test_certain_statements_hold_in_every_order_and_may_not_run_in_a_circle():
    law = law_of_orders(table_of(3, [], [], CHAIN))
    np.testing.assert_allclose(law.ranks, np.eye(3), atol=1e-15)
    assert law.above[0, 2] == 1
    with pytest.raises(ValueError, match="circle"):
        law_of_orders(table_of(3, [], [], CIRCLE))
    # Beside a certain pair another keeps the probability it was given.
    odds = fit_log_odds(3, [(1, 2)], [0.9], certain=[(0, 1)])
    assert law_of_orders(table_of(3, [(1, 2)], odds, [(0, 1)])).above[1, 2] == pytest.approx(0.9, abs=1e-6)


def test_as_many_techniques_as_are_taken_can_be_ranked():
    # Identity: a uniform law has every pair at one half and every rank at 1/n
    law = law_of_orders(np.zeros((MAX_TECHNIQUES, MAX_TECHNIQUES)))
    np.testing.assert_allclose(law.above + np.eye(MAX_TECHNIQUES) / 2, 0.5, atol=1e-9)
    np.testing.assert_allclose(law.ranks, 1 / MAX_TECHNIQUES, atol=1e-9)


def test_order_statistics_are_the_known_ones():
    # Closed forms for two and three; for five the table of Harter (1961)
    np.testing.assert_allclose(order_statistics(2)[0], [1 / math.sqrt(math.pi), -1 / math.sqrt(math.pi)], atol=1e-12)
    mean, square = order_statistics(3)
    top = 1 + math.sqrt(3) / (2 * math.pi)
    np.testing.assert_allclose(mean, [1.5 / math.sqrt(math.pi), 0, -1.5 / math.sqrt(math.pi)], atol=1e-12)
    np.testing.assert_allclose(square, [top, 3 - 2 * top, top], atol=1e-12)  # the squares sum to n
    np.testing.assert_allclose(order_statistics(5)[0][:3], [1.16296, 0.49502, 0], atol=5e-6)


def test_ranks_alone_say_what_the_larger_of_two_is():
    # Closed form: the larger of two standard normals is below x with probability Phi(x)^2, and 1/sqrt(pi) on average
    found = merits_given_ranks(np.eye(2), cases.prior("Point", value=2), cases.prior("Point", value=0), 0.2)
    assert found.mean[0] == pytest.approx(2 / math.sqrt(math.pi), abs=1e-10)
    assert found.sd[0] == pytest.approx(2 * math.sqrt(1 - 1 / math.pi), abs=1e-10)
    assert found.works[0] == pytest.approx(1 - stats.norm.cdf(0.1) ** 2, abs=1e-10)
    assert found.works[1] == pytest.approx(stats.norm.sf(0.1) ** 2, abs=1e-10)


def test_the_shared_part_is_left_as_it_was():
    # SciPy's adaptive quadrature over what is common, c, of the larger of two given c
    found = merits_given_ranks(np.eye(2), cases.prior("Point", value=1.5), cases.prior("Point", value=0.4), 0.3)

    def works_given(c):
        return 1 - stats.norm.cdf((0.3 / 1.5 - math.sqrt(0.4) * c) / math.sqrt(0.6)) ** 2

    expected = integrate.quad(lambda c: stats.norm.pdf(c) * works_given(c), -9, 9)[0]
    assert found.works[0] == pytest.approx(expected, abs=1e-8)


def test_any_rank_being_as_probable_as_another_is_the_prior():
    # Identity: N(0, tau^2) whatever r
    found = merits_given_ranks(
        np.full((4, 4), 0.25), cases.prior("Point", value=0.7), cases.prior("Beta", a=2, b=4), 0.2
    )
    np.testing.assert_allclose(found.works, stats.norm(0, 0.7).sf(0.2), atol=1e-9)
    np.testing.assert_allclose(found.mean, 0, atol=1e-12)
    np.testing.assert_allclose(found.sd, 0.7, atol=1e-9)
