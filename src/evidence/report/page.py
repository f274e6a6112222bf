"""The one-page review as labelled lines, in the fixed reading order: what the terminal, Markdown and HTML lay out."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.domain.results import SAME_FINGERPRINT, Check, Diagnosis, InputLine, Review
from evidence.report import leanings, sentences, words

MAX_WORDS = 450
"""Words of a page, picture included; a page that would be longer loses detail, never a section."""
PICTURE_WORDS = 52
REASON_WIDTH = 64
MAX_FLIPS = 4
MAX_CHECKS = 2
QUICK_SECTIONS = frozenset(
    {
        "QUESTION", "VERDICT", "OVER-UPDATING", "WHY SO LITTLE", "WHAT WOULD CHANGE IT", "PRIORS", "REPRODUCE",
        "NO VERDICT", "TRY",
    }
)  # fmt: skip
WHAT_TO_TRY = (
    "another --seed · where nothing but mcse_p failed, more draws: rank --rounds 128 · fewer or narrower --set changes "
    "· a base without settings that say the same."
)


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


@dataclass(frozen=True)
class _Detail:
    """How much of what has no natural end is shown."""

    question: int
    """Characters."""
    reasons: bool
    """Gaps with their reasons, one a line; else their ratings alone, on one line."""
    inputs: int
    brief: bool = False
    """Priors are counted, not named."""
    gaps: int = 400
    """Characters of the line of gaps."""
    priors: bool = True
    """What was measured of the priors, the checks one by one, and the number of independent findings are said."""
    flips: int = MAX_FLIPS


_DETAILS = (
    _Detail(240, True, 4), _Detail(240, True, 2), _Detail(240, False, 2), _Detail(240, False, 1),
    _Detail(240, False, 1, brief=True), _Detail(240, False, 1, brief=True, flips=2, priors=False),
    _Detail(120, False, 1, brief=True, flips=2, priors=False),
    _Detail(60, False, 1, brief=True, gaps=200, priors=False, flips=1),
)  # fmt: skip


def page_of(review: Review, command: str = "") -> Page:
    """The page of a review; `command` is the shell line that reproduces it."""
    title = "FINDING REVIEW" if review.study is None else "PAPER REVIEW"
    study = words.clip(words.show_name(review.study_title), 110)
    subtitle = study + (f" · {words.show_name(review.finding)}" if review.finding else "")
    if not review.ok:
        return Page(title, subtitle, _no_verdict(review, command), None)
    sections: tuple[Section, ...] = ()
    for detail in _DETAILS:
        sections = _sections(review, command, detail)
        if len(subtitle.split()) + _count_words(sections) + PICTURE_WORDS <= MAX_WORDS:
            break
    return Page(title, subtitle, sections, picture_of(review))


def _sections(review: Review, command: str, detail: _Detail) -> tuple[Section, ...]:
    use_for, do_not = sentences.advice(review)
    return (
        _question(review, detail.question),
        Section("VERDICT", _verdict(review, brief=detail.brief)),
        *(Section("CONFLICT", lines) for lines in (_conflict(review, detail),) if lines),
        Section("OVER-UPDATING", (sentences.over_updating(review),)),
        Section("WHY SO LITTLE", (*_validity(review.validity), *_reasons(review.why_so_little, detail))),
        Section("WHAT LIMITS US", _limits(review)),
        Section("EXCHANGE RATE", (sentences.exchange_rate(review, brief=not detail.priors),)),
        Section("WHAT WOULD CHANGE IT", _changes(review, detail.flips)),
        *(
            Section("PRIORS", lines)
            for lines in (leanings.prior_lines(review, brief=detail.brief),)
            if lines and detail.priors
        ),
        Section("USE IT FOR", (use_for,)),
        Section("DO NOT", (do_not,)),
        Section("INPUT AS READ", _inputs(review, detail.inputs)),
        Section("CHECKS", (_checks(review.checks, MAX_CHECKS if detail.priors else 0),)),
        Section("REPRODUCE", _reproduce(review, command)),
    )


def _count_words(sections: tuple[Section, ...]) -> int:
    return sum(len(text.split()) for section in sections for text in (section.label, *section.lines))


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


def diagnosis_failures(found: Diagnosis) -> tuple[str, ...]:
    """What is wrong with a stored fit: failed checks, then disagreements between the file and its own draws."""
    failed = [
        f"{words.show_name(name)} {check.value:.3g}, wanted {check.wanted}"
        for name, check in (found.checks | found.recomputed).items()
        if not check.ok
    ]
    failed += [f"{words.show_name(name)} as stored is not that of the stored draws" for name in found.disagreeing]
    if found.fingerprint_max_diff > SAME_FINGERPRINT:
        failed.append(f"the prior as stored is {found.fingerprint_max_diff:.2g} off its own draws")
    return tuple(failed)


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
        contrast=_contrast(review),
        alt=_alt(review, bars),
    )


def _contrast(review: Review) -> tuple[str, ...]:
    contrast = review.contrast
    if not {"q10", "q50", "q90"} <= contrast.keys():
        return ()
    low, middle, high = (
        words.size(contrast[name], review.mcse.get(f"contrast.{name}")) for name in ("q10", "q50", "q90")
    )
    proxy = (f"the proxy showed {words.size(contrast['proxy'])}",) if "proxy" in contrast else ()
    return (f"SMD at the target {middle} (80 %, equal-tailed: {low} to {high})", *proxy)


def _alt(review: Review, bars: list[Bar]) -> str:
    a, b = sentences.names(review)
    said = ", ".join(f"{bar.label} {words.in_100(bar.p)}" for bar in bars)
    text = f"Belief that {a} is above {b} at {words.show_name(review.target)}, in 100: {said}"
    text += f"; ceiling {words.in_100(review.p_ceiling)}"
    if review.p_break_even is not None:
        text += f", break-even {words.in_100(review.p_break_even)}"
    return text + "."


def _question(review: Review, width: int = 240) -> Section:
    a, b = sentences.names(review)
    return Section(
        "QUESTION",
        (
            words.clip(words.show_name(review.question), width),
            f"Here: is {a} above {b} at {words.show_name(review.target)}?",
        ),
    )


def _verdict(review: Review, *, brief: bool) -> tuple[str, ...]:
    lines = [
        line(review) for line in (sentences.forecast, sentences.other_side, sentences.ceiling, sentences.robustness)
    ]
    lines += [sentences.in_context(review, brief=brief), sentences.optimism(review)]
    return tuple(text for text in lines if text)


def _conflict(review: Review, detail: _Detail) -> tuple[str, ...]:
    pair = review.pair
    names = {pair.technique: pair.technique_name, pair.comparator: pair.comparator_name}
    # Families are sets of studies: where studies conflict, that says it.
    found = [c for c in review.conflicts if c.found][:1]
    return sentences.conflict_lines(found, names, brief=not detail.reasons)


def _limits(review: Review) -> tuple[str, ...]:
    limits = review.limits
    parts = [
        f"{text} {words.share(limits[key], review.mcse.get(f'limits.{key}'))}"
        for key, text in (
            ("proxy", "a perfect proxy would remove"),
            ("same_setting", "endless studies of the same setting"),
            ("sample", "a perfect sample"),
            ("prior", "the priors themselves are"),
        )
        if key in limits
    ]
    return ("of the remaining uncertainty " + ", ".join(parts) + " (need not add up).",)


def _reasons(reasons: tuple[str, ...], detail: _Detail) -> tuple[str, ...]:
    shown = [words.show_name(reason) for reason in reasons]
    if detail.reasons:
        return tuple(words.clip(reason, REASON_WIDTH) for reason in shown)
    return (words.clip(" · ".join(reason.split(". ")[0] for reason in shown), detail.gaps),) if shown else ()


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


def _changes(review: Review, most: int) -> tuple[str, ...]:
    if not review.flips_at:
        return ("no single assumption that was tried changes the word.",)
    return (" · ".join(sentences.flip_lines(review.flips_at)[:most]),)


def _inputs(review: Review, most: int) -> tuple[str, ...]:
    headline = review.pair
    ordered = sorted(
        review.inputs,
        key=lambda i: (
            i.finding != review.finding,
            (i.technique, i.comparator) != (headline.technique, headline.comparator),
        ),
    )
    lines = [_input(line) for line in ordered[:most]]
    if len(ordered) > most:
        lines.append(f"and {len(ordered) - most} more; --json lists all.")
    return tuple(lines)


def _input(line: InputLine) -> str:
    name = words.show_name
    effect = "" if line.effect_smd is None else f" → {words.size(line.effect_smd)} SMD"
    if line.effect_smd is not None and line.se_smd is not None:
        effect += f", se {line.se_smd:.2f}"
    return words.clip(f"{name(line.as_read)}{effect}; {name(line.where)} ({line.source_kind})", 110)


def _checks(checks: dict[str, Check], most: int) -> str:
    shown = [f"{words.show_name(name)} {check.value:.3g} ({check.wanted})" for name, check in checks.items()]
    if len(shown) > most > 0:
        shown[most:] = [f"and {len(shown) - most} more"]
    return f"all {len(checks)} passed" + (": " + " · ".join(shown) if most else ".")


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
