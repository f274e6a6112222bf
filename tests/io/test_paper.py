from pathlib import Path

import pytest

from bases import BASE, write_base
from evidence.domain.errors import BadInput
from evidence.domain.records import EvidenceBase
from evidence.io.paper import load_paper, read_paper
from evidence.io.tables import find_warnings, load_base

PAPER = """\
base = "tiny"

[[techniques]]
id = "editing"
name = "Trusted editing"

[[families]]
id = "bash"
name = "Bash agents"
validity_class = "agentic-sabotage-benchmark"
reason = "one environment"

[[settings]]
id = "bash-arena"
name = "A server"
family = "bash"
environment = "bash"
model_family = "Claude"
outcome = "safety"
gaps = { capability = "some", aim = 1 }
reasons = { capability = "a generation behind", aim = "instructed" }

[study]
id = "delta2026"
title = "Editing in bash"
authors = "El"
year = 2026
headline = "d1"

[[findings]]
id = "d1"
setting = "bash-arena"
technique = "editing"
comparator = "monitor"
kind = "effect"
higher_is_better = true
scale = "smd"
estimate = 0.8
se = 0.25
where = "Table 3"
source_kind = "full text"
"""


@pytest.fixture
def base_loader(base_folder):
    def load(name: str) -> EvidenceBase:
        assert name == "tiny"
        return load_base(base_folder)

    return load


def write_paper(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in PAPER
    path = folder / "delta.toml"
    path.write_text(PAPER.replace(old, new, 1) if old else PAPER)
    return path


def test_a_paper_is_added_to_its_base_with_its_study_last(tmp_path, base_loader):
    base = load_paper(write_paper(tmp_path), base_loader)
    tiny = base_loader("tiny")
    assert base.studies == (*tiny.studies, base.study("delta2026"))
    assert base.findings[:-1] == tiny.findings
    assert base.finding("d1").study == "delta2026"
    assert [technique.id for technique in base.techniques] == ["none", "monitor", "audit", "editing"]
    assert base.left_out == tiny.left_out
    assert base.outcomes == tiny.outcomes


def test_only_a_papers_own_findings_are_warned_about_and_against_those_of_its_base(tmp_path, base_folder):
    # 8 SDs is what the paper says; the interval around which f2 does not lie stands in the base.
    findings = (base_folder / "findings.csv").read_text().replace("0.25,-1.29,-0.31", ",-1.29,0.31")
    (base_folder / "findings.csv").write_text(findings)
    path = write_paper(tmp_path, "estimate = 0.8", "estimate = 8.0")
    read = read_paper(path, lambda _: load_base(base_folder))
    (warning,) = find_warnings(read.draft, study="delta2026")
    assert warning.startswith(f"{path}:38:findings[0].estimate: found a difference of 8 SDs")
    assert len(find_warnings(read.draft)) == 2


def test_a_finding_of_a_paper_may_be_left_out_by_its_price(tmp_path, base_loader):
    extra = (
        '\n[[findings]]\nid = "d2"\nsetting = "bash-arena"\ntechnique = "audit"\ncomparator = "editing"\n'
        'kind = "order"\nq = 0.8\nhigher_is_better = true\nwhere = "p. 2"\nsource_kind = "abstract"\n'
        "price_technique = 90\nprice_comparator = 10\n"
    )
    base = load_paper(write_paper(tmp_path, "se = 0.25\n", "se = 0.25\n" + "note = 'x'\n"), base_loader)
    assert base.finding("d1").note == "x"
    path = tmp_path / "extra.toml"
    path.write_text(PAPER + extra)
    assert load_paper(path, base_loader).left_out[-1].startswith("d2: price 90")


def test_a_paper_may_bring_its_own_question(tmp_path):
    own = BASE.replace("[[targets]]", "[[question.targets]]").replace("[[dimensions]]", "[[question.dimensions]]")
    rows = '[[techniques]]\nid = "none"\nname = "N"\n\n[[techniques]]\nid = "monitor"\nname = "M"\n\n[[techniques]]'
    path = tmp_path / "own.toml"
    text = PAPER.replace('base = "tiny"', "[question]\n" + own).replace("[[techniques]]", rows)
    path.write_text(text)

    def never(name: str) -> EvidenceBase:
        raise AssertionError(name)

    base = load_paper(path, never)
    assert base.question.id == "tiny"
    assert [finding.id for finding in base.findings] == ["d1"]


@pytest.mark.parametrize(
    ("edit", "place", "says"),
    [
        (("se = 0.25", "se = 0"), ":39:findings[0].se", "above 0"),
        (("estimate = 0.8", 'estimate = "0.8"'), ":38:findings[0].estimate", "number"),
        (('technique = "editing"', 'technique = "edit"'), ":33:findings[0].technique", "an id of techniques"),
        (('setting = "bash-arena"', 'setting = "arena"'), ":32:findings[0].setting", "'bash-arena'"),
        (('id = "d1"', 'id = "f1"'), ":31:findings[0].id", "not used before"),
        (('id = "d1"', 'id = "d1"\nstudy = "alpha2023"'), ":32:findings[0].study", "the paper's own"),
        (('id = "delta2026"', 'id = "beta2024"'), ":24:study.id", "not used before"),
        (('headline = "d1"', 'headline = "f1"'), ":28:study.headline", "a finding of this study"),
        (("aim = 1 }", "goal = 1 }"), ":20:settings[0].gaps.goal", "a dimension"),
        ((', aim = "instructed"', ""), ":21:settings[0].reasons.aim", "the reason"),
        (("aim = 1 }", "aim = 2 }"), ":20:settings[0].gaps.aim", "0..1"),
        (("[study]", "[studie]"), ":23:studie", "did you mean 'study'"),
        (("[study]", "[[study]]"), ":23:study", "one [study]"),
        (('base = "tiny"', ""), ":base", "either base or a [question]"),
        (('base = "tiny"', "base = 3"), ":1:base", "name or path"),
        (("[[findings]]", "[findings]"), ":30:findings", "[[findings]]"),
    ],
)
def test_a_broken_paper_is_refused_naming_file_line_and_key(tmp_path, base_loader, edit, place, says):
    path = write_paper(tmp_path, *edit)
    with pytest.raises(BadInput) as caught:
        load_paper(path, base_loader)
    (problem,) = (p for p in caught.value.problems if str(p).startswith(f"{path}{place}: found "))
    assert says in str(problem)


def test_a_direction_that_differs_from_the_bases_is_refused(tmp_path, base_loader):
    path = write_paper(tmp_path, 'setting = "bash-arena"', 'setting = "jailbreak"')
    with pytest.raises(BadInput, match=r"findings\[0\].higher_is_better: found yes, wanted one direction per setting"):
        load_paper(path, base_loader)


def test_a_broken_base_under_a_paper_is_reported_as_such(tmp_path):
    folder = write_base(tmp_path / "tiny", studies=None)
    with pytest.raises(BadInput, match=r"studies.csv: found no such file"):
        load_paper(write_paper(tmp_path), lambda _: load_base(folder))
