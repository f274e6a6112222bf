"""Small evidence bases built in memory for tests of the mathematics (records only, no files)."""

from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Model,
    Prior,
    Question,
    Setting,
    Study,
    Target,
    Technique,
    ValidityClass,
)

HIERARCHY = {
    "tau": 1.0, "tau_P": 1.0, "sigma": 0.0, "sigma_b": 0.0, "mu_b": 0.0, "sigma_d": 0.0, "mu_d": 0.0, "r": 0.0,
    "w_0": 0.0, "w_d": 0.0,
}  # fmt: skip


def prior(dist, **parameters):
    return Prior(dist=dist, claim="test", **parameters)


def point_model(*, rho=1.0, scale_link=False, **values):
    """Every hyperparameter at a point: `rho` is l of the only class, with v = 1 and no gaps counted."""
    priors = {k: prior("Point", value=v) for k, v in {**HIERARCHY, **values}.items()}
    if scale_link:
        del priors["tau_P"]
    klass = ValidityClass(
        claim="test", irrelevance=0.0, relevance=prior("Point", value=rho), construct_noise=prior("Point", value=1.0)
    )
    return Model(
        id="point", title="point", claim="test", priors=priors, classes={"proxy": klass},
        parametrisation={"scale_link": scale_link},
    )  # fmt: skip


def spread_model(**changes):
    """A proper prior on everything."""
    half = {"tau": 1.0, "tau_P": 1.0, "sigma": 0.2, "sigma_b": 0.3, "mu_b": 0.2, "sigma_d": 0.2, "mu_d": 0.2}
    priors = {k: prior("HalfNormal", scale=v) for k, v in half.items()}
    priors |= {
        "r": prior("Beta", a=2, b=4),
        "w_0": prior("HalfNormal", scale=1.5),
        "w_d": prior("HalfNormal", scale=0.7),
    }
    klass = ValidityClass(claim="test", irrelevance=0.2, relevance=prior("Beta", a=6, b=3))
    return Model(id="spread", title="spread", claim="test", priors={**priors, **changes}, classes={"proxy": klass})


def setting(name, family="F", gaps=None):
    gaps = {"distance": "some"} if gaps is None else gaps
    return Setting(
        id=name, name=name, family=family, environment="e", model_family="m", outcome="o", gaps=gaps,
        reasons=dict.fromkeys(gaps, "test"),
    )  # fmt: skip


def effect(name, technique, comparator, estimate, se, *, study="j", at="s", **more):
    return finding(
        name, technique, comparator, "effect", study=study, at=at, scale="smd", estimate=estimate, se=se, **more
    )


def order(name, technique, comparator, q, *, study="j", at="s", **more):
    return finding(name, technique, comparator, "order", study=study, at=at, q=q, **more)


def finding(name, technique, comparator, kind, *, study="j", at="s", **more):
    more.setdefault("higher_is_better", True)
    return Finding(
        id=name, study=study, setting=at, technique=technique, comparator=comparator, kind=kind, where="test",
        source_kind="full text", **more,
    )  # fmt: skip


def base_of(*findings, settings=None, novelty=1.0, dimensions=("distance",), techniques=None):
    """A base holding what the findings mention: techniques and studies in order of appearance, one target."""
    settings = tuple(settings or dict.fromkeys(f.setting for f in findings) or ["s"])
    settings = tuple(setting(s) if isinstance(s, str) else s for s in settings)
    named = [t for f in findings for t in (f.technique, f.comparator) if t not in (None, "none")]
    techniques = dict.fromkeys([*(techniques or []), *named] or ["A"])
    meanings = [Dimension(id=d, meaning="m", none="n", some="s", major="x") for d in dimensions]
    question = Question(
        id="test", title="test", question="?", criterion="c", unit="u", smallest_difference=0.1,
        targets=(Target(id="target", novelty=novelty),), dimensions=tuple(meanings),
    )  # fmt: skip
    studies = dict.fromkeys(f.study for f in findings)
    return EvidenceBase(
        question=question,
        techniques=tuple(Technique(id=t, name=t) for t in ["none", *techniques]),
        families=tuple(
            Family(id=f, name=f, validity_class="proxy", reason="test")
            for f in dict.fromkeys(s.family for s in settings)
        ),
        settings=settings,
        studies=tuple(Study(id=j, title=j, authors="a", year=2026) for j in studies),
        findings=findings,
    )
