"""Tornado, heat strip, live bars and worlds: marks where the numbers are, names stay text."""

import re

import pytest
from test_documents import HOSTILE

from evidence.domain.sliders import HeatStrip, TornadoBar
from evidence.report.bars import bars_html, worlds_html
from evidence.report.figures import svg_of
from evidence.report.figures_sliders import heat_strip, tornado
from evidence.report.sheets import safe_cell
from evidence.report.words import in_100

BARS = (
    TornadoBar(key="prior.tau", label="Prior width", lo=0.2, hi=2.0, p_lo=0.52, p_hi=0.71),
    TornadoBar(key="validity.F", label="Validity", lo=0.0, hi=0.5, p_lo=0.5, p_hi=None),
)


def test_a_tornado_has_a_bar_from_end_to_end_and_says_what_is_not_shown():
    figure = tornado(BARS, 0.6)
    (bar,) = figure.axes[0].patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((52, 71))
    assert "52 at 0.20, 71 at 2.00" in figure.alt
    assert "Validity not shown" in figure.alt
    assert any("not shown" in t.get_text() for t in figure.axes[0].texts)


def test_a_heat_strip_prints_each_answer_and_a_dash_for_none():
    strip = HeatStrip(
        first="a.b", second="c.d", first_values=(0.0, 1.0), second_values=(0.0, 0.5), p=((0.5, 0.61), (0.7, None))
    )
    figure = heat_strip(strip, "First", "Second")
    assert [t.get_text() for t in figure.axes[0].texts] == ["50", "61", "70", "–"]
    assert "not shown" in figure.alt


@pytest.mark.parametrize("name", HOSTILE)
def test_s07_hostile_labels_stay_text(name):
    bar = BARS[0].model_copy(update={"label": name})
    strip = HeatStrip(first="a", second="b", first_values=(0.0, 1.0), second_values=(0.0,), p=((0.5, 0.6),))
    for svg in (svg_of(tornado((bar,), 0.5)), svg_of(heat_strip(strip, name, name))):
        assert not re.search(r"<(script|img|a|iframe|svg [^>]*onload)\b", svg.removeprefix("<svg"))
        assert "\u202e" not in svg


def test_live_bars_are_as_long_as_their_numbers_and_say_them():
    html = bars_html((("registered", 0.5), ("as moved", 0.617)))
    assert "width:61.70%" in html
    assert f'aria-label="in 100: registered {in_100(0.5)}, as moved {in_100(0.617)}"' in html
    assert ">62<" in html


def test_worlds_are_counted_and_the_chosen_one_is_named():
    dots = tuple(-1 + 2 * i / 49 for i in range(50))
    still = worlds_html(dots, None, "A", "B")
    assert still.count("<span") == 51
    assert "25 of 50 worlds have A ahead" in still
    seen = {
        re.search(r"In this world ([AB]) is ahead by (\d\.\d\d)", worlds_html(dots, n, "A", "B")).groups()
        for n in range(50)
    }
    # Every world is shown once in fifty frames: 25 sizes on each side.
    assert len(seen) == 50


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "\uff1d1"]
)  # fmt: skip
def test_s08_no_cell_can_be_a_formula(text):
    """S8 of the security list."""
    assert safe_cell(text) == "'" + text


def test_s08_numbers_and_plain_text_stay_as_they_are():
    assert [safe_cell(x) for x in (-0.5, 3, None, "a-b", "1.5")] == ["-0.5", "3", "", "a-b", "1.5"]
