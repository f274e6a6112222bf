"""The PyMC model piece by piece: its priors against quantile functions, its likelihood against textbook densities."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats

import cases
from evidence.domain.records import RegisteredMerit, RegisteredOrder
from evidence.inference.engine import Evidence
from evidence.inference.hierarchy import build_hierarchy
from evidence.inference.laws import NormalCoordinate, distribution_of, draw, log_density
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.priors import Mixture

# Each law's distribution function is SciPy's, with its own words for the parameters.
LAWS = {
    "HalfNormal": (cases.prior("HalfNormal", scale=0.7), stats.halfnorm(scale=0.7)),
    "HalfCauchy": (cases.prior("HalfCauchy", scale=0.4), stats.halfcauchy(scale=0.4)),
    "Normal": (cases.prior("Normal", mean=0.2, sd=0.5), stats.norm(0.2, 0.5)),
    "LogNormal": (cases.prior("LogNormal", median=0.6, sigma=0.8), stats.lognorm(0.8, scale=0.6)),
    "Beta": (cases.prior("Beta", a=6, b=3), stats.beta(6, 3)),
    "Uniform": (cases.prior("Uniform", lo=0.2, hi=1.4), stats.uniform(0.2, 1.2)),
    "LogUniform": (cases.prior("LogUniform", lo=0.1, hi=10), stats.loguniform(0.1, 10)),
}
N = 4000


@pytest.fixture(autouse=True)
def _no_compiler():
    """A few thousand numbers: compiling them would take longer."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def drawn(law):
    with pm.Model():
        return np.asarray(pm.draw(draw("x", law), draws=N, random_seed=1))


@pytest.mark.parametrize(("law", "reference"), LAWS.values(), ids=LAWS)
def test_a_law_is_drawn_as_scipy_knows_it(law, reference):
    # Kolmogorov and Smirnov: a right law falls below 1e-4 once in ten thousand seeds, and the seed is fixed.
    assert stats.kstest(drawn(law), reference.cdf).pvalue > 1e-4


def test_a_half_student_t_is_drawn_as_the_size_of_a_student_t():
    values = drawn(cases.prior("HalfStudentT", df=4, scale=0.5))
    assert stats.kstest(values, lambda x: 2 * stats.t(4, scale=0.5).cdf(x) - 1).pvalue > 1e-4


def test_a_mixture_is_drawn_by_its_shares():
    law = Mixture(0.3, cases.prior("Beta", a=1, b=20), cases.prior("Beta", a=8, b=2))

    def mixed(x):
        return 0.3 * stats.beta(1, 20).cdf(x) + 0.7 * stats.beta(8, 2).cdf(x)

    assert stats.kstest(drawn(law), mixed).pvalue > 1e-4
    assert stats.kstest(drawn(law), lambda x: mixed(x) * 0.5 + 0.25).pvalue < 1e-4  # the test can fail


@pytest.mark.parametrize("law", [law for law, _ in LAWS.values() if law.dist != "LogUniform"], ids=lambda law: law.dist)
def test_in_its_coordinate_every_law_is_standard_normal(law):
    """Change of variables: p(x) |dx / dxi| = phi(xi) up to the interpolation of the table, which is no part of the law."""
    xi = np.linspace(-4, 4, 41)
    coordinate = NormalCoordinate(law)
    value = coordinate.backward(pytensor.tensor.constant(xi))
    log_p = log_density(law, value) + coordinate.log_jac_det(pytensor.tensor.constant(xi))
    assert_allclose(log_p.eval(), stats.norm.logpdf(xi), atol=2e-3)
    assert_allclose(coordinate.forward(value).eval(), xi, atol=2e-3)


def test_a_law_that_pymc_does_not_draw_as_such_is_named():
    with pytest.raises(ValueError, match="dist: found LogUniform, wanted a distribution that PyMC draws as such"):
        distribution_of(LAWS["LogUniform"][0])


def everything():
    """A contrast, a table, an arm of counts, an order and an existence; no implementation noise."""
    return cases.base_of(
        cases.effect("sized", "A", "none", 0.8, 0.3, at="s1"),
        cases.finding("table", "B", "A", "counts", at="s2", k=30, n=40, k0=12, n0=50),
        cases.finding("arm", "A", None, "proportion", at="s3", study="j2", k=9, n=20),
        cases.order("order", "A", "B", 0.9, at="s1", study="j3"),
        cases.finding("existence", "B", "none", "existence", at="s2", study="j4", q=0.8),
        settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2"), cases.setting("s3", "F3")),
    )


def model_of(base, *, likelihood="binomial", walk=False):
    design = build_design(base)
    model = cases.spread_model(sigma=cases.prior("Point", value=0.0))
    model = model.model_copy(update={"merits": base.merits, "orders": base.orders})
    hyper = build_hyper(base, model, design)
    evidence = Evidence(mask=np.ones(len(base.findings)))
    return build_hierarchy(design, hyper, evidence, likelihood=likelihood, walk=walk)


