"""NUTS over tiny PyMC models whose posterior is known."""

import numpy as np
import pymc as pm
import pytest

from evidence.inference.walks import NumpyroWalk, NutpieWalks

SD, N = 0.5, 4


def model_of(y):
    """Theta ~ N(0, 1), four observations with sd .5: the posterior mean is 16 / 17 of theirs, its sd 1 / sqrt(17)."""
    with pm.Model() as model:
        theta = pm.Normal("theta")
        pm.Normal("y", theta, SD, observed=pm.Data("observed", np.full(N, y)))
    return model


def assert_conjugate(values, y):
    precision = 1 + N / SD**2
    assert values.mean() == pytest.approx(y * (precision - 1) / precision, abs=0.04)
    assert values.std() == pytest.approx(precision**-0.5, rel=0.1)


@pytest.mark.slow
def test_nutpie_samples_other_data_without_compiling_again():
    walks = NutpieWalks()
    for y in (1.0, -2.0):
        chains = walks.walk(model_of(y), ["theta"], shape="one", seed=1, tune=300, draws=500)
        assert_conjugate(chains.values["theta"], y)
    assert len(walks._compiled) == 1


def test_numpyro_goes_on_where_it_was_and_tells_how_far_it_is():
    told = []
    walk = NumpyroWalk(
        model_of(0.7), ["theta"], seed=1, tune=300, piece=100, progress=lambda *words: told.append(words[1:])
    )
    chains = walk.more(2)
    more = chains.joined(walk.more(3))
    assert chains.values["theta"].shape == (4, 200)
    assert more.values["theta"].shape == more.stats["diverging"].shape == (4, 500)
    assert_conjugate(more.values["theta"], 0.7)
    assert told == [(0, 6), (1, 3), (2, 3), (3, 6), (4, 6), (5, 6)]
