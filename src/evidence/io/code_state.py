"""Which code computed a number: hashes of the package's source and of the libraries it runs on."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from evidence.domain.registration import CodeState

PACKAGE = "evidence"
_SOURCE = Path(__file__).resolve().parents[1]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def code_state() -> CodeState:
    """The state of this code on this machine; says nothing about where it lies or whose it is."""
    libraries = _libraries()
    lines = "".join(f"{name}=={number}\n" for name, number in sorted(libraries.items()))
    own = {_key(name) for name in _required(PACKAGE)}
    return CodeState(
        package=PACKAGE, version=version(PACKAGE), source_sha256=_source_sha256(),
        lock_sha256=hashlib.sha256(lines.encode()).hexdigest(), platform=f"{sys.platform} {platform.machine()}",
        libraries={name: number for name, number in libraries.items() if name in own},
    )  # fmt: skip


def _source_sha256() -> str:
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py"), key=lambda p: p.relative_to(_SOURCE).as_posix()):
        digest.update(f"{path.relative_to(_SOURCE).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _libraries() -> dict[str, str]:
    """Every library the package needs, and what those need, as installed."""
    found: dict[str, str] = {}
    open_ = _required(PACKAGE)
    while open_:
        name = _key(open_.pop())
        if name in found:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # for another platform
            continue
        open_ += _required(name)
    return dict(sorted(found.items()))


def _required(name: str) -> list[str]:
    """Names of what a library needs, extras left out."""
    lines = [line for line in requires(name) or () if "extra ==" not in line]
    return [match[0] for line in lines if (match := _NAME.match(line))]


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
