"""Chat and desk scanned by axe-core: three languages, wide and narrow, light and dark."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from browser.conftest import App, Visit

QUESTIONS = {
    "zh-CN": "出口退税多久能办好？",
    "en-US": "How long does an export tax refund take?",
    "ko-KR": "수출 환급은 얼마나 걸리나요?",
}


def violations(page: Any) -> list[str]:
    """The serious and critical findings of axe-core (WCAG 2.2 A and AA, best practices)."""
    pytest.importorskip("axe_core_python")
    script = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes']][:3]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


VIEWS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
@pytest.mark.parametrize("tag", QUESTIONS)
def test_the_chat_has_no_serious_findings(
    app: App, chromium: Any, tag: str, scheme: str, width: int
) -> None:
    visit = Visit(chromium, app.address, tag, width, color_scheme=scheme)
    visit.page.wait_for_selector(".examples:not([data-waiting])")
    assert violations(visit.page) == []
    reply = visit.ask(QUESTIONS[tag])
    reply.locator(".chip").first.click()
    reply.locator(".duties .link, .duties .quiet").first.wait_for()
    reply.locator("[data-thumb=down][data-act=thumb]").click()
    assert violations(visit.page) == []
    visit.ask(
        {"zh-CN": "我能带狗去海边吗", "en-US": "May my dog swim?", "ko-KR": "개를 데려가도 되나요"}[
            tag
        ]
    )
    assert violations(visit.page) == []
    visit.context.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
@pytest.mark.parametrize("tag", QUESTIONS)
def test_the_desk_has_no_serious_findings(
    app: App, chromium: Any, tag: str, scheme: str, width: int
) -> None:
    visit = Visit(chromium, app.address, tag, width, path="/desk", color_scheme=scheme)
    assert violations(visit.page) == []
    visit.look_up("退税")
    assert violations(visit.page) == []
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".detail .heading")
    visit.page.keyboard.press("u")
    visit.page.wait_for_selector("[data-state=unanswered][aria-pressed=true]")
    assert violations(visit.page) == []
    visit.page.keyboard.press("t")
    visit.page.wait_for_selector("dialog.today table")
    assert violations(visit.page) == []
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("?")
    assert violations(visit.page) == []
    visit.context.close()
