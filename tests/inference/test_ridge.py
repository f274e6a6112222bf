"""Straight coordinates against their definition, numeric derivatives and the total of a density."""

import numpy as np
import pytest
from scipy.special import logit

import cases
from evidence.inference.proposals import Proposal, log_prior
from evidence.inference.ridge import ridge_of
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.priors import look_up

BASE = cases.base_of(
    cases.effect("f1", "A", "none", 1.1, 0.2, study="j1", at="s1"),
    cases.effect("f2", "B", "none", 0.2, 0.3, study="j2", at="s2"),
    settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2", {"distance": "major"})),
)


@pytest.fixture(scope="module")
def ridge_and_tables():
    hyper = build_hyper(BASE, cases.spread_model(), build_design(BASE))
    found = ridge_of(hyper, hyper.active)
    assert len(found.noisy) > 0
    return found, hyper.tables[hyper.active], [n for n, on in zip(hyper.names, hyper.active, strict=True) if on]


@pytest.fixture
def x(ridge_and_tables):
    return np.random.default_rng(1).standard_normal((500, len(ridge_and_tables[2])))


def test_the_straight_coordinates_are_logarithms_of_common_part_and_noise_and_log_odds(ridge_and_tables, x):
    ridge, tables, names = ridge_and_tables
    value = dict(zip(names, look_up(np, tables, x).T, strict=True))
    straight = ridge.straighten(x)[0]
    spread = names[ridge.spread]
    own = value[spread] ** 2 * (1 - value["r"])
    v = value[names[ridge.noisy[0]]]
    np.testing.assert_allclose(straight[:, ridge.spread], np.log(own * v**2), atol=1e-10)
    np.testing.assert_allclose(straight[:, ridge.noisy[0]], np.log(value["sigma"] ** 2 + own * (1 - v**2)), atol=1e-10)
    assert [names[k] for k in ridge.relevances] == ["l[F1]", "l[F2]"]
    for k in ridge.relevances:
        np.testing.assert_allclose(straight[:, k], logit(value[names[k]]), rtol=1e-9, atol=1e-9)
    same = [k for k in range(len(names)) if k not in {ridge.spread, *ridge.noisy, *ridge.relevances}]
    np.testing.assert_array_equal(straight[:, same], x[:, same])


def test_bending_undoes_straightening(ridge_and_tables, x):
    ridge = ridge_and_tables[0]
    back = ridge.bend(ridge.straighten(x)[0])
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_the_volume_is_the_determinant_of_the_slope(ridge_and_tables, x):
    ridge = ridge_and_tables[0]
    log_volume = ridge.straighten(x)[1]
    numeric = [np.linalg.slogdet(ridge.slope(row))[1] for row in x[:40]]
    np.testing.assert_allclose(log_volume[:40], numeric, atol=1e-3)


def test_the_density_of_a_straightened_proposal_is_that_of_its_draws(ridge_and_tables):
    """The mean of N(0, I) over the density of the proposal is 1 under its draws, whatever is out of range."""
    ridge, tables, _ = ridge_and_tables
    k = len(tables)
    proposal = Proposal(np.full(k, 0.2), 0.9 * np.eye(k), 0.2).straightened(ridge)
    x = proposal.draw(np.random.default_rng(2), 40_000)
    possible = np.isfinite(x).all(axis=1)
    ratio = np.zeros(len(x))
    ratio[possible] = np.exp(log_prior(x[possible]) - proposal.log_density(x[possible]))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(x))


def test_the_chain_rule_is_that_of_the_straight_coordinates(ridge_and_tables, x):
    ridge = ridge_and_tables[0].odds_only()
    step = 1e-3
    for row in x[:20]:
        y = ridge.straighten(row[None, :])[0][0]
        back, log_volume, stretch, slope = ridge.chain_rule(y)
        np.testing.assert_allclose(back, row, atol=1e-6)
        assert log_volume == pytest.approx(ridge.straighten(row[None, :])[1][0], abs=1e-6)
        np.testing.assert_allclose(stretch, np.diag(ridge.slope(row)), rtol=1e-3)
        sides = [ridge.straighten(ridge.bend(y + side * step * np.eye(len(y))))[1] for side in (-1, 1)]
        np.testing.assert_allclose(slope, (sides[1] - sides[0]) / (2 * step), atol=0.1)  # kinks of the table
