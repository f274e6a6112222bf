"""The questions of `evidence add` about numbers: those of one kind of finding are asked, the others are not."""

from __future__ import annotations

import math
from collections.abc import Callable

from evidence.cli.dialogue import Answers, Question, put
from evidence.domain.records import SIGN_KINDS
from evidence.io import typed
from evidence.io.typed import Unreadable, Values

type Name = Callable[[Answers, str], str]
"""The name of the technique or the comparator."""

_SCALES: dict[str, tuple[str, bool, str]] = {
    # what is chosen: scale, whether it is a ratio, and in words
    "d": ("smd", False, "a standardised mean difference (Cohen's d, Hedges' g)"),
    "log odds ratio": ("logit", False, "a log odds ratio"),
    "odds ratio": ("logit", True, "an odds ratio: its logarithm is stored"),
    "d prime": ("probit", False, "a difference of d' or of probits"),
    "points": ("raw", False, "a difference in the score's own units"),
}
_SPREADS = {"sd": "standard deviations over the observations", "se": "standard errors of the means"}


def number_questions(name: Name) -> tuple[Question, ...]:
    """Those of counts, means, effects, curves and orders, in this order."""
    return (
        *_counts_questions(name),
        *_means_questions(name),
        *_effect_questions(name),
        *_auroc_questions(),
        *_order_questions(),
    )


def _of_kind(kind: str) -> Callable[[Answers], bool]:
    return lambda answers: answers.get("kind") == kind


def _counts_questions(name: Name) -> tuple[Question, ...]:
    help_ = "How many of how many, as 120/400; or 30 % of 400 where the paper gives a percentage."
    return tuple(
        Question(
            f"counts of the {side}", _about(name, side, "how many of how many?"), help_,
            lambda text, _, fields=fields: dict(zip(fields, typed.count(text), strict=True)), fields, when=_of_kind("counts"),
        )
        for side, fields in (("technique", ("k", "n")), ("comparator", ("k0", "n0")))
    )  # fmt: skip


def _means_questions(name: Name) -> tuple[Question, ...]:
    means = _of_kind("means")
    return (
        Question(
            "observations of both", lambda _: "How many observations, technique/comparator?",
            "As 400, or 400/380. Items or episodes, not runs, if the SD is over items. If the paper gives none: a range as 50..500.",
            lambda text, _: _sizes(text, ("n", "n0")), ("n", "n0", "assumed_n_lo", "assumed_n_hi"), when=means,
        ),
        Question(
            "what the spreads are", lambda _: "Are the spreads SDs or standard errors?",
            "An SD says how much observations differ; a standard error is smaller by the root of their number.",
            _spread_kind, ("sd", "sd0"), when=means, options=lambda _: tuple(_SPREADS.values()),
        ),
        *(
            Question(
                f"mean of the {side}", _about(name, side, "mean ± spread?"), "As 6.2 ± 2.1, or 6.2 (2.1).",
                lambda text, answers, names=names: _mean(text, answers, names), names[:2], when=means,
            )
            for side, names in (("technique", ("mean", "sd", "n")), ("comparator", ("mean0", "sd0", "n0")))
        ),
        Question(
            "bounds of the score", lambda _: "Lowest and highest score there can be? Enter for none.",
            "As 0..100, or 0.. where there is no highest. It is only used to see whether the SDs can be right.",
            _bounds, ("score_lo", "score_hi"), when=means, optional=True,
        ),
    )  # fmt: skip


def _spread_kind(text: str, answers: Answers) -> Values:
    kind = typed.choice(text, _SPREADS)
    if kind == "se" and "n" not in answers:
        raise Unreadable(
            "SDs, where the number of observations is a range: a standard error becomes an SD by that number"
        )
    return {"spread": kind, **({"note": "SD: the standard error times the root of n"} if kind == "se" else {})}


def _mean(text: str, answers: Answers, names: tuple[str, str, str]) -> Values:
    """Mean and SD of an arm, a standard error times the root of n."""
    mean, spread = typed.mean_and_spread(text)
    if answers["spread"] == "se":
        spread = _six_digits(spread * math.sqrt(answers[names[2]]))
    return {names[0]: mean, names[1]: spread}


def _bounds(text: str, _: Answers) -> Values:
    ends = typed.bounds(text) if text else (None, None)
    return {name: end for name, end in zip(("score_lo", "score_hi"), ends, strict=True) if end is not None}


