"""`--scheduler`: the same answers from other processes, whatever happens to them, and none of them left behind."""

import dataclasses
import functools
import io
import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

import bases
import proposing
from commands import run
from evidence import batch
from evidence.analysis import bridge_laws
from evidence.analysis.learned_models import shape_of
from evidence.domain.errors import BadInput, Problem, Tampered
from evidence.domain.value import Value
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_model
from evidence.io.tables import load_base
from evidence.report.render import open_console
from evidence.report.value import hours, values_view
from scale_out import is_hyper, replicate_one

distributed = pytest.importorskip("distributed")

# Dask and Tornado leave sockets to the garbage collector, which warns of some of them at the end of a test.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(240),
]

TOLERANCE = 1e-9
"""Two numbers of two processes: threads of BLAS may add up in another order."""


def square(x):
    return x * x


def refuse(x):
    if x == 3:
        raise BadInput([Problem("a.csv", 3, "k", "4 of 3", "k at most n")])
    return x


def note(folder, x):
    """The process that ran an item, in a file, then half a second of work."""
    (folder / f"{x} {os.getpid()}").touch()
    time.sleep(0.5)
    return x * x


def threads(_):
    """What this process may use of the machine, after a product of matrices in JAX."""
    import jax.numpy as jnp

    from evidence.inference import jax_setup  # noqa: F401  # before the first computation

    a = jnp.ones((300, 300))
    return str((a @ a).dtype), os.cpu_count(), os.environ["OPENBLAS_NUM_THREADS"], os.environ["NPROC"]


def children():
    """Processes below this one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.read_text().split(" (", 1)
            parents[int(pid)] = int(rest.rpartition(") ")[2].split()[1])
        except OSError:
            continue
    found, waiting = set(), [os.getpid()]
    while waiting:
        parent = waiting.pop()
        below = [pid for pid, above in parents.items() if above == parent]
        found |= set(below)
        waiting += below
    return found


@pytest.fixture(scope="module")
def over():
    with batch.spread("local:2") as over:
        yield over


@pytest.fixture(scope="module")
def cluster():
    """Somebody else's scheduler, without workers at first."""
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", worker_dashboard_address=":0"
    ) as cluster:
        yield cluster


def test_without_a_scheduler_it_is_the_map_of_python():
    with batch.spread(None) as over:
        assert over is map


def test_results_come_in_order_whatever_their_number(over):
    assert list(over(square, range(50))) == [x * x for x in range(50)]
    assert list(over(square, [])) == []


def test_a_worker_keeps_to_one_core_and_to_double_precision(over):
    assert set(over(threads, range(4))) == {("float64", 1, "1", "1")}


def test_an_error_of_an_item_arrives_as_it_is_and_the_next_batch_runs(over):
    with pytest.raises(BadInput) as error:
        list(over(refuse, range(20)))
    assert str(error.value) == "a.csv:3:k: found 4 of 3, wanted k at most n"
    assert error.value.problems == (Problem("a.csv", 3, "k", "4 of 3", "k at most n"),)
    assert list(over(square, range(5))) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("kind", [BadInput, Tampered])
def test_errors_stay_themselves_between_processes(kind):
    error = kind([Problem("a.csv", 3, "k", "4", "3"), Problem("b.csv", None, "", "x", "y")])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (type(again), again.problems, str(again)) == (kind, error.problems, str(error))


def test_a_killed_worker_loses_nothing(over, tmp_path):
    killed = []

    def kill():
        while not (started := list(tmp_path.iterdir())):
            time.sleep(0.01)
        killed.append(int(started[0].name.split()[1]))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert list(over(functools.partial(note, tmp_path), range(12))) == [x * x for x in range(12)]
    killer.join()
    ran = [path.name.split() for path in tmp_path.iterdir()]
    items = [int(item) for item, _ in ran]
    assert set(items) == set(range(12))
    assert len(items) > 12, "the item of the killed worker was started again"
    assert len({pid for _, pid in ran} - {str(killed[0])}) >= 1


def test_an_item_that_kills_every_worker_is_told_and_not_retried_for_ever(over):
    with pytest.raises(BadInput, match="workers that died"):
        list(over(os._exit, [1]))
    assert list(over(square, [3])) == [9]


