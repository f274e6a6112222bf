"""What is frozen of a belief: mixtures of contrasts with and without a rule over w_0, and the baselines."""

import numpy as np
import pytest

import registrations
from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.prereg_beliefs import Asked, contrast_mixture, freeze_beliefs
from evidence.domain.records import Prior
from evidence.inference.engine import pair_moments, share_above
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model

ENGINE = ExactEngine()


@pytest.mark.parametrize(("settings", "averaged"), [((), True), (("prior.w_0=0.5",), False)])
def test_the_mixture_of_a_contrast_has_the_probability_of_the_fit(settings, averaged):
    """With w_0 at a point there is no rule to average over: one component a draw."""
    ours = registrations.small_registration()
    case = prepare_case(ours.base, ours.model, target="first deployment", settings=settings, seed=1)
    posterior = fit_case(case, ENGINE, seed=1)
    assert (posterior.factors is not None) is averaged
    for k, (a, b) in enumerate(((0, 1), (0, 2), (1, 2))):
        weights, mean, sd = contrast_mixture(posterior, a, b)
        assert (weights.shape[1] > 1) is averaged
        assert weights.shape == np.broadcast_shapes(mean.shape, sd.shape)
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        p = float((weights * share_above(mean, sd**2)).sum())
        assert p == pytest.approx(float(pair_moments(posterior)[0][k]), abs=1e-9)


def test_a_random_effects_model_without_a_scale_is_no_baseline():
    ours = registrations.small_registration()
    models = {name: load_model(find_model(file)) for name, file in registrations.READERS.items()}
    whole = models["random_effects"]
    point = Prior(dist="Point", value=0.3, claim="known")
    models["random_effects"] = whole.model_copy(update={"priors": {**whole.priors, "tau_het": point}})
    asked = Asked(ours.base, ours.model, ours.question.techniques)
    with pytest.raises(ValueError, match="tau_het of random-effects: found no scale, wanted a half-normal law"):
        freeze_beliefs(asked, engine=ENGINE, **models)
