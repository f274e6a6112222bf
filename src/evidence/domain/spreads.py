"""Standard errors, standard deviations, intervals and sample sizes that do not fit each other (math only)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from statistics import NormalDist

from evidence.domain.oddities import Oddity
from evidence.domain.records import Finding
from evidence.domain.signs import se_of, sizes_of

LARGEST_D = 3.0
"""A standardised difference beyond this is rare enough to look again."""
SLACK = 3.0
"""By how many times an se may differ from that of two independent simple samples.

Pairs that correlate by .9 have an se smaller by sqrt(1 - .9), about a third; clusters of a design effect of 9 one three
times as large. An SD read for an se is wrong by the root of n: from n = 10 on, more than this.
"""
LARGEST_N = 100_000
"""Observations per arm that no study of techniques exceeds."""
SKEW = 0.1
"""Share of an interval's width by which its middle may lie off the estimate: 1,000 bootstrap draws give .03 (sd)."""
UNLIKE = 2.5
"""Two arms' SDs further apart than this factor, also as shares of the largest their means allow, are not of one score."""
ENOUGH = 10
"""From this n on the SDs of two samples of one score are rarely (in 1 of 80) a factor UNLIKE apart: F(9, 9) > 6.25."""
SKEWED = 2.0
"""SD over distance from the lowest score: 1 for waiting times, beyond 2 a mean says little."""
NARROW = 0.15
"""Share of the largest possible SD below which items hardly differ."""
STEADY = 0.1
"""The same for scores with a lowest but no highest value: SD over distance from the lowest."""
ITEMS = 20
"""From this n on observations are items, not runs or seeds, whose means may well be this steady."""
FEW = 5
"""Cases of one class below which an AUROC is hardly measured."""
ROUNDS_AWAY = 100
"""From this n on a rate is often an average over several samples per item, and rate x n no whole number."""

_SHARE = re.compile(r"\b(?:rates?|shares?|fraction|proportion|probability|accuracy|percent|auroc)\b|%")


def spread_oddities(finding: Finding, outcome: str) -> Iterator[Oddity]:
    """What is odd about the finding's spread and size; `outcome` is that of its setting, in words."""
    yield from _single_observations(finding)
    match finding.kind:
        case "effect":
            yield from _interval_oddities(finding)
            yield from _se_oddities(finding)
            yield from _size_oddities(finding, *_effect_d(finding), ("estimate", "unit_sd", "se"))
        case "means":
            yield from _means_oddities(finding, outcome)
        case "proportion":
            yield from _rate_oddities(finding)
        case "auroc":
            yield from _few_cases(finding)
        case _:
            return


def decimals(*numbers: float) -> int:
    """Decimals of the number printed with most of them."""
    return max(len(f"{x:.9f}".rstrip("0").partition(".")[2]) for x in numbers)


def _single_observations(f: Finding) -> Iterator[Oddity]:
    for field, n in (("n", f.n), ("n0", f.n0)):
        if n == 1:
            yield Oddity(f.id, (field,), "1", "the number of observations: one alone has no spread")


def _few_cases(f: Finding) -> Iterator[Oddity]:
    for field, n in (("n_pos", f.n_pos), ("n_neg", f.n_neg)):
        if n is not None and n < FEW:
            yield Oddity(f.id, (field,), str(n), f"at least {FEW} cases: an AUROC on fewer is hardly measured")


def _rate_oddities(f: Finding) -> Iterator[Oddity]:
    """A share of few that no whole count gives, to its last printed digit."""
    if f.rate is None or f.n is None or f.n >= ROUNDS_AWAY:
        return
    count = f.rate * f.n
    if abs(count - round(count)) > f.n * 0.5 * 10.0 ** -decimals(f.rate) + 1e-9:
        wanted = f"a share that some count of {f.n} gives, such as {round(count)}/{f.n} = {round(count) / f.n:.4g}"
        yield Oddity(f.id, ("rate", "n"), f"{f.rate:g}, which is {count:.4g} of {f.n}", wanted)


def _interval_oddities(f: Finding) -> Iterator[Oddity]:
    """Intervals that do not lie around their estimate: one-sided, on the ratio scale, or of something else."""
    if f.estimate is None or f.ci_lo is None or f.ci_hi is None:
        return
    e, lo, hi = f.estimate, f.ci_lo, f.ci_hi
    rounding = 0.5 * 10.0 ** -decimals(e, lo, hi)
    off = abs(lo + hi - 2 * e) - 4 * rounding
    if off <= SKEW * (hi - lo):
        return
    found = f"{lo:g}..{hi:g} around {e:g}"
    fields = ("ci_lo", "ci_hi", "estimate")
    if min(e - lo, hi - e) <= rounding:
        yield Oddity(f.id, fields, found, "a two-sided 95 % interval, or the se: this one ends at the estimate")
    elif lo > 0 and _is_ratio(e, lo, hi):
        logs = f"{math.log(e):.3g} with {math.log(lo):.3g}..{math.log(hi):.3g}"
        wanted = f"the logarithms, {logs}: this interval is symmetric as a ratio (of odds: scale logit)"
        yield Oddity(f.id, ("estimate", "ci_lo", "ci_hi", "scale"), found, wanted)
    else:
        wanted = (
            f"an interval around the estimate, such as {2 * e - hi:g}..{hi:g}: is it another row's, or a sign lost?"
        )
        yield Oddity(f.id, fields, found, wanted)


