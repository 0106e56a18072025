"""PDF files with a text layer: lines put together to paragraphs, page by page.

    characters ──pdfplumber──▶ lines, tables ──without headers, footers──▶ paragraphs

A page knows no paragraphs: a line goes on in the next where the first word of the next had no
room left on it. That holds across the end of a page, too.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from qa.readers import columns
from qa.readers.grid import cell_text, is_table, table_lines
from qa.readers.reading import Reading, Remark, clean, printed, refusal, remark
from qa.readers.residue import without_residue

Page: TypeAlias = Any  # pdfplumber publishes no types that hold

_MOST_PAGES = 2000
_GARBLED = 0.1  # of the characters: what a font without a table of its characters leaves
_UNREADABLE = re.compile(r"\(cid:\d+\)|[\ue000-\uf8ff\ufffd]")
_EDGE = 3  # lines at the top and bottom of a page that may be header and footer
_REPEATED = 0.5  # of the pages, on which a header stands
_PAGE_NUMBER = re.compile(
    r"[-—－–·•~\s]*(?:第\s*)?[0-9０-９]{1,4}\s*(?:页)?(?:\s*[/／,，共]\s*(?:共\s*)?[0-9]{1,4}\s*页?)?[-—－–·•~\s]*"
    r"|第\s*[一二三四五六七八九十百]{1,5}\s*页|(?:page|p\.)\s*[0-9]{1,4}(?:\s*(?:of|/)\s*[0-9]{1,4})?"
    r"|[ivxlc]{1,6}",
    re.I,
)
_SMALL = 0.95  # of the size of the body: what a header has
_MARGIN = 0.08  # of the height of a page
_DIGITS = re.compile(r"[0-9０-９]+")
_RULINGS = 4  # lines and rectangles, fewer draw no table
_LARGER = 1.12  # than the body: the size of a title
_WORD = re.compile(r"[A-Za-z0-9][^\s\u2e80-\uffff]*|[\uac00-\ud7a3]+|.")
_WESTERN = re.compile(r"[A-Za-z0-9,.;:%)\uac00-\ud7a3]$")
_STARTS_WESTERN = re.compile(r"[A-Za-z0-9(\uac00-\ud7a3]")
_GAP = 1.9  # times the usual distance of lines: a paragraph ends
_INDENT = 0.8  # characters by which a first line is set in
_FULL = 3  # lines that tell where the right margin is
_RAGGED = 1.1  # characters that a full line may lack: a stop may not begin the next
_ENDS = re.compile(r"[。！？；：…）)】]$")
_STARTS = re.compile(
    r"[（(]?[一二三四五六七八九十]{1,3}[、）)．.]|第[一二三四五六七八九十百零〇0-9]{1,5}[条章节]|[0-9]{1,3}[.．、）)](?![0-9])"
)
_NO_TITLE = re.compile(
    r"\(anonymous\)|untitled|microsoft word|.*\.(?:docx?|wps|pdf|indd)$|文档\s*\d*$", re.I
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text on a page, or a table; sizes in points, ``y`` from the top of the page."""

    text: str
    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    table: tuple[tuple[str, ...], ...] = ()


