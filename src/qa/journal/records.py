"""The nouns of the journal: what was asked, how it was judged, what became of a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

Face: TypeAlias = Literal["chat", "desk", "api", "mcp", "cli", "kakao", "wechat"]
"""The face of the product at which a question was asked."""


class Thumb(StrEnum):
    """Whether an answer was of use to the asker."""

    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """Why an answer was of no use."""

    IRRELEVANT = "irrelevant"
    WRONG_DEPARTMENT = "wrong_department"
    NOT_DETAILED = "not_detailed"
    OUT_OF_DATE = "out_of_date"
    NOT_HOPED = "not_hoped"

    @property
    def fault(self) -> bool:
        """Whether the system is to blame; it is not where the policy is not what was hoped for."""
        return self is not Reason.NOT_HOPED


class CallState(StrEnum):
    """What became of a question that a caller put to the hotline."""

    ANSWERED = "answered"
    HANDED_OVER = "handed_over"  # to a department
    UNANSWERED = "unanswered"  # becomes a work order (工单)


@dataclass(frozen=True, slots=True)
class Entry:
    """A question as it was stored: personal data are masked.

    ``asked`` is in UTC. ``outcome`` is one of ``qa.types.Outcome``, empty where nothing was
    answered (a clause was looked up). ``clause`` is the id of the first clause cited or offered,
    else of the nearest one; ``departments`` are those of the clauses cited, as printed;
    ``probability`` in [0, 1] is that of the best hit. ``thumb``, ``reason`` and ``comment`` are
    empty until the answer is rated.
    """

    id: str
    asked: datetime
    face: str
    session: str
    language: str
    question: str
    outcome: str
    document: str
    clause: str
    title: str
    probability: float
    departments: tuple[str, ...]
    milliseconds: float
    thumb: str = ""
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What became of one question of a caller.

    ``entry`` is the id of the question in the journal, one call a question: marking it again
    replaces the state. ``caller`` tells apart the callers of a session (a tab of the desk).
    """

    entry: str
    at: datetime
    state: CallState
    department: str
    note: str
    caller: str
    operator: str
    question: str
    language: str
    clause: str
    title: str


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """A row for the office that has to find the answer (工单): an unanswered call.

    ``number`` is the day and a running number (``20260305-002``), given once, never again.
    """

    number: str
    call: Call
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A range of local days, both included; None is open."""

    first: date | None = None
    last: date | None = None


ALWAYS = Span()
