"""(EvidenceBase, Model) -> the prior as arrays: quantile tables, gaps, families (docs/model.md, section 4)."""

# pyright: basic, reportArgumentType=false
# SciPy ships no types, and pyright takes frozen pydantic records for unhashable.

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import EvidenceBase, Family, Gap, Model, Prior, ValidityClass
from evidence.model.design import Design
from evidence.model.priors import Law, Mixture, law_quantiles, look_up, prior_from_interval, scaled_law, tabulate

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

LEADING: tuple[str, ...] = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")
"""Hyperparameters with a place of their own; under `random-effects` the first two are tau_mu and tau_het."""
W_0_NODES = 8
"""Nodes of the rule over w_0."""
UNKNOWN_GAP = Prior(dist="Beta", a=2, b=1, claim="an unknown gap is more likely large than small")
UNIFORM = Prior(dist="Uniform", lo=0, hi=1, claim="log n is uniform over the assumed range")
CERTAIN = Prior(dist="Point", value=1, claim="a perfect proxy")
ZERO = Prior(dist="Point", value=0, claim="not used")
ONE = Prior(dist="Point", value=1, claim="not used")


@dataclass(frozen=True)
class Hyper:
    """The prior as arrays. K hyperparameters, S settings, D dimensions, F families.

    Everything here is data to a compiled engine: another model, target or `--set` changes numbers only.
    """

    names: tuple[str, ...]
    tables: Floats
    """(K, grid, 2) quantile tables."""
    laws: tuple[Law, ...]
    """What each hyperparameter follows; for a family with a stated validity the law of rho at its reference setting."""
    active: NDArray[np.bool_]
    """(K,) False where the hyperparameter is a point or not used."""
    slots: dict[str, int]
    gaps: Floats
    gap_unknown: NDArray[np.bool_]
    target_gaps: Floats
    novelty: float
    other_gaps: Floats
    """(targets with findings, D)"""
    other_novelty: Floats
    other_is_target: NDArray[np.bool_]
    """Which target with findings is the one in use."""
    v_index: Ints
    """(S,) which v each setting reads."""
    l_index: Ints
    """(F,) which l each family reads: its own, or that of the first family of its class."""
    family_of_setting: Ints
    stated: NDArray[np.bool_]
    stated_reference: Ints
    scale_link: bool
    random_effects: bool
    families: tuple[str, ...]
    classes: tuple[ValidityClass | None, ...]
    irrelevance: Floats
    """(F,) pi; NaN where validity is stated or perfect."""
    target: str = ""
    use_findings: bool = True
    use_beliefs: bool = True
    """False for a reader without the registered merits and orders that the arrays hold."""

    def scaled(self, name: str, factor: float) -> Hyper:
        """The same prior with hyperparameter `name` multiplied by `factor`."""
        k = self.names.index(name)
        tables = self.tables.copy()
        tables[k] *= factor
        return replace(self, tables=tables, laws=_replaced(self.laws, k, scaled_law(self.laws[k], factor)))

    def pinned(self, name: str, value: float) -> Hyper:
        """The same prior with hyperparameter `name` at a point."""
        k = self.names.index(name)
        tables, active = self.tables.copy(), self.active.copy()
        tables[k, :, 0], tables[k, :, 1], active[k] = value, 0.0, False
        point = Prior(dist="Point", value=value, claim="pinned")
        return self._apart(k, replace(self, tables=tables, active=active, laws=_replaced(self.laws, k, point)))

    def _apart(self, k: int, pinned: Hyper) -> Hyper:
        """`pinned` with hyperparameter `k`, if it is a relevance that others read, left to itself."""
        f, families = k - self.slots["l"], np.arange(len(self.families))
        if f not in families:
            return pinned
        l_index, active = self.l_index.copy(), pinned.active.copy()
        others = np.flatnonzero((l_index == l_index[f]) & (families != f))
        if l_index[f] == f and len(others):
            l_index[others] = others[0]
            active[self.slots["l"] + others[0]] = self.active[k]
        l_index[f] = f
        return replace(pinned, l_index=l_index, active=active)

    def w_0_rule(self) -> tuple[Floats, Floats]:
        """Values of w_0 and their weights under its prior: a Gauss-Hermite rule, one node for a point."""
        k = self.slots["w_0"]
        if not self.active[k]:
            return self.tables[k, :1, 0], np.ones(1)
        nodes, weights = np.polynomial.hermite_e.hermegauss(W_0_NODES)
        return look_up(np, self.tables[k : k + 1], nodes[:, None])[:, 0], weights / weights.sum()

    def perfect(self) -> Hyper:
        """The same prior with perfect proxies: no gap, no novelty, full relevance, no construct noise."""
        changed = self
        for name in self.names:
            kind = name.split("[", maxsplit=1)[0]
            if kind in {"w_0", "w_d", "l", "v"}:
                changed = changed.pinned(name, 1.0 if kind in {"l", "v"} else 0.0)
        return replace(changed, stated=np.zeros_like(self.stated))

    def with_validity(self, family: str, setting: int, rho: float) -> Hyper:
        """The same prior with the validity of `setting` (and so its family's) stated to be exactly `rho`."""
        f = self.families.index(family)
        pinned = self.pinned(f"l[{family}]", rho)
        stated, reference = self.stated.copy(), self.stated_reference.copy()
        stated[f], reference[f] = True, setting
        return replace(pinned, stated=stated, stated_reference=reference)