def read(path: Path, data: bytes) -> Reading:
    """The text of a PDF.

    Raises:
        CorpusError: it is damaged, protected, a scan, or its fonts cannot be read.
    """
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect
    from pdfplumber.utils.exceptions import PdfminerException

    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    try:
        document = pdfplumber.open(io.BytesIO(data))
    except PdfminerException as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, PDFPasswordIncorrect):
            raise refusal(path, "password") from error
        raise refusal(path, "damaged", detail=f"{type(cause).__name__}: {cause}"[:200]) from error
    with document:
        count = len(document.pages)
        if not count:
            raise refusal(path, "damaged", detail="no pages")
        if count > _MOST_PAGES:
            raise refusal(path, "too_long", limit=f"{_MOST_PAGES} pages")
        width, height = float(document.pages[0].width), float(document.pages[0].height)
        pages: list[list[_Line]] = []
        remarks: dict[str, list[str]] = {"pages_without_text": [], "loose_tables": []}
        for number, page in enumerate(document.pages, 1):
            parts, loose = _parts(page)
            pages += parts
            if page.images and not any(parts):
                remarks["pages_without_text"].append(str(number))
            if loose:
                remarks["loose_tables"].append(str(number))
            page.close()
        title = cell_text(clean(str((document.metadata or {}).get("Title") or "")))
        title = "" if _NO_TITLE.match(title) else title
    everything = "".join(line.text for lines in pages for line in lines)
    if not everything.strip():
        raise refusal(path, "scanned", pages=str(count))
    if len(_UNREADABLE.findall(everything)) > _GARBLED * len(everything):
        raise refusal(path, "garbled")
    kept = _without_frames(pages, height)
    tables = 0
    blocks = []
    for block in _paragraphs(kept, width):
        if block.table:
            lines = table_lines(block.table)
            tables += is_table(lines)
            blocks += ["", *lines, ""]
        else:
            blocks.append(block.text)
    return Reading(
        text=without_residue(clean("\n".join(blocks))),
        format="pdf",
        title=title,
        tables=tables,
        characters=printed(everything),
        remarks=tuple(_remarks(remarks)),
    )


def _remarks(found: Mapping[str, Sequence[str]]) -> Iterator[Remark]:
    for key, pages in found.items():
        if pages:
            yield remark(key, pages=", ".join(pages))


# --- a page ------------------------------------------------------------------------------------


def _parts(page: Page) -> tuple[list[list[_Line]], bool]:
    """The lines and tables of a page from top to bottom, those of each of its columns apart, without
    text that is turned (stamps); and whether it seems to hold a table without rules."""
    upright = page.filter(lambda item: item["object_type"] != "char" or item["upright"])
    upright = upright.dedupe_chars()
    found = _tables(upright)
    boxes = [table.bbox for table in found]
    rest = upright.filter(lambda item: not _is_inside(item, boxes)) if boxes else upright
    text = _text_lines(rest)
    set_apart = None if found else columns.find(text, float(page.width))
    if set_apart is not None:
        return _columns(rest, set_apart), False
    lines = [_line(line) for line in text]
    for table in found:
        rows = tuple(tuple(_cell(cell) for cell in row) for row in table.extract(x_tolerance=2))
        words = " ".join(cell for row in rows for cell in row)
        left, top, right, bottom = table.bbox
        if words.strip():
            sizes = [char["size"] for char in upright.crop(table.bbox).chars] or [0.0]
            lines.append(_Line(words, left, right, top, bottom, median(sizes), rows))
    return [sorted(lines, key=lambda line: (line.top, line.left))], columns.has_loose_table(text)


def _text_lines(page: Page) -> list[columns.TextLine]:
    found = page.extract_text_lines(x_tolerance_ratio=0.3, y_tolerance=3, strip=True)
    return [line for line in found if line["text"].strip()]


def _line(line: columns.TextLine, shift: float = 0.0) -> _Line:
    """A line of pdfplumber, ``shift`` points to the left of where it stands."""
    return _Line(
        text=cell_text(line["text"]),
        left=line["x0"] - shift,
        right=line["x1"] - shift,
        top=line["top"],
        bottom=line["bottom"],
        size=median(char["size"] for char in line["chars"]),
    )


def _is_beside(char: dict[str, Any], found: columns.Columns) -> bool:
    """Whether a character stands in one of the columns, not above or below them."""
    return bool(char["bottom"] > found.top and char["top"] < found.bottom)


