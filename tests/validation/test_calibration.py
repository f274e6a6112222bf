"""Simulation-based calibration: 100 replications of the exact engine, planted faults, and the stored long run.

Expected values: uniform ranks are the theorem of Talts et al. (2018), with an independent simulator written from
docs/model.md on the other side.
"""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats

import calibration
import simulator
import uniformity
from designs import DESIGNS
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from likelihood import is_normal, log_likelihoods
from replication import N_DRAWS, ExactFit, name_of, replicate

FAST = {"mcse_limit": 0.02, "max_rounds": 6}
"""An error of .02 in P(A > B) is a fifth of what 100 replications can see, and saves most of the rounds."""
FASTER = {"mcse_limit": 0.02, "max_rounds": 3}
"""For planted faults, whose posteriors can be far from the prior: rough fits show them too."""
FIRST = 5000
"""The replications of the tests are none of the stored run's, so that each sees data the other did not."""
STORED = [*(("exact", design) for design in DESIGNS), ("sampled", "sparse")]
MOST_FAILED = {"exact": 0.05, "sampled": 0.2}
"""Share of fits that may fail a check: those of the sampled run are half as long as a user's, without a second try."""


def records_of(design, replications, *, fit=None, simulate=simulator.simulate):
    fit = fit or ExactFit(**FAST)
    return [replicate(DESIGNS[design](), number, fit, simulate) for number in range(FIRST, FIRST + replications)]


def broken_by(design, replications, **fault):
    return uniformity.broken_bands(calibration.histograms_of(records_of(design, replications, **fault)))


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_the_exact_engine_is_calibrated(design):
    records = records_of(design, 100)
    histograms = calibration.histograms_of(records)
    assert uniformity.broken_bands(histograms) == {}
    assert list(calibration.poorly_covered(histograms)) == []
    assert sum(bool(r["failed"]) for r in records) <= 10


class Deaf(ExactFit):
    """An engine that drops the likelihood: its posterior is the prior."""

    def evidence(self, design):
        return Evidence(mask=np.zeros(len(design.findings)))


class TooSure(ExactFit):
    """An engine with half the posterior spread of the merits."""

    def __call__(self, base, seed):
        fit = super().__call__(base, seed)
        posterior = fit.posterior
        centre = posterior.weights @ posterior.mean
        sharp = dataclasses.replace(posterior, mean=centre + (posterior.mean - centre) / 2, cov=posterior.cov / 4)
        return dataclasses.replace(fit, posterior=sharp)


def reported(change, **question):
    """A simulator whose findings reach the engine changed: what a fault in reading them would do."""

    def simulate(design, rng):
        found = simulator.simulate(design, rng)
        findings = tuple(f.model_copy(update=change(f)) for f in found.base.findings)
        targets = tuple(t.model_copy(update=question) for t in found.base.question.targets)
        update = {"findings": findings, "question": found.base.question.model_copy(update={"targets": targets})}
        return dataclasses.replace(found, base=found.base.model_copy(update=update))

    return simulate


def sd_for_variance(design, rng):
    """Sampling errors drawn with the standard error where the variance belongs."""
    noisy = [f if f.se is None else f.model_copy(update={"se": f.se**0.5}) for f in design.findings]
    found = simulator.simulate(design.model_copy(update={"findings": tuple(noisy)}), rng)
    stated = zip(found.base.findings, design.findings, strict=True)
    findings = tuple(f.model_copy(update={"se": as_planned.se}) for f, as_planned in stated)
    return dataclasses.replace(found, base=found.base.model_copy(update={"findings": findings}))


def swapped(finding):
    return {"technique": finding.comparator, "comparator": finding.technique} if finding.comparator else {}


