"""Records as documents: the JSON twin, CSV, Markdown and a self-contained HTML page."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from evidence.domain.results import Ranking, Review, Sweep
from evidence.domain.value import Portfolio, Value
from evidence.report.page import Picture, page_of
from evidence.report.words import in_100, show_name

_MARKDOWN_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~!&$])|(?<=:)(?=//)|(?<=www)(?=\.)")

FINDINGS_ON_PAGE = 5
"""Rows of the forest on the one-page review; the rest is counted there."""

# What a failed gate leaves of each record: names and reasons, no answer.
_KEPT_OF_REVIEW = {
    "study", "study_title", "finding", "question", "target", "model", "engine", "pair", "belief", "assumptions",
    "inputs", "why_so_little", "fingerprint", "checks", "ok", "provenance", "settings_viewed",
}  # fmt: skip
_KEPT_OF_RANKING = {
    "base", "question", "criterion", "target", "model", "engine", "untested", "left_out", "hours_not_stated", "fingerprint",
    "checks", "ok", "provenance",
}  # fmt: skip
_KEPT_OF_VALUE = {
    "id", "title", "claim", "kind", "base", "question", "target", "model", "reach", "shares", "checks", "ok", "provenance",
}  # fmt: skip
_KEPT_OF_PORTFOLIO = {"budget_hours", "checks", "ok", "provenance"}


def json_of(record: Ranking | Review | Sweep | Value | Portfolio) -> str:
    """The JSON twin with every key of the record. Where a gate failed every answer is null: no number to misread."""
    document = record.model_dump(mode="json")
    if isinstance(record, Review):
        document = _withheld(document, _KEPT_OF_REVIEW, record.ok)
        if record.in_context is not None and not record.in_context.ok and record.ok:
            document["in_context"] |= {"p_without": None, "p_with": None, "p_face_value_with": None, "bits": None}
    elif isinstance(record, Ranking):
        document = _ranking(document, record)
    elif isinstance(record, Value | Portfolio):
        document = _withheld(document, _KEPT_OF_VALUE if isinstance(record, Value) else _KEPT_OF_PORTFOLIO, record.ok)
    else:
        for point in document["points"]:
            if not point["ok"]:
                point |= {"p": None, "p_mcse": None}
    return json_text(document)


def json_of_reviews(reviews: Iterable[tuple[str, Review]]) -> str:
    """Reviews, each with the id of its base, and whether every one of them has a verdict."""
    found = list(reviews)
    documents = [{"base": base, **json.loads(json_of(review))} for base, review in found]
    return json_text({"reviews": documents, "ok": all(review.ok for _, review in found)})


def json_of_values(values: Iterable[Value]) -> str:
    """Values of proposals, and whether every one of them has a verdict."""
    found = list(values)
    return json_text({"values": [json.loads(json_of(value)) for value in found], "ok": all(v.ok for v in found)})


def json_text(document: Any) -> str:
    """One JSON document, ASCII only so that no name can drive a terminal; NaN is an error."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _withheld(document: dict[str, Any], kept: set[str], ok: bool) -> dict[str, Any]:
    return document if ok else {key: value if key in kept else None for key, value in document.items()}


def _ranking(document: dict[str, Any], record: Ranking) -> dict[str, Any]:
    for study in document["studies"]:
        if not study["ok"]:
            study |= {"shift_bits": None, "max_rank_change": None, "p_top_changes": None}
    return _withheld(document, _KEPT_OF_RANKING, record.ok)


def csv_of(sweep: Sweep) -> str:
    """The points of a sweep as CSV: value, p, p_mcse, ok; p empty where a check failed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("value", "p", "p_mcse", "ok"))
    for point in sweep.points:
        numbers = (point.p, point.p_mcse) if point.ok else ("", "")
        writer.writerow((point.value, *numbers, "yes" if point.ok else "no"))
    return out.getvalue()


def markdown_of(review: Review, *, command: str = "") -> str:
    """The one-page review as Markdown; nothing in a name can become a link, markup or HTML."""
    page = page_of(review, command)
    lines = [f"# {page.title.capitalize()}", ""]
    if page.subtitle:
        lines += [markdown_text(page.subtitle), ""]
    for section in page.sections:
        lines += [f"## {section.label.capitalize()}", "", *_paragraphs(section.lines)]
        if section.label == "OVER-UPDATING" and page.picture is not None:
            lines += [*_markdown_picture(page.picture), ""]
    return "\n".join(lines)


def _paragraphs(lines: Iterable[str]) -> list[str]:
    return [text for line in lines for text in (markdown_text(line), "")]


def _markdown_picture(picture: Picture) -> list[str]:
    rows = [f"| {bar.label} | {markdown_text(in_100(bar.p))} |" for bar in picture.bars]
    rows.append(f"| ceiling | {markdown_text(in_100(picture.ceiling))} |")
    if picture.break_even is not None:
        rows.append(f"| break-even | {markdown_text(in_100(picture.break_even))} |")
    return ["| belief | in 100 |", "|---|---|", *rows, "", *(markdown_text(line) for line in picture.contrast)]


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: active characters escaped, `//` and `www.` broken so nothing links itself."""
    escaped = _MARKDOWN_ACTIVE.sub(lambda m: "\\" + m[0] if m[0] else "\u2060", text)
    return escaped.replace("\u2060", "&#8288;")


def html_of(review: Review, *, command: str = "") -> str:
    """The one-page review as one HTML file: no script, no remote resource, a policy that forbids both.

    Pictures are SVG inside the page, shown as images: a script in one would not run.
    """
    import jinja2

    style = files("evidence.report").joinpath("review.css").read_text(encoding="utf-8")
    template = files("evidence.report").joinpath("review.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = page_of(review, command)
    return environment.from_string(template).render(
        page=page,
        style=_safe(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        numbers=[] if page.picture is None else [(bar.label, in_100(bar.p)) for bar in page.picture.bars],
        pictures=_pictures(review),
        target=show_name(review.target),
    )


def _safe(style: str) -> Any:
    """Our own style sheet, not to be escaped."""
    from markupsafe import Markup

    return Markup(style)  # noqa: S704 (a file of this package, no input)


def _pictures(review: Review) -> dict[str, dict[str, str]]:
    """The pictures of the page by name, each an address that holds it whole and its alt text; none without a verdict."""
    if not review.ok:
        return {}
    # matplotlib takes longer to load than all other renderings together.
    from evidence.report.figures import belief_bars, contrast_dots, forest, svg_of

    drawn = {"beliefs": belief_bars(review)}
    if review.contrast_dots:
        drawn["dots"] = contrast_dots(review)
    if sum(line.effect_smd is not None for line in review.inputs) >= 2:
        drawn["forest"] = forest(review, most=FINDINGS_ON_PAGE)
    return {name: {"src": _data_address(svg_of(figure)), "alt": figure.alt} for name, figure in drawn.items()}


def _data_address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
