"""The mode and its curvature against closed forms and the dense oracle."""

import functools

import numpy as np
import pytest

import cases
import dense
from evidence.inference import exact, mode
from evidence.inference.engine import Evidence, pair_moments
from evidence.inference.exact import ExactEngine, spoken_of
from evidence.inference.mode import MAX_STEPS, proposal_at_mode
from evidence.inference.proposals import PRIOR_SHARE
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

FINDINGS = (
    cases.effect("f1", "A", "none", 1.4, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f2", "B", "none", 0.6, 0.3, study="j1", at="s1"),
    cases.effect("f3", "B", "A", -0.2, 0.2, study="j2", at="s2", own_comparator=True),
    cases.effect("f4", "C", "A", 0.4, 0.2, study="j2", at="s2", own_comparator=True),
    cases.effect("f5", "C", "none", 1.9, 0.3, study="j3", at="s3"),
)
SETTINGS = (cases.setting("s1", "F1"), cases.setting("s2", "F1", {"distance": "major"}), cases.setting("s3", "F2"))
BASE = cases.base_of(*FINDINGS, settings=SETTINGS, novelty=0.6)


def arrays_of(base, model):
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    return design, hyper, Evidence(mask=np.ones(len(base.findings))), spoken_of(design, hyper)


def cov_of(proposal):
    return proposal.factor @ proposal.factor.T


def with_optimism(mean, sd):
    """All at points but mu_b ~ N(mean, sd^2): everything is jointly normal."""
    model = cases.point_model(rho=0.8, tau_P=0.7, sigma_b=0.2)
    return model.model_copy(update={"priors": {**model.priors, "mu_b": cases.prior("Normal", mean=mean, sd=sd)}})


@pytest.mark.parametrize("y", [-3.0, 0.4, 5.0])
def test_the_mode_of_a_conjugate_normal_is_its_mean_and_the_curvature_its_precision(y):
    mean, sd, se = 0.3, 0.9, 0.25
    found = proposal_at_mode(*arrays_of(cases.base_of(cases.effect("f", "A", "none", y, se)), with_optimism(mean, sd)))
    # In coordinates xi = (mu_b - m) / s: y ~ N(m + s xi, v), xi ~ N(0, 1).
    v = 0.7**2 + 0.2**2 + se**2
    assert found.mean == pytest.approx([sd * (y - mean) / (sd**2 + v)], abs=1e-5)
    assert cov_of(found) == pytest.approx(np.array([[v / (sd**2 + v)]]), rel=1e-5)
    assert found.share == PRIOR_SHARE


def dense_slope(arrays, ridge, y):
    """Gradient (k,) at straight `y` of minus the log density there by central differences of the dense joint normal."""
    design, hyper, evidence, known = arrays

    def value(straight):
        coordinates = ridge.bend(straight[None, :])[0]
        xi = np.zeros((1, len(hyper.names)))
        xi[0, known] = coordinates
        values = ExactEngine().evaluate(design, hyper, evidence, xi).hyper[0]
        log_target = (
            dense.log_likelihood_and_posterior(BASE, eta_of(hyper, values))[0] - 0.5 * coordinates @ coordinates
        )
        return ridge.straighten(coordinates[None, :])[1][0] - log_target

    steps = 1e-4 * np.eye(len(y))
    return np.array([(value(y + step) - value(y - step)) / 2e-4 for step in steps])


def eta_of(hyper, values):
    value = dict(zip(hyper.names, values, strict=True))
    scalars = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")
    return {
        **{k: value[k] for k in scalars}, "novelty": 0.6, "w_d": {"distance": value["w_d[distance]"]},
        "x": {("s1", "distance"): 0.5, ("s2", "distance"): 1.0, ("s3", "distance"): 0.5},
        "l": {"F1": value["l[F1]"], "F2": value["l[F2]"]}, "v": dict.fromkeys(("s1", "s2", "s3"), value["v[s1]"]),
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("clear", "n_odds"), [(-np.inf, 2), (8.0, 0)], ids=["log odds", "own coordinates"])
def test_at_the_mode_the_dense_joint_normal_is_flat_and_curved_as_found(monkeypatch, clear, n_odds):
    monkeypatch.setattr(mode, "CLEAR", clear)
    arrays = arrays_of(BASE, cases.spread_model())
    found = proposal_at_mode(*arrays)
    assert len(found.mean) == arrays[-1].sum()
    assert len(found.ridge.relevances) == n_odds
    at = functools.partial(dense_slope, arrays, found.ridge)
    start = found.ridge.straighten(np.zeros((1, len(found.mean))))[0][0]
    names = np.array(arrays[1].names)[arrays[-1]]
    moved = np.array([n_odds > 0 or not name.startswith("l[") for name in names])
    assert np.abs(at(found.mean)[moved]).max() < 0.01
    assert np.abs(at(start)[moved]).max() > 0.5  # the start is no mode
    np.testing.assert_array_equal(found.mean[~moved], 0.0)
    np.testing.assert_allclose(cov_of(found)[~moved], np.eye(len(names))[~moved], atol=1e-12)
    columns = [(at(found.mean + step) - at(found.mean - step)) / 0.02 for step in 0.01 * np.eye(len(found.mean))]
    curvature = ((np.array(columns) + np.transpose(columns)) / 2)[np.ix_(moved, moved)]
    values, vectors = np.linalg.eigh(curvature)
    expected = (vectors / np.maximum(values, 1.0)) @ vectors.T
    np.testing.assert_allclose(cov_of(found)[np.ix_(moved, moved)], expected, atol=0.02)


ORDERS = (
    cases.order("f6", "C", "B", 0.8, study="j4", at="s2"),
    cases.order("f7", "A", "none", 0.9, study="j4", at="s3"),
)
COUNTS = cases.finding("f8", "B", "none", "counts", k=2, n=20, k0=4, n0=20, study="j5", at="s1")


@pytest.mark.slow
@pytest.mark.parametrize("findings", [FINDINGS, (*FINDINGS, *ORDERS, COUNTS)], ids=["normal", "latents"])
def test_the_proposal_is_a_proper_law_no_wider_than_the_prior(findings):
    base = cases.base_of(*findings, settings=SETTINGS, novelty=0.6)
    values = np.linalg.eigvalsh(cov_of(proposal_at_mode(*arrays_of(base, cases.spread_model()))))
    assert values.min() > 0
    assert values.max() < 1 + 1e-9


@pytest.mark.parametrize("limit", ["LARGE_CELLS", "LARGE"])
@pytest.mark.parametrize("findings", [FINDINGS, (*FINDINGS, *ORDERS, COUNTS)], ids=["normal", "latents"])
def test_a_fit_from_the_mode_is_that_from_the_prior(monkeypatch, findings, limit):
    """Also where, as with many techniques, covariances are computed for a part of the draws only."""
    base = cases.base_of(*findings, settings=SETTINGS, novelty=0.6)
    arrays = arrays_of(base, cases.spread_model())
    fits = [ExactEngine().fit(*arrays[:3], seed=1)]
    told = []
    monkeypatch.setattr(exact, limit, 0)
    fits.append(ExactEngine().fit(*arrays[:3], seed=2, progress=lambda *words: told.append(words)))
    assert ("finding the mode", 1, MAX_STEPS) in told
    assert all(fit.ok for fit in fits)
    (p, error), (q, other_error) = (pair_moments(fit) for fit in fits)
    assert (np.abs(p - q) < 4 * np.hypot(error, other_error)).all()
    k = fits[0].names.index("tau_P")
    (m, e), (n, f) = (
        (fit.weights @ (x := fit.hyper[:, k]), np.sqrt(np.sum(fit.weights**2 * (x - fit.weights @ x) ** 2)))
        for fit in fits
    )
    assert abs(m - n) < 4 * np.hypot(e, f)
