"""What a registration does not allow, and what a draft leaves open: each is said with its place and what was wanted."""

from datetime import date

import pytest

import registrations
from evidence.analysis.prereg_freeze import find_open, find_vague, headline_p
from evidence.analysis.prereg_pool import pool_registrations
from evidence.analysis.prereg_resolve import Report, build_resolution
from evidence.analysis.prereg_verify import Analysis, base_deviations, compare_analysis
from evidence.domain.canonical import sha256_of
from evidence.domain.errors import BadInput
from evidence.domain.records import Finding, Outcome
from evidence.domain.scorecard import Annulment, Tried
from evidence.io.registrations import load_draft

A, B = "a" * 64, "b" * 64
TODAY = date(2026, 11, 28)
HERE = "first deployment"


def ours():
    return registrations.small_registration()


# Resolving


def resolved(earlier=(), **said):
    return build_resolution(ours(), A, Report(by="Bo", source="a report", utc="2031-01-01T00:00:00Z", **said), earlier)


def refused(earlier=(), **said):
    """The one problem that is raised."""
    with pytest.raises(BadInput) as caught:
        resolved(earlier, **said)
    (problem,) = caught.value.problems
    return problem


def outcome(technique="monitor", target=HERE):
    return Outcome(target=target, technique=technique, estimate_smd=0.4, se_smd=0.1, where="Table 1")


def effect(name, technique, comparator=None):
    return Finding(
        id=name, study="later", setting=HERE, technique=technique, comparator=comparator, kind="effect", scale="smd",
        higher_is_better=True, estimate=0.4, se=0.1, where="Table 1", source_kind="full text",
    )  # fmt: skip


LOG = (Tried(technique="audit", worked=True, hours=2.0),)


def test_a_log_without_its_scenario_is_refused_where_there_are_two():
    problem = refused(tried=LOG)
    assert (problem.file, problem.found) == ("--scenario", "nothing")
    assert problem.wanted == "the scenario of the log: first deployment, slow change"


def test_a_log_needs_no_scenario_where_only_one_is_registered():
    one = registrations.variant(scenarios=ours().scenarios[:1])
    report = Report(by="Bo", source="a report", utc="2031-01-01T00:00:00Z", tried=LOG)
    assert build_resolution(one, A, report, ()).log.scenario == HERE


def test_a_second_log_of_one_scenario_is_refused_and_one_of_another_is_not():
    first = resolved(tried=LOG, scenario=HERE)
    problem = refused([first], tried=LOG, scenario=HERE)
    assert (problem.file, problem.found, problem.wanted) == ("--log", "a second log of one scenario", "one")
    assert resolved([first], tried=LOG, scenario="slow change").log.scenario == "slow change"


@pytest.mark.parametrize("rows", [(outcome(target="mars"),), (outcome("none"), outcome("prompting"))])
def test_rows_about_something_else_alone_are_refused_rather_than_left_out(rows):
    problem = refused(outcomes=rows, scenario=HERE)
    assert problem.file == "--outcomes"
    assert problem.found == f"no row about {HERE} and the registered techniques"
    assert set(resolved(outcomes=(*rows, outcome())).left_out), "beside a row that counts they are left out"


def test_an_arm_without_the_baselines_is_refused_with_its_row():
    problem = refused(findings=(effect("m", "monitor"),))
    assert (problem.file, problem.row, problem.field, problem.found) == ("findings", "m", "comparator", "nothing")
    assert problem.wanted == f"an arm of none at {HERE}"
    (found,) = resolved(findings=(effect("m", "monitor"), effect("n", "none"))).outcomes
    assert (found.technique, found.estimate_smd) == ("monitor", 0.0)


def test_a_contrast_with_another_technique_is_refused_with_its_row():
    problem = refused(findings=(effect("m", "monitor", "none"), effect("x", "audit", "monitor")))
    assert (problem.row, problem.field, problem.found, problem.wanted) == ("x", "comparator", "'monitor'", "'none'")


def test_a_finding_without_a_size_is_refused_with_its_row():
    told = effect("a", "audit", "none").model_copy(update={"kind": "argument", "q": 0.8, "estimate": None, "se": None})
    problem = refused(findings=(told,))
    assert (problem.row, problem.field, problem.found) == ("a", "kind", "argument")
    assert problem.wanted.startswith("a kind with a size (")


def test_a_prediction_is_annulled_once():
    gone = (Annulment(prediction="p2", reason="the scenario did not come"),)
    first = resolved(annulled=gone)
    problem = refused([first], annulled=gone)
    assert (problem.file, problem.found) == ("--annul", "p2 again")
    assert problem.wanted == "a prediction not annulled yet"
    other = (Annulment(prediction="p1", reason="the scenario did not come"),)
    assert resolved([first], annulled=other).annulled == other


# Drafts that leave things open


def vague(folder, old, new):
    text = registrations.DRAFT.replace(old, new)
    assert text != registrations.DRAFT
    return find_vague(load_draft(registrations.write_draft(folder, text)).draft, today=TODAY)


SECOND = registrations.DRAFT[
    registrations.DRAFT.index('[[predictions]]\nid = "p2"') : registrations.DRAFT.index("[scor")
]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("2033-12-31", "2042-01-01", "predictions.p2.deadline: 2042-01-01 is more than 15 years away"),
        (
            'annul_conditions = ["the scenario did not come", "no target run by the deadline"]', "",
            "scoring.annul_conditions: none, so that nothing can be annulled",
        ),
        (SECOND, "", "predictions: none for the scenario slow change"),
        ("2031-12-31", "2026-11-28", "predictions.p1.deadline: 2026-11-28 has passed"),
    ],
)  # fmt: skip
def test_what_a_draft_leaves_open_is_named(tmp_path, old, new, says):
    assert vague(tmp_path, old, new) == (says,)


