"""One layout of fits for both engines, read by ArviZ, and back again."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from evidence.analysis.fingerprint import fingerprint_of, prior_of, quantiles_of
from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.sensitivity import ALPHAS, measure_sensitivity
from evidence.inference.exact import ExactEngine
from evidence.inference.tree import from_tree, prior_draws, to_tree

ENGINE = ExactEngine()
BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.9, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f2", "B", "A", 0.2, 0.2, study="j1", at="s2"),
    cases.order("f3", "A", "B", 0.8, study="j2", at="s2"),
    settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2", {"distance": "unknown"})),
)


@pytest.fixture(scope="module")
def fit():
    case = prepare_case(BASE, cases.spread_model(), target=None, settings=(), seed=1)
    return case, fit_case(case, ENGINE, seed=1), prior_of(case, ENGINE)


def tree_of(fit, posterior=None):
    case, fitted, prior = fit
    return to_tree(
        posterior or fitted, prior, design=case.design, hyper=case.hyper, attributes={"engine": "exact"}, seed=1
    )


def as_chains(posterior):
    """The same posterior as a sampler would return it: equal weights, merits drawn, four chains, statistics."""
    drawn = posterior.resampled(2000)
    rng = np.random.default_rng(0)
    cov = drawn.cov[:, 1:, 1:] + 1e-12 * np.eye(len(drawn.techniques) - 1)
    z = rng.standard_normal((2000, len(drawn.techniques) - 1, 1))
    merits = drawn.mean.copy()
    merits[:, 1:] += (np.linalg.cholesky(cov) @ z)[:, :, 0]
    stats = {"energy": rng.standard_normal(2000), "diverging": np.zeros(2000)}
    return replace(
        drawn, mean=merits, cov=np.zeros_like(drawn.cov), factors=None, factor_weights=None, chains=4, stats=stats
    ).taken(rng.permutation(2000))


def assert_same(found, posterior):
    for name in ("coordinates", "hyper", "weights", "log_likelihood", "mean", "cov", "rho"):
        np.testing.assert_array_equal(getattr(found, name), getattr(posterior, name), err_msg=name)
    assert (found.techniques, found.names, found.chains) == (posterior.techniques, posterior.names, posterior.chains)
    assert found.checks == posterior.checks
    for name in ("factors", "factor_weights"):
        a, b = getattr(found, name), getattr(posterior, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)
    assert found.stats.keys() == posterior.stats.keys()
    for name, values in found.stats.items():
        np.testing.assert_array_equal(values, posterior.stats[name])


def test_a_posterior_comes_back_as_it_was(fit):
    assert_same(from_tree(tree_of(fit), fit[1].checks), fit[1])


def test_a_sampled_posterior_comes_back_as_it_was(fit):
    sampled = as_chains(fit[1])
    assert_same(from_tree(tree_of(fit, sampled), sampled.checks), sampled)


def layout(tree, groups):
    return {
        group: {str(name): (values.dims, values.shape[2:]) for name, values in tree[group].to_dataset().items()}
        for group in groups
    }


def test_both_engines_have_one_layout(fit):
    exact, sampled = tree_of(fit), tree_of(fit, as_chains(fit[1]))
    groups = ["posterior", "prior", "log_prior", "log_likelihood"]
    assert layout(exact, groups) == layout(sampled, groups)
    assert set(sampled.children) - set(exact.children) == {"sample_stats"}
    assert exact["posterior"].sizes["chain"] == sampled["posterior"].sizes["chain"] == 4
    found = exact["posterior"].to_dataset()
    assert found["merit"].dims == ("chain", "draw", "technique")
    assert found["merit"]["technique"].values.tolist() == ["A", "B"]
    assert found["w_d"]["dimension"].values.tolist() == ["distance"]
    assert found["l"]["family"].values.tolist() == ["F1", "F2"]
    assert found["rho"]["setting"].values.tolist() == ["s1", "s2"]


def test_resampled_draws_have_the_weighted_moments(fit):
    case, posterior, _ = fit
    found = tree_of(fit)["posterior"].to_dataset()
    mean = posterior.weights @ posterior.mean
    second = posterior.weights @ (np.einsum("mii->mi", posterior.cov) + posterior.mean**2)
    # 4,000 draws: four standard errors
    sd = np.sqrt(second - mean**2)[1:]
    merits = found["merit"].values.reshape(-1, 2)
    assert np.abs(merits.mean(axis=0) - mean[1:]).max() < (4 * sd / np.sqrt(4000)).max()
    np.testing.assert_allclose(merits.std(axis=0), sd, rtol=0.1)
    k = posterior.names.index("tau_P")
    assert found["tau_P"].values.mean() == pytest.approx(posterior.weights @ posterior.hyper[:, k], rel=0.02)
    assert case.hyper.active[k]


def test_the_fingerprint_can_be_taken_again_from_the_stored_prior(fit):
    case, _, prior = fit
    stored = fingerprint_of(case, prior)
    for name, values in prior_draws(tree_of(fit)).items():
        assert stored[name] == pytest.approx(quantiles_of(values), abs=1e-12), name


def test_arviz_summarises_either_engine(fit):
    import arviz as az

    for tree in (tree_of(fit), tree_of(fit, as_chains(fit[1]))):
        summary = az.summary(tree, group="posterior", var_names=["merit", "tau", "rho"])
        assert summary.index.tolist()[:2] == ["merit[A]", "merit[B]"]
        assert float(az.ess(tree, group="posterior", var_names=["merit"])["merit"].min()) > 1000
        assert float(az.rhat(tree, group="posterior", var_names=["merit"])["merit"].max()) < 1.01


def test_arviz_finds_the_same_sensitivity(fit):
    # ArviZ on 4,000 resampled draws with drawn merits, against 2,048 draws with their normals: noise of about .005
    from arviz import psense

    case, posterior, prior = fit
    mine = measure_sensitivity(case, ENGINE, [posterior], prior, {"A": ("A", "none")}).distance
    tree = tree_of(fit)
    for name in ("tau", "tau_P", "r", "w_0", "w_d", "unknown"):
        found = psense(tree, var_names=["merit"], group="prior", group_var_names=[name], alphas=ALPHAS)
        assert float(found["merit"].sel(technique="A")) == pytest.approx(mine[name], abs=0.012), name
