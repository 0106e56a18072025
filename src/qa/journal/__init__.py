"""What happens is written down: questions, ratings, calls — masked, locally, and only as long as
the operator wishes."""

from __future__ import annotations

from qa.journal.journal import Journal, open_journal
from qa.journal.records import Call, CallState, Entry, Face, Reason, Span, Thumb, WorkOrder

__all__ = [
    "Call",
    "CallState",
    "Entry",
    "Face",
    "Journal",
    "Reason",
    "Span",
    "Thumb",
    "WorkOrder",
    "open_journal",
]
