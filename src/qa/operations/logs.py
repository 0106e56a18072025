"""The log: text for a terminal, or a JSON object a line for whoever collects logs.

Nothing of what people ask is logged: no question, no query string, no body, no address of a
client. The message of an unforeseen error may quote a question; of such an error the log tells its
class and where it happened.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from types import TracebackType
from typing import Any

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is dealt with."""

log = logging.getLogger("qa.requests")
"""Requests."""

_TEXT = "%(levelname)s %(name)s: %(message)s%(told)s"
_Cause = tuple[type[BaseException], BaseException, TracebackType | None]


class _AboutRequest(logging.Filter):
    """Adds the id of the request to each record, and for text what is told beside the message."""

    def filter(self, record: logging.LogRecord) -> bool:
        number = REQUEST.get()
        facts = {"request": number, **getattr(record, "facts", {})}
        told = "".join(f" {name}={value}" for name, value in facts.items() if value != "")
        record.__dict__.update(request=number, told=told)
        return True


def described(cause: Any) -> str:
    """Class and place of an error, and of what caused it, without their messages."""
    error = cause[1] if isinstance(cause, tuple) else cause
    lines: list[str] = []
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        lines += [type(error).__qualname__, *_places(error.__traceback__)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


class _Text(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 -- its name in logging
        return described(ei)


def start_logging(form: str, level: str) -> None:
    """Has everything logged to standard error.

    Args:
        form: ``text`` or ``json``.
        level: the least severe level that is told.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json_formatter() if form == "json" else _Text(_TEXT))
    handler.addFilter(_AboutRequest())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of others; their chatter may quote what they are given
    logging.getLogger("qa").setLevel(level.upper())
    logging.getLogger("uvicorn.access").disabled = True


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    class Json(JsonFormatter):
        """Names as most collectors of logs expect them; facts of a record beside its message."""

        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            facts = log_data.pop("facts", {})
            log_data.pop("told", None)
            kept = {name: value for name, value in log_data.items() if value not in ("", None)}
            return {**kept, **facts}

        def formatException(self, ei: Any) -> str:  # noqa: N802
            return described(ei)

    return Json(
        "%(asctime)s %(levelname)s %(name)s %(message)s %(request)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        json_ensure_ascii=False,
    )
