"""The records an evidence base and a model are made of (vocabulary: docs/model.md, section 2).

Every record is frozen and refuses unknown fields. A record checks what it can see of itself; what needs the
other tables (dangling references, mixed directions) is checked where the tables meet, in `evidence.io.tables`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evidence.domain.magnitudes import size_problem

type Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.+()\-]*$", max_length=80)]
type Probability = Annotated[float, Field(ge=0, le=1)]
type FindingKind = Literal["effect", "counts", "proportion", "means", "auroc", "order", "existence", "argument"]
type GapRating = Literal["none", "some", "major", "unknown"]
type Gap = Annotated[float, Field(ge=0, le=1)] | GapRating
type Side = Literal["technique", "comparator", "neither"]

SIGN_KINDS: frozenset[str] = frozenset({"order", "existence", "argument"})
"""Kinds that state a sign with a reliability q and carry no size."""


def _is_absent(value: object) -> bool:
    """A field that came later and is not filled leaves the record's canonical bytes, and so its hash, as they were."""
    return value is None


class Record(BaseModel):
    """A frozen record: unknown fields, NaN and infinities are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True, use_attribute_docstrings=True
    )


class Dimension(Record):
    """A named way in which settings differ, with the meaning of each level."""

    id: Id
    """Short name; settings rate it in `gap_ID` and say why in `why_ID`."""
    meaning: str
    """What differs, in words."""
    none: str
    """What a setting is like that does not differ from the primary target here (0)."""
    some: str
    """What a setting is like that differs somewhat (0.5)."""
    major: str
    """What a setting is like that differs about as much as settings can (1)."""


class Target(Record):
    """A setting nobody can measure yet. The first target of a base is the primary one: 0 on every dimension."""

    id: Id
    """Name that `--target` and outcomes use; no setting may have the same."""
    title: str = ""
    """The target in words."""
    novelty: Probability = 1.0
    """How new it is (n_g): what all of today's proxies share and it does not.

    0.25 same family and epoch, 0.5 same epoch, 1 unlike anything measured.
    """
    coordinates: dict[str, Gap] = Field(default_factory=dict)
    """Position on each dimension relative to the primary target; a dimension not named is at 0."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How much this target counts in `--target scenarios`, relative to the others."""
    reason: str = ""
    """Why this novelty and these coordinates."""


class Technique(Record):
    """Something one could do. Technique 0, the first row, is the baseline: no intervention."""

    id: Id
    """Name that findings use."""
    name: str
    """Name shown to readers."""
    description: str = ""
    """What is done, in a sentence."""
    trial_hours: Annotated[float, Field(gt=0)] | None = None
    """Hours of work that one trial takes; empty where nobody has said."""


class Family(Record):
    """Proxies that share their reasons to be wrong."""

    id: Id
    """Name that settings use."""
    name: str
    """Name shown to readers."""
    validity_class: Id
    """What kind of proxy it is: a class of the model (`models/default.toml` has them); `theory…` for arguments."""
    irrelevance: Probability | None = None
    """Probability that the family does not measure the thing at all (pi_F), where that of its class does not fit."""
    stated_at: Id | None = None
    """The reference setting a stated validity speaks about."""
    stated_rho_lo: Annotated[float, Field(ge=0, le=1)] | None = None
    """Lower end of an 80 % equal-tailed interval of rho to the primary target; equal ends state a point."""
    stated_rho_hi: Annotated[float, Field(ge=0, le=1)] | None = None
    """Upper end of the same interval."""
    reason: str
    """What would make all proxies of this family wrong together."""

    @model_validator(mode="after")
    def _stated_together(self) -> Family:
        stated = (self.stated_at, self.stated_rho_lo, self.stated_rho_hi)
        if any(s is None for s in stated) and any(s is not None for s in stated):
            lacking = ("stated_at", "stated_rho_lo", "stated_rho_hi")[stated.index(None)]
            raise ValueError(f"{lacking}: found nothing, wanted all or none of stated_at, stated_rho_lo, stated_rho_hi")
        if self.stated_rho_lo is not None and self.stated_rho_hi is not None:
            lo, hi = self.stated_rho_lo, self.stated_rho_hi
            if lo > hi:
                raise ValueError(f"stated_rho_lo: found {lo}, wanted at most stated_rho_hi {hi}")
            if lo < hi and lo == 0:
                raise ValueError("stated_rho_lo: found 0, wanted a number above 0: no law has its 10 % quantile there")
            if lo < hi and hi == 1:
                raise ValueError("stated_rho_hi: found 1, wanted a number below 1: no law has its 90 % quantile there")
        if self.irrelevance is not None and self.stated_at is not None:
            raise ValueError(f"irrelevance: found {self.irrelevance}, wanted nothing: the stated validity replaces it")
        return self


