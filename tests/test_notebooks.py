"""The notebooks run, from any folder, and what is stored in them is what comes out today."""

import re
import warnings

import nbformat
import pytest

from evidence.report.words import find_forbidden

with warnings.catch_warnings():
    # Jupyter's own libraries announce changes of their own with deprecation warnings while they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from notebooks import FOLDER, NAMES, execute

LARGEST_BYTES = 300_000
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
HASH = re.compile(r"\b[0-9a-f]{8,64}\b")
UNITS, SHARE = 3, 0.05
"""Numbers may differ by three units of the last digit printed, or by 5 %: other platforms draw other samples."""


def texts(notebook):
    """What a reader sees of each output, tables and pages as their words; pictures are left to the eye."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            text = output.get("text") or shown.get("text/markdown") or shown.get("text/html") or ""
            yield number, " ".join(HASH.sub("HASH", TAG.sub(" ", SVG.sub(" ", text))).split())


def agree(stored, fresh):
    digits = len(stored.partition(".")[2]) if "e" not in stored else 0
    a, b = (float(text.replace("−", "-")) for text in (stored, fresh))
    return abs(a - b) <= max(UNITS * 10.0**-digits, SHARE * abs(a)) * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:(zmq|jupyter_client|jupyter_core|nbclient|nbformat|traitlets)")
def test_a_notebook_runs_and_holds_what_comes_out(name):
    stored, fresh = list(texts(nbformat.read(FOLDER / name, as_version=4))), list(texts(execute(name)))
    assert [number for number, _ in stored] == [number for number, _ in fresh]
    for (number, before), (_, now) in zip(stored, fresh, strict=True):
        assert NUMBER.sub("#", before) == NUMBER.sub("#", now), f"cell {number}: other words"
        pairs = zip(NUMBER.findall(before), NUMBER.findall(now), strict=True)
        wrong = [pair for pair in pairs if not agree(*pair)]
        assert not wrong, f"cell {number}: stored and fresh numbers differ: {wrong}"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small_clean_and_asks_a_question(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert len(text.encode()) <= LARGEST_BYTES
    assert notebook.cells[0].source.splitlines()[0].endswith("?")
    assert "What to take away" in text
    assert not [c for c in notebook.cells if c.cell_type == "code" and not c.execution_count], "stored without outputs"
    assert not [o for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert not re.search(r"/(?:tmp|home|root|work|Users)/|execution\.|timestamp", text)
    assert not [c for c in notebook.cells if c.cell_type == "code" and re.search(r"^\s*(def|class) ", c.source, re.M)]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_no_word_that_no_page_may_use(name):
    """In its own sentences: tables quote what papers say, and name readers."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    said = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    said += [
        o.data["text/markdown"]
        for c in notebook.cells
        for o in c.get("outputs", [])
        if "text/markdown" in o.get("data", {})
    ]
    assert len(said) > 2
    assert {word for text in said for word in find_forbidden(text)} == set()


def test_numbers_agree_within_units_of_what_is_printed_and_no_further():
    assert agree("57", "59")
    assert not agree("57", "61")
    assert agree("0.46", "0.49")
    assert not agree("0.46", "0.50")
    assert not agree("-42.82", "42.82")
