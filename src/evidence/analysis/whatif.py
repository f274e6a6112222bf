"""`evidence what-if`: a slider from the shell."""

from __future__ import annotations

import itertools

from evidence.analysis.fitting import Case, fit_case, p_above, prepare_case, require_single_target
from evidence.analysis.options import Options, SweepRequest
from evidence.analysis.subject import pair_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model
from evidence.domain.results import Flip, Pair, Sweep, SweepPoint
from evidence.inference.engine import Engine, Posterior

MAX_POINTS = 201


def sweep_setting(
    base: EvidenceBase, model: Model, *, engine: Engine, options: Options, sweep: SweepRequest,
    pair: tuple[str, str] | None = None,
) -> Sweep:  # fmt: skip
    """P(technique above comparator) along one assumption, every point a reweighting or, where that fails, a refit.

    Default pair: the first headline of the base. Raises BadInput for an unknown key or an empty range.
    """
    require_single_target(options.target)
    values = _values(sweep)
    case = prepare_case(
        base, model, target=options.target, settings=options.settings, seed=options.seed, engine=engine.name
    )
    chosen = _pair(case.base, pair)
    posterior = fit_case(case, engine, seed=options.seed, progress=options.progress)
    points: list[SweepPoint] = []
    for number, value in enumerate(values):
        if options.progress is not None:
            options.progress(f"moving {sweep.key}", number, len(values))
        changed = (*options.settings, f"{sweep.key}={value:.10g}")
        moved = prepare_case(
            base, model, target=options.target, settings=changed, seed=options.seed, engine=engine.name
        )
        found = _moved_posterior(engine, posterior, moved, options.seed)
        p, mcse = p_above(found, chosen.technique, chosen.comparator)
        points.append(SweepPoint(value=value, p=p, p_mcse=mcse, ok=found.ok))
    return Sweep(
        base=case.base.question.id, target=case.target, model=case.model.id, key=sweep.key, pair=chosen,
        points=tuple(points), flips_at=_flips(sweep, points), checks=posterior.checks,
        ok=posterior.ok and all(p.ok for p in points), provenance=case.provenance,
    )  # fmt: skip


def _moved_posterior(engine: Engine, posterior: Posterior, moved: Case, seed: int) -> Posterior:
    """The draws reweighted where that is reliable; a refit elsewhere, and where the arrays have another shape."""
    if moved.hyper.names == posterior.names:
        found = engine.reweight(posterior, moved.design, moved.hyper, moved.everything)
        if found.checks["k_hat"].ok and found.checks["mcse_p"].ok:
            return found
    return fit_case(moved, engine, seed=seed)


def _values(sweep: SweepRequest) -> list[float]:
    if not (sweep.step > 0 and sweep.lo <= sweep.hi):
        found = f"{sweep.lo:g}:{sweep.hi:g}:{sweep.step:g}"
        raise BadInput((Problem("--sweep", None, sweep.key, found, "LO:HI:STEP with LO <= HI and STEP > 0"),))
    # Halved first: the ends of a sweep may lie further apart than the largest double.
    steps = (sweep.hi / 2 - sweep.lo / 2) / sweep.step * 2
    if not steps + 1e-9 < MAX_POINTS:
        raise BadInput(
            (
                Problem(
                    "--sweep", None, sweep.key, f"{steps + 1:.6g} points", f"at most {MAX_POINTS}: take a larger step"
                ),
            )
        )
    return [sweep.lo + i * sweep.step for i in range(int(steps + 1e-9) + 1)]


def _pair(base: EvidenceBase, pair: tuple[str, str] | None) -> Pair:
    if pair is None:
        headline = next((s.headline for s in base.studies if s.headline is not None), None)
        return pair_of(base, base.findings[0] if headline is None else base.finding(headline))
    known = [t.id for t in base.techniques]
    for name in pair:
        if name not in known:
            raise BadInput((Problem("--pair", None, "technique", repr(name), f"one of: {', '.join(known)}"),))
    return Pair(
        technique=pair[0], comparator=pair[1],
        technique_name=base.technique(pair[0]).name, comparator_name=base.technique(pair[1]).name,
    )  # fmt: skip


def _flips(sweep: SweepRequest, points: list[SweepPoint]) -> tuple[Flip, ...]:
    """Every crossing of the asked level, by linear interpolation; one with value None where it is out of reach."""
    if sweep.flip is None:
        return ()
    flips = [
        Flip(key=sweep.key, value=a.value + (sweep.flip - a.p) / (b.p - a.p) * (b.value - a.value), p=sweep.flip)
        for a, b in itertools.pairwise(points)
        if (a.p - sweep.flip) * (b.p - sweep.flip) < 0 or (a.p == sweep.flip and a.p != b.p)
    ]
    return tuple(flips) or (Flip(key=sweep.key, value=None, p=sweep.flip),)