class Setting(Record):
    """Environment x model family x adversary x outcome: where something can be measured today (a proxy)."""

    id: Id
    """Name that findings use; rows alike in everything but their name are one setting."""
    name: str
    """Name shown to readers."""
    family: Id
    """The family of proxies it belongs to."""
    environment: str
    """Tasks or data set."""
    model_family: str
    """The model or models studied."""
    size: str = ""
    """Size or generation of the model."""
    adversary: str = ""
    """Who attacks, and how hard."""
    outcome: str
    """What is measured; two outcomes in one environment are two settings."""
    gaps: dict[str, Gap]
    """One gap per dimension of the base."""
    reasons: dict[str, str]
    """One reason per gap."""


class Study(Record):
    """A paper, report or post, or a theoretical argument."""

    id: Id
    """Name that findings use, such as greenblatt2023control."""
    title: str
    """The title as printed."""
    kind: Literal["empirical", "theory"] = "empirical"
    """`theory` for arguments, whose findings are of kind `argument`."""
    authors: str
    """Family names."""
    lab: str = ""
    """Where it was done."""
    year: Annotated[int, Field(ge=1900, le=2100)]
    """Year of publication."""
    url: str = ""
    """Where it can be read."""
    headline: Id | None = None
    """The finding a review of the study speaks about."""


