"""The slow, obvious oracle of the exact engine: one dense joint normal over everything, written from docs/model.md.

Nothing here is imported from the engine: effects come from the findings' own numbers (`effect` kind, SMD), the
covariance is filled in entry by entry, the posterior is the textbook conditional.
"""

import itertools
import math

import numpy as np


def place(base, s):
    """'*' and the primary target are one place."""
    return "*" if s == base.question.targets[0].id else s


def is_target(base, s):
    return s == "*" or s in {t.id for t in base.question.targets}


def correlation(base, eta, a, b):
    """R between two of settings/targets ('*' the target in use, the first), entry by entry."""
    a, b = place(base, a), place(base, b)
    if a == b:
        return 1.0
    x = {s.id: s for s in base.settings}
    targets = {t.id: t for t in base.question.targets}

    def v(s):
        return 1.0 if is_target(base, s) else eta["v"][s]

    def gap(s, d):
        if s == "*":
            return 0.0
        return targets[s].coordinates.get(d, 0.0) if s in targets else eta["x"][s, d]

    def relevance(s):
        return 1.0 if is_target(base, s) else eta["l"][x[s].family]

    def novelty(s):
        return eta["novelty"] if s == "*" else targets[s].novelty if s in targets else 0.0

    same = not is_target(base, a) and not is_target(base, b) and x[a].family == x[b].family
    distance = sum(eta["w_d"][d.id] * abs(gap(a, d.id) - gap(b, d.id)) for d in base.question.dimensions)
    distance += eta["w_0"] * (novelty(a) + novelty(b))
    return v(a) * v(b) * math.exp(-distance) * (1.0 if same else relevance(a) * relevance(b))


def spread(base, eta, s):
    """Scale of true effects at a place."""
    return eta["tau"] if is_target(base, s) else eta["tau_P"] * eta.get("lambda", {}).get(s, 1.0)


def effect_cov(base, eta, first, second):
    """Prior covariance of two true effects (technique, place), '*' for merit at the target in use."""
    (t, s), (u, z) = first, second
    baseline = base.techniques[0].id
    if baseline in (t, u):
        return 0.0
    across = 1.0 if t == u else eta["r"]
    optimism = eta["sigma_b"] ** 2 if s == z and not is_target(base, s) else 0.0
    return spread(base, eta, s) * spread(base, eta, z) * across * correlation(base, eta, s, z) + optimism


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
    beliefs = [[((b.technique, "*"), 1.0)] for b in base.merits if eta["tau"] > b.sd]
    parts += beliefs
    n, m = len(parts), len(merits)
    C = np.array([[sum(a * b * effect_cov(base, eta, p, q) for p, a in P for q, b in Q) for Q in parts] for P in parts])
    mean = np.zeros(n)
    baseline = base.techniques[0].id
    for i, part in enumerate(parts):
        mean[i] = sum(sign * eta["mu_b"] for (t, s), sign in part if t != baseline and not is_target(base, s))
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
    for i, belief in enumerate(b for b in base.merits if eta["tau"] > b.sd):
        C[n - len(beliefs) + i, n - len(beliefs) + i] += belief_variance(belief, eta["tau"])
    return mean, C, m, len(findings)


def belief_variance(belief, tau):
    return belief.sd**2 * tau**2 / (tau**2 - belief.sd**2)


def log_likelihood_and_posterior(base, eta, queries=()):
    """log p(y | eta, registered merits), and posterior mean and covariance of merits (then queries)."""
    mean, C, m, n = joint(base, eta, queries)
    y = np.array([f.estimate if f.higher_is_better else -f.estimate for f in base.findings])
    held = [b for b in base.merits if eta["tau"] > b.sd]
    y = np.append(y, [b.mean * eta["tau"] ** 2 / (eta["tau"] ** 2 - b.sd**2) for b in held])
    block = np.array([*range(m, m + n), *range(len(mean) - len(held), len(mean))])
    rest = np.array([i for i in range(len(mean)) if i not in set(block)])
    S = C[np.ix_(block, block)]
    r = y - mean[block]
    K = C[np.ix_(rest, block)]
    solve = np.linalg.solve(S, np.column_stack([r, K.T]))
    own = S[n:, n:]
    log_beliefs = gaussian(r[n:], own) if held else 0.0
    return gaussian(r, S) - log_beliefs, mean[rest] + K @ solve[:, 0], C[np.ix_(rest, rest)] - K @ solve[:, 1:]


def gaussian(r, S):
    """log N(r; 0, S)."""
    return -0.5 * (len(r) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + r @ np.linalg.solve(S, r))
