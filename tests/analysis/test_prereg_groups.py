"""Groups in which two registrations differ, and mixtures of the two: what is called what, and what is taken from whom."""

import pytest

import registrations
from evidence.analysis.prereg_groups import find_groups, mixed, sides_of
from evidence.domain.errors import BadInput
from evidence.domain.records import RegisteredMerit, RegisteredOrder
from evidence.io.models import load_model
from evidence.io.shipped import find_model

MORE_FAMILIES = registrations.FAMILIES + "organism,Model organisms,model-organism,,,,,Trained to misbehave\n"
MORE_SETTINGS = registrations.SETTINGS + (
    "sleeper,Sleeper agents,organism,code,Claude,frontier,itself,backdoors,none,frontier,some,trained in\n"
)
MORE_FINDINGS = registrations.FINDINGS + "f3,alpha2023,sleeper,monitor,none,counts,no,5,100,9,100,Table 2,full text\n"


def ours():
    return registrations.small_registration()


def targets(**changes):
    """The base with fields of its first scenario changed."""
    question = ours().base.question
    first = question.targets[0].model_copy(update=changes)
    question = question.model_copy(update={"targets": (first, *question.targets[1:])})
    return {"base": ours().base.model_copy(update={"question": question})}


def model(**changes):
    return {"model": ours().model.model_copy(update=changes)}


def small_open_chat(**changes):
    classes = ours().model.classes
    changed = classes["small-open-chat"].model_copy(update=changes)
    return model(classes={**classes, "small-open-chat": changed})


def merits(**means):
    rows = (RegisteredMerit(technique=t, mean=m, sd=0.5, claim="heard it said") for t, m in means.items())
    return model(merits=tuple(rows))


def order(technique, comparator):
    return model(orders=(RegisteredOrder(technique=technique, comparator=comparator, q=0.75, claim="a talk"),))


def without(name):
    priors = {n: p for n, p in ours().model.priors.items() if n != name}
    ties = ours().model.parametrisation.model_copy(update={"scale_link": True})
    return model(priors=priors, parametrisation=ties)


def stretched():
    """A model that states how much a setting stretches effects, which others need not."""
    return model(priors={**ours().model.priors, "lambda": ours().model.priors["sigma"]})


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """The registration on a base with one family, setting and finding more, as files."""
    folder = tmp_path_factory.mktemp("larger")
    registrations.write_base(
        folder / "base", findings=MORE_FINDINGS, families=MORE_FAMILIES, settings=MORE_SETTINGS,
        studies=registrations.STUDIES, outcomes=None,
    )  # fmt: skip
    return registrations.variant(base=registrations.source_in(folder).base)


def pair(one=None, other=None):
    """Both sides, as changed by their settings."""
    return sides_of(registrations.variant(**(one or {})), registrations.variant(**(other or {})))


