"""`evidence diagnose`: the checks of a stored fit, beside the same ones computed from its draws today."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from evidence.analysis.fingerprint import compare_fingerprints, quantiles_of
from evidence.domain.results import SAME_FINGERPRINT, Check, Diagnosis, FitHeader
from evidence.inference.checks import checks_of_chains, effective_sample_size, weight_checks
from evidence.inference.engine import MCSE_LIMIT, Posterior, pair_moments

type Floats = NDArray[np.float64]

SAME = {"k_hat": (0.1, 0.0), "mcse_p": (1e-6, 1e-4), "ess": (0.0, 1e-4)}
"""Largest difference from the stored value, absolute and relative. Draws without weight are not stored, and the fewer
draws there are the shorter the tail that k-hat is fitted to. Other checks need only agree on the verdict."""


def diagnose_fit(header: FitHeader, posterior: Posterior, prior: Mapping[str, Floats]) -> Diagnosis:
    """What a stored fit is worth. `prior` are its draws (M,) of the prior that was used, by name."""
    recomputed = _recomputed(header, posterior)
    disagreeing = tuple(name for name, check in recomputed.items() if not _agree(name, header.checks[name], check))
    found = {name: quantiles_of(values) for name, values in prior.items()}
    stored = {name: quantiles for name, quantiles in header.fingerprint.items() if name in found}
    difference = compare_fingerprints(stored, found).largest
    passed = header.ok and not disagreeing and all(check.ok for check in recomputed.values())
    return Diagnosis(
        base=header.base, target=header.target, model=header.model, engine=header.engine, checks=header.checks,
        recomputed=recomputed, disagreeing=disagreeing, fingerprint=header.fingerprint,
        fingerprint_max_diff=min(difference, 1e300), ok=passed and difference <= SAME_FINGERPRINT,
        provenance=header.provenance,
    )  # fmt: skip


def is_whole(posterior: Posterior) -> bool:
    """True where the draws are those the checks speak of: neither thinned nor of several targets in one heap."""
    if posterior.chains > 1 or "ess" not in posterior.checks:
        return posterior.chains > 1
    found = Check(value=effective_sample_size(posterior.weights), ok=posterior.checks["ess"].ok, wanted="")
    return _agree("ess", posterior.checks["ess"], found)


def _recomputed(header: FitHeader, posterior: Posterior) -> dict[str, Check]:
    """The stored checks that the draws alone can tell again."""
    if posterior.chains > 1:
        found = checks_of_chains(posterior)
        return {name: check for name, check in found.items() if name in header.checks}
    if not header.whole:
        return {}
    log_weights = np.log(np.maximum(posterior.weights, 1e-300))
    found = weight_checks(log_weights, posterior.weights, mcse=pair_moments(posterior)[1], mcse_limit=MCSE_LIMIT)
    return {name: check for name, check in found.items() if name in header.checks}


def _agree(name: str, stored: Check, found: Check) -> bool:
    absolute, relative = SAME.get(name, (math.inf, 0.0))
    return stored.ok == found.ok and abs(stored.value - found.value) <= absolute + relative * abs(stored.value)
