"""The shipped literatures: stated reliabilities follow the stated rule, counts follow the rates, READMEs say their shares."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from evidence.io.tables import find_warnings, load_base, read_draft
from test_shipped_data import SHARED, _root, reliability_by_rule, written_findings

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in (ROOT / "data").glob("*/base.toml"))
LITERATURES = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
SIZED = {"counts", "effect", "means", "auroc", "proportion"}


def readme(folder: Path) -> str:
    return " ".join((folder / "README.md").read_text(encoding="utf-8").split())


def sized(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Findings with an n or a standard error that stands in a source."""
    return [row for row in rows if row["kind"] in SIZED and not row.get("assumed_n_lo")]


def test_there_are_five_literatures_with_what_was_promised_of_them() -> None:
    assert [folder.name for folder in FOLDERS] == [
        "control", "deception-detection", "jailbreak-defence", "steering", "unlearning"
    ]  # fmt: skip
    rows = [(folder.name, row) for folder in FOLDERS for row in written_findings(folder)]
    assert len(rows) >= 70
    assert len({(name, row["study"]) for name, row in rows}) >= 20
    # What is known from someone else's summary was not read from the paper.
    read = [(name, row) for name, row in rows if row in sized([row]) and row["source_kind"] != "secondary"]
    assert len(read) >= 25
    assert len({(name, row["study"]) for name, row in read}) >= 8


@LITERATURES
def test_a_literature_loads_without_warnings(folder: Path) -> None:
    assert find_warnings(read_draft(folder)[0]) == ()


@LITERATURES
def test_every_stated_reliability_follows_the_rule(folder: Path) -> None:
    orders = [row for row in written_findings(folder) if row["kind"] == "order"]
    assert orders
    for row in orders:
        assert float(row["q"]) == reliability_by_rule(row["note"], row["source_kind"]), row["id"]


def test_the_page_of_bases_states_the_rule_and_no_n_was_assumed() -> None:
    text = " ".join((ROOT / "docs" / "bases.md").read_text(encoding="utf-8").split())
    rule = {
        "20 points or more": "gap 20 points", "10 to under 20": "gap 19.9 points", "5 to under 10": "gap 9.9 points",
        "under 5": "gap 4.9 points",
    }  # fmt: skip
    for words, note in rule.items():
        q = reliability_by_rule(note, "full text")
        assert f"{words} {str(q).lstrip('0')}" in text, words
    changes = {change for folder in FOLDERS for row in written_findings(folder) for change in re.findall(r"\(([+-]\.\d+):", row["note"])}  # fmt: skip
    assert changes == {"-.05", "-.1", "-.2", "+.1"}
    assert all(change in text for change in changes)
    assert "none of the shipped ones does" in text
    assert not any(row.get("assumed_n_lo") for folder in FOLDERS for row in written_findings(folder))


@LITERATURES
def test_no_order_follows_from_the_others(folder: Path) -> None:
    """In each cell the orders form a forest; rows left out by price join nothing."""
    left_out = {reason.split(":")[0] for reason in load_base(folder).left_out}
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in written_findings(folder):
        if row["kind"] != "order" or row["id"] in left_out:
            continue
        joined = cells.setdefault((row["study"], row["setting"]), {})
        a, b = _root(joined, row["technique"]), _root(joined, row["comparator"])
        assert a != b, row["id"]
        joined[a] = b


@LITERATURES
def test_a_count_is_the_rate_in_its_note_times_n(folder: Path) -> None:
    for row in written_findings(folder):
        found = re.match(r"([\d.]+) vs ([\d.]+) %", row["note"])
        if row["kind"] == "counts" and found:
            for rate, k, n in ((found[1], "k", "n"), (found[2], "k0", "n0")):
                # The rate is printed to so many digits, and k is the whole number nearest to it.
                room = 0.5 * 10.0 ** -len(rate.partition(".")[2]) + 50 / int(row[n]) + 1e-9
                assert 100 * int(row[k]) / int(row[n]) == pytest.approx(float(rate), abs=room), row["id"]


@LITERATURES
def test_the_readme_states_the_shares_that_the_tables_have(folder: Path) -> None:
    rows, text = written_findings(folder), readme(folder)
    kinds = Counter(row["kind"] for row in rows)
    secondary = sum(row["source_kind"] == "secondary" for row in rows)
    for count, what in ((kinds["order"], "orders"), (secondary, "secondary")):
        share = rf"{count} of {len(rows)}(?: findings)? \({100 * count / len(rows):.0f} %\)[^.;]*\b{what}"
        assert re.search(share, text), (what, count, len(rows))
    assumed = sum(bool(row.get("assumed_n_lo")) for row in rows)
    assert re.search(rf"\b{assumed} of {len(rows)} \({100 * assumed / len(rows):.0f} %\)[^.;]*assumed n", text)


@LITERATURES
def test_the_readme_says_what_people_need(folder: Path) -> None:
    text = readme(folder)
    for part in ("**Question.**", "**Who disagrees about what.**", "**What ranking to expect from so little.**",
                 "## How figures became rows", "## Gaps", "## What was left out, and why"):  # fmt: skip
        assert part in text, part


def test_every_row_of_the_collection_is_used_or_its_absence_explained() -> None:
    """Rows of the shared collection by identifier: in a README, or a study of a base with its own rows."""
    path = SHARED / "findings.csv"
    if not path.is_file():
        pytest.skip("findings.csv is not part of the project; EVIDENCE_SHARED_DATA says where it is")
    told = " ".join(readme(folder) for folder in FOLDERS) + (ROOT / "docs" / "bases.md").read_text(encoding="utf-8")
    numbers = {int(n) for n in re.findall(r"F(\d{3})\b", told)}
    for first, last in re.findall(r"F(\d{3}) to F(\d{3})", told):
        numbers |= set(range(int(first), int(last) + 1))
    used = {row["study"] for folder in FOLDERS for row in written_findings(folder)}
    with path.open(encoding="utf-8", newline="") as file:
        missing = [
            row["finding_id"]
            for row in csv.DictReader(file)
            if int(row["finding_id"][1:]) not in numbers and row["paper_key"] not in used
        ]
    assert missing == []
