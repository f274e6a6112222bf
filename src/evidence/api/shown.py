"""Results as the Python API returns them: the records, which notebooks show as pages and tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.domain import backtest, results
from evidence.domain.results import FitHeader
from evidence.report.fragments import backtest_html, ranking_html, review_html, sweep_html

if TYPE_CHECKING:
    from xarray import DataTree

    from evidence.analysis.ranking import Fitted


class Ranking(results.Ranking):
    """A ranking of techniques at a target; `evidence.domain.results` says what each field is."""

    def _repr_html_(self) -> str:
        return ranking_html(self)

    @classmethod
    def of(cls, record: results.Ranking) -> Ranking:
        """The same record, shown as a table in notebooks."""
        return cls.model_construct(**dict(record))


class Review(results.Review):
    """What findings warrant about one contrast at a target; `evidence.domain.results` says what each field is."""

    def _repr_html_(self) -> str:
        return review_html(self)

    @classmethod
    def of(cls, record: results.Review) -> Review:
        """The same record, shown as a page in notebooks."""
        return cls.model_construct(**dict(record))


class Sweep(results.Sweep):
    """P(technique above comparator) along one assumption."""

    def _repr_html_(self) -> str:
        return sweep_html(self)

    @classmethod
    def of(cls, record: results.Sweep) -> Sweep:
        """The same record, shown as a table in notebooks."""
        return cls.model_construct(**dict(record))


class Backtest(backtest.BacktestTable):
    """Readers scored on targets whose outcomes were hidden from them."""

    def _repr_html_(self) -> str:
        return backtest_html(self)

    @classmethod
    def of(cls, record: backtest.BacktestTable) -> Backtest:
        """The same record, shown as tables in notebooks."""
        return cls.model_construct(**dict(record))


@dataclass(frozen=True)
class Fit:
    """A ranking with the fit it was read from."""

    ranking: Ranking
    _fitted: Fitted

    def to_xarray(self) -> DataTree:
        """The fit as a tree that ArviZ reads: what `evidence rank --out` stores (docs/cli.md, stored fits)."""
        from evidence.analysis.diagnose import is_whole
        from evidence.inference.tree import to_tree
        from evidence.io.fits import header_attributes

        r, fitted = self.ranking, self._fitted
        header = FitHeader(
            base=r.base, target=r.target, model=r.model, engine=r.engine, checks=r.checks, ok=r.ok,
            whole=is_whole(fitted.posterior), fingerprint=r.fingerprint, provenance=r.provenance,
        )  # fmt: skip
        case = fitted.case
        return to_tree(
            fitted.posterior, fitted.prior, design=case.design, hyper=case.hyper,
            attributes=header_attributes(header), seed=r.provenance.seed,
        )  # fmt: skip

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the tree as netCDF, which `evidence diagnose` reads. Raises BadInput where the file may not be written."""
        from evidence.io.fits import write_fit

        write_fit(Path(path), self.to_xarray(), force=force)

    def _repr_html_(self) -> str:
        return ranking_html(self.ranking)
