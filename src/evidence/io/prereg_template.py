"""What `evidence prereg new` writes: a draft filled in as far as a base and a model can, explained in the records' words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evidence.domain.prereg import (
    FORMAT,
    Author,
    Draft,
    EngineChoice,
    Estimand,
    Knowledge,
    Prediction,
    RegisteredQuestion,
    Scenario,
    ScoringRule,
)
from evidence.domain.records import EvidenceBase, Target
from evidence.io.commented import commented_table

TODO = "TODO"
"""What a draft still needs; `check` and `freeze` refuse a file that holds it."""
_TABLES = ("authors", "question", "scenarios", "estimand", "knowledge", "predictions", "scoring", "engine")
_HEAD = (
    "# A registration: what you believe today about a target, to be scored when target evidence arrives.",
    f"# Replace every {TODO}; a key with # before it is optional. Then:",
    "#   evidence prereg check FILE     says what is missing or vague, and what would be frozen",
    "#   evidence prereg freeze FILE    freezes it",
)


def draft_text(base: EvidenceBase, *, base_name: str, model_name: str, created_utc: str) -> str:
    """The draft of a registration about all techniques and targets of a base."""
    question = base.question
    top = {
        "format": FORMAT, "id": f"{question.id}-1", "title": question.title, "created_utc": created_utc,
        "stopping": f"{TODO}: which runs count, and when is the last one in?", "base": base_name, "model": model_name,
    }  # fmt: skip
    techniques = [t.id for t in base.techniques]
    asked = {
        "id": question.id, "question": question.question, "outcome": question.criterion, "unit": question.unit,
        "higher_is_better": True, "smallest_difference": question.smallest_difference, "techniques": techniques[:40],
        "technique": techniques[1], "comparator": techniques[0],
    }  # fmt: skip
    lines: list[Iterable[str]] = [
        _HEAD,
        commented_table("", Draft, top, without=_TABLES),
        commented_table("[[authors]]", Author, {"name": f"{TODO}: your name"}),
        commented_table("[question]", RegisteredQuestion, asked),
        *(_scenario_lines(target, index) for index, target in enumerate(question.targets[:8])),
        commented_table("[estimand]", Estimand, _ESTIMAND),
        commented_table("[knowledge]", Knowledge, _KNOWLEDGE),
        *(_prediction_lines(target, index) for index, target in enumerate(question.targets[:8])),
        commented_table("[scoring]", ScoringRule, _SCORING),
        commented_table("[engine]", EngineChoice, {}),
    ]
    return "\n".join(line for part in lines for line in part) + "\n"


def _scenario_lines(target: Target, index: int) -> list[str]:
    values: dict[str, Any] = {"target": target.id, "title": target.title or target.id, "weight": target.weight}
    values |= {"novelty": target.novelty, "coordinates": target.coordinates, "reason": target.reason or TODO}
    values["recognised_by"] = f"{TODO}: how will one know that this is what came?"
    return commented_table("[[scenarios]]", Scenario, values, intro="" if index else _SCENARIOS)


def _prediction_lines(target: Target, index: int) -> list[str]:
    values = {
        "id": f"p{index + 1}", "scenario": target.id, "observable": f"{TODO}: quantity, sample, conditions",
        "resolves_when": f"{TODO}: the event", "source": f"{TODO}: where it will be read",
        "resolver": f"{TODO}: who decides", "deadline": f"{TODO}: YYYY-MM-DD",
    }  # fmt: skip
    return commented_table("[[predictions]]", Prediction, values, intro="" if index else _PREDICTIONS)


_SCENARIOS = (
    "The targets that may come, each with a weight. The first is the base's primary target. A new one (say, a slow"
    " take-off without a clear line) needs an id, a novelty, coordinates and reasons."
)
_PREDICTIONS = "What will be looked up, by whom and until when. Probabilities and quantiles are computed, not typed."
_ESTIMAND = {
    "contrast": "merit of the technique minus merit of the comparator; positive means the technique is ahead",
    "scale": "smd",
    "transformation": "docs/model.md, section 3: rates by their log odds times sqrt(3)/pi, means as Hedges g",
}
_KNOWLEDGE = {
    "seen_target_data": "no",
    "explain": f"{TODO}: what you had read, and whether anything about a target was among it",
}
_SCORING = {
    "rules": ["log", "crps", "brier_sign"],
    "baselines": ["reference_prior", "coin", "face_value", "random_effects", "previous_revision"],
    "annul_conditions": ["the scenario did not come", "no target run by the deadline"],
}
