import io
import random
import re

import pytest
from reviews import FAILED, PASSED, make_diagnosis, make_ranking, make_review, make_sweep, random_review

from evidence.domain.results import Pair
from evidence.report.page import page_of, picture_of
from evidence.report.render import (
    AXIS,
    diagnosis_view,
    lines_view,
    open_console,
    picture_text,
    quick_view,
    ranking_view,
    review_view,
    shipped_view,
    sweep_view,
)

NASTY = "\x1b]0;pwn\x07\x1b[2J\x1b]8;;http://x\x07\u202e[bold]:smile:"


def printed(view) -> str:
    out = io.StringIO()
    open_console(out).print(view)
    return out.getvalue()


def test_a_review_fits_one_page_of_80_columns():
    rng = random.Random(3)  # noqa: S311 (records for tests)
    for _ in range(200):
        text = printed(review_view(random_review(rng), command="evidence review jones2026 --seed 1"))
        lines = text.splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) <= 60
        assert len(text.split()) <= 450


def test_a_wordy_base_still_gives_a_one_page_review():
    reasons = tuple(f"dimension{i}: major. " + "a long reason with many words " * 20 for i in range(12))
    inputs = make_review().inputs * 30
    review = make_review(why_so_little=reasons, inputs=inputs, question="why " * 200)
    text = printed(review_view(review))
    assert len(text.splitlines()) <= 60
    assert len(text.split()) <= 450
    assert "more; --json lists all" in text


def test_a_review_reads_in_the_fixed_order():
    labels = [section.label for section in page_of(make_review()).sections]
    assert labels == [
        "QUESTION", "VERDICT", "OVER-UPDATING", "WHY SO LITTLE", "WHAT LIMITS US", "EXCHANGE RATE",
        "WHAT WOULD CHANGE IT", "PRIORS", "USE IT FOR", "DO NOT", "INPUT AS READ", "CHECKS", "REPRODUCE",
    ]  # fmt: skip
    text = printed(review_view(make_review()))
    positions = [text.index(word) for word in ("QUESTION", "VERDICT", "OVER-", "face value  ", "WHY SO", "CHECKS")]
    assert positions == sorted(positions)


def test_the_picture_puts_every_mark_where_its_number_is():
    # p = .5, .617, .999, .85 on 50 characters: 25, 31, 50, 42 (rounded products); marks at 31 (.625) and 36 (.7255)
    lines = picture_text(picture_of(make_review())).splitlines()
    assert [line.count("#") for line in lines[1:5]] == [25, 31, 50, 42]
    marks = lines[5][15:]
    assert marks.index("c") == 31
    assert marks.index("b") == 36
    assert AXIS == 50
    assert lines[6].strip() == "c ceiling 62, b break-even 73"


def test_a_failed_gate_shows_the_checks_and_no_answer():
    for view in (review_view(make_review(ok=False, checks=FAILED)), quick_view(make_review(ok=False, checks=FAILED))):
        text = printed(view)
        assert "NO VERDICT" in text
        assert "k_hat: found 0.93, wanted < 0.7" in text
        assert "another --seed" in text
        assert " 62 " not in text
        assert "#" not in text
        assert "leans" not in text


def test_a_failed_ranking_shows_no_number_of_the_ranking():
    text = printed(ranking_view(make_ranking(ok=False, checks=FAILED)))
    assert "NO VERDICT" in text
    assert "12 expected hours" not in text
    assert "0.40" not in text


def test_a_study_whose_reweighting_failed_shows_no_number():
    text = printed(ranking_view(make_ranking()))
    assert "s2: not shown" in text
    for number in ("0.78", "0.89", "67 of"):
        assert number not in text


def test_a_ranking_never_says_best_and_names_who_cannot_be_ruled_out():
    text = printed(ranking_view(make_ranking(), command="evidence rank tiny"))
    assert "best" not in text.lower()
    assert "Not ruled out as first (10 in 100 or more): X, Y." in text
    assert "no finding speaks about: Z." in text