def _effect_questions(name: Name) -> tuple[Question, ...]:
    effect = _of_kind("effect")
    return (
        Question(
            "scale", lambda _: "What kind of difference is it?",
            "If the paper standardises, take its own; points need the SD of one observation too.",
            _scale, ("scale",), when=effect, options=lambda _: [text for _, _, text in _SCALES.values()],
        ),
        Question(
            "SD of one unit", lambda _: "SD of one observation, in the score's units?",
            "The SD over items or episodes, not the standard error of the mean. For a share p in points: 100 sqrt(p (1 - p)).",
            put("unit_sd", _positive), ("unit_sd",), when=lambda answers: answers.get("scale") == "raw",
        ),
        Question(
            "difference", lambda answers: _difference(name, answers),
            "With the paper's own sign: negative where the comparator's number is larger. An odds ratio as it is printed.",
            _estimate, ("estimate",), when=effect,
        ),
        Question(
            "error", lambda _: "Its standard error, or its 95 % interval?", "As 0.25, or as 0.31..1.29.",
            _error, ("se", "ci_lo", "ci_hi"), when=effect,
        ),
        Question(
            "observations of both arms", lambda _: "How many observations, technique/comparator? Enter if not given.",
            "As 400, or 400/380. It is only used to see whether the standard error can be right.",
            lambda text, _: dict(zip(("n", "n0"), typed.sizes(text), strict=True)) if text else {}, ("n", "n0"),
            when=effect, optional=True,
        ),
    )  # fmt: skip


def _difference(name: Name, answers: Answers) -> str:
    a, b = name(answers, "technique"), name(answers, "comparator")
    return f"Odds of {a} over those of {b}?" if answers["is_ratio"] else f"{a} minus {b}?"


def _scale(text: str, _: Answers) -> Values:
    chosen = _SCALES[typed.choice(text, _SCALES)]
    return {"scale": chosen[0], "is_ratio": chosen[1], **({"note": "logarithm of the odds ratio"} if chosen[1] else {})}


def _estimate(text: str, answers: Answers) -> Values:
    return {"estimate": _on_scale(typed.number(text), answers)}


def _error(text: str, answers: Answers) -> Values:
    ends = typed.interval(text)
    if ends is None:
        return {"se": _positive(text)}
    return {"ci_lo": _on_scale(ends[0], answers), "ci_hi": _on_scale(ends[1], answers)}


def _on_scale(value: float, answers: Answers) -> float:
    """The value, or its logarithm where a ratio was typed."""
    if not answers["is_ratio"]:
        return value
    if value <= 0:
        raise Unreadable("a ratio above 0")
    return _six_digits(math.log(value))


def _auroc_questions() -> tuple[Question, ...]:
    auroc = _of_kind("auroc")
    return (
        Question(
            "AUROC", lambda _: "Area under the curve?",
            "Between 0 and 1: how well the score sets the technique's cases apart from the comparator's; 0.5 is not at all.",
            put("auc", typed.probability), ("auc",), when=auroc,
        ),
        Question(
            "cases", lambda _: "How many positive/negative cases?",
            "As 120/400. If the paper gives none: a range as 50..500.",
            lambda text, _: _sizes(text, ("n_pos", "n_neg")), ("n_pos", "n_neg", "assumed_n_lo", "assumed_n_hi"), when=auroc,
        ),
    )  # fmt: skip


def _order_questions() -> tuple[Question, ...]:
    return (
        Question(
            "reliability", lambda _: "In how many of 100 would such a statement be right? 51 to 100.",
            "As a guide: 90 for a gap of 20 points or more, 80 from 10, 70 from 5, 60 below; 5 less for a second-hand source.",
            _reliability, ("q",), when=lambda answers: answers.get("kind", "argument") in SIGN_KINDS, default=lambda _: "80",
        ),
    )  # fmt: skip


def _reliability(text: str, answers: Answers) -> Values:
    value = typed.number(text, "a number from 51 to 100")
    if not 50 < value <= 100:
        raise Unreadable("a number above 50, up to 100")
    return {"q": value / 100, "kind": answers.get("kind", "argument")}


def _about(name: Name, side: str, what: str) -> Callable[[Answers], str]:
    return lambda answers: f"{name(answers, side)}: {what}"


def _sizes(text: str, fields: tuple[str, str]) -> Values:
    """Two sizes, or the range of an unknown one."""
    assumed = typed.size_range(text)
    return dict(zip(("assumed_n_lo", "assumed_n_hi") if assumed else fields, assumed or typed.sizes(text), strict=True))


def _positive(text: str) -> float:
    value = typed.number(text)
    if value <= 0:
        raise Unreadable("a number above 0")
    return value


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
