"""JSON Schema of every file and result, straight from the records."""

from __future__ import annotations

from typing import Any

from evidence.domain.calibration import Calibration
from evidence.domain.disagreement import Disagreement, Pool
from evidence.domain.elicitation import ElicitedMerit, ElicitedOrder, ElicitedValidity
from evidence.domain.errors import BadInput, Problem
from evidence.domain.prereg import Draft
from evidence.domain.proposals import Proposal
from evidence.domain.records import Family, Finding, Model, Outcome, Question, Record, Setting, Study, Technique
from evidence.domain.registration import Registration
from evidence.domain.registry import RegistryEntry
from evidence.domain.results import Diagnosis, Ranking, Review, Sweep
from evidence.domain.scorecard import Resolution, ScoreCard
from evidence.domain.value import Portfolio, Value
from evidence.domain.verification import Verification
from evidence.io.paper import Paper
from evidence.io.rows import did_you_mean

_RECORDS: dict[str, type[Record]] = {
    "question": Question,
    "technique": Technique,
    "family": Family,
    "setting": Setting,
    "study": Study,
    "finding": Finding,
    "outcome": Outcome,
    "model": Model,
    "paper": Paper,
    "proposal": Proposal,
    "review": Review,
    "ranking": Ranking,
    "what-if": Sweep,
    "value": Value,
    "portfolio": Portfolio,
    "diagnosis": Diagnosis,
    "calibration": Calibration,
    "elicited-validity": ElicitedValidity,
    "elicited-merit": ElicitedMerit,
    "elicited-order": ElicitedOrder,
    "prereg-draft": Draft,
    "registration": Registration,
    "registry-entry": RegistryEntry,
    "resolution": Resolution,
    "verification": Verification,
    "score-card": ScoreCard,
    "disagreement": Disagreement,
    "pool": Pool,
}
_RESULTS = frozenset(
    {
        "review",
        "ranking",
        "what-if",
        "value",
        "portfolio",
        "diagnosis",
        "calibration",
        "elicited-validity",
        "elicited-merit",
        "elicited-order",
        "verification",
        "score-card",
        "disagreement",
        "pool",
    }
)

SCHEMA_NAMES: tuple[str, ...] = tuple(_RECORDS)
SCHEMA_VERSION = "v0.1"
"""Files that a version's schemas accept stay acceptable; docs/schemas/ publishes them under this name."""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a table's row, a file or a result. Raises BadInput for a name not in SCHEMA_NAMES.

    A setting is described as its columns: `gap_D` and `why_D` for every dimension D of the base.
    """
    if name not in _RECORDS:
        wanted = f"one of {', '.join(SCHEMA_NAMES)}{did_you_mean(name, SCHEMA_NAMES)}"
        raise BadInput([Problem("schema", None, "", repr(name), wanted)])
    mode = "serialization" if name in _RESULTS else "validation"
    result: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:evidence:schema:{SCHEMA_VERSION}:{name}",  # names it; no host has to answer
        **_RECORDS[name].model_json_schema(mode=mode),
    }
    if name == "setting":
        _gaps_as_columns(result)
    if name == "paper":
        result["$defs"]["Finding"]["required"].remove("study")  # filled in by the loader
    return result


def _gaps_as_columns(result: dict[str, Any]) -> None:
    gap = result["properties"].pop("gaps")["additionalProperties"]
    del result["properties"]["reasons"]
    result["required"] = [field for field in result["required"] if field not in {"gaps", "reasons"}]
    result["patternProperties"] = {"^gap_.+$": gap, "^why_.+$": {"type": "string", "minLength": 1}}
