"""A sheet of a spreadsheet as text: a row is a block of lines ``column：value``.

    序号 | 事项     | 标准   | 责任单位          序号：1
    1    | 参展补贴 | 5万元  | 市商务局    ──▶   事项：参展补贴
                                                 标准：5万元
                                                 责任单位：市商务局

So each row can be quoted by itself, word for word, and is understood without the head of the
table. Rows above the names of the columns are paragraphs; a cell merged over several rows stands
in each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from qa.readers.grid import table_lines

_LONGEST_NAME = 20  # characters of a column's name
_FEWEST = 2  # columns
_SEARCHED = 10  # rows among which the names of the columns are looked for


def sheet_text(rows: Sequence[Sequence[str]]) -> tuple[str, bool]:
    """The text of a sheet, and whether its columns have names.

    Without names its rows are those of a table.
    """
    cells = [[_tidy(cell) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    head = next(
        (index for index in range(min(len(cells), _SEARCHED)) if _is_head(cells, index)), -1
    )
    if head < 0:
        return "\n".join(table_lines(cells)), False
    above = [" ".join(cell for cell in row if cell) for row in cells[:head]]
    names = [" ".join(name.split()) for name in cells[head]]
    blocks = [*above]
    for row in cells[head + 1 :]:
        lines = [
            f"{names[column]}：{cell}" if column < len(names) and names[column] else cell
            for column, cell in enumerate(row)
            if cell
        ]
        if len(lines) == 1 and row[0]:  # a row over all columns: a heading or a remark
            lines = [row[0]]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks), True


def _tidy(cell: str) -> str:
    """A cell without blank lines: these stand between rows."""
    return "\n".join(line for line in (line.strip() for line in cell.splitlines()) if line)


def _is_head(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether a row names the columns: short words, no figures, and rows as wide below it."""
    names = [cell for cell in rows[index] if cell]
    below = rows[index + 1] if index + 1 < len(rows) else ()
    return (
        len(names) >= _FEWEST
        and len(set(names)) == len(names)
        and all(len(name) <= _LONGEST_NAME and not _is_figure(name) for name in names)
        and not any(name[-1] in "。；;" for name in names)
        and sum(bool(cell) for cell in below) >= min(_FEWEST, len(names))
        and 2 * len(names) >= sum(bool(cell) for cell in below)
    )


def _is_figure(name: str) -> bool:
    return name.replace(".", "").replace("-", "").replace("%", "").replace(",", "").isdecimal()
