"""Nothing stale is ever shown (R15): whatever an answer depends on, when it changes the answer is worked out anew.

Answers are kept in one place: the app's memory (`app.answers`, `app.panel_value`). The test counts computations.
"""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.app import answers, panel_value
from evidence.domain.records import Prior
from evidence.io.proposals import load_proposal
from evidence.io.shipped import list_proposals
from test_app import DEFAULT, opened

SOURCE = Path(answers.__file__).parents[1]


def with_finding(base, **changes):
    first = base.findings[0].model_copy(update=changes)
    return base.model_copy(update={"findings": (first, *base.findings[1:])})


def with_setting(base, **changes):
    first = base.settings[0].model_copy(update=changes)
    return base.model_copy(update={"settings": (first, *base.settings[1:])})


def with_target(base, **changes):
    targets = base.question.targets
    question = base.question.model_copy(update={"targets": (targets[0].model_copy(update=changes), *targets[1:])})
    return base.model_copy(update={"question": question})


def with_prior(model, name, prior):
    return model.model_copy(update={"priors": {**model.priors, name: prior}})


def with_class(model, **changes):
    name = "small-open-chat"
    return model.model_copy(update={"classes": {**model.classes, name: model.classes[name].model_copy(update=changes)}})


HALF = Prior(dist="HalfNormal", scale=0.123, claim="test")
DATA = {
    "a count": lambda b: with_finding(b, k=13),
    "a sample": lambda b: with_finding(b, n=101),
    "a direction": lambda b: with_finding(b, higher_is_better=True),
    "who proposed it": lambda b: with_finding(b, own_technique=False),
    "a comparator": lambda b: with_finding(b, comparator="audit"),
    "a finding less": lambda b: b.model_copy(update={"findings": b.findings[1:]}),
    "findings in another order": lambda b: b.model_copy(update={"findings": b.findings[::-1]}),
    "a gap": lambda b: with_setting(b, gaps={**b.settings[0].gaps, "capability": "some"}),
    "a family": lambda b: with_setting(b, family="organism"),
    "an irrelevance": lambda b: b.model_copy(update={"families": (b.families[0].model_copy(update={"irrelevance": 0.3}), *b.families[1:])}),
    "a novelty": lambda b: with_target(b, novelty=0.9),
    "the name of a technique": lambda b: b.model_copy(update={"techniques": (b.techniques[0].model_copy(update={"name": "x"}), *b.techniques[1:])}),
    "the smallest difference": lambda b: b.model_copy(update={"question": b.question.model_copy(update={"smallest_difference": 0.3})}),
}  # fmt: skip
PRIORS = {
    "a prior": lambda m: with_prior(m, "tau", HALF),
    "the claim of a prior": lambda m: with_prior(m, "tau", m.priors["tau"].model_copy(update={"claim": "x"})),
    "another prior": lambda m: with_prior(m, "sigma_b", HALF),
    "an irrelevance of a class": lambda m: with_class(m, irrelevance=0.111),
    "a relevance of a class": lambda m: with_class(m, relevance=Prior(dist="Beta", a=2, b=3)),
    "a parametrisation": lambda m: m.model_copy(update={"parametrisation": m.parametrisation.model_copy(update={"construct_per": "setting"})}),
    "the name of the model": lambda m: m.model_copy(update={"id": "other"}),
}  # fmt: skip


class Counted:
    """In place of the computations: each call is an answer of its own."""

    def __init__(self):
        self.calls = 0

    def __call__(self, *_, **__):
        self.calls += 1
        return self.calls


@pytest.fixture
def counted(monkeypatch):
    found = Counted()
    for place in (
        "review.review_study",
        "review.prepare_whole",
        "ranking.fit_ranking",
        "live.prepare_live",
        "value.value_of",
    ):
        monkeypatch.setattr(f"evidence.analysis.{place}", found)
    caches = (answers._review, answers._whole, answers._ranking, answers._live, panel_value._value)
    for cached in caches:
        cached.clear()
    yield found
    for cached in caches:
        cached.clear()


PROPOSAL = load_proposal(next(iter(list_proposals().values())))[0]


def asked(found, proposal=PROPOSAL):
    """Every answer the app keeps, as asked for by its pages."""
    content, settings = answers.content_of(found), found.settings_list
    return {
        "review": answers._review(content, found.studies, settings, found.belief, _found=found),
        "whole": answers._whole(content, settings, _found=found),
        "ranking": answers._ranking(content, settings, _found=found),
        "live": answers.live_of(found, whole=False),
        "live on the whole base": answers.live_of(found, whole=True),
        "value": panel_value._value(content, answers.sha256_of(proposal), _found=found, _proposal=proposal),
    }


