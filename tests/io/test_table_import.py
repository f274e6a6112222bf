import csv
import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence.analysis.known_outcomes import known_contrast
from evidence.cli import app
from evidence.domain.errors import BadInput
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.io.table_import import FILES, import_table

SOURCE = """\
attack,model,split,asr,n,better,size,cost
none,small,all,10.0,100,1,7,0
suffix,small,all,40.0,100,1,7,2
dialogue,small,all,0.0,100,1,7,
none,large,all,20.0,400,1,70,0
suffix,large,all,50.0,400,1,70,2
dialogue,large,all,0.0,400,1,70,9
suffix,small,hard,1.0,50,1,7,2
"""

SPEC = """\
[question]
id = "span"
title = "From small to large"
question = "Which attack works on the large model?"
criterion = "success"
unit = "SMD"
smallest_difference = 0.2
held_price = 0
price_tolerance = 5

[[question.targets]]
id = "large"
novelty = 0.25
reason = "a \\"sibling\\""

[[question.dimensions]]
id = "capability"
meaning = "how much smaller"
none = "as large"
some = "a tenth"
major = "a hundredth"

[take]
split = "all"

[columns.method]
of = "attack"
values = { none = "DR" }
keep = true

[cells]
technique = "{method}"
setting = "{model}"
study = "paper"

[settings]
name = "The {model} one"
family = "chat"
environment = "chat, {n} requests"
model_family = "sibling"
size = "{size}B"
outcome = "success"

[gaps.capability]
of = "size"
values = { 7 = { gap = "some", why = "a tenth of the size" } }

[[techniques]]
id = "DR"
name = "Direct request"

[[techniques]]
id = "suffix"
name = "A suffix"

[[techniques]]
id = "dialogue"
name = "A dialogue"

[[families]]
id = "chat"
name = "Chat"
validity_class = "small-open-chat"
reason = "too weak"

[[studies]]
id = "paper"
title = "A paper"
authors = "Ada"
year = 2024
headline = "small suffix"
own = ["suffix"]

[findings]
kind = "proportion"
estimate = "asr"
divisor = 100
n = "n"
higher_is_better = "better"
price = "cost"
where = "Table 1, {model}, {attack}"
source_kind = "full text"
"""

EFFECT = """kind = "effect"
estimate = "asr"
se = "n"
se_at_least = 150
unit_sd = "setting"
"""
"""In place of the lines of a proportion: the columns of the same table read as an effect."""

PROPORTION = SPEC[SPEC.index("kind = ") : SPEC.index("higher_is_better")]


@pytest.fixture
def write(tmp_path: Path):
    """Writes source and spec (changed) and imports them into `folder`."""

    def run(source: str = SOURCE, spec: str = SPEC, *, folder: str = "out", force: bool = False):
        (tmp_path / "source.csv").write_text(source, encoding="utf-8")
        (tmp_path / "import.toml").write_text(spec, encoding="utf-8")
        return import_table(
            tmp_path / "source.csv",
            tmp_path / "import.toml",
            tmp_path / folder,
            contrast=known_contrast,
            model=load_model(find_model("default")),
            force=force,
        )

    return run


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_table_becomes_a_bridge(write):
    base = write().base
    assert [technique.id for technique in base.techniques] == ["DR", "suffix", "dialogue"]
    assert [finding.id for finding in base.findings] == ["small DR", "small suffix", "small dialogue"]
    assert base.finding("small suffix").rate == 0.4
    assert base.finding("small suffix").n == 100
    assert base.finding("small suffix").price_technique == 2
    assert base.finding("small suffix").own_technique
    assert not base.finding("small DR").own_technique
    assert base.finding("small suffix").where == "Table 1, small, suffix"
    (setting,) = base.settings
    assert (setting.name, setting.size, setting.environment) == ("The small one", "7B", "chat, 100 requests")
    assert (setting.gaps, setting.reasons) == ({"capability": "some"}, {"capability": "a tenth of the size"})
    assert base.target("large").reason == 'a "sibling"'


