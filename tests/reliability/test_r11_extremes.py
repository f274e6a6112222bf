"""Extreme numbers (R11): a finite answer, no verdict, or a problem with its place; never NaN, never 0 or 100, never a traceback.

What the answer must be where there is one: given the hyperparameters, the closed form of docs/model.md, section 5.
"""

import json
import math

import numpy as np
import pytest
from scipy import special
from typer.testing import CliRunner

import bases
import cases
import registrations
from commands import floats_of
from evidence.cli import app
from evidence.domain.errors import BadInput
from evidence.domain.magnitudes import LARGEST, SMALLEST
from evidence.inference.engine import Evidence
from evidence.inference.exact import ExactEngine
from evidence.io.tables import load_base
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.scores import logit
from evidence.report.words import in_100

HEAD = "id,study,setting,technique,comparator,kind,higher_is_better,scale,estimate,se,k,n,k0,n0,where,source_kind\n"
START = "alpha2023,jailbreak,monitor,none"
OTHER = "f2,alpha2023,jailbreak,audit,none,effect,yes,smd,0.3,0.2,,,,,T,full text\n"


def effect(y, se):
    return HEAD + f"f1,{START},effect,yes,smd,{y},{se},,,,,T,full text\n" + OTHER


def counts(k, n, k0, n0):
    return HEAD + f"f1,{START},counts,yes,,,,{k},{n},{k0},{n0},T,full text\n" + OTHER


def means(mean, sd, mean0, sd0, n):
    head = "id,study,setting,technique,comparator,kind,higher_is_better,mean,sd,n,mean0,sd0,n0,where,source_kind\n"
    return head + f"f1,{START},means,yes,{mean},{sd},{n},{mean0},{sd0},{n},T,full text\n"


def many(count):
    row = f"{START},effect,yes,smd,0.5,0.2,,,,,T,full text\n"
    return HEAD + "".join(f"f{i},{row}" for i in range(1, count + 1))


