"""Sliders: where priors have them, what caps them, what they say, and what all of them do."""

import math

import numpy as np
import pytest
from scipy import stats

import cases
from evidence.analysis.live import prepare_live
from evidence.analysis.sliders import measure_strip, measure_tornado, p_at, read_back, sliders_of
from evidence.inference.exact import ExactEngine
from evidence.model.reach import highest_validity

FINDINGS = (
    cases.effect("f1", "A", "none", 0.8, 0.25, study="j1", at="s1"),
    cases.effect("f2", "B", "none", 0.2, 0.25, study="j1", at="s1"),
    cases.order("f3", "A", "B", 0.8, study="j3", at="s2"),
)
BASE = cases.base_of(*FINDINGS, settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2")), novelty=0.5)


@pytest.fixture(scope="module")
def live():
    quick = ExactEngine(min_rounds=1, round_size=1024)
    return prepare_live(BASE, cases.spread_model(), engine=ExactEngine(), quick=quick, pair=("A", "B"))


@pytest.fixture(scope="module")
def sliders(live):
    return {s.key: s for s in sliders_of(live.case)}


def test_every_family_with_a_finding_has_its_validity_and_the_priors_in_use_have_theirs(live, sliders):
    assert {"validity.F1", "validity.F2", "novelty.target", "prior.tau"} <= sliders.keys()
    for slider in sliders.values():
        assert slider.lo <= slider.registered <= slider.hi
        assert slider.q10 <= slider.registered <= slider.q90 or slider.capped_by
        name = slider.key.partition(".")[2]
        if slider.key.startswith("prior."):
            assert live.case.hyper.active[live.case.hyper.names.index(name)]


def test_a_validity_reaches_as_far_as_the_check_lets_it_and_says_so(live, sliders):
    top = highest_validity(live.case.hyper, live.case.design.settings.index("s1"))
    slider = sliders["validity.F1"]
    assert slider.hi == pytest.approx(math.floor(100 * top) / 100)
    assert f"{slider.hi:.2f}" in slider.capped_by
    assert p_at(live, (f"validity.F1={slider.hi:g}",)) is not None


def test_registered_values_are_the_medians_of_the_priors(live, sliders):
    law = live.case.model.priors["tau"]
    assert law.dist == "HalfNormal"
    assert sliders["prior.tau"].registered == pytest.approx(stats.halfnorm(scale=law.scale).median(), rel=1e-3)
    assert sliders["prior.tau"].q90 == pytest.approx(stats.halfnorm(scale=law.scale).ppf(0.9), rel=1e-3)


def test_positions_are_whole_steps_within_the_slider(sliders):
    slider = sliders["validity.F1"]
    assert slider.at(-1) == slider.lo
    assert slider.at(99) == slider.hi
    assert slider.at(0.123) == pytest.approx(0.12)
    assert (slider.place(slider.lo), slider.place(slider.hi), slider.place(99)) == (0, 1, 1)


def test_a_validity_reads_as_the_arcsine_law_and_as_runs_at_the_target(live, sliders):
    text = read_back(live.case, sliders["validity.F1"], 0.5)
    tau = sliders["prior.tau"].registered
    runs = live.case.base.question.target_run_se**2 / tau**2 * (1 / (1 - 0.25) - 1)
    # 50 + 100 asin(.5) / pi = 66.7 (Sheppard's arcsine law); precision gained by correlation .5 with an endless sample.
    assert "kept in 67 of 100" in text
    assert f"at most {runs:.2f} of one target run" in text
    assert "any number" in read_back(live.case, sliders["validity.F1"], 1.0)


def test_the_tornado_has_the_answers_of_the_slider_at_both_ends_largest_first(live, sliders):
    bars = measure_tornado(live, list(sliders.values()), ())
    assert {bar.key for bar in bars} == sliders.keys()
    sizes = [abs(bar.p_hi - bar.p_lo) for bar in bars]
    assert sizes == sorted(sizes, reverse=True)
    bar = next(b for b in bars if b.key == "prior.tau_P")
    assert bar.p_lo == live.move((f"prior.tau_P={bar.lo:.6g}",)).p
    assert bar.p_hi == live.move((f"prior.tau_P={bar.hi:.6g}",)).p


def test_the_strip_is_a_grid_of_answers_and_no_validity_leaves_the_prior(live, sliders):
    first, second = sliders["validity.F1"], sliders["validity.F2"]
    strip = measure_strip(live, first, second, ())
    assert np.shape(strip.p) == (len(strip.second_values), len(strip.first_values))
    # Two proxies without any validity say nothing of the order at the target, whatever they found.
    assert strip.p[0][0] == pytest.approx(0.5, abs=0.01)
    assert strip.p[0][-1] > 0.55


def test_settings_that_cannot_be_have_no_answer(live):
    assert p_at(live, ("validity.F1=0.99",)) is None
