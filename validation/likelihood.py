"""The likelihood of the normal findings, dense and from docs/model.md: a quantity that depends on the data.

One joint normal over findings and merits, its covariance filled in pair by pair. Like the simulator it shares no code
with an engine; unlike the simulator, which draws noise, allegiance and samples one by one, it knows them as covariances.
"""

import math

import numpy as np

from simulator import (
    LEADING,
    LEVEL_SD,
    comparator_sample,
    comparator_variances,
    correlation,
    hedges_correction,
    middle_n,
    name_of_n,
    se_smd,
    sign,
    unit,
    variance_of_means,
)


def measured_smd(f):
    """Effect of a normal finding in SMD, higher = better."""
    if f.kind == "means":
        return sign(f) * (f.mean - f.mean0) / f.sd * hedges_correction(middle_n(f))
    return f.estimate / unit(f)


def is_normal(f):
    """Whether the finding is normal given the true effects."""
    return f.kind in {"effect", "means"}


def log_likelihoods(base, eta, merits):
    """log p(y | eta) and log p(y | eta, merits), each (B,), of the normal findings; `merits` is (B, T)."""
    findings = [f for f in base.findings if is_normal(f)]
    arms = _Arms(base, findings)
    y = np.array([measured_smd(f) for f in findings])
    residual = y - eta["mu_b"][:, None] * arms.total - eta["mu_d"][:, None] * arms.own
    R, sampling = correlation(base, eta), _sampling_covariance(base, findings, y, eta)
    scalars = {name: eta[name][:, None, None] for name in LEADING}
    cov = _covariance(arms, R, scalars) + sampling
    with_merits, of_merits = _covariance_with_merits(arms, R, scalars)
    explained = np.linalg.solve(of_merits, with_merits.transpose(0, 2, 1))
    given = residual - np.einsum("bti,bt->bi", explained, merits[:, 1:])
    return _log_normal(residual, cov), _log_normal(given, cov - with_merits @ explained)


def _covariance(arms, R, eta):
    """(B, N, N): true effects with their optimism, implementation noise, allegiance."""
    across = (1 - eta["r"]) * arms.alike + eta["r"] * np.outer(arms.total, arms.total)
    cov = eta["tau_P"] ** 2 * across * R[:, arms.setting[:, None], arms.setting]
    cov = cov + eta["sigma_b"] ** 2 * arms.same_setting * np.outer(arms.total, arms.total)
    return cov + eta["sigma"] ** 2 * arms.noise + eta["sigma_d"] ** 2 * arms.allegiance


def _covariance_with_merits(arms, R, eta):
    """Covariance of findings with merits (B, N, T - 1), and of merits (B, T - 1, T - 1)."""
    of_techniques, r = arms.signs[:, 1:], eta["r"]
    across = (1 - r) * of_techniques + r * arms.total[:, None]
    of_merits = eta["tau"] ** 2 * ((1 - r) * np.eye(of_techniques.shape[1]) + r)
    return eta["tau"] * eta["tau_P"] * R[:, arms.setting, -1][:, :, None] * across, of_merits


class _Arms:
    """Which arms each normal finding compares: signs (N, T), and what pairs of findings have in common (N, N)."""

    def __init__(self, base, findings):
        techniques, settings = [t.id for t in base.techniques], [s.id for s in base.settings]
        self.signs = np.array(
            [[float(t == f.technique) - float(t == f.comparator) for t in techniques] for f in findings]
        )
        self.setting = np.array([settings.index(f.setting) for f in findings])
        self.own = np.array([float(f.own_technique) - float(f.own_comparator) for f in findings])
        self.total = self.signs[:, 1:].sum(axis=1)
        self.alike = self.signs[:, 1:] @ self.signs[:, 1:].T
        same_study = np.array([[f.study == g.study for g in findings] for f in findings])
        self.same_setting = self.setting[:, None] == self.setting
        self.noise = same_study * self.same_setting * (self.signs @ self.signs.T)
        self.allegiance = same_study * np.outer(self.own, self.own)


def _sampling_covariance(base, findings, y, eta):
    """(B, N, N): sampling errors, comparator samples that rows share, and levels of cells of arms."""
    cov = np.zeros((len(eta["tau"]), len(findings), len(findings)))
    shared = comparator_variances(base.findings)
    for i, f in enumerate(findings):
        cov[:, i, i] = variance_of_means(f, y[i], eta[name_of_n(f)]) if f.kind == "means" else se_smd(f) ** 2
        for j, g in enumerate(findings):
            if f.is_arm and g.is_arm and (f.study, f.setting) == (g.study, g.setting):
                cov[:, i, j] += LEVEL_SD**2
            elif i != j and f.kind == g.kind == "effect" and comparator_sample(f) == comparator_sample(g) is not None:
                cov[:, i, j] += shared[comparator_sample(f)]
    return cov


def _log_normal(residual, cov):
    factor = np.linalg.cholesky(cov)
    white = np.linalg.solve(factor, residual[:, :, None])[:, :, 0]
    log_det = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return -0.5 * ((white**2).sum(axis=1) + log_det + residual.shape[1] * math.log(2 * math.pi))
