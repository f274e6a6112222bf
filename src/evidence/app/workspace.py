"""What one reader has open: her own copy of a base, the model, the question, her beliefs, and what she has moved."""

from __future__ import annotations

import os
import shutil
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import streamlit as st

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import EvidenceBase, Finding, Model
from evidence.domain.results import Pair

DEFAULT_BASE, DEFAULT_MODEL = "control", "default"
REGISTERED_VARIABLE = "EVIDENCE_APP_REGISTERED"
MAX_FINDINGS, MAX_TECHNIQUES = 2_000, 200
"""What the app takes; the command line takes more."""
SEED = 1


@dataclass
class Workspace:
    """One session's state; nothing of it is shared with another session."""

    base_name: str
    path: Path
    """The reader's own copy of the tables; it goes when the session does."""
    base: EvidenceBase
    model: Model
    registered: Model | None
    target: str
    studies: tuple[str, ...]
    prior_belief: float | None = None
    """P(technique above comparator) before reading, as the reader said it, 0..1."""
    belief: float | None = None
    """The same after reading."""
    elicited: str = ""
    """`saved` or `skipped` once the reader has answered the first page."""
    settings: dict[str, str] = field(default_factory=dict[str, str])
    """Moved sliders by key, as `--set` would have them."""
    leans: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    """The word at every distinct set of settings that was looked at."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    @property
    def settings_list(self) -> tuple[str, ...]:
        """Moved sliders as `--set` takes them."""
        return tuple(f"{key}={value}" for key, value in sorted(self.settings.items()))

    @property
    def settings_viewed(self) -> int:
        """Distinct settings looked at, the first among them."""
        return max(1, len(self.leans))

    @property
    def unlocked(self) -> bool:
        """The reader has said what she believes, or skipped it."""
        return bool(self.elicited)

    def viewed(self, settings: tuple[str, ...], word: str) -> None:
        """Count a look at some settings."""
        self.leans[settings] = word

    def deviations(self) -> tuple[str, ...]:
        """How the screen differs from what was registered; empty where nothing was registered."""
        if self.registered is None:
            return ()
        return (*differences(self.registered, self.model), *self.settings_list)


def differences(registered: Model, used: Model) -> tuple[str, ...]:
    """The fields in which two models differ, by name."""
    found: list[str] = []
    first, second = registered.model_dump(mode="json"), used.model_dump(mode="json")
    for name in first.keys() | second.keys():
        a, b = first.get(name), second.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            found += [f"{name}.{key}" for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]
        else:
            found.append(name)
    return tuple(sorted(found))


def workspace() -> Workspace:
    """The session's workspace, opened on the default base the first time."""
    if "workspace" not in st.session_state:
        st.session_state["workspace"] = open_workspace(DEFAULT_BASE)
    found: Workspace = st.session_state["workspace"]
    return found


def shipped_names() -> tuple[str, ...]:
    """Shipped bases, then bridges."""
    from evidence.io.shipped import list_shipped

    found = list_shipped()
    return (*found.bases, *found.bridges)


def open_workspace(name: str) -> Workspace:
    """A workspace on a copy of a shipped base. Raises BadInput for a name that is none."""
    from evidence.io.shipped import find_base, find_model

    if name not in shipped_names():
        raise BadInput((Problem("base", None, "", repr(name), f"one of: {', '.join(shipped_names())}"),))
    from evidence.io.models import load_model

    folder = Path(mkdtemp(prefix="evidence-"))
    for path in sorted(find_base(name).iterdir()):
        if path.is_file():
            shutil.copy(path, folder / path.name)
    registered = os.environ.get(REGISTERED_VARIABLE)
    frozen = load_model(Path(registered)) if registered else None
    model = frozen or load_model(find_model(DEFAULT_MODEL))
    base = read_base(folder, model)
    return Workspace(name, folder, base, model, frozen, target=base.question.targets[0].id, studies=first_study(base))


def read_base(folder: Path, model: Model) -> EvidenceBase:
    """The tables as the command line would read them. Raises BadInput for what is wrong, or too large for the app."""
    from evidence.io.models import check_classes
    from evidence.io.tables import load_base

    base = load_base(folder)
    for table, rows, most in (
        ("findings", base.findings, MAX_FINDINGS), ("techniques", base.techniques, MAX_TECHNIQUES),
    ):  # fmt: skip
        if len(rows) > most:
            wanted = f"at most {most} in the app; the command line takes more"
            raise BadInput((Problem(f"{table}.csv", None, "", f"{len(rows)} rows", wanted),))
    check_classes(base, model)
    return base


def first_study(base: EvidenceBase) -> tuple[str, ...]:
    """The first study that a review can speak about."""
    from evidence.analysis.subject import reviewed_studies

    return reviewed_studies(base)[:1]


def reload(found: Workspace) -> None:
    """Read the tables again after a change. Raises BadInput, with the workspace as it was."""
    base = read_base(found.path, found.model)
    found.base = base
    known = {s.id for s in base.studies if base.findings_of(s.id)}
    found.studies = tuple(s for s in found.studies if s in known) or first_study(base)
    if found.target not in {t.id for t in base.question.targets}:
        found.target = base.question.targets[0].id


def asked(found: Workspace) -> tuple[Pair, tuple[Finding, ...]]:
    """The pair that the chosen studies name, and their findings. Raises BadInput where they name none."""
    from evidence.analysis.subject import subject_of

    if not found.studies:
        raise BadInput((Problem("page 1", None, "What I have read", "nothing", "at least one study with a finding"),))
    subject = subject_of(found.base, found.studies)
    return subject.pair, subject.findings
