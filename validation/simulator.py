"""Data from the model of docs/model.md, section 4, written from that page and from no engine's code.

Only the records are the package's. Hyperparameters come from the priors in a model's TOML file, true effects from one
dense Cholesky factor over technique x (settings and target), findings from everything the page adds to them. The page's
exact model for a row is followed, so what is simulated is exactly what an engine is asked to invert, but for one thing:
a finding of kind `means` is drawn with its variance at the true effect, and read with its variance at the one measured.

Hyperparameters are a dictionary of arrays (B,): tau, tau_P, ..., w_d[dimension], l[family], v[validity class],
unknown[dimension] and n[study:lo-hi], the position of log n in its range. T techniques (baseline first), S settings.
"""

import math
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from evidence.domain.records import EvidenceBase, Finding

MODEL = Path(__file__).parents[1] / "models" / "default.toml"
LEADING = ("tau", "tau_P", "sigma", "sigma_b", "mu_b", "sigma_d", "mu_d", "r", "w_0")
SIGNS = ("order", "argument")
SMD_PER_LOGIT = math.sqrt(3) / math.pi
LEVEL_SD = 10.0


@dataclass(frozen=True)
class Simulated:
    """What was true and what was found."""

    base: EvidenceBase
    eta: dict
    """Hyperparameters, each of shape (1,)."""
    merits: np.ndarray
    """(T,) SMD against the baseline, whose own merit is 0."""


def simulate(design, rng, model=MODEL):
    """Hyperparameters, merits and the findings of `design`, all drawn afresh."""
    eta = draw_eta(design, tomllib.loads(Path(model).read_text(encoding="utf-8")), rng)
    effects, merits = draw_effects(design, eta, rng)
    nature = _Nature(design, {name: float(value[0]) for name, value in eta.items()}, effects, rng)
    findings = tuple(nature.report(finding) for finding in design.findings)
    return Simulated(design.model_copy(update={"findings": findings}), eta, merits)


# Hyperparameters


def draw_eta(design, model, rng):
    """One draw of every hyperparameter from its prior, again and again until no stated validity is ruled out."""
    while True:
        eta = {name: _draw(model["priors"][name], rng) for name in LEADING}
        eta |= {f"w_d[{d.id}]": _draw(model["priors"]["w_d"], rng) for d in design.question.dimensions}
        eta |= {f"unknown[{d.id}]": rng.beta(2, 1) for d in design.question.dimensions}
        eta |= {name: rng.random() for name in {name_of_n(f) for f in design.findings if f.assumed_n_lo}}
        for family in design.families:
            noise = {"dist": "Beta", "a": 18, "b": 2}
            noise = model["classes"][family.validity_class].get("construct_noise", noise)
            eta.setdefault(f"v[{family.validity_class}]", _draw(noise, rng))
        eta = {name: np.array([value]) for name, value in eta.items()}
        for family in design.families:
            eta[f"l[{family.id}]"] = np.array([_draw_relevance(design, family, model, eta, rng)])
        if all(eta[f"l[{family.id}]"][0] <= 1 for family in design.families):
            return eta


def _draw(law, rng):
    match law["dist"]:
        case "HalfNormal":
            return abs(rng.normal(0, law["scale"]))
        case "Beta":
            return rng.beta(law["a"], law["b"])
    raise ValueError(f"dist: found {law['dist']}, wanted a law of the default model")


def _draw_relevance(design, family, model, eta, rng):
    """l_F: beside the point with probability pi, else its class's law; from rho where a validity is stated."""
    if family.stated_at is not None:
        rho = rng.beta(*_beta_between(family.stated_rho_lo, family.stated_rho_hi))
        at = [s.id for s in design.settings].index(family.stated_at)
        return rho / (eta[f"v[{family.validity_class}]"][0] * transport(design, eta)[0, at, -1])
    validity_class = model["classes"][family.validity_class]
    pi = validity_class["irrelevance"] if family.irrelevance is None else family.irrelevance
    return rng.beta(1, 30) if rng.random() < pi else _draw(validity_class["relevance"], rng)


