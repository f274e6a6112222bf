"""A summary of findings in the manner of GRADE, one comparison a row, and findings as effect and sampling variance."""

from __future__ import annotations

from evidence.domain.records import Record
from evidence.domain.results import Review


class MetaRow(Record):
    """One finding as metafor takes it: `yi` and `vi` on the SMD scale, higher = better for the technique."""

    finding: str
    study: str
    setting: str
    technique: str
    comparator: str | None
    kind: str
    yi: float
    vi: float
    vi_lo: float
    """`vi` at the highest assumed n; the same as `vi` where n is known."""
    vi_hi: float
    """`vi` at the lowest assumed n."""
    shared_vi: float
    """The comparator's part of `vi`: the covariance with rows of the same study, setting and comparator."""


class MetaTable(Record):
    """The findings with a size, and those without one."""

    rows: tuple[MetaRow, ...]
    signs: tuple[str, ...]
    """Orders, existences and arguments: they state a sign and have no yi."""


class Comparison(Record):
    """What all studies whose headline is one pair come to together."""

    studies: tuple[str, ...]
    findings: int
    review: Review


class Summary(Record):
    """Every pair that is the headline of some study, in the order of the studies."""

    base: str
    target: str
    model: str
    comparisons: tuple[Comparison, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Checks that failed, each with its pair."""
        return tuple(
            f"{c.review.pair.technique} against {c.review.pair.comparator}: {name}"
            for c in self.comparisons
            if not c.review.ok
            for name in ([n for n, check in c.review.checks.items() if not check.ok] or ["a check"])
        )
