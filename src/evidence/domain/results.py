"""What comes out: frozen records with their provenance. The report, the app and the JSON only render these."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evidence.domain.records import Record
from evidence.domain.shifts import Conflict, EffectiveFindings, Shifts


class Check(Record):
    """One gate of the engine: the value found, what was wanted, and whether it passed."""

    value: float
    ok: bool
    wanted: str
    """The requirement in words, e.g. "< 0.7"."""


class Provenance(Record):
    """What has to be the same for the numbers to be the same."""

    base_sha256: str
    model_sha256: str
    version: str
    seed: int
    engine: str = "exact"
    settings: tuple[str, ...] = ()
    """The `--set KEY=VALUE` changes."""
    prereg_hash: str | None = None
    """The registration that model, target and settings were taken from."""


class RankedTechnique(Record):
    """One technique's standing at the target. Merits in SMD against the baseline; quantiles of the posterior."""

    id: str
    name: str
    merit_mean: float
    merit_sd: float
    merit_q05: float
    merit_q50: float
    merit_q95: float
    merit_mcse: dict[str, float] = Field(default_factory=dict)
    """Monte Carlo standard errors of the quantiles: q05, q50, q95."""
    p_works: float
    """P(merit > smallest difference that matters)."""
    expected_rank: float
    """1 is highest."""
    sucra: float
    p_best: float
    rank_probabilities: tuple[float, ...]


class StudyShift(Record):
    """What one study did to the ranking: all findings against all but this study's."""

    id: str
    title: str
    shift_bits: float
    """KL(all || all but this) of the merits' joint normal approximation, in bits."""
    max_rank_change: float
    """Largest change of any technique's expected rank."""
    p_top_changes: float
    """Change (total variation) of the distribution of which technique ranks first."""
    k_hat: float
    ok: bool
    """False: reweighting was unreliable and the three numbers must not be shown."""


class TryStep(Record):
    """One step of the try order."""

    technique: str
    name: str
    hours: float
    p_works: float
    """P(works and every technique tried before failed)."""
    expected_hours: float
    """Expected hours spent on this step: hours x P(all before failed)."""


class TryOrder(Record):
    """An order to try techniques in until one works."""

    steps: tuple[TryStep, ...]
    hours: float
    """Expected hours of the whole order, failure of all included."""
    factor: float
    """By how much the hours may exceed those of the cheapest order: 1 where all orders were compared, else 4."""
    hours_not_stated: tuple[str, ...] = ()
    """Techniques whose trial nobody has put hours on: they count as the median of the others."""


class VerifyOrShip(Record):
    """Whether to check a technique at the target before relying on it."""

    technique: str
    """The one least expected to fail."""
    name: str
    p_fails: float
    """P(its merit is at most the smallest difference that matters)."""
    check_hours: float
    failure_cost_hours: float
    ship_hours: float
    """Expected hours lost by relying on it unchecked."""
    ship_below: float
    """P(fails) below which a check costs more than it saves."""
    decision: Literal["check", "ship"]


class StackRange(Record):
    """P(a stack works), as a range over what its layers share: a stack fails only if all its layers fail."""

    layers: tuple[str, ...]
    shared_parts: tuple[float, ...]
    """Values of r; at 0 layers fail independently, the optimistic end."""
    p_works: tuple[float, ...]
    """P(at least one layer works) at each."""


class GapWorth(Record):
    """What it would change to know one gap of a family: all its settings at `level` against as rated."""

    family: str
    dimension: str
    rated: tuple[str, ...]
    """As its settings are rated now."""
    level: str
    """The one of `none` and `major` that would change more."""
    p_top_changes: float
    """Change (total variation) of the distribution of which technique ranks first."""
    ok: bool
    """False: too few draws could tell of the other level."""


class StudyWorth(Record):
    """What a study that does not exist would be expected to change."""

    technique: str
    comparator: str
    setting: str
    bits: float
    """Expected information on all merits."""
    p_top_changes: float
    """Expected change (total variation) of the distribution of which technique ranks first."""


class NextReading(Record):
    """What to read, or to measure, next."""

    gaps: tuple[GapWorth, ...]
    """By `p_top_changes`, most first."""
    studies: tuple[StudyWorth, ...]
    """By `p_top_changes`, most first, of those that teach most."""
    new_study_se: float
    """Standard error (SMD) that the new studies are taken to have."""