USUAL = effect(0.5, 0.2)
ANSWERED = {
    "y = 40, se = 1": (effect(40, 1), ()),
    "y = -40, se = 1": (effect(-40, 1), ()),
    "z = 40 of a small effect": (effect(0.4, 0.01), ()),
    "y = 1000": (effect(1000, 0.2), ()),
    "y = 1e-308": (effect("1e-308", 0.2), ()),
    "se = 1e-12": (effect(0.5, "1e-12"), ()),
    "se = 1e12": (effect(0.5, "1e12"), ()),
    "0 of n twice": (counts(0, 100, 0, 100), ()),
    "0 of n against n of n": (counts(0, 100, 100, 100), ()),
    "n of n against 0 of n": (counts(100, 100, 0, 100), ()),
    "n of n twice": (counts(100, 100, 100, 100), ()),
    "one of one each": (counts(1, 1, 1, 1), ()),
    "none of one against one of one": (counts(0, 1, 1, 1), ()),
    "a thousand million": (counts(10**9, 10**9, 0, 10**9), ()),
    "means at the bounds": (means("1e12", "1e-12", "-1e12", "1e-12", 40), ()),
    "one finding": (many(1), ()),
    "500 findings": (many(500), ()),
    "prior sd 1e9": (USUAL, ("prior.tau=1e9",)),
    "prior sd 1e-12": (USUAL, ("prior.tau=1e-12",)),
    "spread at the proxy 0": (USUAL, ("prior.tau_P=0",)),
    "spread at the proxy 1e9": (USUAL, ("prior.tau_P=1e9",)),
    "no spread between settings": (USUAL, ("prior.sigma=0",)),
    "spread between settings 1e9": (USUAL, ("prior.sigma=1e9",)),
    "relevance 1": (USUAL, ("relevance.chat=1",)),
    "relevance 0": (USUAL, ("relevance.chat=0",)),
    "irrelevant": (USUAL, ("irrelevance.chat=1",)),
    "no novelty": (USUAL, ("novelty.first deployment=0",)),
}
UNJUDGED = {"y = -1e6": effect("-1e6", 0.2), "y at the bound": effect("1e12", "1e-12")}
"""So far from every prior that the engine's own checks must fail: exit 5 and no number."""
REFUSED = {
    "y = 1e308": (effect("1e308", 0.2), (), "findings.csv:2:estimate"),
    "y = -1e308": (effect("-1e308", 0.2), (), "findings.csv:2:estimate"),
    "se = 0": (effect(0.5, 0), (), "findings.csv:2:se"),
    "se = 5e-324": (effect(0.5, "5e-324"), (), "findings.csv:2:se"),
    "se = inf": (effect(0.5, "inf"), (), "findings.csv:2:se"),
    "se = nan": (effect(0.5, "nan"), (), "findings.csv:2:se"),
    "se = 1e300": (effect(0.5, "1e300"), (), "findings.csv:2:se"),
    "0 of 0": (counts(0, 0, 1, 2), (), "findings.csv:2:n"),
    "5 of 3": (counts(5, 3, 1, 4), (), "findings.csv:2:k"),
    "means of one each": (means(1, 1, 0, 1, 1), (), "findings.csv:2:n"),
    "no finding": (HEAD, (), "findings.csv"),
    "rho 1 against its gaps": (USUAL, ("validity.chat=1",), "families.csv:chat"),
    "rho -1": (USUAL, ("validity.chat=-1",), "--set:validity.chat"),
    "prior sd 0": (USUAL, ("prior.tau=0",), "--set:prior.tau"),
    "prior sd 1e308": (USUAL, ("prior.tau=1e308",), "--set:prior.tau"),
    "prior sd 1e-300": (USUAL, ("prior.tau=1e-300",), "--set:prior.tau"),
    "prior sd inf": (USUAL, ("prior.tau=inf",), "--set:prior.tau"),
    "prior sd nan": (USUAL, ("prior.tau=nan",), "--set:prior.tau"),
    "correlation 1": (USUAL, ("prior.r=1",), "the priors"),
}


def ranked(folder, findings, settings=()):
    bases.write_base(
        folder, findings=findings, families=registrations.FAMILIES, settings=registrations.SETTINGS,
        studies=registrations.STUDIES, outcomes=None,
    )  # fmt: skip
    words = ["rank", str(folder), "--json", "--quiet", *(w for s in settings for w in ("--set", s))]
    done = CliRunner().invoke(app, words, prog_name="evidence")
    assert "Traceback" not in done.output
    assert "internal error" not in done.output
    return done


@pytest.mark.parametrize(("findings", "settings"), ANSWERED.values(), ids=ANSWERED)
def test_r11_extremes_that_can_be_answered_have_finite_answers_inside_0_and_100(tmp_path, findings, settings):
    done = ranked(tmp_path / "b", findings, settings)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert all(map(math.isfinite, floats_of(found)))
    for above in found["p_above"].values():
        for p in above.values():
            assert 0 < p < 1
            assert in_100(p) not in {"0", "100"}


@pytest.mark.parametrize("findings", UNJUDGED.values(), ids=UNJUDGED)
def test_r11_extremes_beyond_every_prior_get_no_verdict_and_no_number(tmp_path, findings):
    done = ranked(tmp_path / "b", findings)
    assert done.exit_code == 5, done.output
    found = json.loads(done.stdout)
    assert found["p_above"] is None
    assert found["techniques"] is None
    assert all(map(math.isfinite, floats_of(found)))


@pytest.mark.parametrize(("findings", "settings", "place"), REFUSED.values(), ids=REFUSED)
def test_r11_extremes_that_mean_nothing_are_refused_with_their_place(tmp_path, findings, settings, place):
    done = ranked(tmp_path / "b", findings, settings)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert place in done.stderr


