"""The shipped evidence bases: what they hold, where it comes from, and that their READMEs say the same."""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from evidence.analysis.known_outcomes import known_contrast
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Finding
from evidence.io.models import load_model
from evidence.io.table_import import FILES, import_table
from evidence.io.tables import find_warnings, load_base, read_draft

ROOT = Path(__file__).parents[1]
CONTROL = ROOT / "data" / "control"
HARMBENCH = ROOT / "data" / "bridges" / "harmbench"
BRIDGE_FOLDERS = sorted(path.parent for path in (ROOT / "data" / "bridges").glob("*/base.toml"))
LITERATURE_FOLDERS = sorted(path.parent for path in (ROOT / "data").glob("*/base.toml"))
BASES = pytest.mark.parametrize("folder", [*LITERATURE_FOLDERS, *BRIDGE_FOLDERS], ids=lambda folder: folder.name)
BRIDGES = pytest.mark.parametrize("folder", BRIDGE_FOLDERS, ids=lambda folder: folder.name)
IMPORTED = pytest.mark.parametrize(
    "folder", [path for path in BRIDGE_FOLDERS if path != HARMBENCH], ids=lambda folder: folder.name
)
SHARED = Path(os.environ.get("EVIDENCE_SHARED_DATA", ROOT.parent / "shared" / "data"))
"""Source tables that are not part of the project: whole ones of the bridges, and those that may not be shipped."""
SOURCES = {
    "axbench": "axbench_steering",
    "circuit-breakers": "circuit_breakers_defences",
    "control-protocols": "ai_control_protocols",
    "harmbench-r2d2": "harmbench",
    "harmbench-scale": "harmbench",
    "wmdp-rmu": "wmdp_rmu",
}


def shared(path: str) -> Path:
    """A source table, or the test is skipped where it is not at hand."""
    if not (SHARED / path).is_file():
        pytest.skip(f"{path} is not part of the project; EVIDENCE_SHARED_DATA says where it is")
    return SHARED / path


def imported(source: Path, spec: Path, folder: Path) -> EvidenceBase:
    model = load_model(ROOT / "models" / "default.toml")
    return import_table(source, spec, folder, contrast=known_contrast, model=model).base


@pytest.fixture(scope="module")
def control() -> EvidenceBase:
    return load_base(CONTROL)


