"""Groups of assumptions in which two registrations of one question differ, and mixtures of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import (
    OPTIONAL_HYPERPARAMETERS,
    EvidenceBase,
    Family,
    Model,
    Prior,
    Setting,
    Target,
    ValidityClass,
)
from evidence.domain.registration import Registration
from evidence.model.changes import Changed, apply_settings

EVIDENCE, NOVELTY, WEIGHTS, GAP_WEIGHTS, TIES, ORDERS = (
    "evidence read", "novelty", "scenario weights", "gap weights (w_d)", "ties between hyperparameters",
    "registered orders",
)  # fmt: skip
_PRIOR_GROUPS = {
    "tau": "spread at the target (tau)", "tau_P": "spread on proxies (tau_P)", "sigma": "implementation noise (sigma)",
    "sigma_b": "optimism", "mu_b": "optimism", "sigma_d": "allegiance", "mu_d": "allegiance",
    "r": "shared part (r)", "lambda": "stretch (lambda)", "w_0": NOVELTY, "w_d": GAP_WEIGHTS,
    "tau_mu": "shared effect (tau_mu)", "tau_het": "heterogeneity (tau_het)",
}  # fmt: skip
_VALIDITY = ("validity_class", "irrelevance", "stated_at", "stated_rho_lo", "stated_rho_hi")


@dataclass(frozen=True)
class Group:
    """A group in which the two differ, with what each holds."""

    name: str
    a: str
    b: str


def sides_of(a: Registration, b: Registration) -> tuple[Changed, Changed]:
    """The assumptions of both, as changed by their settings. Raises BadInput where they do not speak of the same things."""
    problems: list[Problem] = []
    for name, one, other in (
        ("question.id", a.question.id, b.question.id),
        ("question.techniques", sorted(a.question.techniques), sorted(b.question.techniques)),
        ("scenarios", [s.target for s in a.scenarios], [s.target for s in b.scenarios]),
        ("base.techniques", [t.id for t in a.base.techniques], [t.id for t in b.base.techniques]),
        ("base.dimensions", [d.id for d in a.base.question.dimensions], [d.id for d in b.base.question.dimensions]),
        ("base.gap_levels", a.base.question.gap_levels, b.base.question.gap_levels),
    ):
        if one != other:
            problems.append(Problem(b.id, None, name, str(other), f"{one}, as in {a.id}"))
    if problems:
        raise BadInput(problems)
    found = [apply_settings(r.base, r.model, r.settings) for r in (a, b)]
    return found[0], found[1]


def find_groups(a: Changed, b: Changed) -> tuple[Group, ...]:
    """Every group in which the two differ, in reading order."""
    merged: dict[str, Group] = {}
    for group in _differences(a, b):
        if group.name in merged:
            old = merged[group.name]
            group = Group(group.name, f"{old.a}; {group.a}", f"{old.b}; {group.b}")  # noqa: PLW2901
        merged[group.name] = group
    return tuple(merged.values())


def _differences(a: Changed, b: Changed) -> Iterator[Group]:
    yield from _evidence_differences(a.base, b.base)
    yield from _validity_differences(a, b)
    yield from _gap_differences(a.base, b.base)
    for one, other in zip(a.base.question.targets, b.base.question.targets, strict=True):
        if one.novelty != other.novelty:
            yield Group(NOVELTY, f"{one.id} {one.novelty:g}", f"{other.id} {other.novelty:g}")
        if one.weight != other.weight:
            yield Group(WEIGHTS, f"{one.id} {one.weight:g}", f"{other.id} {other.weight:g}")
    for name in dict.fromkeys((*a.model.priors, *b.model.priors)):
        one, other = a.model.priors.get(name), b.model.priors.get(name)
        if law_of(one) != law_of(other):
            yield Group(_PRIOR_GROUPS.get(name, name), f"{name} {law_of(one)}", f"{name} {law_of(other)}")
    if a.model.parametrisation != b.model.parametrisation:
        yield Group(TIES, str(a.model.parametrisation), str(b.model.parametrisation))
    yield from _belief_differences(a.model, b.model)


def _evidence_differences(a: EvidenceBase, b: EvidenceBase) -> Iterator[Group]:
    one, other = ({f.id: f for f in base.findings} for base in (a, b))
    differing = [key for key in (*one, *(k for k in other if k not in one)) if one.get(key) != other.get(key)]
    if differing or [(s.id, s.family) for s in a.settings] != [(s.id, s.family) for s in b.settings]:
        yield Group(EVIDENCE, f"{len(one)} findings", f"{len(other)} findings, {len(differing)} of them other ones")


def _validity_differences(a: Changed, b: Changed) -> Iterator[Group]:
    for name in dict.fromkeys((*a.model.classes, *b.model.classes)):
        one, other = a.model.classes.get(name), b.model.classes.get(name)
        families = _families_of(name, a.base, b.base)
        if families and one is not None and other is not None and _laws(one) != _laws(other):
            yield Group(class_group(name, a.base, b.base), _laws(one), _laws(other))
    known = {f.id: f for f in b.base.families}
    for family in a.base.families:
        other = known.get(family.id)
        if other is None:
            continue
        one_law, other_law = (law_of(c.relevance.get(family.id)) for c in (a, b))
        if _stated(family) != _stated(other) or one_law != other_law:
            yield Group(
                f"validity of {family.id}",
                f"{_stated(family)}{_given(one_law)}",
                f"{_stated(other)}{_given(other_law)}",
            )


def class_group(name: str, a: EvidenceBase, b: EvidenceBase) -> str:
    """What the validity of a class is called: by its families, which is what readers know."""
    return f"validity of {', '.join(_families_of(name, a, b))}"


def _families_of(name: str, *bases: EvidenceBase) -> list[str]:
    return list(dict.fromkeys(f.id for base in bases for f in base.families if f.validity_class == name))


def _gap_differences(a: EvidenceBase, b: EvidenceBase) -> Iterator[Group]:
    other_settings = {s.id: s for s in b.settings}
    for dimension in (d.id for d in a.question.dimensions):
        pairs = [
            (s.id, s.gaps[dimension], other_settings[s.id].gaps[dimension])
            for s in a.settings
            if s.id in other_settings
        ]
        pairs += [
            (one.id, one.coordinates.get(dimension, 0), other.coordinates.get(dimension, 0))
            for one, other in zip(a.question.targets, b.question.targets, strict=True)
        ]
        if differing := [p for p in pairs if p[1] != p[2]]:
            texts = (", ".join(f"{p[0]} {p[k]}" for p in differing) for k in (1, 2))
            yield Group(f"gap {dimension}", *texts)


def _belief_differences(a: Model, b: Model) -> Iterator[Group]:
    one, other = ({m.technique: (m.mean, m.sd) for m in model.merits} for model in (a, b))
    for technique in dict.fromkeys((*one, *other)):
        if one.get(technique) != other.get(technique):
            yield Group(f"merit of {technique}", _merit(one.get(technique)), _merit(other.get(technique)))
    orders = [[(o.technique, o.comparator, o.q) for o in model.orders] for model in (a, b)]
    if orders[0] != orders[1]:
        yield Group(ORDERS, *(", ".join(f"{t} > {c} {q:g}" for t, c, q in found) or "none" for found in orders))


def _merit(merit: tuple[float, float] | None) -> str:
    return "none" if merit is None else f"N({merit[0]:g}, {merit[1]:g}^2)"


def law_of(prior: Prior | None) -> str:
    """A prior in short, its claim left out: two that say the same differently are one."""
    if prior is None:
        return "none"
    numbers = prior.model_dump(exclude={"dist", "claim"}, exclude_none=True)
    return f"{prior.dist}({', '.join(f'{x:g}' for x in numbers.values())})"


def _laws(c: ValidityClass) -> str:
    return (
        f"irrelevance {c.irrelevance:g}, l {law_of(c.relevance)}, v {law_of(c.construct_noise)},"
        f" irrelevant {law_of(c.irrelevant)}"
    )


def _stated(family: Family) -> str:
    return ", ".join(f"{name} {value}" for name in _VALIDITY if (value := getattr(family, name)) is not None)


def _given(law: str) -> str:
    return "" if law == "none" else f", l {law}"


def mixed(a: Changed, b: Changed, from_b: Set[str]) -> Changed:
    """The assumptions of `a`, but those of `b` in the groups named."""

    def pick[T](group: str, one: T, other: T) -> T:
        return other if group in from_b else one

    whole = pick(EVIDENCE, a, b).base
    families = {side: {f.id: f for f in c.base.families} for side, c in (("a", a), ("b", b))}
    relevance: dict[str, Prior] = {}
    rows: list[Family] = []
    for family in whole.families:
        name = f"validity of {family.id}"
        side = pick(name, "a", "b") if all(family.id in families[s] for s in "ab") else pick(EVIDENCE, "a", "b")
        source = families[side][family.id]
        rows.append(family.model_copy(update={field: getattr(source, field) for field in _VALIDITY}))
        given = (a if side == "a" else b).relevance.get(family.id)
        if given is not None:
            relevance[family.id] = given
    question = whole.question.model_copy(update={"targets": tuple(_targets(a.base, b.base, pick))})
    base = whole.model_copy(
        update={
            "question": question, "families": tuple(rows), "settings": tuple(_settings(whole, a.base, b.base, pick)),
        }
    )  # fmt: skip
    return Changed(base, _model(a, b, pick), relevance)


type _Pick = Callable[..., object]


def _targets(a: EvidenceBase, b: EvidenceBase, pick: _Pick) -> Iterator[Target]:
    for one, other in zip(a.question.targets, b.question.targets, strict=True):
        coordinates = {
            d: value
            for d in (x.id for x in a.question.dimensions)
            if (value := pick(f"gap {d}", one.coordinates.get(d), other.coordinates.get(d))) is not None
        }
        yield one.model_copy(
            update={
                "novelty": pick(NOVELTY, one.novelty, other.novelty), "weight": pick(WEIGHTS, one.weight, other.weight),
                "coordinates": coordinates,
            }
        )  # fmt: skip


def _settings(whole: EvidenceBase, a: EvidenceBase, b: EvidenceBase, pick: _Pick) -> Iterator[Setting]:
    ones, others = ({s.id: s for s in base.settings} for base in (a, b))
    for setting in whole.settings:
        if setting.id not in ones or setting.id not in others:
            yield setting
            continue
        one, other = ones[setting.id], others[setting.id]
        gaps = {d: pick(f"gap {d}", one.gaps[d], other.gaps[d]) for d in one.gaps}
        yield setting.model_copy(update={"gaps": gaps})


def _model(a: Changed, b: Changed, pick: _Pick) -> Model:
    one, other = a.model, b.model
    ties = pick(TIES, one, other)
    priors: dict[str, object] = {}
    for name in dict.fromkeys((*one.priors, *other.priors)):
        held = [model.priors[name] for model in (one, other) if name in model.priors]
        if name in OPTIONAL_HYPERPARAMETERS:
            held = [one.priors.get(name), other.priors.get(name)]  # stating none is an assumption too
        elif name not in ties.priors:  # type: ignore[attr-defined]
            continue
        if (prior := pick(_PRIOR_GROUPS.get(name, name), held[0], held[-1])) is not None:
            priors[name] = prior
    classes: Mapping[str, object] = {
        name: pick(class_group(name, a.base, b.base), one.classes.get(name) or c, other.classes.get(name) or c)
        for name, c in {**other.classes, **one.classes}.items()
    }
    return one.model_copy(
        update={
            "priors": priors, "classes": classes, "parametrisation": ties.parametrisation,  # type: ignore[attr-defined]
            "merits": tuple(_merits(one, other, pick)), "orders": pick(ORDERS, one.orders, other.orders),
        }
    )  # fmt: skip


def _merits(one: Model, other: Model, pick: _Pick) -> Iterator[object]:
    held = [{m.technique: m for m in model.merits} for model in (one, other)]
    for technique in dict.fromkeys((*held[0], *held[1])):
        merit = pick(f"merit of {technique}", held[0].get(technique), held[1].get(technique))
        if merit is not None:
            yield merit
