"""A verification as a page: what holds, what was compared, and what an analysis did otherwise. Formatting only."""

from __future__ import annotations

from evidence.domain.registration import Registration
from evidence.domain.verification import ALLOWED_ERRORS, PrintMatch, Verification
from evidence.report.page import Page, Section
from evidence.report.prereg import siblings_line
from evidence.report.words import count_of, show_name

_SHOWN = 40


def verification_page(found: Verification, registration: Registration) -> Page:
    """What was found, what it shows, and what it does not show."""
    bytes_line = (
        f"INTACT: the bytes are those of {found.hash}, line {found.entry + 1} of {found.entries} of an unbroken chain."
    )
    sections = [
        Section("BYTES", (bytes_line, _standing(found), *map(show_name, found.notes))),
        Section("SIBLINGS", (siblings_line(found.siblings),)),
        Section("PRIOR", (_recomputed(found),)),
    ]
    if found.deviations is None:
        sections.append(Section("ANALYSIS", ("None given: nothing was compared with `--analysis RESULT`.",)))
    else:
        sections.append(Section("ANALYSIS", tuple(_analysis(found))))
        sections.append(Section("DEVIATIONS", tuple(_deviations(found, registration))))
    sections.append(
        Section(
            "SHOWS",
            (
                f"That these bytes existed when line {found.entry + 1} was written, if {found.entry_sha256[:12]}… was"
                " kept elsewhere; not when that was, nor what its author had seen.",
            ),
        )
    )
    return Page("VERIFIED", show_name(registration.title), tuple(sections), None)


def _standing(found: Verification) -> str:
    if found.registration == "amended":
        return "A later revision has taken its place; it is still what was believed then."
    return f"Status: {found.registration}."


def _recomputed(found: Verification) -> str:
    match = found.recomputed
    if match is None:
        return "Not computed again (--no-engine)."
    where = "on the same code, libraries and platform" if found.same_machine else "on another code or platform"
    return f"Computed again {where}: {_match(match)}"


def _match(match: PrintMatch) -> str:
    verdict = "the prior shown is the prior used" if match.ok else "NOT the registered prior"
    text = f"{match.numbers} numbers, largest difference {match.max_diff:.1e}"
    if not match.exact:
        text += (
            f", at most {match.max_errors:.1f} standard errors (allowed {ALLOWED_ERRORS:g}) at {show_name(match.worst)}"
        )
    return f"{text}: {verdict}."


def _analysis(found: Verification) -> list[str]:
    lines = [f"result {(found.analysis or '')[:12]}…; compared: {', '.join(found.compared)}"]
    if found.analysis_print is not None:
        lines.append(f"Its prior: {_match(found.analysis_print)}")
    return lines


def _deviations(found: Verification, registration: Registration) -> list[str]:
    deviations = found.deviations or ()
    lines = [
        f"{show_name(d.field)}: registered {show_name(d.registered)}; found {show_name(d.found)}"
        for d in deviations[:_SHOWN]
    ]
    if len(deviations) > _SHOWN:
        lines.append(f"… and {len(deviations) - _SHOWN} more")
    if not lines:
        lines.append(f"None in the {count_of(len(found.compared), 'field')} compared.")
    lines += [f"allowed for beforehand: {show_name(text)}" for text in registration.planned_deviations]
    return lines
