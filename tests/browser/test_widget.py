"""The chat in a page of another site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import served
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from browser.conftest import App
from browser.test_accessibility import violations

PAGE = """<!doctype html><html lang="{tag}"><head><title>Portal</title></head><body><main>
<h1>Portal</h1><script src="{address}/widget.js" {attributes}></script></main></body></html>"""


class Portal:
    """A site of another origin that embeds the chat."""

    def __init__(self) -> None:
        self.html = ""
        self.app = Starlette(routes=[Route("/", lambda _request: HTMLResponse(self.html))])


@pytest.fixture(scope="module")
def portal() -> Iterator[tuple[Portal, str]]:
    portal = Portal()
    with served(portal.app) as address:
        yield portal, address


@pytest.fixture(scope="module")
def embedding(
    portal: tuple[Portal, str], app_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """The program, which allows the portal to show it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QA_EMBED_ORIGINS", f"{portal[1]}, https://other.example")
        app = App(tmp_path_factory.mktemp("embedding"), app_index)
    yield app
    app.stop()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def visit(
    page: Any, portal: tuple[Portal, str], app: App, attributes: str, tag: str = "en"
) -> None:
    portal[0].html = PAGE.format(tag=tag, address=app.address, attributes=attributes)
    page.goto(portal[1])
    page.wait_for_selector("policy-chat")


def test_the_chat_answers_in_a_frame_of_another_site(
    page: Any, portal: tuple[Portal, str], embedding: App
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    visit(page, portal, embedding, 'data-language="ko"')
    assert page.locator("policy-chat iframe").count() == 0  # loaded when it is opened
    page.get_by_role("button", name="정책 물어보기").click()
    chat = page.frame_locator("policy-chat iframe")
    chat.locator(".qa.embedded").wait_for()
    assert chat.locator("html").get_attribute("lang") == "ko"
    assert chat.locator("header nav").is_hidden()
    chat.locator("textarea").fill("수출 환급은 며칠 걸리나요?")
    chat.locator("textarea").press("Enter")
    chat.locator(".turn .reply .card").first.wait_for()
    wide = chat.locator(".qa").evaluate("e => e.scrollWidth > document.documentElement.clientWidth")
    assert not wide
    assert complaints == []


def test_the_keyboard_opens_and_closes_it(
    page: Any, portal: tuple[Portal, str], embedding: App
) -> None:
    visit(page, portal, embedding, "async", tag="zh-CN")
    button = page.get_by_role("button", name="咨询政策")
    assert button.get_attribute("aria-expanded") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    page.get_by_role("button", name="关闭").focus()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert (
        page.evaluate("document.querySelector('policy-chat').shadowRoot.activeElement.className")
        == "open"
    )


def test_a_link_of_the_page_opens_a_question(
    page: Any, portal: tuple[Portal, str], embedding: App
) -> None:
    visit(page, portal, embedding, "")
    page.evaluate("document.querySelector('policy-chat').open('出口退税多久能办好？')")
    chat = page.frame_locator("policy-chat iframe")
    chat.locator(".turn .reply .card").first.wait_for()
    assert chat.locator(".turn .bubble").inner_text() == "出口退税多久能办好？"


def test_a_site_that_is_not_allowed_shows_nothing(
    page: Any, portal: tuple[Portal, str], app: App
) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    visit(page, portal, app, "")
    page.get_by_role("button", name="Ask about policies").click()
    page.wait_for_timeout(1500)
    assert any("frame-ancestors" in text for text in refused)
    assert page.frame_locator("policy-chat iframe").locator("textarea").count() == 0


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_that_shows_how_works_and_is_accessible(
    chromium: Any, app: App, width: int
) -> None:
    context = chromium.new_context(locale="zh-CN", viewport={"width": width, "height": 700})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{app.address}/widget")
    page.wait_for_selector("policy-chat")
    assert f'src="{app.address}/widget.js"' in page.locator("code").first.inner_text()
    assert violations(page) == []
    page.get_by_role("button", name="咨询政策").click()
    page.frame_locator("policy-chat iframe").locator(".qa.embedded").wait_for()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    context.close()
    assert complaints == []
