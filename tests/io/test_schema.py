import csv
import io
import json

import jsonschema
import pytest

from bases import TABLES
from evidence.domain.errors import BadInput
from evidence.io.schema import SCHEMA_NAMES, schema

ROW_OF = {"technique": "techniques", "family": "families", "setting": "settings", "study": "studies"}


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_every_schema_is_valid_json_schema(name):
    # jsonschema, an independent validator, against the 2020-12 meta-schema
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(schema(name))))


@pytest.mark.parametrize(("name", "table"), [*ROW_OF.items(), ("finding", "findings"), ("outcome", "outcomes")])
def test_the_columns_of_a_table_are_those_of_its_schema(name, table):
    header = next(csv.reader(io.StringIO(TABLES[table])))
    described = schema(name)
    fixed = {column for column in header if not column.startswith(("gap_", "why_"))}
    assert fixed <= set(described["properties"])
    assert set(described["required"]) <= set(header)


def test_a_settings_gaps_are_columns():
    described = schema("setting")
    row = {"id": "a", "name": "a", "family": "f", "environment": "e", "model_family": "m", "outcome": "o"}
    validator = jsonschema.Draft202012Validator(described)
    assert validator.is_valid({**row, "gap_aim": "some", "why_aim": "r"})
    assert validator.is_valid({**row, "gap_aim": 0.5, "why_aim": "r"})
    assert not validator.is_valid({**row, "gap_aim": "lots"})
    assert not validator.is_valid({**row, "gap_aim": 1.5})
    assert not validator.is_valid({**row, "other": 1})


def test_a_papers_finding_may_leave_out_its_study():
    assert "study" not in schema("paper")["$defs"]["Finding"]["required"]
    assert "study" in schema("finding")["required"]


def test_an_unknown_schema_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match=r"found 'findings', wanted one of question, .* \(did you mean 'finding'\?\)"):
        schema("findings")
