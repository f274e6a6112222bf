"""Every loader of a user's file, as something to fuzz: valid files to start from, how they are changed, what reads them.

`load` writes the bytes where a user would have them and reads them as the command does: True accepted, an error of
`REFUSALS` refused. An assertion says what must hold of what was accepted.
"""

import functools
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import rfc8785

import bases
import fuzz_mutations as change
import registrations
from evidence.analysis.known_outcomes import known_contrast
from evidence.analysis.prereg_verify import compare_analysis
from evidence.analysis.validity_check import find_ruled_out
from evidence.cli.prereg_verify import analysis_of
from evidence.cli.running import base_named
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Tampered
from evidence.domain.registration import Registration
from evidence.domain.scorecard import Resolution, ScoreCard
from evidence.io.additions import Addition, append_to
from evidence.io.analyses import probabilities_in, read_result
from evidence.io.frozen_files import read_frozen
from evidence.io.mapped_import import import_mapped
from evidence.io.mapping_spec import is_mapping
from evidence.io.models import check_classes, load_model
from evidence.io.orders import parse_orders
from evidence.io.paper import read_paper
from evidence.io.proposals import check_against, load_proposal
from evidence.io.quick import parse_quick
from evidence.io.registrations import load_draft
from evidence.io.registry import GENESIS, find_registration, read_chain, read_registration, require_documents
from evidence.io.resolutions import read_target_rows, read_try_log
from evidence.io.shipped import find_model, list_proposals
from evidence.io.table_import import import_table
from evidence.io.tables import assemble, find_warnings, load_base, read_draft
from evidence.io.tidy import import_tidy, tidy_text
from fuzz_mutations import MARK

REFUSALS = (BadInput, Tampered)
FORMATS = ROOT / "tests" / "fixtures" / "formats" / "v0.1"
REGISTRATION = next((FORMATS / "registry").glob("*.prereg.json"))
DOCS = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
TRIED = b"# what was tried\ntried monitor, failed, 6 h\naudit, worked, 2.5 h\n"
TYPED = b"monitor 12/100 vs none 31/100\nmonitor 0.80 se 0.25\nA vs B 0.80 ci 0.31..1.29\nA > B\nmonitor > audit = none 70\n"
"""Typed lines go the same way as a file of them would: no command reads such a file."""


@dataclass(frozen=True)
class Loader:
    """One loader: `share` of the executions of its kind ("text" or "binary")."""

    name: str
    seeds: Sequence[bytes]
    mutate: Callable[..., bytes]
    load: Callable[[bytes], bool]
    share: int
    kind: str = "text"


@functools.cache
def default_model():
    return load_model(find_model("default"))