@dataclass
class _Tables:
    """Collects the quantile tables in order, with the name and the place of each."""

    names: list[str] = field(default_factory=list[str])
    values: list[Floats] = field(default_factory=list[Floats])
    laws: list[Law] = field(default_factory=list["Law"])
    used: list[bool] = field(default_factory=list[bool])
    slots: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, name: str, law: Law, *, used: bool = True) -> None:
        self.slots.setdefault(name.split("[", maxsplit=1)[0], len(self.names))
        self.names.append(name)
        self.values.append(law_quantiles(law))
        self.laws.append(law)
        self.used.append(used)


def build_hyper(
    base: EvidenceBase, model: Model, design: Design, *, target: str | None = None,
    relevance: Mapping[str, Prior] | None = None,
) -> Hyper:  # fmt: skip
    """The prior of `model` on `base` for one target (default: the primary one).

    `relevance` replaces the prior of l for the families it names. Raises KeyError for an unknown target or an
    unknown validity class.
    """
    chosen = base.question.targets[0] if target is None else base.target(target)
    others = [base.target(name) for name in design.target_places]
    dimensions = tuple(d.id for d in base.question.dimensions)
    levels = base.question.gap_levels
    gaps = [[_level(s.gaps[d], levels) for d in dimensions] for s in base.settings]
    unknown = np.array([[s.gaps[d] == "unknown" for d in dimensions] for s in base.settings], dtype=bool)
    settings = {s.id: i for i, s in enumerate(base.settings)}
    families = {f.id: i for i, f in enumerate(base.families)}
    is_perfect = model.parametrisation.perfect_proxies or model.parametrisation.kind == "random-effects"
    classes = tuple(None if is_perfect else model.classes[f.validity_class] for f in base.families)
    irrelevance = np.array([_irrelevance(f, c) for f, c in zip(base.families, classes, strict=True)])
    v_index = _construct_slots(base, model)
    tables = _Tables()
    _add_leading(tables, model, design)
    w_d = model.priors.get("w_d", ZERO)
    for d in dimensions:
        tables.add(f"w_d[{d}]", w_d)
    overridden = relevance or {}
    l_index = _relevance_slots(base, model, overridden)
    for i, (family, validity_class, pi) in enumerate(zip(base.families, classes, irrelevance, strict=True)):
        law = _relevance_law(family, validity_class, float(pi), overridden)
        tables.add(f"l[{family.id}]", law, used=i in l_index)
    for i, setting in enumerate(base.settings):
        prior = _construct_prior(base.family(setting.family), model, is_perfect=is_perfect)
        tables.add(f"v[{setting.id}]", prior, used=i in v_index)
    for j, d in enumerate(dimensions):
        tables.add(f"unknown[{d}]", UNKNOWN_GAP, used=bool(unknown[:, j].any()))
    for setting in base.settings:
        tables.add(f"lambda[{setting.id}]", model.priors.get("lambda", ONE))
    for name in design.assumed:
        tables.add(f"n[{name}]", UNIFORM)
    tables.slots.setdefault("n", len(tables.names))
    stacked = np.stack([tabulate(v) for v in tables.values])
    return Hyper(
        names=tuple(tables.names),
        tables=stacked,
        laws=tuple(tables.laws),
        active=np.array(tables.used) & (np.ptp(stacked[:, :, 0], axis=1) > 0),
        slots=tables.slots,
        gaps=np.array(gaps, dtype=np.float64).reshape(len(settings), len(dimensions)),
        gap_unknown=unknown.reshape(len(settings), len(dimensions)),
        target_gaps=np.array([_level(chosen.coordinates.get(d, 0.0), levels) for d in dimensions]),
        novelty=chosen.novelty,
        other_gaps=np.array([[_level(t.coordinates.get(d, 0.0), levels) for d in dimensions] for t in others]).reshape(
            len(others), len(dimensions)
        ),
        other_novelty=np.array([t.novelty for t in others], dtype=np.float64),
        other_is_target=np.array([t.id == chosen.id for t in others], dtype=bool),
        v_index=v_index,
        l_index=l_index,
        family_of_setting=np.array([families[s.family] for s in base.settings], dtype=np.int64),
        stated=np.array([f.stated_at is not None and not is_perfect for f in base.families], dtype=bool),
        stated_reference=np.array([settings[f.stated_at] if f.stated_at else 0 for f in base.families], dtype=np.int64),
        scale_link=model.parametrisation.scale_link,
        random_effects=model.parametrisation.kind == "random-effects",
        families=tuple(families),
        classes=classes,
        irrelevance=irrelevance,
        target=chosen.id,
        use_findings=model.parametrisation.use_findings,
        use_beliefs=bool(model.merits or model.orders),
    )


