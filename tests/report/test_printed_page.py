"""The HTML page in a browser: printed on one sheet of A4. Needs Chromium on the path."""

import random
import re
import shutil
import subprocess

import pytest
from reviews import make_review, random_review

from evidence.report.documents import html_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def printed_pages(folder, html):
    """Pages of the PDF that Chromium prints."""
    (folder / "page.html").write_text(html, encoding="utf-8")
    subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-pdf-header-footer", f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={folder / 'page.pdf'}", f"file://{folder / 'page.html'}",
        ], check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return len(re.findall(rb"/Type\s*/Page\b", (folder / "page.pdf").read_bytes()))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_review_prints_on_one_page(tmp_path, seed):
    review = make_review() if seed is None else random_review(random.Random(seed))  # noqa: S311 (seeded on purpose)
    (line,) = review.inputs
    long = "Untrusted monitoring with resampling and a name that goes on and on"
    review = review.model_copy(
        update={"inputs": (line,) * 8, "study_title": long * 3, "why_so_little": (f"realism: major. {long}",) * 7}
    )
    page = html_of(review, command="evidence review jones2026 --seed 1")
    assert printed_pages(tmp_path, page) == 1
    # The count can fail: a page that is longer is seen to be.
    assert printed_pages(tmp_path, page.replace("</body>", "<p>more</p>" * 200 + "</body>")) > 1