@pytest.mark.parametrize("value", [LARGEST * 1.001, -LARGEST * 1.001, 1e308])
def test_r11_sizes_beyond_the_bound_are_refused_in_every_table(tmp_path, value):
    outcomes = bases.OUTCOMES.replace("monitor,0.4,", f"monitor,{value!r},")
    with pytest.raises(BadInput, match=r"outcomes\.csv:2:estimate_smd"):
        load_base(bases.write_base(tmp_path / "a", outcomes=outcomes))
    means = bases.FINDINGS.replace(",40,1.5,2,", f",40,{value!r},2,").replace(
        "40,,40,1.5,2,2.5,2", f"40,,40,{value!r},2,2.5,2"
    )
    with pytest.raises(BadInput, match=r"findings.csv:9:"):
        load_base(bases.write_base(tmp_path / "b", findings=means))


@pytest.mark.parametrize(
    "words",
    [
        ("what-if", "tiny", "--sweep", "prior.tau=0.5:1:5e-324"), ("what-if", "tiny", "--sweep", "prior.mu_b=-1.7e308:1.7e308:1"),
        ("what-if", "tiny", "--sweep", "prior.tau=0.5:1:nan"), ("what-if", "tiny", "--sweep", "prior.tau=0.5:inf:1"),
        ("elicit", "merit", "monitor", "--interval", "-1e308..1e308", "--base", "tiny"),
        ("elicit", "merit", "monitor", "--better-in-100", "80", "--by", "1e-300", "--base", "tiny"),
        ("quick", "A 1e308 se 0.2", "--class", "small-open-chat"), ("quick", "A 0.2 se 5e-324", "--class", "small-open-chat"),
        ("rank", "tiny", "--seed", "9" * 400),
    ],
    ids=" ".join,
)  # fmt: skip
def test_r11_extremes_that_are_typed_are_refused(tmp_path, monkeypatch, words):
    bases.write_base(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(words), prog_name="evidence")
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output


# --- Given the hyperparameters -----------------------------------------------------------------------------------------


def posterior_of(y, se, *, rho, tau=1.0, tau_P=1.0):
    base, model = cases.base_of(cases.effect("f", "A", "none", y, se)), cases.point_model(rho=rho, tau=tau, tau_P=tau_P)
    design = build_design(base)
    hyper = build_hyper(base, model, design)
    return ExactEngine().evaluate(
        design, hyper, Evidence(mask=np.ones(1)), np.zeros((1, len(hyper.names) + design.n_latents))
    )


@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("y", "se"), [(40, 1), (-40, 1), (0.4, 0.01), (LARGEST, SMALLEST), (-LARGEST, LARGEST), (1, 1e6)]
)
def test_r11_the_closed_form_holds_at_extremes(y, se, rho):
    found = posterior_of(y, se, rho=rho)
    # MODEL section 5: E = rho tau tau_P y / (tau_P^2 + se^2), Var = tau^2 (1 - rho^2 tau_P^2 / (tau_P^2 + se^2)).
    assert found.mean[0, 1] == pytest.approx(rho * y / (1 + se**2), rel=1e-9, abs=1e-12)
    assert found.cov[0, 1, 1] == pytest.approx(1 - rho**2 / (1 + se**2), abs=1e-9)


@pytest.mark.parametrize("z", [-40.0, -9.0, 9.0, 38.0, 40.0])
def test_r11_log_odds_are_finite_at_forty_standard_errors(z):
    # log Phi(z) - log Phi(-z) of SciPy, which keeps its digits where 1 - Phi(z) is 0; here in the tail that a double holds.
    p_below = float(special.ndtr(-abs(z)))
    wanted = math.copysign(float(special.log_ndtr(abs(z)) - special.log_ndtr(-abs(z))), z)
    assert math.isfinite(wanted)
    if p_below > 0:
        assert math.copysign(-logit(p_below), z) == pytest.approx(wanted, rel=1e-12)
    assert in_100(float(special.ndtr(z))) in {">99", "<1"}
