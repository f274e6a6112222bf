"""Values of information with a closed form, where everything is normal (docs/model.md, section 7).

They are what the simulation in `analysis/` is held against, and exact where they apply.
"""

from __future__ import annotations

import math


def _pdf(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def gain_of_two(difference: float, sd: float) -> float:
    """Expected gain of choosing the larger of two merits after learning, over choosing before.

    `difference` is the expected difference, `sd` that of its expectation after learning: the prior sd for perfect
    information, sd of E[difference | result] for a sample.
    """
    if sd <= 0:
        return 0.0
    return sd * _pdf(difference / sd) - abs(difference) * _cdf(-abs(difference) / sd)


def sd_of_expectation(prior_sd: float, se: float) -> float:
    """Sd of the posterior mean of N(m, prior_sd^2) measured with standard error `se`."""
    return prior_sd**2 / math.sqrt(prior_sd**2 + se**2)


def value_of_gain(mean: float, *, kappa: float, cov: float, variance: float) -> float:
    """Value of a result for a reader who updates by `kappa` per unit of surprise, and adopts where its mean is then above 0.

    Merit has expectation `mean`, the result variance `variance` and covariance `cov` with it; kappa = cov / variance
    is calibrated. Negative where over-updating costs more than the result gives.
    """
    shift = abs(kappa) * math.sqrt(variance)
    if shift == 0:
        return 0.0
    return mean * _cdf(mean / shift) + kappa * cov / shift * _pdf(mean / shift) - max(0.0, mean)


def calibrated_gain(*, cov: float, variance: float) -> float:
    """The gain that is warranted."""
    return cov / variance


def p_both(a: float, b: float, correlation: float) -> float:
    """P(X <= a and Y <= b) of two standard normals, by Owen's T (1956)."""
    from scipy.special import owens_t

    if abs(correlation) >= 1 - 1e-15:
        return _cdf(min(a, b)) if correlation > 0 else max(0.0, _cdf(a) - _cdf(-b))
    if a == 0 and b == 0:
        return 0.25 + math.asin(correlation) / (2 * math.pi)
    root = math.sqrt(1 - correlation**2)

    def part(x: float, y: float) -> float:
        if x == 0:
            return 0.5 * (0.5 if y > 0 else -0.5) if y else 0.0
        return float(owens_t(x, (y / x - correlation) / root))

    delta = 0.5 if a * b < 0 or (a * b == 0 and a + b < 0) else 0.0
    return 0.5 * (_cdf(a) + _cdf(b)) - part(a, b) - part(b, a) - delta


def hours_of_verify_or_ship(
    mean: float, sd: float, *, threshold: float, cov: float, variance: float, check: float, failure: float,
    kappa: float | None = None, reader_sd: float | None = None,
) -> float:  # fmt: skip
    """Expected hours of one technique that is shipped where the reader's P(merit <= threshold) x failure < check, else checked.

    Merit N(mean, sd^2); the result has variance `variance` and covariance `cov` with it. The reader's posterior after a
    surprise s is N(mean + kappa s, reader_sd^2): calibrated where neither is given.
    """
    gain = cov / variance if kappa is None else kappa
    spread = math.sqrt(max(sd**2 - cov**2 / variance, 0.0)) if reader_sd is None else reader_sd
    ratio = check / failure
    if ratio >= 1:
        needed = -math.inf
    else:
        from scipy.special import ndtri

        needed = threshold - spread * float(ndtri(ratio))
    shift = abs(gain) * math.sqrt(variance)
    if shift == 0:
        ships = mean > needed
        return failure * _cdf((threshold - mean) / sd) if ships else check
    bound = (needed - mean) / shift  # ships where the standardised surprise, in the gain's direction, is above
    correlation = math.copysign(1.0, gain) * cov / (sd * math.sqrt(variance))
    fails = (threshold - mean) / sd
    p_fails_shipped = _cdf(fails) - p_both(fails, bound, correlation)
    return check * _cdf(bound) + failure * p_fails_shipped


def value_of_verify_or_ship(
    mean: float, sd: float, *, threshold: float, cov: float, variance: float, check: float, failure: float,
    kappa: float | None = None, reader_sd: float | None = None,
) -> float:  # fmt: skip
    """Hours saved by deciding between checking and shipping one technique after the result rather than before."""
    before = min(check, failure * _cdf((threshold - mean) / sd))
    after = hours_of_verify_or_ship(
        mean, sd, threshold=threshold, cov=cov, variance=variance, check=check, failure=failure, kappa=kappa,
        reader_sd=reader_sd,
    )  # fmt: skip
    return before - after
