"""Laws as models and back, bridges that share studies, and outcomes as findings."""

import numpy as np
import pytest

import bridges
import cases
from evidence.analysis.bridge_laws import groups_of
from evidence.analysis.calibrate import calibrate
from evidence.analysis.known_outcomes import OUTCOMES_STUDY, with_outcomes
from evidence.analysis.learned_models import laws_of, model_of, shape_of
from evidence.domain.errors import BadInput
from evidence.domain.records import Study
from evidence.domain.results import Check
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.inference.pooling import SCALES, class_means
from evidence.io.models import load_model, write_model
from evidence.io.shipped import find_model
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper


def by_hand():
    return load_model(find_model("uncalibrated"))


# Laws and models


def test_without_any_bridge_the_model_comes_back_as_it_was():
    # Closed form: E exp(2 log s) = scale^2 by the choice of the mean. 400,000 draws: sd of exp(2 x .7 z) is 2.5 times
    # its mean, so that a scale is known to 2.5 / 2 / sqrt(400,000) = .2 %; model files keep three digits.
    start = by_hand()
    shape, (mean, sd) = shape_of(start), laws_of(start)
    phi = mean + sd * np.random.default_rng(1).standard_normal((400_000, len(mean)))
    found = model_of(phi, shape, start)
    for name in SCALES:
        assert found.priors[name].scale == pytest.approx(start.priors[name].scale, rel=0.015), name
    assert found.priors["r"] == start.priors["r"]
    assert found.id == start.id
    for name, before in start.classes.items():
        after = found.classes[name]
        for one, other in ((after.relevance, before.relevance), (after.construct_noise, before.construct_noise)):
            assert (one.a, one.b) == (pytest.approx(other.a, rel=0.02), pytest.approx(other.b, rel=0.02)), name
        assert after.irrelevance == pytest.approx(before.irrelevance, abs=0.002), name


def test_half_of_what_a_beta_law_leaves_open_is_doubt_about_its_mean():
    # SciPy's quadrature of the logistic function of a normal, and the law of total variance.
    from scipy import integrate, stats

    start = by_hand()
    shape = shape_of(start)

    def average(f, centre, sd):
        law = stats.norm(centre, sd)
        return integrate.quad(lambda z: law.pdf(z) * f(1 / (1 + np.exp(-z))), centre - 12 * sd, centre + 12 * sd)[0]

    for c, name in enumerate(shape.classes):
        law = stats.beta(start.classes[name].relevance.a, start.classes[name].relevance.b)
        at = shape.relevance_centre[c], shape.relevance_doubt[c]
        mean = average(lambda m: m, *at)
        assert mean == pytest.approx(law.mean(), abs=1e-8)
        assert average(lambda m: m**2, *at) - mean**2 == pytest.approx(law.var() / 2, rel=1e-6)
        within = average(lambda m: m * (1 - m), *at) / (shape.relevance_size[c] + 1)
        assert within == pytest.approx(law.var() / 2, rel=1e-6)
        pi = average(lambda m: m, shape.irrelevance_centre[c], shape.irrelevance_doubt)
        assert pi == pytest.approx(start.classes[name].irrelevance, abs=1e-8)


def test_two_classes_share_half_of_what_is_not_known_of_each():
    # Closed form: common and own shifts of variance 1/2 each, so that two classes' logits are correlated at 1/2.
    start = by_hand()
    shape, (mean, sd) = shape_of(start), laws_of(start)
    phi = mean + sd * np.random.default_rng(3).standard_normal((100_000, len(mean)))
    _, relevance, irrelevance = class_means(phi, shape)
    for values in (relevance, irrelevance):
        logit = np.log(values / (1 - values))
        assert np.corrcoef(logit[:, 0], logit[:, 1])[0, 1] == pytest.approx(0.5, abs=0.01)


def test_laws_that_are_certain_leave_what_families_differ_by():
    start = by_hand()
    shape, (mean, _) = shape_of(start), laws_of(start)
    mean = mean.copy()
    mean[: len(SCALES)] = [np.log(start.priors[name].scale) for name in SCALES]
    found = model_of(mean[None, :], shape, start)
    for name in SCALES:
        assert found.priors[name].scale == pytest.approx(start.priors[name].scale, rel=5e-3)
    for c, (name, before) in enumerate(sorted(start.classes.items())):
        after = found.classes[name]
        assert after.relevance.a + after.relevance.b == pytest.approx(shape.relevance_size[c], rel=5e-3)
        assert after.relevance.a / after.relevance.b == pytest.approx(np.exp(shape.relevance_centre[c]), rel=1e-2)
        assert after.irrelevance == pytest.approx(1 / (1 + np.exp(-shape.irrelevance_centre[c])), rel=5e-3)
        assert after.claim == before.claim


