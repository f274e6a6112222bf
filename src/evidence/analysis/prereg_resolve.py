"""`evidence prereg resolve`: target findings, logs and annulments as a resolution that the registration allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from evidence.analysis.known_outcomes import known_contrast
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding, Outcome
from evidence.domain.registration import DataFile, Registration
from evidence.domain.scorecard import RESOLUTION_FORMAT, Annulment, Resolution, Tried, TryLog


@dataclass(frozen=True)
class Report:
    """What somebody reports."""

    by: str
    source: str
    utc: str
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    tried: tuple[Tried, ...] = ()
    annulled: tuple[Annulment, ...] = ()
    scenario: str | None = None
    """Rows about other scenarios are left out; a log is about this one."""
    files: tuple[DataFile, ...] = ()


def build_resolution(
    registration: Registration, digest: str, report: Report, earlier: Sequence[Resolution]
) -> Resolution:
    """The record that is frozen. Raises BadInput for what the registration does not allow, or what is resolved already."""
    known = [s.target for s in registration.scenarios]
    if report.scenario is not None and report.scenario not in known:
        raise _bad("--scenario", repr(report.scenario), f"a registered scenario: {', '.join(known)}")
    wanted = [report.scenario] if report.scenario else known
    outcomes, left_out = _outcomes(registration, report, wanted)
    problems = [
        *_repeated(registration, outcomes, report, earlier),
        *_annulment_problems(registration, report, earlier),
    ]
    log = None
    if report.tried:
        if report.scenario is None and len(known) > 1:
            raise _bad("--scenario", "nothing", f"the scenario of the log: {', '.join(known)}")
        problems += _log_problems(registration, report.tried)
        log = TryLog(scenario=wanted[0], tried=report.tried) if not problems else None
    if (report.outcomes or report.findings) and not outcomes:
        problems.append(
            Problem("--outcomes", None, "", f"no row about {', '.join(wanted)} and the registered techniques", "some")
        )
    if problems:
        raise BadInput(problems)
    touched = {o.target for o in outcomes} | ({log.scenario} if log else set())
    today = date.fromisoformat(report.utc[:10])
    late = tuple(
        p.id for p in registration.predictions if p.scenario in touched and date.fromisoformat(p.deadline) < today
    )
    return Resolution(
        format=RESOLUTION_FORMAT, registration=digest, by=report.by, source=report.source, utc=report.utc,
        outcomes=outcomes, log=log, annulled=report.annulled, late=late, files=report.files, left_out=left_out,
    )  # fmt: skip


def _outcomes(
    registration: Registration, report: Report, wanted: Sequence[str]
) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """Outcomes about the scenarios and techniques asked for, and what was left out."""
    baseline = registration.base.techniques[0].id
    rows = [*report.outcomes, *outcomes_of_findings(report.findings, baseline, wanted)]
    asked = set(registration.question.techniques) - {baseline}
    kept = tuple(o for o in rows if o.target in wanted and o.technique in asked)
    out = dict.fromkeys(
        f"target {o.target}" if o.target not in wanted else f"technique {o.technique} at {o.target}"
        for o in rows
        if o not in kept
    )
    return kept, tuple(out)


def outcomes_of_findings(findings: Sequence[Finding], baseline: str, targets: Sequence[str]) -> Iterator[Outcome]:
    """Findings at targets as contrasts with the baseline: two arms of one sample each, or a contrast as it stands.

    Raises BadInput for kinds without a size, other comparators, and an arm without the baseline's.
    """
    problems: list[Problem] = []
    for target in targets:
        here = [f for f in findings if f.setting == target]
        arm0 = next((f for f in here if f.is_arm and f.technique == baseline), None)
        for f in here:
            if f is arm0:
                continue
            if f.is_arm and arm0 is None:
                problems.append(Problem("findings", f.id, "comparator", "nothing", f"an arm of {baseline} at {target}"))
            elif not f.is_arm and f.comparator != baseline:
                problems.append(Problem("findings", f.id, "comparator", repr(f.comparator), f"{baseline!r}"))
            else:
                try:
                    estimate, se, part = known_contrast(f, arm0 if f.is_arm else None)
                except ValueError as error:
                    problems.append(Problem("findings", f.id, "kind", f.kind, f"a kind with a size ({error})"))
                    continue
                yield Outcome(
                    target=target, technique=f.technique, estimate_smd=estimate, se_smd=se,
                    baseline_var_smd=part if f.is_arm else None, where=f.where,
                )  # fmt: skip
    if problems:
        raise BadInput(problems)


def _repeated(
    registration: Registration, outcomes: Sequence[Outcome], report: Report, earlier: Sequence[Resolution]
) -> Iterator[Problem]:
    """What is resolved twice: later runs count as sensitivity only, whatever they show."""
    seen = {(o.target, o.technique) for r in earlier for o in r.outcomes}
    for o in outcomes:
        if (o.target, o.technique) in seen:
            wanted = f"nothing more: it is resolved ({registration.stopping})"
            yield Problem("--outcomes", None, "", f"{o.technique} at {o.target} again", wanted)
        seen.add((o.target, o.technique))
    logged = {r.log.scenario for r in earlier if r.log}
    if report.tried and (report.scenario or registration.scenarios[0].target) in logged:
        yield Problem("--log", None, "", "a second log of one scenario", "one")


def _annulment_problems(registration: Registration, report: Report, earlier: Sequence[Resolution]) -> Iterator[Problem]:
    known = [p.id for p in registration.predictions]
    conditions = registration.scoring.annul_conditions
    gone = {a.prediction for r in earlier for a in r.annulled}
    for a in report.annulled:
        if a.prediction not in known:
            yield Problem("--annul", None, "", repr(a.prediction), f"a prediction: {', '.join(known)}")
        elif a.prediction in gone:
            yield Problem("--annul", None, "", f"{a.prediction} again", "a prediction not annulled yet")
        if a.reason not in conditions:
            wanted = f"a reason listed beforehand: {'; '.join(conditions) or 'none was'}"
            yield Problem("--annul", None, "", repr(a.reason), wanted)


def _log_problems(registration: Registration, tried: Sequence[Tried]) -> Iterator[Problem]:
    known = [t for t in registration.question.techniques if t != registration.base.techniques[0].id]
    seen: set[str] = set()
    for t in tried:
        if t.technique not in known:
            yield Problem("--log", None, "", repr(t.technique), f"a registered technique: {', '.join(known)}")
        elif t.technique in seen:
            yield Problem("--log", None, "", f"{t.technique} twice", "every technique once")
        seen.add(t.technique)


def resolved_so_far(resolutions: Sequence[Resolution]) -> Mapping[str, tuple[Outcome, ...]]:
    """Outcomes by scenario, over all resolutions."""
    found: dict[str, tuple[Outcome, ...]] = {}
    for r in resolutions:
        for o in r.outcomes:
            found[o.target] = (*found.get(o.target, ()), o)
    return found


def _bad(option: str, found: str, wanted: str) -> BadInput:
    return BadInput([Problem(option, None, "", found, wanted)])
