"""The flow every analysis starts with: base + model + changes -> arrays -> posterior."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.options import Progress
from evidence.domain.canonical import sha256_of
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Model, Prior
from evidence.domain.results import Check, Provenance
from evidence.inference.engine import MCSE_LIMIT, Engine, Evidence, Posterior, mixture_of
from evidence.model.changes import apply_settings
from evidence.model.design import Design, build_design
from evidence.model.hyper import Hyper, build_hyper
from evidence.model.identity import merge_alike_settings

type Floats = NDArray[np.float64]

SCENARIOS = "scenarios"
"""Target that is each of the base's targets with its weight: one does not know where techniques will be needed."""
VERSION = version("evidence")
MAX_RULED_OUT = 0.8


@dataclass(frozen=True)
class Case:
    """A base under a model, as the engine sees it. `base` and `model` are as changed by the settings."""

    base: EvidenceBase
    model: Model
    design: Design
    hyper: Hyper
    target: str
    provenance: Provenance
    relevance: Mapping[str, Prior] = field(default_factory=dict[str, Prior])
    """Priors of l set directly, by family."""
    scenarios: tuple[tuple[float, Hyper], ...] = ()
    """Weight and prior of each target where the target is `scenarios`; empty for a single target."""

    @property
    def everything(self) -> Evidence:
        """All findings, as stated."""
        return Evidence(mask=np.ones(len(self.design.findings)))

    def only(self, findings: set[str]) -> Evidence:
        """These findings alone."""
        return Evidence(mask=np.array([float(f in findings) for f in self.design.findings]))

    def without(self, findings: set[str]) -> Evidence:
        """All findings but these."""
        return Evidence(mask=np.array([float(f not in findings) for f in self.design.findings]))

    @property
    def nothing(self) -> Evidence:
        """No findings: the prior."""
        return self.only(set())


def prepare_case(
    base: EvidenceBase, model: Model, *, target: str | None, settings: tuple[str, ...], seed: int, engine: str = "exact"
) -> Case:
    """Apply the settings and build the arrays. Raises BadInput for an unknown target or an impossible setting."""
    case = build_case(base, model, target=target, settings=settings, seed=seed, engine=engine)
    if problems := find_ruled_out(case):
        raise BadInput(problems)
    return case


def build_case(
    base: EvidenceBase, model: Model, *, target: str | None, settings: tuple[str, ...], seed: int, engine: str = "exact"
) -> Case:
    """As `prepare_case`, also where a stated validity is ruled out."""
    provenance = Provenance(
        base_sha256=sha256_of(base),
        model_sha256=sha256_of(model),
        version=VERSION,
        seed=seed,
        engine=engine,
        settings=settings,
    )
    changed = apply_settings(base, model, settings)
    chosen = _known_target(base, None if target == SCENARIOS else target)
    merged = merge_alike_settings(with_beliefs(changed.base, changed.model))
    design = build_design(merged)
    hyper = build_hyper(merged, changed.model, design, target=chosen, relevance=changed.relevance)
    case = Case(merged, changed.model, design, hyper, chosen, provenance, changed.relevance)
    if target == SCENARIOS:
        targets = [(t.weight, t.id) for t in merged.question.targets]
        hypers = [build_hyper(merged, changed.model, design, target=t, relevance=changed.relevance) for _, t in targets]
        scenarios = tuple((w, h) for (w, _), h in zip(targets, hypers, strict=True))
        case = replace(case, target=SCENARIOS, scenarios=scenarios)
    return case


def require_single_target(target: str | None) -> None:
    """Raises BadInput for `scenarios`, which only a ranking can be asked about."""
    if target == SCENARIOS:
        raise BadInput((Problem("--target", None, "", repr(target), "one target: only rank takes all of them"),))


def with_beliefs(base: EvidenceBase, model: Model) -> EvidenceBase:
    """The base with the registered merits and orders of the model. Raises BadInput for one it cannot hold."""
    if not model.merits and not model.orders:
        return base
    problems = [*_belief_problems(base, model)]
    if problems:
        raise BadInput(problems)
    return base.model_copy(update={"merits": model.merits, "orders": model.orders})


def _belief_problems(base: EvidenceBase, model: Model) -> Iterator[Problem]:
    known = [t.id for t in base.techniques]
    file = f"model {model.id!r}"
    for i, merit in enumerate(model.merits):
        if merit.technique not in known[1:]:
            wanted = f"a technique other than the baseline: {', '.join(known[1:])}"
            yield Problem(file, f"merits {i + 1}", "technique", repr(merit.technique), wanted)
        if merit.technique in [m.technique for m in model.merits[:i]]:
            yield Problem(file, f"merits {i + 1}", "technique", repr(merit.technique), "one belief per technique")
    for i, order in enumerate(model.orders):
        for name, value in (("technique", order.technique), ("comparator", order.comparator)):
            if value not in known:
                yield Problem(file, f"orders {i + 1}", name, repr(value), f"a technique: {', '.join(known)}")
            elif value == known[0] or model.merits:
                # Only orders between exchangeable techniques are equally probable whatever the hyperparameters are,
                # so that registering them moves no hyperparameter.
                found = repr(value) + (" beside registered merits" if model.merits else ", the baseline")
                wanted = "orders between techniques other than the baseline, without registered merits; state a merit"
                yield Problem(file, f"orders {i + 1}", name, found, wanted)


def narrowed(case: Case, findings: set[str]) -> Case:
    """The case of these findings alone, on the techniques, settings and families they need: same prior, small arrays."""
    return with_base(case, narrowed_base(case.base, findings))


