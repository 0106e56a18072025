"""The chat in pages of other sites: ``/widget.js``, and a page that shows how: ``/widget``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import xxhash
from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from qa.api.negotiation import language_of
from qa.config import Settings
from qa.errors import SettingsError
from qa.messages import message
from qa.types import LANGUAGES
from qa.web.cards import TAGS, render

_ORIGIN = re.compile(r"https?://(?:\[[0-9a-fA-F:]+\]|(?:\*\.)?[A-Za-z0-9.-]+)(?::(?:\d{1,5}|\*))?")
_SECONDS = 3600
"""For which a browser need not ask again for the script."""


def embedders(settings: Settings) -> tuple[str, ...]:
    """The sites that may show the chat in a frame.

    Raises:
        SettingsError: one is no origin.
    """
    origins = tuple(each.strip() for each in settings.embed_origins.split(",") if each.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                "QA_EMBED_ORIGINS", f"has {origin!r}, no origin", "write https://portal.example"
            )
    return origins


def add_widget(app: FastAPI) -> None:
    """Adds the script and its page; to be called before anything is mounted at ``/``."""
    script = _script()
    tag = f'"{xxhash.xxh3_128_hexdigest(script)}"'
    headers = {
        "cache-control": f"public, max-age={_SECONDS}",
        "cross-origin-resource-policy": "cross-origin",  # it is made for pages of other sites
        "etag": tag,
    }

    @app.api_route("/widget.js", methods=["GET", "HEAD"], include_in_schema=False)
    def widget(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    @app.get("/widget", include_in_schema=False)
    def page(request: Request) -> Response:
        chosen = request.query_params.get("language", "")
        accepted = language_of(request.headers.get("accept-language", "")) or "en"
        language = next((each for each in LANGUAGES if each == chosen), accepted)
        nonce = token_urlsafe(16)
        address = f"{str(request.base_url).rstrip('/')}/widget.js"
        html = render(
            "widget.html",
            language,
            address=address,
            base=request.scope.get("root_path", ""),
            names={each: message(each, "language_name") for each in LANGUAGES},
            nonce=nonce,
        )
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'nonce-{nonce}'; frame-src 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        more = {"content-security-policy": policy, "vary": "accept-language"}
        return HTMLResponse(html, headers=more)


def _script() -> bytes:
    texts: dict[str, dict[str, Any]] = {
        language: {
            "tag": TAGS[language],
            "name": message(language, "page.name"),
            "open": message(language, "widget.open"),
            "close": message(language, "widget.close"),
        }
        for language in LANGUAGES
    }
    source = (Path(__file__).parent / "widget.js").read_text(encoding="utf-8")
    return source.replace("/*TEXTS*/ {}", json.dumps(texts, ensure_ascii=False)).encode()
