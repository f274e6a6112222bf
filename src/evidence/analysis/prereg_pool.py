"""`evidence prereg pool`: registrations of one question as one belief, with stated weights or weights from past scores."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.prereg_score import belief_about
from evidence.domain.disagreement import Pool, PooledPair, PooledScenario, Reviewer
from evidence.domain.errors import BadInput, Problem
from evidence.domain.registration import QUANTILES, Registration
from evidence.model.condensed import quantiles_of
from evidence.model.contrasts import log_odds_parts
from evidence.model.pools import learned_weights, linear_pool, log_pool, log_pool_probability

type Floats = NDArray[np.float64]
type WeightsAre = Literal["equal", "stated", "learned"]


@dataclass(frozen=True)
class PastScore:
    """What one reviewer scored on one resolved question: mean log density a pair, nats."""

    question: str
    author: str
    log_score: float


def author_of(registration: Registration) -> str:
    """A reviewer's name, as the registry has it."""
    return ", ".join(a.name for a in registration.authors)


def learn_weights(authors: Sequence[str], past: Sequence[PastScore]) -> tuple[Floats, int]:
    """Weights from the questions that every one of them has a score on, and how many those are."""
    scores: dict[str, dict[str, float]] = {}
    for score in past:
        scores.setdefault(score.question, {})[score.author] = score.log_score
    common = [row for row in scores.values() if all(author in row for author in authors)]
    table = np.array([[row[author] for author in authors] for row in common]).reshape(len(common), len(authors))
    return learned_weights(table), len(common)


def pool_registrations(
    registrations: Sequence[tuple[str, Registration]], weights: Sequence[float] | None = None, *,
    past: Sequence[PastScore] | None = None,
) -> Pool:  # fmt: skip
    """The linear and the logarithmic pool of every scenario and pair that all of them registered.

    Weights are stated, learned from `past`, or equal. Raises BadInput for other questions and weights that do not fit.
    """
    records = [r for _, r in registrations]
    if len(records) < 2:
        raise BadInput([Problem("HASH...", None, "", f"{len(records)} registration", "two or more")])
    question = records[0].question.id
    if strangers := [r.id for r in records if r.question.id != question]:
        raise BadInput([Problem(name, None, "question.id", "another question", repr(question)) for name in strangers])
    share, kind, learned = _weights(records, weights, past)
    reviewers = tuple(
        Reviewer(hash=h, authors=tuple(a.name for a in r.authors), weight=float(w), questions=learned)
        for (h, r), w in zip(registrations, share, strict=True)
    )
    notes = (
        ("Weights are equal: no past question was scored for all of them.",)
        if kind == "learned" and not learned
        else ()
    )
    scenarios = [s.target for s in records[0].scenarios if all(_has(r, s.target) for r in records)]
    techniques = [t for t in records[0].question.techniques if all(t in r.question.techniques for r in records)]
    if not scenarios or len(techniques) < 2:
        raise BadInput([Problem(question, None, "scenarios", "none in common", "a scenario and a pair all registered")])
    return Pool(
        question=question, reviewers=reviewers, weights_are=kind, notes=notes,
        scenarios=tuple(_scenario(records, target, techniques, share) for target in scenarios),
    )  # fmt: skip


def _has(registration: Registration, target: str) -> bool:
    return any(b.target == target for b in registration.beliefs)


def _weights(
    records: Sequence[Registration], stated: Sequence[float] | None, past: Sequence[PastScore] | None
) -> tuple[Floats, WeightsAre, int]:
    if stated is not None:
        if len(stated) != len(records) or any(w < 0 for w in stated) or sum(stated) <= 0:
            wanted = f"{len(records)} numbers of at least 0, one for each registration, not all 0"
            raise BadInput([Problem("--weights", None, "", ", ".join(f"{w:g}" for w in stated), wanted)])
        return np.asarray(stated, dtype=np.float64) / sum(stated), "stated", 0
    if past is not None:
        weights, n = learn_weights([author_of(r) for r in records], past)
        return weights, "learned", n
    return np.full(len(records), 1 / len(records)), "equal", 0


def _scenario(
    records: Sequence[Registration], target: str, techniques: Sequence[str], weights: Floats
) -> PooledScenario:
    pairs = list(itertools.combinations(techniques, 2))
    beliefs = [belief_about(r.belief(target).contrasts, pairs) for r in records]
    probs = list(QUANTILES.values())
    none = np.zeros(len(pairs))
    each = np.exp([log_odds_parts(belief, none)[0] for belief in beliefs])
    mixture = linear_pool(beliefs, weights.tolist())
    linear = quantiles_of(mixture, probs)
    _, logarithmic = log_pool(beliefs, weights.tolist(), probs)
    rows = tuple(
        PooledPair(
            technique=pair[0], comparator=pair[1], p=tuple(each[:, k].tolist()), p_linear=float(weights @ each[:, k]),
            p_log=log_pool_probability(np.clip(each[:, k], 1e-12, 1 - 1e-12).tolist(), weights.tolist()),
            linear=_named(linear[k]), log=_named(logarithmic[k]),
        )
        for k, pair in enumerate(pairs)
    )  # fmt: skip
    return PooledScenario(
        target=target, pairs=rows, ranking_linear=_ranking(techniques, rows, "p_linear"),
        ranking_log=_ranking(techniques, rows, "p_log"),
    )  # fmt: skip


def _ranking(techniques: Sequence[str], rows: Sequence[PooledPair], name: str) -> tuple[str, ...]:
    """By the mean probability of being above another technique."""
    wins = dict.fromkeys(techniques, 0.0)
    for row in rows:
        p = getattr(row, name)
        wins[row.technique] += p
        wins[row.comparator] += 1 - p
    return tuple(sorted(techniques, key=lambda t: -wins[t]))


def _named(values: Floats) -> dict[str, float]:
    return dict(zip(QUANTILES, values.tolist(), strict=True))
