"""Pictures: marks where the numbers are, everything given is drawn or counted, names stay text."""

import itertools
import math
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import FancyArrowPatch
from reviews import FAILED, make_ranking, make_review
from test_documents import HOSTILE, SVG_TAGS, hostile_review

from bases import write_base
from evidence.domain.results import StudyShift
from evidence.io.tables import load_base
from evidence.report.drawing import NO_VERDICT, shown
from evidence.report.figures import (
    belief_bars,
    contrast_dots,
    contributions,
    forest,
    network,
    rank_heat,
    svg_of,
    validity,
)
from evidence.report.figures_ranking import MOST_STUDIES
from evidence.report.words import find_forbidden, in_100, size

OF_REVIEW = (contrast_dots, belief_bars, forest, validity)
OF_RANKING = (rank_heat, contributions)
ODD = (
    *HOSTILE, "$\\frac{1}{0}$ and $x_1$", "日本語の名前 모델 模型", "a\x1b[2J\x00b\ufffe", "-->", "]]>", "x" * 5000, "名" * 500,
    "\\TeX \\undefined{", "🙂 👩‍👩‍👧",
)  # fmt: skip


def find(figure, gid):
    """Artists of the first axes by their id, in drawing order."""
    return [artist for artist in figure.axes[0].get_children() if artist.get_gid() == gid]


def texts(figure):
    inside = [text.get_text() for axes in figure.axes for text in axes.findobj(matplotlib.text.Text)]
    return [text for text in [*inside, *(text.get_text() for text in figure.texts)] if text]


def line_of(**changes):
    return make_review().inputs[0].model_copy(update=changes)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return load_base(write_base(tmp_path_factory.mktemp("bases") / "tiny"))


# --- marks sit where the numbers are ---------------------------------------------------------------------------


def test_every_dot_sits_at_its_own_quantile_and_is_filled_right_of_zero():
    review = make_review()
    figure = contrast_dots(review)
    (ahead,), (behind,) = find(figure, "ahead"), find(figure, "behind")
    assert sorted(ahead.get_offsets()[:, 0]) == [dot for dot in review.contrast_dots if dot > 0]
    assert sorted(behind.get_offsets()[:, 0]) == [dot for dot in review.contrast_dots if dot <= 0]
    # Black and white: one is hollow.
    assert behind.get_facecolor().tolist() == [[1, 1, 1, 1]]
    assert luminance(ahead.get_facecolor()[0]) < 0.6
    assert "50 equally likely outcomes" in texts(figure)


