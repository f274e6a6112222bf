"""What a backtest may and may not see, its scores in closed form, and the table of docs/model.md, section 1."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import bridges
import cases
from evidence.analysis import backtest as subject
from evidence.analysis import reader_scores
from evidence.analysis.backtest import Read, backtest, targets_of, truth_of
from evidence.analysis.fitting import prepare_case
from evidence.analysis.reader_scores import (
    BINS,
    RESAMPLES,
    Scored,
    Truth,
    _draws,
    _kendall_tau,
    _reliability,
    _single_proxies,
    build_table,
    score_reader,
)
from evidence.analysis.readers import READERS, Summaries, pairs_of, summarise
from evidence.domain.records import RegisteredOrder, Technique
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model
from evidence.io.tables import load_base
from evidence.model.contrasts import Contrasts

ENGINE = ExactEngine(max_rounds=2, round_size=256)

ROOT = Path(__file__).parents[2]


def shipped(name):
    return load_model(find_model(name))


@pytest.fixture
def run(monkeypatch):
    """Runs a small backtest; returns its table and {(bridge, target): {reader: Contrasts}}."""

    def invoke(*bases, **options):
        seen = {}
        inner = subject._scored

        def spy(read, truth, target, beliefs, summaries):
            seen[read.base.question.id, target] = beliefs
            return inner(read, truth, target, beliefs, summaries)

        with monkeypatch.context() as patch:
            patch.setattr(subject, "_scored", spy)
            table = backtest(
                [Read(base, cases.spread_model()) for base in bases], face_value=shipped("face-value"),
                random_effects=shipped("random-effects"), engine=ENGINE, seed=1, **options,
            )  # fmt: skip
        return table, seen

    return invoke


def changed(target, *, by=1.0):
    """The bridge with other outcomes at one target."""
    table = {
        g: {t: (y + by * (g == target) * (1 + i), se) for i, (t, (y, se)) in enumerate(rows.items())}
        for g, rows in bridges.OUTCOMES.items()
    }
    return bridges.bridge(outcomes=bridges.outcomes_of(table))


def same(first, second):
    return all(np.array_equal(getattr(first, x), getattr(second, x)) for x in ("weights", "mean", "sd"))


# What readers see


def test_no_outcome_changes_what_any_reader_says_while_all_are_hidden(run):
    table, before = run(bridges.bridge())
    for target in ("near", "far"):
        moved, after = run(changed(target))
        for key, beliefs in before.items():
            assert set(beliefs) == set(READERS)
            assert [name for name in READERS if not same(beliefs[name], after[key][name])] == []
        # The outcomes did change: some score did, too.
        assert moved.overall != table.overall
    assert table.mode == "hidden"


def test_with_siblings_visible_a_targets_own_outcomes_stay_hidden_and_the_others_do_not(run):
    table, before = run(bridges.bridge(), siblings_visible=True)
    _, after = run(changed("near"), siblings_visible=True)
    assert all(same(before["bridge", "near"][r], after["bridge", "near"][r]) for r in READERS)
    informed = [r for r in READERS if not same(before["bridge", "far"][r], after["bridge", "far"][r])]
    assert {"warranted", "face-value", "random-effects-mean"} <= set(informed)
    assert "coin" not in informed
    assert table.mode == "siblings-visible"


def test_all_outcomes_are_hidden_unless_asked_for(run):
    _, hidden = run(bridges.bridge())
    _, siblings = run(bridges.bridge(), siblings_visible=True)
    assert not same(hidden["bridge", "far"]["face-value"], siblings["bridge", "far"]["face-value"])


def test_nothing_is_seen_either_where_every_target_has_a_fit_of_its_own():
    # A registered order speaks about the target, so that one fit no longer serves all of them.
    order = RegisteredOrder(technique="B", comparator="A", q=0.8, claim="by design")
    model = cases.spread_model().model_copy(update={"orders": (order,)})
    readers = {"face_value": shipped("face-value"), "random_effects": shipped("random-effects")}
    tables = [
        backtest([Read(base, model)], **readers, engine=ENGINE, seed=1) for base in (bridges.bridge(), changed("near"))
    ]
    first, second = (next(t for t in table.bridges[0].targets if t.target == "far") for table in tables)
    assert first.scores == second.scores
    assert {name.rsplit(" ", 1)[1] for name in tables[0].bridges[0].checks} == {"near", "far"}


def test_a_target_is_asked_about_only_if_it_is_named_and_known():
    base = bridges.bridge()
    model = cases.spread_model()
    assert targets_of(Read(base, model)) == ["near", "far"]
    assert targets_of(Read(base, model, ("far",))) == ["far"]
    only_near = bridges.bridge(outcomes=bridges.outcomes_of({"near": bridges.OUTCOMES["near"]}))
    assert targets_of(Read(only_near, model)) == ["near"]


def test_a_technique_no_proxy_measured_is_left_out_with_a_note(run):
    base = bridges.bridge(
        outcomes=[*bridges.outcomes_of(bridges.OUTCOMES), bridges.outcome("near", "unseen", 9.0, 0.2)]
    )
    base = base.model_copy(update={"techniques": (*base.techniques, Technique(id="unseen", name="unseen"))})
    assert truth_of(base, "near").techniques == ("none", "A", "B", "C")
    table, _ = run(base)
    assert table.bridges[0].notes == ("near: left out, since no proxy measured them: unseen",)
    assert table.bridges[0].targets[0].scores == run(bridges.bridge())[0].bridges[0].targets[0].scores


def test_an_unknown_baseline_variance_is_noted_and_read_as_independence(run):
    rows = bridges.outcomes_of(bridges.OUTCOMES, baseline_var=None)
    truth = truth_of(bridges.bridge(outcomes=rows), "near")
    (_, sa), (_, sb) = bridges.OUTCOMES["near"]["A"], bridges.OUTCOMES["near"]["B"]
    assert truth.se[pair(truth, "A", "B")] == pytest.approx(math.hypot(sa, sb))
    table, _ = run(bridges.bridge(outcomes=rows))
    assert [n.split(":")[0] for n in table.bridges[0].notes] == ["near", "far"]
    assert all("not known" in n for n in table.bridges[0].notes)


# What came out


def pair(truth, a, b):
    index = [(truth.techniques[i], truth.techniques[j]) for i, j in zip(*pairs_of(len(truth.techniques)), strict=True)]
    return index.index((a, b))


def test_differences_of_outcomes_lose_the_baselines_part_of_their_error():
    # docs/model.md, section 8: Var(a - b) = se_a^2 + se_b^2 - 2 v; against the baseline itself it is se_a^2.
    truth = truth_of(bridges.bridge(), "near")
    assert truth.techniques == ("none", "A", "B", "C")
    for (a, (ya, sa)), (b, (yb, sb)) in itertools.combinations(bridges.OUTCOMES["near"].items(), 2):
        i = pair(truth, a, b)
        assert truth.difference[i] == pytest.approx(ya - yb)
        assert truth.se[i] ** 2 == pytest.approx(sa**2 + sb**2 - 2 * bridges.BASELINE_VAR)
        assert truth.difference[pair(truth, "none", a)] == pytest.approx(-ya)
        assert truth.se[pair(truth, "none", a)] == pytest.approx(sa)


def test_differences_have_the_spread_of_simulated_samples():
    # Independent: arms of the baseline and two techniques drawn 200,000 times, contrasts taken from them.
    rng = np.random.default_rng(6)
    v, own_a, own_b = 0.01, 0.03, 0.05
    arms = rng.normal(0, np.sqrt([v, own_a, own_b]), (200_000, 3))
    contrasts = arms[:, 1:] - arms[:, :1]
    rows = [
        bridges.outcome("near", t, 0.1, math.sqrt(v + own), baseline_var=v) for t, own in (("A", own_a), ("B", own_b))
    ]
    truth = truth_of(bridges.bridge(outcomes=rows), "near")
    spread = (contrasts[:, 0] - contrasts[:, 1]).std()
    assert truth.se[pair(truth, "A", "B")] == pytest.approx(spread, rel=4 / math.sqrt(400_000))


# Scores of pairs


def truth_with(*y, se=0.0):
    """The truth about techniques t0, t1, ... with outcomes y."""
    y = np.array(y, dtype=float)
    a, b = pairs_of(len(y))
    return Truth(tuple(f"t{i}" for i in range(len(y))), y, y[a] - y[b], np.full(len(a), se))


def said(*p):
    """Beliefs N(z, 1) that give every pair the probability p of a above b."""
    return Contrasts.normal(stats.norm.ppf(np.array(p)), np.ones(len(p)))


def test_scores_of_pairs_are_their_textbook_formulas():
    # Differences of t0, t1, t2 at 2, 1, 3: + - -; the reader says .8, .4, .97 of +.
    found = score_reader(said(0.8, 0.4, 0.97), truth_with(2, 1, 3))
    right = np.array([0.8, 0.6, 0.03])
    np.testing.assert_allclose(found.p, right, rtol=1e-9)
    np.testing.assert_allclose(found.log_loss, -np.log(right), rtol=1e-9)
    np.testing.assert_allclose(found.log_loss_unclipped, -np.log(right), rtol=1e-9)
    np.testing.assert_allclose(found.brier, (1 - right) ** 2, rtol=1e-9)
    assert found.sure_and_wrong.tolist() == [0, 0, 1]
    # Mean chance of being above the two others.
    np.testing.assert_allclose(found.order, [(0.8 + 0.4) / 2, (0.2 + 0.97) / 2, (0.6 + 0.03) / 2], rtol=1e-9)


def test_the_outcomes_own_error_is_folded_in():
    # N(1, 1) seen with error sqrt(3): closed form Phi(1 / 2).
    found = score_reader(said(stats.norm.cdf(1.0)), truth_with(1, 0, se=math.sqrt(3)))
    assert found.p[0] == pytest.approx(stats.norm.cdf(0.5), rel=1e-12)


def test_ties_count_half_for_each_order():
    found = score_reader(said(0.98), truth_with(1, 1))
    assert found.log_loss[0] == pytest.approx(-(math.log(0.98) + math.log(0.02)) / 2, rel=1e-9)
    assert found.log_loss_unclipped[0] == pytest.approx(found.log_loss[0], rel=1e-9)
    assert found.brier[0] == pytest.approx((0.02**2 + 0.98**2) / 2, rel=1e-9)
    assert found.sure_and_wrong[0] == 0
    # The same whichever technique comes first.
    assert score_reader(said(0.02), truth_with(1, 1)).log_loss[0] == pytest.approx(found.log_loss[0], rel=1e-9)


def test_probabilities_are_clipped_at_a_thousandth_and_shown_as_they_are_beside_it():
    beliefs = Contrasts.normal(np.array([40.0, 40.0]), np.ones(2))
    wrong = score_reader(beliefs.taken(np.array([0])), truth_with(0, 1))
    right = score_reader(beliefs.taken(np.array([1])), truth_with(1, 0))
    assert wrong.log_loss[0] == pytest.approx(-math.log(0.001), rel=1e-12)
    assert right.log_loss[0] == pytest.approx(-math.log(0.999), rel=1e-12)
    assert wrong.log_loss_unclipped[0] == pytest.approx(-stats.norm.logcdf(-40), rel=1e-12)
    assert right.log_loss_unclipped[0] == 0.0


@pytest.mark.parametrize(("p", "counts"), [(0.949, 0), (0.951, 1), (0.05, 0)])
def test_sure_and_wrong_begins_at_95_in_100(p, counts):
    assert score_reader(said(p), truth_with(0, 1)).sure_and_wrong[0] == counts


def test_a_coin_says_one_half_whatever_its_spread():
    found = score_reader(said(0.9, 0.2, 0.99), truth_with(2, 1, 3), is_coin=True)
    np.testing.assert_allclose(found.p, 0.5)
    np.testing.assert_allclose(found.log_loss, math.log(2))
    assert np.ptp(found.order) == 0


def test_regret_and_rank_correlation_of_known_orders():
    order, y = np.array([0.9, 0.6, 0.3]), np.array([0.0, 2.0, 1.0])
    assert reader_scores._regret(order, y) == 2.0
    # One of three pairs in the same order: (1 - 2) / 3.
    assert _kendall_tau(order, y) == pytest.approx(-1 / 3)
    # A coin puts all of them first: the best minus the mean of all.
    assert reader_scores._regret(np.full(3, 0.5), y) == pytest.approx(1.0)
    assert _kendall_tau(np.full(3, 0.5), y) is None


# Averages


def scored(bridge, target, truth, beliefs, *, techniques=None):
    """One scored target on which every reader says `beliefs`; `warranted` halves every z."""
    truth = replace(truth, techniques=techniques or truth.techniques)
    half = Contrasts.normal(beliefs.mean[:, 0] / 2, beliefs.sd[:, 0])
    readers = {r: score_reader(half if r == "warranted" else beliefs, truth, is_coin=r == "coin") for r in READERS}
    n = len(truth.difference)
    return Scored(bridge, target, truth, readers, Summaries(("s",), np.ones((1, n)), np.ones((1, n))))


THREE = scored("one", "g1", truth_with(2, 1, 3), said(0.8, 0.4, 0.97))
TWO = scored("one", "g2", truth_with(0, 1), said(0.32))
OTHER = scored("two", "g3", truth_with(1, 0), said(0.6))
READS = {"one": ("m", "h", "h"), "two": ("m", "h", "h")}


def table_of(*parts):
    return build_table(parts, READS, {"one": {}, "two": {}}, mode="hidden", seed=1, version="1")


def of(scores, reader):
    return next(s.score for s in scores if s.reader == reader)


def test_pairs_count_once_within_a_bridge_and_bridges_once_over_all():
    table = table_of(THREE, TWO, OTHER)
    one = (-math.log(0.8) - math.log(0.6) - math.log(0.03) - math.log(0.68)) / 4
    two = -math.log(0.6)
    by = {b.bridge: of(b.scores, "face-value") for b in table.bridges}
    assert by["one"].log_loss == pytest.approx(one, rel=1e-9)
    assert by["one"].pairs == 4
    assert by["two"].log_loss == pytest.approx(two, rel=1e-9)
    assert of(table.overall, "face-value").log_loss == pytest.approx((one + two) / 2, rel=1e-9)
    assert of(table.overall, "face-value").pairs == 5
    assert of(table.overall, "coin").log_loss == pytest.approx(math.log(2), rel=1e-12)
    assert of(table.overall, "coin").kendall_tau is None
    gap = {d.reader: d.mean for d in table.differences}["face-value"]
    assert gap == pytest.approx(of(table.overall, "warranted").log_loss - (one + two) / 2, rel=1e-9)


def test_coverage_counts_equal_tailed_intervals():
    # Transforms of N(0, 1) at z: inside the central 50 % below |z| = .674, 80 % below 1.282, 95 % below 1.960.
    zs = [0.67, 0.68, 1.28, 1.29, 1.95, 1.97]
    parts = [scored("one", f"g{i}", truth_with(z, 0), said(0.5)) for i, z in enumerate(zs)]
    score = of(table_of(*parts, OTHER).bridges[0].scores, "face-value")
    found = (score.coverage_50, score.coverage_80, score.coverage_95)
    assert found == (pytest.approx(1 / 6), pytest.approx(3 / 6), pytest.approx(5 / 6))


def test_reliability_bins_count_every_pair_once_by_the_order_that_was_called():
    part = scored("one", "g", truth_with(2, 1, 3), said(0.85, 0.45, 0.97))
    found = {(b.lo, b.hi): b for b in _reliability([part, TWO]) if b.reader == "face-value"}
    # Orders called at .85, .55, .97 and .68 (TWO): right, right, wrong, right.
    assert {k: (b.pairs, b.observed) for k, b in found.items()} == {
        (0.5, 0.6): (1, 1.0), (0.6, 0.7): (1, 1.0), (0.8, 0.9): (1, 1.0), (0.95, 0.99): (1, 0.0)
    }  # fmt: skip
    assert sorted(b.claimed for b in found.values()) == pytest.approx([0.55, 0.68, 0.85, 0.97])
    assert {b.reader for b in _reliability([THREE])} == set(READERS)
    assert set(found) <= set(itertools.pairwise(BINS))


def test_tied_outcomes_are_half_right_and_certainty_has_a_bin():
    tie = scored("one", "g", truth_with(1, 1), Contrasts.normal(np.array([50.0]), np.ones(1)))
    (found,) = [b for b in _reliability([tie]) if b.reader == "face-value"]
    assert (found.lo, found.hi, found.claimed, found.observed) == (0.99, 1.0, 1.0, 0.5)


# The bootstrap


def test_a_pair_comes_up_as_often_as_both_its_techniques():
    rng = np.random.default_rng(1)
    times, pairs = _draws([THREE, replace(TWO, truth=replace(TWO.truth, techniques=("t2", "t0")))], rng)
    assert [len(t) for t in times] == [RESAMPLES, RESAMPLES]
    np.testing.assert_array_equal(times[0] + times[1], 2)
    assert pairs[0].shape == (RESAMPLES, 3)
    # Pairs (t0 t1), (t0 t2), (t1 t2) of multiplicities that sum to 3: the product of all three pairs' times is the
    # square of the product of the multiplicities, and the same techniques are drawn at every target of a bridge.
    np.testing.assert_array_equal(pairs[1][:, 0], pairs[0][:, 1])
    allowed = {(0, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 1)}
    assert {tuple(row) for row in pairs[0].astype(int).tolist()} == allowed
    # Multinomial(3; 1/3): P(all once) = 6/27, P(one twice and another once) = 18/27, P(one three times) = 3/27.
    share = (pairs[0].prod(axis=1) == 1).mean()
    assert share == pytest.approx(6 / 27, abs=4 * math.sqrt(6 / 27 * 21 / 27 / RESAMPLES))


def test_one_target_and_two_techniques_leave_the_bootstrap_nothing_to_vary():
    (first, *_) = table_of(OTHER, scored("one", "g", truth_with(1, 0), said(0.9))).differences
    assert first.q025 == pytest.approx(first.mean, abs=1e-12)
    assert first.q975 == pytest.approx(first.mean, abs=1e-12)


def test_the_bootstrap_of_targets_is_the_textbook_one():
    # Two techniques, many targets: a pair's weight is the target's alone, given both techniques came up. Independent
    # check: the standard error of a mean, as a share of the 80 % interval's width 2 x 1.2816.
    rng = np.random.default_rng(7)
    parts = [scored("one", f"g{i}", truth_with(1, 0), said(p)) for i, p in enumerate(rng.uniform(0.1, 0.9, 60))]
    table = build_table(parts, {"one": READS["one"]}, {"one": {}}, mode="hidden", seed=1, version="1")
    found = next(d for d in table.differences if d.reader == "face-value")
    gaps = [float(s.readers["warranted"].log_loss[0] - s.readers["face-value"].log_loss[0]) for s in parts]
    assert found.mean == pytest.approx(np.mean(gaps), rel=1e-9)
    se = np.std(gaps) / math.sqrt(60)
    assert found.q90 - found.q10 == pytest.approx(2 * 1.2816 * se, rel=0.1)
    assert found.q025 < found.q10 < found.mean < found.q90 < found.q975


# Single proxies on HarmBench


DOCUMENTED = {"observed": (0.48, 0.57, 0.57, 0.69, 0.84, 0.84), "claimed": (0.69, 0.92, 0.991, 0.9997, 1, 1)}
"""The table of the design draft."""
EDGES = (0, 1, 2, 3, 5, 10, math.inf)


def table_by_hand(base):
    """(pairs, claimed, observed) by z: log odds of every pair of arms where neither is at 0 or 1."""
    arms = {}
    for f in base.findings:
        k = f.rate * f.n
        if 0 < k < f.n:
            arms[f.setting, f.technique] = (math.log(k / (f.n - k)), 1 / k + 1 / (f.n - k))
    z_and_same = []
    for target in base.question.targets:
        y = {o.technique: o.estimate_smd for o in base.outcomes if o.target == target.id} | {"DR": 0.0}
        for a, b in itertools.combinations([t.id for t in base.techniques if t.id in y], 2):
            for s in base.settings:
                if (s.id, a) in arms and (s.id, b) in arms:
                    (xa, va), (xb, vb) = arms[s.id, a], arms[s.id, b]
                    z = (xa - xb) / math.sqrt(va + vb)
                    z_and_same.append((abs(z), 0.5 + 0.5 * np.sign(z) * np.sign(y[a] - y[b])))
    z, same = np.array(z_and_same).T
    inside = [(z >= lo) & (z < hi) for lo, hi in itertools.pairwise(EDGES)]
    return [(int(i.sum()), float(stats.norm.cdf(z[i]).mean()), float(same[i].mean())) for i in inside]


def test_one_proxy_result_at_face_value_is_the_table_of_the_model_page():
    base = load_base(find_base("harmbench"))
    case = prepare_case(base, shipped("uncalibrated"), target=None, settings=(), seed=1)
    truths = {g.id: truth_of(base, g.id) for g in base.question.targets}
    (techniques,) = {t.techniques for t in truths.values()}
    # At face value every target is the same place, so that one set of summaries serves all eight.
    summaries = summarise(case, ExactEngine(), shipped("face-value"), techniques, 1)
    found = list(_single_proxies([Scored("harmbench", g, t, {}, summaries) for g, t in truths.items()]))
    wanted = table_by_hand(base)
    assert sum(b.pairs for b in found) == sum(n for n, _, _ in wanted)
    for b, (_, claimed, observed) in zip(found, wanted, strict=True):
        # By hand small counts are normal and the summaries have them exactly: 16 of about 600 pairs change bins.
        assert b.claimed == pytest.approx(claimed, abs=0.003)
        assert b.observed == pytest.approx(observed, abs=0.008)
    # The page has what `evidence backtest harmbench` prints, to the digits that it prints.
    page = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    for heading, values in (
        ("read at face value, P(right order)", "claimed"),
        ("share in the same order on the target", "observed"),
    ):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {heading} |")]
        printed = row.strip("| ").split(" | ")[1:]
        for text, b in zip(printed, found, strict=True):
            assert abs(float(text) - getattr(b, values)) <= 0.51 * 10.0 ** -len(text.partition(".")[2]), (heading, text)
    # The design's own table was made by another program, which knew no exact small counts either.
    assert [b.observed for b in found] == pytest.approx(DOCUMENTED["observed"], abs=0.01)
    assert [b.claimed for b in found] == pytest.approx(DOCUMENTED["claimed"], abs=0.01)
