"""Awkward versions of valid files: bytes, lines, cells, and values of TOML and JSON changed so that most still parse.

Every mutator is `(data, rng, others) -> data`: the same generator and the same `others` (inputs to splice from) give
the same bytes. What is not valid enough for a mutator of its format is changed by bytes.
"""

import csv
import io
import json
import re
import warnings
import zipfile

import rfc8785

TOKENS = [
    b"NaN", b"-0.0", b"1e400", b"-1", b"0", b"null", b"true", b'"', b"{", b"}", b"[", b"]", b",", b":", b"=", b"\n", b"\\u0000",
    b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"e\xcc\x81", b"9" * 400, b"[" * 200, b"__proto__", b" ", b"\r", b"1.0",
    b"1E0", b"#", b"'''", b'"""', b"inf", b"0x1p3", b"1_0", b"\x1b]0;x\x07", b"2031-02-30", b"first deployment", b"evidence-prereg/2",
    b"\x00", b"1" * 5000, b"a." * 60, b"[[", b"]]", b"''", b'""', b"\r\n", b",,,,", b"\xed\xa0\x80", b"=1+1", b"%s%n{0}{x}", b"{",
]  # fmt: skip
WORDS = [
    "", " ", "0", "-0", "1", "-1", "0.5", "1e-320", "1e308", "1e309", "-1e308", "5e-324", "9007199254740993", "9" * 30, "1" * 5000,
    "NaN", "nan", "inf", "-inf", "1_0", "١٢", "0x1p3", "1,5", "1e", "+1", "yes", "no", "true", "none", "some", "major", "unknown",
    "=1+1", "'=1+1", "'", '"', '""', "a,b", "a\nb", "\t", "é", "e\u0301", "\u2028", "\u202e", "\ufeff", "\U0001f600", "{x}", "{", "}",
    "{0}", "{a.b}", "{a[0]}", "%s", "__proto__", "../..", "/", ".", "~", "x" * 200, "x" * 5000, "\\", "id", "counts", "order", "means",
    "effect", "proportion", "existence", "argument", "auroc", "logit", "0.999999999999", "1e-12", "2026", "abstract", "full text",
]  # fmt: skip
VALUES = [
    None, True, False, 0, 1, -1, 2**53, 2**63, 2**64, -(2**70), 10**400, 0.0, -0.0, 0.5, 1e-320, 1e308, "", "x", "0", "none", "NaN",
    "e\u0301", "\u2028", "x" * 3000, [], {}, [[]], [{}], {"": 0}, {"x": None}, ["x", "x"], [0, "x"], [None], {"__class__": "x"},
    float("nan"), float("inf"), "\ud800", "\x00", "2026-02-30", "2026-11-27T10:00:00Z", "9" * 64, "a" * 64,
]  # fmt: skip
TOML_VALUES = [
    '""', '"x"', "0", "-1", "0.5", "1e308", "1e400", "-0.0", "nan", "inf", "true", "false", "[]", "{}", "[[]]", "[{}]", '["x"]', "[0, 1]",
    "2026-11-27", "2026-11-27T10:00:00Z", "12:00:00", "9007199254740993", "9" * 5000, '"""a\nb"""', "'''x'''", '"\\u0000"', '"\\ud800"',
    "{ a = { b = 1 } }", '{ "" = 1 }', "[" * 40 + "]" * 40, "[" * 3000, '"' + "x" * 3000 + '"', '"e\u0301"', '"none"', "0x1F", "1_000",
]  # fmt: skip
MARK = b"\n#----8<---- the table ----8<----\n"
"""Between the two files of one input."""
MAX_BYTES = 200_000
_PAIR = re.compile(r"^(\s*[\w.\"'-]+\s*=\s*)(.*)$")
_INNER = re.compile(r"(?<==)\s*[^,=\[\]{}]+")


def bounded(data):
    """Doubling must not run away."""
    return data[:MAX_BYTES]


