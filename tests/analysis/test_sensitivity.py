"""Power scaling and prior-posterior overlap against closed forms and refits (TESTS R12, R13)."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

import cases
from evidence.analysis.fingerprint import prior_of
from evidence.analysis.fitting import p_above, prepare_case
from evidence.analysis.sensitivity import (
    ALPHAS,
    Sensitivity,
    measure_sensitivity,
    prior_groups,
    quantity_overlap,
    reliable,
)
from evidence.inference.exact import ExactEngine

PAIR = {"contrast": ("A", "none")}
ENGINE = ExactEngine()


def case_of(base, model, *settings):
    return prepare_case(base, model, target=None, settings=settings, seed=1)


def measured(case, contrasts=None):
    posterior = ENGINE.fit(case.design, case.hyper, case.everything, seed=1)
    assert posterior.ok
    return measure_sensitivity(case, ENGINE, [posterior], prior_of(case, ENGINE), contrasts or PAIR)


# One finding y of A against the baseline, b ~ N(mu_b, sigma_b^2), mu_b ~ N(m0, s0^2), the rest fixed: merit and y are
# jointly normal. A normal density to the power alpha is that normal with variance / alpha, for mu_b as for y.
Y, SE, TAU, TAU_P, RHO, M0, S0 = 1.4, 0.6, 0.9, 1.1, 0.9, 0.3, 0.8


def conjugate_case():
    model = cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P)
    model = model.model_copy(update={"priors": {**model.priors, "mu_b": cases.prior("Normal", mean=M0, sd=S0)}})
    return case_of(cases.base_of(cases.effect("f", "A", "none", Y, SE)), model)


def conjugate_merit(alpha_prior=1.0, alpha_likelihood=1.0):
    """The merit's posterior in closed form."""
    variance = TAU_P**2 + SE**2 / alpha_likelihood + S0**2 / alpha_prior
    slope = RHO * TAU * TAU_P / variance
    return stats.norm(slope * (Y - M0), math.sqrt(TAU**2 - slope**2 * variance))


def cjs(p, q, lo, hi):
    """Cumulative Jensen-Shannon distance between two CDFs over lo..hi by quadrature (Nguyen and Vreeken 2015)."""

    def gain(a, b):
        return (a * math.log2(2 * a / (a + b)) if a > 0 else 0.0) + (b - a) / (2 * math.log(2))

    def one_sided(f, g):
        total = sum(integrate.quad(lambda x, a=a, b=b: gain(a(x), b(x)), lo, hi)[0] for a, b in ((f, g), (g, f)))
        return math.sqrt(total / integrate.quad(lambda x: f(x) + g(x), lo, hi)[0])

    return max(one_sided(p.cdf, q.cdf), one_sided(p.sf, q.sf))


@pytest.mark.parametrize(("group", "scaled"), [("mu_b", "alpha_prior"), ("likelihood", "alpha_likelihood")])
def test_power_scaling_of_a_conjugate_normal_is_the_closed_form(group, scaled):
    found = measured(conjugate_case())
    base = conjugate_merit()
    moved = [conjugate_merit(**{scaled: alpha}) for alpha in ALPHAS]
    # 4,096 draws span about what lies between these quantiles
    lo, hi = base.ppf([1 / 8192, 1 - 1 / 8192])
    expected = np.mean([cjs(base, q, lo, hi) / abs(math.log2(alpha)) for q, alpha in zip(moved, ALPHAS, strict=True)])
    assert found.distance.keys() == {"mu_b", "likelihood"}
    assert found.distance[group] == pytest.approx(expected, abs=0.006)
    assert found.p_if_scaled[group] == pytest.approx([q.sf(0) for q in moved], abs=0.005)  # R13


def test_the_overlap_of_a_conjugate_normal_is_the_closed_form():
    found = measured(conjugate_case())
    variance = TAU_P**2 + SE**2 + S0**2
    shift = S0**2 * (Y - M0) / variance
    pairs = {
        "mu_b": (stats.norm(0, S0), stats.norm(shift, S0 * math.sqrt(1 - S0**2 / variance))),
        "contrast": (stats.norm(0, TAU), conjugate_merit()),
    }
    for name, (prior, posterior) in pairs.items():
        expected = integrate.quad(lambda x, p=prior, q=posterior: min(p.pdf(x), q.pdf(x)), -8, 8, limit=200)[0]
        assert found.overlap[name] == pytest.approx(expected, abs=0.04)


MODEL = cases.spread_model()
BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.9, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f2", "B", "none", 0.2, 0.2, study="j1", at="s1"),
    cases.effect("f3", "A", "B", 0.5, 0.3, study="j2", at="s2"),
    cases.order("f4", "A", "B", 0.8, study="j3", at="s2"),
    settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2", {"distance": "unknown"})),
    novelty=0.5,
)


