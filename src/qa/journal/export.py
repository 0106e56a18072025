"""The journal as an Excel file."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from qa.journal.records import Call, Entry, WorkOrder
from qa.messages import catalogue, message
from qa.types import Language

if TYPE_CHECKING:
    from qa.journal.journal import Journal
    from qa.journal.statistics import Selection

Value = str | float | datetime | None

_WIDTHS = {
    "what": 24,
    "value": 48,
    "question": 60,
    "title": 36,
    "departments": 36,
    "note": 40,
    "comment": 40,
    "asked": 18,
}
_WIDTH = 14
_HEAD = PatternFill("solid", start_color="E4EFF5")
_LONGEST = 32_000
"""Characters in a cell; Excel takes 32,767."""

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""Characters that XML does not allow."""

QUESTION = (
    "asked", "face", "language", "question", "outcome", "document", "clause", "title",
    "probability", "departments", "milliseconds", "thumb", "reason", "comment", "id",
)  # fmt: skip
CALL = ("asked", "question", "state", "department", "note", "operator", "clause", "title")
ORDER = ("number", "asked", "question", "note", "clause", "title", "operator", "closed")


def workbook(
    entries: Sequence[Entry],
    calls: Sequence[Call],
    orders: Sequence[WorkOrder],
    language: Language,
) -> bytes:
    """An .xlsx file of three sheets, with headings in ``language``; times are local."""
    book = Workbook(write_only=True)
    sheet(book, "questions", QUESTION, (_entry(entry, language) for entry in entries), language)
    sheet(book, "calls", CALL, (_call(call, language) for call in calls), language)
    sheet(book, "work_orders", ORDER, map(_order, orders), language)
    return saved(book)


def book_of(
    journal: Journal,
    selection: Selection,
    language: Language,
    tables: Sequence[tuple[str, Sequence[tuple[str, int]]]],
) -> bytes:
    """An .xlsx file of a selection: the counts of the insights page, and the questions.

    Raises:
        JournalUnavailable: the journal cannot be read.
    """
    book = Workbook(write_only=True)
    rows = (
        (message(language, f"insights.table.{key}"), *row)
        for key, counts in tables
        for row in counts
    )
    sheet(book, "counts", ("what", "value", "count"), rows, language)
    entries = (
        _entry(entry, language)
        for entry in journal.entries(selection.span)
        if selection.language in ("", entry.language) and selection.document in ("", entry.document)
    )
    sheet(book, "questions", QUESTION, entries, language)
    return saved(book)


def saved(book: Workbook) -> bytes:
    """A workbook as the bytes of its file."""
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def sheet(
    book: Workbook,
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Value]],
    language: Language,
) -> None:
    """Adds a sheet with a head that stays in sight; ``name`` and ``columns`` are keys of messages.

    Texts are texts for Excel, whatever they begin with: a question that begins with ``=`` must not
    be computed when the file is opened (CWE-1236).
    """
    page = book.create_sheet(message(language, f"journal.sheet.{name}"))
    page.freeze_panes = "A2"
    for position, column in enumerate(columns, start=1):
        width = _WIDTHS.get(column, _WIDTH)
        page.column_dimensions[get_column_letter(position)].width = width
    head = []
    for column in columns:
        cell = WriteOnlyCell(page, message(language, f"journal.column.{column}"))
        cell.font, cell.fill = Font(bold=True), _HEAD
        head.append(cell)
    page.append(head)
    for row in rows:
        page.append([_cell(page, value) for value in row])


def _cell(page: object, value: Value) -> WriteOnlyCell:
    if not isinstance(value, str):
        cell = WriteOnlyCell(page, value)
        if isinstance(value, datetime):
            cell.number_format = "yyyy-mm-dd hh:mm"
        return cell
    text = _NO_TEXT.sub("�", value)[:_LONGEST]
    cell = WriteOnlyCell(page, text)
    cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
    if text[:1] in tuple("=+-@\t\r"):
        cell.quotePrefix = True  # stays a text when somebody edits the cell, too
    if len(text) > _WIDTH:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def local(moment: datetime) -> datetime:
    """The local time of a moment; Excel knows no time zones."""
    return moment.astimezone().replace(tzinfo=None, microsecond=0)


def _entry(entry: Entry, language: Language) -> list[Value]:
    return [
        local(entry.asked),
        _label(language, "face", entry.face),
        entry.language,
        entry.question,
        _label(language, "outcome", entry.outcome),
        entry.document,
        entry.clause.partition("#")[2],
        entry.title,
        round(entry.probability, 3),
        "；".join(entry.departments),
        round(entry.milliseconds, 1),
        _label(language, "thumb", entry.thumb),
        _label(language, "reason", entry.reason),
        entry.comment,
        entry.id,
    ]


def _call(call: Call, language: Language) -> list[Value]:
    return [
        local(call.at),
        call.question,
        _label(language, "state", call.state),
        call.department,
        call.note,
        call.operator,
        call.clause.partition("#")[2],
        call.title,
    ]


def _order(order: WorkOrder) -> list[Value]:
    call = order.call
    return [
        order.number,
        local(call.at),
        call.question,
        call.note,
        call.clause.partition("#")[2],
        call.title,
        call.operator,
        local(order.closed) if order.closed else None,
    ]


def _label(language: Language, kind: str, value: str) -> str:
    """What a stored value is called; itself where another version wrote one that is not known."""
    return catalogue(language).get(f"journal.{kind}.{value}", value)