def by_bytes(data, rng, others):
    """Up to four edits: bytes flipped, cut, doubled, exchanged or replaced by something awkward, or another input's tail."""
    for _ in range(rng.randint(1, 4)):
        at, to = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
        lo, hi = min(at, to), max(at, to)
        hi = min(hi, lo + rng.choice([1, 4, 40, 4000]))
        match rng.randrange(8):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
            case 1:
                data = data[:lo] + data[hi:]
            case 2:
                data = data[:hi] + data[lo:]
            case 3:
                data = data[:at] + rng.choice(TOKENS) + data[at:]
            case 4:
                data = data[:lo] + rng.choice(TOKENS) + data[hi:]
            case 5:
                other = rng.choice(others)
                data = data[:at] + other[rng.randrange(len(other) + 1) :]
            case 6:
                data = data[:at] if rng.random() < 0.2 else data[:lo] + bytes(hi - lo) + data[hi:]
            case _:
                digits = [i for i in range(lo, hi) if 48 <= data[i] <= 57]
                for i in digits[:3]:
                    data = data[:i] + str(rng.randrange(10)).encode() + data[i + 1 :]
        if not data:
            break
    return bounded(data)


def _mostly(structured, share=0.75):
    """The mutator that changes by bytes now and then, and whenever the structured one cannot read the data."""

    def mutate(data, rng, others):
        if rng.random() < share:
            try:
                return bounded(structured(data, rng, others))
            except Exception:
                pass
        return by_bytes(data, rng, others)

    return mutate


def _text(data):
    return data.decode("utf-8")


def _bytes(text):
    return text.encode("utf-8", "surrogatepass")


# --- Tables ----------------------------------------------------------------------------------------------------------


def _cells(data, rng, others):
    rows = list(csv.reader(io.StringIO(_text(data), newline="")))
    for _ in range(rng.randint(1, 3)):
        _edit_rows(rows, rng)
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if rng.random() < 0.05 else csv.QUOTE_MINIMAL
    end = rng.choice(["\r\n", "\r"]) if rng.random() < 0.1 else "\n"
    csv.writer(out, quoting=quoting, lineterminator=end).writerows(rows)
    return _bytes(out.getvalue())


def _edit_rows(rows, rng):
    """One change of a cell, a row or a column."""
    at = rng.randrange(len(rows))
    row, column = rows[at], rng.randrange(len(rows[0]))
    match rng.randrange(10):
        case 0 | 1 | 2 if column < len(row):
            row[column] = rng.choice(WORDS)
        case 3 if column < len(row):  # another row's cell of this column
            other = rng.choice(rows)
            row[column] = other[column] if column < len(other) else ""
        case 4 if row:  # a cell of another column
            row[rng.randrange(len(row))] = rng.choice(rng.choice(rows) or [""])
        case 5:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        case 6 if len(rows) > 1:
            del rows[at]
        case 7:
            other = rng.randrange(len(rows))
            rows[at], rows[other] = rows[other], rows[at]
        case 8:  # a column twice, gone, or renamed
            _edit_column(rows, column, rng)
        case _ if row:
            near = rng.randrange(len(row))
            digits = re.sub(r"\d", lambda _: str(rng.randrange(10)), row[near])
            row[near] = digits if digits != row[near] else row[near] + rng.choice(WORDS)


def _edit_column(rows, column, rng):
    what = rng.randrange(3)
    for row in rows if what < 2 else rows[:1]:
        if column < len(row):
            if what == 0:
                del row[column]
            elif what == 1:
                row.insert(column, row[column])
            else:
                row[column] = rng.choice([*WORDS, *rows[0]])


# --- TOML ------------------------------------------------------------------------------------------------------------