def _examples(name: str, suffix: str) -> bytes:
    found = re.search(rf"^```\w+ example={name}\.{suffix}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/tables.md has no example {name}.{suffix}"
    return found[1].encode()


# --- Bases -----------------------------------------------------------------------------------------------------------


def check_folder(folder: Path) -> bool:
    """What `evidence check FOLDER` does."""
    draft, problems = read_draft(folder)
    base = assemble(draft, problems)
    find_warnings(draft)
    check_classes(base, default_model())
    if ruled_out := find_ruled_out(base, default_model()):
        raise BadInput(ruled_out)
    return True


def base_loader(folder: Path, table: str, share: int) -> Loader:
    own = bases.write_base(folder / f"base-{table}")
    path = own / bases.file_name(table)

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        return check_folder(own)

    mutate = change.toml_values if table == "base" else change.table_cells
    return Loader(f"base: {path.name}", [path.read_bytes()], mutate, load, share)


def additions_loader(folder: Path, share: int) -> Loader:
    """Rows added to a table somebody else has written: `evidence add`, and the app."""
    own = bases.write_base(folder / "additions")
    base = load_base(own)
    one = base.findings[0].model_copy(update={"id": "new", "note": "a, b"})
    path = own / "findings.csv"

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        load_base(own)
        append_to(own, Addition(findings=(one,)))
        assert load_base(own).findings[-1] == one, "what was added is not what is read"
        return True

    return Loader("additions to findings.csv", [path.read_bytes()], change.table_cells, load, share)


# --- TOML ------------------------------------------------------------------------------------------------------------


def toml_loader(name: str, path: Path, seeds: Sequence[Path], load: Callable[[Path], Any], share: int) -> Loader:
    def run(data: bytes) -> bool:
        path.write_bytes(data)
        load(path)
        return True

    return Loader(name, [seed.read_bytes() for seed in seeds], change.toml_values, run, share)


def toml_loaders(folder: Path) -> list[Loader]:
    base = bases.write_base(folder / "base")
    shutil.copytree(FORMATS / "base", folder / "old" / "base")
    shutil.copytree(FORMATS / "bridge", folder / "old" / "bridge")
    registrations.write_small_base(folder / "drafts" / "base")
    (folder / "drafts" / "old").write_bytes(registrations.DRAFT.encode())
    known = {name: base_named(name, beside=folder / "old") for name in ("control", "base", "bridge")}
    tiny = load_base(base)

    def loaded(name: str):
        return known.get(name) or base_named(name, beside=folder / "old")

    def paper(path: Path) -> None:
        read = read_paper(path, loaded)
        assemble(read.draft, read.problems, left_out=read.left_out)
        find_warnings(read.draft)

    def proposal(path: Path) -> None:
        found, place = load_proposal(path)
        check_against(found, place, known.get(found.base, tiny))

    def draft(path: Path) -> None:
        data = frozen_bytes(load_draft(path).draft)
        assert rfc8785.dumps(json.loads(data)) == data, "a draft was accepted that is not canonical"

    models = [find_model(name) for name in ("default", "face-value", "random-effects")]
    return [
        toml_loader("model", folder / "m.toml", [*models, FORMATS / "beliefs.toml"], load_model, 130),
        toml_loader("paper", folder / "old" / "p.toml", [FORMATS / "paper.toml"], paper, 60),
        toml_loader("proposal", folder / "q.toml", [*list_proposals().values()], proposal, 150),
        toml_loader("draft", folder / "drafts" / "d.toml", [folder / "drafts" / "old"], draft, 40),
    ]


# --- Tables of others ------------------------------------------------------------------------------------------------


def imports(folder: Path) -> list[Loader]:
    bases.write_base(folder / "frame")
    out, model = folder / "out", default_model()
    spec, source = folder / "import.toml", folder / "source.csv"

    def write(data: bytes) -> None:
        first, _, second = data.partition(MARK)
        spec.write_bytes(first)
        source.write_bytes(second)

    def table(data: bytes) -> bool:
        write(data)
        if is_mapping(spec):
            import_mapped(source, spec, out, model=model, force=True)
        else:
            import_table(source, spec, out, contrast=known_contrast, model=model, force=True)
        return True

    def tidy(data: bytes) -> bool:
        source.write_bytes(data)
        import_tidy(source, out, model=model, force=True)
        return True

    names = ("effects", "counts", "arms", "findings")
    mapped = [_examples(name, "toml") + MARK + _examples(name, "csv") for name in names]
    probe = b'kind = "auroc"\n' + _examples("probe", "toml")
    mapped.append(probe + MARK + b"label,score\n1,0.9\n0,0.2\n1,0.4\n0,0.5\n1,0.7\n0,0.1\n")
    bridges = [
        (ROOT / "data" / "bridges" / name / "import.toml").read_bytes()
        + MARK
        + (ROOT / "data" / "bridges" / name / "source.csv").read_bytes()
        for name in ("wmdp-rmu", "axbench")
    ]
    both = change.in_parts(change.toml_values, change.table_cells)
    whole = [tidy_text(read_draft(folder / "frame")[0]).encode()]
    return [
        Loader("import table: mapping", mapped, both, table, 30),
        Loader("import table: spec", bridges, both, table, 10),
        Loader("import tidy", whole, change.table_cells, tidy, 10),
    ]


def resolution_loaders(folder: Path) -> list[Loader]:
    def rows(data: bytes) -> bool:
        (folder / "rows.csv").write_bytes(data)
        return bool(read_target_rows(folder / "rows.csv"))

    def tried(data: bytes) -> bool:
        (folder / "tried.txt").write_bytes(data)
        return bool(read_try_log(folder / "tried.txt"))

    outcomes, findings = bases.OUTCOMES.encode(), bases.FINDINGS.encode()
    return [
        Loader("outcomes that came", [outcomes, findings], change.table_cells, rows, 40),
        Loader("log of tries", [TRIED], change.text_lines, tried, 80),
    ]


# --- Registrations and results ---------------------------------------------------------------------------------------


def frozen_loader(folder: Path, kind: Any, share: int) -> Loader:
    """Files under their own hash: whatever is accepted is canonical by another reader, and says the same."""
    suffix = {Registration: "prereg", Resolution: "resolution", ScoreCard: "score"}[kind]
    seeds = [path.read_bytes() for path in (FORMATS / "registry").glob(f"*.{suffix}.json")]

    def load(data: bytes) -> bool:
        path = folder / f"{sha256_hex(data)}.{suffix}.json"
        path.write_bytes(data)
        try:
            record, _ = read_frozen(path, kind)
        finally:
            path.unlink()
        assert rfc8785.dumps(json.loads(data)) == data == frozen_bytes(record), "not canonical, and accepted"
        return True

    return Loader(f"frozen {suffix}", seeds, change.canonical_values, load, share)


def chain_loaders(folder: Path) -> list[Loader]:
    place = folder / "registry"
    shutil.copytree(FORMATS / "registry", place)
    chain, head = place / "registry.jsonl", place / "registry.head"
    lines, last = chain.read_bytes(), head.read_bytes()

    def written(data: bytes, head_data: bytes) -> list[bytes]:
        chain.write_bytes(data)
        head.write_bytes(head_data)
        return [frozen_bytes(entry) for entry in read_chain(place).entries]

    name = REGISTRATION.name.partition(".")[0]

    def as_it_is(data: bytes) -> bool:
        assert written(data, last) == lines.splitlines(), "a chain was read that is not what was written"
        path, read = find_registration(place, name[:8])
        assert require_documents(read, read_registration(path)[1]) == 3
        return True

    def hashed_again(data: bytes) -> bool:
        """Whoever changes a line can hash all that follow: then every line read must still be canonical and in order."""
        whole, digest = [], GENESIS
        for line in data.rstrip(b"\n").split(b"\n"):
            whole.append(re.sub(rb'"prev":"[0-9a-f]{64}"', f'"prev":"{digest}"'.encode(), line))
            digest = hashlib.sha256(whole[-1]).hexdigest()
        read = written(b"\n".join(whole) + b"\n", f'{{"seq":{len(whole) - 1},"sha256":"{digest}"}}'.encode())
        assert read == whole, "a chain was read that is not what was written"
        assert [json.loads(line)["seq"] for line in whole] == [*range(len(whole))], "lines out of order"
        return True

    def headed(data: bytes) -> bool:
        return bool(written(lines, data))

    return [
        Loader("registry", [lines], change.json_lines, as_it_is, 90),
        Loader("registry, hashed again", [lines], change.json_lines, hashed_again, 90),
        Loader("head of a registry", [last], change.canonical_values, headed, 40),
    ]


def result_loader(folder: Path, share: int) -> Loader:
    """A result under a registration: `evidence prereg verify --analysis`, and `prereg score --update`."""
    registration, digest = read_frozen(REGISTRATION, Registration)
    path = folder / "r.json"

    def load(data: bytes) -> bool:
        path.write_bytes(data)
        compare_analysis(registration, digest, analysis_of(path))
        probabilities_in(read_result(path))
        return True

    names = ("rank.json", "review.json", "review-under-registration.json")
    return Loader("result", [(FORMATS / name).read_bytes() for name in names], change.json_values, load, share)


def typed_loader(share: int) -> Loader:
    """Lines as a shell hands them over."""
    base = base_named("control")

    def load(data: bytes) -> bool:
        accepted = 0
        for line in data.decode("utf-8", "surrogateescape").split("\n")[:20]:
            for parse in (
                lambda text: parse_quick(text, "small-open-chat", False),
                lambda text: parse_orders([text], base, sure=0.8),
            ):
                try:
                    parse(line)
                    accepted += 1
                except BadInput as error:
                    assert error.problems
        return accepted > 0

    names = [t.id for t in base.techniques[1:4]]
    orders = f"{names[0]} > {names[1]} > {names[2]}\n{names[0]} > {names[1]} 70\n{names[1]} = {names[2]} > {names[0]}\n"
    return Loader("typed lines", [TYPED, orders.encode()], change.text_lines, load, share)


def text_loaders(folder: Path) -> list[Loader]:
    folder.mkdir(parents=True, exist_ok=True)
    shares = {"base": 20, "techniques": 6, "families": 8, "settings": 10, "studies": 6, "findings": 25, "outcomes": 10}
    return [
        *(base_loader(folder, table, share) for table, share in shares.items()),
        additions_loader(folder, 5),
        *toml_loaders(folder),
        *imports(folder),
        *resolution_loaders(folder),
        frozen_loader(folder, Registration, 10),
        frozen_loader(folder, Resolution, 90),
        frozen_loader(folder, ScoreCard, 50),
        *chain_loaders(folder),
        result_loader(folder, 80),
        typed_loader(60),
    ]
