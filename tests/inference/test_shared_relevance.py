"""`relevance_per = "class"`: families of one class have one relevance, in both engines and whatever else is changed."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import cases
import dense
from evidence.domain.records import Parametrisation
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.inference.hierarchy import build_hierarchy
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

FAMILIES = ("F0", "F1", "F2", "F3")
BASE = cases.base_of(
    *(cases.effect(f"f{i}", "AB"[i % 2], "none", 0.4 + 0.1 * i, 0.2, study=f"j{i}", at=f"s{i}") for i in range(4)),
    settings=[cases.setting(f"s{i}", name) for i, name in enumerate(FAMILIES)],
)
MODEL = cases.spread_model().model_copy(update={"parametrisation": Parametrisation(relevance_per="class")})
EVERYTHING = Evidence(mask=np.ones(4))


def with_classes(*classes):
    """The base and the model with these validity classes, one for each family, all with the same law."""
    families = tuple(f.model_copy(update={"validity_class": c}) for f, c in zip(BASE.families, classes, strict=True))
    law = MODEL.classes["proxy"]
    return BASE.model_copy(update={"families": families}), MODEL.model_copy(
        update={"classes": dict.fromkeys(set(classes), law)}
    )


def relevance(base, model, change=lambda hyper: hyper, n=4000):
    """(n, F) relevance of each family by draws of the prior, and the prior."""
    design = build_design(base)
    hyper = change(build_hyper(base, model, design))
    xi = np.random.default_rng(1).standard_normal((n, len(hyper.names))) * hyper.active
    first = hyper.slots["l"]
    found = ExactEngine().evaluate(design, hyper, EVERYTHING, xi).hyper[:, first : first + 4]
    return found, hyper


def test_families_of_one_class_share_a_relevance_and_others_do_not():
    found, hyper = relevance(*with_classes("a", "b", "a", "b"))
    np.testing.assert_array_equal(found[:, 0], found[:, 2])
    np.testing.assert_array_equal(found[:, 1], found[:, 3])
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 4 / np.sqrt(len(found))
    assert [name for name in hyper.names if name.startswith("l[") and hyper.active[hyper.names.index(name)]] == [
        "l[F0]", "l[F1]"
    ]  # fmt: skip


def test_the_likelihood_is_the_dense_one_at_the_shared_relevance():
    base, model = with_classes("a", "b", "a", "a")
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    xi = np.random.default_rng(2).standard_normal((20, len(hyper.names)))
    posterior = ExactEngine().evaluate(design, hyper, EVERYTHING, xi)
    offsets = []
    for values, found, mean in zip(posterior.hyper, posterior.log_likelihood, posterior.mean, strict=True):
        value = dict(zip(hyper.names, values, strict=True))
        eta = {k: value[k] for k in ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")}
        shared = {"F0": value["l[F0]"], "F1": value["l[F1]"], "F2": value["l[F0]"], "F3": value["l[F0]"]}
        eta |= {
            "novelty": 1.0, "x": {(f"s{i}", "distance"): 0.5 for i in range(4)}, "l": shared,
            "w_d": {"distance": value["w_d[distance]"]},
            "v": {f"s{i}": value["v[s1]" if i == 1 else "v[s0]"] for i in range(4)},
        }  # fmt: skip
        log_likelihood, wanted, _ = dense.log_likelihood_and_posterior(base, eta)
        np.testing.assert_allclose(mean[1:], wanted, atol=1e-10)
        offsets.append(found - log_likelihood)
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-9)


@pytest.mark.parametrize("pinned", [0, 2])
def test_a_family_that_is_pinned_leaves_the_others_together(pinned):
    base, model = with_classes("a", "a", "a", "b")
    found, hyper = relevance(base, model, lambda h: h.pinned(f"l[F{pinned}]", 0.25))
    others = [f for f in range(3) if f != pinned]
    np.testing.assert_array_equal(found[:, pinned], 0.25)
    np.testing.assert_array_equal(found[:, others[0]], found[:, others[1]])
    assert found[:, others[0]].std() > 0.1
    assert hyper.active[hyper.slots["l"] : hyper.slots["l"] + 4].sum() == 2


def test_a_stated_validity_takes_its_family_out():
    base, model = with_classes("a", "a", "a", "b")
    found, _ = relevance(base, model, lambda h: h.pinned("w_0", 0.1).with_validity("F0", 0, 0.3))
    assert (found[:, 0] != found[:, 1]).all()
    np.testing.assert_array_equal(found[:, 1], found[:, 2])


def test_own_irrelevance_and_stated_families_follow_no_class():
    own = BASE.families[1].model_copy(update={"irrelevance": 0.5})
    base = BASE.model_copy(update={"families": (BASE.families[0], own, *BASE.families[2:])})
    found, _ = relevance(base, MODEL)
    assert (found[:, 0] != found[:, 1]).mean() > 0.9
    np.testing.assert_array_equal(found[:, 0], found[:, 2])


def test_both_engines_have_the_same_prior():
    base, model = with_classes("a", "b", "a", "b")
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    readable = build_hierarchy(design, hyper, Evidence(mask=np.zeros(4)))
    drawn = np.asarray(pm.draw(readable["l"], draws=4000, random_seed=3))
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    np.testing.assert_array_equal(drawn[:, 1], drawn[:, 3])
    exact, _ = relevance(base, model)
    for f in range(2):
        assert stats.ks_2samp(drawn[:, f], exact[:, f]).pvalue > 1e-4