def _toml(data, rng, others):
    lines = _text(data).split("\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        pair = _PAIR.match(lines[at])
        match rng.randrange(9):
            case 0 | 1 if pair:
                lines[at] = pair[1] + rng.choice(TOML_VALUES)
            case 2 if pair:  # the value of another key
                known = [found[2] for line in lines if (found := _PAIR.match(line))]
                lines[at] = pair[1] + rng.choice(known)
            case 3 if pair:  # another key for the value
                known = [found[1] for line in lines if (found := _PAIR.match(line))]
                lines[at] = rng.choice([*known, "x = ", '"" = ', "a.b = "]) + pair[2]
            case 4 if pair and len(found := list(_INNER.finditer(lines[at]))) > 1:  # one value of an inline table
                one = rng.choice(found)
                lines[at] = f"{lines[at][: one.start()]} {rng.choice(TOML_VALUES)}{lines[at][one.end() :]}"
            case 5:
                del lines[at : at + rng.choice([1, 1, 1, 6])]
            case 6:
                to = rng.randrange(len(lines) + 1)
                lines[to:to] = lines[at : at + rng.choice([1, 1, 6])]
            case 7:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines[at] = re.sub(r"\d", lambda _: str(rng.randrange(10)), lines[at])
        if not lines:
            return b""
    return _bytes("\n".join(lines))


# --- JSON ------------------------------------------------------------------------------------------------------------


def _edit_value(document, rng):
    """One change of one value somewhere inside: replaced, left out, moved, doubled."""
    places = list(_places(document))
    holder, key = rng.choice(places)
    match rng.randrange(7):
        case 0 | 1 | 2:
            holder[key] = rng.choice(VALUES)
        case 3:
            other, name = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[name]))
        case 4 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = rng.choice([-1, 0.1, 2, 1e6, -1e-9]) * holder[key]
        case 5 if isinstance(holder, dict):
            holder[rng.choice(["x", "", "id", "__proto__", *holder])] = holder.pop(key)
        case 6 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case _:
            del holder[key]


def _places(value, most=20_000):
    """Every (holder, key) inside a document, without recursion."""
    waiting = [value]
    while waiting and most:
        one = waiting.pop()
        for key in list(one) if isinstance(one, dict) else range(len(one)):
            most -= 1
            yield one, key
            if isinstance(one[key], dict | list):
                waiting.append(one[key])


def _json(data, rng, others):
    document = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        _edit_value(document, rng)
    return _bytes(json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1])))


def _canonical(data, rng, others):
    document = json.loads(data)
    for _ in range(rng.randint(1, 2)):
        _edit_value(document, rng)
    return rfc8785.dumps(document)


def _json_lines(data, rng, others):
    """Lines of canonical JSON: one changed inside, or exchanged, doubled, left out."""
    lines = data.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            lines.insert(to, lines[at])
        case 1:
            del lines[at]
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case _:
            lines[at] = _canonical(lines[at], rng, others)
    return b"\n".join(lines)


def _lines(data, rng, others):
    lines = _text(data).split("\n")
    for _ in range(rng.randint(1, 3)):
        at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
        parts = re.split(r"(\s+|[,/>=()%])", lines[at])
        match rng.randrange(4):
            case 0:
                parts[rng.randrange(len(parts))] = rng.choice(WORDS)
                lines[at] = "".join(parts)
            case 1:
                parts[rng.randrange(len(parts))] = rng.choice(re.split(r"(\s+|[,/>=()%])", lines[to]))
                lines[at] = "".join(parts)
            case 2:
                lines[to:to] = [lines[at]]
            case _:
                lines[at] = re.sub(r"\d", lambda _: str(rng.randrange(10)), lines[at])
    return _bytes("\n".join(lines))


# --- Archives and pairs ----------------------------------------------------------------------------------------------


def _archive(data, rng, others):
    """A zip with one member changed as JSON or by bytes, left out, renamed, or there twice."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    out = io.BytesIO()
    chosen = rng.randrange(len(members))
    what = rng.randrange(10)
    with zipfile.ZipFile(out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for number, (info, text) in enumerate(members):
            name = info.filename
            if number == chosen:
                if what == 0:
                    continue
                if what == 1:
                    name = rng.choice([m.filename for m, _ in members] + ["x.json", "../x", "", "samples/"])
                else:
                    text = (json_values if what > 2 else by_bytes)(text, rng, [t for _, t in members])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name twice is meant
                archive.writestr(zipfile.ZipInfo(name or "_"), text, archive.compression)
    return out.getvalue()


def in_parts(*mutators):
    """Of several files in one input, one is changed by the mutator of its place."""

    def mutate(data, rng, others):
        parts = data.split(MARK)
        at = rng.randrange(min(len(parts), len(mutators)))
        like = [other.split(MARK) for other in others]
        parts[at] = mutators[at](parts[at], rng, [p[at] for p in like if at < len(p)] or [b""])
        return MARK.join(parts)

    return mutate


table_cells = _mostly(_cells)
toml_values = _mostly(_toml)
json_values = _mostly(_json)
canonical_values = _mostly(_canonical)
json_lines = _mostly(_json_lines)
text_lines = _mostly(_lines)
archive_members = _mostly(_archive, 0.6)
