"""What is allowed in a finding but looks like a slip of reading: each oddity says what to look at and what to do.

An oddity is no error: rows like these exist. The checks look where extraction goes wrong most often: standard errors
and standard deviations exchanged (`evidence.domain.spreads`), signs and arms, directions, and one result entered twice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from evidence.domain.oddities import Oddity
from evidence.domain.records import SIGN_KINDS, Finding, Setting
from evidence.domain.signs import CLEAR_Z, z_of
from evidence.domain.spreads import spread_oddities

_LOWER = re.compile(
    r"\b(?:attack success|asr|errors?|harms?|harmful|toxic(?:ity)?|leak(?:s|age|ed)?|loss|perplexity|false positives?)\b"
)
_HIGHER = re.compile(r"\b(?:accuracy|auroc|auc|f1|safety|reward|helpful(?:ness)?|solved|correct|recall)\b")
_TURNED = re.compile(
    r"\b(?:no|not|never|without)\b|\b(?:non|un|over|anti)-|avert|avoid|prevent|block|stopp|resist|refus"
)
"""Words that may turn an outcome round, refusals of what is harmful and of what is not: then nothing is clear."""
_AGREEING = 2
"""Findings on outcomes of the same word that must share a direction before it counts as this base's own."""


def find_oddities(
    findings: Sequence[Finding], settings: Iterable[Setting], *, only: Collection[str] | None = None
) -> tuple[Oddity, ...]:
    """Everything odd about the findings (those with an id in `only`, where given), in their order.

    Of two rows that repeat or contradict each other the later one is odd.
    """
    places = {setting.id: setting for setting in settings}
    directions = _directions(findings, places)
    sizes = _sizes(findings)
    seen = _Seen()
    odd: list[Oddity] = []
    for finding in findings:
        repeats = seen.repeats(finding)
        if only is not None and finding.id not in only:
            continue
        setting = places.get(finding.setting)
        odd += spread_oddities(finding, setting.outcome if setting else "")
        odd += _sign_oddities(finding)
        odd += _direction_oddities(finding, setting, directions)
        odd += _percentage_oddities(finding, sizes)
        odd += repeats
    return tuple(odd)


def _sign_oddities(f: Finding) -> Iterator[Oddity]:
    """Who the paper says came out ahead, against what the numbers say."""
    if f.ahead is None:
        return
    if f.kind in SIGN_KINDS:
        if f.ahead != "technique":
            found = f"{f.ahead} beside {f.kind} '{f.technique} above {f.comparator}'"
            wanted = "technique: an order says that its technique is ahead; exchange technique and comparator"
            yield Oddity(f.id, ("ahead", "technique", "comparator"), found, wanted)
        return
    z = z_of(f)
    shown = "technique" if z > 0 else "comparator"
    more = ("higher_is_better", *_NUMBERS[f.kind])
    if f.ahead == "neither" and abs(z) > CLEAR_Z:
        wanted = (
            f"{shown}: the numbers put it {abs(z):.1f} standard errors ahead; is an se typed for an SD, or n too large?"
        )
        yield Oddity(f.id, ("ahead", *more), "neither", wanted)
    field, said = ("nominal", f.nominal) if f.ahead == "neither" else ("ahead", f.ahead)
    if said is not None and z != 0 and said != shown:
        better = "higher" if f.higher_is_better else "lower"
        wanted = (
            f"{shown}, going by the numbers ({better} is better): check which arm is which, the sign and the direction"
        )
        yield Oddity(f.id, (field, *more), said, wanted)


_NUMBERS: dict[str, tuple[str, ...]] = {
    "effect": ("estimate", "se", "ci_lo", "ci_hi"),
    "counts": ("k", "n", "k0", "n0"),
    "means": ("mean", "sd", "n", "mean0", "sd0", "n0"),
    "auroc": ("auc", "n_pos", "n_neg"),
    "proportion": ("rate", "k", "n"),
}


type _Directions = dict[str, Counter[bool]]


def _directions(findings: Iterable[Finding], places: dict[str, Setting]) -> _Directions:
    """How often each direction stands beside an outcome, by the outcome's words and by the words that give it away."""
    counts: _Directions = defaultdict(Counter)
    for finding in findings:
        setting = places.get(finding.setting)
        if setting and finding.kind not in SIGN_KINDS:
            for key in _keys(setting):
                counts[key][finding.higher_is_better] += 1
    return counts


def _keys(setting: Setting) -> tuple[str, ...]:
    words = setting.outcome.casefold().strip()
    return (f"outcome {words}", *(f"word {word}" for word in (*_LOWER.findall(words), *_HIGHER.findall(words))))


def _direction_oddities(f: Finding, setting: Setting | None, directions: _Directions) -> Iterator[Oddity]:
    """A direction that other findings on the same outcome do not share, or that its words speak against."""
    if setting is None or f.kind in SIGN_KINDS:
        return  # an order names who is ahead, whatever the outcome's direction
    answer = "yes" if f.higher_is_better else "no"
    outcome, *words = _keys(setting)
    same, opposite = directions[outcome][f.higher_is_better] - 1, directions[outcome][not f.higher_is_better]
    if opposite > same:
        wanted = f"one direction for the outcome {setting.outcome!r}: {opposite} other findings have it the other way"
        yield Oddity(f.id, ("higher_is_better",), answer, wanted)
        return
    usual = _usual_direction(setting.outcome)
    if usual is None or usual == f.higher_is_better:
        return
    agreeing = max((directions[word][f.higher_is_better] - 1 for word in words), default=0)
    opposing = max((directions[word][not f.higher_is_better] for word in words), default=0)
    if agreeing >= _AGREEING and agreeing > opposing:
        return  # in this base attacks are the techniques, or forgetting is the aim
    wanted = f"{'yes' if usual else 'no'}, going by the outcome's words {setting.outcome!r}"
    yield Oddity(f.id, ("higher_is_better",), answer, wanted)


