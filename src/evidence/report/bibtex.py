"""The studies of a base as BibTeX. Formatting only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evidence.domain.records import Study

_NOT_OF_A_KEY = re.compile(r"[^A-Za-z0-9_.+-]+")
_ACTIVE = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def bibtex_of(studies: Iterable[Study]) -> str:
    """One entry a study: `@misc`, its key the id, the title in the capitals it was printed in; UTF-8."""
    taken: set[str] = set()
    return "\n".join(_entry(study, _key(study.id, taken)) for study in studies)


def _key(study: str, taken: set[str]) -> str:
    """The id without what no key can hold; a number after it where two studies would share one."""
    stem = _NOT_OF_A_KEY.sub("-", study).strip("-")
    key, number = stem, 1
    while key.lower() in taken:  # BibTeX's keys do not tell capitals apart
        number += 1
        key = f"{stem}-{number}"
    taken.add(key.lower())
    return key


def _entry(study: Study, key: str) -> str:
    fields = {
        "title": f"{{{_text(study.title)}}}",
        "author": _authors(study.authors),
        "year": str(study.year),
        "howpublished": _text(study.lab),
        "url": _address(study.url),
        "keywords": "theory" if study.kind == "theory" else "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])


def _authors(names: str) -> str:
    """Names as printed; one name to BibTeX where commas or "et al." would be read as parts of names."""
    parts = [part.strip() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", names) if part.strip()]
    others = bool(parts) and bool(re.search(r"\bet al\.?$", parts[-1]))
    if others:
        parts[-1] = re.sub(r"\s*\bet al\.?$", "", parts[-1])
    whole = [f"{{{_text(part)}}}" for part in parts if part]
    return " and ".join([*whole, *(["others"] if others else [])])


def _address(url: str) -> str:
    """An address with what would end or escape its field written in per cent."""
    return "".join({"{": "%7B", "}": "%7D", "\\": "%5C"}.get(c, c) for c in " ".join(url.split()))


def _text(text: str) -> str:
    return "".join(_ACTIVE.get(c, c) for c in " ".join(text.split()))
