"""Review records for tests: one fixed, and any number drawn at random but consistent with themselves."""

from __future__ import annotations

import math
import random
from typing import Any

from evidence.domain.results import (
    Check,
    Diagnosis,
    Flip,
    InContext,
    InputLine,
    Pair,
    Provenance,
    RankedTechnique,
    Ranking,
    Review,
    Robustness,
    StudyShift,
    Sweep,
    SweepPoint,
    TryStep,
)
from evidence.domain.shifts import Conflict, EffectiveFindings, Moved, Shifts, TechniqueShift
from evidence.domain.verdict import band_of, robustness_word_of, word_of

PROVENANCE = Provenance(base_sha256="9f" * 32, model_sha256="51" * 32, version="0.1.0", seed=1)
PASSED = {"k_hat": Check(value=0.31, ok=True, wanted="< 0.7"), "mcse_p": Check(value=0.001, ok=True, wanted="<= 0.005")}
FAILED = {"k_hat": Check(value=0.93, ok=False, wanted="< 0.7"), "mcse_p": PASSED["mcse_p"]}
# PRODUCT 5.1's mock, so the sentences can be compared with the design's.
MOCK: dict[str, Any] = {
    "p_prior": 0.5, "p_post": 0.617, "p_face_value": 0.9990, "p_ceiling": 0.625, "p_break_even": 0.7255, "belief": 0.85,
    "shift_ratio": 3.64, "face_value_ratio": 14.6,
    "robustness": Robustness(kept=32, of=45, lowest=0.5, highest=0.86, same_side=45),
}  # fmt: skip

SENSITIVITY: dict[str, Any] = {
    "sensitivity": {"tau": 0.08, "l[proxy]": 0.12, "v": None, "r": 0.01, "likelihood": 0.02},
    "sensitive_to": ("l[proxy]", "tau"), "p_if_scaled": {"tau": (0.61, 0.62), "v": None},
    "overlap": {"tau": 0.95, "l[proxy]": 0.6, "v": 0.99, "r": 0.97, "contrast": 0.93},
    "uninformed": ("tau", "v", "r", "contrast"),
}  # fmt: skip


