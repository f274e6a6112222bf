"""The documentation: built strictly, complete without the network, its numbers and outputs those of today."""

import os
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import claims
import docs_numbers
from evidence.report.words import find_forbidden

ROOT = Path(__file__).parents[1]
pytest.importorskip("sphinx", reason="the extra `docs` is not installed")

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "use": "href"}
PRINTED_TERMS = (
    "SMD", "equal-tailed", "log-odds", "Monte Carlo error", "bits", "beside the point", "ceiling",
    "break-even", "face value", "warranted", "belief", "checks", "exchange rate", "try order", "gaps", "novelty",
    "validity", "over-updating", "opinion, no data",
)  # fmt: skip
CALLED = {"break-even": "break-even belief", "checks": "check", "gaps": "gap", "over-updating": "over-update"}
"""Printed terms that stand in the glossary in another form."""


def entry_of(term):
    return CALLED.get(term, term)


class Links(HTMLParser):
    """What a page fetches, what it links to, and its anchors."""

    def __init__(self):
        super().__init__()
        self.fetched, self.linked, self.anchors = [], [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id"))
        if tag in FETCHED and attrs.get(FETCHED[tag]):
            self.fetched.append(attrs[FETCHED[tag]])
        if tag == "a" and attrs.get("href"):
            self.linked.append(attrs["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-c",
        "docs",
        "-d",
        str(folder / "trees"),
        "-b",
        "html",
    ]
    command += [".", str(folder / "html")]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def pages_of(site):
    found = {}
    for path in sorted(site.rglob("*.html")):
        found[path.resolve()] = Links()
        found[path.resolve()].feed(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site):
    for path, page in pages_of(site).items():
        assert [url for url in page.fetched if urlsplit(url).netloc] == [], path
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")) == [], path
    for path in site.rglob("*.js"):
        assert re.findall(r"(?:fetch|import)\(\s*[\"'](?:https?:)?//", path.read_text(encoding="utf-8")) == [], path


@pytest.mark.slow
def test_every_internal_link_and_anchor_is_there(site):
    pages = pages_of(site)
    assert (site / "docs" / "model.html").resolve() in pages
    broken = []
    for path, page in pages.items():
        for url in page.linked:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or (path.name == "search.html" and not parts.path):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors
            ):
                broken.append(f"{path.relative_to(site.resolve())}: {url}")
    assert broken == []


@pytest.mark.slow
def test_the_reference_has_every_public_name(site):
    import evidence

    text = (site / "docs" / "reference.html").read_text(encoding="utf-8")
    missing = [
        n
        for n in evidence.__all__
        if f'id="evidence.{n}"' not in text and n not in {"figures", "EvidenceBase", "Model"}
    ]
    assert missing == []
    records = (site / "docs" / "records.html").read_text(encoding="utf-8")
    for name in ("EvidenceBase", "Model", "Finding", "Setting"):
        assert f'id="evidence.domain.records.{name}"' in records
    assert 'id="evidence.domain.results.Review.p_ceiling"' in records


def test_no_number_quoted_from_a_stored_run_is_stale():
    assert docs_numbers.stale_claims() == []


@pytest.mark.parametrize("page", ["docs/limits.md", "docs/reliability.md"])
def test_every_number_of_a_page_of_figures_has_a_source(page):
    assert docs_numbers.unsourced(page) == []


def test_every_decimal_of_the_comparison_has_a_source():
    assert [n for n in docs_numbers.unsourced("docs/comparison.md") if "." in n] == []


def test_a_stale_number_is_found_and_mended(tmp_path, monkeypatch):
    claim = claims.Claim("page.md", "a loss of {} against {} here", lambda: ("0.51", "0.60"))
    monkeypatch.setattr(docs_numbers, "ROOT", tmp_path)
    monkeypatch.setattr(docs_numbers, "CLAIMS", (claim,))
    (tmp_path / "page.md").write_text("It has a loss\nof 0.50 against 0.60 here.", encoding="utf-8")
    assert len(docs_numbers.stale_claims()) == 1
    assert len(docs_numbers.stale_claims(write=True)) == 1
    assert docs_numbers.stale_claims() == []
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "It has a loss\nof 0.51 against 0.60 here."
    assert not docs_numbers.same("A in 57 of 100", "A in 59 of 100")
    assert docs_numbers.same("A in 57 of 100", "A in 58 of 100")
    assert not docs_numbers.same("leans A: 57", "leans B: 57")


@pytest.mark.slow
@pytest.mark.parametrize("page", docs_numbers.PAGES_WITH_OUTPUTS)
def test_the_commands_of_a_page_print_what_the_page_shows(page):
    assert docs_numbers.stale_outputs(page) == []


def test_the_four_commands_of_the_readme_are_those_that_the_tests_run():
    # tests/io/test_inspect_import.py runs those of docs/inspect.md on logs that Inspect wrote.
    block = re.search(
        r"```console\n(\$ evidence import inspect .*?)```",
        (ROOT / "docs" / "inspect.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert block
    assert block[1].count("$ evidence") == 4
    assert block[1] in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_table_of_the_model_page():
    # tests/analysis/test_backtest.py computes the table of docs/model.md, section 1.
    rows = re.findall(
        r"^\| (?:read at face value|share in the same order).*$",
        (ROOT / "docs" / "model.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 2
    assert all(row in (ROOT / "README.md").read_text(encoding="utf-8") for row in rows)


def test_the_glossary_has_the_words_of_the_model_and_of_the_pages():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = [line.removeprefix("## ").lower() for line in text.splitlines() if line.startswith("## ")]
    assert entries == sorted(entries, key=lambda e: e.replace("-", " ")), "alphabetical order"
    section = re.search(
        r"^## 2\. .*?$\n\n(.*?)\n\n", (ROOT / "docs" / "model.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert section
    words = re.split(r",\s*", re.sub(r"\([^)]*\)", "", section[1]).rstrip("."))
    missing = [w.strip() for w in words if w.strip() not in entries]
    assert len(words) > 20
    assert missing == []
    printed = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/evidence/report").glob("*.py")).lower()
    assert [t for t in PRINTED_TERMS if t.lower() not in printed] == [], "no page prints it"
    assert [t for t in PRINTED_TERMS if entry_of(t.lower()) not in entries] == []


def test_the_tutorial_keeps_to_the_words_that_the_pages_use():
    assert find_forbidden((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")) == ()


def test_the_site_is_an_extra_and_part_of_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(r.startswith("sphinx") for r in project["optional-dependencies"]["docs"])
    assert "--extra docs" in (ROOT / "Makefile").read_text(encoding="utf-8")