def test_a_mixture_of_beta_laws_is_matched_in_mean_and_variance():
    # Law of total variance over simulated values of relevance: mean and variance of 400,000 draws of the mixture.
    start = by_hand()
    shape, (mean, sd) = shape_of(start), laws_of(start)
    rng = np.random.default_rng(2)
    phi = mean + 0.5 + sd * rng.standard_normal((400_000, len(mean)))
    c = shape.classes.index("toy-environment")
    at = len(SCALES)
    shift = phi[:, at + 1] + phi[:, at + 3 + c]
    means = 1 / (1 + np.exp(-shape.relevance_centre[c] - shape.relevance_doubt[c] * shift))
    n = shape.relevance_size[c]
    values = rng.beta(means * n, (1 - means) * n)
    law = model_of(phi, shape, start).classes["toy-environment"].relevance
    total = law.a + law.b
    assert law.a / total == pytest.approx(values.mean(), abs=0.005)
    assert law.a * law.b / (total**2 * (total + 1)) == pytest.approx(values.var(), rel=0.02)


def test_a_held_scale_does_not_move():
    start = by_hand()
    mean, sd = laws_of(start, hold=("tau",))
    k = SCALES.index("tau")
    assert sd[k] < 1e-2
    assert mean[k] == pytest.approx(np.log(start.priors["tau"].scale), abs=1e-5)
    assert (np.delete(sd, k) > 0.4).all()


@pytest.mark.parametrize("name", ["face-value", "random-effects"])
def test_only_a_hierarchical_model_can_be_learned(name):
    with pytest.raises(BadInput, match="HalfNormal"):
        shape_of(load_model(find_model(name)))


def test_a_model_file_reads_back_as_the_same_record(tmp_path):
    start = by_hand()
    shape, (mean, _) = shape_of(start), laws_of(start)
    for i, model in enumerate(
        (start, model_of(mean[None, :], shape, start), cases.spread_model(), cases.point_model())
    ):
        path = tmp_path / f"{i}.toml"
        write_model(path, model)
        assert load_model(path) == model
    with pytest.raises(BadInput):
        write_model(tmp_path / "0.toml", start)
    write_model(tmp_path / "0.toml", cases.spread_model(), force=True)
    assert load_model(tmp_path / "0.toml").id == "spread"


# Groups


def with_studies(name, *studies):
    base = bridges.bridge(name)
    rows = tuple(Study(id=s, title=s, authors="a", year=2026) for s in studies)
    return base.model_copy(update={"studies": rows})


def test_bridges_that_share_a_study_are_one_group():
    two = [with_studies("one", "s1"), with_studies("two", "s2"), with_studies("three", "s1", "s3")]
    assert groups_of(two) == ["one", "two", "one"]


def test_sharing_is_transitive_whichever_comes_first():
    chain = [with_studies("one", "s1"), with_studies("two", "s2"), with_studies("three", "s3"),
             with_studies("both", "s1", "s2")]  # fmt: skip
    assert groups_of(chain) == ["one", "one", "three", "one"]
    # The last joins what the others left apart, a fifth joins by way of a second.
    assert groups_of([*chain, with_studies("five", "s2", "s9"), with_studies("six", "s9")]) == [
        "one", "one", "three", "one", "one", "one"
    ]  # fmt: skip


# Outcomes as findings at the target


def sharp_posterior(base):
    """Mean and covariance of merits at the first target, (A, B, C), under a prior so wide that data alone speak."""
    model = cases.point_model(tau=1000.0, rho=0.5)
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    found = ExactEngine().evaluate(
        design, hyper, Evidence(mask=np.ones(len(base.findings))), np.zeros((1, len(hyper.names)))
    )
    index = [found.techniques.index(t) for t in "ABC"]
    return found.mean[0, index], found.cov[0][np.ix_(index, index)]


def test_outcomes_as_arms_are_contrasts_with_one_baseline_sample():
    # Generalised least squares of three contrasts is the contrasts themselves with their covariance: own variances on
    # the diagonal, the baseline's part off it.
    base = bridges.bridge().model_copy(update={"findings": ()})
    seen = with_outcomes(base, {"near"})
    assert {f.setting for f in seen.findings} == {"near"}
    assert all(f.comparator is None for f in seen.findings)
    mean, cov = sharp_posterior(seen)
    y, se = np.array(list(bridges.OUTCOMES["near"].values())).T
    wanted = np.full((3, 3), bridges.BASELINE_VAR) + np.diag(se**2 - bridges.BASELINE_VAR)
    # The level of a run is N(0, 10^2) and merits N(0, 1000^2): both shrink by 1e-3 at most.
    np.testing.assert_allclose(mean, y, atol=1e-3)
    np.testing.assert_allclose(cov, wanted, rtol=2e-3)


