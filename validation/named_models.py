"""Writes models/sceptic.toml, trusting.toml and ignore.toml from models/default.toml, by one rule each.

    python validation/named_models.py

A sceptic takes proxies of every kind for less valid and the target for farther away than the bridges taught, a trusting
reader for more valid and nearer; `ignore` has the default's priors and reads nothing.
"""

import math
from pathlib import Path

from evidence.io.models import load_model, write_model

MODELS = Path(__file__).parents[1] / "models"
LOGIT = 0.7
"""By how much the mean relevance of every class is moved, in logits."""
FACTOR = 1.6
"""By how much the scales of what is lost on the way are multiplied, and irrelevance."""
MOST_IRRELEVANT = 0.6
LOST = ("w_0", "w_d", "mu_b", "mu_d", "sigma")


def moved(model, direction, *, name, title, claim):
    """The model with every class less valid (`direction` -1) or more valid (1)."""
    factor = FACTOR**-direction
    words = "more than" if direction < 0 else "less than"
    priors = {
        key: prior.model_copy(
            update={"scale": rounded(prior.scale * factor), "claim": f"{factor:.2g} times the default's: {words} it says is lost."}
        )
        if key in LOST
        else prior
        for key, prior in model.priors.items()
    }
    return model.model_copy(
        update={
            "id": name, "title": title, "claim": claim, "priors": priors,
            "classes": {key: moved_class(c, direction, factor) for key, c in model.classes.items()},
            "provenance": f"Made from the default by validation/named_models.py. {model.provenance}",
        }
    )  # fmt: skip


def moved_class(validity_class, direction, factor):
    relevance = validity_class.relevance
    total = relevance.a + relevance.b
    mean = 1 / (1 + math.exp(-(math.log(relevance.a / relevance.b) + direction * LOGIT)))
    return validity_class.model_copy(
        update={
            "irrelevance": rounded(min(MOST_IRRELEVANT, validity_class.irrelevance * factor)),
            "relevance": relevance.model_copy(update={"a": rounded(mean * total), "b": rounded((1 - mean) * total)}),
        }
    )


def rounded(x):
    return float(f"{x:.3g}")


def named_models():
    """The three models by id."""
    default = load_model(MODELS / "default.toml")
    sceptic = moved(
        default, -1, name="sceptic", title="Sceptic",
        claim="Proxies of every kind are less valid, and the target is farther away, than the bridges taught.",
    )  # fmt: skip
    trusting = moved(
        default, 1, name="trusting", title="Trusting",
        claim="Proxies of every kind are more valid, and the target is nearer, than the bridges taught.",
    )  # fmt: skip
    ignoring = {"parametrisation": default.parametrisation.model_copy(update={"use_findings": False})}
    ignore = default.model_copy(
        update={
            **ignoring, "id": "ignore", "title": "Ignore", "claim": "Nothing measured on a proxy says anything: the prior alone.",
            "provenance": f"The default's priors, findings dropped (validation/named_models.py). {default.provenance}",
        }
    )  # fmt: skip
    return {m.id: m for m in (sceptic, trusting, ignore)}


def main():
    for name, model in named_models().items():
        write_model(MODELS / f"{name}.toml", model, force=True)


if __name__ == "__main__":
    main()
