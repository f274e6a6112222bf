"""One record, four renderings: what a reader of each sees is parsed back and holds the same numbers in the same order."""

import io
import json
import random
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from printed import numbers_in, wanted_numbers
from reviews import FAILED, random_review

from evidence.report.documents import html_of, json_of, markdown_of
from evidence.report.page import page_of
from evidence.report.render import open_console, picture_text, review_view

COMMAND = "evidence review jones2026 --seed 1"
N_RECORDS = 300
DRAWN = {"svg", "figure", "table", "dl", "head", "style", "title"}
"""Elements whose text is a picture's, or no text of the page."""
INLINE = {"b", "strong", "em", "i", "span", "code", "small", "abbr", "time"}


def records():
    rng = random.Random(20261127)  # noqa: S311 (records for tests)
    for i in range(N_RECORDS):
        review = random_review(rng)
        yield review.model_copy(update={"ok": False, "checks": FAILED}) if i % 25 == 24 else review


class Blocks(HTMLParser):
    """Visible text outside pictures, one entry per block of the layout."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = [""]
        self.inside: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in DRAWN:
            self.inside.append(tag)
        if tag not in INLINE:
            self.blocks.append("")

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()
        if tag not in INLINE:
            self.blocks.append("")

    def handle_data(self, data):
        if not self.inside:
            self.blocks[-1] += data


def blocks_of(html, page):
    """The page's blocks from the first section's label on, without what belongs to the picture."""
    parser = Blocks()
    parser.feed(html)
    parser.close()
    assert parser.inside == []
    said = [" ".join(block.split()) for block in parser.blocks if block.strip()]
    start = next(i for i, block in enumerate(said) if block.casefold() == page.sections[0].label.casefold())
    contrast = () if page.picture is None else page.picture.contrast
    beside = {*contrast, " ".join(contrast), " · ".join(contrast)}
    return [block for block in said[start:] if block not in beside]


def terminal_lines(review, page):
    """What the terminal shows from the first section on, without the picture's lines."""
    out = io.StringIO()
    console = open_console(out)
    console.width = 100
    console.print(review_view(review, command=COMMAND))
    shown = [line.rstrip() for line in out.getvalue().splitlines()]
    start = next(i for i, line in enumerate(shown) if line.startswith(page.sections[0].label))
    picture = [] if page.picture is None else [line.rstrip() for line in picture_text(page.picture).splitlines()]
    if picture:
        at = next(i for i, line in enumerate(shown) if line == picture[0])
        assert shown[at : at + len(picture)] == picture
        del shown[at : at + len(picture)]
    return shown[start:]


def said_by(page):
    return numbers_in("\n".join(line for section in page.sections for line in section.lines))


@pytest.fixture(scope="module")
def all_records():
    return [(review, page_of(review, COMMAND)) for review in records()]


@pytest.mark.slow
def test_html_holds_the_numbers_of_the_page_in_its_order(all_records):
    for review, page in all_records:
        blocks = blocks_of(html_of(review, command=COMMAND), page)
        assert numbers_in("\n".join(blocks)) == said_by(page)
        for section in page.sections:
            assert section.label.casefold() in [block.casefold() for block in blocks]


def test_markdown_holds_the_numbers_of_the_page_in_its_order(all_records):
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    for review, page in all_records:
        blocks = blocks_of(reader.render(markdown_of(review, command=COMMAND)), page)
        assert numbers_in("\n".join(blocks)) == said_by(page)
        assert blocks == [text for s in page.sections for text in (s.label.capitalize(), *map(_squeezed, s.lines))]


def _squeezed(line):
    return " ".join(line.split())


def test_the_terminal_holds_the_numbers_of_the_page_in_its_order(all_records):
    for review, page in all_records:
        lines = terminal_lines(review, page)
        assert numbers_in("\n".join(lines)) == said_by(page)


def test_every_number_of_the_answer_is_the_rounding_of_one_in_the_json(all_records):
    for review, page in all_records:
        if not review.ok:
            continue
        lines = {section.label: "\n".join(section.lines) for section in page.sections}
        for label, wanted in wanted_numbers(json.loads(json_of(review)), lines).items():
            assert numbers_in(lines[label]) == wanted, (label, lines[label])


def test_a_failed_gate_prints_no_number_of_the_answer(all_records):
    failed = [(review, page) for review, page in all_records if not review.ok]
    assert len(failed) == N_RECORDS // 25
    for review, page in failed:
        assert not {s.label for s in page.sections} & wanted_numbers_labels()
        assert page.picture is None
        for shown in ("\n".join(blocks_of(html_of(review), page)), "\n".join(terminal_lines(review, page))):
            assert "in 100" not in shown
            assert "of 100" not in shown


def wanted_numbers_labels():
    return {"VERDICT", "OVER-UPDATING", "WHAT LIMITS US", "EXCHANGE RATE"}
