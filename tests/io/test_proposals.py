"""Proposal files: the shipped ones hold, and every mistake is told with its line and key."""

import pytest

from evidence.domain.errors import BadInput
from evidence.io.proposals import check_against, find_proposal, load_proposal
from evidence.io.shipped import find_base, list_proposals
from evidence.io.tables import load_base

TEXT = """\
id = "p"
title = "A study"
claim = "It may tell."
base = "control"
reach = 0.5

[[findings]]
technique = "trusted-monitoring"
comparator = "no-protocol"
setting = "bashbench"
se_smd = 0.2

[cost]
researcher_hours_80 = [10, 40]

[crunch]
months_away_80 = [6, 36]
"""
BASE = load_base(find_base("control"))


def written(tmp_path, text):
    path = tmp_path / "p.toml"
    path.write_text(text)
    return path


def problems_of(tmp_path, text):
    with pytest.raises(BadInput) as error:
        check_against(*load_proposal(written(tmp_path, text)), BASE)
    return [str(p) for p in error.value.problems]


@pytest.mark.parametrize("name", list(list_proposals()))
def test_every_shipped_proposal_loads_and_fits_its_base(name):
    proposal, place = load_proposal(find_proposal(name))
    assert proposal.id == name
    check_against(proposal, place, BASE)


def test_there_is_one_proposal_of_each_kind_that_the_docs_name():
    kinds = {load_proposal(path)[0].kind for path in list_proposals().values()}
    assert kinds == {"experiment", "wait-and-automate", "buy-hours", "coordination"}
    assert len(list_proposals()) >= 7


def test_a_small_proposal_loads(tmp_path):
    proposal, place = load_proposal(written(tmp_path, TEXT))
    check_against(proposal, place, BASE)
    assert proposal.findings[0].se_smd == 0.2
    assert proposal.readers == ()


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('technique = "trusted-monitoring"', 'technique = "trusted-monitorin"', "did you mean 'trusted-monitoring'?"),
        ('setting = "bashbench"', 'setting = "bash"', "findings[0].setting: found 'bash'"),
        ("se_smd = 0.2", "", "wanted either se_smd or n_per_arm"),
        ("se_smd = 0.2", "se_smd = 0.2\nq = 0.8", "q: found 0.8, wanted nothing for kind 'effect'"),
        ("se_smd = 0.2", 'kind = "order"', "wanted a reliability for kind 'order'"),
        ("se_smd = 0.2", "n_per_arm = 1", "a number of at least 2"),
        ("[10, 40]", "[40, 10]", "wanted the lower end first"),
        ("[6, 36]", "[0, 36]", "wanted a number above 0"),
        ("reach = 0.5", "reach = 1.5", "a number of at most 1"),
        ("reach = 0.5", "reech = 0.5", "did you mean 'reach'?"),
        ("reach = 0.5", 'kind = "buy-hours"', "findings: found 1, wanted nothing for kind 'buy-hours'"),
        ("reach = 0.5", 'target = "nowhere"', "a target"),
        ("[crunch]", '[crunch]\ncandidates = ["no-protocol"]', "a technique other than the baseline"),
        ("[cost]", '[[readers]]\nname = "x"\nkind = "validity"\n[cost]', "validity: found nothing, wanted a value"),
        ("[cost]", '[[readers]]\nname = "x"\nkind = "face-value"\nshare = 0.7\n[[readers]]\nname = "y"\nkind = "calibrated"\nshare = 0.6\n[cost]', "add up to 1.3"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_was_wanted(tmp_path, old, new, wanted):
    found = problems_of(tmp_path, TEXT.replace(old, new))
    assert any(wanted in problem for problem in found), found
    assert all("p.toml" in problem for problem in found)


def test_a_new_setting_rates_every_dimension_and_names_a_family(tmp_path):
    setting = """\
[[settings]]
id = "new"
name = "New"
family = "nobody"
environment = "e"
model_family = "m"
outcome = "o"
gaps = { capability = "some", colour = "none" }
reasons = { capability = "r" }
"""
    found = problems_of(tmp_path, TEXT.replace("[cost]", setting + "[cost]"))
    assert any("families" in p or "a family" in p for p in found)
    assert any("gaps.naturalness: found nothing" in p for p in found)
    assert any("'colour'" in p for p in found)


def test_an_unknown_name_lists_what_is_shipped():
    with pytest.raises(BadInput, match="replicate-control-larger"):
        find_proposal("replicate-control")
