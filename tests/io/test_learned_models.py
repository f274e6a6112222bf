"""The calibrated models: what they have seen, what is held by hand, and the readers made from them by rule."""

import json
from pathlib import Path

import pytest

from evidence.domain.calibration import Calibration
from evidence.domain.canonical import sha256_of
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model, find_model_without, list_shipped
from evidence.io.tables import load_base
from named_models import named_models

ROOT = Path(__file__).parents[2]
BRIDGES = tuple(list_shipped().bridges)


@pytest.fixture(scope="module")
def stored():
    return Calibration.model_validate(json.loads((ROOT / "validation" / "bridges.json").read_text(encoding="utf-8")))


def test_the_default_is_what_the_stored_calibration_learned(stored):
    assert load_model(find_model("default")) == stored.model
    assert stored.ok
    assert stored.started_from == sha256_of(load_model(find_model("uncalibrated")))


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_bridge_has_a_model_that_has_not_seen_it(bridge, stored):
    path = find_model_without(bridge)
    assert path is not None
    model = load_model(path)
    seen, unseen = model.provenance.split(" Has not seen ")
    assert f"{bridge} " not in f"{seen} "
    assert bridge in unseen
    group = next(g for g in stored.left_out if bridge in g.bridges)
    assert model == group.model


def test_the_three_harmbench_bridges_share_a_study_and_are_left_out_together(stored):
    group = next(g for g in stored.left_out if "harmbench" in g.bridges)
    assert set(group.bridges) == {"harmbench", "harmbench-scale", "harmbench-r2d2"}


@pytest.mark.parametrize("bridge", BRIDGES)
def test_the_calibration_read_the_shipped_bridges_as_they_are_now(bridge, stored):
    share = next(b for b in stored.bridges if b.bridge == bridge)
    assert share.base_sha256 == sha256_of(load_base(find_base(bridge)))


def test_the_novelty_weight_is_held_by_hand_and_says_so():
    default, by_hand = (load_model(find_model(name)) for name in ("default", "uncalibrated"))
    assert default.priors["w_0"].scale == by_hand.priors["w_0"].scale
    assert default.priors["w_0"].claim.startswith("Held by hand")


def test_sceptic_trusting_and_ignore_are_made_from_the_default_by_rule():
    assert {name: load_model(find_model(name)) for name in ("sceptic", "trusting", "ignore")} == named_models()
