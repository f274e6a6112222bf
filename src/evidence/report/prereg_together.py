"""Several registrations as a page: the crux of a disagreement, or a pool. Formatting only."""

from __future__ import annotations

from collections.abc import Iterator

from evidence.domain.disagreement import BridgingStudy, Disagreement, GroupShare, Pool, PooledScenario
from evidence.report.page import Page, Section
from evidence.report.words import amount, clip, count_of, in_100, share, show_name, size

SHOWN_GROUPS = 8
SHOWN_PAIRS = 12
WIDTH = 90


def disagreement_page(found: Disagreement) -> Page:
    """How far apart, the crux, the other groups, and what would move both."""
    sections = [
        Section("WHO", (
            f"A {found.a[:12]}… by {', '.join(map(show_name, found.authors_a))}",
            f"B {found.b[:12]}… by {', '.join(map(show_name, found.authors_b))}",
        )),
        Section("FIRST", tuple(_first(found))),
        Section("APART", (
            f"{share(found.disagreement)} of P(first) lies elsewhere; P(A > B) differs by {size(100 * found.mean_p_difference)}"
            " in 100 on average over pairs.",
        )),
        Section("CRUX", (_crux(found),)),
    ]  # fmt: skip
    if found.groups:
        sections.append(Section("GROUPS", tuple(_group(g, found) for g in found.groups[:SHOWN_GROUPS])))
    if found.studies:
        sections.append(Section("WOULD MOVE BOTH", tuple(_studies(found.studies))))
    return Page("COMPARED", show_name(found.question), tuple(sections), None)


def _first(found: Disagreement) -> Iterator[str]:
    for t in sorted(found.first_a, key=lambda t: -(found.first_a[t] + found.first_b[t])):
        yield f"{show_name(t)}: A {in_100(found.first_a[t])}, B {in_100(found.first_b[t])} in 100"


def _crux(found: Disagreement) -> str:
    if not found.groups:
        return "They hold the same assumptions and have read the same."
    if found.crux is None or found.crux_share is None:
        return (
            f"None: they differ in {count_of(len(found.groups), 'group')}, but about the ranking by no more than the engine's own error"
            f" ({share(found.error)})."
        )
    crux = found.groups[0]
    part = "all" if found.crux_share > 0.995 else share(found.crux_share)
    return (
        f"{show_name(crux.group)}: it accounts for {part} of the disagreement. A holds {clip(show_name(crux.a), WIDTH)};"
        f" B holds {clip(show_name(crux.b), WIDTH)}."
    )


def _group(g: GroupShare, found: Disagreement) -> str:
    error = f" (standard error {size(100 * g.shapley_se)})" if g.shapley_se else ""
    return (
        f"{show_name(g.group)}: {size(100 * g.shapley)} of {size(100 * found.disagreement)} points{error}; swapped alone,"
        f" A comes {size(100 * g.alone_from_a)} closer, B {size(100 * g.alone_from_b)}"
    )


def _studies(studies: tuple[BridgingStudy, ...]) -> Iterator[str]:
    for s in studies:
        cost = "hours not stated" if s.hours is None else f"{amount(s.hours)} h"
        yield (
            f"{show_name(s.technique)} against {show_name(s.comparator)} at {show_name(s.place)}, standard error"
            f" {s.se_smd:g} SMD ({cost}): {size(100 * s.closer)} points closer, expected"
        )
    if all(s.closer < 0.01 for s in studies):
        yield "No single study is expected to bring them a point closer: they would read its result alike, from where they stand."


def pool_page(found: Pool) -> Page:
    """Who counts how much, and what the pools hold."""
    who = [
        f"{r.hash[:12]}… by {', '.join(map(show_name, r.authors))}: weight {size(r.weight)}" for r in found.reviewers
    ]
    how = {
        "equal": "Weights are equal.", "stated": "Weights as stated.",
        "learned": f"Weights learned from {count_of(found.reviewers[0].questions, 'past question')}, held back towards equal ones.",
    }[found.weights_are]  # fmt: skip
    sections = [Section("WHO", (*who, how, *map(show_name, found.notes)))]
    for scenario in found.scenarios:
        sections.append(Section(f"AT {show_name(scenario.target)}"[:60], tuple(_scenario(scenario))))
    sections.append(
        Section(
            "MIND", ("The linear pool keeps every reviewer's doubts; the logarithmic pool is surer where they agree.",)
        )
    )
    return Page("POOLED", show_name(found.question), tuple(sections), None)


def _scenario(scenario: PooledScenario) -> Iterator[str]:
    yield f"Linear, from the top: {', '.join(map(show_name, scenario.ranking_linear))}"
    yield f"Logarithmic, from the top: {', '.join(map(show_name, scenario.ranking_log))}"
    for pair in scenario.pairs[:SHOWN_PAIRS]:
        each = ", ".join(in_100(p) for p in pair.p)
        yield (
            f"{show_name(pair.technique)} ahead of {show_name(pair.comparator)}: {each} in 100; linear {in_100(pair.p_linear)},"
            f" logarithmic {in_100(pair.p_log)}; difference {size(pair.linear['q10'])} to {size(pair.linear['q90'])} SMD"
            " (80 %, equal-tailed, linear)"
        )
    if len(scenario.pairs) > SHOWN_PAIRS:
        yield f"… and {len(scenario.pairs) - SHOWN_PAIRS} more pairs"
