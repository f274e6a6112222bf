"""Draws of one prior as draws of another: against a fit under the other one, and in closed form."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from evidence.analysis.fitting import prepare_case
from evidence.analysis.reweighting import move_draws, same_likelihood, unmoved
from evidence.inference.exact import ExactEngine

SETTINGS = (
    cases.setting("s1", "F1", {"distance": "some"}), cases.setting("s2", "F1", {"distance": "major"}),
    cases.setting("s3", "F2", {"distance": "unknown"}),
)  # fmt: skip
FINDINGS = (
    cases.effect("f1", "A", "none", 0.9, 0.25, study="j1", at="s1"),
    cases.effect("f2", "B", "none", 0.1, 0.25, study="j2", at="s2"),
    cases.effect("f3", "A", "B", 0.5, 0.3, study="j3", at="s3"),
)
BASE = cases.base_of(*FINDINGS, settings=SETTINGS, novelty=0.6)
ENGINE = ExactEngine()


def case_of(*settings):
    return prepare_case(BASE, cases.spread_model(), target=None, settings=settings, seed=1)


@pytest.fixture(scope="module")
def at_hand():
    case = case_of()
    return case.hyper, ENGINE.fit(case.design, case.hyper, case.everything, seed=1, mcse_limit=0.0012)


def mean_and_error(weights, values):
    mean = weights @ values
    return mean, np.sqrt(np.sum(weights**2 * (values - mean) ** 2))


def stated_at(setting, *settings):
    """The case with the first family's validity stated at another of its settings than the first."""
    case = case_of(*settings)
    reference = case.hyper.stated_reference.copy()
    reference[case.hyper.stated] = setting
    return replace(case, hyper=replace(case.hyper, stated_reference=reference))


@pytest.mark.parametrize(
    "moved",
    [
        case_of("validity.F1=0.3"), case_of("validity.F2=0.3"), case_of("validity.F1=0.15..0.5"),
        stated_at(1, "validity.F1=0.25"), stated_at(1, "validity.F1=0.15..0.5"),
        case_of("validity.F2=0.3", "novelty.target=0.9", "prior.w_0=0.4..2", "prior.tau_P=0.4..1.5"),
    ],
    ids=["point", "unknown gap", "interval", "second setting", "interval at it", "with priors"],
)  # fmt: skip
def test_a_stated_validity_is_a_change_of_variables(at_hand, moved):
    """Relevance, w_0 and tau_P have the means of a fit under the statement; rho is what was stated."""
    old, posterior = at_hand
    new = moved.hyper
    draws = move_draws(old, new, posterior)
    assert draws is not None
    assert draws.is_exact
    assert draws.w_0 is not None
    weights = posterior.weights * np.exp(draws.log_ratio - draws.log_ratio.max())
    weights /= weights.sum()
    found = ENGINE.fit(moved.design, new, moved.everything, seed=2, mcse_limit=0.0015)
    f = int(np.flatnonzero(new.stated)[0])
    w_0 = np.where(draws.shares > 0, draws.shares * draws.w_0, 0.0).sum(axis=1)
    columns = {"l": old.slots["l"] + f, "tau_P": old.slots["tau_P"], "w_0": old.slots["w_0"]}
    for name, column in columns.items():
        ours = mean_and_error(weights, w_0 if name == "w_0" else posterior.hyper[:, column])
        theirs = mean_and_error(found.weights, found.hyper[:, column])
        assert abs(ours[0] - theirs[0]) < 4 * np.hypot(ours[1], theirs[1]), name
        assert ours[1] < 0.02, name
    # At the coordinates that a refit starts from, the engine computes the relevance that the draw has.
    some = np.flatnonzero(weights > 0)[:64]
    asked = ENGINE.evaluate(moved.design, new, moved.everything, draws.coordinates[some])
    # Construct noise and gaps are the draws' own: l = rho / (v T) is theirs to 1e-6 where the prior's tables end.
    assert np.allclose(asked.hyper[:, columns["l"]], posterior.hyper[some, columns["l"]], atol=1e-5)


@pytest.mark.parametrize(
    "settings", [("validity.F1=0.3", "validity.F2=0.3"), ("validity.F1=0",), ("validity.F1=0.3", "novelty.target=0")]
)
def test_other_statements_are_for_the_engine(at_hand, settings):
    old, posterior = at_hand
    assert move_draws(old, case_of(*settings).hyper, posterior) is None


def test_a_point_prior_is_another_likelihood(at_hand):
    old, posterior = at_hand
    draws = move_draws(old, case_of("prior.sigma=0.2", "prior.sigma_b=0.1..0.5").hyper, posterior)
    assert draws is not None
    assert not draws.is_exact
    assert np.ptp(draws.log_ratio) > 0


def test_a_moved_gap_is_another_likelihood_and_a_moved_prior_is_not(at_hand):
    old, posterior = at_hand
    assert not same_likelihood(old, case_of("gap.s1.distance=0.9").hyper)
    assert same_likelihood(old, case_of("prior.sigma_b=0.1..0.5").hyper)
    assert np.array_equal(unmoved(posterior).coordinates, posterior.coordinates)