def log_binomial(k, n, logit):
    """Without the number of ways, as the model leaves it out."""
    return k * special.log_expit(logit) + (n - k) * special.log_expit(-logit)


def test_the_likelihood_is_that_of_normal_binomial_and_statements():
    model = model_of(everything())
    names = model.coords["technique"]
    places = model.coords["place"]
    f, level, found = pm.draw([model["f"], model["intercept"], model["log_likelihood"]], draws=30, random_seed=3)

    def at(technique, place):
        return f[:, names.index(technique), places.index(place)]

    cell = {name: level[:, i] for i, name in enumerate(model.coords["cell"])}
    table, arm = (next(v for name, v in cell.items() if word in name) for word in ("table", "j2"))
    logit = np.pi / np.sqrt(3)
    expected = stats.norm.logpdf(0.8, at("A", "s1"), 0.3)
    expected += log_binomial(30, 40, logit * (at("B", "s2") + table)) + log_binomial(
        12, 50, logit * (at("A", "s2") + table)
    )
    expected += log_binomial(9, 20, logit * (at("A", "s3") + arm))
    expected += np.log(np.where(at("A", "s1") > at("B", "s1"), 0.9, 0.1))
    expected += np.log(np.where(at("B", "s2") > 0.1, 0.8, 0.2))
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_counts_may_be_read_as_normal_where_no_cell_is_small():
    both = [{v.name for v in model_of(everything(), likelihood=name).observed_RVs} for name in ("binomial", "normal")]
    assert both == [{"contrast"}, {"contrast", "score"}]
    with pytest.raises(ValueError, match="likelihood: found 'poisson', wanted 'binomial' or 'normal'"):
        model_of(everything(), likelihood="poisson")


def test_a_registered_merit_and_order_are_terms_of_their_own():
    """A statement about the targets' effects; a pseudo-finding over its own marginal likelihood, none where tau <= s."""
    base = cases.base_of(cases.effect("f", "A", "B", 0.4, 0.3, at="s1"))
    merit = RegisteredMerit(technique="A", mean=0.5, sd=0.3, claim="c")
    order = RegisteredOrder(technique="A", comparator="B", q=0.8, claim="c")
    model = model_of(base.model_copy(update={"orders": (order,)}))
    f, found = pm.draw([model["f"], model["log_likelihood"]], draws=30, random_seed=4)
    names, places = model.coords["technique"], model.coords["place"]
    a, b = (f[:, names.index(t)] for t in "AB")
    expected = stats.norm.logpdf(0.4, a[:, places.index("s1")] - b[:, places.index("s1")], 0.3)
    expected += np.log(np.where(a[:, -1] > b[:, -1], 0.8, 0.2))
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)

    model = model_of(base.model_copy(update={"merits": (merit,)}))
    theta, f, tau, found = pm.draw(
        [model["theta"], model["f"], model["tau"], model["log_likelihood"]], draws=30, random_seed=5
    )
    sized = stats.norm.logpdf(0.4, f[:, names.index("A"), 0] - f[:, names.index("B"), 0], 0.3)
    on = tau > 0.3
    d = 1 / 0.3**2 - 1 / tau[on] ** 2  # docstring of observe_merits: N(y; theta, 1/d) / N(y; 0, tau^2 + 1/d)
    y = 0.5 / 0.3**2 / d
    term = stats.norm.logpdf(y, theta[on, names.index("A")], d**-0.5) - stats.norm.logpdf(
        y, 0, np.sqrt(tau[on] ** 2 + 1 / d)
    )
    assert 5 < on.sum() < 30
    assert_allclose((found - sized)[on], term, rtol=1e-7, atol=1e-7)
    assert_allclose((found - sized)[~on], 0, atol=1e-12)

    for changes, words in (
        ({"orders": (order,), "merits": (merit,)}, "orders: found registered merits"),
        ({"merits": (merit.model_copy(update={"technique": "none"}),)}, "merits: found the baseline 'none'"),
    ):
        with pytest.raises(ValueError, match=words):
            model_of(base.model_copy(update=changes))


def test_statements_become_coordinates_of_the_walk():
    """What a coordinate carries is no step of the density, and is in the likelihood that is told all the same."""
    plain, walk = (model_of(everything(), walk=walk) for walk in (False, True))
    potentials = [{p.name for p in model.potentials} for model in (plain, walk)]
    assert [("statement" in names, "g" in names) for names in potentials] == [(True, False), (False, True)]
    assert [model.initial_point()[name].shape for model, name in ((plain, "z"), (walk, "x"))] == [
        (len(plain.coords["effect"]),)
    ] * 2
