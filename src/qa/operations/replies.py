"""What is said to a request that is not dealt with: to a program as its interface says errors, to
the chat as a turn in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive

from qa.api import PREFIXES
from qa.messages import message
from qa.types import LANGUAGES, Language

_ASKING = "/gradio_api/run/"
_TEXTS = {"busy": "error.busy", "too_many": "error.limited"}


def refusal(
    path: str, headers: Headers, status: int, reason: str, more: Mapping[str, str]
) -> Response:
    """A refusal.

    Args:
        reason: what follows ``problem.`` in the key of its message; empty: the status alone.
        more: headers.
    """
    if not path.startswith(PREFIXES):
        said = HTTPStatus(status).phrase
        return PlainTextResponse(f"{said}\n", status, dict(more))
    from qa.api.negotiation import language_of
    from qa.api.problems import problem

    language = language_of(headers.get("accept-language", "")) or "en"
    if path.startswith("/v1/"):  # whose clients know errors of another form
        said = message(language, f"problem.{reason}") if reason else HTTPStatus(status).phrase
        error = {"message": said, "type": _kind(status), "param": None, "code": reason or None}
        return JSONResponse({"error": error}, status, dict(more))
    return problem(status, language, reason, headers=more)


def _kind(status: int) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")


async def turned_away(
    path: str, headers: Headers, receive: Receive, reason: str, seconds: int
) -> Response:
    """The reply to who has to come again after some seconds; ``reason``: busy or too_many.

    The chat gets a turn, as its page shows nothing of a failed request but that it failed.
    """
    later = {"retry-after": str(seconds)}
    if path.startswith(_ASKING):
        turn = _turn(await _body(receive), reason)
        if turn:
            return JSONResponse({"data": [turn]}, headers=later)
    return refusal(path, headers, 429 if reason == "too_many" else 503, reason, later)


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        part = await receive()
        if part["type"] != "http.request":
            return b""
        body += part.get("body", b"")
        if not part.get("more_body"):
            return body


def _turn(body: bytes, reason: str) -> dict[str, Any] | None:
    """The turn of the chat (see ``web.page``) for the event that a body holds; None of none."""
    from qa.web.cards import TAGS
    from qa.web.chat import failure

    try:
        event = json.loads(body)["event_data"]
        number, asked = int(event["id"]), event.get("language")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    language: Language = next((each for each in LANGUAGES if each == asked), LANGUAGES[0])
    html = failure(_TEXTS[reason])
    return {"id": number, "tag": TAGS[language], "html": html, "entry": "", "after": ""}
