"""`evidence calibrate`: default priors from bridges, what each of them rests on, and base rates for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.bridge_laws import Fitted, Pooled, checks_of, checks_of_laws, groups_of, pool_bridges
from evidence.analysis.fitting import VERSION
from evidence.analysis.learned_models import model_of
from evidence.analysis.options import Map, Progress
from evidence.domain.calibration import BaseRate, BridgeShare, Calibration, LearnedLaw, LearnedWeight, LeftOut
from evidence.domain.canonical import sha256_of
from evidence.domain.records import EvidenceBase, Model, Prior
from evidence.inference.engine import Engine
from evidence.inference.pooling import COMMON, SCALES, LearnedLaws, class_means
from evidence.model.priors import Mixture, law_quantiles, look_up, quantiles_at, tabulate

type Floats = NDArray[np.float64]

PHI_DRAWS, RHO_DRAWS = 4000, 20_000
OPINION = "Opinion, no data: no bridge moves it. "
LEARNED, MOVED = " Learned on bridges.", " No bridge has it: moved with the other classes, else opinion."
"""What is added to the claim of a class."""
LEAST_CONTRACTION = 0.1
"""Below it a law is where opinion put it."""
DISTANCES: Mapping[str, tuple[float, tuple[float, ...]]] = {
    "a sibling of the same series and months": (0.25, (0.5,)),
    "another laboratory's model of the same years": (0.5, (1.0, 0.5)),
    "a future model unlike anything measured": (1.0, (1.0, 1.0, 0.5, 0.5)),
}
"""Targets of the base-rate table: novelty n_g, and the gaps that are not 0."""


def calibrate(
    bridges: Sequence[EvidenceBase], start: Model, *, engine: Engine, seed: int, date: str,
    hold: Collection[str] = (), progress: Progress | None = None, over: Map = map,
) -> Calibration:  # fmt: skip
    """Laws learned over the bridges, and without each group of them. Raises BadInput for what cannot be used."""
    pooled = pool_bridges(bridges, start, engine=engine, seed=seed, hold=hold, progress=progress, over=over)
    groups, names = groups_of(bridges), [b.question.id for b in bridges]
    writer, laws = _Writer(pooled, date, seed), pooled.all.laws
    model = writer.model(laws, names, without=())
    left_out: list[LeftOut] = []
    for group, found in pooled.without.items():
        out = tuple(n for n, g in zip(names, groups, strict=True) if g == group)
        kept = [n for n in names if n not in out]
        unseen = writer.model(found.laws, kept, without=out)
        left_out.append(LeftOut(group=group, bridges=out, model=unseen, checks=checks_of_laws(found)))
    return Calibration(
        date=date, version=VERSION, seed=seed, hold=pooled.hold, started_from=sha256_of(start), model=model,
        checks=checks_of_laws(pooled.all), left_out=tuple(left_out),
        laws=tuple(_laws(pooled, laws, seed)), weights=tuple(_weights(pooled)),
        bridges=tuple(_shares(pooled, groups)), base_rates=tuple(base_rates(model, bridges, seed)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Writer:
    """Model files from laws: numbers, each with a sentence that says what it rests on."""

    pooled: Pooled
    date: str
    seed: int

    def model(self, laws: LearnedLaws, learned_on: Sequence[str], *, without: tuple[str, ...]) -> Model:
        """The model of laws learned on some bridges; `without` are those it has not seen."""
        pooled, start = self.pooled, self.pooled.start
        model = model_of(laws.draws(PHI_DRAWS, self.seed), pooled.shape, start)
        found = {law.name: law for law in _laws(pooled, laws, self.seed)}
        priors = model.priors | {
            name: model.priors[name].model_copy(
                update={"claim": claim_of(found[name], start.priors[name], held=name in pooled.hold)}
            )
            for name in SCALES
        }
        priors |= {
            name: p.model_copy(update={"claim": OPINION + p.claim}) for name, p in priors.items() if name not in SCALES
        }
        seen = [f.base for f in pooled.all.fitted if f.base.question.id in learned_on]
        used = {family.validity_class for base in seen for family in base.families}
        classes = {
            name: c.model_copy(update={"claim": _without_note(start.classes[name].claim) + _class_claim(name, used)})
            for name, c in model.classes.items()
        }
        hashes = ", ".join(f"{base.question.id} {sha256_of(base)[:8]}" for base in seen)
        held = f", {', '.join(pooled.hold)} held by hand" if pooled.hold else ""
        provenance = (
            f"Learned by `evidence calibrate` on {self.date} from the model {start.id} (version {VERSION}, seed "
        )
        provenance += f"{self.seed}) on the bridges {hashes}{held}." if seen else f"{self.seed}) on no bridge."
        head = {
            "id": f"without-{without[0]}" if without else "default",
            "title": f"Without {', '.join(without)}" if without else "Default",
            "claim": start.claim,
            "provenance": provenance + (f" Has not seen {', '.join(without)}." if without else ""),
        }
        return model.model_copy(update={**head, "priors": priors, "classes": classes})


def claim_of(law: LearnedLaw, by_hand: Prior, *, held: bool) -> str:
    """What the prior of a learned or held scale claims."""
    if held:
        return f"Held by hand, opinion: the bridges were not asked. {by_hand.claim}"
    if law.is_opinion:
        return f"{OPINION}{by_hand.claim}"
    return (
        f"Learned: scale {law.learned:.3g} (80 %, equal-tailed: {law.learned_q10:.2g} to {law.learned_q90:.2g}) where "
        f"the hand had {law.by_hand:.2g}; the bridges took {100 * law.contraction:.0f} % of the variance of its logarithm."
    )


def _class_claim(name: str, used: set[str]) -> str:
    return LEARNED if name in used else MOVED


def _without_note(claim: str) -> str:
    """The claim of a class before a calibration added to it: learning may start from a learned model."""
    return claim.removesuffix(LEARNED).removesuffix(MOVED)


def _laws(pooled: Pooled, laws: LearnedLaws, seed: int) -> Iterator[LearnedLaw]:
    """Every coordinate of the laws in its own units, by hand and learned."""
    shape, phi = pooled.shape, laws.draws(PHI_DRAWS, seed)
    contraction = 1 - np.diag(laws.cov) / pooled.sd**2
    n = len(SCALES)
    scales = np.exp(pooled.mean[:n] + pooled.sd[:n] ** 2)
    for k, name in enumerate(SCALES):
        law = _law(name, float(scales[k]), np.exp(phi[:, k]), float(contraction[k]))
        # A model file holds the half-normal law nearest to the average over what is not known of its scale.
        yield law.model_copy(update={"learned": float(np.sqrt(np.mean(np.exp(2 * phi[:, k]))))})
    v, l, pi = class_means(phi, shape)  # noqa: E741 (the names of the mathematics)
    first = pooled.start.classes[shape.classes[0]]
    yield _law("v (mean)", _beta_mean(first.construct_noise), v, float(contraction[n]))
    for c, name in enumerate(shape.classes):
        k = n + len(COMMON) + c
        own_l = _share(pooled, laws, (n + 1, k))
        own_pi = _share(pooled, laws, (n + 2, k + len(shape.classes)))
        by_hand = pooled.start.classes[name]
        yield _law(f"relevance[{name}] (mean)", _beta_mean(by_hand.relevance), l[:, c], own_l)
        yield _law(f"irrelevance[{name}]", by_hand.irrelevance, pi[:, c], own_pi)


def _beta_mean(prior: Prior) -> float:
    a, b = prior.a or 1.0, prior.b or 1.0
    return a / (a + b)


def _share(pooled: Pooled, laws: LearnedLaws, at: tuple[int, int]) -> float:
    """Contraction of the sum of two coordinates: the common shift and a class's own."""
    before = pooled.sd[at[0]] ** 2 + pooled.sd[at[1]] ** 2
    after = laws.cov[at[0], at[0]] + laws.cov[at[1], at[1]] + 2 * laws.cov[at[0], at[1]]
    return float(1 - after / before)


