"""Two registrations that differ in one prior have that prior named as the crux."""

import numpy as np
import pytest

import registrations
from evidence.analysis import prereg_compare
from evidence.analysis.fitting import prepare_case
from evidence.analysis.prereg_compare import compare_registrations
from evidence.analysis.prereg_groups import find_groups, mixed, sides_of
from evidence.analysis.prereg_pool import PastScore, pool_registrations
from evidence.analysis.ranking import fit_ranking
from evidence.domain.errors import BadInput
from evidence.domain.records import RegisteredMerit
from evidence.inference.exact import ExactEngine

A, B = "a" * 64, "b" * 64
ENGINE = ExactEngine()


def ours():
    return registrations.small_registration()


def family(**changes):
    base = ours().base
    return {"base": base.model_copy(update={"families": tuple(f.model_copy(update=changes) for f in base.families)})}


def prior(**scales):
    model = ours().model
    priors = {n: model.priors[n].model_copy(update={"scale": x}) for n, x in scales.items()}
    return {"model": model.model_copy(update={"priors": {**model.priors, **priors}})}


def merit(technique, mean, sd):
    belief = RegisteredMerit(technique=technique, mean=mean, sd=sd, claim="heard it said")
    return {"model": ours().model.model_copy(update={"merits": (belief,)})}


def shorter():
    return {"base": ours().base.model_copy(update={"findings": ours().base.findings[1:]})}


ONE_PRIOR = {
    "validity of chat": family(irrelevance=0.9),
    "novelty": {"settings": ("novelty.first deployment=0.02", "novelty.slow change=0.02")},
    "implementation noise (sigma)": prior(sigma=1.5),
    "gap weights (w_d)": prior(w_d=1.5),
    "merit of audit": merit("audit", 0.8, 0.3),
    "evidence read": shorter(),
}


@pytest.mark.parametrize("group", ONE_PRIOR)
def test_the_one_assumption_in_which_two_registrations_differ_is_the_crux(group):
    other = registrations.variant(**ONE_PRIOR[group])
    found = compare_registrations((A, ours()), (B, other), engine=ENGINE)
    assert found.ok
    assert [g.group for g in found.groups] == [group]
    assert found.crux == group
    assert found.disagreement > found.error
    assert found.crux_share == pytest.approx(1.0, abs=1e-12)
    assert found.groups[0].alone_from_a == pytest.approx(found.disagreement, abs=1e-12)


def test_among_several_differences_the_one_that_matters_is_the_crux_and_shares_add_up():
    other = registrations.variant(**family(irrelevance=0.9), settings=("prior.r=0.4",), **prior(sigma=0.16))
    found = compare_registrations((A, ours()), (B, other), engine=ENGINE)
    assert {g.group for g in found.groups} == {"validity of chat", "shared part (r)", "implementation noise (sigma)"}
    assert found.crux == "validity of chat"
    assert sum(g.shapley for g in found.groups) == pytest.approx(found.disagreement, abs=1e-12)
    assert found.fits == 8
    assert found.studies, "something would move both"


def mixer_of(one, other):
    """The mixer of two registrations, both fitted."""
    a, b = sides_of(one, other)
    names = [g.name for g in find_groups(a, b)]
    mixer = prereg_compare._Mixer(a, b, names, ours().question.techniques, ENGINE, 1)
    mixer.fit("a", a, frozenset())
    mixer.fit("b", b, frozenset(range(len(names))))
    return mixer


def assert_like_a_fit_of_its_own(mixer, i):
    """What the mixer holds of a with group i from b, against a ranking of those assumptions."""
    view = mixer.view(frozenset({i}))
    changed = mixed(mixer.a, mixer.b, {mixer.names[i]})
    ranking = fit_ranking(changed.base, changed.model, engine=ENGINE, target="scenarios").ranking
    p = [ranking.p_above["none"]["monitor"], ranking.p_above["none"]["audit"], ranking.p_above["monitor"]["audit"]]
    assert np.abs(view.above - p).max() < 4 * 0.0056  # errors of .005 and .0025


