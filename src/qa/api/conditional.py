"""What lets a client keep what it was given (RFC 9110, 13; RFC 9111)."""

from __future__ import annotations

import xxhash
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Conditional:
    """Middleware: replies to GET carry an ``ETag`` and are sent again only where they differ from
    what the client has; other replies are not to be stored. HEAD is answered like GET.

    The replies of the application must be complete messages, not streams.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reads = scope["method"] in ("GET", "HEAD")
        known = Headers(scope=scope).get("if-none-match", "")
        start: Message = {}

        async def conditionally(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            headers = MutableHeaders(raw=start["headers"])
            body = message.get("body", b"")
            if not reads or start["status"] != 200:
                headers.setdefault("cache-control", "no-store")
            else:
                tag = f'"{xxhash.xxh3_128_hexdigest(body)}"'
                headers["etag"] = tag
                headers["cache-control"] = "no-cache"
                if _names(known, tag):
                    start["status"], body = 304, b""
                    del headers["content-length"]
            if scope["method"] == "HEAD":
                body = b""
            await send(start)
            await send({"type": "http.response.body", "body": body})

        as_get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self._app(as_get, receive, conditionally)


def _names(known: str, tag: str) -> bool:
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    return tag in tags or "*" in tags