def _law(name: str, by_hand: float, draws: Floats, contraction: float) -> LearnedLaw:
    q10, q50, q90 = np.quantile(draws, [0.1, 0.5, 0.9]).tolist()
    contraction = float(np.clip(contraction, 0.0, 1.0))
    return LearnedLaw(
        name=name, by_hand=by_hand, learned=q50, learned_q10=q10, learned_q90=q90, contraction=contraction,
        is_opinion=contraction < LEAST_CONTRACTION,
    )  # fmt: skip


def _weights(pooled: Pooled) -> Iterator[LearnedWeight]:
    """w_d of every dimension the bridges name, from the bridge whose posterior of it is narrowest."""
    by_dimension: dict[str, list[tuple[str, Floats]]] = {}
    for fitted, log_weights in zip(pooled.all.fitted, pooled.all.laws.log_weights, strict=True):
        for d in fitted.base.question.dimensions:
            found = by_dimension.setdefault(d.id, [])
            if _varies(fitted, d.id):
                k = fitted.case.hyper.names.index(f"w_d[{d.id}]")
                found.append((fitted.base.question.id, _resampled(fitted.posterior.hyper[:, k], log_weights)))
    for dimension, found in sorted(by_dimension.items()):
        best = min((draws for _, draws in found), key=lambda draws: float(np.std(draws)), default=None)
        q10, q90 = (None, None) if best is None else np.quantile(best, [0.1, 0.9]).tolist()
        yield LearnedWeight(
            dimension=dimension, bridges=tuple(name for name, _ in found),
            w_mean=None if best is None else float(best.mean()), w_q10=q10, w_q90=q90,
        )  # fmt: skip


