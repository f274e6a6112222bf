import math
from pathlib import Path

import pytest
from scipy import stats

from bases import FAMILIES, write_base
from evidence.domain.errors import BadInput
from evidence.io.models import check_classes, load_model
from evidence.io.shipped import find_model, list_shipped
from evidence.io.tables import load_base

SHIPPED = ("default", "face-value", "ignore", "random-effects", "sceptic", "trusting", "uncalibrated")
CLASSES = {
    "small-open-chat",
    "open-chat",
    "frontier-chat",
    "model-organism",
    "prompted-misalignment",
    "toy-environment",
    "production-red-team",
    "agentic-sabotage-benchmark",
    "code-backdoor-benchmark",
    "theory",
}


def shipped(name: str):
    return load_model(find_model(name))


def relevance_mean(validity_class) -> float:
    """Mean of the mixture, in closed form: a Beta(a, b) has mean a / (a + b)."""
    pi, part, rest = validity_class.irrelevance, validity_class.irrelevant, validity_class.relevance
    return pi * part.a / (part.a + part.b) + (1 - pi) * rest.a / (rest.a + rest.b)


def test_seven_models_are_shipped_and_each_is_named_as_its_file():
    assert tuple(list_shipped().models) == SHIPPED
    assert [shipped(name).id for name in SHIPPED] == list(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_prior_and_class_of_a_shipped_model_says_what_it_claims(name):
    model = shipped(name)
    claims = [entry.claim for entry in (*model.priors.values(), *model.classes.values())]
    assert all(claim.endswith(".") and len(claim) > 20 for claim in claims)
    assert model.claim
    assert model.provenance


@pytest.mark.parametrize("name", ["default", "sceptic", "trusting", "ignore", "uncalibrated"])
def test_the_hierarchical_models_know_the_usual_classes(name):
    assert set(shipped(name).classes) == CLASSES


@pytest.mark.parametrize("key", sorted(CLASSES))
def test_the_sceptic_trusts_every_class_less_and_the_trusting_more(key):
    means = [relevance_mean(shipped(name).classes[key]) for name in ("sceptic", "default", "trusting")]
    assert means == sorted(means)
    assert means[0] < means[1] < means[2]
    irrelevance = [shipped(name).classes[key].irrelevance for name in ("sceptic", "default", "trusting")]
    assert irrelevance[0] > irrelevance[1] > irrelevance[2]


@pytest.mark.parametrize("prior", ["w_0", "w_d", "mu_b", "mu_d", "sigma"])
def test_the_sceptic_loses_more_on_the_way_and_the_trusting_less(prior):
    scales = [shipped(name).priors[prior].scale for name in ("sceptic", "default", "trusting")]
    assert scales[0] > scales[1] > scales[2]


def test_the_priors_by_hand_of_the_model_page_are_kept():
    # docs/model.md, section 4: mu_b, mu_d ~ HalfNormal(.2), r ~ Beta(2, 4), v ~ Beta(18, 2), irrelevant ~ Beta(1, 30)
    model = shipped("uncalibrated")
    assert (model.priors["mu_b"].scale, model.priors["mu_d"].scale) == (0.2, 0.2)
    assert (model.priors["r"].a, model.priors["r"].b) == (2, 4)
    assert model.priors["w_0"].scale == 1.5
    noise = model.classes["theory"].construct_noise
    irrelevant = model.classes["theory"].irrelevant
    assert (noise.a, noise.b, irrelevant.a, irrelevant.b) == (18, 2, 1, 30)


def test_the_medians_that_the_claims_by_hand_state_are_its_medians():
    # scipy.stats.halfnorm, an independent implementation of the half-normal quantile
    def median(name: str) -> float:
        return float(stats.halfnorm.median(scale=shipped("uncalibrated").priors[name].scale))

    assert median("tau") == pytest.approx(0.54, abs=0.005)
    assert median("tau_P") == pytest.approx(0.67, abs=0.005)
    assert median("w_0") == pytest.approx(1.0, abs=0.05)
    assert median("w_d") == pytest.approx(0.135, abs=0.005)
    assert math.exp(-median("w_d")) == pytest.approx(0.87, abs=0.01)


def test_ignore_is_the_default_without_its_findings():
    ignore, default = shipped("ignore"), shipped("default")
    assert (ignore.priors, ignore.classes) == (default.priors, default.classes)
    assert not ignore.parametrisation.use_findings
    assert default.parametrisation.use_findings


def test_face_value_has_no_doubt_but_the_samples():
    model = shipped("face-value")
    assert model.parametrisation.perfect_proxies
    assert model.parametrisation.scale_link
    assert {name: prior.value for name, prior in model.priors.items()} == {
        "tau": 1000,
        **dict.fromkeys(("sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0", "w_d"), 0),
    }


MODEL = """\
id = "mine"
title = "Mine"
claim = "What I think."

[parametrisation]
scale_link = true

[priors.tau]
dist = "HalfNormal"
scale = 1
claim = "c"
"""
POINTS = "".join(
    f'\n[priors.{name}]\ndist = "Point"\nvalue = 0\nclaim = "c"\n'
    for name in ("sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0", "w_d")
)
CLASS = '\n[classes.theory]\nclaim = "c"\nirrelevance = 0.3\nrelevance = { dist = "Beta", a = 1, b = 2 }\n'


def write_model(tmp_path: Path, old: str = "", new: str = "") -> Path:
    text = MODEL + POINTS + CLASS
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1) if old else text)
    return path


