"""Writes what `evidence schema NAME` prints to docs/schemas/, one file each, and the page that lists them.

    python validation/schemas.py

`tests/test_schemas_page.py` compares both with what the code says today.
"""

from pathlib import Path

from evidence.io.schema import SCHEMA_NAMES, SCHEMA_VERSION, schema
from evidence.report.documents import json_text

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "schemas.md"
HEAD = f"""# JSON Schemas

One file for each kind of row, file and result, in JSON Schema 2020-12: what `evidence schema NAME` prints. The `$id` is a name
(`urn:evidence:schema:{SCHEMA_VERSION}:NAME`); nothing is fetched from it. A row of a CSV table is checked as an object without its
empty cells, with numbers as numbers and `yes` and `no` as booleans; TOML files are checked as they are read. The loader
(`evidence check`) asks more than a schema can say: references between tables, classes a model knows, and what is odd.
[Records, field by field](records.md) has the same in prose.

| name | file | what it is |
|---|---|---|
"""


def published():
    """Every file of the schemas and the page, as path -> text."""
    documents = {name: schema(name) for name in SCHEMA_NAMES}
    files = {DOCS / "schemas" / SCHEMA_VERSION / f"{name}.json": json_text(one) for name, one in documents.items()}
    rows = [
        f"| `{name}` | [{name}.json](schemas/{SCHEMA_VERSION}/{name}.json) | {first_line(one)} |"
        for name, one in documents.items()
    ]
    return {**files, PAGE: HEAD + "\n".join(rows) + "\n"}


def first_line(document):
    """The first paragraph of what a schema says of itself, fit for a cell."""
    return " ".join(document.get("description", "").split("\n\n")[0].split()).replace("|", "\\|")


def main():
    for path, text in published().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