def _columns(page: Page, found: columns.Columns) -> list[list[_Line]]:
    """The columns of a page, as if each were a page: what stands above both goes with the left one,
    what stands below both with the right one."""

    def within(holds: Callable[[dict[str, Any]], bool]) -> list[columns.TextLine]:
        return _text_lines(page.filter(lambda it: it["object_type"] != "char" or holds(it)))

    above = within(lambda char: char["bottom"] <= found.top)
    below = within(lambda char: char["top"] >= found.bottom)
    beside = [
        within(lambda char: _is_beside(char, found) and char["x0"] < found.gap),
        within(lambda char: _is_beside(char, found) and char["x0"] >= found.gap),
    ]
    return [
        [_line(line) for line in [*above, *beside[0]]],
        [
            *(_line(line, found.shift) for line in beside[1]),
            *(_line(line) for line in below),
        ],
    ]


def _cell(text: str | None) -> str:
    """The text of a cell on one line: its lines were broken by its width alone."""
    lines = [line.strip() for line in (text or "").split("\n")]
    return _joined([line for line in lines if line])


def _tables(page: Page) -> list[Any]:
    """The tables of a page that are ruled: text set in columns by blanks is left as lines."""
    if len(page.rects) + len(page.lines) + len(page.curves) < _RULINGS:
        return []
    return [table for table in page.find_tables() if max(len(row.cells) for row in table.rows) > 1]


def _is_inside(item: dict[str, Any], boxes: Sequence[tuple[float, float, float, float]]) -> bool:
    x, y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


# --- headers and footers -----------------------------------------------------------------------


def _without_frames(pages: Sequence[list[_Line]], height: float) -> list[list[_Line]]:
    """The pages without headers, footers and page numbers: what repeats at their edges, or stands
    small in their margins."""
    written = [lines for lines in pages if lines]
    repeated = Counter(key for lines in written for key in {_key(line) for line in _edges(lines)})
    least = max(2, _REPEATED * len(written))
    size = _usual_size([line for lines in written for line in lines])
    kept = []
    for lines in pages:
        edges = {id(line) for line in _edges(lines)}
        kept.append(
            [
                line
                for index, line in enumerate(lines)
                if id(line) not in edges
                or not (
                    repeated[_key(line)] >= least
                    or _is_number(lines, index)
                    or _is_in_margin(lines, index, size, height)
                )
            ]
        )
    return kept