class Ranking(Record):
    """`evidence rank`: the ranking at the target."""

    base: str
    question: str
    criterion: str
    target: str
    model: str
    engine: str
    techniques: tuple[RankedTechnique, ...]
    """In order of expected rank; the baseline is among them."""
    p_above: dict[str, dict[str, float]]
    """p_above[A][B] = P(merit A > merit B)."""
    p_above_mcse: float
    """Largest Monte Carlo standard error of any entry."""
    studies: tuple[StudyShift, ...]
    """By bits, most first."""
    try_order: tuple[TryStep, ...] = ()
    try_order_hours: float = 0.0
    """Expected hours of the whole order, failure of all included."""
    try_order_factor: float = 1.0
    """By how much these hours may exceed those of the cheapest order: 1 where all orders were compared, else 4."""
    hours_not_stated: tuple[str, ...] = ()
    """Techniques whose trial nobody has put hours on: they count as the median of the others."""
    verify_or_ship: VerifyOrShip | None = None
    stack: StackRange | None = None
    """The first layers of the try order together; None where too few draws tell of them."""
    untested: tuple[str, ...]
    """Techniques no finding speaks about."""
    conflicts: tuple[Conflict, ...] = ()
    """Pairs whose measurements on proxies disagree in direction more than chance."""
    never_compared: tuple[tuple[str, str], ...] = ()
    """Pairs not ruled out as first that no study measured side by side."""
    next_reading: NextReading | None = None
    """None where it was not asked for."""
    left_out: tuple[str, ...]
    fingerprint: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Quantiles of every prior in use, of rho of every setting and of the merits, recomputed by the engine."""
    sensitivity: dict[str, float | None] = Field(default_factory=dict)
    """Power scaling: how far the merit that moves most moves (cumulative Jensen-Shannon distance) per doubling of the power of each prior
    and of the `likelihood`. Above .05 counts as sensitive; None where reweighting was unreliable."""
    sensitive_to: tuple[str, ...] = ()
    """Priors whose sensitivity is above .05, most first."""
    overlap: dict[str, float] = Field(default_factory=dict)
    """Shared mass (0..1) of prior and posterior: of every hyperparameter in use, and of every `merit[TECHNIQUE]`."""
    uninformed: tuple[str, ...] = ()
    """What the findings did not inform: an overlap above .9."""
    checks: dict[str, Check]
    ok: bool
    provenance: Provenance


class Pair(Record):
    """The contrast a review speaks about: technique against comparator (ids, then names)."""

    technique: str
    comparator: str
    technique_name: str
    comparator_name: str


class InContext(Record):
    """The same contrast with the rest of the evidence base: without this study, with it, with it at face value."""

    p_without: float
    p_with: float
    p_face_value_with: float | None
    """None where a check of the fit at face value failed."""
    bits: dict[str, float] = Field(default_factory=dict)
    """KL(with || without): `order` and `theta`."""
    k_hat: float
    """Of the weights that take the findings out."""
    ok: bool
    """False: a check of the whole base failed, and none of these numbers must be shown."""


class Flip(Record):
    """A value of one assumption at which the verdict word changes."""

    key: str
    """A `--set` key."""
    value: float | None
    """None: out of reach."""
    p: float
    """The bound of the word that is crossed there."""


class Robustness(Record):
    """In how many of the stated plausible settings the verdict word stays."""

    kept: int
    of: int
    lowest: float
    highest: float
    """Range of P(technique above comparator) over the settings."""
    same_side: int
    """Settings in which P stays on the same side of one half."""


class InputLine(Record):
    """One finding as it was read."""

    finding: str
    kind: str
    technique: str
    comparator: str | None
    setting: str
    effect_smd: float | None
    se_smd: float | None
    as_read: str
    where: str
    source_kind: str
    note: str


class Review(Record):
    """`evidence review` and `evidence quick`: what one study, or one finding, warrants. Flat keys are solo.

    Probabilities are P(technique above comparator at the target).
    """

    study: str | None
    """Id; of several studies read together their ids joined by ` + `; None for a typed claim."""
    studies: tuple[str, ...] = ()
    study_title: str
    finding: str | None
    question: str
    target: str
    model: str
    engine: str
    pair: Pair
    p_prior: float
    p_post: float
    p_post_mcse: float
    p_face_value: float
    p_ceiling: float
    p_break_even: float | None
    """None where the warranted shift is too small for one (|log-odds shift| < .05)."""
    in_context: InContext | None
    log_odds: dict[str, float]
    """Twins of prior, post, face_value, ceiling (and break_even, belief where there are any)."""
    reversals_per_100: int
    belief: float | None
    shift_ratio: float | None
    """Over-update ratio of `belief`: its log-odds shift over the warranted one."""
    face_value_ratio: float | None
    discount: float | None
    """Warranted over face-value shift of the mean contrast; None for kinds without a size."""
    over_update_bits: dict[str, float]
    """KL(warranted || reader) in bits, per reader."""
    value_of_reading_nats: dict[str, float]
    """Expected log score of the reader's belief minus that of the prior, judged by the warranted one."""
    bits: dict[str, float]
    """KL(posterior || prior): `order` and `theta`."""
    shifts: Shifts | None = None
    """What the findings do to the standing of every technique, alone and in context."""
    conflicts: tuple[Conflict, ...] = ()
    """Whether all that was measured of this pair in the base disagrees in direction, between studies and families."""
    effective_findings: EffectiveFindings | None = None
    target_equivalent_n: float
    word: str
    band: tuple[int, int]
    robustness: Robustness
    robustness_word: str
    limits: dict[str, float]
    """Share of the remaining variance of the contrast removed by: sample, proxy, same_setting; and `prior`."""
    flips_at: tuple[Flip, ...]
    why_so_little: tuple[str, ...]
    """The gaps of the headline setting, each with its reason."""
    validity: dict[str, float]
    """rho of the headline setting to the target under the prior: q10, q50, q90, the share `cost_of_gaps`, `irrelevance`."""
    validity_posterior: dict[str, float] = Field(default_factory=dict)
    """The same given the findings: q10, q50, q90."""
    contrast: dict[str, float]
    """Quantiles of the contrast at the target in SMD, e.g. q10, q50, q90 (80 %, equal-tailed), and `proxy`."""
    contrast_dots: tuple[float, ...] = ()
    """50 equally likely outcomes of the contrast at the target (exact quantiles, ascending)."""
    optimism_line: str | None
    assumptions: tuple[str, ...]
    inputs: tuple[InputLine, ...]
    fingerprint: dict[str, dict[str, float]]
    """q05, q25, q50, q75, q95 of every prior in use, of rho of every setting and of the contrast, and P(technique above
    comparator) under the prior, recomputed by the engine."""
    sensitivity: dict[str, float | None] = Field(default_factory=dict)
    """Power scaling: how far the contrast moves (cumulative Jensen-Shannon distance) per doubling of the power of each prior
    and of the `likelihood`. Above .05 counts as sensitive; None where reweighting was unreliable."""
    sensitive_to: tuple[str, ...] = ()
    """Priors whose sensitivity is above .05, most first."""
    overlap: dict[str, float] = Field(default_factory=dict)
    """Shared mass (0..1) of prior and posterior: of every hyperparameter in use, and of the `contrast`."""
    uninformed: tuple[str, ...] = ()
    """What the findings did not inform: an overlap above .9."""
    p_if_scaled: dict[str, tuple[float, float] | None] = Field(default_factory=dict)
    """P(technique above comparator) with each prior, or the likelihood, raised to the powers .8 and 1.25."""
    mcse: dict[str, float] = Field(default_factory=dict)
    """Monte Carlo standard errors by field, e.g. `p_face_value`, `discount`, `limits.proxy`, `contrast.q10`."""
    checks: dict[str, Check]
    ok: bool
    provenance: Provenance
    settings_viewed: int = 1


