"""Other people's tables: the examples of docs/tables.md, and what is refused."""

import csv
import math
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bases import write_base
from evidence.analysis.summary import meta_rows
from evidence.cli import app
from evidence.domain.errors import BadInput
from evidence.io.mapped_import import import_mapped
from evidence.io.mapped_rows import auc_of
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.io.tables import load_base
from evidence.model.effects import effect_of
from evidence.report.summary import meta_csv

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tables.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```\w+ example=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
DEFAULT = load_model(find_model("default"))


@pytest.fixture
def example(tmp_path):
    """Imports an example of the page, its table or mapping changed, onto the tiny base."""
    write_base(tmp_path / "frame")

    def run(name, *, table=None, change=(), kind=None, folder="out"):
        path = tmp_path / f"{name}.csv"
        path.write_text(table or EXAMPLES[f"{name}.csv"], encoding="utf-8")
        text = EXAMPLES[f"{name}.toml"]
        for old, new in change:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return import_mapped(path, tmp_path / f"{name}.toml", tmp_path / folder, model=DEFAULT, kind=kind)

    return run


def numbers(findings, *fields):
    return [tuple(getattr(f, field) for field in fields) for f in findings]


def test_yi_and_vi_are_effects(example):
    base = example("effects")
    assert numbers(base.findings, "study", "technique", "estimate") == [("Ada", "monitor", 0.42), ("Bo", "audit", -0.1)]
    # se = sqrt(vi), by the definition of a sampling variance.
    assert [f.se for f in base.findings] == [math.sqrt(0.05), math.sqrt(0.02)]
    assert numbers(base.studies, "id", "title", "year") == [("Ada", "Ada 2024", 2024), ("Bo", "Bo 2025", 2025)]


def test_log_odds_ratios_are_on_the_logit_scale_and_sei_stands_for_vi(example):
    change = [('kind = "effects"', 'kind = "effects"\nmeasure = "logOR"'), ('vi = "vi"', 'sei = "vi"')]
    base = example("effects", change=change)
    assert numbers(base.findings, "scale", "se") == [("logit", 0.05), ("logit", 0.02)]


def test_events_and_totals_are_counts(example):
    base = example("counts")
    wanted = [("counts", 12, 100, 31, 100), ("counts", 0, 40, 6, 41)]
    assert numbers(base.findings, "kind", "k", "n", "k0", "n0") == wanted


def test_means_of_two_arms_are_means(example):
    table = "Study,m,s,n,m0,s0,n0\nAda,5.1,1.2,24,4.3,1.5,30\n"
    fields = ("mean", "sd", "n", "mean0", "sd0", "n0")
    columns = "".join(
        f'{field} = "{name}"\n' for field, name in zip(fields, table.split(maxsplit=1)[0].split(",")[1:], strict=True)
    )
    old = EXAMPLES["counts.toml"]
    counts = old[old.index("k = ") : old.index("\n[values]")]
    change = [
        ('kind = "counts"', 'kind = "means"'),
        (counts, columns),
        ("higher_is_better = false", "higher_is_better = true"),
    ]
    effect = effect_of(example("counts", table=table, change=change).findings[0])
    # metafor 3.8-1 (R 4.2.2), SMD, as in tests/model/test_effects.py.
    assert effect.y == pytest.approx(0.5732116140049494, rel=1e-12)
    assert math.exp(effect.log_var_lo) == pytest.approx(0.07804232920768665, rel=1e-12)


def test_arms_stay_arms_and_names_are_translated(example):
    base = example("arms")
    assert [f.comparator for f in base.findings] == [None] * 5
    assert numbers(base.findings, "study", "technique", "k", "n") == [
        ("Ada", "none", 31, 100), ("Ada", "monitor", 12, 100), ("Ada", "audit", 20, 100),
        ("Bo", "none", 9, 50), ("Bo", "audit", 4, 52),
    ]  # fmt: skip


def test_arms_with_means_are_in_units_of_the_pooled_sd(example):
    table = "study,treatment,responders,sampleSize,m,s\nAda,Placebo,,10,1,2\nAda,monitor,,30,3,4\n"
    base = example("arms", table=table, change=[('k = "responders"', 'mean = "m"\nsd = "s"')])
    # Pooled SD by its definition: sqrt((9 * 2^2 + 29 * 4^2) / 38).
    pooled = math.sqrt(500 / 38)
    none, monitor = base.findings
    assert (none.unit_sd, monitor.unit_sd) == (pooled, pooled)
    assert (none.se, monitor.se) == (2 / math.sqrt(10), 4 / math.sqrt(30))
    # A standardised mean difference without bias correction.
    assert effect_of(monitor).y - effect_of(none).y == pytest.approx(-2 / pooled, rel=1e-12)


def test_an_n_for_all_arms_may_be_a_value_and_a_bad_one_is_named(example):
    table = "study,treatment,m,s\nAda,Placebo,1,2\nAda,monitor,3,4\n"
    change = [('k = "responders"\nn = "sampleSize"', 'mean = "m"\nsd = "s"'), ("[values]", "[values]\nn = 25")]
    assert [f.se for f in example("arms", table=table, change=change).findings] == [2 / 5, 4 / 5]
    with pytest.raises(BadInput, match=r"arms\.csv:2:n: found nothing, wanted a number: every arm needs"):
        example("arms", table=table, change=[change[0], ("[values]", "[values]\nn = 1")], folder="no")


def test_findings_of_any_kind_come_by_field(example):
    base = example("findings")
    assert numbers(base.findings, "kind", "q", "where") == [("order", 0.7, "p. 3"), ("order", 0.8, "p. 9")]


def test_the_probes_scores_become_one_auroc_finding(example):
    table = (DOCS / "examples" / "probe-scores.csv").read_text(encoding="utf-8")
    finding = example("probe", table=table, kind="auroc").findings[-1]
    cases = [(row["label"], float(row["score"])) for row in csv.DictReader(table.splitlines())]
    wins = [(p > n) + (p == n) / 2 for a, p in cases for b, n in cases if (a, b) == ("1", "0")]
    assert (finding.kind, finding.n_pos, finding.n_neg) == ("auroc", 100, 100)
    assert finding.auc == pytest.approx(sum(wins) / len(wins), rel=1e-12)  # every pair, one by one
    effect = effect_of(finding)
    printed = f"{finding.auc:.4f} with 100 positive and 100 negative cases: {effect.y:.3f} SMD, standard error "
    printed += f"{math.exp(effect.log_var_lo / 2):.3f}."
    assert printed in PAGE


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2).filter(lambda c: len({p for p, _ in c}) == 2))
def test_an_auc_is_the_share_of_pairs_in_order(cases):
    positive, negative = [s for p, s in cases if p], [s for p, s in cases if not p]
    pairs = [(a > b) + (a == b) / 2 for a in positive for b in negative]
    assert auc_of(positive, negative) == pytest.approx(sum(pairs) / len(pairs), rel=1e-12)


def test_a_base_keeps_its_own_findings_unless_told(example, tmp_path):
    own = load_base(tmp_path / "frame").findings
    with pytest.raises(BadInput) as error:
        example("effects", change=[("only = true\n", "")])
    assert "effects.csv:2:higher_is_better: found yes, wanted one direction per setting" in str(error.value)
    base = example("effects", change=[("only = true\n", ""), ('setting = "jailbreak"', 'setting = "sleeper"')])
    assert base.findings[: len(own)] == own
    assert len(base.findings) == len(own) + 2
    assert base.outcomes == load_base(tmp_path / "frame").outcomes


def test_parquet_reads_as_csv_does(example, tmp_path):
    wanted = example("counts")
    pd.read_csv(tmp_path / "counts.csv").to_parquet(tmp_path / "counts.parquet")
    found = import_mapped(tmp_path / "counts.parquet", tmp_path / "counts.toml", tmp_path / "again", model=DEFAULT)
    assert found == wanted
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadInput, match="a readable Parquet file"):
        import_mapped(tmp_path / "bad.parquet", tmp_path / "counts.toml", tmp_path / "no", model=DEFAULT)


def test_without_pyarrow_parquet_is_refused_with_what_to_do(example, tmp_path, monkeypatch):
    example("counts")
    (tmp_path / "counts.parquet").write_bytes(b"PAR1")

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadInput, match=r"pip install 'evidence\[tables\]'"):
        import_mapped(tmp_path / "counts.parquet", tmp_path / "counts.toml", tmp_path / "no", model=DEFAULT)


def test_metafors_table_comes_back_as_the_same_effects(example, tmp_path):
    base = load_base(tmp_path / "frame")
    rows = meta_rows(base)
    contrasts = [row for row in rows.rows if row.comparator]
    assert rows.signs == ("f5", "f6", "f7")
    table = meta_csv(rows.model_copy(update={"rows": tuple(contrasts)}))
    columns = "".join(f'{c} = "{c}"\n' for c in ("study", "setting", "technique", "comparator", "yi", "vi"))
    mapping = f'kind = "effects"\nbase = "frame"\nonly = true\n[columns]\nid = "finding"\n{columns}'
    mapping += '[values]\nhigher_is_better = true\nwhere = "metafor"\nsource_kind = "derived"\n'
    mapping += '[studies]\ntitle = "{study}"\nauthors = "{study}"\nyear = "2024"\n'
    (tmp_path / "m.csv").write_text(table, encoding="utf-8")
    (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
    again = import_mapped(tmp_path / "m.csv", tmp_path / "m.toml", tmp_path / "again", model=DEFAULT)
    for before, after in zip(contrasts, meta_rows(again).rows, strict=True):
        assert (after.finding, after.yi) == (before.finding, pytest.approx(before.yi, rel=1e-12))
        assert after.vi == pytest.approx(before.vi, rel=1e-12)


REFUSED = [
    ("effects", "0.05", "-0.05", "effects.csv:2:vi: found '-0.05', wanted a variance above 0"),
    ("effects", "0.42", "0,42", "effects.csv"),
    ("effects", "monitor", "moniter", "effects.csv:2:treat: found 'moniter'"),
    ("effects", "-0.10", "minus", "effects.csv:3:yi: found 'minus', wanted a finite number"),
    ("effects", "2025", "25", "effects.csv:3:year: found '25'"),
    ("counts", "12,100", "120,100", "counts.csv:2:Experimental Events: found 120, wanted 0..100"),
    ("counts", "12,100", ",100", "counts.csv:2:Experimental Events: found nothing"),
    ("arms", "Bo,Placebo", "Bo,Plazebo", "arms.csv:5:treatment: found 'Plazebo'"),
    ("effects.toml", 'yi = "yi"', 'yi = "y"', "effects.toml:8:columns.yi: found 'y'"),
    ("effects.toml", 'vi = "vi"', 'vo = "vi"', "effects.toml:9:columns.vo: found 'vo'"),
    ("effects.toml", '"effects"', '"effect"', "effects.toml:1:kind: found 'effect'"),
]


@pytest.mark.parametrize(("name", "old", "new", "wanted"), REFUSED)
def test_bad_input_has_its_place_and_nothing_is_written(example, tmp_path, *, name, old, new, wanted):
    stem, _, is_mapping = name.partition(".")
    with pytest.raises(BadInput) as error:
        if is_mapping:
            example(stem, change=[(old, new)])
        else:
            assert EXAMPLES[f"{stem}.csv"].count(old) == 1
            example(stem, table=EXAMPLES[f"{stem}.csv"].replace(old, new))
    assert wanted in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("label,score\n1,2\n1,3\n", "one label only"),
        ("label,score\n1,2\n0,1\n", "found an AUC of 1, wanted scores that overlap"),
        ("label,score\n1,2\n0,\n1,0\n", "probe.csv:3:score: found nothing"),
        ("label,score\n1,nan\n0,1\n", "probe.csv:2:score: found 'nan'"),
    ],
)
def test_scores_that_make_no_auroc_are_refused(example, table, wanted):
    with pytest.raises(BadInput) as error:
        example("probe", table=table, kind="auroc")
    assert wanted in str(error.value)


def test_the_command_writes_the_base_and_kind_must_agree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_base(tmp_path / "frame")
    Path("arms.csv").write_text(EXAMPLES["arms.csv"], encoding="utf-8")
    Path("arms.toml").write_text(EXAMPLES["arms.toml"], encoding="utf-8")
    result = CliRunner().invoke(app, ["import", "table", "arms.csv", "arms.toml", "out"])
    assert result.exit_code == 0, result.output
    assert "tiny: written (3 techniques, 4 settings, 5 findings, 0 outcomes, 2 targets)" in result.stdout
    for kind, wanted in (("means", "'arms', as arms.toml has it"), ("armz", "did you mean 'arms'?")):
        result = CliRunner().invoke(app, ["import", "table", "arms.csv", "arms.toml", "no", "--kind", kind])
        assert result.exit_code == 2
        assert wanted in result.stderr
        assert "Traceback" not in result.output