class Finding(Record):
    """One result: a technique against a comparator (contrast) or alone (arm) in one setting of one study."""

    id: Id
    """Name of the row."""
    study: Id
    """The study it comes from."""
    setting: Id
    """Where it was measured: a setting, or a target."""
    technique: Id
    """What is judged."""
    comparator: Id | None = None
    """What it is compared with; empty for one technique's absolute score (an arm: only `effect` and `proportion`)."""
    kind: FindingKind
    """What the paper gives: which numbers are filled below depends on it."""
    higher_is_better: bool
    """Whether a larger number is better for the technique; numbers keep the metric's own direction."""
    scale: Literal["smd", "logit", "probit", "raw"] | None = None
    """Kind `effect`: scale of `estimate`; smd is a standardised mean difference, logit a log odds ratio, probit d prime."""
    unit_sd: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of one unit on a `raw` scale."""
    estimate: float | None = None
    """Kind `effect`: the effect, technique minus comparator (an arm: its level)."""
    se: Annotated[float, Field(gt=0)] | None = None
    """Standard error of `estimate`, not the SD of what was measured; or give the interval."""
    ci_lo: float | None = None
    """Lower end of the 95 % interval of `estimate`."""
    ci_hi: float | None = None
    """Upper end of the 95 % interval of `estimate`."""
    rate: Probability | None = None
    """Kind `proportion`: the share, 0 to 1."""
    k: Annotated[int, Field(ge=0)] | None = None
    """How many of `n`, technique: a count, not a percentage."""
    n: Annotated[int, Field(gt=0)] | None = None
    """Observations of the technique; with kind `effect` it only lets `check` compare the se with the sample."""
    k0: Annotated[int, Field(ge=0)] | None = None
    """How many of `n0`, comparator."""
    n0: Annotated[int, Field(gt=0)] | None = None
    """Observations of the comparator."""
    mean: float | None = None
    """Kind `means`: mean score, technique."""
    sd: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation over the observations, technique; a standard error times the root of n."""
    mean0: float | None = None
    """Mean score, comparator."""
    sd0: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation, comparator."""
    score_lo: Annotated[float | None, Field(exclude_if=_is_absent)] = None
    """Kind `means`: the lowest score there can be, where there is one; only `check` reads it."""
    score_hi: Annotated[float | None, Field(exclude_if=_is_absent)] = None
    """Kind `means`: the highest score there can be, where there is one; only `check` reads it."""
    auc: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Kind `auroc`: area under the curve that sets the technique's scores apart from the comparator's."""
    n_pos: Annotated[int, Field(gt=0)] | None = None
    """Positive cases."""
    n_neg: Annotated[int, Field(gt=0)] | None = None
    """Negative cases."""
    q: Annotated[float, Field(gt=0.5, le=1)] | None = None
    """Stated reliability of an order, existence or argument."""
    assumed_n_lo: Annotated[int, Field(ge=2)] | None = None
    """Lowest plausible n where the paper gives none (per arm; per class for `auroc`)."""
    assumed_n_hi: Annotated[int, Field(ge=2)] | None = None
    """Highest plausible n where the paper gives none; the range is integrated log-uniformly."""
    ahead: Annotated[Side | None, Field(exclude_if=_is_absent)] = None
    """Who came out ahead in the paper's own words: technique, comparator or neither; only `check` reads it."""
    nominal: Annotated[Literal["technique", "comparator"] | None, Field(exclude_if=_is_absent)] = None
    """Where `ahead` is neither: whose number is the better one, however slightly; only `check` reads it."""
    price_technique: float | None = None
    """Points of usefulness that the technique costs here."""
    price_comparator: float | None = None
    """Points of usefulness that the comparator costs here."""
    own_technique: bool = False
    """The study's authors proposed the technique."""
    own_comparator: bool = False
    """The study's authors proposed the comparator."""
    shared_comparator: bool = True
    """Rows of one study and setting with the same comparator are read as sharing its sample; `no` where they do not."""
    variant: str = ""
    """Operating point of the technique (audit budget, deferral level): a label, not a technique."""
    where: Annotated[str, Field(min_length=1)]
    """Table and page."""
    source_kind: Literal["full text", "abstract", "secondary", "derived"]
    """How the numbers were read."""
    note: str = ""
    """What a reader should know."""

    @property
    def is_arm(self) -> bool:
        """True for one technique's absolute score."""
        return self.comparator is None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Finding:
        problems = [*_field_problems(self), *_value_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


FIELDS_OF_KIND: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # kind: (required, optional)
    "effect": (frozenset({"scale", "estimate"}), frozenset({"se", "ci_lo", "ci_hi", "unit_sd", "n", "n0"})),
    "counts": (frozenset({"k", "n", "k0", "n0"}), frozenset[str]()),
    "proportion": (frozenset[str](), frozenset({"rate", "k", "n", "assumed_n_lo", "assumed_n_hi"})),
    "means": (
        frozenset({"mean", "sd", "mean0", "sd0"}),
        frozenset({"n", "n0", "assumed_n_lo", "assumed_n_hi", "score_lo", "score_hi"}),
    ),
    "auroc": (frozenset({"auc"}), frozenset({"n_pos", "n_neg", "assumed_n_lo", "assumed_n_hi"})),
    "order": (frozenset({"q"}), frozenset[str]()),
    "existence": (frozenset({"q"}), frozenset[str]()),
    "argument": (frozenset({"q"}), frozenset[str]()),
}
_SIZES, _SPREADS = ("estimate", "ci_lo", "ci_hi", "mean", "mean0"), ("se", "sd", "sd0", "unit_sd")
_NUMERIC_FIELDS: frozenset[str] = frozenset(name for need, may in FIELDS_OF_KIND.values() for name in need | may)


def _field_problems(finding: Finding) -> list[str]:
    """Fields that the kind needs and lacks, or has and cannot use."""
    required, optional = FIELDS_OF_KIND[finding.kind]
    filled = {name for name in _NUMERIC_FIELDS if getattr(finding, name) is not None}
    problems = [
        f"{name}: found nothing, wanted a value for kind {finding.kind!r}" for name in sorted(required - filled)
    ]
    problems += [
        f"{name}: found {getattr(finding, name)!r}, wanted nothing for kind {finding.kind!r}"
        for name in sorted(filled - required - optional)
    ]
    if finding.is_arm and finding.kind not in {"effect", "proportion"}:
        problems.append(f"comparator: found nothing, wanted a technique for kind {finding.kind!r}")
    if finding.kind == "proportion" and not finding.is_arm:
        problems.append(f"comparator: found {finding.comparator!r}, wanted nothing: a proportion is one arm")
    if finding.comparator == finding.technique:
        problems.append(f"comparator: found {finding.comparator!r}, wanted another technique than the finding's own")
    return problems


