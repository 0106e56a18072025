"""A document that is a table: each row is a clause.

A list of measures comes as a table with a row each, or as blocks of lines ``column：value``
(so ``qa.readers.sheet`` writes a spreadsheet out, and so questions and answers are printed). In
both a row says itself what each of its cells is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from qa import tables
from qa.languages.grammar import NoteGrammar
from qa.notes import Name, Note, column, named

_LABEL = re.compile(  # no number: that opens a clause
    r"[ \t\u3000]*(?![（(第]?[0-9一二三四五六七八九十①-⑳]{1,3}[、.．)）条])([^：:\n。，；]{1,20})[：:][ \t\u3000]*"
)
_NUMBER_LABEL = re.compile(
    r"(?:序|编|条款?|项目编)号|条款|条目|条|项|no\.?|number|item|#|번호|연번|순번", re.IGNORECASE
)
_NUMBER = re.compile(
    r"[（(第]?\s*(?:[0-9０-９]{1,6}(?:[.．-][0-9]{1,4}){0,3}|[一二三四五六七八九十百零〇]{1,7}|[①-⑳])\s*[）)条项]?[、.．]?"
)
_NUMBER_ENDS = "（(）)、.． \t"
_MOST = 0.5  # of the printed text: blocks that say themselves what they are
_NEARLY_ALL = 0.8  # of it: tables, which may only repeat whom the clauses above them name
_DISTINCT = 0.8  # of the rows: a column that says what a row is about
_LONGEST_TITLE = 45
_LONGEST_HEADING = 60
_FEWEST = 2  # cells of a row, rows of a table
_SENTENCE = re.compile("[。；;！!？?]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with the name of its column: ``text[start:end]``, from ``first`` on with its name."""

    label: str
    first: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a clause; offsets within the document.

    ``path`` are the headings above it: a line before its rows, a cell that several rows share.
    """

    start: int
    end: int
    number: str
    path: tuple[str, ...]
    title: tuple[int, int]
    body: int
    notes: tuple[Note, ...]


_Parts: TypeAlias = list[tuple[str, Sequence[Cell]]]  # the heading above a row, and its cells


def find(text: str, grammar: NoteGrammar) -> list[Row]:
    """The rows of a document that is hardly more than a table; [] of any other."""
    return _clauses(text, _blocks(text), _MOST, grammar) or _clauses(
        text, _table_rows(text, grammar), _NEARLY_ALL, grammar
    )


def of_tables(text: str, grammar: NoteGrammar) -> list[Row]:
    """The rows of all tables of a document in which nothing is numbered."""
    return _clauses(text, _table_rows(text, grammar), 0.0, grammar)


def _clauses(text: str, parts: _Parts, least: float, grammar: NoteGrammar) -> list[Row]:
    """The rows, where they hold at least a share of the printed text."""
    held = sum(_printed(text[cells[0].first : cells[-1].end]) for _, cells in parts)
    if not parts or held < least * _printed(text):
        return []
    return list(_Rows(text, parts, grammar).clauses())


def _printed(text: str) -> int:
    return sum(map(len, text.split()))


def _blocks(text: str) -> _Parts:
    """Blocks of lines ``column：value`` that begin with one and the same column."""
    blocks = list(_between_blank_lines(text))
    firsts = Counter(
        match.group(1).strip() for _, block in blocks if (match := _LABEL.match(block))
    )
    if not firsts:
        return []
    first, count = firsts.most_common(1)[0]
    if count < _FEWEST and not _NUMBER_LABEL.fullmatch(first):
        return []  # a notice with its place and time
    labels = {first} | _labels([block for _, block in blocks if _begins(block, first)], count)
    parts: _Parts = []
    heading = ""
    for start, block in blocks:
        cells = list(_cells(block, start, labels))
        if len(cells) >= _FEWEST and cells[0].label == first and cells[0].first == start:
            parts.append((heading, cells))
        elif "\n" not in block and len(block) <= _LONGEST_HEADING:
            heading = block.strip()
    return parts


def _between_blank_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines between blank lines, with their offset."""
    position = 0
    for blank, group in groupby(text.split("\n"), key=lambda line: not line.strip()):
        block = "\n".join(group)
        if not blank:
            yield position, block
        position += len(block) + 1


def _begins(block: str, label: str) -> bool:
    match = _LABEL.match(block)
    return bool(match) and match.group(1).strip() == label  # type: ignore[union-attr]


