"""Errors of the HTTP interface as RFC 9457 problem details (``application/problem+json``)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong with a request, in the form of RFC 9457."""

    type: str = Field("about:blank", description="kind of problem; about:blank: that of the status")
    title: str = Field(description="the status in words", examples=["Not Found"])
    status: int = Field(description="the HTTP status", examples=[404])
    detail: str = Field(description="what is wrong and what to do", examples=["no such clause"])
    errors: list[dict[str, Any]] = Field(
        default_factory=list, description="for 422: where the request is wrong"
    )


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A response that reports a problem."""
    body = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or []
    )
    content = body.model_dump(exclude={"type"} if not errors else {"type"})
    return JSONResponse({"type": body.type, **content}, status, headers, media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Reports every error of ``app`` as a problem; what a request held is not repeated."""

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [
            {"where": [str(part) for part in each["loc"]], "what": each["msg"]}
            for each in error.errors()
        ]
        return problem(422, "the request is not what /api/v1/openapi.json describes", errors)

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        return problem(error.status_code, str(error.detail), headers=headers)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
