"""`evidence value` through the command line, on a tiny base."""

import json
import math

import pytest
from typer.testing import CliRunner

import bases
import proposing
from commands import floats_of
from evidence.cli import app

READERS = """
[channels]
tooling_reuse_hours_80 = [1, 5]

[[readers]]
name = "hurried"
kind = "over-update"
factor = 4
share = 0.25

[[readers]]
name = "ruled"
kind = "belief"
p_works_if_ahead = 0.95
p_works_if_behind = 0.05
share = 0.25
"""
PROPOSAL = proposing.text(keys="reach = 0.5\n", tables=READERS)
KEYS = {
    "decisions", "hours_saved_calibrated", "hours_saved_reader", "break_even_reader_validity", "monte_carlo_se",
    "exchange_rate", "bits", "reach", "channels", "order_before", "checks", "ok", "provenance",
}  # fmt: skip
DECISION_KEYS = {"hours_saved_calibrated", "hours_saved_reader", "break_even_reader_validity", "monte_carlo_se"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("value")
    bases.write_base(folder / "tiny")
    (folder / "p.toml").write_text(PROPOSAL)
    hours = "[cost]\nresearcher_hours_80 = [10, 30]\n"
    text = (
        PROPOSAL[: PROPOSAL.index("[[findings]]")].replace("watch-again", "buy")
        + 'kind = "buy-hours"\nbought_hours_80 = [5, 9]\n'
    )
    crunch = PROPOSAL[PROPOSAL.index("[crunch]") : PROPOSAL.index("[channels]")]
    (folder / "buy.toml").write_text(text + hours + crunch)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["value", *map(str, arguments), "--quiet"])


@pytest.fixture(scope="module")
def found(folder):
    result = run(folder / "p.toml", "--reader", "0.9", "--json")
    assert result.exit_code in (0, 5), result.stderr
    return json.loads(result.stdout)


def test_the_document_has_every_key_and_finite_numbers(found):
    assert found.keys() >= KEYS
    assert found["ok"], found["checks"]
    assert set(found["decisions"]) == {"try_order", "verify_or_ship"}
    assert all(d.keys() >= DECISION_KEYS for d in found["decisions"].values())
    assert set(found["hours_saved_reader"]) == {"face_value", "hurried", "ruled", "validity 0.9"}
    assert all(math.isfinite(x) for x in floats_of(found))
    assert set(found["channels"]) == {"information", "tooling", "people"}


def test_the_parts_add_up(found):
    decisions = found["decisions"].values()
    for key in ("hours_before", "hours_perfect", "hours_saved_calibrated"):
        assert found[key] == pytest.approx(sum(d[key] for d in decisions), abs=1e-9)
    shares, readers = found["shares"], found["hours_saved_reader"]
    mix = (1 - sum(shares.values())) * found["hours_saved_calibrated"] + sum(s * readers[n] for n, s in shares.items())
    assert found["hours_mix"] == pytest.approx(mix)
    assert found["hours_review_attached"] == pytest.approx(found["hours_saved_calibrated"] - mix)
    information = found["reach"] * found["p_in_time"] * found["p_not_automated"] * mix
    assert found["channels"]["information"] == pytest.approx(information)
    saved = sum(found["channels"].values())
    assert found["hours_saved_then"] == pytest.approx(saved)
    assert found["money"]["amount"] == pytest.approx(saved / 16 * 1000)
    rate = found["hours_now"] / saved if saved > 0 else None
    assert found["exchange_rate"] == (None if rate is None else pytest.approx(rate))
    assert -1e-9 <= found["hours_saved_calibrated"] <= found["hours_perfect"] + 1e-6


@pytest.mark.slow
def test_the_page_says_the_same_in_the_words_of_the_house(folder):
    result = run(folder / "p.toml")
    assert result.exit_code == 0, result.stderr
    for label in ("VERDICT", "READERS", "SAVED THEN", "HANGS ON", "REPRODUCE"):
        assert label in result.stdout
    from evidence.report.words import find_forbidden

    assert find_forbidden(result.stdout) == ()


def test_a_budget_buys_what_saves_most(folder):
    result = run(folder / "p.toml", folder / "buy.toml", "--budget", "120", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["hours_now"] <= 120
    assert {c["id"] for c in document["chosen"]} | set(document["left"]) == {"watch-again", "buy"}
    assert "buy" in [c["id"] for c in document["chosen"]]
    assert document["hours_saved_then"] == pytest.approx(sum(c["hours_added"] for c in document["chosen"]))
    page = run(folder / "p.toml", folder / "buy.toml", "--budget", "120")
    assert page.exit_code == 0
    assert "of 120 hours now save" in page.stdout


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("p.toml", "buy.toml"), "--budget"),
        (("p.toml", "--budget", "0"), "above 0"),
        (("p.toml", "--reader", "1.5"), "a validity from 0 to 1"),
        (("p.toml", "--reader", "somebody"), "a validity from 0 to 1"),
        (("p.toml", "--budget", "10", "--reader", "0.5"), "one of the two"),
        (("nothing.toml",), "a proposal file, or one of"),
        (("p.toml", "--model", "random-effects"), "a model with validities"),
    ],
)
def test_what_cannot_be_asked_is_told(folder, arguments, wanted):
    files = [folder / a if a in ("p.toml", "buy.toml") else a for a in arguments]
    result = run(*files)
    assert result.exit_code == 2
    assert wanted in result.stderr
    assert "Traceback" not in result.stderr
