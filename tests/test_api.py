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


@pytest.mark.parametrize("question", [ASKED, "Who pays for the kiln?", "가마 보조금", "你好", "月球税"])
def test_an_answer_is_what_the_command_line_prints_and_more(
    client: TestClient, assistant: Assistant, question: str
) -> None:
    answer = ask(client, question)
    for record in (*answer["hits"], *answer["citations"]):
        assert assistant.index.clause(record.pop("clause")).document_id == record["document"]
    printed = render.record(assistant.ask(question))
    assert {name: answer[name] for name in printed} == printed