FAULTS = {
    "the posterior is half as wide": ("sparse", 60, {"fit": TooSure(**FASTER)}),
    "effects are sqrt(2) too large": (
        "sparse", 30, {"simulate": reported(lambda f: {"estimate": f.estimate * 2**0.5})},
    ),
    "sd for variance": ("dense", 30, {"simulate": sd_for_variance}),
    "the direction is lost": ("dense", 30, {"simulate": reported(lambda f: {"higher_is_better": True})}),
    "technique and comparator are swapped": ("dense", 30, {"simulate": reported(swapped)}),
    "novelty is forgotten": ("dense", 60, {"simulate": reported(lambda f: {}, novelty=0.0)}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_a_band(fault):
    design, replications, planted = FAULTS[fault]
    assert broken_by(design, replications, **{"fit": ExactFit(**FASTER), **planted})


def test_an_engine_that_returns_the_prior_passes_on_every_parameter_and_fails_on_the_likelihood():
    broken = broken_by("sparse", 30, fit=Deaf(**FAST))
    assert set(broken) == {"log likelihood", "log likelihood given merits"}


@pytest.mark.parametrize("design", DESIGNS)
def test_simulator_and_engine_agree_on_the_likelihood_given_the_hyperparameters(design):
    """Which side is wrong, should a band break: the integral over hyperparameters, or what is integrated."""
    base = simulator.simulate(DESIGNS[design](), np.random.default_rng(4)).base
    arrays = build_design(base)
    hyper = build_hyper(base, load_model(simulator.MODEL), arrays)
    mask = np.array([float(is_normal(base.finding(name))) for name in arrays.findings])
    xi = np.random.default_rng(5).standard_normal((60, len(hyper.names) + arrays.n_latents))
    engine = ExactEngine().evaluate(arrays, hyper, Evidence(mask=mask), xi)
    possible = np.isfinite(engine.log_likelihood)
    # v is one per class, kept at its first setting: the first of a name wins.
    values = zip(reversed(hyper.names), engine.hyper[possible].T[::-1], strict=True)
    alone, _ = log_likelihoods(base, {name_of(base, k): v for k, v in values}, engine.mean[possible])
    # A flat level adds a constant that no hyperparameter moves.
    offsets = engine.log_likelihood[possible] - alone
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-8)


@pytest.mark.parametrize("design", DESIGNS)
def test_replications_of_a_design_have_arrays_of_one_shape(design):
    rng = np.random.default_rng(6)
    designs = [build_design(simulator.simulate(DESIGNS[design](), rng).base) for _ in range(50)]
    shapes = [{k: np.shape(v) for k, v in vars(d).items() if isinstance(v, np.ndarray | tuple)} for d in designs]
    assert all(shape == shapes[0] for shape in shapes)
    assert all(d.n_latents == {"sparse": 0, "dense": 7}[design] for d in designs)


@pytest.mark.parametrize("family", ["chat", "toy"])
def test_relevance_follows_its_law_in_the_simulator(family):
    """`chat` against its mixture; `toy`, whose validity is stated, never above 1."""
    import tomllib

    design, rng = DESIGNS["dense"](), np.random.default_rng(7)
    model = tomllib.loads(simulator.MODEL.read_text(encoding="utf-8"))
    drawn = np.array([simulator.draw_eta(design, model, rng)[f"l[{family}]"][0] for _ in range(500)])
    if family == "toy":
        assert drawn.max() <= 1
        return
    pi, law = model["classes"]["open-chat"]["irrelevance"], model["classes"]["open-chat"]["relevance"]

    def cdf(x):
        return pi * stats.beta.cdf(x, 1, 30) + (1 - pi) * stats.beta.cdf(x, law["a"], law["b"])

    assert stats.kstest(drawn, cdf).pvalue > 1e-3


def test_uniform_ranks_break_a_band_of_a_family_in_one_case_of_a_hundred():
    rng, uniform, families = np.random.default_rng(8), np.full(N_DRAWS + 1, 1 / (N_DRAWS + 1)), 1000
    broken = [
        bool(uniformity.broken_bands(dict(enumerate(rng.multinomial(100, uniform, size=30))))) for _ in range(families)
    ]
    # Four binomial standard errors around 1 %.
    assert abs(np.mean(broken) - 0.01) <= 4 * np.sqrt(0.01 * 0.99 / families)


def test_a_band_and_its_p_value_say_the_same():
    rng = np.random.default_rng(9)
    tilt = np.linspace(0.4, 1.6, N_DRAWS + 1) / (N_DRAWS + 1)
    lowest, highest = uniformity.band(100, N_DRAWS, 30)
    outside = []
    for histogram in rng.multinomial(100, tilt, size=200):
        upto = np.cumsum(histogram)[:-1] / 100
        outside.append(bool(np.any((upto < lowest - 1e-9) | (upto > highest + 1e-9))))
        assert outside[-1] == (uniformity.p_value(histogram) <= uniformity.FAMILY_LEVEL / 30)
    assert 0 < np.mean(outside) < 1


def test_coverage_counts_ranks_inside_the_interval():
    histogram = np.zeros(200, dtype=int)
    histogram[[4, 5, 194, 195]] = 1, 2, 3, 4
    found = uniformity.coverage(histogram)
    assert found["0.95"]["share"] == pytest.approx(0.5)
    assert found["0.80"]["share"] == 0
    with pytest.raises(ValueError, match=r"no interval has mass 0\.95"):
        uniformity.coverage(np.ones(100, dtype=int))


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    class Counting(ExactFit):
        calls = 0

        def __call__(self, base, seed):
            self.calls += 1
            return super().__call__(base, seed)

    fit = Counting(**FAST)
    first = calibration.run("exact", "sparse", 2, fit=fit, folder=tmp_path)
    path = next(tmp_path.iterdir())
    path.write_text(path.read_text(encoding="utf-8") + '\n{"number": 2, "ran', encoding="utf-8")
    both = calibration.run("exact", "sparse", 4, fit=fit, folder=tmp_path)
    assert fit.calls == 4
    assert both[:2] == first
    assert [r["number"] for r in both] == [0, 1, 2, 3]


def test_a_failed_fit_is_counted_and_ranked(tmp_path):
    records = [{"number": i, "ranks": {"x": i}, "failed": ["k_hat"] * (i < 3), "seconds": 1.0} for i in range(200)]
    summary = calibration.summary_of(records)
    assert (summary["failed_fits"], summary["failed_checks"]) == (3, {"k_hat": 3})
    assert sum(summary["quantities"]["x"]["ranks_in_20_bins"]) == 200
    calibration.store("exact", "sparse", summary, tmp_path / "calibration.json")
    stored = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert stored["exact sparse"]["sources"] == calibration.sources_of("exact")


def test_sources_are_the_modules_the_engine_imports():
    sources = calibration.sources_of("exact")
    assert {
        "src/evidence/inference/exact.py",
        "src/evidence/inference/collapsed.py",
        "src/evidence/model/effects.py",
    } <= set(sources)
    assert not any("/domain/" in path or "/analysis/" in path for path in sources)


@pytest.mark.parametrize(("engine", "design"), STORED)
def test_the_stored_run_is_of_this_code_and_passed(engine, design):
    command = calibration.command_of(engine, design)
    path = calibration.ARTEFACT
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    assert f"{engine} {design}" in runs, f"never run: {command}"
    stored = runs[f"{engine} {design}"]
    now = calibration.sources_of(engine)
    changed = sorted(p for p in now.keys() | stored["sources"].keys() if now.get(p) != stored["sources"].get(p))
    assert not changed, f"changed since the stored run of {stored['date']}: run {command}"
    assert stored["replications"] >= calibration.REPLICATIONS[engine], f"too short: run {command}"
    assert (stored["broken_bands"], stored["poorly_covered"]) == ([], [])
    assert stored["failed_fits"] <= MOST_FAILED[engine] * stored["replications"]
