"""Puts the interfaces for programs before the faces for people."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from qa.api import completions, routes, tools
from qa.api.conversation import Source


def mount_api(app: FastAPI, source: Source) -> None:
    """Mounts ``/api``, ``/v1`` and ``/mcp``; to be called before anything is mounted at ``/``."""
    mount(app, routes.MOUNT, routes.api(source))
    mount(app, completions.MOUNT, completions.completions(source))
    protocol = tools.Tools(source)
    app.router.routes.append(Route(tools.PATH, protocol, include_in_schema=False))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with before(running) as state:
            yield state
            await protocol.close()

    app.router.lifespan_context = lifespan


def mount(app: FastAPI, path: str, mounted: ASGIApp) -> None:
    """Mounts an application for every address under a path, line breaks in it included: what is
    wrong with them is told by the interface that they are meant for."""
    below = Mount(path, mounted)
    below.path_regex = re.compile(below.path_regex.pattern, re.DOTALL)
    app.router.routes.append(below)