def _add_leading(tables: _Tables, model: Model, design: Design) -> None:
    is_random_effects = model.parametrisation.kind == "random-effects"
    for name in LEADING:
        prior_name = {"tau": "tau_mu", "tau_P": "tau_het"}.get(name, name) if is_random_effects else name
        used = not (name == "tau_P" and model.parametrisation.scale_link)
        used = used and not (name in {"sigma_d", "mu_d"} and design.n_allegiance == 0)
        tables.add(name, model.priors.get(prior_name, ZERO), used=used)


def _relevance_law(
    family: Family, validity_class: ValidityClass | None, irrelevance: float, overridden: Mapping[str, Prior]
) -> Law:
    """The law of l; for a stated validity that of rho, which the engines turn into l."""
    if family.id in overridden:
        return overridden[family.id]
    if validity_class is None:
        return CERTAIN
    if family.stated_rho_lo is not None and family.stated_rho_hi is not None:
        return prior_from_interval(
            family.stated_rho_lo, family.stated_rho_hi, support="unit", claim=f"stated for {family.id}"
        )
    if irrelevance <= 0:
        return validity_class.relevance
    if irrelevance >= 1:
        return validity_class.irrelevant
    return Mixture(irrelevance, validity_class.irrelevant, validity_class.relevance)


def _replaced(laws: tuple[Law, ...], k: int, law: Law) -> tuple[Law, ...]:
    return (*laws[:k], law, *laws[k + 1 :])


def _irrelevance(family: Family, validity_class: ValidityClass | None) -> float:
    if validity_class is None or family.stated_at is not None:
        return float("nan")
    return validity_class.irrelevance if family.irrelevance is None else family.irrelevance


def _construct_prior(family: Family, model: Model, *, is_perfect: bool) -> Prior:
    return CERTAIN if is_perfect else model.classes[family.validity_class].construct_noise


def _construct_slots(base: EvidenceBase, model: Model) -> Ints:
    """Which v each setting reads: its own, or that of the first setting of its class."""
    if model.parametrisation.construct_per == "setting":
        return np.arange(len(base.settings), dtype=np.int64)
    first: dict[str, int] = {}
    index = [first.setdefault(base.family(s.family).validity_class, i) for i, s in enumerate(base.settings)]
    return np.array(index, dtype=np.int64)


def _relevance_slots(base: EvidenceBase, model: Model, overridden: Collection[str]) -> Ints:
    """Which l each family reads: its own, or that of the first family of its class that follows its class's law."""
    first: dict[str, int] = {}
    index = list(range(len(base.families)))
    for i, family in enumerate(base.families):
        is_own = family.stated_at is not None or family.irrelevance is not None or family.id in overridden
        if model.parametrisation.relevance_per == "class" and not is_own:
            index[i] = first.setdefault(family.validity_class, i)
    return np.array(index, dtype=np.int64)


def _level(gap: Gap, levels: Mapping[str, float]) -> float:
    """A gap as a number; an unknown one is a hyperparameter, and 0 here."""
    if isinstance(gap, str):
        return 0.0 if gap == "unknown" else levels[gap]
    return gap
