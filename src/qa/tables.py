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

_LINE = re.compile(r"^[^\n]*(?:\t[^\n]*\t|[|｜][^\n]*[|｜])[^\n]*$", re.M)  # two borders or more
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
    block: list[re.Match[str]] = []
    for match in [*_LINE.finditer(text), None]:
        if match and block and match.start() == block[-1].end() + 1:
            block.append(match)
            continue
        if len(block) >= _FEWEST:
            lines = [line.group() for line in block]
            tables.append(Table(block[0].start(), block[-1].end(), tuple(_rows(lines, grammar))))
        block = [match] if match else []
    return tables


def _rows(lines: list[str], grammar: NoteGrammar) -> Iterator[Row]:
    header, *rows = [_cells(line) for line in lines if not _RULE.match(line)]
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


def _cells(line: str) -> list[str]:
    separator = "\t" if "\t" in line else "[|｜]"
    return [cell.strip() for cell in re.split(separator, line.strip(" |｜\n"))]
