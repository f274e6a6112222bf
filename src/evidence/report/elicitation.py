"""Elicited statements as pages: what was said, what the model holds, what to do with it. Formatting only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evidence.domain.elicitation import (
    ComparedRate,
    ElicitedMerit,
    ElicitedOrder,
    ElicitedValidity,
    MeritWords,
    PairBelief,
    RankedBelief,
    ValidityWords,
)
from evidence.report.page import Page, Section
from evidence.report.words import amount, in_100, share, show_name, size

SHOWN_PAIRS = 12
FAR = "2 SMD"
_CAUSES = {"novelty": "novelty", "gaps": "the named gaps", "construct_noise": "construct noise"}


def validity_page(found: ElicitedValidity, *, command: str) -> Page:
    """The page of an elicited validity."""
    family = found.family
    question = (
        f"Of 100 pairs of techniques whose true effects at {show_name(family.stated_at or '')} you knew, in how many is"
        f" the better one there also the better one at {show_name(found.target)}?"
    )
    sections = (
        Section("QUESTION", (question,)),
        Section(
            "YOU SAY", (f"In {_kept(found.said)}.", f"Validity rho {_rho(found.said)}: {_law(found)}.", _worth(found))
        ),
        Section("THE MODEL", tuple(_held_validity(found))),
        Section("BRIDGES", tuple(_bridges(found))),
        *_use_validity(found),
        Section("REPRODUCE", (show_name(command),)),
    )
    return Page("ELICITED VALIDITY", f"{show_name(family.name)} · {show_name(found.base)}", sections, None)


def _kept(words: ValidityWords) -> str:
    lo, mid, hi = (
        in_100(kept / 100)
        for kept in (words.order_kept_in_100_q10, words.order_kept_in_100_q50, words.order_kept_in_100_q90)
    )
    if lo == hi:
        return f"{lo} of 100"
    average = in_100(words.order_kept_in_100_mean / 100)
    return f"{lo} to {hi} of 100 (80 %, equal-tailed; median {mid}), {average} on average"


def _rho(words: ValidityWords) -> str:
    if size(words.rho_q10) == size(words.rho_q90):
        return size(words.rho_q50)
    return f"{size(words.rho_q10)} to {size(words.rho_q90)} (80 %, equal-tailed; median {size(words.rho_q50)})"


def _law(found: ElicitedValidity) -> str:
    law = found.law
    return "a point" if law.a is None or law.b is None else f"Beta({law.a:.3g}, {law.b:.3g})"


def _worth(found: ElicitedValidity) -> str:
    if found.worth_target_runs is None:
        return "Such a proxy would be as good as the target itself."
    return (
        f"However much is measured there, for one technique it is worth {amount(found.worth_target_runs)} of one direct"
        f" run at the target (standard error {found.target_run_se:g} SMD) at most."
    )


def _held_validity(found: ElicitedValidity) -> Iterator[str]:
    if found.held is None:
        yield (
            f"`evidence check` would refuse this: {share(found.ruled_out)} of prior draws leave no room for it."
            f" The highest it takes is rho {size(found.highest_rho)}."
        )
    elif found.ruled_out < 0.005:
        yield f"`evidence check` takes it, and holds it as said: rho {_rho(found.held)}."
    else:
        yield (
            f"`evidence check` takes it. Gaps, novelty and construct noise leave no room for it in"
            f" {share(found.ruled_out)} of prior draws, which are left out; what the model then holds is rho"
            f" {_rho(found.held)}, order kept in {_kept(found.held)}."
        )
    causes = ", ".join(f"without {_CAUSES[name]} {size(rho)}" for name, rho in found.highest_rho_without.items())
    yield f"What caps it: `check` takes a point of at most {size(found.highest_rho)}; {causes}."


def _bridges(found: ElicitedValidity) -> Iterator[str]:
    name = show_name(found.family.validity_class)
    if not found.base_rates:
        yield f"The model {show_name(found.base_rates_model)} knows no class {name}: nothing to compare with."
        return
    if found.base_rates_are_opinion:
        yield f"Opinion, no data: no bridge had a proxy of class {name}. What the calibrated model assumes of one, by target:"
    else:
        yield f"What bridges showed of proxies of class {name}, by target:"
    yield from (_rate(rate) for rate in found.base_rates)
    yield f"Yours, at {show_name(found.target)}: order kept in {in_100(found.said.order_kept_in_100_mean / 100)}."


def _rate(rate: ComparedRate) -> str:
    return (
        f"{rate.target}: order kept in {in_100(rate.order_kept_in_100 / 100)} of 100 (rho {size(rate.rho_q10)} to"
        f" {size(rate.rho_q90)}, 80 %, equal-tailed)"
    )


def _use_validity(found: ElicitedValidity) -> tuple[Section, ...]:
    if not found.accepted:
        return (
            Section("TRY", ("a lower validity, a nearer reference setting, or smaller gaps if they can be argued.",)),
        )
    return (
        Section(
            "USE IT", (f"for one run: --set {show_name(found.set_option)}", "for good: the row below, in families.csv",)
        ),
    )  # fmt: skip


def merit_page(found: ElicitedMerit, *, command: str) -> Page:
    """The page of an elicited merit."""
    mean, sd = found.merit.mean, found.merit.sd
    sections = (
        Section("STATEMENT", (f"{show_name(found.name)}, against {show_name(found.baseline)}: {show_name(found.statement)}.",)),
        Section("YOU SAY", (_merit(found.said, found.smallest_difference), f"Normal({mean:g}, {sd:g}) SMD.")),
        Section("THE MODEL", tuple(_held_merit(found))),
        Section("BEFORE", (_merit(found.before, found.smallest_difference),)),
        *_others(found),
        Section("USE IT", tuple(_use_beliefs(found.replaces is not None))),
        Section("REPRODUCE", (show_name(command),)),
    )  # fmt: skip
    return Page("ELICITED MERIT", f"{show_name(found.technique)} · {show_name(found.base)}", sections, None)


def _merit(words: MeritWords, difference: float) -> str:
    return (
        f"It works (by more than {difference:g} SMD) in {in_100(words.works)} of 100 worlds, is worse than doing nothing"
        f" in {in_100(words.worse)}, and lies beyond ±{FAR} in {in_100(words.beyond)}."
        f" Merit {size(words.q10)} to {size(words.q90)} SMD (80 %, equal-tailed; median {size(words.q50)})."
    )


def _held_merit(found: ElicitedMerit) -> Iterator[str]:
    yield f"With this registered, and before any finding: {_merit(found.held, found.smallest_difference)}"
    if found.left_out >= 0.005:
        yield (
            f"In {in_100(found.left_out)} of 100 of its worlds merits spread no wider than your sd of {found.merit.sd:g}"
            " SMD; there your statement has nothing to add and is left out. A narrower statement is left out less."
        )


def _others(found: ElicitedMerit) -> tuple[Section, ...]:
    if found.others_work is None or found.others_worked is None:
        return ()
    line = (
        f"a technique you said nothing of works in {in_100(found.others_work)} of 100, before"
        f" {in_100(found.others_worked)}: part of a merit is shared by all techniques."
    )
    return (Section("THE OTHERS", (line,)),)


def _use_beliefs(replaces: bool) -> Iterator[str]:
    yield "add the lines below to a model file (--out FILE.toml writes one) and give it to --model."
    if replaces:
        yield "They take the place of what the model registers of the same."


def order_page(found: ElicitedOrder, *, command: str) -> Page:
    """The page of an elicited order."""
    sections = (
        Section("STATEMENT", tuple(_statements(found))),
        Section("PAIRS", tuple(_pairs(found))),
        *([Section("CIRCLE", (_circle(found),))] if found.circle else []),
        Section("MISFIT", (_misfit(found),)),
        Section("THE MODEL", tuple(_techniques(found))),
        Section("USE IT", (*_use_beliefs(found.replaced > 0), *_costs(found))),
        Section("REPRODUCE", (show_name(command),)),
    )  # fmt: skip
    return Page("ELICITED ORDER", show_name(found.base), sections, None)


def _statements(found: ElicitedOrder) -> Iterator[str]:
    yield " · ".join(show_name(text) for text in found.statements)
    if any(pair.by_default for pair in found.pairs):
        yield (
            f"Neighbours without a number are held in the order typed in {in_100(found.sure)} of 100 worlds"
            " (--sure changes it)."
        )


def _pairs(found: ElicitedOrder) -> Iterator[str]:
    """What was stated of each pair beside what the model will hold."""
    stated = [pair for pair in found.pairs if pair.stated is not None]
    others = [pair for pair in found.pairs if pair.stated is None]
    yield from (_pair(pair) for pair in stated[:SHOWN_PAIRS])
    yield from (_pair(pair) for pair in others[: max(0, SHOWN_PAIRS - len(stated))])
    if len(found.pairs) > SHOWN_PAIRS:
        yield f"and {len(found.pairs) - max(SHOWN_PAIRS, 0)} more; --json lists all"


def _pair(pair: PairBelief) -> str:
    a, b = show_name(pair.technique), show_name(pair.comparator)
    said = "you said nothing" if pair.stated is None else f"you say {in_100(pair.stated)}"
    return f"{a} above {b}: {said}, the model will hold {in_100(pair.held)}"


def _circle(found: ElicitedOrder) -> str:
    around = " > ".join(show_name(name) for name in (*found.circle, found.circle[0]))
    tail = (
        "numbers this near 50 can all hold at once, in different worlds"
        if found.can_all_hold
        else "in no world do all of these hold, and with these numbers no mixture of worlds gives them"
    )
    return f"{around}: each above the next, and the last above the first; {tail}."


def _misfit(found: ElicitedOrder) -> str:
    worst = f"{100 * found.worst_misfit:.1f}"
    if not found.can_all_hold:
        return (
            f"These numbers contradict each other: no law of orders has them all. The largest misfit is {worst} in 100."
        )
    if found.form == "merits" and found.worst_misfit >= 0.005:
        return f"Normal laws with one sd miss them by up to {worst} in 100; --as orders holds them all."
    return "every stated number is held (to 0.5 in 100)."


def _techniques(found: ElicitedOrder) -> Iterator[str]:
    yield (
        f"With this registered, and before any finding (a technique works by more than {found.smallest_difference:g} SMD;"
        f" before: in {in_100(found.works_before)} of 100):"
    )
    yield from (_technique(technique, found.form) for technique in found.techniques)
    if found.form == "merits":
        yield (
            "Merits speak of sizes, which an order does not: these are the least informative ones that hold your pairs,"
            f" against a spread of {size(found.spread or 0.0)} SMD (root mean square of the model's tau). In"
            f" {in_100(found.left_out)} of 100 worlds merits spread no wider than their sd, and they are left out."
        )


def _technique(technique: RankedBelief, form: str) -> str:
    alone = f" (by the order alone {in_100(technique.works_by_order)})" if form == "merits" else ""
    return (
        f"{show_name(technique.technique)}: works in {in_100(technique.works)} of 100{alone}, merit"
        f" {size(technique.mean)}, sd {size(technique.sd)} SMD"
    )


def _costs(found: ElicitedOrder) -> tuple[str, ...]:
    if found.form == "merits":
        return ("To say nothing of sizes: --as orders, at more cost for the engine.",)
    return (
        "Orders cost the exact engine many draws: where `rank` gives no verdict for want of them (mcse_p),"
        " --engine sampled or merits (--as merits) remain.",
    )


def snippet_lines(text: str) -> Iterable[str]:
    """Lines of a snippet as they are to be pasted, control characters shown escaped."""
    return [show_name(line) for line in text.splitlines()]