def test_a_mixed_belief_is_that_of_a_fit_of_its_own():
    mixer = mixer_of(ours(), registrations.variant(**family(irrelevance=0.9), **prior(sigma=0.5)))
    for i in (0, 1):
        assert_like_a_fit_of_its_own(mixer, i)
    assert mixer.refits <= 2


def test_a_validity_stated_by_one_alone_is_taken_back_from_the_draws_that_had_it():
    one = registrations.variant(settings=("validity.chat=0.2..0.6",))
    mixer = mixer_of(one, registrations.variant(settings=("novelty.first deployment=0.1",)))
    assert mixer.names == ["validity of chat", "novelty"]
    for i in (0, 1):
        assert_like_a_fit_of_its_own(mixer, i)
    assert mixer.refits == 0


NEAR = {"settings": ("validity.chat=0.99", "gap.jailbreak.aim=none")}
FAR = {"settings": ("validity.chat=0.05", "gap.jailbreak.aim=major")}


def test_a_mixture_of_which_neither_side_has_draws_is_fitted_and_progress_is_told():
    """A validity of .99 in spite of a large gap is next to nothing of either belief."""
    told = []
    found = compare_registrations(
        (A, registrations.variant(**NEAR)), (B, registrations.variant(**FAR)), engine=ENGINE,
        progress=lambda *said: told.append(said),
    )  # fmt: skip
    assert found.ok
    assert (found.fits, found.refits) == (4, 1)
    assert sum(g.shapley for g in found.groups) == pytest.approx(found.disagreement, abs=1e-12)
    assert {(words, total) for words, _, total in told} == {("mixing the two", 4)}
    done = [n for _, n, _ in told]
    assert done == sorted(done)
    assert done[-1] <= 4


def test_draws_of_other_hyperparameters_are_not_weighted_anew():
    """An assumed sample size is a hyperparameter that the draws of the other side hold nothing of."""
    first, *rest = ours().base.findings
    changes = {"kind": "proportion", "comparator": None, "rate": 0.5, "assumed_n_lo": 50, "assumed_n_hi": 400}
    first = first.model_copy(update={**changes, "k": None, "n": None, "k0": None, "n0": None})
    other = registrations.variant(base=ours().base.model_copy(update={"findings": (first, *rest)}))
    a, b = sides_of(ours(), other)
    mixer = prereg_compare._Mixer(a, b, ["evidence read"], ours().question.techniques, ENGINE, 1)
    mixer.fit("a", a, frozenset())
    mixer.fitted["b"] = mixer.fitted["a"]
    cases = [prereg_compare._case_of(side, 1, ENGINE) for side in (a, b)]
    assert {*cases[1].hyper.names} - {*cases[0].hyper.names} == {"n[alpha2023:50-400]"}
    own = mixer._reweighted(cases[0], frozenset())
    assert [len(p.weights) for p in own] == [len(p.weights) for p in mixer.fitted["a"][1]]
    assert mixer._reweighted(cases[1], frozenset()) is None


def test_a_mixture_of_nothing_is_the_one_and_of_everything_the_other():
    other = registrations.variant(
        **merit("audit", 0.8, 0.3), **family(irrelevance=0.9), settings=("gap.jailbreak.aim=major",)
    )
    a, b = sides_of(ours(), other)
    groups = {g.name for g in find_groups(a, b)}
    assert groups == {"merit of audit", "validity of chat", "gap aim"}
    for from_b, wanted in ((set(), a), (groups, b)):
        found = mixed(a, b, from_b)
        assert (found.base, found.model) == (wanted.base, wanted.model)


def test_equal_registrations_have_no_crux():
    found = compare_registrations((A, ours()), (B, registrations.variant(id="tiny-2")), engine=ENGINE)
    assert (found.disagreement, found.crux, found.groups, found.studies) == (0.0, None, (), ())