def test_a_sweep_shows_its_flip_points_and_hides_points_that_failed():
    text = printed(sweep_view(make_sweep(), command="evidence what-if"))
    assert "prior.tau at 0.93 → 75 in 100" in text
    bad = make_sweep(ok=False, points=(make_sweep().points[0].model_copy(update={"ok": False, "p": 0.4321}),))
    assert "43" not in printed(sweep_view(bad)).split("REPRODUCE")[0]
    out_of_reach = make_sweep(flips_at=(make_sweep().flips_at[0].model_copy(update={"value": None}),))
    assert "prior.tau: 75 in 100 out of reach" in printed(sweep_view(out_of_reach))


@pytest.mark.parametrize("colour", [None, "1"])
def test_s14_names_cannot_drive_the_terminal(monkeypatch, colour):
    if colour:
        monkeypatch.setenv("FORCE_COLOR", colour)
    pair = Pair(technique="A", comparator="B", technique_name=NASTY, comparator_name="B")
    review = make_review(
        pair=pair, study_title=NASTY, question=NASTY, target=NASTY, why_so_little=(NASTY,), optimism_line=NASTY,
        study=NASTY, finding=NASTY,
    )  # fmt: skip
    techniques = tuple(t.model_copy(update={"name": NASTY}) for t in make_ranking().techniques)
    ranking = make_ranking(question=NASTY, techniques=techniques, untested=(NASTY,), target=NASTY)
    sweep = make_sweep(key=NASTY, pair=pair, target=NASTY)
    views = (
        review_view(review, command=NASTY), quick_view(review), ranking_view(ranking, command=NASTY), sweep_view(sweep),
        shipped_view({"bases": [{"id": NASTY, "n": 1}]}), lines_view([NASTY]),
        diagnosis_view(make_diagnosis(base=NASTY, fingerprint={NASTY: make_ranking().fingerprint["tau"]}), command=NASTY),
    )  # fmt: skip
    for view in views:
        text = printed(view)
        assert "\x07" not in text
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert "\u202e" not in text
        assert "[bold]" in text.replace("\n", "").replace(" ", "") or "…" in text  # markup and emoji codes are text


def test_without_a_terminal_there_is_no_colour():
    assert "\x1b" not in printed(review_view(make_review()))


def test_a_diagnosis_shows_stored_and_recomputed_checks_and_the_prior():
    text = printed(diagnosis_view(make_diagnosis(), command="evidence diagnose fit.nc"))
    assert "tiny at T, model default, exact engine" in text
    assert re.search(r"k_hat +0\.31 +0\.31 +< 0\.7 +passed", text)
    assert re.search(r"mcse_p +0\.001 +<= 0\.005 +passed", text)
    assert re.search(r"tau +0\.10 +0\.30 +0\.70 +1\.10 +2\.00", text)
    assert "NO VERDICT" not in text


def test_a_diagnosis_names_every_failure():
    found = make_diagnosis(
        checks=FAILED, recomputed=PASSED, disagreeing=("k_hat",), fingerprint_max_diff=0.25, ok=False
    )
    text = " ".join(printed(diagnosis_view(found)).split())
    assert "FAILED" in text
    assert "k_hat as stored is not that of the stored draws" in text
    assert "the prior as stored is 0.25 off its own draws" in text
    both = make_diagnosis(checks=FAILED, recomputed={}, ok=False)
    assert "k_hat 0.93, wanted < 0.7" in " ".join(printed(diagnosis_view(both)).split())


def test_a_ranking_says_which_priors_it_leans_on():
    text = printed(ranking_view(make_ranking()))
    assert "Sensitive to the prior of tau." in " ".join(text.split())
    failed = printed(ranking_view(make_ranking(ok=False, checks=FAILED)))
    assert "Sensitive" not in failed
