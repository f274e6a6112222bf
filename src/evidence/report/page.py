"""The one-page review as labelled lines, in the fixed reading order: what the terminal, Markdown and HTML lay out."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.domain.results import Check, InputLine, Review
from evidence.report import words

MAX_REASONS = 8
MAX_INPUTS = 4
MAX_FLIPS = 4
MAX_CHECKS = 4
REASON_WIDTH = 62
QUICK_SECTIONS = frozenset(
    {"QUESTION", "VERDICT", "OVER-UPDATING", "WHY SO LITTLE", "WHAT WOULD CHANGE IT", "REPRODUCE", "NO VERDICT", "TRY"}
)
WHAT_TO_TRY = "another --seed · fewer or narrower --set changes · a base without settings that say the same."


@dataclass(frozen=True)
class Section:
    """A label and its lines; control characters are already shown escaped, markup is not."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """One bar of the picture: a belief in P(technique above comparator), 0..1."""

    label: str
    p: float


@dataclass(frozen=True)
class Picture:
    """Before, warranted, at face value on one axis from 0 to 100, with marks; and 50 dots of the contrast."""

    bars: tuple[Bar, ...]
    ceiling: float
    break_even: float | None
    dots: tuple[float, ...]
    contrast: tuple[str, ...]
    """The merit difference at the target beside what the proxy showed, in words."""
    alt: str


@dataclass(frozen=True)
class Page:
    """A review, ready to be laid out. `picture` is None, and no number appears, where a gate failed."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    picture: Picture | None


def page_of(review: Review, command: str = "") -> Page:
    """The page of a review; `command` is the shell line that reproduces it."""
    title = "FINDING REVIEW" if review.study is None else "PAPER REVIEW"
    subtitle = words.show_name(review.study_title) + (f" · {words.show_name(review.finding)}" if review.finding else "")
    if not review.ok:
        return Page(title, subtitle, _no_verdict(review, command), None)
    sections = (
        _question(review),
        Section("VERDICT", _verdict(review)),
        Section("OVER-UPDATING", (words.over_updating(review),)),
        *_limits(review),
        Section("WHAT WOULD CHANGE IT", _changes(review)),
        Section("USE IT FOR", (words.advice(review)[0],)),
        Section("DO NOT", (words.advice(review)[1],)),
        Section("INPUT AS READ", _inputs(review)),
        Section("CHECKS", (_checks(review.checks),)),
        Section("REPRODUCE", _reproduce(review, command)),
    )
    return Page(title, subtitle, sections, picture_of(review))


def quick_page_of(review: Review, command: str = "") -> Page:
    """The few sections `evidence quick` prints; the same words and numbers as the full page."""
    page = page_of(review, command)
    return Page(page.title, page.subtitle, tuple(s for s in page.sections if s.label in QUICK_SECTIONS), page.picture)


def no_verdict_lines(checks: dict[str, Check]) -> tuple[str, ...]:
    """Why nothing is shown: the failed checks, each with the value found and the one wanted."""
    failed = [
        f"{words.show_name(name)}: found {check.value:.3g}, wanted {check.wanted}"
        for name, check in checks.items()
        if not check.ok
    ]
    return ("Checks failed. No number is shown because it could be wrong in either direction.", *failed)


def picture_of(review: Review) -> Picture:
    """The three bars and their marks."""
    bars = [Bar("before", review.p_prior), Bar("warranted", review.p_post), Bar("face value", review.p_face_value)]
    if review.belief is not None:
        bars.append(Bar("you said", review.belief))
    return Picture(
        bars=tuple(bars),
        ceiling=review.p_ceiling,
        break_even=review.p_break_even,
        dots=review.contrast_dots,
        contrast=_contrast(review.contrast),
        alt=_alt(review, bars),
    )


def _contrast(contrast: dict[str, float]) -> tuple[str, ...]:
    if not {"q10", "q50", "q90"} <= contrast.keys():
        return ()
    interval = f"(80 %, equal-tailed: {contrast['q10']:.2f} to {contrast['q90']:.2f})"
    proxy = (f"the proxy showed {contrast['proxy']:.2f}",) if "proxy" in contrast else ()
    return (f"SMD at the target {contrast['q50']:.2f} {interval}", *proxy)


