"""From a keystroke at the desk to the findings on the screen, in a real browser.

    python benchmarks/desk.py [--corpus DIR] [--index DIR] [--runs N]

Types questions letter by letter, waits after each letter until its findings have been painted,
and prints the milliseconds: those in the browser, and those in the look-up alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from qa.config import ROOT, Settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
TYPED = (
    "出口退税多久到账", "保费谁出", "ckts", "shuiwuju", "关税排除怎么申请", "展位费补贴",
    "export tax refund", "credit insurance premium", "수출 환급 기간", "보험료 지원",
)  # fmt: skip

# Resolves with the milliseconds from a keystroke until its findings have been painted.
PAINTED = """typed => new Promise(done => {
  const field = document.querySelector('.search input');
  const found = document.querySelector('.found');
  new MutationObserver((_, watching) => {
    if (found.dataset.of !== typed) return;
    watching.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  }).observe(found, {attributes: true, attributeFilter: ['data-of']});
  const began = performance.now();
  field.value = typed;
  field.dispatchEvent(new Event('input', {bubbles: true}));
})"""


def main() -> None:
    """Measures and prints."""
    default = Settings.from_environment()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=default.corpus, metavar="DIR")
    parser.add_argument("--index", type=Path, default=default.index, metavar="DIR")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, str(ROOT / "app.py"), "--port", "0", "--no-watch",
            "--corpus", str(options.corpus), "--index", str(options.index),
        ]  # fmt: skip
        environment = {"QA_JOURNAL": str(Path(folder) / "journal.sqlite")}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **environment},
        ) as app:  # fmt: skip
            try:
                assert app.stdout
                address = app.stdout.readline().strip()
                _wait(address)
                _report("in the browser", _in_browser(address, options.runs))
            finally:
                app.terminate()
    _report("the look-up alone", _alone(options.index, options.runs))


def _wait(address: str) -> None:
    while True:
        try:
            urllib.request.urlopen(f"{address}/faces").close()
            return
        except urllib.error.HTTPError:
            time.sleep(0.5)


def _letters() -> list[str]:
    """All beginnings of the questions, in the order in which they are typed."""
    return [text[: end + 1] for text in TYPED for end in range(len(text))]


def _in_browser(address: str, runs: int) -> list[float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page: Any = browser.new_context(locale="zh-CN").new_page()
        page.goto(f"{address}/desk/")
        page.wait_for_selector(".qa:not([hidden])")
        for text in ("出口", "export", "수출"):  # loads the parts of each language
            page.evaluate(PAINTED, text)
        waits = [page.evaluate(PAINTED, text) for _ in range(runs) for text in _letters()]
        browser.close()
        return waits


def _alone(index: Path, runs: int) -> list[float]:
    from qa.assistant import Assistant
    from qa.desk.lookup import Lookup
    from qa.encoder import load_encoder
    from qa.questions import Questions

    assistant = Assistant.open(index, load_encoder)
    lookup = Lookup(assistant, Questions(assistant.index))
    for text in ("出口", "export", "수출"):
        lookup.search(text)
    waits = []
    for text in _letters() * runs:
        began = time.perf_counter()
        lookup.search(text)
        waits.append(1000 * (time.perf_counter() - began))
    return waits


def _report(what: str, waits: list[float]) -> None:
    cuts = statistics.quantiles(waits, n=20)
    print(
        f"{what}: p50 {statistics.median(waits):.1f} ms, p95 {cuts[-1]:.1f} ms, "
        f"slowest {max(waits):.1f} ms ({len(waits)} keystrokes)"
    )


if __name__ == "__main__":
    main()
