"""How a result is read by those who take its proxy for better than it is: as laws of the result (docs/model.md, section 7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evidence.model.foreseen import Foreseen, Law, Particles, StudyDesign, allegiance_mean, sound, study_noise

type Floats = NDArray[np.float64]


def read_with_validity(foreseen: Foreseen, study: StudyDesign, particles: Particles, rho: float) -> Law:
    """As somebody reads it who takes the study's proxies for one whose validity is `rho`, and everything else as warranted.

    Given merits theta, effects in such a proxy are b + (tau_P / tau) rho theta + tau_P sqrt(1 - rho^2) eps, with eps as
    alike between techniques as merits are. Results at a target are what they are.
    """
    tau, tau_P, r = (foreseen.value_of(name) for name in ("tau", "tau_P", "r"))
    slope = np.where(study.at_target, 1.0, rho * (tau_P / tau)[:, None])
    spread = np.where(study.at_target, 0.0, np.sqrt(1 - rho**2) * tau_P[:, None])
    shared = np.outer(study.merits.sum(axis=1), study.merits.sum(axis=1))
    alike = (1 - r)[:, None, None] * (study.merits @ study.merits.T) + r[:, None, None] * shared
    sigma_b, mu_b = foreseen.value_of("sigma_b"), foreseen.value_of("mu_b")
    cov = spread[:, :, None] * spread[:, None, :] * alike
    cov += sigma_b[:, None, None] ** 2 * (study.optimism @ study.optimism.T)
    signs = study.is_sign
    noise = study_noise(foreseen, study, ~signs)
    mean = mu_b[:, None] * study.optimism.sum(axis=1)
    mean[:, ~signs] += allegiance_mean(foreseen, study, ~signs)
    load = slope[:, :, None] * study.merits
    sd = np.sqrt(np.maximum(np.diagonal(cov, axis1=1, axis2=2), 0.0))
    return _law(study, particles, (mean, load, cov[:, ~signs][:, :, ~signs] + noise, sd))


def read_at_face_value(study: StudyDesign, particles: Particles) -> Law:
    """As somebody reads it for whom the proxy is the target: the sample's error is the only doubt."""
    n, sized = len(particles.mean), ~study.is_sign
    load = np.broadcast_to(study.merits, (n, *study.merits.shape))
    sampling = study.sampling[np.ix_(sized, sized)]
    nothing = np.zeros((n, len(study.q)))
    return _law(study, particles, (nothing, load, np.broadcast_to(sampling, (n, *sampling.shape)), nothing))


def _law(study: StudyDesign, particles: Particles, parts: tuple[Floats, Floats, Floats, Floats]) -> Law:
    """A law that knows the merits alone: mean (M, n), loading on the merits (M, n, T - 1), covariance of sizes, sd (M, n)."""
    mean, load, cov, sd = parts
    signs = study.is_sign
    spoken_of = np.zeros((*load.shape[:2], particles.mean.shape[1] - particles.n_merits))
    load = np.concatenate([load, spoken_of], axis=2)
    return Law(
        intercept=mean[:, ~signs], slope=load[:, ~signs], cov=sound(cov), located=mean[:, signs],
        toward=load[:, signs], spread=sd[:, signs], q=study.q[signs], threshold=study.threshold[signs],
    )  # fmt: skip