def _usual_direction(outcome: str) -> bool | None:
    """Whether larger is better for an outcome of these words; None where they do not say so clearly."""
    words = outcome.casefold()
    lower, higher = _LOWER.search(words), _HIGHER.search(words)
    if _TURNED.search(words) or (lower is None) == (higher is None):
        return None
    return higher is not None


def _sizes(findings: Iterable[Finding]) -> dict[tuple[str, str], Counter[int]]:
    """Sizes of the arms of counts, by study and setting."""
    sizes: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for f in findings:
        if f.kind == "counts":
            sizes[f.study, f.setting].update(n for n in (f.n, f.n0) if n is not None)
    return sizes


def _percentage_oddities(f: Finding, sizes: dict[tuple[str, str], Counter[int]]) -> Iterator[Oddity]:
    """Counts of 100 where the other rows of the study there have another n: percentages typed as counts."""
    if f.kind != "counts" or (f.n, f.n0) != (100, 100):
        return
    here = sizes[f.study, f.setting]
    if here[100] == 2 and len(here) > 1:
        other = next(n for n, _ in here.most_common() if n != 100)
        wanted = f"counts, not percentages: other rows of this study have n = {other} in this setting"
        yield Oddity(f.id, ("n", "n0", "k", "k0"), "100 in both arms", wanted)


type _Key = tuple[object, ...]


class _Seen:
    """The rows so far, by what they are about and by what they say."""

    def __init__(self) -> None:
        self._rows: dict[_Key, str] = {}
        self._results: dict[_Key, str] = {}

    def repeats(self, f: Finding) -> list[Oddity]:
        """What the finding repeats or mirrors of the rows before it; the finding is among them from now on."""
        # Two statements about one pair would count as independent, whatever their labels.
        about = (f.study, f.setting, f.kind, "" if f.kind in SIGN_KINDS else f.variant)
        straight, mirrored = (*about, f.technique, f.comparator), (*about, f.comparator, f.technique)
        result = _result_of(f)
        odd: list[Oddity] = []
        if straight in self._rows:
            found = f"the technique, comparator, kind and variant of {self._rows[straight]}"
            wanted = "every result once: a row of another setting, or a variant that tells the two apart"
            odd = [Oddity(f.id, ("variant", "technique", "comparator"), found, wanted)]
        elif not f.is_arm and mirrored in self._rows:
            found = f"the mirror image of {self._rows[mirrored]}"
            wanted = "every contrast once, from one side"
            odd = [Oddity(f.id, ("technique", "comparator", "variant"), found, wanted)]
        elif result is not None and result in self._results:
            found = f"the numbers of {self._results[result]}"
            wanted = "every result once: the same numbers in the same setting are the same result"
            odd = [Oddity(f.id, (*_NUMBERS[f.kind], "variant"), found, wanted)]
        self._rows.setdefault(straight, f.id)
        if result is not None:
            self._results.setdefault(result, f.id)
        return odd


def _result_of(f: Finding) -> _Key | None:
    """What the numbers say, the same from either side; None for statements, and for arms of different studies.

    An arm has too few numbers to be known by them: arms are the same result only inside one study.
    """
    if f.kind in SIGN_KINDS:
        return None
    turned = f.comparator is not None and f.comparator < f.technique
    pair = (f.comparator, f.technique) if turned else (f.technique, f.comparator)
    numbers = _READ[f.kind](f, turned)
    return (
        f.setting,
        f.kind,
        *pair,
        f.study if f.is_arm else "",
        *(None if x is None else round(x, 9) for x in numbers),
    )


type _Numbers = tuple[float | None, ...]


def _counts(f: Finding, turned: bool) -> _Numbers:
    return (f.k0, f.n0, f.k, f.n) if turned else (f.k, f.n, f.k0, f.n0)


def _means(f: Finding, turned: bool) -> _Numbers:
    one, other = (f.mean, f.sd, f.n), (f.mean0, f.sd0, f.n0)
    return (*other, *one) if turned else (*one, *other)


def _effect(f: Finding, turned: bool) -> _Numbers:
    sign = -1.0 if turned else 1.0
    ends = sorted(sign * x for x in (f.ci_lo, f.ci_hi) if x is not None)
    return (None if f.estimate is None else sign * f.estimate, f.se, *ends)


def _auroc(f: Finding, turned: bool) -> _Numbers:
    auc = f.auc if f.auc is None or not turned else 1 - f.auc
    return (auc, f.n_neg, f.n_pos) if turned else (auc, f.n_pos, f.n_neg)


def _proportion(f: Finding, turned: bool) -> _Numbers:
    del turned  # an arm has one side
    return (f.rate, f.k, f.n)


_READ: dict[str, Callable[[Finding, bool], _Numbers]] = {
    "counts": _counts,
    "means": _means,
    "effect": _effect,
    "auroc": _auroc,
    "proportion": _proportion,
}
