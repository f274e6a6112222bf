"""A finding read back in sentences: who is ahead on the proxy, by how much, and in frequencies."""

from __future__ import annotations

from evidence.domain.read_back import ReadBack
from evidence.report.words import in_100, show_name, size


def read_back_lines(found: ReadBack) -> tuple[str, ...]:
    """Who is ahead and by how much in SMD with the 95 % interval, then the same in natural frequencies."""
    a, b, place = show_name(found.technique), show_name(found.comparator), show_name(found.setting)
    outcome, better = show_name(found.outcome), "higher" if found.higher_is_better else "lower"
    if found.q is not None:
        return (
            f"On {place}: {a} is ahead of {b}; by how much is not said.",
            f"You expect such a statement to be right {in_100(found.q)} times in 100.",
        )
    return (_ahead(found, a, b, place), f"{_frequencies(found, a, b)} ({outcome}; {better} is better).")


def _ahead(found: ReadBack, a: str, b: str, place: str) -> str:
    """The technique's lead, or the comparator's with the interval turned round."""
    y, lo, hi = (x or 0.0 for x in (found.effect_smd, found.lo_smd, found.hi_smd))
    if y < 0:
        a, b, y, lo, hi = b, a, -y, -hi, -lo
    interval = f"95 % interval {size(lo)} to {size(hi)}"
    if size(y) == "0.00":
        return f"On {place}: {a} and {b} are level, 0.00 SMD ({interval})."
    open_order = "" if lo > 0 else " Zero lies inside the interval: the order itself is open."
    return f"On {place}: {a} is ahead of {b} by {size(y)} SMD ({interval}).{open_order}"


def _frequencies(found: ReadBack, a: str, b: str) -> str:
    if found.rate is not None and found.rate0 is not None:
        return f"In 100 cases: {in_100(found.rate)} with {a}, {in_100(found.rate0)} with {b}"
    return f"Of 100 pairs, one observation of each: {a} is the better one in {in_100(found.better_in_pairs or 0.0)}"
