"""Findings as plausible papers would give them, filled in as `evidence add` asks for them, and faults of extraction.

Written before the checks of `evidence.domain.plausibility` and from what papers print, not from what the checks look
for: nothing here is taken from them. Sizes: true effects N(.5, .5^2) SMD in the technique's favour; 30 to 1,000
observations per arm, log-uniform; one table of means in seven is over a handful of seeds. Standard errors of effects
carry a log-normal factor for adjustment, pairing and clustering, and the ends of intervals the noise of a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from evidence.domain.records import Finding, Setting

PHI = NormalDist()
LOGIT_PER_SMD = math.pi / math.sqrt(3)

# (what is measured, larger is better)
SHARES = (
    ("attack success rate", False),
    ("share of harmful requests complied with", False),
    ("share of tasks solved", True),
    ("accuracy", True),
    ("refusals of harmful requests", True),
    ("safety at an audit budget of 2 %", True),
    ("backdoored solutions submitted", False),
    ("false positive rate at 95 % recall", False),
    ("answers judged honest", True),
    ("cheating on impossible tasks", False),
)
# (what is measured, larger is better, lowest and highest score there can be)
SCORES = (
    ("harmfulness, judged 1 to 10", False, 1.0, 10.0),
    ("helpfulness, judged 1 to 10", True, 1.0, 10.0),
    ("overall steering score", True, 0.0, 2.0),
    ("StrongREJECT score", False, 0.0, 1.0),
    ("toxicity, 0 to 100", False, 0.0, 100.0),
    ("benchmark score, 0 to 100", True, 0.0, 100.0),
    ("loss on held-out secrets", False, 0.0, None),
    ("queries until the first jailbreak", True, 0.0, None),
    ("episode reward", True, None, None),
)
KINDS = {"counts": 0.35, "means": 0.25, "effect": 0.25, "auroc": 0.08, "order": 0.07}
SCALES = {"smd": 0.4, "logit": 0.3, "raw": 0.25, "probit": 0.05}


@dataclass(frozen=True)
class Entry:
    """One row as typed, the setting it names, and the rows of the same paper that stand already."""

    values: dict[str, Any]
    setting: Setting
    others: tuple[Finding, ...]

    def finding(self) -> Finding:
        """The row as a record; ValueError where the record itself refuses it."""
        return Finding(**self.values)


def clean_entry(rng: np.random.Generator, number: int) -> Entry:
    """A row of a plausible paper, the last of one to three rows in one setting."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    outcome, better, bounds = _outcome(rng, kind)
    setting = _setting(outcome)
    names = ["editing", "monitoring", "auditing"]
    rng.shuffle(names)
    rows = [
        _row(rng, kind, better, bounds)
        | {"id": f"r{number}-{i}", "study": f"paper{number}", "setting": setting.id, "technique": name}
        for i, name in enumerate(names[: rng.integers(1, 4)])
    ]
    return Entry(rows[-1], setting, tuple(Finding(**row) for row in rows[:-1]))


def _outcome(rng: np.random.Generator, kind: str) -> tuple[str, bool, tuple[float | None, float | None]]:
    if kind in {"means", "effect"}:
        name, better, lo, hi = SCORES[rng.integers(len(SCORES))]
        return name, better, (lo, hi)
    if kind == "auroc":
        return "AUROC of the detector", True, (None, None)
    name, better = SHARES[rng.integers(len(SHARES))]
    return name, better, (None, None)


def _setting(outcome: str) -> Setting:
    return Setting(
        id="arena", name="Arena", family="f", environment="tasks", model_family="m", outcome=outcome, gaps={}, reasons={}
    )  # fmt: skip


def _row(
    rng: np.random.Generator, kind: str, better: bool, bounds: tuple[float | None, float | None]
) -> dict[str, Any]:
    d = rng.normal(0.5, 0.5)
    sign = 1 if better else -1
    numbers, z = {"counts": _counts, "means": _means, "effect": _effect, "auroc": _auroc, "order": _order}[kind](
        rng, sign * d, bounds
    )
    z = abs(d) * 5 * np.sign(z) if kind == "order" else sign * z  # an order is stated of what is seen in points
    return {
        "comparator": "nothing", "kind": kind, "higher_is_better": better, **numbers,
        **({"ahead": "technique"} if kind == "order" else _words(rng, z, numbers, better)),
        "own_technique": bool(rng.random() < 0.6), "where": f"Table {rng.integers(1, 9)}, p. {rng.integers(3, 20)}",
        "source_kind": "full text",
    }  # fmt: skip


