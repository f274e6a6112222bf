"""Terminal renderings of records. Formatting only: every number printed here is read from a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from evidence.domain.results import Diagnosis, Provenance, Ranking, Review, StudyShift, Sweep
from evidence.domain.verdict import CONTENDER, band_of, word_of
from evidence.report.crunch import check_lines, try_lines
from evidence.report.leanings import next_lines, prior_lines
from evidence.report.page import (
    WHAT_TO_TRY,
    Page,
    Picture,
    diagnosis_failures,
    no_verdict_lines,
    page_of,
    quick_page_of,
)
from evidence.report.sentences import conflict_lines, flip_lines
from evidence.report.words import amount, band_in_100, in_100, show_name, size

MAX_WIDTH = 100
AXIS = 50
"""Characters of the 0..100 axis."""
LABEL_WIDTH = 14
SHOWN_STUDIES = 5
QUANTILES = ("q05", "q25", "q50", "q75", "q95")


def open_console(file: IO[str]) -> Console:
    """A console that reads no markup in names, at most 100 columns wide (80 without a terminal)."""
    console = Console(file=file, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, MAX_WIDTH)
    return console


def review_view(review: Review, *, command: str = "") -> RenderableType:
    """The one-page review; without numbers, and with what to try, where a gate failed."""
    return page_view(page_of(review, command))


def quick_view(review: Review, *, command: str = "") -> RenderableType:
    """The review of one typed claim in a few lines."""
    return page_view(quick_page_of(review, command))


def page_view(page: Page) -> RenderableType:
    """A page of labelled lines."""
    head = Text(page.title, style="bold")
    if page.subtitle:
        head.append(f"  {page.subtitle}", style="not bold")
    body: list[RenderableType] = [head]
    for part in page.sections:
        body.append(section(part.label, part.lines))
        if part.label == "OVER-UPDATING" and page.picture is not None:
            body.append(Text(picture_text(page.picture)))
    return Group(*body)


def reviews_view(reviews: Iterable[tuple[str, Review]]) -> RenderableType:
    """One line per review: the pair and how far it moved; no numbers where a gate failed."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("base", "study", "pair"):
        table.add_column(name, overflow="fold")
    for name in ("before", "warranted", "at face\nvalue", "ceiling"):
        table.add_column(name, justify="right")
    for base, review in reviews:
        pair = f"{review.pair.technique_name} > {review.pair.comparator_name}"
        numbers = [in_100(p) for p in (review.p_prior, review.p_post, review.p_face_value, review.p_ceiling)]
        shown = numbers if review.ok else ["no verdict", "", "", ""]
        table.add_row(*(Text(show_name(x)) for x in (base, review.study or "", pair)), *shown)
    note = "P(the first above the second at the target), in 100, of each study's headline."
    return Group(table, Text(""), Text(note))


