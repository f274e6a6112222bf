"""Screenshots of every page of the app at two widths, light and dark, into docs/app/.

    python validation/app_pictures.py

Served as `evidence app` serves it, on the base `control`, after a belief was saved.
"""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from app_latency import FLAGS, PAGES, free_port, served, wait_for
from evidence.cli.app import command_of, environment_of

FOLDER = Path(__file__).parents[1] / "docs" / "app"
COLOURS = 64
MARGIN = 40


def main():
    FOLDER.mkdir(exist_ok=True)
    port = free_port()
    with served(command_of("127.0.0.1", port), environment_of("127.0.0.1", None)), sync_playwright() as playwright:
        wait_for(port)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for width in (1280, 400):
            for scheme in ("light", "dark"):
                photograph(browser, port, width, scheme)
        browser.close()


def photograph(browser, port, width, scheme):
    page = browser.new_context(viewport={"width": width, "height": 1200}, color_scheme=scheme).new_page()
    page.set_default_timeout(180_000)
    page.goto(f"http://127.0.0.1:{port}/")
    gut = page.get_by_role("spinbutton", name="After reading I would say: Untrusted monitoring ahead in … of 100")
    gut.fill("85")
    gut.press("Enter")
    page.get_by_text("in 85 after it").wait_for()
    page.get_by_role("button", name="Save what I believe").click()
    page.get_by_text("The other pages are open").wait_for()
    keep(page, f"1-question-{width}-{scheme}")
    for number, name in enumerate(PAGES, start=2):
        sidebar = page.get_by_test_id("stExpandSidebarButton")
        if width < 700 and sidebar.is_visible():
            sidebar.click()
        page.get_by_test_id("stSidebarNav").get_by_role("link").nth(number - 1).click()
        page.wait_for_url(f"**/{name}")
        if name == "verdict":
            page.get_by_text("Take it with you").wait_for()
        if width < 700 and page.get_by_test_id("stSidebarCollapseButton").is_visible():
            page.get_by_test_id("stSidebarCollapseButton").click()
        keep(page, f"{number}-{name}-{width}-{scheme}")
    page.context.close()


def keep(page, name):
    """The whole page, in few colours."""
    page.wait_for_timeout(1500)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-testid=stSpinner]')"
    )
    page.wait_for_timeout(800)
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + MARGIN, 5000)})
    page.wait_for_timeout(700)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)
    page.set_viewport_size(size)


if __name__ == "__main__":
    main()
