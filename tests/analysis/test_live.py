"""A slider's answer is that of a full fit under the same assumptions."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

import cases
from evidence.analysis.live import prepare_live
from evidence.domain.records import Parametrisation
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.inference.program import collapse_all

FINDINGS = (
    cases.effect("f1", "A", "none", 0.8, 0.25, study="j1", at="s1"),
    cases.effect("f2", "B", "none", 0.2, 0.25, study="j1", at="s1"),
    cases.effect("f3", "A", "B", 0.3, 0.3, study="j2", at="s2"),
    cases.order("f4", "A", "B", 0.8, study="j3", at="s2"),
)
BASE = cases.base_of(*FINDINGS, settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2")), novelty=0.5)


@pytest.fixture(scope="module")
def live():
    quick = ExactEngine(min_rounds=1, round_size=1024)
    return prepare_live(BASE, cases.spread_model(), engine=ExactEngine(), quick=quick, pair=("A", "B"))


def p_of_full_fit(live, settings):
    moved = live.moved_case(settings)
    found = ExactEngine().fit(moved.design, moved.hyper, moved.everything, seed=9)
    p = found.above(*(found.techniques.index(t) for t in live.pair))
    average = found.weights @ p
    return average, np.sqrt(np.sum((found.weights * (p - average)) ** 2))


@pytest.mark.parametrize(
    ("setting", "route"),
    [
        ("prior.tau=0.3..1.5", "prior"),
        ("prior.w_0=0.5..2", "prior"),
        ("prior.w_0=0.7", "prior"),
        ("prior.tau_P=0.3..1.5", "prior"),
        ("prior.sigma_b=0.1..0.4", "prior"),
        ("irrelevance.F1=0.4", "prior"),
        ("novelty.target=0.1", "prior"),
        ("relevance.F2=0.3..0.7", "prior"),
        ("validity.F2=0.25", "prior"),
        ("prior.sigma=0.2", "likelihood"),
        ("validity.F1=0.3", "prior"),
        ("validity.F1=0.2..0.6", "prior"),
        ("gap.s1.distance=0.9", "likelihood"),
    ],
)
def test_a_moved_slider_gives_the_answer_of_a_full_fit(live, setting, route):
    answer = live.move((setting,))
    assert answer.ok
    assert answer.route == route
    expected, error = p_of_full_fit(live, (setting,))
    assert abs(answer.p - expected) < 4 * np.hypot(answer.mcse, error) + 1e-3


def test_a_reweighted_answer_is_the_integral_under_the_new_prior():
    """Only tau_P is free: likelihood and P in closed form, integrated over either prior."""
    y, se, rho = 1.0, 0.5, 0.9
    model = cases.point_model(rho=rho)
    model = model.model_copy(
        update={"priors": {**model.priors, "tau_P": cases.prior("LogNormal", median=0.2, sigma=1.2)}}
    )
    base = cases.base_of(cases.effect("f", "A", "none", y, se))
    live = prepare_live(base, model, engine=ExactEngine(), quick=ExactEngine(), pair=("A", "none"))

    def p_under(law):
        def p_given(t):
            total = t**2 + se**2
            return stats.norm.cdf(rho * t * y / total / math.sqrt(1 - rho**2 * t**2 / total))

        def weight(t):
            return law.pdf(t) * stats.norm.pdf(y, 0, math.hypot(t, se))

        pieces = [
            [integrate.quad(f, a, b)[0] for a, b in ((0, 0.05), (0.05, 0.3), (0.3, 1), (1, 30))]
            for f in (lambda t: weight(t) * p_given(t), weight)
        ]
        return sum(pieces[0]) / sum(pieces[1])

    # "lo..hi" are the 10 % and 90 % quantiles of a log-normal law
    old = stats.lognorm(1.2, scale=0.2)
    new = stats.lognorm(math.log(5) / (2 * stats.norm.ppf(0.9)), scale=math.sqrt(0.3 * 1.5))
    for settings, law in (((), old), (("prior.tau_P=0.3..1.5",), new)):
        answer = live.move(settings)
        assert answer.ok
        assert answer.route == "prior"
        assert abs(answer.p - p_under(law)) < 4 * answer.mcse


def test_sliders_and_masks_compile_nothing_new(live):
    live.move(("validity.F1=0.3",))
    before = collapse_all._cache_size()
    for i in range(50):
        live.move((f"validity.F1={0.02 + 0.008 * i:.3f}",) if i % 2 else (f"prior.sigma={0.02 * i:.2f}",))
    for i in range(20):
        mask = np.ones(len(FINDINGS))
        mask[i % 4] = 0
        live.move((), mask=mask, seed=i)
    assert collapse_all._cache_size() == before


def test_moved_gaps_compile_nothing_new(live):
    """Settings of one family are told apart by a gap and made alike by another: no array changes its shape."""
    model = cases.spread_model()
    base = cases.base_of(*FINDINGS, settings=(cases.setting("s1"), cases.setting("s2")), novelty=0.5)
    base = base.model_copy(
        update={"settings": tuple(s.model_copy(update={"outcome": s.id}) for s in base.settings)}  # alike, not the same
    )
    of_gaps = prepare_live(base, model, engine=ExactEngine(), quick=live.quick, pair=("A", "B"))
    of_gaps.move((), mask=np.array([1.0, 1.0, 1.0, 0.0]))
    before = collapse_all._cache_size()
    for gap in (0.1, 0.4, 0.9, "none", "some", "unknown"):
        of_gaps.move((f"gap.s1.distance={gap}",))
        of_gaps.move((f"gap.s2.distance={gap}", "gap.s1.distance=none"))
    assert collapse_all._cache_size() == before
    answer = of_gaps.move(("gap.s1.distance=0.9",))
    assert answer.ok
    expected, error = p_of_full_fit(of_gaps, ("gap.s1.distance=0.9",))
    assert abs(answer.p - expected) < 4 * np.hypot(answer.mcse, error) + 1e-3


def test_a_mask_beside_a_changed_prior_gives_the_answer_of_a_full_fit(live):
    mask = np.array([1.0, 1.0, 1.0, 0.0])
    for setting in ("prior.tau_P=0.3..0.8", "validity.F2=0.2..0.6"):
        answer = live.move((setting,), mask=mask)
        assert answer.ok
        assert answer.route == "likelihood"
        moved = live.moved_case((setting,))
        found = ExactEngine().fit(moved.design, moved.hyper, Evidence(mask=mask), seed=9)
        p = found.above(*(found.techniques.index(t) for t in live.pair))
        expected = found.weights @ p
        error = np.sqrt(np.sum((found.weights * (p - expected)) ** 2))
        assert abs(answer.p - expected) < 4 * np.hypot(answer.mcse, error) + 1e-3


def test_without_findings_a_pair_is_a_coin(live):
    answer = live.move((), mask=np.zeros(len(FINDINGS)))
    assert answer.p == pytest.approx(0.5, abs=1e-12)


def test_a_family_taken_out_of_its_class_leaves_the_others_free():
    """Under a shared relevance the draws hold none of the other family's own: they must be made, not reweighted."""
    shared = cases.spread_model().model_copy(update={"parametrisation": Parametrisation(relevance_per="class")})
    quick = ExactEngine(min_rounds=1, round_size=1024)
    found = prepare_live(BASE, shared, engine=ExactEngine(), quick=quick, pair=("A", "B"))
    answer = found.move(("validity.F1=0.2",))
    assert answer.route == "refit"
    expected, error = p_of_full_fit(found, ("validity.F1=0.2",))
    assert abs(answer.p - expected) < 4 * np.hypot(error, answer.mcse)
