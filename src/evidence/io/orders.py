"""Parsing the statements of `evidence elicit order`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from evidence.domain.elicitation import StatedPair
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase
from evidence.io.rows import did_you_mean, show

MAX_CHARACTERS = 2000
EXAMPLES = '"A > B > C", "A > B = C" or "A > B 70", the number in 100'

_SIGN = re.compile(r"\s*([>=])\s*")
_NUMBERED = re.compile(r"(?P<name>.+?)\s+(?P<number>[0-9]+(?:\.[0-9]+)?)")


def parse_orders(texts: Sequence[str], base: EvidenceBase, *, sure: float) -> tuple[StatedPair, ...]:
    """The pairs that the statements are about, each once and as it was first written.

    `A > B > C` speaks of neighbours, with probability `sure` where no number ends it; `=` says one half. A pair's own
    number takes the place of `sure`. Raises BadInput for names the base does not have, the baseline, and pairs stated
    twice differently.
    """
    found: dict[frozenset[str], StatedPair] = {}
    for text in texts:
        for pair in _pairs_of(text, base, sure):
            _add(found, pair, text)
    if not any(pair.p != 0.5 for pair in found.values()):
        raise _bad(" ".join(texts), "no technique above another", f"at least one '>': {EXAMPLES}")
    return tuple(found.values())


def _add(found: dict[frozenset[str], StatedPair], pair: StatedPair, text: str) -> None:
    key = frozenset((pair.technique, pair.comparator))
    before = found.setdefault(key, pair)
    again = pair if pair.technique == before.technique else _turned(pair)
    if again.p == before.p and again.by_default == before.by_default:
        return
    # A number typed for a pair is more than the number of a ranking without one, if both lean the same way.
    numbers = [p for p in (before, again) if not p.by_default]
    if len(numbers) == 1 and (before.p - 0.5) * (again.p - 0.5) > 0:
        found[key] = numbers[0]
        return
    stated = f"{before.technique} > {before.comparator} in {100 * before.p:g} and in {100 * again.p:g} of 100"
    raise _bad(text, stated, "every pair stated once, or alike")


def _turned(pair: StatedPair) -> StatedPair:
    turned = {"technique": pair.comparator, "comparator": pair.technique, "p": round(1 - pair.p, 12)}
    return pair.model_copy(update=turned)


def _pairs_of(text: str, base: EvidenceBase, sure: float) -> Iterator[StatedPair]:
    places, number = _places_of(text, [t.id for t in base.techniques])
    p, is_default = (sure, True) if number is None else (number, False)
    for above, below in itertools.pairwise(places):
        for technique, comparator in itertools.product(above, below):
            yield StatedPair(technique=technique, comparator=comparator, p=p, by_default=is_default)
    for place in places:
        for technique, comparator in itertools.combinations(place, 2):
            yield StatedPair(technique=technique, comparator=comparator, p=0.5)


def _places_of(text: str, known: Sequence[str]) -> tuple[list[list[str]], float | None]:
    """Techniques by place, the highest first, and the number that ends the statement as a probability."""
    if len(text) > MAX_CHARACTERS:
        raise _bad(text[:40], f"{len(text)} characters", f"at most {MAX_CHARACTERS}")
    if "<" in text:
        raise _bad(text, "'<'", f"the higher technique first: {EXAMPLES}")
    first, *rest = _SIGN.split(text.strip())
    names, signs = [first, *rest[1::2]], rest[::2]
    if not signs or not all(names):
        raise _bad(text, show(text.strip()), EXAMPLES)
    names[-1], number = _number_of(text, names[-1], known)
    _require_known(text, names, known)
    if number is not None and ">" not in signs:
        raise _bad(text, "a number after '='", "no number: '=' says one half")
    places = [[names[0]]]
    for sign, name in zip(signs, names[1:], strict=True):
        if sign == ">":
            places.append([name])
        else:
            places[-1].append(name)
    return places, number


def _number_of(text: str, name: str, known: Iterable[str]) -> tuple[str, float | None]:
    """The last name of a statement and the number behind it; a technique whose id ends in a number goes first."""
    numbered = _NUMBERED.fullmatch(name)
    if name in known or numbered is None:
        return name, None
    number = float(numbered["number"])
    if number > 100:
        raise _bad(text, numbered["number"], "a number in 100, at most 100")
    return numbered["name"], number / 100


def _require_known(text: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise _bad(text, show(name), f"a technique of the base{did_you_mean(name, known)}: {', '.join(known[1:])}")
        if name == known[0]:
            raise _bad(
                text, f"{name!r}, the baseline", "techniques other than the baseline, whose merit is 0: "
                "for one against it use `evidence elicit merit TECHNIQUE --better-in-100 N --by SMD`",
            )  # fmt: skip
    for name in names:
        if names.count(name) > 1:
            raise _bad(text, f"{name!r} twice", "every technique once in a statement")


def _bad(text: str, found: str, wanted: str) -> BadInput:
    return BadInput((Problem(show(text), None, "", found, wanted),))
