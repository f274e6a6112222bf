"""Writes the numbers and outputs that the pages quote, from stored runs and from the commands themselves.

    python validation/docs_numbers.py             rewrites the pages
    python validation/docs_numbers.py --check     changes nothing, exit 1 and a line for each that is stale

A `Claim` is words of a page with `{}` for each number, and where the numbers come from. An output is a `console` block
of one command with the `text` block that follows; `<!-- shows: LABEL, LABEL -->` between them keeps these sections.
"""

import argparse
import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = r"(-?\d[\d,]*(?:\.\d+)?|-?\.\d+)"
PAGES_WITH_OUTPUTS = ("README.md", "docs/tutorial.md")
OUTPUT = re.compile(
    r"```console\n\$ (evidence [^\n]+)\n```\n\n(?:<!-- shows: ([^\n]+) -->\n)?```text\n(.*?)```", re.DOTALL
)


@dataclass(frozen=True)
class Claim:
    """Words of a page around numbers; `values` gives the numbers as the page should print them."""

    page: str
    words: str
    values: Callable[[], tuple[str, ...]]

    @property
    def pattern(self):
        """The words with any numbers, whatever the line breaks."""
        parts = [r"\s+".join(re.escape(w) for w in re.split(r"\s+", part)) for part in self.words.split("{}")]
        return re.compile(NUMBER.join(parts))


@cache
def stored(name):
    return json.loads((ROOT / "validation" / f"{name}.json").read_text(encoding="utf-8"))


def loss(reader, where="overall"):
    return next(f"{r['score']['log_loss']:.3f}" for r in stored("backtest")[where] if r["reader"] == reader)


def wrong(reader):
    row = next(r["score"] for r in stored("backtest")["overall"] if r["reader"] == reader)
    return f"{100 * row['sure_and_wrong']:.1f}"


def loss_on(bridge):
    scores = next(b for b in stored("backtest")["bridges"] if b["bridge"] == bridge)["scores"]
    return next(f"{s['score']['log_loss']:.3f}" for s in scores if s["reader"] == "warranted")


def goals():
    from backtest_report import goals as table
    from evidence.domain.backtest import BacktestTable

    rows = [r for r in table(BacktestTable.model_validate(stored("backtest"))).splitlines() if r.startswith("| ")][1:]
    return str(sum("**missed**" in r for r in rows)), str(len(rows))


def speeds():
    page = (ROOT / "validation" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"(\d+) ms against (\d+) ms for `rma` by REML on a busy machine: ([\d.]+) times", page)
    assert found, "validation/README.md: the row on metafor"
    return found[2], found[1], found[3]


def agreement():
    rows = stored("agreement")["rows"]
    agree = sum(r["exact_ok"] and r["sampled_ok"] and r["p_beyond_error"] <= 0.01 and r["quantile_beyond_error"] <= 0.03 for r in rows)  # fmt: skip
    return str(len(rows)), "30", str(agree)


def replications():
    runs = stored("calibration")
    exact = runs["exact sparse"], runs["exact dense"]
    failed = sum(run["failed_fits"] for run in exact)
    return *(str(r["replications"]) for r in exact), str(failed), *(str(runs["sampled sparse"][k]) for k in ("replications", "failed_fits"))  # fmt: skip


def in_use(base):
    from evidence.io.shipped import find_base
    from evidence.io.tables import load_base

    return (str(len(load_base(find_base(base)).findings)),)


def novelty_learned():
    law = next(law for law in stored("bridges")["laws"] if law["name"] == "w_0")
    return (f"{100 * law['contraction']:.0f}",)


LIMITS = "docs/limits.md"
CLAIMS = (
    Claim(LIMITS, "bridges contribute {} % to it", novelty_learned),
    Claim(LIMITS, "{} of {} goals are missed", goals),
    Claim(LIMITS, "over all bridges: {}, against {} at face value and {} of the",
          lambda: (loss("warranted"), loss("face-value"), loss("random-effects-predictive"))),
    Claim(LIMITS, "or more: {}, against {} and {}.",
          lambda: tuple(loss(r, "overall_large") for r in ("warranted", "face-value", "random-effects-predictive"))),
    Claim(LIMITS, "On `domainbed` ({}) and `harmbench-r2d2` ({}) it is worse than a coin ({}).",
          lambda: (loss_on("domainbed"), loss_on("harmbench-r2d2"), loss("coin"))),
    Claim(LIMITS, "calibration slope is {}, not 1", lambda: (f"{stored('backtest')['slopes']['warranted']:.2f}",)),
    Claim(LIMITS, "sure and wrong in {} % of pairs, against {} % at", lambda: (wrong("warranted"), wrong("face-value"))),
    Claim(LIMITS, "`control` has {} findings in use", lambda: in_use("control")),
    Claim(LIMITS, "Exact against sampled: {} of {} problems run, {} agree", agreement),
    Claim(LIMITS, "Simulation-based calibration: {} replications on the sparse and {} on the dense design, exact engine, "
          "{} fits failed a check. The sampled engine: {}, on the sparse design alone, {} of which failed one", replications),
    Claim("docs/comparison.md", "fits the eight schools in {} ms, our exact engine needs {} ms ({} times as long", speeds),
)  # fmt: skip


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
    """Decimal numbers of a page that no claim covers."""
    text = (ROOT / page).read_text(encoding="utf-8")
    spans = [m.span() for c in CLAIMS if c.page == page for m in [c.pattern.search(text)] if m]
    return [
        m[0]
        for m in re.finditer(r"(?<![\w./])\d+\.\d+(?![\w/])", text)
        if not any(a <= m.start() < b for a, b in spans)
    ]


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
    stale = stale_claims(write=not check)
    for page in PAGES_WITH_OUTPUTS:
        stale += stale_outputs(page, write=not check)
    print("\n".join([*stale, f"{len(stale)} stale{'' if check or not stale else ', written anew'}"]))
    raise SystemExit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
