"""What `evidence add` has been told so far, and where it goes: the tables of a folder, or the file of one paper."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.cli.flags import DEFAULT_MODEL
from evidence.cli.running import Choices, bad_option, base_named, paper_at
from evidence.domain.records import EvidenceBase, Model

if TYPE_CHECKING:
    from evidence.domain.read_back import ReadBack
    from evidence.io.additions import Addition

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+()\-]{0,79}")


@dataclass(frozen=True)
class Place:
    """Where findings go: the tables of a folder, or the file of one paper on a base of this name."""

    folder: Path | None
    paper: Path | None
    base_name: str
    force: bool


@dataclass
class Session:
    """What has been told so far."""

    study: str
    place: Place
    model: Model
    base: EvidenceBase
    told: Addition | None = None
    written: list[Path] = field(default_factory=list)
    heard: list[ReadBack] = field(default_factory=list)
    was_known: bool = field(init=False)

    def __post_init__(self) -> None:
        self.was_known = self.study in {study.id for study in self.base.studies}

    def require_new_study_in_a_paper(self) -> None:
        """Raises BadInput for a paper file about a study that its base has: it would be there twice."""
        if self.place.paper is not None and self.was_known:
            wanted = "an id that the base lacks, or --base FOLDER with a copy of the base that is yours to extend"
            raise bad_option("STUDY", f"{self.study!r}, a study of {self.place.base_name}", wanted)

    def require_target(self, target: str | None) -> None:
        """Raises BadInput for a target that the base lacks, before anything is asked."""
        known = [row.id for row in self.base.question.targets]
        if target is not None and target not in known:
            raise bad_option("--target", repr(target), f"a target of the base: {', '.join(known)}")

    def what_is_saved(self) -> str:
        """For a reader who leaves early."""
        if self.told is None:
            return "nothing was written"
        ids = ", ".join(finding.id for finding in self.told.findings)
        return f"saved before that: {ids} in {', '.join(str(path) for path in self.written)}"

    def next_id(self) -> str:
        """An id for the next finding: the study's and a number."""
        taken = {finding.id for finding in self.base.findings} | {reason.split(":")[0] for reason in self.base.left_out}
        start = self.study[:70]
        return next(f"{start}-{i}" for i in range(1, len(taken) + 2) if f"{start}-{i}" not in taken)

    def save(self, addition: Addition) -> None:
        """Write what was told, all of it together, and read the base again. Raises BadInput with nothing changed."""
        from evidence.io.additions import append_to, write_paper

        if self.place.folder is not None:
            self.written = sorted({*self.written, *append_to(self.place.folder, addition)})
            self.base = base_named(str(self.place.folder))
        else:
            path = self.place.paper or Path()
            whole = addition if self.told is None else self.told + addition
            force = self.place.force or self.told is not None
            write_paper(
                path, self.place.base_name, whole, lambda name: base_named(name, beside=path.parent), force=force
            )
            self.written, self.base = [path], paper_at(path)
        self.told = addition if self.told is None else self.told + addition

    def reviewed_finding(self) -> str | None:
        """The one finding added to a study that was known; None: the study as a whole."""
        findings = self.told.findings if self.told else ()
        return findings[0].id if self.was_known and len(findings) == 1 else None

    def reviewed_pair(self) -> tuple[str, str] | None:
        """Names of the technique and the comparator that the page will speak about; None where there is no page."""
        from evidence.analysis.subject import headline_of, pair_of

        if not self.base.findings_of(self.study):
            return None
        one = self.reviewed_finding()
        findings = [f for f in self.base.findings if f.id == one] or [headline_of(self.base, self.study)]
        pair = pair_of(self.base, findings[0])
        return pair.technique_name, pair.comparator_name

    def review_line(self, choices: Choices, model: str = DEFAULT_MODEL, belief: float | None = None) -> str:
        """The shell line that shows the page again."""
        words = ["evidence", "review", str(self.place.paper) if self.place.paper else self.study]
        words += [] if self.place.paper else ["--base", self.place.base_name]
        if finding := self.reviewed_finding():
            words += ["--finding", finding]
        words += ["--belief", f"{belief:g}"] if belief is not None else []
        words += ["--target", choices.target] if choices.target else []
        words += ["--model", model] if model != DEFAULT_MODEL else []
        return shlex.join([*words, "--seed", str(choices.seed)])


def place_of(study: str, base: str, out: Path | None, *, force: bool) -> Place:
    """A folder of the user's own takes rows; a shipped base, and `--out`, mean a paper file."""
    from evidence.io.shipped import name_from
    from evidence.io.store import require_writable

    if not _ID.fullmatch(study):
        raise bad_option(
            "STUDY", repr(study), "an id: letters, digits, spaces or _.+()-, at most 80, such as smith2026probes"
        )
    if out is None and Path(base).is_dir():
        return Place(Path(base), None, base, force)
    path = out or Path(f"{study}.toml")
    if path.suffix != ".toml":
        raise bad_option("--out", repr(str(path)), "a name that ends in .toml")
    require_writable(path, force=force)
    return Place(None, path, name_from(path.parent, base), force)
