"""`evidence rank --out` and `evidence diagnose`: a fit, its file, and the gate that travels with it (TESTS R7, R8)."""

import json
import re
import xml.etree.ElementTree as ET

import netCDF4
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from bases import write_base
from evidence.cli import app
from evidence.inference import diagnostic_plots


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "80"}, prog_name="evidence")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_base(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="module")
def stored(base, tmp_path_factory):
    """A sound fit and the ranking printed with it."""
    path = tmp_path_factory.mktemp("fits") / "fit.nc"
    result = run("rank", base, "--out", path, "--json", "--quiet")
    assert result.exit_code == 0, result.stderr
    return path, json.loads(result.stdout)


@pytest.fixture
def copied(stored, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_bytes(stored[0].read_bytes())
    return path


def test_a_stored_fit_says_what_the_ranking_said(stored):
    path, ranking = stored
    result = run("diagnose", path, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    for name in ("base", "target", "model", "engine", "checks", "ok", "fingerprint", "provenance"):
        assert found[name] == ranking[name], name
    assert found["fingerprint_max_diff"] == pytest.approx(0, abs=1e-12)
    assert found["disagreeing"] == []
    assert found["recomputed"].keys() == {"k_hat", "mcse_p", "ess"}
    for name, check in found["recomputed"].items():
        assert check["value"] == pytest.approx(ranking["checks"][name]["value"], rel=1e-4, abs=0.1 * (name == "k_hat"))
        assert check["ok"]


@pytest.mark.slow
def test_the_page_shows_checks_and_the_prior_that_was_used(stored):
    text = run("diagnose", stored[0]).stdout
    assert "k_hat" in text
    assert "passed" in text
    assert "FAILED" not in text
    assert "rho[sleeper]" in text
    assert "\x1b" not in text
    assert "evidence diagnose fit.nc" in " ".join(text.split())


def test_an_existing_fit_is_kept_without_force_and_before_any_work(base, copied):
    before = copied.read_bytes()
    result = run("rank", base, "--out", copied)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--force" in result.stderr
    assert copied.read_bytes() == before


def test_a_damaged_file_exits_2_without_a_traceback(copied):
    copied.write_bytes(copied.read_bytes()[:5000])
    result = run("diagnose", copied, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "found a damaged file" in result.stderr
    assert "Traceback" not in result.output


def assert_no_verdict(path, says):
    result = run("diagnose", path, "--json")
    assert result.exit_code == 5, result.output
    assert json.loads(result.stdout)["ok"] is False
    assert says in result.stderr
    assert "--seed" in result.stderr
    text = run("diagnose", path)
    assert text.exit_code == 5
    assert "NO VERDICT" in text.stdout
    assert "Traceback" not in text.output


@pytest.mark.slow
def test_weights_changed_in_the_file_are_found(copied):
    # half of the draws thrown out: fewer draws count than the stored checks say
    with netCDF4.Dataset(copied, "a") as file:
        weights = file["weighted_draws/weights"]
        values = np.array(weights[:])
        values[::2] = 0
        weights[:] = values / values.sum()
    assert_no_verdict(copied, "ess as stored is not that of the stored draws")


@pytest.mark.slow
def test_a_prior_changed_in_the_file_is_found(copied):
    with netCDF4.Dataset(copied, "a") as file:
        fingerprint = json.loads(file.getncattr("fingerprint"))
        fingerprint["tau"]["q50"] += 0.01
        file.setncattr("fingerprint", json.dumps(fingerprint))
    assert_no_verdict(copied, "the prior as stored is 0.01 off its own draws")


@pytest.fixture(scope="module")
def failed(base, tmp_path_factory):
    """A fit with far too few draws, stored."""
    from evidence.inference.exact import ExactEngine

    path = tmp_path_factory.mktemp("fits") / "failed.nc"
    with pytest.MonkeyPatch.context() as patch:
        few = ExactEngine(max_rounds=1, min_rounds=1, round_size=64)
        patch.setattr("evidence.cli.ask.engine_named", lambda *_: few)
        return path, run("rank", base, "--out", path, "--json", "--quiet")


@pytest.mark.slow
def test_a_failed_gate_survives_saving_and_loading(failed):
    # R8: rank -> JSON, rank -> file -> JSON and terminal
    path, ranked = failed
    assert ranked.exit_code == 5, ranked.output
    assert json.loads(ranked.stdout)["techniques"] is None
    assert_no_verdict(path, "ess")
    found = json.loads(run("diagnose", path, "--json").stdout)
    assert found["checks"] == json.loads(ranked.stdout)["checks"]
    assert not all(check["ok"] for check in found["checks"].values())


@pytest.mark.slow
def test_a_failed_check_cannot_be_edited_into_a_passed_one(failed, tmp_path):
    # Every check and `ok` set to passed: the draws still say what they said.
    path = tmp_path / "fit.nc"
    path.write_bytes(failed[0].read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        checks = json.loads(file.getncattr("checks"))
        for check in checks.values():
            check["ok"] = True
        file.setncattr("checks", json.dumps(checks))
        file.setncattr("ok", "true")
    assert_no_verdict(path, "is not that of the stored draws")


@pytest.mark.slow
@pytest.mark.timeout(2700)  # nine minutes on an idle machine
def test_the_sampled_engine_is_a_choice_of_rank(base, tmp_path):
    path = tmp_path / "fit.nc"
    result = run("rank", base, "--engine", "sampled", "--out", path, "--json", "--quiet")
    assert result.exit_code in {0, 5}, result.output
    found = run("diagnose", path, "--json")
    assert found.exit_code == result.exit_code, found.output
    assert json.loads(found.stdout)["engine"] == "sampled"


@pytest.mark.slow
def test_plots_of_a_weighted_fit_are_whole_svg_files_and_kept_without_force(copied, tmp_path):
    folder = tmp_path / "plots"
    result = run("diagnose", copied, "--plots", folder, "--json")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["prior-posterior.svg", "weights.svg"]
    svg = (folder / "weights.svg").read_text(encoding="utf-8")
    k_hat, ess = (json.loads(result.stdout)["checks"][name]["value"] for name in ("k_hat", "ess"))
    said = re.search(r"k-hat (-?[\d.]+|-inf), worth (\d+) of \d+ draws", svg)
    assert float(said[1]) == pytest.approx(k_hat, abs=0.11)  # as `diagnose` allows: unweighted draws are not stored
    assert int(said[2]) == pytest.approx(ess, abs=1)
    assert "sigma_b" in (folder / "prior-posterior.svg").read_text(encoding="utf-8")
    (folder / "weights.svg").write_text("mine", encoding="utf-8")
    refused = run("diagnose", copied, "--plots", folder)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (folder / "weights.svg").read_text(encoding="utf-8") == "mine"
    assert run("diagnose", copied, "--plots", folder, "--force").exit_code == 0
    assert (folder / "weights.svg").read_text(encoding="utf-8") == svg


def test_plots_of_chains_show_the_quantities_that_mix_worst(monkeypatch):
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(4, 200, 6))
    draws[2, :, 4] += 3  # one chain elsewhere
    draws[:, :, 5] = 1.0  # a constant
    variables = {"a": draws[..., 0], "b": draws[..., 3], "sticks": draws[..., 4], "constant": draws[..., 5]}
    group = xr.Dataset(
        {name: (("chain", "draw"), values) for name, values in variables.items()}
        | {"merit": (("chain", "draw", "technique"), draws[..., 1:3])},
        coords={"technique": ["x", "<script>"], "chain": range(4), "draw": range(200)},
    )
    tree = xr.DataTree.from_dict({"/posterior": group, "/prior": group.isel(chain=[0])})
    monkeypatch.setattr(diagnostic_plots, "MOST_PANELS", 3)
    drawn = diagnostic_plots.diagnostic_plots(tree, 4)
    assert tuple(drawn) == diagnostic_plots.plot_names(4)
    for svg in drawn.values():
        words = {element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314
        shown = words & {"a", "b", "sticks", "constant", "merit[x]", "merit[<script>]"}
        assert len(shown) == 3
        assert "sticks" in shown
        assert "constant" not in shown
