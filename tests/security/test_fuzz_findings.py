"""What fuzzing has found in the loaders, each input as small as it came, and what is said of it now."""

import json
import re
import subprocess
import sys

import netCDF4
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bases
import registrations
from evidence.analysis.prereg_verify import Analysis, compare_analysis
from evidence.cli import app
from evidence.cli.prereg_together import past_scores
from evidence.domain.errors import BadInput
from evidence.domain.registration import Registration
from evidence.domain.scorecard import ScoreCard
from evidence.io.analyses import read_result
from evidence.io.frozen_files import read_frozen
from evidence.io.inspect_logs import Reading, read_logs
from evidence.io.mapped_import import import_mapped
from evidence.io.models import load_model
from evidence.io.paper import load_paper
from evidence.io.quick import parse_quick
from evidence.io.registrations import load_draft
from evidence.io.resolutions import read_try_log
from evidence.io.shipped import find_base, find_model, name_from
from evidence.io.source_tables import read_source_table
from evidence.io.tables import load_base
from fuzz_binary import logs, small_fit
from fuzz_loaders import FORMATS, REGISTRATION

LONG = "1" * 5000
"""Longer than any file system lets a name be."""


def test_a_technique_that_is_no_id_in_a_log_of_tries(tmp_path):
    (tmp_path / "log.txt").write_text("audit, worked, 2 h\n-1, failed, 6 h\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"log\.txt:2:technique: found '-1', wanted an id"):
        read_try_log(tmp_path / "log.txt")


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 5e307])
def test_a_result_whose_prior_is_beyond_the_doubles_from_the_registered_one(value):
    registration, digest = read_frozen(REGISTRATION, Registration)
    name, row = next(iter(registration.prior[0].quantiles.items()))
    said = Analysis("ranking", fingerprint={name: dict.fromkeys(row, value)})
    _, deviations, match = compare_analysis(registration, digest, said)
    assert (match.ok, match.max_errors) == (False, 1e300)
    assert "fingerprint" in {d.field for d in deviations}


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_in_a_result_beyond_the_largest_double(tmp_path, sign):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"provenance": {"seed": 1}, "p_above": {"a": {"b": 7}}}).replace("7", sign + "1" * 400))
    with pytest.raises(BadInput, match=r"no JSON: -?1{50,}, which is no number"):
        read_result(path)
    largest = int(sys.float_info.max)
    path.write_text(json.dumps({"provenance": {}, "n": largest}))
    assert read_result(path)["n"] == largest


def test_a_score_card_with_a_baseline_that_has_no_density_is_read_back():
    """Keys without a value are not in a frozen file: the coin has neither a log density nor a CRPS."""
    path = next((FORMATS / "registry").glob("*.score.json"))
    card, _ = read_frozen(path, ScoreCard)
    assert (card.baselines["coin"].log_score, card.baselines["coin"].crps) == (None, None)
    assert [p.log_score for p in past_scores(FORMATS / "registry", but="another question")] == [card.log_score]


def refused(load):
    with pytest.raises(BadInput) as caught:
        load()
    assert len(str(caught.value)) < 1000
    assert "nothing shipped under this name" in str(caught.value)


def test_names_longer_than_a_file_system_takes(tmp_path):
    draft = registrations.DRAFT
    refused(lambda: load_draft(registrations.write_draft(tmp_path, draft.replace('base = "base"', f'base = "{LONG}"'))))
    changed = draft.replace('model = "default"', f'model = "{LONG}"')
    refused(lambda: load_draft(registrations.write_draft(tmp_path, changed)))
    mapping = tmp_path / "m.toml"
    mapping.write_text(f'kind = "counts"\nbase = "{LONG}"\n[columns]\nk = "a"\nn = "b"\nk0 = "c"\nn0 = "d"\n')
    model = load_model(find_model("default"))
    refused(lambda: import_mapped(tmp_path / "x.csv", mapping, tmp_path / "out", model=model))
    paper = tmp_path / "p.toml"
    paper.write_text(f'base = "{LONG}"\n[study]\nid = "x"\n[[findings]]\nid = "y"\n')
    refused(lambda: load_paper(paper, find_base))
    done = CliRunner().invoke(app, ["check", str(paper)], prog_name="evidence")
    assert (done.exit_code, "nothing shipped under this name" in done.stderr) == (2, True)
    assert name_from(tmp_path, LONG) == LONG


def test_bytes_of_a_shell_that_are_no_text():
    with pytest.raises(BadInput, match=r"claim: found bytes that are no text, wanted UTF-8 text"):
        parse_quick("\udcff > B", "small-open-chat", False)


@pytest.fixture
def fit(tmp_path):
    """A stored fit, and how to change it."""
    path = tmp_path / "fit.nc"
    path.write_bytes(small_fit())

    def change(edit):
        with netCDF4.Dataset(path, "a") as file:
            edit(file)
        return CliRunner().invoke(app, ["diagnose", str(path)], prog_name="evidence")

    return change


def test_a_fit_that_says_it_has_a_thousand_million_chains(fit):
    done = fit(lambda file: file["weighted_draws"].setncattr("chains", 10**9))
    assert (done.exit_code, "another layout" in done.stderr) == (2, True), done.output


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000], ids=["digits", "brackets"])
def test_a_fit_whose_header_is_json_that_python_does_not_read(fit, text):
    done = fit(lambda file: file.setncattr("format", text))
    assert (done.exit_code, "attribute 'format' that is no JSON" in done.stderr) == (2, True), done.output


