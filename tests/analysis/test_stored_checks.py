"""`diagnose`: the checks of a stored fit against those of its draws, for weighted draws and for chains."""

from dataclasses import replace

import numpy as np
import pytest

from evidence.analysis.diagnose import diagnose_fit, is_whole
from evidence.domain.results import Check, FitHeader, Provenance
from evidence.inference.checks import chain_checks, effective_sample_size, pareto_k
from evidence.inference.engine import Posterior

PROVENANCE = Provenance(base_sha256="9f" * 32, model_sha256="51" * 32, version="0.1.0", seed=1)
N = 4000


def posterior(**changes):
    """Two techniques, one hyperparameter, merits known up to a little noise."""
    rng = np.random.default_rng(0)
    cov = np.zeros((N, 3, 3))
    cov[:, 1, 1] = cov[:, 2, 2] = 0.5
    mean = np.concatenate([np.zeros((N, 1)), rng.normal(0, 0.1, (N, 2))], axis=1)
    weights = rng.gamma(3.0, size=N)
    found = Posterior(
        techniques=("none", "A", "B"), names=("tau",), coordinates=rng.standard_normal((N, 1)),
        hyper=rng.gamma(2.0, size=(N, 1)), weights=weights / weights.sum(), log_likelihood=np.zeros(N), mean=mean,
        cov=cov, rho=np.full((N, 1), 0.5),
    )  # fmt: skip
    return replace(found, **changes)


def chains(**changes):
    found = posterior()
    rng = np.random.default_rng(1)
    stats = {"energy": rng.standard_normal(N), "diverging": np.zeros(N)}
    merits = {"mean": found.mean, "cov": np.zeros_like(found.cov), "weights": np.full(N, 1 / N)}
    return replace(found, **{**merits, "chains": 4, "stats": stats, **changes})


def header(checks, **changes):
    values = {
        "base": "tiny", "target": "T", "model": "default", "engine": "exact", "checks": checks,
        "ok": all(check.ok for check in checks.values()), "whole": True, "fingerprint": {}, "provenance": PROVENANCE,
    }  # fmt: skip
    return FitHeader(**(values | changes))


def weighted_checks(found):
    k_hat, ess = pareto_k(np.log(found.weights)), effective_sample_size(found.weights)
    return {
        "k_hat": Check(value=k_hat, ok=True, wanted="< 0.7"),
        "irrelevance_halves": Check(value=0.01, ok=True, wanted="<= 0.02"),
        "ess": Check(value=ess, ok=True, wanted=">= 100"),
    }


def test_a_sound_fit_is_sound_and_what_draws_cannot_tell_is_left_as_stored():
    found = posterior()
    diagnosis = diagnose_fit(header(weighted_checks(found)), found, {})
    assert diagnosis.ok
    assert diagnosis.recomputed.keys() == {"k_hat", "ess"}


def test_draws_that_fail_today_fail_whatever_the_header_says():
    weights = np.full(N, 1e-9)
    weights[:20] = 1.0
    found = posterior(weights=weights / weights.sum())
    checks = {"ess": Check(value=effective_sample_size(found.weights), ok=True, wanted=">= 100")}
    diagnosis = diagnose_fit(header(checks), found, {})
    assert not diagnosis.ok
    assert not diagnosis.recomputed["ess"].ok
    assert diagnosis.disagreeing == ("ess",)


def test_thinned_draws_tell_nothing_about_the_weights():
    found = replace(posterior(), checks={"ess": Check(value=50_000, ok=True, wanted=">= 100")})
    assert not is_whole(found)
    assert is_whole(replace(found, checks=weighted_checks(found)))
    assert not is_whole(replace(found, checks={"ess 1": found.checks["ess"]}))  # draws for several targets
    diagnosis = diagnose_fit(header(found.checks, whole=False), found, {})
    assert diagnosis.ok
    assert diagnosis.recomputed == {}


def test_chains_are_judged_by_the_gates_of_a_sampler():
    found = chains()
    stats = {name: values.reshape(4, -1) for name, values in found.stats.items()}
    checks = chain_checks(np.concatenate([found.mean[:, 1:], found.hyper], axis=1).reshape(4, -1, 3), stats)
    assert all(check.ok for check in checks.values())
    diagnosis = diagnose_fit(header(checks, engine="sampled"), found, {})
    assert diagnosis.ok
    assert diagnosis.recomputed == {name: pytest.approx(check) for name, check in checks.items()}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"stats": {"diverging": np.eye(1, N)[0], "energy": np.zeros(N)}}, "divergences"),
        ({"mean": chains().mean + np.repeat(np.arange(4.0), N // 4)[:, None] * [0, 1, 0]}, "r_hat"),
    ],
)
def test_chains_that_fail_today_fail_whatever_the_header_says(change, name):
    changed = chains(**change)
    if name == "divergences":
        changed.stats["energy"] = chains().stats["energy"]
    diagnosis = diagnose_fit(header({name: Check(value=0, ok=True, wanted="")}), changed, {})
    assert not diagnosis.ok
    assert name in diagnosis.disagreeing


def test_a_fingerprint_is_compared_where_the_stored_draws_can_tell():
    draws = (np.arange(1000) + 0.5) / 1000
    stored = {"tau": {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}, "p_above": {"p": 0.5}}
    found = posterior()
    checks = weighted_checks(found)
    assert diagnose_fit(header(checks, fingerprint=stored), found, {"tau": draws}).ok
    other = diagnose_fit(header(checks, fingerprint=stored), found, {"tau": draws + 0.1})
    assert not other.ok
    assert other.fingerprint_max_diff == pytest.approx(0.1)
    lacking = diagnose_fit(header(checks, fingerprint={}), found, {"tau": draws})
    assert not lacking.ok
