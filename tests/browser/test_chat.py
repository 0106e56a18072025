"""The chat as people meet it: ``python app.py`` in a process of its own, and a real browser."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser.conftest import App, Visit
from qa.config import ROOT
from qa.journal import Journal

REFUND = {
    "zh": "出口退税多久能办好？",
    "en": "How long does an export tax refund take?",
    "ko": "수출 환급은 얼마나 걸리나요?",
}


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


def test_a_department_tells_its_full_name_and_what_else_it_is_responsible_for(
    visit: Visit,
) -> None:
    reply = visit.ask(REFUND["en"])
    chip = reply.locator(".chip", has_text="Weihai Municipal Tax Service")
    tip = reply.locator(".tip", has_text="国家税务总局威海市税务局")
    assert not tip.is_visible()
    chip.focus()
    assert tip.is_visible()
    visit.page.keyboard.press("Enter")
    panel = reply.locator(".duties")
    panel.locator(".link").first.wait_for()
    assert chip.get_attribute("aria-expanded") == "true"
    assert "国家税务总局威海市税务局" in panel.inner_text()
    numbers = panel.locator(".link .visually-hidden").all_inner_texts()
    assert [number.strip() for number in numbers] == ["Clause 4", "Clause 8", "Clause 14"]
    panel.locator(".link", has_text="Clause 14").click()
    assert "Clause 14" in visit.reply().inner_text()


def test_a_link_opens_the_question_again(chromium: Any, visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.ask(REFUND["en"]).locator("[data-act=share]").click()
    visit.page.wait_for_selector(".actions .done")
    link = visit.copied()
    assert urlsplit(link).fragment.startswith("q=How")
    other = Visit(chromium, link, path="")
    assert "Speeding up export tax refunds" in other.reply().inner_text()
    assert other.page.locator(".bubble").inner_text() == REFUND["en"]
    assert not any("How" in urlsplit(url).path + urlsplit(url).query for url in other.requested)
    other.context.close()


def test_a_link_to_a_follow_up_brings_along_what_it_continues(chromium: Any, visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.ask(REFUND["en"])
    visit.ask("Which department is responsible?").locator("[data-act=share]").click()
    visit.page.wait_for_selector(".actions .done")
    other = Visit(chromium, visit.copied(), path="")
    assert "Clause 11" in other.reply().locator(".assumed").inner_text()
    other.context.close()


def test_a_link_to_a_clause_opens_the_clause(app: App, chromium: Any) -> None:
    link = f"{app.address}/#clause=weihai_policy_2020%23%E5%8D%81%E5%9B%9B&q=Clause+14"
    visit = Visit(chromium, link, path="")
    assert "Clause 14" in visit.reply().inner_text()
    visit.context.close()


def test_an_answer_is_saved_as_a_word_file(visit: Visit) -> None:
    docx = pytest.importorskip("docx")
    reply = visit.ask(REFUND["en"])
    with visit.page.expect_download() as waiting:
        reply.locator("[data-act=word]").click()
    assert waiting.value.suggested_filename == "policy-answer.docx"
    paper = docx.Document(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    text = "\n".join(paragraph.text for paragraph in paper.paragraphs)
    assert REFUND["en"] in text
    assert "进一步压缩退税办理时间" in text
    assert "Weihai Municipal Tax Service (市税务局)" in text


def test_paper_holds_the_answer_and_nothing_to_click(visit: Visit) -> None:
    visit.ask("What support is there for trademarks abroad?")
    reply = visit.ask(REFUND["en"])
    visit.page.evaluate("window.print = () => {}")
    visit.page.emulate_media(media="print")
    for hidden in (".composer", ".actions", ".copy", ".further", "nav"):
        assert not visit.page.locator(hidden).last.is_visible(), hidden
    assert reply.locator(".wording").first.is_visible()
    assert "进一步压缩退税办理时间" in reply.inner_text()


def test_a_thumb_and_its_reason_are_written_down_and_can_be_taken_back(
    app: App, visit: Visit
) -> None:
    asked = "Is there a subsidy for registering a trademark abroad at all?"
    reply = visit.ask(asked)
    up, down = (reply.locator(f"[data-thumb={each}][data-act=thumb]") for each in ("up", "down"))
    assert not reply.locator(".reasons").is_visible()
    down.click()
    assert reply.locator(".reasons button").count() == 5
    reply.locator("[data-reason=not_detailed]").click()
    assert "Thank you" in reply.locator(".thanks").inner_text()
    assert stored(app, asked) == ("down", "not_detailed")
    up.click()
    assert (up.get_attribute("aria-pressed"), down.get_attribute("aria-pressed")) == (
        "true",
        "false",
    )
    up.click()
    assert up.get_attribute("aria-pressed") == "false"
    visit.page.click("[data-act=language][data-language=ko]")
    assert visit.page.locator(".rating").is_visible()


def stored(app: App, question: str) -> tuple[str, str]:
    """Thumb and reason that the journal has of a question, once both have been written."""
    journal = Journal(app.journal)
    try:
        for _ in range(50):
            for entry in journal.entries():
                if entry.question == question and entry.thumb and entry.reason:
                    return entry.thumb, entry.reason
            time.sleep(0.1)
    finally:
        journal.close()
    raise AssertionError(f"{question} was not rated with a reason")


def test_questions_of_other_clauses_are_suggested_and_asked_by_a_click(visit: Visit) -> None:
    wordings = (ROOT / "corpus" / "wordings" / "weihai_policy_2020.en.csv").read_text("utf-8")
    for question in (REFUND["en"], "Can I bring my dog to the beach?"):
        reply = visit.ask(question)
        suggested = reply.locator(".further button").all_inner_texts()
        assert len(suggested) == 3
        assert all(text.replace('"', '""') in wordings for text in suggested)
    reply.locator(".further button").first.click()
    assert visit.reply().locator(".card, .choice").count() >= 1
    assert visit.page.locator(".turn:last-child .bubble").inner_text() == suggested[0]


def test_what_is_not_known_of_a_policy_is_said(visit: Visit) -> None:
    assert visit.ask(REFUND["en"]).locator(".badge").first.inner_text() == "Validity not stated"


def test_the_faces_are_linked_and_share_one_language(visit: Visit) -> None:
    page = visit.page
    page.wait_for_selector("nav a:visible")
    assert page.locator("nav a:visible").all_inner_texts()[:2] == ["Ask", "Desk"]
    page.click("[data-act=language][data-language=ko]")
    page.click("nav a[data-path='/desk']")
    page.wait_for_selector(".desk:not([hidden])")
    assert page.get_attribute("html", "lang") == "ko"
    cookies = {cookie["name"]: cookie["value"] for cookie in visit.context.cookies()}
    assert cookies["qa-language"] == "ko"


def test_a_language_chosen_in_another_window_is_taken_up(app: App, visit: Visit) -> None:
    other = visit.context.new_page()
    other.goto(app.address)
    other.wait_for_selector(".qa:not([hidden])")
    other.click("[data-act=language][data-language=ko]")
    visit.page.wait_for_function("document.documentElement.lang === 'ko'")


@pytest.mark.parametrize("path", ["/", "/desk/"])
def test_the_first_page_is_small(app: App, chromium: Any, path: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    received: list[float] = []
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    network.send("Network.enable")
    page.goto(app.address + path)
    page.wait_for_selector(".qa:not([hidden])")
    page.wait_for_timeout(500)
    assert 0 < sum(received) < 1_500_000
    context.close()


def test_everything_is_done_by_keyboard(visit: Visit) -> None:
    page, keys = visit.page, visit.page.keyboard
    keys.type(REFUND["en"])
    keys.press("Enter")
    reply = visit.reply()
    reached = set()
    for _ in range(60):
        keys.press("Shift+Tab")
        reached |= set(
            page.evaluate("[document.activeElement.dataset.act ?? document.activeElement.tagName]")
        )
        outlined = page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
            " || document.activeElement.tagName === 'TEXTAREA'"
        )
        assert outlined, "the focus is not visible"
        if "language" in reached:
            break
    expected = {"ask", "copy", "share", "print", "word", "thumb", "duties", "SUMMARY", "language"}
    assert expected <= reached
    assert reply.is_visible()


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
    assert visit.sticking_out() == []
    visit.context.close()


def test_an_answer_that_does_not_come_is_said_in_the_readers_language(
    app_index: Path, tmp_path: Path, chromium: Any
) -> None:
    app = App(tmp_path, app_index)
    visit = Visit(chromium, app.address, "ko-KR")
    app.stop(signal.SIGKILL)
    reply = visit.ask(REFUND["ko"])
    assert "프로그램이 응답하지 않습니다" in reply.inner_text()
    assert visit.page.input_value("textarea") == ""
    assert reply.locator("[data-act=retry]").is_visible()
    visit.context.close()


def test_it_answers_without_a_network_and_stops_cleanly(app_index: Path, tmp_path: Path) -> None:
    app = App(tmp_path, app_index)
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
