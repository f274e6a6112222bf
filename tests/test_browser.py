"""The app in a real browser (Debian's Chromium, driven by Playwright): what a reader does from belief to export."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, expect, sync_playwright
from typer.testing import CliRunner

from evidence.cli import app as command_line
from evidence.cli.app import environment_of
from serving import served

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PAGES = ("evidence", "validity", "verdict", "what-if", "ranking", "register", "checks")
WAIT_MS = 120_000

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
]  # fmt: skip


@pytest.fixture(scope="module")
def port():
    """The app as `evidence app` serves it."""
    environment = {**environment_of("127.0.0.1", None), "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}  # noqa: S104 (S1)
    with served(environment) as number:
        yield number


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def page(browser, port):
    context = browser.new_context(viewport={"width": 1280, "height": 1800}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"http://127.0.0.1:{port}/")
    page.get_by_role("heading", name="Question and my belief").wait_for()
    yield page
    context.close()


def at_rest(page: Page) -> None:
    """Until nothing runs and nothing on screen is stale."""
    page.wait_for_timeout(300)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stStatusWidget]')"
        " && !document.querySelector('[data-testid=stSpinner]')"
        " && !document.querySelector('[data-stale=true]')"
    )


def open_page(page: Page, name: str) -> None:
    """By the sidebar, which a narrow screen hides again at a moment of its own."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link").nth(1 + PAGES.index(name))
    opener = page.get_by_test_id("stExpandSidebarButton")
    for _ in range(40):
        try:
            link.click(timeout=1500)
            break
        except TimeoutError:
            if opener.is_visible():
                opener.click(timeout=1500)
    page.wait_for_url(f"**/{name}")
    at_rest(page)


def skip_belief(page: Page) -> None:
    page.get_by_role("button", name="Skip: do not record a belief").click()
    page.get_by_text("The other pages are open").wait_for()


def answer_of(page: Page, value: str) -> tuple[str, float]:
    """The answer for a validity at `value`."""
    block = page.locator(f"[data-testid=what-if-answer][data-settings*='={value}']")
    block.wait_for()
    return block.get_attribute("data-word"), float(block.get_attribute("data-p"))


def type_number(page: Page, label: str, value: str) -> None:
    box = page.get_by_role("spinbutton", name=label, exact=True)
    box.fill(value)
    box.press("Enter")


def believe(page: Page, gut: str) -> None:
    type_number(page, "After reading I would say: Untrusted monitoring ahead in … of 100", gut)
    at_rest(page)
    page.get_by_role("button", name="Save what I believe").click()
    page.get_by_text("The other pages are open").wait_for()


def add_finding(page: Page) -> None:
    """340 of 400 against 120 of 400, from a new paper."""
    open_page(page, "evidence")
    page.get_by_label("Paper (a new title starts a new study)").fill("Smith et al.: Defer, measured")
    page.get_by_label("Table and page").fill("Table 3, page 7")
    numbers = {"Successes, technique": "340", "of": "400", "Successes, comparator": "120", "of (comparator)": "400"}
    for label, value in numbers.items():
        page.get_by_role("spinbutton", name=label, exact=True).fill(value)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name="26 findings").wait_for()


def drag(page: Page) -> dict[str, tuple[str, float]]:
    """The word and P with the first validity at the lower and at the upper end of its slider."""
    open_page(page, "what-if")
    slider = page.get_by_role("slider").first
    found = {}
    for key in ("Home", "End"):
        slider.focus()
        slider.press(key)
        found[key] = answer_of(page, f"{float(slider.input_value()):g}")
    return found


def exported(page: Page, folder: Path) -> dict[str, Any]:
    """The JSON of the exported bundle, which lies unpacked in `folder`."""
    open_page(page, "verdict")
    page.get_by_text("Take it with you").wait_for()
    at_rest(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything (zip)").click()
    download.value.save_as(folder / "review.zip")
    with zipfile.ZipFile(folder / "review.zip") as archive:
        archive.extractall(folder)
    return json.loads((folder / "review.json").read_text(encoding="utf-8"))


def test_from_a_belief_and_a_paper_to_a_verdict_that_follows_its_slider_and_an_export_that_comes_back(page, tmp_path):
    believe(page, "85")
    add_finding(page)
    dragged = drag(page)
    assert dragged["Home"][0] == "no usable lean"
    assert dragged["End"][0] != dragged["Home"][0]
    out = exported(page, tmp_path)
    assert out["belief"] == 0.85
    assert out["settings_viewed"] >= 3
    assert out["word"] == dragged["End"][0]
    # The number that followed the slider has its own Monte Carlo error of at most .01 (one standard error).
    assert out["p_post"] == pytest.approx(dragged["End"][1], abs=0.03)
    # The command line reads the exported tables and says the same at both ends, to the last digit of the export.
    (setting,) = out["provenance"]["settings"]
    said = {}
    for end, value in (("End", setting), ("Home", setting.partition("=")[0] + "=0")):
        words = ["review", out["study"], "--base", str(tmp_path / "base"), "--belief", "85", "--set", value, "--json"]
        done = CliRunner().invoke(command_line, words)
        assert done.exit_code == 0, done.stderr
        said[end] = json.loads(done.stdout)
    assert said["End"]["p_post"] == out["p_post"]
    assert {end: review["word"] for end, review in said.items()} == {end: word for end, (word, _) in dragged.items()}


def test_s04_two_readers_at_once_do_not_see_each_other(browser, port):
    pages = [browser.new_context(viewport={"width": 1280, "height": 1600}).new_page() for _ in range(2)]
    for page, gut in zip(pages, ("85", "20"), strict=True):
        page.set_default_timeout(WAIT_MS)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_role("heading", name="Question and my belief").wait_for()
        believe(page, gut)
    for page, gut in zip(pages, ("85", "20"), strict=True):
        open_page(page, "verdict")
        expect(page.get_by_text(f"you said {gut}").first).to_be_visible(timeout=WAIT_MS)
        page.context.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_the_screen_and_nothing_is_fetched_from_elsewhere(browser, port, width):
    context = browser.new_context(viewport={"width": width, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{port}/")
    skip_belief(page)
    for name in ("", *PAGES):
        if name:
            open_page(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.get_by_role("heading", level=1).count() == 1, name
    elsewhere = [u for u in asked if not u.startswith((f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", "data:", "blob:"))]  # fmt: skip
    assert elsewhere == []
    context.close()


def test_s05_an_odd_address_is_said_to_be_ignored_in_a_browser(browser, port):
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT_MS)
    for query in ("rho=1e999", "rho=nan", "x=" + "y" * 10_000, "base=control&base=steering", "base=../../etc"):
        page.goto(f"http://127.0.0.1:{port}/?{query}")
        page.get_by_text("were ignored").wait_for()
        page.get_by_role("heading", name="Question and my belief").wait_for()
    page.context.close()