def _edges(lines: list[_Line]) -> list[_Line]:
    few = min(_EDGE, max(1, len(lines) // 4))
    return [line for line in (*lines[:few], *lines[-few:]) if not line.table]


def _key(line: _Line) -> tuple[str, int]:
    """What stays the same of a header from page to page: its words and its height."""
    return _DIGITS.sub("0", line.text), round(line.top / 6)


def _is_in_margin(lines: list[_Line], index: int, size: float, height: float) -> bool:
    """Whether the first or last line of a page stands in its margin, small and apart."""
    line = lines[index]
    if index not in (0, len(lines) - 1) or len(lines) == 1 or line.size > _SMALL * size:
        return False
    gap = lines[1].top - line.bottom if index == 0 else line.top - lines[-2].bottom
    return gap > size and not _MARGIN < line.top / height < 1 - _MARGIN


def _is_number(lines: list[_Line], index: int) -> bool:
    """Whether the first or last line of a page is its number, set apart from the text."""
    line = lines[index]
    if index not in (0, len(lines) - 1) or not _PAGE_NUMBER.fullmatch(line.text):
        return False
    if len(lines) == 1:
        return False
    gap = lines[1].top - line.bottom if index == 0 else line.top - lines[-2].bottom
    return gap > 0.8 * line.size or bool(re.search(r"[-—–页/]", line.text))


# --- paragraphs --------------------------------------------------------------------------------


def _paragraphs(pages: Sequence[list[_Line]], width: float) -> Iterator[_Line]:
    """The lines of all pages joined to paragraphs, and tables that go on over a page to one."""
    body = [line for lines in pages for line in lines if not line.table]
    shape = _Shape.of(body, width)
    held: list[_Line] = []
    for lines in pages:
        for index, line in enumerate(lines):
            if held and shape.goes_on(held[-1], line, across=index == 0):
                if line.table:
                    held[-1] = replace(held[-1], table=_continued(held[-1].table, line.table))
                else:
                    held.append(line)
                continue
            if held:
                yield _whole(held)
            held = [line]
    if held:
        yield _whole(held)


def _whole(lines: list[_Line]) -> _Line:
    return (
        lines[0]
        if lines[0].table
        else replace(lines[0], text=_joined([line.text for line in lines]))
    )


def _joined(lines: Sequence[str]) -> str:
    """Lines as one, with a blank where Western or Korean words meet."""
    text = ""
    for line in lines:
        western = text and _WESTERN.search(text) and _STARTS_WESTERN.match(line)
        text += f" {line}" if western else line
    return text


def _continued(
    above: tuple[tuple[str, ...], ...], below: tuple[tuple[str, ...], ...]
) -> tuple[tuple[str, ...], ...]:
    """A table and its part on the next page, without the head that is repeated there."""
    rest = below[1:] if below[0] == above[0] else below
    if rest and below[0] != above[0] and not rest[0][0] and above[-1][0] and len(above) > 1:
        # The row that the end of the page cut through.
        joint = tuple(_joined([a, b]) for a, b in zip(above[-1], rest[0], strict=True))
        return (*above[:-1], joint, *rest[1:])
    return (*above, *rest)


def _usual_size(lines: Sequence[_Line]) -> float:
    """The size that most characters have, in points."""
    sizes = Counter[float]()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the text of a document is set: margins, size and the usual distance of lines."""

    left: float
    right: float
    size: float
    distance: float

    @classmethod
    def of(cls, lines: list[_Line], width: float) -> _Shape:
        """The shape of a document's lines, by where most of their characters stand; where too few
        are full to tell, as the text would fill a page of ``width`` with margins alike."""
        if not lines:
            return cls(0.0, 0.0, 1.0, 1.0)
        size = _usual_size(lines) or 1.0
        usual = [line for line in lines if abs(line.size - size) <= 0.1 * size] or lines
        rights = sorted(line.right for line in usual)
        distances = [
            below.top - above.top
            for above, below in pairwise(usual)
            if 0 < below.top - above.top < 4 * size
        ]
        left, right = (
            min(line.left for line in usual),
            rights[max(0, round(0.95 * len(rights)) - 1)],
        )
        if sum(line > right - _RAGGED * size for line in rights) < _FULL:
            right = max(right, width - left)
        return cls(
            left=left,
            right=right,
            size=size,
            distance=median(distances) if distances else 1.5 * size,
        )

    def goes_on(self, above: _Line, below: _Line, *, across: bool) -> bool:
        """Whether a paragraph goes on in the next line."""
        if above.table or below.table:
            same = above.table and below.table
            return bool(across and same and len(above.table[0]) == len(below.table[0]))
        if not across and below.top - above.top > _GAP * max(self.distance, above.size):
            return False
        if abs(above.size - below.size) > 0.1 * max(above.size, below.size):
            return False
        if above.size > _LARGER * self.size:  # a title of several lines is centred
            middle = (above.left + above.right) / 2 - (below.left + below.right) / 2
            return not across and abs(middle) < 1.5 * self.size and below.top > above.top
        inset = (below.left - self.left) / self.size
        if inset > _INDENT and (
            self._begins(inset) or abs(above.left - below.left) > 0.3 * self.size
        ):
            return False
        word = _WORD.match(below.text)
        width = (below.right - below.left) / max(1, _width(below.text))
        needed = width * _width(word.group() if word else "")
        if _STARTS.match(below.text) and _ENDS.search(above.text):
            return False
        return above.right + needed > self.right - _RAGGED * self.size

    @staticmethod
    def _begins(inset: float) -> bool:
        """Whether a line is set in as the first of a paragraph is, by about two characters."""
        return 1.4 < inset < 2.6


def _width(text: str) -> float:
    """The width of words in halves of a Chinese character."""
    return sum(1 if char < "\u2e80" else 2 for char in text)