def _is_ratio(e: float, lo: float, hi: float) -> bool:
    """Symmetric in the logarithms, to the same share of the width."""
    return abs(math.log(lo) + math.log(hi) - 2 * math.log(e)) <= SKEW * (math.log(hi) - math.log(lo))


def _effect_d(f: Finding) -> tuple[float, float | None]:
    """The effect on the SMD scale, and the n behind it; an arm's level is no difference and counts as 0."""
    if f.estimate is None or f.is_arm:
        return 0.0, f.n
    unit = {"logit": math.pi / math.sqrt(3), "raw": f.unit_sd}.get(f.scale or "", 1.0)
    return f.estimate / (unit or 1.0), f.n


def _size_oddities(f: Finding, d: float, n: float | None, fields: tuple[str, ...]) -> Iterator[Oddity]:
    if abs(d) <= LARGEST_D:
        return
    hint = f"; an se times the root of n = {n:.0f} is an SD" if n else ""
    wanted = f"a difference of at most about {LARGEST_D:g} SDs: is the SD a standard error{hint}?"
    yield Oddity(f.id, fields, f"a difference of {d:.3g} SDs", wanted)


def _se_oddities(f: Finding) -> Iterator[Oddity]:
    """The se, or that of the interval, against what samples of this size give."""
    se = se_of(f)
    if se is None:
        return
    known = f.n is not None and (f.is_arm or f.n0 is not None)
    lo, hi = se_range(f) if known else _range_of_any_study(f)
    if lo <= se <= hi:
        return
    fields = ("se", "n", "n0", "unit_sd") if f.se is not None else ("ci_lo", "ci_hi", "n", "n0", "unit_sd")
    found = f"{se:.3g}" if f.se is not None else f"an interval whose se is {se:.3g}"
    sample = f"{f.n}{'' if f.n0 is None else f' and {f.n0}'} observations" if known else "any plausible sample"
    slip = (
        "an SD, or a wider interval than 95 %, typed for it"
        if se > hi
        else "it divided by the root of n, or n typed too small"
    )
    if f.scale == "raw" and se > hi:
        slip += ", or unit_sd a standard error"
    yield Oddity(f.id, fields, found, f"an se of {lo:.2g} to {hi:.2g} for {sample}: is {slip}?")


def se_range(f: Finding) -> tuple[float, float]:
    """Plausible standard errors of an effect of stated n, in the units of its estimate.

    smd: sqrt(1/n + 1/n0 + d^2 / (2 (n + n0))) (Hedges 1981, large samples). raw: unit_sd sqrt(1/n + 1/n0); without the
    term in d, which a wrong unit_sd would inflate. logit: the variance of a log odds is 1/(n p (1-p)), at least 4/n,
    and largest with one event, 1 + 1/(n-1). probit: that of Phi^-1(p) is p (1-p) / (n phi^2), at least pi/(2 n)
    (p = 1/2), and largest with one event. All with a factor SLACK either way; an arm lacks the comparator's term.
    """
    sizes = [n for n in (f.n, f.n0) if n is not None]
    harmonic = sum(1 / n for n in sizes)
    match f.scale:
        case "smd":
            middle = math.sqrt(harmonic + (f.estimate or 0.0) ** 2 / (2 * sum(sizes)))
            return middle / SLACK, middle * SLACK
        case "logit":
            least, one_event = 2 * math.sqrt(harmonic), math.hypot(*(_logit_se(n) for n in sizes))
        case "probit":
            least, one_event = math.sqrt(math.pi / 2 * harmonic), math.hypot(*(_probit_se(n) for n in sizes))
        case _:
            least = one_event = (f.unit_sd or 1.0) * math.sqrt(harmonic)
    return least / SLACK, max(least * SLACK, one_event)


def _logit_se(n: int) -> float:
    """Standard error of a log odds with one event of n."""
    return math.sqrt(1 + 1 / max(n - 1, 1))


def _probit_se(n: int) -> float:
    """Standard error of Phi^-1(1/n) with one event of n."""
    p, normal = 1 / max(n, 2), NormalDist()
    return math.sqrt(p * (1 - p) / max(n, 2)) / normal.pdf(normal.inv_cdf(p))


