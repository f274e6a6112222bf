"""Broken bases: the tiny base of tests/bases.py with one fault each, and the place its message must name."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bases import TABLES, file_name, write_base

type Edit = Callable[[str], str | bytes | None]


@dataclass(frozen=True)
class Fault:
    """One fault: how the text of a table changes, and the `file:row:field` that must be named (row "": no line)."""

    name: str
    table: str
    edit: Edit
    row: int | str
    field: str
    says: str = ""
    """Words the message must hold."""
    where: str = ""
    """The table whose file is named, where it is not the edited one."""

    @property
    def place(self) -> str:
        """`file:row:field`, as the message starts after its folder."""
        parts = (file_name(self.where or self.table), self.row, self.field)
        return ":".join(str(part) for part in parts if part != "")

    def write(self, folder: Path) -> Path:
        """Write the broken base."""
        return write_base(folder, **{self.table: self.edit(TABLES[self.table])})


def swap(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert text.count(old) >= 1, old
        return text.replace(old, new, 1)

    return edit


def cell(key: str, column: str, value: str) -> Callable[[str], str]:
    """Set one cell of the row whose first cell is `key`."""

    def edit(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        index = rows[0].index(column)
        next(row for row in rows if row[0] == key)[index] = value
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue()

    return edit


def both(first: Callable[[str], str], then: Edit) -> Edit:
    return lambda text: then(first(text))


def line(text_of_line: str) -> Edit:
    """Add a line at the end."""
    return lambda text: text + text_of_line + "\n"


def drop_column(column: str) -> Edit:
    def edit(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        index = rows[0].index(column)
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([row[:index] + row[index + 1 :] for row in rows])
        return out.getvalue()

    return edit


def missing(_: str) -> None:
    return None


FAULTS: tuple[Fault, ...] = (
    # Files
    Fault("a table is missing", "studies", missing, "", "", "no such file"),
    Fault("base.toml is missing", "base", missing, "", "", "no such file"),
    Fault("a table is empty", "findings", lambda _: "", "", "", "an empty file"),
    Fault("a table has a header only", "families", lambda text: text.split("\n")[0] + "\n", "", "", "no rows"),
    Fault("a table is not UTF-8", "studies", lambda text: text.replace("Cy", "Zoë").encode("latin-1"), 3, "", "0xeb"),
    Fault("a control character", "studies", swap("Cy", "C\x1b[2Jy"), 3, "", r"\x1b"),
    Fault("a NUL", "findings", swap("Table 2", "Table\x002"), 3, "", r"\x00"),
    Fault("decomposed letters", "studies", swap("Cy", "Zoe\u0308"), 3, "", "NFC"),
    Fault("a quote never closed", "studies", swap("Sleeper agents", '"Sleeper agents'), 3, "", "never closed"),
    Fault("a row longer than the header", "techniques", swap("8.5", "8.5,x,y"), 4, "", "'x'"),
    Fault("too many columns", "techniques", lambda text: "a," * 2000 + text, 1, "", "2,000"),
    # base.toml
    Fault("a TOML syntax error", "base", swap('unit = "SMD"', "unit = SMD"), 5, "", "TOML"),
    Fault("a TOML key twice", "base", swap('unit = "SMD"', 'unit = "SMD"\nunit = "d"'), 6, "", "TOML"),
    Fault("an unknown TOML key", "base", swap("held_at", "hold_at"), 7, "hold_at", "did you mean 'held_at'"),
    Fault("a missing TOML key", "base", swap('title = "A tiny base"', ""), "", "title", "found nothing"),
    Fault("novelty above 1", "base", swap("novelty = 0.5", "novelty = 1.5"), 19, "targets[1].novelty", "at most 1"),
    Fault("a number as TOML text", "base", swap("= 0.2", '= "0.2"'), 6, "smallest_difference", "'0.2'"),
    Fault("a NaN in TOML", "base", swap("= 0.2", "= nan"), 6, "smallest_difference", "finite"),
    Fault("an infinity in TOML", "base", swap("= 0.2", "= 1e400"), 6, "smallest_difference", "finite"),
    Fault("a minus zero in TOML", "base", swap("= 10\n", "= -0.0\n"), 8, "held_price", "-0.0"),
    Fault("a date in TOML", "base", swap('"SMD"', "2024-01-01"), 5, "unit", "date"),
    Fault(
        "an integer of 5,000 digits", "base", swap("= 0.2", "= 1" + "0" * 5000), "", "", "digits"
    ),  # no line: Python's converter has none
    Fault("TOML nested without end", "base", line("deep = " + "[" * 100_000), "", "", "32 levels"),
    Fault(
        "an unknown dimension of a target",
        "base",
        swap("{ capability", "{ capabilty"),
        20,
        "targets[1].coordinates.capabilty",
        "did you mean 'capability'",
    ),
    Fault(
        "an unknown level of a target",
        "base",
        swap('= "some" }', '= "lots" }'),
        20,
        "targets[1].coordinates.capability",
        "none, some, major",
    ),
    Fault(
        "a primary target away from 0",
        "base",
        swap("novelty = 1.0", "novelty = 1.0\ncoordinates = { aim = 0.5 }"),
        16,
        "targets[0].coordinates.aim",
        "primary target",
    ),
    Fault("a target twice", "base", swap('"closed model"', '"first deployment"'), 18, "targets[1].id", "not used"),
    Fault("no targets", "base", lambda text: text.replace("[[targets]]", "[[goals]]"), 12, "goals", "known name"),
    # Columns
    Fault("an unknown column", "studies", swap("kind", "kinds"), 1, "kinds", "did you mean 'kind'"),
    Fault("a missing column", "studies", drop_column("authors"), 1, "authors", "no such column"),
    Fault("a column twice", "studies", swap("lab", "title"), 1, "title", "twice"),
    Fault("a gap column of no dimension", "settings", swap("gap_aim", "gap_name"), 1, "gap_name", "unknown column"),
    # Ids and references
    Fault("an id twice", "findings", cell("f4", "id", "f3"), 5, "id", "not used before"),
    Fault("an id with a slash", "techniques", cell("audit", "id", "a/b"), 4, "id", "an id"),
    Fault("an unknown study", "findings", cell("f4", "study", "beta2023"), 5, "study", "did you mean 'beta2024'"),
    Fault("an unknown setting", "findings", cell("f4", "setting", "nowhere"), 5, "setting", "an id of settings"),
    Fault("an unknown technique", "findings", cell("f4", "technique", "audits"), 5, "technique", "'audit'"),
    Fault("an unknown comparator", "findings", cell("f5", "comparator", "hope"), 6, "comparator", "'hope'"),
    Fault("an unknown family", "settings", cell("refusal", "family", "chats"), 3, "family", "did you mean 'chat'"),
    Fault("an unknown headline", "studies", cell("alpha2023", "headline", "f99"), 2, "headline", "'f99'"),
    Fault("a headline of another study", "studies", cell("alpha2023", "headline", "f5"), 2, "headline", "'beta2024'"),
    Fault(
        "a headline that is a lone arm",
        "findings",
        both(cell("f4", "setting", "refusal"), cell("f4", "higher_is_better", "no")),
        3,
        "headline",
        "arm",
        "studies",
    ),
    Fault("an unknown stated_at", "families", cell("organism", "stated_at", "dozer"), 3, "stated_at", "'dozer'"),
    Fault(
        "a stated_at of another family", "families", cell("organism", "stated_at", "proof"), 3, "stated_at", "itself"
    ),
    Fault("an outcome of no target", "outcomes", cell("closed model", "target", "GPT"), 2, "target", "'GPT'"),
    Fault("an outcome of no technique", "outcomes", swap(",audit,", ",audits,"), 3, "technique", "'audits'"),
    Fault(
        "a baseline noisier than all", "outcomes", swap("0.004,,", "0.02,,"), 3, "baseline_var_smd", "at most se_smd"
    ),
    Fault("two baselines of one target", "outcomes", swap("0.004,,", "0.005,,"), 3, "baseline_var_smd", "one baseline"),
    Fault("an outcome twice", "outcomes", swap(",audit,", ",monitor,"), 3, "technique", "not used before"),
    # Numbers
    Fault("se of zero", "findings", cell("f2", "se", "0"), 3, "se", "above 0"),
    Fault("se below zero", "findings", cell("f2", "se", "-0.25"), 3, "se", "above 0"),
    Fault("an se that disagrees with its interval", "findings", cell("f2", "se", "0.5"), 3, "se", "0.25"),
    Fault("an interval upside down", "findings", swap("-1.29,-0.31", "-0.31,-1.29"), 3, "ci_lo", "below ci_hi"),
    Fault("an estimate outside its interval", "findings", cell("f2", "estimate", "0.8"), 3, "estimate", "inside"),
    Fault("k above n", "findings", cell("f1", "k", "101"), 2, "k", "0..100"),
    Fault("k below zero", "findings", cell("f1", "k", "-1"), 2, "k", "at least 0"),
    Fault("k0 above n0", "findings", cell("f1", "k0", "101"), 2, "k0", "0..100"),
    Fault("a rate above 1", "findings", cell("f3", "rate", "62"), 4, "rate", "at most 1"),
    Fault("an underscore in a number", "findings", cell("f1", "n", "1_00"), 2, "n", "plain digits"),
    Fault("digits of another script", "findings", cell("f1", "k", "١٢"), 2, "k", "plain digits"),
    Fault("a decimal comma", "findings", cell("f2", "estimate", "-0,8"), 3, "estimate", "finite number"),
    Fault("a hexadecimal float", "findings", cell("f2", "estimate", "0x1p3"), 3, "estimate", "finite number"),
    Fault("a NaN", "findings", cell("f2", "estimate", "nan"), 3, "estimate", "finite number"),
    Fault("an infinity", "findings", cell("f2", "se", "inf"), 3, "se", "finite number"),
    Fault("a number that overflows", "findings", cell("f2", "se", "1e400"), 3, "se", "finite number"),
    Fault("spaces around a number", "findings", cell("f2", "se", " 0.25 "), 3, "se", "finite number"),
    Fault("a percent sign", "findings", cell("f3", "rate", "62%"), 4, "rate", "finite number"),
    Fault("a word for a boolean", "findings", cell("f1", "higher_is_better", "true"), 2, "higher_is_better", "yes"),
    Fault("trial hours of zero", "techniques", cell("audit", "trial_hours", "0"), 4, "trial_hours", "above 0"),
    # What a kind needs
    Fault("an unknown kind", "findings", cell("f5", "kind", "ranking"), 6, "kind", "'order'"),
    Fault("no place in the paper", "findings", cell("f5", "where", ""), 6, "where", "found nothing"),
    Fault("an order without q", "findings", cell("f5", "q", ""), 6, "q", "'order'"),
    Fault("an order with a size", "findings", cell("f5", "estimate", "0.3"), 6, "estimate", "'order'"),
    Fault("q of one half", "findings", cell("f5", "q", "0.5"), 6, "q", "above 0.5"),
    Fault("counts without a comparator", "findings", cell("f1", "comparator", ""), 2, "comparator", "'counts'"),
    Fault("a technique against itself", "findings", cell("f1", "comparator", "monitor"), 2, "comparator", "another"),
    Fault("an unknown n guessed", "findings", cell("f4", "n", ""), 5, "n", "never guessed"),
    Fault("an existence against a technique", "findings", cell("f6", "comparator", "audit"), 7, "comparator", "none"),
    Fault("an argument on an experiment", "findings", cell("f7", "setting", "sleeper"), 8, "setting", "theory"),
    Fault(
        "an argument in an empirical study", "studies", swap("theory", "empirical"), 8, "study", "theory", "findings"
    ),
    Fault(
        "two directions in one setting",
        "findings",
        cell("f2", "higher_is_better", "yes"),
        3,
        "higher_is_better",
        "one direction",
    ),
    Fault("a headline left out by its price", "studies", cell("alpha2023", "headline", "f10"), 2, "headline", "price"),
    # Families and gaps
    Fault("half a stated validity", "families", cell("organism", "stated_rho_hi", ""), 3, "stated_rho_hi", "all or"),
    Fault("rho upside down", "families", cell("organism", "stated_rho_lo", "0.5"), 3, "stated_rho_lo", "at most"),
    Fault("irrelevance beside rho", "families", cell("organism", "irrelevance", "0.1"), 3, "irrelevance", "replaces"),
    Fault("a family without a reason", "families", cell("chat", "reason", ""), 2, "reason", "found nothing"),
    Fault("a gap without a reason", "settings", cell("proof", "why_aim", ""), 6, "why_aim", "reason"),
    Fault("no gap at all", "settings", cell("proof", "gap_aim", ""), 6, "gap_aim", "none, some"),
    Fault("an unknown level", "settings", cell("proof", "gap_aim", "lots"), 6, "gap_aim", "none, some"),
    Fault("a gap above 1", "settings", cell("proof", "gap_aim", "1.5"), 6, "gap_aim", "0..1"),
    Fault("a single technique", "techniques", lambda text: "\n".join(text.split("\n")[:2]), 2, "id", "a technique"),
    Fault("a year of two digits", "studies", cell("beta2024", "year", "24"), 3, "year", "1900"),
)
