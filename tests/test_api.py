"""The HTTP interface: what it gives, and how it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from qa import render
from qa.api.negotiation import language_of
from qa.api.routes import api
from qa.assistant import Assistant
from qa.errors import IndexDamaged
from qa.journal import Journal, Thumb
from qa.types import LANGUAGES
from qa.web.chat import Chat
from qa.web.front import Front

ASKED = "窑炉改造补贴多少？"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def chat(assistant: Assistant, journal: Journal) -> Chat:
    return Chat(assistant, journal)


@pytest.fixture
def client(chat: Chat) -> TestClient:
    return TestClient(api(chat), base_url="http://test/v1", raise_server_exceptions=False)


def ask(client: TestClient, question: str, **body: Any) -> dict[str, Any]:
    reply = client.post("answer", json={"question": question, **body})
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


# --- questions


@pytest.mark.parametrize(
    "question", [ASKED, "Who pays for the kiln?", "가마 보조금", "你好", "月球税"]
)
def test_an_answer_is_what_the_command_line_prints_and_more(
    client: TestClient, assistant: Assistant, question: str
) -> None:
    answer = ask(client, question)
    for record in (*answer["hits"], *answer["citations"]):
        assert assistant.index.clause(record.pop("clause")).document_id == record["document"]
    printed = render.record(assistant.ask(question))
    assert {name: answer[name] for name in printed} == printed


def test_a_conversation_is_the_list_of_its_earlier_questions(client: TestClient) -> None:
    alone = ask(client, "哪个部门负责？")
    leaning = ask(client, "哪个部门负责？", earlier=["你好", "出口退税几天办结？"])
    assert alone["outcome"] == "invalid"
    assert leaning["citations"][0]["number"] == "二"
    assert leaning["departments"] == ["市税务局"]


def test_a_conversation_may_be_about_a_clause_that_was_chosen(
    client: TestClient, assistant: Assistant
) -> None:
    customs = next(each for each in assistant.index.clauses if each.number == "三")
    answer = ask(client, "哪个部门负责？", about=customs.id)
    assert {each["clause"] for each in answer["citations"]} == {customs.id}
    gone = client.post("answer", json={"question": "?", "about": "no#一"})
    assert gone.status_code == 404


def test_the_language_of_an_answer_is_that_of_the_body_then_of_the_header_then_of_the_question(
    client: TestClient,
) -> None:
    def language(accepted: str, **body: str) -> str:
        headers = {"accept-language": accepted} if accepted else {}
        reply = client.post("answer", json={"question": ASKED, **body}, headers=headers)
        assert reply.headers["content-language"] == reply.json()["language"]
        assert "accept-language" in reply.headers["vary"]
        return str(reply.json()["language"])

    assert language("", language="ko") == "ko"
    assert language("en-GB,ko;q=0.5", language="ko") == "ko"
    assert language("en-GB,ko;q=0.5") == "en"
    assert language("fr") == "zh"
    assert language("") == "zh"


def test_an_answer_in_another_language_quotes_the_same_sentences(client: TestClient) -> None:
    question = "新窑炉奖励十万元吗？"
    own, other = ask(client, question), ask(client, question, language="en")
    assert own["outcome"] == "answered"
    assert [c["quote"] for c in own["citations"]] == [c["quote"] for c in other["citations"]]
    assert not any(c["translation"] for c in own["citations"])
    assert all(c["translation"] for c in other["citations"])


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", None), ("*", None), ("fr, de;q=0.9", None), ("ko", "ko"), ("zh-Hant-TW", "zh"),
        ("en;q=0.2, ko;q=0.7", "ko"), ("EN", "en"), ("en;q=0", None), ("en;q=x, zh", "zh"),
        ("english", None), ("en;q=nan, ko;q=0.1", "ko"), ("ko,en", "ko"), (",;q=,", None),
    ],
)  # fmt: skip
def test_accept_language_is_weighed(accepted: str, language: str | None) -> None:
    assert language_of(accepted) == language


def test_the_scope_limits_where_an_answer_comes_from(client: TestClient) -> None:
    scope = {"documents": ["tangxi_market"]}
    answer = ask(client, "出口退税几天办结？", scope=scope)
    assert {hit["document"] for hit in answer["hits"]} <= {"tangxi_market"}
    assert answer["outcome"] == "no_clause"
    department = ask(client, "健康证明", scope={"department": "市税务局"})
    assert {hit["number"] for hit in department["hits"]} <= {"二"}


def test_choices_are_named_in_the_language_of_the_answer(client: TestClient) -> None:
    choices = ask(client, "第三条", language="en")["choices"]
    assert len(choices) > 1
    assert all(choice["label"] and choice["clause"] for choice in choices)


def test_a_search_gives_hits_without_a_decision(client: TestClient) -> None:
    hits = client.post("search", json={"question": "摊位费", "limit": 2}).json()["hits"]
    assert len(hits) == 2
    assert hits[0]["number"] == "第二条"


def test_a_quotation_is_checked_against_the_policies(client: TestClient) -> None:
    text = "举办2期釉料配方培训班，学费全免。窑厂把柴窑改为电窑的，每座奖励二十万元。"
    findings = client.post("quote-check", json={"text": text}).json()["findings"]
    assert [each["verdict"] for each in findings] == ["verbatim", "altered"]
    assert client.get(f"clauses/{quote(findings[1]['clause'])}").json()["number"] == "五"


def test_feedback_reaches_the_journal(client: TestClient, journal: Journal) -> None:
    entry = ask(client, ASKED)["id"]
    judged = {"id": entry, "thumb": "down", "reason": "out_of_date", "comment": "2019"}
    assert client.post("feedback", json=judged).status_code == 204
    assert journal.flush(10)
    (written,) = journal.today("api")
    assert (written.id, written.thumb, written.comment) == (entry, Thumb.DOWN, "2019")
    assert client.post("feedback", json={"id": entry}).status_code == 204
    assert journal.flush(10)
    assert not journal.today("api")[0].thumb


def test_where_nothing_is_written_down_feedback_is_refused(assistant: Assistant) -> None:
    client = TestClient(api(Chat(assistant)))
    assert client.post("/v1/answer", json={"question": ASKED}).json()["id"] == ""
    assert client.post("/v1/feedback", json={"id": "x"}).status_code == 404


# --- policies and words


def test_every_clause_can_be_fetched_by_its_id(client: TestClient) -> None:
    for document in client.get("documents").json()["documents"]:
        listed = client.get(f"documents/{quote(document['id'])}/clauses").json()
        assert listed["total"] == len(listed["clauses"]) >= document["clauses"]
        for clause in listed["clauses"]:
            assert client.get(f"clauses/{quote(clause['id'], safe='')}").json() == clause
            assert clause["document"] == document["id"]


def test_lists_come_in_pages(client: TestClient) -> None:
    first, second = (
        client.get("documents", params={"offset": offset, "limit": 1}).json() for offset in (0, 1)
    )
    assert first["total"] == second["total"] == 2
    assert first["documents"] != second["documents"]
    assert client.get("documents", params={"offset": 2}).json()["documents"] == []


def test_a_policy_has_its_facts(client: TestClient) -> None:
    policy = client.get("documents/tangxi_ceramics").json()
    assert policy["title"] == "棠溪市扶持陶瓷出口若干措施"
    assert (policy["clauses"], policy["status"], policy["language"]) == (5, "unknown", "zh")


def test_departments_are_counted_and_named(client: TestClient) -> None:
    departments = client.get("departments").json()["departments"]
    counts = {each["name"]: each["clauses"] for each in departments}
    assert counts["市商务局"] == 2
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_the_glossary_gives_all_terms_or_those_of_a_text(client: TestClient) -> None:
    everything = client.get("glossary").json()
    assert everything["total"] == len(everything["terms"]) > 0
    term = everything["terms"][0]
    found = client.get("glossary", params={"text": f"请问{term['zh']}？"}).json()["terms"]
    assert term in found
    assert client.get("glossary", params={"text": "xyzzy"}).json()["terms"] == []


# --- what can be kept


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("documents")
    again = client.get("documents", headers={"if-none-match": first.headers["etag"]})
    weak = client.get("documents", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    other = client.get("documents", headers={"if-none-match": '"x"'})
    assert (again.status_code, again.content, weak.status_code) == (304, b"", 304)
    assert other.content == first.content
    assert first.headers["cache-control"] == "no-cache"
    head = client.head("documents")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == first.headers["content-length"]


def test_answers_are_not_to_be_stored(client: TestClient) -> None:
    assert client.post("answer", json={"question": ASKED}).headers["cache-control"] == "no-store"
    gone = client.get("documents/none")
    assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store")


# --- problems


def problem(reply: Any) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = reply.json()
    assert told["status"] == reply.status_code
    assert told["type"] and told["title"] and told["detail"]
    return told


def test_what_is_wrong_with_a_request_is_told_where_it_is(client: TestClient) -> None:
    body = {"question": 5, "earlier": ["a" * 10_001], "mood": "", "scope": {"since": "soon"}}
    told = problem(client.post("answer", json=body))
    assert {tuple(each["where"]) for each in told["errors"]} == {
        ("body", "question"),
        ("body", "earlier", "0"),
        ("body", "mood"),
        ("body", "scope", "since"),
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", b"", 404),
        ("GET", "documents/nothing", b"", 404),
        ("GET", "documents/nothing/clauses", b"", 404),
        ("GET", "clauses/nothing%23%E4%BA%94", b"", 404),
        ("GET", "answer", b"", 405),
        ("GET", "documents?limit=0", b"", 422),
        ("POST", "answer", b"{", 422),
        ("POST", "answer", b"\xff\xfe", 422),
        ("POST", "answer", b"[" * 100_000, 400),
        ("POST", "answer", b'{"question": ' + b"9" * 5000 + b"}", 400),
        ("POST", "answer", b"null", 422),
    ],
)
def test_every_error_is_a_problem(
    client: TestClient, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"content-type": "application/json"}
    reply = client.request(method, path, content=body, headers=headers)
    problem(reply)
    assert reply.status_code == status
    if status == 405:
        assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize("language", LANGUAGES)
def test_problems_are_told_in_the_language_of_the_client(client: TestClient, language: str) -> None:
    reply = client.get("clauses/x", headers={"accept-language": language})
    assert reply.headers["content-language"] == language
    other = client.get("clauses/x", headers={"accept-language": "en" if language != "en" else "ko"})
    assert problem(reply)["detail"] != problem(other)["detail"]


class Broken:
    """A chat whose index fails."""

    journal = None

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def assistant(self) -> Assistant:
        raise self._error


def test_a_failure_tells_nothing_of_the_machine() -> None:
    client = TestClient(api(Broken(RuntimeError("/home/me"))), raise_server_exceptions=False)
    reply = client.post("/v1/answer", json={"question": ASKED})
    assert problem(reply)["status"] == 500
    assert "/home" not in reply.text


def test_an_index_that_cannot_be_used_is_a_problem_that_passes() -> None:
    broken = IndexDamaged("/data/index", "is damaged", "build it again")
    client = TestClient(api(Broken(broken)), raise_server_exceptions=False)
    reply = client.post("/v1/answer", json={"question": ASKED})
    assert problem(reply)["status"] == 503
    assert reply.headers["retry-after"] == "5"
    assert "/data" not in reply.text


# --- the description


def test_the_description_is_complete(client: TestClient) -> None:
    description = client.get("http://test/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    for path, operations in description["paths"].items():
        assert path.startswith("/v1/")
        for operation in operations.values():
            assert operation["description"]
            errors = {s: r for s, r in operation["responses"].items() if s >= "4"}
            assert {"400", "413", "422", "429", "503"} <= errors.keys()
            for response in errors.values():
                assert list(response["content"]) == ["application/problem+json"]
    assert "ValidationError" not in description["components"]["schemas"]


def test_the_examples_of_the_description_are_accepted(client: TestClient) -> None:
    schemas = client.get("http://test/openapi.json").json()["components"]["schemas"]
    examples = schemas["Question"]["examples"]
    assert examples
    for example in examples:
        ask(client, **example)


def test_the_day_of_the_question_counts(client: TestClient) -> None:
    assert ask(client, ASKED, today=date(1990, 1, 1).isoformat())["outcome"]
    assert client.post("answer", json={"question": ASKED, "today": "1990"}).status_code == 422


def test_while_the_first_index_is_built_programs_are_told_to_come_again(tmp_path: Path) -> None:
    client = TestClient(Front(tmp_path))
    for path in ("/api/v1/answer", "/v1/chat/completions", "/mcp", "/channels/wechat"):
        reply = client.post(path, json={}, headers={"accept-language": "zh"})
        assert problem(reply)["status"] == 503
        assert reply.headers["retry-after"] == "5"
        assert "索引" in problem(reply)["detail"]
