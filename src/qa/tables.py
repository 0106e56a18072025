"""Tables in a text, one row a line, cells set off by tabs or bars; and whom their rows name.

Plans often name the departments not in the clauses but in a table appended to them:
``序号 | 重点任务 | 牵头单位 | 配合单位``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qa.languages.grammar import NoteGrammar
from qa.notes import Name, column, named

_BORDERS = 2  # of the cells in a line
_RULE = re.compile(r"[\s|｜:：-]*$")
_FEWEST = 2  # lines of a table


@dataclass(frozen=True, slots=True)
class Row:
    """A row that names departments: its first cell, the words of the others, and the names."""

    number: str
    words: str
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, ``text[start:end]``, and those of its rows that name departments."""

    start: int
    end: int
    rows: tuple[Row, ...]


def find(text: str, grammar: NoteGrammar) -> list[Table]:
    """The tables of ``text`` in order."""
    tables = []
    block: list[str] = []
    position = start = 0
    for line in [*text.split("\n"), ""]:
        if max(line.count("\t"), line.count("|") + line.count("｜")) >= _BORDERS:
            start = position if not block else start
            block.append(line)
        elif block:
            if len(block) >= _FEWEST:
                tables.append(Table(start, position - 1, tuple(_rows(block, grammar))))
            block = []
        position += len(line) + 1
    return tables


def _rows(lines: list[str], grammar: NoteGrammar) -> Iterator[Row]:
    header, *rows = [_cells(line) for line in lines if not is_rule(line)] or [[]]
    roles = [column(cell, grammar) for cell in header]
    for cells in rows:
        names = [
            name
            for cell, role in zip(cells, roles, strict=False)
            if role
            for name in named(cell, role, grammar)
        ]
        words = [cell for cell, role in zip(cells[1:], roles[1:], strict=False) if not role]
        if names and cells[0]:
            yield Row(cells[0], " ".join(words), tuple(names))


def is_rule(line: str) -> bool:
    """Whether a line of a table only rules it off: ``|---|---|``."""
    return bool(_RULE.match(line))


def cell_spans(line: str) -> list[tuple[int, int]]:
    """Where the cells of a line stand in it, white space around them aside."""
    separator = "\t" if "\t" in line else "[|｜]"
    position = len(line) - len(line.lstrip(" |｜"))
    spans = []
    for cell in re.split(separator, line.strip(" |｜\n")):
        start = position + len(cell) - len(cell.lstrip())
        spans.append((start, start + len(cell.strip())))
        position += len(cell) + 1
    return spans


def _cells(line: str) -> list[str]:
    return [line[start:end] for start, end in cell_spans(line)]
