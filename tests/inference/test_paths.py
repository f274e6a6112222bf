"""Coordinates of the sampled engine: the law they carry is that of the plain model, by the rule of densities.

Expected values: the normal density of SciPy, the Jacobian by finite differences, and the tilted normal by its integral.
"""

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import integrate, stats

from evidence.inference.paths import BASELINE, Margin, Reading, follow, is_among, links_of, tilted

K = np.array([[1.0, 0.3, 0.2], [0.3, 1.0, 0.5], [0.2, 0.5, 1.0]])
SPREAD, BIAS = np.array([0.8, 0.8, 1.3]), np.array([0.1, 0.1, 0.0])
MARGINS = (Margin(0, BASELINE, 0.0, 1.2), Margin(2, 0, 0.3, -0.7))
READING = (np.array([0.9, -0.2]), np.array([[1.0, -1.0, 0.0], [0.0, 0.5, 1.0]]), np.array([0.2, 0.5]))


def mapped(links, reading):
    """x -> (g, log density that the map carries), compiled."""
    x = pt.dvector("x")
    read = None if reading is None else Reading(*(pt.constant(part) for part in reading))
    g, log_weight = follow(
        x, 3, pt.constant(K), reading=read, links=links, spread=pt.constant(SPREAD), bias=pt.constant(BIAS)
    )
    return pytensor.function([x], [g, log_weight], mode="FAST_COMPILE")


def log_probability(link, effects):
    """Of one statement, right with the probability that its log-odds are."""
    child, parent = (0.0 if i == BASELINE else effects[i] for i in (link.child, link.parent))
    is_true = link.sign * (child - parent) > link.threshold
    return -np.logaddexp(0.0, -link.log_odds if is_true else link.log_odds)


@pytest.mark.parametrize("reading", [None, READING], ids=["nothing sized", "two rows"])
@pytest.mark.parametrize("margins", [(), MARGINS], ids=["no statement", "two statements"])
def test_the_map_carries_the_density_of_the_plain_model(margins, reading):
    links = links_of(margins)
    assert len(links) == len(margins)
    run, rng, h = mapped(links, reading), np.random.default_rng(1), 1e-5
    for x in rng.normal(size=(4, 3)):
        g, carried = run(x)
        jacobian = np.array([(run(x + h * e)[0] - run(x - h * e)[0]) / (2 * h) for e in np.eye(3)])
        plain = stats.multivariate_normal(cov=K).logpdf(g) + sum(log_probability(k, SPREAD * g + BIAS) for k in links)
        walked = stats.norm.logpdf(x).sum() - math.log(abs(np.linalg.det(jacobian)))
        assert carried == pytest.approx(plain - walked, abs=1e-6)


@pytest.mark.parametrize("log_odds", [-2.0, 0.0, 3.0])
@pytest.mark.parametrize("a", [-1.5, 0.4])
def test_a_tilted_step_follows_its_law(a, log_odds):
    x = pt.dscalar("x")
    run = pytensor.function(
        [x], list(tilted(x, *(pt.constant(np.float64(v)) for v in (a, log_odds)))), mode="FAST_COMPILE"
    )
    q = 1 / (1 + math.exp(-log_odds))
    wanted = q * stats.norm.cdf(a) + (1 - q) * stats.norm.cdf(-a)
    for at in (-2.0, -0.3, 1.1):
        w, log_z = run(at)
        assert log_z == pytest.approx(math.log(wanted), abs=1e-12)
        below = integrate.quad(
            lambda t: stats.norm.pdf(t) * (q if t > -a else 1 - q), -12, w, points=[min(-a, w)], epsabs=1e-12
        )[0]
        assert below / wanted == pytest.approx(stats.norm.cdf(at), abs=1e-8)


def test_equal_margins_add_opposite_ones_subtract():
    (link,) = links_of([Margin(0, 1, 0.2, 1.0), Margin(0, 1, 0.2, 0.5), Margin(1, 0, -0.2, 0.25)])
    assert link.log_odds == pytest.approx(1.25)
    high, low = (link.child, link.parent) if link.sign > 0 else (link.parent, link.child)
    assert (high, low, link.threshold) == (0, 1, 0.2)


def test_the_weakest_margin_of_a_circle_is_left_out():
    circle = [Margin(0, 1, 0.0, 2.0), Margin(1, 2, 0.0, -0.5), Margin(2, 0, 0.0, 1.0)]
    links = links_of(circle)
    assert [is_among(margin, links) for margin in circle] == [True, False, True]
    assert is_among(Margin(1, 0, -0.0, 9.0), links), "the opposite margin is carried by the same link"
    # Every effect is placed once, and after the one it hangs on.
    placed = {links[0].parent}
    for link in links:
        assert link.parent in placed
        assert link.child not in placed
        placed.add(link.child)
