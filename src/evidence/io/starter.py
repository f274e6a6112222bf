"""What `evidence init` writes: an evidence base, or the file of one paper, filled with one example row of each kind.

The rows are records and the explanations are theirs (`evidence.io.commented`), so neither can go stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Question,
    Record,
    Setting,
    Study,
    Target,
    Technique,
)
from evidence.io.commented import columns_table, commented_table, kinds_table
from evidence.io.csv_files import column_types
from evidence.io.csv_out import row_of, table_text
from evidence.io.store import replacing_files, write_text
from evidence.io.tables import QUESTION_FILE
from evidence.io.toml_out import toml_value

README_FILE = "README.md"
_EXAMPLE = "EXAMPLE: "

QUESTION: dict[str, Any] = {
    "id": "my-question",
    "title": "Which defence to try first",
    "question": "On the next model, which defence against jailbreaks should be tried first?",
    "criterion": "share of harmful requests that the next model complies with",
    "unit": "standardised mean difference against no intervention",
    "smallest_difference": 0.2,
}
TARGET: dict[str, Any] = {
    "id": "next-model",
    "title": "The next model, before anybody can measure it",
    "novelty": 1.0,
    "reason": "Nothing measured today has its capabilities.",
}
DIMENSION: dict[str, Any] = {
    "id": "capability",
    "meaning": "how much weaker the model studied is than the target",
    "none": "as capable as the target",
    "some": "one generation behind it",
    "major": "a small model",
}
_ROWS: tuple[Record, ...] = (
    Technique(
        id="no-intervention", name="No intervention", description="The model alone: the first row is the baseline"
    ),
    Technique(id="example-technique", name=f"{_EXAMPLE}a technique", description="What is done, in a sentence"),
    Family(
        id="example-family",
        name=f"{_EXAMPLE}a family of proxies",
        validity_class="small-open-chat",
        reason="What would make all proxies of this family wrong together",
    ),
    Setting(
        id="example-setting",
        name=f"{_EXAMPLE}a setting",
        family="example-family",
        environment="400 harmful requests",
        model_family="a chat model of 7 billion parameters",
        outcome="attack success rate",
        gaps={"capability": "major"},
        reasons={"capability": "a model of 7 billion parameters"},
    ),
    Study(
        id="example2025study",
        title=f"{_EXAMPLE}a study",
        authors="Family names",
        year=2025,
        url="https://example.org",
        headline="example2025study-1",
    ),
    Finding(
        id="example2025study-1",
        study="example2025study",
        setting="example-setting",
        technique="example-technique",
        comparator="no-intervention",
        kind="counts",
        higher_is_better=False,
        k=120,
        n=400,
        k0=180,
        n0=400,
        ahead="technique",
        where=f"{_EXAMPLE}Table 1, p. 4",
        source_kind="full text",
    ),
)

_TABLES: dict[str, tuple[type[Record], str]] = {
    "techniques": (Technique, "What could be done. The first row is the baseline."),
    "families": (Family, "Groups of proxies that share their reasons to be wrong."),
    "settings": (
        Setting,
        "Where something can be measured today. One row per environment, model, adversary and outcome.",
    ),
    "studies": (Study, "Where the findings come from."),
    "findings": (Finding, "One result a row: a technique against a comparator, or alone, in one setting of one study."),
}
_LOOSE = ("targets", "dimensions")
_GAPS = ("gaps", "reasons")

BASE_FILES: tuple[str, ...] = (QUESTION_FILE, *(f"{name}.csv" for name in _TABLES), README_FILE)


def write_starter(folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write the example base to `folder`; the files written. Raises BadInput as `replacing_files` does."""
    texts = {QUESTION_FILE: _question_text(), README_FILE: _readme()}
    for name, (kind, _) in _TABLES.items():
        columns = tuple(column_types(kind, [DIMENSION["id"]] if kind is Setting else ()))
        texts[f"{name}.csv"] = table_text(columns, [row_of(row) for row in _ROWS if isinstance(row, kind)])
    with replacing_files(folder, BASE_FILES, force=force) as temporary:
        for name in BASE_FILES:
            write_text(temporary / name, texts[name])
    return tuple(folder / name for name in BASE_FILES)


def paper_on(base: EvidenceBase, name: str) -> str:
    """The file of one paper that adds to `base`, which goes by `name`: an example finding in its first setting."""
    setting = base.settings[0].id
    known = [finding.higher_is_better for finding in base.findings if finding.setting == setting]
    technique, comparator = base.techniques[1].id, base.techniques[0].id
    study = _fresh("example2025study", [study.id for study in base.studies])
    finding = {
        **_values(Finding),
        "id": f"{study}-1", "setting": setting, "technique": technique, "comparator": comparator,
        "higher_is_better": known[0] if known else False,
    }  # fmt: skip
    if finding["higher_is_better"]:
        finding["ahead"] = "comparator"
    head = [
        *_PAPER_HEAD,
        "",
        "# The evidence base this paper adds to: a folder of tables, or the name of a shipped base.",
    ]
    return _joined(head, [f"base = {toml_value(name)}"], _study_lines(study), _finding_lines(finding))