@pytest.mark.slow
def test_reweighted_p_agrees_with_a_refit():
    # R13: within .005. A half-normal to the power alpha has scale / sqrt(alpha), Beta(a, b) is
    # Beta(alpha (a - 1) + 1, alpha (b - 1) + 1): the refits have these priors.
    engine = ExactEngine(max_rounds=64)
    pair = ("A", "B")

    def fitted(model):
        case = case_of(BASE, model)
        return case, engine.fit(case.design, case.hyper, case.everything, seed=1, mcse_limit=0.0008)

    case, posterior = fitted(MODEL)
    found = measure_sensitivity(case, engine, [posterior], prior_of(case, engine), {"contrast": pair})
    for name in ("tau", "tau_P", "w_0", "mu_b", "r"):
        old = MODEL.priors[name]
        for alpha, reweighted in zip(ALPHAS, found.p_if_scaled[name], strict=True):
            if old.dist == "HalfNormal":
                new = cases.prior("HalfNormal", scale=old.scale / math.sqrt(alpha))
            else:
                new = cases.prior("Beta", a=alpha * (old.a - 1) + 1, b=alpha * (old.b - 1) + 1)
            refit = fitted(MODEL.model_copy(update={"priors": {**MODEL.priors, name: new}}))[1]
            assert reweighted == pytest.approx(p_above(refit, *pair)[0], abs=0.005), (name, alpha)


def test_every_free_prior_is_scaled_once():
    hyper = case_of(BASE, MODEL).hyper
    groups = prior_groups(hyper)
    assert sorted(k for group in groups.values() for k in group) == np.flatnonzero(hyper.active).tolist()
    assert {"tau", "w_d", "l[F1]", "l[F2]", "v", "unknown"} <= groups.keys()
    assert "sigma_b" not in prior_groups(hyper.pinned("sigma_b", 0.1))


def test_a_single_weak_finding_informs_nothing_and_says_so():
    # R12 at K = 1: a statement of reliability .6
    found = measured(case_of(cases.base_of(cases.order("f", "A", "none", 0.6)), MODEL))
    assert found.overlap["contrast"] > 0.9
    assert set(found.uninformed) == found.overlap.keys()
    assert found.distance["likelihood"] < 0.05


def test_a_finding_at_a_valid_proxy_informs_and_leans_on_the_scale():
    model = cases.spread_model(w_0=cases.prior("HalfNormal", scale=0.1), w_d=cases.prior("HalfNormal", scale=0.1))
    base = cases.base_of(cases.effect("f", "A", "none", 2.5, 0.1))
    found = measured(case_of(base, model))
    assert found.overlap["contrast"] < 0.9
    assert "contrast" not in found.uninformed
    assert "tau_P" not in found.uninformed
    assert "tau" in found.sensitive_to


def test_unreliable_reweighting_gives_no_number():
    class Unreliable(ExactEngine):
        """A likelihood that a few draws carry alone, once it is scaled."""

        def evaluate(self, design, hyper, evidence, coordinates):
            found = super().evaluate(design, hyper, evidence, coordinates)
            noise = np.random.default_rng(0).standard_normal(len(coordinates))
            return replace(found, log_likelihood=found.log_likelihood + 12.5 * noise**2)

    case = conjugate_case()
    posterior = ENGINE.fit(case.design, case.hyper, case.everything, seed=1)
    found = measure_sensitivity(case, Unreliable(), [posterior], prior_of(case, ENGINE), PAIR)
    assert found.distance["likelihood"] is None
    assert found.p_if_scaled["likelihood"] is None
    assert found.distance["mu_b"] is not None


def test_a_heavy_tail_of_weights_is_unreliable():
    # exp(25 z^2 / 4) has no mean under a standard normal
    z = np.random.default_rng(0).standard_normal(4000)
    assert reliable(np.full(4000, 1 / 4000), -0.5 * z**2)
    assert not reliable(np.full(4000, 1 / 4000), 12.5 * z**2)


def test_sensitive_groups_come_most_first_and_never_name_the_likelihood():
    found = Sensitivity(
        distance={"tau": 0.06, "r": 0.2, "v": None, "w_0": 0.01, "likelihood": 0.5}, p_if_scaled={},
        overlap={"tau": 0.95, "r": 0.5},
    )  # fmt: skip
    assert found.sensitive_to == ("r", "tau")
    assert found.uninformed == ("tau",)


def test_a_reader_without_free_priors_has_only_a_likelihood():
    base = cases.base_of(cases.effect("f", "A", "none", 0.9, 0.2))
    found = measured(case_of(base, cases.point_model(rho=0.8)))
    assert found.distance.keys() == {"likelihood"}
    assert found.overlap.keys() == {"contrast"}


@pytest.mark.slow
def test_it_costs_less_than_a_third_of_a_second_on_control():
    import time
    from pathlib import Path

    from evidence.io.models import load_model
    from evidence.io.tables import load_base

    root = Path(__file__).parents[2]
    # By hand, whose fit has few draws: the cost goes with their number, and the learned default needs more of them.
    case = case_of(load_base(root / "data" / "control"), load_model(root / "models" / "uncalibrated.toml"))
    posterior = ENGINE.fit(case.design, case.hyper, case.everything, seed=1)
    prior = prior_of(case, ENGINE)
    contrasts = {t: (t, posterior.techniques[0]) for t in posterior.techniques[1:]}
    seconds = []
    for _ in range(5):
        start = time.process_time()  # of all threads, but not of other processes
        measure_sensitivity(case, ENGINE, [posterior], prior, contrasts)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0])
def test_the_overlap_of_a_quantity_does_not_depend_on_its_unit(unit, apart):
    """Two unit normals whose means differ by d share 2 Phi(-d / 2)."""
    one, other = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000), np.random.default_rng(1).permutation(20_000)
    found = quantity_overlap(unit * (one + apart), unit * one[other])
    assert found == pytest.approx(2 * stats.norm.cdf(-apart / 2), abs=0.01)
