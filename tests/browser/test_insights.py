"""The insights page and the login as the policy office meets them, in a real browser."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openpyxl
import pytest

from browser.conftest import App, Visit
from browser.test_accessibility import VIEWS, violations
from qa.access import Role, User, hasher, write_users
from qa.config import ROOT
from qa.journal import Entry, Journal

PASSWORD = "correct horse battery"
WORDS = {
    "zh-CN": ("问答统计", "没有答案的问题", "加入问法"),
    "en-US": ("Insights", "Questions nobody could answer", "Add as wording"),
    "ko-KR": ("질의 통계", "답하지 못한 질문", "표현으로 추가"),
}
POLICY = "weihai_policy_2020"


def fill(path: Path) -> None:
    """A month of questions: each day one is answered, each other day one is not."""
    journal = Journal(path)
    answered = Entry(
        "", datetime.now(UTC), "chat", "", "zh", "出口退税多久能办好", "answered", POLICY,
        f"{POLICY}#十", "加快出口退税速度", 0.96, ("市税务局",), 2.0,
    )  # fmt: skip
    unanswered = ("小微企业贷款利率是多少", "zh"), ("may I bring my dog", "en")
    for day in range(25):
        when = datetime.now(UTC) - timedelta(days=day)
        entries = [_like(answered, f"a{day}", when, thumb="up" if day % 3 else "down")]
        question, language = unanswered[day % 2]
        refused = {"outcome": "no_clause", "departments": (), "probability": 0.04}
        entries.append(
            _like(answered, f"n{day}", when, question=question, language=language, **refused)
        )
        for entry in entries:
            journal._opened().use(lambda store, entry=entry: store.add(entry))
    journal.close()


def _like(entry: Entry, identifier: str, asked: datetime, **changes: Any) -> Entry:
    from dataclasses import replace

    return replace(entry, id=identifier, asked=asked, **changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the corpus, to which questions are added."""
    return Path(shutil.copytree(ROOT / "corpus", tmp_path_factory.mktemp("corpus") / "corpus"))


