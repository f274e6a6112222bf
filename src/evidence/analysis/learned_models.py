"""Between laws of hyperparameters (phi, see `inference/pooling.py`) and the model files that hold them."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from evidence.domain.errors import BadInput, Problem
from evidence.domain.records import Model, Prior, ValidityClass
from evidence.inference.pooling import COMMON, SCALES, Shape, class_means

type Floats = NDArray[np.float64]

SCALE_SD = 0.7
"""Prior sd of a scale's logarithm: by hand it is known to about a factor of two."""
HELD_SD = 1e-3
CLASS_SHARE = 0.5
"""Share of the variance of a Beta law by hand that is doubt about its mean; the rest is how families of one class
differ. A law by hand is what is expected of a new family, so that both together are its variance."""
COMMON_SHARE = 0.5
"""Share of that doubt common to all classes: what bridges say of one kind of proxy moves the others by half of it."""
IRRELEVANCE_DOUBT = 1.0
"""Prior sd of the logit of a probability of irrelevance: by hand its odds are known to about a factor of three."""
NODES = 60
"""Of the Gauss-Hermite rule for averages over a logit."""


def shape_of(model: Model) -> Shape:
    """What stays of a model by hand: classes, concentrations, the law of irrelevant families. Raises BadInput."""
    problems = [
        Problem(f"model {model.id!r}", None, f"classes.{name}", prior.dist, "Beta laws, which calibration learns")
        for name, c in model.classes.items()
        for prior in (c.relevance, c.irrelevant, c.construct_noise)
        if prior.dist != "Beta"
    ]
    problems += [
        Problem(f"model {model.id!r}", None, f"priors.{name}", dist, "HalfNormal")
        for name in SCALES
        if (dist := model.priors[name].dist if name in model.priors else "none") != "HalfNormal"
    ]
    problems += [
        Problem(f"model {model.id!r}", None, f"classes.{name}.{field}", "its own law", "one law for all classes")
        for name, c in model.classes.items()
        for field in ("irrelevant", "construct_noise")
        if getattr(c, field) != getattr(next(iter(model.classes.values())), field)
    ]
    if problems or not model.classes:
        raise BadInput(problems or [Problem(f"model {model.id!r}", None, "classes", "none", "validity classes")])
    classes = sorted(model.classes)
    first = model.classes[classes[0]]
    relevance = np.array([_split(model.classes[c].relevance) for c in classes])
    construct_centre, construct_doubt, construct_size = _split(first.construct_noise)
    return Shape(
        classes=tuple(classes),
        relevance_centre=relevance[:, 0], relevance_doubt=relevance[:, 1], relevance_size=relevance[:, 2],
        irrelevance_centre=np.array([_centre(model.classes[c].irrelevance, IRRELEVANCE_DOUBT) for c in classes]),
        irrelevance_doubt=IRRELEVANCE_DOUBT,
        irrelevant=(first.irrelevant.a or 1.0, first.irrelevant.b or 1.0),
        construct_centre=construct_centre, construct_doubt=construct_doubt, construct_size=construct_size,
    )  # fmt: skip


def laws_of(model: Model, hold: Collection[str] = ()) -> tuple[Floats, Floats]:
    """Prior mean and sd of phi, (P,) each: the model by hand, and how far the bridges may move it; `hold`: not at all.

    Without any bridge every law comes back as it was: a half-normal law whose scale s is log-normal has the variance
    E[s^2], which sets the mean of log s; logits are centred and their doubt is sized by `shape_of`.
    """
    n = len(model.classes)
    free = [HELD_SD if name in hold else SCALE_SD for name in SCALES]
    scales = [math.log(model.priors[name].scale or 1.0) - sd**2 for name, sd in zip(SCALES, free, strict=True)]
    common, own = math.sqrt(COMMON_SHARE), math.sqrt(1 - COMMON_SHARE)
    # Every class has the same law of v, and so nothing of its own there.
    shifts = [1.0, common, common, *[own] * (2 * n)]
    return np.array([*scales, *np.zeros(len(COMMON) + 2 * n)]), np.array([*free, *shifts])


def model_of(phi: Floats, shape: Shape, start: Model) -> Model:
    """The model whose laws are nearest to the average law over `phi` (n, P), the rest as in `start`.

    Nearest in Kullback-Leibler divergence for a half-normal (same mean square); same mean and variance for a Beta.
    """
    scales = np.sqrt(np.mean(np.exp(2 * phi[:, : len(SCALES)]), axis=0))
    v, l, pi = (np.asarray(x) for x in class_means(phi, shape))  # noqa: E741 (the names of the mathematics)
    priors = {
        name: start.priors[name].model_copy(update={"scale": _rounded(scale)})
        for name, scale in zip(SCALES, scales.tolist(), strict=True)
    }
    construct = _matched(v, shape.construct_size)
    classes = {
        name: ValidityClass(
            claim=start.classes[name].claim,
            irrelevance=_rounded(float(pi[:, c].mean())),
            irrelevant=start.classes[name].irrelevant,
            relevance=_matched(l[:, c], float(shape.relevance_size[c])),
            construct_noise=construct,
        )
        for c, name in enumerate(shape.classes)
    }
    return start.model_copy(update={"priors": {**start.priors, **priors}, "classes": classes})


def _split(prior: Prior) -> tuple[float, float, float]:
    """(centre, sd, size): the Beta law as means expit(N(centre, sd^2)) and Beta laws of a + b = size around them."""
    from scipy import optimize

    a, b = prior.a or 1.0, prior.b or 1.0
    mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    doubt, rest = CLASS_SHARE * variance, (1 - CLASS_SHARE) * variance

    def excess(sd: float) -> float:
        return _logit_normal(_centre(mean, sd), sd)[1] - doubt

    sd: float = optimize.brentq(excess, 1e-6, 10.0)  # pyright: ignore[reportAssignmentType]
    return _centre(mean, sd), sd, (mean * (1 - mean) - doubt) / rest - 1


def _centre(mean: float, sd: float) -> float:
    """The centre at which expit(N(centre, sd^2)) has the mean `mean`."""
    from scipy import optimize

    found: float = optimize.brentq(lambda centre: _logit_normal(centre, sd)[0] - mean, -40.0, 40.0)  # pyright: ignore[reportAssignmentType]
    return found


def _logit_normal(centre: float, sd: float) -> tuple[float, float]:
    """Mean and variance of expit(N(centre, sd^2))."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    values, weights = 1 / (1 + np.exp(-(centre + sd * nodes))), weights / weights.sum()
    mean = float(weights @ values)
    return mean, float(weights @ (values - mean) ** 2)


def _matched(means: Floats, size: float) -> Prior:
    """The Beta law with mean and variance of the mixture of Beta laws with these `means` and a + b = `size`."""
    mean = float(means.mean())
    variance = float(np.mean(means * (1 - means)) / (size + 1) + means.var())
    total = mean * (1 - mean) / variance - 1
    return Prior(dist="Beta", a=_rounded(mean * total), b=_rounded((1 - mean) * total))


def _rounded(x: float) -> float:
    """Three significant digits: a model file is read by people."""
    return float(f"{x:.3g}")