# Closed form (Chinn 2000) on 50 % and 20 % of 400; the baseline's part is (3/pi^2)(1/80 + 1/320).
def test_an_outcome_is_the_log_odds_ratio_and_its_baseline_part(write):
    done = write()
    (outcome,) = done.base.outcomes
    assert (outcome.target, outcome.technique, outcome.rate, outcome.n) == ("large", "suffix", 0.5, 400)
    assert outcome.estimate_smd == pytest.approx(math.log(4) * 3**0.5 / math.pi, abs=1e-6)
    assert outcome.baseline_var_smd == pytest.approx(3 / math.pi**2 * (1 / 80 + 1 / 320), abs=1e-8)
    whole = 3 / math.pi**2 * (1 / 80 + 1 / 320 + 2 / 200)
    assert outcome.se_smd**2 == pytest.approx(whole, abs=1e-6)
    assert done.left_out == ("large dialogue: price 9, the price held 0: more than the tolerance 5 apart",)


# Each arm is corrected alone, so the baseline's part is that of the other outcome: one sample, one variance.
def test_an_empty_cell_leaves_the_baselines_part_alone(write):
    outcomes = write(SOURCE.replace(",70,9", ",70,1")).base.outcomes
    assert outcomes[0].baseline_var_smd == outcomes[1].baseline_var_smd
    logit = math.log(0.5 / 400.5) - math.log(0.25)
    assert outcomes[1].estimate_smd == pytest.approx(logit * 3**0.5 / math.pi, abs=1e-6)


# By hand: SD of (20, 50, 0) = 25.166; se of 100 is raised to 150, 400 stays; baseline's part (400/25.166)^2.
def test_effects_are_standardised_within_their_setting(write):
    base = write(SOURCE.replace(",70,9", ",70,1"), SPEC.replace(PROPORTION, EFFECT)).base
    spread = 25.166114784235834
    assert base.outcomes[0].estimate_smd == pytest.approx(30 / spread, abs=1e-6)
    assert base.outcomes[0].baseline_var_smd == pytest.approx((400 / spread) ** 2, abs=1e-7)
    assert base.finding("small suffix").se == 150
    assert base.finding("small suffix").unit_sd == pytest.approx(20.816659994661, rel=1e-9)


def test_the_se_of_a_mean_is_its_sd_over_the_root_of_n(write):
    numbers = 'kind = "effect"\nestimate = "asr"\nn = "n"\nsd = 2.0\nunit_sd = 4.0\n'
    finding = write(spec=SPEC.replace(PROPORTION, numbers)).base.finding("small suffix")
    assert (finding.se, finding.unit_sd, finding.estimate) == (0.2, 4.0, 40.0)


# A contrast with nothing: d = estimate / unit, and no error of a baseline.
def test_contrasts_against_no_sample_name_their_techniques_from_the_table(write):
    numbers = 'kind = "effect"\nestimate = "asr"\nse = "n"\nunit_sd = 10\ncontrast = true\n'
    spec = SPEC.replace(PROPORTION, numbers).replace(
        'study = "paper"', 'study = "paper"\ntechnique_name = "The {attack}"'
    )
    spec = spec.replace('id = "DR"', 'id = "null"').replace('price = "cost"\n', "")
    base = write(spec=spec).base
    assert [technique.id for technique in base.techniques] == ["null", "suffix", "dialogue", "DR"]
    assert base.technique("DR").name == "The none"
    assert not base.finding("small suffix").shared_comparator
    assert [(o.estimate_smd, o.se_smd, o.baseline_var_smd) for o in base.outcomes][1] == (5.0, 40.0, 0.0)


def test_an_assumed_n_is_kept_as_a_range(write):
    spec = SPEC.replace('n = "n"\n', "assumed_n = [50, 200]\n")
    base = write(
        SOURCE.replace("dialogue,small,all,0.0", "dialogue,small,all,5").replace(",0.0,400", ",3,400"), spec
    ).base
    assert base.finding("small DR").assumed_n_hi == 200
    assert base.outcomes[0].baseline_var_smd == pytest.approx(3 / math.pi**2 / (100 * 0.16), abs=1e-8)


def test_counts_are_read_as_they_are(write):
    spec = SPEC.replace('estimate = "asr"\ndivisor = 100\n', 'count = "asr"\n')
    base = write(spec=spec).base
    assert base.finding("small suffix").k == 40
    assert base.outcomes[0].rate == pytest.approx(50 / 400)


