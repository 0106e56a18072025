"""The first start without an index, and documents that change while people ask: in a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.config import ROOT
from qa.progress import read_state

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 90_000  # milliseconds

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


def write(corpus: Path, name: str, *clauses: str) -> None:
    corpus.mkdir(exist_ok=True)
    text = "\n\n".join(f"第{'一二三'[i]}条 {clause}" for i, clause in enumerate(clauses))
    (corpus / f"{name}.txt").write_text(f"{name}\n\n{text}\n", encoding="utf-8")


class App:
    """``app.py`` on a corpus of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.corpus, self.index = folder / "corpus", folder / "index"
        self.errors = folder / "errors.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(ROOT / "app.py"), "--port", "0"),
                    *("--corpus", str(self.corpus), "--index", str(self.index), *arguments),
                ],
                stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder,
                env=os.environ | {
                    "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore", "QA_LOG": "false",
                },
            )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/status/build") as reply:
            state: dict[str, Any] = json.load(reply)
            return state

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    write(tmp_path / "corpus", "公园管理规定", "公园每日六时开放。", "禁止在公园内遛狗。")
    app = App(tmp_path, "--watch")
    yield app
    app.stop()


def test_the_first_start_shows_how_far_it_is_and_then_the_chat(app: App, chromium: Any) -> None:
    assert app.address, app.errors.read_text()
    context = chromium.new_context(locale="ko-KR")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(app.address)
    if not app.status()["build"]:  # else the machine was quicker than the browser
        assert "색인을 만드는 중" in page.inner_text("body")
        assert page.evaluate("document.documentElement.lang") == "ko"
    page.wait_for_selector(".qa:not([hidden])", timeout=PATIENCE)
    page.fill("textarea", "제2조")
    page.press("textarea", "Enter")
    page.wait_for_selector(".card", timeout=PATIENCE)
    assert "禁止在公园内遛狗" in page.inner_text(".card")
    assert complaints == []
    context.close()


def test_a_new_document_is_taken_up_while_the_page_is_open(app: App, chromium: Any) -> None:
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(app.address)
    page.wait_for_selector(".qa:not([hidden])", timeout=PATIENCE)
    page.wait_for_timeout(3_000)  # the page has looked once
    before = app.status()["build"]
    write(app.corpus, "夜市办法", "夜市由市商务局管理。", "夜市每日十八时开放。")
    page.wait_for_function(
        "document.querySelector('.building')?.textContent.includes('文件已更新')", timeout=PATIENCE
    )
    assert app.status()["build"] != before
    assert "夜市办法" in page.inner_text(".welcome")
    page.fill("textarea", "夜市由哪个部门管理？")
    page.press("textarea", "Enter")
    page.wait_for_selector(".reply:not([aria-busy])", timeout=PATIENCE)
    assert "夜市" in page.inner_text(".log .reply")
    context.close()
    fresh = chromium.new_context(locale="zh-CN")  # who comes now reads what holds now
    page = fresh.new_page()
    page.goto(app.address)
    page.wait_for_function(
        "document.querySelector('.welcome')?.innerText.includes('夜市办法')", timeout=PATIENCE
    )
    fresh.close()


def test_a_first_index_that_cannot_be_built_ends_the_program_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "empty.txt").touch()
    app = App(tmp_path)
    assert app.process.wait(120) == 1
    app.stop()
    lines = app.errors.read_text().splitlines()
    assert "holds no readable policy" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_the_process_that_builds_ends_with_the_program(app: App) -> None:
    def builder() -> int:
        state = read_state(app.index)
        return state.pid if state else 0

    def lives(pid: int) -> bool:  # a process that nobody has waited for yet has no command line
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
        except OSError:
            return False

    assert eventually(lambda: bool(builder()))
    pid = builder()
    assert lives(pid)
    app.process.kill()
    app.process.wait()
    assert eventually(lambda: not lives(pid))


def eventually(holds: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.1)
    return False
