"""The chat as people meet it: ``python app.py`` in a process of its own, and a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qa.config import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]

REFUND = {
    "zh": "出口退税多久能办好？",
    "en": "How long does an export tax refund take?",
    "ko": "수출 환급은 얼마나 걸리나요?",
}

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
    """``app.py`` in a process without a network."""

    def __init__(self, folder: Path, index: Path, *arguments: str) -> None:
        self.contacted = folder / "contacted.txt"
        self.errors = folder / "stderr.txt"
        command = [
            sys.executable,
            "-c",
            ALONE,
            str(self.contacted),
            "--port",
            "0",
            "--index",
            str(index),
        ]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"},
            )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.errors.read_text()

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
        event = {"question": question, "language": "en", "id": 1}
        body = {"data": [], "event_data": event, "fn_index": asking, "session_hash": "test"}
        request = urllib.request.Request(
            f"{self.address}/gradio_api/run/predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as reply:
            html: str = json.load(reply)["data"][0]["html"]["en"]
            return html


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("index")


@pytest.fixture(scope="module")
def app(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"), index)
    yield app
    app.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page of the chat, with what it requested and complained about."""

    def __init__(
        self, browser: Any, address: str, language: str = "en-US", width: int = 1440
    ) -> None:
        self.context = browser.new_context(
            locale=language, viewport={"width": width, "height": 844 if width < 800 else 900}
        )
        self.page = self.context.new_page()
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(address)
        self.page.wait_for_selector(".qa:not([hidden])")

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def ask(self, question: str) -> Any:
        """Types a question, presses Enter, and gives the reply."""
        self.page.fill("textarea", question)
        self.page.press("textarea", "Enter")
        return self.reply()

    def reply(self) -> Any:
        """The last reply, when it is there."""
        self.page.wait_for_selector(".qa:not([aria-busy])")
        return self.page.locator(".turn:last-child .reply")


@pytest.fixture
def visit(app: App, chromium: Any) -> Iterator[Visit]:
    visit = Visit(chromium, app.address)
    yield visit
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize(("tag", "language"), [("zh-CN", "zh"), ("en-US", "en"), ("ko-KR", "ko")])
def test_a_question_is_answered_with_the_clause_in_each_language(
    app: App, chromium: Any, tag: str, language: str
) -> None:
    visit = Visit(chromium, app.address, tag)
    reply = visit.ask(REFUND[language])
    assert "进一步压缩退税办理时间" in reply.inner_text()
    assert "市税务局" in reply.inner_text()
    assert reply.locator(".wording > section").count() == (1 if language == "zh" else 2)
    for mark in reply.locator("section:lang(zh-CN) mark").all_inner_texts():
        assert mark in (ROOT / "corpus" / "weihai_policy_2020.txt").read_text("utf-8")
    assert visit.page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    visit.context.close()


