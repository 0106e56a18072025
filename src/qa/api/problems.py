"""Errors of the HTTP interface as RFC 9457 problem details (``application/problem+json``).

Their words come from the catalogue, in the language that the client accepts. What a request held
is not repeated, and nothing of this machine is told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from qa.api.negotiation import language_of
from qa.errors import PolicyError
from qa.messages import catalogue
from qa.types import Language

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class Where(BaseModel):
    """A place of a request that is wrong."""

    where: list[str] = Field(description="the way to it", examples=[["body", "question"]])
    what: str = Field(description="what is wrong with it", examples=["Field required"])


class Problem(BaseModel):
    """What is wrong with a request, in the form of RFC 9457."""

    type: str = Field("about:blank", description="kind of problem; about:blank: that of the status")
    title: str = Field(description="the status in words", examples=["Not Found"])
    status: int = Field(description="the HTTP status", examples=[404])
    detail: str = Field(
        description="what is wrong and what to do, in the language that the client accepts",
        examples=["There is no such clause. Ids come with hits and citations."],
    )
    errors: list[Where] = Field(default_factory=list, description="for 422: what is wrong where")


class Refused(HTTPException):
    """A request that is refused; ``reason`` is what follows ``problem.`` in the message's key."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status)
        self.reason = reason


def problem(
    status: int,
    language: Language | None = None,
    reason: str = "",
    errors: Sequence[Where] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response that reports a problem.

    Args:
        reason: what follows ``problem.`` in the message's key; that of the status where empty.
    """
    language = language or "en"
    texts, phrase = catalogue(language), HTTPStatus(status).phrase
    detail = texts.get(f"problem.{reason}") or texts.get(f"problem.{status}") or phrase
    body = Problem(title=phrase, status=status, detail=detail, errors=list(errors))
    added = {"content-language": language, "cache-control": "no-store", **(headers or {})}
    return JSONResponse(body.model_dump(), status, added, media_type=MEDIA_TYPE)


def places(error: RequestValidationError) -> list[Where]:
    """What a validation found, without the values that it found."""
    return [
        Where(where=[str(part) for part in each["loc"]], what=str(each["msg"]))
        for each in error.errors()
    ]


def add_problems(app: FastAPI) -> None:
    """Reports every error of ``app`` as a problem."""

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(422, _language(request), errors=places(error))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        reason = getattr(error, "reason", "")
        return problem(error.status_code, _language(request), reason, headers=error.headers)

    async def unavailable(request: Request, error: Exception) -> Response:
        _log.warning("%s", error)
        return problem(503, _language(request), "unavailable", headers={"retry-after": "5"})

    async def failed(request: Request, _error: Exception) -> Response:
        return problem(500, _language(request))  # the server logs the cause

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(StarletteHTTPException, refused)
    app.add_exception_handler(PolicyError, unavailable)
    app.add_exception_handler(Exception, failed)


def describe_problems(description: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI description in which whatever is refused has the media type of problems."""
    for path in description["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
                    response["content"] = {MEDIA_TYPE: schema}
    for unused in ("HTTPValidationError", "ValidationError"):
        description["components"]["schemas"].pop(unused, None)
    return description


def _language(request: Request) -> Language | None:
    return language_of(request.headers.get("accept-language", ""))