def _words(rng: np.random.Generator, z: float, numbers: dict[str, Any], better: bool) -> dict[str, Any]:
    """Who came out ahead, and, where the paper says neither, whose printed number is the better one.

    Authors name a winner from z = 1.96 on, in three of four papers from 1.64, and in half of them below.
    """
    named = 1.0 if abs(z) >= 1.96 else 0.75 if abs(z) >= 1.64 else 0.5
    if rng.random() < named:
        return {"ahead": "technique" if z > 0 else "comparator"}
    difference = _printed_difference(numbers) * (1 if better else -1)
    slightly = {"nominal": "technique" if difference > 0 else "comparator"} if difference else {}
    return {"ahead": "neither", **slightly}


def _printed_difference(v: dict[str, Any]) -> float:
    if "k" in v:
        return v["k"] * v["n0"] - v["k0"] * v["n"]
    if "auc" in v:
        return v["auc"] - 0.5
    return v["estimate"] if "estimate" in v else v["mean"] - v["mean0"]


def _n(rng: np.random.Generator) -> int:
    return round(math.exp(rng.uniform(math.log(30), math.log(1000))))


def _counts(rng: np.random.Generator, d: float, _bounds: object) -> tuple[dict[str, Any], float]:
    n = _n(rng)
    n0 = n if rng.random() < 0.7 else _n(rng)
    logit0 = rng.normal(0, 1.2)
    k0 = int(rng.binomial(n0, _expit(logit0)))
    k = int(rng.binomial(n, _expit(logit0 + d * LOGIT_PER_SMD)))
    p, p0 = (k + 0.5) / (n + 1), (k0 + 0.5) / (n0 + 1)
    return {"k": k, "n": n, "k0": k0, "n0": n0}, (p - p0) / math.sqrt(p * (1 - p) / n + p0 * (1 - p0) / n0)


def _means(
    rng: np.random.Generator, d: float, bounds: tuple[float | None, float | None]
) -> tuple[dict[str, Any], float]:
    n = int(rng.choice([3, 5, 10])) if rng.random() < 0.15 else _n(rng)
    mean0, sd0 = _level(rng, bounds, seeds=n <= 10)
    sd = sd0 * math.exp(rng.normal(0, 0.1))
    mean = mean0 + d * sd0
    lo, hi = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    typed = [float(m + rng.normal(0, s / math.sqrt(n))) for m, s in ((mean, sd), (mean0, sd0))]
    # A score near its end has little room to vary: no scores have a larger SD than those all at the ends.
    room = [0.95 * math.sqrt((m - lo) * (hi - m)) if lo < m < hi < math.inf else math.inf for m in typed]
    spread = [min(s, r) for s, r in zip((sd, sd0), room, strict=True)]
    if not all(lo < m < hi for m in typed):
        return _means(rng, d, bounds)
    numbers = {
        "mean": _printed(typed[0], sd0), "sd": _printed(spread[0], spread[0]),
        "mean0": _printed(typed[1], sd0), "sd0": _printed(spread[1], spread[1]),
        "n": n, "n0": n, "score_lo": bounds[0], "score_hi": bounds[1],
    }  # fmt: skip
    return numbers, (typed[0] - typed[1]) / math.hypot(spread[0], spread[1]) * math.sqrt(n)


def _level(rng: np.random.Generator, bounds: tuple[float | None, float | None], *, seeds: bool) -> tuple[float, float]:
    """Mean and SD of the comparator's scores: over items, or over seeds, whose means vary little."""
    lo, hi = bounds
    less = 0.15 if seeds else 1.0
    if lo is None:
        scale = 10 ** rng.uniform(-1, 2)
        return rng.normal(0, 1.5) * scale, scale * less
    if hi is None:
        mean = 10 ** rng.uniform(-0.5, 2)
        return mean, mean * math.exp(rng.normal(math.log(0.4), 0.4)) * less
    share = rng.beta(2.5, 2.5)
    return lo + share * (hi - lo), rng.uniform(0.2, 0.95) * math.sqrt(share * (1 - share)) * (hi - lo) * less


