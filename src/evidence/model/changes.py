"""`--set KEY=VALUE`: changed assumptions as changed records. The same keys come back in `flips_at`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from evidence.domain.errors import BadInput, Problem
from evidence.domain.magnitudes import LARGEST, SMALLEST, size_problem
from evidence.domain.records import EvidenceBase, Family, Gap, Model, Prior, Setting
from evidence.model.priors import prior_from_interval

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_VALUE = re.compile(rf"^(?P<lo>{_NUMBER})(?:\.\.(?P<hi>{_NUMBER}))?$")
_CLAIM = "set on the command line"
_REAL_LINE = frozenset({"mu_b", "mu_d"})
KEYS = "validity.FAMILY, relevance.FAMILY, irrelevance.FAMILY, novelty.TARGET, gap.SETTING.DIMENSION or prior.NAME"


@dataclass(frozen=True)
class Changed:
    """A base and a model after the changes, and the relevance priors set directly."""

    base: EvidenceBase
    model: Model
    relevance: Mapping[str, Prior] = field(default_factory=dict[str, Prior])


def apply_settings(base: EvidenceBase, model: Model, settings: Iterable[str]) -> Changed:
    """`base` and `model` with every KEY=VALUE applied in order. Raises BadInput naming the one that cannot be."""
    changed = Changed(base, model)
    for text in settings:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise _bad(text, "no '='", "KEY=VALUE, e.g. prior.tau=0.5 or validity.FAMILY=.2..6")
        changed = _apply(changed, key, value)
    return changed


def _apply(changed: Changed, key: str, value: str) -> Changed:
    kind, _, name = key.partition(".")
    makers = {
        "validity": _set_validity,
        "relevance": _set_relevance,
        "irrelevance": _set_irrelevance,
        "novelty": _set_novelty,
        "gap": _set_gap,
        "prior": _set_prior,
    }
    if kind not in makers or not name:
        raise _bad(key, repr(key), KEYS)
    return makers[kind](changed, name, value)


def _set_validity(changed: Changed, name: str, value: str) -> Changed:
    family = _family(changed.base, name)
    lo, hi = _interval(f"validity.{name}", value, unit=True)
    _prior(f"validity.{name}", lo, hi, support="unit")  # or there is no law with these quantiles
    reference = family.stated_at or next((s.id for s in changed.base.settings if s.family == family.id), None)
    if reference is None:
        raise _bad(f"validity.{name}", "a family without settings", "a family with at least one setting")
    stated = {"stated_at": reference, "stated_rho_lo": lo, "stated_rho_hi": hi, "irrelevance": None}
    return _with_family(changed, family, stated)


def _set_relevance(changed: Changed, name: str, value: str) -> Changed:
    family = _family(changed.base, name)
    lo, hi = _interval(f"relevance.{name}", value, unit=True)
    prior = _prior(f"relevance.{name}", lo, hi, support="unit")
    cleared = _with_family(changed, family, {"stated_at": None, "stated_rho_lo": None, "stated_rho_hi": None})
    return Changed(cleared.base, cleared.model, {**changed.relevance, family.id: prior})


def _set_irrelevance(changed: Changed, name: str, value: str) -> Changed:
    family = _family(changed.base, name)
    if family.stated_at is not None:
        raise _bad(f"irrelevance.{name}", "a family with a stated validity", "a family without one")
    return _with_family(changed, family, {"irrelevance": _point(f"irrelevance.{name}", value)})


def _set_novelty(changed: Changed, name: str, value: str) -> Changed:
    known = [t.id for t in changed.base.question.targets]
    if name not in known:
        raise _bad(f"novelty.{name}", repr(name), f"a target: {', '.join(known)}")
    novelty = _point(f"novelty.{name}", value)
    targets = [t.model_copy(update={"novelty": novelty}) if t.id == name else t for t in changed.base.question.targets]
    question = changed.base.question.model_copy(update={"targets": tuple(targets)})
    return Changed(changed.base.model_copy(update={"question": question}), changed.model, changed.relevance)


def _set_gap(changed: Changed, name: str, value: str) -> Changed:
    setting_id, _, dimension = name.rpartition(".")
    settings = {s.id: s for s in changed.base.settings}
    dimensions = [d.id for d in changed.base.question.dimensions]
    if setting_id not in settings:
        raise _bad(f"gap.{name}", repr(setting_id), f"gap.SETTING.DIMENSION with a setting: {', '.join(settings)}")
    if dimension not in dimensions:
        raise _bad(f"gap.{name}", repr(dimension), f"a dimension: {', '.join(dimensions)}")
    gap: Gap = value if value in {"none", "some", "major", "unknown"} else _point(f"gap.{name}", value)  # type: ignore[assignment]
    old = settings[setting_id]
    new: Setting = old.model_copy(update={"gaps": {**old.gaps, dimension: gap}})
    rows = tuple(new if s.id == setting_id else s for s in changed.base.settings)
    return Changed(changed.base.model_copy(update={"settings": rows}), changed.model, changed.relevance)


def _set_prior(changed: Changed, name: str, value: str) -> Changed:
    if name not in changed.model.priors:
        raise _bad(
            f"prior.{name}", repr(name), f"a prior of model {changed.model.id}: {', '.join(changed.model.priors)}"
        )
    is_unit = name == "r"
    lo, hi = _interval(f"prior.{name}", value, unit=is_unit)
    if lo < 0 and name not in _REAL_LINE:
        raise _bad(f"prior.{name}", value, "a number of at least 0")
    if name in {"tau", "tau_mu"} and lo <= 0:
        raise _bad(f"prior.{name}", value, "a positive number: merits that do not differ cannot be ranked")
    prior = _prior(f"prior.{name}", lo, hi, support="unit" if is_unit else "positive")
    model = changed.model.model_copy(update={"priors": {**changed.model.priors, name: prior}})
    return Changed(changed.base, model, changed.relevance)


def _with_family(changed: Changed, family: Family, update: Mapping[str, object]) -> Changed:
    new = family.model_copy(update=dict(update))
    rows = tuple(new if f.id == family.id else f for f in changed.base.families)
    return Changed(changed.base.model_copy(update={"families": rows}), changed.model, changed.relevance)


def _family(base: EvidenceBase, name: str) -> Family:
    for family in base.families:
        if family.id == name:
            return family
    raise _bad(name, repr(name), f"a family: {', '.join(f.id for f in base.families)}")


def _prior(key: str, lo: float, hi: float, *, support: str) -> Prior:
    try:
        return prior_from_interval(lo, hi, support=support, claim=_CLAIM)
    except ValueError as error:
        raise _bad(key, f"{lo}..{hi}", str(error)) from error


def _interval(key: str, value: str, *, unit: bool) -> tuple[float, float]:
    try:
        lo, hi = read_interval(value)
    except ValueError as error:
        raise _bad(key, repr(value), str(error)) from error
    if unit and not (0 <= lo <= 1 and 0 <= hi <= 1):
        raise _bad(key, repr(value), "numbers between 0 and 1")
    return lo, hi


def read_interval(value: str) -> tuple[float, float]:
    """Both ends of `LO..HI`, alike for a single number. Raises ValueError that says what was wanted."""
    match = _VALUE.match(value)
    if match is None:
        raise ValueError("a number, or LO..HI for an 80 % interval")
    lo = float(match["lo"])
    hi = lo if match["hi"] is None else float(match["hi"])
    if not (math.isfinite(lo) and math.isfinite(hi)):
        raise ValueError("finite numbers")
    if lo > hi:
        raise ValueError("the lower end first")
    if any(size_problem("", end, spread=True) for end in (lo, hi)):
        raise ValueError(f"0, or between {SMALLEST:g} and {LARGEST:g} in size")
    return lo, hi


def _point(key: str, value: str) -> float:
    lo, hi = _interval(key, value, unit=True)
    if lo != hi:
        raise _bad(key, repr(value), "one number between 0 and 1: this assumption is a rating, not a distribution")
    return lo


def _bad(key: str, found: str, wanted: str) -> BadInput:
    return BadInput((Problem(file="--set", row=None, field=key, found=found, wanted=wanted),))
