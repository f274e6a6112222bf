"""Thirty problems on which the two engines must agree: shipped bases, textbook data, and every corner of the model.

Each is a base and a model of `models/`, or one of its own. HarmBench is cut to 8 techniques and 5 open models: the whole
has 318 true effects, and one gradient of the model with explicit latents takes a quarter of a second there.
"""

import dataclasses

import numpy as np

import simulator
from designs import DESIGNS
from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Model,
    Prior,
    Question,
    RegisteredMerit,
    RegisteredOrder,
    Setting,
    Study,
    Target,
    Technique,
)
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model
from evidence.io.tables import load_base

EIGHT_SCHOOLS = ((28, 15), (8, 10), (-3, 16), (7, 11), (-1, 9), (1, 11), (18, 10), (12, 18))
"""Effects and standard errors of coaching, points of the SAT (Rubin 1981); here in units of 10 points."""
HARMBENCH_TECHNIQUES, HARMBENCH_SETTINGS = 8, 5


@dataclasses.dataclass(frozen=True)
class Problem:
    """A base under a model at its primary target."""

    name: str
    base: EvidenceBase
    model: Model


def finding(name, at, technique, comparator, kind, **more):
    """A finding in setting `at`, one study per setting unless `study` says otherwise."""
    more.setdefault("higher_is_better", True)
    more.setdefault("study", f"study of {at}")
    return Finding(
        id=name, setting=at, technique=technique, comparator=comparator, kind=kind, where="simulated",
        source_kind="derived", **more,
    )  # fmt: skip


def effect(name, at, technique, comparator, estimate, se, **more):
    """A contrast in SMD."""
    return finding(name, at, technique, comparator, "effect", scale="smd", estimate=estimate, se=se, **more)


def order(name, at, technique, comparator, q, **more):
    """A statement that `technique` is above `comparator`."""
    return finding(name, at, technique, comparator, "order", q=q, **more)


def counts(name, at, technique, comparator, cells, **more):
    """A 2x2 table: successes and cases of the technique, then of the comparator."""
    k, n, k0, n0 = cells
    return finding(name, at, technique, comparator, "counts", k=k, n=n, k0=k0, n0=n0, **more)


def base_of(name, *findings, families=None, gaps=None, novelty=1.0, targets=()):
    """A base of these findings. `families`: class and more of each setting's own family; `gaps`: one number each."""
    targets = (Target(id="target", novelty=novelty), *targets)
    at = dict.fromkeys(f.setting for f in findings if f.setting not in {t.id for t in targets})
    kinds = {s: (families or {}).get(s, (f"family of {s}", {"validity_class": "open-chat"})) for s in at}
    settings = [
        Setting(
            id=s, name=s, family=kinds[s][0], environment=s, model_family="m", outcome="o",
            gaps={"distance": (gaps or {}).get(s, "some")}, reasons={"distance": "by design"},
        )
        for s in at
    ]  # fmt: skip
    techniques = dict.fromkeys(t for f in findings for t in (f.technique, f.comparator) if t and t != "none")
    question = Question(
        id=name, title=name, question="do the engines agree?", criterion="c", unit="SMD", smallest_difference=0.1,
        targets=targets, dimensions=(Dimension(id="distance", meaning="d", none="0", some="1/2", major="1"),),
    )  # fmt: skip
    return EvidenceBase(
        question=question,
        techniques=tuple(Technique(id=t, name=t) for t in ("none", *techniques)),
        families=tuple(Family(id=f, name=f, reason="by design", **more) for f, more in dict(kinds.values()).items()),
        settings=tuple(settings),
        studies=tuple(Study(id=j, title=j, authors="a", year=2026) for j in dict.fromkeys(f.study for f in findings)),
        findings=findings,
    )


def shipped(name):
    return load_model(find_model(name))


def with_priors(model, **priors):
    return model.model_copy(update={"priors": {**model.priors, **priors}})


def law(dist, **parameters):
    return Prior(dist=dist, claim="by design", **parameters)


def small_harmbench():
    """The HarmBench bridge with the techniques and open models that come first in its tables."""
    base = load_base(find_base("harmbench"))
    techniques = [t.id for t in base.techniques[: HARMBENCH_TECHNIQUES + 1]]
    settings = [s.id for s in base.settings[:HARMBENCH_SETTINGS]]
    findings = tuple(
        f for f in base.findings
        if f.setting in settings and f.technique in techniques and (f.comparator is None or f.comparator in techniques)
    )  # fmt: skip
    named = {t for f in findings for t in (f.technique, f.comparator)} | {base.techniques[0].id}
    families = {s.family for s in base.settings[:HARMBENCH_SETTINGS]}
    return base.model_copy(
        update={
            "techniques": tuple(t for t in base.techniques if t.id in named),
            "settings": base.settings[:HARMBENCH_SETTINGS],
            "families": tuple(f for f in base.families if f.id in families),
            "studies": tuple(s for s in base.studies if s.id in {f.study for f in findings}),
            "findings": findings,
        }
    )


def eight_schools():
    """One technique in eight settings, as an ordinary random-effects model has it and with gaps of validity."""
    rows = [effect(f"school {i}", f"s{i}", "coaching", "none", y / 10, se / 10) for i, (y, se) in enumerate(EIGHT_SCHOOLS)]
    return base_of("eight-schools", *rows)


def funnel(se):
    """Five settings with hardly any data or a lot of it: the spread is free to go to 0, or sharp."""
    estimates = (0.3, 0.1, 0.2, 0.4, 0.0)
    return base_of(f"funnel-{se}", *[effect(f"f{i}", f"s{i}", "A", "none", y, se) for i, y in enumerate(estimates)])


