"""The prior shown is the prior used (TESTS R9), from the engine's own draws."""

import numpy as np
import pytest
from scipy import stats

import cases
from evidence.analysis.fingerprint import compare_fingerprints, fingerprint_of, prior_of
from evidence.analysis.fitting import prepare_case
from evidence.analysis.ranking import fit_ranking
from evidence.domain.results import Pair
from evidence.inference.exact import ExactEngine
from evidence.report.documents import json_of

ENGINE = ExactEngine()
MODEL = cases.spread_model()
BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.9, 0.2, study="j1", at="s1", own_technique=True),
    cases.effect("f2", "B", "none", 0.2, 0.2, study="j1", at="s1"),
    cases.effect("f3", "A", "B", 0.5, 0.3, study="j2", at="s2"),
    settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2", {"distance": "unknown"})),
    novelty=0.5,
)
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
PAIR = Pair(technique="A", comparator="B", technique_name="A", comparator_name="B")


def fingerprint(*settings, base=BASE, model=MODEL, pair=None):
    case = prepare_case(base, model, target=None, settings=settings, seed=1)
    return fingerprint_of(case, prior_of(case, ENGINE), pair)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("tau", stats.halfnorm(scale=1.0)), ("w_0", stats.halfnorm(scale=1.5)), ("r", stats.beta(2, 4)),
        ("w_d[distance]", stats.halfnorm(scale=0.7)), ("unknown[distance]", stats.beta(2, 1)),
        ("v[s1]", stats.beta(18, 2)),
    ],
)  # fmt: skip
def test_quantiles_are_those_of_the_model_file(name, law):
    # Latin hypercube of 2,048: each quantile is met to one part in 2,048
    found = fingerprint()[name]
    assert law.cdf(list(found.values())) == pytest.approx(list(QUANTILES.values()), abs=1 / 2048)


def test_the_prior_of_a_merit_is_the_scale_mixture_and_of_a_pair_even():
    # theta = tau z with tau half-normal(1): by quadrature P(theta <= x) = E Phi(x / tau)
    found = fingerprint()
    tau = stats.halfnorm.ppf((np.arange(20_000) + 0.5) / 20_000)
    levels = [stats.norm.cdf(x / tau).mean() for x in found["merit[A]"].values()]
    assert levels == pytest.approx(list(QUANTILES.values()), abs=2e-3)
    assert found["p_above"] == {"lowest": 0.5, "highest": 0.5}
    assert fingerprint(pair=PAIR)["p_above"] == {"p": 0.5}
    assert fingerprint(pair=PAIR)["contrast"]["q50"] == pytest.approx(0, abs=1e-9)


def test_a_stated_validity_cut_by_its_gaps_is_shown_as_it_is_used():
    # rho of s1 is stated near its cap: what the cap rules out is gone from rho, and from v, w and w_0, which allow it
    stated, free = fingerprint("validity.F1=.35...7"), fingerprint()
    law = stats.beta(*_beta_of(0.35, 0.7))
    assert stated["rho[s1]"]["q95"] < law.ppf(0.95) - 0.02
    assert stated["w_0"]["q50"] < free["w_0"]["q50"] - 0.1
    assert stated["tau"]["q50"] == pytest.approx(free["tau"]["q50"], abs=0.05)
    # the median left is that of simulating statement and cap by hand
    rng = np.random.default_rng(0)
    n = 400_000
    cap = stats.beta(18, 2).rvs(n, random_state=rng) * np.exp(
        -0.5 * np.abs(rng.normal(0, 0.7, n)) - 0.5 * np.abs(rng.normal(0, 1.5, n))
    )
    rho = law.rvs(n, random_state=rng)
    kept = rho[rho <= cap]
    assert stats.percentileofscore(kept, stated["rho[s1]"]["q50"]) == pytest.approx(50, abs=5)


def _beta_of(lo, hi):
    from evidence.model.priors import prior_from_interval

    prior = prior_from_interval(lo, hi, support="unit", claim="test")
    return prior.a, prior.b


CHANGES = (
    "prior.tau=0.3..0.9", "prior.tau_P=0.5..1.5", "prior.sigma=0.3..0.6", "prior.sigma_b=0.3..0.6",
    "prior.mu_b=0.4..0.8", "prior.sigma_d=0.3..0.6", "prior.mu_d=0.4..0.8", "prior.r=0.5..0.9",
    "prior.w_0=0.1..0.5", "prior.w_d=0.1..0.3", "validity.F1=0.1..0.3", "relevance.F1=0.2..0.5",
    "irrelevance.F1=0.6", "novelty.target=1", "gap.s1.distance=major",
)  # fmt: skip


@pytest.mark.slow
def test_changing_a_prior_changes_fingerprint_and_posterior_and_changing_it_back_gives_the_same_bytes():
    # R9: a display that keeps an old prior, or an engine that keeps an old one (JASP issue 730)
    def ranked(*settings):
        return fit_ranking(BASE, MODEL, engine=ENGINE, settings=settings).ranking

    first = ranked()
    assert first.ok
    text = json_of(first)
    for change in CHANGES:
        found = ranked(change)
        difference = compare_fingerprints(first.fingerprint, found.fingerprint)
        assert difference.largest > 0.05, change
        key, name = change.split("=")[0].split(".")[:2]
        expected = {
            "prior": f"{name}[distance]" if name == "w_d" else name, "gap": "rho[s1]", "novelty": "rho[s1]",
            "validity": "l[F1]", "relevance": "l[F1]", "irrelevance": "l[F1]",
        }[key]  # fmt: skip
        assert expected in difference.names, change
        moved = [abs(t.merit_q95 - u.merit_q95) for t, u in _same(first, found)]
        moved += [abs(first.p_above["A"]["B"] - found.p_above["A"]["B"])]
        assert max(moved) > 1e-3, change
        assert json_of(found) != text
    assert json_of(ranked()) == text


def _same(first, second):
    found = {t.id: t for t in second.techniques}
    return [(t, found[t.id]) for t in first.techniques if t.id != "none"]


def test_fingerprints_do_not_depend_on_the_seed():
    assert (
        fit_ranking(BASE, MODEL, engine=ENGINE, seed=2).ranking.fingerprint
        == fit_ranking(BASE, MODEL, engine=ENGINE, seed=3).ranking.fingerprint
    )


def test_the_difference_of_fingerprints_names_what_differs_most_first():
    a = {"tau": {"q05": 0.1, "q50": 0.5}, "r": {"q50": 0.3}, "w_0": {"q50": 1.0}}
    b = {"tau": {"q05": 0.1, "q50": 0.7}, "r": {"q50": 0.8}, "w_0": {"q50": 1.0}}
    assert compare_fingerprints(a, a).largest == 0
    assert compare_fingerprints(a, a).names == ()
    found = compare_fingerprints(a, b)
    assert found.largest == pytest.approx(0.5)
    assert found.names == ("r", "tau")
    lacking = compare_fingerprints(a, {"tau": a["tau"]})
    assert lacking.largest == float("inf")
    assert set(lacking.names) == {"r", "w_0"}
