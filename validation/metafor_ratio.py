"""The exact engine beside R's metafor on the eight schools, a model both can fit. Needs Rscript with metafor.

    python validation/metafor_ratio.py

With the heterogeneity held at TAU both are closed forms of one model and must agree; time is compared on the whole:
`rma` by REML against the posterior over both scales. Fits alone, in running processes, medians.
"""

import json
import subprocess
import time

import numpy as np

from evidence.analysis.fitting import prepare_case
from evidence.inference.exact import ExactEngine
from problems import EIGHT_SCHOOLS, eight_schools, law, shipped, with_priors

TAU, WIDE, REPEATS = 0.4, 1000.0, 30
R = """
suppressMessages(library(metafor)); y <- c({y}); s <- c({s})
fixed <- rma(yi=y, sei=s, tau2={tau2})
times <- replicate({repeats}, system.time(for (i in 1:20) rma(yi=y, sei=s, method="REML"))["elapsed"] / 20)
cat(sprintf('{{"estimate": %.8f, "se": %.8f, "seconds": %.8f, "version": "%s"}}', fixed$beta[1], fixed$se, median(times),
            packageVersion("metafor")))
"""


def metafor():
    y, s = (",".join(str(x / 10) for x in column) for column in zip(*EIGHT_SCHOOLS, strict=True))
    script = R.format(y=y, s=s, tau2=TAU**2, repeats=REPEATS)
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    other, base = metafor(), eight_schools()
    fixed = with_priors(
        shipped("random-effects"), tau_mu=law("Point", value=WIDE), tau_het=law("Point", value=TAU)
    )
    case = prepare_case(base, fixed, target=None, settings=(), seed=1)
    found = ExactEngine().fit(case.design, case.hyper, case.everything, seed=1)
    mean = float(found.weights @ found.mean[:, 1])
    # The merit is the effect in a new study: what metafor calls the prediction, heterogeneity included.
    sd = float(np.sqrt(found.weights @ found.cov[:, 1, 1]))
    print(f"heterogeneity {TAU}: mean {mean:.5f} (metafor {other['version']}: {other['estimate']:.5f}), "
          f"predictive sd {sd:.5f} ({np.hypot(other['se'], TAU):.5f})")
    case, times = prepare_case(base, shipped("random-effects"), target=None, settings=(), seed=1), []
    for seed in range(REPEATS + 1):
        start = time.perf_counter()
        fit = ExactEngine().fit(case.design, case.hyper, case.everything, seed=seed)
        times.append(time.perf_counter() - start)
        assert fit.ok
    ours = float(np.median(times[1:]))
    print(f"one fit: exact engine {1000 * ours:.1f} ms, rma (REML) {1000 * other['seconds']:.2f} ms, ratio {ours / other['seconds']:.1f}")


if __name__ == "__main__":
    main()