def test_an_id_from_words_holds_what_an_id_can(write):
    spec = SPEC.replace("keep = true", "keep = true\nid_length = 6").replace('id = "suffix"', 'id = "a b c"')
    spec = (
        spec.replace('id = "dialogue"', 'id = "dialog"')
        .replace('"small suffix"', '"small a b c"')
        .replace('own = ["suffix"]', 'own = ["a b c"]')
    )
    base = write(SOURCE.replace("suffix,", "a: b/c!,"), spec).base
    assert [technique.id for technique in base.techniques] == ["DR", "a b c", "dialog"]


def test_same_source_and_spec_same_bytes(write, tmp_path):
    write(folder="a")
    write(folder="b")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert sorted(bytes_of(tmp_path / "a")) == sorted(FILES)


def test_an_existing_bridge_is_kept_unless_forced_and_its_other_files_always(write, tmp_path):
    write()
    (tmp_path / "out" / "README.md").write_text("kept")
    (tmp_path / "out" / "base.toml").write_text("mine")
    with pytest.raises(BadInput, match=r"base.toml: found an existing file, wanted another name, or --force"):
        write()
    assert (tmp_path / "out" / "base.toml").read_text() == "mine"
    write(force=True)
    assert (tmp_path / "out" / "base.toml").read_text().startswith("# Written by")
    assert (tmp_path / "out" / "README.md").read_text() == "kept"


def test_bad_input_leaves_everything_as_it_was(write, tmp_path):
    write()
    before = bytes_of(tmp_path / "out")
    for folder in ("out", "new"):
        with pytest.raises(BadInput):
            write(spec=SPEC.replace('headline = "small suffix"', 'headline = "nothing"'), folder=folder, force=True)
    assert bytes_of(tmp_path / "out") == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "source.csv", "import.toml"}


NUMBER = "wanted a finite number such as 0.25 or 1e-3"
FAULTY = [
    # In the source: file:line:column.
    ("source", "40.0,100", "lots,100", "source.csv:3:asr: found 'lots'", NUMBER),
    ("source", "40.0,100", ",100", "source.csv:3:asr: found nothing", NUMBER),
    ("source", "40.0,100", "nan,100", "source.csv:3:asr: found 'nan'", NUMBER),
    ("source", "40.0,100", "4_0,100", "source.csv:3:asr: found '4_0'", NUMBER),
    ("source", "40.0,100", "1e-999999999,100", "source.csv:3:asr: found '1e-999999999'", NUMBER),
    ("source", "40.0,100", "140,100", "source.csv:3:asr: found 1.4", "wanted a number of at most 1"),
    ("source", "40.0,100,1", "40.0,10.5,1", "source.csv:3:n: found '10.5'", "wanted a whole number"),
    ("source", "40.0,100,1", "40.0,0,1", "source.csv:3:n: found 0", "wanted a number above 0"),
    ("source", "40.0,100,1", "40.0,100,up", "source.csv:3:better: found 'up'", "wanted yes or no, or 1 or 0"),
    (
        "source",
        "suffix,small,all",
        "sufix,small,all",
        "source.csv:3:attack: found 'sufix'",
        "did you mean 'suffix'",
    ),
    ("source", "dialogue,small", "suffix,small", "source.csv:4:attack: found 'small suffix' twice", "line 3"),
    (
        "source",
        "suffix,small,all,40.0,100,1,7,",
        "suffix,small,all,40.0,100,1,8,",
        "source.csv:3:size: found '8'",
        "one of 7",
    ),
    (
        "source",
        "suffix,small,all,40.0,100",
        "suffix,small,all,40.0,99",
        "source.csv:3:n: found 'chat, 99 requests'",
        "as line 2 has",
    ),
    ("source", "7,2\n", "7,2,5\n", "source.csv:3: found '5' beyond the last column", "wanted 8 cells"),
    ("source", "split", "n", "source.csv:1:n: found the column twice", "wanted every column once"),
    # In the spec: file:line:key.
    (
        "spec",
        'estimate = "asr"',
        'estimate = "ars"',
        "import.toml:76:findings.estimate: found 'ars'",
        "did you mean 'asr'",
    ),
    ("spec", "{attack}", "{atack}", "import.toml:81:findings.where: found 'atack'", "did you mean 'attack'"),
    ("spec", 'of = "size"', 'of = "sizes"', "import.toml:45:gaps.capability.of: found 'sizes'", "did you mean 'size'"),
    ("spec", 'split = "all"', 'split = "al"', "import.toml:24:take.split: found 'al'", "did you mean 'all'"),
    ("spec", "keep = true", "", "source.csv:3:attack: found 'suffix'", "one of none (columns.method keeps no other)"),
    ("spec", 'n = "n"', "", "findings.n: found nothing, wanted either n or assumed_n", "never guessed"),
    ("spec", 'n = "n"', 'n = "n"\nse = "n"', "findings.se", "wanted nothing for kind 'proportion'"),
    (
        "spec",
        'kind = "proportion"',
        'kind = "odds"',
        "import.toml:75:findings.kind: found 'odds'",
        "'proportion' or 'effect'",
    ),
    ("spec", 'id = "large"', 'id = "larger"', "question.targets[0].id: found 'larger'", "a setting of some row taken"),
    ("spec", 'id = "dialogue"', 'id = "monologue"', "techniques[2].id: found 'monologue'", "a technique of some row"),
    ("spec", "[gaps.capability]", "[gaps.cap]", "gaps: found no rule for 'capability'", "a rule for every dimension"),
    ("spec", "small-open-chat", "smal-open-chat", "validity_class", "small-open-chat"),
    (
        "spec",
        'headline = "small suffix"',
        'headline = "x"',
        "out/studies.csv:2:headline: found 'x'",
        "an id of findings",
    ),
    ("spec", "[findings]", "[findings]\nsize = 3", "findings.size", "wanted a known name"),
    ("spec", "[cells]", "[cells", "import.toml:31: found a TOML error", "valid TOML"),
    (
        "spec",
        "[take]",
        '[[skip]]\nmatch = { split = "x" }\nreason = "r"\n[take]',
        "import.toml:23:skip[0]: found no row",
        "left out",
    ),
]


