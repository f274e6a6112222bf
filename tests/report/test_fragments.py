"""What a notebook shows of an answer."""

import pytest
from reviews import FAILED, make_ranking, make_review, make_sweep

import evidence as ev
from evidence.api import shown
from evidence.report.fragments import backtest_html, ranking_html, review_html, sweep_html
from evidence.report.words import find_forbidden


def test_a_notebook_sees_pages_and_tables_with_every_name_escaped():
    hostile = "<script>alert(1)</script>"
    pair = make_review().pair.model_copy(update={"technique_name": hostile})
    ranking = make_ranking()
    first = ranking.techniques[0].model_copy(update={"name": hostile})
    shows = {
        "review": shown.Review.of(make_review(pair=pair, study_title=hostile))._repr_html_(),
        "ranking": shown.Ranking.of(ranking.model_copy(update={"techniques": (first, *ranking.techniques[1:])}))._repr_html_(),
        "sweep": shown.Sweep.of(make_sweep().model_copy(update={"pair": pair}))._repr_html_(),
    }  # fmt: skip
    for html in shows.values():
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert not find_forbidden(html.split("data:image")[0])
    assert shows["ranking"].count("<tr>") == 1 + len(ranking.techniques)


def test_nothing_without_a_verdict_shows_a_number():
    ranking, review = make_ranking(ok=False, checks=FAILED), make_review(ok=False, checks=FAILED)
    sweep = make_sweep().model_copy(update={"ok": False, "checks": FAILED})
    for html in (ranking_html(ranking), review_html(review), sweep_html(sweep)):
        assert "NO VERDICT" in html
        assert "<td>" not in html
    with pytest.raises(ValueError, match="k_hat failed"):
        ev.to_pandas(ranking)
    assert ev.to_pandas(review).p_post.isna().all()


def test_a_point_without_a_verdict_has_no_number():
    sweep = make_sweep()
    lost = sweep.points[0].model_copy(update={"ok": False})
    changed = sweep.model_copy(update={"points": (lost, *sweep.points[1:])})
    assert "no number" in sweep_html(changed)
    assert ev.to_pandas(changed).p.isna().tolist() == [True] + [False] * (len(sweep.points) - 1)


def test_a_backtest_shows_its_scores():
    found = ev.backtest("wmdp-rmu")
    assert "0.693" in backtest_html(found)
    failed = found.bridges[0].model_copy(update={"checks": FAILED})
    assert "<td>" not in backtest_html(found.model_copy(update={"ok": False, "bridges": (failed,)}))