def _beta_between(lo, hi):
    """a and b of the Beta law with an 80 % equal-tailed interval lo..hi."""

    def misfit(log_ab):
        return stats.beta.cdf([lo, hi], *np.exp(log_ab)) - [0.1, 0.9]

    return np.exp(optimize.root(misfit, [0.0, 1.0], tol=1e-12).x)


def name_of_n(finding):
    """Rows of one study with the same range share one unknown n."""
    return f"n[{finding.study}:{finding.assumed_n_lo}-{finding.assumed_n_hi}]"


# Correlation of true effects over settings and target, (B, S + 1, S + 1), target last


def transport(design, eta):
    """T[a, b] = exp(-sum_d w_d |x_ad - x_bd| - w_0 n [one of the two is the target])."""
    distance = 0.0
    for dimension in design.question.dimensions:
        x = np.stack([*(_gap(design, s, dimension.id, eta) for s in design.settings), 0 * eta["tau"]], axis=-1)
        distance = distance + eta[f"w_d[{dimension.id}]"][:, None, None] * np.abs(x[:, :, None] - x[:, None, :])
    is_target = np.arange(len(design.settings) + 1) == len(design.settings)
    novelty = eta["w_0"] * design.question.targets[0].novelty
    return np.exp(-distance - novelty[:, None, None] * (is_target[:, None] ^ is_target[None, :]))


def _gap(design, setting, dimension, eta):
    gap = setting.gaps[dimension]
    if gap == "unknown":
        return eta[f"unknown[{dimension}]"]
    return np.full_like(eta["tau"], design.question.gap_levels[gap] if isinstance(gap, str) else gap)


def correlation(design, eta):
    """R[s, s'] = v v' T (1 in one family, else l l'), R[s, target] = v l T, 1 on the diagonal."""
    class_of = {family.id: family.validity_class for family in design.families}
    v = np.stack([*(eta[f"v[{class_of[s.family]}]"] for s in design.settings), np.ones_like(eta["tau"])], axis=-1)
    R = v[:, :, None] * v[:, None, :] * transport(design, eta)
    family = [*(s.family for s in design.settings), None]
    for a, first in enumerate(family):
        R[:, a, a] = 1.0
        for b, second in enumerate(family):
            if first != second:
                for one in {first, second} - {None}:
                    R[:, a, b] *= eta[f"l[{one}]"]
    return R


def draw_effects(design, eta, rng):
    """True effects {(technique, setting): SMD}, the baseline's 0, and merits (T,): one dense normal draw of g."""
    n, r = len(design.techniques) - 1, eta["r"][0]
    across = (1 - r) * np.eye(n) + r * np.ones((n, n))
    cov = np.kron(across, correlation(design, eta)[0])
    g = (np.linalg.cholesky(cov + 1e-12 * np.eye(len(cov))) @ rng.standard_normal(len(cov))).reshape(n, -1)
    optimism = rng.normal(eta["mu_b"], eta["sigma_b"], len(design.settings))
    f = np.vstack([np.zeros(len(design.settings)), optimism + eta["tau_P"] * g[:, :-1]])
    names = [(t.id, s.id) for t in design.techniques for s in design.settings]
    return dict(zip(names, f.ravel(), strict=True)), np.append(0.0, eta["tau"] * g[:, -1])


# Findings


