"""What the pages say in numbers, each with where the number comes from: stored runs, measured figures, the shipped data.

A `Claim` is words of a page with `{}` for each number. `docs_numbers.py` compares and rewrites the pages.
"""

import ast
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
NUMBER = r"(-?\d+(?:,\d{3})*(?:\.\d+)?|-?\.\d+)"


@dataclass(frozen=True)
class Claim:
    """Words of a page around numbers; `values` gives the numbers as the page should print them."""

    page: str
    words: str
    values: Callable[[], tuple[str, ...]]

    @property
    def pattern(self):
        return pattern_of(self.words)


def pattern_of(words):
    """The words with any numbers in the places of `{}`, whatever the line breaks."""
    parts = [r"\s+".join(re.escape(w) for w in re.split(r"\s+", part)) for part in words.split("{}")]
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


def large():
    from evidence.domain.backtest import LARGE

    return str(LARGE)


def novelties_of_bridges():
    from evidence.io.shipped import find_base, list_shipped
    from evidence.io.tables import load_base

    bases = (load_base(find_base(name)) for name in list_shipped().bridges)
    return tuple(
        f"{n:g}".lstrip("0") for n in sorted({target.novelty for base in bases for target in base.question.targets})
    )


def goals():
    from backtest_report import goals as table
    from evidence.domain.backtest import BacktestTable

    rows = [r for r in table(BacktestTable.model_validate(stored("backtest"))).splitlines() if r.startswith("| ")][1:]
    return str(sum("**missed**" in r for r in rows)), str(len(rows))


@cache
def measured(words):
    """The numbers of a row of validation/README.md, where what is stored nowhere else was written down."""
    found = pattern_of(words).search((ROOT / "validation" / "README.md").read_text(encoding="utf-8"))
    assert found, f"validation/README.md: the words are not there: {words}"
    return found.groups()


def speeds():
    ours, theirs, ratio = measured("{} ms against {} ms for `rma` by REML on a busy machine: {} times")
    return theirs, ours, ratio


