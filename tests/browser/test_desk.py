"""The desk as the hotline meets it: everything by keyboard, in a real browser."""

from __future__ import annotations

import io
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import App, Visit


@pytest.fixture
def desk(app: App, chromium: Any) -> Iterator[Visit]:
    """The desk in Chinese."""
    visit = Visit(chromium, app.address, "zh-CN", path="/desk")
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield visit
    assert visit.complaints == []
    visit.context.close()


# Types a text and resolves with the milliseconds until its findings have been painted.
WAIT = """typed => new Promise(done => {
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


def opened(visit: Visit) -> Any:
    """What is open, when it is there."""
    visit.page.wait_for_selector(".detail .heading")
    return visit.page.locator(".detail")


def test_a_call_is_answered_by_keyboard_alone(desk: Visit) -> None:
    keys = desk.page.keyboard
    keys.type("退税多久", delay=30)
    desk.look_up("退税多久")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Enter")
    detail = opened(desk)
    assert "加快出口退税速度" in detail.inner_text()
    assert "国家税务总局威海市税务局" in detail.locator(".responsibility").inner_text()
    assert "（责任单位：市税务局、人民银行威海市中心支行）" in detail.inner_text()
    keys.press("c")
    desk.page.wait_for_selector("[data-act=copyScript].done")
    assert "责任单位是市税务局。" in desk.copied()
    keys.press("l")
    desk.page.wait_for_selector(".say:lang(en)")
    keys.press("c")
    desk.page.wait_for_selector("[data-act=copyScript].done")
    assert "Weihai Municipal Tax Service" in desk.copied()
    keys.press("h")
    desk.page.wait_for_selector("[data-state=handed_over][aria-pressed=true]")
    keys.press("/")
    assert desk.page.evaluate("document.activeElement.getAttribute('role')") == "combobox"


@pytest.mark.parametrize(
    ("tag", "typed", "said"),
    [
        ("zh-CN", "ckts", "加快出口退税速度"),
        ("en-US", "export tax refund", "Speeding up export tax refunds"),
        ("ko-KR", "수출 환급", "수출 환급"),
    ],
)
@pytest.mark.parametrize("width", [390, 1440])
def test_the_desk_speaks_three_languages_wide_and_narrow(
    app: App, chromium: Any, tag: str, typed: str, said: str, width: int
) -> None:
    visit = Visit(chromium, app.address, tag, width, path="/desk")
    visit.look_up(typed)
    assert said in visit.page.locator("[role=option]").first.inner_text()
    assert visit.sticking_out() == []
    visit.page.keyboard.press("Enter")
    assert said in opened(visit).inner_text()
    assert visit.sticking_out() == []
    if width < 800:
        assert not visit.page.locator(".finder").is_visible()
        visit.page.click(".back")
        assert visit.page.locator(".finder").is_visible()
    assert visit.complaints == []
    visit.context.close()


def test_findings_follow_the_keys_within_a_tenth_of_a_second(desk: Visit) -> None:
    desk.look_up("出口")  # the first look-up loads what the later ones have
    waits = [desk.page.evaluate(WAIT, typed) for typed in ("出口退", "出口退税", "保", "保费谁出")]
    # Shared machines are slow at times: the figure itself is measured by benchmarks/desk.py.
    assert statistics.median(waits) < 300


def test_enter_waits_for_the_findings_of_what_is_typed(desk: Visit) -> None:
    desk.look_up("退税")
    desk.page.fill(".search input", "社保减免")
    desk.page.keyboard.press("Enter")
    assert "防范化解失业风险" in opened(desk).inner_text()


def test_a_caller_with_two_questions_has_two_tabs_that_stay(desk: Visit) -> None:
    page, keys = desk.page, desk.page.keyboard
    desk.look_up("退税多久")
    keys.press("Enter")
    opened(desk)
    keys.press("n")
    desk.look_up("保费谁出")
    keys.press("Enter")
    page.wait_for_function("document.querySelector('.detail').innerText.includes('信保')")
    assert page.locator("[role=tab]").all_inner_texts() == ["退税多久", "保费谁出"]
    keys.press("1")
    page.wait_for_function("document.querySelector('.detail').innerText.includes('加快出口退税')")
    assert page.input_value(".search input") == "退税多久"
    page.reload()
    page.wait_for_function("document.querySelector('.detail')?.innerText.includes('加快出口退税')")
    keys.press("Escape")
    keys.press("Alt+2")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "保费谁出"
    keys.press("Escape")
    keys.press("x")
    assert page.locator("[role=tab]").all_inner_texts() == ["退税多久"]


def test_what_nobody_can_answer_becomes_a_work_order_of_todays_log(desk: Visit) -> None:
    page, keys = desk.page, desk.page.keyboard
    desk.look_up("我的狗能进海水浴场吗")
    page.click("[data-kind=none]")
    assert "12345" in opened(desk).inner_text()
    keys.press("m")
    keys.type("回电 13800138000")
    keys.press("Escape")
    keys.press("u")
    page.wait_for_selector("[data-state=unanswered][aria-pressed=true]")
    assert "工单" in page.inner_text(".said")
    keys.press("t")
    row = page.locator("dialog.today tr", has_text="我的狗能进海水浴场吗")
    row.wait_for()
    assert "13800138000" not in row.inner_text()
    assert re.search(r"\d{8}-\d{3}$", row.inner_text())
    with page.expect_download() as waiting:
        page.click("[data-act=excel]")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    cells = [cell.value for sheet in book for line in sheet.iter_rows() for cell in line]
    assert "我的狗能进海水浴场吗" in cells
    keys.press("Escape")
    assert not page.locator("dialog.today").is_visible()


def test_departments_and_terms_open_in_three_languages(desk: Visit) -> None:
    desk.look_up("市税务局")
    desk.page.locator("[data-kind=department]").first.click()
    shown = opened(desk).inner_text()
    assert "Weihai Municipal Tax Service" in shown
    assert "加快出口退税速度" in shown
    desk.look_up("信用证")
    desk.page.locator("[data-kind=term]").first.click()
    desk.page.wait_for_function("document.querySelector('.detail').innerText.includes('신용장')")
    assert "letter of credit" in desk.page.inner_text(".detail")
    desk.page.locator("[data-act=copy]").nth(1).click()
    desk.page.wait_for_selector("[data-act=copy].done")
    assert desk.copied() == "letter of credit"


def test_findings_are_limited_to_a_department(desk: Visit) -> None:
    desk.page.wait_for_selector(
        "select[name=department] option[value='市司法局']", state="attached"
    )
    desk.look_up("支持")
    desk.page.select_option("select[name=department]", "市司法局")
    desk.page.wait_for_function(
        "[...document.querySelectorAll('[data-kind=clause]')].every(e => e.dataset.key.endsWith('三'))"
    )


def test_a_quotation_is_checked(desk: Visit) -> None:
    page = desk.page
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("q")
    page.fill(
        "[name=pasted]",
        "全面实行出口退（免）税电子化，对于提出无纸化申报申请的企业，按照无纸化退（免）税申报管理。",
    )
    page.click(".check .primary")
    page.wait_for_selector(".verdict.verbatim")
    page.fill(
        "[name=pasted]",
        "执行一类出口企业和新旧动能转换企业5个工作日、出口企业经营确有困难的优先进行退税审批。",
    )
    page.click(".check .primary")
    page.wait_for_selector(".verdict.altered")


def test_help_lists_the_keys_and_turns_them_off(desk: Visit) -> None:
    page, keys = desk.page, desk.page.keyboard
    keys.press("Escape")
    keys.press("?")
    assert page.locator("dialog.help").is_visible()
    assert page.locator("dialog.help dt").count() >= 12
    page.uncheck("[name=keys]")
    keys.press("Escape")
    keys.press("n")
    assert page.locator("[role=tab]").count() == 1
    keys.press("Alt+n")
    assert page.locator("[role=tab]").count() == 2


def test_nothing_moves_while_findings_come(app: App, chromium: Any) -> None:
    visit = Visit(chromium, app.address, "zh-CN", path="/desk")
    visit.page.evaluate(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => { if (!entry.hadRecentInput) window.moved += entry.value }))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    visit.look_up("出口退税")
    visit.page.keyboard.press("Enter")
    opened(visit)
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.moved") < 0.05
    visit.context.close()


def test_the_desk_asks_for_nothing_off_the_machine(app: App, desk: Visit) -> None:
    desk.look_up("退税")
    desk.page.keyboard.press("Enter")
    opened(desk)
    local = (app.address, "data:", f"blob:{app.address}")
    assert [url for url in desk.requested if not url.startswith(local)] == []
    assert not app.contacted.exists()


def test_a_program_that_has_ended_is_said_to_have(
    app_index: Path, tmp_path: Path, chromium: Any
) -> None:
    app = App(tmp_path, app_index)
    visit = Visit(chromium, app.address, "ko-KR", path="/desk")
    visit.look_up("수출 환급")
    app.stop(9)
    visit.page.fill(".search input", "관세")
    visit.page.wait_for_selector(".found .failure")
    assert "응답하지 않습니다" in visit.page.inner_text(".found .failure")
    visit.context.close()
