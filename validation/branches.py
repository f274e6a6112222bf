"""Branch coverage by part of the package, against what was promised: `python validation/branches.py build/coverage.json`.

The file is coverage's own JSON; `make coverage` writes it and then runs this, with `validation/coverage.json` as the place of
the summary. Code that JAX traces is measured while it is traced.
"""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from evidence.io.code_state import code_state

PARTS = {
    "domain": (r"domain/", 0.90),
    "model": (r"model/", 0.90),
    "inference": (r"inference/", 0.90),
    "analysis": (r"analysis/", 0.90),
    "scoring": (r"(model/scores|model/condensed|analysis/reader_scores|analysis/prereg_score|domain/scorecard|domain/repeated)\.py", 0.95),
    "prereg": (
        r"(\w+/prereg\w*|domain/(registration|registry|scorecard|verification|disagreement)"
        r"|io/(registry|registrations|resolutions|frozen_files))\.py",
        0.95,
    ),
}  # fmt: skip
"""{part: (which modules below the package, least share of branches)}."""
LISTED = 12


def shares(report):
    """{part: (branches covered, branches, {module: lines that branches leave and nobody took})} of a JSON report."""
    found = {part: (0, 0, {}) for part in PARTS}
    for path, measured in sorted(report["files"].items()):
        module = path.replace("\\", "/").split("src/evidence/")[-1]
        for part, (pattern, _) in PARTS.items():
            if re.match(pattern, module):
                covered, all_, missing = found[part]
                summary = measured["summary"]
                if measured["missing_branches"]:
                    missing[module] = sorted({start for start, _ in measured["missing_branches"]})
                found[part] = (covered + summary["covered_branches"], all_ + summary["num_branches"], missing)
    return found


def main(path, out=None):
    found = shares(json.loads(Path(path).read_text(encoding="utf-8")))
    below = []
    for part, (covered, all_, missing) in found.items():
        share, least = covered / all_ if all_ else 1.0, PARTS[part][1]
        print(f"{part}: {covered} of {all_} branches, {share:.1%} (at least {least:.0%})")
        if share < least:
            below.append(part)
            worst = sorted(missing.items(), key=lambda item: -len(item[1]))[:LISTED]
            print("".join(f"  {module}: lines {', '.join(map(str, lines))}\n" for module, lines in worst), end="")
    if out is not None:
        summary = {
            part: {"branches": all_, "covered": covered, "share": round(covered / all_, 4) if all_ else 1.0, "goal": PARTS[part][1]}
            for part, (covered, all_, _) in found.items()
        }
        stored = {"command": "make coverage", "date": f"{datetime.now(UTC):%Y-%m-%d}", "sources": code_state().source_sha256, **summary}
        Path(out).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return f"too few branches covered: {', '.join(below)}" if below else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