@pytest.fixture(scope="module")
def office(
    app_index: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """The program with a month of questions, open on this machine without a login."""
    folder = tmp_path_factory.mktemp("office")
    fill(folder / "journal.sqlite")
    office = App(folder, app_index, "--corpus", str(corpus))
    yield office
    office.stop()


def visit_of(office: App, chromium: Any, tag: str = "en-US", **options: Any) -> Visit:
    visit = Visit(chromium, office.address, tag, path="/insights/", **options)
    loaded(visit)
    return visit


def loaded(visit: Visit) -> None:
    visit.page.wait_for_selector(".qa.insights.loaded:not([aria-busy])")


def number(visit: Visit, tile: str) -> str:
    text: str = visit.page.locator(f".tile.{tile} .number").inner_text()
    return text


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("tag", WORDS)
def test_the_page_tells_what_was_asked(office: App, chromium: Any, tag: str, width: int) -> None:
    visit = visit_of(office, chromium, tag, width=width)
    page, words = visit.page, WORDS[tag]
    assert page.locator("h1").inner_text() == words[0]
    assert words[1] in page.locator(".rest").inner_text()
    assert words[2] in page.locator(".unanswered").inner_text()
    assert number(visit, "questions") == "50"
    assert number(visit, "answered") == "50%"
    page.wait_for_function("document.querySelectorAll('.figure:has(.main-svg)').length === 6")
    assert page.locator("#figure-departments").inner_text().strip() != ""
    assert visit.sticking_out() == []
    hosts = {
        urlsplit(url).netloc for url in visit.requested if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {urlsplit(office.address).netloc}
    assert not office.contacted.exists()
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize("tag", WORDS)
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_page_has_no_serious_findings(
    office: App, chromium: Any, tag: str, scheme: str, width: int
) -> None:
    visit = visit_of(office, chromium, tag, width=width, color_scheme=scheme)
    visit.page.wait_for_function("document.querySelectorAll('.figure:has(.main-svg)').length === 6")
    assert violations(visit.page) == []
    visit.page.locator(".tables summary").click()
    assert violations(visit.page) == []
    visit.context.close()


def test_filters_change_what_is_counted(office: App, chromium: Any) -> None:
    visit = visit_of(office, chromium)
    page = visit.page
    page.get_by_role("button", name="7 days").click()
    page.wait_for_function("document.querySelector('.tile.questions .number').textContent === '14'")
    assert page.get_by_role("button", name="7 days").get_attribute("aria-pressed") == "true"
    page.select_option("[name=language]", "en")
    page.wait_for_function("document.querySelector('.tile.questions .number').textContent === '3'")
    page.fill("[name=first]", "2001-01-01")
    page.fill("[name=last]", "2001-01-31")
    page.get_by_text("No questions in this selection").wait_for()
    assert not page.locator(".figures").is_visible()
    page.locator(".rest").get_by_role("button", name="All").click()
    page.wait_for_function("document.querySelector('.tile.questions .number').textContent === '12'")
    assert visit.complaints == []
    visit.context.close()


def test_the_language_is_that_of_the_other_pages_and_remembered(office: App, chromium: Any) -> None:
    visit = visit_of(office, chromium, "ko-KR")
    page = visit.page
    page.click("[data-act=language][data-language=zh]")
    page.get_by_role("heading", name="没有答案的问题").wait_for()
    page.reload()
    loaded(visit)
    assert page.locator("h1").inner_text() == "问答统计"
    page.goto(office.address)
    page.wait_for_selector(".qa:not([hidden])")
    assert page.get_attribute("html", "lang") == "zh-CN"
    visit.context.close()


def test_a_question_becomes_a_wording_by_keyboard_and_is_taken_back(
    office: App, chromium: Any, corpus: Path
) -> None:
    file = corpus / "wordings" / f"{POLICY}.zh.csv"
    before = file.read_bytes()
    visit = visit_of(office, chromium)
    page = visit.page
    group = page.locator(".group").filter(has=page.locator("input[value='小微企业贷款利率是多少']"))
    clause = group.locator("select option").first
    group.locator("select").select_option(clause.get_attribute("value"))
    group.get_by_role("button", name="Add as wording").focus()
    page.keyboard.press("Enter")
    group.get_by_role("status").wait_for()
    assert "the next build uses it" in group.inner_text()
    added = file.read_bytes().removeprefix(before).decode()
    assert added.strip().endswith(",zh,小微企业贷款利率是多少")
    assert page.evaluate("document.activeElement.textContent") == "Undo"
    page.keyboard.press("Enter")
    group.get_by_role("button", name="Add as wording").wait_for()
    assert file.read_bytes() == before
    assert visit.complaints == []
    visit.context.close()


def test_a_question_is_noted_as_having_no_clause_in_the_words_of_the_office(
    office: App, chromium: Any, corpus: Path
) -> None:
    file = corpus / "wordings" / f"{POLICY}.en.csv"
    before = file.read_bytes()
    visit = visit_of(office, chromium)
    page = visit.page
    group = page.locator(".group").filter(has=page.locator("input[value='may I bring my dog']"))
    group.locator("select").select_option("")
    group.locator("input.text").first.fill("may a dog come to the beach")
    group.get_by_role("button", name="Add as wording").click()
    group.get_by_role("status").wait_for()
    assert file.read_bytes() == before + b",en,may a dog come to the beach\n"
    page.reload()
    loaded(visit)
    assert "may I bring my dog" not in page.locator(".unanswered").inner_html()
    visit.context.close()


def test_the_selection_is_saved_as_an_excel_file(office: App, chromium: Any) -> None:
    visit = visit_of(office, chromium)
    with visit.page.expect_download() as saving:
        visit.page.get_by_role("link", name="Export to Excel").click()
    assert saving.value.suggested_filename.endswith(".xlsx")
    book = openpyxl.load_workbook(io.BytesIO(saving.value.path().read_bytes()))
    assert book.sheetnames == ["Counts", "Questions"]
    assert book["Questions"].max_row == 51
    visit.context.close()


def test_the_chat_does_not_load_what_draws_figures(office: App, chromium: Any) -> None:
    visit = Visit(chromium, office.address)
    visit.page.wait_for_timeout(1000)
    assert not [url for url in visit.requested if "lotly" in url]
    visit.context.close()


def test_a_program_that_has_ended_is_told(app_index: Path, chromium: Any, tmp_path: Path) -> None:
    fill(tmp_path / "journal.sqlite")
    office = App(tmp_path, app_index)
    visit = visit_of(office, chromium)
    office.stop()
    visit.page.get_by_role("button", name="90 days").click()
    visit.page.get_by_text("The insights cannot be shown").wait_for(timeout=20_000)
    visit.context.close()


@pytest.fixture
def guarded(app_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The program with users."""
    users = tmp_path / "users.json"
    hashed = hasher().hash(PASSWORD)
    write_users(
        users,
        {
            name: User(name, (role,), hashed)
            for name, role in (("li", Role.DESK), ("kim", Role.OFFICE))
        },
    )
    monkeypatch.setenv("QA_USERS", str(users))
    guarded = App(tmp_path, app_index)
    yield guarded
    guarded.stop()


def test_who_logs_in_gets_to_the_page_and_out_again(guarded: App, chromium: Any) -> None:
    context = chromium.new_context(locale="en-US", color_scheme="dark")
    page = context.new_page()
    page.goto(f"{guarded.address}/insights/")
    assert urlsplit(page.url).path == "/login"
    assert violations(page) == []
    page.get_by_role("link", name="中文").click()
    assert page.locator("h1").inner_text() == "登录"
    page.keyboard.type("kim")
    page.keyboard.press("Tab")
    page.keyboard.type("not this one")
    page.keyboard.press("Enter")
    page.get_by_text("用户名或密码不正确。").wait_for()
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".qa.insights.loaded")
    assert page.locator("h1").inner_text() == "问答统计"
    assert page.locator("nav a:visible").all_inner_texts() == ["问答", "统计"]
    page.goto(f"{guarded.address}/desk/")
    assert "此页面不对您开放" in page.content()
    page.goto(f"{guarded.address}/insights/")
    page.get_by_role("button", name="退出登录").click()
    assert urlsplit(page.url).path == "/login"
    page.goto(f"{guarded.address}/insights/")
    assert urlsplit(page.url).path == "/login"
    context.close()


def test_a_clerk_leaves_the_desk_by_keyboard_and_nothing_behind(
    guarded: App, chromium: Any
) -> None:
    context = chromium.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{guarded.address}/desk/")
    page.keyboard.type("li")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.fill(".search input", "export tax refund")
    page.wait_for_selector(".found [role=option]")
    leave = page.get_by_role("button", name="Log out")
    leave.wait_for()
    assert violations(page) == []
    page.locator("header [data-act=language]").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.leave') !== null")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    page.goto(f"{guarded.address}/desk/")
    assert urlsplit(page.url).path == "/login"
    assert "export" not in page.evaluate("JSON.stringify({...sessionStorage})")
    page.goto(guarded.address)
    page.wait_for_selector(".qa:not([hidden])")
    assert not page.get_by_role("button", name="Log out").is_visible()
    context.close()


def test_the_page_says_that_an_index_is_being_built(office: App, chromium: Any) -> None:
    visit = visit_of(office, chromium)
    text = {"en": "Building.", "zh": "正在更新。", "ko": "갱신 중."}
    state = {"state": "building", "build": "", "text": text, "renewed": text}
    visit.page.route("**/status/build", lambda route: route.fulfill(json=state))
    visit.page.wait_for_selector(".building:not([hidden])")
    assert visit.page.locator(".building").inner_text() == "Building."
    visit.page.click("[data-act=language][data-language=ko]")
    visit.page.wait_for_function("document.querySelector('.building').textContent === '갱신 중.'")
    visit.context.close()
