"""What `evidence calibrate` comes to: laws of the hyperparameters learned on bridges, and how much the bridges say."""

from __future__ import annotations

from evidence.domain.records import Model, Record
from evidence.domain.results import Check


class LearnedLaw(Record):
    """One learned coordinate of the laws, in its own units: a scale (SMD or per gap), a mean or a probability."""

    name: str
    by_hand: float
    learned: float
    """As the model file has it: the root mean square of a scale; the median of a mean or a probability."""
    learned_q10: float
    learned_q90: float
    """80 %, equal-tailed."""
    contraction: float
    """1 - posterior variance / prior variance of its logarithm or logit: 0 where the bridges say nothing."""
    is_opinion: bool
    """True where the bridges say nothing of it, or where it was held by hand: opinion, no data."""


class LearnedWeight(Record):
    """The weight w_d of one dimension, by the bridges that place settings and targets apart on it."""

    dimension: str
    bridges: tuple[str, ...]
    """Empty: no bridge varies it, so its weight is opinion, no data."""
    w_mean: float | None
    w_q10: float | None
    w_q90: float | None
    """80 %, equal-tailed, over the bridge that tells most."""


class BridgeShare(Record):
    """One bridge's part in a calibration."""

    bridge: str
    group: str
    """Bridges of one group share a study and are left out together."""
    base_sha256: str
    findings: int
    outcomes: int
    ess: float
    """Effective draws of its hyperparameters under the learned laws."""
    checks: dict[str, Check]

    @property
    def ok(self) -> bool:
        """True if the fit and its weights under the learned laws passed their checks."""
        return all(check.ok for check in self.checks.values())


class BaseRate(Record):
    """How far a kind of proxy goes, in words people use."""

    proxy: str
    target: str
    learned_on: tuple[str, ...]
    """Bridges with a family of this class; empty: opinion, no data."""
    order_kept_in_100: float
    rho_q10: float
    rho_q50: float
    rho_q90: float
    """Validity, 80 % equal-tailed interval and median."""


class LeftOut(Record):
    """The model that has not seen one group of bridges."""

    group: str
    bridges: tuple[str, ...]
    model: Model
    checks: dict[str, Check]
    """The worst of each kind over the bridges it was learned on, and how far the last turn moved any law."""

    @property
    def ok(self) -> bool:
        """True if what it was learned on passed its checks, and the laws had settled."""
        return all(check.ok for check in self.checks.values())


class Calibration(Record):
    """Laws learned over bridges, with what they rest on."""

    date: str
    version: str
    seed: int
    hold: tuple[str, ...] = ()
    """Priors that were kept as they are by hand."""
    started_from: str
    """SHA-256 of the model whose laws are the prior of the laws."""
    model: Model
    checks: dict[str, Check]
    """As those of `LeftOut`, on all bridges."""
    left_out: tuple[LeftOut, ...]
    laws: tuple[LearnedLaw, ...]
    weights: tuple[LearnedWeight, ...]
    bridges: tuple[BridgeShare, ...]
    base_rates: tuple[BaseRate, ...]

    @property
    def ok(self) -> bool:
        """True if every check passed, those of the models that have not seen a bridge too."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """Each failed check, with what it was made on."""
        own = [f"{name} (all bridges)" for name, check in self.checks.items() if not check.ok]
        own += [f"{name} ({b.bridge})" for b in self.bridges for name, check in b.checks.items() if not check.ok]
        left = [(group.group, group.checks) for group in self.left_out]
        own += [f"{name} (without {group})" for group, checks in left for name, check in checks.items() if not check.ok]
        return tuple(own)
