"""A linear probe on cached activations of TransformerLens: labels and scores of held-out sequences, as CSV.

Runs in TransformerLens's own environment, not in that of `evidence` (docs/tables.md, a probe as a finding):

    python3.11 -m venv lens && lens/bin/pip install "torch==2.13.0" "transformer-lens==4.3.0"
    lens/bin/python probe_scores.py probe-scores.csv

The model has random weights, so that nothing is downloaded: the numbers show the way, and say nothing about probes.
The question put to the probe: does token 7 stand in the first half of the sequence?
"""

import csv
import sys

import torch
from transformer_lens.model_bridge import TransformerBridge

SEED, LENGTH, VOCABULARY = 0, 16, 50
TRAINED_ON, HELD_OUT = 400, 200
LAYER = "blocks.1.hook_resid_post"


def sequences(n, generator):
    """`n` sequences of tokens, the second half of them with token 7 in the first half; and their labels."""
    tokens = torch.randint(8, VOCABULARY, (n, LENGTH), generator=generator)
    labels = (torch.arange(n) >= n // 2).float()
    places = torch.randint(0, LENGTH // 2, (n,), generator=generator)
    rows = torch.nonzero(labels).flatten()
    tokens[rows, places[rows]] = 7
    return tokens, labels


def activations(model, tokens):
    """The residual stream after the last layer at the last token, (sequence, d_model)."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
    return cache[LAYER][:, -1].float()


def fitted_probe(features, labels):
    """Logistic regression with a small ridge, by LBFGS: weights and bias."""
    weights = torch.zeros(features.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        logits = features @ weights[:-1] + weights[-1]
        value = (
            torch.nn.functional.binary_cross_entropy_with_logits(logits, labels) + 0.01 * weights[:-1].square().sum()
        )
        value.backward()
        return value

    optimiser.step(loss)
    return weights.detach()


def main(path):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model = TransformerBridge.boot_native(
        {
            "n_layers": 2, "d_model": 32, "n_ctx": LENGTH, "d_head": 8, "n_heads": 4, "d_mlp": 64,
            "d_vocab": VOCABULARY, "act_fn": "gelu", "seed": SEED, "device": "cpu",
        }
    )  # fmt: skip
    train, held_out = sequences(TRAINED_ON, generator), sequences(HELD_OUT, generator)
    features = activations(model, train[0])
    mean, spread = features.mean(0), features.std(0)
    weights = fitted_probe((features - mean) / spread, train[1])
    scores = ((activations(model, held_out[0]) - mean) / spread) @ weights[:-1] + weights[-1]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "score"])
        writer.writerows([int(label), f"{score:.6f}"] for label, score in zip(held_out[1], scores, strict=True))


if __name__ == "__main__":
    main(sys.argv[1])
