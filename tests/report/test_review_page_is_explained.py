"""docs/review.md explains every section of the page and every key of the record, and nothing that is gone."""

import re
from pathlib import Path

from reviews import make_review

from evidence.domain.results import Review
from evidence.report.page import page_of

TEXT = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")


def test_every_section_of_the_page_has_its_heading():
    headings = " ".join(re.findall(r"^## (.*)$", TEXT, re.MULTILINE))
    for section in page_of(make_review()).sections:
        assert section.label in headings, section.label


def test_every_key_of_the_json_is_explained_and_no_other():
    named = {word.split(".")[0] for word in re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9]+)*)`", TEXT)}
    missing = Review.model_fields.keys() - named
    assert not missing
    keys = set(Review.model_fields) | {
        "prior",
        "q50",
        "q90",
        "in_context",
        "solo",
        "eta",
        "theta",
        "full",
        "target_run_se",
    }
    assert named - keys <= {"abstract", "secondary", "derived", "full text"}