def test_a_deadline_fifteen_years_away_is_not_too_far(tmp_path):
    assert vague(tmp_path, "2033-12-31", "2041-12-31") == ()


def with_contrasts(**changes):
    belief = ours().beliefs[0]
    contrasts = tuple(c.model_copy(update=changes) for c in belief.contrasts)
    return registrations.variant(beliefs=(belief.model_copy(update={"contrasts": contrasts}), *ours().beliefs[1:]))


def test_numbers_that_leave_everything_open_are_named_with_their_scenario():
    before = find_open(ours())
    coin = find_open(with_contrasts(p_above=0.5))
    assert f"{HERE}: every pair lies between 45 and 55 in 100: nothing can speak against it" in coin
    quantiles = {**ours().beliefs[0].contrasts[0].quantiles, "q10": -4.0, "q90": 3.5}
    wide = find_open(with_contrasts(quantiles=quantiles))
    assert f"{HERE}: an 80 % interval of 7.5 SMD rules out next to nothing" in wide
    assert not [line for line in before if line.startswith(HERE)]


def test_the_number_typed_again_is_turned_where_the_question_is_asked_the_other_way_round(tmp_path):
    text = registrations.DRAFT.replace('technique = "monitor"', 'technique = "audit"')
    text = text.replace('comparator = "audit"', 'comparator = "monitor"')
    question = load_draft(registrations.write_draft(tmp_path, text)).draft.question
    assert (question.technique, question.comparator) == ("audit", "monitor")
    p = headline_p(ours())
    assert p != pytest.approx(0.5, abs=0.01)
    assert headline_p(registrations.variant(question=question)) == pytest.approx(1 - p, abs=1e-15)


def test_no_other_pairs_number_stands_in_for_one_that_was_not_frozen():
    belief = ours().beliefs[0]
    rows = tuple(c for c in belief.contrasts if {c.technique, c.comparator} != {"monitor", "audit"})
    assert len(rows) == 2
    with pytest.raises(KeyError, match="monitor"):
        headline_p(registrations.variant(beliefs=(belief.model_copy(update={"contrasts": rows}),)))


# Pools


def test_a_pool_of_another_question_names_the_stranger():
    question = ours().question.model_copy(update={"id": "another"})
    with pytest.raises(BadInput) as caught:
        pool_registrations([(A, ours()), (B, registrations.variant(id="tiny-2", question=question))])
    (problem,) = caught.value.problems
    assert (problem.file, problem.field, problem.found) == ("tiny-2", "question.id", "another question")
    assert problem.wanted == "'tiny-question'"


def one_technique():
    return {"question": ours().question.model_copy(update={"techniques": ("none",)})}


def other_scenarios():
    return {"beliefs": tuple(b.model_copy(update={"target": f"another {b.target}"}) for b in ours().beliefs)}


@pytest.mark.parametrize("change", [one_technique, other_scenarios])
def test_a_pool_needs_a_scenario_and_a_pair_that_all_registered(change):
    with pytest.raises(BadInput) as caught:
        pool_registrations([(A, ours()), (B, registrations.variant(**change()))])
    (problem,) = caught.value.problems
    assert (problem.field, problem.found) == ("scenarios", "none in common")
    assert problem.wanted == "a scenario and a pair all registered"


# Bases beside the registered one


def changed_base(**changes):
    return ours().base.model_copy(update=changes)


def test_a_finding_left_out_or_added_is_named():
    base = ours().base
    (gone,) = base_deviations(base, changed_base(findings=base.findings[1:]))
    assert (gone.field, gone.registered, gone.found) == ("findings.f1", "in the base", "left out")
    more = base.findings[0].model_copy(update={"id": "f9"})
    (new,) = base_deviations(base, changed_base(findings=(*base.findings, more)))
    assert (new.field, new.registered, new.found) == ("findings.f9", "not in the base", "added")


def test_another_exclusion_is_named():
    (found,) = base_deviations(ours().base, changed_base(left_out=("f9: too dear",)))
    assert (found.field, found.registered, found.found) == ("exclusions", "none", "f9: too dear")


def test_a_long_text_is_cut_in_a_deviation():
    base = ours().base
    long = base.findings[0].model_copy(update={"where": "Table " + "1" * 200})
    (found,) = base_deviations(base, changed_base(findings=(long, *base.findings[1:])))
    assert found.field == "findings.f1.where"
    assert (len(found.found), found.found[-1]) == (120, "…")


@pytest.mark.parametrize("stated", [B, None])
def test_data_that_are_not_what_the_analysis_used_are_a_deviation(stated):
    """The rows may agree with the registration and still not be those of the analysis."""
    provenance = {} if stated is None else {"base_sha256": stated}
    names, deviations, _ = compare_analysis(ours(), A, Analysis("ranking", provenance=provenance), ours().base)
    assert "data" in names
    found = {d.field: d for d in deviations}
    assert found["data"].registered == f"the base of the analysis, {stated}"
    assert found["data"].found == sha256_of(ours().base)
    assert not [d for d in deviations if d.field.startswith("findings.")]


def test_data_that_the_analysis_used_are_none():
    provenance = {"base_sha256": ours().base_sha256}
    _, deviations, _ = compare_analysis(ours(), A, Analysis("ranking", provenance=provenance), ours().base)
    assert not {"data", "base_sha256"} & {d.field for d in deviations}
