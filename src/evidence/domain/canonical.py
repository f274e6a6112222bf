"""One sequence of bytes per record, whatever the platform: JSON after RFC 8785 and its SHA-256."""

from __future__ import annotations

import hashlib

import rfc8785

from evidence.domain.records import Record


def canonical_bytes(record: Record) -> bytes:
    """The record as canonical JSON (RFC 8785, UTF-8): keys sorted, numbers in their shortest form."""
    return rfc8785.dumps(record.model_dump(mode="json"))


def sha256_of(record: Record) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(record)).hexdigest()


def frozen_bytes(record: Record) -> bytes:
    """The canonical JSON of a record that is frozen as a file: keys without a value are not there.

    Raises ValueError for what canonical JSON cannot hold.
    """
    return rfc8785.dumps(record.model_dump(mode="json", exclude_none=True))


def sha256_hex(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
