"""The pages of the app as Streamlit runs them: every page in every state, without a browser."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import mkdtemp

import pytest
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

import bases
from evidence.app import answers
from evidence.app.exports import bundle, command_of
from evidence.app.frame import GUIDANCE, plain
from evidence.app.workspace import DEFAULT_MODEL, Workspace, differences, first_study, read_base
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model

PAGES = ("question", "evidence", "validity", "verdict", "what_if", "ranking", "register", "checks")
LOCKED = ("verdict", "what_if", "ranking", "checks")
DEFAULT = load_model(find_model(DEFAULT_MODEL))


def opened(*, elicited="skipped", **changes) -> Workspace:
    """A workspace on the tiny base of the tests."""
    folder = bases.write_base(Path(mkdtemp()) / "tiny")
    base = read_base(folder, DEFAULT)
    found = Workspace(
        "control", folder, base, DEFAULT, None, base.question.targets[0].id, first_study(base), elicited=elicited
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def page(name: str, found: Workspace) -> AppTest:
    app = AppTest.from_string(f"from evidence.app.page_{name} import show\nshow()", default_timeout=300)
    app.session_state["workspace"] = found
    return app.run()


def require_sound(app: AppTest, name: str) -> None:
    assert [e.message for e in app.exception] == []
    assert GUIDANCE[name.replace("_", "-")] in [c.value for c in app.caption]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_an_example_with_its_guidance(name):
    app = page(name, opened())
    require_sound(app, name)
    assert [e.value for e in app.error] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_anything_read_says_what_is_missing(name):
    app = page(name, opened(studies=()))
    require_sound(app, name)
    if name not in {"ranking", "register"}:
        assert any("at least one study" in e.value for e in [*app.error, *app.info])


@pytest.mark.parametrize("name", LOCKED)
def test_results_are_covered_until_a_belief_is_saved_or_skipped(name):
    app = page(name, opened(elicited=""))
    require_sound(app, name)
    assert any("Covered until" in i.value for i in app.info)
    assert not app.metric


@pytest.mark.parametrize("name", PAGES)
def test_extreme_sliders_give_an_answer_or_a_reason(name):
    found = opened()
    live = answers.live_of(found, whole=False)
    sliders = answers.sliders_for(live)
    for ends in ("lo", "hi"):
        # Validities at both ends at once with the rest: what gaps rule out is said, nothing breaks.
        found.settings = {s.key: f"{getattr(s, ends):g}" for s in sliders if s.key.startswith(("validity", "prior"))}
        app = page(name, found)
        require_sound(app, name)


@pytest.mark.parametrize("name", PAGES)
def test_a_failed_check_shows_no_number(name, monkeypatch):
    monkeypatch.setattr(
        answers, "engine", lambda *, quick=False: ExactEngine(max_rounds=1, min_rounds=1, round_size=64)
    )
    for cached in (answers._review, answers._whole, answers._ranking, answers._live):
        cached.clear()
    app = page(name, opened())
    for cached in (answers._review, answers._whole, answers._ranking, answers._live):
        cached.clear()
    require_sound(app, name)
    if name in LOCKED:
        assert any("No verdict" in e.value for e in app.error)
        assert not app.metric


@pytest.mark.parametrize("name", PAGES)
def test_priors_that_are_not_the_registered_ones_are_named_on_every_page(name):
    registered = DEFAULT.model_copy(update={"title": "registered earlier"})
    app = page(name, opened(registered=registered, settings={"prior.tau": "0.5"}))
    require_sound(app, name)
    (banner,) = (w.value for w in app.warning if "not the registered priors" in w.value)
    assert "title" in banner
    assert "prior.tau" in banner
    same = page(name, opened(registered=DEFAULT))
    assert not any("not the registered priors" in w.value for w in same.warning)
    assert any("Matches the registered priors" in c.value for c in same.caption)


@pytest.mark.slow
def test_a_draft_is_frozen_once_its_number_was_typed_again_and_then_holds_the_screen(tmp_path, monkeypatch):
    from evidence.analysis.prereg_freeze import headline_p
    from evidence.cli.prereg_drafts import computed
    from evidence.cli.prereg_files import source_of
    from evidence.io.registry import read_chain

    monkeypatch.setenv("EVIDENCE_REGISTRY", str(tmp_path / "registry"))
    draft = Path(__file__).parents[1] / "data" / "registrations" / "control.prereg.toml"
    wanted = round(100 * headline_p(computed(source_of(draft), quiet=True)))
    found = opened()
    app = page("register", found)
    assert any("No registrations" in i.value for i in app.info)
    app.file_uploader(key="draft").set_value((draft.name, draft.read_bytes(), "application/toml")).run()
    assert [e.value for e in app.error] == []
    app.number_input(key="confirm").set_value(wanted + 3).run()
    next(b for b in app.button if b.label == "Freeze").click().run()
    assert any(f"{wanted + 3}" in e.value for e in app.error)
    assert read_chain(tmp_path / "registry").entries == ()
    app.number_input(key="confirm").set_value(wanted).run()
    next(b for b in app.button if b.label == "Freeze").click().run()
    (entry,) = read_chain(tmp_path / "registry").entries
    assert any(entry.registration in s.value for s in app.success)
    again = page("register", found)
    next(b for b in again.button if b.label == "Hold the screen against it").click().run()
    assert not again.exception
    assert found.registered == found.model
    assert any("Matches the registered priors" in c.value for c in again.caption)
    # One byte of the frozen file changed: the page says so and shows nothing of it.
    frozen = tmp_path / "registry" / f"{entry.registration}.prereg.json"
    frozen.write_bytes(frozen.read_bytes().replace(b"control", b"contrls", 1))
    tampered = page("register", found)
    assert not tampered.exception
    assert any("Tampered" in e.value for e in tampered.error)


def test_reset_puts_every_slider_back():
    found = opened(settings={"prior.tau": "0.5"})
    app = page("what_if", found)
    assert found.settings == {"prior.tau": "0.5"}
    next(b for b in app.button if b.label == "Reset to registered").click().run()
    assert found.settings == {}
    assert not app.exception


def test_the_slider_says_what_the_review_says_for_the_same_setting():
    from evidence.analysis.review import review_study

    found = opened()
    live = answers.live_of(found, whole=False)
    slider = next(s for s in answers.sliders_for(live) if s.key.startswith("validity"))
    for value in (slider.lo, slider.hi):
        setting = (f"{slider.key}={value:g}",)
        answer = live.move(setting)
        assert answer.ok
        whole = answers._whole(answers.content_of(found), setting, _found=found)
        review = review_study(whole, *found.studies)
        # Both carry their own Monte Carlo error.
        assert answer.p == pytest.approx(review.p_post, abs=4 * (answer.mcse + review.p_post_mcse) + 1e-6)


def test_a_finding_added_by_form_is_read_and_reviewed():
    found = opened()
    before = len(found.base.findings)
    app = page("evidence", found)
    app.text_input[0].set_value("Smith et al.: A new defence")
    app.text_input[1].set_value("Table 3")
    for key, value in (("add_k", 12), ("add_n", 100), ("add_k0", 31), ("add_n0", 100)):
        app.number_input(key=key).set_value(value)
    next(b for b in app.checkbox if b.label.startswith("Larger")).set_value(False)
    next(b for b in app.button if b.label == "Add").click().run()
    assert not app.exception
    assert [e.value for e in app.error] == []
    assert len(found.base.findings) == before + 1
    added = found.base.findings[-1]
    assert (added.k, added.n, added.k0, added.n0, added.where) == (12, 100, 31, 100, "Table 3")
    assert found.studies == (added.study,)
    assert read_base(found.path, DEFAULT) == found.base


def test_a_finding_that_cannot_be_is_refused_with_its_field_and_nothing_changes():
    found = opened()
    before = {p.name: p.read_bytes() for p in found.path.iterdir()}
    app = page("evidence", found)
    app.text_input[0].set_value("Smith")
    app.text_input[1].set_value("Table 3")
    for key, value in (("add_k", 120), ("add_n", 100), ("add_k0", 31), ("add_n0", 100)):
        app.number_input(key=key).set_value(value)
    next(b for b in app.button if b.label == "Add").click().run()
    assert not app.exception
    assert any("120" in e.value for e in app.error)
    assert {p.name: p.read_bytes() for p in found.path.iterdir()} == before


def test_a_rating_is_saved_with_its_reason_and_none_needs_one():
    found = opened()
    app = page("validity", found)
    first = app.selectbox[0]
    old = first.value
    first.set_value("none" if old != "none" else "some")
    app.text_input[0].set_value("")
    app.run()
    assert any("needs a reason" in e.value for e in app.error)
    app.text_input[0].set_value("measured on the target's own model").run()
    next(b for b in app.button if b.label == "Save these ratings").click().run()
    assert not app.exception
    assert "measured on the target's own model" in (found.path / "settings.csv").read_text(encoding="utf-8")
    setting = found.base.setting(next(f.setting for f in found.base.findings_of(found.studies[0])))
    assert "none" in setting.gaps.values()


def test_the_bundle_holds_what_shows_the_same_numbers(tmp_path):
    import io
    import json
    import zipfile

    from typer.testing import CliRunner

    from evidence.cli import app as command_line

    found = opened(settings={"prior.tau": "0.5"}, belief=0.8)
    found.viewed((), "leans A")
    review = answers.review_of(found, found.settings_list)
    with zipfile.ZipFile(io.BytesIO(bundle(found, review))) as archive:
        archive.extractall(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} >= {
        "base", "model.toml", "review.html", "review.json", "reproduce.sh", "findings-as-read.csv",
    }  # fmt: skip
    import os
    import shlex

    words = shlex.split(command_of(found, bundled=True))[1:]
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        again = CliRunner().invoke(command_line, [*words, "--json"])
    finally:
        os.chdir(here)
    assert again.exit_code == 0, again.stderr
    one, two = json.loads((tmp_path / "review.json").read_text(encoding="utf-8")), json.loads(again.stdout)
    for key in ("p_prior", "p_post", "p_face_value", "p_ceiling", "belief", "word", "flips_at", "robustness"):
        assert one[key] == two[key], key


@pytest.mark.parametrize(
    "hostile",
    [
        "[x](javascript:alert(1))", "**bold**", "<img src=x onerror=alert(1)>", "# head", "a http://evil.example",
        "www.evil.example", "me@evil.example", "`code`", "| a | b |", "![x](http://evil.example/x.png)",
    ],
)  # fmt: skip
def test_s06_names_from_files_are_no_markup(hostile):
    """As CommonMark with autolinks, which is what the widgets read, it is one paragraph of text."""
    seen = MarkdownIt("gfm-like").render(plain(hostile))
    assert re.findall(r"<(\w+)", seen) == ["p"]


def test_s06_icons_formulas_and_invisible_characters_are_shown_as_they_are_written():
    assert plain(":material/home: $x$") == r"\:material/home\: \$x\$"
    assert "\u202e" not in plain("\u202egnp")


def test_differences_between_models_are_named_by_field():
    tau = DEFAULT.priors["tau"].model_copy(update={"claim": "another"})
    other = DEFAULT.model_copy(update={"priors": {**DEFAULT.priors, "tau": tau}, "title": "x"})
    assert differences(DEFAULT, other) == ("priors.tau", "title")
    assert differences(DEFAULT, DEFAULT) == ()


@pytest.mark.slow
def test_the_walk_through_of_the_docs_has_the_numbers_of_its_paper():
    """docs/app.md, page 4 and 3."""
    from evidence.app.workspace import open_workspace
    from evidence.report.sentences import order_kept_line
    from evidence.report.words import in_100

    found = open_workspace("control")
    assert found.studies == ("greenblatt2023control",)
    found.belief = 0.85
    review = answers.review_of(found)
    text = (Path(__file__).parents[1] / "docs" / "app.md").read_text(encoding="utf-8")
    numbers = [in_100(p) for p in (review.p_prior, review.p_post, review.p_face_value, review.p_ceiling)]
    assert "Before {}, warranted {}, at face value {}, ceiling {}: no usable lean".format(*numbers) in text
    assert review.word == "no usable lean"
    assert review.p_break_even is None
    assert f"could\nnot pass {numbers[3]}" in text or f"could not pass {numbers[3]}" in text.replace("\n", " ")
    line = order_kept_line(review.validity)
    rho, kept = re.search(r"validity 0?(\.\d+) .*kept in (\d+) of 100 pairs", line).groups()
    said = " ".join(text.split())
    assert f"its validity: {rho}, so the order of two techniques is kept in {kept} of 100 pairs" in said, line
    assert "All sixteen protocols" in text
    assert len(found.base.techniques) == 16


def test_tornado_strip_and_worlds_are_drawn_on_request():
    found = opened()
    app = page("what_if", found)
    next(b for b in app.button if b.label.startswith("Move each")).click().run()
    assert not app.exception
    assert any("In 100 at the low and the high end" in m.value.replace("\\", "") for m in app.markdown)
    next(b for b in app.button if b.label == "Move both").click().run()
    assert not app.exception
    assert any("at the corners" in m.value for m in app.markdown)
    next(b for b in app.button if b.label == "Work out where the word changes").click().run()
    assert any(m.value.startswith("- ") for m in app.markdown)
    next(b for b in app.button if b.label == "Draw fifty worlds").click().run()
    app.toggle(key="playing").set_value(True).run()
    assert not app.exception


def test_a_belief_by_chips_interval_or_preset_is_saved():
    for kind, wanted in (("20 chips", 0.5), ("80 % interval", 0.5), ("preset", 0.4)):
        found = opened(elicited="")
        app = page("question", found)
        app.radio(key="belief_kind").set_value(kind).run()
        next(b for b in app.button if b.label == "Save what I believe").click().run()
        assert not app.exception
        assert (found.prior_belief, found.elicited) == (wanted, "saved"), kind


@pytest.mark.slow
def test_a_proposal_is_weighed_as_the_command_line_weighs_it():
    import json

    from typer.testing import CliRunner

    from evidence.app.workspace import open_workspace
    from evidence.cli import app as command_line
    from evidence.report.value import verdict_lines

    found = open_workspace("control")
    found.elicited = "skipped"
    app = page("ranking", found)
    assert not app.exception
    next(s for s in app.selectbox if s.label == "Proposal").set_value("theory-paper")
    app.button(key="weigh").click().run()
    assert not app.exception
    said = json.loads(CliRunner().invoke(command_line, ["value", "theory-paper", "--json"]).stdout)
    from evidence.domain.value import Value

    for line in verdict_lines(Value.model_validate(said)):
        assert plain(line) in [m.value for m in app.markdown]