def test_processes_and_folders_are_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = children()
    with pytest.raises(RuntimeError, match="meant"), batch.spread("local:1") as over:
        assert list(over(square, [2])) == [4]
        assert any(tmp_path.iterdir())
        assert children() - before
        raise RuntimeError("meant")
    assert list(tmp_path.iterdir()) == []
    assert [pid for pid in children() - before if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()] == []


def test_strangers_cannot_reach_the_workers():
    with batch.spread("local:1") as over:
        address = over.client.scheduler_info()["address"]
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises((OSError, TimeoutError, TypeError)):
            distributed.Client(address.replace("tls://", "tcp://"), timeout=2)


def test_interrupting_stops_the_workers(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(
        "import functools, pathlib, sys, test_batch\n"
        "from evidence import batch\n"
        "if __name__ == '__main__':\n"
        "    with batch.spread('local:2') as over:\n"
        "        list(over(functools.partial(test_batch.note, pathlib.Path(sys.argv[1])), range(1000)))\n",
        encoding="utf-8",
    )
    (tmp_path / "ran").mkdir()
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *filter(None, sys.path)])}
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "ran")], env=environment, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        # Ctrl-C must be heard even where the tests run in the background of a shell.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    while len(list((tmp_path / "ran").iterdir())) < 2 and process.poll() is None:
        time.sleep(0.05)
    workers = {int(path.name.split()[1]) for path in (tmp_path / "ran").iterdir()}
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert workers
    end = time.monotonic() + 10
    while (alive := [pid for pid in workers if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
        time.sleep(0.1)
    assert alive == []


@pytest.mark.parametrize("name", ["local:0", "local:x", "local:1000", "local:", "nowhere", "http://x:1", "tcp://x"])
def test_what_is_no_scheduler_is_told_before_any_work(name, tmp_path):
    result = run("review", "--all", "--base", bases.write_base(tmp_path / "tiny"), "--scheduler", name, code=2)
    assert "local:N with N from 1 to 256" in result.stderr
    assert result.stderr.count("\n") == 1


def listening(answer):
    """A port that takes connections and says `answer` to each, or nothing at all."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                taken, _ = server.accept()
            except OSError:
                return
            if answer:
                taken.sendall(answer)
            kept.append(taken)

    kept = []
    if answer is not None:  # a thread in `accept` would keep the port open after `close`
        threading.Thread(target=serve, daemon=True).start()
    return server, kept


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["closed", "silent", "web"])
def test_an_address_where_no_scheduler_answers_is_told_within_ten_seconds(answer, tmp_path):
    server, kept = listening(answer)
    port = server.getsockname()[1]
    if answer is None:
        server.close()
    base = bases.write_base(tmp_path / "tiny")
    start = time.monotonic()
    result = run("review", "--all", "--base", base, "--scheduler", f"tcp://127.0.0.1:{port}", code=2)
    assert time.monotonic() - start < 10
    assert "no scheduler that answers" in result.stderr
    assert "Traceback" not in result.output
    for taken in [server, *kept]:
        taken.close()


@pytest.mark.parametrize("package", ["distributed", "cryptography"])
def test_without_dask_one_line_says_what_to_install(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    result = run("review", "--all", "--base", bases.write_base(tmp_path / "tiny"), "--scheduler", "local:2", code=2)
    assert result.stderr.count("\n") == 1
    assert "pip install 'evidence[scale]'" in result.stderr


def test_workers_of_a_running_scheduler_must_be_there_and_be_this_code(cluster, monkeypatch):
    address = cluster.scheduler_address
    with pytest.raises(BadInput, match="a scheduler without workers"), batch.spread(address):
        pass
    cluster.scale(1)
    cluster.wait_for_workers(1)
    with batch.spread(address) as over:
        assert list(over(square, range(5))) == [0, 1, 4, 9, 16]
    monkeypatch.setattr(batch, "_identity", functools.partial(str, "evidence 9.9 (source 0)"))
    monkeypatch.setattr(distributed.Client, "run", lambda *_: {"tcp://w": "evidence 0.1.0 (source 1)"})
    found = "the package evidence 0.1.0 (source 1) at tcp://w, wanted evidence 9.9"
    with pytest.raises(BadInput, match=re.escape(found)), batch.spread(address):
        pass


def assert_alike(found, wanted, place=""):
    """The same document, numbers within TOLERANCE."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), place
        for key in wanted:
            assert_alike(found[key], wanted[key], f"{place}/{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), place
        for number, pair in enumerate(zip(found, wanted, strict=True)):
            assert_alike(*pair, f"{place}/{number}")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE), place
    else:
        assert found == wanted, place


@pytest.fixture
def folder(tmp_path):
    bases.write_base(tmp_path / "tiny")
    for name, n in (("small", 50), ("large", 400)):
        (tmp_path / f"{name}.toml").write_text(proposing.text(name=name, n=n), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("review", "--all", "--base", "{}/tiny"), ("backtest", "{}/tiny", "--model", "sceptic")]
)
def test_a_command_says_the_same_from_two_processes(words, folder):
    words = [word.format(folder) for word in words]
    alone = json.loads(run(*words, "--json").stdout)
    assert_alike(json.loads(run(*words, "--json", "--scheduler", "local:2").stdout), alone)


@pytest.mark.slow
def test_values_from_other_processes_are_those_of_each_proposal_alone(folder):
    words = (folder / "small.toml", folder / "large.toml", "--each", "--json", "--scheduler", "local:2")
    together = json.loads(run("value", *words).stdout)
    alone = json.loads(run("value", folder / "large.toml", "--json").stdout)
    assert together["ok"] is True
    assert [value["id"] for value in together["values"]] == ["small", "large"]
    assert_alike(together["values"][1], alone)
    console = open_console(io.StringIO())
    console.print(values_view([Value.model_validate(value) for value in together["values"]]))
    lines = [line for line in console.file.getvalue().splitlines() if "Watch the sleepers again" in line]
    assert all(hours(v["hours_saved_then"]) in line.split() for v, line in zip(together["values"], lines, strict=True))


def test_a_bridge_fitted_anew_by_a_worker_is_what_it_is_here(over, folder):
    """`calibrate` spreads the fits of one turn, each from the fit before: everything it hands over travels."""
    model = load_model(find_model("uncalibrated"))
    base = load_base(folder / "tiny")
    first = bridge_laws._ToFit(base, model, None, shape_of(model), ExactEngine(), 1)
    before = bridge_laws._fit_bridge(first)
    again = dataclasses.replace(first, start=before.posterior)
    here, there = bridge_laws._fit_bridge(again), next(iter(over(bridge_laws._fit_bridge, [again])))
    assert_allclose(there.posterior.mean, here.posterior.mean, rtol=TOLERANCE, atol=TOLERANCE)
    assert_allclose(there.draws.scaled, here.draws.scaled, rtol=TOLERANCE, atol=TOLERANCE)
    assert {n: c.ok for n, c in there.posterior.checks.items()} == {n: c.ok for n, c in here.posterior.checks.items()}


def test_replications_of_a_calibration_rank_hyperparameters_the_same(over):
    # Ranks of merits may differ: signs of eigenvectors turn with the last digit (validation/scale_out.py).
    one = functools.partial(replicate_one, "exact", "sparse")
    here, there = list(map(one, range(4))), list(over(one, range(4)))
    assert [record["failed"] for record in there] == [record["failed"] for record in here]
    for a, b in zip(here, there, strict=True):
        hyper = [name for name in a["ranks"] if is_hyper(name)]
        assert len(hyper) > 3
        assert {name: b["ranks"][name] for name in hyper} == {name: a["ranks"][name] for name in hyper}


def test_bad_input_that_a_worker_finds_is_told_as_it_is_here(tmp_path):
    families = bases.FAMILIES.replace("sleeper,0.1,0.4", "sleeper,0.97,0.99")
    base = bases.write_base(tmp_path / "tiny", families=families)
    here = run("backtest", base, "--model", "sceptic", code=2)
    assert "stated_rho_hi" in here.stderr
    there = run("backtest", base, "--model", "sceptic", "--scheduler", "local:1", code=2)
    assert there.stderr == here.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("review", "alpha2023", "--base", "{}/tiny"), "--all"),
        (("value", "{}/small.toml"), "--each"),
        (("value", "{0}/small.toml", "{0}/large.toml", "--budget", "50"), "--each"),
    ],
)
def test_what_is_one_question_is_not_spread(words, wanted, folder):
    result = run(*(word.format(folder) for word in words), "--scheduler", "local:2", code=2)
    assert result.stderr.startswith("--scheduler: found")
    assert wanted in result.stderr
