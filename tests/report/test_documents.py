import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from reviews import FAILED, make_ranking, make_review, make_sweep

from evidence.domain.results import Pair, Review
from evidence.report.documents import csv_of, html_of, json_of, markdown_of

# TESTS.md S6
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}} {% raw %}",
    "\u202egnp.exe",
    "http://evil.example www.evil.example <http://evil.example>",
    "</style><style>@import url(http://evil.example)",
    "&lt;b&gt; `code` | a | b |",
)
OUR_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "div", "dl", "dt", "dd", "small",
    "h1", "h2", "p", "img",
}  # fmt: skip
REVIEW_KEYS = {
    "study", "finding", "pair", "p_prior", "p_post", "p_face_value", "p_ceiling", "p_break_even", "in_context",
    "log_odds", "reversals_per_100", "belief", "shift_ratio", "discount", "over_update_bits", "target_equivalent_n",
    "word", "band", "robustness", "limits", "flips_at", "assumptions", "checks", "ok", "provenance", "question",
    "inputs", "fingerprint", "settings_viewed",
}  # fmt: skip
RANK_KEYS = {
    "target", "model", "engine", "techniques", "p_above", "studies", "try_order", "checks", "ok", "provenance",
}  # fmt: skip
TECHNIQUE_KEYS = {
    "id", "name", "merit_mean", "merit_sd", "merit_q05", "merit_q50", "merit_q95", "expected_rank", "sucra", "p_best",
    "rank_probabilities",
}  # fmt: skip


SVG_TAGS = {
    f"{{http://www.w3.org/2000/svg}}{tag}"
    for tag in ("svg", "title", "desc", "defs", "style", "g", "path", "use", "text", "clipPath", "rect", "pattern")
}


def pictures_of(page: str) -> list[str]:
    """The SVG texts inside a page."""
    return [base64.b64decode(code).decode() for code in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)]


