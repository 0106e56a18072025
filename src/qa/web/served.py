"""The page as it leaves the machine: nothing in it points, or may reach, elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
"""The Content-Security-Policy: the browser itself refuses whatever is not of this machine. Gradio
compiles templates in the browser, which takes 'unsafe-eval'."""


def policy(embedders: Sequence[str]) -> str:
    """The Content-Security-Policy of a page that some sites may show in a frame."""
    return POLICY.replace(
        "frame-ancestors 'self'", " ".join(["frame-ancestors 'self'", *embedders])
    )


_ADVERTISING = re.compile(r"<meta\s[^>]*?(?:property=\"og:|name=\"twitter:)[^>]*>\s*")


def own_page(page: str, title: str, style: str) -> str:
    """Gradio's page with our title and style in its head, without the pictures and links to
    gradio.app that it shows to other sites."""
    head = f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>"
    return _ADVERTISING.sub("", page).replace("</head>", head, 1)


class ServedPage:
    """Middleware: the policy on every reply, and our head in the pages.

    Args:
        styles: the style sheet of each page, by its path.
        embedders: the sites that may show the page ``/`` in a frame.
    """

    def __init__(
        self, app: ASGIApp, title: str, styles: Mapping[str, str], embedders: Sequence[str] = ()
    ) -> None:
        self._app, self._title, self._styles = app, title, styles
        self._chat_policy = policy(embedders)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or get_route_path(scope) not in self._styles:
            await self._app(scope, receive, send)
            return
        kept = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        style = self._styles[get_route_path(scope)]
        start: Message = {}
        body = b""

        async def gather(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            if message["type"] != "http.response.body":
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = MutableHeaders(raw=start["headers"])
            if Headers(raw=start["headers"]).get("content-type", "").startswith("text/html"):
                body = own_page(body.decode(), self._title, style).encode()
                chat = get_route_path(scope) == "/"
                headers["content-security-policy"] = self._chat_policy if chat else POLICY
                headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app({**scope, "headers": kept}, receive, gather)