def logit(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def make_review(**changes: Any) -> Review:
    """The mock review with fields changed; word, band and the like follow from P and the names."""
    values: dict[str, Any] = MOCK | changes
    pair = values.get("pair", Pair(technique="A", comparator="B", technique_name="A", comparator_name="B"))
    p, robustness = values["p_post"], values["robustness"]
    derived: dict[str, Any] = {
        "study": "jones2026", "study_title": "Jones et al. (2026)", "finding": None, "question": "Which first?",
        "target": "TARGET", "model": "default", "engine": "exact", "pair": pair, "p_post_mcse": 0.001,
        "in_context": None,
        "log_odds": {name: logit(values[f"p_{name}"]) for name in ("prior", "post", "face_value", "ceiling")},
        "reversals_per_100": round(100 * (1 - p)), "discount": 0.3, "over_update_bits": {"face_value": 3.5},
        "value_of_reading_nats": {"warranted": 0.028, "face_value": -1.95}, "bits": {"order": 0.04, "theta": 0.1},
        "target_equivalent_n": 0.14, "word": word_of(p, pair.technique_name, pair.comparator_name), "band": band_of(p),
        "robustness_word": robustness_word_of(robustness.kept, robustness.of),
        "limits": {"sample": 0.01, "proxy": 0.93, "same_setting": 0.02, "prior": 0.1},
        "flips_at": (Flip(key="validity.proxy", value=0.68, p=0.8), Flip(key="validity.proxy", value=None, p=0.95)),
        "why_so_little": ("capability: major. An 8B model.", "adversary: some. No red team."),
        "validity": {"q10": 0.1, "q50": 0.35, "q90": 0.6, "cost_of_gaps": 0.55, "irrelevance": 0.2},
        "contrast": {"q10": -0.94, "q50": 0.28, "q90": 1.45, "proxy": 0.80},
        "contrast_dots": tuple(-2 + 4 * i / 49 for i in range(50)), "optimism_line": None, "assumptions": ("one",),
        "inputs": (
            InputLine(
                finding="f1", kind="effect", technique="A", comparator="B", setting="s", effect_smd=0.44, se_smd=0.14,
                as_read="0.8 (logit), se 0.25", where="Table 3, page 7", source_kind="full text", note="",
            ),
        ),
        "fingerprint": {"tau": {"q05": 0.1, "q50": 0.7, "q95": 2.0}}, **SENSITIVITY, "checks": PASSED, "ok": True,
        "provenance": PROVENANCE,
    }  # fmt: skip
    return Review(**(derived | values))


def random_review(rng: random.Random) -> Review:
    """A review whose numbers obey the laws of a solo contrast: prior, warranted, face value and ceiling in order."""
    side = rng.choice((-1, 1))
    prior = rng.gauss(0, 0.3)
    shift = rng.expovariate(1.0) * rng.choice((0.02, 0.3, 1.0, 4.0))
    logits = {
        "p_prior": prior, "p_post": prior + side * shift,
        "p_ceiling": prior + side * shift * rng.uniform(1, 2),
        "p_face_value": prior + side * shift * rng.uniform(1, 20),
    }  # fmt: skip
    values: dict[str, Any] = {name: 1 / (1 + math.exp(-max(min(x, 40), -40))) for name, x in logits.items()}
    belief = rng.choice((None, rng.uniform(0.001, 0.999)))
    kept = rng.randint(0, 45)
    small = shift < 0.05
    context = InContext(
        p_without=rng.random(),
        p_with=rng.random(),
        p_face_value_with=rng.choice((None, rng.random())),
        k_hat=0.2,
        ok=rng.random() < 0.8,
    )
    limits = {name: rng.random() for name in ("sample", "proxy", "same_setting", "prior")}
    return make_review(
        **values,
        p_break_even=None if small else 1 / (1 + math.exp(-max(min(prior + side * shift * 2.1, 40), -40))),
        belief=belief,
        shift_ratio=None if small or belief is None else (logit(belief) - prior) / (side * shift),
        face_value_ratio=None if small else (logits["p_face_value"] - prior) / (side * shift),
        robustness=Robustness(kept=kept, of=45, lowest=rng.uniform(0, 0.5), highest=rng.uniform(0.5, 1), same_side=45),
        limits=limits,
        in_context=rng.choice((None, context)),
        target_equivalent_n=rng.expovariate(2),
        **random_sensitivity(rng),
        **random_accounting(rng),
        optimism_line=rng.choice(
            (
                None,
                "no usable lean: a gain of 0.10 is what proxies show for techniques that do nothing",
            )
        ),
        flips_at=tuple(Flip(key="prior.tau", value=rng.choice((None, rng.uniform(0, 3))), p=b) for b in (0.55, 0.8)),
    )


def random_accounting(rng: random.Random) -> dict[str, Any]:
    """Shifts of two techniques, conflicts, the effective number of findings, and Monte Carlo errors."""

    def moved(scale: float) -> Moved:
        return Moved(before=rng.uniform(0, scale), after=rng.uniform(0, scale), mcse=rng.uniform(0, 0.02) * scale)

    rows = tuple(
        TechniqueShift(
            id=name, name=name, merit_mean=moved(1), merit_sd=moved(1), expected_rank=moved(2), sucra=moved(1),
            p_best=moved(1),
        )
        for name in "AB"
    )  # fmt: skip
    conflicts = tuple(
        Conflict(
            technique="A", comparator="B", between=between, above=tuple(f"study {i}" for i in range(rng.randint(1, 6))),
            below=tuple(f"other {i}" for i in range(rng.randint(1, 6))), p=p, found=p < 0.05,
        )
        for between, p in (("studies", rng.uniform(0, 0.2)), ("families", rng.uniform(0, 0.2)))
    )  # fmt: skip
    fields = ("p_post", "shift_ratio", "face_value_ratio", "target_equivalent_n", "limits.proxy", "contrast.q50")
    return {
        "shifts": rng.choice((None, Shifts(solo=rows, in_context=rows))), "conflicts": rng.choice(((), conflicts)),
        "effective_findings": EffectiveFindings(value=rng.uniform(0, 9), mcse=rng.uniform(0, 1), of=rng.randint(1, 9)),
        "mcse": {name: 10 ** rng.uniform(-5, 0) for name in fields},
    }  # fmt: skip


def random_sensitivity(rng: random.Random) -> dict[str, Any]:
    """What was measured of up to twenty priors."""
    priors = [f"w_d[dimension {i}]" for i in range(rng.randint(0, 20))]
    distance = {name: rng.choice((None, rng.uniform(0, 0.2))) for name in (*priors, "likelihood")}
    overlap = {name: rng.uniform(0.5, 1) for name in (*priors, "contrast")}
    high = [name for name in priors if (distance[name] or 0) > 0.05]
    return {
        "sensitivity": distance, "sensitive_to": tuple(high), "overlap": overlap,
        "uninformed": tuple(name for name, x in overlap.items() if x > 0.9),
    }  # fmt: skip


def make_ranking(**changes: Any) -> Ranking:
    """A ranking of three techniques."""
    techniques = tuple(
        RankedTechnique(
            id=name, name=name, merit_mean=m, merit_sd=0.5, merit_q05=m - 0.8, merit_q50=m, merit_q95=m + 0.8,
            p_works=0.3,
            expected_rank=r, sucra=0.5, p_best=p, rank_probabilities=(0.4, 0.3, 0.3),
        )
        for name, m, r, p in (("X", 0.4, 1.6, 0.5), ("Y", 0.1, 2.1, 0.45), ("none", 0.0, 2.3, 0.05))
    )  # fmt: skip
    p_above = {a.id: {b.id: 0.6 for b in techniques if b is not a} for a in techniques}
    shifts = (
        StudyShift(id="s1", title="One", shift_bits=0.2, max_rank_change=0.3, p_top_changes=0.1, k_hat=0.2, ok=True),
        StudyShift(
            id="s2", title="Two", shift_bits=0.777, max_rank_change=0.888, p_top_changes=0.666, k_hat=0.9, ok=False
        ),
    )
    values: dict[str, Any] = {
        "base": "tiny", "question": "Which first?", "criterion": "safety", "target": "T", "model": "default",
        "engine": "exact", "techniques": techniques, "p_above": p_above, "p_above_mcse": 0.001, "studies": shifts,
        "try_order": (TryStep(technique="X", name="X", hours=1, p_works=0.5, expected_hours=1),),
        "try_order_hours": 12.3, "untested": ("Z",), "left_out": ("f9: price",),
        "fingerprint": {"tau": {"q05": 0.1, "q25": 0.3, "q50": 0.7, "q75": 1.1, "q95": 2.0}},
        "sensitivity": {"tau": 0.08, "likelihood": 0.02}, "sensitive_to": ("tau",),
        "overlap": {"tau": 0.95, "merit[X]": 0.92, "merit[Y]": 0.6}, "uninformed": ("tau", "merit[X]"),
        "checks": PASSED, "ok": True, "provenance": PROVENANCE,
    }  # fmt: skip
    return Ranking(**(values | changes))


def make_diagnosis(**changes: Any) -> Diagnosis:
    """A sound fit of the mock ranking."""
    ranking = make_ranking()
    values: dict[str, Any] = {
        "base": "tiny", "target": "T", "model": "default", "engine": "exact", "checks": PASSED,
        "recomputed": {"k_hat": PASSED["k_hat"]}, "disagreeing": (), "fingerprint": ranking.fingerprint,
        "fingerprint_max_diff": 0.0, "ok": True, "provenance": PROVENANCE,
    }  # fmt: skip
    return Diagnosis(**(values | changes))


def make_sweep(**changes: Any) -> Sweep:
    """A sweep of three points, the last without a verdict unless changed."""
    values: dict[str, Any] = {
        "base": "tiny", "target": "T", "model": "default", "key": "prior.tau",
        "pair": Pair(technique="A", comparator="B", technique_name="A", comparator_name="B"),
        "points": tuple(
            SweepPoint(value=v, p=p, p_mcse=0.001, ok=True) for v, p in ((0.0, 0.5), (0.5, 0.61), (1.0, 0.77))
        ),
        "flips_at": (Flip(key="prior.tau", value=0.93, p=0.75),), "checks": PASSED, "ok": True,
        "provenance": PROVENANCE,
    }  # fmt: skip
    return Sweep(**(values | changes))