def _range_of_any_study(f: Finding) -> tuple[float, float]:
    """Standard errors between those of the largest plausible arms and of two observations an arm."""
    unit = {"logit": 2.0, "probit": math.sqrt(math.pi / 2), "raw": f.unit_sd}.get(f.scale or "", 1.0) or 1.0
    arms = 1 if f.is_arm else 2
    return unit * math.sqrt(arms / LARGEST_N), unit * math.sqrt(arms / 2)


def _means_oddities(f: Finding, outcome: str) -> Iterator[Oddity]:
    if f.mean is None or f.mean0 is None or f.sd is None or f.sd0 is None:
        return
    n, n0 = sizes_of(f)
    arms = (("sd", "mean", "n", f.mean, f.sd, n), ("sd0", "mean0", "n0", f.mean0, f.sd0, n0))
    lo, hi = _bounds_of(f, outcome)
    tight = True
    for sd_field, mean_field, n_field, mean, sd, size in arms:
        wanted = _sd_too_large(mean, sd, size, lo, hi)
        if wanted or (wanted := _sd_too_small(mean, sd, size, lo, hi)):
            tight = False
            yield Oddity(f.id, (sd_field, mean_field, n_field), f"{sd:g} around a mean of {mean:g}", wanted)
    if not tight:
        return  # what follows would be the same slip told again
    ratio, room = f.sd / f.sd0, _room(f.mean, lo, hi) / _room(f.mean0, lo, hi)
    if (
        min(n or 0, n0 or 0) >= ENOUGH
        and not 1 / UNLIKE <= ratio <= UNLIKE
        and not 1 / UNLIKE <= ratio / room <= UNLIKE
    ):
        wanted = f"SDs of one score within a factor of about {UNLIKE:g}: is one of them a standard error?"
        yield Oddity(f.id, ("sd", "sd0"), f"{f.sd:g} beside {f.sd0:g}", wanted)
        return
    pooled = math.sqrt((f.sd**2 + f.sd0**2) / 2)
    yield from _size_oddities(f, (f.mean - f.mean0) / pooled, n, ("sd", "sd0", "mean", "mean0"))


def _room(mean: float, lo: float | None, hi: float | None) -> float:
    """What the SD grows with: the largest there can be, or the distance from the lowest score; 1 where nothing is known."""
    room = 1.0 if lo is None else mean - lo if hi is None else _largest_sd(mean, lo, hi)
    return room or 1.0


def _bounds_of(f: Finding, outcome: str) -> tuple[float | None, float | None]:
    """The stated bounds of the score; where none is stated, those of a share or percentage, going by the outcome."""
    if f.score_lo is not None or f.score_hi is not None:
        return f.score_lo, f.score_hi
    means = (f.mean or 0.0, f.mean0 or 0.0)
    if not _SHARE.search(outcome.casefold()) or min(means) < 0 or max(means) > 100:
        return None, None
    return 0.0, 1.0 if max(means) <= 1 else 100.0


def _sd_too_large(mean: float, sd: float, n: float | None, lo: float | None, hi: float | None) -> str:
    """What is wanted of an SD that no sample of such scores has; "" where it may be.

    Scores in [lo, hi] with mean m have a variance of at most (m - lo) (hi - m) (all at the ends), and a sample of n
    at most n/(n-1) times that.
    """
    slip = f": was an SD taken for a standard error and multiplied by the root of n = {n:.0f}?" if n else ""
    if lo is not None and hi is not None:
        largest = _largest_sd(mean, lo, hi) * (math.sqrt(n / (n - 1)) if n and n > 1 else 1.0)
        return f"at most {largest:.3g}, as for scores all at {lo:g} or {hi:g}{slip}" if sd > largest * 1.01 else ""
    if lo is not None and sd > SKEWED * (mean - lo):
        return f"at most about {SKEWED * (mean - lo):.3g}: scores from {lo:g} on would be very skewed{slip}"
    return ""


def _largest_sd(mean: float, lo: float, hi: float) -> float:
    """Largest SD of scores in [lo, hi] whose mean rounds to `mean`."""
    rounding = 0.5 * 10.0 ** -decimals(mean)
    nearest_middle = min(max((lo + hi) / 2, mean - rounding), mean + rounding)
    return math.sqrt(max((nearest_middle - lo) * (hi - nearest_middle), 0.0))


def _sd_too_small(mean: float, sd: float, n: float | None, lo: float | None, hi: float | None) -> str:
    """What is wanted of an SD that looks like a standard error; "" where it does not.

    It does where items hardly differ, and where times the root of n it would still be an SD that such scores have.
    """
    if n is None or n < ITEMS or lo is None:
        return ""
    as_se = sd * math.sqrt(n)
    if hi is not None:
        largest = _largest_sd(mean, lo, hi)
        is_se = sd < NARROW * largest and as_se <= largest * 1.05
    else:
        is_se = sd < STEADY * (mean - lo) and as_se <= SKEWED * (mean - lo)
    return (
        f"an SD over the {n:.0f} observations: if this is their standard error, the SD is {as_se:.3g}" if is_se else ""
    )
