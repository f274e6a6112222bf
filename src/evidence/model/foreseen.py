"""The law of a result that is not there yet, and how it would be read: draws, likelihoods, outcomes (docs/model.md, section 7).

A *particle* is one draw of the hyperparameters with one of the merits (and of the effects that statements speak of). Given
a particle a result is normal with known moments, so an imagined outcome weighs every particle in closed form: one set of
draws serves thousands of outcomes, and every reader. Where a reader's law is so narrow that few particles keep a weight,
particles are moved instead, in closed form too (Matheron's rule).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Booleans = NDArray[np.bool_]

LEAST_SHARE = 1e-12
"""Variances below this share of the largest count as none."""


@dataclass(frozen=True)
class Foreseen:
    """M equally weighted draws with merits of techniques 1.. and A true effects in proxies, jointly normal in each.

    The first T - 1 entries are merits at the target; hyperparameters as the posterior names them.
    """

    techniques: tuple[str, ...]
    names: tuple[str, ...]
    mean: Floats
    """(M, T - 1 + A) SMD."""
    cov: Floats
    """(M, T - 1 + A, T - 1 + A)"""
    hyper: Floats
    """(M, K)"""
    rho: Floats
    """(M, S) validity of each setting."""

    def taken(self, index: Ints | Booleans) -> Foreseen:
        """The draws at `index`."""
        return Foreseen(
            self.techniques,
            self.names,
            self.mean[index],
            self.cov[index],
            self.hyper[index],
            self.rho[index],
        )

    def value_of(self, name: str) -> Floats:
        """(M,) hyperparameter `name`."""
        return self.hyper[:, self.names.index(name)]


@dataclass(frozen=True)
class StudyDesign:
    """The n results of one study that has not been done."""

    arms: Floats
    """(n, A) loading on the foreseen effects."""
    merits: Floats
    """(n, T - 1) the same contrasts between merits: what face value takes the result for."""
    sampling: Floats
    """(n, n) covariance of sampling errors, SMD^2; 0 for statements."""
    noise: Floats
    """(n, n) in units of sigma^2: techniques shared by results in one setting share their implementation noise."""
    own: Floats
    """(n, studies) loading on each study's allegiance."""
    optimism: Floats
    """(n, places) loading on the optimism of each place: 1 where the comparator is the baseline, 0 at targets."""
    at_target: Booleans
    """(n,)"""
    q: Floats
    """(n,) reliability of a statement, NaN for a result with a size."""
    threshold: Floats
    """(n,) what a statement says the contrast exceeds."""

    @property
    def is_sign(self) -> Booleans:
        """Which results are statements (n,)."""
        return ~np.isnan(self.q)

    def perfect(self) -> StudyDesign:
        """The same study with an endless, flawless sample: no sampling error, statements that are right."""
        q = np.where(self.is_sign, 1.0, self.q)
        return StudyDesign(
            self.arms, self.merits, 1e-8 * self.sampling, 0 * self.noise, self.own, self.optimism, self.at_target, q,
            self.threshold,
        )  # fmt: skip

    def enlarged(self, times: float) -> StudyDesign:
        """The same study with a sample `times` as large; the reliability of statements does not depend on it."""
        return StudyDesign(
            self.arms, self.merits, self.sampling / times, self.noise, self.own, self.optimism, self.at_target, self.q,
            self.threshold,
        )  # fmt: skip


