"""Drafts held against the base they name: every problem with its line and key, and nothing mended."""

import pytest

import registrations
from evidence.domain.errors import BadInput
from evidence.io.registrations import load_draft

ROW = "f3,alpha2023,{},audit,none,counts,no,20,100,31,100,Table 2,full text\n"
AT_ZERO = 'novelty = 0.5\ncoordinates = {{ capability = {} }}\nreason = "Same epoch."'


def refused(path):
    with pytest.raises(BadInput) as error:
        load_draft(path)
    return [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]


def line_of(text, part):
    """The line of the draft, counted from 1, on which `part` stands first."""
    return text[: text.index(part)].count("\n") + 1


def primary_at(gap):
    return registrations.DRAFT.replace('novelty = 0.5\nreason = "Same epoch."', AT_ZERO.format(gap))


def test_a_scenario_cannot_bear_the_name_of_a_setting(tmp_path):
    text = registrations.DRAFT.replace('"slow change"', '"jailbreak"')
    line = line_of(text, 'target = "jailbreak"')
    wanted = f"{line}:scenarios[1].target: found 'jailbreak', wanted an id that no setting has"
    assert refused(registrations.write_draft(tmp_path, text)) == [wanted]


@pytest.mark.parametrize("gap", ['"some"', '"unknown"', "0.25", "1.0"])
def test_the_primary_target_sits_at_0_on_every_dimension(tmp_path, gap):
    text = primary_at(gap)
    place = f"{line_of(text, 'coordinates')}:scenarios[0].coordinates.capability"
    found = gap.replace('"', "'")
    wanted = f"{place}: found {found}, wanted 0: the primary target sits at 0 on every dimension"
    assert refused(registrations.write_draft(tmp_path, text)) == [wanted]


@pytest.mark.parametrize("gap", ['"none"', "0", "0.0"])
def test_that_the_primary_target_sits_at_0_may_be_said(tmp_path, gap):
    found = load_draft(registrations.write_draft(tmp_path, primary_at(gap)))
    assert list(found.base.question.targets[0].coordinates) == ["capability"]


def test_a_target_with_findings_of_its_own_cannot_be_dropped(tmp_path):
    """The tiny base has the target `closed model`, which no scenario of the draft is."""
    folder = registrations.write_small_base(tmp_path / "base")
    (folder / "findings.csv").write_text(registrations.FINDINGS + ROW.format("closed model"))
    (said,) = refused(registrations.write_draft(tmp_path))
    assert said.endswith("scenarios: found no closed model, wanted every target that the base has findings at")
    text = registrations.DRAFT.replace('"slow change"', '"closed model"')
    found = load_draft(registrations.write_draft(tmp_path, text))
    assert [f.setting for f in found.base.findings] == ["jailbreak", "jailbreak", "closed model"]


def test_the_smallest_difference_is_that_of_the_base(tmp_path):
    text = registrations.DRAFT.replace("smallest_difference = 0.2", "smallest_difference = 0.3")
    line = line_of(text, "smallest_difference")
    wanted = f"{line}:question.smallest_difference: found 0.3, wanted that of the base, 0.2"
    assert refused(registrations.write_draft(tmp_path, text)) == [wanted]


def test_all_that_is_wrong_with_a_draft_is_said_at_once(tmp_path):
    text = primary_at('"major"').replace("smallest_difference = 0.2", "smallest_difference = 1")
    text = text.replace('"slow change"', '"jailbreak"')
    said = refused(registrations.write_draft(tmp_path, text))
    assert [line.partition("wanted ")[2][:8] for line in said] == ["0: the p", "an id th", "that of "]
