"""What to read next, on bases whose answers are closed forms: known gaps, and studies that do not exist."""

import numpy as np
import pytest
from scipy import stats

import cases
from evidence.analysis.next_reading import NEW_STUDY_SE, what_to_read_next
from evidence.analysis.ranking import fit_ranking
from evidence.inference.exact import ExactEngine

W_D, TAU, TAU_P, SE = 1.2, 0.8, 1.1, 0.25
NEAR, FAR = "F near", "F far"
# A is measured in the near family; B and C in the far one; D by nobody.
BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.6, SE, study="j1", at="near"),
    cases.effect("f2", "B", "none", 1.4, SE, study="j2", at="far"),
    cases.effect("f3", "C", "none", 0.9, SE, study="j2", at="far", shared_comparator=False),
    settings=[
        cases.setting("near", NEAR, {"distance": "none"}),
        cases.setting("far", FAR, {"distance": "major"}),
    ],
    techniques="ABCD",
)
MODEL = cases.point_model(rho=1.0, tau=TAU, tau_P=TAU_P, w_d=W_D)
RHO = {"near": 1.0, "far": float(np.exp(-W_D))}


@pytest.fixture(scope="module")
def fitted():
    return fit_ranking(BASE, MODEL, engine=ExactEngine())


@pytest.fixture(scope="module")
def found(fitted):
    return what_to_read_next(fitted, ExactEngine())


def merits(rho_far):
    """Mean and covariance of A, B, C, D given the three findings, by the joint normal written out."""
    # Effects of different techniques are independent (r = 0); B and C are measured apart.
    rho = [1.0, rho_far, rho_far]
    y = np.array([0.6, 1.4, 0.9])
    mean = np.array([r * TAU * TAU_P * v / (TAU_P**2 + SE**2) for r, v in zip(rho, y, strict=True)] + [0.0])
    variance = np.array([TAU**2 * (1 - r**2 * TAU_P**2 / (TAU_P**2 + SE**2)) for r in rho] + [TAU**2])
    return mean, variance


def first(mean, variance):
    """P(first) of the baseline at 0 and four independent normals, by quadrature over the largest."""
    grid = np.linspace(-6, 6, 4001)
    cdf = stats.norm.cdf((grid[:, None] - mean) / np.sqrt(variance))
    pdf = stats.norm.pdf(grid[:, None], mean, np.sqrt(variance))
    p = [
        np.trapezoid(np.where(grid > 0, pdf[:, i] * np.delete(cdf, i, axis=1).prod(axis=1), 0.0), grid)
        for i in range(len(mean))
    ]
    return np.array([1 - sum(p), *p])


def apart(one, other):
    return 0.5 * np.abs(one - other).sum()


def test_a_gap_is_worth_what_it_changes_of_who_is_first(found):
    now = first(*merits(RHO["far"]))
    wanted = apart(first(*merits(1.0)), now)
    gap = next(g for g in found.gaps if g.family == FAR)
    assert (gap.dimension, gap.rated, gap.level) == ("distance", ("major",), "none")
    assert wanted > 0.1
    # 5,000 draws of merits: .5 of a sum over five shares, each known to .007.
    assert gap.p_top_changes == pytest.approx(wanted, abs=0.025)


def test_a_study_that_does_not_exist_is_worth_its_information(found):
    by = {(s.technique, s.setting): s for s in found.studies}
    # The near setting tells of D, whom nobody measured, as of a target with noise: .5 log2 of the variance it takes.
    share = TAU_P**2 / (TAU_P**2 + NEW_STUDY_SE**2)
    assert by["D", "near"].bits == pytest.approx(-0.5 * np.log2(1 - share), abs=1e-6)
    assert by["D", "near"].comparator == "none"
    changes = [s.p_top_changes for s in found.studies]
    assert changes == sorted(changes, reverse=True)
    # More of A in the setting where it was measured adds little.
    both = 1 / (1 / SE**2 + 1 / NEW_STUDY_SE**2)
    left = [1 - TAU_P**2 / (TAU_P**2 + variance) for variance in (SE**2, both)]
    assert by.get(("A", "near")) is None or by["A", "near"].bits == pytest.approx(
        0.5 * np.log2(left[0] / left[1]), abs=1e-6
    )


def test_its_expected_change_of_the_first_place_is_an_average_over_what_it_may_find(found):
    mean, variance = merits(RHO["far"])
    now = first(mean, variance)
    after = variance.copy()
    after[3] = TAU**2 * (1 - TAU_P**2 / (TAU_P**2 + NEW_STUDY_SE**2))
    spread = np.sqrt(variance[3] - after[3])
    z = np.linspace(-5, 5, 201)
    changes = [apart(first(mean + spread * x * np.eye(4)[3], after), now) for x in z]
    wanted = np.trapezoid(stats.norm.pdf(z) * changes, z)
    study = next(s for s in found.studies if (s.technique, s.setting) == ("D", "near"))
    # A rule of five nodes on a curve with a kink, and 5,000 draws.
    assert study.p_top_changes == pytest.approx(wanted, abs=0.06)


def test_pairs_nobody_measured_side_by_side_are_named(fitted):
    pairs = {frozenset(p) for p in fitted.ranking.never_compared}
    contenders = {t.id for t in fitted.ranking.techniques if t.p_best >= 0.1}
    assert {"A", "B"} <= contenders
    assert frozenset(("A", "B")) in pairs
    # One study measured these in one setting.
    assert frozenset(("B", "C")) not in pairs
    assert all(p <= contenders for p in pairs)
    assert fitted.ranking.untested == ("D",)


def test_of_several_targets_the_first_is_asked_about():
    second = BASE.question.targets[0].model_copy(update={"id": "other", "novelty": 0.3})
    base = BASE.model_copy(
        update={"question": BASE.question.model_copy(update={"targets": (*BASE.question.targets, second)})}
    )
    of_all = fit_ranking(base, MODEL, engine=ExactEngine(), target="scenarios")
    found = what_to_read_next(of_all, ExactEngine())
    assert {g.family for g in found.gaps} == {NEAR, FAR}
    share = TAU_P**2 / (TAU_P**2 + NEW_STUDY_SE**2)
    by = {(s.technique, s.setting): s for s in found.studies}
    assert by["D", "near"].bits == pytest.approx(-0.5 * np.log2(1 - share), abs=1e-6)
