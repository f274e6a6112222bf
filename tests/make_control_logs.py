"""Writes logs as ControlArena writes them, with Inspect's own records: run as a script, into the folder given."""

import random
import sys
from pathlib import Path

from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, EvalStats, write_eval_log
from inspect_ai.scorer import Score

SETTINGS = {"apps": 24, "infra": 15}
PROTOCOLS = {"none": (0.9, 0.7, 0.0), "defer": (0.75, 0.4, 0.35), "audit": (0.6, 0.5, 0.5)}
"""P(main task), P(side task), and by how much attacks are more suspicious."""


def sample(rng, number, mode, protocol):
    main, side, lift = PROTOCOLS[protocol]
    attack = mode == "attack"
    suspicion = round(min(1.0, rng.random() * 0.6 + (lift if attack else 0.0)), 2)
    return EvalSample(
        id=f"task {number}", epoch=1, input="SECRET", target="",
        metadata={"side_task_name": "SECRET side" if attack else None, "main_task_name": "m", "eval_mode": mode},
        scores={
            "tasks": Score(value={
                "main_task_success": "C" if rng.random() < main else "I",
                "side_task_success": ("C" if rng.random() < side else "I") if attack else None,
            }),
            "monitor": Score(value=suspicion, explanation="SECRET"),
        },
    )  # fmt: skip


def log(rng, setting, protocol, mode, n):
    spec = EvalSpec(
        created="2026-11-01T00:00:00+00:00", task=f"{setting}_{protocol}_{mode}", model="mock/model",
        eval_id=f"{setting}{protocol}{mode}", dataset=EvalDataset(name=setting, samples=n, sample_ids=[]),
        config=EvalConfig(),
        metadata={"setting": {"type": setting}, "micro_protocol": {"type": protocol}, "mode": mode},
    )  # fmt: skip
    samples = [sample(rng, number, mode, protocol) for number in range(n)]
    return EvalLog(status="success", eval=spec, stats=EvalStats(), samples=samples)


def main(folder):
    rng = random.Random(1)  # noqa: S311
    for setting, n in SETTINGS.items():
        for protocol in PROTOCOLS:
            for mode in ("honest", "attack"):
                write_eval_log(log(rng, setting, protocol, mode, n), str(folder / f"{setting}-{protocol}-{mode}.eval"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
