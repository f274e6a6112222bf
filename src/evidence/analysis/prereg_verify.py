"""`evidence prereg verify`: the frozen prior computed again, and an analysis held against what was registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence.analysis.fitting import SCENARIOS
from evidence.analysis.options import Progress
from evidence.analysis.prereg_beliefs import Asked, fit_beliefs
from evidence.domain.canonical import sha256_of
from evidence.domain.records import EvidenceBase, Record
from evidence.domain.registration import CodeState, PriorPrint, Registration, ScenarioBelief
from evidence.domain.verification import ALLOWED_ERRORS, SAME_NUMBER, Deviation, PrintMatch
from evidence.inference.engine import Engine

NOT_STATED = "not stated"
SMALLEST_ERROR = 1e-9
BEYOND = 1e300
"""What a difference is cut to: a result may hold any number, and so be beyond the largest double from the registered one."""


@dataclass(frozen=True)
class Analysis:
    """What a result says of itself; None where it does not say. `fingerprint` by name and quantile."""

    kind: str
    """`ranking`, `review` or `fit`."""
    target: str | None = None
    model: str | None = None
    engine: str | None = None
    ok: bool | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fingerprint: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, "Mapping[str, float]"])
    techniques: tuple[str, ...] | None = None
    left_out: tuple[str, ...] | None = None
    failed: tuple[str, ...] = ()


def asked_of(registration: Registration) -> Asked:
    """What the engine was asked when the registration was frozen."""
    return Asked(
        registration.base, registration.model, registration.question.techniques, registration.settings,
        registration.engine.seed,
    )  # fmt: skip


def is_same_machine(registration: Registration, code: CodeState) -> bool:
    """True on the source, libraries and platform that froze it."""
    was = registration.code
    return (was.source_sha256, was.lock_sha256, was.platform) == (code.source_sha256, code.lock_sha256, code.platform)


def recompute(
    registration: Registration, engine: Engine, *, same_machine: bool, progress: Progress | None = None
) -> tuple[PrintMatch, tuple[str, ...]]:
    """The frozen prior and predictions against this machine's engine, and the checks that failed here."""
    beliefs, prior = fit_beliefs(asked_of(registration), engine, progress)
    frozen = dict(_numbers(registration.beliefs, registration.prior))
    found = dict(_numbers(beliefs, prior))
    match = _match(frozen, {name: value for name, (value, _) in found.items()}, exactly=same_machine)
    failed = tuple(f"{b.target}: {name}" for b in beliefs for name, check in b.checks.items() if not check.ok)
    return match, failed


