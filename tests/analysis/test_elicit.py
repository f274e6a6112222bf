"""`evidence elicit` without files: what was said, what the model holds of it, and what the engine says of that."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import cases
from evidence.analysis.calibrate import LEARNED, MOVED, base_rates
from evidence.analysis.elicit_merit import MeritStatement, elicit_merit, registered
from evidence.analysis.elicit_order import elicit_order
from evidence.analysis.elicit_validity import ValidityStatement, elicit_validity
from evidence.analysis.fitting import with_beliefs
from evidence.analysis.validity_check import find_ruled_out
from evidence.domain.elicitation import StatedPair
from evidence.domain.errors import BadInput
from evidence.domain.records import RegisteredMerit, RegisteredOrder
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

BASE = cases.base_of(settings=["s"], techniques=("A", "B", "C", "D"), novelty=0.5)
SPREAD = cases.spread_model()
GAP = 0.5
"""Of the only setting on the only dimension."""


def validity(*, rho=None, in_100=None, base=BASE, model=SPREAD, **more):
    more.setdefault("calibrated", SPREAD)
    return elicit_validity(base, model, family="F", statement=ValidityStatement(rho, in_100), **more)


def order(*pairs, form="merits", model=SPREAD):
    stated = [StatedPair(technique=a, comparator=b, p=p) for a, b, p in pairs]
    return elicit_order(BASE, model, stated, typed=["typed"], form=form, sure=0.8)


def engine_posterior(model):
    """The exact engine's draws before any finding, with the model's registered beliefs."""
    base = with_beliefs(BASE, model)
    design = build_design(base)
    return ExactEngine().fit(design, build_hyper(base, model, design), Evidence(mask=np.ones(0)), seed=1)


def estimate(posterior, values):
    """Average of (M,) values over the draws, and its Monte Carlo standard error."""
    average = posterior.weights @ values
    return average, math.sqrt(np.sum((posterior.weights * (values - average)) ** 2))


# Validity


def test_an_interval_in_100_is_one_of_rho_by_the_closed_form():
    found = validity(in_100="55..65")
    # rho = sin(pi (p - 1/2)), monotone, so that quantiles stay quantiles; SciPy's Beta has them
    lo, hi = math.sin(math.pi * 0.05), math.sin(math.pi * 0.15)
    assert (found.family.stated_rho_lo, found.family.stated_rho_hi) == (round(lo, 4), round(hi, 4))
    np.testing.assert_allclose(stats.beta(found.law.a, found.law.b).ppf([0.1, 0.9]), [lo, hi], atol=1e-4)
    assert found.said.rho_q50 == pytest.approx(stats.beta(found.law.a, found.law.b).median(), abs=1e-9)
    assert found.said.order_kept_in_100_q10 == pytest.approx(55, abs=0.01)
    assert found.said.order_kept_in_100_q90 == pytest.approx(65, abs=0.01)
    assert found.set_option == "validity.F=0.1564..0.454"


def test_a_point_keeps_the_order_as_often_as_stated():
    found = validity(in_100="60")
    assert found.law.value == round(math.sin(math.pi * 0.1), 4)
    assert found.said.order_kept_in_100_mean == pytest.approx(60, abs=0.01)


def test_what_caps_a_validity_is_told_apart():
    # Closed form at point hyperparameters: the cap is v exp(-w_d gap - w_0 n), the same in every draw
    v, w_d, w_0 = 0.9, 0.4, 1.2
    klass = SPREAD.classes["proxy"].model_copy(update={"construct_noise": cases.prior("Point", value=v)})
    points = {"w_d": cases.prior("Point", value=w_d), "w_0": cases.prior("Point", value=w_0)}
    model = cases.spread_model(**points).model_copy(update={"classes": {"proxy": klass}})
    found = validity(rho="0.3", model=model)
    gaps, novelty = math.exp(-w_d * GAP), math.exp(-w_0 * 0.5)
    assert found.highest_rho == pytest.approx(v * gaps * novelty)
    assert found.highest_rho_without["novelty"] == pytest.approx(v * gaps)
    assert found.highest_rho_without["gaps"] == pytest.approx(v * novelty)
    assert found.highest_rho_without["construct_noise"] == pytest.approx(gaps * novelty)
    assert found.accepted
    assert (found.ruled_out, found.held.rho_q50) == (0.0, pytest.approx(0.3))
    refused = validity(rho="0.5", model=model)
    assert (refused.accepted, refused.ruled_out, refused.held) == (False, 1.0, None)


def test_check_takes_exactly_what_is_called_accepted():
    seen = set()
    for rho in ("0.3..0.6", "0.5..0.8", "0.8..0.95", "0.9"):
        found = validity(rho=rho)
        base = BASE.model_copy(update={"families": (found.family,)})
        problems = find_ruled_out(base, SPREAD)
        assert found.accepted is (not problems)
        if problems:
            assert f"at most {found.highest_rho:.2f}" in problems[0].wanted
        seen.add(found.accepted)
    assert seen == {True, False}


def test_what_is_left_of_a_statement_is_its_law_where_the_cap_leaves_room():
    # Rejection from independent SciPy draws: rho is kept where it is below v exp(-w_d gap - w_0 n)
    found = validity(rho="0.3..0.7")
    rng = np.random.default_rng(5)
    n = 200_000
    cap = rng.beta(18, 2, n) * np.exp(-np.abs(rng.normal(0, 0.7, n)) * GAP - np.abs(rng.normal(0, 1.5, n)) * 0.5)
    rho = rng.beta(found.law.a, found.law.b, n)
    kept = rho[rho <= cap]
    # 4,096 draws of the model's own: errors of about .008 in the share and .01 in the quantiles
    assert found.ruled_out == pytest.approx(1 - len(kept) / n, abs=0.03)
    expected = np.quantile(kept, [0.1, 0.5, 0.9])
    np.testing.assert_allclose([found.held.rho_q10, found.held.rho_q50, found.held.rho_q90], expected, atol=0.03)
    assert found.held.rho_q50 < found.said.rho_q50


def test_endless_studies_of_a_proxy_are_worth_what_their_validity_leaves():
    # Closed form: run^2 / tau^2 (1 / (1 - rho^2) - 1), target runs of standard error 1
    found = validity(rho="0.35", model=cases.spread_model(tau=cases.prior("Point", value=2)))
    assert found.worth_target_runs == pytest.approx(0.35**2 / (1 - 0.35**2) / 4, rel=1e-9)
    everything = cases.point_model(rho=1.0)
    assert validity(rho="1", model=everything).worth_target_runs is None


def test_base_rates_are_those_of_the_calibration_and_say_what_they_rest_on():
    klass = SPREAD.classes["proxy"]
    other = klass.model_copy(update={"relevance": cases.prior("Beta", a=2, b=5), "claim": "Guess." + MOVED})
    classes = {"proxy": klass.model_copy(update={"claim": "Chat." + LEARNED}), "other": other}
    calibrated = SPREAD.model_copy(update={"classes": classes, "id": "calibrated"})
    rates = {r.target: r for r in base_rates(calibrated, (), 3) if r.proxy == "proxy"}
    found = validity(rho="0.2", calibrated=calibrated, seed=3)
    assert {r.target: r.order_kept_in_100 for r in found.base_rates} == {
        t: r.order_kept_in_100 for t, r in rates.items()
    }
    assert len(rates) == 3
    assert (found.base_rates_model, found.base_rates_are_opinion) == ("calibrated", False)
    seen_as_other = validity(rho="0.2", model=calibrated, calibrated=calibrated, validity_class="other")
    assert seen_as_other.base_rates_are_opinion
    assert seen_as_other.family.validity_class == "other"
    assert validity(rho="0.2", calibrated=cases.spread_model().model_copy(update={"classes": {}})).base_rates == ()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ({"in_100": "49"}, "numbers from 50"),
        ({"in_100": "60..101"}, "numbers from 50"),
        ({"in_100": "50..60"}, "inside (0, 1)"),
        ({"rho": "-0.1"}, "a negative validity cannot be stated"),
        ({"rho": "0.2..1.2"}, "numbers from 0 to 1"),
        ({"rho": "0.5..1"}, "inside (0, 1)"),
        ({"rho": "0.5..0.4"}, "the lower end first"),
        ({"rho": "a lot"}, "80 % interval"),
        ({"rho": "0.2", "target": "scenarios"}, "one target"),
    ],
)
def test_what_is_no_validity_is_refused(statement, says):
    with pytest.raises(BadInput) as error:
        validity(**statement)
    assert says in str(error.value)


def test_another_familys_statement_that_is_ruled_out_is_not_hidden():
    sure = BASE.families[0].model_copy(
        update={"id": "G", "stated_at": "t", "stated_rho_lo": 0.99, "stated_rho_hi": 0.99}
    )
    base = BASE.model_copy(
        update={"families": (*BASE.families, sure), "settings": (*BASE.settings, cases.setting("t", "G"))}
    )
    with pytest.raises(BadInput, match="G"):
        validity(rho="0.2", base=base)


# Merit


def test_a_merit_is_read_back_as_said_and_as_held():
    found = elicit_merit(BASE, SPREAD, technique="B", statement=MeritStatement("-0.2..1"))
    law = stats.norm(found.merit.mean, found.merit.sd)
    np.testing.assert_allclose(law.ppf([0.1, 0.9]), [-0.2, 1], atol=1e-4)  # rounded to four decimals
    assert found.said.works == pytest.approx(law.sf(0.1))
    assert found.said.worse == pytest.approx(law.cdf(0))
    assert found.said.beyond == pytest.approx(law.sf(2) + law.cdf(-2), abs=1e-9)
    tau, sd = stats.halfnorm(scale=1.0), found.merit.sd
    assert found.left_out == pytest.approx(tau.cdf(sd), abs=1e-6)
    # Adaptive quadrature over tau: the statement above its sd, the prior below
    works = tau.sf(sd) * law.sf(0.1) + integrate.quad(lambda t: tau.pdf(t) * stats.norm(0, t).sf(0.1), 0, sd)[0]
    assert found.held.works == pytest.approx(works, abs=1e-6)
    before = integrate.quad(lambda t: tau.pdf(t) * stats.norm(0, t).sf(0.1), 0, 12)[0]
    assert found.before.works == pytest.approx(before, abs=1e-6)
    assert found.before.worse == pytest.approx(0.5)
    assert found.others_worked == pytest.approx(before, abs=1e-6)
    assert found.others_work > found.others_worked


def test_the_engine_holds_of_a_merit_what_the_page_says():
    found = elicit_merit(BASE, SPREAD, technique="B", statement=MeritStatement(in_100=80, by=0.5))
    posterior = engine_posterior(registered(SPREAD, [found.merit], []))
    for technique, said in (("B", found.held.works), ("C", found.others_work)):
        k = posterior.techniques.index(technique)
        sd = np.sqrt(posterior.cov[:, k, k])
        works, error = estimate(posterior, special.ndtr((posterior.mean[:, k] - 0.1) / sd))
        assert abs(works - said) < 4 * error


def test_a_merit_takes_the_place_of_the_techniques_earlier_one():
    old = RegisteredMerit(technique="B", mean=1, sd=0.1, claim="before")
    other = RegisteredMerit(technique="C", mean=0.4, sd=0.3, claim="stays")
    model = SPREAD.model_copy(update={"merits": (old, other)})
    found = elicit_merit(BASE, model, technique="B", statement=MeritStatement("0..1"), claim="why")
    assert found.replaces == old
    assert found.merit.claim == "why"
    new = registered(model, [found.merit], [])
    assert new.merits == (other, found.merit)
    assert new.id == "spread-elicited"
    again = registered(new, [old], [])
    assert (again.id, again.merits, again.provenance) == (new.id, (other, old), new.provenance)
    # The other merit speaks through the shared part: a technique nobody spoke of is no longer at one half.
    assert found.before.worse < 0.5


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (MeritStatement("0.5"), "certainty"),
        (MeritStatement("0..0.0001"), "standard deviation"),
        (MeritStatement("0..1e6"), "within ±100 SMD"),
        (MeritStatement(in_100=80), "--by: found nothing"),
        (MeritStatement(in_100=80, by=0), "--by: found 0"),
        (MeritStatement(in_100=80, by=math.nan), "--by: found nan"),
        (MeritStatement(in_100=0, by=1), "--better-in-100: found 0"),
        (MeritStatement(in_100=math.nan, by=1), "--better-in-100: found nan"),
    ],
)
def test_what_is_no_law_of_a_merit_is_refused(statement, says):
    with pytest.raises(BadInput) as error:
        elicit_merit(BASE, SPREAD, technique="B", statement=statement)
    assert says in str(error.value)


ORDERS = SPREAD.model_copy(update={"orders": (RegisteredOrder(technique="A", comparator="B", q=0.7, claim="c"),)})
MERITS = SPREAD.model_copy(update={"merits": (RegisteredMerit(technique="A", mean=0, sd=0.3, claim="c"),)})


def test_merits_and_orders_are_not_registered_beside_each_other():
    with pytest.raises(BadInput, match="without registered orders"):
        elicit_merit(BASE, ORDERS, technique="B", statement=MeritStatement("0..1"))
    with pytest.raises(BadInput, match="without registered orders"):
        order(("A", "B", 0.6), model=ORDERS)
    with pytest.raises(BadInput, match="without registered merits"):
        order(("A", "B", 0.6), model=MERITS, form="orders")
    assert order(("A", "B", 0.6), model=ORDERS, form="orders").replaced == 1
    assert order(("A", "B", 0.6), model=MERITS).replaced == 1


# Order


@pytest.mark.parametrize("form", ["merits", "orders"])
def test_the_engine_holds_of_an_order_what_the_page_says(form):
    found = order(("A", "B", 0.75), ("B", "C", 0.6), form=form)
    assert len(found.merits) == (3 if form == "merits" else 0)
    assert len(found.orders) == (0 if form == "merits" else 2)
    posterior = engine_posterior(registered(SPREAD, found.merits, found.orders))
    place = posterior.techniques.index
    for pair in found.pairs:
        held, error = estimate(posterior, posterior.above(place(pair.technique), place(pair.comparator)))
        assert abs(held - pair.held) < 4 * error
        if pair.stated is not None:
            assert pair.held == pytest.approx(pair.stated, abs=0.005)
    for technique in found.techniques:
        k = place(technique.technique)
        works, error = estimate(posterior, special.ndtr((posterior.mean[:, k] - 0.1) / np.sqrt(posterior.cov[:, k, k])))
        assert abs(works - technique.works) < 4 * error
    assert [t.technique for t in found.techniques] == ["A", "B", "C"]


def test_with_a_known_spread_registered_merits_hold_pairs_by_thurstones_closed_form():
    model = cases.point_model(tau=1.0)
    found = order(("A", "B", 0.7), ("C", "B", 0.4), model=model)
    by = {m.technique: m for m in found.merits}
    for pair in found.pairs:
        a, b = by[pair.technique], by[pair.comparator]
        # Phi((m1 - m2) / sqrt(s1^2 + s2^2)): merits are independent where r = 0
        assert pair.held == pytest.approx(stats.norm.cdf((a.mean - b.mean) / math.hypot(a.sd, b.sd)), abs=1e-9)


def test_a_ranking_held_for_certain_has_the_sizes_of_order_statistics():
    model = cases.point_model(tau=2.0)
    found = order(("A", "B", 1.0), ("B", "C", 1.0), form="orders", model=model)
    # Closed form: the largest of three standard normals is 3 / (2 sqrt(pi)) on average
    assert found.techniques[0].mean == pytest.approx(2 * 1.5 / math.sqrt(math.pi), abs=1e-9)
    assert [o.q for o in found.orders] == [1, 1]
    assert [t.expected_rank for t in found.techniques] == [1, 2, 3]
    with pytest.raises(BadInput, match="below 100"):
        order(("A", "B", 1.0), model=model)
    with pytest.raises(BadInput, match="circle"):
        order(("A", "B", 1.0), ("B", "C", 1.0), ("C", "A", 1.0), form="orders", model=model)


def test_a_pair_stated_below_one_half_is_registered_the_other_way_round():
    (registered_order,) = order(("A", "B", 0.3), form="orders").orders
    assert (registered_order.technique, registered_order.comparator, registered_order.q) == ("B", "A", 0.7)
    low, high = order(("A", "B", 0.3)).merits
    assert low.mean == pytest.approx(-high.mean)
    assert low.mean < 0


def test_what_was_assumed_of_a_bare_ranking_stands_in_its_claim():
    bare = StatedPair(technique="A", comparator="B", p=0.8, by_default=True)
    found = elicit_order(BASE, SPREAD, [bare], typed=["A > B"], form="orders", sure=0.8)
    assert found.orders[0].claim == "Elicited: A > B (neighbours in 80 of 100)."
    assert order(("A", "B", 0.6), form="orders").orders[0].claim == "Elicited: typed."


def test_a_circle_is_told_with_what_it_costs():
    found = order(("A", "B", 0.7), ("B", "C", 0.7), ("C", "A", 0.7), form="orders")
    start = found.circle.index("A")
    assert (*found.circle[start:], *found.circle[:start]) == ("A", "B", "C")
    assert not found.can_all_hold
    # Closed form: of three in a circle at most two hold in any order, so no more than 2/3 each
    assert all(p.held < 2 / 3 for p in found.pairs)
    assert found.worst_misfit == pytest.approx(0.7 - min(p.held for p in found.pairs))
    near = order(("A", "B", 0.6), ("B", "C", 0.6), ("C", "A", 0.6), form="orders")
    assert near.can_all_hold
    assert near.circle
    assert order(("A", "B", 0.6), ("B", "C", 0.6)).circle == ()


def test_models_whose_merits_have_no_spread_of_their_own_are_refused():
    ties = SPREAD.parametrisation.model_copy(update={"kind": "random-effects"})
    with pytest.raises(BadInput, match="tau"):
        order(("A", "B", 0.6), model=SPREAD.model_copy(update={"parametrisation": ties}))


@pytest.mark.parametrize(
    ("in_100", "by", "says"), [(1e-15, 0.5, "from 0.001 to 99.999"), (0.002, 100.0, "within 100 SMD")]
)
def test_a_statement_whose_law_nobody_could_mean_is_refused(in_100, by, says):
    with pytest.raises(BadInput, match=says):
        MeritStatement(None, in_100, by).normal()