def test_a_model_of_ones_own_is_read(tmp_path):
    model = load_model(write_model(tmp_path))
    assert model.priors["tau"].scale == 1
    assert model.classes["theory"].relevance.b == 2


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("scale = 1\n", "sd = 1\n", ":9:priors.tau.dist", "wanted ['scale']"),
        ("scale = 1\n", "scale = 0\n", ":10:priors.tau.scale", "above 0"),
        ("scale = 1\n", "scale = inf\n", ":10:priors.tau.scale", "finite"),
        ('dist = "HalfNormal"', 'dist = "Gamma"', ":9:priors.tau.dist", "'HalfCauchy'"),
        ("[priors.tau]", "[priors.tau_P]", ":priors", "no tau"),
        ("scale_link = true", "scale_link = false", ":priors", "no tau_P"),
        ("scale_link = true", "scale_links = true", ":6:parametrisation.scale_links", "did you mean 'scale_link'"),
        ("scale_link = true", 'scale_link = "yes"', ":6:parametrisation.scale_link", "boolean"),
        ('claim = "c"\n', "", ":priors", "no claim for tau"),
        ("irrelevance = 0.3", "irrelevance = 3", ":55:classes.theory.irrelevance", "at most 1"),
        ("a = 1, b", "a = 1, c", ":56:classes.theory.relevance.c", "known name"),
        ('title = "Mine"', "", ":title", "a value"),
        ('id = "mine"', 'id = "mine"\nid = "mine"', ":2", "TOML"),
    ],
)
def test_a_broken_model_is_refused_naming_file_line_and_key(tmp_path, old, new, place, says):
    path = write_model(tmp_path, old, new)
    with pytest.raises(BadInput) as caught:
        load_model(path)
    named = [str(problem) for problem in caught.value.problems if str(problem).startswith(f"{path}{place}: found ")]
    assert named, str(caught.value)
    assert says in named[0]


def test_a_class_the_model_lacks_is_named_with_the_models_classes(tmp_path):
    base = load_base(write_base(tmp_path / "b", families=FAMILIES.replace("small-open-chat", "small-open-chats")))
    with pytest.raises(BadInput) as caught:
        check_classes(base, shipped("default"))
    message = str(caught.value)
    assert message.startswith("families.csv:chat:validity_class: found 'small-open-chats', wanted a class of")
    assert "model-organism" in message
    assert "did you mean 'small-open-chat'" in message
    check_classes(base, shipped("face-value"))
    check_classes(base, shipped("random-effects"))


def test_the_default_model_knows_the_classes_of_the_tiny_base(base_folder):
    check_classes(load_base(base_folder), shipped("default"))
