"""A review with every hyperparameter at a point: each of its numbers in closed form (docs/model.md, sections 5 and 6)."""

import math
from pathlib import Path

import pytest
from scipy import stats

import cases
import oracles
from evidence.analysis.options import Options
from evidence.analysis.review import prepare_whole, review_study
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model

FACE_VALUE = load_model(Path(__file__).parents[2] / "models" / "face-value.toml")
RHO, TAU, TAU_P = 0.6, 0.8, 1.2
Y, SE, Y2, SE2 = 0.7, 0.3, -0.9, 0.4
RUN_SE = 0.5
BASE = cases.base_of(
    cases.effect("f1", "A", "none", Y, SE, study="j1"), cases.effect("f2", "A", "none", Y2, SE2, study="j2")
)
BASE = BASE.model_copy(update={"question": BASE.question.model_copy(update={"target_run_se": RUN_SE})})


@pytest.fixture(scope="module")
def review():
    whole = prepare_whole(
        BASE, cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P), engine=ExactEngine(),
        options=Options(belief=0.9, readers={"face_value": FACE_VALUE}),
    )  # fmt: skip
    return review_study(whole, "j1")


def merit(y, se, rho=RHO):
    """Mean and variance of the merit given one finding."""
    total = TAU_P**2 + se**2
    return rho * TAU * TAU_P * y / total, TAU**2 * (1 - rho**2 * TAU_P**2 / total)


def p_of(mean, variance):
    return stats.norm.cdf(mean / math.sqrt(variance))


def pooled():
    """The mean of both findings by inverse variance, and its standard error."""
    weights = SE**-2, SE2**-2
    return (weights[0] * Y + weights[1] * Y2) / sum(weights), sum(weights) ** -0.5


def test_before_warranted_ceiling_and_face_value(review):
    assert review.p_prior == pytest.approx(0.5, abs=1e-12)
    assert review.p_post == pytest.approx(p_of(*merit(Y, SE)), abs=1e-9)
    assert review.p_ceiling == pytest.approx(p_of(*merit(Y, 0)), abs=1e-6)
    assert review.p_face_value == pytest.approx(stats.norm.cdf(Y / SE), abs=1e-6)
    assert review.discount == pytest.approx(merit(Y, SE)[0] / Y, abs=1e-6)
    assert review.reversals_per_100 == round(100 * (1 - review.p_post))


def test_in_context_all_but_this_then_all(review):
    # Two findings of one setting with v = 1 are one finding at their pooled mean.
    found = review.in_context
    assert found.p_without == pytest.approx(p_of(*merit(Y2, SE2)), abs=1e-9)
    assert found.p_with == pytest.approx(p_of(*merit(*pooled())), abs=1e-9)
    mean, se = pooled()
    assert found.p_face_value_with == pytest.approx(stats.norm.cdf(mean / se), abs=1e-6)


def test_what_limits_the_shift(review):
    left = merit(Y, SE)[1]
    sample, proxy = (1 - v / left for v in (merit(Y, 0)[1], merit(Y, SE, rho=1)[1]))
    expected = {"sample": sample, "proxy": proxy, "same_setting": sample, "prior": 0}
    assert review.limits == pytest.approx(expected, abs=1e-6)
    assert review.target_equivalent_n == pytest.approx(RUN_SE**2 * (1 / left - 1 / TAU**2), abs=1e-9)


def test_beliefs_against_the_warranted_one(review):
    p = review.p_post
    assert review.p_break_even == pytest.approx(oracles.break_even_by_bracketing(p, 0.5), abs=1e-9)
    assert review.shift_ratio == pytest.approx(math.log(9) / math.log(p / (1 - p)), rel=1e-9)
    scores = {name: oracles.expected_log_score(b, p) for name, b in (("warranted", p), ("belief", 0.9))}
    found = {name: review.value_of_reading_nats[name] for name in scores}
    assert found == pytest.approx({k: v - math.log(0.5) for k, v in scores.items()}, abs=1e-9)
    assert review.over_update_bits["belief"] == pytest.approx(
        (scores["warranted"] - scores["belief"]) / math.log(2), abs=1e-9
    )


def test_the_contrast_is_drawn_at_its_quantiles(review):
    mean, variance = merit(Y, SE)
    law = stats.norm(mean, math.sqrt(variance))
    found = [review.contrast[name] for name in ("q10", "q50", "q90")]
    assert found == pytest.approx(law.ppf([0.1, 0.5, 0.9]), abs=1e-9)
    assert review.contrast["proxy"] == pytest.approx(Y)
