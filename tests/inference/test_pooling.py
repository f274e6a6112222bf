"""Laws learned over many bridges against SciPy's densities and laws that made the draws."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy import optimize, stats

from evidence.inference import pooling
from evidence.inference.pooling import COMMON, SCALES, BridgeDraws, Shape, class_means, laws_at, learn_laws

SHAPE = Shape(
    classes=("chat", "toy"), relevance_centre=np.log([0.7 / 0.3, 0.4 / 0.6]), relevance_doubt=np.array([0.9, 0.6]),
    relevance_size=np.array([9.0, 7.0]), irrelevance_centre=np.log([0.15 / 0.85, 0.35 / 0.65]),
    irrelevance_doubt=1.1, irrelevant=(1.0, 30.0), construct_centre=np.log(9.0), construct_doubt=0.8,
    construct_size=20.0,
)  # fmt: skip
N = len(SCALES)
P = len(SHAPE.names)
MEAN = np.r_[np.log(np.full(N, 0.5)), np.zeros(P - N)]
SD = np.r_[np.full(N, 0.7), np.ones(len(COMMON)), np.full(4, 0.5)]


def expit(x):
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def log_density_by_scipy(phi, draws, shape):
    """Log p of each draw under phi: half-normals, Beta laws and their mixture, one value at a time."""
    at = dict(zip(shape.names, phi, strict=True))
    v = expit(shape.construct_centre + shape.construct_doubt * at["v"])
    total = np.zeros(len(draws.scaled))
    for k, law in enumerate(draws.law):
        total += stats.halfnorm.logpdf(draws.scaled[:, k], scale=np.exp(at[SCALES[law]]))
    for values in draws.construct.T:
        total += stats.beta.logpdf(values, v * shape.construct_size, (1 - v) * shape.construct_size)
    for f, c in enumerate(draws.class_of_family):
        name, values = shape.classes[c], draws.relevance[:, f]
        l = expit(shape.relevance_centre[c] + shape.relevance_doubt[c] * (at["l"] + at[f"l[{name}]"]))  # noqa: E741
        pi = expit(shape.irrelevance_centre[c] + shape.irrelevance_doubt * (at["pi"] + at[f"pi[{name}]"]))
        size = shape.relevance_size[c]
        density = (1 - pi) * stats.beta.pdf(values, l * size, (1 - l) * size)
        total += np.log(density + pi * stats.beta.pdf(values, *shape.irrelevant))
    return total


def draws_of(rng, m, phi, *, law=tuple(range(N)), classes=(0, 1)):
    """m prior draws of one bridge's hyperparameters under phi."""
    v, l, pi = class_means(phi, SHAPE)  # noqa: E741
    relevance = []
    for c in classes:
        size = SHAPE.relevance_size[c]
        relevant = rng.beta(l[c] * size, (1 - l[c]) * size, m)
        relevance.append(np.where(rng.random(m) < pi[c], rng.beta(*SHAPE.irrelevant, m), relevant))
    scaled = np.abs(rng.standard_normal((m, len(law)))) * np.exp(phi[list(law)])
    construct = rng.beta(v * SHAPE.construct_size, (1 - v) * SHAPE.construct_size, (m, 1))
    relevance = np.array(relevance).T.reshape(m, len(classes))
    return BridgeDraws(scaled, np.array(law), relevance, np.array(classes, dtype=np.int64), construct)


@pytest.mark.parametrize("seed", range(3))
def test_the_density_of_hyperparameters_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    phi = MEAN + SD * rng.standard_normal(P)
    # Two weights w_d share one law; two families share one class.
    draws = draws_of(rng, 50, phi, law=(0, 3, 8, 8), classes=(0, 1, 0))
    found = pooling._density(phi, pooling._arrays(draws), pooling._shape_arrays(SHAPE))
    np.testing.assert_allclose(found, log_density_by_scipy(phi, draws, SHAPE), atol=1e-6)