class _Nature:
    """What is drawn once and met by several findings, and what each finding then reports."""

    def __init__(self, design, eta, effects, rng):
        self.eta, self.effects, self.rng = eta, effects, rng
        self.once = {}
        self.comparator_variances = comparator_variances(design.findings)

    def draw_once(self, key, mean, sd):
        if key not in self.once:
            self.once[key] = self.rng.normal(mean, sd)
        return self.once[key]

    def level(self, f, technique, *, own):
        """f + u + delta: what an endless sample of this arm would show, up to the level of its cell."""
        noise = self.draw_once(("noise", f.study, technique, f.setting), 0.0, self.eta["sigma"])
        allegiance = self.draw_once(("allegiance", f.study), self.eta["mu_d"], self.eta["sigma_d"])
        return self.effects[technique, f.setting] + noise + own * allegiance

    def expected(self, f):
        """The difference (of a contrast) or level (of an arm) that the finding measures."""
        above = self.level(f, f.technique, own=f.own_technique)
        if f.is_arm:
            return above + self.draw_once(("cell", f.study, f.setting), 0.0, LEVEL_SD)
        return above - self.level(f, f.comparator, own=f.own_comparator)

    def report(self, f):
        """The finding with simulated numbers."""
        kinds = {"effect": self._effect, "means": self._means, "counts": self._counts, "proportion": self._proportion}
        return _changed(f, **kinds.get(f.kind, self._statement)(f))

    def _effect(self, f):
        variance = se_smd(f) ** 2
        y = self.expected(f)
        if sample := comparator_sample(f):
            shared = self.comparator_variances[sample]
            y -= self.draw_once(("comparator", sample), 0.0, math.sqrt(shared))
            variance -= shared
        found = unit(f) * (y + self.rng.normal(0, math.sqrt(variance)))
        half = None if f.ci_lo is None else (f.ci_hi - f.ci_lo) / 2
        return {"estimate": found} | ({} if half is None else {"ci_lo": found - half, "ci_hi": found + half})

    def _means(self, f):
        mean = self.expected(f)
        y = self.rng.normal(mean, math.sqrt(float(variance_of_means(f, mean, self.eta[name_of_n(f)]))))
        return {"mean": f.mean0 + sign(f) * y * f.sd / hedges_correction(middle_n(f))}

    def _counts(self, f):
        level = self.draw_once(("level", f.id), 0.0, LEVEL_SD)
        k = self._count(f, level + self.level(f, f.technique, own=f.own_technique), f.n)
        return {"k": k, "k0": self._count(f, level + self.level(f, f.comparator, own=f.own_comparator), f.n0)}

    def _proportion(self, f):
        return {"k": self._count(f, self.expected(f), f.n)}

    def _count(self, f, level, n):
        """Cases counted among n when good ones come at this level; bad ones are counted where lower is better."""
        return int(self.rng.binomial(n, 1 / (1 + math.exp(-sign(f) * level / SMD_PER_LOGIT))))

    def _statement(self, f):
        is_above = self.effects[f.technique, f.setting] > self.effects[f.comparator, f.setting]
        says_so = is_above == (self.rng.random() < f.q)
        return {} if says_so else {"technique": f.comparator, "comparator": f.technique}


def _changed(f, **changes):
    """The finding with other values, checked like any other."""
    return Finding.model_validate(f.model_dump() | changes)


def sign(f):
    return 1.0 if f.higher_is_better else -1.0


def unit(f):
    """What one SMD in the technique's favour is on the finding's own scale."""
    return sign(f) * {"smd": 1.0, "logit": 1 / SMD_PER_LOGIT, "raw": f.unit_sd}[f.scale]


def se_smd(f):
    """Standard error of an `effect` in SMD."""
    se = (f.ci_hi - f.ci_lo) / (2 * stats.norm.ppf(0.975)) if f.se is None else f.se
    return se / abs(unit(f))


def comparator_sample(f):
    """What rows with one comparator sample have in common; None for an arm or a comparator of one's own."""
    return None if f.is_arm or not f.shared_comparator else (f.study, f.setting, f.comparator)


def comparator_variances(findings):
    """Sampling variance of each comparator sample that `effect` rows share: half of their smallest se^2."""
    found = defaultdict(list)
    for f in findings:
        if f.kind == "effect" and comparator_sample(f):
            found[comparator_sample(f)].append(se_smd(f) ** 2 / 2)
    return {sample: min(variances) for sample, variances in found.items()}


def hedges_correction(n):
    """Bias correction of Hedges' g with n in each arm."""
    m = 2 * n - 2
    return math.exp(math.lgamma(m / 2) - math.log(m / 2) / 2 - math.lgamma((m - 1) / 2))


def middle_n(f):
    """The middle of the assumed range in log n, at which the measured g is corrected."""
    return math.sqrt(f.assumed_n_lo * f.assumed_n_hi)


def variance_of_means(f, g, position):
    """Variance of Hedges' g, its log linear in log n between the ends of the assumed range."""
    ends = []
    for n in (f.assumed_n_lo, f.assumed_n_hi):
        corrected = g * hedges_correction(n) / hedges_correction(middle_n(f))
        ends.append(math.log(2 / n + corrected**2 / (4 * n)))
    return np.exp((1 - position) * ends[0] + position * ends[1])