def test_what_the_imagined_study_would_teach_is_what_a_real_one_teaches():
    """The update by a result y, by weights, against a fit of the base with that finding in it."""
    from evidence.analysis import prereg_bridging as bridging
    from evidence.analysis.fitting import fit_case
    from evidence.inference.engine import share_above

    base, model = ours().base, ours().model
    case = prepare_case(base, model, target="first deployment", settings=(), seed=1)
    posterior = fit_case(case, ENGINE, seed=1).resampled(4096)
    place = bridging._Place("monitor", "jailbreak", 0.1, None)
    reader = bridging._reader(case, posterior, (bridging._finding(place, 0, case),), ENGINE)
    y = 0.9
    found = reader.after(0, reader.put(np.array([y])))
    weights, _ = reader.told(found)
    by_hand = float(weights @ share_above(found.mean[:, 1], found.cov[:, 1, 1]))
    real = base.model_copy(update={
        "findings": (*base.findings, bridging._finding(place, 0, case, y)),
        "studies": (*base.studies, base.studies[0].model_copy(update={"id": "imagined study 0"})),
    })  # fmt: skip
    densities = [reader.told(reader.after(0, reader.put(np.array([x]))))[1] for x in np.linspace(-6, 6, 121)]
    mean, _ = reader.expected(0)
    assert np.average(np.linspace(-6, 6, 121), weights=densities) == pytest.approx(posterior.weights @ mean, abs=0.02)
    ranking = fit_ranking(real, model, engine=ENGINE, target="first deployment").ranking
    assert by_hand == pytest.approx(ranking.p_above["monitor"]["none"], abs=0.02)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"question": "id"}, "question.id"),
        ({"question": "techniques"}, "question.techniques"),
    ],
)
def test_other_questions_cannot_be_compared(changes, says):
    del changes
    question = ours().question
    other = {"question.id": {"id": "another"}, "question.techniques": {"techniques": ("monitor", "audit")}}[says]
    changed = registrations.variant(question=question.model_copy(update=other))
    with pytest.raises(BadInput, match=says):
        compare_registrations((A, ours()), (B, changed), engine=ENGINE)


def test_a_pool_lies_between_its_reviewers_and_learned_weights_follow_scores():
    one = ours()
    belief = one.beliefs[0]
    flipped = tuple(
        c.model_copy(update={"mean": tuple(-m for m in c.mean), "p_above": 1 - c.p_above}) for c in belief.contrasts
    )
    other = registrations.variant(
        beliefs=(belief.model_copy(update={"contrasts": flipped}), *one.beliefs[1:]),
        authors=(one.authors[0].model_copy(update={"name": "Eve"}),),
    )
    equal = pool_registrations([(A, one), (B, other)])
    for pair in equal.scenarios[0].pairs:
        assert pair.p_linear == pytest.approx(0.5, abs=1e-9)
        assert pair.p_log == pytest.approx(0.5, abs=1e-9)
        assert pair.linear["q50"] == pytest.approx(0, abs=1e-6)
    past = [PastScore(f"q{i}", who, score) for i in range(30) for who, score in (("Ada", -1.0), ("Eve", -2.0))]
    learned = pool_registrations([(A, one), (B, other)], past=past)
    assert learned.reviewers[0].weight > 0.8
    assert learned.reviewers[0].questions == 30
    assert pool_registrations([(A, one), (B, other)], past=[]).notes
    stated = pool_registrations([(A, one), (B, other)], [3, 1])
    pair = stated.scenarios[0].pairs[0]
    assert pair.p_linear == pytest.approx(0.75 * pair.p[0] + 0.25 * pair.p[1], abs=1e-12)
    with pytest.raises(BadInput, match="--weights"):
        pool_registrations([(A, one), (B, other)], [1, 1, 1])
    with pytest.raises(BadInput, match="two or more"):
        pool_registrations([(A, one)])
