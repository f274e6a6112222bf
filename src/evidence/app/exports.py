"""What can be taken away: the page, its JSON, the tables, the priors, and a script that shows the same numbers."""

from __future__ import annotations

import io
import shlex
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import streamlit as st

from evidence.app.workspace import DEFAULT_MODEL, SEED, Workspace
from evidence.domain.results import Review

BASE_FOLDER, MODEL_FILE = "base", "model.toml"


def offer(found: Workspace, review: Review) -> None:
    """Buttons for every form of the answer; each carries how many settings were looked at."""
    from evidence.report.documents import html_of, json_of, markdown_of

    st.markdown("**Take it with you**")
    command = command_of(found, bundled=False)
    files = (
        ("HTML report", html_of(review, command=command), "review.html", "text/html"),
        ("Markdown", markdown_of(review, command=command), "review.md", "text/markdown"),
        ("JSON", json_of(review), "review.json", "application/json"),
        ("Everything (zip)", bundle(found, review), "review.zip", "application/zip"),
    )
    for column, (label, data, name, kind) in zip(st.columns(len(files)), files, strict=True):
        column.download_button(label, data, name, kind, width="stretch")
    st.caption(settings_line(found))


def settings_line(found: Workspace) -> str:
    """How many settings were looked at, and in how many the lean was the one most often seen."""
    if not found.leans:
        return "Settings viewed: 1."
    counts = Counter(found.leans.values())
    word, n = counts.most_common(1)[0]
    return f"Settings viewed: {found.settings_viewed}; {word} in {n} of {len(found.leans)} of them."


def command_of(found: Workspace, *, bundled: bool) -> str:
    """The shell line that shows the same numbers: on the shipped base, or beside the files of the bundle."""
    words = ["evidence", "review", *found.studies, "--base", BASE_FOLDER if bundled else found.base_name]
    words += ["--target", found.target]
    if bundled:
        words += ["--model", MODEL_FILE]
    elif found.model.id != DEFAULT_MODEL:
        words += ["--model", found.model.id]
    if found.belief is not None:
        words += ["--belief", f"{100 * found.belief:g}"]
    for setting in found.settings_list:
        words += ["--set", setting]
    return shlex.join([*words, "--seed", str(SEED)])


def bundle(found: Workspace, review: Review) -> bytes:
    """A zip of the tables as edited, the priors, the page, its JSON, the results as CSV, and `reproduce.sh`."""
    from evidence.io.models import write_model
    from evidence.report.documents import html_of, json_of
    from evidence.report.sheets import csv_of_inputs

    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder) / MODEL_FILE, found.model)
        model = (Path(folder) / MODEL_FILE).read_bytes()
    command = command_of(found, bundled=True)
    script = f'#!/bin/sh\n# {settings_line(found)}\nset -e\ncd "$(dirname "$0")"\n{command}\n'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(found.path.iterdir()):
            archive.writestr(f"{BASE_FOLDER}/{path.name}", path.read_bytes())
        archive.writestr(MODEL_FILE, model)
        archive.writestr("review.html", html_of(review, command=command))
        archive.writestr("review.json", json_of(review))
        archive.writestr("findings-as-read.csv", csv_of_inputs(review))
        archive.writestr("reproduce.sh", script)
    return out.getvalue()
