"""What the app lets in (S1-S5, S23): its address, its names, its options, its sessions, the address bar and uploads."""

import ast
import http.client
import os
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import bases
from evidence.app.workspace import MAX_FINDINGS, MAX_TECHNIQUES, read_base
from evidence.cli import app as command_line
from evidence.cli.app import command_of, environment_of
from evidence.domain.errors import BadInput
from serving import served
from test_app import DEFAULT, opened, page

ANYWHERE = "0.0.0.0"  # noqa: S104 (what must not come of it is tested)
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip
STREAM = "/_stcore/stream"


@pytest.fixture(scope="module")
def port():
    """The app as `evidence app` serves it, with a variable in the environment that would open it to everybody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SERVER_ADDRESS", ANYWHERE)
        patch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
        environment = environment_of("127.0.0.1", None)
    with served(environment) as number:
        yield number


def answer(port, path, headers):
    """Status, headers and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path, headers={"Host": f"127.0.0.1:{port}", **headers})
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), b"" if found.status == 101 else found.read()


def listening(port):
    """Local addresses on which this machine listens at a port, as the kernel lists them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            rows = [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]
            found |= {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    return found


def test_s01_only_this_machine_reaches_the_app_whatever_the_environment_says(port):
    if Path("/proc/net/tcp").exists():
        assert listening(port) == {"0100007F"}  # 127.0.0.1, bytes reversed
    addresses = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    for address in {a[4][0] for a in addresses if not a[4][0].startswith("127.")}:
        with pytest.raises(OSError):
            socket.create_connection((address, port), timeout=2)


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.168.1.4", "evil.example"])
def test_s01_addresses_that_others_reach_are_refused(host):
    refused = CliRunner().invoke(command_line, ["app", "--host", host])
    assert refused.exit_code == 2
    assert "127.0.0.1" in refused.stderr


def test_s01_a_variable_cannot_widen_the_address():
    widened = CliRunner().invoke(command_line, ["app"], env={**os.environ, "EVIDENCE_APP_HOST": ANYWHERE})
    assert widened.exit_code == 2


def test_s02_foreign_names_and_foreign_pages_are_refused(port):
    # All that is said goes over the WebSocket: a name that was made to point here gets the empty page and no more.
    assert answer(port, "/", {})[0] == 200
    rebound = {**UPGRADE, "Host": "evil.example", "Origin": "http://evil.example"}
    assert answer(port, STREAM, rebound)[0] == 403
    assert answer(port, STREAM, {**UPGRADE, "Host": f"evil.example:{port}"})[0] == 403
    assert answer(port, STREAM, {**UPGRADE, "Origin": "http://evil.example"})[0] == 403
    assert answer(port, STREAM, {**UPGRADE, "Origin": f"http://127.0.0.1:{port}"})[0] == 101


def test_s02_that_framing_cannot_be_refused_is_written_down(port):
    # The day that Streamlit sends such a header, this fails and the page can say so.
    _, headers, _ = answer(port, "/", {})
    lower = {name.lower(): value for name, value in headers.items()}
    assert "x-frame-options" not in lower
    assert "frame-ancestors" not in lower.get("content-security-policy", "")
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert "frame" in text


def test_s03_the_app_starts_with_safe_options():
    options = dict(word.removeprefix("--").split("=", 1) for word in command_of("127.0.0.1", 8501) if "=" in word)
    wanted = {
        "browser.gatherUsageStats": "false", "client.showErrorDetails": "none", "server.maxUploadSize": "10",
        "server.enableStaticServing": "false", "runner.magicEnabled": "false", "server.fileWatcherType": "none",
        "client.toolbarMode": "minimal", "server.enableXsrfProtection": "true", "server.enableCORS": "true",
        "server.address": "127.0.0.1", "server.headless": "true",
    }  # fmt: skip
    assert {name: options.get(name) for name in wanted} == wanted


def test_s03_files_are_not_served(port):
    for path in ("/app/static/x", "/app/static1/x", "/app/static/../../etc/passwd", "/..%2f..%2fetc/passwd"):
        assert b"root:" not in answer(port, path, {})[2]


def test_s04_two_readers_see_their_own_beliefs_and_settings():
    one, two = opened(belief=0.9), opened(belief=0.2)
    first, second = page("verdict", one), page("verdict", two)
    says = [[m.delta for m in app.metric if m.label == "Warranted"] for app in (first, second)]
    assert says == [["you said 90"], ["you said 20"]]
    one.settings["prior.tau"] = "0.5"
    assert two.settings == {}
    assert one.path != two.path


def test_s04_no_module_of_the_app_writes_a_global():
    folder = Path(command_of("127.0.0.1", 8501)[4]).parent
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")}
    assert len(trees) > 10
    for name, tree in trees.items():
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Global)], name
        kept = [n for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign) and n.value is not None]
        mutable = [n.lineno for n in kept if isinstance(n.value, ast.List | ast.Set | ast.ListComp | ast.DictComp)]
        assert not mutable, name


QUERIES = {
    "an infinite number": {"rho": "1e999"},
    "no number": {"rho": "nan"},
    "10 kB": {"x": "y" * 10_000},
    "10 kB for a base": {"base": "y" * 10_000},
    "a key twice": {"base": ["control", "steering"]},
    "a path": {"base": "../../etc"},
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_s05_an_odd_address_is_said_to_be_ignored(query):
    app = AppTest.from_string("from evidence.app.main import _start\n_start()", default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    assert any("were ignored" in w.value for w in app.warning)
    assert app.session_state["workspace"].base_name == "control"


def uploaded(found, data):
    app = page("evidence", found)
    app.file_uploader(key="upload").set_value(("findings.csv", data, "text/csv")).run()
    return next(b for b in app.button if b.label == "Use the uploaded table").click().run()


def test_s23_ten_thousand_papers_are_refused_at_the_cap_and_the_app_lives():
    found = opened()
    before, header = found.base, bases.FINDINGS.split("\n", 1)[0]
    row = "f{},alpha2023,jailbreak,monitor,none,counts,no,,,,,,,12,100,31,100" + "," * 13 + ",Table 1,full text"
    for end in ("\n", "\r", "\r\n"):
        data = end.join([header, *(row.format(i) for i in range(10_000))])
        started = time.monotonic()
        app = uploaded(found, data.encode())
        assert not app.exception
        assert any(f"at most {MAX_FINDINGS} rows" in e.value for e in app.error), end
        assert found.base == before
        assert time.monotonic() - started < 30
    assert not page("evidence", found).exception


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id\n" + b"x\n" * 10_000, "at most"),
        (b"\xff\xfe", "UTF-8"),
        (b"id,study\nf1,nobody\n", "setting"),
        (b"=HYPERLINK(1)\n", "findings.csv"),
        (b"id\n" + b"," * 1_000_000, "columns"),
    ],
    ids=["rows", "UTF-16", "columns missing", "a formula", "columns"],
)
def test_s23_an_upload_that_is_too_large_or_no_table_is_refused_and_the_app_lives(data, said):
    found = opened()
    before = found.base
    app = uploaded(found, data)
    assert not app.exception
    assert any(said in e.value for e in app.error)
    assert found.base == before
    assert not page("evidence", found).exception


def test_s23_a_thousand_techniques_are_refused_at_the_cap(tmp_path):
    # Techniques cannot be uploaded; a base that has them in its folder is refused all the same.
    rows = "".join(f"t{i},Technique {i},,\n" for i in range(1000))
    folder = bases.write_base(tmp_path / "tiny", techniques=bases.TECHNIQUES + rows)
    with pytest.raises(BadInput, match=f"at most {MAX_TECHNIQUES} in the app"):
        read_base(folder, DEFAULT)