@dataclass(frozen=True)
class Law:
    """How a result depends on what is drawn, for whoever reads it; d numbers are drawn per particle, g results have a size.

    Given draw k and the numbers e, sizes are N(intercept_k + slope_k e, cov_k), and statement i is made with probability
    q_i where what it speaks of, N(located_k + toward_k e, spread_k^2), exceeds its threshold.
    """

    intercept: Floats
    """(M, g)"""
    slope: Floats
    """(M, g, d)"""
    cov: Floats
    """(M, g, g)"""
    located: Floats
    """(M, s)"""
    toward: Floats
    """(M, s, d)"""
    spread: Floats
    """(M, s)"""
    q: Floats
    """(s,)"""
    threshold: Floats
    """(s,)"""

    def sizes_at(self, drawn: Floats, draw: Ints) -> Floats:
        """(S, g) expected sizes at particles `drawn` (S, d)."""
        return self.intercept[draw] + np.einsum("kgd,kd->kg", self.slope[draw], drawn)

    def yes_at(self, drawn: Floats, draw: Ints) -> Floats:
        """(.., S, s) P(each statement is made) at particles `drawn` (.., S, d), short of 0 and 1."""
        from scipy.special import ndtr

        above = self.located[draw] + np.einsum("ksd,...kd->...ks", self.toward[draw], drawn) - self.threshold
        sd = self.spread[draw]
        p = np.where(sd > 0, ndtr(above / np.maximum(sd, 1e-12)), (above > 0).astype(np.float64))
        return np.clip(self.q * p + (1 - self.q) * (1 - p), 1e-9, 1 - 1e-9)

    def features(self, particles: Particles) -> Floats:
        """(S, F): with `Outcomes.features` the log-likelihood of an outcome, up to a constant, is one scalar product."""
        yes, mean = self.yes_at(particles.drawn, particles.draw), self.sizes_at(particles.drawn, particles.draw)
        parts, g = [np.log(yes), np.log1p(-yes)], mean.shape[1]
        if g:
            precision = np.linalg.inv(self.cov)
            at = precision[particles.draw]
            pull = np.einsum("kab,kb->ka", at, mean)
            constant = np.linalg.slogdet(self.cov)[1][particles.draw] + np.einsum("ka,ka->k", pull, mean)
            rows, columns = np.triu_indices(g)
            twice = np.where(rows == columns, 1.0, 2.0)
            parts += [-0.5 * at[:, rows, columns] * twice, pull, -0.5 * constant[:, None]]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Outcomes:
    """J imagined outcomes of one study."""

    sizes: Floats
    """(J, g)"""
    yes: Floats
    """(J, s) 1 where the statement is made."""

    def features(self) -> Floats:
        """What `Law.features` is multiplied by, (J, F)."""
        n, g = self.sizes.shape
        parts = [self.yes, 1 - self.yes]
        if g:
            rows, columns = np.triu_indices(g)
            parts += [self.sizes[:, rows] * self.sizes[:, columns], self.sizes, np.ones((n, 1))]
        return np.concatenate(parts, axis=1)

    def taken(self, index: Ints | slice) -> Outcomes:
        """The outcomes at `index`."""
        return Outcomes(self.sizes[index], self.yes[index])


@dataclass(frozen=True)
class Particles:
    """S particles: merits, then the contrasts that statements speak of, with the draw (S,) of the hyperparameters of each."""

    drawn: Floats
    """(S, d)"""
    draw: Ints
    n_merits: int
    mean: Floats
    """(M, d) of what is drawn, per draw of the hyperparameters."""
    cov: Floats
    """(M, d, d)"""
    warranted: Law

    @property
    def merits(self) -> Floats:
        """(S, T - 1) merits."""
        return self.drawn[:, : self.n_merits]


def draw_particles(foreseen: Foreseen, study: StudyDesign, n: int, *, seed: int) -> Particles:
    """`n` particles (a power of two) of a Sobol sequence over all draws alike, with the warranted law of the study's result."""
    n_merits, n_draws = len(foreseen.techniques) - 1, len(foreseen.mean)
    signs = study.is_sign
    load = np.zeros((len(study.q), foreseen.mean.shape[1]))
    load[:, n_merits:] = study.arms
    loads = np.concatenate([np.eye(n_merits, foreseen.mean.shape[1]), load[signs]])
    # As many of each draw as of any other; in no order, so that the first few stand for all.
    draw = np.random.default_rng([seed, 5]).permutation(n_draws)[np.arange(n) % n_draws]
    mean, cov = foreseen.mean @ loads.T, loads @ foreseen.cov @ loads.T
    root, inverse = _roots(cov)
    drawn = mean[draw] + np.einsum("kab,kb->ka", root[draw], normal_quantile(sobol(n, len(loads), seed)))
    sized, n_signs = load[~signs], int(signs.sum())
    slope = (sized @ foreseen.cov @ loads.T) @ inverse.transpose(0, 2, 1) @ inverse
    rest = sized @ foreseen.cov @ sized.T - slope @ cov @ slope.transpose(0, 2, 1)
    toward = np.concatenate([np.zeros((n_signs, n_merits)), np.eye(n_signs)], axis=1)
    law = Law(
        intercept=foreseen.mean @ sized.T + allegiance_mean(foreseen, study, ~signs) - np.einsum("kgd,kd->kg", slope, mean),
        slope=slope, cov=sound(rest + study_noise(foreseen, study, ~signs)),
        located=np.zeros((n_draws, n_signs)), toward=np.broadcast_to(toward, (n_draws, *toward.shape)),
        spread=np.zeros((n_draws, n_signs)), q=study.q[signs], threshold=study.threshold[signs],
    )  # fmt: skip
    return Particles(drawn, draw, n_merits, mean, cov, law)


