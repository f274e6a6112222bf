"""What findings do to the standing of techniques, with every hyperparameter at a point: closed forms."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import cases
from evidence.analysis.conflicts import compared_pairs, find_conflicts
from evidence.analysis.estimate import Estimate
from evidence.analysis.options import Options
from evidence.analysis.review import prepare_whole, review_study
from evidence.domain.errors import BadInput
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.model.conflict import gail_simon_p

MODELS = Path(__file__).parents[2] / "models"
FACE_VALUE = load_model(MODELS / "face-value.toml")
RHO, TAU, TAU_P = 0.6, 0.8, 1.2
FOUND = {"A": (0.7, 0.3, "j1"), "B": (-0.9, 0.4, "j2")}
BASE = cases.base_of(*(cases.effect(f"f{t}", t, "none", y, se, study=j) for t, (y, se, j) in FOUND.items()))
MODEL = cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P)


def reviewed(base, *studies, model=MODEL, belief=None):
    options = Options(belief=belief, readers={"face_value": FACE_VALUE})
    return review_study(prepare_whole(base, model, engine=ExactEngine(), options=options), *studies)


def merit(technique):
    """Mean and sd of the merit given its finding; techniques are independent with r = 0 (docs/model.md, section 5)."""
    y, se, _ = FOUND[technique]
    total = TAU_P**2 + se**2
    return RHO * TAU * TAU_P * y / total, TAU * math.sqrt(1 - RHO**2 * TAU_P**2 / total)


def p_above(first, second):
    (m, s), (m0, s0) = first, second
    return stats.norm.cdf((m - m0) / math.hypot(s, s0))


PRIOR, BASELINE = (0.0, TAU), (0.0, 0.0)


def test_alone_a_finding_moves_its_technique_from_the_prior_to_the_closed_form():
    rows = {row.id: row for row in reviewed(BASE, "j1").shifts.solo}
    assert rows.keys() == {"none", "A"}
    a = rows["A"]
    mean, sd = merit("A")
    assert (a.merit_mean.before, a.merit_mean.after) == pytest.approx((0, mean), abs=1e-9)
    assert (a.merit_sd.before, a.merit_sd.after) == pytest.approx((TAU, sd), abs=1e-9)
    p = p_above((mean, sd), BASELINE)
    assert (a.expected_rank.before, a.expected_rank.after) == pytest.approx((1.5, 2 - p), abs=1e-9)
    assert (a.sucra.before, a.sucra.after) == pytest.approx((0.5, p), abs=1e-9)
    assert a.p_best.after == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 20_000))
    assert a.expected_rank.mcse == pytest.approx(0, abs=1e-9)


def test_in_context_ranks_are_among_all_techniques_without_and_with():
    rows = {row.id: row for row in reviewed(BASE, "j1").shifts.in_context}
    assert rows.keys() == {"none", "A", "B"}
    b = merit("B")
    before = 1 + p_above(b, PRIOR) + p_above(BASELINE, PRIOR)
    after = 1 + p_above(b, merit("A")) + p_above(BASELINE, merit("A"))
    found = rows["A"].expected_rank
    assert (found.before, found.after) == pytest.approx((before, after), abs=1e-9)
    assert sum(row.expected_rank.after for row in rows.values()) == pytest.approx(6, abs=1e-9)
    assert rows["B"].merit_mean.before == pytest.approx(rows["B"].merit_mean.after, abs=1e-9)


def test_two_studies_read_together_are_the_whole_base():
    found = reviewed(BASE, "j1", "j2")
    assert (found.study, found.studies, found.in_context) == ("j1 + j2", ("j1", "j2"), None)
    assert (found.pair.technique, found.pair.comparator) == ("A", "none")
    rows = {row.id: row for row in found.shifts.solo}
    for technique in "AB":
        mean, sd = merit(technique)
        assert rows[technique].merit_mean.after == pytest.approx(mean, abs=1e-9)
        assert rows[technique].merit_sd.after == pytest.approx(sd, abs=1e-9)


@pytest.mark.parametrize("studies", [("j1", "j1"), ("j1", "nobody")])
def test_a_study_named_twice_or_unknown_is_refused(studies):
    with pytest.raises(BadInput):
        reviewed(BASE, *studies)


@pytest.mark.slow
def test_the_errors_of_the_shifts_cover_the_difference_between_seeds():
    """Eight seeds of a model with free hyperparameters: what the shifts scatter by is what they say, within a factor 2."""
    named = load_model(MODELS / "uncalibrated.toml")
    model = named.model_copy(update={"classes": {"proxy": named.classes["small-open-chat"]}})
    found = []
    for seed in range(1, 9):
        options = Options(readers={"face_value": FACE_VALUE}, seed=seed)
        whole = prepare_whole(BASE, model, engine=ExactEngine(), options=options)
        rows = {row.id: row for row in review_study(whole, "j1").shifts.in_context}
        found.append(rows["A"].expected_rank)
    scatter = np.std([m.after - m.before for m in found], ddof=1)
    said = math.sqrt(np.mean([m.mcse**2 for m in found]))
    # The sd of eight numbers is off by a factor of up to 2 in fewer than 1 of 1,000 cases (chi-squared, 7 degrees).
    assert scatter < 2 * said
    assert said < 4 * scatter


def test_findings_that_share_nothing_count_each_and_copies_of_one_count_as_less():
    pair = cases.base_of(
        cases.effect("f1", "A", "none", 0.5, 0.3, study="j1"), cases.effect("f2", "A", "none", 0.6, 0.3, study="j2")
    )
    one = reviewed(pair, "j1").effective_findings
    assert (one.value, one.of) == (1, 1)
    both = reviewed(pair, "j1", "j2").effective_findings

    # One setting, v = 1: two findings are one at half the variance. Gain of precision of n of them in closed form.
    def gain(n):
        left = TAU**2 * (1 - RHO**2 * TAU_P**2 / (TAU_P**2 + 0.3**2 / n))
        return 1 / left - 1 / TAU**2

    assert both.of == 2
    assert both.value == pytest.approx(gain(2) / gain(1), rel=1e-6)
    assert 1 < both.value < 1.2


def test_validity_given_the_findings_is_the_point_it_was_stated_at():
    found = reviewed(BASE, "j1").validity_posterior
    assert found == pytest.approx({"q10": RHO, "q50": RHO, "q90": RHO}, abs=1e-9)


CONFLICT = cases.base_of(
    cases.effect("f1", "A", "none", 0.9, 0.3, study="j1"),
    cases.effect("f2", "A", "none", -0.8, 0.25, study="j2"),
    cases.effect("f3", "none", "A", -0.1, 0.5, study="j3"),
    cases.effect("f4", "A", "none", 0.4, 0.2, study="j1"),
)


def test_studies_on_both_sides_of_a_pair_are_a_conflict_and_the_page_says_who():
    (found, *rest) = find_conflicts(CONFLICT, "A", "none")
    first = (0.9 / 0.09 + 0.4 / 0.04) / math.sqrt(1 / 0.09 + 1 / 0.04)
    assert found.p == pytest.approx(gail_simon_p([first, -0.8 / 0.25, 0.1 / 0.5]), abs=1e-12)
    assert (found.above, found.below, found.found, found.between) == (("j1", "j3"), ("j2",), True, "studies")
    assert not rest  # one family
    turned = find_conflicts(CONFLICT, "none", "A")[0]
    assert (turned.above, turned.below, turned.p) == (found.below, found.above, found.p)
    from evidence.report.page import page_of

    page = page_of(reviewed(CONFLICT, "j1"))
    (section,) = (s for s in page.sections if s.label == "CONFLICT")
    assert section.lines[0].startswith("Papers disagree on A and none more than chance; the average hides it.")


def test_two_contrasts_with_one_comparator_sample_make_a_third_with_the_shared_error_taken_out():
    base = cases.base_of(
        cases.effect("f1", "A", "none", 0.9, 0.3, study="j1"), cases.effect("f2", "B", "none", 0.2, 0.3, study="j1"),
        cases.effect("f3", "A", "B", -0.5, 0.2, study="j2"),
    )  # fmt: skip
    (found,) = find_conflicts(base, "A", "B")
    # Half of each variance is the comparator's (docs/model.md, section 3), so the difference has the other halves.
    z = 0.7 / math.sqrt(0.09 + 0.09 - 2 * 0.045), -0.5 / 0.2
    assert found.p == pytest.approx(gail_simon_p(z), abs=1e-12)
    assert set(compared_pairs(base)) == {("A", "none"), ("B", "none"), ("B", "A")} or set(compared_pairs(base)) == {
        ("A", "none"), ("B", "none"), ("A", "B"),
    }  # fmt: skip


def test_the_delta_method_gives_the_error_of_a_ratio_of_correlated_means():
    rng = np.random.default_rng(3)
    x = rng.normal(5, 1, 4000)
    y = 0.8 * x + rng.normal(2, 0.5, 4000)
    found = Estimate.of(lambda a, b: a / b, x, y)
    ratio = x.mean() / y.mean()
    closed = np.std((x - ratio * y) / y.mean()) / math.sqrt(4000)
    assert (found.value, found.mcse) == pytest.approx((ratio, closed), rel=1e-3)
    product = Estimate.from_independent(lambda a, b: a * b, Estimate(3.0, 0.01), Estimate(4.0, 0.02))
    assert product.mcse == pytest.approx(math.hypot(4 * 0.01, 3 * 0.02), rel=1e-9)