TOO_LARGE = {
    "merits": ("weighted_draws", "mean", 1e308, None), "merits of chains": ("weighted_draws", "mean", 1e308, 2),
    "variances": ("weighted_draws", "cov", 1e308, None), "factors": ("weighted_draws", "factors", 1e200, None),
    "the prior": ("prior", "tau", 1e308, None), "relevances": ("weighted_draws", "hyper", 1e200, None),
}  # fmt: skip


@pytest.mark.parametrize(("group", "name", "size", "chains"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_fit_with_numbers_too_large_to_compute_with(fit, group, name, size, chains):
    """No warning of NumPy's (an error here), and never a fit that passes."""

    def edit(file):
        values = file[group][name]
        values[:] = np.where(np.arange(values.size) % 2, size, -size).reshape(values.shape)
        if chains:
            file["weighted_draws"].setncattr("chains", chains)

    done = fit(edit)
    assert done.exit_code in {2, 5}, done.output
    assert "internal error" not in done.stderr


@pytest.fixture
def parquet(tmp_path):
    pytest.importorskip("pyarrow")
    return tmp_path / "t.parquet"


def test_a_parquet_file_whose_remarks_for_pandas_are_damaged(parquet):
    from pyarrow import Table
    from pyarrow import parquet as files

    table = Table.from_pandas(pd.DataFrame({"a": [1, 2]}))
    remarks = table.schema.metadata[b"pandas"].replace(b'"name":', b'"nome":')
    files.write_table(table.replace_schema_metadata({b"pandas": remarks}), parquet)
    with pytest.raises(BadInput, match="a readable Parquet file"):
        read_source_table(parquet)


def test_a_small_parquet_file_of_many_rows_is_refused_unread(parquet, monkeypatch):
    pd.DataFrame({"a": np.zeros(1_000_000, dtype="int8")}).to_parquet(parquet)
    assert parquet.stat().st_size < 10_000
    monkeypatch.setattr(pd, "read_parquet", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(BadInput, match="1,000,000 rows"):
        read_source_table(parquet)


def test_ratings_are_saved_where_a_row_ends_in_more_commas_than_the_header(tmp_path):
    """Not found by fuzzing but beside it: the loader takes empty cells beyond the header, so the page has to."""
    from evidence.app import page_validity
    from evidence.app.workspace import Workspace

    text = bases.SETTINGS.replace("jailbreak,Jailbreaks", '"jailbreak","Jailbreaks"').replace(
        ",harm on request\n", ",harm on request,,\n"
    )
    folder = bases.write_base(tmp_path / "b", settings=text)
    base, model = load_base(folder), load_model(find_model("default"))
    workspace = Workspace("b", folder, base, model, None, target=base.question.targets[0].id, studies=())
    page_validity._save(workspace, "jailbreak", {"gap_aim": "some"})
    assert load_base(folder).settings[0].gaps["aim"] == "some"


def test_a_file_can_be_checked_from_a_shell_without_utf_8(tmp_path):
    """A name that the shell cannot spell in UTF-8 is said with its bytes escaped, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "check", b"a\xff"], capture_output=True, check=False, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("se", ["1e155", "1e308"])
def test_an_outcome_whose_squared_error_is_beyond_the_doubles(tmp_path, se):
    text = bases.OUTCOMES.replace("monitor,0.4,0.1,", f"monitor,0.4,{se},")
    with pytest.raises(BadInput, match=r"outcomes\.csv:2:se_smd: found 1e\+\d+, wanted at most 1e\+12"):
        load_base(bases.write_base(tmp_path / "b", outcomes=text))


def test_an_arm_whose_squared_sd_is_beyond_the_doubles(tmp_path):
    bases.write_base(tmp_path / "frame")
    mapping, source = tmp_path / "m.toml", tmp_path / "s.csv"
    columns = "\n".join(f'{name} = "{name}"' for name in ("study", "technique", "mean", "sd", "n"))
    mapping.write_text(
        f'kind = "arms"\nbase = "frame"\n[columns]\n{columns}\n[values]\nsetting = "jailbreak"\nhigher_is_better = true\n'
        'where = "x"\nsource_kind = "secondary"\n'
    )
    source.write_text("study,technique,mean,sd,n\nalpha2023,none,1,1e200,10\nalpha2023,monitor,2,1,10\n")
    with pytest.raises(BadInput, match=r"s\.csv:2:sd: found '1e200', wanted a number.*none beyond 1e\+12"):
        import_mapped(source, mapping, tmp_path / "out", model=load_model(find_model("default")))


@pytest.mark.parametrize(("score", "told"), [("1" + "0" * 400, "an infinite score"), ("1e200", "a score beyond 1e+12")])
def test_a_log_with_a_score_too_large_to_square(tmp_path, score, told):
    pytest.importorskip("inspect_ai")
    path = tmp_path / "x.json"
    text = logs()["attack.json"].decode()
    assert re.search(r'"value": ?0\.4\b', text)
    path.write_text(re.sub(r'("value": ?)0\.4\b', rf"\g<1>{score}", text))
    scores, refused = read_logs([path], Reading(technique_from="task_args.protocol", scorers=("monitor",)))
    assert (scores, [told in r.reason for r in refused]) == ([], [True]), refused