def simulated(design, seed):
    return simulator.simulate(DESIGNS[design](), np.random.default_rng(seed)).base


def problems():
    """All thirty, by name in the order they are fitted."""
    default = shipped("uncalibrated")
    chat = {"validity_class": "open-chat"}
    organism = {"validity_class": "model-organism"}
    two = (effect("f1", "s1", "A", "none", 0.8, 0.2), effect("f2", "s1", "B", "none", 0.3, 0.2))
    conflict = (effect("f1", "s1", "A", "B", 1.5, 0.15), effect("f2", "s2", "A", "B", -1.2, 0.15))
    chain = (
        *two, order("o1", "s2", "A", "B", 0.9), order("o2", "s2", "B", "C", 0.8), order("o3", "s2", "C", "none", 0.95),
    )  # fmt: skip
    circle = (order("o1", "s1", "A", "B", 0.9), order("o2", "s1", "B", "C", 0.9), order("o3", "s1", "C", "A", 0.9))
    beliefs = base_of("beliefs", *two, effect("f3", "s2", "C", "none", 0.5, 0.3))
    stated = {"validity_class": "model-organism", "stated_at": "s1", "stated_rho_lo": 0.1, "stated_rho_hi": 0.6}
    merit = RegisteredMerit(technique="C", mean=0.6, sd=0.4, claim="by design")
    belief = RegisteredOrder(technique="B", comparator="A", q=0.8, claim="by design")
    few, some = (1, 9, 4, 9), (12, 40, 20, 40)
    found = {
        "eight schools": (eight_schools(), default),
        "eight schools, random effects": (eight_schools(), shipped("random-effects")),
        "funnel, little data": (funnel(1.5), default),
        "funnel, sharp data": (funnel(0.03), default),
        "funnel, random effects": (funnel(0.3), shipped("random-effects")),
        "one proxy": (base_of("one", effect("f1", "s1", "A", "none", 0.6, 0.25)), default),
        "one proxy, strong": (base_of("strong", effect("f1", "s1", "A", "none", 2.5, 0.1)), default),
        "one proxy, sceptic": (base_of("sceptic", *two), shipped("sceptic")),
        "one proxy, trusting": (base_of("trusting", *two), shipped("trusting")),
        "one proxy, face value": (base_of("face", *two), shipped("face-value")),
        "conflict of two proxies": (base_of("conflict", *conflict), default),
        "conflict in one setting": (
            base_of("conflict-within", conflict[0], effect("f2", "s1", "A", "B", -1.2, 0.15, study="other")), default,
        ),
        "likely beside the point": (
            base_of("beside", *conflict, families={"s1": ("F", {**organism, "irrelevance": 0.8}), "s2": ("G", chat)}),
            default,
        ),
        "one family, two gaps": (
            base_of("gaps", *two, effect("f3", "s2", "A", "B", 0.9, 0.2), families={"s1": ("F", chat), "s2": ("F", chat)},
                    gaps={"s1": "none", "s2": "major"}), default,
        ),
        "an unknown gap": (base_of("unknown", *two, gaps={"s1": "unknown"}), default),
        "a stated validity": (base_of("stated", *two, families={"s1": ("F", stated)}), default),
        "a chain of orders": (base_of("chain", *chain), default),
        "a circle of orders": (base_of("circle", *circle), default),
        "orders alone": (base_of("order", order("o1", "s1", "A", "B", 0.9)), default),
        "small counts": (
            base_of("counts", counts("k1", "s1", "A", "none", few), counts("k2", "s1", "B", "none", (0, 9, 4, 9))), default,
        ),
        "larger counts": (base_of("larger", counts("k1", "s1", "A", "none", some), counts("k2", "s2", "B", "A", some)), default),
        "single arms": (
            base_of("arms", *[finding(f"a{t}", "s1", t, None, "effect", scale="smd", estimate=y, se=0.15)
                              for t, y in (("none", 0.1), ("A", 0.9), ("B", 0.4))]), default,
        ),
        "allegiance on both sides": (
            base_of("own", effect("f1", "s1", "A", "none", 1.1, 0.2, own_technique=True),
                    effect("f2", "s2", "B", "A", 0.4, 0.2, own_technique=True), effect("f3", "s3", "B", "A", -0.2, 0.2,
                                                                                       own_comparator=True)), default,
        ),
        "an assumed n": (
            base_of("assumed", *two, finding("m1", "s2", "B", "A", "means", mean=0.6, sd=1.0, mean0=0.0, sd0=1.0,
                                             assumed_n_lo=20, assumed_n_hi=800)), default,
        ),
        "registered merit": (beliefs, default.model_copy(update={"merits": (merit,)})),
        "registered order": (beliefs, default.model_copy(update={"orders": (belief,)})),
        "a measured target, stretch per setting": (
            base_of("measured", *two, effect("f3", "other target", "B", "A", 0.3, 0.2),
                    targets=(Target(id="other target", novelty=0.5),)),
            with_priors(default, **{"lambda": law("LogNormal", median=1.0, sigma=0.4)}),
        ),
        "simulated, 25 findings of every kind": (simulated("dense", 3), load_model(simulator.MODEL)),
        "control": (load_base(find_base("control")), default),
        "harmbench, 8 techniques and 5 open models": (small_harmbench(), default),
    }  # fmt: skip
    return [Problem(name, base, model) for name, (base, model) in found.items()]
