"""`import evidence as ev`: light, small, typed, and equal to the commands of the same names."""

import doctest
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import evidence as ev
from bases import write_base
from evidence.cli import app
from evidence.io.fits import read_fit

ROOT = Path(__file__).parents[1]
MOST_NAMES, MOST_SECONDS = 30, 0.3


def fresh(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_import_is_quick_and_loads_nothing_that_is_not_asked_for():
    code = "import sys, time; before = set(sys.modules); t = time.perf_counter(); import evidence; "
    code += "print(time.perf_counter() - t, *{m.split('.')[0] for m in set(sys.modules) - before})"
    runs = [fresh(code) for _ in range(3)]
    assert min(float(run[0]) for run in runs) <= MOST_SECONDS
    assert set(runs[0][1:]) - set(sys.stdlib_module_names) == {"evidence"}


def test_opening_a_base_loads_no_engine():
    code = "import evidence as ev, sys; ev.load_base('control'); print(*sys.modules)"
    assert {"jax", "pymc", "matplotlib", "arviz", "xarray"} & set(fresh(code)) == set()


def test_the_public_names_are_few_listed_and_there():
    assert len(ev.__all__) <= MOST_NAMES
    assert dir(ev) == sorted(ev.__all__) == list(ev.__all__)
    assert all(getattr(ev, name) is not None for name in ev.__all__)
    homes = {name for names in ev._HOMES.values() for name in names} | {"figures"}
    assert homes == set(ev.__all__)
    with pytest.raises(AttributeError, match="no attribute 'ranc'"):
        _ = ev.ranc


def test_every_public_name_is_in_the_page_and_every_function_typed_and_described():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in ev.__all__:
        assert f"`{name}" in page, name
        thing = getattr(ev, name)
        assert inspect.getdoc(thing), name
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            kinds = [p.annotation for p in signature.parameters.values()] + [signature.return_annotation]
            assert inspect.Signature.empty not in kinds, name
    assert f"offers {len(ev.__all__)} names" in page


@pytest.mark.slow
def test_the_page_runs():
    found = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False, encoding="utf-8")
    assert found.attempted >= 20
    assert found.failed == 0


def printed(*words):
    result = CliRunner().invoke(app, [*words, "--json", "--quiet"], prog_name="evidence")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.slow
def test_answers_are_those_of_the_commands(tmp_path):
    base = str(write_base(tmp_path / "tiny"))
    change = {"novelty.first deployment": 0.5}
    words = ["--set", "novelty.first deployment=0.5", "--seed", "3"]
    assert json.loads(ev.to_json(ev.rank(base, changes=change, seed=3))) == printed("rank", base, *words)
    found = ev.review(base, "alpha2023", "beta2024", belief=0.8, changes=change, seed=3)
    wanted = printed("review", "alpha2023", "beta2024", "--base", base, "--belief", "80", *words)
    assert json.loads(ev.to_json(found)) == wanted
    sweep = ev.what_if(base, "gap.sleeper.aim", (0.0, 1.0, 0.5), flip=0.6, changes=change, seed=3)
    wanted = printed("what-if", base, "--sweep", "gap.sleeper.aim=0:1:0.5", "--flip", "60", *words)
    assert json.loads(ev.to_json(sweep)) == wanted
    claim = ev.quick("A > B", "theory", q=0.7, seed=3)
    assert json.loads(ev.to_json(claim)) == printed("quick", "A > B", "--class", "theory", "--q", "0.7", "--seed", "3")
    scores = ev.backtest("wmdp-rmu", seed=3)
    assert json.loads(ev.to_json(scores)) == printed("backtest", "wmdp-rmu", "--seed", "3")


@pytest.mark.slow
def test_all_reviews_are_the_single_ones(tmp_path):
    base = ev.load_base(write_base(tmp_path / "tiny"))
    found = ev.review_all(base)
    assert list(found) == ["alpha2023", "beta2024", "gamma2025"]
    assert found["gamma2025"].model_dump() == ev.review(base, "gamma2025").model_dump()
    assert ev.to_pandas(found).p_post.tolist() == [review.p_post for review in found.values()]


def test_a_fit_is_stored_as_the_command_stores_it(tmp_path):
    fit = ev.fit(write_base(tmp_path / "tiny"))
    fit.save(tmp_path / "fit.nc")
    header, tree = read_fit(tmp_path / "fit.nc")
    assert (header.base, header.ok) == ("tiny", fit.ranking.ok)
    # Identity: the weighted draws of the tree give the means of the ranking they were read into.
    drawn = tree["weighted_draws"]
    mean = float((drawn.weights * drawn["mean"].sel(technique="monitor")).sum())
    assert mean == pytest.approx(ev.to_pandas(fit.ranking).merit_mean["monitor"], abs=1e-9)


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda base: ev.rank(base, engine="quick"), "engine"),
        (lambda base: ev.review(base, "alpha2023", belief=80), "belief"),
        (ev.review, "studies"),
        (lambda base: ev.what_if(base, "prior.tau", (0.1, 1.0, 0.1), flip=50), "flip"),
        (lambda _: ev.backtest(), "bridges"),
        (lambda base: ev.backtest("wmdp-rmu", "wmdp-rmu"), "bridges"),
        (lambda base: ev.backtest("wmdp-rmu", targets=("nowhere",)), "targets"),
        (lambda base: ev.backtest("control"), "control"),
        (lambda base: ev.rank("contrl"), "contrl"),
        (lambda base: ev.from_tables({"finding": None}, base.question), "finding"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(tmp_path, ask, field):
    base = ev.load_base(write_base(tmp_path / "tiny"))
    with pytest.raises(ev.BadInput) as refused:
        ask(base)
    assert refused.value.problems[0].file == field


@pytest.mark.parametrize("name", [*ev.shipped().bases, *ev.shipped().bridges])
def test_tables_of_every_shipped_base_come_back_as_the_same_records(name):
    base = ev.load_base(name)
    again = ev.from_tables(ev.to_tables(base), base.question)
    assert again == base.model_copy(update={"left_out": ()})


def test_problems_of_frames_say_where_they_are(tmp_path):
    base = ev.load_base(write_base(tmp_path / "tiny"))
    tables = ev.to_tables(base)
    tables["settings"].loc[1, "gap_aim"] = "huge"
    tables["techniques"]["colour"] = "red"
    with pytest.raises(ev.BadInput) as refused:
        ev.from_tables(tables, base.question)
    places = {(p.file, p.row, p.field) for p in refused.value.problems}
    assert {("settings.csv", 3, "gap_aim"), ("techniques.csv", 1, "colour")} <= places
