"""The sliders of the app, what each value of them means, and what all of them do (docs/model.md, sections 4 and 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from evidence.analysis.fitting import Case
from evidence.analysis.live import Live
from evidence.analysis.options import Progress
from evidence.domain.errors import BadInput
from evidence.domain.sliders import HeatStrip, Slider, TornadoBar
from evidence.model.elicit import order_kept
from evidence.model.hyper import Hyper
from evidence.model.priors import look_up
from evidence.model.reach import highest_validity, validity_quantiles

TAILS = np.array([0.1, 0.5, 0.9])
EXTREME = 2.33
"""Sliders of priors reach the middle 98 %."""
PRIORS: tuple[tuple[str, str, str], ...] = (
    ("tau", "Prior width (tau, SMD)", "How large do real differences get at the target?"),
    (
        "tau_P",
        "Size on proxies (tau_P, SMD)",
        "How large do real differences get on proxies? Carry-over is tau / tau_P.",
    ),
    ("sigma", "Study noise (sigma, SMD)", "How far does an implementation miss its own setting, beyond the sample?"),
    ("mu_b", "Optimism (mu_b, SMD)", "What do proxies show for techniques that do nothing?"),
)
STRIP_POINTS = 7


def sliders_of(case: Case) -> tuple[Slider, ...]:
    """Every assumption that can be moved: validity and irrelevance of each family, novelty of the target, main priors."""
    hyper = case.hyper
    found = [*_family_sliders(case), _novelty(case)]
    if not hyper.random_effects:
        found += [_prior_slider(hyper, *row) for row in PRIORS if hyper.active[hyper.names.index(row[0])]]
    return tuple(found)


def _family_sliders(case: Case) -> Iterator[Slider]:
    hyper, base = case.hyper, case.base
    measured = {base.setting(f.setting).family for f in base.findings if f.setting in case.design.settings}
    for f, family in enumerate(base.families):
        index = next((case.design.settings.index(s.id) for s in base.settings if s.family == family.id), None)
        if index is None or family.id not in measured or hyper.random_effects or hyper.classes[f] is None:
            continue
        if family.stated_at is not None:
            index = case.design.settings.index(family.stated_at)
        q10, q50, q90 = validity_quantiles(hyper, index, TAILS).tolist()
        top = math.floor(100 * highest_validity(hyper, index)) / 100
        yield Slider(
            key=f"validity.{family.id}", label=f"Validity of {family.name}",
            asks="If you knew the true effect on this proxy exactly, how far would the effect at the target follow it?",
            lo=0.0, hi=max(top, 0.01), step=0.01, registered=min(q50, top), q10=q10, q90=q90,
            capped_by=f"gaps, novelty and construct noise allow at most {top:.2f}",
        )  # fmt: skip
        pi = float(hyper.irrelevance[f])
        if not math.isnan(pi):
            yield Slider(
                key=f"irrelevance.{family.id}", label=f"{family.name}: beside the point",
                asks="How probable is it that this family says nothing about the target?",
                lo=0.0, hi=1.0, step=0.01, registered=pi, q10=pi, q90=pi, capped_by="",
            )  # fmt: skip


def _novelty(case: Case) -> Slider:
    novelty = case.base.target(case.target).novelty
    return Slider(
        key=f"novelty.{case.target}", label="Novelty of the target",
        asks="How much of what matters at the target can no proxy show?",
        lo=0.0, hi=1.0, step=0.05, registered=novelty, q10=novelty, q90=novelty, capped_by="",
    )  # fmt: skip


def _prior_slider(hyper: Hyper, name: str, label: str, asks: str) -> Slider:
    table = hyper.tables[hyper.names.index(name)][None]

    def quantile(z: float) -> float:
        return float(look_up(np, table, np.array([[z]]))[0, 0])

    lo, q10, q50, q90, hi = (quantile(z) for z in (-EXTREME, -1.2816, 0.0, 1.2816, EXTREME))
    low = math.floor(100 * lo) / 100 if name == "mu_b" else max(0.02, math.floor(100 * lo) / 100)
    return Slider(
        key=f"prior.{name}", label=label, asks=asks, lo=low, hi=math.ceil(100 * hi) / 100, step=0.01,
        registered=q50, q10=q10, q90=q90, capped_by="",
    )  # fmt: skip


def read_back(case: Case, slider: Slider, value: float) -> str:
    """What a value of a slider says, in frequencies and in runs at the target where it is a validity."""
    kind = slider.key.partition(".")[0]
    if kind == "validity":
        kept = 100 * float(order_kept(np.array(value)))
        run, tau = case.base.question.target_run_se, _median(case.hyper, "tau")
        runs = math.inf if value >= 1 else run**2 / tau**2 * (1 / (1 - value**2) - 1)
        worth = "any number of target runs" if math.isinf(runs) else f"{max(runs, 0.01):.2f} of one target run"
        return f"Order kept in {kept:.0f} of 100 pairs; endless work on it is worth at most {worth} for one technique."
    if kind == "irrelevance":
        return f"In {100 * value:.0f} of 100 worlds this family says nothing about the target."
    if kind == "novelty":
        return "0: nothing new at the target; 1: as new as anything that has been rated."
    if slider.key == "prior.tau_P":
        return f"1 SMD on a proxy that were perfectly valid would be {_median(case.hyper, 'tau') / value:.2f} at the target."
    if slider.key == "prior.tau":
        return f"Half of all techniques differ from the baseline by more than {0.674 * value:.2f} SMD."
    if slider.key == "prior.mu_b":
        return f"A technique that does nothing looks {value:.2f} SMD better than the baseline on a proxy."
    return f"Two implementations of one technique differ by about {1.13 * value:.2f} SMD in the same setting."


# Mean absolute difference of two draws of a normal law: 2 / sqrt(pi) of its sd, 1.13.


def _median(hyper: Hyper, name: str) -> float:
    table = hyper.tables[hyper.names.index(name)][None]
    return float(look_up(np, table, np.zeros((1, 1)))[0, 0])


def measure_tornado(
    live: Live, sliders: Sequence[Slider], settings: tuple[str, ...], progress: Progress | None = None
) -> tuple[TornadoBar, ...]:
    """Each assumption moved to both ends of its prior's middle 80 % (a rating to 0 and 1), largest difference first."""
    bars: list[TornadoBar] = []
    for number, slider in enumerate(sliders):
        if progress is not None:
            progress("moving each assumption", number, len(sliders))
        lo, hi = (slider.q10, slider.q90) if slider.q10 < slider.q90 else (slider.lo, slider.hi)
        p_lo, p_hi = (
            p_at(live, (*settings, f"{slider.key}={min(max(x, slider.lo), slider.hi):.6g}")) for x in (lo, hi)
        )
        bars.append(TornadoBar(key=slider.key, label=slider.label, lo=lo, hi=hi, p_lo=p_lo, p_hi=p_hi))
    return tuple(sorted(bars, key=lambda b: -abs((b.p_hi or 0) - (b.p_lo or 0))))


def measure_strip(
    live: Live, first: Slider, second: Slider, settings: tuple[str, ...], progress: Progress | None = None
) -> HeatStrip:
    """P over a grid of two assumptions, each from end to end of its slider."""
    across, down = (np.linspace(s.lo, s.hi, STRIP_POINTS).tolist() for s in (first, second))
    rows: list[tuple[float | None, ...]] = []
    for number, y in enumerate(down):
        if progress is not None:
            progress("moving two assumptions", number, len(down))
        rows.append(tuple(p_at(live, (*settings, f"{first.key}={x:.6g}", f"{second.key}={y:.6g}")) for x in across))
    return HeatStrip(
        first=first.key, second=second.key, first_values=tuple(across), second_values=tuple(down), p=tuple(rows)
    )


def p_at(live: Live, settings: tuple[str, ...]) -> float | None:
    """P(technique above comparator) under `settings`; None where a check failed or the settings cannot be."""
    try:
        answer = live.move(settings)
    except BadInput:
        return None
    return answer.p if answer.ok else None
