"""Writes the numbers and outputs that the pages quote, from stored runs and from the commands themselves.

    python validation/docs_numbers.py             rewrites the pages
    python validation/docs_numbers.py --check     changes nothing, exit 1 and a line for each that is stale

What a page claims in numbers stands in `claims.py` and `claims_pages.py`. An output is a `console` block
of one command with the `text` block that follows; `<!-- shows: LABEL, LABEL -->` between them keeps these sections.
"""

import argparse
import json
import os
import re
import shlex
import tempfile
from contextlib import chdir
from pathlib import Path

from claims import NUMBER
from claims_pages import CLAIMS

ROOT = Path(__file__).parents[1]
RUN = re.compile(r"<!-- run: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
NO_FIGURES = {"sources", "commit", "executions_by_sources"}
MOST_ROWS = 5
PAGES_WITH_OUTPUTS = ("README.md", "docs/tutorial.md")
OUTPUT = re.compile(
    r"```console\n\$ (evidence [^\n]+)\n```\n\n(?:<!-- shows: ([^\n]+) -->\n)?```text\n(.*?)```", re.DOTALL
)


def output_of(command):
    """What a command prints on a terminal of 80 columns, without trailing spaces. Run where its files may be written."""
    from typer.testing import CliRunner

    from evidence.cli import app

    os.environ["COLUMNS"] = "80"
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, shlex.split(command)[1:], prog_name="evidence")
    if result.exit_code != 0:
        raise SystemExit(f"{command}: exit code {result.exit_code}\n{result.output}")
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.rstrip("\n").split("\n"))


def sections_of(text, labels):
    """The sections of a page with these labels; a label stands at the start of a line, in capitals."""
    parts = re.split(r"^(?=[A-Z][A-Z' -]{3,}(?:  |$| [a-z]))", text, flags=re.MULTILINE)
    return "".join(p for label in labels for p in parts if p.startswith(label))


def outputs_of(page):
    """(text as it stands, text as it is today) of every output of a page."""
    written = (ROOT / page).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for found in OUTPUT.finditer(written):
            text = output_of(found[1])
            yield found, sections_of(text, found[2].split(", ")) if found[2] else text


def same(old, new):
    """Equal words; numbers may differ by one in their last digit, which is what another platform's rounding can do."""
    old, new = (re.sub(r"[#.]{20,}", "", text) for text in (old, new))
    if re.sub(NUMBER, "#", old).split() != re.sub(NUMBER, "#", new).split():
        return False
    pairs = zip(re.findall(NUMBER, old), re.findall(NUMBER, new), strict=True)
    return all(a == b or abs(number(a) - number(b)) <= 1.01 * step(a) for a, b in pairs)


def number(text):
    return float(text.replace(",", ""))


def step(text):
    """One in the last digit."""
    return 10.0 ** -len(text.partition(".")[2])


def stale_claims(*, write=False):
    found = []
    for claim in CLAIMS:
        path = ROOT / claim.page
        text = path.read_text(encoding="utf-8")
        match = claim.pattern.search(text)
        if match is None:
            found.append(f"{claim.page}: the words are not there: {claim.words}")
            continue
        today = claim.values()
        if match.groups() != today:
            found.append(f"{claim.page}: {match[0]!r} should have {', '.join(today)}")
            if write:
                spans = [match.span(i + 1) for i in range(len(today))]
                for (lo, hi), value in reversed(list(zip(spans, today, strict=True))):
                    text = text[:lo] + value + text[hi:]
                path.write_text(text, encoding="utf-8")
    return found


def unsourced(page):
    """Numbers of a page that no claim covers, but for what is code, a link's target, an item's number or a stored run's."""
    text = (ROOT / page).read_text(encoding="utf-8")
    spans = [m.span() for c in CLAIMS if c.page == page for m in [c.pattern.search(text)] if m]
    spans += [m.span() for m in RUN.finditer(text)]
    spans += [m.span() for m in re.finditer(r"`[^`]*`|\]\([^)]*\)|\b[RSU]\d+\b|SHA-256|section \d", text)]
    numbers = re.finditer(r"(?<![\w./])\.?\d[\d,.]*(?<![.,])(?![\w/])", text)
    return [m[0] for m in numbers if not any(a <= m.start() < b for a, b in spans)]


def stale_runs(page, *, write=False):
    """Blocks `<!-- run: NAME -->` that do not say what validation/NAME.json says."""
    text = (ROOT / page).read_text(encoding="utf-8")
    stale = [f"{page}: the run {m[1]}" for m in RUN.finditer(text) if m[2] != run_block(m[1])]
    if write and stale:
        written = RUN.sub(lambda m: f"<!-- run: {m[1]} -->\n{run_block(m[1])}<!-- end -->", text)
        (ROOT / page).write_text(written, encoding="utf-8")
    return stale


def run_block(name):
    """The figures of a stored run as a table: a row for each key of its top level, lists and long dictionaries counted."""
    path = ROOT / "validation" / f"{name}.json"
    if not path.exists():
        return "\nNot stored in this version.\n\n"
    rows = [row for key, value in json.loads(path.read_text(encoding="utf-8")).items() for row in rows_of(key, value)]
    return "\n".join(["", "| | |", "|---|---|", *rows, "", ""])


def rows_of(key, value):
    if key in NO_FIGURES:
        return
    if isinstance(value, dict) and len(value) <= MOST_ROWS and any(isinstance(v, dict) for v in value.values()):
        for name, inner in value.items():
            yield from rows_of(f"{key}, {name}", inner)
    else:
        yield f"| {key.replace('_', ' ')} | {shown(value)} |"


def shown(value):
    """A figure as the page prints it."""
    match value:
        case str() if value.startswith("python "):
            return f"`{value}`"
        case bool() | str() | None:
            return str(value)
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case dict() if (figures := {name: v for name, v in value.items() if not isinstance(v, dict | list)}):
            return ", ".join(f"{name.replace('_', ' ')} {shown(v)}" for name, v in figures.items())
        case list() if value and all(isinstance(v, str) for v in value) and len(value) <= MOST_ROWS:
            return ", ".join(value)
    return f"{len(value):,}"


def stale_outputs(page, *, write=False):
    stale, text = [], (ROOT / page).read_text(encoding="utf-8")
    for found, today in reversed(list(outputs_of(page))):
        if not same(found[3], today):
            stale.append(f"{page}: the output of `{found[1]}`")
            text = text[: found.start(3)] + today + text[found.end(3) :]
    if write and stale:
        (ROOT / page).write_text(text, encoding="utf-8")
    return stale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = stale_claims(write=not check) + stale_runs("docs/reliability.md", write=not check)
    for page in PAGES_WITH_OUTPUTS:
        stale += stale_outputs(page, write=not check)
    print("\n".join([*stale, f"{len(stale)} stale{'' if check or not stale else ', written anew'}"]))
    raise SystemExit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