def test_the_page_asks_for_nothing_off_the_machine(app: App, visit: Visit) -> None:
    visit.ask(REFUND["en"])
    hosts = {
        urlsplit(url).netloc for url in visit.requested if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {urlsplit(app.address).netloc}
    assert not app.contacted.exists()
    source = urllib.request.urlopen(app.address).read().decode()
    links = re.findall(r"(?:src|href|content)=[\"'](?:https?:)?//[^\"']*", source)
    assert links == []


def test_the_interface_speaks_the_browsers_language_until_another_is_chosen(
    app: App, chromium: Any
) -> None:
    visit = Visit(chromium, app.address, "ko-KR")
    page = visit.page
    assert page.get_attribute("html", "lang") == "ko"
    assert page.get_attribute("textarea", "placeholder") == "질문을 입력하세요…"
    reply = visit.ask(REFUND["en"])
    assert "담당 부서" in reply.inner_text()
    page.click("[data-act=language][data-language=zh]")
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert "责任单位" in reply.inner_text()
    assert "Speeding up export tax refunds" in reply.inner_text()
    page.reload()
    page.wait_for_selector(".qa:not([hidden])")
    assert page.get_attribute("html", "lang") == "zh-CN"
    visit.context.close()


def test_an_example_is_asked_by_a_click_and_always_answered(visit: Visit) -> None:
    examples = visit.page.locator(".examples button")
    assert examples.count() > 3
    examples.first.click()
    assert visit.reply().locator(".card").count() >= 1
    assert not visit.page.locator(".welcome").is_visible()


@pytest.mark.parametrize(
    ("tag", "script"), [("zh-CN", "[一-鿿]"), ("en-US", "[a-z]"), ("ko-KR", "[가-힣]")]
)
def test_examples_are_in_the_language_of_the_page(
    app: App, chromium: Any, tag: str, script: str
) -> None:
    visit = Visit(chromium, app.address, tag)
    visit.page.wait_for_selector(".examples:not([data-waiting])")
    examples = visit.page.locator(".examples button").all_inner_texts()
    assert examples
    assert all(re.search(script, example) for example in examples)
    visit.context.close()


def test_a_follow_up_continues_and_can_be_asked_anew(visit: Visit) -> None:
    visit.ask(REFUND["en"])
    reply = visit.ask("Which department is responsible?")
    assert "Clause 11" in reply.locator(".assumed").inner_text()
    assert reply.locator(".departments").first.inner_text().startswith("Responsible departments")
    reply.locator("[data-act=fresh]").click()
    assert visit.reply().locator(".assumed").count() == 0


def test_two_conversations_do_not_hear_each_other(app: App, chromium: Any) -> None:
    first, second = Visit(chromium, app.address), Visit(chromium, app.address)
    first.ask(REFUND["en"])
    second.ask("What income tax rate applies to technologically advanced service enterprises?")
    assert (
        "Clause 11"
        in first.ask("Which department is responsible?").locator(".assumed").inner_text()
    )
    assert (
        "Clause 5"
        in second.ask("Which department is responsible?").locator(".assumed").inner_text()
    )
    first.context.close()
    second.context.close()


def test_a_clause_of_the_document_opens_by_a_click(visit: Visit) -> None:
    visit.page.click(".documents summary")
    visit.page.locator(".documents .link", has_text="Preventing and defusing").click()
    reply = visit.reply()
    assert "Clause 14" in reply.inner_text()
    assert reply.locator("mark").count() == 0
    reply.locator(".source summary").click()
    reply.locator(".outline .link").first.click()
    assert "Clause 11" in visit.reply().inner_text()


def test_a_refusal_offers_the_nearest_clauses(visit: Visit) -> None:
    reply = visit.ask("Can I bring my dog to the beach?")
    assert "No clause of the policies here answers" in reply.inner_text()
    assert "12345" in reply.inner_text()
    reply.locator(".link").first.click()
    assert visit.reply().locator(".card").count() == 1


def test_the_answer_is_copied_as_text_with_its_source(visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.ask(REFUND["en"]).locator(".copy").first.click()
    visit.page.wait_for_selector(".copy:has-text('Copied')")
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert "十一、加快出口退税速度" in copied
    assert "威海市促进外贸稳增长政策措施" in copied


def test_enter_does_not_send_while_a_word_is_composed(visit: Visit) -> None:
    visit.page.fill("textarea", "出口退")
    visit.page.evaluate(
        "document.querySelector('textarea').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    assert visit.page.locator(".turn").count() == 0
    visit.page.press("textarea", "Shift+Enter")
    assert visit.page.input_value("textarea") == "出口退\n"


def test_hostile_questions_are_shown_as_they_are(visit: Visit) -> None:
    hostile = "<img src=x onerror=\"document.title='broken'\"> ${1+1} {{7*7}} `出口退税`"
    visit.ask(hostile)
    assert visit.page.locator(".bubble").inner_text() == hostile
    assert visit.page.locator(".log img").count() == 0
    assert visit.page.title() == "Policy Q&A"


def test_a_new_conversation_forgets_the_last(visit: Visit) -> None:
    visit.ask(REFUND["en"])
    visit.page.click("[data-act=new]")
    assert visit.page.locator(".turn").count() == 0
    assert visit.page.locator(".welcome").is_visible()
    assert visit.ask("Which department is responsible?").locator(".assumed").count() == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_or_sticks_out(app: App, chromium: Any, width: int) -> None:
    visit = Visit(chromium, app.address, "en-US", width)
    visit.page.evaluate(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => { if (!entry.hadRecentInput) window.moved += entry.value }))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    visit.ask(REFUND["en"])
    if width < 800:
        shown = visit.page.locator(".wording").first
        assert (
            "Measures to" not in shown.inner_text() or "The time needed" not in shown.inner_text()
        )
        visit.page.click(".fold")
        assert "The time needed" in shown.inner_text()
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.moved") < 0.05
    wide = visit.page.evaluate(
        "[...document.querySelectorAll('.qa *')].filter(e => e.checkVisibility() && !e.closest('.visually-hidden')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.className)"
    )
    assert wide == []
    visit.context.close()


def test_an_answer_that_does_not_come_is_said_in_the_readers_language(
    index: Path, tmp_path: Path, chromium: Any
) -> None:
    app = App(tmp_path, index)
    visit = Visit(chromium, app.address, "ko-KR")
    app.stop(signal.SIGKILL)
    reply = visit.ask(REFUND["ko"])
    assert "프로그램이 응답하지 않습니다" in reply.inner_text()
    assert visit.page.input_value("textarea") == ""
    assert reply.locator("[data-act=retry]").is_visible()
    visit.context.close()


def test_it_answers_without_a_network_and_stops_cleanly(index: Path, tmp_path: Path) -> None:
    app = App(tmp_path, index)
    assert "进一步压缩退税办理时间" in app.reply(REFUND["en"])
    with urllib.request.urlopen(f"{app.address}/gradio_api/heartbeat/open-page"):
        assert app.stop() == 0
    assert not app.contacted.exists()
    assert "Traceback" not in app.errors.read_text()


def test_examples_are_those_that_the_loaded_documents_answer(tmp_path: Path, chromium: Any) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = "公园管理规定\n\n第一条 公园每日六时开放。\n\n第二条 禁止在公园内遛狗。\n"
    (corpus / "park.txt").write_text(text, encoding="utf-8")
    app = App(tmp_path, tmp_path / "index", "--corpus", str(corpus))
    visit = Visit(chromium, app.address, "zh-CN")
    assert visit.page.locator(".examples button").count() == 0
    assert "公园管理规定" in visit.page.inner_text(".welcome")
    assert "禁止在公园内遛狗" in visit.ask("第二条").inner_text()
    visit.context.close()
    app.stop()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--corpus", "nowhere", "nowhere"), ("--model", "no-such-model", "no-such-model")],
)
def test_what_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, option: str, value: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", "--port", "0", "--index", tmp_path / "index", option, value],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert said in done.stderr.splitlines()[-1]