@pytest.mark.parametrize("part", [None, 0.0])
def test_outcomes_without_a_baseline_sample_are_independent(part):
    base = bridges.bridge(outcomes=bridges.outcomes_of(bridges.OUTCOMES, baseline_var=part))
    seen = with_outcomes(base.model_copy(update={"findings": ()}), {"near"})
    mean, cov = sharp_posterior(seen)
    y, se = np.array(list(bridges.OUTCOMES["near"].values())).T
    np.testing.assert_allclose(mean, y, atol=1e-4)
    np.testing.assert_allclose(cov, np.diag(se**2), atol=1e-5)


def test_only_the_outcomes_asked_for_become_findings():
    base = bridges.bridge()
    assert with_outcomes(base, ()) is base
    seen = with_outcomes(base, {"far"})
    assert seen.findings[: len(base.findings)] == base.findings
    assert {f.setting for f in seen.findings[len(base.findings) :]} == {"far"}
    assert [s.id for s in seen.studies][-1] == OUTCOMES_STUDY
    both = with_outcomes(base, {"near", "far"})
    assert len(both.findings) - len(base.findings) == 2 * (3 + 1)


# All of it


@pytest.mark.slow
def test_two_bridges_give_laws_and_models_that_have_not_seen_each():
    start = by_hand()
    classes = {"proxy": start.classes["small-open-chat"]}
    start = start.model_copy(update={"classes": classes})
    first = bridges.bridge("first")
    second = bridges.bridge("second", outcomes=bridges.outcomes_of(
        {g: {t: (-3 * y, se) for t, (y, se) in rows.items()} for g, rows in bridges.OUTCOMES.items()}
    ))  # fmt: skip
    second = second.model_copy(
        update={
            "studies": tuple(s.model_copy(update={"id": f"other {s.id}"}) for s in second.studies),
            "findings": tuple(f.model_copy(update={"study": f"other {f.study}"}) for f in second.findings),
        }
    )
    engine = ExactEngine(max_rounds=4, round_size=512)
    found = calibrate([first, second], start, engine=engine, seed=1, date="2026-01-01")
    assert [b.bridge for b in found.bridges] == ["first", "second"]
    assert [b.group for b in found.bridges] == ["first", "second"]
    assert [(b.findings, b.outcomes) for b in found.bridges] == [(len(first.findings), 6)] * 2
    assert all(b.checks and b.ess > 0 for b in found.bridges)
    assert [left.bridges for left in found.left_out] == [("first",), ("second",)]
    models = [found.model, *(left.model for left in found.left_out)]
    assert (
        len({str(m.classes["proxy"].relevance) + str({k: p.scale for k, p in m.priors.items()}) for m in models}) == 3
    )
    assert "Has not seen first." in found.left_out[0].model.provenance
    assert "Has not seen" not in found.model.provenance
    for law in found.laws:
        assert law.learned_q10 <= law.learned <= law.learned_q90
        assert 0 <= law.contraction <= 1
        assert law.is_opinion is (law.contraction < 0.1)
    by = {law.name: law for law in found.laws}
    # Eight outcomes stand at merits whose spread is tau: the bridges say something of it.
    assert not by["tau"].is_opinion
    # Nobody marks own techniques, so that allegiance stays where the hand put it.
    assert by["mu_d"].is_opinion
    assert "Opinion, no data" in found.model.priors["mu_d"].claim
    assert all(50 <= r.order_kept_in_100 <= 100 for r in found.base_rates)
    # Nothing that was learned goes unchecked: the fits of the models that have not seen a bridge are told apart too.
    for checks in (found.checks, *(left.checks for left in found.left_out)):
        assert {"laws_moved", "k_hat_of_laws", "ess_of_laws", "ess", "mcse_p"} <= set(checks)
    worst = {name: max(b.checks[name].value for b in found.bridges) for name in ("k_hat_of_laws", "mcse_p")}
    assert {name: found.checks[name].value for name in worst} == worst
    assert found.checks["ess_of_laws"].value == min(b.ess for b in found.bridges)
    failing = found.left_out[0].model_copy(update={"checks": {"ess": Check(value=3.0, ok=False, wanted=">= 100")}})
    broken = found.model_copy(update={"left_out": (failing, found.left_out[1])})
    assert "ess (without first)" in broken.failed
    assert not broken.ok