def _value_problems(finding: Finding) -> list[str]:
    """Numbers that contradict each other, or that no arithmetic can hold."""
    f = finding
    problems = [p for name in _SIZES for p in size_problem(name, getattr(f, name))]
    problems += [p for name in _SPREADS for p in size_problem(name, getattr(f, name), spread=True)]
    if f.ci_lo is not None and f.ci_hi is not None and f.ci_lo < f.ci_hi:
        problems += size_problem("ci_hi", f.ci_hi - f.ci_lo, spread=True) if not problems else []
    for k, n, names in ((f.k, f.n, "k"), (f.k0, f.n0, "k0")):
        if k is not None and n is not None and k > n:
            problems.append(f"{names}: found {k}, wanted 0..{n}")
    if f.kind == "effect":
        problems += _effect_problems(f)
    if f.kind == "means":
        problems += _score_problems(f)
        if f.n is not None and f.n0 is not None and f.n + f.n0 < 4:
            problems.append(f"n: found {f.n} and {f.n0}, wanted at least 4 in all: Hedges' g is undefined")
    if f.ahead is not None and f.is_arm:
        problems.append(f"ahead: found {f.ahead!r}, wanted nothing: an arm is compared with nobody")
    if f.nominal is not None and f.ahead != "neither":
        problems.append(f"nominal: found {f.nominal!r}, wanted nothing: it is asked where ahead is neither")
    if f.kind == "proportion" and (f.rate is None) == (f.k is None):
        problems.append("rate: wanted either rate or k (with n), not both and not neither")
    sizes = {"proportion": (f.n,), "means": (f.n, f.n0), "auroc": (f.n_pos, f.n_neg)}.get(f.kind)
    if sizes is not None:
        problems += _size_problems(
            f, known=all(s is not None for s in sizes), any_known=any(s is not None for s in sizes)
        )
    return problems


def _effect_problems(f: Finding) -> list[str]:
    problems: list[str] = []
    if f.is_arm and f.n0 is not None:
        problems.append(f"n0: found {f.n0}, wanted nothing: an arm has no comparator")
    if (f.scale == "raw") != (f.unit_sd is not None):
        problems.append(f"unit_sd: found {f.unit_sd}, wanted the unit's SD exactly when scale is 'raw'")
    if (f.ci_lo is None) != (f.ci_hi is None):
        problems.append("ci_lo: wanted both ends of the 95 % interval or neither")
    if f.se is None and f.ci_lo is None:
        problems.append(
            "se: found nothing, wanted se or the 95 % interval (if the paper gives neither, use kind 'order')"
        )
    if f.ci_lo is not None and f.ci_hi is not None:
        if not f.ci_lo < f.ci_hi:
            problems.append(f"ci_lo: found {f.ci_lo}, wanted a number below ci_hi {f.ci_hi}")
        elif f.estimate is not None and not f.ci_lo <= f.estimate <= f.ci_hi:
            problems.append(f"estimate: found {f.estimate}, wanted a number inside its interval {f.ci_lo}..{f.ci_hi}")
        elif f.se is not None and abs(f.se / interval_se(f.ci_lo, f.ci_hi) - 1) > 0.05:
            implied = interval_se(f.ci_lo, f.ci_hi)
            problems.append(
                f"se: found {f.se}, wanted about {implied:.4g}, the se of the 95 % interval (5 % tolerance)"
            )
    return problems


def _score_problems(f: Finding) -> list[str]:
    """Bounds the wrong way round, and means outside them."""
    lo, hi = f.score_lo, f.score_hi
    if lo is not None and hi is not None and not lo < hi:
        return [f"score_lo: found {lo}, wanted a number below score_hi {hi}"]
    return [
        f"{name}: found {mean}, wanted a mean inside the score's bounds {_bounds(lo, hi)}"
        for name, mean in (("mean", f.mean), ("mean0", f.mean0))
        if mean is not None and ((lo is not None and mean < lo) or (hi is not None and mean > hi))
    ]