def test_names_are_those_of_the_coordinates():
    wanted = [*SCALES, "v", "l", "pi", "l[chat]", "l[toy]", "pi[chat]", "pi[toy]"]
    assert list(SHAPE.names) == wanted
    base = class_means(np.zeros(P), SHAPE)
    # A class's own shift moves that class alone, the common one both.
    for k, name in enumerate(wanted[N:], start=N):
        moved = class_means(np.eye(P)[k], SHAPE)
        changes = [np.atleast_1d(a != b).tolist() for a, b in zip(moved, base, strict=True)]
        one = {"l[chat]": (1, 0), "l[toy]": (1, 1), "pi[chat]": (2, 0), "pi[toy]": (2, 1)}
        expected = [[False], [False, False], [False, False]]
        if name in one:
            expected[one[name][0]][one[name][1]] = True
        else:
            i = ["v", "l", "pi"].index(name)
            expected[i] = [True] * len(expected[i])
        assert changes == expected, name


def known(rng, truth, n):
    """One bridge that holds `n` values of every hyperparameter, known without error: a single draw under `truth`."""
    parts = [draws_of(rng, 1, truth) for _ in range(n)]
    joined = [np.hstack([getattr(p, name) for p in parts]) for name in ("scaled", "relevance", "construct")]
    law, classes = np.tile(np.arange(N), n), np.tile(np.arange(2), n)
    return BridgeDraws(joined[0], law, joined[1], classes, joined[2])


def test_laws_come_back_from_hyperparameters_that_are_known():
    rng = np.random.default_rng(11)
    truth = MEAN + SD * rng.choice([-1.0, 1.0], P)
    found = learn_laws([known(rng, truth, 60)], MEAN, SHAPE, MEAN, SD)
    sd = np.sqrt(np.diag(found.cov))
    assert np.abs((found.phi - truth) / sd)[: N + 1].max() < 3.5
    # 60 values tell a half-normal's scale to 1 / sqrt(2 x 60): closed form of its Fisher information.
    np.testing.assert_allclose(sd[:N], (2 * 60 + SD[:N] ** -2) ** -0.5, rtol=0.25)
    # Common and own shifts trade places; their sums are what the bridges see.
    for kind, own in (("l", N + 3), ("pi", N + 5)):
        common = N + list(COMMON).index(kind)
        for c in range(2):
            both = np.eye(P)[common] + np.eye(P)[own + c]
            assert abs(both @ (found.phi - truth)) < 3.5 * np.sqrt(both @ found.cov @ both), (kind, c)
    # The prior alone would not have found it: the truth lies a prior sd away, and the laws moved most of that.
    assert np.abs((found.phi - MEAN) / SD)[:N].min() > 0.5


def test_the_law_of_one_measured_scale_is_that_of_a_grid():
    # The bridge's draws are prior draws under the reference, weighted by a measurement of log tau with error .2 and
    # resampled. Exact: the same likelihood integrated over tau on a grid, its mode by SciPy.
    rng = np.random.default_rng(12)
    seen, error = MEAN[0] + 0.6, 0.2
    prior = draws_of(rng, 200_000, MEAN, law=(0,), classes=())
    w = stats.norm.pdf(np.log(prior.scaled[:, 0]), seen, error)
    index = rng.choice(len(w), 20_000, p=w / w.sum())
    draws = replace(
        prior, scaled=prior.scaled[index], relevance=prior.relevance[index], construct=prior.construct[index]
    )
    found = learn_laws([draws], MEAN, SHAPE, MEAN, SD)
    grid = np.linspace(-9, 4, 2601)

    def negative(log_scale):
        density = (
            stats.halfnorm.logpdf(np.exp(grid), scale=np.exp(log_scale)) + grid + stats.norm.logpdf(seen, grid, error)
        )
        return 0.5 * ((log_scale - MEAN[0]) / SD[0]) ** 2 - np.logaddexp.reduce(density)

    wanted = optimize.minimize_scalar(negative, bounds=(-4, 3), method="bounded").x
    assert wanted > MEAN[0] + 0.2
    # 20,000 draws of which the weights keep most: about .01 of a prior sd.
    assert found.phi[0] == pytest.approx(wanted, abs=0.03)
    # What the bridge does not speak of stays where the hand put it, as uncertain as before.
    rest = [k for k in range(P) if k not in (0, N)]
    np.testing.assert_allclose(found.phi[rest], MEAN[rest], atol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(found.cov))[rest], SD[rest], rtol=1e-3)