class Seen(HTMLParser):
    """Tags and attributes of a page as a browser would see them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def parsed(page: str) -> Seen:
    seen = Seen()
    seen.feed(page)
    return seen


def hostile_review(text: str) -> Review:
    pair = Pair(technique="A", comparator="B", technique_name=text, comparator_name=text)
    line = make_review().inputs[0].model_copy(update={"as_read": text, "where": text, "note": text, "setting": text})
    return make_review(
        pair=pair, study=text, study_title=text, finding=text, question=text, target=text, why_so_little=(text,),
        optimism_line=text, assumptions=(text,), inputs=(line,), flips_at=(),
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_s06_nothing_in_a_name_becomes_active_html(text):
    page = html_of(hostile_review(text), command=text)
    seen = parsed(page)
    assert set(seen.tags) <= OUR_TAGS
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in {"href", "style"}]
    sources = [value for name, value in seen.attributes if name == "src"]
    assert len(sources) == seen.tags.count("img") == 2
    for svg in pictures_of(page):
        assert {element.tag for element in ET.fromstring(svg).iter()} <= SVG_TAGS  # noqa: S314 (our own)
    assert "49" not in seen.text.split("REPRODUCE")[0] or "{{" not in text  # a template in a name is not run
    assert "\u202e" not in seen.text
    if text.startswith("<img"):
        assert text in seen.text  # shown as it is


@pytest.mark.parametrize("text", HOSTILE)
def test_s06_nothing_in_a_name_becomes_active_markdown(text):
    rendered = (
        MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown_of(hostile_review(text), command=text))
    )
    seen = parsed(rendered)
    assert set(seen.tags) <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert seen.attributes == []


def test_s06_bare_addresses_do_not_link_themselves_in_markdown():
    text = markdown_of(hostile_review("http://evil.example www.evil.example"))
    assert "http://" not in text
    assert "www." not in text


def test_s06_the_page_forbids_scripts_and_remote_resources():
    page = html_of(make_review(), command="evidence review jones2026 --seed 1")
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page
    assert "<script" not in page
    assert not re.findall(r"(?:https?:)?//\w", page)
    assert "url(" not in page
    assert "@import" not in page
    for svg in pictures_of(page):
        assert "<script" not in svg
        assert set(re.findall(r'(?:href|src)="([^"]*)"', svg)) <= set(re.findall(r'"(#\w+)"', svg))
        assert set(re.findall(r"url\(([^)]*)\)", svg)) <= set(re.findall(r"url\((#\w+)\)", svg))
        assert set(re.findall(r"https?://[^\"]*", svg)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }


def test_s06_the_policy_names_the_style_sheet_by_its_hash():
    page = html_of(make_review())
    style = page.split("<style>")[1].split("</style>")[0]
    wanted = base64.b64encode(
        hashlib.sha256(style.encode()).digest()
    ).decode()  # CSP level 2: hash of the element's text
    assert f"'sha256-{wanted}'" in page.replace("&#43;", "+")


def test_the_picture_says_its_numbers_in_words():
    page = html_of(make_review())
    alt = (
        "Belief that A is above B at TARGET, in 100: before 50, warranted 62, face value &gt;99, you said 85;"
        " ceiling 62, break-even 73."
    )
    assert page.count(f'alt="{alt}"') == 1
    assert 'alt="50 equally likely outcomes of A minus B at TARGET, in SMD; 25 are right of 0 (A ahead);' in page
    assert "<dt>warranted</dt><dd>62 <small>in 100</small></dd>" in page


def test_the_words_of_the_page_are_in_shades_of_grey():
    page = re.sub(r'src="[^"]*"', "", html_of(make_review()))
    colours = set(re.findall(r"#[0-9a-fA-F]{3,6}\b", page))
    assert colours
    assert {colour for colour in colours if len(set(colour[1:])) > 1} == set()


def test_findings_stand_beside_the_target_where_two_or_more_have_a_size():
    (line,) = make_review().inputs
    assert len(pictures_of(html_of(make_review()))) == 2
    assert len(pictures_of(html_of(make_review(inputs=(line, line))))) == 3
    assert len(pictures_of(html_of(make_review(inputs=(line, line.model_copy(update={"effect_smd": None})))))) == 2


def test_html_markdown_and_json_say_the_same_verdict():
    review = make_review()
    assert "A above B in 62 of 100" in html_of(review)
    assert "A above B in 62 of 100" in markdown_of(review)
    assert json.loads(json_of(review))["p_post"] == 0.617


def test_the_json_of_a_review_has_every_promised_key():
    document = json.loads(json_of(make_review()))
    assert document.keys() >= REVIEW_KEYS
    assert document["pair"].keys() >= {"technique", "comparator"}
    assert document["robustness"].keys() >= {"kept", "of"}
    assert document["checks"]["k_hat"].keys() >= {"value", "ok"}
    assert document["flips_at"][0].keys() >= {"key", "value", "p"}


def test_the_json_of_a_ranking_has_every_promised_key():
    document = json.loads(json_of(make_ranking()))
    assert document.keys() >= RANK_KEYS
    assert document["techniques"][0].keys() >= TECHNIQUE_KEYS
    assert document["studies"][0].keys() >= {"id", "shift_bits", "max_rank_change", "p_top_changes"}
    assert document["provenance"].keys() >= {"base_sha256", "model_sha256", "version", "seed"}


def test_a_failed_gate_leaves_no_answer_in_any_document():
    review = make_review(ok=False, checks=FAILED, p_post=0.61734)
    document = json.loads(json_of(review))
    assert document.keys() >= REVIEW_KEYS
    assert document["ok"] is False
    assert document["checks"]["k_hat"]["value"] == 0.93
    assert [document[key] for key in ("p_prior", "p_post", "p_ceiling", "word", "band", "log_odds", "limits")] == [
        None
    ] * 7
    for text in (json_of(review), html_of(review), markdown_of(review)):
        assert "0.617" not in text
        assert "62 of 100" not in text
    assert "<img" not in html_of(review)
    ranking = json.loads(json_of(make_ranking(ok=False, checks=FAILED)))
    assert ranking["techniques"] is None
    assert ranking["p_above"] is None


def test_numbers_whose_own_check_failed_are_null():
    context = {"p_without": 0.4, "p_with": 0.5, "p_face_value_with": 0.6, "k_hat": 0.9, "ok": False}
    document = json.loads(json_of(make_review(in_context=context)))
    assert document["in_context"]["p_with"] is None
    studies = json.loads(json_of(make_ranking()))["studies"]
    assert [s["shift_bits"] for s in studies] == [0.2, None]
    bad = make_sweep().points[0].model_copy(update={"ok": False})
    assert json.loads(json_of(make_sweep(points=(bad,))))["points"][0]["p"] is None


def test_json_holds_no_raw_control_or_bidirectional_character():
    text = json_of(make_review(study_title="\x1b[2J\x9b\u202e"))
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["study_title"] == "\x1b[2J\x9b\u202e"


def test_a_sweep_as_csv_reads_back_and_hides_failed_points():
    points = make_sweep().points
    sweep = make_sweep(points=(*points[:2], points[2].model_copy(update={"ok": False})))
    rows = list(csv.DictReader(io.StringIO(csv_of(sweep))))
    assert [float(row["value"]) for row in rows] == [0.0, 0.5, 1.0]
    assert [row["p"] for row in rows] == ["0.5", "0.61", ""]
    assert [row["ok"] for row in rows] == ["yes", "yes", "no"]
