"""What a draft and a frozen registration refuse by themselves: their wanted messages follow from the text changed."""

import json
import tomllib

import pytest
import rfc8785
from pydantic import ValidationError

import registrations
from evidence.domain.canonical import frozen_bytes
from evidence.domain.errors import Tampered
from evidence.domain.prereg import Draft
from evidence.domain.registration import Registration
from evidence.io.frozen_files import parse_frozen


def draft_of(text):
    return Draft.model_validate_json(json.dumps(tomllib.loads(text)), strict=True)


BAD_DRAFTS = {
    "a day without hyphens": ("2031-12-31", "20311231", "deadline: found '20311231', wanted a day such as 2030-12-31"),
    "the day of a week": ("2031-12-31", "2031-W52-3", "found '2031-W52-3', wanted a day"),
    "a day that never comes": ("2031-12-31", "2031-02-30", "found '2031-02-30', wanted a day"),
    "a time without its zone": ("10:00:00Z", "10:00:00", "created_utc: found '2026-11-27T10:00:00', wanted a time"),
    "a time in another zone": ("10:00:00Z", "10:00:00+01:00", "wanted a time such as 2030-12-31T10:00:00Z"),
    "an hour that no day has": ("10:00:00Z", "25:00:00Z", "found '2026-11-27T25:00:00Z', wanted a time"),
    "a technique against itself": (
        'comparator = "audit"', 'comparator = "monitor"', "comparator: found 'monitor', wanted another technique",
    ),
    "a technique twice": (
        '"monitor", "audit"]', '"monitor", "audit", "audit"]', "techniques: found one twice, wanted every technique once",
    ),
    "a prediction twice": ('id = "p2"', 'id = "p1"', "predictions: found one id twice, wanted every id once"),
    "a prediction about others": (
        'id = "p2"', 'id = "p2"\ntechniques = ["zeal", "audit", "mars"]',
        "predictions: found mars, zeal, wanted techniques of the question",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), BAD_DRAFTS.values(), ids=BAD_DRAFTS)
def test_a_draft_refuses_what_does_not_hang_together(old, new, says):
    assert draft_of(registrations.DRAFT).id == "tiny-1"
    text = registrations.DRAFT.replace(old, new)
    assert text != registrations.DRAFT
    with pytest.raises(ValidationError) as refused:
        draft_of(text)
    assert says in str(refused.value)


OUTCOME = {
    "target": "first deployment", "technique": "audit", "estimate_smd": 0.1, "se_smd": 0.1, "where": "Table 1",
}  # fmt: skip


def without_sd(reader):
    return reader | {"contrasts": [c | {"mean": [0.0, 0.1], "sd": [1.0]} for c in reader["contrasts"]]}


BAD_FROZEN = {
    "beliefs in another order": (
        lambda d: d | {"beliefs": d["beliefs"][::-1]},
        "beliefs: found other targets, wanted one belief for each scenario, in their order",
    ),
    "a belief too few": (lambda d: d | {"beliefs": d["beliefs"][:1]}, "beliefs: found other targets"),
    "a mean without its standard deviation": (
        lambda d: d | {"readers": [without_sd(d["readers"][0]), *d["readers"][1:]]},
        "sd: found 1 numbers, wanted 2, one for each mean",
    ),
    "a second revision of nothing": (lambda d: d | {"revision": 1}, "prev_hash: found a first revision with one or"),
    "a first revision of something": (lambda d: d | {"prev_hash": "a" * 64}, "prev_hash: found a first revision"),
    "the target's outcomes among the evidence": (
        lambda d: d | {"base": d["base"] | {"outcomes": [OUTCOME]}},
        "base: found outcomes, wanted none: what is known of the target is no prior",
    ),
}


@pytest.mark.parametrize(("change", "says"), BAD_FROZEN.values(), ids=BAD_FROZEN)
def test_s16_a_canonical_file_that_contradicts_itself_is_tampered(change, says):
    """Such bytes could be named by their own SHA-256: the record itself has to refuse them."""
    whole = frozen_bytes(registrations.small_registration())
    assert parse_frozen(whole, Registration, "x").revision == 0
    with pytest.raises(Tampered, match="as it was frozen") as refused:
        parse_frozen(rfc8785.dumps(change(json.loads(whole))), Registration, "x")
    assert says in str(refused.value)


def test_a_belief_is_found_by_its_target_and_by_no_other_name():
    registration = registrations.small_registration()
    assert registration.belief("slow change") is registration.beliefs[1]
    with pytest.raises(KeyError, match="mars"):
        registration.belief("mars")