def _effect(rng: np.random.Generator, d: float, _bounds: object) -> tuple[dict[str, Any], float]:
    scale = str(rng.choice(list(SCALES), p=list(SCALES.values())))
    n = _n(rng)
    n0 = n if rng.random() < 0.6 else _n(rng)
    factor = math.exp(rng.normal(0, 0.2))
    unit = 1.0
    if scale == "logit":
        logit0 = rng.normal(0, 1)
        p0, p = _expit(logit0), _expit(logit0 + d * LOGIT_PER_SMD)
        se, centre = math.sqrt(1 / (n * p * (1 - p)) + 1 / (n0 * p0 * (1 - p0))), d * LOGIT_PER_SMD
    elif scale == "probit":
        z0 = rng.normal(0, 0.7)
        se, centre = math.hypot(_probit_se(z0 + d, n), _probit_se(z0, n0)), d
    else:
        unit = 10 ** rng.uniform(-1, 1.5) if scale == "raw" else 1.0
        se, centre = unit * math.sqrt(1 / n + 1 / n0 + d * d / (2 * (n + n0))), d * unit
    se *= factor
    estimate = rng.normal(centre, se)
    numbers: dict[str, Any] = {"scale": scale, "estimate": _printed(estimate, se), "n": n, "n0": n0}
    if scale == "raw":
        numbers["unit_sd"] = _printed(unit, unit)
    if rng.random() < 0.5:
        numbers["se"] = _printed(se, se)
    else:
        ends = [estimate + side * 1.96 * se + rng.normal(0, 0.08) * se for side in (-1, 1)]
        numbers |= {"ci_lo": _printed(ends[0], se), "ci_hi": _printed(ends[1], se)}
    return numbers, estimate / se


def _auroc(rng: np.random.Generator, d: float, _bounds: object) -> tuple[dict[str, Any], float]:
    n_pos, n_neg = _n(rng), _n(rng)
    se = math.sqrt(1 / n_pos + 1 / n_neg)
    seen = rng.normal(d, se)
    auc = round(min(max(PHI.cdf(seen / math.sqrt(2)), 0.01), 0.99), 3)
    return {"auc": auc, "n_pos": n_pos, "n_neg": n_neg}, seen / se


def _order(rng: np.random.Generator, _d: float, _bounds: object) -> tuple[dict[str, Any], float]:
    return {"q": float(rng.choice([0.6, 0.7, 0.8, 0.9]))}, 1.0


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _probit_se(z: float, n: int) -> float:
    p = PHI.cdf(z)
    return math.sqrt(p * (1 - p) / n) / PHI.pdf(z)


def _printed(x: float, scale: float) -> float:
    """To two digits of `scale`, as tables print."""
    return round(float(x), 1 - math.floor(math.log10(scale)))


# Faults. Each takes an entry and gives it back as a hurried reader would have typed it.


def _both(values: dict[str, Any], change: Callable[[float, int], float], rng: np.random.Generator) -> dict[str, Any]:
    """Change the spreads of both arms, or in three of ten rows of one."""
    arms = [("sd", "n"), ("sd0", "n0")]
    if rng.random() < 0.3:
        arms = [arms[rng.integers(2)]]
    return values | {sd: change(values[sd], values[n]) for sd, n in arms}


def _with_se(values: dict[str, Any], factor: float) -> dict[str, Any]:
    if "se" in values:
        return values | {"se": values["se"] * factor}
    middle, half = (values["ci_hi"] + values["ci_lo"]) / 2, (values["ci_hi"] - values["ci_lo"]) / 2
    return values | {"ci_lo": middle - factor * half, "ci_hi": middle + factor * half}


def _pooled(values: dict[str, Any]) -> float:
    return values["n"] * values["n0"] / (values["n"] + values["n0"])


def se_typed_as_sd(entry: Entry, rng: np.random.Generator) -> dict[str, Any]:
    """The paper prints standard errors, the form asks for SDs; or an se is divided by the root of n once more."""
    v = entry.values
    if v["kind"] == "means":
        return _both(v, lambda sd, n: sd / math.sqrt(n), rng)
    if v["scale"] == "raw":
        return v | {"unit_sd": v["unit_sd"] / math.sqrt(v["n"])}
    return _with_se(v, 1 / math.sqrt(_pooled(v)))


def sd_typed_as_se(entry: Entry, rng: np.random.Generator) -> dict[str, Any]:
    """The paper prints SDs, read as standard errors: of a mean, which becomes an SD again, or of an effect."""
    v = entry.values
    if v["kind"] == "means":
        return _both(v, lambda sd, n: sd * math.sqrt(n), rng)
    return _with_se(v, math.sqrt(_pooled(v)))


def sign_flipped(entry: Entry, _rng: np.random.Generator) -> dict[str, Any]:
    """Comparator minus technique, failures for successes, the curve upside down."""
    v = entry.values
    if v["kind"] == "counts":
        return v | {"k": v["n"] - v["k"], "k0": v["n0"] - v["k0"]}
    if v["kind"] == "auroc":
        return v | {"auc": 1 - v["auc"]}
    return arms_swapped(entry, _rng)


