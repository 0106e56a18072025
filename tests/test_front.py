"""What stands before the page: the state of the index, and the wait for the first one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from qa.builds import write_in_one_step
from qa.messages import catalogue
from qa.progress import BuildReport, BuildState
from qa.types import LANGUAGES
from qa.web.front import PATH, Front, told, waiting_page


@dataclass
class Answering:
    """What answers, by its name."""

    build: str = "first"
    problem: Exception | None = None


@dataclass
class Reply:
    status: int = 0
    body: bytes = b""


async def get(front: Front, path: str, accept: str = "*/*") -> Reply:
    reply = Reply()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        reply.status = message.get("status", reply.status)
        reply.body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"accept", accept.encode())],
    }
    await front(scope, receive, send)
    return reply


def served(front: Front, during: Callable[[], Awaitable[None]]) -> list[str]:
    """Runs ``during`` while the server lives; what the server was told of its life."""

    async def run() -> list[str]:
        messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        told_of: list[str] = []
        started = asyncio.Event()

        async def send(message: Any) -> None:
            told_of.append(message["type"])
            started.set()

        life = asyncio.create_task(front({"type": "lifespan"}, messages.get, send))
        await messages.put({"type": "lifespan.startup"})
        await started.wait()
        await during()
        await messages.put({"type": "lifespan.shutdown"})
        await asyncio.wait_for(life, 10)
        return told_of

    return asyncio.run(run())


def chat() -> tuple[FastAPI, list[str]]:
    """An application that answers ok, and what happened in its life."""
    from contextlib import asynccontextmanager

    happened: list[str] = []

    @asynccontextmanager
    async def life(_: FastAPI) -> Any:
        happened.append("begun")
        yield
        happened.append("ended")

    app = FastAPI(lifespan=life)

    @app.get("/{path:path}")
    def ok(path: str) -> str:
        return f"ok {path}"

    return app, happened


def test_before_there_is_an_index_people_see_how_far_it_is_and_others_wait(tmp_path: Path) -> None:
    front, (app, happened) = Front(tmp_path), chat()

    async def first_start() -> None:
        page = await get(front, "/", "text/html,*/*")
        assert (page.status, b"<progress" in page.body) == (503, True)
        assert json.loads((await get(front, PATH)).body)["build"] == ""
        waiting = asyncio.create_task(get(front, "/config"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await asyncio.to_thread(front.hand_over, app, Answering())
        assert (await asyncio.wait_for(waiting, 10)).body == b'"ok config"'
        assert happened == ["begun"]
        assert (await get(front, "/", "text/html")).body == b'"ok "'
        assert json.loads((await get(front, PATH)).body)["build"] == "first"

    assert served(front, first_start) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert happened == ["begun", "ended"]


def test_with_an_index_the_chat_answers_from_the_first_moment(tmp_path: Path) -> None:
    front, (app, happened) = Front(tmp_path), chat()
    front.hand_over(app, Answering())

    async def ask() -> None:
        assert (await get(front, "/", "text/html")).status == 200

    served(front, ask)
    assert happened == ["begun", "ended"]


def test_a_server_that_ends_before_there_is_an_index_ends(tmp_path: Path) -> None:
    async def nothing() -> None:
        return

    assert served(Front(tmp_path), nothing)[-1] == "lifespan.shutdown.complete"


def test_who_has_waited_too_long_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.web.front._PATIENCE", 0.01)
    front = Front(tmp_path)

    async def ask() -> None:
        assert (await get(front, "/config")).status == 503

    served(front, ask)


BUILDING = BuildState("building", stage="terms", done=43, total=100, share=0.43, remaining=125.0)


def test_a_build_is_told_with_its_share_and_the_time_left() -> None:
    state = told(BUILDING, Answering(), "first")
    assert state["state"] == "building"
    assert state["text"]["zh"] == "正在更新索引 43%，约 2 分钟"
    assert state["text"]["en"] == "Updating the index: 43%, about 2 min"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "Updating the index: 43%"),
        (3.0, "Updating the index: 43%, less than a minute"),
        (3600.0, "Updating the index: 43%, about 60 min"),
        (7200.0, "Updating the index: 43%, about 2 h"),
    ],
)
def test_times_are_told_no_more_exactly_than_they_are_known(
    seconds: float | None, said: str
) -> None:
    state = told(replace(BUILDING, remaining=seconds), Answering(), "first")
    assert state["text"]["en"] == said


def test_nothing_is_said_where_nothing_happens() -> None:
    for state in (None, BuildState("done")):
        assert set(told(state, Answering(), "first")["text"].values()) == {""}


def test_a_failure_is_told_to_those_who_get_answers_of_before() -> None:
    failed = BuildState("failed", problem="/secret/path is full")
    state = told(failed, Answering(), "first")
    assert state["state"] == "failed"
    assert "as they were" in state["text"]["en"]
    assert "secret" not in json.dumps(state)


def test_an_index_that_cannot_be_used_is_told_as_a_failure() -> None:
    problem = Answering("first", RuntimeError("damaged"))
    assert told(BuildState("done"), problem, "second")["state"] == "failed"
    assert told(BuildState("done"), Answering(), "first")["state"] == "idle"


def test_the_state_comes_from_the_folder_of_the_index(tmp_path: Path) -> None:
    write_in_one_step(tmp_path / "CURRENT", "first")
    with BuildReport(tmp_path) as report:
        report("vectors", 1, 2)
        assert Front(tmp_path).status()["state"] == "building"
    assert Front(tmp_path).status()["state"] == "idle"


def test_the_page_that_waits_speaks_every_language_and_loads_nothing() -> None:
    page = waiting_page()
    for language in LANGUAGES:
        assert catalogue(language)["build.first"] in page
    assert "src=" not in page
    assert "http" not in page
