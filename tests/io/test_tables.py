import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bases import FINDINGS, SETTINGS, STUDIES, TABLES, write_base
from evidence.domain.errors import BadInput
from evidence.domain.magnitudes import LARGEST
from evidence.io.csv_files import MAX_ROWS, read_table
from evidence.io.tables import find_warnings, load_base, read_draft
from evidence.io.toml_files import MAX_BYTES
from faults import FAULTS, Fault, cell


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(BadInput) as caught:
        load_base(folder)
    return [str(problem) for problem in caught.value.problems]


def test_the_tiny_base_holds_what_its_tables_say(base_folder):
    base = load_base(base_folder)
    assert [technique.id for technique in base.techniques] == ["none", "monitor", "audit"]
    assert base.finding("f2").estimate == -0.8  # the metric's own direction is kept
    assert base.finding("f2").higher_is_better is False
    assert base.finding("f3").is_arm
    assert base.finding("f1").own_technique is True
    assert base.setting("jailbreak").gaps == {"capability": "major", "aim": 0.75}
    assert base.setting("sleeper").reasons["capability"] == "a generation\nbehind"
    assert base.target("closed model").coordinates == {"capability": "some"}
    assert base.technique("none").trial_hours is None
    assert len(base.outcomes) == 2


def test_a_contrast_at_two_prices_is_left_out_with_its_reason(base_folder):
    base = load_base(base_folder)
    assert "f10" not in {finding.id for finding in base.findings}
    assert base.left_out == ("f10: price 30, the comparator's 10: more than the tolerance 5 apart",)


def test_an_arm_far_from_the_held_price_is_left_out(tmp_path):
    findings = cell("f3", "price_technique", "16")(FINDINGS)
    studies = cell("beta2024", "headline", "f5")(STUDIES)
    base = load_base(write_base(tmp_path, findings=findings, studies=studies))
    assert base.left_out[0] == "f3: price 16, the price held 10: more than the tolerance 5 apart"


def test_a_price_exactly_at_the_tolerance_stays(tmp_path):
    base = load_base(write_base(tmp_path, findings=cell("f3", "price_technique", "15")(FINDINGS)))
    assert "f3" in {finding.id for finding in base.findings}


def test_without_a_tolerance_nothing_is_left_out(tmp_path):
    base = load_base(write_base(tmp_path, base=TABLES["base"].replace("price_tolerance = 5\n", "")))
    assert base.left_out == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_base_is_refused_naming_file_row_and_field(fault: Fault, tmp_path):
    problems = problems_of(fault.write(tmp_path / "broken"))
    named = [problem for problem in problems if f"/{fault.place}: found " in problem]
    assert named, "\n".join(problems)
    assert any(fault.says in problem for problem in named), "\n".join(named)
    assert all(", wanted " in problem for problem in problems)