def _roots(cov: Floats) -> tuple[Floats, Floats]:
    """Matrices (M, d, d) with root root' = cov, and their inverses; where cov is singular by its eigenvalues."""
    try:
        root = np.linalg.cholesky(cov)
        diagonal = np.diagonal(root, axis1=1, axis2=2)
        if (diagonal.min() if diagonal.size else 1.0) > np.sqrt(LEAST_SHARE) * max(1.0, diagonal.max(initial=0.0)):
            return root, np.linalg.inv(root)
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(cov)
    scale = np.sqrt(np.maximum(values, 0.0))
    usable = values > LEAST_SHARE * np.maximum(values[:, -1:], 1e-300)
    inverse = np.where(usable, 1.0, 0.0)[:, :, None] * vectors.transpose(0, 2, 1)
    return vectors * scale[:, None, :], inverse / np.where(usable, scale, 1.0)[:, :, None]


def study_noise(foreseen: Foreseen, study: StudyDesign, of: Booleans) -> Floats:
    """(M, g, g) sampling error, implementation noise and allegiance of the results `of`."""
    sigma, sigma_d = foreseen.value_of("sigma"), foreseen.value_of("sigma_d")
    both = np.ix_(of, of)
    own = study.own[of] @ study.own[of].T
    return study.sampling[both] + sigma[:, None, None] ** 2 * study.noise[both] + sigma_d[:, None, None] ** 2 * own


def allegiance_mean(foreseen: Foreseen, study: StudyDesign, of: Booleans) -> Floats:
    """(M, g) by how much allegiance is expected to flatter the results `of`."""
    return np.multiply.outer(foreseen.value_of("mu_d"), study.own[of].sum(axis=1))


def sound(cov: Floats) -> Floats:
    """Covariances (.., g, g) with every variance large enough for an inverse."""
    g = cov.shape[-1]
    return (cov + np.swapaxes(cov, -1, -2)) / 2 + 1e-12 * np.eye(g)


def imagine(particles: Particles, n: int, *, seed: int) -> Outcomes:
    """`n` outcomes (a power of two) of the warranted law: a particle each, then its result, by a Sobol sequence."""
    law, g = particles.warranted, particles.warranted.intercept.shape[1]
    u = sobol(n, 1 + g + len(law.q), seed + 1)
    of = np.minimum((u[:, 0] * len(particles.draw)).astype(np.int64), len(particles.draw) - 1)
    drawn, draw = particles.drawn[of], particles.draw[of]
    sizes = law.sizes_at(drawn, draw)
    if g:
        sizes = sizes + np.einsum("kab,kb->ka", np.linalg.cholesky(law.cov)[draw], normal_quantile(u[:, 1 : 1 + g]))
    return Outcomes(sizes, (u[:, 1 + g :] < law.yes_at(drawn, draw)).astype(np.float64))


def sobol(n: int, dimensions: int, seed: int) -> Floats:
    """(n, dimensions) points of a scrambled Sobol sequence strictly inside the unit cube; `n` a power of two."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(n)
    return np.clip(points, 1e-10, 1 - 1e-10)


def normal_quantile(u: Floats) -> Floats:
    """Standard normal quantiles."""
    from scipy.special import ndtri

    return ndtri(u)
