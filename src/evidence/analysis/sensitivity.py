"""Which priors the answer leans on, and what the findings did not inform (docs/model.md, section 6).

Power scaling (Kallioinen et al. 2024): a prior, or the likelihood of the findings, is raised to the powers .8 and
1.25 and the draws are reweighted; the cumulative Jensen-Shannon distance of the reported quantity is taken per
doubling of the power, as in ArviZ's `psense`. The priors scaled are those of the hyperparameters, in their own units,
not in the engine's coordinates. The likelihood scaled is that of the samples: standard errors fall by the root of the
power and the log-odds of statements grow by it; what lies between sample and merit (noise, optimism, validity) is
part of the model and stays.

This is information about the answer, no gate: a prior that matters is a prior to argue about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fitting import Case, case_scenarios, contrast_moments, p_above
from evidence.inference.checks import K_HAT_LIMIT, pareto_k
from evidence.inference.engine import Engine, Posterior, mixture_of, share_above
from evidence.model.divergence import (
    ALPHAS,
    attached_draws,
    cjs_distance,
    overlap_of_draws,
    power_sensitivity,
    spanning_grid,
    weighted_cdfs,
)
from evidence.model.hyper import Hyper
from evidence.model.priors import log_density

type Floats = NDArray[np.float64]
type Contrasts = Mapping[str, tuple[str, str]]
"""Reported quantities: name -> (technique, comparator)."""

SENSITIVE = 0.05
UNINFORMED = 0.9
DRAWS = 2048
"""Equally weighted draws over which distances are taken."""
LIKELIHOOD_DRAWS = 1024
"""The same for the likelihood, where each draw costs an evaluation."""
LIKELIHOOD = "likelihood"
GROUPED = frozenset({"w_d", "v", "unknown", "lambda"})
"""Hyperparameters whose priors are scaled together, all gaps' weights at once and so on."""
MAX_TECHNIQUES = 128
"""With more techniques than this the likelihood is not scaled: every draw would cost their whole covariance."""
MAX_FAMILIES = 12
"""With more families than this the priors of their relevances are scaled together."""


@dataclass(frozen=True)
class Sensitivity:
    """What scaling each prior and the likelihood does to the reported quantities, and what they were not told."""

    distance: dict[str, float | None]
    """Largest distance per doubling over the quantities, by group; None where reweighting was unreliable."""
    p_if_scaled: dict[str, tuple[float, float] | None]
    """P(technique above comparator) of the first quantity at both powers, by group; None as above."""
    overlap: dict[str, float]
    """Shared mass of prior and posterior (0..1), by hyperparameter in use and by quantity."""

    @property
    def sensitive_to(self) -> tuple[str, ...]:
        """Groups of priors the answer is sensitive to, most first."""
        found = {k: d for k, d in self.distance.items() if k != LIKELIHOOD and d is not None and d > SENSITIVE}
        return tuple(sorted(found, key=lambda name: -found[name]))

    @property
    def uninformed(self) -> tuple[str, ...]:
        """What the findings did not inform: prior and posterior all but coincide."""
        return tuple(name for name, share in self.overlap.items() if share > UNINFORMED)