class FitHeader(Record):
    """What a stored fit says of itself: enough to know whether, and for what, it may be used."""

    format: int = 1
    base: str
    target: str
    model: str
    engine: str
    checks: dict[str, Check]
    ok: bool
    whole: bool
    """The stored draws are those the checks speak of, and not a part of them or draws for several targets."""
    fingerprint: dict[str, dict[str, float]]
    provenance: Provenance

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> FitHeader:
        passed = all(check.ok for check in self.checks.values())
        if self.ok != passed:
            raise ValueError(f"ok: found {self.ok}, wanted what its checks say, {passed}")
        return self


SAME_FINGERPRINT = 1e-8
"""Largest difference of any quantile between a fingerprint and the draws it was taken from."""


class Diagnosis(Record):
    """`evidence diagnose`: the checks of a stored fit beside what its draws say today."""

    base: str
    target: str
    model: str
    engine: str
    checks: dict[str, Check]
    """As stored with the fit."""
    recomputed: dict[str, Check]
    """The same from the stored draws, as far as they tell."""
    disagreeing: tuple[str, ...]
    """Checks whose stored value is not that of the stored draws."""
    fingerprint: dict[str, dict[str, float]]
    """Quantiles of the prior that was used, as stored."""
    fingerprint_max_diff: float
    """Largest difference of any quantile from that of the stored prior draws."""
    ok: bool
    """Every check passed, then and now, and the draws are those the header speaks of."""
    provenance: Provenance


class SweepPoint(Record):
    """One position of a what-if slider."""

    value: float
    p: float
    p_mcse: float
    ok: bool


class Sweep(Record):
    """`evidence what-if`: P(technique above comparator) along one assumption, and where it crosses given levels."""

    base: str
    target: str
    model: str
    key: str
    pair: Pair
    points: tuple[SweepPoint, ...]
    flips_at: tuple[Flip, ...] = Field(default=())
    checks: dict[str, Check]
    ok: bool
    provenance: Provenance