def _numbers(
    beliefs: Sequence[ScenarioBelief], prior: Sequence[PriorPrint]
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Every frozen number of the fingerprint with its standard error, by name."""
    for belief in beliefs:
        for c in belief.contrasts:
            name = f"{belief.target}: {c.technique} - {c.comparator}"
            yield f"{name}: p_above", (c.p_above, c.p_above_se)
            for q, value in c.quantiles.items():
                yield f"{name}: {q}", (value, c.quantiles_se[q])
    for p in prior:
        yield from _print_numbers(p, f"{p.target}: ")


def _print_numbers(p: PriorPrint, prefix: str = "") -> Iterator[tuple[str, tuple[float, float]]]:
    for name, row in p.quantiles.items():
        for q, value in row.items():
            yield f"{prefix}{name}: {q}", (value, p.se[name][q])


def _match(registered: Mapping[str, tuple[float, float]], found: Mapping[str, float], *, exactly: bool) -> PrintMatch:
    """Numbers side by side: to SAME_NUMBER where `exactly`, else to ALLOWED_ERRORS standard errors."""
    max_diff = max_errors = 0.0
    worst, exact, ok = "", True, True
    common = [name for name in registered if name in found]
    for name in common:
        value, se = registered[name]
        diff = min(abs(found[name] - value), BEYOND)
        same = diff <= SAME_NUMBER * max(1.0, abs(value))
        errors = 0.0 if same else min(diff / max(se, SMALLEST_ERROR), BEYOND)
        exact &= same
        ok &= same or (not exactly and errors <= ALLOWED_ERRORS)
        max_diff = max(max_diff, diff)
        if errors > max_errors:
            max_errors, worst = errors, name
    missing = tuple(name for name in registered if name not in found)
    return PrintMatch(
        numbers=len(common), max_diff=max_diff, max_errors=max_errors, worst=worst, missing=missing, exact=exact,
        ok=ok and not missing and bool(common),
    )  # fmt: skip


def compare_analysis(
    registration: Registration, digest: str, analysis: Analysis, data: EvidenceBase | None = None
) -> tuple[tuple[str, ...], tuple[Deviation, ...], PrintMatch]:
    """The fields compared, those that deviate, and the prior of the result against the registered one.

    `data` is the base the analysis says it used, which lets the deviations be named row by row.
    """
    fields = list(_fields(registration, digest, analysis))
    match = _analysis_print(registration, analysis)
    deviations = [Deviation(field=name, registered=r, found=f) for name, r, f in fields if r != f]
    if not match.ok:
        found = f"{match.worst}: {match.max_errors:.1f} standard errors away" if match.worst else "nothing to compare"
        if match.missing:
            found = f"no {', '.join(match.missing[:3])}{' …' if len(match.missing) > 3 else ''}"
        deviations.append(Deviation(field="fingerprint", registered="the registered prior", found=found))
    names = [name for name, _, _ in fields] + ["fingerprint"]
    if data is not None:
        names.append("data")
        deviations += base_deviations(registration.base, data)
        if (stated := analysis.provenance.get("base_sha256")) != sha256_of(data):
            deviations.append(
                Deviation(field="data", registered=f"the base of the analysis, {stated}", found=sha256_of(data))
            )
    return tuple(names), tuple(deviations), match


def _fields(registration: Registration, digest: str, a: Analysis) -> Iterator[tuple[str, str, str]]:
    """(field, as registered, as found), the registered text where the two agree."""
    p = a.provenance

    def stated(value: object) -> str:
        return NOT_STATED if value is None else str(value)

    yield "prereg_hash", digest, stated(p.get("prereg_hash"))
    yield "base_sha256", registration.base_sha256, stated(p.get("base_sha256"))
    yield "model_sha256", registration.model_sha256, stated(p.get("model_sha256"))
    yield "settings", _listed(registration.settings), _listed_or_not(p.get("settings"))
    yield "engine", registration.engine.name, stated(p.get("engine"))
    yield "seed", str(registration.engine.seed), stated(p.get("seed"))
    yield "version", registration.code.version, stated(p.get("version"))
    known = [s.target for s in registration.scenarios]
    targets = [*known, SCENARIOS] if len(known) > 1 else known
    yield "target", a.target if a.target in targets else " or ".join(targets), stated(a.target)
    if a.kind == "ranking":
        yield "exclusions", _listed(registration.base.left_out), _listed_or_not(a.left_out)
        ids = sorted(t.id for t in registration.base.techniques)
        yield "techniques", _listed(ids), _listed_or_not(None if a.techniques is None else sorted(a.techniques))
    yield "checks", "passed", {None: NOT_STATED, True: "passed", False: f"failed: {', '.join(a.failed)}"}[a.ok]


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items) or "none"


def _listed_or_not(items: Any) -> str:
    """A list in words; a list that is not there is not an empty one."""
    if not isinstance(items, list | tuple):
        return NOT_STATED
    return _listed([str(item) for item in items])


def _analysis_print(registration: Registration, analysis: Analysis) -> PrintMatch:
    """The prior of the result against the registered one at its target. A review holds one pair and one study only."""
    prints = {p.target: p for p in registration.prior}
    registered = prints.get(analysis.target or "", registration.prior[0])
    numbers = dict(_print_numbers(registered))
    found = {f"{name}: {q}": float(v) for name, row in analysis.fingerprint.items() for q, v in row.items()}
    if analysis.kind == "review":
        numbers = {name: value for name, value in numbers.items() if name in found and "merit[" not in name}
    return _match(numbers, found, exactly=False)


def base_deviations(registered: EvidenceBase, found: EvidenceBase) -> tuple[Deviation, ...]:
    """Every row and field in which two bases differ."""
    return tuple(_base_deviations(registered, found))


def _base_deviations(registered: EvidenceBase, found: EvidenceBase) -> Iterator[Deviation]:
    yield from _record_deviations("question", registered.question, found.question)
    for table in ("techniques", "families", "settings", "studies", "findings"):
        before = {row.id: row for row in getattr(registered, table)}
        after = {row.id: row for row in getattr(found, table)}
        for key, row in before.items():
            if key in after:
                yield from _record_deviations(f"{table}.{key}", row, after[key])
            else:
                yield Deviation(field=f"{table}.{key}", registered="in the base", found="left out")
        for key in after:
            if key not in before:
                yield Deviation(field=f"{table}.{key}", registered="not in the base", found="added")
    if registered.left_out != found.left_out:
        yield Deviation(field="exclusions", registered=_listed(registered.left_out), found=_listed(found.left_out))


def _record_deviations(place: str, before: Record, after: Record) -> Iterator[Deviation]:
    for name in type(before).model_fields:
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            yield Deviation(field=f"{place}.{name}", registered=_short(one), found=_short(other))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