def arms_swapped(entry: Entry, _rng: np.random.Generator) -> dict[str, Any]:
    """The numbers of one arm typed for the other."""
    v = entry.values
    pairs = {"counts": (("k", "k0"), ("n", "n0")), "means": (("mean", "mean0"), ("sd", "sd0"), ("n", "n0"))}
    if v["kind"] in pairs:
        return v | {a: v[b] for pair in pairs[v["kind"]] for a, b in (pair, pair[::-1])}
    if v["kind"] == "effect":
        ends = {"ci_lo": -v["ci_hi"], "ci_hi": -v["ci_lo"]} if "ci_lo" in v else {}
        return v | {"estimate": -v["estimate"], **ends}
    if v["kind"] == "auroc":
        return v | {"auc": 1 - v["auc"]}
    return v | {"ahead": "comparator"}  # the paper has it the other way round than the order says


def direction_flipped(entry: Entry, _rng: np.random.Generator) -> dict[str, Any]:
    """Larger is better, typed where smaller is."""
    return entry.values | {"higher_is_better": not entry.values["higher_is_better"]}


def interval_of_something_else(entry: Entry, rng: np.random.Generator) -> dict[str, Any]:
    """The interval of another row of the table, a lost minus sign, or the interval of the ratio beside its log."""
    v = entry.values
    half = (v["ci_hi"] - v["ci_lo"]) / 2
    unit = v.get("unit_sd", LOGIT_PER_SMD if v["scale"] == "logit" else 1.0)
    draw = rng.random()
    if draw < 0.25 and v["scale"] == "logit":
        return v | {"ci_lo": math.exp(v["ci_lo"]), "ci_hi": math.exp(v["ci_hi"])}
    if draw < 0.4 and v["ci_lo"] * v["ci_hi"] < 0:
        return v | {"ci_lo": abs(v["ci_lo"])} if v["ci_hi"] > -v["ci_lo"] else v | {"ci_hi": -v["ci_hi"]}
    # Another technique's effect is another draw of N(.5, .5^2), its sample another one or the same.
    other = rng.normal(0.5, 0.5) * unit * (1 if v["higher_is_better"] else -1)
    half *= 1.0 if rng.random() < 0.7 else math.exp(rng.normal(0, 0.7))
    se = half / 1.96
    return v | {"ci_lo": _printed(other - half, se), "ci_hi": _printed(other + half, se)}


def entered_twice(entry: Entry, rng: np.random.Generator) -> dict[str, Any]:
    """The same result again: as it stands, under another label, or from the other side."""
    v = entry.values
    draw = rng.random()
    if draw < 0.5:
        return v | {"id": "again"}
    if draw < 0.75:
        return v | {"id": "again", "variant": "at the usual budget"}
    mirrored = v if v["kind"] == "order" else arms_swapped(entry, rng)
    other_side = {"technique": "comparator", "comparator": "technique", "neither": "neither"}
    said = {name: other_side[v[name]] for name in ("ahead", "nominal") if name in v and v["kind"] != "order"}
    return mirrored | {
        "id": "again", "technique": v["comparator"], "comparator": v["technique"], "own_technique": False, **said,
    }  # fmt: skip


FAULTS: dict[str, tuple[Callable[[Entry, np.random.Generator], dict[str, Any]], Callable[[dict[str, Any]], bool]]] = {
    # name: (the fault, the rows it can befall)
    "se typed as sd": (se_typed_as_sd, lambda v: v["kind"] in {"means", "effect"}),
    "sd typed as se": (sd_typed_as_se, lambda v: v["kind"] in {"means", "effect"}),
    "sign flipped": (sign_flipped, lambda v: v["kind"] != "order"),
    "arms swapped": (arms_swapped, lambda v: True),
    "direction flipped": (direction_flipped, lambda v: v["kind"] != "order"),
    "interval of something else": (interval_of_something_else, lambda v: "ci_lo" in v),
    "entered twice": (entered_twice, lambda v: True),
}


def seeded(rng: np.random.Generator, number: int) -> tuple[str, Entry, Entry]:
    """The fault's name, a clean entry that it can befall, and the entry with the fault; faults take turns."""
    name = list(FAULTS)[number % len(FAULTS)]
    fault, befalls = FAULTS[name]
    clean = clean_entry(rng, number)
    while not befalls(clean.values):
        clean = clean_entry(rng, number)
    others = clean.others
    if name == "entered twice":
        others = (*others, clean.finding())
    return name, clean, Entry(fault(clean, rng), clean.setting, others)
