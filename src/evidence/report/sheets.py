"""Records as CSV that is safe to open in a spreadsheet: no cell can become a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

from evidence.domain.results import InputLine, Review
from evidence.domain.spreadsheet import guarded_text


def safe_cell(value: Any) -> str:
    """A number as it is; text that a spreadsheet would run as a formula with an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return repr(value)
    return guarded_text(str(value))


def csv_of_inputs(review: Review) -> str:
    """The findings as read, one a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = list(InputLine.model_fields)
    writer.writerow(columns)
    writer.writerows([safe_cell(getattr(line, name)) for name in columns] for line in review.inputs)
    return out.getvalue()
