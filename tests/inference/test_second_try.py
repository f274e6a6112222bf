"""What the sampled engine does when a gate fails: one second try, and which. Chains here are scripted, not walked."""

import numpy as np
import pytest

import cases
from evidence.inference import sampled
from evidence.inference.engine import Evidence
from evidence.inference.walks import CAREFUL_ACCEPT, CHAINS, PIECES, TARGET_ACCEPT, Chains
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

DRAWS = 1000


def scripted(*, diverging=False, apart=False):
    """A stand-in for NumpyroWalk, which samples well but for what is asked for, and a list of what was asked of it."""
    asked = []

    class Walk:
        def __init__(self, model, names, *, seed, tune, piece, progress, target_accept=TARGET_ACCEPT):
            self.names, self.piece, self.rng = names, piece, np.random.default_rng(seed)
            self.sizes = {"theta": len(model.coords["technique"]), "rho": len(model.coords["setting"])}
            self.careful = target_accept == CAREFUL_ACCEPT
            asked.append(("walk", seed, tune, target_accept))

        def more(self, pieces=PIECES):
            asked.append(("more", pieces))
            n = pieces * self.piece
            values = {}
            for name in self.names:
                size = (self.sizes[name],) if name in self.sizes else ()
                values[name] = self.rng.beta(2, 2, (CHAINS, n, *size))
                if apart and pieces == PIECES:  # chains in different places, until they walk on
                    values[name] += np.arange(CHAINS).reshape(-1, 1, *(1 for _ in size)) / CHAINS
            stuck = diverging and not self.careful
            stats = {"diverging": np.full((CHAINS, n), float(stuck)), "energy": self.rng.standard_normal((CHAINS, n))}
            return Chains(values, stats)

    return Walk, asked


def fit(monkeypatch, **script):
    walk, asked = scripted(**script)
    monkeypatch.setattr(sampled, "NumpyroWalk", walk)
    base = cases.base_of(cases.effect("f1", "A", "none", 1.1, 0.2, at="s1"))
    design = build_design(base)
    hyper = build_hyper(base, cases.spread_model(), design)
    evidence = Evidence(mask=np.ones(1))
    return sampled.SampledEngine(draws=DRAWS, tune=300).fit(design, hyper, evidence, seed=4), asked


def test_chains_that_pass_are_taken_as_they_are(monkeypatch):
    found, asked = fit(monkeypatch)
    assert found.ok, found.checks
    assert asked == [("walk", 4, 300, TARGET_ACCEPT), ("more", PIECES)]
    assert len(found.weights) == CHAINS * DRAWS


def test_divergences_ask_for_smaller_steps_from_the_start(monkeypatch):
    found, asked = fit(monkeypatch, diverging=True)
    assert asked == [
        ("walk", 4, 300, TARGET_ACCEPT),
        ("more", PIECES),
        ("walk", 5, 600, CAREFUL_ACCEPT),
        ("more", PIECES),
    ]
    assert found.checks["divergences"].ok  # of the second walk alone


def test_chains_that_differ_walk_on_once_and_fail_where_they_still_do(monkeypatch):
    found, asked = fit(monkeypatch, apart=True)
    assert asked == [("walk", 4, 300, TARGET_ACCEPT), ("more", PIECES), ("more", 2 * PIECES)]
    assert len(found.weights) == 3 * CHAINS * DRAWS
    assert not found.checks["r_hat"].ok
    assert not found.ok


@pytest.mark.parametrize("name", ["r", "tau_P"])
def test_a_hyperparameter_of_a_draw_is_that_of_its_chain(monkeypatch, name):
    found, _ = fit(monkeypatch)
    values = found.hyper[:, found.names.index(name)]
    assert np.ptp(values) > 0.5
    assert values.mean() == pytest.approx(0.5, abs=0.02)  # the script's Beta(2, 2)