def measure_sensitivity(
    case: Case, engine: Engine, fitted: Sequence[Posterior], prior: Posterior, contrasts: Contrasts
) -> Sensitivity:
    """Power scaling and prior-posterior overlap of `contrasts` (the first is the one whose P is given).

    `fitted` is the posterior at each target asked about, `prior` equally weighted draws of the prior that is used.
    """
    posterior = mixture_of(fitted, [weight for weight, _ in case_scenarios(case)])
    groups = prior_groups(case.hyper)
    log_priors = _log_priors(case.hyper, posterior, groups)
    allowed = {name: reliable(posterior.weights, values) for name, values in log_priors.items()}
    index, equal = posterior.systematic(DRAWS), np.full(DRAWS, 1 / DRAWS)
    rows = np.array([equal, *(w for values in log_priors.values() for w in power_weights(equal, values[index]))])
    worst, overlap = np.zeros(len(groups)), hyper_overlaps(case, posterior, prior)
    for name, pair in contrasts.items():
        draws = _draws(posterior, pair, index)
        grid = spanning_grid(draws)
        cdfs = weighted_cdfs(draws, rows, grid)
        distances = cjs_distance(cdfs[0], cdfs[1:], grid)
        worst = np.maximum(worst, power_sensitivity(distances[::2], distances[1::2]))
        overlap[name] = quantity_overlap(draws, _draws(prior, pair))
    distance = {name: float(d) if allowed[name] else None for name, d in zip(groups, worst, strict=True)}
    first = next(iter(contrasts.values()))
    p_if_scaled = {
        name: _p_at_both(posterior, values, first) if allowed[name] else None for name, values in log_priors.items()
    }
    from_findings, p_from_findings = _scaled_likelihood(case, engine, fitted, contrasts)
    return Sensitivity(
        {**distance, LIKELIHOOD: from_findings}, {**p_if_scaled, LIKELIHOOD: p_from_findings}, overlap
    )  # fmt: skip


def prior_groups(hyper: Hyper) -> dict[str, list[int]]:
    """Columns of the hyperparameters whose priors are scaled together, by the name of the group.

    Assumed sample sizes are left out: their prior is uniform, and a uniform density to any power is itself.
    """
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(hyper.names):
        kind = name.split("[", maxsplit=1)[0]
        if not hyper.active[k] or kind == "n":
            continue
        together = kind in GROUPED or (kind == "l" and len(hyper.families) > MAX_FAMILIES)
        groups.setdefault(kind if together else name, []).append(k)
    return groups


def power_weights(weights: Floats, log_prior: Floats) -> tuple[Floats, Floats]:
    """Normalised weights (M,) of the draws with one prior raised to each of ALPHAS."""
    scaled: list[Floats] = []
    for alpha in ALPHAS:
        log_ratio = (alpha - 1) * log_prior
        raised = weights * np.exp(log_ratio - log_ratio.max())
        scaled.append(raised / raised.sum())
    return scaled[0], scaled[1]


def reliable(weights: Floats, log_prior: Floats) -> bool:
    """True where the k-hat of the power-scaled weights is below .7 at both powers."""
    log_weights = np.log(np.maximum(weights, 1e-300))
    return all(pareto_k(log_weights + (alpha - 1) * log_prior) < K_HAT_LIMIT for alpha in ALPHAS)


def hyper_overlaps(case: Case, posterior: Posterior, prior: Posterior) -> dict[str, float]:
    """Overlap of prior and posterior of each hyperparameter in use (0..1); few draws can make it up to .05 too low."""
    before = {name: k for k, name in enumerate(prior.names)}
    names = [name for name, used in zip(posterior.names, case.hyper.active, strict=True) if used and name in before]
    after = [posterior.names.index(name) for name in names]
    values = overlap_of_draws(
        posterior.coordinates[:, after], posterior.weights, prior.coordinates[:, [before[name] for name in names]]
    )
    return dict(zip(names, values.tolist(), strict=True))


def quantity_overlap(posterior: Floats, prior: Floats) -> float:
    """Overlap (0..1) of equally weighted draws of a quantity with its prior; any shape, in the quantity's own units."""
    middle = np.median(prior)
    spread = max(float(np.subtract(*np.quantile(prior, [0.75, 0.25]))) / 1.349, 1e-300)
    after, before = ((x.reshape(-1, 1) - middle) / spread for x in (posterior, prior))
    return float(overlap_of_draws(after, np.full(len(after), 1 / len(after)), before)[0])


def _log_priors(hyper: Hyper, posterior: Posterior, groups: Mapping[str, list[int]]) -> dict[str, Floats]:
    """Log prior density (M,) of each group at the draws, in the hyperparameters' own units."""
    columns = sorted(k for group in groups.values() for k in group)
    found = log_density(hyper.tables[columns], posterior.coordinates[:, columns])
    place = {k: i for i, k in enumerate(columns)}
    return {name: found[:, [place[k] for k in group]].sum(axis=1) for name, group in groups.items()}


