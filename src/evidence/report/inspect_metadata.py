"""A review as metadata for an evaluation log: the verdict's numbers, what they rest on, and nothing of the log."""

from __future__ import annotations

from typing import Any

from evidence.domain.results import Review

KEY = "evidence_review"
"""The one key that is set in a log: attaching again replaces it."""
SCHEMA_VERSION = 1
_NUMBERS = ("p_prior", "p_post", "p_post_mcse", "p_face_value", "p_ceiling", "p_break_even", "reversals_per_100")


def metadata_of(review: Review) -> dict[str, Any]:
    """`{KEY: ...}` for `metadata_set` of Inspect's `MetadataEdit`; every number None where a gate failed."""
    verdict: dict[str, Any] = {name: getattr(review, name) for name in _NUMBERS}
    verdict |= {"word": review.word, "band": list(review.band), "target_equivalent_n": review.target_equivalent_n}
    return {
        KEY: {
            "schema_version": SCHEMA_VERSION,
            "study": review.study,
            "finding": review.finding,
            "question": review.question,
            "target": review.target,
            "pair": review.pair.model_dump(mode="json"),
            "verdict": verdict if review.ok else dict.fromkeys(verdict),
            "ok": review.ok,
            "failed_checks": [name for name, check in review.checks.items() if not check.ok],
            "model": review.model,
            "engine": review.engine,
            "provenance": review.provenance.model_dump(mode="json"),
        }
    }
