"""The tools, as the official client of the Model Context Protocol finds them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from serving import served

from qa import render
from qa.api.mount import mount_api
from qa.assistant import Assistant
from qa.config import ROOT
from qa.journal import Journal
from qa.web.chat import Chat

mcp = pytest.importorskip("mcp", reason="the mcp library is not installed")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def address(assistant: Assistant, journal: Journal) -> Iterator[str]:
    app = FastAPI()
    mount_api(app, Chat(assistant, journal))
    with served(app) as address:
        yield f"{address}/mcp"


def using(server: Any, use: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with mcp.Client(server, **options) as client:
            await use(client)

    anyio.run(run)


def test_the_tools_say_what_they_take_and_give(address: str) -> None:
    async def use(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask_policy", "find_clauses", "list_departments"}
        for tool in tools.values():
            assert tool.description and tool.output_schema and tool.annotations.read_only_hint
        assert tools["ask_policy"].input_schema["required"] == ["question"]
        assert "word for" in client.instructions

    using(address, use)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_question_is_answered_as_everywhere(
    address: str, assistant: Assistant, journal: Journal, mode: str
) -> None:
    question = "出口退税几天办结？"

    async def use(client: Any) -> None:
        result = await client.call_tool("ask_policy", {"question": question})
        answer = result.structured_content
        assert not result.is_error
        for record in (*answer["hits"], *answer["citations"]):
            del record["clause"]
        printed = render.record(assistant.ask(question))
        assert {name: answer[name] for name in printed} == printed
        other = await client.call_tool(
            "ask_policy", {"question": "哪个部门负责？", "earlier": [question], "language": "en"}
        )
        assert other.structured_content["language"] == "en"
        assert other.structured_content["citations"][0]["number"] == "二"

    using(address, use, mode=mode)
    assert journal.flush(10)
    assert len(journal.today("mcp")) == 2


def test_clauses_are_found_and_departments_listed(address: str) -> None:
    async def use(client: Any) -> None:
        found = await client.call_tool("find_clauses", {"words": "摊位费", "limit": 1})
        assert [hit["number"] for hit in found.structured_content["hits"]] == ["第二条"]
        within = {"words": "摊位费", "documents": ["tangxi_ceramics"]}
        found = await client.call_tool("find_clauses", within)
        hits = found.structured_content["hits"]
        assert {hit["document"] for hit in hits} == {"tangxi_ceramics"}
        listed = await client.call_tool("list_departments", {})
        names = [each["name"] for each in listed.structured_content["departments"]]
        assert "市税务局" in names

    using(address, use)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ask_policy", {}),
        ("ask_policy", {"question": 5}),
        ("ask_policy", {"question": "x", "language": "xx"}),
        ("ask_policy", {"question": "x" * 20_000}),
        ("find_clauses", {"words": " "}),
        ("find_clauses", {"words": "x", "limit": 0}),
    ],
)
def test_wrong_arguments_are_errors_that_a_model_can_read(
    address: str, tool: str, arguments: dict[str, Any]
) -> None:
    async def use(client: Any) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert "Traceback" not in result.content[0].text

    using(address, use)


def test_a_page_of_another_site_does_not_reach_the_tools(address: str) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        reply = httpx.post(address, json={}, headers=headers)
        assert reply.status_code == 403
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b"1" * 9999])
def test_what_is_no_message_is_an_error_of_the_client(address: str, body: bytes) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    reply = httpx.post(address, content=body, headers=headers)
    assert 400 <= reply.status_code < 500


@pytest.mark.slow
def test_the_tools_are_there_on_standard_input_and_output(
    shipped_index: Path,
) -> None:
    from mcp.client.stdio import StdioServerParameters, stdio_client

    arguments = ["-m", "qa", "mcp", "--index", str(shipped_index)]
    server = StdioServerParameters(
        command=sys.executable, args=arguments, cwd=str(ROOT), env={"PYTHONPATH": str(ROOT / "src")}
    )

    async def use(client: Any) -> None:
        result = await client.call_tool("ask_policy", {"question": "出口退税多久能办好？"})
        assert result.structured_content["outcome"] == "answered"

    using(stdio_client(server), use)
