"""What is made when somebody asks for it: pages that few open must not delay the one that all do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Lock
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

_making = Lock()
"""Gradio notes in one place of the process what is being put together: one page after another."""


class Late:
    """An ASGI application that ``make`` makes at the first request, or at ``load`` before it."""

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._make = make
        self._app: FastAPI | None = None
        self._life: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._end = asyncio.Event()

    def load(self) -> FastAPI:
        """Makes the application, once. May be called from any thread."""
        with _making:
            if self._app is None:
                self._app = self._make()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await asyncio.to_thread(self.load)
        if self._life is None:
            self._life = asyncio.create_task(self._live(app))
        if not self._begun.is_set():
            await self._begun.wait()
        await app(scope, receive, send)

    async def _live(self, app: FastAPI) -> None:
        """The application's life: begun and ended by one task, as its parts may expect."""
        try:
            async with app.router.lifespan_context(app):
                self._begun.set()
                await self._end.wait()
        finally:
            self._begun.set()  # where it cannot begin, its requests say so

    async def close(self) -> None:
        """Ends its life, where it began."""
        self._end.set()
        if self._life:
            await self._life


def add_late(app: FastAPI, path: str, late: Late) -> None:
    """Lets ``late`` answer all that lies under a path of ``app``, which it sees as it is."""
    app.router.routes.append(Route(f"{path}/{{rest:path}}", late, include_in_schema=False))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with before(running) as state:
            yield state
            await late.close()

    app.router.lifespan_context = lifespan
