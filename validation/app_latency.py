"""Slider to repaint of the app in a real browser, and the floor that Streamlit sets on the same machine.

    python validation/app_latency.py [--moves 100] [--base control --base harmbench]

Served as `evidence app` serves it. A move is one key press on the first validity slider; its time runs inside the page
from the key to the frame in which the answer of that very setting is on screen. `floor` is the same for an app that
has one slider and writes its value. `engine` is `Live.move` alone, in this process. Also: seconds from the start of
the server to the first number, and page changes once all pages are warm.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from evidence.cli.app import command_of, environment_of

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLOOR = """
import streamlit as st
@st.fragment
def panel():
    value = st.slider("Validity", 0.0, 1.0, 0.5, step=0.01)
    st.html(f'<div data-testid="what-if-answer" data-settings="x={value:g}">{value}</div>')
panel()
"""
WATCH = """
() => {
  window.__seen = [];
  const note = () => document.querySelectorAll('[data-testid=what-if-answer]').forEach(b => {
    const s = b.dataset.settings;
    if (window.__last !== s) { window.__last = s; requestAnimationFrame(() => window.__seen.push([performance.now(), s])); }
  });
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true});
  note();
  window.__keys = [];
  document.addEventListener('keydown', () => window.__keys.push(performance.now()), true);
}
"""
PAGES = ("evidence", "validity", "verdict", "what-if", "ranking", "register", "checks")


def free_port():
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def served(command, environment):
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)


def moves_of(page, n):
    """Milliseconds from key to repaint of `n` moves to and fro."""
    slider = page.get_by_role("slider").first
    page.evaluate(WATCH)
    slider.focus()
    times = []
    for i in range(n):
        key = "ArrowRight" if (i // 10) % 2 == 0 else "ArrowLeft"
        before = page.evaluate("window.__seen.length")
        slider.press(key)
        page.wait_for_function(f"window.__seen.length > {before}", timeout=30_000)
        page.wait_for_timeout(60)
        times.append(page.evaluate("window.__seen.at(-1)[0] - window.__keys.at(-1)"))
    return times


def measure_floor(playwright, n):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "floor.py"
        entry.write_text(FLOOR, encoding="utf-8")
        command = [part if not part.endswith("entry.py") else str(entry) for part in command_of("127.0.0.1", port)]
        with served(command, environment_of("127.0.0.1", None)):
            wait_for(port)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_test_id("what-if-answer").wait_for(timeout=60_000)
            times = moves_of(page, n)
            browser.close()
            return times


def measure_base(playwright, base, n):
    port = free_port()
    start = time.perf_counter()
    with served(command_of("127.0.0.1", port), environment_of("127.0.0.1", None)):
        wait_for(port)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 1800}).new_page()
        page.set_default_timeout(180_000)
        page.goto(f"http://127.0.0.1:{port}/?base={base}")
        page.get_by_role("button", name="Skip: do not record a belief").click()
        page.get_by_text("The other pages are open").wait_for()
        go(page, "what-if")
        page.get_by_test_id("what-if-answer").wait_for()
        first = time.perf_counter() - start
        page.get_by_role("tab", name="Tornado").wait_for()
        settle(page)
        times = moves_of(page, n)
        for name in PAGES:  # warm
            go(page, name)
        changes = [go(page, name) for _ in range(3) for name in PAGES]
        browser.close()
    return {"first_number_s": first, "moves_ms": times, "page_changes_ms": changes}


def settle(page):
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-testid=stSpinner]')")


def go(page, name):
    """Milliseconds from the click to the last element of the page."""
    start = time.perf_counter()
    page.get_by_test_id("stSidebarNav").get_by_role("link").nth(1 + PAGES.index(name)).click()
    page.wait_for_url(f"**/{name}*")
    settle(page)
    return 1000 * (time.perf_counter() - start)


def engine_part(base, n):
    """Milliseconds of `Live.move` for the same moves, without browser and Streamlit."""
    from evidence.app import answers
    from evidence.app.workspace import open_workspace

    found = open_workspace(base)
    live = answers.live_of(found, whole=False)
    slider = answers.sliders_for(live)[0]
    values = [slider.at(slider.registered + slider.step * (1 + i % 10)) for i in range(n)]
    times = []
    for value in values:
        start = time.perf_counter()
        live.move((f"{slider.key}={value:g}",))
        times.append(1000 * (time.perf_counter() - start))
    return times


def said(times):
    return f"median {np.median(times):4.0f} ms, p95 {np.percentile(times, 95):4.0f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--base", action="append")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {}
    with sync_playwright() as playwright:
        found["floor"] = measure_floor(playwright, arguments.moves)
        print(f"floor: {said(found['floor'])}", file=sys.stderr)
        for base in arguments.base or ["control"]:
            row = measure_base(playwright, base, arguments.moves)
            row["engine_ms"] = engine_part(base, arguments.moves)
            found[base] = row
            print(
                f"{base}: first number {row['first_number_s']:.1f} s; slider to repaint {said(row['moves_ms'])};"
                f" engine {said(row['engine_ms'])}; page change {said(row['page_changes_ms'])}",
                file=sys.stderr,
            )
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
