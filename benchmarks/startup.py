"""From the start of ``app.py`` to the first answer: ``python benchmarks/startup.py``.

In headless Chromium where Playwright and /usr/bin/chromium are there, else over HTTP. The index is
built first, outside the measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qa.config import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
QUESTION = "How long does an export tax refund take?"

Visit = Callable[[str], Iterator[float]]
"""Opens the chat at an address; yields the time when the page is ready, and when it has answered."""


def main() -> None:
    """Prints the median and the slowest of each step, in seconds since the start of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--index", type=Path, help="an index to use; without, one is built")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, visitor() as (how, visit):
        index = options.index or Path(folder)
        run(index, visit)
        runs = [run(index, visit) for _ in range(options.runs)]
    print(f"{how}, {options.runs} runs, {os.cpu_count()} processors, seconds since the start")
    for step, times in zip(
        ("address printed", "page ready", "first answer"), zip(*runs, strict=True), strict=True
    ):
        print(f"{step:16} median {statistics.median(times):5.2f}   slowest {max(times):5.2f}")


def run(index: Path, visit: Visit) -> tuple[float, float, float]:
    """Starts the application once; the three times."""
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--index", str(index)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as app:
        assert app.stdout
        address = app.stdout.readline().strip()
        printed = time.perf_counter()
        ready, answered = visit(address)
        app.send_signal(signal.SIGINT)
    return printed - start, ready - start, answered - start


@contextmanager
def visitor() -> Iterator[tuple[str, Visit]]:
    """How the chat is visited, and the visit."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        yield "over HTTP", over_http
        return
    if not CHROMIUM.exists():
        yield "over HTTP", over_http
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)

        def in_browser(address: str) -> Iterator[float]:
            with browser.new_context(locale="en-US") as context:  # nothing cached from the last run
                page = context.new_page()
                page.goto(address)
                page.wait_for_selector(".qa:not([hidden])")
                yield time.perf_counter()
                page.fill("textarea", QUESTION)
                page.press("textarea", "Enter")
                page.wait_for_selector(".card")
                yield time.perf_counter()

        yield "in Chromium", in_browser
        browser.close()


def over_http(address: str) -> Iterator[float]:
    """The page and one answer, without a browser."""
    urllib.request.urlopen(address).read()
    yield time.perf_counter()
    with urllib.request.urlopen(f"{address}/config") as reply:
        dependencies = json.load(reply)["dependencies"]
    asking = next(
        d["id"] for d in dependencies if any(target[1] == "input" for target in d["targets"])
    )
    event = {"question": QUESTION, "language": "en", "id": 1}
    body = {"data": [], "event_data": event, "fn_index": asking, "session_hash": "startup"}
    request = urllib.request.Request(
        f"{address}/gradio_api/run/predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()
    yield time.perf_counter()


if __name__ == "__main__":
    main()
