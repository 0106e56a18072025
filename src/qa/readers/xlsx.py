"""Excel files: one clause a row, the sheets one after the other."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qa.readers.archive import open_archive
from qa.readers.reading import Reading, clean, printed, refusal, remark
from qa.readers.sheet import sheet_text

_MOST_CELLS = 2_000_000
_WITHOUT_RESULT = re.compile(rb"<c [^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")


def read(path: Path, data: bytes) -> Reading:
    """The rows of all sheets that are shown.

    Raises:
        CorpusError: it is damaged, or unpacks to too much.
    """
    import openpyxl

    with open_archive(path, data) as archive:
        unknown = sum(
            len(_WITHOUT_RESULT.findall(archive.read(name)))
            for name in archive.namelist()
            if name.startswith("xl/worksheets/")
        )
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True, keep_links=False)
    texts, remarks, tables = [], [], 0
    shown = [sheet for sheet in values.worksheets if sheet.sheet_state == "visible"]
    hidden = [sheet.title for sheet in values.worksheets if sheet.sheet_state != "visible"]
    for sheet in shown:
        if sheet.max_row * sheet.max_column > _MOST_CELLS:
            raise refusal(path, "too_long", limit=f"{_MOST_CELLS} cells")
        text, named = sheet_text(list(_rows(sheet)))
        if not text.strip():
            continue
        titled = len(shown) > 1 and sheet.title not in text.split("\n", 1)[0]
        texts.append(f"{sheet.title}\n\n{text}" if titled else text)
        tables += 1
        remarks += [] if named else [remark("no_header")]
    if hidden:
        remarks.append(remark("sheets_hidden", names="、".join(hidden)))
    if unknown:
        remarks.append(remark("formulas", count=unknown))
    joined = clean("\n\n".join(texts))
    return Reading(
        text=joined,
        format="xlsx",
        title=clean(values.properties.title or "").strip(),
        tables=tables,
        characters=printed(joined),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows as they are shown, without hidden ones; a merged cell fills all its rows."""
    merged: dict[tuple[int, int], tuple[int, int]] = {}
    for span in sheet.merged_cells.ranges:
        for row in range(span.min_row, min(span.max_row, sheet.max_row) + 1):
            merged[row, span.min_col] = (span.min_row, span.min_col)
    for row in sheet.iter_rows():
        if row and sheet.row_dimensions[row[0].row].hidden:
            continue
        cells = []
        for cell in row:
            origin = merged.get((cell.row, cell.column))
            cells.append(_shown(sheet.cell(*origin) if origin else cell))
        yield cells


def _shown(cell: Any) -> str:
    """A cell as the program shows it, as far as its format is one of the usual."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime | datetime.date):
        day = f"{value.year}年{value.month}月{value.day}日"
        return day if "年" in str(cell.number_format) else f"{value:%Y-%m-%d}"
    if isinstance(value, int | float) and "%" in str(cell.number_format):
        return f"{round(value * 100, 6):g}%"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
