"""A node for every place is the same model as a node for every kind of place."""

import numpy as np

import cases
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.model.apart import design_apart, is_apart
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper

FINDINGS = (
    cases.effect("f1", "A", "none", 0.8, 0.25, study="j1", at="s1"),
    cases.effect("f2", "B", "none", 0.2, 0.25, study="j1", at="s1"),
    cases.effect("f3", "A", "B", 0.3, 0.3, study="j2", at="s2"),
    cases.effect("f4", "A", "none", 0.5, 0.2, study="j3", at="s3"),
    cases.order("f5", "A", "B", 0.8, study="j3", at="s3"),
)


def base_of(*gaps):
    """Settings of one family that differ in outcome, and in `gaps` where these do."""
    settings = tuple(
        cases.setting(f"s{i}", "F", {"distance": gap}).model_copy(update={"outcome": f"o{i}"})
        for i, gap in enumerate(gaps, start=1)
    )
    return cases.base_of(*FINDINGS, settings=settings, novelty=0.5)


def shapes_of(design):
    fields = (getattr(design, name) for name in design.__dataclass_fields__)
    return [value.shape for value in fields if isinstance(value, np.ndarray)]


def test_the_likelihood_and_the_merits_are_the_same():
    base = base_of("some", "some", "none")
    together, apart = build_design(base), design_apart(base)
    assert not is_apart(together)
    assert is_apart(apart)
    assert apart.base is base
    hyper = build_hyper(base, cases.spread_model(), together)
    xi = np.random.default_rng(5).standard_normal((64, len(hyper.names) + apart.n_latents))
    evidence = Evidence(mask=np.ones(len(FINDINGS)))
    first, second = (ExactEngine().evaluate(design, hyper, evidence, xi) for design in (together, apart))
    for name in ("log_likelihood", "mean", "cov", "rho"):
        assert np.allclose(getattr(first, name), getattr(second, name), rtol=1e-10, atol=1e-10), name


def test_no_gap_changes_a_shape():
    shapes = [
        shapes_of(design_apart(base_of(*gaps))) for gaps in (("some", "some", "none"), (0.1, 0.2, 0.3), ("none",) * 3)
    ]
    assert shapes[0] == shapes[1] == shapes[2]


def test_many_settings_of_one_kind_share_a_node():
    """Twelve alike settings would cost 13 nodes where 2 do."""
    findings = [cases.effect(f"f{i}", "A", "none", 0.5, 0.3, study=f"j{i}", at=f"s{i}") for i in range(12)]
    design = design_apart(cases.base_of(*findings))
    assert not is_apart(design)
    assert len(design.node_places) == 2