def _bounds(lo: float | None, hi: float | None) -> str:
    return f"{'' if lo is None else format(lo, 'g')}..{'' if hi is None else format(hi, 'g')}"


def _size_problems(f: Finding, *, known: bool, any_known: bool) -> list[str]:
    assumed = (f.assumed_n_lo, f.assumed_n_hi)
    if f.assumed_n_lo is not None and f.assumed_n_hi is not None:
        if f.assumed_n_lo > f.assumed_n_hi:
            return [f"assumed_n_lo: found {f.assumed_n_lo}, wanted at most assumed_n_hi {f.assumed_n_hi}"]
        if any_known:
            return ["assumed_n_lo: found an assumed n beside a stated n, wanted one of the two"]
        if f.rate in {0.0, 1.0} or f.k is not None:
            return [
                f"rate: found {f.rate}, wanted a rate inside (0, 1) with an assumed n; if n is unknown use kind 'order'"
            ]
        return []
    if any(a is not None for a in assumed):
        return ["assumed_n_lo: wanted both assumed_n_lo and assumed_n_hi or neither"]
    if not known:
        return ["n: found nothing, wanted n, or assumed_n_lo and assumed_n_hi: an unknown n is never guessed"]
    return []


def interval_se(lo: float, hi: float) -> float:
    """Standard error of a symmetric 95 % normal interval, in the units of its ends."""
    return (hi - lo) / (2 * 1.959963984540054)


class Question(Record):
    """`base.toml`: what is asked of the target, and the costs of being wrong."""

    id: Id
    """Name of the base."""
    title: str
    """The question in a few words."""
    question: str
    """The question in full: what is asked of the target."""
    criterion: str
    """What would count as an answer, if it could be measured at the target."""
    unit: str
    """What one unit of merit is."""
    smallest_difference: Annotated[float, Field(gt=0)]
    """Smallest difference in merit that matters, in SMD."""
    held_at: str = ""
    """What price the techniques are compared at, in words."""
    held_price: float | None = None
    """The same in points of usefulness lost: arms further from it than the tolerance are left out."""
    price_tolerance: Annotated[float, Field(ge=0)] | None = None
    """How far two prices may differ, in points, before a contrast compares two things at once and is left out."""
    target_run_se: Annotated[float, Field(gt=0)] = 1.0
    """Standard error (SMD) of one direct run at the target."""
    check_hours: Annotated[float, Field(gt=0)] = 1.0
    """Hours that one check at the target takes."""
    failure_cost_hours: Annotated[float, Field(gt=0)] = 20.0
    """Hours lost if the worse technique is relied on."""
    gap_levels: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: {"none": 0.0, "some": 0.5, "major": 1.0}
    )
    """The number that each word for a gap stands for."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    """Where the answer is wanted; the first is the primary target."""
    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1)]
    """The ways in which settings may differ from the primary target."""

    @model_validator(mode="after")
    def _levels_are_named(self) -> Question:
        if set(self.gap_levels) != {"none", "some", "major"}:
            raise ValueError(f"gap_levels: found {sorted(self.gap_levels)}, wanted none, some and major")
        return self


def _require_sizes(**numbers: float) -> None:
    """Raises ValueError for a number too large, or a spread too small, for the arithmetic of the engine."""
    spreads = {"se_smd", "sd"}
    if problems := [p for name, x in numbers.items() for p in size_problem(name, x, spread=name in spreads)]:
        raise ValueError("; ".join(problems))


class Outcome(Record):
    """What is known of a bridge's target: kept apart from the findings, and never seen by a ranking."""

    target: Id
    """The target it was measured at."""
    technique: Id
    """What is judged, against the baseline."""
    estimate_smd: float
    """Effect in SMD, higher = better for the technique."""
    se_smd: Annotated[float, Field(gt=0)]
    """Standard error of `estimate_smd`."""
    baseline_var_smd: Annotated[float, Field(ge=0)] | None = None
    """SMD^2: the baseline's part of se_smd^2, the covariance of any two outcomes of one target; None: not known."""
    rate: Probability | None = None
    """The technique's own share at the target, where it is one."""
    n: Annotated[int, Field(gt=0)] | None = None
    """Observations behind it."""
    where: str
    """Table and page."""

    @model_validator(mode="after")
    def _baseline_is_a_part(self) -> Outcome:
        _require_sizes(estimate_smd=self.estimate_smd, se_smd=self.se_smd)  # before the square, which could overflow
        part, whole = self.baseline_var_smd, self.se_smd**2
        if part is not None and part > whole * (1 + 1e-4):  # both are rounded in the file
            raise ValueError(f"baseline_var_smd: found {part}, wanted at most se_smd^2 {whole:.6g}")
        return self


