"""Pictures of a value: every number drawn is one of the record, and a failed gate draws none."""

import pytest

from evidence.domain.value import CurvePoint, DecisionValue, Knowing, Money, TornadoBar, Value
from evidence.report.drawing import svg_of
from evidence.report.figures_value import FIGURES, value_by_sample, value_by_validity, value_tornado
from evidence.report.value import hours, value_view
from report.reviews import PASSED, PROVENANCE


def points(*pairs):
    return tuple(CurvePoint(at=at, hours=h, monte_carlo_se=0.05) for at, h in pairs)


def make_value(**changes):
    decision = DecisionValue(
        hours_before=20, hours_perfect=5, hours_saved_calibrated=0.6, hours_saved_cross_judged=0.5,
        hours_saved_reader={"face_value": -12.0}, monte_carlo_se=0.05, monte_carlo_se_reader={"face_value": 0.4},
        break_even_reader_validity=0.44,
    )  # fmt: skip
    values = {
        "id": "v", "title": "A study $x$ of <things>", "claim": "c", "kind": "experiment", "base": "tiny", "question": "?",
        "target": "T", "model": "default", "decisions": {"try_order": decision, "verify_or_ship": decision},
        "hours_saved_calibrated": 1.2, "hours_saved_reader": {"face_value": -24.0}, "monte_carlo_se": 0.07,
        "monte_carlo_se_reader": {"face_value": 0.5}, "break_even_reader_validity": 0.44, "break_even_over_update": 2.5,
        "break_even_face_value_share": 0.05, "hours_mix": -6.0, "hours_review_attached": 7.2, "shares": {"face_value": 0.3},
        "order_before": ("A", "B"), "bits": {"order": 0.02, "merits": 0.1}, "reach": 0.5, "p_in_time": 0.9,
        "p_not_automated": 0.8, "hours_per_hour": 0.7, "channels": {"information": -2.2, "tooling": 30.0, "people": 0.0},
        "hours_now": 100.0, "hours_saved_then": 27.8, "exchange_rate": 3.6, "exchange_rate_information": None,
        "money": Money(days_of_delay=0.5, amount=500.0, currency="USD"),
        "curve_sample": points((0.25, 0.9), (1, 1.2), (4, 1.3)), "ceiling": CurvePoint(at=1e9, hours=1.5, monte_carlo_se=0.1),
        "curve_validity": points((0, 0), (0.2, 1.0), (0.6, -0.7), (1, -20)), "curve_over_update": points((0, 0), (1, 1.2), (5, -3)),
        "knowing": (Knowing(key="novelty", label="novelty", hours=0.4, monte_carlo_se=0.05),),
        "tornado": (TornadoBar(key="reach", low="0.25", high="1", hours_low=29.0, hours_high=25.0),),
        "checks": PASSED, "ok": True, "provenance": PROVENANCE,
    }  # fmt: skip
    return Value(**(values | changes))


def texts(figure):
    return " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_picture_is_the_same_svg_each_time_with_its_title_as_text(name):
    value = make_value()
    svg = svg_of(FIGURES[name](value))
    assert svg == svg_of(FIGURES[name](value))
    assert "A study $x$ of &lt;things&gt;" in svg
    assert "<script" not in svg


@pytest.mark.parametrize("name", list(FIGURES))
def test_a_failed_gate_draws_a_sentence_and_no_axes(name):
    figure = FIGURES[name](make_value(ok=False))
    assert figure.axes == []
    assert "No verdict" in texts(figure)


def test_the_ceiling_and_the_turning_points_are_those_of_the_record():
    assert "saves 1.5 h" in texts(value_by_sample(make_value()))
    assert "turns to harm at 0.44" in texts(value_by_validity(make_value()))
    assert "turns to harm" not in texts(value_by_validity(make_value(break_even_reader_validity=None)))
    drawn = value_by_validity(make_value()).axes[0].get_lines()
    assert any(list(line.get_ydata()) == [0, 1.0, -0.7, -20] for line in drawn if len(line.get_ydata()) == 4)


def test_points_below_nothing_carry_another_mark():
    marked = [line for line in value_by_validity(make_value()).axes[0].get_lines() if line.get_marker() == "v"]
    assert [list(line.get_ydata()) for line in marked] == [[-0.7, -20]]


def test_a_bar_of_the_tornado_reaches_from_end_to_end():
    bar = value_tornado(make_value()).axes[0].patches[0]
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((25.0, 29.0))


def test_no_sample_no_curve():
    assert "nothing depends on a sample" in texts(value_by_sample(make_value(curve_sample=())))


def rendered(value):
    import io

    from evidence.report.render import open_console

    out = io.StringIO()
    open_console(out).print(value_view(value))
    return " ".join(out.getvalue().split())


def test_the_page_says_plainly_what_is_lost():
    page = rendered(make_value())
    assert (
        "100 hours now save 27.8 hours in the crunch: worth it if an hour then is worth at least 3.6 of today's."
        in page
    )
    assert "Taken at face value it loses 24.0 hours" in page
    assert "As it would be read, its information loses 2.2 hours of them" in page
    lost = rendered(make_value(hours_saved_then=-5.0, exchange_rate=None))
    assert "loses 5.0 hours in the crunch: at no price of an hour is it worth it" in lost
    withheld = rendered(make_value(ok=False))
    assert "NO VERDICT" in withheld
    assert "27.8" not in withheld


@pytest.mark.parametrize(
    ("x", "text"), [(0.004, "0.00"), (-0.001, "0.00"), (0.56, "0.56"), (-12.34, "-12.3"), (630.8, "631")]
)
def test_hours_are_printed_to_what_matters(x, text):
    assert hours(x) == text
