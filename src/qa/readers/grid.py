"""Tables as text: a row is a line, its cells stand between tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def cell_text(text: str) -> str:
    """The text of a cell on one line."""
    return " ".join(text.split())


def table_lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table without its empty rows and columns.

    A table of one column is no table: its cells are paragraphs.
    """
    cells = [[cell_text(cell) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    cells = [[*row, *[""] * (width - len(row))] for row in cells]
    kept = [column for column in range(width) if any(row[column] for row in cells)]
    return ["\t".join(row[column] for column in kept) for row in cells]


def is_table(lines: Sequence[str]) -> bool:
    """Whether ``table_lines`` gave a table."""
    return any("\t" in line for line in lines)
