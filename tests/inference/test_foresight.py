"""What is not measured yet, jointly with the merits: against one dense joint normal, and against the engine itself."""

from dataclasses import replace

import numpy as np
import pytest

import cases
import dense
import proposing
from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.proposed import foresee_proposals
from evidence.inference.exact import ExactEngine
from evidence.inference.foresight import foresee

PLACES = (cases.setting("s"), cases.setting("s2", family="G"), cases.setting("s3", family="G", gaps={"distance": 0.2}))
BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.5, 0.3, study="j1"), cases.effect("f2", "B", "none", 1.0, 0.3, study="j2", at="s2"),
    cases.effect("f3", "B", "A", 0.3, 0.2, study="j3"), settings=PLACES, techniques=["A", "B", "C"],
)  # fmt: skip
ENGINE = ExactEngine()


def foreseen(base, *findings, draws=64, model=None, settings=(), families=()):
    case = prepare_case(base, model or cases.spread_model(), target=None, settings=(), seed=1)
    posterior = fit_case(case, ENGINE, seed=1)
    proposal = proposing.proposal(*findings, settings=settings, families=families)
    return case, posterior, foresee_proposals(case, posterior, [proposal], foresee, draws=draws)


def eta_of(known, m):
    """One draw, by the names of the dense oracle."""
    hyper, base = known.case.hyper, known.case.base
    v = dict(zip(hyper.names, known.foreseen.hyper[m], strict=True))
    eta = {k: v[k] for k in ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")}
    eta["w_d"] = {d.id: v[f"w_d[{d.id}]"] for d in base.question.dimensions}
    eta["l"] = {f: v[f"l[{f}]"] for f in hyper.families}
    eta["v"] = {s.id: v[f"v[{base.settings[hyper.v_index[i]].id}]"] for i, s in enumerate(base.settings)}
    eta["novelty"] = base.question.targets[0].novelty
    level = {"none": 0.0, "some": 0.5, "major": 1.0}
    eta["x"] = {
        (s.id, d): level.get(g, g) if isinstance(g, str) else g for s in base.settings for d, g in s.gaps.items()
    }
    return eta


def test_merits_and_future_effects_are_those_of_one_dense_joint_normal():
    findings = (proposing.finding("B", "A", "s3", se_smd=0.2), proposing.finding("C", "none", "s", se_smd=0.25))
    _, posterior, known = foreseen(BASE, *findings)
    draws = posterior.resampled(64)
    assert known.foreseen.mean[:, :3] == pytest.approx(draws.mean[:, 1:], abs=1e-12)
    assert known.foreseen.cov[:, :3, :3] == pytest.approx(draws.cov[:, 1:, 1:], abs=1e-12)
    for m in (0, 20, 63):
        # Independent: tests/dense.py, entry by entry from docs/model.md.
        _, mean, cov = dense.log_likelihood_and_posterior(BASE, eta_of(known, m), queries=list(known.arms))
        assert known.foreseen.mean[m] == pytest.approx(mean, abs=1e-9)
        assert known.foreseen.cov[m] == pytest.approx(cov, abs=1e-9)


def test_a_new_setting_and_family_take_what_nothing_speaks_of_from_the_prior():
    new = cases.setting("new", family="H", gaps={"distance": "unknown"})
    family = BASE.families[0].model_copy(update={"id": "H", "name": "H"})
    _, _, known = foreseen(
        BASE, proposing.finding("A", "none", "new", se_smd=0.2), settings=(new,), families=(family,), draws=2048
    )
    relevance = known.foreseen.value_of("l[H]")
    prior = np.random.default_rng(0).beta(6, 3, 100_000)
    mixed = np.where(
        np.random.default_rng(1).random(100_000) < 0.2, np.random.default_rng(2).beta(1, 30, 100_000), prior
    )
    assert relevance.mean() == pytest.approx(mixed.mean(), abs=4 * mixed.std() / np.sqrt(2048))
    assert known.foreseen.value_of("unknown[distance]").mean() == pytest.approx(2 / 3, abs=4 * 0.24 / np.sqrt(2048))


def test_statements_found_already_leave_the_merits_as_the_engine_has_them():
    base = BASE.model_copy(
        update={
            "findings": (
                *BASE.findings,
                cases.order("o", "C", "A", 0.9, study="j1"),
                cases.order("p", "B", "none", 0.8, study="j2", at="s2"),
            )
        }
    )
    _, posterior, known = foreseen(
        base, proposing.finding("B", "none", "s2", se_smd=0.2), proposing.finding("C", "A", "s", se_smd=0.2)
    )
    draws = posterior.resampled(64)
    assert known.foreseen.mean[:, :3] == pytest.approx(draws.mean[:, 1:], abs=1e-9)
    assert known.foreseen.cov[:, :3, :3] == pytest.approx(draws.cov[:, 1:, 1:], abs=1e-9)


def test_conditioning_on_a_foreseen_result_is_what_the_engine_makes_of_the_result():
    # A study of its own with y = .7, se = .2: the update in closed form against the engine with the finding in the base.
    case, posterior, known = foreseen(BASE, proposing.finding("C", "none", "s2", se_smd=0.2))
    f, arm = known.foreseen, known.arms["C", "s2"] + 3
    sigma = f.value_of("sigma")
    variance = f.cov[:, arm, arm] + 0.2**2 + 2 * sigma**2
    surprise = 0.7 - f.mean[:, arm]
    mean = f.mean[:, :3] + f.cov[:, :3, arm] * (surprise / variance)[:, None]
    log_density = -0.5 * (np.log(2 * np.pi * variance) + surprise**2 / variance)
    larger = BASE.model_copy(update={
        "findings": (*BASE.findings, cases.effect("new", "C", "none", 0.7, 0.2, study="j9", at="s2")),
        "studies": (*BASE.studies, BASE.studies[0].model_copy(update={"id": "j9"})),
    })  # fmt: skip
    after = prepare_case(larger, cases.spread_model(), target=None, settings=(), seed=1)
    coordinates = posterior.resampled(64).coordinates
    found = ENGINE.evaluate(after.design, after.hyper, after.everything, coordinates)
    before = ENGINE.evaluate(case.design, case.hyper, case.everything, coordinates)
    assert found.mean[:, 1:] == pytest.approx(mean, abs=1e-9)
    moved = found.log_likelihood - before.log_likelihood
    assert np.ptp(moved - log_density) == pytest.approx(0.0, abs=1e-9)


def test_a_setting_alike_to_one_of_the_base_is_that_one():
    twin = PLACES[1].model_copy(update={"id": "another name"})
    _, _, known = foreseen(BASE, proposing.finding("B", "none", "another name", se_smd=0.2), settings=(twin,))
    assert known.same_as == {"another name": "s2"}
    assert list(known.arms) == [("B", "s2")]


def test_a_subset_of_the_draws_is_a_subset_of_everything():
    _, _, known = foreseen(BASE, proposing.finding("B", "none", "s2", se_smd=0.2))
    some = known.foreseen.taken(np.array([3, 5]))
    assert some.mean.shape == (2, 4)
    assert replace(some).rho == pytest.approx(known.foreseen.rho[[3, 5]])