def test_a_bridge_left_out_by_mask_is_as_good_as_absent():
    rng = np.random.default_rng(13)
    phi = MEAN + 0.5 * SD
    bridges = [draws_of(rng, 5, phi) for _ in range(3)]

    def at(some, include):
        arrays, old = tuple(pooling._arrays(b) for b in some), tuple(np.zeros(5) for _ in some)
        data = (arrays, old, np.array(include, float), pooling._shape_arrays(SHAPE), MEAN, SD)
        return pooling._value_and_slope(phi, data)

    value, slope = at(bridges, [1, 0, 1])
    other, other_slope = at([bridges[0], bridges[2]], [1, 1])
    assert float(value) == pytest.approx(float(other), rel=1e-12)
    np.testing.assert_allclose(slope, other_slope, rtol=1e-10, atol=1e-12)
    assert float(at(bridges, [1, 1, 1])[0]) != pytest.approx(float(value), rel=1e-6)


def test_no_bridge_leaves_the_prior():
    rng = np.random.default_rng(14)
    found = learn_laws([known(rng, MEAN, 60)], MEAN, SHAPE, MEAN, SD, include=[False])
    np.testing.assert_allclose(found.phi, MEAN, atol=1e-6)
    np.testing.assert_allclose(found.cov, np.diag(SD**2), atol=1e-9)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_slopes_are_finite_at_the_ends_of_every_range(edge):
    rng = np.random.default_rng(15)
    draws = draws_of(rng, 3, MEAN)
    draws = replace(
        draws, scaled=0 * draws.scaled, relevance=0 * draws.relevance + edge, construct=0 * draws.construct + edge
    )
    shape = pooling._shape_arrays(SHAPE)
    slope = jax.jacobian(lambda phi: pooling._density(phi, pooling._arrays(draws), shape))(MEAN + SD)
    assert np.isfinite(np.asarray(slope)).all()
    assert np.abs(np.asarray(slope)).max() > 0


def test_slopes_are_those_of_finite_differences():
    rng = np.random.default_rng(16)
    bridges = tuple(pooling._arrays(draws_of(rng, 4, MEAN)) for _ in range(3))
    data = (bridges, tuple(np.zeros(4) for _ in bridges), np.ones(3), pooling._shape_arrays(SHAPE), MEAN, SD)
    phi = MEAN + 0.3 * SD * rng.standard_normal(P)
    _, slope = pooling._value_and_slope(phi, data)
    wanted = optimize.approx_fprime(phi, lambda x: float(pooling._value_and_slope(x, data)[0]), 1e-6)
    np.testing.assert_allclose(slope, wanted, rtol=1e-3, atol=1e-3)


def test_weights_of_draws_are_ratios_of_densities():
    rng = np.random.default_rng(17)
    draws, phi = draws_of(rng, 30, MEAN), MEAN + 0.4 * SD
    (found,) = laws_at(phi, [draws], MEAN, SHAPE, np.eye(P)).log_weights
    wanted = log_density_by_scipy(phi, draws, SHAPE) - log_density_by_scipy(MEAN, draws, SHAPE)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_draws_of_laws_have_their_mean_and_covariance():
    rng = np.random.default_rng(18)
    root = rng.standard_normal((P, P)) / P
    laws = pooling.LearnedLaws(MEAN, root @ root.T, ())
    found = laws.draws(20_000, 1)
    sd = np.sqrt(np.diag(laws.cov))
    np.testing.assert_allclose(found.mean(axis=0), MEAN, atol=5 * sd.max() / np.sqrt(20_000))
    np.testing.assert_allclose(np.cov(found.T), laws.cov, atol=6 * sd.max() ** 2 / np.sqrt(20_000))
