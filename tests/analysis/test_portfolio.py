"""Portfolios: greedy against every subset, studies that tell the same, and terms of a proposal in closed form."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import cases
import proposing
from evidence.analysis.knowing import value_of_knowing
from evidence.analysis.portfolio import fund, greedy_portfolio
from evidence.analysis.terms import mean_of, p_in_time, share_known
from evidence.analysis.value import Asking
from evidence.analysis.value_curves import turning
from evidence.domain.errors import BadInput
from evidence.domain.proposals import Automation, Channels, Cost, Crunch
from evidence.domain.value import CurvePoint
from evidence.inference.exact import ExactEngine
from evidence.inference.foresight import foresee

CRUNCH = Crunch(months_away_80=(6, 24), check_hours=2, ship_failure_hours=9, all_fail_hours=15)
BASE = cases.base_of(settings=["s"], techniques=["A", "B"])
MODEL = cases.point_model(rho=0.8, tau=1.1, tau_P=0.9)
ASKING = Asking(ExactEngine(round_size=512), foresee)


def coverage(sets, values):
    """A worth that is the value of everything covered: submodular, so that the bound holds."""
    return lambda chosen: sum(values[i] for i in set().union(*(sets[name] for name in chosen)))


@pytest.mark.parametrize("seed", range(40))
def test_the_greedy_portfolio_is_within_its_bound_of_the_largest_and_in_budget(seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 5, 12)
    sets = {n: set(rng.choice(12, rng.integers(1, 6), replace=False).tolist()) for n in "abcdef"}
    costs = {n: float(c) for n, c in zip("abcdef", rng.uniform(1, 6, 6), strict=True)}
    worth, budget = coverage(sets, values), 10.0
    found = greedy_portfolio(costs, budget, worth)
    assert sum(costs[n] for n in found) <= budget
    # Brute force: every subset that the budget allows.
    subsets = (s for k in range(7) for s in itertools.combinations("abcdef", k) if sum(costs[n] for n in s) <= budget)
    largest = max(worth(frozenset(s)) for s in subsets)
    assert largest * (1 - 1 / math.e) / 2 - 1e-9 <= worth(frozenset(found)) <= largest + 1e-9


def test_what_adds_nothing_is_left():
    assert greedy_portfolio({"a": 1.0, "b": 1.0}, 5.0, lambda s: 3.0 if s else 0.0) == ("b",)
    assert greedy_portfolio({"a": 1.0}, 0.5, lambda s: 3.0 * len(s)) == ()


def study(name, technique, **more):
    more.setdefault("cost", Cost(researcher_hours_80=(1, 1)))
    return proposing.proposal(proposing.finding(technique, "none", "s", se_smd=0.3), id=name, crunch=CRUNCH, **more)


def test_two_studies_of_the_same_tell_less_than_two_of_different_techniques():
    asked = [(p, BASE, MODEL) for p in (study("first", "A"), study("again", "A"), study("other", "B"))]
    found = fund(asked, 3.0, ASKING)
    assert found.ok
    assert [f.id for f in found.chosen][:2] in (
        ["first", "other"],
        ["other", "first"],
        ["again", "other"],
        ["other", "again"],
    )
    added = [f.hours_added for f in found.chosen]
    assert added[0] >= added[1] >= added[-1] - 0.05
    assert found.hours_saved_then <= sum(found.alone[f.id] for f in found.chosen) + 0.05


def test_a_study_that_never_reaches_the_room_adds_nothing_and_coordination_brings_it_there():
    deaf = study("deaf", "A", reach=0.0)
    spread = proposing.proposal(
        id="spread",
        kind="coordination",
        reach=0.0,
        reach_after=1.0,
        crunch=CRUNCH,
        cost=Cost(researcher_hours_80=(1, 1)),
    )
    asked = [(p, BASE, MODEL) for p in (deaf, spread)]
    found = fund(asked, 2.0, ASKING)
    assert found.alone["deaf"] == 0.0
    assert found.chosen == ()  # nothing is known yet, so spreading alone adds nothing either, and greedy stops
    certain = fund([(study("heard", "A", reach=1.0), BASE, MODEL)], 2.0, ASKING)
    assert certain.hours_saved_then > 0.2


def test_different_crunches_on_one_base_are_refused():
    other = study("b", "B").model_copy(update={"crunch": CRUNCH.model_copy(update={"check_hours": 3.0})})
    with pytest.raises(BadInput, match="another crunch"):
        fund([(study("a", "A"), BASE, MODEL), (other, BASE, MODEL)], 5.0, ASKING)
    with pytest.raises(BadInput, match="different names"):
        fund([(study("a", "A"), BASE, MODEL)] * 2, 5.0, ASKING)


def test_terms_of_a_proposal_have_closed_forms():
    assert mean_of((-2.0, 6.0)) == 2.0
    # A log-normal with 10 % and 90 % quantiles 4 and 9 (scipy).
    spread = math.log(9 / 4) / 2 / stats.norm.ppf(0.9)
    law = stats.lognorm(spread, scale=6.0)
    assert law.ppf([0.1, 0.9]) == pytest.approx([4, 9])
    assert mean_of((4.0, 9.0)) == pytest.approx(law.mean())
    late = study("a", "A", cost=Cost(researcher_hours_80=(1, 2), months_until_known=9))
    when = stats.lognorm(math.log(24 / 6) / 2 / stats.norm.ppf(0.9), scale=12.0)
    assert p_in_time(late) == pytest.approx(when.sf(9))
    automated = late.model_copy(update={"automation": Automation(probability_automated_before=0.25), "reach": 0.4})
    assert share_known(automated) == pytest.approx(0.4 * when.sf(9) * 0.75)
    assert Automation(speed_up=5, share_lost_to_integration=0.25).hours_per_hour == pytest.approx(0.75 / 5 + 0.25)
    assert Channels().people_hours_80 == (0.0, 0.0)


def test_a_curve_turns_where_it_falls_below_nothing_for_good():
    def curve(*hours, error=0.01):
        return tuple(CurvePoint(at=float(i), hours=h, monte_carlo_se=error) for i, h in enumerate(hours))

    assert turning(curve(0.0, 1.0, 0.5, -0.5, -2.0)) == pytest.approx(2.5)
    assert turning(curve(0.0, -0.1, 1.0, 0.5)) is None
    assert turning(curve(0.0, 1.0, -0.5, 0.2)) is None
    assert turning(curve(0.0, 1.0, -0.5, error=0.4)) is None
    assert turning(curve(0.0, -1.0, -2.0)) == pytest.approx(0.0)


def test_knowing_what_decides_is_worth_its_closed_form_and_knowing_noise_nothing():
    # Two options: 0 hours, or x hours with x ~ N(1, 1) known per draw and noise on top: E max(0, -x) saved by knowing x.
    rng = np.random.default_rng(3)
    x, noise = rng.normal(1, 1, 4000), rng.normal(0, 2, (4000, 4))
    draw = np.repeat(np.arange(4000), 4)
    hours = np.column_stack([np.zeros(16_000), (x[:, None] + noise).ravel()])
    found = value_of_knowing(x, [(hours, 0)], draw=draw, seed=1)
    assert found.hours == pytest.approx(stats.norm.pdf(1) - stats.norm.cdf(-1), abs=0.03)
    nothing = value_of_knowing(rng.normal(size=4000), [(hours, 0)], draw=draw, seed=1)
    assert nothing.hours <= 3 * nothing.mcse + 0.005
    assert value_of_knowing(np.ones(4000), [(hours, 0)], draw=draw, seed=1).hours == 0.0