def luminance(colour):
    """Of print without colour (ITU-R BT.601 weights)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


@pytest.mark.parametrize("dots", [(0.0,) * 50, (*(math.sin(i) / 1000 for i in range(49)), 40.0)])
def test_no_two_dots_overlap_and_all_stay_inside(dots):
    figure = contrast_dots(make_review(contrast_dots=tuple(sorted(dots))))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    clouds = [c for c in axes.collections if isinstance(c, PathCollection)]
    places = [tuple(axes.transData.transform(p)) for c in clouds for p in c.get_offsets()]
    assert len(places) == 50
    across = math.sqrt(clouds[0].get_sizes()[0]) * figure.dpi / 72
    gaps = [math.dist(p, q) for i, p in enumerate(places) for q in places[:i]]
    assert min(gaps) >= across * 0.9
    box = axes.bbox
    assert all(box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for x, y in places)


def test_the_interval_and_the_tick_of_the_proxy_are_those_of_the_record():
    figure = contrast_dots(make_review(contrast={"q10": -0.9, "q50": 0.3, "q90": 1.4, "proxy": 25.0}))
    assert list(find(figure, "interval")[0].get_xdata()) == [-0.9, 1.4]
    assert list(find(figure, "proxy")[0].get_xdata()) == [25.0, 25.0]
    lo, hi = figure.axes[0].get_xlim()
    assert lo < -2
    assert hi > 25  # the axis holds the tick however far it is
    assert find(contrast_dots(make_review(contrast={"q10": -1, "q50": 0, "q90": 1})), "proxy") == []


def test_bars_end_at_their_beliefs_and_marks_stand_at_theirs():
    review = make_review()
    figure = belief_bars(review)
    wanted = [review.p_prior, review.p_post, review.p_face_value, review.belief]
    assert [bar.get_width() / 100 for bar in find(figure, "bar")] == pytest.approx(wanted)
    for gid, p in (("ceiling", review.p_ceiling), ("break-even", review.p_break_even), ("belief", review.belief)):
        assert find(figure, gid)[0].get_xdata()[0] == pytest.approx(100 * p)
    assert {"50", "62", ">99", "85", "ceiling 62", "break-even 73"} <= set(texts(figure))
    looks = [(bar.get_facecolor(), bar.get_hatch()) for bar in find(figure, "bar")]
    assert len(set(looks)) == 4
    assert find(figure, "ceiling")[0].get_linestyle() != find(figure, "break-even")[0].get_linestyle()


def test_bars_leave_out_what_is_not_known():
    figure = belief_bars(make_review(belief=None, p_break_even=None))
    assert len(find(figure, "bar")) == 3
    assert find(figure, "break-even") == find(figure, "belief") == []


def test_the_forest_draws_findings_as_read_and_the_target_as_the_fat_mark():
    lines = (
        line_of(effect_smd=2.0, se_smd=0.5, technique="C", setting="other"),
        line_of(effect_smd=-0.4, se_smd=0.1, setting="near"),
        line_of(effect_smd=None, se_smd=None, as_read="A above B, stated reliability 0.8"),
    )
    review = make_review(inputs=lines)
    figure = forest(review)
    first, second = find(figure, "finding")
    # The pair's own finding first; 95 % normal interval of its se (closed form).
    assert list(first.get_xdata()) == pytest.approx([-0.4 - 0.1959964, -0.4 + 0.1959964])
    assert list(second.get_xdata()) == pytest.approx([2 - 0.9799820, 2 + 0.9799820])
    (target,) = find(figure, "target")
    assert list(target.get_xdata()) == [review.contrast["q10"], review.contrast["q90"]]
    assert target.get_linewidth() > 4 * first.get_linewidth()
    said = " | ".join(texts(figure))
    assert "no size: A above B, stated reliability 0.8" in said
    assert "near" in said
    assert "C above B, other" in said


@pytest.mark.parametrize(("sized", "unsized", "most"), [(0, 9, 5), (3, 0, 30), (12, 6, 5)])
def test_the_forest_draws_or_counts_every_finding(sized, unsized, most):
    lines = [line_of(effect_smd=0.1 * i) for i in range(sized)] + [line_of(effect_smd=None) for _ in range(unsized)]
    figure = forest(make_review(inputs=tuple(lines)), most=most)
    said = [text for text in texts(figure) if text.startswith(("no size", "and "))]
    counted = sum(int(re.match(r"and (\d+)", text)[1]) for text in said if text.startswith("and "))
    listed = sum(text.startswith("no size") for text in said)
    assert len(find(figure, "finding")) + listed + counted == sized + unsized


def test_validity_is_said_as_how_often_an_order_is_kept():
    figure = validity(make_review(validity={"q10": 0.1, "q50": 0.5, "q90": 0.6}))
    (bar,) = find(figure, "before")
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((0.1, 0.6))
    # Orthant probability of two normals: 1/2 + arcsin(1/2)/pi = 2/3.
    assert "0.50: order kept in 67 of 100 pairs" in texts(figure)
    assert "before 0.50: order kept in 67 of 100 pairs (80 %, equal-tailed: 0.10 to 0.60)" in figure.alt


def test_validity_after_reading_is_drawn_where_it_is_known():
    figure = validity(make_review(validity_posterior={"q10": -0.2, "q50": 0.0, "q90": 0.3}))
    (after,) = find(figure, "after")
    assert (after.get_x(), after.get_x() + after.get_width()) == pytest.approx((-0.2, 0.3))
    assert figure.axes[0].get_xlim()[0] <= -0.2
    assert "after 0.00: order kept in 50 of 100 pairs" in figure.alt


def test_the_heat_map_shows_every_rank_probability():
    ranking = make_ranking()
    figure = rank_heat(ranking)
    (cells,) = find(figure, "cells")
    wanted = [p for t in ranking.techniques for p in t.rank_probabilities]
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == [in_100(p) for p in wanted]
    shades = [luminance(colour) for colour in cells.get_array().reshape(-1, 3)]
    assert len(shades) == len(wanted) == 9
    # More is darker, without colour too.
    order = sorted(range(9), key=lambda i: wanted[i])
    assert all(shades[a] >= shades[b] for a, b in itertools.pairwise(order))


def test_contributions_draw_what_may_be_shown_and_list_the_rest():
    figure = contributions(make_ranking())
    assert [bar.get_width() for bar in find(figure, "study")] == [0.2]
    assert {"s1", "s2", "0.20", "not shown"} <= set(texts(figure))
    assert not any("0.77" in text or "0.78" in text for text in [*texts(figure), figure.alt])  # its check failed


def test_every_study_is_drawn_or_counted():
    studies = tuple(
        StudyShift(
            id=f"s{i}", title="", shift_bits=1 / (i + 1), max_rank_change=0, p_top_changes=0, k_hat=0, ok=i % 7 > 0
        )
        for i in range(MOST_STUDIES + 23)
    )
    figure = contributions(make_ranking(studies=studies))
    failed = sum(text == "not shown" for text in texts(figure))
    assert len(find(figure, "study")) + failed == MOST_STUDIES
    assert "and 23 more studies, not drawn" in texts(figure)
    assert figure.alt.count(";") == MOST_STUDIES


def test_the_network_joins_what_a_study_measured_side_by_side(base):
    figure = network(base)
    # By hand from tests/bases.py: each pair, family and its studies.
    met = {}
    family = {s.id: s.family for s in base.settings}
    for study in base.studies:
        for setting in base.settings:
            named = set()
            for f in base.findings:
                if (f.study, f.setting) == (study.id, setting.id):
                    named |= {f.technique, f.comparator} - {None}
            for a in named:
                for b in named:
                    if a < b:
                        met.setdefault((a, b, family[setting.id]), set()).add(study.id)
    edges = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert len(edges) == len(met) > 1
    assert sorted(e.get_linewidth() for e in edges) == sorted(1 + 1.4 * (len(s) - 1) for s in met.values())
    disks = find(figure, "technique")
    assert len(disks) == len(base.techniques)
    counts = [sum(t.id in {f.technique, f.comparator} for f in base.findings) for t in base.techniques]
    assert [d.get_sizes()[0] for d in disks] == [22 + 14 * n for n in counts]
    legend = [line for line in figure.get_children() if line.get_gid() == "legend"]
    assert len(legend) == len(base.families)
    for f in base.families:
        assert any(text.startswith(f"{f.name}: ") for text in texts(figure))


def test_a_technique_without_findings_is_hollow_and_named(base):
    lonely = base.model_copy(update={"findings": tuple(f for f in base.findings if "audit" not in {f.technique, f.comparator})})  # fmt: skip
    figure = network(lonely)
    faces = [disk.get_facecolor()[0].tolist() for disk in find(figure, "technique")]
    assert [face == [1, 1, 1, 1] for face in faces] == [False, False, True]
    assert "no finding names Upfront auditing" in figure.alt


def test_numbers_are_no_finer_than_their_monte_carlo_error():
    review = make_review(mcse={"contrast.q10": 0.04, "contrast.q50": 0.04, "contrast.q90": 0.04})
    for figure in (contrast_dots(review), forest(review)):
        assert "-0.9 to 1.4" in figure.alt  # -0.94 and 1.45, of which an error of 0.04 supports one decimal
        assert "-0.94" not in " ".join([figure.alt, *texts(figure)])


# --- a failed gate ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", OF_REVIEW + OF_RANKING)
def test_a_failed_gate_leaves_a_sentence_and_no_number(draw):
    record = (make_review if draw in OF_REVIEW else make_ranking)(ok=False, checks=FAILED)
    figure = draw(record)
    assert texts(figure) == [NO_VERDICT] == [figure.alt]
    assert figure.axes == []


# --- alt texts -------------------------------------------------------------------------------------------------


def test_alt_texts_carry_the_numbers(base):
    review, ranking = make_review(), make_ranking()
    c = review.contrast
    alt = contrast_dots(review).alt
    assert all(size(c[name]) in alt for name in c)
    assert "25 are right of 0" in alt
    assert "0.44 (0.17 to 0.71)" in forest(review).alt
    assert "X 40, 30, 30" in rank_heat(ranking).alt
    assert contributions(ranking).alt == "Bits by study: s1 0.20; s2 not shown."
    assert "3 techniques, 4 settings in 3 families" in network(base).alt
    assert "Trusted monitoring" in network(base).alt
    for figure in (*(draw(review) for draw in OF_REVIEW), *(draw(ranking) for draw in OF_RANKING), network(base)):
        assert figure.title
        assert find_forbidden(re.sub("equally likely", "", figure.alt)) == ()
        root = ET.fromstring(svg_of(figure))  # noqa: S314 (our own)
        assert root[0].text == figure.title
        assert root[1].text == figure.alt


# --- names, SVG (TESTS.md S7) ----------------------------------------------------------------------------------


def hostile_figures(text, base):
    review = hostile_review(text)
    lines = (review.inputs[0], review.inputs[0].model_copy(update={"effect_smd": None}))
    ranking = make_ranking()
    named = tuple(t.model_copy(update={"name": text}) for t in ranking.techniques)
    studies = tuple(s.model_copy(update={"id": text}) for s in ranking.studies)
    ranking = ranking.model_copy(update={"techniques": named, "studies": studies, "target": text})
    techniques = tuple(t.model_copy(update={"name": text}) for t in base.techniques)
    families = tuple(f.model_copy(update={"name": text}) for f in base.families)
    base = base.model_copy(update={"techniques": techniques, "families": families})
    review = review.model_copy(update={"inputs": lines})
    return [*(draw(review) for draw in OF_REVIEW), *(draw(ranking) for draw in OF_RANKING), network(base)]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_s07_names_stay_text_in_every_picture(text, base):
    for figure in hostile_figures(text, base):
        svg = svg_of(figure)  # a warning is an error here
        root = ET.fromstring(svg)  # noqa: S314 (our own)
        assert {element.tag for element in root.iter()} <= SVG_TAGS
        attributes = [(name, value) for element in root.iter() for name, value in element.attrib.items()]
        assert not [name for name, _ in attributes if name.lower().startswith("on")]
        assert all(value.startswith("#") for name, value in attributes if name.endswith("href"))
        assert "<!--" not in svg
        assert "<!DOCTYPE" not in svg
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", svg)


def test_a_name_with_dollars_is_shown_as_it_is():
    figure = rank_heat(make_ranking(target="$x_1$"))
    assert ">Ranks at $x_1$<" in svg_of(figure)


def test_names_in_another_script_are_drawn_as_pixels_without_a_warning(tmp_path, base):
    for figure in hostile_figures("日本語", base):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.savefig(tmp_path / "x.png", bbox_inches="tight")


def test_wide_letters_count_as_two():
    assert shown("名" * 30, 20) == "名" * 9 + "…"
    assert shown("n" * 30, 20) == "n" * 19 + "…"
    assert shown("n" * 20, 20) == "n" * 20
    assert shown("a\u202eb") == "a\\u202eb"


def test_bytes_are_the_same_on_every_call_and_in_every_process(base):
    figures = [
        *(draw(make_review()) for draw in OF_REVIEW),
        *(draw(make_ranking()) for draw in OF_RANKING),
        network(base),
    ]
    for figure in figures:
        assert svg_of(figure) == svg_of(figure)
    code = f"import hashlib, sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    code += "from reviews import make_review\nfrom evidence.report.figures import *\n"
    code += "print(hashlib.sha256(''.join(svg_of(d(make_review())) for d in (contrast_dots, belief_bars)).encode()).hexdigest())"
    seen = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert len(seen) == 1
    assert not re.search(r"20\d\d-\d\d-\d\d", svg_of(figures[0]))


def test_the_readers_own_matplotlib_settings_do_not_reach_a_picture():
    wanted = svg_of(belief_bars(make_review()))
    with matplotlib.rc_context({"text.usetex": True, "axes.grid": True, "font.size": 30, "svg.fonttype": "path"}):
        assert svg_of(belief_bars(make_review())) == wanted
        assert matplotlib.rcParams["font.size"] == 30


def test_a_notebook_shows_the_picture_and_pyplot_is_not_needed():
    figure = belief_bars(make_review())
    assert figure._repr_svg_() == svg_of(figure)
    code = "import sys; from evidence.report import figures; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