class RegisteredMerit(Record):
    """An elicited belief about one technique's merit at the target: N(mean, sd^2) SMD against the baseline."""

    technique: Id
    mean: float
    sd: Annotated[float, Field(gt=0)]
    claim: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _is_of_a_size(self) -> RegisteredMerit:
        _require_sizes(mean=self.mean, sd=self.sd)
        return self


class RegisteredOrder(Record):
    """An elicited belief that `technique` is above `comparator` at the target, held with probability q."""

    technique: Id
    comparator: Id
    q: Annotated[float, Field(gt=0.5, le=1)]
    claim: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _between_two(self) -> RegisteredOrder:
        if self.technique == self.comparator:
            raise ValueError(f"comparator: found {self.comparator!r}, wanted another technique")
        return self


class EvidenceBase(Record):
    """One question with everything found about it. Order of `techniques` matters: the first is the baseline."""

    question: Question
    techniques: Annotated[tuple[Technique, ...], Field(min_length=2)]
    families: tuple[Family, ...]
    settings: tuple[Setting, ...]
    studies: tuple[Study, ...]
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...] = ()
    left_out: tuple[str, ...] = ()
    """Findings not used, each with its reason (a price too far from the comparison's)."""
    merits: tuple[RegisteredMerit, ...] = ()
    """Registered merits of the model in use: beliefs, not findings. Filled by the analysis, never by a file of the base."""
    orders: tuple[RegisteredOrder, ...] = ()

    def setting(self, key: str) -> Setting:
        """The setting with this id (KeyError if there is none)."""
        return _by_id(self.settings, key)

    def study(self, key: str) -> Study:
        """The study with this id (KeyError if there is none)."""
        return _by_id(self.studies, key)

    def finding(self, key: str) -> Finding:
        """The finding with this id (KeyError if there is none)."""
        return _by_id(self.findings, key)

    def family(self, key: str) -> Family:
        """The family with this id (KeyError if there is none)."""
        return _by_id(self.families, key)

    def target(self, key: str) -> Target:
        """The target with this id (KeyError if there is none)."""
        return _by_id(self.question.targets, key)

    def technique(self, key: str) -> Technique:
        """The technique with this id (KeyError if there is none)."""
        return _by_id(self.techniques, key)

    def findings_of(self, study: str) -> tuple[Finding, ...]:
        """The findings of one study, in file order."""
        return tuple(f for f in self.findings if f.study == study)


def _by_id[R: (Setting, Study, Finding, Family, Target, Technique)](rows: tuple[R, ...], key: str) -> R:
    for row in rows:
        if row.id == key:
            return row
    raise KeyError(key)


type Distribution = Literal[
    "Point", "HalfNormal", "HalfCauchy", "HalfStudentT", "Normal", "LogNormal", "Beta", "Uniform", "LogUniform"
]

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "Point": ("value",),
    "HalfNormal": ("scale",),
    "HalfCauchy": ("scale",),
    "HalfStudentT": ("df", "scale"),
    "Normal": ("mean", "sd"),
    "LogNormal": ("median", "sigma"),
    "Beta": ("a", "b"),
    "Uniform": ("lo", "hi"),
    "LogUniform": ("lo", "hi"),
}