def paper_with_own_question() -> str:
    """The file of one paper with its question, techniques, family and setting, no base."""
    lines = [*_PAPER_HEAD, *_question_lines("question.")]
    for name in ("techniques", "families", "settings"):
        kind, intro = _TABLES[name]
        for index, row in enumerate(row for row in _ROWS if isinstance(row, kind)):
            lines += commented_table(f"[[{name}]]", kind, _set(row), intro="" if index else intro)
    return _joined(lines, _study_lines("example2025study"), _finding_lines(_values(Finding)))


_PAPER_HEAD = (
    "# One paper for `evidence review`. Replace what is marked EXAMPLE; a key with # before it is optional.",
    "# `evidence check FILE` says what is missing, `evidence review FILE` shows the page.",
)


def _joined(*parts: Iterable[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def _study_lines(key: str) -> list[str]:
    study = {**_values(Study), "id": key, "headline": f"{key}-1"}
    return commented_table("[study]", Study, study, intro="The paper.")


def _finding_lines(finding: Mapping[str, Any]) -> list[str]:
    intro = f"{_TABLES['findings'][1]} Which numbers to fill depends on `kind`: {_kinds_in_words()}."
    values = {name: value for name, value in finding.items() if name != "study"}
    return commented_table("[[findings]]", Finding, values, without=("study",), intro=intro)


def _kinds_in_words() -> str:
    return (
        "counts k, n, k0, n0; means mean, sd, n, mean0, sd0, n0; effect scale, estimate and se or ci_lo, ci_hi; "
        "auroc auc, n_pos, n_neg; proportion rate or k, and n; order, existence and argument q"
    )


def _question_text() -> str:
    head = ("# The question of this evidence base. A key with # before it is optional.",)
    return _joined(head, _question_lines(""))


def _question_lines(prefix: str) -> list[str]:
    """The question with one target and one dimension, at the top level of a file or below `question.`."""
    top = f"[{prefix.rstrip('.')}]" if prefix else ""
    lines = commented_table(top, Question, QUESTION, without=_LOOSE)
    target = "Where the answer is wanted. The first is the primary target: every gap is rated against it."
    lines += commented_table(f"[[{prefix}targets]]", Target, TARGET, intro=target)
    dimension = (
        "A named way in which settings differ from the primary target. Repeat for each; settings rate all of them."
    )
    return lines + commented_table(f"[[{prefix}dimensions]]", Dimension, DIMENSION, intro=dimension)


def _values(kind: type[Record]) -> dict[str, Any]:
    """The keys that the example row of a kind sets."""
    return _set(next(row for row in _ROWS if isinstance(row, kind)))


def _set(row: Record) -> dict[str, Any]:
    return row.model_dump(exclude_unset=True)


def _fresh(key: str, taken: Iterable[str]) -> str:
    known = set(taken)
    return next(name for name in (key, *(f"{key}{i}" for i in range(2, len(known) + 3))) if name not in known)


def _readme() -> str:
    """What every file, key and column of the folder is, in the words of the records."""
    parts = [
        _README_HEAD,
        "## base.toml",
        columns_table(Question, without=_LOOSE),
        "Each of `[[targets]]`:",
        columns_table(Target),
    ]
    parts += ["Each of `[[dimensions]]`:", columns_table(Dimension)]
    for name, (kind, intro) in _TABLES.items():
        more = _GAP_COLUMNS if kind is Setting else ()
        parts += [f"## {name}.csv", intro, columns_table(kind, without=_GAPS, more=more)]
    return "\n\n".join([*parts, "The numbers of a finding, by its kind:", kinds_table(), _README_FOOT]) + "\n"


_GAP_COLUMNS = (
    ("`gap_D`", "For every dimension D of base.toml: none, some, major, unknown or a number in 0..1."),
    ("`why_D`", "Why the gap is rated so."),
)
_README_HEAD = """\
# An evidence base

The rows whose names start with EXAMPLE show the form. Put your own beside them, then delete them.

```
evidence add STUDY --base .    # a dialogue that fills the tables from a paper
evidence check .               # every mistake as file:row:field
evidence rank .                # the ranking at the target
```

Cells are text; numbers in plain digits with a point; yes or no; an empty cell is no value. Columns that no row fills may be
left out."""
_README_FOOT = """\
Numbers keep the direction of their metric; `higher_is_better` says which way is better. An n that the paper does not give is
a range, `assumed_n_lo` to `assumed_n_hi`, never a guess. A comparison without any uncertainty is an `order` with a stated
reliability q."""