@cache
def constant(path, name):
    """What a file of tests/ assigns to a name: a number, or how many entries a tuple or a dictionary has."""
    for node in ast.parse((TESTS / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n for t in targets for n in (t.elts if isinstance(t, ast.Tuple) else [t])]
            if name in [n.id for n in names]:
                value = node.value
                if len(names) > 1:
                    value = value.elts[[n.id for n in names].index(name)]
                return str(
                    value.value if isinstance(value, ast.Constant) else len(getattr(value, "keys", None) or value.elts)
                )
    raise AssertionError(f"{path}: no {name}")


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


def calibrated(*designs):
    """Broken bands, poorly covered intervals, smallest p and the p needed of stored runs."""
    runs = [stored("calibration")[design] for design in designs]
    bad = [str(sum(len(run[key]) for run in runs)) for key in ("broken_bands", "poorly_covered")]
    return bad, [f"{run[key]:.4f}" for run in runs for key in ("smallest_p", "p_needed")]


def calibrated_exact():
    (bands, intervals), p = calibrated("exact sparse", "exact dense")
    return *replications()[:2], bands, intervals, *p


def calibrated_sampled():
    (bands, _), p = calibrated("sampled sparse")
    return replications()[3], bands, *p


def refused_exact():
    exact, dense, failed = replications()[:3]
    return failed, str(int(exact) + int(dense))


def compared():
    """Problems run, of how many, limit of P, both passed (and P agrees in all of them), all agree, the others."""
    rows = stored("agreement")["rows"]
    both = [r for r in rows if r["exact_ok"] and r["sampled_ok"]]
    assert all(r["p_beyond_error"] <= 0.01 for r in both)
    run, of, agree = agreement()
    return run, of, str(len(both)), agree, str(len(rows) - int(agree))


def security_items():
    rows = re.findall(r"^\| S\d+ \| .* \| ([^|]+) \|$", (TESTS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    later = sum(row.startswith("later") for row in rows)
    return str(len(rows) - later), str(len(rows)), str(later)


def stored_files():
    sums = TESTS / "fixtures" / "formats" / "v0.1" / "SHA256SUMS"
    return (str(len(sums.read_text(encoding="utf-8").splitlines())),)


def gates():
    from evidence.inference import checks
    from evidence.inference.engine import MCSE_LIMIT

    limits = checks.K_HAT_LIMIT, MCSE_LIMIT, checks.R_HAT_LIMIT, checks.CHAIN_ESS_LIMIT, checks.E_BFMI_LIMIT
    return tuple(f"{limit:g}" for limit in limits)


def named_faults():
    sys.path.append(str(TESTS))
    import mutants

    return (str(len(mutants.MUTANTS)),)


def slips():
    """What docs/cli.md says of simulated slips of reading, which tests/domain/test_plausibility.py measures."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    found = pattern_of("as the dialogue fills them, {} % are caught").search(page)
    flagged = pattern_of("without the fault {} % are flagged").search(page)
    assert found, "docs/cli.md: what is caught"
    assert flagged, "docs/cli.md: what is flagged"
    return found[1], flagged[1]


def not_met():
    return (str((ROOT / "validation" / "README.md").read_text(encoding="utf-8").count("**not met**")),)


def of_measured(words):
    """A claim's values where the row of measured figures has the same numbers in the same order."""
    return lambda: measured(words)


LIMITS, RELIABILITY = "docs/limits.md", "docs/reliability.md"
CLAIMS = (
    Claim(LIMITS, "bridges contribute {} % to it", novelty_learned),
    Claim(LIMITS, "Every bridge has novelties of {} or {}, none the 1", novelties_of_bridges),
    Claim(LIMITS, "{} of {} goals are missed", goals),
    Claim(LIMITS, "over all bridges: {}, against {} at face value and {} of the",
          lambda: (loss("warranted"), loss("face-value"), loss("random-effects-predictive"))),
    Claim(LIMITS, "On the bridges of {} pairs or more: {}, against {} and {}.",
          lambda: (large(), *(loss(r, "overall_large") for r in ("warranted", "face-value", "random-effects-predictive")))),
    Claim(LIMITS, "rows on {} findings and on {} free hyperparameters",
          lambda: (*measured("{} findings, one a technique"), *measured("a base beyond {} free hyperparameters"))),
    Claim(LIMITS, "On `domainbed` ({}) and `harmbench-r2d2` ({}) it is worse than a coin ({}).",
          lambda: (loss_on("domainbed"), loss_on("harmbench-r2d2"), loss("coin"))),
    Claim(LIMITS, "calibration slope is {}, not 1", lambda: (f"{stored('backtest')['slopes']['warranted']:.2f}",)),
    Claim(LIMITS, "sure and wrong in {} % of pairs, against {} % at", lambda: (wrong("warranted"), wrong("face-value"))),
    Claim(LIMITS, "`control` has {} findings in use", lambda: in_use("control")),
    Claim(LIMITS, "Exact against sampled: {} of {} problems run, {} agree", agreement),
    Claim(LIMITS, "Simulation-based calibration: {} replications on the sparse and {} on the dense design, exact engine, "
          "{} fits failed a check. The sampled engine: {}, on the sparse design alone, {} of which failed one", replications),
    Claim("docs/comparison.md", "fits the eight schools in {} ms, our exact engine needs {} ms ({} times as long", speeds),
    Claim(RELIABILITY, "error is under 0.5 in 100", lambda: ()),
    Claim(RELIABILITY, "k-hat below {} and a Monte Carlo standard error of every P of at most {} (exact engine), or an R-hat of at most {}, "
          "effective sizes of {}, an E-BFMI of {} and no divergence", gates),
    Claim(RELIABILITY, "the exit code is 5", lambda: ()),
    Claim(RELIABILITY, "{} targets, {} walks each, all refused",
          lambda: tuple(constant("reliability/test_r07_pathological.py", name) for name in ("PATHOLOGICAL", "SEEDS"))),
    Claim(RELIABILITY, "that the exact engine refuses: {} of {} (goal at most 1 %)", refused_exact),
    Claim(RELIABILITY, "of the sampled engine: {} of {}, **missed** (goal at most 1 %)", lambda: replications()[:2:-1]),
    Claim(RELIABILITY, "against a run with {} times the draws, all {} pairs of `control`: largest difference {}, largest stated standard "
          "error {}, largest ratio {}",
          lambda: (*measured("all {} pairs, against {} times the draws")[::-1],
                   *measured("largest difference {}, largest reported error {}, largest ratio {} |"))),
    Claim(RELIABILITY, "Exact against sampled: {} of {} problems run. P agrees within .01 beyond three Monte Carlo errors in all {} where both "
          "passed their checks; quantiles agree in {} of them. **Missed** in {} problems", compared),
    Claim(RELIABILITY, "against closed forms, 1 to 50 studies: within 1e-10", lambda: ()),
    Claim(RELIABILITY, "Small cells read as normal against binomial, {} problems: beyond error P differs by at most {} (allowed .01)",
          lambda: (*measured("read as normal against binomial, {} problems"), *measured("beyond three Monte Carlo errors {} (allowed .01"))),
    Claim(RELIABILITY, "exact engine, {} replications on the sparse design and {} on the dense: {} bands broken and {} intervals poorly "
          "covered; smallest p {} (needed {}) and {} (needed {})", calibrated_exact),
    Claim(RELIABILITY, "The sampled engine, {} replications, on the sparse design alone: {} bands broken; smallest p {} (needed {})",
          calibrated_sampled),
    Claim(RELIABILITY, "Planted faults that break a band: {} of {}", lambda: (constant("validation/test_calibration.py", "FAULTS"),) * 2),
    Claim(RELIABILITY, "with {} degrees of freedom: 80 % intervals hold {} of the truths on the sparse design and {} on the dense (goal {})",
          lambda: (*measured("Student t with {} degrees of freedom (R20)"), *measured("1,000 replications: {} (se"),
                   *measured("`dense`, 300: {} (.017)"), *measured("fits failed a check (goal {})"))),
    Claim(RELIABILITY, "hidden outcomes {} of {} goals are **missed**", goals),
    Claim(RELIABILITY, "one machine: {} numbers with difference {} (goal 1e-9)",
          of_measured("the same bytes, {} numbers with difference {} (goal 1e-9)")),
    Claim(RELIABILITY, "seed and code, at least 20: each", lambda: ()),
    Claim(RELIABILITY, "Metamorphic laws: {} given the hyperparameters, {} examples each; {} through the whole engine, {} each: no violation",
          of_measured("metamorphic laws (R10): {} given the hyperparameters, {} examples each; {} through the whole engine, {} each")),
    Claim(RELIABILITY, "the promise is 1e-9 on documents", lambda: ()),
    Claim(RELIABILITY, "Every prior moved in turn, {} changes", lambda: (constant("analysis/test_fingerprint.py", "CHANGES"),)),
    Claim(RELIABILITY, "Random verdicts: {} with no contradiction", of_measured("| {} random verdicts: contradictions")),
    Claim(RELIABILITY, "scoringrules: within 1e-10. Contests that the truth wins: all of {}, by each of four scores (goal {} %)",
          lambda: (*measured("within 1e-10 (log density, CRPS"), *measured("1.65 in spread, {} contests"), *measured("by each of four scores (goal {} %)"))),
    Claim(RELIABILITY, "simulated: {} % of rows with a fault are caught, {} % of sound rows are flagged (goals 95 and 2 %)", slips),
    Claim(RELIABILITY, "{} processes killed while they write a registry: nothing lost. Two that write at once: {} of {} lines",
          lambda: (*measured("{} processes killed while they write"), *measured("{} of {} lines |"))),
    Claim(RELIABILITY, "chains: {} of a file, {} of a chain, all found (exit 3)",
          of_measured("{} of a frozen file and {} of a chain, a head and missing files")),
    Claim(RELIABILITY, "Exit 2, with file", lambda: ()),
    Claim(RELIABILITY, "(sizes of 1e308, errors of 0, empty and full cells, 500 studies)", lambda: ()),
    Claim(RELIABILITY, "the security list, {} of {} items with tests, {} later", security_items),
    Claim(RELIABILITY, "Stored files of version 0.1, {} of them", stored_files),
    Claim(RELIABILITY, "put in one at a time: {}, each found", named_faults),
    Claim(RELIABILITY, "that it names (goal at least 15)", lambda: ()),
    Claim(RELIABILITY, "a goal that is **not met**: {}.", not_met),
)  # fmt: skip
