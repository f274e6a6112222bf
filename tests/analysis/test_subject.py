"""Which findings a review is about, and what it says to a name that is none."""

import pytest

import cases
from evidence.analysis import subject
from evidence.domain.errors import BadInput

BASE = cases.base_of(
    cases.effect("f1", "A", "none", 0.4, 0.2, study="j1"), cases.effect("f2", "B", "none", 0.1, 0.2, study="j1"),
    cases.effect("f3", "B", "A", 0.2, 0.2, study="j2"),
)  # fmt: skip


def test_a_finding_that_a_study_does_not_have_is_told_with_those_it_has():
    with pytest.raises(BadInput) as error:
        subject._one_finding(BASE, ("j1",), "f3")
    assert str(error.value.problems[0]).endswith("findings.csv:id: found 'f3', wanted a finding of j1: f1, f2")


def test_one_finding_of_several_studies_is_no_question():
    with pytest.raises(BadInput, match="--finding: found 'f1' of 2 studies, wanted one study beside it"):
        subject._one_finding(BASE, ("j1", "j2"), "f1")


def test_one_finding_is_its_own_headline():
    found = subject._one_finding(BASE, ("j1",), "f2")
    assert [f.id for f in found.findings] == ["f2"]
    assert found.headline.id == "f2"
