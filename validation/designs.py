"""The two fixed designs of the calibration: who measured what, where and how well. The numbers found are simulated.

Every estimate, count and mean below is a place for a simulated one, and an order may come out the other way round.
No finding comes or goes with the numbers, so every replication of a design has arrays of one shape, and an engine
compiles once. Counts have 9 cases in an arm: whatever comes out, one of the two cells is below 5, so they are always
binomial and never normal.
"""

from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Question,
    Setting,
    Study,
    Target,
    Technique,
)

SMALL_ARM = 9
"""Cases in an arm of a small count: (5, 4) at best, so one cell is always below 5."""


def _effect(name, place, technique, comparator, se, **more):
    scale = more.pop("scale", "smd")
    return _finding(name, place, technique, comparator, "effect", scale=scale, estimate=0.0, se=se, **more)


def _finding(name, place, technique, comparator, kind, **more):
    study, at = place
    more.setdefault("higher_is_better", True)
    return Finding(
        id=name, study=study, setting=at, technique=technique, comparator=comparator, kind=kind, where="simulated",
        source_kind="derived", **more,
    )  # fmt: skip


def _setting(name, family, gaps):
    return Setting(
        id=name, name=name, family=family, environment=name, model_family="m", outcome="o", gaps=gaps,
        reasons=dict.fromkeys(gaps, "fixed by the design"),
    )  # fmt: skip


def _base(name, *, novelty, families, settings, findings, techniques):
    dimensions = [Dimension(id=d, meaning=d, none="0", some="1/2", major="1") for d in settings[0].gaps]
    question = Question(
        id=name, title=name, question="is the engine calibrated?", criterion="c", unit="SMD", smallest_difference=0.1,
        targets=(Target(id="target", novelty=novelty),), dimensions=tuple(dimensions),
    )  # fmt: skip
    return EvidenceBase(
        question=question,
        techniques=tuple(Technique(id=t, name=t) for t in ("none", *techniques)),
        families=tuple(Family(id=f, name=f, reason="fixed by the design", **rest) for f, rest in families.items()),
        settings=tuple(settings),
        studies=tuple(Study(id=j, title=j, authors="a", year=2026) for j in dict.fromkeys(f.study for f in findings)),
        findings=tuple(findings),
    )


def sparse_design():
    """3 studies, 6 normal findings: two families, a shared comparator, two studies with a technique of their own."""
    j1, j2, j3 = ("j1", "s1"), ("j2", "s2"), ("j3", "s3")
    return _base(
        "sparse",
        novelty=1.0,
        techniques=("A", "B", "C"),
        families={"chat": {"validity_class": "open-chat"}, "organism": {"validity_class": "model-organism"}},
        settings=[
            _setting("s1", "chat", {"capability": "some", "aim": "major"}),
            _setting("s2", "chat", {"capability": "major", "aim": "major"}),
            _setting("s3", "organism", {"capability": "some", "aim": "some"}),
        ],
        findings=[
            _effect("f1", j1, "A", "none", 0.2, own_technique=True),
            _effect("f2", j1, "B", "none", 0.3),
            _effect("f3", j2, "A", "none", 0.25),
            _effect("f4", j2, "C", "A", 0.25, own_technique=True),
            _effect("f5", j3, "B", "none", 0.3),
            _effect("f6", j3, "C", "B", 0.4),
        ],
    )


def dense_design():
    """10 studies, 25 findings of every kind the generative model can draw exactly, 4 techniques, 3 families, 6 settings.

    Contrasts with and without a shared comparator, arms with the baseline among them, repeated implementations, both
    directions, two scales, allegiance on either side, orders, small counts (a contrast and an arm), an unknown gap, an
    assumed n, a stated validity.
    """
    stated = {"stated_at": "s5", "stated_rho_lo": 0.05, "stated_rho_hi": 0.4}
    return _base(
        "dense",
        novelty=0.5,
        techniques=("A", "B", "C", "D"),
        families={
            "chat": {"validity_class": "open-chat"},
            "organism": {"validity_class": "model-organism", "irrelevance": 0.4},
            "toy": {"validity_class": "toy-environment", **stated},
        },
        settings=[
            _setting("s1", "chat", {"capability": "some", "aim": "none"}),
            _setting("s2", "chat", {"capability": "major", "aim": "some"}),
            _setting("s3", "organism", {"capability": "some", "aim": "some"}),
            _setting("s4", "organism", {"capability": 0.25, "aim": "unknown"}),
            _setting("s5", "toy", {"capability": "major", "aim": "none"}),
            _setting("s6", "toy", {"capability": "none", "aim": "unknown"}),
        ],
        findings=[*_contrasts(), *_arms(), *_signs_and_counts()],
    )


def _contrasts():
    j1, j2, j5, j7, j9, j10 = ("j1", "s1"), ("j2", "s2"), ("j5", "s3"), ("j7", "s4"), ("j9", "s5"), ("j10", "s6")
    worse = {"higher_is_better": False}
    return [
        _effect("a1", j1, "A", "none", 0.15, own_technique=True),
        _effect("a2", j1, "B", "none", 0.2),
        _effect("a3", j1, "C", "none", 0.3, **worse),
        _effect("b1", j2, "A", "none", 0.2),
        _effect("b2", j2, "B", "A", 0.25, own_technique=True),
        _effect("b3", j2, "D", "A", 0.2, own_comparator=True, shared_comparator=False),
        _effect("c1", j5, "B", "none", 0.4, scale="logit", **worse),
        _effect("c2", j5, "D", "none", 0.4, scale="logit", shared_comparator=False, **worse),
        _effect("d1", j7, "A", "none", 0.25),
        _effect("d2", j7, "C", "none", None, ci_lo=-0.5, ci_hi=0.5),
        _finding("e1", j9, "C", "A", "means", mean=0.0, sd=1.0, mean0=0.0, sd0=1.0, assumed_n_lo=40, assumed_n_hi=1000),
        _finding("e2", j9, "D", "A", "means", mean=0.0, sd=2.0, mean0=0.5, sd0=2.0, assumed_n_lo=40, assumed_n_hi=1000),
        _effect("g1", j10, "B", "none", 5.0, scale="raw", unit_sd=20.0),
    ]


def _arms():
    j3, j4 = ("j3", "s1"), ("j4", "s4")
    return [
        _effect("h1", j3, "none", None, 0.1),
        _effect("h2", j3, "B", None, 0.1, own_technique=True),
        _effect("h3", j3, "D", None, 0.15),
        _finding("h4", j3, "C", None, "proportion", k=0, n=SMALL_ARM),
        _effect("i1", j4, "A", None, 0.1),
        _effect("i2", j4, "B", None, 0.2, higher_is_better=False),
        _effect("i3", j4, "D", None, 0.15, own_technique=True),
    ]


def _signs_and_counts():
    j5, j6, j8, j9 = ("j5", "s3"), ("j6", "s3"), ("j8", "s2"), ("j9", "s5")
    small = {"k": 0, "n": SMALL_ARM, "k0": 0, "n0": SMALL_ARM}
    return [
        _finding("o1", j5, "C", "A", "order", q=0.9),
        _finding("o2", j6, "D", "B", "order", q=0.8),
        _finding("o3", j6, "B", "C", "order", q=0.95),
        _finding("o4", j9, "A", "none", "argument", q=0.7),
        _finding("k1", j8, "C", "none", "counts", higher_is_better=False, own_technique=True, **small),
    ]


DESIGNS = {"sparse": sparse_design, "dense": dense_design}