def _alt(review: Review, bars: list[Bar]) -> str:
    a, b = words.names(review)
    said = ", ".join(f"{bar.label} {words.in_100(bar.p)}" for bar in bars)
    text = f"Belief that {a} is above {b} at {words.show_name(review.target)}, in 100: {said}"
    text += f"; ceiling {words.in_100(review.p_ceiling)}"
    if review.p_break_even is not None:
        text += f", break-even {words.in_100(review.p_break_even)}"
    return text + "."


def _question(review: Review) -> Section:
    a, b = words.names(review)
    return Section(
        "QUESTION",
        (_clip(words.show_name(review.question), 240), f"Here: is {a} above {b} at {words.show_name(review.target)}?"),
    )


def _verdict(review: Review) -> tuple[str, ...]:
    lines = (words.forecast, words.other_side, words.ceiling, words.robustness, words.in_context, words.optimism)
    return tuple(text for line in lines if (text := line(review)))


def _limits(review: Review) -> tuple[Section, ...]:
    parts = [
        f"{text} {words.share(review.limits[key])}"
        for key, text in (
            ("proxy", "a perfect proxy would remove"),
            ("same_setting", "endless studies of the same setting"),
            ("sample", "a perfect sample"),
            ("prior", "the priors themselves are"),
        )
        if key in review.limits
    ]
    reasons = (_clip(words.show_name(reason), REASON_WIDTH) for reason in review.why_so_little[:MAX_REASONS])
    return (
        Section("WHY SO LITTLE", (*_validity(review.validity), *reasons)),
        Section("WHAT LIMITS US", ("of the remaining uncertainty " + ", ".join(parts) + " (need not add up).",)),
        Section("EXCHANGE RATE", (words.exchange_rate(review),)),
    )


def _validity(rho: dict[str, float]) -> tuple[str, ...]:
    """The validity of the headline's setting in words; nothing where it is not known."""
    if not {"q10", "q50", "q90"} <= rho.keys():
        return ()
    said = f"validity of this proxy {rho['q50']:.2f} (80 %, equal-tailed: {rho['q10']:.2f} to {rho['q90']:.2f})"
    if "irrelevance" in rho:
        said += f"; beside the point in {words.in_100(rho['irrelevance'])} of 100"
    if "cost_of_gaps" in rho:
        said += f"; gaps and novelty alone cost {words.share(rho['cost_of_gaps'])} of it"
    return (said + ".",)


def _changes(review: Review) -> tuple[str, ...]:
    if not review.flips_at:
        return ("no single assumption that was tried changes the word.",)
    return (" · ".join(words.flip_line(flip) for flip in review.flips_at[:MAX_FLIPS]),)


def _inputs(review: Review) -> tuple[str, ...]:
    ordered = sorted(review.inputs, key=lambda line: line.finding != review.finding)
    lines = [_input(line) for line in ordered[:MAX_INPUTS]]
    if len(ordered) > MAX_INPUTS:
        lines.append(f"and {len(ordered) - MAX_INPUTS} more; the JSON twin lists all.")
    return tuple(lines)


def _input(line: InputLine) -> str:
    name = words.show_name
    size = "" if line.effect_smd is None else f" → {line.effect_smd:.2f} SMD"
    if line.effect_smd is not None and line.se_smd is not None:
        size += f", se {line.se_smd:.2f}"
    return _clip(f"{name(line.as_read)}{size}; {name(line.where)} ({line.source_kind})", 110)


def _checks(checks: dict[str, Check]) -> str:
    shown = [f"{words.show_name(name)} {check.value:.3g} ({check.wanted})" for name, check in checks.items()]
    more = f" · and {len(shown) - MAX_CHECKS} more" if len(shown) > MAX_CHECKS else ""
    return f"all {len(shown)} passed: " + " · ".join(shown[:MAX_CHECKS]) + more


def _reproduce(review: Review, command: str) -> tuple[str, ...]:
    p = review.provenance
    hashes = f"data {p.base_sha256[:8]} · priors {p.model_sha256[:8]} · evidence {p.version}"
    hashes += f" · {p.engine} engine · seed {p.seed}"
    if review.settings_viewed > 1:
        hashes += f" · settings viewed {review.settings_viewed}"
    return ((words.show_name(command), hashes) if command else (hashes,)) + (
        "The numbers hold given the stated priors and validity, which no check can test.",
    )


def _no_verdict(review: Review, command: str) -> tuple[Section, ...]:
    return (
        _question(review),
        Section("NO VERDICT", no_verdict_lines(review.checks)),
        Section("TRY", (WHAT_TO_TRY,)),
        Section("REPRODUCE", _reproduce(review, command)),
    )


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
