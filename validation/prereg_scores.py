"""Propriety of the scores of registrations: how often the truth has the better mean score in simulated contests.

`python validation/prereg_scores.py`: 1,000 contests of 10,000 questions.
"""

import sys

import numpy as np

from evidence.model.condensed import log_density, order_scores
from evidence.model.contrasts import Contrasts, crps, log_odds_parts

SCORES = ("log density", "CRPS", "order, log", "order, Brier")


def contests(n_contests, n_questions, seed):
    """In each, the truth against a forecaster who is a little off in mean and spread, on normal questions.

    (contest, score) of whether the truth had the better mean score.
    """
    rng = np.random.default_rng(seed)
    won = []
    for _ in range(n_contests):
        mean, sd, se = rng.normal(0, 1, n_questions), rng.gamma(4, 0.25, n_questions) + 0.1, np.full(n_questions, 0.3)
        y = rng.normal(mean, np.hypot(sd, se))
        # At 10^4 questions a fifth of a standard deviation, or a third of the spread, must show.
        shift, stretch = (
            rng.choice([-1, 1]) * rng.uniform(0.2, 0.4),
            np.exp(rng.choice([-1, 1]) * rng.uniform(0.3, 0.5)),
        )
        truth, other = Contrasts.normal(mean, sd), Contrasts.normal(mean + shift * sd, sd * stretch)
        scores = []
        for belief in (truth, other):
            order, brier = order_scores(*log_odds_parts(belief, se), y, clip=0.001)
            scores.append((log_density(belief, y, se).mean(), -crps(belief, y, se).mean(), order.mean(), -brier.mean()))
        won.append([a > b for a, b in zip(*scores, strict=True)])
    return np.array(won)


def main():
    n_contests, n_questions = (int(x) for x in (sys.argv[1:3] or ("1000", "10000")))
    won = contests(n_contests, n_questions, 1)
    for name, share in zip(SCORES, won.mean(axis=0), strict=True):
        print(f"{name}: the truth wins {share:.1%} of {n_contests} contests of {n_questions} questions")


if __name__ == "__main__":
    main()