def section(label: str, lines: Iterable[str]) -> Table:
    """Lines beside their label."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=LABEL_WIDTH, style="bold")
    grid.add_column(overflow="fold", ratio=1)
    grid.add_row(Text(label), Text("\n".join(lines)))
    return grid


def picture_text(picture: Picture) -> str:
    """The bars and marks on one axis of 50 characters from 0 to 100, in plain characters."""
    margin = " " * (LABEL_WIDTH + 1)
    rows = [margin + "0" + "50".rjust(AXIS // 2) + "100".rjust(AXIS // 2)]
    for bar in picture.bars:
        filled = round(AXIS * bar.p)
        rows.append(bar.label.ljust(LABEL_WIDTH + 1) + "#" * filled + "." * (AXIS - filled) + f" {in_100(bar.p)}")
    marks = {"c": picture.ceiling} | ({} if picture.break_even is None else {"b": picture.break_even})
    cells = [" "] * (AXIS + 1)
    for mark, p in marks.items():
        place = round(AXIS * p)
        cells[place] = mark if cells[place] == " " else "x"
    legend = f"c ceiling {in_100(picture.ceiling)}"
    if picture.break_even is not None:
        legend += f", b break-even {in_100(picture.break_even)}"
        legend += ", x both" if "x" in cells else ""
    rows.append((margin + "".join(cells)).rstrip())
    rows.append(margin + legend)
    rows += [margin + line for line in picture.contrast]
    return "\n".join(rows)


def ranking_view(ranking: Ranking, *, command: str = "") -> RenderableType:
    """The ranking, the studies that carry most, the try order; no numbers where a gate failed."""
    head = section(
        "QUESTION", (show_name(ranking.question), f"At {show_name(ranking.target)}: {show_name(ranking.criterion)}.")
    )
    foot = section("REPRODUCE", reproduce_lines(ranking.provenance, command))
    if not ranking.ok:
        return Group(
            head, section("NO VERDICT", no_verdict_lines(ranking.checks)), section("TRY", (WHAT_TO_TRY,)), foot
        )
    parts: list[RenderableType] = [head, section("VERDICT", _verdict(ranking)), _techniques(ranking)]
    if conflicts := conflict_lines(ranking.conflicts, {t.id: t.name for t in ranking.techniques}):
        parts.append(section("CONFLICT", conflicts))
    if ranking.studies:
        parts.append(_studies(ranking.studies))
    parts.append(section("TRY ORDER", try_lines(ranking)))
    if ranking.verify_or_ship is not None:
        parts.append(section("CHECK OR SHIP", check_lines(ranking)))
    if ranking.untested:
        names = {technique.id: technique.name for technique in ranking.techniques}
        untested = ", ".join(show_name(names.get(name, name)) for name in ranking.untested)
        parts.append(section("UNTESTED", (f"no finding speaks about: {untested}.",)))
    parts.append(section("READ NEXT", next_lines(ranking)))
    if ranking.left_out:
        parts.append(section("LEFT OUT", (f"{len(ranking.left_out)} findings; `evidence check` says why.",)))
    if priors := prior_lines(ranking):
        parts.append(section("PRIORS", priors))
    parts += [
        section("CHECKS", (f"all {len(ranking.checks)} passed; error of any P at most {ranking.p_above_mcse:.4f}",)),
        foot,
    ]
    return Group(*parts)


def reproduce_lines(provenance: Provenance, command: str) -> tuple[str, ...]:
    """The command that gives the same numbers, and what has to be the same for it."""
    p = provenance
    hashes = f"data {p.base_sha256[:8]} · priors {p.model_sha256[:8]} · evidence {p.version} · seed {p.seed}"
    return (show_name(command), hashes) if command else (hashes,)


def _techniques(ranking: Ranking) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("technique", overflow="fold", ratio=1)
    for name in (
        "merit, SMD\nmedian",
        "90 %,\nequal-tailed",
        "above next\nin 100",
        "works\nin 100",
        "first\nin 100",
        "expected\nrank",
    ):
        table.add_column(name, justify="right")
    followers = [*ranking.techniques[1:], None]
    for place, (technique, follower) in enumerate(zip(ranking.techniques, followers, strict=True), start=1):
        table.add_row(
            str(place),
            Text(show_name(technique.name)),
            size(technique.merit_q50, technique.merit_mcse.get("q50")),
            " to ".join(size(getattr(technique, f"merit_{q}"), technique.merit_mcse.get(q)) for q in ("q05", "q95")),
            "" if follower is None else in_100(ranking.p_above[technique.id][follower.id]),
            in_100(technique.p_works),
            in_100(technique.p_best),
            f"{technique.expected_rank:.1f}",
        )
    return table


def _verdict(ranking: Ranking) -> tuple[str, ...]:
    """The word for the first two, and who else may be first."""
    first, second = ranking.techniques[:2]
    p = ranking.p_above[first.id][second.id]
    a, b = show_name(first.name), show_name(second.name)
    word = show_name(word_of(p, first.name, second.name))
    contenders = [show_name(t.name) for t in ranking.techniques if t.p_best >= CONTENDER]
    return (
        f"Between the first two: {word} ({a} above {b} in {in_100(p)} of 100; band {band_in_100(band_of(p))}).",
        "Not ruled out as first (10 in 100 or more): " + (", ".join(contenders) or "nobody reaches it") + ".",
    )


def _studies(studies: tuple[StudyShift, ...]) -> Table:
    lines: list[str] = []
    for study in studies[:SHOWN_STUDIES]:
        if not study.ok:
            lines.append(f"{show_name(study.id)}: not shown, its reweighting check failed")
            continue
        lines.append(
            f"{show_name(study.id)}: {amount(study.shift_bits)} bits; moves expected ranks by up to"
            f" {amount(study.max_rank_change)}, first place in {in_100(study.p_top_changes)} of 100"
        )
    if len(studies) > SHOWN_STUDIES:
        lines.append(f"and {len(studies) - SHOWN_STUDIES} more; --json lists all")
    return section("WHAT MOVED IT", lines)


def sweep_view(sweep: Sweep, *, command: str = "") -> RenderableType:
    """P along the slider, and the flip points."""
    pair = sweep.pair
    a, b = show_name(pair.technique_name), show_name(pair.comparator_name)
    head = section("QUESTION", (f"Is {a} above {b} at {show_name(sweep.target)}, as {show_name(sweep.key)} moves?",))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(show_name(sweep.key), justify="right")
    table.add_column("in 100", justify="right")
    table.add_column("", justify="left")
    for point in sweep.points:
        shown = (in_100(point.p), "#" * round(AXIS * point.p)) if point.ok else ("-", "no verdict: a check failed here")
        table.add_row(f"{point.value:.4g}", *shown)
    parts: list[RenderableType] = [head, table]
    if sweep.flips_at:
        parts.append(section("FLIPS", flip_lines(sweep.flips_at)))
    if not sweep.ok:
        parts += [section("NO VERDICT", no_verdict_lines(sweep.checks)), section("TRY", (WHAT_TO_TRY,))]
    parts.append(section("REPRODUCE", reproduce_lines(sweep.provenance, command)))
    return Group(*parts)


def diagnosis_view(found: Diagnosis, *, command: str = "") -> RenderableType:
    """A stored fit: its checks as stored and as its draws say, then the prior that was used."""
    fit = f"{show_name(found.base)} at {show_name(found.target)}, model {show_name(found.model)}, {found.engine} engine"
    checks = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("check", "stored", "from its draws", "wanted", ""):
        checks.add_column(name, justify="left" if name in {"check", "wanted", ""} else "right")
    for name, check in found.checks.items():
        again = found.recomputed.get(name)
        passed = check.ok and (again is None or again.ok) and name not in found.disagreeing
        shown = "" if again is None else f"{again.value:.4g}"
        checks.add_row(
            Text(show_name(name)), f"{check.value:.4g}", shown, check.wanted, "passed" if passed else "FAILED"
        )
    prior = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    prior.add_column("prior used", overflow="fold")
    for name in QUANTILES:
        prior.add_column(f"{int(name[1:])} %", justify="right")
    for name, quantiles in found.fingerprint.items():
        if quantiles.keys() == set(QUANTILES):
            prior.add_row(Text(show_name(name)), *(size(quantiles[q]) for q in QUANTILES))
    failures = diagnosis_failures(found)
    said = (f"largest difference between the stored quantiles and the stored draws: {found.fingerprint_max_diff:.2g}",)
    return Group(
        section("FIT", (fit,)), checks, Text(""), prior, section("PRIOR", said),
        *([section("NO VERDICT", failures), section("TRY", (WHAT_TO_TRY,))] if failures else []),
        section("REPRODUCE", reproduce_lines(found.provenance, command)),
    )  # fmt: skip


def shipped_view(tables: Mapping[str, Iterable[Mapping[str, object]]]) -> RenderableType:
    """One small table per kind of thing shipped; the keys of its rows are the columns, without those all 0."""
    parts: list[RenderableType] = []
    for title, rows in tables.items():
        listed = list(rows)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", title=title, title_justify="left")
        filled = [name for name in (listed[0] if listed else ()) if any(row[name] != 0 for row in listed)]
        for name in filled:
            numeric = isinstance(listed[0][name], int)
            # A name that is typed elsewhere is never cut; headings of counts break instead.
            table.add_column(name, overflow="fold", justify="right" if numeric else "left", no_wrap=name == "id")
        for row in listed:
            table.add_row(*(Text(show_name(str(row[name]))) for name in filled))
        parts += [table, Text("")]
    return Group(*parts[:-1])


def lines_view(lines: Iterable[str]) -> RenderableType:
    """Plain lines, control characters shown escaped."""
    return Text("\n".join(show_name(line) for line in lines))
