"""A browser and the program in a process of its own, for the tests of the faces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.config import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Runs app.py with every connection that leaves the machine refused and written down.
ALONE = """
import runpy, socket, sys
log, sys.argv = sys.argv[1], ["app.py", *sys.argv[2:]]
def guard(name):
    original = getattr(socket.socket, name)
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            open(log, "a").write(f"{address}\\n")
            raise OSError("no network")
        return original(self, address)
    setattr(socket.socket, name, connect)
for name in ("connect", "connect_ex"):
    guard(name)
resolve = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host not in (None, "", "127.0.0.1", "::1", "localhost"):
        open(log, "a").write(f"{host}\\n")
        raise socket.gaierror("no network")
    return resolve(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
runpy.run_path("app.py", run_name="__main__")
"""


class App:
    """``app.py`` in a process without a network, with a journal of its own."""

    def __init__(self, folder: Path, index: Path, *arguments: str) -> None:
        self.contacted = folder / "contacted.txt"
        self.errors = folder / "stderr.txt"
        self.journal = folder / "journal.sqlite"
        command = [
            sys.executable, "-c", ALONE, str(self.contacted), "--port", "0", "--index", str(index),
        ]  # fmt: skip
        environment = {
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONWARNINGS": "ignore",
            "QA_JOURNAL": str(self.journal),
        }
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=os.environ | environment,
            )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.errors.read_text()
        self._wait_for_the_index()

    def _wait_for_the_index(self, seconds: float = 120) -> None:
        """Until there is an index, the page says how far it is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.address}/faces").close()
                return
            except urllib.error.HTTPError:
                time.sleep(0.2)
        raise AssertionError(self.errors.read_text())

    def stop(self, how: int = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=20)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def reply(self, question: str) -> str:
        """The English HTML of the reply to a question, without a browser."""
        with urllib.request.urlopen(f"{self.address}/config") as reply:
            dependencies = json.load(reply)["dependencies"]
        asking = next(d["id"] for d in dependencies if any(t[1] == "input" for t in d["targets"]))
        event = {"question": question, "language": "en", "after": "", "id": 1}
        body = {"data": [], "event_data": event, "fn_index": asking, "session_hash": "test"}
        request = urllib.request.Request(
            f"{self.address}/gradio_api/run/predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as reply:
            html: str = json.load(reply)["data"][0]["html"]["en"]
            return html


class Visit:
    """A page of a face, with what it requested and complained about."""

    def __init__(
        self,
        browser: Any,
        address: str,
        language: str = "en-US",
        width: int = 1440,
        path: str = "/",
        **options: Any,
    ) -> None:
        self.context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": 844 if width < 800 else 900},
            **options,
        )
        self.page = self.context.new_page()
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(address + path)
        self.page.wait_for_selector(".qa:not([hidden])")

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def ask(self, question: str) -> Any:
        """Types a question into the chat, presses Enter, and gives the reply."""
        self.page.fill("textarea", question)
        self.page.press("textarea", "Enter")
        return self.reply()

    def reply(self) -> Any:
        """The last reply of the chat, when it is there."""
        self.page.wait_for_selector(".qa:not([aria-busy])")
        return self.page.locator(".turn:last-child .reply")

    def look_up(self, text: str) -> Any:
        """Types into the search field of the desk, and gives the findings, when they are of it."""
        field = self.page.locator(".search input")
        field.fill(text)
        self.page.wait_for_function(
            "text => document.querySelector('.found').dataset.of === text", arg=text
        )
        return self.page.locator(".found [role=option]")

    def copied(self) -> str:
        """What is on the clipboard."""
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def sticking_out(self) -> list[str]:
        """What is wider than the page."""
        wide: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.qa *')].filter(e => e.checkVisibility()"
            " && !e.closest('.visually-hidden, .scroll, .tabs, [role=tooltip]')"
            " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.className)"
        )
        return wide


@pytest.fixture(scope="session")
def app_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the program builds its index, once for all tests."""
    return tmp_path_factory.mktemp("index")


@pytest.fixture(scope="session")
def app(app_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"), app_index)
    yield app
    app.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(app: App, chromium: Any) -> Iterator[Visit]:
    """The chat in English."""
    visit = Visit(chromium, app.address)
    yield visit
    assert visit.complaints == []
    visit.context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive a browser, and come last: as long as Playwright is started, its
    event loop keeps the thread, and no other test could run one."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents)
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(
                pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")
            )