def narrowed_base(base: EvidenceBase, findings: Collection[str]) -> EvidenceBase:
    """The base of these findings alone, with the techniques, settings and families that they need."""
    kept = tuple(f for f in base.findings if f.id in findings)
    techniques = {f.technique for f in kept} | {f.comparator for f in kept} | {base.techniques[0].id}
    of_setting = {s.id: s.family for s in base.settings}
    families = {of_setting[f.setting] for f in kept if f.setting in of_setting}
    references = {base.family(name).stated_at for name in families}
    settings = {f.setting for f in kept} | references
    return base.model_copy(
        update={
            "techniques": tuple(t for t in base.techniques if t.id in techniques),
            "families": tuple(f for f in base.families if f.id in families),
            "settings": tuple(s for s in base.settings if s.id in settings),
            "studies": tuple(s for s in base.studies if s.id in {f.study for f in kept}),
            "findings": kept,
            "merits": tuple(b for b in base.merits if b.technique in techniques),
            "orders": tuple(b for b in base.orders if {b.technique, b.comparator} <= techniques),
        }
    )


def with_base(case: Case, base: EvidenceBase) -> Case:
    """The same case on another base; relevance set directly for a family stays set."""
    design = build_design(base)
    hyper = build_hyper(base, case.model, design, target=case.target, relevance=case.relevance)
    return replace(case, base=base, design=design, hyper=hyper)


def read_as(case: Case, reader: Model) -> Hyper:
    """The prior of a reader on the same arrays: a reader is a changed model, so nothing is compiled anew."""
    return build_hyper(case.base, reader, case.design, target=case.target)


def fit_case(case: Case, engine: Engine, *, seed: int, progress: Progress | None = None) -> Posterior:
    """The posterior given all findings."""
    return mixture_of(fit_scenarios(case, engine, seed=seed, progress=progress), [w for w, _ in case_scenarios(case)])


def case_scenarios(case: Case) -> tuple[tuple[float, Hyper], ...]:
    """Weight and prior of each target that is asked about."""
    return case.scenarios or ((1.0, case.hyper),)


def fit_scenarios(
    case: Case, engine: Engine, *, seed: int, progress: Progress | None = None, evidence: Evidence | None = None,
    start: Posterior | None = None, mcse_limit: float = MCSE_LIMIT,
) -> list[Posterior]:  # fmt: skip
    """The posterior given `evidence` (default: all findings) at each target that is asked about.

    Each starts from the one before, the first from `start`.
    """
    found: list[Posterior] = []
    for _, hyper in case_scenarios(case):
        start = found[-1] if found else start
        found.append(
            engine.fit(
                case.design,
                hyper,
                evidence or case.everything,
                seed=seed,
                progress=progress,
                start=start,
                mcse_limit=mcse_limit,
            )
        )
    return found


def reweighted(case: Case, engine: Engine, posteriors: list[Posterior], evidence: Evidence) -> Posterior:
    """The same draws under other evidence, at every target that is asked about."""
    scenarios = case_scenarios(case)
    pairs = zip(posteriors, scenarios, strict=True)
    moved = [engine.reweight(posterior, case.design, hyper, evidence) for posterior, (_, hyper) in pairs]
    return mixture_of(moved, [w for w, _ in scenarios])


def p_above(posterior: Posterior, technique: str, comparator: str) -> tuple[float, float]:
    """P(technique above comparator at the target) and its Monte Carlo standard error."""
    p = posterior.above(*(posterior.techniques.index(t) for t in (technique, comparator)))
    average = float(np.clip(posterior.weights @ p, 0.0, 1.0))  # rounding can leave 1 + 2e-16
    return average, float(np.sqrt(np.sum((posterior.weights * (p - average)) ** 2)))


def contrast_moments(posterior: Posterior, technique: str, comparator: str) -> tuple[Floats, Floats]:
    """Mean and variance (M,) of merit(technique) - merit(comparator) per draw, SMD."""
    return posterior.contrast(*(posterior.techniques.index(t) for t in (technique, comparator)))


def find_ruled_out(case: Case) -> tuple[Problem, ...]:
    """Stated validities that gaps and novelty rule out: more than 80 % of prior draws lost, with the highest accepted."""
    from evidence.model.reach import highest_validity, share_ruled_out

    problems: list[Problem] = []
    for family in case.base.families:
        if family.stated_at is None or not case.hyper.stated[case.hyper.families.index(family.id)]:
            continue
        lost = share_ruled_out(case.hyper, family.id)
        if lost > MAX_RULED_OUT:
            cap = highest_validity(case.hyper, case.hyper.stated_reference[case.hyper.families.index(family.id)])
            found = f"{family.stated_rho_lo}..{family.stated_rho_hi} at {family.stated_at}"
            wanted = f"at most {cap:.2f}: your gaps and novelty cap it there ({100 * lost:.0f} % of prior draws lost)"
            problems.append(Problem("families.csv", family.id, "stated_rho_hi", found, wanted))
    return tuple(problems)


def _known_target(base: EvidenceBase, target: str | None) -> str:
    known = [t.id for t in base.question.targets]
    if target is None:
        return known[0]
    if target not in known:
        wanted = f"one of: {', '.join(known)}, or {SCENARIOS} for all of them by weight"
        raise BadInput((Problem("base.toml", None, "targets", repr(target), wanted),))
    return target


def failed(checks: dict[str, Check]) -> tuple[str, ...]:
    """Names of the checks that failed."""
    return tuple(name for name, check in checks.items() if not check.ok)