ALL = frozenset({"review", "whole", "ranking", "live", "live on the whole base", "value"})
EVERY = {
    **{name: (lambda f, c=change: replace(f, base=c(f.base)), ALL) for name, change in DATA.items()},
    **{name: (lambda f, c=change: replace(f, model=c(f.model)), ALL) for name, change in PRIORS.items()},
    "the target": (lambda f: replace(f, target="closed model"), ALL),
    "a setting moved": (lambda f: replace(f, settings={"prior.tau": "0.5"}), {"review", "whole", "ranking"}),
    "a setting moved further": (lambda f: replace(f, settings={"prior.tau": "0.6"}), {"review", "whole", "ranking"}),
    "another setting": (lambda f: replace(f, settings={"prior.sigma": "0.5"}), {"review", "whole", "ranking"}),
    "the studies": (lambda f: replace(f, studies=("beta2024",)), {"review", "live", "live on the whole base"}),
    "a belief": (lambda f: replace(f, belief=0.8), {"review"}),
    "another belief": (lambda f: replace(f, belief=0.81), {"review"}),
}


def test_r15_there_are_at_least_twenty_alterations():
    assert len(EVERY) + 3 >= 20  # version, seed and code below


@pytest.mark.parametrize(("change", "touched"), EVERY.values(), ids=EVERY)
def test_r15_an_alteration_is_worked_out_anew_and_nothing_else_is(counted, change, touched):
    found = opened()
    first = asked(found)
    assert asked(found) == first, "the same question is answered from memory"
    assert asked(opened()) == first, "and so is that of another reader with the same files"
    after = asked(change(found))
    assert {name for name in first if after[name] != first[name]} == set(touched)
    assert asked(found) == first, "switched back, the first answers stand"


def test_r15_another_proposal_version_or_seed_is_worked_out_anew(counted, monkeypatch):
    found = opened()
    first = asked(found)
    other = PROPOSAL.model_copy(update={"title": "another"})
    assert asked(found, other)["value"] != first["value"]
    monkeypatch.setattr("evidence.analysis.fitting.VERSION", "9.9.9")
    newer = asked(found)
    assert all(newer[name] != first[name] for name in ALL)
    monkeypatch.setattr("evidence.app.answers.SEED", 2)
    assert all(asked(found)[name] not in {first[name], newer[name]} for name in ALL)


def test_r15_results_are_kept_in_memory_only_so_that_no_other_code_can_find_them():
    """Code cannot change under a running server: nothing that was computed is written where another process reads it."""
    keepers: dict[str, list[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                text = ast.unparse(decorator)
                if "cache" in text:
                    assert "persist" not in text
                    assert "hash_funcs" not in text
                    keepers.setdefault(path.relative_to(SOURCE).as_posix(), []).append(text.partition("(")[0])
    kept = {name: set(texts) for name, texts in keepers.items()}
    assert {name for name, texts in kept.items() if "st.cache_resource" in texts} == {
        "app/answers.py",
        "app/panel_value.py",
    }
    # The others keep values of pure functions of their arguments, or parts of one object that never changes.
    assert set.union(*kept.values()) == {"st.cache_resource", "functools.lru_cache", "cached_property"}
    compiled = (SOURCE / "inference" / "jax_setup.py").read_text(encoding="utf-8")
    assert compiled.count("jax_compilation_cache_dir") == 1  # programs, which JAX keys by the program itself


def test_r15_every_argument_that_is_not_hashed_stands_for_hashed_ones():
    """Streamlit leaves arguments with a leading underscore out of the key: they may be the workspace or a proposal only."""
    for name in ("answers.py", "panel_value.py"):
        for node in ast.walk(ast.parse((SOURCE / "app" / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "cache_resource" in ast.unparse(d) for d in node.decorator_list
            ):
                arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                assert {a for a in arguments if a.startswith("_")} <= {"_found", "_proposal"}
                assert arguments[0] == "content"
                used = {
                    n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "_found"
                }
                handed = [
                    ast.unparse(n)
                    for n in ast.walk(node)
                    if isinstance(n, ast.Call) and "_found" in map(ast.unparse, n.args)
                ]
                assert handed == [], f"{node.name} hands the workspace on"
                assert used <= {"base", "model"}, (
                    f"{name}: {node.name} reads {used} of the workspace, which no key holds"
                )
    assert DEFAULT.id == "default"
