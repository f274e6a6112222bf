"""Page 2: the findings as rows, checked as the command line checks them; rows of one's own by form or upload."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from evidence.app.frame import open_page, plain, refusing
from evidence.app.workspace import MAX_FINDINGS, Workspace, read_base, reload, workspace
from evidence.domain.errors import BadInput, Problem

KINDS = {
    "counts": "successes of both arms",
    "effect": "an estimate with a standard error or a 95 % interval",
    "order": "which one was ahead, without a size",
}
SCALES = {"smd": "standardised difference", "logit": "log odds ratio", "probit": "d' or probit"}


def show() -> None:
    """Draw the page."""
    found = workspace()
    open_page("evidence", "Evidence", found)
    _rows(found)
    _add(found)
    _upload(found)
    with st.expander("Pictured: what was compared where"):
        from evidence.report.figures import network, svg_of

        drawn = network(found.base)
        st.image(svg_of(drawn), width="stretch")


def _rows(found: Workspace) -> None:
    """Every row of findings.csv, editable."""
    from evidence.io.csv_files import read_table

    table = read_table(found.path / "findings.csv")
    st.subheader(f"{len(table.rows)} findings")
    rows = [dict(zip(table.columns, cells, strict=False)) for _, cells in table.rows]
    edited: Any = st.data_editor(
        rows, num_rows="dynamic", width="stretch", height=320, key=f"findings_{len(rows)}_{found.base_name}"
    )
    after = [{k: "" if v is None else str(v) for k, v in row.items()} for row in edited]
    if after != [{k: row.get(k, "") for k in table.columns} for row in rows]:
        st.caption("Changed, not saved.")
        if st.button("Save the table"):
            with refusing():
                _save_table(found, list(table.columns), after)
                st.rerun()
    from evidence.io.tables import find_warnings, read_draft

    draft, _ = read_draft(found.path)
    for line in find_warnings(draft)[:10]:
        st.warning(plain(line))


def _save_table(found: Workspace, columns: list[str], rows: list[dict[str, str]]) -> None:
    from evidence.io.csv_out import table_text

    replace_table(found, "findings.csv", table_text(columns, rows))


def replace_table(found: Workspace, table: str, text: str) -> None:
    """Put a new table in place, once the base with it is known to be sound; BadInput with everything as it was."""
    from evidence.io.store import replacing_files

    names = [path.name for path in found.path.iterdir() if path.is_file()]
    with replacing_files(found.path, names, force=True) as temporary:
        for name in names:
            (temporary / name).write_bytes((found.path / name).read_bytes())
        (temporary / table).write_text(text, encoding="utf-8", newline="")
        try:
            read_base(temporary, found.model)
        except BadInput as error:
            raise BadInput(
                Problem(p.file.replace(str(temporary), "").lstrip("/"), p.row, p.field, p.found, p.wanted)
                for p in error.problems
            ) from None
    reload(found)


def _add(found: Workspace) -> None:
    st.subheader("Add a finding from a paper")
    base = found.base
    techniques = {t.id: t.name for t in base.techniques}
    settings = {s.id: s.name for s in base.settings}
    kind = st.radio("What does the paper give?", list(KINDS), format_func=KINDS.__getitem__, horizontal=True)
    with st.form("add", clear_on_submit=False):
        left, right = st.columns(2)
        title = left.text_input("Paper (a new title starts a new study)", max_chars=300)
        year = right.number_input("Year", 1900, 2100, 2026)
        where = right.text_input("Table and page", max_chars=200)
        technique = left.selectbox("Technique", list(techniques)[1:], format_func=techniques.__getitem__)
        comparator = right.selectbox("Against", list(techniques), format_func=techniques.__getitem__)
        setting = left.selectbox("Measured in", list(settings), format_func=settings.__getitem__)
        higher = right.checkbox("Larger numbers are better for the technique", value=True)
        values = _numbers(kind, left, right)
        if st.form_submit_button("Add", type="primary"):
            with refusing():
                told = {
                    "setting": setting, "technique": technique, "comparator": comparator, "kind": kind,
                    "higher_is_better": higher, "where": where, "source_kind": "full text", **values,
                }  # fmt: skip
                _save_finding(found, title, int(year), told)
                st.rerun()
    if odd := st.session_state.pop("oddities", None):
        for line in odd:
            st.warning(plain(line))


def _numbers(kind: str, left: Any, right: Any) -> dict[str, Any]:
    """The numbers of one kind of finding, as typed."""
    if kind == "counts":
        names = (("k", "Successes, technique"), ("n", "of"), ("k0", "Successes, comparator"), ("n0", "of (comparator)"))
        return {
            key: (left if i % 2 == 0 else right).number_input(label, 0, 10_000_000, None, key=f"add_{key}")
            for i, (key, label) in enumerate(names)
        }
    if kind == "order":
        return {"q": left.number_input("Reliability of the statement", 0.5, 0.99, 0.8, key="add_q")}
    scale = left.selectbox("Scale of the estimate", list(SCALES), format_func=SCALES.__getitem__)
    names = (("estimate", "Estimate"), ("se", "Standard error"), ("ci_lo", "95 % from"), ("ci_hi", "to"))
    numbers = {
        key: (right if i % 2 == 0 else left).number_input(label, value=None, format="%.4f", key=f"add_{key}")
        for i, (key, label) in enumerate(names)
    }
    return {"scale": scale, **numbers}


def _save_finding(found: Workspace, title: str, year: int, told: dict[str, Any]) -> None:
    """Append the finding, and its study where that is new. Raises BadInput with nothing changed."""
    from evidence.io.additions import append_to
    from evidence.io.drafting import addition_of, judge

    if not title.strip():
        raise BadInput((Problem("form", None, "Paper", "nothing", "the title of the paper"),))
    known = {s.title: s.id for s in found.base.studies}
    study = known.get(title.strip()) or _new_id(title, {s.id for s in found.base.studies})
    finding_id = _new_id(study, {f.id for f in found.base.findings})
    answers = {k: v for k, v in told.items() if v is not None} | {"study": study}
    if title.strip() not in known:
        answers |= {"study.title": title.strip(), "study.authors": "not stated", "study.year": year}
    judged = judge(answers, found.base, finding_id)
    if judged.finding is None:
        raise BadInput(judged.problems)
    append_to(found.path, addition_of(answers, found.base, judged.finding))
    reload(found)
    found.studies, found.settings, found.leans = (study,), {}, {}
    st.session_state["oddities"] = [f"{finding_id}: {odd.found}, wanted {odd.wanted}" for odd in judged.oddities]


def _new_id(text: str, taken: set[str]) -> str:
    start = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:60] or "paper"
    return next(name for name in (start, *(f"{start}-{i}" for i in range(2, 10_000))) if name not in taken)


def _upload(found: Workspace) -> None:
    st.subheader("Or upload a table")
    st.caption(f"findings.csv in the columns above (`evidence schema finding`), at most {MAX_FINDINGS} rows and 10 MB.")
    sent = st.file_uploader("findings.csv", type=["csv"], key="upload")
    if sent is not None and st.button("Use the uploaded table"):
        with refusing():
            data = sent.getvalue()
            if (lines := max(data.count(b"\n"), data.count(b"\r"))) > MAX_FINDINGS + 1:
                wanted = f"at most {MAX_FINDINGS} rows in the app; the command line takes more"
                raise BadInput((Problem(sent.name, None, "", f"{lines} lines", wanted),))
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise BadInput((Problem(sent.name, None, "", f"byte {error.start} is no UTF-8", "UTF-8"),)) from None
            replace_table(found, "findings.csv", text)
            st.success("Taken.")
