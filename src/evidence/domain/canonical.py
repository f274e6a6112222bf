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