def _varies(fitted: Fitted, dimension: str) -> bool:
    """True if two places of the bridge, settings or targets, stand apart on the dimension."""
    levels = fitted.base.question.gap_levels
    places = [s.gaps[dimension] for s in fitted.base.settings]
    places += [t.coordinates.get(dimension, 0.0) for t in fitted.base.question.targets]
    return len({levels.get(x, x) if isinstance(x, str) else x for x in places}) > 1


def _resampled(values: Floats, log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    cumulative = np.cumsum(weights) / weights.sum()
    positions = (np.arange(len(values)) + 0.5) / len(values)
    return values[np.minimum(np.searchsorted(cumulative, positions), len(values) - 1)]


def _shares(pooled: Pooled, groups: Sequence[str]) -> Iterator[BridgeShare]:
    for fitted, log_weights, group in zip(pooled.all.fitted, pooled.all.laws.log_weights, groups, strict=True):
        ess, checks = checks_of(fitted, log_weights)
        base = fitted.base
        yield BridgeShare(
            bridge=base.question.id, group=group, base_sha256=sha256_of(base), findings=len(base.findings),
            outcomes=len(base.outcomes), ess=ess, checks=checks,
        )  # fmt: skip


def base_rates(model: Model, bridges: Sequence[EvidenceBase], seed: int) -> Iterator[BaseRate]:
    """How often a proxy of each class keeps the order of two techniques, at three distances from the target."""
    rng = np.random.default_rng(seed)
    for name, validity_class in sorted(model.classes.items()):
        law = Mixture(validity_class.irrelevance, validity_class.irrelevant, validity_class.relevance)
        learned_on = tuple(b.question.id for b in bridges if any(f.validity_class == name for f in b.families))
        for target, (novelty, gaps) in DISTANCES.items():
            z = np.clip(rng.standard_normal((RHO_DRAWS, 3 + len(gaps))), -6.0, 6.0)
            table = tabulate(law_quantiles(law))[None]
            l, v = look_up(np, table, z[:, :1])[:, 0], quantiles_at(validity_class.construct_noise, z[:, 1])  # noqa: E741
            w_0 = quantiles_at(model.priors["w_0"], z[:, 2])
            w_d = quantiles_at(model.priors["w_d"], z[:, 3:])
            rho = l * v * np.exp(-w_0 * novelty - w_d @ np.array(gaps))
            q10, q50, q90 = np.quantile(rho, [0.1, 0.5, 0.9]).tolist()
            yield BaseRate(
                proxy=name, target=target, learned_on=learned_on, rho_q10=q10, rho_q50=q50, rho_q90=q90,
                order_kept_in_100=float(100 * np.mean(0.5 + np.arcsin(np.clip(rho, -1, 1)) / np.pi)),
            )  # fmt: skip
