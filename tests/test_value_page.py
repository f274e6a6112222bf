"""Every figure of docs/value.md that is computed, against what the shipped proposals give today."""

import re
from pathlib import Path

import pytest

from evidence.analysis.value import Asking, value_of
from evidence.cli.running import base_named, model_named
from evidence.inference.exact import ExactEngine
from evidence.inference.foresight import foresee
from evidence.io.proposals import load_proposal
from evidence.io.shipped import list_proposals

PAGE = (Path(__file__).parents[1] / "docs" / "value.md").read_text(encoding="utf-8")
ROWS = {cells[0]: cells[1:] for line in PAGE.splitlines() if line.startswith("| ") for cells in [[c.strip().strip("*") for c in line.strip("|").split("|")]]}  # fmt: skip
NUMBER = re.compile(r"-?\d*\.?\d+")


def number(text):
    found = NUMBER.search(text.replace(",", ""))
    return float(found[0]) if found else None


def row(start):
    return next(cells for name, cells in ROWS.items() if name.strip("*").startswith(start))


@pytest.fixture(scope="module")
def values():
    asking = Asking(ExactEngine(), foresee)
    loaded = {name: load_proposal(path)[0] for name, path in list_proposals().items()}
    return {n: value_of(p, base_named(p.base), model_named(p.model), asking) for n, p in loaded.items()}


@pytest.mark.slow
def test_the_walk_through_has_the_figures_of_today(values):
    v = values["replicate-control-larger"]
    assert v.ok, v.checks
    wanted = {
        "hours now": (v.hours_now, 1), "hours that today's order": (v.hours_before, 1.0),
        "of these, saved if all": (v.hours_perfect, 0.5), "saved by the result, read as": (v.hours_saved_calibrated, 0.2),
        "saved by an endless": (v.ceiling.hours, 0.4), "saved by the result at face value": (v.hours_saved_reader["face_value"], 11),
        "saved by the stated readers": (v.hours_mix, 4), "what the review adds": (v.hours_review_attached, 4),
        "tooling used again": (v.channels["tooling"], 0.1), "finding out who": (v.channels["people"], 0.1),
        "information, for the stated": (v.channels["information"], 1.5), "hours saved then, all told": (v.hours_saved_then, 1.5),
        "worth it if an hour then": (v.exchange_rate, 0.3),
    }  # fmt: skip
    for start, (found, error) in wanted.items():
        assert number(row(start)[0]) == pytest.approx(found, abs=error), start


@pytest.mark.slow
def test_over_updating_turns_where_the_page_says(values):
    v = values["replicate-control-larger"]
    by_rho = {p.at: p for p in v.curve_validity}
    by_factor = {p.at: p for p in v.curve_over_update}
    printed = {
        "takes the proxy's validity for .1": by_rho[0.1], ".2": by_rho[0.2], ".4": by_rho[0.4], ".5": by_rho[0.5],
        ".8": by_rho[0.8], "1 (and still": by_rho[1.0], "counts the result as 1": by_factor[1.0],
        "as 2 such results": by_factor[2.0], "as 3": by_factor[3.0], "as 10": by_factor[10.0],
    }  # fmt: skip
    for start, point in printed.items():
        assert number(row(start)[0]) == pytest.approx(point.hours, abs=0.06 + 3 * point.monte_carlo_se), start
    # Harm is real: some gain for the calibrated, some loss at face value, and a turning point between.
    assert by_rho[0.2].hours > 0 > by_rho[0.8].hours
    said = re.search(r"turns at a validity of \*\*([\d.]+)\*\*, and at \*\*([\d.]+)\*\* times", PAGE)
    assert float(said[1]) == pytest.approx(v.break_even_reader_validity, abs=0.12)
    assert float(said[2]) == pytest.approx(v.break_even_over_update, abs=0.8)
    assert v.break_even_face_value_share < 0.01


@pytest.mark.slow
def test_rivals_stand_where_the_page_puts_them(values):
    assert set(values) == set(list_proposals())
    for name, v in values.items():
        assert v.ok, (name, v.checks)
        now, then, rate, calibrated, face, _ = row(f"`{name}`")
        assert number(now) == pytest.approx(v.hours_now, abs=1), name
        assert number(then) == pytest.approx(v.hours_saved_then, abs=0.05 + 0.05 * abs(v.hours_saved_then)), name
        assert (number(rate) is None) == (v.exchange_rate is None), name
        if v.exchange_rate is not None:
            assert number(rate) == pytest.approx(v.exchange_rate, rel=0.05), name
        if v.decisions:
            assert number(calibrated) == pytest.approx(v.hours_saved_calibrated, abs=0.03 + 3 * v.monte_carlo_se), name
            error = 0.03 + 3 * v.monte_carlo_se_reader["face_value"]
            assert number(face) == pytest.approx(v.hours_saved_reader["face_value"], abs=error), name
