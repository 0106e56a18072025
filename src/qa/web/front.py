"""What stands before the page: how far the index is, and a page that waits for the first one.

    GET /status/build    JSON for the page's banner, at any time
    GET /                while there is no index: a page that shows how far it is, then opens the chat
    anything else        waits until there is an index

Light: it answers before the libraries of the page are loaded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

from starlette._utils import get_route_path
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.api import PREFIXES
from qa.builds import current_name
from qa.messages import message
from qa.progress import BuildState, read_state
from qa.types import LANGUAGES, Language
from qa.web.cards import TAGS, render
from qa.web.served import POLICY

PATH = "/status/build"
_PATIENCE = 120.0
"""Seconds for which a request waits for the first index before it is told to come again."""
_FRESH = {"cache-control": "no-store"}


class Live(Protocol):
    """What answers, as far as it is told here: see ``LiveAssistant``."""

    @property
    def build(self) -> str:
        """The name of the build that answers."""

    @property
    def problem(self) -> Exception | None:
        """Why the build in use does not answer."""


class Front:
    """An ASGI application before another one, which may come later.

    Args:
        index: the folder of the index.
    """

    def __init__(self, index: Path) -> None:
        self._index = index
        self._live: Live | None = None
        self._app: ASGIApp | None = None
        self._open: Callable[[], object] = lambda: None
        self._opened = asyncio.Event()

    def hand_over(self, app: ASGIApp, live: Live) -> None:
        """Lets ``app`` answer from now on. May be called from any thread."""
        self._app, self._live = app, live
        self._open()

    def status(self) -> dict[str, Any]:
        """The state of the index, as JSON has it: see ``told``."""
        live = self._live if self._opened.is_set() else None
        return told(read_state(self._index), live, current_name(self._index))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live_on(receive, send)
        elif scope["type"] == "http" and get_route_path(scope) == PATH:
            await JSONResponse(self.status(), headers=_FRESH)(scope, receive, send)
        elif self._opened.is_set() and self._app:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._while_closed(scope, receive, send)

    async def _while_closed(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response
        later = {"retry-after": "5", "content-security-policy": POLICY, **_FRESH}
        if get_route_path(scope).startswith(PREFIXES):
            # Programs know how to come again, and channels must answer within seconds.
            from qa.api.negotiation import language_of
            from qa.api.problems import problem

            accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            response = problem(503, language_of(accepted), "building", headers=later)
        elif _asks_for_a_page(scope):
            response = HTMLResponse(waiting_page(), status_code=503, headers=later)
        else:
            try:
                await asyncio.wait_for(self._opened.wait(), _PATIENCE)
            except TimeoutError:
                response = JSONResponse(self.status(), status_code=503, headers=later)
            else:
                return await self(scope, receive, send)
        return await response(scope, receive, send)

    async def _live_on(self, receive: Receive, send: Send) -> None:
        """The life of the server; that of the application in it starts when it comes."""
        loop = asyncio.get_running_loop()
        self._open = lambda: loop.call_soon_threadsafe(handed.set)
        handed = asyncio.Event()
        if self._app:
            handed.set()
        await receive()  # lifespan.startup
        async with AsyncExitStack() as stack:
            end = asyncio.create_task(_next(receive))
            if self._app:
                await self._begin(stack)
            await send({"type": "lifespan.startup.complete"})
            if not self._opened.is_set():
                waiting = asyncio.create_task(_wait(handed))
                await asyncio.wait({end, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not end.done():
                    await self._begin(stack)
                waiting.cancel()
            await end
        await send({"type": "lifespan.shutdown.complete"})

    async def _begin(self, stack: AsyncExitStack) -> None:
        router = getattr(self._app, "router", None)
        if router is not None:
            await stack.enter_async_context(router.lifespan_context(self._app))
        self._opened.set()


async def _next(receive: Receive) -> None:
    await receive()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _asks_for_a_page(scope: Scope) -> bool:
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return scope["method"] in ("GET", "HEAD") and b"text/html" in accepted


def told(state: BuildState | None, live: Live | None, current: str) -> dict[str, Any]:
    """What people may know of a build.

    Returns:
        ``state`` (building, failed or idle), the name of the ``build`` that answers (empty where
        there is none yet), ``share`` in [0, 1], seconds ``remaining`` (null: not known), the
        ``stage`` with ``done`` of ``total`` and the ``rate`` a second; ``text`` says it in each
        language (empty where there is nothing to say), ``renewed`` that another build answers.
    """
    kind = state.state if state and state.state != "done" else "idle"
    if live and live.problem and live.build != current and kind == "idle":
        kind = "failed"
    state = state or BuildState("done")
    return {
        "state": kind,
        "build": live.build if live else "",
        "stage": state.stage,
        "done": state.done,
        "total": state.total,
        "rate": round(state.rate, 1),
        "share": round(state.share, 4),
        "remaining": state.remaining,
        "text": {language: _text(kind, state, language, bool(live)) for language in LANGUAGES},
        "renewed": {language: message(language, "build.renewed") for language in LANGUAGES},
    }


def _text(kind: str, state: BuildState, language: Language, answers: bool) -> str:
    """A state in a sentence; ``answers``: whether there is an index that answers meanwhile."""
    if kind == "idle":
        return "" if answers else message(language, "build.first.soon")
    if kind == "failed":
        return message(language, "build.failed" if answers else "build.first.failed")
    key = "build.running" if answers else "build.first.percent"
    percent = int(100 * state.share)
    if state.remaining is None:
        return message(language, key, percent=percent)
    return message(language, f"{key}.left", percent=percent, left=_left(state.remaining, language))


def _left(seconds: float, language: Language) -> str:
    """A time as people say it, no more exact than it is known."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return message(language, "build.left.soon")
    if minutes < 90:
        return message(language, "build.left.minutes", count=minutes)
    return message(language, "build.left.hours", count=round(minutes / 60))


def waiting_page() -> str:
    """The page before there is an index, in every language: its script shows the reader's."""
    keys = ("first", "first.about", "first.silent")
    words = {
        language: {
            "tag": TAGS[language],
            "name": message(language, "page.name"),
            **{key: message(language, f"build.{key}") for key in keys},
        }
        for language in LANGUAGES
    }
    # "<" cannot stand in a script: whatever a text says, it does not end there.
    data = json.dumps({"words": words, "status": PATH}, ensure_ascii=False).replace("<", "\\u003c")
    return render("waiting.html", LANGUAGES[0], words=words, data=data)
