"""Every reader of a bridge against a computation from the bridge's own numbers, with NumPy and SciPy alone."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

import bridges
import cases
from evidence.analysis.fitting import prepare_case
from evidence.analysis.readers import (
    READERS,
    Summaries,
    _best_single,
    _nearest,
    _size,
    pairs_of,
    prior_belief,
    proxy_readers,
    summarise,
    warranted,
)
from evidence.domain.records import Target
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.model.contrasts import log_odds_parts

ASKED = ("none", "A", "B", "C", "D")
PAIRS = list(itertools.combinations(ASKED, 2))
PLACES = ("arms", "contrasts", "rates", "lone")
SCALE = 0.5
LEVELS = ("arms", "rates")


def measured():
    """{(setting, a, b): (a minus b, se)} of every pair a setting measures, in closed form.

    Arms: differences of independent samples. Contrasts with one baseline sample, whose variance is the smallest
    comparator share, half of the smallest se^2: it cancels between two of them (docs/model.md, section 3).
    """
    found = {}
    for (a, x), (b, y) in itertools.combinations(bridges.ARMS.items(), 2):
        found["arms", a, b] = (x[0] - y[0], math.hypot(x[1], y[1]))
    for t, (y, se) in bridges.CONTRASTS.items():
        found["contrasts", "none", t] = (-y, se)
    (ya, sa), (yb, sb) = bridges.CONTRASTS["A"], bridges.CONTRASTS["B"]
    found["contrasts", "A", "B"] = (ya - yb, math.sqrt(sa**2 + sb**2 - min(sa, sb) ** 2))
    (ka, na), (kb, nb) = bridges.RATES["A"], bridges.RATES["B"]
    log_odds = math.log(ka / (na - ka)) - math.log(kb / (nb - kb))
    variance = sum(1 / k + 1 / (n - k) for k, n in bridges.RATES.values())
    found["rates", "A", "B"] = (log_odds * bridges.TO_SMD, math.sqrt(variance) * bridges.TO_SMD)
    found["lone", "C", "D"] = bridges.C_ABOVE_D
    return found


MEASURED = measured()


def of_pair(a, b):
    """(settings,) estimates and errors of one pair."""
    rows = [MEASURED[s, a, b] for s in PLACES if (s, a, b) in MEASURED]
    return np.array([y for y, _ in rows]), np.array([se for _, se in rows])


@pytest.fixture(scope="module")
def read():
    """The case, its summaries, the belief to fall back to, and all proxy readers at `near`."""
    engine = ExactEngine()
    case = prepare_case(bridges.bridge(), cases.spread_model(), target=None, settings=(), seed=1)
    face_value = load_model(find_model("face-value"))
    summaries = summarise(case, engine, face_value, ASKED, 1)
    fallback = prior_belief(case, engine, ASKED, 1)
    return case, summaries, fallback, proxy_readers(case, summaries, "near", fallback, heterogeneity=SCALE)


def p_above(beliefs, i, se=0.0):
    return math.exp(log_odds_parts(beliefs, np.full(len(beliefs.mean), se))[0][i])


def moments(beliefs, i):
    w, m, s = beliefs.weights[i], beliefs.mean[i], beliefs.sd[i]
    return w @ m, math.sqrt(w @ (s**2 + (m - w @ m) ** 2))


def test_pairs_are_those_of_itertools():
    a, b = pairs_of(5)
    assert list(zip(a, b, strict=True)) == list(itertools.combinations(range(5), 2))


def test_a_setting_at_face_value_says_what_its_own_numbers_say(read):
    _, summaries, _, _ = read
    assert summaries.places == PLACES
    for s, place in enumerate(PLACES):
        for i, (a, b) in enumerate(PAIRS):
            wanted = MEASURED.get((place, a, b), (math.nan, math.nan))
            # The level of arms is N(0, 10^2): it pulls an arm at .9 with se .2 by .9 x .2^2 / 10^2 at most.
            assert summaries.y[s, i] == pytest.approx(wanted[0], abs=4e-4 * (place in LEVELS) + 1e-6, nan_ok=True)
            assert summaries.se[s, i] == pytest.approx(wanted[1], rel=4e-4, nan_ok=True), (place, a, b)


def test_face_value_is_the_inverse_variance_mean_and_the_discount_halves_every_z(read):
    *_, beliefs = read
    for i, pair in enumerate(PAIRS):
        y, se = of_pair(*pair)
        if not len(y):
            continue
        mean, sd = np.sum(y / se**2) / np.sum(se**-2.0), np.sum(se**-2.0) ** -0.5
        z = mean / sd
        assert moments(beliefs["face-value"], i) == (pytest.approx(mean, abs=1e-4), pytest.approx(sd, rel=4e-4))
        assert p_above(beliefs["face-value"], i) == pytest.approx(stats.norm.cdf(z), abs=2e-4)
        assert p_above(beliefs["fixed-discount"], i) == pytest.approx(stats.norm.cdf(z / 2), abs=2e-4)


def random_effects_by_quadrature(y, se):
    """P(mu > 0), P(a new setting > 0) and the sd of a new setting, by integration over mu and tau."""
    tau = np.linspace(0, 7 * SCALE, 701)
    reach = abs(y).max() + 8 * math.hypot(7 * SCALE, se.max())
    mu = np.linspace(-reach, reach, 4001)  # 0 is a point of the grid, half of it above
    log_p = sum(stats.norm.logpdf(a, mu[None], np.hypot(s, tau)[:, None]) for a, s in zip(y, se, strict=True))
    p = np.exp(log_p - log_p.max()) * stats.halfnorm.pdf(tau, scale=SCALE)[:, None]

    def total(f):
        return integrate.trapezoid(integrate.trapezoid(f, mu, axis=1), tau)

    z = total(p)
    new = stats.norm.cdf(mu[None] / np.maximum(tau, 1e-12)[:, None])
    mean = total(p * mu) / z
    return (
        total(p * (0.5 + 0.5 * np.sign(mu))) / z,
        total(p * new) / z,
        math.sqrt(total(p * ((mu - mean) ** 2 + tau[:, None] ** 2)) / z),
    )


@pytest.mark.parametrize("pair", [("A", "B"), ("none", "A"), ("C", "D")])
def test_random_effects_readers_are_those_of_quadrature_over_both_parameters(read, pair):
    *_, beliefs = read
    i = PAIRS.index(pair)
    mean_above, new_above, new_sd = random_effects_by_quadrature(*of_pair(*pair))
    # The steps of both grids cost less than 1e-3.
    assert p_above(beliefs["random-effects-mean"], i) == pytest.approx(mean_above, abs=1e-3)
    assert p_above(beliefs["random-effects-predictive"], i) == pytest.approx(new_above, abs=1e-3)
    assert moments(beliefs["random-effects-predictive"], i)[1] == pytest.approx(new_sd, rel=2e-3)
    # Robust MAP: .8 of the predictive, and .2 of N(0, 1) whose chance of both signs is one half.
    assert p_above(beliefs["robust-map"], i) == pytest.approx(0.8 * new_above + 0.1, abs=1e-3)
    m = moments(beliefs["random-effects-predictive"], i)
    wanted = 0.8 * (m[1] ** 2 + m[0] ** 2) + 0.2
    found = moments(beliefs["robust-map"], i)
    assert found[0] == pytest.approx(0.8 * m[0], rel=1e-9)
    assert found[1] ** 2 + found[0] ** 2 == pytest.approx(wanted, rel=1e-9)


def test_single_proxies_are_chosen_before_any_outcome(read):
    case, summaries, _, beliefs = read
    # `arms` measures six pairs, `contrasts` three. Distances to `near`, at 0: 1, .5, .5, 2/3; `rates` is 56B.
    assert summaries.places[_best_single(summaries)] == "arms"
    assert summaries.places[_nearest(case, summaries, "near")] == "rates"
    for name, place in (("best-single", "arms"), ("nearest", "rates")):
        for i, pair in enumerate(PAIRS):
            if (place, *pair) in MEASURED:
                y, se = MEASURED[(place, *pair)]
                assert moments(beliefs[name], i) == (pytest.approx(y, abs=4e-4), pytest.approx(se, rel=4e-4))


def test_the_best_single_proxy_has_the_least_variance_of_those_that_measure_most():
    nan = math.nan
    se = np.array([[0.1, nan, nan], [0.3, 0.3, nan], [0.2, 0.2, nan], [nan, nan, nan]])
    summaries = Summaries(("few", "wide", "narrow", "none"), np.where(np.isnan(se), nan, 1.0), se)
    assert summaries.places[_best_single(summaries)] == "narrow"


def test_the_nearest_proxy_counts_unknown_gaps_at_their_mean_and_targets_where_they_stand(read):
    case, summaries, _, _ = read

    def nearest(places, target):
        n = len(places)
        return places[_nearest(case, Summaries(places, summaries.y[:n], summaries.se[:n]), target)]

    # `lone` at 2/3 (the mean of Beta(2, 1)), `arms` at 1; `far` stands at .5.
    assert nearest(("arms", "lone"), "near") == "lone"
    assert nearest(("arms", "lone", "contrasts"), "far") == "contrasts"
    # Another target's outcomes are a proxy without gaps to itself: .5 from `near`, as `contrasts` and smaller.
    assert nearest(("lone", "far"), "near") == "far"
    assert nearest(("far", "contrasts"), "near") == "contrasts"
    moved = case.base.question.model_copy(
        update={"targets": (*case.base.question.targets, Target(id="odd", coordinates={"distance": 1.0}))}
    )
    assert _nearest(_with_question(case, moved), summaries, "odd") == PLACES.index("arms")


def _with_question(case, question):
    return replace(case, base=case.base.model_copy(update={"question": question}))


def test_sizes_are_read_in_billions():
    assert [_size(s) for s in ("7B", "8x7B", " 1.5 B ", "frontier", "", "7")] == [7.0, 56.0, 1.5, 0.0, 0.0, 0.0]


def test_a_pair_measured_nowhere_is_believed_as_before(read):
    _, _, fallback, beliefs = read
    for i, (a, b) in enumerate(PAIRS):
        for name, belief in beliefs.items():
            place = {"best-single": "arms", "nearest": "rates"}.get(name)
            known = (place, a, b) in MEASURED if place else len(of_pair(a, b)[0]) > 0
            if known:
                assert p_above(belief, i) != pytest.approx(0.5, abs=1e-3), (name, a, b)
            else:
                assert p_above(belief, i) == pytest.approx(0.5, abs=1e-12), (name, a, b)
                assert moments(belief, i) == pytest.approx(moments(fallback, i), rel=1e-12), (name, a, b)


def test_the_prior_has_no_order_and_the_spread_of_the_model(read):
    _, _, fallback, _ = read
    # tau ~ HalfNormal(1) has E tau^2 = 1, r ~ Beta(2, 4) has mean 1/3, independent of tau: a merit has variance 1,
    # a difference of two 2 (1 - 1/3). Standard errors of 1,000 draws of tau^2 (sd sqrt(2)): 4.5 % of a variance.
    assert (fallback.mean == 0).all()
    assert moments(fallback, PAIRS.index(("none", "A")))[1] ** 2 == pytest.approx(1.0, abs=4 * 0.045)
    assert moments(fallback, PAIRS.index(("A", "B")))[1] ** 2 == pytest.approx(4 / 3, abs=4 * 0.065)
    assert [p_above(fallback, i) for i in range(len(PAIRS))] == pytest.approx([0.5] * len(PAIRS), abs=1e-12)


def test_warranted_is_the_closed_form_for_one_finding():
    # docs/model.md, section 5: E = rho tau tau_P y / (tau_P^2 + se^2), Var = tau^2 (1 - rho^2 tau_P^2/(tau_P^2 + se^2)).
    rho, tau, tau_P, y, se = 0.6, 1.2, 0.8, 0.9, 0.3
    base = cases.base_of(cases.effect("f", "A", "none", y, se))
    case = prepare_case(base, cases.point_model(rho=rho, tau=tau, tau_P=tau_P), target=None, settings=(), seed=1)
    posterior = ExactEngine(max_rounds=2, round_size=128).fit(case.design, case.hyper, case.everything, seed=1)
    mean, sd = moments(warranted(posterior, ("A", "none")), 0)
    part = tau_P**2 / (tau_P**2 + se**2)
    assert mean == pytest.approx(rho * tau / tau_P * part * y, rel=1e-9)
    assert sd == pytest.approx(tau * math.sqrt(1 - rho**2 * part), rel=1e-9)


def test_warranted_says_of_every_pair_what_the_engine_says(read):
    case, *_ = read
    posterior = ExactEngine(max_rounds=4).fit(case.design, case.hyper, case.everything, seed=1)
    beliefs = warranted(posterior, ASKED)
    index = {t: posterior.techniques.index(t) for t in ASKED}
    for i, (a, b) in enumerate(PAIRS):
        p = posterior.weights @ posterior.above(index[a], index[b])
        # The engine averages over w_0 by quadrature, the reader by its draws: thousands of them, .005.
        assert p_above(beliefs, i) == pytest.approx(p, abs=0.01)
        wanted = posterior.weights @ (posterior.mean[:, index[a]] - posterior.mean[:, index[b]])
        assert moments(beliefs, i)[0] == pytest.approx(wanted, abs=1e-9)


def test_every_reader_is_in_the_list(read):
    *_, beliefs = read
    assert {"warranted", "coin", *beliefs} == set(READERS)
