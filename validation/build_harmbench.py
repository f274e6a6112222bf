"""Write data/bridges/harmbench from a table of HarmBench's published attack success rates.

    python validation/build_harmbench.py SOURCE.csv data/bridges/harmbench

SOURCE.csv has one row per (attack, model, behaviour split) with the columns technique, model,
behaviour_split, metric, estimate (per cent), n, higher_is_better, model_family, params_b and access; its
figures are Table 6 of Mazeika et al. 2024 (arXiv:2402.04249). Written are settings.csv, findings.csv and
outcomes.csv; the gap ratings follow the rules below, which know a model's name and size and no score. The
other files of the folder are written by hand and left alone. The same source gives the same bytes.
"""

from __future__ import annotations

import csv
import math
import sys
from decimal import Decimal
from pathlib import Path

BASELINE = "DR"
PAPER = "arXiv:2402.04249, Table 6"
STUDY = "mazeika2024harmbench"
RENAMED = {"R2D2 (Ours)": "R2D2"}
RENAMED_FAMILY = {"Zephyr+R2D2": "R2D2"}
LOGIT_TO_SMD = math.sqrt(3) / math.pi

ACCESS = (
    "some",
    "weights in hand: attacks may follow the gradient and nothing stands before the model; "
    "a closed model is reached by queries or transfer, behind an interface that may filter",
)
LARGE = (
    "some",
    "a 70B-class open model: below GPT-4 on public benchmarks of its year, near GPT-3.5",
)
SMALL = ("major", "at most 14B parameters: well below GPT-4 on every public benchmark of its year")
LARGE_SIZES = {"70", "72", "8x7"}
SAFETY_TRAINING = {
    "Llama 2": ("none", "published safety tuning: RLHF with a safety reward model, and red-teaming"),
    "Vicuna": ("major", "imitates shared ChatGPT conversations: refuses as far as those do"),
    "Baichuan 2": ("some", "safety data in pre-training and alignment reported; red-teaming less wide"),
    "Qwen": ("some", "RLHF with attention to safety reported; red-teaming less wide"),
    "Koala": ("major", "imitates dialogue data; a research preview without safety training of its own"),
    "Orca 2": ("major", "imitates the reasoning of GPT-4; no RLHF and no safety tuning reported"),
    "SOLAR": ("major", "instruction tuning and DPO for helpfulness; no safety training reported"),
    "Mistral": ("major", "instruction tuned; its authors state that it has no moderation mechanism"),
    "OpenChat": ("major", "tuned on chat data for helpfulness; no safety training reported"),
    "Starling": ("some", "AI feedback on helpfulness and harmlessness; no red-teaming reported"),
    "Zephyr": ("major", "DPO for helpfulness; its authors name missing safety alignment as a limit"),
    "R2D2": ("some", "trained hard, but against one optimiser of attacks (GCG) only"),
}

SETTING_COLUMNS = (
    "id,name,family,environment,model_family,size,adversary,outcome,"
    "gap_access,why_access,gap_capability,why_capability,gap_safety_training,why_safety_training"
)
FINDING_COLUMNS = "id,study,setting,technique,comparator,kind,higher_is_better,rate,n,where,source_kind"
OUTCOME_COLUMNS = "target,technique,estimate_smd,se_smd,baseline_var_smd,rate,n,where"

type Cell = tuple[str, str]  # (model, attack)
type Row = dict[str, str]


def read_rates(source: Path) -> dict[Cell, Row]:
    """Rows of the split "all", keyed by (model, attack), in file order."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["behaviour_split"] == "all"]
    for row in rows:
        if row["metric"] != "attack_success_rate_pct" or row["higher_is_better"] != "1":
            raise SystemExit(f"{source}: {row['model']}: wanted attack_success_rate_pct, higher is better")
        row["model"] = RENAMED.get(row["model"], row["model"])
        row["model_family"] = RENAMED_FAMILY.get(row["model_family"], row["model_family"])
        row["rate"] = str((Decimal(row["estimate"]) / 100).normalize() + 0)
    return {(row["model"], row["technique"]): row for row in rows}


def setting_row(row: Row) -> list[str]:
    """One open model as a proxy, with its gaps."""
    size = row["params_b"] or "7"
    capability = LARGE if size in LARGE_SIZES else SMALL
    gaps = (ACCESS, capability, SAFETY_TRAINING[row["model_family"]])
    name = "Zephyr 7B + R2D2" if row["model"] == "R2D2" else row["model"]
    who = [row["model"], name, row["model_family"], "HarmBench, 400 text behaviours", row["model_family"]]
    what = [f"{size}B", "the attack itself", "attack success rate"]
    return [*who, *what, *(x for gap in gaps for x in gap)]


def finding_row(row: Row) -> list[str]:
    """One attack on one open model: an arm."""
    place = f"{PAPER}, row {row['model']}, column {row['technique']}"
    cell = [row["model"], row["technique"]]
    return [" ".join(cell), STUDY, *cell, "", "proportion", "yes", row["rate"], row["n"], place, "full text"]


def contrast_smd(row: Row, base: Row) -> tuple[float, float]:
    """Log odds ratio against the direct request and its se, in SMD; +1/2 to all four cells where one is 0."""
    n, n0 = int(row["n"]), int(base["n"])
    k, k0 = float(row["rate"]) * n, float(base["rate"]) * n0
    cells = [k, n - k, k0, n0 - k0]
    if min(cells) == 0:
        cells = [c + 0.5 for c in cells]
    a, b, c, d = cells
    return LOGIT_TO_SMD * math.log(a * d / (b * c)), LOGIT_TO_SMD * math.sqrt(sum(1 / x for x in cells))


def baseline_var_smd(base: Row) -> float:
    """Variance (SMD^2) that the contrasts of one model share: the direct request's, (3/pi^2)(1/k0 + 1/(n - k0))."""
    n = int(base["n"])
    k = float(base["rate"]) * n
    return LOGIT_TO_SMD**2 * (1 / k + 1 / (n - k))


def outcome_row(row: Row, base: Row) -> list[str]:
    """One attack on one closed model against the direct request on that model."""
    estimate, se = contrast_smd(row, base)
    place = f"{PAPER}, row {row['model']}, columns {row['technique']} and {BASELINE}"
    place += f" ({BASELINE} rate {base['rate']}, n {base['n']})"
    numbers = [f"{estimate:.6f}", f"{se:.6f}", f"{baseline_var_smd(base):.8f}"]
    return [row["model"], row["technique"], *numbers, row["rate"], row["n"], place]


def write_table(path: Path, header: str, rows: list[list[str]]) -> None:
    """Write a CSV with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def build(source: Path, folder: Path) -> None:
    """Write settings.csv, findings.csv and outcomes.csv."""
    rates = read_rates(source)
    proxies = [row for row in rates.values() if row["access"] == "open"]
    one_row_per_model = {row["model"]: row for row in proxies}
    targets = [row for row in rates.values() if row["access"] == "closed" and row["technique"] != BASELINE]
    settings = [setting_row(row) for row in one_row_per_model.values()]
    outcomes = [outcome_row(row, rates[row["model"], BASELINE]) for row in targets]
    write_table(folder / "settings.csv", SETTING_COLUMNS, settings)
    write_table(folder / "findings.csv", FINDING_COLUMNS, [finding_row(row) for row in proxies])
    write_table(folder / "outcomes.csv", OUTCOME_COLUMNS, outcomes)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    build(Path(sys.argv[1]), Path(sys.argv[2]))