@pytest.fixture(scope="module")
def harmbench() -> EvidenceBase:
    return load_base(HARMBENCH)


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_harmbench", ROOT / "validation" / "build_harmbench.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written_findings(folder: Path) -> list[dict[str, str]]:
    """Every row of findings.csv, those at another price included."""
    with (folder / "findings.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def reliability_by_rule(note: str, source_kind: str) -> float:
    """The rule of data/control/README.md: q from the gap in points and the changes in brackets."""
    if "gap not stated" in note:
        base = 0.8
    else:
        found = re.search(r"gap ([\d.]+) points", note)
        assert found, f"no gap in the note: {note}"
        gap = float(found[1])
        base = 0.9 if gap >= 20 else 0.8 if gap >= 10 else 0.7 if gap >= 5 else 0.6
    changes = [float(change) for change in re.findall(r"\(([+-]\.\d+):", note)]
    assert (source_kind == "secondary") == (-0.05 in changes), note
    return round(base + sum(changes), 3)


@BASES
def test_a_shipped_base_loads_without_warnings(folder: Path) -> None:
    assert find_warnings(read_draft(folder)[0]) == ()


# Sizes: counted by hand in the tables. The primary target and the baseline are the first rows.
def test_control_has_its_stated_size(control: EvidenceBase) -> None:
    sizes = [len(rows) for rows in (control.techniques, control.families, control.settings, control.studies)]
    assert sizes == [16, 4, 9, 8]
    assert len(written_findings(CONTROL)) == 25
    assert control.techniques[0].id == "no-protocol"
    assert [target.novelty for target in control.question.targets] == [1.0, 0.5]


# 324 = 19 models x 16 attacks + 2 models x 10; 56 = 8 closed models x 7 attacks besides the direct request.
def test_harmbench_has_29_models_and_16_attacks(harmbench: EvidenceBase) -> None:
    assert len(harmbench.settings) + len(harmbench.question.targets) == 29
    assert len(harmbench.techniques) == 16
    assert harmbench.techniques[0].id == "DR"
    assert len(harmbench.findings) == 324
    assert len(harmbench.outcomes) == 56
    assert {target.novelty for target in harmbench.question.targets} == {0.5}


@BASES
def test_every_finding_names_its_place_and_how_it_was_read(folder: Path) -> None:
    for row in written_findings(folder):
        assert row["where"].strip(), row["id"]
        assert row["source_kind"] in {"full text", "abstract", "secondary", "derived"}, row["id"]


@BASES
def test_every_study_has_an_address_and_a_headline_that_is_used(folder: Path) -> None:
    base = load_base(folder)
    for study in base.studies:
        assert study.url.startswith("https://"), study.id
        assert base.finding(study.headline or "").study == study.id


def test_headlines_compare_protocols_wherever_the_study_does(control: EvidenceBase) -> None:
    headlines = {study.id: control.finding(study.headline or "") for study in control.studies}
    against_nothing = {key for key, finding in headlines.items() if finding.comparator == "no-protocol"}
    assert against_nothing == {"caldwell2026"}
    pair = headlines["greenblatt2023control"]
    assert (pair.technique, pair.comparator) == ("untrusted-monitoring", "trusted-monitoring")


@BASES
def test_every_gap_has_a_reason_of_some_words(folder: Path) -> None:
    base = load_base(folder)
    dimensions = {dimension.id for dimension in base.question.dimensions}
    for setting in base.settings:
        assert set(setting.gaps) == set(setting.reasons) == dimensions
        assert all(len(reason.split()) >= 5 for reason in setting.reasons.values()), setting.id


def test_no_outcome_leaks_into_the_findings(harmbench: EvidenceBase) -> None:
    targets = {target.id for target in harmbench.question.targets}
    assert {outcome.target for outcome in harmbench.outcomes} == targets
    assert targets.isdisjoint(finding.setting for finding in harmbench.findings)
    assert targets.isdisjoint(setting.id for setting in harmbench.settings)
    text = (HARMBENCH / "findings.csv").read_text(encoding="utf-8")
    assert not any(target in text for target in targets)


@BRIDGES
def test_a_bridge_knows_something_of_every_target_and_says_nothing_of_it_in_the_findings(folder: Path) -> None:
    base = load_base(folder)
    targets = {target.id for target in base.question.targets}
    assert {outcome.target for outcome in base.outcomes} == targets
    assert targets.isdisjoint(row["setting"] for row in written_findings(folder))
    assert base.techniques[0].id not in {outcome.technique for outcome in base.outcomes}
    assert all(target.reason for target in base.question.targets)


@BRIDGES
def test_the_baselines_part_of_an_outcomes_error_is_stated(folder: Path) -> None:
    for outcome in load_base(folder).outcomes:
        assert outcome.baseline_var_smd is not None
        assert 0 < outcome.baseline_var_smd < outcome.se_smd**2, (outcome.target, outcome.technique)


# The rule of docs/model.md, section 4: .25 for the same family and epoch, .5 for the same epoch.
@BRIDGES
def test_novelty_follows_the_rule(folder: Path) -> None:
    near = {"harmbench-scale", "harmbench-r2d2", "axbench"}
    expected = 0.25 if folder.name in near else 0.5
    assert {target.novelty for target in load_base(folder).question.targets} == {expected}


@IMPORTED
def test_a_bridge_is_what_its_spec_makes_of_its_source(folder: Path, tmp_path: Path) -> None:
    imported(folder / "source.csv", folder / "import.toml", tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


@IMPORTED
def test_a_shipped_source_holds_rows_of_the_table_it_comes_from(folder: Path) -> None:
    whole = shared(f"bridges/{SOURCES[folder.name]}.csv").read_text(encoding="utf-8").splitlines()
    lines = (folder / "source.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == whole[0]
    assert set(lines) <= set(whole)
    assert SOURCES[folder.name] == "harmbench" or lines == whole


def test_harmbench_is_what_its_builder_makes_of_the_table(builder: ModuleType, tmp_path: Path) -> None:
    builder.build(shared("bridges/harmbench.csv"), tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (HARMBENCH / path.name).read_bytes(), path.name


# Counted in the tables: 14 algorithms on 2 + 5 data sets; 4 attacks and one on open models alone; 141 of 143 effects.
@pytest.mark.parametrize(
    ("name", "table", "sizes", "odd"),
    [
        ("domainbed", "domainbed", (14, 2, 28, 65), []),
        ("jailbreakbench", "jailbreakbench", (5, 2, 10, 6), []),
        # An original study of six subjects, whose se is 1.15 SMD, and one that reports a difference of 3.9 SDs.
        ("replication", "replication_projects", (142, 4, 141, 141), ["0.577", "a difference of 3.93 SDs"]),
    ],
)
def test_a_local_table_becomes_a_bridge(
    name: str, table: str, sizes: tuple[int, ...], odd: list[str], tmp_path: Path
) -> None:
    spec = ROOT / "validation" / "local_bridges" / f"{name}.toml"
    base = imported(shared(f"local_bridges/{table}.csv"), spec, tmp_path / name)
    warnings = find_warnings(read_draft(tmp_path / name)[0])
    assert [re.search(r"found (.*?), wanted", warning)[1] for warning in warnings] == odd
    assert tuple(map(len, (base.techniques, base.settings, base.findings, base.outcomes))) == sizes
    assert {outcome.target for outcome in base.outcomes} == {target.id for target in base.question.targets}


@BASES
def test_the_sizes_told_are_those_of_the_tables(folder: Path) -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    (line,) = [x for x in text.splitlines() if x.startswith(f"| `{folder.relative_to(ROOT / 'data')}/`")]
    base = load_base(folder)
    counted = {"technique": base.techniques, "famil": base.families, "setting": base.settings}
    counted |= {"stud": base.studies, "finding": written_findings(folder), "target": base.question.targets}
    for word, rows in counted.items():
        assert re.search(rf"\b{len(rows)} {word}", line), (word, len(rows))


# Cells of Table 6 in Mazeika et al. 2024, arXiv:2402.04249 (per cent), typed from the published table.
@pytest.mark.parametrize(
    ("model", "attack", "percent"),
    [
        ("Llama 2 7B Chat", "GCG", 32.5),
        ("Llama 2 70B Chat", "DR", 2.8),
        ("Vicuna 13B", "AutoDAN", 65.5),
        ("Mixtral 8x7B", "TAP", 69.8),
        ("R2D2", "GCG", 5.5),
        ("R2D2", "UAT", 0.0),
    ],
)
def test_a_harmbench_arm_is_the_published_rate(
    harmbench: EvidenceBase, model: str, attack: str, percent: float
) -> None:
    finding = harmbench.finding(f"{model} {attack}")
    assert finding.rate == pytest.approx(percent / 100, abs=1e-12)
    assert finding.n == 400


# Closed form (Chinn 2000) on cells of the same table, in per cent of 400: (attack, direct request).
@pytest.mark.parametrize(
    ("target", "attack", "percents"),
    [
        ("GPT-4 0613", "PAIR", (39.3, 21.0)),
        ("Claude 2", "Human", (0.3, 2.0)),
        ("Gemini Pro", "TAP", (38.8, 18.0)),
    ],
)
def test_a_harmbench_outcome_is_the_log_odds_ratio_against_the_direct_request(
    harmbench: EvidenceBase, target: str, attack: str, percents: tuple[float, float]
) -> None:
    (outcome,) = [o for o in harmbench.outcomes if (o.target, o.technique) == (target, attack)]
    p, p0 = (percent / 100 for percent in percents)
    logit = math.log(p / (1 - p)) - math.log(p0 / (1 - p0))
    variance = 1 / (400 * p * (1 - p)) + 1 / (400 * p0 * (1 - p0))
    assert outcome.rate == pytest.approx(p, abs=1e-12)
    assert outcome.estimate_smd == pytest.approx(logit * 3**0.5 / math.pi, abs=1e-6)
    assert outcome.se_smd == pytest.approx((variance * 3) ** 0.5 / math.pi, abs=1e-6)
    assert outcome.baseline_var_smd == pytest.approx(3 / math.pi**2 / (400 * p0 * (1 - p0)), abs=1e-8)


# Identity: with a zero cell, +1/2 in all four; equal arms give 0 whatever the correction.
def test_the_builder_adds_one_half_to_all_cells_only_where_one_is_zero(builder: ModuleType) -> None:
    none = {"rate": "0", "n": "400"}
    some = {"rate": "0.1", "n": "400"}
    assert builder.contrast_smd(none, none)[0] == 0
    by_hand = builder.LOGIT_TO_SMD * math.log(0.5 * 360.5 / (400.5 * 40.5))
    assert builder.contrast_smd(none, some)[0] == pytest.approx(by_hand, rel=1e-12)


def test_the_builder_is_deterministic_and_never_writes_a_target_as_a_finding(
    builder: ModuleType, tmp_path: Path
) -> None:
    source = tmp_path / "source.csv"
    fields = "technique,model,behaviour_split,metric,estimate,n,higher_is_better,model_family,params_b,access"
    rows = [
        f"{attack},{model},{split},attack_success_rate_pct,{rate},400,1,{family},7,{access}"
        for model, family, access in (("Zephyr 7B", "Zephyr", "open"), ("GPT-4 0613", "GPT-4", "closed"))
        for attack, rate in (("PAIR", "39.3"), ("DR", "21.0"))
        for split in ("all", "standard")
    ]
    source.write_text("\n".join([fields, *rows]) + "\n", encoding="utf-8")
    texts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        builder.build(source, tmp_path / name)
        texts.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert texts[0] == texts[1]
    findings = (tmp_path / "first" / "findings.csv").read_text(encoding="utf-8")
    assert findings.count("\n") == 3
    assert "GPT-4" not in findings


def test_control_states_its_share_of_orders_and_assumed_n(control: EvidenceBase) -> None:
    rows = written_findings(CONTROL)
    readme = " ".join((CONTROL / "README.md").read_text(encoding="utf-8").split())
    kinds = Counter(row["kind"] for row in rows)
    own = sum("yes" in (row["own_technique"], row["own_comparator"]) for row in rows)

    def share(count: int) -> str:
        return f"({100 * count / len(rows):.0f} %)"

    orders = sum(row["kind"] in SIGN_KINDS for row in rows)
    assumed = sum(bool(row.get("assumed_n_lo")) for row in rows)
    secondary = sum(row["source_kind"] == "secondary" for row in rows)
    assert f"{orders} of 25 findings {share(orders)} are orders" in readme
    assert f"{assumed} of 25 {share(assumed)} rest on an assumed n" in readme
    assert f"{secondary} of 25 {share(secondary)} are known from a secondary source" in readme
    assert f"{kinds['effect']} is an effect with an interval and {kinds['counts']} are counts" in readme
    assert f"authors often rate their own protocol ({own} of 25)" in readme
    assert len(control.left_out) == 5


def test_harmbench_rests_on_no_assumed_n_and_no_order(harmbench: EvidenceBase) -> None:
    assert {finding.kind for finding in harmbench.findings} == {"proportion"}
    assert not any(finding.assumed_n_lo for finding in harmbench.findings)
    assert "no finding rests on an assumed n or a stated q" in (HARMBENCH / "README.md").read_text(encoding="utf-8")


def test_every_reliability_in_control_follows_the_stated_rule() -> None:
    orders = [row for row in written_findings(CONTROL) if row["kind"] == "order"]
    assert len(orders) == 22
    for row in orders:
        assert float(row["q"]) == reliability_by_rule(row["note"], row["source_kind"]), row["id"]


def test_a_stated_gap_is_the_difference_of_the_stated_scores() -> None:
    stated = 0
    for row in written_findings(CONTROL):
        found = re.search(r"safety ([\d.]+) vs ([\d.]+) %, gap ([\d.]+) points", row["note"])
        if found:
            high, low, gap = map(float, found.groups())
            assert high - low == pytest.approx(gap, abs=1e-9), row["id"]
            stated += 1
    assert stated == 19


def test_no_order_in_control_follows_from_the_others() -> None:
    """In each cell the orders form a forest: no chain of them joins the ends of another."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in written_findings(CONTROL):
        if row["kind"] != "order" or row["id"] in {"H3", "H4"}:
            continue  # left out by price, which breaks their circle with H2
        joined = cells.setdefault((row["study"], row["setting"]), {})
        a, b = _root(joined, row["technique"]), _root(joined, row["comparator"])
        assert a != b, row["id"]
        joined[a] = b


def test_contrasts_too_dear_are_left_out_and_listed(control: EvidenceBase) -> None:
    listed = {reason.split(":")[0] for reason in control.left_out}
    assert listed == {"K3", "K4", "H3", "H4", "C2"}
    assert listed.isdisjoint(finding.id for finding in control.findings)
    readme = (CONTROL / "README.md").read_text(encoding="utf-8")
    assert all(key in readme for key in listed)


def test_a_worst_case_score_is_never_a_proportion(control: EvidenceBase) -> None:
    def is_worst_case(finding: Finding) -> bool:
        return control.setting(finding.setting).family != "natural-test-cheating"

    assert {f.kind for f in control.findings if is_worst_case(f)} == {"order", "effect"}


# 100 sqrt(.61 x .39) = 48.775: the SD of a yes-or-no outcome at p = .61, in points.
def test_the_difference_in_points_is_scaled_by_the_sd_of_one_trajectory(control: EvidenceBase) -> None:
    finding = control.finding("L2")
    assert finding.unit_sd == pytest.approx(100 * (0.61 * 0.39) ** 0.5, abs=0.03)
    assert (finding.estimate, finding.ci_lo, finding.ci_hi) == (-2.6, -11.2, 6.0)


def _root(joined: dict[str, str], name: str) -> str:
    while name in joined:
        name = joined[name]
    return name
