"""``/v1``: the same answers for programs that speak the chat-completions format.

Existing chat front ends work unchanged: the "model" answers the last message of the user, to which
the ones before lend what it leans on. It quotes; it generates nothing, so that what steers
generation (system messages, temperature, tools) has no effect.

Source: the published OpenAPI description of the OpenAI API, ``/chat/completions``, ``/models``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from time import time
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from qa.api import conversation
from qa.api.conversation import LONGEST_TEXT, Source
from qa.api.markdown import markdown
from qa.api.models import Text
from qa.api.negotiation import language_of
from qa.api.problems import Refused, places
from qa.api.routes import client_of, language_for
from qa.errors import PolicyError
from qa.messages import catalogue
from qa.types import Language

MOUNT = "/v1"
MODEL = "policy-qa"
"""The name of the one model. Requests may name any other: front ends have theirs built in."""

_NOTHING_COUNTED = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""No token is generated, and none is read by a model."""

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class _Part(BaseModel):
    type: str = "text"
    text: Text = ""


class _Message(BaseModel):
    role: str
    content: Text | list[_Part] | None = None

    def said(self) -> str:
        """What the message says in words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Completion(BaseModel):
    """As much of a request as has an effect; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")

    model: Text = MODEL
    messages: list[_Message] = Field(min_length=1, max_length=2000)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=1)
    language: Language | None = None

    def asked(self, language: Language | None) -> conversation.Question | None:
        """The last question of the conversation; None where there is none."""
        said = [message.said() for message in self.messages if message.role == "user"]
        if not said or self.messages[-1].role != "user":
            return None
        *earlier, text = (each[: LONGEST_TEXT + 1] for each in said)
        return conversation.Question(text, tuple(earlier), language)


def completions(source: Source) -> FastAPI:
    """The chat-completions interface of a chat, to be mounted at ``MOUNT``."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_errors(app)
    began = int(time())

    @app.get("/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(began)]}

    @app.get("/models/{name}")
    def model(name: str) -> dict[str, Any]:
        if name != MODEL:
            raise Refused(404, "")
        return _model(began)

    @app.post("/chat/completions")
    async def complete(body: _Completion, request: Request) -> Response:
        question = body.asked(language_for(body.language, request))
        if question is None:
            return error(400, "the last of the messages must be one of the user", "messages")
        session = client_of(request, "completions")
        given = await conversation.worked_out(
            source,
            question.characters,
            lambda: conversation.answer(source, question, face="api", session=session),
        )
        text = markdown(given.answer, given.assistant.index)
        frame = {
            # What /api/v1/feedback takes stands in the id.
            "id": f"chatcmpl-{given.entry or uuid4().hex}",
            "created": int(time()),
            "model": body.model or MODEL,
        }
        if body.stream:
            usage = bool(body.stream_options and body.stream_options.include_usage)
            return StreamingResponse(
                _events(frame, text, usage),
                media_type="text/event-stream",
                headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            )
        message = {"role": "assistant", "content": text, "refusal": None}
        return JSONResponse(
            {
                **frame,
                "object": "chat.completion",
                "choices": [
                    {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
                ],
                "usage": _NOTHING_COUNTED,
            },
            headers={"cache-control": "no-store"},
        )

    return app


def _model(created: int) -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": created, "owned_by": "qa"}


def _events(frame: dict[str, Any], text: str, usage: bool) -> Iterator[str]:
    """The answer as server-sent events: its blocks one by one."""

    def event(choices: list[dict[str, Any]], **more: Any) -> str:
        chunk = {**frame, "object": "chat.completion.chunk", "choices": choices, **more}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    def choice(delta: dict[str, Any], reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]

    unfinished: dict[str, Any] = {"usage": None} if usage else {}
    yield event(choice({"role": "assistant", "content": ""}), **unfinished)
    for block in text.split("\n\n"):
        yield event(choice({"content": block + "\n\n"}), **unfinished)
    yield event(choice({}, "stop"), **unfinished)
    if usage:
        yield event([], usage=_NOTHING_COUNTED)
    yield "data: [DONE]\n\n"


# --- errors


def error(status: int, text: str, where: str | None = None, **headers: str) -> Response:
    """An error in the form of the chat-completions interface."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    body = {"message": text, "type": kind, "param": where, "code": None}
    added = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": body}, status, added)


def _add_errors(app: FastAPI) -> None:
    def told(request: Request, key: str) -> str:
        texts = catalogue(language_of(request.headers.get("accept-language", "")) or "en")
        return texts.get(f"problem.{key}", key)

    async def invalid(_request: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestValidationError)
        first = places(problem)[0]
        where = ".".join(first.where[1:])
        return error(400, f"{where}: {first.what}" if where else first.what, where or None)

    async def refused(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, StarletteHTTPException)
        status = problem.status_code
        reply = error(status, told(request, str(status)) or HTTPStatus(status).phrase)
        reply.headers.update(problem.headers or {})
        return reply

    async def unavailable(request: Request, _problem: Exception) -> Response:
        return error(503, told(request, "unavailable"), retry_after="5")

    async def failed(request: Request, _problem: Exception) -> Response:
        return error(500, told(request, "500"))  # the server logs the cause

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(StarletteHTTPException, refused)
    app.add_exception_handler(PolicyError, unavailable)
    app.add_exception_handler(Exception, failed)
