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
COMMON_SD, OWN_SD = 1.0, 0.5
"""Prior sd of the common shift of all classes, and of a class's own: what the bridges say of one kind of proxy moves
the others by four fifths of it."""


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
    relevance = [_size(model.classes[c].relevance) for c in classes]
    first = model.classes[classes[0]]
    mean, size = _size(first.construct_noise)
    return Shape(
        classes=tuple(classes),
        relevance_mean=np.array([m for m, _ in relevance]),
        relevance_size=np.array([n for _, n in relevance]),
        irrelevance=np.array([model.classes[c].irrelevance for c in classes]),
        irrelevant=(first.irrelevant.a or 1.0, first.irrelevant.b or 1.0),
        construct_mean=mean, construct_size=size,
    )  # fmt: skip


def laws_of(model: Model, hold: Collection[str] = ()) -> tuple[Floats, Floats]:
    """Prior mean and sd of phi, (P,) each: the model by hand, and how far the bridges may move it; `hold`: not at all.

    A half-normal law whose scale s is log-normal has the variance E[s^2]; the mean of log s is set so that without
    any bridge the scales come back as they were. Means of relevance, irrelevance and v are then averages over logits that
    are not known: nearer to one half, and their laws wider than by hand.
    """
    n = len(model.classes)
    free = [HELD_SD if name in hold else SCALE_SD for name in SCALES]
    scales = [math.log(model.priors[name].scale or 1.0) - sd**2 for name, sd in zip(SCALES, free, strict=True)]
    mean = np.array([*scales, *np.zeros(len(COMMON) + 2 * n)])
    sd = np.array([*free, *[COMMON_SD] * len(COMMON), *[OWN_SD] * (2 * n)])
    return mean, sd


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


def _size(prior: Prior) -> tuple[float, float]:
    a, b = prior.a or 1.0, prior.b or 1.0
    return a / (a + b), a + b


def _matched(means: Floats, size: float) -> Prior:
    """The Beta law with mean and variance of the mixture of Beta laws with these `means` and a + b = `size`."""
    mean = float(means.mean())
    variance = float(np.mean(means * (1 - means)) / (size + 1) + means.var())
    total = mean * (1 - mean) / variance - 1
    return Prior(dist="Beta", a=_rounded(mean * total), b=_rounded((1 - mean) * total))


def _rounded(x: float) -> float:
    """Three significant digits: a model file is read by people."""
    return float(f"{x:.3g}")
