"""What a user runs first, on the shipped bases, through the command line."""

import json
import math

import pytest
from typer.testing import CliRunner

from commands import floats_of
from evidence.cli import app

RANK_KEYS = {
    "target", "model", "engine", "techniques", "p_above", "studies", "try_order", "checks", "ok", "provenance",
}  # fmt: skip
REVIEW_KEYS = {
    "study", "finding", "pair", "p_prior", "p_post", "p_face_value", "p_ceiling", "p_break_even", "in_context",
    "log_odds", "reversals_per_100", "belief", "shift_ratio", "discount", "over_update_bits", "target_equivalent_n",
    "word", "band", "robustness", "limits", "flips_at", "assumptions", "checks", "ok", "provenance",
}  # fmt: skip


def run(*arguments):
    result = CliRunner().invoke(app, [*arguments, "--json", "--quiet"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("control",), ("harmbench", "--target", "GPT-4 0613")], ids=["control", "harmbench"]
)
def test_a_ranking_has_every_key_finite_numbers_and_passes_its_checks(arguments):
    found = run("rank", *arguments)
    assert found.keys() >= RANK_KEYS
    assert found["ok"]
    assert all(math.isfinite(x) for x in floats_of(found))
    assert found["p_above_mcse"] <= 0.005
    for a, row in found["p_above"].items():
        for b, p in row.items():
            assert p + found["p_above"][b][a] == pytest.approx(1, abs=1e-12)
    for technique in found["techniques"]:
        assert sum(technique["rank_probabilities"]) == pytest.approx(1)


def test_a_quick_claim_is_ordered_as_the_model_says():
    found = run("quick", "A 120/400 vs B 180/400", "--class", "small-open-chat", "--lower-is-better")
    assert found.keys() >= REVIEW_KEYS
    assert found["study"] is None
    assert found["p_face_value"] > 0.99
    assert found["p_prior"] == 0.5
    assert found["p_prior"] < found["p_post"] < found["p_ceiling"] < found["p_face_value"]
    assert found["p_break_even"] > found["p_post"]


@pytest.mark.slow
@pytest.mark.parametrize("study", ["greenblatt2023control", "bhatt2025ctrlz", "lucassen2026retry", "caldwell2026"])
def test_a_review_moves_less_than_face_value_and_than_its_ceiling(study):
    found = run("review", study)
    assert found.keys() >= REVIEW_KEYS
    assert found["ok"]
    assert all(math.isfinite(x) for x in floats_of(found))
    sign = 1 if found["p_face_value"] >= 0.5 else -1
    prior, post, face, ceiling = (sign * (found[k] - 0.5) for k in ("p_prior", "p_post", "p_face_value", "p_ceiling"))
    slack = 4 * found["p_post_mcse"] + 1e-3
    assert prior <= post + slack
    assert post <= min(face, ceiling) + slack
