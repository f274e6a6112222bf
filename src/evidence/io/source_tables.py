"""Other people's tables in, CSV or Parquet, every cell as text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from evidence.domain.errors import BadInput, Problem
from evidence.io.csv_files import MAX_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Table, read_table
from evidence.io.csv_out import cell

PARQUET = ".parquet"


def read_source_table(path: Path) -> Table:
    """A table by its suffix: Parquet for `.parquet`, else CSV. Lines of a Parquet file count as if it were a CSV.

    Raises BadInput as `read_table` does, and where Parquet cannot be read here.
    """
    return _parquet(path) if path.suffix.lower() == PARQUET else read_table(path)


def _parquet(path: Path) -> Table:
    if not path.is_file():
        raise BadInput([Problem(str(path), None, "", "no such file", "a readable file")])
    if (size := path.stat().st_size) > MAX_BYTES:
        raise BadInput([Problem(str(path), None, "", f"{size:,} bytes", f"at most {MAX_BYTES:,} bytes")])
    import pandas as pd

    try:
        from pyarrow.parquet import read_metadata
    except ImportError:
        wanted = "pyarrow: pip install 'evidence[tables]', or save the table as CSV"
        raise BadInput([Problem(str(path), None, "", "a Parquet file and no pyarrow", wanted)]) from None
    try:
        head = read_metadata(path)
        _require_size(
            path, head.num_rows, head.num_columns
        )  # before a small file unfolds to more rows than there is room for
        frame = pd.read_parquet(path, engine="pyarrow")
    except BadInput:
        raise
    except Exception as error:  # whatever a damaged file makes its reader raise: ArrowInvalid, KeyError, TypeError …
        raise BadInput([Problem(str(path), None, "", f"{str(error)[:80]!r}", "a readable Parquet file")]) from error
    _require_size(path, *frame.shape)
    rows = tuple((line, tuple(map(_text, row))) for line, row in enumerate(frame.astype(object).to_numpy().tolist(), 2))
    return Table(str(path), tuple(map(str, frame.columns)), rows)


def _require_size(path: Path, height: int, width: int) -> None:
    if not height or height > MAX_ROWS or width > MAX_COLUMNS or height * width > MAX_CELLS:
        wanted = f"1 to {MAX_ROWS:,} rows, at most {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells"
        raise BadInput([Problem(str(path), None, "", f"{height:,} rows and {width:,} columns", wanted)])


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"
    return "" if missing else str(value) if isinstance(value, float) and math.isinf(value) else cell(value)
