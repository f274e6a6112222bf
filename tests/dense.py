"""The slow, obvious oracle of the exact engine: one dense joint normal over everything, written from docs/model.md.

Nothing here is imported from the engine: effects come from the findings' own numbers (`effect` kind, SMD), the
covariance is filled in entry by entry, the posterior is the textbook conditional.
"""

import itertools
import math

import numpy as np


def correlation(base, eta, a, b):
    """R between two of settings/target ('*'), entry by entry."""
    if a == b:
        return 1.0
    x = {s.id: s for s in base.settings}

    def v(s):
        return 1.0 if s == "*" else eta["v"][s]

    def gap(s, d):
        return 0.0 if s == "*" else eta["x"][s, d]

    def relevance(s):
        return 1.0 if s == "*" else eta["l"][x[s].family]

    same = "*" not in (a, b) and x[a].family == x[b].family
    distance = sum(eta["w_d"][d.id] * abs(gap(a, d.id) - gap(b, d.id)) for d in base.question.dimensions)
    if "*" in (a, b):
        distance += eta["w_0"] * eta["novelty"]
    return v(a) * v(b) * math.exp(-distance) * (1.0 if same else relevance(a) * relevance(b))


def effect_cov(base, eta, first, second):
    """Prior covariance of two true effects (technique, setting), setting '*' for merit."""
    (t, s), (u, z) = first, second
    baseline = base.techniques[0].id
    if baseline in (t, u):
        return 0.0
    scale = (eta["tau"] if s == "*" else eta["tau_P"]) * (eta["tau"] if z == "*" else eta["tau_P"])
    across = 1.0 if t == u else eta["r"]
    optimism = eta["sigma_b"] ** 2 if s == z != "*" else 0.0
    return scale * across * correlation(base, eta, s, z) + optimism


def arms_of(finding):
    """(technique, sign) parts of a finding."""
    return [(finding.technique, 1.0)] + ([] if finding.comparator is None else [(finding.comparator, -1.0)])


def own(finding, technique):
    return float(finding.own_technique if technique == finding.technique else finding.own_comparator)


def sampling_cov(findings):
    """Sampling covariance: a shared comparator sample has the smallest comparator variance (half of se^2)."""
    V = np.diag([f.se**2 for f in findings])
    for i, j in itertools.combinations(range(len(findings)), 2):
        a, b = findings[i], findings[j]
        cell = (a.study, a.setting, a.comparator) == (b.study, b.setting, b.comparator)
        if cell and a.comparator is not None and a.shared_comparator and b.shared_comparator:
            members = [f for f in findings if (f.study, f.setting, f.comparator) == (a.study, a.setting, a.comparator)]
            V[i, j] = V[j, i] = min(f.se**2 for f in members) / 2
    return V


def joint(base, eta, queries=()):
    """Mean and covariance of (merits of techniques 1.., findings' y, true-effect `queries`)."""
    findings = base.findings
    merits = [[((t.id, "*"), 1.0)] for t in base.techniques[1:]]
    rows = [[((t, f.setting), sign) for t, sign in arms_of(f)] for f in findings]
    asked = [[(q, 1.0)] for q in queries]
    parts = merits + rows + asked
    n, m = len(parts), len(merits)
    C = np.array([[sum(a * b * effect_cov(base, eta, p, q) for p, a in P for q, b in Q) for Q in parts] for P in parts])
    mean = np.zeros(n)
    baseline = base.techniques[0].id
    for i, part in enumerate(parts):
        mean[i] = sum(sign * eta["mu_b"] for (t, s), sign in part if t != baseline and s != "*")
    V = sampling_cov(findings)
    for i, a in enumerate(findings):
        sign_a = sum(sign * own(a, t) for t, sign in arms_of(a))
        mean[m + i] += eta["mu_d"] * sign_a
        for j, b in enumerate(findings):
            sign_b = sum(sign * own(b, t) for t, sign in arms_of(b))
            if a.study == b.study:
                V[i, j] += eta["sigma_d"] ** 2 * sign_a * sign_b
                if a.setting == b.setting:
                    pairs = itertools.product(arms_of(a), arms_of(b))
                    V[i, j] += eta["sigma"] ** 2 * sum(p * q for (t, p), (u, q) in pairs if t == u)
                    if a.comparator is None and b.comparator is None:
                        V[i, j] += 100.0
    block = slice(m, m + len(findings))
    C[block, block] += V
    return mean, C, m, len(findings)


def log_likelihood_and_posterior(base, eta, queries=()):
    """log p(y | eta), and posterior mean and covariance of merits (then queries)."""
    mean, C, m, n = joint(base, eta, queries)
    y = np.array([f.estimate if f.higher_is_better else -f.estimate for f in base.findings])
    block = np.arange(m, m + n)
    rest = np.array([i for i in range(len(mean)) if i not in set(block)])
    S = C[np.ix_(block, block)]
    r = y - mean[block]
    K = C[np.ix_(rest, block)]
    solve = np.linalg.solve(S, np.column_stack([r, K.T]))
    log_likelihood = -0.5 * (n * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + r @ solve[:, 0])
    return log_likelihood, mean[rest] + K @ solve[:, 0], C[np.ix_(rest, rest)] - K @ solve[:, 1:]
