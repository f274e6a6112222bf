"""Reading text: whole, UTF-8, of bounded size and without characters that hide from the eye."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from evidence.domain.errors import BadInput, Problem

BYTE_ORDER_MARK = "\ufeff"
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and Unicode's line separators: what an editor shows would differ from what is read."""


def read_text(path: Path, *, max_bytes: int, allow_byte_order_mark: bool = False) -> str:
    """The file's text with every line end as a newline.

    Raises BadInput: no such file, larger than `max_bytes`, not UTF-8 in composed form (NFC), hidden characters.
    """
    name = str(path)
    if not path.is_file():
        raise BadInput([Problem(name, None, "", "no such file", "a readable file")])
    if (size := path.stat().st_size) > max_bytes:
        raise BadInput([Problem(name, None, "", f"{size:,} bytes", f"at most {max_bytes:,} bytes")])
    text = _decoded(name, path.read_bytes())
    if text.startswith(BYTE_ORDER_MARK):
        if not allow_byte_order_mark:
            raise BadInput([Problem(name, 1, "", "a byte-order mark", "UTF-8 without one")])
        text = text.removeprefix(BYTE_ORDER_MARK)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if hidden := _HIDDEN.search(text):
        raise BadInput(
            [Problem(name, _line_at(text, hidden.start()), "", f"the control character {hidden[0]!a}", "plain text")]
        )
    if not unicodedata.is_normalized("NFC", text):
        line = next(i for i, row in enumerate(text.split("\n"), 1) if not unicodedata.is_normalized("NFC", row))
        raise BadInput([Problem(name, line, "", "decomposed letters", "text in Unicode's composed form (NFC)")])
    return text


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput([Problem(name, line, "", f"the byte 0x{data[error.start]:02x}", "UTF-8 text")]) from None


def _line_at(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1
