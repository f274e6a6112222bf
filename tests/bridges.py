"""A small bridge built in memory: four proxies with arms and contrasts, two targets with outcomes."""

import math

import cases
from evidence.domain.records import Finding, Outcome, Study, Target

ARMS = {"none": (0.3, 0.1), "A": (0.9, 0.12), "B": (0.5, 0.15), "C": (0.2, 0.2)}
"""Estimate and se of the arms of `arms`."""
CONTRASTS = {"A": (0.8, 0.2), "B": (-0.1, 0.3)}
"""Estimate and se against the baseline in `contrasts`, one comparator sample."""
RATES = {"A": (60, 100), "B": (45, 90)}
"""k and n of the arms of `rates`."""
C_ABOVE_D = (0.7, 0.25)
"""The only place where D was measured: against C, in `lone`."""
OUTCOMES = {
    "near": {"A": (0.5, 0.2), "B": (0.1, 0.25), "C": (0.3, 0.3)},
    "far": {"A": (-0.2, 0.3), "B": (0.4, 0.2), "C": (0.4, 0.2)},
}
"""Estimate and se against the baseline at each target, of whose variance BASELINE_VAR is the baseline's."""
BASELINE_VAR = 0.01
TO_SMD = math.sqrt(3) / math.pi


def outcome(target, technique, estimate, se, *, baseline_var=BASELINE_VAR):
    return Outcome(
        target=target, technique=technique, estimate_smd=estimate, se_smd=se, baseline_var_smd=baseline_var, where="t"
    )


def outcomes_of(table, **more):
    return tuple(outcome(g, t, *row, **more) for g, rows in table.items() for t, row in rows.items())


def settings():
    """`arms` is far, `rates` and `contrasts` are equally near and `rates` is larger, `lone` is of unknown distance."""
    one = cases.setting("arms", "F", {"distance": "major"}).model_copy(update={"size": "400B"})
    two = cases.setting("contrasts", "F", {"distance": "some"}).model_copy(update={"size": "7B"})
    three = cases.setting("rates", "G", {"distance": "some"}).model_copy(update={"size": "8x7B"})
    return one, two, three, cases.setting("lone", "G", {"distance": "unknown"})


def findings():
    found = [cases.effect(f"a {t}", t, None, *x, study="j1", at="arms") for t, x in ARMS.items()]
    found += [cases.effect(f"c {t}", t, "none", *x, study="j2", at="contrasts") for t, x in CONTRASTS.items()]
    found += [
        Finding(
            id=f"r {t}", study="j3", setting="rates", technique=t, kind="proportion", higher_is_better=True, k=k, n=n,
            where="t", source_kind="full text",
        )
        for t, (k, n) in RATES.items()
    ]  # fmt: skip
    return (*found, cases.effect("l", "C", "D", *C_ABOVE_D, study="j4", at="lone"))


def bridge(name="bridge", *, outcomes=None, extra=(), study=None):
    """The bridge; `extra` findings beside its own, `study` a study of another name that it has too."""
    base = cases.base_of(*findings(), *extra, settings=settings(), techniques=["A", "B", "C", "D"])
    targets = (Target(id="near", novelty=0.3), Target(id="far", novelty=0.8, coordinates={"distance": 0.5}))
    studies = base.studies + ((Study(id=study, title=study, authors="a", year=2026),) if study else ())
    return base.model_copy(
        update={
            "question": base.question.model_copy(update={"id": name, "targets": targets}),
            "outcomes": outcomes_of(OUTCOMES) if outcomes is None else tuple(outcomes),
            "studies": studies,
        }
    )
