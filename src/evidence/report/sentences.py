"""The sentences of a verdict: each a pure function of a `Review`, so that no page can disagree with another.

The word comes from the table in `evidence.domain.verdict`, never without its number and band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from evidence.domain.results import Flip, Review
from evidence.domain.shifts import Conflict
from evidence.domain.verdict import NO_LEAN, word_of
from evidence.report.words import band_in_100, clip, in_100, known_amount, listed, show_name, size


def source(review: Review) -> str:
    """What is being read: a study, several together, or the bare finding of `evidence quick`."""
    if len(review.studies) > 1:
        return f"these {len(review.studies)} studies"
    return "this finding" if review.study is None else "this study"


def names(review: Review) -> tuple[str, str]:
    """Technique and comparator as shown."""
    return clip(show_name(review.pair.technique_name), 60), clip(show_name(review.pair.comparator_name), 60)


def leader(review: Review) -> str:
    """Name of the side that is ahead in most worlds (the technique at exactly one half)."""
    return names(review)[0 if review.p_post >= 0.5 else 1]


def trailer(review: Review) -> str:
    """Name of the other side."""
    return names(review)[1 if review.p_post >= 0.5 else 0]


def forecast(review: Review) -> str:
    """Line 1: the word with its number and band, then before and at face value."""
    a, b = names(review)
    verb = f"gives {NO_LEAN}" if review.word == NO_LEAN else show_name(review.word)
    return (
        f"At {show_name(review.target)}, the evidence {verb}: {a} above {b} in {in_100(review.p_post)} of 100"
        f" (band {band_in_100(review.band)}). Before {source(review)}: {in_100(review.p_prior)}."
        f" Taken at face value: {in_100(review.p_face_value)}."
    )


def other_side(review: Review) -> str:
    """Line 2: how often the other side is ahead (`reversals_per_100` counts the comparator's side)."""
    n = review.reversals_per_100 if review.p_post >= 0.5 else 100 - review.reversals_per_100
    often = str(n) if n >= 1 and 0.01 <= review.p_post <= 0.99 else "fewer than 1"
    line = f"In {often} of 100 such cases {trailer(review)} would be ahead."
    if not 0.01 <= review.p_post <= 0.99:
        line += " This far out a small change of the priors changes the odds a lot."
    return line


def ceiling(review: Review) -> str:
    """Line 3: what an endless, flawless repeat of the same result could reach, and what limits us."""
    beyond = "pass" if review.p_ceiling >= review.p_prior else "go below"
    return (
        "Even an endless, flawless repeat of this experiment that found the same result could not"
        f" {beyond} {in_100(review.p_ceiling)} in 100: {_limiting(review.limits)}."
    )


def _limiting(limits: dict[str, float]) -> str:
    proxy, sample = limits.get("proxy", 0.0), limits.get("sample", 0.0)
    if abs(proxy - sample) < 0.02:
        return "proxy and sample size limit us about equally"
    if proxy > sample:
        return "what limits us is the proxy, not the sample size"
    return "what limits us is the sample size, not the proxy"


def over_updating(review: Review) -> str:
    """Line 4: the belief past which reading did harm, and where the reader and face value stand."""
    return " ".join(s for s in (_break_even(review), _belief(review), _face_value(review)) if s)


def _break_even(review: Review) -> str:
    if review.p_break_even is None:
        return f"The warranted shift is too small for a break-even belief: {source(review)} should not move you."
    side = "above" if review.p_break_even >= review.p_prior else "below"
    return (
        f"If reading it moves you {side} {in_100(review.p_break_even)} in 100,"
        " expect to do worse than if you had not read it."
    )


def _belief(review: Review) -> str:
    if review.belief is None:
        return "The reader's own belief is not recorded."
    said = f"You said {in_100(review.belief)}"
    ratio = review.shift_ratio
    if ratio is None:
        return f"{said}."
    if ratio < 0:
        return f"{said}: a shift away from where the evidence points."
    if ratio < 0.5 and _is_direct(review):
        return (
            f"{said}: only {_times(review, 'shift_ratio')} the warranted shift; this evidence is direct, move further."
        )
    return f"{said}: {_times(review, 'shift_ratio')} the warranted shift (log-odds)."


def _face_value(review: Review) -> str:
    if review.face_value_ratio is None:
        return ""
    return f"Face value is {_times(review, 'face_value_ratio')} the warranted shift."


def _times(review: Review, field: Literal["shift_ratio", "face_value_ratio"]) -> str:
    value = getattr(review, field)
    return f"{known_amount(value, review.mcse.get(field))} ×"


def _is_direct(review: Review) -> bool:
    """The proxy itself would allow a strong verdict."""
    return not 0.10 < review.p_ceiling < 0.90


def robustness(review: Review) -> str:
    """Line 5: in how many plausible settings the wording holds."""
    r = review.robustness
    return (
        f"{review.robustness_word.capitalize()}: the wording holds in {r.kept} of {r.of} plausible settings"
        f" ({in_100(r.lowest)} to {in_100(r.highest)} in 100), {leader(review)} stays ahead in {r.same_side}."
    )


def flip_lines(flips: Iterable[Flip]) -> tuple[str, ...]:
    """Where assumptions cross a bound of the word; bounds out of reach are gathered per assumption."""
    reached: list[str] = []
    missed: dict[str, list[str]] = {}
    for flip in flips:
        if flip.value is None:
            missed.setdefault(show_name(flip.key), []).append(in_100(flip.p))
        else:
            reached.append(f"{show_name(flip.key)} at {size(flip.value)} → {in_100(flip.p)} in 100")
    return (*reached, *(f"{key}: {', '.join(bounds)} in 100 out of reach" for key, bounds in missed.items()))


COUNT_ERROR = 0.5
"""With a larger Monte Carlo error than this the number of independent findings is not said."""


def exchange_rate(review: Review, *, brief: bool = False) -> str:
    """What the evidence is worth in direct runs at the target, and unless `brief` for how many findings it counts."""
    runs = known_amount(review.target_equivalent_n, review.mcse.get("target_equivalent_n"))
    verb = "are" if len(review.studies) > 1 else "is"
    line = f"{source(review)} {verb} worth {runs} of one direct run at the target."
    counted = review.effective_findings
    if not brief and counted is not None and counted.of > 1 and counted.mcse < COUNT_ERROR:
        # One decimal at most: the number is a summary, not a measurement.
        count = size(counted.value, max(counted.mcse, 0.025))
        line += f" Its {counted.of} findings weigh as {count} unrelated {'one' if count == '1' else 'ones'}."
    return line if len(review.studies) < 2 else line.replace(" Its ", " Their ")


def advice(review: Review) -> tuple[str, str]:
    """Line 6: what to use it for, and what not to do with it."""
    ahead, behind = leader(review), trailer(review)
    if review.word == NO_LEAN:
        return (
            f"nothing yet: {source(review)} should not move your ranking; a nearer proxy would do more.",
            "order trials by it · quote the effect size.",
        )
    if _is_strong(review):
        return (
            f"trying {ahead} first, also at a higher cost.",
            "quote the effect size as the target's · skip the target check.",
        )
    do_not = f"quote the effect size · drop {behind} · skip the target check."
    if review.word.startswith(("favours", "strongly favours")):
        return f"trying {ahead} first unless it costs clearly more.", do_not
    return "choosing which to try first if both cost about the same.", do_not


def _is_strong(review: Review) -> bool:
    return review.word.startswith("strongly") and review.robustness_word == "holds" and _is_direct(review)


def optimism(review: Review) -> str:
    """The note on optimism; empty if there is none. It never contradicts the word: a lean stays a lean."""
    line = show_name(review.optimism_line or "")
    lead = f"{NO_LEAN}: "
    if line.startswith(lead) and review.word != NO_LEAN:
        line = line.removeprefix(lead)
    return line[:1].upper() + line[1:]


def in_context(review: Review, *, brief: bool = False) -> str:
    """The same contrast beside the rest of the evidence base; empty for a bare finding. `brief`: without the rank."""
    context = review.in_context
    if context is None:
        return ""
    if not context.ok:
        return "Beside the rest of the base: not shown, a check of the whole base failed."
    line = f"Beside the rest of the base: {in_100(context.p_without)} without {source(review)}, {in_100(context.p_with)} with"
    face = context.p_face_value_with
    line += "." if face is None else f", {in_100(face)} with all at face value."
    return " ".join(text for text in (line, "" if brief else _rank_shift(review), _against_the_rest(review)) if text)


def _rank_shift(review: Review) -> str:
    """The expected rank of the technique, without and with, where the difference is more than its error."""
    rows = () if review.shifts is None else review.shifts.in_context
    row = next((r for r in rows if r.id == review.pair.technique), None)
    if row is None or abs(row.expected_rank.after - row.expected_rank.before) < 2 * row.expected_rank.mcse:
        return ""
    before, after = (size(x, row.expected_rank.mcse) for x in (row.expected_rank.before, row.expected_rank.after))
    if before == after:
        return ""
    return f"Expected rank of {names(review)[0]}: {before} → {after} of {len(rows)}."


def _against_the_rest(review: Review) -> str:
    """Said where the findings alone lean one way and the rest of the base the other."""
    context = review.in_context
    if (
        context is None
        or word_of(review.p_post, "a", "b") == NO_LEAN
        or word_of(context.p_without, "a", "b") == NO_LEAN
    ):
        return ""
    if (review.p_post > 0.5) == (context.p_without > 0.5):
        return ""
    return f"{source(review).capitalize()} and the rest lean opposite ways."


_SUBJECTS = {"studies": "Papers", "families": "Families of proxies"}


def conflict_lines(conflicts: Iterable[Conflict], names: Mapping[str, str], *, brief: bool = False) -> tuple[str, ...]:
    """Pairs whose measurements disagree in direction more than chance, with who stands on which side; `brief`: how many."""
    lines: list[str] = []
    for c in conflicts:
        if c.found:
            a, b = (clip(show_name(names.get(t, t)), 60) for t in (c.technique, c.comparator))
            above, below = (
                str(len(side)) if brief else listed([show_name(name) for name in side]) for side in (c.above, c.below)
            )
            lines.append(
                f"{_SUBJECTS[c.between]} disagree on {a} and {b} more than chance; the average hides it."
                f" {a} ahead: {above}. {b} ahead: {below}. (Gail-Simon p {_p_value(c.p)})"
            )
    return tuple(lines)


def _p_value(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def order_kept_line(validity: Mapping[str, float]) -> str:
    """A setting's validity with its 80 % interval, as how often the order of two techniques is kept."""
    low, middle, high = (validity[q] for q in ("q10", "q50", "q90"))
    kept = [f"{50 + 100 * math.asin(max(-1.0, min(1.0, rho))) / math.pi:.0f}" for rho in (low, middle, high)]
    return (
        f"Suggested validity {size(middle)} (80 %, equal-tailed: {size(low)} to {size(high)}): the order of two techniques"
        f" is kept in {kept[1]} of 100 pairs ({kept[0]} to {kept[2]})."
    )
