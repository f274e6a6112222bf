"""Page 3: how valid each proxy is thought to be, and the gaps that say why."""

from __future__ import annotations

from typing import Any

import streamlit as st

from evidence.app.answers import case_of
from evidence.app.frame import computed, open_page, plain, refusing
from evidence.app.page_evidence import replace_table
from evidence.app.workspace import Workspace, asked, workspace
from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Finding, Setting

RATINGS = ("none", "some", "major", "unknown")


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("validity", "Proxy validity", found)
    with refusing():
        _, findings = asked(found)
        case = computed("Reading the priors", lambda: case_of(found))
        for setting in _settings(found, findings):
            _setting(found, setting, case, next(f for f in findings if f.setting == setting.id))


def _settings(found: Workspace, findings: tuple[Finding, ...]) -> list[Setting]:
    """The settings that the chosen studies measured in, once each."""
    met = dict.fromkeys(f.setting for f in findings)
    return [s for s in found.base.settings if s.id in met]


def _setting(found: Workspace, setting: Setting, case: Any, finding: Finding) -> None:
    from evidence.analysis.statements import validity_of
    from evidence.report.sentences import order_kept_line

    family = found.base.family(setting.family)
    st.subheader(plain(setting.name))
    st.caption(
        f"Family {plain(family.name)}, class {plain(family.validity_class)}: {plain(family.reason)} ·"
        f" {plain(setting.environment)} · {plain(setting.model_family)} {plain(setting.size)}"
    )
    if setting.id in case.design.settings:
        st.write(plain(order_kept_line(validity_of(case, finding))))
    changed: dict[str, str] = {}
    for dimension in found.base.question.dimensions:
        rated, why = st.columns([1, 3])
        gap = setting.gaps[dimension.id]
        options = [*RATINGS, *([str(gap)] if str(gap) not in RATINGS else [])]
        key = f"{found.base_name}:{setting.id}:{dimension.id}"
        rating = rated.selectbox(
            dimension.id, options, index=options.index(str(gap)), key=f"gap:{key}",
            help=f"{dimension.meaning}. none: {dimension.none}; some: {dimension.some}; major: {dimension.major}.",
        )  # fmt: skip
        reason = why.text_input(
            "Why", setting.reasons.get(dimension.id, ""), key=f"why:{key}", max_chars=400,
        )  # fmt: skip
        if rating != str(gap):
            changed[f"gap_{dimension.id}"] = rating
        if reason != setting.reasons.get(dimension.id, ""):
            changed[f"why_{dimension.id}"] = reason
        if rating == "none" and not reason.strip():
            st.error(f"{plain(dimension.id)}: a gap of none needs a reason.")
    if changed and st.button("Save these ratings", key=f"save:{setting.id}"):
        _save(found, setting.id, changed)
        st.rerun()


def _save(found: Workspace, setting: str, changed: dict[str, str]) -> None:
    """Write the ratings into settings.csv, every other cell as it was."""
    from evidence.io.csv_files import read_table

    table = read_table(found.path / "settings.csv")
    columns = list(table.columns)
    read = [dict(zip(columns, cells, strict=False)) for _, cells in table.rows]
    rows = [{**row, **changed} if row["id"] == setting else row for row in read]
    for row in rows:
        for name, value in row.items():
            if row["id"] == setting and name.startswith("gap_") and value == "none" and not row.get(f"why_{name[4:]}"):
                raise BadInput((Problem("settings.csv", setting, f"why_{name[4:]}", "nothing", "a reason for none"),))
    from evidence.io.csv_out import table_text

    replace_table(found, "settings.csv", table_text(columns, rows))