class Prior(Record):
    """One line of a model file: a distribution and the sentence that says what it claims."""

    dist: Distribution
    claim: str = ""
    value: float | None = None
    scale: Annotated[float, Field(gt=0)] | None = None
    df: Annotated[float, Field(gt=0)] | None = None
    mean: float | None = None
    sd: Annotated[float, Field(gt=0)] | None = None
    median: Annotated[float, Field(gt=0)] | None = None
    sigma: Annotated[float, Field(gt=0)] | None = None
    a: Annotated[float, Field(gt=0)] | None = None
    b: Annotated[float, Field(gt=0)] | None = None
    lo: float | None = None
    hi: float | None = None

    @model_validator(mode="after")
    def _has_its_parameters(self) -> Prior:
        wanted = set(_PARAMETERS[self.dist])
        found = {p for ps in _PARAMETERS.values() for p in ps if getattr(self, p) is not None}
        if wanted != found:
            raise ValueError(f"dist: found {self.dist} with {sorted(found)}, wanted {sorted(wanted)} for it")
        if self.lo is not None and self.hi is not None and not self.lo < self.hi:
            raise ValueError(f"lo: found {self.lo}, wanted a number below hi {self.hi}")
        if self.dist == "LogUniform" and self.lo is not None and self.lo <= 0:
            raise ValueError(f"lo: found {self.lo}, wanted a positive number")
        if problems := [p for name in sorted(found) for p in size_problem(name, getattr(self, name), spread=True)]:
            raise ValueError("; ".join(problems))
        return self


class ValidityClass(Record):
    """A usual kind of proxy: how often it is beside the point, and how well it tracks the target when it is not."""

    claim: Annotated[str, Field(min_length=1)]
    irrelevance: Probability
    """pi: probability that this kind of proxy does not measure the thing at all."""
    irrelevant: Prior = Prior(dist="Beta", a=1, b=30)
    relevance: Prior
    """l given that the family is relevant."""
    construct_noise: Prior = Prior(dist="Beta", a=18, b=2)
    """v of one setting."""


HYPERPARAMETERS: tuple[str, ...] = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0", "w_d")
"""Names of the priors every hierarchical model states; `w_d` holds for each dimension of the base."""
OPTIONAL_HYPERPARAMETERS: tuple[str, ...] = ("lambda",)
"""`lambda`: how much a setting stretches effects (lambda_s, one per proxy setting); 1 where a model does not state it."""
RANDOM_EFFECTS_HYPERPARAMETERS: tuple[str, ...] = ("tau_mu", "tau_het")


class Parametrisation(Record):
    """Ties between hyperparameters."""

    kind: Literal["hierarchy", "random-effects"] = "hierarchy"
    scale_link: bool = False
    """tau_P = tau."""
    construct_per: Literal["class", "setting"] = "class"
    relevance_per: Literal["family", "class"] = "family"
    """`class`: families of one class share their relevance, for literatures of more families than can be told apart."""
    perfect_proxies: bool = False
    """v = l = 1 for every proxy, whatever its class (the face-value reader)."""
    use_findings: bool = True
    """False: the reader who ignores the findings."""


class Model(Record):
    """A `models/*.toml`: priors as data. A reader is a changed model."""

    id: Id
    title: str
    claim: str
    provenance: str = ""
    parametrisation: Parametrisation = Parametrisation()
    priors: dict[str, Prior]
    classes: dict[str, ValidityClass] = Field(default_factory=dict)
    merits: tuple[RegisteredMerit, ...] = ()
    """Registered merits: elicited beliefs about single techniques, for the bases that have them."""
    orders: tuple[RegisteredOrder, ...] = ()

    @model_validator(mode="after")
    def _priors_are_complete(self) -> Model:
        wanted = set(HYPERPARAMETERS)
        if self.parametrisation.kind == "random-effects":
            wanted = (wanted - {"tau", "tau_P", "w_0", "w_d"}) | set(RANDOM_EFFECTS_HYPERPARAMETERS)
        elif self.parametrisation.scale_link:
            wanted -= {"tau_P"}
        if missing := sorted(wanted - set(self.priors)):
            raise ValueError(f"priors: found no {', no '.join(missing)}, wanted every prior of the parametrisation")
        if extra := sorted(set(self.priors) - wanted - set(OPTIONAL_HYPERPARAMETERS)):
            raise ValueError(f"priors: found {', '.join(extra)}, wanted only what the parametrisation uses")
        silent = [name for name, prior in self.priors.items() if not prior.claim]
        if silent:
            raise ValueError(
                f"priors: found no claim for {', '.join(silent)}, wanted a sentence that says what it claims"
            )
        return self