DIFFERENCES = {
    "weights": ({}, targets(weight=0.25), ("scenario weights", "first deployment 0.75", "first deployment 0.25")),
    "novelty": ({}, targets(novelty=0.1), ("novelty", "first deployment 0.5", "first deployment 0.1")),
    "a class": (
        {}, small_open_chat(irrelevance=0.9),
        ("validity of chat", "irrelevance 0.169", "irrelevance 0.9"),
    ),
    "relevance set": (
        {"settings": ("relevance.chat=0.5",)}, {"settings": ("relevance.chat=0.25",)},
        ("validity of chat", "l Point(0.5)", "l Point(0.25)"),
    ),
    "relevance set by one": (
        {"settings": ("relevance.chat=0.5",)}, {}, ("validity of chat", "l Point(0.5)", "small-open-chat"),
    ),
    "one merit of two": (
        merits(monitor=0.3, audit=0.1), merits(monitor=0.3, audit=0.7),
        ("merit of audit", "N(0.1, 0.5^2)", "N(0.7, 0.5^2)"),
    ),
    "a merit of one side": (merits(monitor=0.3), {}, ("merit of monitor", "N(0.3, 0.5^2)", "none")),
    "orders": (
        order("monitor", "audit"), order("audit", "monitor"),
        ("registered orders", "monitor > audit 0.75", "audit > monitor 0.75"),
    ),
    "an order of one side": ({}, order("audit", "monitor"), ("registered orders", "none", "audit > monitor 0.75")),
    "an optional prior": ({}, stretched(), ("stretch (lambda)", "lambda none", "lambda HalfNormal")),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "says"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_has_one_group_that_says_what_each_holds(one, other, says):
    name, a, b = says
    (group,) = find_groups(*pair(one, other))
    assert group.name == name
    assert a in group.a
    assert b in group.b


@pytest.mark.parametrize(("one", "other"), [x[:2] for x in DIFFERENCES.values()], ids=DIFFERENCES)
def test_a_mixture_of_one_group_is_the_one_without_it_and_the_other_with_it(one, other):
    a, b = pair(one, other)
    (group,) = find_groups(a, b)
    assert mixed(a, b, set()) == a
    assert mixed(a, b, {group.name}) == b
    assert a != b


def test_an_order_is_no_part_of_a_merit_and_a_mixture_holds_them_apart():
    with_order = order("audit", "monitor")["model"]
    a, b = pair({}, {"model": with_order.model_copy(update={"merits": merits(audit=0.7)["model"].merits})})
    assert {g.name for g in find_groups(a, b)} == {"merit of audit", "registered orders"}
    found = mixed(a, b, {"registered orders"}).model
    assert (found.merits, found.orders) == ((), b.model.orders)


def test_a_tie_between_hyperparameters_takes_its_prior_along():
    """tau_P = tau needs no prior of tau_P, and the untied model cannot do without."""
    a, b = pair({}, without("tau_P"))
    groups = {g.name: g for g in find_groups(a, b)}
    assert set(groups) == {"ties between hyperparameters", "spread on proxies (tau_P)"}
    assert "scale_link=False" in groups["ties between hyperparameters"].a
    assert "scale_link=True" in groups["ties between hyperparameters"].b
    assert groups["spread on proxies (tau_P)"].b == "tau_P none"
    assert mixed(a, b, set(groups)) == b
    assert mixed(a, b, {"ties between hyperparameters"}).model == b.model
    assert mixed(a, b, {"spread on proxies (tau_P)"}).model == a.model, "there is no law to take"


def test_a_family_that_one_of_them_has_counts_as_evidence_and_not_as_a_validity(larger):
    for one, other, says in ((larger, ours(), "2 findings, 1 "), (ours(), larger, "3 findings, 1 ")):
        a, b = sides_of(one, other)
        (group,) = find_groups(a, b)
        assert group.name == "evidence read"
        assert group.b.startswith(says)
        assert mixed(a, b, set()) == a
        assert mixed(a, b, {"evidence read"}) == b


def test_mixed_evidence_keeps_what_each_side_holds_of_the_settings_both_have(larger):
    changed = larger.model_copy(update={"settings": ("gap.jailbreak.aim=major", "gap.sleeper.aim=major",
                                                     "irrelevance.chat=0.9", "relevance.organism=0.5")})  # fmt: skip
    a, b = sides_of(ours(), changed)
    assert {g.name for g in find_groups(a, b)} == {"evidence read", "gap aim", "validity of chat"}
    found = mixed(a, b, {"evidence read"})
    assert [f.id for f in found.base.findings] == ["f1", "f2", "f3"]
    gaps = {s.id: s.gaps["aim"] for s in found.base.settings}
    assert gaps == {"jailbreak": "none", "sleeper": "major"}, "b alone knows of the second"
    assert {f.id: f.irrelevance for f in found.base.families} == {"chat": 0.2, "organism": None}
    assert set(found.relevance) == {"organism"}
    rest = mixed(a, b, {"gap aim", "validity of chat"})
    assert [f.id for f in rest.base.findings] == ["f1", "f2"]
    assert [s.gaps["aim"] for s in rest.base.settings] == ["major"]
    assert ([f.irrelevance for f in rest.base.families], rest.relevance) == ([0.9], {})
    assert mixed(a, b, {"evidence read", "gap aim", "validity of chat"}) == b


def test_priors_of_one_kind_are_one_group_that_names_both():
    trusting = load_model(find_model("trusting")).priors
    priors = {**ours().model.priors, "sigma_b": trusting["sigma"], "mu_b": trusting["tau"]}
    (group,) = find_groups(*pair({}, model(priors=priors)))
    assert group.name == "optimism"
    assert "sigma_b" in group.b
    assert "mu_b" in group.b


def test_a_setting_read_as_one_of_another_family_is_a_difference_in_evidence(larger):
    settings = tuple(s.model_copy(update={"family": "chat"}) for s in larger.base.settings)
    other = larger.model_copy(update={"base": larger.base.model_copy(update={"settings": settings})})
    a, b = sides_of(larger, other)
    assert [g.name for g in find_groups(a, b)] == ["evidence read"]
    assert mixed(a, b, {"evidence read"}) == b


def test_gaps_rated_on_another_scale_are_refused():
    question = ours().base.question
    question = question.model_copy(update={"gap_levels": {**question.gap_levels, "some": 0.25}})
    other = registrations.variant(id="tiny-2", base=ours().base.model_copy(update={"question": question}))
    with pytest.raises(BadInput) as caught:
        sides_of(ours(), other)
    (problem,) = caught.value.problems
    assert (problem.file, problem.field) == ("tiny-2", "base.gap_levels")
    assert "0.25" in problem.found
    assert "as in tiny-1" in problem.wanted