def _labels(blocks: Iterable[str], count: int) -> set[str]:
    """The names before a colon at the beginning of a line in half of the blocks, or in a table's
    first: what else stands before a colon is a part of a value."""
    found = Counter[str]()
    earliest: set[str] = set()
    for block in blocks:
        names = {m.group(1).strip() for line in block.split("\n") if (m := _LABEL.match(line))}
        earliest = earliest or names
        found.update(names)
    return earliest | {name for name, times in found.items() if 3 * times >= count}


def _cells(block: str, offset: int, labels: set[str]) -> Iterator[Cell]:
    """The cells of a block; a line without a known label goes on with the cell above."""
    held: Cell | None = None
    position = offset
    for line in block.split("\n"):
        match = _LABEL.match(line)
        end = position + len(line.rstrip())
        if match and match.group(1).strip() in labels:
            if held:
                yield held
            held = Cell(match.group(1).strip(), position, min(position + match.end(), end), end)
        elif held:
            held = Cell(held.label, held.first, held.start, end)
        position += len(line) + 1
    if held:
        yield held


def _table_rows(text: str, grammar: NoteGrammar) -> _Parts:
    """The rows of the tables in a text, without the heads of the tables."""
    parts: _Parts = []
    for table in tables.find(text, grammar):
        lines = list(_lines(text, table.start, table.end))
        head = [text[start:end] for start, end in lines[0]]
        named = not any(map(_NUMBER.fullmatch, head))
        heading = text[: table.start].rstrip("\n").rpartition("\n")[2].strip()
        for spans in lines[1 if named else 0 :]:
            labels = head if named else [""] * len(spans)
            cells = [
                Cell(label, start, start, end)
                for label, (start, end) in zip(labels, spans, strict=False)
                if start < end
            ]
            if len(cells) >= _FEWEST:
                parts.append((heading if len(heading) <= _LONGEST_HEADING else "", cells))
    return parts


def _lines(text: str, start: int, end: int) -> Iterator[list[tuple[int, int]]]:
    """The spans of the cells of each line of a table, without its rules."""
    position = start
    for line in text[start:end].split("\n"):
        if not tables.is_rule(line):
            yield [(position + first, position + last) for first, last in tables.cell_spans(line)]
        position += len(line) + 1


class _Rows:
    """What the columns of a table are: its numbers, what its rows are about, who is responsible."""

    def __init__(self, text: str, parts: _Parts, grammar: NoteGrammar) -> None:
        self._text = text
        self._parts = parts
        self._grammar = grammar
        values: defaultdict[str, list[str]] = defaultdict(list)
        for _, cells in parts:
            for cell in cells:
                values[cell.label].append(text[cell.start : cell.end])
        self._distinct = {
            label for label, held in values.items() if len(set(held)) >= _DISTINCT * len(held)
        }
        self._roles = {label: column(label, grammar) for label in values}

    def clauses(self) -> Iterator[Row]:
        """The rows in order."""
        for heading, cells in self._parts:
            yield self._clause(heading, cells)

    def _clause(self, heading: str, cells: Sequence[Cell]) -> Row:
        number, rest = "", list(cells)
        if self._is_number(cells[0]):
            number = self._text[cells[0].start : cells[0].end].strip(_NUMBER_ENDS)
            rest = rest[1:]
        start, end = cells[0].first, cells[-1].end
        body = rest[0].first if rest else end
        above = [heading] if heading else []
        title = (body, body)
        content = [cell for cell in rest if self._roles.get(cell.label) in (None, "skip")]
        for index, cell in enumerate(content[:-1]):
            value = self._text[cell.start : cell.end]
            if not self._is_title(value):
                break
            if cell.label in self._distinct:
                title = (cell.start, cell.end)
                body = content[index + 1].first
                above += [self._text[c.start : c.end] for c in content[:index]]
                break
        notes = tuple(note for cell in rest if (note := self._note(cell)))
        return Row(start, end, number, tuple(above), title, body, notes)

    def _is_number(self, cell: Cell) -> bool:
        value = self._text[cell.start : cell.end].strip()
        named = not cell.label or bool(_NUMBER_LABEL.fullmatch(cell.label.strip()))
        return named and bool(_NUMBER.fullmatch(value))

    @staticmethod
    def _is_title(value: str) -> bool:
        value = value.rstrip("？?")
        return (
            1 < len(value) <= _LONGEST_TITLE and "\n" not in value and not _SENTENCE.search(value)
        )

    def _note(self, cell: Cell) -> Note | None:
        role = self._roles.get(cell.label)
        if role in (None, "skip"):
            return None
        names: tuple[Name, ...] = named(self._text[cell.start : cell.end], role, self._grammar)
        return Note(cell.first, cell.end, names) if names else None
