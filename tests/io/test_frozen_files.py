"""Frozen files: the bytes of RFC 8785 and nothing else."""

import json
import struct
import unicodedata

import pytest
import rfc8785

import registrations
from evidence.domain.canonical import frozen_bytes, sha256_hex
from evidence.domain.errors import BadInput, Tampered
from evidence.domain.registration import Registration
from evidence.io.frozen_files import MAX_BYTES, parse_frozen, read_frozen, write_once

# RFC 8785, appendix B: the bits of a double and what is written for it.
NUMBERS = {
    "0000000000000000": "0", "8000000000000000": "0", "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308", "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992", "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000", "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23", "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000", "444b1ae4d6e2ef50": "1e+21", "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001", "41b3de4355555553": "333333333.3333332", "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333", "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343", "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}  # fmt: skip


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_written_as_in_appendix_b_of_rfc_8785(bits, text):
    assert rfc8785.dumps(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


def test_keys_are_sorted_as_in_section_3_2_3_of_rfc_8785():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = json.loads(rfc8785.dumps(dict.fromkeys(keys, 0)), object_pairs_hook=lambda pairs: [k for k, _ in pairs])
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_written_as_in_section_3_2_2_of_rfc_8785():
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert rfc8785.dumps(text).decode() == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


def test_a_frozen_record_comes_back_and_has_one_spelling():
    record = registrations.small_registration()
    data = frozen_bytes(record)
    assert parse_frozen(data, Registration, "x") == record
    assert b"\n" not in data and data == rfc8785.dumps(json.loads(data))


def pretty(data):
    return json.dumps(json.loads(data), indent=1, ensure_ascii=False).encode()


FORMAT_EDITS = {
    "indented": pretty,
    "a line end": lambda d: d + b"\n",
    "a space before": lambda d: b" " + d,
    "a byte-order mark": lambda d: b"\xef\xbb\xbf" + d,
    "spaces after commas": lambda d: json.dumps(json.loads(d), sort_keys=True, ensure_ascii=False).encode(),
    "keys in another order": lambda d: json.dumps(
        dict(reversed(json.loads(d).items())), separators=(",", ":"), ensure_ascii=False
    ).encode(),
    "1 as 1.0": lambda d: d.replace(b'"novelty":1,', b'"novelty":1.0,'),
    "a half in another spelling": lambda d: d.replace(b'"novelty":0.5', b'"novelty":5e-1'),
    "0 as -0": lambda d: d.replace(b'"revision":0', b'"revision":-0'),
    "an escape for a letter": lambda d: d.replace(b'"tiny-1"', b'"tiny\\u002d1"'),
    "decomposed letters": lambda d: d.replace(
        b"Bo of", "Bø é".encode()[:-3] + unicodedata.normalize("NFD", "é").encode() + b" of"
    ),
    "a key twice": lambda d: d.replace(b'{"authors"', b'{"authors":[{"name":"Eve"}],"authors"', 1),
    "a key with nothing": lambda d: d.replace(b'"reason":""', b'"reason":"","prev_hash":null'),
    "UTF-16": lambda d: d.decode().encode("utf-16"),
    "an integer that not every reader holds": lambda d: d.replace(b'"bytes":', b'"bytes":9007199254740993', 1),
}
MEANING_EDITS = {
    "another probability": lambda d: d.replace(b'"p_above":0.', b'"p_above":0.1', 1),
    "another mean": lambda d: d.replace(b'"mean":[', b'"mean":[1,', 1),
    "another deadline": lambda d: d.replace(b"2031-12-31", b"2032-12-31"),
    "another author": lambda d: d.replace(b'"Ada"', b'"Eve"'),
    "another resolver": lambda d: d.replace(b"Bo of", b"Eve of"),
    "another weight": lambda d: d.replace(b'"weight":0.75', b'"weight":0.7'),
    "another novelty": lambda d: d.replace(b'"novelty":0.5', b'"novelty":0.4'),
    "another direction": lambda d: d.replace(b'"higher_is_better":true', b'"higher_is_better":false'),
    "another smallest difference": lambda d: d.replace(b'"smallest_difference":0.2', b'"smallest_difference":0.3'),
    "another clip": lambda d: d.replace(b'"order_clip":0.001', b'"order_clip":0.01'),
    "another knowledge": lambda d: d.replace(b'"seen_target_data":"no"', b'"seen_target_data":"yes"'),
    "another count in the base": lambda d: d.replace(b'"k":12', b'"k":13'),
    "another seed": lambda d: d.replace(b'"seed":1', b'"seed":2'),
    "another hash of the base": lambda d: d.replace(b'"base_sha256":"', b'"base_sha256":"0', 1),
    "another prior": lambda d: d.replace(b'"scale":1.16', b'"scale":1.17'),
    "another validity": lambda d: d.replace(b'"irrelevance":0.2', b'"irrelevance":0.1'),
    "another gap": lambda d: d.replace(b'"capability":"some"', b'"capability":"none"'),
    "another version": lambda d: d.replace(b'"version":"', b'"version":"9.', 1),
    "another time": lambda d: d.replace(b"2026-11-27T10", b"2025-11-27T10"),
    "an exclusion dropped": lambda d: d.replace(b'["studies without a baseline: they compare nothing"]', b"[]"),
    "an annulment more": lambda d: d.replace(b'["the scenario did', b'["it looks bad","the scenario did'),
    "an unknown key": lambda d: d.replace(b'{"authors"', b'{"aa":1,"authors"', 1),
    "a prediction renamed": lambda d: d.replace(b'"id":"p2"', b'"id":"p3"'),
    "one byte": lambda d: d[:5000] + bytes([d[5000] ^ 1]) + d[5001:],
    "the last byte gone": lambda d: d[:-1],
    "nothing": lambda d: b"",
}


def is_refused(path):
    """True if the file is said to be tampered with."""
    try:
        read_frozen(path, Registration)
    except Tampered:
        return True
    return False


@pytest.mark.parametrize("edit", [*FORMAT_EDITS.values(), *MEANING_EDITS.values()], ids=[*FORMAT_EDITS, *MEANING_EDITS])
def test_s16_any_edit_of_a_frozen_file_is_tampering(tmp_path, edit):
    data = frozen_bytes(registrations.small_registration())
    changed = edit(data)
    assert changed != data, "the edit edits nothing"
    path = tmp_path / f"{sha256_hex(data)}.prereg.json"
    path.write_bytes(changed)
    assert is_refused(path)


@pytest.mark.parametrize("edit", FORMAT_EDITS.values(), ids=FORMAT_EDITS)
def test_s16_bytes_that_are_not_canonical_are_refused_even_under_their_own_hash(tmp_path, edit):
    changed = edit(frozen_bytes(registrations.small_registration()))
    path = tmp_path / f"{sha256_hex(changed)}.prereg.json"
    path.write_bytes(changed)
    assert is_refused(path)


def test_s16_exchanged_names_another_format_and_a_large_file_are_refused(tmp_path):
    data = frozen_bytes(registrations.small_registration())
    other = frozen_bytes(registrations.variant(id="tiny-2"))
    (tmp_path / f"{sha256_hex(other)}.prereg.json").write_bytes(data)
    with pytest.raises(Tampered, match="SHA-256"):
        read_frozen(tmp_path / f"{sha256_hex(other)}.prereg.json", Registration)
    newer = data.replace(b"evidence-prereg/1", b"evidence-prereg/2")
    path = tmp_path / f"{sha256_hex(newer)}.prereg.json"
    path.write_bytes(newer)
    with pytest.raises(BadInput, match="evidence-prereg/2"):
        read_frozen(path, Registration)
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(BadInput, match="at most"):
        read_frozen(path, Registration)
    with pytest.raises(BadInput, match="no such file"):
        read_frozen(tmp_path / "x.prereg.json", Registration)


def test_a_file_is_written_once_and_other_bytes_under_its_name_are_tampering(tmp_path):
    assert write_once(tmp_path, "a.prereg.json", b"one") == tmp_path / "a.prereg.json"
    before = (tmp_path / "a.prereg.json").stat()
    assert write_once(tmp_path, "a.prereg.json", b"one") == tmp_path / "a.prereg.json"
    after = (tmp_path / "a.prereg.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), (
        "the same bytes are left as they are"
    )
    with pytest.raises(Tampered) as refused:
        write_once(tmp_path, "a.prereg.json", b"two")
    path = tmp_path / "a.prereg.json"
    assert str(refused.value) == f"{path}: found other bytes under this name, wanted those of this SHA-256"
    assert [p.name for p in tmp_path.iterdir()] == ["a.prereg.json"] and path.read_bytes() == b"one"
