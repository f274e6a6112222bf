"""The sampled engine against the exact one: the same question, computed from other code (docs/model.md, section 4)."""

import arviz
import numpy as np
import pytest
from numpy.testing import assert_allclose

import cases
from evidence.inference.engine import Evidence, pair_moments
from evidence.inference.exact import ExactEngine
from evidence.inference.hierarchy import build_hierarchy
from evidence.inference.sampled import SampledEngine
from evidence.inference.walks import NumpyroWalk
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

PROBES = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def fits():
    base = cases.base_of(
        cases.effect("f1", "A", "none", 1.1, 0.2, study="j1", at="s1", own_technique=True),
        cases.effect("f2", "B", "none", 0.2, 0.3, study="j1", at="s1"),
        cases.effect("f3", "B", "A", 0.4, 0.25, study="j2", at="s2"),
        cases.order("f4", "A", "B", 0.9, study="j3", at="s2"),
        settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2", {"distance": "major"})),
    )
    design = build_design(base)
    hyper = build_hyper(base, cases.spread_model(), design)
    evidence = Evidence(mask=np.ones(len(base.findings)))
    exact = ExactEngine().fit(design, hyper, evidence, seed=1)
    return exact, SampledEngine().fit(design, hyper, evidence, seed=2), hyper


@pytest.mark.slow
def test_the_gates_pass(fits):
    exact, sampled, _ = fits
    assert exact.ok
    assert set(sampled.checks) == {"r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"}
    assert sampled.ok, sampled.checks


@pytest.mark.slow
def test_every_p_agrees(fits):
    exact, sampled, _ = fits
    n = sampled.checks["ess_bulk"].value
    p, error = pair_moments(exact)
    found = pair_moments(sampled)[0]
    assert np.all(np.abs(found - p) < 4 * np.hypot(error, np.sqrt(p * (1 - p) / n)))


@pytest.mark.slow
def test_hyperparameters_have_the_same_quantiles(fits):
    exact, sampled, hyper = fits
    n = sampled.checks["ess_bulk"].value
    for k in np.flatnonzero(hyper.active):
        order = np.argsort(exact.hyper[:, k])
        for q in PROBES:
            # The share of one engine's draws below the other's quantile is q, up to the errors of both.
            edge = exact.hyper[order, k][np.searchsorted(np.cumsum(exact.weights[order]), q)]
            error = np.sqrt(q * (1 - q) * (1 / n + np.sum(exact.weights**2)))
            assert abs(np.mean(sampled.hyper[:, k] <= edge) - q) < 4 * error, exact.names[k]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "repeated"), [((0.1, 0.6), False), ((0.3, 0.3), True)], ids=["interval", "number, compiled once"]
)
def test_a_stated_validity_is_stored_as_its_relevance(law, repeated):
    """As the collapsed likelihood has it at the same coordinates: l = rho / (v T), which is not rho."""
    base = cases.base_of(cases.effect("f1", "A", "none", 0.8, 0.2, at="s1"), cases.effect("f2", "B", "A", 0.1, 0.2, at="s2"),
                         settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2")))  # fmt: skip
    stated = {"stated_at": "s1", "stated_rho_lo": law[0], "stated_rho_hi": law[1]}
    families = tuple(f.model_copy(update=stated if f.id == "F1" else {}) for f in base.families)
    base = base.model_copy(update={"families": families})
    design = build_design(base)
    hyper = build_hyper(base, cases.spread_model(), design)
    evidence = Evidence(mask=np.ones(len(base.findings)))
    engine = SampledEngine(draws=50, tune=100, repeated=repeated)
    found = engine.fit(design, hyper, evidence, seed=5)
    collapsed = engine.evaluate(design, hyper, evidence, found.coordinates)
    assert_allclose(found.hyper, collapsed.hyper, rtol=1e-3, atol=1e-5)
    assert_allclose(found.rho, collapsed.rho, rtol=1e-3, atol=1e-5)
    relevance = found.hyper[:, hyper.names.index("l[F1]")]
    assert np.all(relevance > found.rho[:, 0])


@pytest.mark.slow
def test_the_coordinates_of_the_walk_leave_the_model_as_it_is():
    """Plain latents L z against the coordinates of `paths`, sampled alike: the same merits and hyperparameters."""
    base = cases.base_of(
        cases.effect("f1", "A", "none", 1.1, 0.4, study="j1", at="s1"),
        cases.effect("f2", "B", "A", 0.4, 0.5, study="j2", at="s2"),
    )
    design = build_design(base)
    hyper = build_hyper(base, cases.spread_model(), design)
    evidence = Evidence(mask=np.ones(len(base.findings)))
    plain, walked = (
        NumpyroWalk(
            build_hierarchy(design, hyper, evidence, walk=walk), ["theta", "tau_P", "r"],
            seed=seed, tune=1000, piece=200, progress=None,
        ).more()
        for seed, walk in ((3, False), (4, True))
    )  # fmt: skip
    for name, values in plain.values.items():
        for one, other in zip(columns_of(values), columns_of(walked.values[name]), strict=True):
            if np.ptp(one) == 0:  # the baseline's merit
                continue
            for q in PROBES:
                edge = np.quantile(one, q)
                n = 1 / sum(1 / float(arviz.ess(x <= edge, chain_axis=0, draw_axis=1)) for x in (one, other))
                assert abs(np.mean(other <= edge) - q) < 4 * np.sqrt(q * (1 - q) / n), name


def columns_of(values):
    """(chain, draw) of each entry of (chain, draw, ...)."""
    flat = values.reshape(*values.shape[:2], -1)
    return [flat[:, :, i] for i in range(flat.shape[2])]
