"""The HTTP interface: what it gives, and how it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from qa.api.routes import api
from qa.assistant import Assistant
from qa.journal import Journal, Thumb
from qa.web.chat import Chat


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def client(assistant: Assistant, journal: Journal) -> TestClient:
    return TestClient(api(Chat(assistant, journal)))


def test_a_clause_can_be_fetched_by_the_id_that_a_hit_gives(client: TestClient) -> None:
    hits = client.post("/search", json={"question": "出口"}).json()["hits"]
    clause = client.get(f"/clauses/{quote(hits[0]['clause'], safe='')}").json()
    assert clause["text"] == hits[0]["text"]
    assert clause["id"] == hits[0]["clause"]
