"""Tables and plot of a backtest against the record they show."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from scipy import stats

from evidence.domain.backtest import (
    BacktestTable,
    BridgeScores,
    Difference,
    ReaderScore,
    ReliabilityBin,
    Score,
    SingleProxyBin,
    TargetScores,
)
from evidence.domain.results import Check
from evidence.report.backtest import backtest_markdown, grids_of
from evidence.report.figures import reliability, svg_of
from evidence.report.figures_backtest import SHOWN, wilson

SVG = "{http://www.w3.org/2000/svg}"
READERS = ("warranted", "coin", "face-value", "random-effects-predictive")
HOSTILE = '<script>alert(1)</script> | "x" & \x1b[2J'


def score(i, **more):
    """A score of which no two numbers print alike."""
    values = {
        "pairs": 10 + i, "log_loss": 0.101 + i / 10, "log_loss_unclipped": 0.202 + i / 10, "brier": 0.013 + i / 10,
        "sure_and_wrong": 0.031 + i / 100, "crps_smd": 0.404 + i / 10, "coverage_50": 0.51, "coverage_80": 0.82,
        "coverage_95": 0.93, "top1_regret_smd": 0.24 + i / 10, "kendall_tau": None if i == 1 else 0.35 + i / 10,
    }  # fmt: skip
    return Score(**{**values, **more})


def scores(start):
    return tuple(ReaderScore(reader=r, score=score(start + i)) for i, r in enumerate(READERS))


def table(bridge="one", bins=None):
    bins = bins or tuple(
        ReliabilityBin(reader=r, lo=lo, hi=lo + 0.1, pairs=5 + i, claimed=lo + 0.043, observed=0.2 + lo)
        for i, r in enumerate(READERS)
        for lo in (0.5, 0.6)
    )
    targets = tuple(TargetScores(target=t, scores=scores(i)) for i, t in ((4, "g1"), (5, "g2")))
    found = BridgeScores(
        bridge=bridge, model="m", model_sha256="0" * 64, base_sha256="1" * 64, scores=scores(2), targets=targets,
        checks={"k_hat": Check(value=0.1, ok=True, wanted="< 0.7")}, notes=("left out: X",),
    )  # fmt: skip
    return BacktestTable(
        mode="hidden", readers=READERS, overall=scores(0), bridges=(found,),
        differences=(Difference(reader="coin", mean=-0.111, q025=-0.222, q10=-0.333, q90=0.444, q975=0.555),),
        slopes={r: 0.61 + i for i, r in enumerate(READERS)}, reliability=bins,
        single_proxies=(
            SingleProxyBin(z_lo=0, z_hi=1, pairs=77, claimed=0.6543, observed=0.48),
            SingleProxyBin(z_lo=10, z_hi=None, pairs=78, claimed=1.0, observed=0.84),
        ),
        seed=1, version="1", ok=True,
    )  # fmt: skip


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 (written by the code under test)


def rows(markdown, title):
    """Cells of the table under a heading."""
    section = markdown.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_the_numbers_of_the_page_are_those_of_the_record():
    found, page = table(), backtest_markdown(table())
    for r, row in zip(found.overall, rows(page, "All bridges"), strict=True):
        s = r.score
        assert row[0] == r.reader
        assert [float(row[i]) for i in (1, 2, 3, 5, 7)] == pytest.approx(
            [s.log_loss, s.log_loss_unclipped, s.brier, s.crps_smd, s.top1_regret_smd], abs=5e-3
        )
        assert [float(row[i]) for i in (1, 2, 3, 5)] == pytest.approx(
            [s.log_loss, s.log_loss_unclipped, s.brier, s.crps_smd], abs=5.1e-4
        )
        assert row[4] == f"{100 * s.sure_and_wrong:.1f} %"
        assert row[6] == "51 / 82 / 93"
        assert (row[8] == "") is (s.kendall_tau is None)
        assert float(row[9]) == pytest.approx(found.slopes[r.reader], abs=5.1e-3)
    (bridge,) = rows(page, "Log loss by bridge")
    assert bridge[:3] == ["one", str(found.bridges[0].scores[0].score.pairs), "m"]
    assert [float(x) for x in bridge[3:]] == pytest.approx([r.score.log_loss for r in found.bridges[0].scores])
    for t, row in zip(found.bridges[0].targets, rows(page, "one by target"), strict=True):
        assert row[0] == t.target
        by = {r.reader: r.score.log_loss for r in t.scores}
        wanted = [by["warranted"], by["face-value"], by["random-effects-predictive"]]
        assert [float(x) for x in row[2:5]] == pytest.approx(wanted)
    assert rows(page, "Differences in log loss") == [["coin", "-0.111", "-0.333 to +0.444", "-0.222 to +0.555"]]
    for b, row in zip(found.reliability, rows(page, "Claimed against observed"), strict=True):
        assert row[0] == b.reader
        assert float(row[2]) == b.pairs
        assert float(row[3]) == pytest.approx(100 * b.claimed, abs=0.051)
        assert float(row[4]) == pytest.approx(100 * b.observed, abs=0.51)
    wanted = [["0 to 1", "77", "65.43", "48"], ["above 10", "78", "100.00", "84"]]
    assert rows(page, "One result at face value") == wanted
    assert "* one: left out: X" in page


def test_a_hostile_name_stays_text_in_one_cell():
    page = backtest_markdown(table(bridge=HOSTILE))
    (row,) = rows(page, "Log loss by bridge")
    assert len(row) == 3 + len(READERS)
    assert "\x1b" not in page
    assert all("\n" not in cell for grid in grids_of(table()) for row in grid.rows for cell in row)


def drawn(figure, gid):
    """Artists of a figure by their id."""
    return [artist for artist in figure.axes[0].get_children() if artist.get_gid() == gid]


def test_the_plot_is_xml_with_words_and_a_mark_for_every_bin_shown():
    found = table()
    figure = reliability(found, title=HOSTILE)
    root = parsed(svg_of(figure))
    assert root.find(f"{SVG}title").text == HOSTILE.replace("\x1b", "\\x1b")
    shown = [b for b in found.reliability if b.reader in SHOWN]
    description = root.find(f"{SVG}desc").text
    assert len(description.split("; ")) == len(shown) == len(drawn(figure, "mark")) == len(drawn(figure, "bar")) == 6
    assert f"warranted claimed 54, right 70 of 100 ({shown[0].pairs:.0f} pairs)" in description
    assert not list(root.iter(f"{SVG}script"))
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == list(SHOWN)


def test_marks_and_bars_lie_where_the_shares_are():
    found = table()
    figure = reliability(found)
    shown = [b for b in found.reliability if b.reader in SHOWN]
    for b, mark, bar in zip(shown, drawn(figure, "mark"), drawn(figure, "bar"), strict=True):
        assert mark.get_offsets().tolist() == [[100 * b.claimed, 100 * b.observed]]
        assert list(bar.get_ydata()) == [100 * end for end in wilson(b.observed, b.pairs)]
    (diagonal,) = drawn(figure, "diagonal")
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [50, 100]
    assert len({shape for _, shape in SHOWN.values()}) == len(SHOWN)  # print without colour tells them apart


def test_a_failed_backtest_has_no_plot():
    figure = reliability(table().model_copy(update={"ok": False}))
    assert figure.alt.startswith("No verdict")
    assert figure.axes == []


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (77, 100)])
def test_bars_are_the_wilson_interval_of_scipy(k, n):
    wanted = stats.binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_half_pairs_have_an_interval_too():
    # Closed form at a share of 1/2: 1/2 -+ z / (2 sqrt(n + z^2)).
    z = stats.norm.ppf(0.975)
    half = z / (2 * math.sqrt(7.5 + z**2))
    assert wilson(0.5, 7.5) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-9)
