"""What limits a study's shift, what would change it, and how fragile it is (docs/model.md, section 6)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from evidence.analysis.estimate import Estimate
from evidence.analysis.fitting import p_above
from evidence.analysis.solo import Solo, conditional_moments
from evidence.domain.records import Setting
from evidence.domain.results import Flip, Robustness
from evidence.domain.verdict import BOUNDS, word_of
from evidence.model.hyper import Hyper
from evidence.model.priors import GRID
from evidence.model.reach import highest_validity, validity_quantiles

RHO_PROBS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
TAU_FACTORS = (0.5, 1.0, 2.0)
SE_FACTORS = (1.0, 1.5, 2.0)
FLIP_GRID = 11
FLIPPED_PRIORS = ("tau", "tau_P", "w_0", "mu_b", "sigma", "sigma_b")


def measure_robustness(solo: Solo, setting: int) -> Robustness:
    """In how many of 45 settings (5 quantiles of rho x 3 of tau x 3 of se) the verdict word stays.

    A setting the engine cannot answer counts as one in which it does not.
    """
    pair = solo.pair
    word = word_of(_p_post(solo), pair.technique, pair.comparator)
    family = solo.case.hyper.families[int(solo.case.hyper.family_of_setting[setting])]
    values: list[float] = []
    plausible = 0
    for rho in _plausible_validities(solo, setting):
        stated = solo.case.hyper if rho is None else solo.case.hyper.with_validity(family, setting, rho)
        for tau in TAU_FACTORS:
            hyper = stated if stated.random_effects else stated.scaled("tau", tau)
            for se in SE_FACTORS:
                evidence = replace(solo.case.everything, se_scale=se, sign_scale=1 / se)
                plausible += 1
                p = solo.p_under(hyper, evidence)
                if p is not None:
                    values.append(p)
    p_post = _p_post(solo)
    side = p_post >= 0.5
    return Robustness(
        kept=sum(word_of(p, pair.technique, pair.comparator) == word for p in values), of=plausible,
        lowest=min(values, default=p_post), highest=max(values, default=p_post), same_side=sum((p >= 0.5) == side for p in values),
    )  # fmt: skip


def _plausible_validities(solo: Solo, setting: int) -> list[float | None]:
    """Prior quantiles of rho of the setting; None (validity as it is) where the model has no say in it."""
    hyper = solo.case.hyper
    f = int(hyper.family_of_setting[setting])
    if hyper.random_effects or hyper.classes[f] is None:
        return [None]
    return [float(r) for r in validity_quantiles(hyper, setting, RHO_PROBS)]


def find_flips(solo: Solo, setting: Setting) -> tuple[Flip, ...]:
    """Values of the main assumptions at which P crosses a bound of the verdict words, on the verdict's own side.

    The validity of every family that the findings were measured in, that of `setting` first; then the priors and the
    novelty. Bounds that no validity of `setting` reaches say so.
    """
    hyper = solo.case.hyper
    if hyper.random_effects:
        return ()
    p_post = _p_post(solo)
    bounds = [b for b in BOUNDS if (b > 0.5) == (p_post >= 0.5)]
    flips: list[Flip] = []
    for place in _places(solo, setting):
        index = solo.case.design.settings.index(place.id)
        grid = np.linspace(0.0, highest_validity(hyper, index), FLIP_GRID).tolist()
        curve = [(x, solo.p_under(hyper.with_validity(place.family, index, x))) for x in grid]
        flips += _crossings(f"validity.{place.family}", curve, bounds, report_all=place.id == setting.id)
    for name in FLIPPED_PRIORS:
        curve = [(x, solo.p_under(hyper.pinned(name, x))) for x in _prior_range(hyper, name)]
        flips += _crossings(f"prior.{name}", curve, bounds, report_all=False)
    curve = [(x, solo.p_under(replace(hyper, novelty=x))) for x in np.linspace(0, 1, 5).tolist()]
    flips += _crossings(f"novelty.{solo.case.target}", curve, bounds, report_all=False)
    return tuple(flips)


def _places(solo: Solo, first: Setting) -> Iterator[Setting]:
    """`first`, then one setting with findings of every other family whose validity the model has a say in."""
    hyper, base = solo.case.hyper, solo.case.base
    proxies = {s.id: s for s in base.settings}
    met: set[str] = set()
    for setting in (first, *(proxies[f.setting] for f in base.findings if f.setting in proxies)):
        known = hyper.classes[hyper.families.index(setting.family)] is not None
        if setting.family not in met and known:
            yield setting
        met.add(setting.family)


def _prior_range(hyper: Hyper, name: str) -> list[float]:
    """Five values over the middle 98 % of a prior; none for a point."""
    k = hyper.names.index(name)
    if not hyper.active[k]:
        return []
    inside = np.abs(GRID) <= 2.33
    quantiles = hyper.tables[k, inside, 0]
    return [float(q) for q in np.linspace(max(quantiles[0], 1e-3), quantiles[-1], 5)]


def _crossings(
    key: str, curve: list[tuple[float, float | None]], bounds: list[float], *, report_all: bool
) -> list[Flip]:
    """First crossing of each bound by linear interpolation; with `report_all`, unreached bounds say so (value None)."""
    points = [(x, p) for x, p in curve if p is not None]
    flips: list[Flip] = []
    for bound in bounds:
        value = next(
            (
                x0 + (bound - p0) / (p1 - p0) * (x1 - x0)
                for (x0, p0), (x1, p1) in itertools.pairwise(points)
                if (p0 - bound) * (p1 - bound) <= 0 and p0 != p1
            ),
            None,
        )
        if value is not None or report_all:
            flips.append(Flip(key=key, value=value, p=bound))
    return flips


def find_limits(solo: Solo) -> dict[str, Estimate]:
    """Shares of E[Var(contrast | hyperparameters)] removed by a perfect sample, a perfect proxy and endless repeats.

    `prior` is the share of the contrast's whole variance that lies between hyperparameters. They need not add up.
    """
    case = solo.case
    as_is = conditional_moments(solo, case.hyper, case.everything)
    endless = case.hyper.pinned("sigma_d", 0.0).pinned("mu_d", 0.0)
    removed = {
        "sample": conditional_moments(solo, case.hyper, case.everything.perfect()),
        "proxy": conditional_moments(solo, case.hyper.perfect(), case.everything),
        "same_setting": conditional_moments(solo, endless, case.everything.perfect()),
    }
    shares = {
        name: Estimate.of(lambda left, all_: max(0.0, 1 - left / all_), m.variance, as_is.variance)
        for name, m in removed.items()
    }
    between = Estimate.of(
        lambda square, mean, left: (square - mean**2) / (square - mean**2 + left),
        (as_is.mean - as_is.mean.mean()) ** 2, as_is.mean - as_is.mean.mean(), as_is.variance,
    )  # fmt: skip
    return {**shares, "prior": between}


def target_equivalent_n(solo: Solo) -> Estimate:
    """What the study is worth in direct target runs of standard error `target_run_se`; never negative.

    run^2 (1 / E[V_post] - 1 / E[V_prior]), both means over the hyperparameters given the findings. The mean of the
    reciprocals would be dominated by draws in which techniques hardly differ: E[1 / tau^2] is infinite.
    """
    case, run = solo.case, solo.case.base.question.target_run_se
    post = conditional_moments(solo, case.hyper, case.everything).variance
    prior = conditional_moments(solo, case.hyper, case.nothing).variance
    return Estimate.of(lambda a, b: max(0.0, run**2 * (1 / a - 1 / b)), post, prior)


def _p_post(solo: Solo) -> float:
    return p_above(solo.posterior, solo.pair.technique, solo.pair.comparator)[0]
