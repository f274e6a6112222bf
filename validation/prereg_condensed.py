"""How far the 48 components of a frozen belief are from the mixture they stand for.

`python validation/prereg_condensed.py data/control data/bridges/harmbench`
"""

import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.prereg_beliefs import DRAWS, contrast_mixture
from evidence.domain.registration import QUANTILES
from evidence.inference.engine import pair_moments
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.io.tables import load_base
from evidence.model.condensed import condensed, log_density, quantiles_of
from evidence.model.contrasts import Contrasts

PROBS = np.array(list(QUANTILES.values()))
RESULTS = np.array([-1.0, -0.3, 0.2, 0.8, 2.0])
SE = 0.15
STEP = 11
"""Every so manieth pair is looked at."""


def differences(folder):
    """Largest error over pairs of the CDF at each frozen quantile, and of the log density of RESULTS observed with SE."""
    case = prepare_case(load_base(Path(folder)), load_model(find_model("default")), target=None, settings=(), seed=1)
    posterior = fit_case(case, ExactEngine(), seed=1)
    p, _ = pair_moments(posterior)
    draws = posterior.resampled(DRAWS)
    worst, density = np.zeros(len(PROBS)), 0.0
    for k, (a, b) in enumerate(zip(*np.triu_indices(len(posterior.techniques), k=1), strict=True)):
        if k % STEP:
            continue
        w, m, s = (x.ravel() for x in contrast_mixture(posterior, a, b))
        mean, sd = condensed(*(x.ravel() for x in contrast_mixture(draws, a, b)), p_above=float(p[k]))
        few = Contrasts(np.full((1, len(mean)), 1 / len(mean)), mean[None], sd[None])
        below = np.array([w @ ndtr((x - m) / np.maximum(s, 1e-12)) for x in quantiles_of(few, PROBS)[0]])
        worst = np.maximum(worst, np.abs(below - PROBS))
        wide = np.hypot(s, SE)
        full = [np.log(w @ (np.exp(-0.5 * ((y - m) / wide) ** 2) / wide) / np.sqrt(2 * np.pi)) for y in RESULTS]
        each = few.taken(np.zeros(len(RESULTS), dtype=int))
        density = max(density, float(np.abs(log_density(each, RESULTS, np.full(len(RESULTS), SE)) - full).max()))
    return worst, density


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        worst, density = differences(folder)
        print(f"{folder}: CDF off by at most {worst.max():.4f} at the frozen quantiles, log density by {density:.4f}")