def _scaled_likelihood(
    case: Case, engine: Engine, fitted: Sequence[Posterior], contrasts: Contrasts
) -> tuple[float | None, tuple[float, float] | None]:
    """The same for the likelihood: largest distance, and P at both powers; None where reweighting was unreliable."""
    if len(case.design.techniques) > MAX_TECHNIQUES:
        return None, None
    weights = [weight for weight, _ in case_scenarios(case)]
    # Few draws can make a k-hat look bad by chance; all of them are asked before giving up.
    for draws in ([posterior.resampled(LIKELIHOOD_DRAWS) for posterior in fitted], fitted):
        below, above = (_with_likelihood_to(alpha, case, engine, draws) for alpha in ALPHAS)
        if below is not None and above is not None:
            break
    else:
        return None, None
    base, first = mixture_of(draws, weights), next(iter(contrasts.values()))
    worst = max(_distance(base, (below, above), pair) for pair in contrasts.values())
    difference = p_above(mixture_of(fitted, weights), *first)[0] - p_above(base, *first)[0]
    return worst, (_inside(p_above(below, *first)[0] + difference), _inside(p_above(above, *first)[0] + difference))


def _with_likelihood_to(alpha: float, case: Case, engine: Engine, draws: Sequence[Posterior]) -> Posterior | None:
    """The draws with the likelihood of the samples raised to a power; None where reweighting was unreliable."""
    evidence = replace(case.everything, se_scale=alpha**-0.5, sign_scale=alpha)
    scenarios, moved = case_scenarios(case), list[Posterior]()
    for posterior, (_, hyper) in zip(draws, scenarios, strict=True):
        found = engine.evaluate(case.design, hyper, evidence, posterior.coordinates)
        log_weights = np.log(np.maximum(posterior.weights, 1e-300)) + found.log_likelihood - posterior.log_likelihood
        top = log_weights.max()
        if not np.isfinite(top) or pareto_k(log_weights) >= K_HAT_LIMIT:
            return None
        weights = np.exp(log_weights - top)
        moved.append(replace(found, weights=weights / weights.sum()))
    return mixture_of(moved, [weight for weight, _ in scenarios])


def _distance(base: Posterior, moved: Iterable[Posterior], pair: tuple[str, str]) -> float:
    draws = _draws(base, pair)
    grid = spanning_grid(draws)
    before = weighted_cdfs(draws, base.weights[None], grid)[0]
    after = [weighted_cdfs(_draws(found, pair), found.weights[None], grid)[0] for found in moved]
    lower, upper = (cjs_distance(before, cdf, grid) for cdf in after)
    return float(power_sensitivity(lower, upper))


def _p_at_both(posterior: Posterior, log_prior: Floats, pair: tuple[str, str]) -> tuple[float, float]:
    """P with one prior raised to each power: the reported P plus the difference that the weights make.

    Given each draw as it is: an engine may average P over w_0 under the prior of w_0, which may be the one scaled.
    """
    given = share_above(*contrast_moments(posterior, *pair))
    reported, base = p_above(posterior, *pair)[0], float(posterior.weights @ given)
    below, above = (float(weights @ given) for weights in power_weights(posterior.weights, log_prior))
    return _inside(reported + below - base), _inside(reported + above - base)


def _inside(p: float) -> float:
    return float(np.clip(p, 0.0, 1.0))


def _draws(posterior: Posterior, pair: tuple[str, str], index: Any = slice(None)) -> Floats:
    """Draws of the contrast, a few attached to each draw of the hyperparameters at `index`."""
    mean, variance = contrast_moments(posterior, *pair)
    return attached_draws(mean[index], np.sqrt(np.maximum(variance[index], 0.0)))
