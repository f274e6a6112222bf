"""What an answer leans on and what to read next, in sentences of a review or a ranking."""

from __future__ import annotations

from evidence.domain.results import Ranking, Review
from evidence.report.words import amount, in_100, listed, share, show_name

NEXT_SHOWN = 3


def next_lines(ranking: Ranking) -> tuple[str, ...]:
    """What nobody has compared, then the gaps and missing studies that would change the ranking most."""
    names = {technique.id: show_name(technique.name) for technique in ranking.techniques}
    lines: list[str] = []
    pairs = [f"{names[a]} and {names[b]}" for a, b in ranking.never_compared]
    if pairs:
        more = f"; and {len(pairs) - NEXT_SHOWN} more pairs" if len(pairs) > NEXT_SHOWN else ""
        lines.append(f"No study has side by side, though either may be first: {'; '.join(pairs[:NEXT_SHOWN])}{more}.")
    found = ranking.next_reading
    if found is None:
        return (*lines, "--next says which gap and which missing study would change the ranking most.")
    for gap in found.gaps[:NEXT_SHOWN]:
        lines.append(
            f"If {show_name(gap.dimension)} of {show_name(gap.family)} were {gap.level} (rated {'/'.join(gap.rated)}):"
            f" first place changes in {in_100(gap.p_top_changes)} of 100."
        )
    for study in found.studies[:NEXT_SHOWN]:
        lines.append(
            f"A new study of {names[study.technique]} in {show_name(study.setting)} (se {found.new_study_se:g} SMD):"
            f" {amount(study.bits)} bits; first place changes in {in_100(study.p_top_changes)} of 100."
        )
    return tuple(lines)


_QUANTITIES = ("contrast", "merit[")


def prior_lines(record: Review | Ranking, *, brief: bool = False) -> tuple[str, ...]:
    """Which priors the answer leans on and what the findings did not inform; none where it was not measured.

    `brief` counts priors without naming them.
    """
    if not record.sensitivity:
        return ()
    if brief:
        contrast = ", this contrast uninformed" if "contrast" in record.uninformed else ""
        n = len(record.sensitive_to)
        return (f"sensitive to {'no single prior' if n == 0 else f'{n} priors'}{contrast}; --json lists all.",)
    return (" ".join(text for text in (_sensitive(record), _unmeasured(record), _uninformed(record)) if text),)


def _sensitive(record: Review | Ranking) -> str:
    named = [show_name(name) for name in record.sensitive_to]
    return f"Sensitive to the prior of {listed(named)}." if named else "Sensitive to no single prior."


def _unmeasured(record: Review | Ranking) -> str:
    """Where there is no number the page says so."""
    named = [show_name(name) for name, distance in record.sensitivity.items() if distance is None]
    return f"Not measured: {listed(named)}." if named else ""


def _uninformed(record: Review | Ranking) -> str:
    """Said of what was reported first, then of the priors."""
    asked = [name for name in record.overlap if name.startswith(_QUANTITIES)]
    told_nothing = [name for name in record.uninformed if name.startswith(_QUANTITIES)]
    priors = len(record.uninformed) - len(told_nothing)
    parts: list[str] = []
    if told_nothing == ["contrast"]:
        parts.append(f"this contrast (prior and posterior overlap by {share(record.overlap['contrast'])})")
    elif told_nothing:
        parts.append(f"{len(told_nothing)} of {len(asked)} merits")
    if priors:
        parts.append(f"{priors} of {len(record.overlap) - len(asked)} priors")
    return f"The data did not inform {' nor '.join(parts)}." if parts else ""