@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case[3][:60])
def test_bad_input_exits_2_and_names_file_row_and_field(tmp_path, monkeypatch, case):
    which, old, new, found, wanted = case
    monkeypatch.chdir(tmp_path)
    texts = {"source": SOURCE, "spec": SPEC}
    assert old in texts[which]
    texts[which] = texts[which].replace(old, new, 1)
    Path("source.csv").write_text(texts["source"], encoding="utf-8")
    Path("import.toml").write_text(texts["spec"], encoding="utf-8")
    result = CliRunner().invoke(app, ["import", "table", "source.csv", "import.toml", "out"])
    assert result.exit_code == 2, result.output
    assert found in result.stderr
    assert wanted in result.stderr
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    assert not Path("out").exists()


def test_the_command_writes_a_bridge_and_says_what_is_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("source.csv").write_text(SOURCE, encoding="utf-8")
    Path("import.toml").write_text(SPEC, encoding="utf-8")
    result = CliRunner().invoke(app, ["import", "table", "source.csv", "import.toml", "out", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["id"], document["findings"], document["outcomes"]) == ("span", 3, 1)
    assert len(document["left_out"]) == 1
    with Path("out/findings.csv").open(newline="", encoding="utf-8") as file:
        assert [row["rate"] for row in csv.DictReader(file)] == ["0.1", "0.4", "0"]


def test_the_command_has_help_with_an_example():
    result = CliRunner().invoke(app, ["import", "table", "--help"], env={"COLUMNS": "200"})
    assert "Example: evidence import table source.csv import.toml bridge" in result.stdout


@pytest.mark.parametrize("n", ["-100", "0"])
def test_a_number_of_measurements_below_one_has_no_standard_error(write, n):
    effect = 'kind = "effect"\nestimate = "asr"\nsd = 0.5\nn = "n"\nunit_sd = "setting"\n'
    source = SOURCE.replace("dialogue,small,all,0.0,100,", f"dialogue,small,all,0.0,{n},")
    assert source != SOURCE
    with pytest.raises(BadInput, match=rf"source\.csv:\d+:n: found '{n}', wanted how many were measured, at least 1"):
        write(source, SPEC.replace(PROPORTION, effect))