FAULTS_WITH_CONSEQUENCES = {
    # Faults that by themselves break a second rule; every other fault is one problem, not a cascade.
    "a gap column of no dimension",
    "no targets",
    "an id with a slash",
    "an unknown study",
    "an unknown setting",
    "a single technique",
    "a target twice",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_fault_is_one_problem_unless_it_breaks_a_second_rule(fault: Fault, tmp_path):
    problems = problems_of(fault.write(tmp_path / "broken"))
    assert (len(problems) > 1) == (fault.name in FAULTS_WITH_CONSEQUENCES), "\n".join(problems)


def test_every_problem_of_every_table_is_reported_in_one_run(tmp_path):
    findings = cell("f2", "se", "0")(cell("f1", "k", "101")(cell("f4", "study", "nobody")(FINDINGS)))
    folder = write_base(
        tmp_path,
        base=TABLES["base"].replace("novelty = 0.5", "novelty = 2"),
        settings=cell("proof", "gap_aim", "lots")(SETTINGS),
        studies=cell("beta2024", "year", "x")(STUDIES),
        findings=findings,
    )
    places = [problem.split(": found")[0].removeprefix(f"{tmp_path}/") for problem in problems_of(folder)]
    assert places == [
        "base.toml:19:targets[1].novelty",
        "settings.csv:6:gap_aim",
        "studies.csv:3:year",
        "findings.csv:2:k",
        "findings.csv:3:se",
        "findings.csv:5:study",
    ]


def test_two_faults_of_one_row_are_both_reported(tmp_path):
    findings = cell("f1", "k0", "101")(cell("f1", "k", "101")(FINDINGS))
    assert len(problems_of(write_base(tmp_path, findings=findings))) == 2


def test_settings_alike_in_everything_but_family_are_a_warning(tmp_path):
    twin = SETTINGS + "again,Jailbreaks,organism,chat,Llama 2,7B,human,attack success,major,7B,0.75,same\n"
    warnings = find_warnings(read_draft(write_base(tmp_path, settings=twin))[0])
    assert len(warnings) == 1
    assert "'jailbreak'" in warnings[0]
    assert "'again'" in warnings[0]


def test_an_odd_finding_is_a_warning_with_its_place_and_the_reason_it_was_kept(tmp_path):
    # f2: a log odds ratio of -.80 with an interval around -.80, typed with an end whose sign is lost: around .49/2
    findings = cell("f2", "se", "")(cell("f2", "ci_hi", "0.31")(FINDINGS))
    header, _, rows = findings.partition("\n")
    (warning,) = find_warnings(read_draft(write_base(tmp_path, findings=findings))[0])
    assert warning.startswith(f"{tmp_path}/findings.csv:3:ci_lo: found -1.29..0.31 around -0.8, wanted an interval")
    noted = f"{header},note\n" + rows.replace("Table 2,full text", "Table 2,full text,kept ci_lo: as printed")
    (warning,) = find_warnings(read_draft(write_base(tmp_path, findings=noted))[0])
    assert warning.endswith("(kept: as printed)")


def test_a_spreadsheets_byte_order_mark_and_line_ends_are_read(tmp_path):
    data = ("\ufeff" + FINDINGS.replace("\n", "\r\n")).encode()
    assert load_base(write_base(tmp_path / "b", findings=data)) == load_base(write_base(tmp_path / "a"))


def test_toml_with_a_byte_order_mark_is_refused(tmp_path):
    assert "byte-order mark" in problems_of(write_base(tmp_path, base="\ufeff" + TABLES["base"]))[0]


def test_a_row_number_counts_the_lines_inside_quoted_cells_and_blank_lines(tmp_path):
    settings = SETTINGS.replace("proof,", "\nproof,").replace(",none,any aim", ",lots,any aim")
    assert f"{tmp_path}/settings.csv:7:gap_aim:" in problems_of(write_base(tmp_path, settings=settings))[0]


def test_an_open_quote_after_a_cell_of_two_lines_is_found_at_its_line(tmp_path):
    settings = SETTINGS.replace("A game", '"A game')
    assert problems_of(write_base(tmp_path, settings=settings))[0].startswith(f"{tmp_path}/settings.csv:6: found")


def test_spaces_around_an_id_do_not_make_another_id(tmp_path):
    spaced = cell("f1", "study", " alpha2023 ")(FINDINGS).replace("f1,", " f1 ,", 1)
    assert load_base(write_base(tmp_path / "b", findings=spaced)) == load_base(write_base(tmp_path / "a"))
    twice = FINDINGS.replace("f3,", " f4,", 1)
    assert "findings.csv:5:id: found 'f4'" in "".join(problems_of(write_base(tmp_path / "c", findings=twice)))


def test_outcomes_may_be_absent(tmp_path):
    assert load_base(write_base(tmp_path, outcomes=None)).outcomes == ()


def test_a_missing_folder_is_named(tmp_path):
    assert problems_of(tmp_path / "nowhere")[0].startswith(f"{tmp_path}/nowhere: found no such folder")


def test_more_rows_than_the_cap_are_refused(tmp_path):
    header, row = "target,technique,estimate_smd,se_smd,where\n", "t,a,1,1,x\n"
    path = tmp_path / "outcomes.csv"
    path.write_text(header + row * (MAX_ROWS + 1))
    with pytest.raises(BadInput, match="at most 200,000 rows"):
        read_table(path)
    path.write_text(header + row * 1000)
    assert len(read_table(path).rows) == 1000


def test_a_row_of_many_cells_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "outcomes.csv"
    path.write_text("a,b\n1,2\n" + "," * 1_000_000 + "\n")
    with pytest.raises(BadInput, match="1,000,001 columns"):
        read_table(path)


def test_a_toml_file_of_many_megabytes_is_refused_unread(tmp_path):
    path = write_base(tmp_path) / "base.toml"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    started = time.monotonic()
    assert f"at most {MAX_BYTES:,} bytes" in problems_of(tmp_path)[0]
    assert time.monotonic() - started < 5  # S9 asks for 1 s; the rest is what a busy machine may add


CELL = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FFF, categories=("L", "N", "P", "Zs")))


@settings(max_examples=60, deadline=None)
@given(title=CELL, lines=st.lists(CELL, min_size=1, max_size=3))
def test_any_text_survives_a_csv_cell(tmp_path_factory, title, lines):
    import unicodedata

    wanted = [unicodedata.normalize("NFC", part).strip() for part in (f"T{title}", "\n".join(["a", *lines]))]
    text = cell("alpha2023", "title", wanted[0])(STUDIES)
    text = cell("alpha2023", "authors", wanted[1])(text)
    study = load_base(write_base(tmp_path_factory.mktemp("base"), studies=text)).study("alpha2023")
    assert [study.title, study.authors] == wanted


@settings(max_examples=60, deadline=None)
@given(st.floats(min_value=-LARGEST, max_value=LARGEST))
def test_any_finite_number_survives_a_csv_cell(tmp_path_factory, value):
    text = TABLES["outcomes"].replace(",0.4,", f",{value!r},")
    base = load_base(write_base(tmp_path_factory.mktemp("base"), outcomes=text))
    assert base.outcomes[0].estimate_smd == value
